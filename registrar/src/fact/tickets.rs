//! Facts about tickets and their cards.

use core::ops::Range;

use kido_shared::clock::Timestamp;
use kido_shared::codes::CodeHash;
use kido_shared::ids::{FeedSequence, TicketId};

use super::FactError;
use crate::domain::history::Actor;
use crate::domain::reference::ReferenceHash;
use crate::domain::ticket::{ChangesOfDay, KeptBinding, Particulars, Stage, StatusChange, Ticket};

/// Tickets on their event's new date.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct WindowsMoved {
    /// Which tickets; how far stands with the event.
    #[n(0)]
    pub tickets: Vec<TicketId>,
    /// Place of the first ticket's new record in the feed; the others follow in order.
    #[n(1)]
    pub first_record: FeedSequence,
    /// The last ticket that was looked at; none where no further one is left.
    #[n(2)]
    pub reached: Option<TicketId>,
    /// When.
    #[n(3)]
    pub at: Timestamp,
}

/// A batch of tickets.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct TicketsImported {
    /// Whether they were paid for.
    #[n(0)]
    pub paid: bool,
    /// Place of the first ticket's record in the feed; the others follow in order.
    #[n(1)]
    pub first_record: FeedSequence,
    /// The tickets.
    #[n(2)]
    pub tickets: Vec<ImportedTicket>,
    /// When.
    #[n(3)]
    pub at: Timestamp,
}

impl TicketsImported {
    /// Behind which bytes of the whole fact each ticket's row begins and ends, in their order; nothing for any other fact.
    #[must_use]
    pub fn rows_of_bytes(fact: &[u8]) -> Option<Vec<Range<usize>>> {
        let mut decoder = minicbor::Decoder::new(fact);
        if decoder.array().ok()? != Some(2) || decoder.u32().ok()? != super::TICKETS_IMPORTED {
            return None;
        }
        for _field in 0..decoder.map().ok()?? {
            if decoder.u32().ok()? != TICKETS_FIELD {
                decoder.skip().ok()?;
                continue;
            }
            let rows = decoder.array().ok()??;
            let row = |_row| {
                let begins = decoder.position();
                decoder.skip().ok()?;
                Some(begins..decoder.position())
            };
            return (0..rows).map(row).collect();
        }
        None
    }
}

/// The number of [`TicketsImported::tickets`].
const TICKETS_FIELD: u32 = 2;

/// One ticket of a batch.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
pub struct ImportedTicket {
    /// Its id.
    #[n(0)]
    pub ticket: TicketId,
    /// The shop's name for it.
    #[n(1)]
    pub reference: ReferenceHash,
    /// The shop's name for the purchase.
    #[n(2)]
    pub order: ReferenceHash,
    /// What it is for.
    #[n(3)]
    pub particulars: Particulars,
    /// Hash of its registration code.
    #[n(4)]
    pub code: CodeHash,
}

impl ImportedTicket {
    /// Reads one row where it stands alone.
    ///
    /// # Errors
    /// [`FactError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FactError> {
        let mut decoder = minicbor::Decoder::new(bytes);
        let row = decoder.decode().map_err(|_no_detail| FactError)?;
        if decoder.position() == bytes.len() { Ok(row) } else { Err(FactError) }
    }

    /// The ticket as its import leaves it, with its record at this place of the feed.
    #[must_use]
    pub fn into_ticket(self, paid: bool, ticket_at: FeedSequence) -> Ticket {
        let Self { reference, order, particulars, code, .. } = self;
        let (stage, changes) = (Stage::Unbound, ChangesOfDay::default());
        Ticket { particulars, reference, order, paid, stage, code: Some(code), ticket_at, binding_at: None, changes }
    }
}

/// A ticket's status changed.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct StatusChanged {
    /// Which ticket.
    #[n(0)]
    pub ticket: TicketId,
    /// How.
    #[n(1)]
    pub change: StatusChange,
    /// Through whom.
    #[n(2)]
    pub actor: Actor,
    /// When.
    #[n(3)]
    pub at: Timestamp,
    /// Place of the ticket's new record in the feed.
    #[n(4)]
    pub record: FeedSequence,
    /// Place of the record that takes its card away, where it had one.
    #[n(5)]
    pub unbound_record: Option<FeedSequence>,
    /// Hash of the code that replaced the one of a card's proof.
    #[n(6)]
    pub code: Option<CodeHash>,
}

/// A new code.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct CodeReplaced {
    /// Which ticket.
    #[n(0)]
    pub ticket: TicketId,
    /// Hash of the code that opens it now.
    #[n(1)]
    pub code: CodeHash,
    /// Through whom.
    #[n(2)]
    pub actor: Actor,
    /// When.
    #[n(3)]
    pub at: Timestamp,
}

/// A ticket was bound.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Bound {
    /// Which ticket.
    #[n(0)]
    pub ticket: TicketId,
    /// What is kept of the card.
    #[n(1)]
    pub binding: KeptBinding,
    /// Hash of the holder code; the registration code is dead.
    #[n(2)]
    pub code: CodeHash,
    /// When.
    #[n(3)]
    pub at: Timestamp,
    /// Place of the binding record in the feed.
    #[n(4)]
    pub record: FeedSequence,
}

/// A card was tried.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Shown {
    /// The tickets that it was tried for.
    #[n(0)]
    pub tickets: Vec<TicketId>,
    /// Hash of the code that replaced the one shown; none where the card alone was shown.
    #[n(1)]
    pub code: Option<CodeHash>,
    /// When.
    #[n(2)]
    pub at: Timestamp,
}
