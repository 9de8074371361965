//! `kido-gate`: drives one lane.

mod commands;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use kido_gate::config::{BarrierConfig, Direction};

const STEPS: &str = "\
Three steps make a gate:
  kido-gate enrol  --data DIR   joins the event; asks for the link from the console or `kido-registrar gate add`
  kido-gate doctor --data DIR   says whether reader, clock, disk, feed, uplink and arbiter are ready
  kido-gate run    --data DIR   drives the lane
and where its line is dead:
  kido-gate import FILE --data DIR           takes the feed from a file (kido-registrar feed export)
  kido-gate journal export FILE --data DIR   writes its admissions into one (kido-registrar admissions import-journal)
and when it is put away before the event's retention date: kido-gate wipe --data DIR";

/// Drives one lane: a card in the tray, a PIN, a proof, a stored admission, an open barrier.
///
/// A gate belongs to one event. It is enrolled once, with an operator who types six digits of its screen into the console; from then on it follows
/// the event's feed, decides at the lane, asks the arbiter that every entry is used once, and stores each admission
/// before the lane opens. It goes on with what it knows while the registrar is out of reach, as the event's policy says.
#[derive(Debug, Parser)]
#[command(name = "kido-gate", version, max_term_width = 100, after_help = STEPS)]
struct Cli {
    #[command(flatten)]
    log: LogOptions,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, Args)]
struct LogOptions {
    /// How the log on standard error is written
    #[arg(long, global = true, env = "KIDO_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    /// What is logged: a level, or `target=level` pairs. Never a card's content, at any level
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

/// Where things are: a file, or a data folder with everything else at its default.
#[derive(Debug, Clone, Args)]
struct Place {
    /// The gate's configuration file; see `deploy/config/gate.toml`
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The gate's data folder; overrides the file's
    #[arg(long, value_name = "DIR", required_unless_present = "config")]
    data: Option<PathBuf>,
    /// The gate's private keys, where they are kept better than in the data folder: a systemd credential
    #[arg(long, env = "KIDO_GATE_KEYS_FILE", value_name = "FILE")]
    keys: Option<PathBuf>,
}

/// As it stands on a command line.
impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [("--config", &self.config), ("--data", &self.data), ("--keys", &self.keys)];
        let said = parts.into_iter().filter_map(|(name, path)| Some(format!("{name} {}", path.as_ref()?.display())));
        f.write_str(&said.collect::<Vec<_>>().join(" "))
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Joins an event: needs the link that the operator is shown for a new gate
    ///
    /// The operator makes the link in the registrar's console (`/console`, the event's gates) or with `kido-registrar
    /// gate add`. It is asked for here, or read from standard input: it holds a secret that no command line should. Then
    /// six digits appear, here and nowhere else. The operator reads them from this screen and types them into the
    /// console, or at the prompt of `kido-registrar gate add`; only the right ones let this gate in. Nothing is kept on
    /// this machine before that. Afterwards the event's feed is fetched once.
    ///
    /// Next: kido-gate doctor, then kido-gate run.
    Enrol {
        #[command(flatten)]
        place: Place,
    },
    /// Drives the lane until it is told to stop
    Run {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        lane: LaneOptions,
    },
    /// Says whether this gate is ready: reader, clock, disk, feed, uplink, arbiter, keys
    Doctor {
        #[command(flatten)]
        place: Place,
        /// One JSON object instead of lines
        #[arg(long)]
        json: bool,
        /// Part of the reader's name; overrides the file's
        #[arg(long, value_name = "NAME")]
        reader: Option<String>,
    },
    /// Takes the event's feed from a file that somebody has carried here: for a gate whose line is dead
    ///
    /// The file is what `kido-registrar feed export` has written. It is believed as the line is: whole, of this event, on
    /// the chain that its head signs, or not at all; one that was cut short or altered changes nothing. An older one, or the
    /// same again, changes nothing either and is no fault. A gate that runs goes on running: it takes the file while its
    /// lane is open. After any failure give the file once more.
    ///
    /// The knowledge of the lane is as old as the file's signature, not as its arrival here.
    Import {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        place: Place,
    },
    /// Writes what the registrar does not know yet into a file for somebody to carry there
    Journal {
        #[command(subcommand)]
        command: JournalCommand,
    },
    /// Wipes the event from this machine: subkeys, replica, journal
    ///
    /// For a gate that is put away before the event's retention date, on which running gates wipe themselves, and for one
    /// that was revoked. Refuses while admissions wait here that nobody else knows.
    Wipe {
        #[command(flatten)]
        place: Place,
        /// Asks nothing
        #[arg(long)]
        yes: bool,
        /// Also where admissions were not uploaded: they are lost then
        #[arg(long)]
        even_undelivered: bool,
    },
    /// The reader's own process; started by `run`, never by a person
    #[command(hide = true)]
    ReaderChild {
        /// Part of the reader's name
        #[arg(long, value_name = "NAME")]
        reader: Option<String>,
        /// Treats a reader with keys as one without
        #[arg(long)]
        no_pinpad: bool,
    },
}

#[derive(Debug, Subcommand)]
enum JournalCommand {
    /// Writes admissions and refused proofs that were not acknowledged, signed by this gate
    ///
    /// A gate that runs goes on running. Nothing is taken out of the journal by it: the gate goes on offering all of it until
    /// its line is back and the registrar has answered, and whatever came by file is answered as known. The file names
    /// tickets by their ids, with minutes: carry it to the registrar, and delete it there.
    ///
    /// Next: kido-registrar admissions import-journal EVENT FILE
    Export {
        /// The file to be written; none that is there is overwritten
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Also where nothing waits: the file says how far this gate has followed the feed
        ///
        /// For a gate that has decided by itself (home-gate) and is to do so no longer: another gate of its zone waits for
        /// its word. Bring the feed here first (kido-gate import), then this file to the registrar.
        #[arg(long)]
        acknowledge: bool,
        #[command(flatten)]
        place: Place,
    },
}

/// What `run` takes from the command line beside its file.
#[derive(Debug, Clone, Args)]
struct LaneOptions {
    /// Part of the reader's name; overrides the file's
    #[arg(long, value_name = "NAME")]
    reader: Option<String>,
    /// Where the lane's page and pad are served to a browser on this machine alone; overrides the file's
    #[arg(long, value_name = "ADDRESS")]
    kiosk: Option<std::net::SocketAddr>,
    /// Where Prometheus reads /metrics: loopback, or a network of its own; overrides the file's
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<std::net::SocketAddr>,
    /// What opens: `log`, or `command:PROGRAM`; overrides the file's
    #[arg(long, value_parser = BarrierConfig::parse, value_name = "log|command:PROGRAM")]
    barrier: Option<BarrierConfig>,
    /// Which way the lane lets people go; overrides the file's
    #[arg(long, value_enum)]
    direction: Option<Direction>,
    /// Also draws the screens on this terminal
    #[arg(long)]
    terminal: bool,
    /// Takes the PIN from standard input: one line for each screen that asks
    ///
    /// Without it a terminal is read with its echo off where `--terminal` is given, and nothing at all otherwise.
    #[arg(long)]
    pin_stdin: bool,
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
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_teaches_the_steps_and_where_the_digits_go() {
        let help = Cli::command().render_long_help().to_string();
        let steps = ["kido-gate enrol ", "kido-gate doctor ", "kido-gate run "].map(|step| help.find(step).unwrap());
        assert!(steps.is_sorted());
        let mut command = Cli::command();
        let enrol = command.find_subcommand_mut("enrol").unwrap().render_long_help().to_string();
        let flat = enrol.split_whitespace().collect::<Vec<_>>().join(" ");
        for word in ["/console", "kido-registrar gate add", "here and nowhere else", "Next: kido-gate doctor"] {
            assert!(flat.contains(word), "{word}: {flat}");
        }
    }

    #[test]
    fn a_place_is_said_again_as_it_was_said() {
        let Command::Run { place, .. } = Cli::parse_from(["kido-gate", "run", "--data", "d"]).command else { panic!() };
        assert_eq!(place.to_string(), "--data d");
    }

    #[test]
    fn a_file_is_carried_in_and_out_while_the_gate_runs() {
        let parsed = |said: &[&str]| Cli::try_parse_from([&["kido-gate"], said].concat());
        assert!(parsed(&["import", "evening.feed", "--data", "d"]).is_ok());
        assert!(parsed(&["journal", "export", "north.journal", "--config", "gate.toml"]).is_ok());
        assert!(parsed(&["import", "--data", "d"]).is_err());
        assert!(parsed(&["journal", "export", "north.journal"]).is_err());
    }

    #[test]
    fn a_barrier_is_the_log_or_a_program() {
        let run = |barrier| Cli::try_parse_from(["kido-gate", "run", "--data", "d", "--barrier", barrier]);
        assert!(run("log").is_ok() && run("command:/usr/bin/open").is_ok());
        assert!(run("command:").is_err() && run("relay").is_err());
    }

    #[test]
    fn a_place_is_a_file_or_a_folder() {
        assert!(Cli::try_parse_from(["kido-gate", "run"]).is_err());
        assert!(Cli::try_parse_from(["kido-gate", "run", "--data", "d"]).is_ok());
        assert!(Cli::try_parse_from(["kido-gate", "run", "--config", "gate.toml"]).is_ok());
    }
}
