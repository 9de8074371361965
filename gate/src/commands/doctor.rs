//! `kido-gate doctor`.

use std::process::ExitCode;

use kido_gate::config::Config;
use kido_gate::doctor::{Severity, examine};
use kido_gate::identity::DataFolder;
use kido_reader::ReaderPattern;

use super::{machine_clock, say};

pub(super) async fn doctor(config: Config, reader: Option<String>, json: bool) -> anyhow::Result<ExitCode> {
    let pattern = ReaderPattern::from_option(Some(reader.unwrap_or(config.reader.name)));
    let findings = examine(&DataFolder::at(&config.data), pattern, machine_clock()).await;
    let worst = findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Well);
    if json {
        say(&serde_json::json!({ "ready": worst < Severity::Broken, "findings": findings }).to_string())?;
    } else {
        for finding in &findings {
            let mark = match finding.severity {
                Severity::Well => "ok    ",
                Severity::Look => "look  ",
                Severity::Broken => "BROKEN",
            };
            say(&format!("{mark}  {:<12} {}", finding.subject, finding.said))?;
        }
    }
    Ok(if worst < Severity::Broken { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
