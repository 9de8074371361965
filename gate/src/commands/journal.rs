//! `kido-gate journal export`: what the registrar does not know yet, into a file.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use kido_gate::carried::{JournalWanted, JournalWritten, write_journal};
use kido_gate::config::Config;
use kido_gate::hatch::Asking;
use kido_gate::identity::{DataFolder, Identity};
use kido_gate::journal::{Journal, JournalError};
use kido_gate::replica::Replica;
use kido_store::StoreError;
use kido_store::new_file::{NewFile, Readers};
use rand::rngs::OsRng;

use super::{folder_of, machine_clock, say};

pub(super) async fn export(config: Config, path: PathBuf, acknowledge: bool) -> anyhow::Result<ExitCode> {
    let folder = folder_of(&config);
    let named = || format!("{} cannot be written", path.display());
    let wanted = if acknowledge { JournalWanted::Acknowledgement } else { JournalWanted::Facts };
    let mut file = NewFile::begin(&path, Readers::Owner).with_context(named)?;
    let (written, bytes) = match Asking::at(&folder)? {
        Some(gate) => gate.journal(wanted).await?,
        None => tokio::task::spawn_blocking(move || here(&folder, wanted)).await??,
    };
    if bytes.is_empty() {
        drop(file);
        anyhow::ensure!(
            !acknowledge,
            "this gate cannot say how far it has heard: somebody is being let in just now, or no feed has come here. \
             Say this again in a moment"
        );
        say("Nothing waits here for the registrar: no file was written.")?;
        return Ok(ExitCode::SUCCESS);
    }
    file.write(&bytes).and_then(|()| file.finish()).with_context(named)?;
    say(&describe(&written, acknowledge))?;
    say("next, at the registrar: kido-registrar admissions import-journal EVENT FILE")?;
    Ok(ExitCode::SUCCESS)
}

/// While no gate runs: by this process itself, as a start of the gate that ends at once.
fn here(folder: &DataFolder, wanted: JournalWanted) -> anyhow::Result<(JournalWritten, Vec<u8>)> {
    let identity = Identity::load(folder)?;
    folder.is_ours()?;
    let now = machine_clock().now();
    let opened = Journal::open(&folder.journal(), identity.enrolment().gate, now, &mut OsRng);
    let journal = match opened {
        Err(JournalError::Store(StoreError::InUse { .. })) => {
            anyhow::bail!("the gate is running and hands nothing out: stop it, say this again, and start it")
        }
        opened => opened?.0,
    };
    let replica = Replica::open(&folder.replica(), identity.followed())?;
    let written = write_journal(&journal, &replica.standing(), &identity, (wanted, now));
    replica.close()?;
    journal.close()?;
    Ok(written?)
}

fn describe(written: &JournalWritten, acknowledge: bool) -> String {
    let JournalWritten { admissions, showings, endings, more, heard, .. } = written;
    let mut lines = vec![format!("Written: {admissions} admissions, {showings} refused proofs.")];
    if *endings > 0 {
        lines.push(format!("With them {endings} ends of admissions: nobody had passed, or the holder went out."));
    }
    if *more {
        lines.push("More waits than one file holds: only the line brings the rest home.".to_owned());
    }
    match heard {
        Some(heard) => lines.push(format!("It says that this gate knows {heard} records of the feed.")),
        None => lines.push(format!(
            "{}It does not say how far the feed was followed: something is still being decided, more waits than one file \
             holds, or no feed has come here.",
            if acknowledge { "NOT ACKNOWLEDGED: " } else { "" }
        )),
    }
    lines.push("All of it stays in this gate's journal until the registrar has answered over the line.".to_owned());
    lines.join("\n")
}
