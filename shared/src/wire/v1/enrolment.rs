//! Bodies between a new gate or venue arbiter, the applicant, and the registrar; the dialogue itself is in [`crate::enrolment`].

use zeroize::Zeroizing;

use crate::challenge::Origin;
use crate::clock::Timestamp;
use crate::enrolment::{Applicant, ApplicantId};
use crate::ids::{EnrolmentId, EventId};
use crate::ticket::Zone;

/// An applicant introduces itself.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct StartEnrolment {
    /// The offer's secret.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub token: Zeroizing<String>,
    /// As what it wants to be enrolled; an offer for the other one is not for it.
    #[serde(rename = "party")]
    pub applicant: Applicant,
    /// Ed25519 public key.
    #[serde(with = "crate::wire::base64url")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub verifying_key: [u8; 32],
    /// X25519 public key.
    #[serde(with = "crate::wire::base64url")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub receiving_key: [u8; 32],
    /// SHA-256 of the applicant's nonce.
    #[serde(with = "crate::wire::base64url")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub commitment: [u8; 32],
}

/// The registrar answers with who it is.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EnrolmentStarted {
    /// Names the dialogue.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub enrolment: EnrolmentId,
    /// The applicant's new name.
    #[serde(rename = "gate")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub name: ApplicantId,
    /// Which event.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub event: EventId,
    /// What people call it.
    pub event_name: String,
    /// Whether it is a rehearsal.
    pub rehearsal: bool,
    /// What it is to do there.
    pub place: OfferedPlace,
    /// Ed25519 root key; its fingerprint stands in the offer.
    #[serde(with = "crate::wire::base64url")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub root_key: [u8; 32],
    /// The registrar's nonce.
    #[serde(with = "crate::wire::base64url")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub nonce: [u8; 32],
    /// When the offer ends.
    #[cfg_attr(feature = "openapi", schema(value_type = i64))]
    pub expires_at: Timestamp,
}

/// What an offer is for.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "party", rename_all = "snake_case", deny_unknown_fields)]
pub enum OfferedPlace {
    /// A gate's.
    Gate {
        /// The zone that it serves.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        zone: Zone,
        /// What is written over the entrance.
        entrance: String,
    },
    /// A venue arbiter's.
    Arbiter {
        /// Where gates will ask it.
        #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
        addresses: Vec<Origin>,
    },
}

/// The applicant opens its commitment.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RevealNonce {
    /// The applicant's nonce.
    #[serde(with = "crate::wire::base64url")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub nonce: [u8; 32],
}

/// Whether the operator has confirmed. The question is signed by the applicant and has an empty body.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "state", rename_all = "snake_case", deny_unknown_fields)]
pub enum EnrolmentResult {
    /// Not yet: ask again in a second.
    Pending,
    /// Confirmed: the applicant belongs to the event.
    Confirmed {
        /// The subkeys under HPKE: `encapsulated key ‖ ciphertext`.
        #[serde(with = "crate::wire::base64url")]
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        sealed_subkeys: Vec<u8>,
        /// The feed key under the root key's signature, COSE.
        #[serde(with = "crate::wire::base64url")]
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        feed_key_certificate: Vec<u8>,
    },
}

crate::redact::redacted_debug!(StartEnrolment);
