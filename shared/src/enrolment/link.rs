//! What an operator's offer says: a link with a secret, and whom to expect at its end.

use core::fmt;

use ed25519_dalek::VerifyingKey;
use rand::{CryptoRng, RngCore};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{EnrolmentError, LABEL};
use crate::codes::{Code, CodeError};
use crate::keys;
use crate::redact::redacted_debug;

/// The secret of one offer: 128 random bits, one use, ten minutes.
#[derive(Clone)]
pub struct EnrolmentToken(Code);

impl EnrolmentToken {
    /// A new offer's secret.
    pub fn generate(random: &mut (impl RngCore + CryptoRng)) -> Self {
        Self(Code::generate(random))
    }

    /// Reads a token.
    ///
    /// # Errors
    /// [`CodeError`] where the text is none.
    pub fn parse(text: &str) -> Result<Self, CodeError> {
        Code::parse(text).map(Self)
    }

    /// The token for the offer's link.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<String> {
        self.0.reveal()
    }

    /// What may be kept of it.
    #[must_use]
    pub fn hash(&self) -> crate::codes::CodeHash {
        self.0.hash()
    }

    pub(super) fn pre_shared_key(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(keys::expand(self.0.reveal().as_bytes(), LABEL, &[b"psk"]))
    }
}

/// SHA-256 of the root verifying key: what an offer carries so that the gate knows whom it met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RootFingerprint([u8; 32]);

impl RootFingerprint {
    /// The fingerprint of a key.
    #[must_use]
    pub fn of(root: &VerifyingKey) -> Self {
        Self(Sha256::digest(root.as_bytes()).into())
    }
}

impl fmt::Display for RootFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::wire::base64url::encode(&self.0))
    }
}

/// What an operator's offer says: where to go, with which secret, and whom to expect there.
#[derive(Debug, Clone)]
pub struct EnrolmentLink {
    /// The registrar's origin as text; the client parses and judges it.
    pub origin: String,
    /// The offer's secret.
    pub token: EnrolmentToken,
    /// The key that the registrar must show.
    pub root: RootFingerprint,
}

impl EnrolmentLink {
    /// Reads `ORIGIN/enrol#TOKEN.FINGERPRINT`.
    ///
    /// # Errors
    /// [`EnrolmentError::Link`].
    pub fn parse(text: &str) -> Result<Self, EnrolmentError> {
        let (page, secret) = text.trim().split_once('#').ok_or(EnrolmentError::Link)?;
        let origin = page.strip_suffix("/enrol").ok_or(EnrolmentError::Link)?;
        let (token, fingerprint) = secret.split_once('.').ok_or(EnrolmentError::Link)?;
        let root = crate::wire::base64url::decode(fingerprint)
            .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
            .ok_or(EnrolmentError::Link)?;
        let token = EnrolmentToken::parse(token).map_err(|_not_a_token| EnrolmentError::Link)?;
        Ok(Self { origin: origin.to_owned(), token, root: RootFingerprint(root) })
    }

    /// The link as text, secret included: for the operator's screen and the gate's prompt only.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{}/enrol#{}.{}", self.origin, self.token.reveal().as_str(), self.root))
    }

    /// Takes the root key that the registrar showed, if it is the one in the offer.
    ///
    /// # Errors
    /// [`EnrolmentError::PublicKey`] or [`EnrolmentError::RootKey`].
    pub fn accept_root(&self, shown: &[u8; 32]) -> Result<VerifyingKey, EnrolmentError> {
        let root = VerifyingKey::from_bytes(shown).map_err(|_no_detail| EnrolmentError::PublicKey)?;
        if RootFingerprint::of(&root) == self.root { Ok(root) } else { Err(EnrolmentError::RootKey) }
    }
}

redacted_debug!(EnrolmentToken);

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::SigningKey;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    #[test]
    fn an_offer_names_whom_to_meet() {
        let mut random = StdRng::seed_from_u64(5);
        let root = SigningKey::generate(&mut random).verifying_key();
        let link = EnrolmentLink {
            origin: "https://tickets.example".to_owned(),
            token: EnrolmentToken::generate(&mut random),
            root: RootFingerprint::of(&root),
        };
        let read = EnrolmentLink::parse(&link.reveal()).unwrap();
        assert_eq!(read.origin, link.origin);
        assert!(read.accept_root(root.as_bytes()).is_ok());
        let other = SigningKey::generate(&mut random).verifying_key();
        assert_eq!(read.accept_root(other.as_bytes()), Err(EnrolmentError::RootKey));
        assert!(EnrolmentLink::parse("https://tickets.example/r#ABC").is_err());
    }
}
