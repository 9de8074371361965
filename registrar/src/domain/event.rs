//! The rules of an event's policy.

use core::time::Duration;

use kido_shared::clock::Timestamp;
use kido_shared::ids::GateId;
use kido_shared::policy::{ArbiterHome, EventPolicy};

/// Why an event is not made or its policy not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EventRefusal {
    /// Its retention date has passed: everything of it would be due for deletion.
    #[error("the retention date has passed")]
    Over,
    /// What it rehearses was settled when it was made: test cards never come to a real event, nor the other way.
    #[error("an event cannot become a rehearsal, nor cease to be one")]
    RehearsalFixed,
    /// The arbiter inside a gate serves one gate only.
    #[error("a local arbiter serves one gate, this event has {gates}")]
    LocalArbiter {
        /// Gates that are not revoked.
        gates: usize,
    },
    /// Where claims are decided is settled by the first of them: another arbiter knows nothing of it and admits again.
    #[error("somebody was admitted or claimed already: the arbiter stays where it is")]
    ArbiterFixed,
    /// A choice that the policy can record and no gate follows. It is refused, so that nobody relies on it.
    #[error("{0} is not offered yet")]
    NotOffered(&'static str),
    /// The change was made from choices that are not in force any more.
    #[error("somebody else changed this event meanwhile: look again, then change what is still to be changed")]
    ChangedMeanwhile,
    /// The dates do not fit into a policy.
    #[error("the event cannot be moved there: its dates would contradict each other")]
    NoSuchDate,
    /// Its tickets are still following it to another date.
    #[error("the event is being moved to the date that it has now: go on with that one first, then move it again")]
    OtherDateUnderWay,
    /// So late a retention date is a mistake in the year.
    #[error("the retention date is at most {RETENTION_YEARS_MAX} years ahead")]
    TooFarAhead,
    /// Its retention date has not come: its holders were promised that they can look until then.
    #[error("the event is kept until its retention date")]
    Kept,
    /// A gate has told that it still holds what nobody else knows.
    #[error("gate {gate} still holds entries to upload: let it, or revoke it if it is lost")]
    EntriesOut {
        /// Which gate.
        gate: GateId,
    },
    /// The root key is away, and no identity that it has certified is left.
    #[error("no certified event identity is left: add some with the root key (kido-registrar key stock)")]
    NoSpareIdentity,
}

/// Furthest retention date. Tickets are sold a year ahead; beyond a century a digit slipped, and a week's key would be made
/// for it.
const RETENTION_YEARS_MAX: u32 = 100;
const YEAR: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// Whether an event may be made.
///
/// # Errors
/// [`EventRefusal`].
pub fn may_create(policy: &EventPolicy, now: Timestamp) -> Result<(), EventRefusal> {
    let retention_at = policy.choices().retention_at;
    if retention_at <= now {
        return Err(EventRefusal::Over);
    }
    if retention_at > now.after(YEAR * RETENTION_YEARS_MAX) { Err(EventRefusal::TooFarAhead) } else { Ok(()) }
}

/// Whether an event may be deleted.
///
/// # Errors
/// [`EventRefusal::Kept`].
pub fn may_forget(policy: &EventPolicy, now: Timestamp) -> Result<(), EventRefusal> {
    if policy.choices().retention_at <= now { Ok(()) } else { Err(EventRefusal::Kept) }
}

/// How far an event has gone, as far as a change of its policy depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventSoFar {
    /// Gates that are not revoked.
    pub gates: usize,
    /// Whether any ticket has been claimed or admitted, given back since or not.
    pub used: bool,
    /// Whether a venue arbiter was ever enrolled: what it granted, only it knows.
    pub in_venue: bool,
}

/// Whether a policy may take another's place, in an event that has gone so far.
///
/// # Errors
/// [`EventRefusal`].
pub fn may_change(
    old: &EventPolicy,
    new: &EventPolicy,
    so_far: EventSoFar,
    now: Timestamp,
) -> Result<(), EventRefusal> {
    let EventSoFar { gates, used, in_venue } = so_far;
    may_create(new, now)?;
    if old.choices().rehearsal_of != new.choices().rehearsal_of {
        return Err(EventRefusal::RehearsalFixed);
    }
    if (used || in_venue) && old.choices().arbiter != new.choices().arbiter {
        return Err(EventRefusal::ArbiterFixed);
    }
    if new.choices().arbiter.home == ArbiterHome::Local && gates > 1 {
        return Err(EventRefusal::LocalArbiter { gates });
    }
    Ok(())
}
