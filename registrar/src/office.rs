//! What operators, shops and desks do, whichever door they come through: done, written to the audit list, answered.
//!
//! Handlers of the API and of the console are two faces of these; nothing that changes an event, a ticket, a gate or a
//! token for somebody with a token happens anywhere else.
//!
//! A deed and its line are one task of the process, not of the request: whoever hangs up in the middle ends the waiting,
//! not the deed, and never the line. None is begun while the list is known to take no lines.

mod arbiters;
mod epoch_cuts;
mod feed_keys;
mod gates;
mod journals;
mod lines;
mod policy;
mod recovery;

use std::sync::Arc;

use kido_shared::clock::Timestamp;
use kido_shared::ids::EventId;
use kido_shared::wire::v1::operator::{AddToken, CreateEvent, Role, TicketChange, TokenBody, UpdateEvent};

use crate::audit::{ChangedChoice, Deed, Door, Object};
use crate::auth::bearer::{Denied, May as _, Sell, Stop};
use crate::auth::tokens::{Bearer, TokenError, Tokens};
use crate::domain::by_hand::{Tick, TickOutcome};
use crate::domain::event::{EventRefusal, may_forget};
use crate::domain::reference::TicketRef;
use crate::domain::ticket::TicketAction;
use crate::error::AppError;
use crate::state::{App, AppState};
use crate::store::{
    CancelReport, EventView, Forgotten, ImportReport, PostponementStep, Reissued, StorageError, TicketName, TicketRow,
    TicketView,
};

use lines::{About, batch, deed, entries, given};

/// Who does something, and through which door.
#[derive(Debug, Clone)]
pub(crate) struct By {
    pub(crate) bearer: Bearer,
    pub(crate) door: Door,
}

impl AppState {
    /// Carries a deed and its line to their end, whoever still waits for the answer.
    async fn carry<T, F>(&self, by: &By, deed: impl FnOnce(Self, By) -> F) -> Result<T, AppError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, AppError>> + Send + 'static,
    {
        self.audit.takes_lines().await?;
        self.deeds.spawn(deed(self.clone(), by.clone())).await.map_err(AppError::Lost)?
    }

    /// A session of the console began or ended, or showed what opens a ticket.
    pub(crate) async fn note(&self, by: &By, deed: Deed, event: Option<EventId>) -> Result<(), AppError> {
        let about = About { deed, event, object: Object::Nothing };
        self.carry(by, |app, by| async move { app.listed(&by, about, Ok(())).await }).await
    }

    /// Makes an event.
    pub(crate) async fn create_event(&self, by: &By, wanted: CreateEvent) -> Result<EventView, AppError> {
        self.carry(by, |app, by| async move {
            let made = match policy::new_policy(wanted, &mut app.random()) {
                Ok(policy) => app.store.create_event(policy).await.map_err(AppError::from),
                Err(error) => Err(error),
            };
            let event = made.as_ref().ok().map(|view| view.event);
            app.listed(&by, About { deed: Deed::EventCreated, event, object: Object::Nothing }, made).await
        })
        .await
    }

    /// Changes an event's choices.
    pub(crate) async fn change_event(
        &self,
        by: &By,
        event: EventId,
        wanted: UpdateEvent,
    ) -> Result<EventView, AppError> {
        let before = self.store.policy(event)?;
        self.carry(by, move |app, by| async move {
            let changed = match policy::changed_policy(before.choices().clone(), wanted, &mut app.random()) {
                Ok(policy) => app.store.change_policy(event, before.clone(), policy).await.map_err(AppError::from),
                Err(error) => Err(error),
            };
            let choices = changed.as_ref().map_or(Object::Nothing, |view| {
                Object::Choices(ChangedChoice::between(before.choices(), view.policy.choices()))
            });
            app.listed(&by, About::event(Deed::EventChanged, event).of(choices), changed).await
        })
        .await
    }

    /// Deletes an event whose retention date has come. Entries that only a gate knows are waited for, as far as gates have
    /// told of them since this start.
    pub(crate) async fn forget_event(&self, by: &By, event: EventId) -> Result<Forgotten, AppError> {
        self.carry(by, move |app, by| async move {
            let forgotten = match app.may_forget(event) {
                Ok(()) => app.store.forget_event(event).await.map_err(AppError::from),
                Err(error) => Err(error),
            };
            if forgotten.is_ok() {
                app.reports.forget(event);
                app.runs.forget_event(event);
                app.clerks.forget_event(event);
            }
            app.listed(&by, About::event(Deed::EventForgotten, event), forgotten).await
        })
        .await
    }

    /// Imports a batch of tickets.
    pub(crate) async fn import_tickets(
        &self,
        by: &By,
        event: EventId,
        rows: Vec<TicketRow>,
        paid: bool,
    ) -> Result<ImportReport, AppError> {
        self.carry(by, move |app, by| async move {
            let report = app.store.import_tickets(event, rows, paid).await.map_err(AppError::from);
            let batch = report.as_ref().map_or(Object::Nothing, batch);
            app.listed(&by, About::event(Deed::TicketsImported, event).of(batch), report).await
        })
        .await
    }

    /// Moves an event and a batch of its tickets to another date.
    pub(crate) async fn postpone_event(
        &self,
        by: &By,
        event: EventId,
        starts_at: Timestamp,
    ) -> Result<PostponementStep, AppError> {
        self.carry(by, move |app, by| async move {
            let step = app.store.postpone(event, starts_at).await.map_err(AppError::from);
            let moved = step.as_ref().map_or(Object::Nothing, |step| Object::Count(step.moved));
            app.listed(&by, About::event(Deed::EventPostponed, event).of(moved), step).await
        })
        .await
    }

    /// Cancels a batch of tickets; a look at what that would do is no deed.
    pub(crate) async fn cancel_tickets(
        &self,
        by: &By,
        event: EventId,
        references: Vec<TicketRef>,
        check: bool,
    ) -> Result<CancelReport, AppError> {
        let actor = by.bearer.actor();
        if check {
            return Ok(self.store.cancel_tickets(event, references, actor, true).await?);
        }
        self.carry(by, move |app, by| async move {
            let report = app.store.cancel_tickets(event, references, actor, false).await.map_err(AppError::from);
            let count = report.as_ref().map_or(Object::Nothing, |report| Object::Count(report.cancelled));
            app.listed(&by, About::event(Deed::TicketsCancelled, event).of(count), report).await
        })
        .await
    }

    /// Puts in entries that were ticked on paper; a look at what would become of them is no deed.
    pub(crate) async fn enter_by_hand(
        &self,
        by: &By,
        event: EventId,
        ticks: Vec<Tick>,
        check: bool,
    ) -> Result<Vec<TickOutcome>, AppError> {
        if check {
            return Ok(self.store.enter_by_hand(event, ticks, true).await?);
        }
        self.carry(by, move |app, by| async move {
            let entered = app.store.enter_by_hand(event, ticks, false).await.map_err(AppError::from);
            let count = entered.as_ref().map_or(Object::Nothing, |outcomes| entries(outcomes));
            app.listed(&by, About::event(Deed::EntriesByHand, event).of(count), entered).await
        })
        .await
    }

    /// Changes a ticket's status, where the role may.
    pub(crate) async fn change_ticket(
        &self,
        by: &By,
        event: EventId,
        name: TicketName,
        change: TicketChange,
    ) -> Result<TicketView, AppError> {
        self.carry(by, move |app, by| async move {
            let about = About::event(deed(change), event).of(app.named(event, &name));
            let changed = match action(change, by.bearer.role) {
                Ok(action) => {
                    app.store.change_ticket(event, name, action, by.bearer.actor()).await.map_err(AppError::from)
                }
                Err(denied) => Err(denied.into()),
            };
            app.listed(&by, about, changed).await
        })
        .await
    }

    /// Makes a new code for a ticket.
    pub(crate) async fn reissue_code(&self, by: &By, event: EventId, name: TicketName) -> Result<Reissued, AppError> {
        self.carry(by, move |app, by| async move {
            let about = About::event(Deed::CodeReissued, event).of(app.named(event, &name));
            let reissued = app.store.reissue_code(event, name, by.bearer.actor()).await.map_err(AppError::from);
            app.listed(&by, about, reissued).await
        })
        .await
    }

    /// Adds a token by its hash.
    pub(crate) async fn add_token(&self, by: &By, token: AddToken) -> Result<TokenBody, AppError> {
        self.carry(by, move |app, by| async move {
            let now = app.now();
            let added = app.on_disk(move |tokens| tokens.add(token, now)).await;
            let object = added.as_ref().map_or(Object::Nothing, given);
            app.listed(&by, About { deed: Deed::TokenAdded, event: None, object }, added).await
        })
        .await
    }

    /// Ends a token.
    pub(crate) async fn remove_token(&self, by: &By, label: String) -> Result<TokenBody, AppError> {
        self.carry(by, move |app, by| async move {
            let removed = app.on_disk(move |tokens| tokens.remove(&label)).await;
            // Its sessions, and the links that they hold, end with it.
            app.clerks.sweep(app.now(), &app.tokens);
            let object = removed.as_ref().map_or(Object::Nothing, given);
            app.listed(&by, About { deed: Deed::TokenRemoved, event: None, object }, removed).await
        })
        .await
    }
}

impl App {
    fn may_forget(&self, event: EventId) -> Result<(), AppError> {
        let policy = match self.store.policy(event) {
            Ok(policy) => policy,
            // What was begun is gone on with.
            Err(StorageError::Forgotten(_)) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        may_forget(&policy, self.now())?;
        let waiting = self.reports.waiting(event, |gate| self.store.gate(event, gate).is_ok());
        waiting.map_or(Ok(()), |gate| Err(EventRefusal::EntriesOut { gate }.into()))
    }

    /// A file is written and synced: not on a thread that serves others.
    async fn on_disk(
        &self,
        change: impl FnOnce(&Tokens) -> Result<TokenBody, TokenError> + Send + 'static,
    ) -> Result<TokenBody, AppError> {
        let tokens = Arc::clone(&self.tokens);
        let changed = tokio::task::spawn_blocking(move || change(&tokens)).await;
        Ok(changed.map_err(AppError::Lost)??)
    }
}

/// What a role may ask for.
///
/// # Errors
/// [`Denied::Role`].
pub(crate) fn action(change: TicketChange, role: Role) -> Result<TicketAction, Denied> {
    let (action, roles) = match change {
        TicketChange::Suspend => (TicketAction::Suspend, Stop::ROLES),
        TicketChange::Cancel => (TicketAction::Cancel, Sell::ROLES),
        TicketChange::Confirm => (TicketAction::Confirm, Sell::ROLES),
        TicketChange::Release => (TicketAction::Release, Sell::ROLES),
    };
    if roles.contains(&role) { Ok(action) } else { Err(Denied::Role(role)) }
}

#[cfg(test)]
mod tests;
