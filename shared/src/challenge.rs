//! What a card signs: a fresh challenge inside a labelled message.
//!
//! One action, one label: a proof made for one action, place, ticket or moment is worthless for another
//! (`protocol.md` §3). Every field is hashed by itself first, so that no two fields can run together.

pub mod origin;

use rand::{CryptoRng, RngCore};
use sha2::digest::Output;
use sha2::{Digest, Sha256, Sha384};
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::binding::BindingTag;
use crate::certificate::KeyAlgorithm;
use crate::codes::CodeHash;
use crate::ids::{EventId, GateId, TicketId};
use crate::redact::redacted_debug;
use crate::wire::base64url;

pub use origin::{Origin, OriginError};

/// Length of a challenge in bytes: nobody guesses or meets one twice.
pub const CHALLENGE_BYTES: usize = 32;

/// What was received is no challenge: it is not 32 bytes long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a challenge is {CHALLENGE_BYTES} bytes")]
pub struct ChallengeError;

/// 32 random bytes, for one session or one tap, used once.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Challenge([u8; CHALLENGE_BYTES]);

impl Challenge {
    /// A new challenge.
    pub fn generate(random: &mut (impl RngCore + CryptoRng)) -> Self {
        let mut bytes = [0; CHALLENGE_BYTES];
        random.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// The challenge with these bytes, as it was received.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; CHALLENGE_BYTES]) -> Self {
        Self(bytes)
    }
}

impl AsRef<[u8]> for Challenge {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<Vec<u8>> for Challenge {
    type Error = ChallengeError;

    fn try_from(bytes: Vec<u8>) -> Result<Self, ChallengeError> {
        <[u8; CHALLENGE_BYTES]>::try_from(bytes.as_slice()).map(Self).map_err(|_wrong_length| ChallengeError)
    }
}

impl serde::Serialize for Challenge {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        base64url::serialize(self, serializer)
    }
}

impl<'de> serde::Deserialize<'de> for Challenge {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        base64url::deserialize(deserializer)
    }
}

impl PartialEq for Challenge {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Challenge {}

/// What a proof at the registrar is for.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
    minicbor::Encode,
    minicbor::Decode,
)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum Action {
    /// Bind a ticket to this card.
    #[n(0)]
    Bind,
    /// Take back that the card was lost.
    #[n(1)]
    Resume,
    /// Return the ticket to the shop.
    #[n(2)]
    GiveBack,
    /// Bind a suspended ticket to a new card.
    #[n(3)]
    Rebind,
    /// Try the card, or open one's page: changes nothing.
    #[n(4)]
    Show,
}

impl Action {
    /// What the card's signature names the action by.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Bind => "kido/v1/bind",
            Self::Resume => "kido/v1/resume",
            Self::GiveBack => "kido/v1/give-back",
            Self::Rebind => "kido/v1/rebind",
            Self::Show => "kido/v1/show",
        }
    }
}

/// Which way a lane lets people go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Passage {
    /// Into the venue.
    #[default]
    In,
    /// Out of it.
    Out,
}

impl Passage {
    /// What the card's signature names it by.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::In => "kido/v1/admission",
            Self::Out => "kido/v1/exit",
        }
    }
}

/// What a card signs for the registrar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationMessage {
    /// What the proof is for.
    pub action: Action,
    /// The registrar as the card helper itself reached it.
    pub origin: Origin,
    /// Which event.
    pub event: EventId,
    /// Which ticket; none where the action is about a card alone.
    pub ticket: Option<TicketId>,
    /// Hash of the code that opened the session, where there was one.
    pub code: Option<CodeHash>,
    /// The session's challenge.
    pub challenge: Challenge,
}

impl RegistrationMessage {
    /// The hash that the card signs; SHA-256 for RSA, SHA-384 for P-384.
    #[must_use]
    pub fn digest(&self, algorithm: KeyAlgorithm) -> MessageDigest {
        let ticket = self.ticket.as_ref().map_or(&[][..], |ticket| ticket.as_bytes().as_slice());
        let code = self.code.as_ref().map_or(&[][..], |code| code.as_bytes().as_slice());
        MessageDigest::of(
            algorithm,
            &[
                self.action.label().as_bytes(),
                self.origin.as_str().as_bytes(),
                self.event.as_bytes(),
                ticket,
                code,
                self.challenge.as_ref(),
            ],
        )
    }
}

/// What a card signs at a gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdmissionMessage {
    /// Which event.
    pub event: EventId,
    /// Which gate asks.
    pub gate: GateId,
    /// The tag of the window that this card has shown.
    pub tag: BindingTag,
    /// The tap's challenge.
    pub challenge: Challenge,
    /// Which way: a proof for going out lets nobody in.
    pub passage: Passage,
}

impl AdmissionMessage {
    /// The hash that the card signs; SHA-256 for RSA, SHA-384 for P-384.
    #[must_use]
    pub fn digest(&self, algorithm: KeyAlgorithm) -> MessageDigest {
        MessageDigest::of(
            algorithm,
            &[
                self.passage.label().as_bytes(),
                self.event.as_bytes(),
                self.gate.as_bytes(),
                self.tag.as_bytes(),
                self.challenge.as_ref(),
            ],
        )
    }
}

/// The outer hash of a labelled message: what the card signs, in a `DigestInfo`.
#[derive(Clone, PartialEq, Eq)]
pub enum MessageDigest {
    /// For RSA-2048.
    Sha256([u8; 32]),
    /// For P-384.
    Sha384([u8; 48]),
}

redacted_debug!(Challenge, MessageDigest);

/// `DigestInfo` of SHA-256 up to the hash, with the NULL (RFC 8017 §9.2, note 1).
const SHA256_DIGEST_INFO: &[u8] =
    &[0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];

/// `DigestInfo` of SHA-384 up to the hash, with the NULL (RFC 8017 §9.2, note 1).
const SHA384_DIGEST_INFO: &[u8] =
    &[0x30, 0x41, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x30];

impl MessageDigest {
    fn of(algorithm: KeyAlgorithm, fields: &[&[u8]]) -> Self {
        match algorithm {
            KeyAlgorithm::Rsa2048 => Self::Sha256(hash_of_hashes::<Sha256>(fields).into()),
            KeyAlgorithm::P384 => Self::Sha384(hash_of_hashes::<Sha384>(fields).into()),
        }
    }

    /// The complete DER `DigestInfo`: the card pads whatever it is sent, so nothing may be missing.
    #[must_use]
    pub fn digest_info(&self) -> Vec<u8> {
        match self {
            Self::Sha256(hash) => [SHA256_DIGEST_INFO, hash].concat(),
            Self::Sha384(hash) => [SHA384_DIGEST_INFO, hash].concat(),
        }
    }
}

fn hash_of_hashes<H: Digest>(fields: &[&[u8]]) -> Output<H> {
    let mut outer = H::new();
    for field in fields {
        outer.update(H::digest(field));
    }
    outer.finalize()
}

#[cfg(test)]
pub(crate) mod tests;
