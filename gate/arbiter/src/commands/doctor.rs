//! `kido-arbiter doctor`.

use std::path::Path;
use std::process::ExitCode;

use kido_arbiter::doctor::{Severity, examine};
use kido_arbiter::identity::DataFolder;

use super::{machine_clock, say};

pub(super) async fn doctor(data: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let findings = examine(&DataFolder::at(data), &*machine_clock()).await;
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
