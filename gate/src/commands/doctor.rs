//! `kido-gate doctor`.

use std::process::ExitCode;

use kido_doctor::Report;
use kido_gate::config::Config;
use kido_gate::doctor::examine;
use kido_gate::identity::DataFolder;
use kido_reader::{ReaderKeys, ReaderPattern};

use super::{machine_clock, say};

pub(super) async fn doctor(config: Config, reader: Option<String>, json: bool) -> anyhow::Result<ExitCode> {
    let keys = if config.reader.pinpad { ReaderKeys::Use } else { ReaderKeys::Ignore };
    let pattern = ReaderPattern::from_option(Some(reader.unwrap_or(config.reader.name)));
    let report = Report::of(examine(&DataFolder::at(&config.data), (pattern, keys), machine_clock()).await);
    say(&if json { report.json().to_string() } else { report.to_string() })?;
    Ok(if report.is_ready() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
