//! Whether this gate could admit anybody at all, and mending what mends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kido_shared::clock::Clock as _;
use kido_shared::ids::AdmissionId;
use kido_shared::policy::OfflineChoice;
use kido_shared::refusal::Refusal;
use kido_shared::verdict::Connectivity;

use super::effects::connectivity;
use super::{Condition, Parts};
use crate::claim::http::ArbiterClient;
use crate::claim::local::Decider;

/// How often the ward looks: a lane that cannot admit says so within a second.
pub(super) const INTERVAL: Duration = Duration::from_millis(500);

/// How often the moment is kept on disk, where no other fact has kept it.
pub(super) const TIME_NOTED_EVERY: Duration = Duration::from_secs(5 * 60);

/// Tries whether the disk takes facts again, and ends the intents that it did not take the end of.
pub(super) async fn mend(parts: &Parts, failed: &AtomicBool, unended: &Mutex<Vec<AdmissionId>>) {
    let now = parts.clock.now();
    let left: Vec<AdmissionId> = unended.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mended = if left.is_empty() {
        parts.journal.note_time(now).await
    } else {
        // Withdrawing what the arbiter has declined already is harmless.
        parts.journal.withdraw(left.clone(), now).await
    };
    match mended {
        Ok(()) => {
            unended.lock().unwrap_or_else(PoisonError::into_inner).retain(|intent| !left.contains(intent));
            failed.store(false, Ordering::SeqCst);
            tracing::info!("the disk takes facts again");
        }
        Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "the disk takes no facts"),
    }
}

/// What holds now. The gravest first: what no change of time or line mends.
pub(super) fn condition(parts: &Parts, arbiter: &ArbiterClient, storage_failed: bool) -> Condition {
    let standing = parts.replica.standing();
    let reading = parts.clock.reading();
    if reading.certain && standing.retention_at.is_some_and(|retention| reading.now >= retention) {
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
    if Decider::of(policy, standing.gates) == Decider::Nobody {
        return Condition::Unfit(Refusal::OfflineNotAllowed);
    }
    let offline = connectivity(policy, &standing, arbiter, reading.now) == Connectivity::Offline;
    let allowed = match policy.choices().offline {
        OfflineChoice::Refuse => false,
        OfflineChoice::HomeGate => standing.zone_has_one_gate(),
        OfflineChoice::Admit => true,
    };
    if offline && !allowed { Condition::Unfit(Refusal::OfflineNotAllowed) } else { Condition::Fit }
}
