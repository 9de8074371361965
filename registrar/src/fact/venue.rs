//! Facts about gates and arbiters, and what they brought.

use kido_shared::admission::{Admission, Ending};
use kido_shared::claim::{ClaimStep, FreedClaims, TicketClaims};
use kido_shared::clock::Timestamp;
use kido_shared::feed::Conflict;
use kido_shared::ids::{AdmissionId, ArbiterId, FeedSequence, GateId, TicketId};
use kido_shared::showing::RefusedShowing;
use kido_shared::ticket::Zone;

use crate::domain::arbiter::Arbiter;
use crate::domain::hand_over::FeedPlace;

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

/// Claims of a revoked gate were set free by an operator.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct GateClaimsFreed {
    /// Whose.
    #[n(0)]
    pub gate: GateId,
    /// Which of them.
    #[n(1)]
    pub freed: FreedClaims,
    /// When.
    #[n(2)]
    pub at: Timestamp,
    /// Place of its record in the feed.
    #[n(3)]
    pub record: FeedSequence,
}

/// A gate has told that it knows of the end of its own deciding.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct GateHeard {
    /// Which gate.
    #[n(0)]
    pub gate: GateId,
    /// The record that ended it.
    #[n(1)]
    pub ending: FeedPlace,
    /// When.
    #[n(2)]
    pub at: Timestamp,
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

/// A gate has told how an admission ended that is not known here yet: it counts as soon as the admission comes.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct EndingHeld {
    /// As the gate stored it.
    #[n(0)]
    pub ending: Ending,
    /// When it arrived here.
    #[n(1)]
    pub at: Timestamp,
}

/// An admission is over, by the word of a gate; what the arbiter inside this registrar ended stands in its own fact.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct AdmissionEnded {
    /// As the gate stored it.
    #[n(0)]
    pub ending: Ending,
    /// When it arrived here.
    #[n(1)]
    pub at: Timestamp,
    /// Place of its record in the feed; nothing where the end was known, and only its moment comes closer to the truth.
    #[n(2)]
    pub record: Option<FeedSequence>,
}

/// Two admissions that were taken for one entry's are not: one of them had ended. The conflict stays in the list, as
/// settled.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct ConflictSettled {
    /// Of which ticket.
    #[n(0)]
    pub ticket: TicketId,
    /// Of which entry.
    #[n(1)]
    pub entry: u32,
    /// The two admissions, as the conflict names them.
    #[n(2)]
    pub first: AdmissionId,
    /// The second of them.
    #[n(3)]
    pub second: AdmissionId,
    /// At which gate the second one came in.
    #[n(4)]
    pub gate: GateId,
    /// When.
    #[n(5)]
    pub at: Timestamp,
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
