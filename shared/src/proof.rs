//! From a signature to a proof: nothing opens on a signature that was not verified.

use zeroize::Zeroizing;

use crate::certificate::{KeyAlgorithm, SubjectPublicKey};
use crate::challenge::{AdmissionMessage, MessageDigest, RegistrationMessage};
use crate::redact::redacted_debug;
use crate::rsa_verifier::{PortableRsa, RsaVerifier};
use crate::wire::base64url;

/// Largest signature of a card: RSA-2048. ECDSA over P-384 takes at most 104 bytes in DER.
pub const CARD_SIGNATURE_BYTES_MAX: usize = 256;

/// What a card answered is no signature: empty or too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a card's signature is 1 to {CARD_SIGNATURE_BYTES_MAX} bytes")]
pub struct CardSignatureError;

/// Why a proof is none. The card or whoever answered in its place is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The signature does not verify under this key for this message.
    #[error("the signature does not verify")]
    Signature,
    /// The digest was made for another kind of key.
    #[error("the digest is for another key algorithm")]
    Algorithm,
}

/// A signature as the card gave it; wiped when dropped, never kept.
#[derive(Clone)]
pub struct CardSignature(Zeroizing<Vec<u8>>);

redacted_debug!(CardSignature);

impl CardSignature {
    /// The signature with these bytes.
    ///
    /// # Errors
    /// [`CardSignatureError`] where there are none or too many.
    pub fn new(bytes: Vec<u8>) -> Result<Self, CardSignatureError> {
        let bytes = Zeroizing::new(bytes);
        if (1..=CARD_SIGNATURE_BYTES_MAX).contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(CardSignatureError) }
    }
}

impl TryFrom<Vec<u8>> for CardSignature {
    type Error = CardSignatureError;

    fn try_from(bytes: Vec<u8>) -> Result<Self, CardSignatureError> {
        Self::new(bytes)
    }
}

impl AsRef<[u8]> for CardSignature {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl serde::Serialize for CardSignature {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        base64url::serialize(self, serializer)
    }
}

impl<'de> serde::Deserialize<'de> for CardSignature {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        base64url::deserialize(deserializer)
    }
}

mod sealed {
    #[expect(unnameable_types, reason = "that nobody else can name it is what seals the trait over it")]
    pub trait Sealed {}
    impl Sealed for super::RegistrationMessage {}
    impl Sealed for super::AdmissionMessage {}
}

/// A message that a card may be asked to sign: the two of this crate and no others.
pub trait CardMessage: sealed::Sealed {
    /// The hash that the card signs.
    fn message_digest(&self, algorithm: KeyAlgorithm) -> MessageDigest;
}

impl CardMessage for RegistrationMessage {
    fn message_digest(&self, algorithm: KeyAlgorithm) -> MessageDigest {
        self.digest(algorithm)
    }
}

impl CardMessage for AdmissionMessage {
    fn message_digest(&self, algorithm: KeyAlgorithm) -> MessageDigest {
        self.digest(algorithm)
    }
}

/// A message and what claims to be its signature.
#[derive(Debug)]
pub struct UnverifiedProof<M> {
    message: M,
    signature: CardSignature,
}

impl<M: CardMessage> UnverifiedProof<M> {
    /// The message that *we* expect to have been signed, never one that the other side sent.
    #[must_use]
    pub const fn new(message: M, signature: CardSignature) -> Self {
        Self { message, signature }
    }

    /// Verifies the signature under the bound key; the signature is wiped either way.
    ///
    /// # Errors
    /// [`ProofError::Signature`] where it does not verify.
    pub fn verify(self, key: &SubjectPublicKey) -> Result<VerifiedProof<M>, ProofError> {
        self.verify_with(key, &PortableRsa)
    }

    /// The same with another arithmetic for RSA.
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub fn verify_with(self, key: &SubjectPublicKey, rsa: &dyn RsaVerifier) -> Result<VerifiedProof<M>, ProofError> {
        let digest = self.message.message_digest(key.algorithm());
        key.verify(&digest, &self.signature, rsa)?;
        Ok(VerifiedProof { message: self.message })
    }
}

/// A message that the holder of the key's card has signed; made by [`UnverifiedProof::verify`] alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedProof<M> {
    message: M,
}

impl<M> VerifiedProof<M> {
    /// What was signed.
    #[must_use]
    pub const fn message(&self) -> &M {
        &self.message
    }
}

#[cfg(test)]
mod tests;
