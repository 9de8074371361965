//! Facts of a feed that begins anew.

use kido_shared::clock::Timestamp;
use kido_shared::ids::{Epoch, FeedSequence, GateId, TicketId};
use minicbor::bytes::ByteVec;

use crate::domain::cut::Retelling;

/// The feed begins anew: its first records are told with this, its tickets behind it.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct FeedCut {
    /// The root key's word for it.
    #[n(0)]
    pub cut: ByteVec,
    /// The epoch that begins.
    #[n(1)]
    pub epoch: Epoch,
    /// When.
    #[n(2)]
    pub at: Timestamp,
    /// Places of the gates' records in it.
    #[n(3)]
    pub gates: Vec<(GateId, FeedSequence)>,
}

/// A ticket in the new epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
pub struct RetoldTicket {
    /// Which.
    #[n(0)]
    pub ticket: TicketId,
    /// Place of its record.
    #[n(1)]
    pub ticket_at: FeedSequence,
    /// Place of its binding's record, where it ever had one.
    #[n(2)]
    pub binding_at: Option<FeedSequence>,
}

/// Tickets were told of in the new epoch, and what became of them.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct TicketsRetold {
    /// Which.
    #[n(0)]
    pub tickets: Vec<RetoldTicket>,
    /// Where it goes on; nothing where all have been told of.
    #[n(1)]
    pub next: Option<Retelling>,
}
