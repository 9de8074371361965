//! Feed keys and the root's word for them.

use ed25519_dalek::{SigningKey, VerifyingKey};

use super::FeedError;
use super::statement::{Kind, VERSION, decode_exactly, encode};
use crate::cbor_form::cbor_bytes;
use crate::clock::Timestamp;
use crate::ids::EventId;

const KIND: Kind = Kind { name: "a feed key certificate", label: b"kido/v1/feed-key", bytes_max: 512 };

/// Feed keys that a follower trusts at a time: the running one, its successor, and room for a bad day. Of more, the oldest
/// go: a registrar signs with the newest.
const FEED_KEYS_MAX: usize = 16;

/// What the root key says of a feed key: it signs the heads of this event from one moment up to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedKeyStatement {
    /// Which event; a feed key serves one.
    pub event: EventId,
    /// The Ed25519 key (RFC 8032) that signs heads.
    pub verifying_key: [u8; 32],
    /// The first moment.
    pub valid_from: Timestamp,
    /// The moment after the last.
    pub valid_until: Timestamp,
    /// Every key of this event whose first moment is an earlier one than this is believed no more, at once and whatever was
    /// said of it: one of them was stolen.
    pub revokes_before: Option<Timestamp>,
}

#[derive(minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
struct Payload {
    #[n(0)]
    version: u64,
    #[n(1)]
    event: EventId,
    #[cbor(n(2), with = "minicbor::bytes")]
    verifying_key: [u8; 32],
    #[n(3)]
    valid_from: Timestamp,
    #[n(4)]
    valid_until: Timestamp,
    #[n(5)]
    revokes_before: Option<Timestamp>,
}

impl FeedKeyStatement {
    /// Signs with the root key, which lives offline with the operator.
    ///
    /// # Errors
    /// [`FeedError::Validity`] where it ends before it begins or revokes itself; [`FeedError::Signature`] where the key is no
    /// good one.
    pub fn sign(&self, root: &SigningKey) -> Result<FeedKeyCertificate, FeedError> {
        self.key()?;
        let payload = Payload {
            version: VERSION,
            event: self.event,
            verifying_key: self.verifying_key,
            valid_from: self.valid_from,
            valid_until: self.valid_until,
            revokes_before: self.revokes_before,
        };
        KIND.sign(encode(&payload, KIND.name)?, root).map(FeedKeyCertificate)
    }

    fn key(&self) -> Result<VerifyingKey, FeedError> {
        let revokes_itself = self.revokes_before.is_some_and(|before| before > self.valid_from);
        if self.valid_from >= self.valid_until || revokes_itself {
            return Err(FeedError::Validity { what: KIND.name });
        }
        let key = VerifyingKey::from_bytes(&self.verifying_key);
        let key = key.map_err(|_no_detail| FeedError::Signature { what: KIND.name })?;
        if key.is_weak() { Err(FeedError::Signature { what: KIND.name }) } else { Ok(key) }
    }
}

/// A feed key under the root's signature, as it is stored, enrolled and published in a `key` record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedKeyCertificate(Vec<u8>);

impl FeedKeyCertificate {
    /// A certificate as it came: bounded, but verified only by [`Self::verify`].
    ///
    /// # Errors
    /// [`FeedError::Length`] or [`FeedError::Encoding`].
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, FeedError> {
        KIND.read(&bytes).map(|_well_formed| Self(bytes))
    }

    /// The `COSE_Sign1` bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// What the root says, where it really said it, and of this event.
    ///
    /// # Errors
    /// [`FeedError`], by what is wrong.
    pub fn verify(&self, root: &VerifyingKey, event: EventId) -> Result<FeedKeyStatement, FeedError> {
        self.certified(root, event).map(|certified| certified.statement)
    }

    fn certified(&self, root: &VerifyingKey, event: EventId) -> Result<CertifiedKey, FeedError> {
        let unverified = KIND.read(&self.0)?;
        let payload: Payload = decode_exactly(unverified.verify(root)?, KIND.name)?;
        if payload.version != VERSION {
            return Err(FeedError::Version { what: KIND.name, version: payload.version });
        }
        if payload.event != event {
            return Err(FeedError::OtherEvent);
        }
        let statement = FeedKeyStatement {
            event,
            verifying_key: payload.verifying_key,
            valid_from: payload.valid_from,
            valid_until: payload.valid_until,
            revokes_before: payload.revokes_before,
        };
        Ok(CertifiedKey { key: statement.key()?, statement })
    }
}

cbor_bytes!(FeedKeyCertificate, |bytes| {
    if bytes.len() > KIND.bytes_max {
        return Err(minicbor::decode::Error::message("a feed key certificate is shorter"));
    }
    Self::from_bytes(bytes.to_vec()).map_err(minicbor::decode::Error::custom)
});

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CertifiedKey {
    pub(super) statement: FeedKeyStatement,
    pub(super) key: VerifyingKey,
}

/// The keys whose heads a follower believes: all under one root, all of one event.
#[derive(Debug, Clone)]
pub struct TrustedFeedKeys {
    root: VerifyingKey,
    event: EventId,
    keys: Vec<CertifiedKey>,
    /// Keys that begin earlier are believed no more. It never goes back: an old statement that is said again revives nothing.
    revoked_before: Option<Timestamp>,
}

impl TrustedFeedKeys {
    /// No key yet: the root was confirmed at enrolment.
    ///
    /// # Errors
    /// [`FeedError::Signature`] where the root key is one under which anything verifies.
    pub fn new(root: VerifyingKey, event: EventId) -> Result<Self, FeedError> {
        if root.is_weak() {
            return Err(FeedError::Signature { what: "the root key" });
        }
        Ok(Self { root, event, keys: Vec::new(), revoked_before: None })
    }

    /// Which event.
    #[must_use]
    pub const fn event(&self) -> EventId {
        self.event
    }

    /// The root key.
    #[must_use]
    pub const fn root(&self) -> &VerifyingKey {
        &self.root
    }

    /// Trusts one more key, where the root vouches for it, and no longer those that it revokes; repeats change nothing.
    ///
    /// # Errors
    /// [`FeedError`], by what is wrong with the certificate; [`FeedError::KeyRevoked`].
    pub fn trust(&mut self, certificate: &FeedKeyCertificate) -> Result<FeedKeyStatement, FeedError> {
        let certified = certificate.certified(&self.root, self.event)?;
        let statement = certified.statement;
        if self.revoked_before.is_some_and(|before| statement.valid_from < before) {
            return Err(FeedError::KeyRevoked);
        }
        if let Some(before) = statement.revokes_before.max(self.revoked_before) {
            self.revoked_before = Some(before);
            self.keys.retain(|known| known.statement.valid_from >= before);
        }
        if !self.keys.contains(&certified) {
            self.keys.push(certified);
        }
        if self.keys.len() > FEED_KEYS_MAX {
            let places = self.keys.iter().enumerate();
            let oldest = places.min_by_key(|(_, known)| known.statement.valid_from).map(|(place, _)| place);
            if let Some(oldest) = oldest {
                let _oldest = self.keys.remove(oldest);
            }
        }
        Ok(statement)
    }

    /// Forgets keys whose validity has ended, so that there is room for their successors.
    pub fn forget_ended(&mut self, now: Timestamp) {
        self.keys.retain(|certified| now < certified.statement.valid_until);
    }

    /// The keys, in the order in which they were trusted.
    pub(super) fn keys(&self) -> &[CertifiedKey] {
        &self.keys
    }
}
