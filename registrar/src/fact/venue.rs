//! Facts about gates and arbiters, and what they brought.

use kido_shared::admission::Admission;
use kido_shared::claim::{ClaimStep, TicketClaims};
use kido_shared::clock::Timestamp;
use kido_shared::feed::Conflict;
use kido_shared::ids::{ArbiterId, FeedSequence, GateId};
use kido_shared::showing::RefusedShowing;
use kido_shared::ticket::Zone;

use crate::domain::arbiter::Arbiter;

/// A new gate.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct GateAdded {
    /// Its id.
    #[n(0)]
    pub gate: GateId,
    /// Its Ed25519 key.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub verifying_key: [u8; 32],
    /// The part of the venue that it opens.
    #[n(2)]
    pub zone: Zone,
    /// What is written over the entrance.
    #[n(3)]
    pub entrance: Zone,
    /// When.
    #[n(4)]
    pub at: Timestamp,
    /// Place of its record in the feed.
    #[n(5)]
    pub record: FeedSequence,
}

/// A gate was revoked.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct GateRevoked {
    /// Which gate.
    #[n(0)]
    pub gate: GateId,
    /// When.
    #[n(1)]
    pub at: Timestamp,
    /// Place of its record in the feed.
    #[n(2)]
    pub record: FeedSequence,
    /// Whether by the registrar itself, because two machines ran with its keys.
    #[n(3)]
    pub copied: Option<bool>,
}

/// A new venue arbiter.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct ArbiterAdded {
    /// The arbiter as it is kept.
    #[n(0)]
    pub arbiter: Arbiter,
}

/// A venue arbiter was revoked.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct ArbiterRevoked {
    /// Which.
    #[n(0)]
    pub arbiter: ArbiterId,
    /// When.
    #[n(1)]
    pub at: Timestamp,
}

/// The arbiter took a step.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct ClaimChanged {
    /// The step.
    #[n(0)]
    pub step: ClaimStep,
    /// The ticket's record after it.
    #[n(1)]
    pub claims: TicketClaims,
    /// When, by the registrar's clock.
    #[n(2)]
    pub at: Timestamp,
    /// Place of the record that tells gates, where they must know.
    #[n(3)]
    pub record: Option<FeedSequence>,
}

/// A gate let a holder in.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct AdmissionRecorded {
    /// The admission as the gate stored it.
    #[n(0)]
    pub admission: Admission,
    /// When it arrived here.
    #[n(1)]
    pub at: Timestamp,
    /// Place of its record in the feed.
    #[n(2)]
    pub record: FeedSequence,
    /// Whether its entry is its own: false where the entry had been given back or another admission holds it.
    #[n(3)]
    pub holds_entry: bool,
}

/// Two admissions of one entry.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct ConflictRecorded {
    /// Which.
    #[n(0)]
    pub conflict: Conflict,
    /// At which gate the second one came in.
    #[n(1)]
    pub gate: GateId,
    /// Place of its record in the feed.
    #[n(2)]
    pub record: FeedSequence,
}

/// A holder's proof opened nothing.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct ShowingRefused {
    /// The showing as the gate stored it.
    #[n(0)]
    pub showing: RefusedShowing,
    /// When it arrived here.
    #[n(1)]
    pub at: Timestamp,
}
