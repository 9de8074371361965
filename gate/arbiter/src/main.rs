//! `kido-arbiter`: decides in the venue that one ticket enters once.

mod commands;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use kido_shared::challenge::Origin;

const STEPS: &str = "\
Before: the event's claims are decided in the venue (kido-registrar event create --arbiter venue), and somebody offers
this box a place (kido-registrar arbiter add EVENT --address https://arbiter.venue.example).
Three steps make an arbiter:
  kido-arbiter enrol  --data DIR   joins the event; asks for the link that `kido-registrar arbiter add` prints
  kido-arbiter doctor --data DIR   says whether disk, clock, feed and address are ready
  kido-arbiter run    --data DIR   decides
Several boxes (arbiter add --shared) share their records in an etcd. A step more on each of them, before doctor:
  kido-arbiter etcd   --data DIR --endpoint URL ...   joins it; on the first box with --begin
Gates learn the address from the feed and ask by themselves.";

/// Decides, on a box beside the gates, that one ticket enters once, also while the venue's line is down.
///
/// It keeps one small record per ticket, under a name that tells nothing without the event's key, and follows the
/// event's feed for gates, tickets and choices. It knows no card, no seat and nobody's name. Gates sign what they ask;
/// each answer is durable before it is given.
#[derive(Debug, Parser)]
#[command(name = "kido-arbiter", version, max_term_width = 100, after_help = STEPS)]
struct Cli {
    #[command(flatten)]
    log: LogOptions,
    /// The box's private keys, where they are kept better than in the data folder: a systemd credential
    #[arg(long, global = true, env = "KIDO_ARBITER_KEYS_FILE", value_name = "FILE")]
    keys: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, Args)]
struct LogOptions {
    /// How the log on standard error is written
    #[arg(long, global = true, env = "KIDO_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    /// What is logged: a level, or `target=level` pairs
    #[arg(long, global = true, env = "KIDO_LOG", default_value = "info")]
    log: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// Lines for people
    Text,
    /// One JSON object a line, for a collector
    Json,
}

#[derive(Debug, Clone, Args)]
struct EtcdOptions {
    /// A member's client address, https but on this machine itself; once for each member, this box's own first
    #[arg(long = "endpoint", required = true, value_name = "URL")]
    endpoints: Vec<Origin>,
    /// PEM file of the authority of the members' certificates; without it the machine's own
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// PEM file of this box's certificate, where members ask for one
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// PEM file of its key, which only this box's user may read
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// Begin the event's records: on the first box, and never again
    #[arg(long)]
    begin: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Joins an event: needs the link that `kido-registrar arbiter add` prints
    ///
    /// The link is asked for here, or read from standard input: it holds a secret that no command line should. Then six
    /// digits appear, here and nowhere else. The operator reads them from this screen and types them at the prompt of
    /// `kido-registrar arbiter add`; only the right ones let this box in. Nothing is kept here before that.
    ///
    /// Next: kido-arbiter doctor, then kido-arbiter run.
    Enrol {
        /// The data folder: keys, book, claims
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
    /// Joins the etcd in which several boxes share their records
    ///
    /// For a box that was offered its place with `arbiter add --shared`; a lone box keeps its records itself. Nothing is
    /// decided yet: this writes down how the etcd is spoken to, and which history of the event's records it holds, so that
    /// an etcd that was emptied or is another one never grants an entry again. On the first box, and once, say --begin.
    /// Say it again, without --begin, when endpoints or certificates change; then start the box anew.
    ///
    /// Next: kido-arbiter doctor, then kido-arbiter run.
    Etcd {
        /// The data folder
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        #[command(flatten)]
        joining: EtcdOptions,
    },
    /// Decides until it is told to stop
    ///
    /// Plain http behind a proxy on this box, which ends TLS for the address that gates know and passes the Host header on
    /// as it came, or TLS of its own (--tls-certificate, --tls-key); see `deploy/README.md`. On SIGTERM it answers what is
    /// under way and ends.
    Run {
        /// The data folder
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// Where it listens
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8430")]
        listen: SocketAddr,
        /// PEM file with this box's certificate and those up to its root: TLS without a proxy in front. It is read again
        /// when somebody renews it
        #[arg(long, value_name = "FILE", requires = "tls_key")]
        tls_certificate: Option<PathBuf>,
        /// PEM file with its key, which nobody else may read
        #[arg(long, env = "KIDO_TLS_KEY_FILE", value_name = "FILE", requires = "tls_certificate")]
        tls_key: Option<PathBuf>,
        /// Where Prometheus reads /metrics: loopback, or a network of its own, since nobody is asked who they are; nowhere
        /// unless it is said
        #[arg(long, value_name = "ADDRESS")]
        metrics: Option<SocketAddr>,
    },
    /// Takes the event's feed from a file that somebody has carried here: for a box whose line is dead, while it stands still
    ///
    /// The file is what `kido-registrar feed export` has written, the same for gates and boxes. It is believed as the line
    /// is: whole, of this event, on the chain that its head signs, or not at all. An older one, or the same again, changes
    /// nothing and is no fault. After any failure give the file once more.
    Import {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The data folder
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
    /// Says what each gate holds: tickets that it has claimed, and that nobody is known to have entered with
    ///
    /// Beside the running box, which goes on deciding. A gate in force holds a few at any moment, for those who stand in
    /// front of it. What one that died, was stolen or lied holds is set free with `kido-registrar gate free-claims`, which
    /// says what that risks, and takes the number that is said here: the registrar cannot check it.
    Claims {
        /// The data folder
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// One JSON object instead of lines
        #[arg(long)]
        json: bool,
    },
    /// Says whether this box is ready: disk, clock, keys, uplink, feed, address
    Doctor {
        /// The data folder
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// One JSON object instead of lines
        #[arg(long)]
        json: bool,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let format = cli.log.log_format;
    match commands::main(cli) {
        Ok(code) => code,
        Err(error) => {
            commands::lament(&error, format);
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_teaches_the_steps_and_where_the_digits_go() {
        let help = Cli::command().render_long_help().to_string();
        let steps = ["arbiter add", "kido-arbiter enrol ", "kido-arbiter doctor ", "kido-arbiter run "];
        assert!(steps.map(|step| help.find(step).unwrap()).is_sorted());
        let enrol = Cli::command().find_subcommand_mut("enrol").unwrap().render_long_help().to_string();
        let flat = enrol.split_whitespace().collect::<Vec<_>>().join(" ");
        for word in ["kido-registrar arbiter add", "here and nowhere else", "Next: kido-arbiter doctor"] {
            assert!(flat.contains(word), "{word}: {flat}");
        }
    }
}
