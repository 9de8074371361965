//! The command line: `init` and `serve` make and run a registrar, the rest talks to a running one.

mod admissions;
mod arbiter;
mod audit;
mod certificate;
mod client;
mod console;
mod doctor;
mod event;
mod feed;
mod gate;
mod init;
mod key;
mod offer;
mod progress;
mod serve;
mod tickets;
mod token;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use kido_shared::carried::JournalFileError;
use kido_shared::challenge::Origin;
use kido_shared::feed::FeedError;
use kido_shared::wire::v1::problem::Problem;

use crate::config::ConfigError;
use crate::moment;
use crate::operator_files::{CodesFileError, TableFaults};
use crate::serve::ServeError;
use kido_store::private_file::PrivateFileError;

use console::Console;

pub use client::ClientError;
pub use event::CutCommandError;
pub use init::InitError;
pub use key::KeyCommandError;

const FIRST_STEPS: &str = "\
First steps:
  kido-registrar init --data ./data --root-key ./root.key --origin http://127.0.0.1:8420
  kido-registrar serve --data ./data
  # in another terminal:
  export KIDO_TOKEN_FILE=./data/operator.token
  kido-registrar event create --name 'Opening night' --starts-at 2027-01-10T18:00:00+09:00 \\
      --ends-at 2027-01-10T22:00:00+09:00 --offline refuse
  kido-registrar tickets import EVENT tickets.csv --codes codes.csv
  kido-registrar gate add EVENT --zone A
Every command explains itself: kido-registrar COMMAND --help";

/// Binds tickets to cards, publishes the feed, collects admissions.
#[derive(Debug, Parser)]
#[command(name = "kido-registrar", version, after_help = FIRST_STEPS, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the keys and the folder of a new registrar
    Init(init::InitArgs),
    /// Run the registrar
    Serve(serve::ServeArgs),
    /// Say how disk, clock, keys and events are
    Doctor(doctor::DoctorArgs),
    /// Create, change and look at events
    Event(event::EventArgs),
    /// Import tickets, look at them, suspend, cancel, confirm
    Tickets(tickets::TicketsArgs),
    /// Write an event's feed into a file for gates without a line
    Feed(feed::FeedArgs),
    /// Put in entries that were ticked on paper, or that a gate without a line has made
    Admissions(admissions::AdmissionsArgs),
    /// Add, list and revoke gates
    Gate(gate::GateArgs),
    /// Add, list and revoke the venue's arbiter
    Arbiter(arbiter::ArbiterArgs),
    /// Look at the keys that feeds are signed with, and put new ones in force
    Key(key::KeyArgs),
    /// Let shops, desks and viewers in
    Token(token::TokenArgs),
    /// Note the head of the audit list down, and see whether the list still contains it
    Audit(audit::AuditArgs),
    /// Judge a card's certificate, without a server
    Certificate(certificate::CertificateArgs),
}

/// Where the registrar is, and who asks.
#[derive(Debug, Clone, Args)]
struct Connection {
    /// The registrar's origin; plain http is accepted for this machine alone
    #[arg(long, global = true, env = "KIDO_SERVER", default_value = "http://127.0.0.1:8420", value_name = "URL")]
    server: Origin,
    /// File with the bearer token; `init` leaves the first one as DIR/operator.token
    #[arg(long, global = true, env = "KIDO_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Print one JSON object on standard output
    #[arg(long, global = true)]
    json: bool,
}

impl Connection {
    const fn console(&self) -> Console {
        Console::new(self.json)
    }
}

/// Why a command did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// `init` cannot make a registrar.
    #[error("nothing was made")]
    Init(#[from] InitError),
    /// The configuration is not usable.
    #[error("the configuration is not usable")]
    Config(#[from] ConfigError),
    /// The registrar does not run.
    #[error("the registrar does not run")]
    Serve(#[from] ServeError),
    /// The registrar was not reached, or did not answer as one.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The registrar refused.
    #[error("{} [{}]", .0.detail, .0.code)]
    Refused(Box<Problem>),
    /// A CSV file is not as it should be.
    #[error("{}", path.display())]
    Table {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: TableFaults,
    },
    /// The code file cannot be written or used.
    #[error("{}", path.display())]
    Codes {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: CodesFileError,
    },
    /// Some rows were not imported.
    #[error("{refused} of {all} tickets were refused; the others were imported")]
    Rows {
        /// How many.
        refused: usize,
        /// Of how many.
        all: usize,
    },
    /// Some rows would be refused, so none was sent.
    #[error(
        "{refused} of {all} tickets cannot be imported; nothing was. Mend these lines, and run the same command again"
    )]
    NothingImported {
        /// How many.
        refused: usize,
        /// Of how many.
        all: usize,
    },
    /// The registrar went away in the middle of an import.
    #[error(
        "the import is not complete: {sent} of {all} tickets are through. Run the same command again with the same \
         files: it goes on where it stopped, and every ticket keeps its code"
    )]
    ImportInterrupted {
        /// How many were answered.
        sent: usize,
        /// Of how many.
        all: usize,
        /// What the line said.
        #[source]
        source: ClientError,
    },
    /// The registrar went away in the middle of a postponement.
    #[error("not all tickets have moved yet. Run the same command again: it goes on where it stopped")]
    PostponementInterrupted {
        /// What the line said.
        #[source]
        source: ClientError,
    },
    /// A file cannot be read or written.
    #[error("{} cannot be {doing}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// Why.
        #[source]
        source: PrivateFileError,
    },
    /// A file is none that a gate has written.
    #[error("{} is no file to be put in", path.display())]
    JournalFile {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: JournalFileError,
    },
    /// What the registrar serves is no feed that a gate would follow.
    #[error("what the registrar serves does not hold together; nothing was written")]
    Feed(#[from] FeedError),
    /// A feed key.
    #[error(transparent)]
    Key(#[from] KeyCommandError),
    /// A cut.
    #[error(transparent)]
    Cut(#[from] CutCommandError),
    /// There is no ticket to be printed.
    #[error("the event has no ticket, or none in this zone")]
    NothingToPrint,
    /// The list could not be put together.
    #[error("the list could not be put together")]
    Paper(#[source] askama::Error),
    /// A certificate file is not in the one form that is read.
    #[error("this is PEM; only DER is read. Convert it: openssl x509 -in FILE -outform DER -out FILE.der")]
    Pem,
    /// A root is none.
    #[error("the trust anchors are not usable")]
    Anchor(#[from] kido_shared::certificate::AnchorError),
    /// The operator typed another name than the event's.
    #[error("that is not the event's name; nothing was deleted")]
    NotAgreed,
    /// The operator typed another name than the event's.
    #[error("that is not the event's name; nothing was cancelled")]
    NotCancelled,
    /// The operator typed nothing that helps.
    #[error("no six digits were typed; the offer ends by itself")]
    NoDigits,
    /// Standard output or input is gone.
    #[error("the terminal is gone")]
    Terminal(#[source] std::io::Error),
    /// The audit list.
    #[error(transparent)]
    Audit(#[from] crate::audit::noted::UnreadableList),
    /// A label is none.
    #[error("a label is 1 to 32 small letters, digits or hyphens")]
    Label,
}

impl CliError {
    /// Whether the registrar has refused with that word.
    fn is_refused_as(&self, code: &str) -> bool {
        matches!(self, Self::Refused(problem) if problem.code == code)
    }
}

/// Does what the command line says.
///
/// # Errors
/// [`CliError`]; where `--json` was given and the registrar refused, its problem is on standard output as well.
pub fn run(cli: Cli) -> Result<ExitCode, CliError> {
    match cli.command {
        Command::Init(args) => init::run(&args),
        Command::Serve(args) => serve::run(args),
        Command::Doctor(args) => doctor::run(args),
        Command::Audit(args) => audit::run(&args),
        Command::Certificate(args) => certificate::run(&args),
        Command::Event(args) => talking(args.connection.clone(), event::run(args)),
        Command::Tickets(args) => talking(args.connection.clone(), tickets::run(args)),
        Command::Feed(args) => talking(args.connection.clone(), feed::run(args)),
        Command::Admissions(args) => talking(args.connection.clone(), admissions::run(args)),
        Command::Gate(args) => talking(args.connection.clone(), gate::run(args)),
        Command::Arbiter(args) => talking(args.connection.clone(), arbiter::run(args)),
        Command::Key(args) => talking(args.connection.clone(), key::run(args)),
        Command::Token(args) => talking(args.connection.clone(), token::run(args)),
    }
}

/// Runs a command that talks to a registrar, on this thread.
fn talking(connection: Connection, command: impl Future<Output = Result<(), CliError>>) -> Result<ExitCode, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = runtime.map_err(CliError::Terminal)?.block_on(command);
    if let (Err(CliError::Refused(problem)), true) = (&result, connection.json) {
        connection.console().json(problem)?;
    }
    result.map(|()| ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests;
