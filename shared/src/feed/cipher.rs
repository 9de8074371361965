//! Encryption of records, each by itself.

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::{FeedError, FeedRecord};
use crate::ids::{Epoch, EventId, FeedSequence, ID_BYTES};
use crate::keys::{RecordKey, expand};
use crate::limits::FEED_RECORD_BYTES_MAX;
use crate::redact::redacted_debug;

/// Bytes that encryption adds: the Poly1305 tag (RFC 8439 §2.8).
const TAG_BYTES: usize = 16;

/// Smallest ciphertext: an empty map and the tag.
const SEALED_BYTES_MIN: usize = 1 + TAG_BYTES;

const WHAT: &str = "a sealed record";

/// One record's ciphertext: what caches carry and the chain runs over.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedRecord(Vec<u8>);

impl SealedRecord {
    /// A ciphertext as it came over the wire or out of a store.
    ///
    /// # Errors
    /// [`FeedError::Length`] where it is longer or shorter than any record.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, FeedError> {
        if (SEALED_BYTES_MIN..=FEED_RECORD_BYTES_MAX).contains(&bytes.len()) {
            Ok(Self(bytes))
        } else {
            Err(FeedError::Length { what: WHAT })
        }
    }

    /// The ciphertext.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The ciphertext, moved out.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl core::fmt::Debug for SealedRecord {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "SealedRecord({} bytes)", self.0.len())
    }
}

/// The key of one epoch's records; made once and used for all of them: a derivation is four more hashes a record.
///
/// The nonce is the record's number, so one number must never be sealed twice with different content under one epoch:
/// the number is given in the transaction that commits the fact, and a cut starts another epoch with another key.
#[derive(Clone)]
pub struct RecordCipher {
    event: EventId,
    epoch: Epoch,
    cipher: XChaCha20Poly1305,
}
redacted_debug!(RecordCipher);

impl RecordCipher {
    /// Derives the key of an event's epoch from its record subkey.
    #[must_use]
    pub fn new(records: &RecordKey, event: EventId, epoch: Epoch) -> Self {
        let key = Zeroizing::new(expand(records.expose(), &[], &[b"record", &epoch.get().to_be_bytes()]));
        Self { event, epoch, cipher: XChaCha20Poly1305::new(Key::from_slice(key.as_slice())) }
    }

    /// Which event.
    #[must_use]
    pub const fn event(&self) -> EventId {
        self.event
    }

    /// Which epoch.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Encrypts the record with this number.
    ///
    /// # Errors
    /// [`FeedError::Length`] where the record is larger than any may be.
    pub fn seal(&self, at: FeedSequence, record: &FeedRecord) -> Result<SealedRecord, FeedError> {
        let plain = Zeroizing::new(record.encode()?);
        let aad = self.associated(at);
        let sealed = self
            .cipher
            .encrypt(&nonce(at), Payload { msg: &plain, aad: &aad })
            .map_err(|_no_detail| FeedError::Length { what: WHAT })?;
        SealedRecord::from_bytes(sealed)
    }

    /// Decrypts the record with this number.
    ///
    /// # Errors
    /// [`FeedError::Sealed`] where it is not that record; [`FeedError::Encoding`] where its content is none.
    pub fn open(&self, at: FeedSequence, record: &SealedRecord) -> Result<FeedRecord, FeedError> {
        let aad = self.associated(at);
        let opened = self.cipher.decrypt(&nonce(at), Payload { msg: record.as_bytes(), aad: &aad });
        let plain = Zeroizing::new(opened.map_err(|_no_detail| FeedError::Sealed { at })?);
        FeedRecord::decode(&plain)
    }

    /// Event id ‖ epoch ‖ number.
    fn associated(&self, at: FeedSequence) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(ID_BYTES + 16);
        bytes.extend_from_slice(self.event.as_bytes());
        bytes.extend_from_slice(&self.epoch.get().to_be_bytes());
        bytes.extend_from_slice(&at.get().to_be_bytes());
        bytes
    }
}

/// 16 zero bytes ‖ number.
fn nonce(at: FeedSequence) -> XNonce {
    let mut nonce = XNonce::default();
    for (place, byte) in nonce.iter_mut().skip(16).zip(at.get().to_be_bytes()) {
        *place = byte;
    }
    nonce
}
