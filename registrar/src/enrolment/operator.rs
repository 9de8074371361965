//! What operators do with offers: make them, look how far they are, compare the digits, take them back.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::PoisonError;

use kido_shared::clock::Timestamp;
use kido_shared::enrolment::{Applicant, ApplicantId, EnrolmentToken, ShortCode, Transcript};
use kido_shared::ids::{EnrolmentId, EventId};
use kido_shared::limits::ENROLMENT_LIFETIME;
use rand::{CryptoRng, RngCore};

use super::{EnrolmentRefusal, Enrolments, Offer, OfferFor, Stage};

/// Offers that are open at a time: the largest venue set up at once, and a little more.
pub(super) const OFFERS_MAX: usize = 256;

/// How long a confirmed applicant has at least to fetch its subkeys, however late the digits were typed: it asks every
/// second or two, and without them it would be part of the event and know nothing.
pub(super) const FETCHED_WITHIN: Duration = Duration::from_secs(60);

/// An offer that was just made.
#[derive(Debug)]
pub struct Offered {
    /// Names the dialogue.
    pub enrolment: EnrolmentId,
    /// The secret in the link.
    pub token: EnrolmentToken,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// An offer as its operator sees it.
#[derive(Debug)]
pub struct StandingOffer {
    /// How far it is.
    pub progress: Progress,
    /// The secret in the link, while it waits for somebody.
    pub token: Option<EnrolmentToken>,
    /// What it makes of whoever takes it.
    pub place: OfferFor,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// How far an offer is, for its operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Nobody yet, or somebody who has not revealed a nonce.
    Waiting,
    /// The applicant shows its digits.
    ShowsCode(ApplicantId),
    /// Confirmed.
    Confirmed(ApplicantId),
}

impl Progress {
    const fn of(stage: &Stage) -> Self {
        match stage {
            Stage::Offered | Stage::Introduced { .. } => Self::Waiting,
            Stage::Revealed(transcript) | Stage::Confirming(transcript) => Self::ShowsCode(transcript.name),
            Stage::Confirmed { transcript, .. } => Self::Confirmed(transcript.name),
        }
    }
}

/// An applicant whose digits were the right ones; to be stored, then settled with [`Enrolments::settle`].
#[derive(Debug)]
pub struct Compared {
    /// What both sides agree on.
    pub transcript: Transcript,
    /// The offer's secret, for sealing.
    pub token: EnrolmentToken,
    /// What it makes of its applicant.
    pub place: OfferFor,
}

/// An offer of this event; another event's operators learn nothing of it, not even that it is there.
fn of_event(
    offers: &mut BTreeMap<EnrolmentId, Offer>,
    event: EventId,
    enrolment: EnrolmentId,
) -> Result<&mut Offer, EnrolmentRefusal> {
    offers.get_mut(&enrolment).filter(|offer| offer.event == event).ok_or(EnrolmentRefusal::NoOffer)
}

impl Enrolments {
    /// Makes an offer.
    ///
    /// # Errors
    /// [`EnrolmentRefusal::TooMany`].
    pub fn offer(
        &self,
        event: EventId,
        place: OfferFor,
        now: Timestamp,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<Offered, EnrolmentRefusal> {
        let mut offers = self.open_at(now);
        if offers.len() >= OFFERS_MAX {
            return Err(EnrolmentRefusal::TooMany);
        }
        let (enrolment, token) = (EnrolmentId::generate(random), EnrolmentToken::generate(random));
        let expires_at = now.after(ENROLMENT_LIFETIME);
        let (token_hash, stage) = (token.hash(), Stage::Offered);
        offers.insert(enrolment, Offer { event, place, token: token.clone(), token_hash, expires_at, stage });
        Ok(Offered { enrolment, token, expires_at })
    }

    /// How far an offer of this event is.
    ///
    /// # Errors
    /// [`EnrolmentRefusal::NoOffer`].
    pub fn progress(
        &self,
        event: EventId,
        enrolment: EnrolmentId,
        now: Timestamp,
    ) -> Result<Progress, EnrolmentRefusal> {
        Ok(Progress::of(&of_event(&mut self.open_at(now), event, enrolment)?.stage))
    }

    /// An offer as it stands, with its secret only while it waits: for its operator's page alone.
    ///
    /// # Errors
    /// [`EnrolmentRefusal::NoOffer`].
    pub fn standing_offer(
        &self,
        event: EventId,
        enrolment: EnrolmentId,
        now: Timestamp,
    ) -> Result<StandingOffer, EnrolmentRefusal> {
        let mut offers = self.open_at(now);
        let offer = of_event(&mut offers, event, enrolment)?;
        let progress = Progress::of(&offer.stage);
        Ok(StandingOffer {
            progress,
            token: matches!(progress, Progress::Waiting).then(|| offer.token.clone()),
            place: offer.place.clone(),
            expires_at: offer.expires_at,
        })
    }

    /// Compares the digits that the operator read from the applicant's screen. Wrong ones end the offer: one guess each.
    ///
    /// Right ones take the step for this caller, who settles it whatever becomes of it. One that is confirmed already
    /// stays so: the same digits are answered again, others change nothing.
    ///
    /// # Errors
    /// [`EnrolmentRefusal`]; [`EnrolmentRefusal::Order`] also while somebody else confirms it.
    pub fn compare(
        &self,
        (event, applicant): (EventId, Applicant),
        enrolment: EnrolmentId,
        typed: &str,
        now: Timestamp,
    ) -> Result<Compared, EnrolmentRefusal> {
        let typed = ShortCode::parse(typed).ok_or(EnrolmentRefusal::NotDigits)?;
        let mut offers = self.open_at(now);
        let offer = of_event(&mut offers, event, enrolment)?;
        if offer.place.applicant() != applicant {
            return Err(EnrolmentRefusal::OtherKind);
        }
        let transcript = match &offer.stage {
            Stage::Revealed(transcript) => transcript.clone(),
            Stage::Confirmed { transcript, .. } if transcript.short_code() == typed => transcript.clone(),
            Stage::Offered | Stage::Introduced { .. } | Stage::Confirming(_) | Stage::Confirmed { .. } => {
                return Err(EnrolmentRefusal::Order);
            }
        };
        if transcript.short_code() != typed {
            offers.remove(&enrolment);
            tracing::warn!(%enrolment, "wrong digits at an enrolment: the offer has ended");
            return Err(EnrolmentRefusal::WrongDigits);
        }
        if matches!(offer.stage, Stage::Revealed(_)) {
            offer.stage = Stage::Confirming(transcript.clone());
        }
        Ok(Compared { transcript, token: offer.token.clone(), place: offer.place.clone() })
    }

    /// Lays the sealed subkeys out for the applicant, which is a fact of its event by now; without them it was not stored, and
    /// the digits may be typed again.
    pub fn settle(&self, enrolment: EnrolmentId, sealed: Option<Vec<u8>>, now: Timestamp) {
        let mut offers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(offer) = offers.get_mut(&enrolment) else { return };
        if let Stage::Confirming(transcript) = &offer.stage {
            let transcript = transcript.clone();
            offer.expires_at = offer.expires_at.max(now.after(FETCHED_WITHIN));
            offer.stage = match sealed {
                Some(sealed) => Stage::Confirmed { transcript, sealed },
                None => Stage::Revealed(transcript),
            };
        }
    }

    /// Takes an offer back: whoever has it gets nothing by it any more.
    ///
    /// # Errors
    /// [`EnrolmentRefusal::NoOffer`]; [`EnrolmentRefusal::Order`] where its applicant is being confirmed, or was: that one is
    /// to be revoked.
    pub fn withdraw(&self, event: EventId, enrolment: EnrolmentId, now: Timestamp) -> Result<(), EnrolmentRefusal> {
        let mut offers = self.open_at(now);
        if matches!(of_event(&mut offers, event, enrolment)?.stage, Stage::Confirming(_) | Stage::Confirmed { .. }) {
            return Err(EnrolmentRefusal::Order);
        }
        offers.remove(&enrolment);
        Ok(())
    }

    /// Forgets the offer that made a gate or an arbiter, once that one is revoked.
    pub fn forget(&self, name: ApplicantId, now: Timestamp) {
        let mut offers = self.open_at(now);
        offers.retain(|_enrolment, offer| match &offer.stage {
            Stage::Offered => true,
            Stage::Introduced { name: known, .. } => *known != name,
            Stage::Revealed(transcript) | Stage::Confirming(transcript) | Stage::Confirmed { transcript, .. } => {
                transcript.name != name
            }
        });
    }
}
