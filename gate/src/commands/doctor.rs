//! `kido-gate doctor`.

use std::process::ExitCode;

use kido_doctor::Report;
use kido_gate::config::Config;
use kido_gate::doctor::examine;
use kido_reader::{ReaderKeys, ReaderPattern};

use super::{folder_of, machine_clock, say};

pub(super) async fn doctor(config: Config, reader: Option<String>, json: bool) -> anyhow::Result<ExitCode> {
    let folder = folder_of(&config);
    let keys = if config.reader.pinpad { ReaderKeys::Use } else { ReaderKeys::Ignore };
    let pattern = ReaderPattern::from_option(Some(reader.unwrap_or(config.reader.name)));
    let report = Report::of(examine(&folder, (pattern, keys), machine_clock()).await);
    say(&if json { report.json().to_string() } else { report.to_string() })?;
    Ok(if report.is_ready() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
