//! An admission: the recorded fact that a holder entered.

use crate::clock::Timestamp;
use crate::ids::{AdmissionId, FeedSequence, GateId, TicketId};

/// How an admission was decided.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, minicbor::Encode, minicbor::Decode,
)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum AdmissionBasis {
    /// The arbiter granted the claim first.
    #[n(0)]
    Claimed,
    /// No arbiter answered; the event's offline choice allowed it.
    #[n(1)]
    Offline,
    /// Staff let the holder in by hand.
    #[n(2)]
    ByHand,
}

/// One entry of one ticket, as it is stored, uploaded and published.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, minicbor::Encode, minicbor::Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Admission {
    /// What makes repeating it harmless.
    #[n(0)]
    pub id: AdmissionId,
    /// Which ticket.
    #[n(1)]
    pub ticket: TicketId,
    /// At which gate.
    #[n(2)]
    pub gate: GateId,
    /// Which entry of the ticket, from 1.
    #[n(3)]
    pub entry: u32,
    /// When, by the gate's clock.
    #[n(4)]
    pub at: Timestamp,
    /// How it was decided.
    #[n(5)]
    pub basis: AdmissionBasis,
}

/// How an admission ended.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
    minicbor::Encode,
    minicbor::Decode,
)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum EndedBy {
    /// The barrier said *closed, and nobody passed*: the entry is as if it had never been.
    #[n(0)]
    Annulled,
    /// The holder went out, after a proof and through a barrier: the entry was used, and is over.
    #[n(1)]
    Exited,
}

/// The end of an admission, as it is stored, uploaded and carried: by its own gate where nobody passed, by whichever
/// gate saw the holder go where somebody did.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, minicbor::Encode, minicbor::Decode,
)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Ending {
    /// Which admission; what makes repeating it harmless.
    #[n(0)]
    pub admission: AdmissionId,
    /// Of which ticket.
    #[n(1)]
    pub ticket: TicketId,
    /// Which gate saw it.
    #[n(2)]
    pub gate: GateId,
    /// How.
    #[n(3)]
    pub by: EndedBy,
    /// When, by that gate's clock.
    #[n(4)]
    pub at: Timestamp,
}

/// The places of the two records that a decision rests on; an arbiter that knows newer ones answers *stale*.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, minicbor::Encode, minicbor::Decode,
)]
#[serde(deny_unknown_fields)]
#[cbor(array)]
pub struct DecidedOn {
    /// The ticket record.
    #[n(0)]
    pub ticket: FeedSequence,
    /// The binding record.
    #[n(1)]
    pub binding: FeedSequence,
}
