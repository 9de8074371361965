//! `kido-card`: see the library for what it does.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    kido_card::run(kido_card::Cli::parse())
}
