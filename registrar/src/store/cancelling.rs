//! Many tickets cancelled at once, from a shop's list.

use kido_shared::ids::EventId;
use kido_shared::limits::TICKETS_PER_BATCH;

use super::error::Failed;
use super::tickets::{change_status, resolve};
use super::{ImportRefusal, Store, TicketName, reading};
use crate::domain::history::Actor;
use crate::domain::reference::TicketRef;
use crate::domain::ticket::{StatusChange, Ticket, TicketAction};

/// What became of a list of tickets to be cancelled, or would.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CancelReport {
    /// Tickets that are void now and were not.
    pub cancelled: u64,
    /// Those of them that lie on a card.
    pub with_card: u64,
    /// Those of them on which somebody is inside.
    pub inside: u64,
    /// Tickets that were void before.
    pub already: u64,
    /// Places in the list, from 0, of references that no ticket has.
    pub unknown: Vec<usize>,
}

impl CancelReport {
    fn count(&mut self, ticket: &Ticket, change: Option<StatusChange>, inside: bool) {
        let count = |counter: &mut u64, one: bool| *counter = counter.saturating_add(u64::from(one));
        count(&mut self.already, change.is_none());
        count(&mut self.cancelled, change.is_some());
        count(&mut self.with_card, change.is_some() && ticket.binding().is_some());
        count(&mut self.inside, change.is_some() && inside);
    }
}

impl Store {
    /// Cancels tickets by the shop's references, or says what it would do. One that is void already stays so; one that
    /// the event does not have is told by its place, and the others are cancelled.
    ///
    /// # Errors
    /// [`ImportRefusal::TooManyRows`] or [`StorageError`](super::StorageError).
    pub async fn cancel_tickets(
        &self,
        event: EventId,
        references: Vec<TicketRef>,
        actor: Actor,
        check: bool,
    ) -> Result<CancelReport, Failed<ImportRefusal>> {
        if references.len() > TICKETS_PER_BATCH {
            return Err(Failed::Refused(ImportRefusal::TooManyRows));
        }
        let live = self.live(event)?;
        let now = self.now();
        live.transact(move |changing| {
            let mut report = CancelReport::default();
            for (row, reference) in references.into_iter().enumerate() {
                let found = resolve(changing, &changing.keys().order, &TicketName::Reference(reference))?;
                let Some((id, ticket)) = found else {
                    report.unknown.push(row);
                    continue;
                };
                let change = ticket.decide(TicketAction::Cancel, now).ok().flatten();
                report.count(&ticket, change, reading::is_used(changing, id)?);
                if let Some(change) = change.filter(|_change| !check) {
                    change_status(changing, (id, &ticket), change, (actor, None), now)?;
                }
            }
            Ok(report)
        })
        .await
    }
}
