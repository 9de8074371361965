//! The registrar's doctor: beside a registrar that runs, at one that stands still, and where something is broken.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use kido_tests::harness::{EventOptions, Programs, Registrar, finish, free_port};
use serde_json::Value;
use tokio::process::Command;

/// An examination of a folder with one event takes a second or two on a busy machine.
const EXAMINES_WITHIN: core::time::Duration = core::time::Duration::from_secs(60);

#[tokio::test]
async fn a_registrars_doctor_says_what_is_well_and_what_is_broken() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let port = free_port()?;
    let mut registrar = Registrar::init_alone(folder.path(), (port, None)).await?;
    registrar.start().await?;
    let event = registrar.real_event(&EventOptions::default()).await?;
    let listen = format!("127.0.0.1:{port}");

    let running = Doctor::asked(&registrar, &["--listen", &listen]).await?;
    running.says("registrar", "well", "runs, and answers")?;
    running.says("master key", "well", "a plain file")?;
    running.says("disk", "well", "fdatasync")?;
    running.says("tokens", "look", "operator.token opens everything")?;
    running.says("spare keys", "well", "for 63 more events")?;
    running.is_ready(true)?;

    registrar.stop().await?;
    Doctor::asked(&registrar, &[]).await?.says("events", "well", "1 of 1, verified")?;

    let own = registrar.folder().join("keyring/master.key");
    let better = folder.path().join("better.key");
    std::fs::copy(&own, &better)?;
    let chosen = ["--master-key", better.to_str().context("a path in UTF-8")?];
    Doctor::asked(&registrar, &chosen).await?.says("master key", "look", "shred it here")?;
    std::fs::remove_file(&own)?;
    Doctor::asked(&registrar, &chosen).await?.is_ready(true)?;
    let without = Doctor::asked(&registrar, &[]).await?;
    without.says("master key", "broken", "master.key cannot be used")?;
    without.is_ready(false)?;
    std::fs::set_permissions(&better, Permissions::from_mode(0o644))?;
    Doctor::asked(&registrar, &chosen).await?.says("master key", "broken", "other users can read it")?;
    std::fs::set_permissions(&better, Permissions::from_mode(0o600))?;

    cut(&registrar.folder().join("events").join(&event))?;
    let torn = Doctor::asked(&registrar, &chosen).await?;
    torn.says("events", "broken", &event)?;
    torn.is_ready(false)
}

/// Overwrites a byte in the middle of an event's log.
fn cut(event: &Path) -> anyhow::Result<()> {
    let log = std::fs::read_dir(event)?.filter_map(Result::ok).map(|entry| entry.path());
    let log = log.filter(|path| path.is_file()).max_by_key(|path| path.metadata().map_or(0, |file| file.len()));
    let log = log.context("no log")?;
    let mut bytes = std::fs::read(&log)?;
    let middle = bytes.len() / 2;
    *bytes.get_mut(middle).context("an empty log")? ^= 0xFF;
    Ok(std::fs::write(&log, bytes)?)
}

/// What it said, and how it ended.
struct Doctor {
    told: Value,
    success: bool,
}

impl Doctor {
    async fn asked(registrar: &Registrar, further: &[&str]) -> anyhow::Result<Self> {
        let mut command = Command::new(Programs::of_this_build()?.registrar());
        command.arg("doctor").arg("--data").arg(registrar.folder()).arg("--json").args(further);
        let finished = finish(command, "", EXAMINES_WITHIN).await?;
        let told = serde_json::from_str(&finished.stdout).with_context(|| finished.stderr.clone())?;
        Ok(Self { told, success: finished.status.success() })
    }

    fn says(&self, subject: &str, severity: &str, part: &str) -> anyhow::Result<()> {
        let findings = self.told.get("findings").and_then(Value::as_array).context("no findings")?;
        let of = |finding: &Value, name: &str| finding.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let said = findings.iter().any(|finding| {
            of(finding, "subject") == subject
                && of(finding, "severity") == severity
                && of(finding, "said").contains(part)
        });
        anyhow::ensure!(said, "not said: {subject} {severity} {part}, but {}", self.told);
        Ok(())
    }

    fn is_ready(&self, ready: bool) -> anyhow::Result<()> {
        anyhow::ensure!(self.told.get("ready") == Some(&Value::Bool(ready)) && self.success == ready, "{}", self.told);
        Ok(())
    }
}
