//! What operators, shops and desks do, whichever door they come through: done, written to the audit list, answered.
//!
//! Handlers of the API and of the console are two faces of these; nothing that changes an event, a ticket, a gate or a
//! token for somebody with a token happens anywhere else.
//!
//! A deed and its line are one task of the process, not of the request: whoever hangs up in the middle ends the waiting,
//! not the deed, and never the line. None is begun while the list takes no lines.

mod policy;

use std::sync::Arc;

use kido_shared::enrolment::{EnrolmentLink, EnrolmentToken, RootFingerprint};
use kido_shared::ids::{EnrolmentId, EventId, GateId};
use kido_shared::wire::v1::operator::{AddToken, CreateEvent, OfferGate, Role, TicketChange, TokenBody, UpdateEvent};
use zeroize::Zeroizing;

use crate::audit::{AuditLine, ChangedChoice, Deed, Door, Object};
use crate::auth::bearer::Denied;
use crate::auth::tokens::{Bearer, TokenError, Tokens};
use crate::domain::event::{EventRefusal, may_forget};
use crate::domain::ticket::TicketAction;
use crate::enrolment::{Compared, EnrolmentRefusal, Offered};
use crate::error::AppError;
use crate::state::{App, AppState};
use crate::store::{
    EventView, Forgotten, GateView, ImportOutcome, ImportReport, NewGate, Reissued, StorageError, TicketName,
    TicketRow, TicketView,
};

/// Who does something, and through which door.
#[derive(Debug, Clone)]
pub(crate) struct By {
    pub(crate) bearer: Bearer,
    pub(crate) door: Door,
}

/// What a line tells beside who and how it ended.
struct About {
    deed: Deed,
    event: Option<EventId>,
    object: Object,
}

impl About {
    const fn event(deed: Deed, event: EventId) -> Self {
        Self { deed, event: Some(event), object: Object::Nothing }
    }

    fn of(self, object: Object) -> Self {
        Self { object, ..self }
    }
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

    /// A session of the console began or ended, or showed what opens a ticket or a gate's place.
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

    /// Offers a place to a new gate.
    pub(crate) async fn offer_gate(&self, by: &By, event: EventId, wanted: OfferGate) -> Result<Offered, AppError> {
        self.carry(by, move |app, by| async move {
            let offered = app.offer(event, wanted);
            let object = offered.as_ref().map_or(Object::Nothing, |offered| Object::Offer(offered.enrolment));
            app.listed(&by, About::event(Deed::GateOffered, event).of(object), offered).await
        })
        .await
    }

    /// Compares the digits and makes the gate part of the event. Wrong digits end the offer.
    pub(crate) async fn confirm_gate(
        &self,
        by: &By,
        (event, enrolment): (EventId, EnrolmentId),
        short_code: &str,
    ) -> Result<GateView, AppError> {
        let typed = short_code.to_owned();
        self.carry(by, move |app, by| async move {
            let confirmed = app.confirm(event, enrolment, &typed).await;
            let object = confirmed.as_ref().map_or(Object::Offer(enrolment), |gate| Object::Gate(gate.gate));
            app.listed(&by, About::event(Deed::GateConfirmed, event).of(object), confirmed).await
        })
        .await
    }

    /// Takes an offer back: the digits were others, or nobody came.
    pub(crate) async fn refuse_gate(
        &self,
        by: &By,
        (event, enrolment): (EventId, EnrolmentId),
    ) -> Result<(), AppError> {
        self.carry(by, move |app, by| async move {
            let withdrawn = app.enrolments.withdraw(event, enrolment, app.now()).map_err(AppError::from);
            app.listed(&by, About::event(Deed::GateRefused, event).of(Object::Offer(enrolment)), withdrawn).await
        })
        .await
    }

    /// Ends a gate's rights.
    pub(crate) async fn revoke_gate(&self, by: &By, event: EventId, gate: GateId) -> Result<GateView, AppError> {
        self.carry(by, move |app, by| async move {
            let revoked = app.store.revoke_gate(event, gate).await.map_err(AppError::from);
            if revoked.is_ok() {
                app.enrolments.forget(gate, app.now());
            }
            app.listed(&by, About::event(Deed::GateRevoked, event).of(Object::Gate(gate)), revoked).await
        })
        .await
    }

    /// Adds a token by its hash.
    pub(crate) async fn add_token(&self, by: &By, token: AddToken) -> Result<TokenBody, AppError> {
        self.carry(by, move |app, by| async move {
            let added = app.on_disk(move |tokens| tokens.add(token)).await;
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
    /// Writes the line, then lets the answer go: whoever was told *done* is in the list. A list that stops taking lines
    /// in the very moment of a deed leaves it done and answered as a failure; its event's own facts tell of it.
    async fn listed<T>(&self, by: &By, about: About, outcome: Result<T, AppError>) -> Result<T, AppError> {
        let refused = outcome.as_ref().err().map(|error| error.code().to_owned());
        let (role, label) = (Some(by.bearer.role.name().to_owned()), by.bearer.label.clone());
        let About { deed, event, object } = about;
        let line = AuditLine { at: self.now(), role, label, door: by.door, deed, event, object, refused };
        self.audit.write(line).await?;
        outcome
    }

    /// The ticket that somebody names, for the list: by its pseudonym, never by its reference.
    fn named(&self, event: EventId, name: &TicketName) -> Object {
        let id = match name {
            TicketName::Id(id) => Some(*id),
            TicketName::Reference(_) => self.store.ticket(event, name).ok().map(|view| view.ticket),
        };
        id.map_or(Object::Nothing, Object::Ticket)
    }

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

    fn offer(&self, event: EventId, OfferGate { zone, entrance }: OfferGate) -> Result<Offered, AppError> {
        self.store.may_add_gate(event, &zone)?;
        let entrance = entrance.unwrap_or_else(|| zone.clone());
        Ok(self.enrolments.offer(event, (zone, entrance), self.now(), &mut self.random())?)
    }

    /// What a new gate is given: origin, secret and root fingerprint in one link.
    pub(crate) fn enrolment_link(&self, token: EnrolmentToken) -> Zeroizing<String> {
        let (origin, root) = (self.origin.to_string(), RootFingerprint::of(self.store.root_key()));
        EnrolmentLink { origin, token, root }.reveal()
    }

    /// From the digits to a stored gate. What fails behind the digits gives the offer back as it was.
    async fn confirm(&self, event: EventId, enrolment: EnrolmentId, short_code: &str) -> Result<GateView, AppError> {
        let compared = self.enrolments.compare(event, enrolment, short_code, self.now())?;
        let added = self.add_gate(event, &compared).await;
        let sealed = added.as_ref().ok().map(|(_gate, sealed)| sealed.clone());
        self.enrolments.settle(enrolment, sealed, self.now());
        added.map(|(gate, _sealed)| gate)
    }

    async fn add_gate(&self, event: EventId, compared: &Compared) -> Result<(GateView, Vec<u8>), AppError> {
        let Compared { transcript, token, zone, entrance } = compared;
        let sealed = transcript.seal(token, &self.store.gate_subkeys(event)?, &mut self.random());
        let sealed = sealed.map_err(EnrolmentRefusal::Dialogue)?;
        let (zone, entrance) = (zone.clone(), entrance.clone());
        let new = NewGate { gate: transcript.gate, verifying_key: transcript.keys.verifying, zone, entrance };
        Ok((self.store.add_gate(event, new).await?, sealed))
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

/// How many tickets of a batch are new, and how many were refused.
fn batch(report: &ImportReport) -> Object {
    let count = |counted: fn(&ImportOutcome) -> bool| {
        let outcomes = report.outcomes.iter().filter(|outcome| counted(outcome));
        u64::try_from(outcomes.count()).unwrap_or(u64::MAX)
    };
    Object::Batch(
        count(|outcome| matches!(outcome, ImportOutcome::Created(_))),
        count(|outcome| matches!(outcome, ImportOutcome::Refused(_))),
    )
}

/// Whose token, and what it may do.
fn given(token: &TokenBody) -> Object {
    Object::TokenOfRole(token.label.clone(), token.role.name().to_owned())
}

const fn deed(change: TicketChange) -> Deed {
    match change {
        TicketChange::Suspend => Deed::TicketSuspended,
        TicketChange::Cancel => Deed::TicketCancelled,
        TicketChange::Confirm => Deed::TicketConfirmed,
        TicketChange::Release => Deed::TicketReleased,
    }
}

/// What a role may ask for.
///
/// # Errors
/// [`Denied::Role`].
pub(crate) const fn action(change: TicketChange, role: Role) -> Result<TicketAction, Denied> {
    let (action, allowed) = match change {
        TicketChange::Suspend => (TicketAction::Suspend, matches!(role, Role::Operator | Role::Sales | Role::Desk)),
        TicketChange::Cancel => (TicketAction::Cancel, matches!(role, Role::Operator | Role::Sales)),
        TicketChange::Confirm => (TicketAction::Confirm, matches!(role, Role::Operator | Role::Sales)),
        TicketChange::Release => (TicketAction::Release, matches!(role, Role::Operator | Role::Sales)),
    };
    if allowed { Ok(action) } else { Err(Denied::Role(role)) }
}

#[cfg(test)]
mod tests;
