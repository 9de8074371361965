//! Tickets: looked at, changed by shop, operator or code.

use kido_shared::codes::{Code, CodeHash};
use kido_shared::feed::{BindingRecord, FeedRecord};
use kido_shared::ids::{EventId, TicketId};
use kido_shared::keys::OrderKey;

use super::changing::Changing;
use super::error::Failed;
use super::reading::{self, Entries, ReadError};
use super::{StorageError, Store};
use crate::domain::history::{Actor, HistoryLine};
use crate::domain::reference::TicketRef;
use crate::domain::ticket::{Particulars, StatusChange, Ticket, TicketAction, TicketRefusal, TicketState};
use crate::fact::{CodeReplaced, Fact, StatusChanged};

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
    /// Those of them that turned out to be none.
    #[n(8)]
    pub settled: u64,
}

impl SeatCounts {
    /// Conflicts that nothing has settled: somebody should look.
    #[must_use]
    pub const fn standing_conflicts(&self) -> u64 {
        self.conflicts.saturating_sub(self.settled)
    }

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

impl Store {
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
        let mut lines = reading::history(&live.facts, id)?;
        Ok(lines.split_off(lines.len().saturating_sub(HISTORY_LINES_MAX)))
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
