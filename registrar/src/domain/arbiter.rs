//! The rules of an event's venue arbiters.
//!
//! **Invariant**: one set of records decides for an event. A box is enrolled for one incarnation of the event's arbiter:
//! one that keeps its records itself is alone in it, several share theirs. Revoking the last box of an incarnation begins
//! the next one in the same step. Gates name the incarnation that they believe in, and a box answers for its own alone.

use kido_shared::challenge::Origin;
use kido_shared::clock::Timestamp;
use kido_shared::feed::{ARBITER_ADDRESSES_MAX, ArbiterRecord};
use kido_shared::ids::ArbiterId;
use kido_shared::policy::{ArbiterHome, ArbiterName, EventPolicy, PolicyDraft, PolicyError};

/// Most venue arbiters of one event, revoked ones included: a box that dies every night for two months.
pub const ARBITERS_MAX: usize = 64;

/// Most boxes at a time that share their records: more voters than five make each write slower and no venue safer.
pub const SHARED_MAX: usize = 5;

/// Why a venue arbiter is not added, revoked or believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ArbiterRefusal {
    /// The event's claims are not decided in the venue.
    #[error("this event's claims are not decided in the venue; choose that first (event update --arbiter venue)")]
    NotVenue,
    /// There is one already, and two would decide for themselves.
    #[error("this event has its venue arbiter; revoke that one first, once its box is off")]
    OneOnly,
    /// There are as many as share records at most.
    #[error("at most {SHARED_MAX} boxes share their records; revoke one first")]
    SharedMax,
    /// Gates ask another box there.
    #[error("another box of this event is asked at one of these addresses")]
    AddressTaken,
    /// No such arbiter in this event.
    #[error("no such arbiter in this event")]
    Unknown,
    /// The arbiter was revoked.
    #[error("this arbiter was revoked")]
    Revoked,
    /// The id is another arbiter's already.
    #[error("another arbiter has this id")]
    Exists,
    /// Gates would find no arbiter, or more addresses than a record holds.
    #[error("an arbiter has one to {ARBITER_ADDRESSES_MAX} addresses, each once")]
    Addresses,
    /// More than an event may have.
    #[error("an event has at most {ARBITERS_MAX} arbiters")]
    TooMany,
    /// Nobody has said that the box is off: it may go on deciding for gates that have not heard of its end.
    #[error("switch the box off first, for good: what it granted since its last upload only it knows")]
    BoxNotOff,
}

/// A venue arbiter as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
pub struct Arbiter {
    /// Its Ed25519 key.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub verifying_key: [u8; 32],
    /// What gates know of it.
    #[n(1)]
    pub record: ArbiterRecord,
    /// When it came.
    #[n(2)]
    pub added_at: Timestamp,
}

/// Whether a further arbiter, alone or one of several that share their records, may be added to these.
///
/// # Errors
/// [`ArbiterRefusal`].
pub fn may_add(
    policy: &EventPolicy,
    (addresses, shared): (&[Origin], bool),
    arbiters: &[Arbiter],
) -> Result<(), ArbiterRefusal> {
    if policy.choices().arbiter.home != ArbiterHome::Venue {
        return Err(ArbiterRefusal::NotVenue);
    }
    let once = addresses.iter().enumerate().all(|(at, address)| !addresses.iter().take(at).any(|one| one == address));
    if !once || !(1..=ARBITER_ADDRESSES_MAX).contains(&addresses.len()) {
        return Err(ArbiterRefusal::Addresses);
    }
    let standing: Vec<_> = arbiters.iter().map(|arbiter| &arbiter.record).filter(|record| !record.revoked).collect();
    if standing.iter().any(|record| !(shared && record.shared)) {
        return Err(ArbiterRefusal::OneOnly);
    }
    if standing.iter().any(|record| record.addresses.iter().any(|taken| addresses.contains(taken))) {
        return Err(ArbiterRefusal::AddressTaken);
    }
    if standing.len() >= SHARED_MAX {
        return Err(ArbiterRefusal::SharedMax);
    }
    if arbiters.len() >= ARBITERS_MAX { Err(ArbiterRefusal::TooMany) } else { Ok(()) }
}

/// Whether the records outlive the arbiter that is revoked: other boxes decide on them, for the same incarnation.
#[must_use]
pub fn goes_on_without(arbiter: ArbiterId, arbiters: &[Arbiter]) -> bool {
    let others = arbiters.iter().map(|other| &other.record).filter(|record| record.arbiter != arbiter);
    others.into_iter().any(|record| !record.revoked && record.shared)
}

/// The policy behind a revoked arbiter: the next incarnation, which the old box is none of.
///
/// # Errors
/// [`PolicyError`], which a policy that is in force never gives.
pub fn after_revocation(policy: &EventPolicy) -> Result<EventPolicy, PolicyError> {
    let draft = policy.choices();
    let arbiter = ArbiterName { epoch: draft.arbiter.epoch.saturating_add(1), ..draft.arbiter.clone() };
    EventPolicy::new(PolicyDraft { arbiter, ..draft.clone() })
}

/// The arbiter, where it may still speak for its event.
///
/// # Errors
/// [`ArbiterRefusal::Unknown`] or [`ArbiterRefusal::Revoked`].
pub fn in_force(arbiter: Option<Arbiter>) -> Result<Arbiter, ArbiterRefusal> {
    match arbiter {
        None => Err(ArbiterRefusal::Unknown),
        Some(arbiter) if arbiter.record.revoked => Err(ArbiterRefusal::Revoked),
        Some(arbiter) => Ok(arbiter),
    }
}
