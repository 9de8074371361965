//! What a desk looks tickets up in when all machines are dead: read out page by page, to be printed.

use kido_shared::ids::{EventId, TicketId};
use kido_shared::limits::TICKETS_PER_BATCH;
use kido_shared::ticket::{SeatLabel, Zone};

use super::Store;
use super::error::StorageError;
use super::reading::{self, Entries, ReadError};
use crate::domain::ticket::{Ticket, TicketState};

/// One ticket on paper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaperTicket {
    /// Which.
    pub ticket: TicketId,
    /// Which part of the venue.
    pub zone: Zone,
    /// Which place there.
    pub seat_label: SeatLabel,
    /// Where it stands.
    pub state: TicketState,
    /// Whether payment is confirmed.
    pub paid: bool,
    /// Whether an entry of it is used.
    pub used: bool,
}

/// Some tickets, in the order of their ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaperPage {
    /// The tickets.
    pub tickets: Vec<PaperTicket>,
    /// The last one; none where no further one is left.
    pub reached: Option<TicketId>,
}

fn on_paper(from: &impl Entries, id: TicketId, ticket: Ticket) -> Result<PaperTicket, ReadError> {
    let used = reading::is_used(from, id)?;
    let (state, paid) = (ticket.state(), ticket.paid);
    let (zone, seat_label) = (ticket.particulars.zone, ticket.particulars.seat_label);
    Ok(PaperTicket { ticket: id, zone, seat_label, state, paid, used })
}

impl Store {
    /// The tickets behind this one, a page of them.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn paper(&self, event: EventId, after: Option<TicketId>) -> Result<PaperPage, StorageError> {
        let live = self.live(event)?;
        let mut page = PaperPage { tickets: Vec::new(), reached: None };
        let mut tickets = reading::tickets_after(&live.facts, after)?;
        for _ticket in 0..TICKETS_PER_BATCH {
            let Some(ticket) = tickets.next() else { return Ok(PaperPage { reached: None, ..page }) };
            let (id, ticket) = ticket?;
            page.tickets.push(on_paper(&live.facts, id, ticket)?);
            page.reached = Some(id);
        }
        Ok(page)
    }
}
