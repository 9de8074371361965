//! `kido-gate wipe`: for a gate that goes into a cupboard before the retention date comes, or that was revoked.

use std::io::{BufRead as _, IsTerminal as _};
use std::process::ExitCode;

use anyhow::Context as _;
use kido_gate::config::Config;
use kido_gate::identity::{DataFolder, Identity};
use kido_gate::journal::Journal;
use kido_store::{FolderLock, StoreError};
use rand::rngs::OsRng;

use super::{folder_of, machine_clock, say};

/// Keeps the gate from running until all is wiped: what it let in meanwhile would go into files that are no longer there.
fn hold(folder: &DataFolder) -> anyhow::Result<Vec<FolderLock>> {
    let stores = [folder.journal(), folder.replica()].into_iter().filter(|store| store.exists());
    let held = stores.map(|store| FolderLock::take(&store)).collect();
    match held {
        Err(StoreError::InUse { .. }) => anyhow::bail!("the gate is running: stop it first; nothing was wiped"),
        held => Ok(held?),
    }
}

/// Wipes subkeys, replica and journal, once nothing in the journal is still to be heard by anybody.
pub(super) fn wipe(config: &Config, yes: bool, undelivered: bool) -> anyhow::Result<ExitCode> {
    let folder = folder_of(config);
    if !undelivered && folder.journal().exists() {
        let gate = Identity::load(&folder)?.enrolment().gate;
        let (journal, _recovered) = Journal::open(&folder.journal(), gate, machine_clock().now(), &mut OsRng)?;
        let delivered = journal.is_delivered()?;
        journal.close()?;
        anyhow::ensure!(
            delivered,
            "admissions wait here that nobody else knows: let the gate run once with its uplink, or give --even-undelivered"
        );
    }
    let _held = hold(&folder)?;
    if !yes {
        anyhow::ensure!(std::io::stdin().is_terminal(), "nobody is here to ask: give --yes");
        say("This wipes the event's subkeys, its replica and this gate's journal. Type wipe to go on:")?;
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer).context("the answer could not be read")?;
        anyhow::ensure!(answer.trim() == "wipe", "nothing was wiped");
    }
    folder.wipe()?;
    say("Wiped: subkeys, replica and journal. Enrol anew, in another data folder, for another event.")?;
    Ok(ExitCode::SUCCESS)
}
