//! Venue arbiters: offered a place, made the event's by their digits, revoked.

use kido_shared::enrolment::Applicant;
use kido_shared::ids::{ArbiterId, EnrolmentId, EventId};
use kido_shared::wire::v1::operator::{OfferArbiter, RevokeArbiter};

use super::By;
use super::lines::About;
use crate::audit::{Deed, Object};
use crate::domain::arbiter::ArbiterRefusal;
use crate::enrolment::{Compared, EnrolmentRefusal, OfferFor, Offered};
use crate::error::AppError;
use crate::state::{App, AppState};
use crate::store::{ArbiterView, NewArbiter};

impl AppState {
    /// Offers a place to a new venue arbiter.
    pub(crate) async fn offer_arbiter(
        &self,
        by: &By,
        event: EventId,
        wanted: OfferArbiter,
    ) -> Result<Offered, AppError> {
        self.carry(by, move |app, by| async move {
            let offered = app.offer_to_arbiter(event, wanted);
            let object = offered.as_ref().map_or(Object::Nothing, |offered| Object::Offer(offered.enrolment));
            app.listed(&by, About::event(Deed::ArbiterOffered, event).of(object), offered).await
        })
        .await
    }

    /// Compares the digits and makes the arbiter the event's. Wrong digits end the offer.
    pub(crate) async fn confirm_arbiter(
        &self,
        by: &By,
        (event, enrolment): (EventId, EnrolmentId),
        short_code: &str,
    ) -> Result<ArbiterView, AppError> {
        let typed = short_code.to_owned();
        self.carry(by, move |app, by| async move {
            let confirmed = app.confirm_as_arbiter(event, enrolment, &typed).await;
            let object = confirmed.as_ref().map_or(Object::Offer(enrolment), |view| Object::Arbiter(view.arbiter));
            app.listed(&by, About::event(Deed::ArbiterConfirmed, event).of(object), confirmed).await
        })
        .await
    }

    /// Ends an arbiter's rights; the event's arbiter begins anew.
    pub(crate) async fn revoke_arbiter(
        &self,
        by: &By,
        (event, arbiter): (EventId, ArbiterId),
        RevokeArbiter { box_is_off }: RevokeArbiter,
    ) -> Result<ArbiterView, AppError> {
        self.carry(by, move |app, by| async move {
            let revoked = if box_is_off {
                app.store.revoke_arbiter(event, arbiter).await.map_err(AppError::from)
            } else {
                Err(ArbiterRefusal::BoxNotOff.into())
            };
            if revoked.is_ok() {
                app.enrolments.forget(arbiter.into(), app.now());
            }
            app.listed(&by, About::event(Deed::ArbiterRevoked, event).of(Object::Arbiter(arbiter)), revoked).await
        })
        .await
    }
}

impl App {
    fn offer_to_arbiter(&self, event: EventId, wanted: OfferArbiter) -> Result<Offered, AppError> {
        let OfferArbiter { addresses, shared } = wanted;
        self.store.may_add_arbiter(event, (&addresses, shared))?;
        let place = OfferFor::Arbiter { addresses, shared };
        Ok(self.enrolments.offer(event, place, self.now(), &mut self.random())?)
    }

    /// From the digits to a stored arbiter. What fails behind the digits gives the offer back as it was.
    async fn confirm_as_arbiter(
        &self,
        event: EventId,
        enrolment: EnrolmentId,
        short_code: &str,
    ) -> Result<ArbiterView, AppError> {
        let compared = self.enrolments.compare((event, Applicant::Arbiter), enrolment, short_code, self.now())?;
        let added = self.add_arbiter(event, &compared).await;
        let sealed = added.as_ref().ok().map(|(_arbiter, sealed)| sealed.clone());
        self.enrolments.settle(enrolment, sealed, self.now());
        added.map(|(arbiter, _sealed)| arbiter)
    }

    async fn add_arbiter(&self, event: EventId, compared: &Compared) -> Result<(ArbiterView, Vec<u8>), AppError> {
        let Compared { transcript, token, place } = compared;
        let OfferFor::Arbiter { addresses, shared } = place else { return Err(EnrolmentRefusal::OtherKind.into()) };
        let sealed = transcript.seal(token, &self.store.arbiter_subkeys(event)?, &mut self.random());
        let sealed = sealed.map_err(EnrolmentRefusal::Dialogue)?;
        let (arbiter, verifying_key) = (transcript.name.as_arbiter(), transcript.keys.verifying);
        let new = NewArbiter { arbiter, verifying_key, addresses: addresses.clone(), shared: *shared };
        Ok((self.store.add_arbiter(event, new).await?, sealed))
    }
}
