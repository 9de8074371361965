//! Whether this gate could admit anybody at all, and mending what mends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kido_shared::clock::{Clock as _, Timestamp};
use kido_shared::error_chain::Chain;
use kido_shared::ids::AdmissionId;
use kido_shared::refusal::Refusal;
use kido_shared::verdict::Connectivity;

use super::{Condition, Parts};
use crate::claim::decider::Decider;
use crate::claim::http::ArbiterClient;
use crate::clockwork::Reading;
use crate::journal::{Journal, JournalError};

/// How often the ward looks: a lane that cannot admit says so within a second.
pub(super) const INTERVAL: Duration = Duration::from_millis(500);

/// How often a certain moment is kept on disk: well within the jump that a start believes.
pub(super) const TIME_NOTED_EVERY: Duration = Duration::from_secs(60);

/// What the disk has refused, until it takes it: the lane is out of service meanwhile, so that there is little of it.
#[derive(Debug, Default)]
pub(super) struct Unwritten {
    failed: AtomicBool,
    intents: Mutex<Vec<AdmissionId>>,
    opened: Mutex<Vec<Opened>>,
}

/// Lanes that opened together, and when.
type Opened = (Vec<AdmissionId>, Timestamp);

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
    journal.note_time(reading).await
}

/// How long all clocks must agree that the retention date has passed before anything is wiped: a registrar that woke up
/// in next year is noticed within the hour.
const RETENTION_AGREED_FOR: Duration = Duration::from_secs(60 * 60);

/// Since when everybody has agreed that this gate's data should be gone.
#[derive(Debug, Default)]
pub(super) struct Retention {
    agreed_since: Option<Timestamp>,
}

impl Retention {
    /// Looks again: by the registrar's word, by this gate's own time, and by the steady clock's.
    pub(super) fn look(&mut self, parts: &Parts) {
        let (heard, reading) = (parts.clock.heard(), parts.clock.reading());
        let agreed = parts.replica.standing().retention_at.is_some_and(|at| is_over(at, heard, reading));
        let since = self.agreed_since.unwrap_or_else(|| parts.clock.steady().now());
        self.agreed_since = agreed.then_some(since);
    }

    /// Whether the date has come.
    pub(super) fn has_come(&self, steady: Timestamp) -> bool {
        self.agreed_since.is_some_and(|since| steady.since(since) >= RETENTION_AGREED_FOR)
    }
}

/// Whether the retention date has come by the registrar's last word in this run and by this gate's certain time.
///
/// Wiping cannot be undone, so neither is enough alone.
fn is_over(retention: Timestamp, heard: Option<Timestamp>, reading: Reading) -> bool {
    reading.certain && reading.now >= retention && heard.is_some_and(|issued_at| issued_at >= retention)
}

/// Whether a wipe would lose nothing that somebody still has to hear.
pub(super) fn delivered(parts: &Parts) -> bool {
    parts.journal.is_delivered().unwrap_or_else(|error| {
        tracing::error!(error = %Chain(&error), "the journal could not be asked");
        false
    })
}

/// What holds now. The gravest first: what no change of time or line mends.
pub(super) fn condition(
    parts: &Parts,
    arbiter: &ArbiterClient,
    retention: &Retention,
    storage_failed: bool,
) -> Condition {
    let standing = parts.replica.standing();
    let reading = parts.clock.reading();
    if retention.has_come(parts.clock.steady().now()) && delivered(parts) {
        return Condition::Over;
    }
    if storage_failed {
        return Condition::Unfit(Refusal::StorageFailed);
    }
    let Some(policy) = standing.policy.as_deref() else { return Condition::Unfit(Refusal::ReplicaTooOld) };
    // A gate that was revoked is told so by the feed; it knows nothing newer that it may act on.
    if standing.is_revoked() || standing.age(reading.now) > policy.replica_age_max() {
        return Condition::Unfit(Refusal::ReplicaTooOld);
    }
    let decider = Decider::of(policy, standing.gates);
    if decider == Decider::Nobody {
        return Condition::Unfit(Refusal::OfflineNotAllowed);
    }
    match decider.connectivity(arbiter.connectivity(parts.clock.steady().now())) {
        Connectivity::Offline if !policy.choices().offline.allows(standing.zone_has_one_gate()) => {
            Condition::Unfit(Refusal::OfflineNotAllowed)
        }
        Connectivity::Online | Connectivity::Offline => Condition::Fit,
    }
}

#[cfg(test)]
mod tests {
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
        let decided_on = DecidedOn { ticket: FeedSequence::FIRST, binding: FeedSequence::FIRST };
        let ticket = TicketId::from_bytes([3; 16]);
        let planned = PlannedEntry { ticket, decided_on, entry: 1 };
        let admitted = journal.admit_offline(vec![planned], now, &mut StdRng::seed_from_u64(1)).await.unwrap();
        let admission = admitted.stored[0].admission().id;
        let unwritten = Unwritten::default();
        unwritten.opened(vec![admission], now);
        assert!(unwritten.has_failed());
        let reading = Reading { now: now.after(INTERVAL), certain: true };
        assert!(matches!(mend(&journal, reading, &unwritten).await, Mended::Yes));
        assert!(!unwritten.has_failed());
        assert!(matches!(journal.used(ticket).unwrap(), Used::Inside { .. }));
        let sent = journal.outbox().unwrap();
        assert_eq!(sent.batch().admissions[0].opened_at, Some(now), "the moment when it opened");
    }

    #[test]
    fn a_gate_wipes_itself_only_where_registrar_and_gate_agree_that_retention_has_come() {
        let retention = Timestamp::from_unix_seconds(1_800_000_000);
        let before = retention.before(Duration::from_secs(1));
        let sure = |now| Reading { now, certain: true };
        assert!(!is_over(retention, None, sure(retention)), "whatever this gate's clock says");
        assert!(!is_over(retention, Some(before), sure(retention)));
        assert!(!is_over(retention, Some(retention), sure(before)), "whatever the registrar's clock says");
        assert!(!is_over(retention, Some(retention), Reading { now: retention, certain: false }));
        assert!(is_over(retention, Some(retention), sure(retention)));
    }

    #[test]
    fn retention_must_be_agreed_on_for_an_hour() {
        let noon = Timestamp::from_unix_seconds(1_800_000_000);
        let agreed = Retention { agreed_since: Some(noon) };
        assert!(!Retention::default().has_come(noon.after(RETENTION_AGREED_FOR)));
        assert!(!agreed.has_come(noon.after(RETENTION_AGREED_FOR).before(Duration::from_secs(1))));
        assert!(agreed.has_come(noon.after(RETENTION_AGREED_FOR)));
    }
}
