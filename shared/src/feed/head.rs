//! The signed statement of a feed's length and chain.

use ed25519_dalek::SigningKey;

use super::FeedError;
use super::chain::{Chain, FollowedTo};
use super::key::TrustedFeedKeys;
use super::statement::{Kind, Unverified, VERSION, decode_exactly, encode};
use crate::clock::Timestamp;
use crate::ids::{Epoch, EventId};
use crate::limits::{FEED_HEAD_BYTES_MAX, FEED_LENGTH_MAX, HEAD_VALIDITY};

const KIND: Kind = Kind { name: "a head", label: b"kido/v1/head", bytes_max: FEED_HEAD_BYTES_MAX };

/// What a registrar says of its feed: so many records, this chain, good from then to then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedHead {
    /// Which event.
    pub event: EventId,
    /// Which generation of its feed.
    pub epoch: Epoch,
    /// How many records.
    pub length: u64,
    /// The chain behind the last of them.
    pub chain: Chain,
    /// When this was signed; also a source of time for gates.
    pub issued_at: Timestamp,
    /// When it is too old to be called current.
    pub expires_at: Timestamp,
}

#[derive(minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
struct Payload {
    #[n(0)]
    version: u64,
    #[n(1)]
    event: EventId,
    #[n(2)]
    epoch: Epoch,
    #[n(3)]
    length: u64,
    #[n(4)]
    chain: Chain,
    #[n(5)]
    issued_at: Timestamp,
    #[n(6)]
    expires_at: Timestamp,
}

impl FeedHead {
    /// The head of a feed that reaches up to here, good for [`HEAD_VALIDITY`].
    #[must_use]
    pub fn issue(event: EventId, reached: FollowedTo, now: Timestamp) -> Self {
        Self {
            event,
            epoch: reached.epoch,
            length: reached.length,
            chain: reached.chain,
            issued_at: now,
            expires_at: now.after(HEAD_VALIDITY),
        }
    }

    /// Signs with the feed key; the same head gives the same bytes.
    ///
    /// # Errors
    /// [`FeedError::Validity`] or [`FeedError::Length`] where no follower would believe it.
    pub fn sign(&self, feed_key: &SigningKey) -> Result<SignedHead, FeedError> {
        self.within_limits()?;
        let payload = Payload {
            version: VERSION,
            event: self.event,
            epoch: self.epoch,
            length: self.length,
            chain: self.chain,
            issued_at: self.issued_at,
            expires_at: self.expires_at,
        };
        KIND.sign(encode(&payload, KIND.name)?, feed_key).map(SignedHead)
    }

    /// Reads a head and believes it where a certified key signed it within that key's validity.
    ///
    /// An expired head is believed, too: [`VerifiedHead::is_expired`] tells, and the gate decides what follows.
    ///
    /// # Errors
    /// [`FeedError`], by what is wrong.
    pub fn verify(
        bytes: &[u8],
        keys: &TrustedFeedKeys,
        event: EventId,
        now: Timestamp,
    ) -> Result<VerifiedHead, FeedError> {
        let unverified = KIND.read(bytes)?;
        let head = Self::signed(&unverified, keys, now)?;
        if head.event != event || keys.event() != event {
            return Err(FeedError::OtherEvent);
        }
        head.within_limits()?;
        Ok(VerifiedHead(head))
    }

    /// What a head says, whoever signed it: for whoever carries a feed and believes nothing of it.
    ///
    /// # Errors
    /// [`FeedError`], where its form is another.
    pub fn read_unverified(bytes: &[u8]) -> Result<Self, FeedError> {
        let head = Self::from(payload(KIND.read(bytes)?.claimed())?);
        head.within_limits()?;
        Ok(head)
    }

    fn signed(unverified: &Unverified, keys: &TrustedFeedKeys, now: Timestamp) -> Result<Self, FeedError> {
        let mut signers = keys.keys().iter().map(|certified| (certified, unverified.verify(&certified.key)));
        let signed = signers.find_map(|(signer, payload)| Some((signer, payload.ok()?)));
        let (signer, payload) = signed.ok_or(FeedError::Signature { what: KIND.name })?;
        let payload = self::payload(payload)?;
        // One key may have been certified for several spans. A key whose span has ended signs nothing any more, and
        // dating a head back does not help whoever found it.
        let covers = |moment: Timestamp| {
            keys.keys().iter().any(|certified| {
                let statement = certified.statement;
                let span = statement.valid_from..statement.valid_until;
                certified.key == signer.key && span.contains(&moment) && now < statement.valid_until
            })
        };
        if !covers(payload.issued_at) {
            return Err(FeedError::KeyNotValid { what: KIND.name });
        }
        Ok(payload.into())
    }

    fn within_limits(&self) -> Result<(), FeedError> {
        if self.length > FEED_LENGTH_MAX {
            return Err(FeedError::Length { what: "the feed" });
        }
        let lasts = self.issued_at < self.expires_at && self.expires_at <= self.issued_at.after(HEAD_VALIDITY);
        let empty = self.length > 0 || self.chain == Chain::start(self.event, self.epoch);
        match (lasts, empty) {
            (true, true) => Ok(()),
            (false, _) => Err(FeedError::Validity { what: KIND.name }),
            (true, false) => Err(FeedError::Forked { length: 0 }),
        }
    }
}

fn payload(bytes: &[u8]) -> Result<Payload, FeedError> {
    let payload: Payload = decode_exactly(bytes, KIND.name)?;
    if payload.version == VERSION {
        Ok(payload)
    } else {
        Err(FeedError::Version { what: KIND.name, version: payload.version })
    }
}

impl From<Payload> for FeedHead {
    fn from(payload: Payload) -> Self {
        let Payload { version: _, event, epoch, length, chain, issued_at, expires_at } = payload;
        Self { event, epoch, length, chain, issued_at, expires_at }
    }
}

/// A signed head's bytes, as they are served and cached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHead(Vec<u8>);

impl SignedHead {
    /// The `COSE_Sign1` bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, moved out.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// A head that a trusted key signed. There is no other way to make one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedHead(FeedHead);

impl VerifiedHead {
    /// What it says.
    #[must_use]
    pub const fn head(&self) -> &FeedHead {
        &self.0
    }

    /// The place that it speaks of.
    #[must_use]
    pub const fn reaches(&self) -> FollowedTo {
        FollowedTo { epoch: self.0.epoch, length: self.0.length, chain: self.0.chain }
    }

    /// Whether it is too old to be called current.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.0.expires_at
    }
}
