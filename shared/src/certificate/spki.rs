//! The canonical public key of a card.
//!
//! Two keys are accepted, and each has exactly one DER form, so parsing is comparing with that form: there is no
//! second spelling to smuggle anything in.

use p384::ecdsa::signature::hazmat::PrehashVerifier as _;
use zeroize::Zeroizing;

use crate::challenge::MessageDigest;
use crate::proof::{CardSignature, ProofError};
use crate::redact::redacted_debug;
use crate::rsa_verifier::RsaVerifier;

/// RSA-2048 up to its modulus (RFC 8017 A.1.1): no other length, no other parameters.
const RSA_2048_PREFIX: &[u8] = &[
    0x30, 0x82, 0x01, 0x22, 0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00,
    0x03, 0x82, 0x01, 0x0F, 0x00, 0x30, 0x82, 0x01, 0x0A, 0x02, 0x82, 0x01, 0x01, 0x00,
];
const RSA_2048_MODULUS_BYTES: usize = 256;
/// The public exponent 65537.
const RSA_2048_SUFFIX: &[u8] = &[0x02, 0x03, 0x01, 0x00, 0x01];

/// P-384 up to its uncompressed point (RFC 5480 §2): named curve, no explicit parameters.
const P384_PREFIX: &[u8] = &[
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x05, 0x2B, 0x81, 0x04, 0x00,
    0x22, 0x03, 0x62, 0x00, 0x04,
];
const P384_POINT_BYTES: usize = 96;

/// Which of the two kinds of key a card has; fixes the hash of what it signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyAlgorithm {
    /// RSA with 2,048 bits and e = 65537; PKCS#1 v1.5 over SHA-256. Every card of today.
    Rsa2048,
    /// ECDSA over P-384 with SHA-384. The next card.
    P384,
}

impl KeyAlgorithm {
    const fn prefix(self) -> &'static [u8] {
        match self {
            Self::Rsa2048 => RSA_2048_PREFIX,
            Self::P384 => P384_PREFIX,
        }
    }

    /// Bytes of modulus or point.
    pub(super) const fn material_bytes(self) -> usize {
        match self {
            Self::Rsa2048 => RSA_2048_MODULUS_BYTES,
            Self::P384 => P384_POINT_BYTES,
        }
    }

    /// Where modulus or point begin in the key's DER.
    pub(super) const fn material_begins(self) -> usize {
        self.prefix().len()
    }

    /// Length of the key's DER.
    const fn spki_bytes(self) -> usize {
        let suffix = match self {
            Self::Rsa2048 => RSA_2048_SUFFIX.len(),
            Self::P384 => 0,
        };
        self.prefix().len() + self.material_bytes() + suffix
    }
}

/// Why some bytes are no public key that Kido accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SpkiError {
    /// Another algorithm, size, exponent or curve, or another encoding of it.
    #[error("neither RSA-2048 with exponent 65537 nor P-384 in DER")]
    Unsupported,
    /// Right in form, but no such key can exist: an even modulus, a point off the curve.
    #[error("the key's number cannot be a public key")]
    Impossible,
}

/// A card's public key in its one DER form (RFC 5280 `SubjectPublicKeyInfo`); wiped when dropped.
///
/// While a signature is verified the key exists a second time as numbers, which their library does not wipe: memory
/// of the process only, which never dumps core.
#[derive(Clone, PartialEq, Eq)]
pub struct SubjectPublicKey {
    algorithm: KeyAlgorithm,
    spki: Zeroizing<Vec<u8>>,
}

redacted_debug!(SubjectPublicKey);

impl SubjectPublicKey {
    /// Reads a key that fills the input.
    ///
    /// # Errors
    /// [`SpkiError`] where it is none of the two kinds or impossible.
    pub fn from_spki(der: &[u8]) -> Result<Self, SpkiError> {
        let key = Self::read_prefix(der)?;
        if key.spki.len() == der.len() { Ok(key) } else { Err(SpkiError::Unsupported) }
    }

    /// Reads a key at the beginning of the input, whatever follows it.
    pub(crate) fn read_prefix(der: &[u8]) -> Result<Self, SpkiError> {
        let algorithm = if der.starts_with(RSA_2048_PREFIX) {
            KeyAlgorithm::Rsa2048
        } else if der.starts_with(P384_PREFIX) {
            KeyAlgorithm::P384
        } else {
            return Err(SpkiError::Unsupported);
        };
        let spki = der.get(..algorithm.spki_bytes()).ok_or(SpkiError::Unsupported)?;
        let key = Self { algorithm, spki: Zeroizing::new(spki.to_vec()) };
        match algorithm {
            KeyAlgorithm::Rsa2048 => {
                let modulus = key.material();
                // Without its top bit the modulus is shorter than 2,048 bits, or was padded against DER.
                let fits = spki.ends_with(RSA_2048_SUFFIX) && modulus.first().is_some_and(|byte| *byte >= 0x80);
                if !fits {
                    return Err(SpkiError::Unsupported);
                }
                if modulus.last().is_none_or(|byte| byte % 2 == 0) {
                    return Err(SpkiError::Impossible);
                }
            }
            KeyAlgorithm::P384 => {
                key.p384().ok_or(SpkiError::Impossible)?;
            }
        }
        Ok(key)
    }

    /// Which kind of key this is.
    #[must_use]
    pub const fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// Verifies one signature of the card over one message's digest, RSA by the given arithmetic.
    ///
    /// # Errors
    /// [`ProofError::Signature`] where it does not verify, [`ProofError::Algorithm`] where the digest is for the other
    /// kind of key.
    pub fn verify(
        &self,
        digest: &MessageDigest,
        signature: &CardSignature,
        rsa: &dyn RsaVerifier,
    ) -> Result<(), ProofError> {
        let verified = match (self.algorithm, digest) {
            (KeyAlgorithm::Rsa2048, MessageDigest::Sha256(hash)) => rsa.verifies(&self.spki, hash, signature.as_ref()),
            (KeyAlgorithm::P384, MessageDigest::Sha384(hash)) => self.verify_p384(hash, signature.as_ref()).is_some(),
            (KeyAlgorithm::Rsa2048, MessageDigest::Sha384(_)) | (KeyAlgorithm::P384, MessageDigest::Sha256(_)) => {
                return Err(ProofError::Algorithm);
            }
        };
        if verified { Ok(()) } else { Err(ProofError::Signature) }
    }

    /// The key's DER.
    pub(crate) fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// Modulus or point.
    fn material(&self) -> &[u8] {
        let begins = self.algorithm.material_begins();
        self.spki.get(begins..begins + self.algorithm.material_bytes()).unwrap_or_default()
    }

    fn verify_p384(&self, hash: &[u8], signature: &[u8]) -> Option<()> {
        let signature = p384::ecdsa::Signature::from_der(signature).ok()?;
        self.p384()?.verify_prehash(hash, &signature).ok()
    }

    fn p384(&self) -> Option<p384::ecdsa::VerifyingKey> {
        // The point's leading 0x04 is the last byte of the prefix.
        let point = self.spki.get(P384_PREFIX.len() - 1..)?;
        p384::ecdsa::VerifyingKey::from_sec1_bytes(point).ok()
    }
}
