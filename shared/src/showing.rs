//! A refused showing: a card proved itself at a gate, and its ticket did not enter.
//!
//! The holder sees every proved use of a ticket (`protocol.md` §9), so that somebody else's use of card and PIN is seen,
//! too. What was shown without a proof is counted and no more: a copied certificate must not write into a history.

use crate::clock::Timestamp;
use crate::ids::{GateId, ShowingId, TicketId};
use crate::refusal::StaffCode;

/// One proof that a gate did not let in, as it is stored and uploaded.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, minicbor::Encode, minicbor::Decode,
)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct RefusedShowing {
    /// What makes repeating it harmless.
    #[n(0)]
    pub id: ShowingId,
    /// Which ticket.
    #[n(1)]
    pub ticket: TicketId,
    /// At which gate.
    #[n(2)]
    pub gate: GateId,
    /// When, by the gate's clock.
    #[n(3)]
    pub at: Timestamp,
    /// Why, as staff were told.
    #[n(4)]
    pub code: StaffCode,
}
