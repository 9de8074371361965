//! Enrolment, the registrar's side: offers to applicants, which are new gates and venue arbiters, in memory; each offer is
//! good for one of them and ten minutes.
//!
//! The steps and what they prove are in [`kido_shared::enrolment`]. A restart ends every offer; a confirmed applicant
//! is a fact of its event and stays.

mod applicant;
mod operator;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kido_shared::challenge::Origin;
use kido_shared::clock::Timestamp;
use kido_shared::codes::CodeHash;
use kido_shared::enrolment::{
    Applicant, ApplicantId, EnrolmentError, EnrolmentNonce, EnrolmentToken, NonceCommitment, OwnPublicKeys, Transcript,
};
use kido_shared::ids::{EnrolmentId, EventId};
use kido_shared::ticket::Zone;

pub use applicant::{Confirmed, Introduced, Introduction};
pub use operator::{Compared, Offered, Progress, StandingOffer};

/// Why an enrolment does not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnrolmentRefusal {
    /// The offer was never made, has ended, or was taken by another applicant. Which of them is not told.
    #[error("there is no such offer; ask the operator for another")]
    NoOffer,
    /// More offers are open than are remembered.
    #[error("too many offers are open; confirm some or wait ten minutes")]
    TooMany,
    /// The steps are not in their order, or somebody else took this one first.
    #[error("this step does not follow from the last one")]
    Order,
    /// The operator typed other digits than this registrar computed: somebody may stand between. The offer has ended.
    #[error("the digits are not those of this enrolment; the offer has ended, make another")]
    WrongDigits,
    /// What was typed is not six digits; the offer stands.
    #[error("the short code is six digits")]
    NotDigits,
    /// A gate took an arbiter's link, or an arbiter a gate's; the offer stands.
    #[error("this offer is for a gate where an arbiter asks, or the other way round")]
    OtherKind,
    /// The dialogue itself fails; the offer has ended.
    #[error("the enrolment failed")]
    Dialogue(#[source] EnrolmentError),
}

/// Where an offer stands. Each step owns what it may use.
#[derive(Debug)]
enum Stage {
    Offered,
    Introduced {
        name: ApplicantId,
        keys: OwnPublicKeys,
        commitment: NonceCommitment,
        nonce: EnrolmentNonce,
    },
    Revealed(Transcript),
    /// The digits were right, and the applicant is being stored: nobody takes the offer back now, and no clock ends it.
    Confirming(Transcript),
    Confirmed {
        transcript: Transcript,
        sealed: Vec<u8>,
    },
}

/// What an offer makes of whoever takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OfferFor {
    /// A gate.
    Gate {
        /// The part of the venue that it will serve.
        zone: Zone,
        /// What is written over the entrance.
        entrance: Zone,
    },
    /// A venue arbiter.
    Arbiter {
        /// Where gates will ask it.
        addresses: Vec<Origin>,
        /// Whether it will share its records with other boxes.
        shared: bool,
    },
}

impl OfferFor {
    /// As what somebody is enrolled by it.
    #[must_use]
    pub const fn applicant(&self) -> Applicant {
        match self {
            Self::Gate { .. } => Applicant::Gate,
            Self::Arbiter { .. } => Applicant::Arbiter,
        }
    }
}

#[derive(Debug)]
struct Offer {
    event: EventId,
    place: OfferFor,
    token: EnrolmentToken,
    token_hash: CodeHash,
    expires_at: Timestamp,
    stage: Stage,
}

/// All open offers.
#[derive(Debug, Default)]
pub struct Enrolments(Mutex<BTreeMap<EnrolmentId, Offer>>);

impl Enrolments {
    fn open_at(&self, now: Timestamp) -> MutexGuard<'_, BTreeMap<EnrolmentId, Offer>> {
        let mut offers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        offers.retain(|_enrolment, offer| now < offer.expires_at || matches!(offer.stage, Stage::Confirming(_)));
        offers
    }
}

#[cfg(test)]
mod tests;
