//! The line of a deed in the audit list: what it tells, and when it is written.

use kido_shared::ids::EventId;
use kido_shared::wire::v1::operator::{TicketChange, TokenBody};

use super::By;
use crate::audit::{AuditLine, Deed, Object};
use crate::domain::by_hand::TickOutcome;
use crate::error::AppError;
use crate::state::App;
use crate::store::{ImportOutcome, ImportReport, TicketName};

/// What a line tells beside who and how it ended.
pub(super) struct About {
    pub(super) deed: Deed,
    pub(super) event: Option<EventId>,
    pub(super) object: Object,
}

impl About {
    pub(super) const fn event(deed: Deed, event: EventId) -> Self {
        Self { deed, event: Some(event), object: Object::Nothing }
    }

    pub(super) fn of(self, object: Object) -> Self {
        Self { object, ..self }
    }
}

impl App {
    /// Writes the line, then lets the answer go: whoever was told *done* is in the list. A list that stops taking lines
    /// in the very moment of a deed leaves it done and answered as a failure; its event's own facts tell of it.
    pub(super) async fn listed<T>(&self, by: &By, about: About, outcome: Result<T, AppError>) -> Result<T, AppError> {
        let refused = outcome.as_ref().err().map(|error| error.code().to_owned());
        let (role, label) = (Some(by.bearer.role.name().to_owned()), by.bearer.label.clone());
        let About { deed, event, object } = about;
        let line = AuditLine { at: self.now(), role, label, door: by.door, deed, event, object, refused };
        self.audit.write(line).await?;
        outcome
    }

    /// The ticket that somebody names, for the list: by its pseudonym, never by its reference.
    pub(super) fn named(&self, event: EventId, name: &TicketName) -> Object {
        let id = match name {
            TicketName::Id(id) => Some(*id),
            TicketName::Reference(_) => self.store.ticket(event, name).ok().map(|view| view.ticket),
        };
        id.map_or(Object::Nothing, Object::Ticket)
    }
}

/// How many tickets of a batch are new, and how many were refused.
pub(super) fn batch(report: &ImportReport) -> Object {
    let count = |counted: fn(&ImportOutcome) -> bool| {
        let outcomes = report.outcomes.iter().filter(|outcome| counted(outcome));
        u64::try_from(outcomes.count()).unwrap_or(u64::MAX)
    };
    Object::Batch(
        count(|outcome| matches!(outcome, ImportOutcome::Created(_))),
        count(|outcome| matches!(outcome, ImportOutcome::Refused(_))),
    )
}

/// How many entries are new, those that conflict with another one included.
pub(super) fn entries(outcomes: &[TickOutcome]) -> Object {
    let is_new = |outcome: &&TickOutcome| matches!(outcome, TickOutcome::Stored(_) | TickOutcome::Conflict(_));
    Object::Count(u64::try_from(outcomes.iter().filter(is_new).count()).unwrap_or(u64::MAX))
}

/// Whose token, and what it may do.
pub(super) fn given(token: &TokenBody) -> Object {
    Object::TokenOfRole(token.label.clone(), token.role.name().to_owned())
}

pub(super) const fn deed(change: TicketChange) -> Deed {
    match change {
        TicketChange::Suspend => Deed::TicketSuspended,
        TicketChange::Cancel => Deed::TicketCancelled,
        TicketChange::Confirm => Deed::TicketConfirmed,
        TicketChange::Release => Deed::TicketReleased,
    }
}
