//! The rules of an event's gates.

use kido_shared::claim::FreedClaims;
use kido_shared::clock::Timestamp;
use kido_shared::feed::GateRecord;
use kido_shared::ids::{FeedSequence, GateId};
use kido_shared::policy::{ArbiterHome, EventPolicy, OfflineChoice};
use kido_shared::ticket::Zone;

use super::hand_over::{Endings, FeedPlace};

/// Most gates of one event, revoked ones included: five times the largest venue planned for.
pub const GATES_MAX: usize = 1_000;

/// Why a gate is not added, revoked or believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GateRefusal {
    /// No such gate in this event.
    #[error("no such gate in this event")]
    UnknownGate,
    /// The gate was revoked.
    #[error("this gate was revoked")]
    Revoked,
    /// What was sent by a run of the gate that has ended since.
    #[error("this gate has started anew since it sent this")]
    EarlierRun,
    /// The id is another gate's already.
    #[error("another gate has this id")]
    Exists,
    /// The arbiter inside a gate serves one gate only.
    #[error("this event's arbiter is its only gate; choose another arbiter before adding a second gate")]
    LocalArbiter,
    /// While a zone's only gate may admit without its line, a second one beside it could admit the same ticket again.
    #[error(
        "this zone has a gate that admits while it is offline: revoke that one first, or choose another offline choice"
    )]
    HomeGate,
    /// A gate of the zone decided by itself, and has not told yet that it knows better.
    #[error(
        "gate {gate} may still admit by itself while it is offline: it has not heard of the new choice yet, or has \
         entries to upload. Bring it on line for a moment, or the feed to it (feed export) and its journal back here \
         (kido-gate journal export --acknowledge), or revoke it if it is lost"
    )]
    Unheard {
        /// Which gate.
        gate: GateId,
    },
    /// Claims of a gate in force are its own: it may be about to open for them.
    #[error("this gate is in force: revoke it first, so that it claims nothing more")]
    InForce,
    /// More of its claims are held than the operator was told of.
    #[error("{held} of its claims are held, and {told} were named: look again before you decide")]
    ClaimsChanged {
        /// How many are held.
        held: u64,
        /// How many the operator was told of.
        told: u64,
    },
    /// More gates than an event may have.
    #[error("an event has at most {GATES_MAX} gates")]
    TooManyGates,
}

/// A gate as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
pub struct Gate {
    /// Its Ed25519 key.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub verifying_key: [u8; 32],
    /// The part of the venue that it opens.
    #[n(1)]
    pub zone: Zone,
    /// What is written over the entrance.
    #[n(2)]
    pub entrance: Zone,
    /// Whether it was revoked.
    #[n(3)]
    pub revoked: bool,
    /// When it came.
    #[n(4)]
    pub added_at: Timestamp,
    /// Its newest record in the feed.
    #[n(5)]
    pub record_at: FeedSequence,
    /// Whether it was revoked because two machines ran with its keys.
    #[n(6)]
    pub copied: bool,
    /// The newest end of its own deciding that it has told to know, with nothing left to upload from before.
    #[n(7)]
    pub heard: Option<FeedPlace>,
    /// Which of its claims an operator has set free.
    #[n(8)]
    pub freed: Option<FreedClaims>,
}

impl Gate {
    /// The record that gates get.
    #[must_use]
    pub fn record(&self, gate: GateId) -> GateRecord {
        GateRecord {
            gate,
            verifying_key: self.verifying_key,
            zone: self.zone.clone(),
            entrance: self.entrance.clone(),
            revoked: self.revoked,
        }
    }
}

/// Whether a further gate of this zone may be added to these.
///
/// # Errors
/// [`GateRefusal::LocalArbiter`], [`GateRefusal::HomeGate`], [`GateRefusal::Unheard`] or [`GateRefusal::TooManyGates`].
pub fn may_add(
    policy: &EventPolicy,
    endings: &Endings,
    zone: &Zone,
    gates: &[(GateId, Gate)],
) -> Result<(), GateRefusal> {
    let in_force = || gates.iter().filter(|(_, gate)| !gate.revoked);
    let of_zone = in_force().filter(|(_, gate)| gate.zone == *zone).count();
    if policy.choices().offline == OfflineChoice::HomeGate && of_zone > 0 {
        return Err(GateRefusal::HomeGate);
    }
    if policy.choices().arbiter.home == ArbiterHome::Local && in_force().next().is_some() {
        return Err(GateRefusal::LocalArbiter);
    }
    if let Some((gate, _)) = in_force().find(|(_, gate)| endings.binds(gate.heard, gate.zone == *zone)) {
        return Err(GateRefusal::Unheard { gate: *gate });
    }
    if gates.len() >= GATES_MAX { Err(GateRefusal::TooManyGates) } else { Ok(()) }
}

/// Whose word is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Believed {
    /// That of gates in force.
    InForce,
    /// That of revoked gates as well: an operator has looked at where their journal comes from, and says that it is theirs.
    RevokedToo,
}

impl Believed {
    /// The gate, where its word is taken.
    ///
    /// # Errors
    /// [`GateRefusal::UnknownGate`] or [`GateRefusal::Revoked`].
    pub fn gate(self, gate: Option<Gate>) -> Result<Gate, GateRefusal> {
        match self {
            Self::InForce => in_force(gate),
            Self::RevokedToo => gate.ok_or(GateRefusal::UnknownGate),
        }
    }
}

/// The gate, where it may still speak for its event.
///
/// # Errors
/// [`GateRefusal::UnknownGate`] or [`GateRefusal::Revoked`].
pub fn in_force(gate: Option<Gate>) -> Result<Gate, GateRefusal> {
    match gate {
        None => Err(GateRefusal::UnknownGate),
        Some(Gate { revoked: true, .. }) => Err(GateRefusal::Revoked),
        Some(gate) => Ok(gate),
    }
}
