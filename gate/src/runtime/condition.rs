//! Whether this gate could admit anybody at all.

use kido_shared::challenge::Passage;
use kido_shared::clock::Clock as _;
use kido_shared::refusal::Refusal;
use kido_shared::verdict::Connectivity;

use super::Parts;
use super::retention::{Retention, delivered};
use crate::claim::decider::Decider;
use crate::claim::http::ArbiterClient;
use crate::journal::JournalError;

/// Whether the gate could admit anybody, and whether it may go on at all.
#[derive(Debug, Clone)]
pub(super) enum Condition {
    /// It could.
    Fit,
    /// It could not, for this reason.
    Unfit(Refusal),
    /// The retention date has come.
    Over,
    /// The journal takes nothing more in this process: the next one reads what the disk really holds.
    Broken(JournalError),
}

impl Condition {
    /// Whether the lane would be told nothing new.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Fit, Self::Fit) | (Self::Over, Self::Over) | (Self::Broken(_), Self::Broken(_)) => true,
            (Self::Unfit(one), Self::Unfit(another)) => one == another,
            (Self::Fit | Self::Unfit(_) | Self::Over | Self::Broken(_), _) => false,
        }
    }
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
    // Who goes out needs no arbiter: it is told afterwards.
    if parts.passage == Passage::Out {
        return Condition::Fit;
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
