//! What the page behind a ticket's link may show, and when it has something new to show.

use kido_shared::codes::CodeHash;
use kido_shared::ids::{EventId, TicketId};
use kido_shared::policy::EventPolicy;
use kido_shared::ticket::Zone;
use tokio::sync::watch;

use super::error::{Failed, StorageError};
use super::tickets::{TicketName, TicketView};
use super::{Store, reading};
use crate::domain::history::HistoryLine;
use crate::domain::registration::RegistrationRefusal;

/// A ticket as the person with its link sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkedTicket {
    /// Which event.
    pub event: EventId,
    /// The event's choices: its name, its times, whether it is a rehearsal.
    pub policy: EventPolicy,
    /// The ticket as it is now.
    pub ticket: TicketView,
    /// Whether the link's code opens the ticket now; it ceases to when a proof or the shop has replaced it.
    pub is_live: bool,
}

/// One line of a history with the place where it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldLine {
    /// What happened, and in which minute.
    pub line: HistoryLine,
    /// What is written over the entrance, where it happened at one.
    pub entrance: Option<Zone>,
}

impl Store {
    /// The ticket whose link somebody has opened.
    ///
    /// A wrong code is looked for in every event and a right one up to its own, so time tells an event's place at most:
    /// the index is asked for a hash, and 128 random bits are not found by trying.
    ///
    /// # Errors
    /// [`RegistrationRefusal`] or [`StorageError`].
    pub fn find_link(&self, code: CodeHash) -> Result<LinkedTicket, Failed<RegistrationRefusal>> {
        let (event, id, ticket) = self.find_code(code)?;
        Ok(LinkedTicket { event, policy: self.policy(event)?, ticket: TicketView::of(id, ticket), is_live: true })
    }

    /// A ticket whose link was opened before, with a code that may be dead by now.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn linked_ticket(
        &self,
        event: EventId,
        ticket: TicketId,
        code: CodeHash,
    ) -> Result<LinkedTicket, StorageError> {
        let live = self.live(event)?;
        let policy = reading::policy(&live.facts)?;
        let found = reading::ticket(&live.facts, ticket)?.ok_or(StorageError::Entry("a ticket of a page"))?;
        let is_live = found.code == Some(code);
        Ok(LinkedTicket { event, policy, ticket: TicketView::of(ticket, found), is_live })
    }

    /// A ticket's history with the names of the entrances, oldest line first.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn told_history(&self, event: EventId, ticket: TicketId) -> Result<Vec<ToldLine>, StorageError> {
        let live = self.live(event)?;
        let lines = match self.history(event, &TicketName::Id(ticket)) {
            Ok(lines) => lines,
            Err(Failed::Refused(_unknown)) => return Err(StorageError::Entry("a ticket of a page")),
            Err(Failed::Storage(error)) => return Err(error),
        };
        let told = lines.into_iter().map(|line| {
            let gate = line.happening.gate().map(|gate| reading::gate(&live.facts, gate)).transpose()?;
            Ok(ToldLine { line, entrance: gate.flatten().map(|gate| gate.entrance) })
        });
        told.collect()
    }

    /// Says that something of an event has changed, without saying what: whoever waits looks again.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn changes(&self, event: EventId) -> Result<watch::Receiver<u64>, StorageError> {
        Ok(self.live(event)?.changed.subscribe())
    }
}
