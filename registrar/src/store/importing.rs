//! Tickets that a shop sends, many at once.

use std::collections::{BTreeMap, BTreeSet};

use kido_shared::codes::CodeHash;
use kido_shared::feed::FeedRecord;
use kido_shared::ids::{EventId, FeedSequence, TicketId};
use kido_shared::keys::OrderKey;
use kido_shared::limits::TICKETS_PER_BATCH;
use kido_shared::ticket::{Entries as EntryCount, EntryWindow, SeatLabel, Zone};
use rand::{CryptoRng, RngCore};

use super::changing::Changing;
use super::error::Failed;
use super::live::EventKeys;
use super::reading::{self, Entries, ReadError};
use super::{StorageError, Store};
use crate::domain::party::PartyLabel;
use crate::domain::reference::{OrderRef, ReferenceHash, TicketRef};
use crate::domain::ticket::{Particulars, Ticket};
use crate::fact::{Fact, ImportedTicket, TicketsImported};

/// Tickets in one fact of an import: about 12 kB. Who reads the log from the middle skips up to 256 facts, so that large
/// ones would cost every reader of the feed.
pub(super) const TICKETS_PER_FACT: usize = 64;

/// One row of an import, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketRow {
    /// The shop's name for the ticket.
    pub reference: TicketRef,
    /// The shop's name for the purchase.
    pub order: OrderRef,
    /// Which part of the venue.
    pub zone: Zone,
    /// Which place there.
    pub seat_label: SeatLabel,
    /// When.
    pub window: EntryWindow,
    /// How often.
    pub entries: EntryCount,
    /// With which others.
    pub party: Option<PartyLabel>,
    /// Hash of the registration code, which the importing program has made and kept.
    pub code: CodeHash,
}

/// Why a whole import is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ImportRefusal {
    /// More rows than one batch may have.
    #[error("at most {TICKETS_PER_BATCH} tickets in one batch")]
    TooManyRows,
    /// The event's tickets are following it to another date; one that came now might be moved twice or not at all.
    #[error("the event is being moved to another date: finish that first (event update EVENT --postpone-to MOMENT)")]
    Moving,
    /// Another import of this event is under way; this one would see half of it.
    #[error(
        "another import into this event is under way: wait until it has ended, and say this again. One that was broken off \
         counts as ended after two minutes, or goes on at once with its own files"
    )]
    UnderWay,
}

/// Why one row of an import is refused; the others are not touched by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RowRefusal {
    /// A ticket of this reference is there already, with another content.
    #[error("a ticket of this reference exists with another content")]
    Different,
    /// The code is another ticket's.
    #[error("the code is another ticket's")]
    CodeTaken,
}

/// What became of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportOutcome {
    /// It is a new ticket.
    Created(TicketId),
    /// The same ticket was imported before.
    Unchanged(TicketId),
    /// It was refused.
    Refused(RowRefusal),
}

/// What became of every row, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportReport {
    /// One per row.
    pub outcomes: Vec<ImportOutcome>,
}

/// An import being put together: what is new in it, and what becomes of each row.
#[derive(Default)]
struct Import {
    outcomes: Vec<ImportOutcome>,
    fresh: Vec<ImportedTicket>,
    references: BTreeMap<ReferenceHash, usize>,
    codes: BTreeSet<CodeHash>,
}

impl Import {
    fn of(
        rows: Vec<TicketRow>,
        from: &impl Entries,
        keys: &EventKeys,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<Self, ReadError> {
        let mut import = Self::default();
        for row in rows {
            import.add(from, row.into_imported(TicketId::generate(random), &keys.order))?;
        }
        Ok(import)
    }

    fn add(&mut self, from: &impl Entries, row: ImportedTicket) -> Result<(), ReadError> {
        let outcome = match self.known(from, &row)? {
            Some(outcome) => outcome,
            None if self.code_is_taken(from, &row)? => ImportOutcome::Refused(RowRefusal::CodeTaken),
            None => {
                let outcome = ImportOutcome::Created(row.ticket);
                self.references.insert(row.reference, self.fresh.len());
                self.codes.insert(row.code);
                self.fresh.push(row);
                outcome
            }
        };
        self.outcomes.push(outcome);
        Ok(())
    }

    fn code_is_taken(&self, from: &impl Entries, row: &ImportedTicket) -> Result<bool, ReadError> {
        Ok(self.codes.contains(&row.code) || reading::ticket_of_code(from, row.code)?.is_some())
    }

    /// What becomes of a row whose reference is known, from this import or an earlier one.
    fn known(&self, from: &impl Entries, row: &ImportedTicket) -> Result<Option<ImportOutcome>, ReadError> {
        if let Some(earlier) = self.references.get(&row.reference).and_then(|place| self.fresh.get(*place)) {
            let same = ImportedTicket { ticket: earlier.ticket, ..row.clone() } == *earlier;
            return Ok(Some(outcome_of_known(earlier.ticket, same)));
        }
        let Some(id) = reading::ticket_of_reference(from, row.reference)? else { return Ok(None) };
        let ticket = reading::ticket(from, id)?.ok_or(ReadError::Entry("a ticket"))?;
        // A code that was replaced since is still known as this ticket's.
        let same_code = reading::ticket_of_code(from, row.code)? == Some(id);
        let same = ticket.particulars == row.particulars && ticket.order == row.order && same_code;
        Ok(Some(outcome_of_known(id, same)))
    }
}

const fn outcome_of_known(ticket: TicketId, same: bool) -> ImportOutcome {
    if same { ImportOutcome::Unchanged(ticket) } else { ImportOutcome::Refused(RowRefusal::Different) }
}

impl TicketRow {
    fn into_imported(self, ticket: TicketId, order: &OrderKey) -> ImportedTicket {
        let party = self.party.map(|label| label.id(order));
        let Self { zone, seat_label, window, entries, code, .. } = self;
        let particulars = Particulars { zone, seat_label, window, entries, party };
        ImportedTicket {
            ticket,
            reference: self.reference.hash(order),
            order: self.order.hash(order),
            particulars,
            code,
        }
    }
}

impl Store {
    /// Imports a batch of tickets, paid for or reserved. Repeating it changes nothing.
    ///
    /// # Errors
    /// [`ImportRefusal`] or [`StorageError`]; single rows are refused in the report.
    pub async fn import_tickets(
        &self,
        event: EventId,
        rows: Vec<TicketRow>,
        paid: bool,
    ) -> Result<ImportReport, Failed<ImportRefusal>> {
        if rows.len() > TICKETS_PER_BATCH {
            return Err(Failed::Refused(ImportRefusal::TooManyRows));
        }
        let live = self.live(event)?;
        let (at, mut random) = (self.now(), self.random());
        live.transact(move |changing| {
            stands_still(changing)?;
            let import = Import::of(rows, changing, changing.keys(), &mut random)?;
            for tickets in import.fresh.chunks(TICKETS_PER_FACT) {
                append_import(
                    changing,
                    TicketsImported { paid, first_record: changing.next_record(), tickets: tickets.to_vec(), at },
                )?;
            }
            Ok(ImportReport { outcomes: import.outcomes })
        })
        .await
    }

    /// What would become of a batch of tickets if it were imported now. Nothing is; the ids are nobody's.
    ///
    /// # Errors
    /// [`ImportRefusal`] or [`StorageError`].
    pub fn check_tickets(&self, event: EventId, rows: Vec<TicketRow>) -> Result<ImportReport, Failed<ImportRefusal>> {
        if rows.len() > TICKETS_PER_BATCH {
            return Err(Failed::Refused(ImportRefusal::TooManyRows));
        }
        let live = self.live(event)?;
        stands_still(&live.facts)?;
        let import = Import::of(rows, &live.facts, &live.keys, &mut self.random())?;
        Ok(ImportReport { outcomes: import.outcomes })
    }
}

/// Whether tickets may come: not while those that are there follow their event to another date.
fn stands_still(from: &impl Entries) -> Result<(), Failed<ImportRefusal>> {
    let event = reading::event(from)?.ok_or(StorageError::Entry("an event"))?;
    if event.moving.is_some() { Err(Failed::Refused(ImportRefusal::Moving)) } else { Ok(()) }
}

/// Publishes every ticket's record, which puts them where the fact says that they are, and appends the fact.
fn append_import(changing: &mut Changing<'_, '_>, fact: TicketsImported) -> Result<(), StorageError> {
    for row in &fact.tickets {
        changing.publish(&FeedRecord::Ticket(new_ticket(row, fact.paid).record(row.ticket)))?;
    }
    changing.append(&Fact::TicketsImported(fact))
}

fn new_ticket(row: &ImportedTicket, paid: bool) -> Ticket {
    row.clone().into_ticket(paid, FeedSequence::FIRST)
}
