//! Whether a gate is ready: one finding for each thing that a lane needs.
//!
//! It may run beside a gate, which is then asked how it stands.

mod line;

use std::path::Path;
use std::time::Duration;

pub use kido_doctor::Finding;
use kido_doctor::{disk, secrets};
use kido_reader::{ReaderKeys, ReaderPattern, Readers};
use kido_shared::card::PinEntry;
use kido_shared::clock::{Clock, Timestamp};
use kido_shared::error_chain::Chain;
use kido_store::StoreError;

use crate::hatch::{AskedAt, Asking, GateStanding};
use crate::identity::{DataFolder, Identity, read_private};
use crate::journal::{Journal, JournalError};
use crate::replica::{Replica, ReplicaError};

/// How long a running gate may take to say how it stands: somebody with a stick may be at its hatch.
const STANDING_DEADLINE: Duration = Duration::from_secs(5);

/// Looks at everything, in the order in which a lane needs it. Blocks only off the asynchronous workers.
pub async fn examine(
    folder: &DataFolder,
    (reader, keys): (ReaderPattern, ReaderKeys),
    clock: std::sync::Arc<dyn Clock>,
) -> Vec<Finding> {
    let now = clock.now();
    let pattern = reader.clone();
    let mut findings = vec![blocking(move || look_at_reader(&pattern)).await];
    findings.extend(tokio::task::spawn_blocking(move || look_at_keys_of(&reader, keys)).await.unwrap_or_default());
    let path = folder.path().to_path_buf();
    findings.push(blocking(move || disk::look(&path)).await);
    findings.extend(look_at_keys(folder));
    let identity = match Identity::load(folder) {
        Ok(identity) => identity,
        Err(error) => {
            findings.push(Finding::broken("enrolment", Chain(&error).to_string()));
            return findings;
        }
    };
    let enrolment = identity.enrolment();
    let rehearsal = if enrolment.rehearsal { " (REHEARSAL: test cards are accepted)" } else { "" };
    let said = format!("{} · zone {} · {}{rehearsal}", enrolment.event_name, enrolment.zone, enrolment.gate);
    findings.push(Finding::well("enrolment", said));
    let (stores, arbiter) = match Asking::at(folder) {
        Ok(Some(asking)) => look_at_running(asking).await,
        // Nobody there, or another user's: whether a gate runs shows in what its stores say.
        Ok(None) | Err(_) => {
            let (folder, known) = (folder.clone(), identity.clone());
            let looked = tokio::task::spawn_blocking(move || look_at_stores(&folder, &known, now)).await;
            let cut_off = |_panicked| (vec![Finding::broken("doctor", "an examination was cut off")], AskedAt::Unknown);
            looked.unwrap_or_else(cut_off)
        }
    };
    findings.extend(stores);
    findings.extend(line::look(&identity, &*clock, arbiter).await);
    findings
}

async fn blocking(look: impl FnOnce() -> Finding + Send + 'static) -> Finding {
    let looked = tokio::task::spawn_blocking(look).await;
    looked.unwrap_or_else(|_panicked| Finding::broken("doctor", "an examination was cut off"))
}

fn look_at_reader(pattern: &ReaderPattern) -> Finding {
    let readers = Readers::default();
    let listed = readers.list().map(|names| names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | "));
    match (readers.choose(pattern), listed) {
        (Ok(chosen), Ok(all)) => Finding::well("reader", format!("{chosen} (attached: {all})")),
        (Ok(chosen), Err(_)) => Finding::well("reader", chosen.to_string()),
        (Err(error), _) => Finding::broken("reader", Chain(&error).to_string()),
    }
}

/// Where a holder will type the PIN, where there is a reader. Never broken: most lanes have readers without keys.
fn look_at_keys_of(pattern: &ReaderPattern, keys: ReaderKeys) -> Option<Finding> {
    let readers = Readers::default();
    let reader = readers.choose(pattern).ok()?;
    Some(match (readers.pin_entry(&reader, keys), keys) {
        (PinEntry::AtReader, _) => Finding::look(
            "pinpad",
            "the PIN is typed on the reader's own keys: not tried on hardware, try it before the doors",
        ),
        (PinEntry::Here, ReaderKeys::Use) => Finding::well("pinpad", "none: the PIN is typed on the lane's pad"),
        (PinEntry::Here, ReaderKeys::Ignore) => {
            Finding::well("pinpad", "not used (reader.pinpad = false): the PIN is typed on the lane's pad")
        }
    })
}

fn look_at_keys(folder: &DataFolder) -> Vec<Finding> {
    let mut findings = vec![secrets::look_at_folder("data folder", folder.path())];
    let readable = |path: &Path| {
        exists(path).and_then(|()| read_private(path).map(drop).map_err(|error| Chain(&error).to_string()))
    };
    let files = [folder.keys(), folder.subkeys(), folder.enrolment()];
    if !files.iter().any(|path| path.exists()) {
        // Before the enrolment there is no key; that it is missing is said there.
        return findings;
    }
    let unusable = files.iter().filter_map(|path| readable(path).err());
    let unusable: Vec<Finding> = unusable.map(|said| Finding::broken("keys", said)).collect();
    if unusable.is_empty() {
        findings.push(secrets::look_at_keeping("keys", &folder.keys()));
    }
    findings.extend(unusable);
    findings
}

fn exists(path: &Path) -> Result<(), String> {
    if path.exists() { Ok(()) } else { Err(format!("{} is missing", path.display())) }
}

fn look_at_stores(folder: &DataFolder, identity: &Identity, now: Timestamp) -> (Vec<Finding>, AskedAt) {
    let (mut findings, mut arbiter) = (Vec::new(), AskedAt::Unknown);
    if !folder.replica().exists() {
        return (vec![Finding::broken("replica", "no feed yet: `kido-gate run` fetches it")], arbiter);
    }
    match Replica::open(&folder.replica(), identity.followed()) {
        Ok(replica) => {
            let standing = replica.standing();
            let standing = GateStanding::of(&standing, now);
            findings.push(look_at_replica(&standing));
            arbiter = standing.arbiter;
            findings.extend(replica.close().err().map(|error| Finding::look("replica", Chain(&error).to_string())));
        }
        Err(ReplicaError::Store(StoreError::InUse { .. })) => {
            findings.push(Finding::well("replica", "in use: the gate is running"));
        }
        Err(error) => findings.push(Finding::broken("replica", Chain(&error).to_string())),
    }
    // Opening the journal counts as a start and settles what a crash left; a doctor only looks, so it asks for the log.
    findings.push(match Journal::examine(&folder.journal(), identity.enrolment().gate) {
        Ok(Some(facts)) => Finding::well("journal", format!("{facts} facts, verified")),
        Ok(None) => Finding::well("journal", "not begun yet"),
        Err(JournalError::Store(StoreError::InUse { .. })) => Finding::well("journal", "in use: the gate is running"),
        Err(error) => Finding::broken("journal", Chain(&error).to_string()),
    });
    (findings, arbiter)
}

/// What holds its stores tells of them itself.
async fn look_at_running(asking: Asking) -> (Vec<Finding>, AskedAt) {
    let asked = tokio::time::timeout(STANDING_DEADLINE, asking.standing()).await;
    let standing = match asked {
        Ok(Ok(standing)) => standing,
        Ok(Err(error)) => return (vec![Finding::look("replica", Chain(&error).to_string())], AskedAt::Unknown),
        Err(_elapsed) => {
            let said = format!("the gate runs, and said nothing for {} s", STANDING_DEADLINE.as_secs());
            return (vec![Finding::look("replica", said)], AskedAt::Unknown);
        }
    };
    let journal = if standing.delivered == Some(true) {
        Finding::well("journal", "the gate is running; all of it is at the registrar")
    } else {
        Finding::well("journal", "the gate is running; some of it is not at the registrar yet")
    };
    (vec![look_at_replica(&standing), journal], standing.arbiter)
}

fn look_at_replica(standing: &GateStanding) -> Finding {
    let GateStanding { records, age_s, admits_up_to_s, revoked, .. } = *standing;
    let Some(admits_up_to_s) = admits_up_to_s else {
        return Finding::broken("replica", format!("{records} records, and no policy among them yet"));
    };
    let said = format!("{records} records, {age_s} s old (admits up to {admits_up_to_s} s)");
    if revoked {
        Finding::broken("replica", "this gate was revoked")
    } else if age_s > admits_up_to_s {
        Finding::broken("replica", said)
    } else {
        Finding::well("replica", said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kido_doctor::Severity;
    use kido_shared::clock::SystemClock;

    #[tokio::test]
    async fn a_gate_that_is_not_enrolled_is_told_to() {
        let home = tempfile::tempdir().unwrap();
        let findings = examine(
            &DataFolder::at(home.path()),
            (ReaderPattern::Only, ReaderKeys::Use),
            std::sync::Arc::new(SystemClock),
        )
        .await;
        let enrolment = findings.iter().find(|finding| finding.subject == "enrolment").unwrap();
        assert_eq!(enrolment.severity, Severity::Broken);
        assert!(enrolment.said.contains("kido-gate enrol"));
        let disk = findings.iter().find(|finding| finding.subject == "disk").unwrap();
        assert!(disk.said.contains("fdatasync"), "{}", disk.said);
    }
}
