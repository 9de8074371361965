//! The subcommands: wiring, and what a person at a terminal reads.

mod claims;
mod doctor;
mod enrol;
mod etcd;
mod import;
mod run;

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use kido_arbiter::identity::DataFolder;
use kido_serve::TlsPair;
use kido_shared::clock::{Clock, SystemClock};
use kido_store::core_dumps::forbid_core_dumps;
use tracing_subscriber::EnvFilter;

use crate::{Cli, Command, LogFormat, LogOptions};
use run::Listen;

/// Chooses the subcommand.
pub(crate) fn main(cli: Cli) -> anyhow::Result<ExitCode> {
    log_to_stderr(&cli.log)?;
    // Before anything secret is read: no core dump and no debugger.
    forbid_core_dumps().context("core dumps cannot be switched off")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let keys = cli.keys;
    let folder = |data: &Path| DataFolder::at(data).with_keys_at(keys.clone());
    match cli.command {
        Command::Enrol { data } => runtime.block_on(enrol::enrol(&folder(&data))),
        Command::Etcd { data, joining } => runtime.block_on(etcd::etcd(&folder(&data), joining)),
        Command::Import { file, data } => runtime.block_on(import::import(&folder(&data), &file)),
        Command::Run { data, listen, tls_certificate, tls_key, metrics } => {
            let tls = tls_certificate.zip(tls_key).map(|(certificates, key)| TlsPair { certificates, key });
            runtime.block_on(run::run(&folder(&data), Listen { gates: listen, tls, metrics }))
        }
        Command::Claims { data, json } => runtime.block_on(claims::claims(&folder(&data), json)),
        Command::Doctor { data, json } => runtime.block_on(doctor::doctor(&folder(&data), json)),
    }
}

/// Says why the program ends: to a collector as an event of its log, to a person in one line.
pub(crate) fn lament(error: &anyhow::Error, format: LogFormat) {
    let collected = format == LogFormat::Json || !std::io::stderr().is_terminal();
    if collected && tracing::dispatcher::has_been_set() {
        tracing::error!(error = format!("{error:#}"), "the arbiter ends");
    } else if let Err(mute) = writeln!(std::io::stderr(), "kido-arbiter: {error:#}") {
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

fn machine_clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// Writes a line for the person at the terminal.
fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
