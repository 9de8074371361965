//! `kido-registrar`: binds tickets to cards, publishes the feed, collects admissions.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use kido_registrar::cli::{self, Cli};

fn main() -> ExitCode {
    match cli::run(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            // The chain is walked once, here. Where standard error is gone, the exit code still tells.
            let told = writeln!(std::io::stderr(), "kido-registrar: {:#}", anyhow::Error::new(error));
            drop(told);
            ExitCode::FAILURE
        }
    }
}
