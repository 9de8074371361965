//! The story of Kido on one machine, step by step, with the real programs and a card in bytes.

use std::error::Error;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread::JoinHandle;
use std::time::Duration;

use clap::Parser;
use kido_tests::ending::{EndSignal, EndSignals, adopt_orphans, leave_nobody};
use kido_tests::harness::HarnessError;
use kido_tests::story::{Story, say, tell};
use tempfile::TempDir;
use tokio::sync::{oneshot, watch};

/// How long gate and registrar may take to end in their own way after a signal; a second one waits for nobody.
const ENDS_WITHIN: Duration = Duration::from_secs(10);

/// How long whoever is left may take to die.
const DIES_WITHIN: Duration = Duration::from_secs(10);

/// From a purchase to an open lane, on a private PC/SC stack with a virtual card.
///
/// Starts a registrar, a gate and a virtual My Number Card, all on loopback and in a folder of their own, and tells
/// what happens. Nothing outside the folder is touched, and nothing is left running.
#[derive(Debug, Parser)]
#[command(name = "kido-demo", after_help = ENDING)]
struct Arguments {
    /// Tell the story without waiting, and end.
    #[arg(long)]
    once: bool,
    /// Where the registrar listens on loopback.
    #[arg(long, default_value_t = 8420, value_name = "PORT")]
    port: u16,
    /// A folder to keep; without it a temporary one is used and removed.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

const ENDING: &str = "\
The last line of output is one JSON object with every step and figure.

Ctrl-C ends everything at any moment, as do SIGTERM and a closed terminal. Exit status: 0 when the whole story went as
told, however the tour after it was ended; 1 when a step went otherwise; 128 and the signal's number when a signal came
before the story was told (130 for Ctrl-C).";

/// Where everything of a run is.
enum Home {
    Kept(PathBuf),
    Temporary(TempDir),
}

/// What became of the story.
struct Ended {
    story: Story,
    /// Whether it was told to its end, and what went otherwise if it was not.
    told: Result<bool, HarnessError>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            explain(&error);
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(demonstrate(&arguments));
    // A thread that waits for a line at the terminal must not hold the process.
    runtime.shutdown_background();
    let (Ended { story, told }, signal) = ended.unwrap_or_else(|error| (Ended::not_begun(error), None));
    conclude(&story, &told, signal)
}

async fn demonstrate(arguments: &Arguments) -> Result<(Ended, Option<EndSignal>), HarnessError> {
    // Before anything is made or started: from here on a signal ends it in order.
    let mut signals = EndSignals::listen()?;
    adopt_orphans()?;
    if let Err(source) = TcpListener::bind(("127.0.0.1", arguments.port)) {
        say(format_args!("Port {} is taken: end what uses it, or choose another with --port.", arguments.port));
        return Err(HarnessError::File { path: PathBuf::from(format!("127.0.0.1:{}", arguments.port)), source });
    }
    let home = Home::open(arguments.folder.as_deref())?;
    let (stop, stopped) = watch::channel(false);
    let (telling, mut over) = begin(arguments, home.path(), stopped);
    let signal = tokio::select! {
        biased;
        signal = signals.next() => Some(signal),
        _over = &mut over => None,
    };
    if let Some(signal) = signal {
        say(format_args!("\n{}: ending everything.", signal.name()));
        stop.send_replace(true);
        tokio::select! {
            _over = over => {}
            _second = signals.next() => {}
            () = tokio::time::sleep(ENDS_WITHIN) => {}
        }
    }
    // Whoever is left dies, and with that whatever the story may still wait for.
    leave_nobody(DIES_WITHIN, || telling.is_finished()).await?;
    home.leave()?;
    let panicked = |_what| HarnessError::Shape { what: "the story", text: "a panic".to_owned() };
    Ok((telling.join().map_err(panicked)?, signal))
}

/// Tells the story on a thread of its own: a step that waits for a process must not keep a signal waiting.
fn begin(
    arguments: &Arguments,
    folder: &Path,
    mut stopped: watch::Receiver<bool>,
) -> (JoinHandle<Ended>, oneshot::Receiver<()>) {
    let (folder, port, stay) = (folder.to_owned(), arguments.port, !arguments.once);
    let (until_over, over) = oneshot::channel();
    let runtime = tokio::runtime::Handle::current();
    let telling = std::thread::spawn(move || {
        // Dropped at the end, whichever it is.
        let _until_over: oneshot::Sender<()> = until_over;
        let mut story = Story::default();
        let told = runtime.block_on(tell_until(&mut story, &folder, port, stay, &mut stopped));
        Ended { story, told }
    });
    (telling, over)
}

/// Tells the story, and whether it came to its end; a signal cuts it short, but only ends the tour after it.
async fn tell_until(
    story: &mut Story,
    folder: &Path,
    port: u16,
    stay: bool,
    stopped: &mut watch::Receiver<bool>,
) -> Result<bool, HarnessError> {
    let told = tokio::select! {
        biased;
        _signal = stopped.wait_for(|&stop| stop) => return Ok(false),
        told = tell(story, folder, port) => told,
    };
    let mut stage = match told {
        // What fails after a signal fails because everything ends.
        Err(_) if *stopped.borrow() => return Ok(false),
        told => told?,
    };
    if stay {
        tokio::select! {
            biased;
            _signal = stopped.wait_for(|&stop| stop) => {}
            tour = stage.tour() => tour?,
        }
    }
    match stage.close().await {
        Err(_) if *stopped.borrow() => Ok(true),
        closed => closed.map(|()| true),
    }
}

/// Says how it went.
fn conclude(story: &Story, told: &Result<bool, HarnessError>, signal: Option<EndSignal>) -> ExitCode {
    let status = match (told, signal) {
        (Ok(true), _) if story.went_as_told() => 0,
        (Ok(false), Some(signal)) => signal.exit_status(),
        (Ok(_), _) => 1,
        (Err(error), _) => {
            explain(error);
            1
        }
    };
    say(story.json(status == 0, signal.map(EndSignal::name)));
    ExitCode::from(status)
}

/// Says what went wrong, and why.
fn explain(error: &dyn Error) {
    let mut cause: Option<&dyn Error> = Some(error);
    while let Some(error) = cause {
        say(format_args!("   {error}"));
        cause = error.source();
    }
}

impl Ended {
    fn not_begun(error: HarnessError) -> Self {
        Self { story: Story::default(), told: Err(error) }
    }
}

impl Home {
    fn open(kept: Option<&Path>) -> Result<Self, HarnessError> {
        if let Some(folder) = kept {
            return Ok(Self::Kept(folder.to_owned()));
        }
        let made = tempfile::Builder::new().prefix("kido-demo-").tempdir();
        made.map(Self::Temporary).map_err(|source| HarnessError::File { path: std::env::temp_dir(), source })
    }

    fn path(&self) -> &Path {
        match self {
            Self::Kept(folder) => folder,
            Self::Temporary(folder) => folder.path(),
        }
    }

    /// Removes it unless it is to be kept, and says so: keys and codes are in it.
    fn leave(self) -> Result<(), HarnessError> {
        let path = self.path().to_owned();
        match self {
            Self::Kept(_) => say(format_args!("\nNothing is left running; {} is kept.", path.display())),
            Self::Temporary(folder) => {
                folder.close().map_err(|source| HarnessError::File { path: path.clone(), source })?;
                say(format_args!("\nNothing is left running; {} is removed.", path.display()));
            }
        }
        Ok(())
    }
}
