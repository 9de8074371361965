//! Enrolment, the gate's side: from an offer that an operator shows to a gate that belongs to an event.
//!
//! The dialogue itself is [`kido_shared::enrolment`]; here it is carried over HTTP, and what it leads to is written to
//! the data folder. Nothing is written before the operator has compared the digits.

use std::time::Duration;

use kido_follow::{Signer, Uplink, UplinkError};
use kido_shared::challenge::{Origin, OriginError};
use kido_shared::enrolment::{
    EnrolmentError, EnrolmentLink, EnrolmentNonce, GateKeys, GatePublicKeys, ShortCode, Transcript,
};
use kido_shared::feed::{FeedError, FeedKeyCertificate};
use kido_shared::wire::v1::enrolment::{EnrolmentResult, EnrolmentStarted, RevealNonce, StartEnrolment};
use kido_shared::wire::v1::routes;
use rand::{CryptoRng, RngCore};

use crate::identity::{Enrolment, Identity};

/// Deadline of one call.
const CALL_DEADLINE: Duration = Duration::from_secs(10);

/// How often the gate asks whether the operator has confirmed.
pub const ASK_INTERVAL: Duration = Duration::from_secs(1);

/// Why the enrolment came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// The dialogue was not as it should be: a wrong link, a wrong registrar, or somebody between.
    #[error("the enrolment is refused")]
    Dialogue(#[from] EnrolmentError),
    /// The address in the link is none that a gate talks to.
    #[error("the address in the link is refused")]
    Origin(#[from] OriginError),
    /// The registrar did not answer, or said no.
    #[error("the registrar did not go along")]
    Uplink(#[from] UplinkError),
    /// The feed key is not one that the root vouches for.
    #[error("the registrar's feed key is refused")]
    FeedKey(#[from] FeedError),
    /// The offer's ten minutes are over.
    #[error("the offer has ended; ask the operator for another")]
    Ended,
}

/// A dialogue whose digits both sides show.
pub struct Comparing {
    uplink: Uplink,
    link: EnrolmentLink,
    keys: GateKeys,
    transcript: Transcript,
    started: EnrolmentStarted,
    origin: Origin,
    root: ed25519_dalek::VerifyingKey,
}

impl std::fmt::Debug for Comparing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Comparing").field("gate", &self.transcript.gate).finish_non_exhaustive()
    }
}

impl Comparing {
    /// Begins: introduces a gate with fresh keys, meets the registrar, and comes to the digits.
    ///
    /// # Errors
    /// [`EnrolError`].
    pub async fn begin(link: EnrolmentLink, random: &mut (impl RngCore + CryptoRng)) -> Result<Self, EnrolError> {
        let origin = Origin::parse(&link.origin)?;
        let uplink = Uplink::new(origin.clone(), crate::PROGRAM)?;
        let keys = GateKeys::generate(random);
        let public = keys.public()?;
        let nonce = EnrolmentNonce::generate(random);
        let started: EnrolmentStarted =
            uplink.post(routes::ENROLMENTS, &introduction(&link, public, &nonce), CALL_DEADLINE).await?;
        let root = link.accept_root(&started.root_key)?;
        let reveal = RevealNonce { nonce: *nonce.as_bytes() };
        let path = routes::enrolment_reveal(started.enrolment);
        uplink.tell(&path, &reveal, CALL_DEADLINE).await?;
        let transcript = Transcript {
            enrolment: started.enrolment,
            gate: started.gate,
            root: started.root_key,
            keys: public,
            registrar_nonce: EnrolmentNonce::from_bytes(started.nonce),
            gate_nonce: nonce,
        };
        Ok(Self { uplink, link, keys, transcript, started, origin, root })
    }

    /// The digits that the operator compares.
    #[must_use]
    pub fn short_code(&self) -> ShortCode {
        self.transcript.short_code()
    }

    /// What the registrar says of the event and the entrance, for the person in front of this screen.
    #[must_use]
    pub const fn started(&self) -> &EnrolmentStarted {
        &self.started
    }

    /// Asks once whether the operator has confirmed; the identity once that is so.
    ///
    /// # Errors
    /// [`EnrolError`].
    pub async fn ask(
        &self,
        clock: std::sync::Arc<dyn kido_shared::clock::Clock>,
    ) -> Result<Option<Identity>, EnrolError> {
        if clock.now() >= self.started.expires_at {
            return Err(EnrolError::Ended);
        }
        let signer = Signer::new(self.transcript.gate, self.keys.signing().clone(), clock);
        let path = routes::enrolment_result(self.transcript.enrolment);
        let result = self.uplink.post_signed::<(), EnrolmentResult>(&path, None, &signer, CALL_DEADLINE).await?;
        match result {
            EnrolmentResult::Pending => Ok(None),
            EnrolmentResult::Confirmed { sealed_subkeys, feed_key_certificate } => {
                self.finish(&sealed_subkeys, feed_key_certificate).map(Some)
            }
        }
    }

    fn finish(&self, sealed_subkeys: &[u8], feed_key: Vec<u8>) -> Result<Identity, EnrolError> {
        let subkeys = self.transcript.open(&self.link.token, &self.keys, sealed_subkeys)?;
        let feed_key = FeedKeyCertificate::from_bytes(feed_key)?;
        feed_key.verify(&self.root, self.started.event)?;
        let enrolment = Enrolment {
            gate: self.started.gate,
            event: self.started.event,
            event_name: self.started.event_name.clone(),
            rehearsal: self.started.rehearsal,
            zone: self.started.zone.clone(),
            entrance: self.started.entrance.clone(),
            origin: self.origin.clone(),
            root: self.root,
            feed_key,
        };
        Ok(Identity::new(self.keys.clone(), subkeys, enrolment))
    }
}

fn introduction(link: &EnrolmentLink, public: GatePublicKeys, nonce: &EnrolmentNonce) -> StartEnrolment {
    StartEnrolment {
        token: link.token.reveal(),
        verifying_key: public.verifying,
        receiving_key: public.receiving,
        commitment: *nonce.commitment().as_bytes(),
    }
}
