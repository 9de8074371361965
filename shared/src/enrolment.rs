//! Enrolment: how a new gate or venue arbiter and the registrar come to trust each other.
//!
//! One operator carries six digits from one screen to the other. Whoever takes the offer is its [`Applicant`].
//!
//! ```text
//! operator ── offer (QR or link: origin, token, root fingerprint) ──▶ applicant
//! applicant ── token, public keys, SHA-256 of its nonce ──▶ registrar
//! applicant ◀── registrar's nonce, event, root key ── registrar
//! applicant ── its nonce ──▶ registrar     the applicant shows six digits; the operator types them at the registrar
//! applicant ◀── subkeys under HPKE, feed key certificate ── registrar
//! ```
//!
//! The applicant commits to its nonce before it sees the registrar's, and shows the digits only of values that neither side
//! could choose after the other: whoever sits between them has one guess in a million per offer, not a search. The
//! subkeys come by HPKE (RFC 9180, DHKEM(X25519), HKDF-SHA-256, ChaCha20-Poly1305) in PSK mode: the pre-shared key
//! is derived from the token, so that the sender, too, has seen the offer.

mod applicant;
mod link;
mod own_keys;

use core::fmt;

use hpke::{Deserializable as _, OpModeR, OpModeS, PskBundle, Serializable as _};
use rand::{CryptoRng, RngCore};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

pub use applicant::{Applicant, ApplicantId};
pub use link::{EnrolmentLink, EnrolmentToken, RootFingerprint};
pub use own_keys::{OwnKeys, OwnPublicKeys};

use crate::ids::EnrolmentId;
use crate::keys::Subkeys;
use crate::redact::redacted_debug;

type Aead = hpke::aead::ChaCha20Poly1305;
type Kdf = hpke::kdf::HkdfSha256;
type Kem = hpke::kem::X25519HkdfSha256;

/// Label of everything that is derived or sealed here.
const LABEL: &[u8] = b"kido/v1/enrol";

/// Digits that the operator compares.
const SHORT_CODE_DIGITS: u32 = 1_000_000;

/// Why an enrolment does not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnrolmentError {
    /// The link is not one that an operator's offer shows.
    #[error("this is no enrolment link: expected ORIGIN/enrol#TOKEN.FINGERPRINT")]
    Link,
    /// The registrar's root key is not the one in the offer.
    #[error("the registrar's root key is not the one in the offer")]
    RootKey,
    /// The revealed nonce is not the one that was committed to.
    #[error("the applicant's nonce does not match its commitment")]
    Commitment,
    /// A public key is not one.
    #[error("a public key has the wrong form")]
    PublicKey,
    /// The subkeys cannot be opened: another applicant's, another offer's, or altered.
    #[error("the sealed subkeys do not open under this applicant's key and offer")]
    Sealed,
}

/// 32 random bytes of one side of one enrolment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EnrolmentNonce([u8; 32]);

/// SHA-256 of a nonce that is revealed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NonceCommitment([u8; 32]);

impl EnrolmentNonce {
    /// A new nonce.
    pub fn generate(random: &mut (impl RngCore + CryptoRng)) -> Self {
        let mut bytes = [0; 32];
        random.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// A nonce as received.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What is shown before the nonce itself.
    #[must_use]
    pub fn commitment(&self) -> NonceCommitment {
        NonceCommitment(Sha256::digest(self.0).into())
    }
}

impl NonceCommitment {
    /// A commitment as received.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Accepts the nonce that was committed to.
    ///
    /// # Errors
    /// [`EnrolmentError::Commitment`] for any other.
    pub fn open(&self, revealed: EnrolmentNonce) -> Result<EnrolmentNonce, EnrolmentError> {
        if revealed.commitment() == *self { Ok(revealed) } else { Err(EnrolmentError::Commitment) }
    }
}

redacted_debug!(EnrolmentNonce);

/// All that both sides of one enrolment must agree on.
#[derive(Debug, Clone)]
pub struct Transcript {
    /// Which dialogue.
    pub enrolment: EnrolmentId,
    /// As what.
    pub applicant: Applicant,
    /// The applicant's new name.
    pub name: ApplicantId,
    /// The registrar's root key.
    pub root: [u8; 32],
    /// The applicant's public keys.
    pub keys: OwnPublicKeys,
    /// The registrar's nonce.
    pub registrar_nonce: EnrolmentNonce,
    /// The applicant's nonce, opened.
    pub applicant_nonce: EnrolmentNonce,
}

/// Six digits that the operator carries from one screen to the other.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ShortCode(u32);

impl Transcript {
    /// The digits of this enrolment.
    #[must_use]
    pub fn short_code(&self) -> ShortCode {
        let digest = self.digest(b"short code");
        let (head, _) = digest.split_at(8);
        let number = head.iter().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
        ShortCode(u32::try_from(number % u64::from(SHORT_CODE_DIGITS)).unwrap_or_default())
    }

    /// Seals an event's subkeys to the applicant. The answer is `encapsulated key ‖ ciphertext`.
    ///
    /// # Errors
    /// [`EnrolmentError::PublicKey`] where the applicant's receiving key is none.
    pub fn seal(
        &self,
        token: &EnrolmentToken,
        subkeys: &impl Subkeys,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<Vec<u8>, EnrolmentError> {
        let recipient = <Kem as hpke::Kem>::PublicKey::from_bytes(&self.keys.receiving)
            .map_err(|_no_detail| EnrolmentError::PublicKey)?;
        let psk = token.pre_shared_key();
        let bundle = PskBundle { psk: psk.as_slice(), psk_id: LABEL };
        let (encapsulated, ciphertext) = hpke::single_shot_seal::<Aead, Kdf, Kem, _>(
            &OpModeS::Psk(bundle),
            &recipient,
            &self.digest(b"seal"),
            &subkeys.to_bytes(),
            self.name.as_bytes(),
            random,
        )
        .map_err(|_no_detail| EnrolmentError::PublicKey)?;
        let mut sealed = encapsulated.to_bytes().to_vec();
        sealed.extend_from_slice(&ciphertext);
        Ok(sealed)
    }

    /// Opens what [`Self::seal`] made, on the applicant's side.
    ///
    /// # Errors
    /// [`EnrolmentError::Sealed`] for anything else.
    pub fn open<S: Subkeys>(&self, token: &EnrolmentToken, keys: &OwnKeys, sealed: &[u8]) -> Result<S, EnrolmentError> {
        let (encapsulated, ciphertext) = sealed.split_at_checked(32).ok_or(EnrolmentError::Sealed)?;
        let encapsulated =
            <Kem as hpke::Kem>::EncappedKey::from_bytes(encapsulated).map_err(|_no_detail| EnrolmentError::Sealed)?;
        let psk = token.pre_shared_key();
        let bundle = PskBundle { psk: psk.as_slice(), psk_id: LABEL };
        let plain = hpke::single_shot_open::<Aead, Kdf, Kem>(
            &OpModeR::Psk(bundle),
            &keys.private()?,
            &encapsulated,
            &self.digest(b"seal"),
            ciphertext,
            self.name.as_bytes(),
        )
        .map(Zeroizing::new)
        .map_err(|_no_detail| EnrolmentError::Sealed)?;
        S::from_bytes(&plain).ok_or(EnrolmentError::Sealed)
    }

    fn digest(&self, purpose: &[u8]) -> [u8; 32] {
        let parts: [&[u8]; 10] = [
            LABEL,
            purpose,
            self.applicant.label(),
            self.enrolment.as_bytes(),
            self.name.as_bytes(),
            &self.root,
            &self.keys.verifying,
            &self.keys.receiving,
            self.registrar_nonce.as_bytes(),
            self.applicant_nonce.as_bytes(),
        ];
        let mut outer = Sha256::new();
        for part in parts {
            outer.update(Sha256::digest(part));
        }
        outer.finalize().into()
    }
}

impl ShortCode {
    /// Reads six digits, spaces allowed; nothing where there are more, fewer or others.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits: String = text.chars().filter(|character| !matches!(character, ' ' | '-')).collect();
        let clean = digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit());
        if clean { digits.trim().parse().ok().map(Self) } else { None }
    }
}

impl fmt::Display for ShortCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03} {:03}", self.0 / 1_000, self.0 % 1_000)
    }
}

impl fmt::Debug for ShortCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{EventKey, GateSubkeys};
    use ed25519_dalek::SigningKey;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    fn enrolment(seed: u64) -> (Transcript, OwnKeys, EnrolmentToken, StdRng) {
        let mut random = StdRng::seed_from_u64(seed);
        let keys = OwnKeys::generate(&mut random);
        let transcript = Transcript {
            enrolment: EnrolmentId::generate(&mut random),
            applicant: Applicant::Gate,
            name: ApplicantId::generate(&mut random),
            root: SigningKey::generate(&mut random).verifying_key().to_bytes(),
            keys: keys.public().unwrap(),
            registrar_nonce: EnrolmentNonce::generate(&mut random),
            applicant_nonce: EnrolmentNonce::generate(&mut random),
        };
        let token = EnrolmentToken::generate(&mut random);
        (transcript, keys, token, random)
    }

    #[test]
    fn the_subkeys_open_for_that_gate_and_offer_only() {
        let (transcript, keys, token, mut random) = enrolment(1);
        let subkeys = EventKey::generate(&mut random).for_gate();
        let sealed = transcript.seal(&token, &subkeys, &mut random).unwrap();
        let opened: GateSubkeys = transcript.open(&token, &keys, &sealed).unwrap();
        assert_eq!(opened.seal.expose(), subkeys.seal.expose());

        let (_, other_keys, other_token, _) = enrolment(2);
        let refused = |transcript: &Transcript, token, keys: &OwnKeys, sealed: &[u8]| {
            transcript.open::<GateSubkeys>(token, keys, sealed).unwrap_err()
        };
        assert_eq!(refused(&transcript, &token, &other_keys, &sealed), EnrolmentError::Sealed);
        assert_eq!(refused(&transcript, &other_token, &keys, &sealed), EnrolmentError::Sealed);
        let mut altered = transcript.clone();
        altered.registrar_nonce = EnrolmentNonce::from_bytes([0; 32]);
        assert_eq!(refused(&altered, &token, &keys, &sealed), EnrolmentError::Sealed);
        assert_eq!(refused(&transcript, &token, &keys, &sealed[..31]), EnrolmentError::Sealed);
        let as_arbiter = Transcript { applicant: Applicant::Arbiter, ..transcript };
        assert_eq!(refused(&as_arbiter, &token, &keys, &sealed), EnrolmentError::Sealed);
    }

    #[test]
    fn the_digits_change_with_every_part_of_the_dialogue() {
        let (transcript, ..) = enrolment(3);
        let mut swapped_key = transcript.clone();
        swapped_key.keys.verifying[0] ^= 1;
        let mut as_arbiter = transcript.clone();
        as_arbiter.applicant = Applicant::Arbiter;
        assert_ne!(transcript.short_code(), as_arbiter.short_code());
        let mut swapped_nonce = transcript.clone();
        swapped_nonce.applicant_nonce = EnrolmentNonce::from_bytes([1; 32]);
        assert_ne!(transcript.short_code(), swapped_key.short_code());
        assert_ne!(transcript.short_code(), swapped_nonce.short_code());
        assert_eq!(ShortCode::parse(&transcript.short_code().to_string()), Some(transcript.short_code()));
        assert_eq!(ShortCode::parse("12345"), None);
    }

    #[test]
    fn a_nonce_that_was_not_committed_to_is_refused() {
        let mut random = StdRng::seed_from_u64(4);
        let nonce = EnrolmentNonce::generate(&mut random);
        let commitment = nonce.commitment();
        assert!(commitment.open(nonce).is_ok());
        assert_eq!(commitment.open(EnrolmentNonce::generate(&mut random)), Err(EnrolmentError::Commitment));
    }
}
