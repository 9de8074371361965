//! What an applicant does with the offer that it was given: introduce itself, reveal its nonce, fetch its subkeys.

use kido_shared::clock::Timestamp;
use kido_shared::codes::CodeHash;
use kido_shared::enrolment::{Applicant, ApplicantId, EnrolmentNonce, NonceCommitment, OwnPublicKeys, Transcript};
use kido_shared::ids::{EnrolmentId, EventId};
use rand::{CryptoRng, RngCore};

use super::{EnrolmentRefusal, Enrolments, Offer, OfferFor, Stage};

/// How an applicant introduces itself.
#[derive(Debug)]
pub struct Introduction {
    /// As what it wants to be enrolled.
    pub applicant: Applicant,
    /// Its two public keys.
    pub keys: OwnPublicKeys,
    /// Hash of its nonce.
    pub commitment: NonceCommitment,
}

/// What an introduced applicant is told, the event's own particulars aside.
#[derive(Debug)]
pub struct Introduced {
    /// Names the dialogue.
    pub enrolment: EnrolmentId,
    /// Its new name.
    pub name: ApplicantId,
    /// Which event.
    pub event: EventId,
    /// What it is to do there.
    pub place: OfferFor,
    /// The registrar's nonce.
    pub nonce: EnrolmentNonce,
    /// When the offer ends.
    pub expires_at: Timestamp,
}

/// What a confirmed applicant fetches.
#[derive(Clone, PartialEq, Eq)]
pub struct Confirmed {
    /// Of which event it is.
    pub event: EventId,
    /// As what.
    pub applicant: Applicant,
    /// The subkeys under HPKE.
    pub sealed: Vec<u8>,
}

impl std::fmt::Debug for Confirmed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Confirmed");
        shown.field("event", &self.event).field("applicant", &self.applicant).finish_non_exhaustive()
    }
}

impl Enrolments {
    /// Takes an introduction: the first one that knows the secret has the offer.
    ///
    /// # Errors
    /// [`EnrolmentRefusal::NoOffer`]; [`EnrolmentRefusal::OtherKind`].
    pub fn introduce(
        &self,
        token: CodeHash,
        introduction: Introduction,
        now: Timestamp,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<Introduced, EnrolmentRefusal> {
        let mut offers = self.open_at(now);
        let named = |(_id, offer): &(&EnrolmentId, &mut Offer)| offer.token_hash == token;
        let (enrolment, offer) = offers.iter_mut().find(named).ok_or(EnrolmentRefusal::NoOffer)?;
        let Stage::Offered = offer.stage else { return Err(EnrolmentRefusal::NoOffer) };
        if introduction.applicant != offer.place.applicant() {
            return Err(EnrolmentRefusal::OtherKind);
        }
        let (name, nonce) = (ApplicantId::generate(random), EnrolmentNonce::generate(random));
        let Introduction { applicant: _, keys, commitment } = introduction;
        offer.stage = Stage::Introduced { name, keys, commitment, nonce };
        Ok(Introduced {
            enrolment: *enrolment,
            name,
            event: offer.event,
            place: offer.place.clone(),
            nonce,
            expires_at: offer.expires_at,
        })
    }

    /// Opens the applicant's commitment; from here on both sides show the digits. Another nonce ends the offer.
    ///
    /// # Errors
    /// [`EnrolmentRefusal`].
    pub fn reveal(
        &self,
        enrolment: EnrolmentId,
        revealed: EnrolmentNonce,
        root: [u8; 32],
        now: Timestamp,
    ) -> Result<(), EnrolmentRefusal> {
        let mut offers = self.open_at(now);
        let offer = offers.get_mut(&enrolment).ok_or(EnrolmentRefusal::NoOffer)?;
        let (name, keys, commitment, registrar_nonce) = match &offer.stage {
            Stage::Introduced { name, keys, commitment, nonce } => (*name, *keys, *commitment, *nonce),
            Stage::Revealed(known) if known.applicant_nonce == revealed => return Ok(()),
            Stage::Offered | Stage::Revealed(_) | Stage::Confirming(_) | Stage::Confirmed { .. } => {
                return Err(EnrolmentRefusal::Order);
            }
        };
        match commitment.open(revealed) {
            Ok(applicant_nonce) => {
                let applicant = offer.place.applicant();
                offer.stage = Stage::Revealed(Transcript {
                    enrolment,
                    applicant,
                    name,
                    root,
                    keys,
                    registrar_nonce,
                    applicant_nonce,
                });
                Ok(())
            }
            Err(error) => {
                offers.remove(&enrolment);
                Err(EnrolmentRefusal::Dialogue(error))
            }
        }
    }

    /// Whose signature an applicant's question about its enrolment must bear.
    ///
    /// # Errors
    /// [`EnrolmentRefusal`].
    pub fn asking(&self, enrolment: EnrolmentId, now: Timestamp) -> Result<(ApplicantId, [u8; 32]), EnrolmentRefusal> {
        let offers = self.open_at(now);
        match &offers.get(&enrolment).ok_or(EnrolmentRefusal::NoOffer)?.stage {
            Stage::Revealed(transcript) | Stage::Confirming(transcript) | Stage::Confirmed { transcript, .. } => {
                Ok((transcript.name, transcript.keys.verifying))
            }
            Stage::Offered | Stage::Introduced { .. } => Err(EnrolmentRefusal::Order),
        }
    }

    /// What was confirmed, and the sealed subkeys; nothing before.
    ///
    /// # Errors
    /// [`EnrolmentRefusal::NoOffer`].
    pub fn result(&self, enrolment: EnrolmentId, now: Timestamp) -> Result<Option<Confirmed>, EnrolmentRefusal> {
        let offers = self.open_at(now);
        let offer = offers.get(&enrolment).ok_or(EnrolmentRefusal::NoOffer)?;
        Ok(match &offer.stage {
            Stage::Confirmed { sealed, .. } => {
                Some(Confirmed { event: offer.event, applicant: offer.place.applicant(), sealed: sealed.clone() })
            }
            Stage::Offered | Stage::Introduced { .. } | Stage::Revealed(_) | Stage::Confirming(_) => None,
        })
    }
}
