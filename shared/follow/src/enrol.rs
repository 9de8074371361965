//! Enrolment, the applicant's side: from an offer that an operator shows to a gate or an arbiter that belongs to an event.
//!
//! The dialogue itself is [`kido_shared::enrolment`]; here it is carried over HTTP. Nothing is written down: what it leads
//! to is a value that its owner stores.

use std::sync::Arc;
use std::time::Duration;

use ed25519_dalek::VerifyingKey;
use kido_shared::challenge::{Origin, OriginError};
use kido_shared::clock::Clock;
use kido_shared::enrolment::{
    Applicant, EnrolmentError, EnrolmentLink, EnrolmentNonce, OwnKeys, OwnPublicKeys, ShortCode, Transcript,
};
use kido_shared::feed::{FeedError, FeedKeyCertificate};
use kido_shared::keys::Subkeys;
use kido_shared::wire::v1::enrolment::{EnrolmentResult, EnrolmentStarted, OfferedPlace, RevealNonce, StartEnrolment};
use kido_shared::wire::v1::routes;
use rand::{CryptoRng, RngCore};

use crate::uplink::{Signer, Uplink, UplinkError};

/// Deadline of one call.
const CALL_DEADLINE: Duration = Duration::from_secs(10);

/// How often the registrar is asked whether the operator has confirmed.
pub const ASK_INTERVAL: Duration = Duration::from_secs(1);

/// Why the enrolment came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// The dialogue was not as it should be: a wrong link, a wrong registrar, or somebody between.
    #[error("the enrolment is refused")]
    Dialogue(#[from] EnrolmentError),
    /// The address in the link is none that is talked to.
    #[error("the address in the link is refused")]
    Origin(#[from] OriginError),
    /// The registrar did not answer, or said no.
    #[error("the registrar did not go along")]
    Uplink(#[from] UplinkError),
    /// The feed key is not one that the root vouches for.
    #[error("the registrar's feed key is refused")]
    FeedKey(#[from] FeedError),
    /// The registrar offers a place of the other kind.
    #[error("this link is for a gate where an arbiter asks, or the other way round; ask the operator for another")]
    OtherKind,
    /// The offer's ten minutes are over.
    #[error("the offer has ended; ask the operator for another")]
    Ended,
}

/// A dialogue whose digits this side shows, and an operator types at the registrar.
pub struct Comparing {
    uplink: Uplink,
    link: EnrolmentLink,
    keys: OwnKeys,
    transcript: Transcript,
    started: EnrolmentStarted,
    origin: Origin,
    root: VerifyingKey,
}

/// What a finished dialogue leads to.
#[derive(Debug)]
pub struct Enrolled<S> {
    /// The applicant's own keys.
    pub keys: OwnKeys,
    /// The event's subkeys that its role needs.
    pub subkeys: S,
    /// What the registrar said of the event and the place.
    pub started: EnrolmentStarted,
    /// Where the registrar is.
    pub origin: Origin,
    /// The root key that the offer named.
    pub root: VerifyingKey,
    /// The feed key under the root's signature.
    pub feed_key: FeedKeyCertificate,
}

impl std::fmt::Debug for Comparing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Comparing").field("name", &self.transcript.name).finish_non_exhaustive()
    }
}

impl Comparing {
    /// Begins: introduces somebody with fresh keys, meets the registrar, and comes to the digits.
    ///
    /// # Errors
    /// [`EnrolError`].
    pub async fn begin(
        link: EnrolmentLink,
        applicant: Applicant,
        program: &str,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<Self, EnrolError> {
        let origin = Origin::parse(&link.origin)?;
        let uplink = Uplink::new(origin.clone(), program)?;
        let keys = OwnKeys::generate(random);
        let public = keys.public()?;
        let nonce = EnrolmentNonce::generate(random);
        let introduction = introduction(&link, applicant, public, &nonce);
        let started: EnrolmentStarted = uplink.post(routes::ENROLMENTS, &introduction, CALL_DEADLINE).await?;
        let root = link.accept_root(&started.root_key)?;
        if offered(&started.place) != applicant {
            return Err(EnrolError::OtherKind);
        }
        let reveal = RevealNonce { nonce: *nonce.as_bytes() };
        uplink.tell(&routes::enrolment_reveal(started.enrolment), &reveal, CALL_DEADLINE).await?;
        let transcript = Transcript {
            enrolment: started.enrolment,
            applicant,
            name: started.name,
            root: started.root_key,
            keys: public,
            registrar_nonce: EnrolmentNonce::from_bytes(started.nonce),
            applicant_nonce: nonce,
        };
        Ok(Self { uplink, link, keys, transcript, started, origin, root })
    }

    /// The digits that the operator compares.
    #[must_use]
    pub fn short_code(&self) -> ShortCode {
        self.transcript.short_code()
    }

    /// What the registrar says of the event and the place, for the person in front of this screen.
    #[must_use]
    pub const fn started(&self) -> &EnrolmentStarted {
        &self.started
    }

    /// Asks once whether the operator has confirmed; what it leads to once that is so.
    ///
    /// # Errors
    /// [`EnrolError`].
    pub async fn ask<S: Subkeys>(&self, clock: Arc<dyn Clock>) -> Result<Option<Enrolled<S>>, EnrolError> {
        if clock.now() >= self.started.expires_at {
            return Err(EnrolError::Ended);
        }
        let signer = Signer::new(self.transcript.name.as_gate(), self.keys.signing().clone(), clock);
        let path = routes::enrolment_result(self.transcript.enrolment);
        let result = self.uplink.post_signed::<(), EnrolmentResult>(&path, None, &signer, CALL_DEADLINE).await?;
        match result {
            EnrolmentResult::Pending => Ok(None),
            EnrolmentResult::Confirmed { sealed_subkeys, feed_key_certificate } => {
                self.finish(&sealed_subkeys, feed_key_certificate).map(Some)
            }
        }
    }

    fn finish<S: Subkeys>(&self, sealed: &[u8], feed_key: Vec<u8>) -> Result<Enrolled<S>, EnrolError> {
        let subkeys = self.transcript.open(&self.link.token, &self.keys, sealed)?;
        let feed_key = FeedKeyCertificate::from_bytes(feed_key)?;
        feed_key.verify(&self.root, self.started.event)?;
        let (keys, started, origin) = (self.keys.clone(), self.started.clone(), self.origin.clone());
        Ok(Enrolled { keys, subkeys, started, origin, root: self.root, feed_key })
    }
}

const fn offered(place: &OfferedPlace) -> Applicant {
    match place {
        OfferedPlace::Gate { .. } => Applicant::Gate,
        OfferedPlace::Arbiter { .. } => Applicant::Arbiter,
    }
}

fn introduction(
    link: &EnrolmentLink,
    applicant: Applicant,
    public: OwnPublicKeys,
    nonce: &EnrolmentNonce,
) -> StartEnrolment {
    StartEnrolment {
        token: link.token.reveal(),
        applicant,
        verifying_key: public.verifying,
        receiving_key: public.receiving,
        commitment: *nonce.commitment().as_bytes(),
    }
}
