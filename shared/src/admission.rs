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
