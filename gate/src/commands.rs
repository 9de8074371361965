//! The subcommands: wiring, and what a person at a terminal reads.

mod doctor;
mod enrol;
mod import;
mod journal;
mod run;
mod wipe;

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use kido_gate::config::Config;
use kido_gate::identity::DataFolder;
use kido_gate::reader::{SwapLock, keep_memory_private};
use kido_reader::{ReaderKeys, ReaderPattern};
use kido_shared::clock::{Clock, SystemClock};
use tracing_subscriber::EnvFilter;

use crate::{Cli, Command, JournalCommand, LogFormat, LogOptions, Place};

/// Chooses the subcommand.
pub(crate) fn main(cli: Cli) -> anyhow::Result<ExitCode> {
    log_to_stderr(&cli.log)?;
    // Before anything secret is read: no core dump, no debugger, and no swap where the system allows that.
    let swap = keep_memory_private().context("core dumps cannot be switched off")?;
    if swap == SwapLock::NotAllowed && matches!(cli.command, Command::Run { .. }) {
        tracing::warn!("this process may be swapped out: give its unit MemorySwapMax=0, or the machine no swap");
    }
    match cli.command {
        Command::ReaderChild { reader, no_pinpad } => {
            let keys = if no_pinpad { ReaderKeys::Ignore } else { ReaderKeys::Use };
            kido_gate::reader::run_child(ReaderPattern::from_option(reader), keys)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Enrol { place } => on_runtime(enrol::enrol(configured(&place)?, &place)),
        Command::Run { place, lane } => on_runtime(run::run(configured(&place)?, lane, cli.log)),
        Command::Import { file, place } => on_runtime(import::import(configured(&place)?, file)),
        Command::Journal { command: JournalCommand::Export { file, acknowledge, place } } => {
            on_runtime(journal::export(configured(&place)?, file, acknowledge))
        }
        Command::Wipe { place, yes, even_undelivered } => wipe::wipe(&configured(&place)?, yes, even_undelivered),
        Command::Doctor { place, json, reader } => on_runtime(doctor::doctor(configured(&place)?, reader, json)),
    }
}

/// Says why the program ends: to a collector as an event of its log, to a person in one line.
pub(crate) fn lament(error: &anyhow::Error, format: LogFormat) {
    let collected = format == LogFormat::Json || !std::io::stderr().is_terminal();
    if collected && tracing::dispatcher::has_been_set() {
        tracing::error!(error = format!("{error:#}"), "the gate ends");
    } else if let Err(mute) = writeln!(std::io::stderr(), "kido-gate: {error:#}") {
        drop(mute);
    }
}

fn log_to_stderr(options: &LogOptions) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&options.log).context("--log is not understood")?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match options.log_format {
        LogFormat::Text => lines.with_ansi(false).init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
    Ok(())
}

fn on_runtime(command: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let ended = runtime.block_on(command);
    // A thread that waits for a key press must not hold the process.
    runtime.shutdown_background();
    ended
}

fn configured(place: &Place) -> anyhow::Result<Config> {
    let mut config = match (&place.config, &place.data) {
        (Some(file), _) => Config::load(file)?,
        (None, Some(data)) => Config::with_data(data.clone()),
        (None, None) => anyhow::bail!("give --data or --config"),
    };
    if let Some(data) = &place.data {
        config.data.clone_from(data);
    }
    if place.keys.is_some() {
        config.keys.clone_from(&place.keys);
    }
    Ok(config)
}

fn folder_of(config: &Config) -> DataFolder {
    DataFolder::at(&config.data).with_keys_at(config.keys.clone())
}

fn machine_clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// Writes a line for the person at the terminal.
fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
