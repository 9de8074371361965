//! `kido-gate import`: the feed from a file.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use kido_gate::carried::{FeedTaken, Moments, take_feed};
use kido_gate::config::Config;
use kido_gate::hatch::Asking;
use kido_gate::identity::{DataFolder, Identity};
use kido_gate::replica::{Replica, ReplicaError};
use kido_store::StoreError;
use tokio::fs::File;

use super::{folder_of, machine_clock, say};

pub(super) async fn import(config: Config, path: PathBuf) -> anyhow::Result<ExitCode> {
    let folder = folder_of(&config);
    let file = File::open(&path).await.with_context(|| format!("{} cannot be read", path.display()))?;
    let taken = match Asking::at(&folder)? {
        Some(gate) => gate.import(file).await.with_context(|| path.display().to_string())?,
        None => here(&folder, file).await.with_context(|| path.display().to_string())?,
    };
    say(&describe(&taken))?;
    Ok(ExitCode::SUCCESS)
}

/// While no gate runs: by this process itself.
async fn here(folder: &DataFolder, file: File) -> anyhow::Result<FeedTaken> {
    let identity = Identity::load(folder)?;
    folder.is_ours()?;
    let (place, followed) = (folder.replica(), identity.followed());
    let replica = tokio::task::spawn_blocking(move || Replica::open(&place, followed)).await?;
    let replica = match replica {
        Err(ReplicaError::Store(StoreError::InUse { .. })) => {
            anyhow::bail!("the gate is running and takes nothing in: stop it, say this again, and start it")
        }
        replica => replica?,
    };
    let now = machine_clock().now();
    // Without the journal nothing surer is known; a clock that is wrong refuses or is told.
    let taken = take_feed(&replica, file, Moments { now, passed: now }).await;
    tokio::task::spawn_blocking(move || replica.close()).await??;
    Ok(taken?)
}

fn describe(taken: &FeedTaken) -> String {
    let FeedTaken { event, in_file, new, here, age_s, dated_well } = taken;
    if taken.is_older() {
        return format!(
            "The file is older than what is known here ({in_file} records, here {here}): nothing was changed."
        );
    }
    let mut lines = vec![if *new == 0 {
        format!("Nothing new: the {in_file} records of the file are known here ({event}).")
    } else {
        format!("Taken: {new} new records, {here} in all ({event}).")
    }];
    lines.push(if *dated_well {
        format!("What is known here was signed {} minutes ago.", age_s.div_euclid(60))
    } else {
        "The file is dated ahead of this machine's clock: one of the two clocks is wrong, please look. What is known here \
         counts as being as old as before."
            .to_owned()
    });
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use kido_shared::ids::EventId;

    #[test]
    fn a_person_is_told_what_a_file_came_to() {
        let event = EventId::from_bytes([1; 16]);
        let taken = FeedTaken { event, in_file: 340, new: 12, here: 340, age_s: 1_500, dated_well: true };
        assert!(describe(&taken).starts_with("Taken: 12 new records, 340 in all"));
        assert!(describe(&taken).ends_with("signed 25 minutes ago."));
        assert!(describe(&FeedTaken { new: 0, ..taken }).starts_with("Nothing new"));
        let older = describe(&FeedTaken { new: 0, here: 341, ..taken });
        assert!(older.contains("340 records, here 341") && older.ends_with("nothing was changed."));
        assert!(describe(&FeedTaken { dated_well: false, ..taken }).contains("one of the two clocks is wrong"));
    }
}
