//! Gates: offered a place, made part of an event by their digits, refused, revoked.

use kido_shared::claim::FreedClaims;
use kido_shared::enrolment::{Applicant, EnrolmentLink, EnrolmentToken, RootFingerprint};
use kido_shared::ids::{EnrolmentId, EventId, GateId};
use kido_shared::wire::v1::operator::OfferGate;
use zeroize::Zeroizing;

use super::By;
use super::lines::About;
use crate::audit::{AuditLine, Deed, Door, Object};
use crate::enrolment::{Compared, EnrolmentRefusal, OfferFor, Offered};
use crate::error::AppError;
use crate::state::{App, AppState};
use crate::store::{GateClaimsView, GateView, NewGate};

impl AppState {
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
                app.enrolments.forget(gate.into(), app.now());
                app.runs.forget(event, gate);
            }
            app.listed(&by, About::event(Deed::GateRevoked, event).of(Object::Gate(gate)), revoked).await
        })
        .await
    }

    /// Sets claims of a revoked gate free.
    pub(crate) async fn free_claims(
        &self,
        by: &By,
        event: EventId,
        (gate, freed): (GateId, FreedClaims),
        told: u64,
    ) -> Result<GateClaimsView, AppError> {
        self.carry(by, move |app, by| async move {
            let done = app.store.free_claims(event, (gate, freed), told).await.map_err(AppError::from);
            app.listed(&by, About::event(Deed::ClaimsFreed, event).of(Object::Gate(gate)), done).await
        })
        .await
    }

    /// Ends a gate's rights because two machines run with its keys: which of them is the gate, nobody here can know.
    pub(crate) async fn revoke_copied(&self, event: EventId, gate: GateId) -> Result<(), AppError> {
        let app = self.clone();
        let deed = async move {
            tracing::error!(%event, %gate, "ALARM: two machines run with this gate's keys; it is revoked");
            app.metrics.copied();
            app.store.revoke_copied_gate(event, gate).await?;
            app.enrolments.forget(gate.into(), app.now());
            app.runs.forget(event, gate);
            let (deed, object) = (Deed::GateCopied, Object::Gate(gate));
            let (label, door, event) = (String::new(), Door::Itself, Some(event));
            let line = AuditLine { at: app.now(), role: None, label, door, deed, event, object, refused: None };
            Ok(app.audit.write(line).await?)
        };
        self.deeds.spawn(deed).await.map_err(AppError::Lost)?
    }
}

impl App {
    fn offer(&self, event: EventId, OfferGate { zone, entrance }: OfferGate) -> Result<Offered, AppError> {
        self.store.may_add_gate(event, &zone)?;
        let entrance = entrance.unwrap_or_else(|| zone.clone());
        Ok(self.enrolments.offer(event, OfferFor::Gate { zone, entrance }, self.now(), &mut self.random())?)
    }

    /// What an applicant is given: origin, secret and root fingerprint in one link.
    pub(crate) fn enrolment_link(&self, token: EnrolmentToken) -> Zeroizing<String> {
        let (origin, root) = (self.origin.to_string(), RootFingerprint::of(self.store.root_key()));
        EnrolmentLink { origin, token, root }.reveal()
    }

    /// From the digits to a stored gate. What fails behind the digits gives the offer back as it was.
    async fn confirm(&self, event: EventId, enrolment: EnrolmentId, short_code: &str) -> Result<GateView, AppError> {
        let compared = self.enrolments.compare((event, Applicant::Gate), enrolment, short_code, self.now())?;
        let added = self.add_gate(event, &compared).await;
        let sealed = added.as_ref().ok().map(|(_gate, sealed)| sealed.clone());
        self.enrolments.settle(enrolment, sealed, self.now());
        added.map(|(gate, _sealed)| gate)
    }

    async fn add_gate(&self, event: EventId, compared: &Compared) -> Result<(GateView, Vec<u8>), AppError> {
        let Compared { transcript, token, place } = compared;
        let OfferFor::Gate { zone, entrance } = place else { return Err(EnrolmentRefusal::OtherKind.into()) };
        let sealed = transcript.seal(token, &self.store.gate_subkeys(event)?, &mut self.random());
        let sealed = sealed.map_err(EnrolmentRefusal::Dialogue)?;
        let (zone, entrance) = (zone.clone(), entrance.clone());
        let new = NewGate { gate: transcript.name.as_gate(), verifying_key: transcript.keys.verifying, zone, entrance };
        Ok((self.store.add_gate(event, new).await?, sealed))
    }
}
