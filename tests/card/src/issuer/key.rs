//! Key pairs from names: the same name gives the same primes in every run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use rsa::Pkcs1v15Sign;
#[expect(
    clippy::disallowed_types,
    reason = "the test issuer and the virtual card hold private keys; nothing else does"
)]
use rsa::RsaPrivateKey;
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use rsa::traits::PublicKeyParts;
use sha2::{Digest, Sha256};

use super::IssuerError;

/// Modulus length of today's cards (JPKI: RSA 2048).
pub const RSA_BITS: usize = 2048;
/// Bytes of an RSA-2048 modulus and of a signature under it.
pub const RSA_BYTES: usize = RSA_BITS / 8;

/// Changing this changes every key, certificate and golden value.
const SEED_LABEL: &[u8] = b"kido/virtual-card/key/1/";

/// One slot per name, so that two threads can make two keys at the same time and one key only once.
type KeySlots = BTreeMap<String, Arc<OnceLock<Result<Arc<CardKey>, IssuerError>>>>;

/// Keys made so far. Making one takes a good part of a second, so cards that share a name share the key.
static KEYS: Mutex<KeySlots> = Mutex::new(BTreeMap::new());

/// An RSA-2048 key pair of the card or of an issuer.
#[expect(
    clippy::disallowed_types,
    reason = "the test issuer and the virtual card hold private keys; nothing else does"
)]
pub struct CardKey {
    private: RsaPrivateKey,
}

impl CardKey {
    /// The key of this name, made on first use and shared afterwards.
    ///
    /// # Errors
    /// [`IssuerError::KeyGeneration`] when no primes are found.
    pub fn named(name: &str) -> Result<Arc<Self>, IssuerError> {
        let slot = {
            let mut keys = KEYS.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(keys.entry(name.to_owned()).or_default())
        };
        slot.get_or_init(|| Self::generate(name).map(Arc::new)).clone()
    }

    #[expect(clippy::disallowed_types, reason = "the one place where a test key is made")]
    fn generate(name: &str) -> Result<Self, IssuerError> {
        let mut rng = ChaCha20Rng::from_seed(seed(name));
        let private =
            RsaPrivateKey::new(&mut rng, RSA_BITS).map_err(|source| IssuerError::KeyGeneration(source.to_string()))?;
        Ok(Self { private })
    }

    /// The modulus, big-endian, 256 bytes.
    #[must_use]
    pub fn modulus(&self) -> Vec<u8> {
        self.private.n().to_bytes_be()
    }

    /// The public exponent, big-endian.
    #[must_use]
    pub fn exponent(&self) -> Vec<u8> {
        self.private.e().to_bytes_be()
    }

    /// The private key in PKCS#1 DER (RFC 8017 A.1.2), for a program that signs with another library.
    ///
    /// # Errors
    /// [`IssuerError::KeyGeneration`], never seen with these keys.
    pub fn to_pkcs1_der(&self) -> Result<Vec<u8>, IssuerError> {
        let der = self.private.to_pkcs1_der().map_err(|source| IssuerError::KeyGeneration(source.to_string()))?;
        Ok(der.as_bytes().to_vec())
    }

    /// PKCS#1 v1.5 padding (RFC 8017 §9.2, type 1) and the private operation over the bytes as they are: a card adds
    /// no `DigestInfo` of its own. Without blinding: the key is public knowledge.
    ///
    /// # Errors
    /// [`IssuerError::Signing`] when the bytes do not fit under the padding (more than 245).
    pub fn sign_as_a_card(&self, bytes: &[u8]) -> Result<Vec<u8>, IssuerError> {
        self.private
            .sign(Pkcs1v15Sign::new_unprefixed(), bytes)
            .map_err(|source| IssuerError::Signing(source.to_string()))
    }

    /// sha256WithRSAEncryption over a message, as an issuer signs a certificate.
    ///
    /// # Errors
    /// [`IssuerError::Signing`], never seen with these keys.
    pub fn sign_sha256(&self, message: &[u8]) -> Result<Vec<u8>, IssuerError> {
        self.private
            .sign(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(message))
            .map_err(|source| IssuerError::Signing(source.to_string()))
    }
}

impl std::fmt::Debug for CardKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CardKey(..)")
    }
}

/// The public half that a certificate is issued for.
#[derive(Clone, PartialEq, Eq)]
pub enum SubjectKey {
    /// RSA-2048 with e = 65537. The modulus need not be a real one: load tests use random numbers.
    Rsa(Box<[u8; RSA_BYTES]>),
    /// The next generation: an uncompressed P-384 point (SEC 1 §2.3.3), 97 bytes.
    P384(Box<[u8; 97]>),
}

impl SubjectKey {
    /// The public half of a card's key.
    ///
    /// # Errors
    /// [`IssuerError::KeyGeneration`] when the modulus is not 256 bytes long.
    pub fn of(key: &CardKey) -> Result<Self, IssuerError> {
        let modulus: [u8; RSA_BYTES] = key
            .modulus()
            .try_into()
            .map_err(|wrong: Vec<u8>| IssuerError::KeyGeneration(format!("modulus of {} bytes", wrong.len())))?;
        Ok(Self::Rsa(Box::new(modulus)))
    }

    /// A P-384 point from a name, the same in every run.
    ///
    /// # Errors
    /// [`IssuerError::KeyGeneration`] when the name hashes to no scalar.
    pub fn p384_named(name: &str) -> Result<Self, IssuerError> {
        let mut scalar = [0u8; 48];
        for (to, from) in scalar.iter_mut().skip(16).zip(seed(name)) {
            *to = from;
        }
        let secret =
            p384::SecretKey::from_slice(&scalar).map_err(|source| IssuerError::KeyGeneration(source.to_string()))?;
        let point = secret.public_key().to_sec1_bytes();
        let point: [u8; 97] = point.as_ref().try_into().map_err(|_wrong: std::array::TryFromSliceError| {
            IssuerError::KeyGeneration(format!("point of {} bytes", point.len()))
        })?;
        Ok(Self::P384(Box::new(point)))
    }
}

impl std::fmt::Debug for SubjectKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Rsa(_) => "SubjectKey::Rsa(..)",
            Self::P384(_) => "SubjectKey::P384(..)",
        })
    }
}

fn seed(name: &str) -> [u8; 32] {
    Sha256::new().chain_update(SEED_LABEL).chain_update(name).finalize().into()
}
