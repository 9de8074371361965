//! What the disk has refused, and writing it once the disk takes facts again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use kido_shared::clock::Timestamp;
use kido_shared::error_chain::Chain;
use kido_shared::ids::AdmissionId;

use crate::clockwork::Reading;
use crate::journal::{Departure, Journal, JournalError};

/// What the disk has refused, until it takes it: the lane is out of service meanwhile, so that there is little of it.
#[derive(Debug, Default)]
pub(super) struct Unwritten {
    failed: AtomicBool,
    intents: Mutex<Vec<AdmissionId>>,
    opened: Mutex<Vec<Opened>>,
    exited: Mutex<Vec<Exited>>,
}

/// Lanes that opened together, and when.
type Opened = (Vec<AdmissionId>, Timestamp);

/// Holders who went out together, and when.
type Exited = (Vec<Departure>, Timestamp);

impl Unwritten {
    /// The disk has refused something that need not be kept.
    pub(super) fn fail(&self) {
        self.failed.store(true, Ordering::SeqCst);
    }

    /// Whether it still refuses.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::SeqCst)
    }

    /// The end of these intents is still to be written.
    pub(super) fn intents(&self, intents: Vec<AdmissionId>) {
        self.intents.lock().unwrap_or_else(PoisonError::into_inner).extend(intents);
        self.fail();
    }

    /// That the lane opened for these is still to be written, or their holders are sent to staff at the next tap.
    pub(super) fn opened(&self, admissions: Vec<AdmissionId>, at: Timestamp) {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).push((admissions, at));
        self.fail();
    }

    /// That these went out is still to be written, or they are inside for everybody.
    pub(super) fn exited(&self, departures: Vec<Departure>, at: Timestamp) {
        self.exited.lock().unwrap_or_else(PoisonError::into_inner).push((departures, at));
        self.fail();
    }
}

/// What became of an attempt to write what the disk had refused.
#[derive(Debug)]
pub(super) enum Mended {
    /// It took everything.
    Yes,
    /// It still takes nothing: full, as a rule.
    NotYet,
    /// This process cannot write any more, whatever becomes of the disk.
    Never(JournalError),
}

/// Tries whether the disk takes facts again, and writes what it did not take.
pub(super) async fn mend(journal: &Journal, reading: Reading, unwritten: &Unwritten) -> Mended {
    match write(journal, reading, unwritten).await {
        Ok(()) => {
            unwritten.failed.store(false, Ordering::SeqCst);
            tracing::info!("the disk takes facts again");
            Mended::Yes
        }
        Err(error) => {
            tracing::error!(error = %Chain(&error), "the disk takes no facts");
            if error.is_final() { Mended::Never(error) } else { Mended::NotYet }
        }
    }
}

async fn write(journal: &Journal, reading: Reading, unwritten: &Unwritten) -> Result<(), JournalError> {
    let intents: Vec<AdmissionId> = unwritten.intents.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if !intents.is_empty() {
        // Withdrawing what the arbiter has declined already is harmless.
        journal.withdraw(intents.clone(), reading.now).await?;
        unwritten.intents.lock().unwrap_or_else(PoisonError::into_inner).retain(|intent| !intents.contains(intent));
    }
    let opened: Vec<Opened> = unwritten.opened.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for (admissions, at) in &opened {
        // Noting it twice is harmless.
        journal.note_opened(admissions.clone(), *at).await?;
    }
    unwritten.opened.lock().unwrap_or_else(PoisonError::into_inner).retain(|noted| !opened.contains(noted));
    let exited: Vec<Exited> = unwritten.exited.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for (departures, at) in &exited {
        journal.note_exited(departures.clone(), *at).await?;
    }
    unwritten.exited.lock().unwrap_or_else(PoisonError::into_inner).retain(|noted| !exited.contains(noted));
    journal.note_time(reading).await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kido_shared::admission::DecidedOn;
    use kido_shared::ids::{FeedSequence, TicketId};
    use kido_shared::verdict::Used;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;
    use crate::journal::PlannedEntry;

    #[tokio::test]
    async fn an_opened_lane_that_could_not_be_noted_is_noted_once_the_disk_takes_facts_again() {
        let (_home, journal) = crate::journal::tests::journal();
        let now = Timestamp::from_unix_seconds(1_790_000_000);
        let decided_on = DecidedOn {
            ticket: FeedSequence::FIRST,
            binding: FeedSequence::FIRST,
            epoch: kido_shared::ids::Epoch::FIRST,
        };
        let ticket = TicketId::from_bytes([3; 16]);
        let planned = PlannedEntry { ticket, decided_on, entry: 1 };
        let admitted = journal.admit_offline(vec![planned], now, &mut StdRng::seed_from_u64(1)).await.unwrap();
        let admission = admitted.stored[0].admission().id;
        let unwritten = Unwritten::default();
        unwritten.opened(vec![admission], now);
        assert!(unwritten.has_failed());
        let reading = Reading { now: now.after(Duration::from_secs(1)), certain: true };
        assert!(matches!(mend(&journal, reading, &unwritten).await, Mended::Yes));
        assert!(!unwritten.has_failed());
        assert!(matches!(journal.used(ticket).unwrap(), Used::Inside { .. }));
        let sent = journal.outbox().unwrap();
        assert_eq!(sent.batch().admissions[0].opened_at, Some(now), "the moment when it opened");
    }
}
