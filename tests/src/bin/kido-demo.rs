//! The story of Kido on one machine, step by step, with the real programs and a card in bytes.
#![expect(clippy::print_stdout, reason = "a story is told on standard output")]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use kido_tests::harness::HarnessError;
use kido_tests::story::{Story, tell};

/// From a purchase to an open lane, on a private PC/SC stack with a virtual card.
///
/// Starts a registrar, a gate and a virtual My Number Card, all on loopback and in a folder of their own, and tells
/// what happens. Nothing outside the folder is touched, and nothing is left running.
#[derive(Debug, Parser)]
#[command(name = "kido-demo", after_help = "The last line of output is one JSON object with every step and figure.")]
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

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            println!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(demonstrate(&arguments));
    // A thread that waits for a line at the terminal must not hold the process.
    runtime.shutdown_background();
    ended
}

async fn demonstrate(arguments: &Arguments) -> ExitCode {
    let mut story = Story::default();
    let told = run(arguments, &mut story).await;
    if let Err(error) = &told {
        let mut cause: Option<&dyn std::error::Error> = Some(error);
        while let Some(error) = cause {
            println!("   {error}");
            cause = error.source();
        }
    }
    let went_well = told.is_ok() && story.went_as_told();
    println!("{}", story.json(went_well));
    if went_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn run(arguments: &Arguments, story: &mut Story) -> Result<(), HarnessError> {
    if let Err(source) = std::net::TcpListener::bind(("127.0.0.1", arguments.port)) {
        println!("Port {} is taken: end what uses it, or choose another with --port.", arguments.port);
        return Err(HarnessError::File { path: PathBuf::from(format!("127.0.0.1:{}", arguments.port)), source });
    }
    let temporary = tempfile::Builder::new().prefix("kido-demo-").tempdir();
    let temporary = temporary.map_err(|source| HarnessError::File { path: std::env::temp_dir(), source })?;
    let folder = arguments.folder.clone().unwrap_or_else(|| temporary.path().to_owned());
    tell(story, &folder, arguments.port, !arguments.once).await
}
