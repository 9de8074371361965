//! Tickets: imported, looked at, changed by shop, operator or code.

use std::collections::{BTreeMap, BTreeSet};

use kido_shared::codes::{Code, CodeHash};
use kido_shared::feed::{BindingRecord, FeedRecord};
use kido_shared::ids::{EventId, FeedSequence, TicketId};
use kido_shared::keys::OrderKey;
use kido_shared::limits::TICKETS_PER_BATCH;
use kido_shared::ticket::{Entries as EntryCount, EntryWindow, SeatLabel, Zone};
use rand::{CryptoRng, RngCore};

use super::changing::Changing;
use super::error::Failed;
use super::live::EventKeys;
use super::reading::{self, Entries, ReadError};
use super::{StorageError, Store, keys};
use crate::domain::history::{Actor, HistoryLine};
use crate::domain::party::PartyLabel;
use crate::domain::reference::{OrderRef, ReferenceHash, TicketRef};
use crate::domain::ticket::{Particulars, StatusChange, Ticket, TicketAction, TicketRefusal, TicketState};
use crate::fact::{CodeReplaced, Fact, ImportedTicket, StatusChanged, TicketsImported};

/// Tickets in one fact of an import: about 12 kB. Who reads the log from the middle skips up to 256 facts, so that large
/// ones would cost every reader of the feed.
pub(super) const TICKETS_PER_FACT: usize = 64;

/// Most lines of a history that are told: ten changes a day for a fortnight, and every entry.
pub const HISTORY_LINES_MAX: usize = 512;

/// How many tickets are in which state, and what the gates did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
pub struct SeatCounts {
    /// No card, not paid.
    #[n(0)]
    pub reserved: u64,
    /// No card, paid.
    #[n(1)]
    pub unbound: u64,
    /// With a card.
    #[n(2)]
    pub bound: u64,
    /// Reported lost.
    #[n(3)]
    pub suspended: u64,
    /// With the shop again.
    #[n(4)]
    pub returned: u64,
    /// Void.
    #[n(5)]
    pub cancelled: u64,
    /// Admissions that gates have uploaded.
    #[n(6)]
    pub admissions: u64,
    /// Pairs of admissions of one entry.
    #[n(7)]
    pub conflicts: u64,
}

impl SeatCounts {
    const fn of(&mut self, state: TicketState) -> &mut u64 {
        match state {
            TicketState::Reserved => &mut self.reserved,
            TicketState::Unbound => &mut self.unbound,
            TicketState::Bound => &mut self.bound,
            TicketState::Suspended => &mut self.suspended,
            TicketState::Returned => &mut self.returned,
            TicketState::Cancelled => &mut self.cancelled,
        }
    }

    pub(super) const fn enter(&mut self, state: TicketState) {
        let count = self.of(state);
        *count = count.saturating_add(1);
    }

    pub(super) const fn leave(&mut self, state: TicketState) {
        let count = self.of(state);
        *count = count.saturating_sub(1);
    }
}

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

/// How a caller names a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TicketName {
    /// By id.
    Id(TicketId),
    /// By the shop's reference.
    Reference(TicketRef),
}

/// A ticket as shop, desk and holder see it: no card, no time of use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketView {
    /// Its id.
    pub ticket: TicketId,
    /// What it is for.
    pub particulars: Particulars,
    /// Where it stands.
    pub state: TicketState,
    /// Whether payment is confirmed.
    pub paid: bool,
    /// Whether the bound card's certificate ends before the event does; none where there is no card.
    pub certificate_ends_before_event: Option<bool>,
}

impl TicketView {
    pub(super) fn of(id: TicketId, ticket: Ticket) -> Self {
        let certificate_ends_before_event = ticket.binding().map(|binding| !binding.outlives_event);
        let (state, paid) = (ticket.state(), ticket.paid);
        Self { ticket: id, particulars: ticket.particulars, state, paid, certificate_ends_before_event }
    }
}

/// A ticket's new code, to be told to one person once.
#[derive(Debug)]
pub struct Reissued {
    /// The ticket.
    pub ticket: TicketView,
    /// The code.
    pub code: Code,
}

pub(super) fn resolve(
    from: &impl Entries,
    order: &OrderKey,
    name: &TicketName,
) -> Result<Option<(TicketId, Ticket)>, ReadError> {
    let id = match name {
        TicketName::Id(id) => Some(*id),
        TicketName::Reference(reference) => reading::ticket_of_reference(from, reference.hash(order))?,
    };
    let Some(id) = id else { return Ok(None) };
    Ok(reading::ticket(from, id)?.map(|ticket| (id, ticket)))
}

/// Changes a ticket's status in a transaction: the record for the gates, and the fact.
pub(super) fn change_status(
    changing: &mut Changing<'_, '_>,
    (id, ticket): (TicketId, &Ticket),
    change: StatusChange,
    (actor, code): (Actor, Option<CodeHash>),
    at: kido_shared::clock::Timestamp,
) -> Result<(), StorageError> {
    let after = ticket.clone().with_status(change, at);
    let record = changing.publish(&FeedRecord::Ticket(after.record(id)))?;
    let loses_card = ticket.binding().is_some() && after.binding().is_none();
    let unbound = FeedRecord::Binding(BindingRecord { ticket: id, bound: None });
    let unbound_record = if loses_card { Some(changing.publish(&unbound)?) } else { None };
    changing.append(&Fact::StatusChanged(StatusChanged { ticket: id, change, actor, at, record, unbound_record, code }))
}

/// Reads a ticket again, as the transaction leaves it.
pub(super) fn view_of(changing: &Changing<'_, '_>, id: TicketId) -> Result<TicketView, StorageError> {
    let ticket = reading::ticket(changing, id)?.ok_or(StorageError::Entry("a ticket"))?;
    Ok(TicketView::of(id, ticket))
}

/// An import being put together: what is new in it, and what becomes of each row.
#[derive(Default)]
struct Import {
    outcomes: Vec<ImportOutcome>,
    fresh: Vec<ImportedTicket>,
    references: BTreeMap<ReferenceHash, usize>,
    codes: BTreeSet<Vec<u8>>,
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
                self.codes.insert(keys::code(row.code));
                self.fresh.push(row);
                outcome
            }
        };
        self.outcomes.push(outcome);
        Ok(())
    }

    fn code_is_taken(&self, from: &impl Entries, row: &ImportedTicket) -> Result<bool, ReadError> {
        Ok(self.codes.contains(&keys::code(row.code)) || reading::ticket_of_code(from, row.code)?.is_some())
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

    /// One ticket.
    ///
    /// # Errors
    /// [`TicketRefusal::UnknownTicket`] or [`StorageError`].
    pub fn ticket(&self, event: EventId, name: &TicketName) -> Result<TicketView, Failed<TicketRefusal>> {
        let live = self.live(event)?;
        let found = resolve(&live.facts, &live.keys.order, name)?;
        found.map(|(id, ticket)| TicketView::of(id, ticket)).ok_or(Failed::Refused(TicketRefusal::UnknownTicket))
    }

    /// One ticket, and what this actor's word would change now: one reading, so the two tell of the same moment.
    ///
    /// # Errors
    /// [`TicketRefusal::UnknownTicket`] or [`StorageError`].
    pub fn ticket_for(
        &self,
        event: EventId,
        name: &TicketName,
        actor: Actor,
    ) -> Result<(TicketView, Vec<TicketAction>), Failed<TicketRefusal>> {
        let live = self.live(event)?;
        let found = resolve(&live.facts, &live.keys.order, name)?;
        let (id, ticket) = found.ok_or(Failed::Refused(TicketRefusal::UnknownTicket))?;
        let possible = ticket.possible(actor, self.now());
        Ok((TicketView::of(id, ticket), possible))
    }

    /// What happened to a ticket, oldest first, to the minute; the last [`HISTORY_LINES_MAX`] lines.
    ///
    /// # Errors
    /// [`TicketRefusal::UnknownTicket`] or [`StorageError`].
    pub fn history(&self, event: EventId, name: &TicketName) -> Result<Vec<HistoryLine>, Failed<TicketRefusal>> {
        let live = self.live(event)?;
        let found = resolve(&live.facts, &live.keys.order, name)?;
        let (id, _ticket) = found.ok_or(Failed::Refused(TicketRefusal::UnknownTicket))?;
        let mut lines = std::collections::VecDeque::new();
        for entry in live.facts.entries(&keys::history(id))? {
            if lines.len() >= HISTORY_LINES_MAX {
                lines.pop_front();
            }
            lines.push_back(reading::decode(&entry?.1, "a line of history")?);
        }
        Ok(lines.into())
    }

    /// Suspends, cancels, confirms or releases a ticket. A ticket that is so already is answered as if it became so now.
    ///
    /// Resuming takes a proof by the card and nobody's word (`protocol.md` §5): the finder of a card could talk a shop,
    /// a desk or an operator into it.
    ///
    /// # Errors
    /// [`TicketRefusal`] or [`StorageError`].
    pub async fn change_ticket(
        &self,
        event: EventId,
        name: TicketName,
        action: TicketAction,
        actor: Actor,
    ) -> Result<TicketView, Failed<TicketRefusal>> {
        let live = self.live(event)?;
        let now = self.now();
        live.transact(move |changing| {
            let found = resolve(changing, &changing.keys().order, &name)?;
            let (id, ticket) = found.ok_or(Failed::Refused(TicketRefusal::UnknownTicket))?;
            if action == TicketAction::Resume {
                return Err(Failed::Refused(TicketRefusal::NotPossible { action, state: ticket.state() }));
            }
            if let Some(change) = ticket.decide(action, now).map_err(Failed::Refused)? {
                change_status(changing, (id, &ticket), change, (actor, None), now)?;
            }
            Ok(view_of(changing, id)?)
        })
        .await
    }

    /// Makes a ticket's code anew: the old one is dead.
    ///
    /// # Errors
    /// [`TicketRefusal`] or [`StorageError`].
    pub async fn reissue_code(
        &self,
        event: EventId,
        name: TicketName,
        actor: Actor,
    ) -> Result<Reissued, Failed<TicketRefusal>> {
        let live = self.live(event)?;
        let (now, code) = (self.now(), Code::generate(&mut self.random()));
        let hash = code.hash();
        let ticket = live
            .transact(move |changing| {
                let found = resolve(changing, &changing.keys().order, &name)?;
                let (id, ticket) = found.ok_or(Failed::Refused(TicketRefusal::UnknownTicket))?;
                ticket.decide_reissue(actor, now).map_err(Failed::Refused)?;
                changing.append(&Fact::CodeReplaced(CodeReplaced { ticket: id, code: hash, actor, at: now }))?;
                Ok(view_of(changing, id)?)
            })
            .await?;
        Ok(Reissued { ticket, code })
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
