//! An event's identity: its id, its feed key, and the root key's word that the two belong together.

use std::path::Path;

use ed25519_dalek::{SigningKey, VerifyingKey};
use kido_shared::clock::Timestamp;
use kido_shared::feed::{FeedKeyCertificate, FeedKeyStatement};
use kido_shared::ids::EventId;
use kido_shared::keys::KEY_BYTES;
use rand::{CryptoRng, RngCore};

use super::sealed::Sealing;
use super::{KeyringError, files};

/// Largest identity file: a sealed key and a certificate of at most 512 bytes.
const IDENTITY_BYTES_MAX: u64 = 1_024;

#[derive(minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
struct Stored {
    #[n(0)]
    sealed: minicbor::bytes::ByteVec,
    #[n(1)]
    certificate: FeedKeyCertificate,
}

/// An event's feed key with its certificate. The key wipes itself when dropped.
pub struct FeedIdentity {
    event: EventId,
    key: SigningKey,
    certificate: FeedKeyCertificate,
    valid_until: Timestamp,
}

impl std::fmt::Debug for FeedIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FeedIdentity").field("event", &self.event).finish_non_exhaustive()
    }
}

impl FeedIdentity {
    pub(super) fn certify(
        root: &SigningKey,
        event: EventId,
        valid_from: Timestamp,
        valid_until: Timestamp,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<Self, KeyringError> {
        let key = SigningKey::generate(random);
        let verifying_key = key.verifying_key().to_bytes();
        let statement = FeedKeyStatement { event, verifying_key, valid_from, valid_until, revokes_before: None };
        let certificate = statement.sign(root).map_err(KeyringError::Certificate)?;
        Ok(Self { event, key, certificate, valid_until })
    }

    pub(super) fn seal(&self, master: &Sealing, random: &mut (impl RngCore + CryptoRng)) -> Vec<u8> {
        Self::stored(master.seal(self.event.as_bytes(), self.key.as_bytes(), random), self.certificate.clone())
    }

    /// An identity's file, of a key that is sealed already.
    pub(super) fn stored(sealed: Vec<u8>, certificate: FeedKeyCertificate) -> Vec<u8> {
        let stored = Stored { sealed: sealed.into(), certificate };
        let mut bytes = Vec::new();
        match minicbor::encode(&stored, &mut bytes) {
            Ok(()) => bytes,
            Err(_infallible) => Vec::new(),
        }
    }

    pub(super) fn open(
        path: &Path,
        event: EventId,
        master: &Sealing,
        root: &VerifyingKey,
    ) -> Result<Self, KeyringError> {
        let content = || KeyringError::Content(path.to_owned());
        let bytes = files::read_up_to(path, IDENTITY_BYTES_MAX)?;
        let stored: Stored = minicbor::decode(&bytes).map_err(|_no_detail| content())?;
        let statement = stored.certificate.verify(root, event).map_err(KeyringError::Certificate)?;
        let key = master.open(event.as_bytes(), &stored.sealed).ok_or_else(content)?;
        let key = <[u8; KEY_BYTES]>::try_from(key.as_slice()).map_err(|_length| content())?;
        let key = SigningKey::from_bytes(&zeroize::Zeroizing::new(key));
        if key.verifying_key().to_bytes() != statement.verifying_key {
            return Err(content());
        }
        Ok(Self { event, key, certificate: stored.certificate, valid_until: statement.valid_until })
    }

    /// Which event.
    #[must_use]
    pub const fn event(&self) -> EventId {
        self.event
    }

    /// Signs heads.
    #[must_use]
    pub const fn signing_key(&self) -> &SigningKey {
        &self.key
    }

    /// What the root key says of it.
    #[must_use]
    pub const fn certificate(&self) -> &FeedKeyCertificate {
        &self.certificate
    }

    /// When the root key's word ends.
    #[must_use]
    pub const fn valid_until(&self) -> Timestamp {
        self.valid_until
    }
}
