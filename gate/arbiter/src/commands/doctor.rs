//! `kido-arbiter doctor`.

use std::process::ExitCode;

use kido_arbiter::doctor::examine;
use kido_arbiter::identity::DataFolder;
use kido_doctor::Report;

use super::{machine_clock, say};

pub(super) async fn doctor(folder: &DataFolder, json: bool) -> anyhow::Result<ExitCode> {
    let report = Report::of(examine(folder, &*machine_clock()).await);
    say(&if json { report.json().to_string() } else { report.to_string() })?;
    Ok(if report.is_ready() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
