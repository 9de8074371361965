//! A ticket in the index: what has changed since, and where in the log the rest of it stands.
//!
//! Seat, times, references, tags and codes are in the log already, in the row of the import and in the fact of the
//! binding. sled took three times their size to hold them once more. An entry keeps the two places instead, and inline only
//! what neither of them says.

use kido_shared::codes::CodeHash;
use kido_shared::ids::{FeedSequence, TicketId};
use kido_shared::ticket::EntryWindow;

use super::place::{Check, Place, bound_of, row_of};
use super::reading::{Entries, ReadError};
use crate::domain::ticket::{ChangesOfDay, KeptBinding, Stage, Ticket};
use crate::fact::{Bound, ImportedTicket};

/// [`Stage`], its binding left in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(index_only)]
enum KeptStage {
    #[n(0)]
    Unbound,
    #[n(1)]
    Bound,
    #[n(2)]
    Suspended,
    #[n(3)]
    Returned,
    #[n(4)]
    Cancelled,
    #[n(5)]
    CancelledWithCard,
}

/// Which code is the live one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(flat)]
enum KeptCode {
    /// None any more.
    #[n(0)]
    Dead,
    /// The one of the import.
    #[n(1)]
    Imported,
    /// The one of the binding.
    #[n(2)]
    OfBinding,
    /// A later one.
    #[n(3)]
    Later(#[n(0)] CodeHash),
}

/// What is known of the certificate's end, where a postponement made something else of it than the binding says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
struct Outlives {
    #[n(0)]
    event: bool,
    #[n(1)]
    year_after: bool,
}

impl Outlives {
    const fn of(binding: &KeptBinding) -> Self {
        Self { event: binding.outlives_event, year_after: binding.outlives_year_after }
    }

    const fn put_into(self, binding: KeptBinding) -> KeptBinding {
        KeptBinding { outlives_event: self.event, outlives_year_after: self.year_after, ..binding }
    }
}

/// A ticket as the index keeps it. What is seldom there stands last, and takes nothing where it is not.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
pub(super) struct TicketEntry {
    #[n(0)]
    row: Place,
    /// Over the stretches at all places.
    #[n(1)]
    check: Check,
    #[n(2)]
    stage: KeptStage,
    #[n(3)]
    paid: bool,
    #[n(4)]
    code: KeptCode,
    #[n(5)]
    ticket_at: FeedSequence,
    #[n(6)]
    changes: ChangesOfDay,
    /// The binding, also where its card is the ticket's no more: it is a line of the history.
    #[n(7)]
    bound: Option<Place>,
    /// The newest binding record, where it is another one than the binding's own.
    #[n(8)]
    binding_at: Option<FeedSequence>,
    /// The window, where it is another one than the import's.
    #[n(9)]
    window: Option<EntryWindow>,
    #[n(10)]
    outlives: Option<Outlives>,
}

/// The parts of a ticket that its entry leaves in the log.
#[derive(Debug, Clone)]
pub(super) struct Sources {
    row: (Place, ImportedTicket),
    bound: Option<(Place, Bound)>,
    check: Check,
}

impl Sources {
    /// Those of a ticket that has just been imported: its row, as it stands at that place.
    pub(super) fn of_row(place: Place, row: ImportedTicket, bytes: &[u8]) -> Self {
        Self { row: (place, row), bound: None, check: Check::of(bytes) }
    }

    /// With the binding that stands at that place.
    pub(super) fn with_bound(self, place: Place, bound: Bound, bytes: &[u8]) -> Self {
        Self { bound: Some((place, bound)), check: self.check.and(bytes), ..self }
    }

    /// The binding, where there ever was one, and where it stands.
    pub(super) const fn bound(&self) -> Option<&(Place, Bound)> {
        self.bound.as_ref()
    }

    fn read(from: &impl Entries, id: TicketId, entry: &TicketEntry) -> Result<Self, ReadError> {
        const OTHER: ReadError = ReadError::Entry("the places of a ticket");
        let bytes = entry.row.read(from)?;
        let mut sources = Self::of_row(entry.row, row_of(&bytes)?, &bytes);
        if let Some(place) = entry.bound {
            let bytes = place.read(from)?;
            sources = sources.with_bound(place, bound_of(&bytes)?, &bytes);
        }
        let same = sources.row.1.ticket == id && sources.bound().is_none_or(|(_, bound)| bound.ticket == id);
        if same && sources.check == entry.check { Ok(sources) } else { Err(OTHER) }
    }
}

impl TicketEntry {
    /// The entry of a ticket.
    pub(super) fn of(ticket: &Ticket, sources: &Sources) -> Self {
        let (row_at, row) = &sources.row;
        let bound = sources.bound().map(|(_, bound)| bound);
        let code = match ticket.code {
            None => KeptCode::Dead,
            Some(code) if code == row.code => KeptCode::Imported,
            Some(code) if bound.is_some_and(|bound| bound.code == code) => KeptCode::OfBinding,
            Some(code) => KeptCode::Later(code),
        };
        let stage = match ticket.stage {
            Stage::Unbound => KeptStage::Unbound,
            Stage::Bound(_) => KeptStage::Bound,
            Stage::Suspended(_) => KeptStage::Suspended,
            Stage::Returned => KeptStage::Returned,
            Stage::Cancelled(None) => KeptStage::Cancelled,
            Stage::Cancelled(Some(_)) => KeptStage::CancelledWithCard,
        };
        let outlives = ticket.binding().map(Outlives::of);
        Self {
            row: *row_at,
            check: sources.check,
            stage,
            paid: ticket.paid,
            code,
            ticket_at: ticket.ticket_at,
            changes: ticket.changes,
            bound: sources.bound().map(|(place, _)| *place),
            binding_at: ticket.binding_at.filter(|at| bound.is_none_or(|bound| bound.record != *at)),
            window: Some(ticket.particulars.window).filter(|window| *window != row.particulars.window),
            outlives: outlives.filter(|now| bound.is_none_or(|bound| Outlives::of(&bound.binding) != *now)),
        }
    }

    /// The whole ticket.
    pub(super) fn read(&self, from: &impl Entries, id: TicketId) -> Result<(Ticket, Sources), ReadError> {
        let sources = Sources::read(from, id, self)?;
        let ticket = self.ticket(&sources).ok_or(ReadError::Entry("a ticket's card"))?;
        Ok((ticket, sources))
    }

    /// Where the ticket was bound, where it ever was.
    pub(super) const fn bound(&self) -> Option<Place> {
        self.bound
    }

    /// Nothing where the entry speaks of a binding that there is not.
    fn ticket(&self, sources: &Sources) -> Option<Ticket> {
        let (row, bound) = (&sources.row.1, sources.bound().map(|(_, bound)| bound));
        let binding = bound.map(|bound| self.outlives.map_or(bound.binding, |now| now.put_into(bound.binding)));
        let stage = match self.stage {
            KeptStage::Unbound => Stage::Unbound,
            KeptStage::Bound => Stage::Bound(binding?),
            KeptStage::Suspended => Stage::Suspended(binding?),
            KeptStage::Returned => Stage::Returned,
            KeptStage::Cancelled => Stage::Cancelled(None),
            KeptStage::CancelledWithCard => Stage::Cancelled(Some(binding?)),
        };
        let code = match self.code {
            KeptCode::Dead => None,
            KeptCode::Imported => Some(row.code),
            KeptCode::OfBinding => Some(bound?.code),
            KeptCode::Later(code) => Some(code),
        };
        let mut particulars = row.particulars.clone();
        particulars.window = self.window.unwrap_or(particulars.window);
        let binding_at = self.binding_at.or_else(|| bound.map(|bound| bound.record));
        let (reference, order) = (row.reference, row.order);
        let Self { paid, ticket_at, changes, .. } = *self;
        Some(Ticket { particulars, reference, order, paid, stage, code, ticket_at, binding_at, changes })
    }
}

#[cfg(test)]
mod tests;
