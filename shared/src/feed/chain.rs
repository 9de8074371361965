//! The chain over a feed's ciphertexts, and a place on it.

use sha2::{Digest as _, Sha256};

use super::SealedRecord;
use crate::ids::{Epoch, EventId, FeedSequence};

/// Hash over all ciphertexts of an epoch up to some record; public, like the ciphertexts.
#[derive(Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(transparent)]
pub struct Chain(#[cbor(n(0), with = "minicbor::bytes")] [u8; 32]);

impl Chain {
    /// The chain before the first record: `SHA-256(event id ‖ epoch)`, the epoch as 8 big-endian bytes.
    #[must_use]
    pub fn start(event: EventId, epoch: Epoch) -> Self {
        let mut hash = Sha256::new_with_prefix(event.as_bytes());
        hash.update(epoch.get().to_be_bytes());
        Self(hash.finalize().into())
    }

    /// The chain behind one more record: `SHA-256(chain ‖ ciphertext)`.
    #[must_use]
    pub fn extend(self, record: &SealedRecord) -> Self {
        let mut hash = Sha256::new_with_prefix(self.0);
        hash.update(record.as_bytes());
        Self(hash.finalize().into())
    }

    /// The chain as it was stored.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl core::fmt::Debug for Chain {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "Chain({a:02x}{b:02x}{c:02x}{d:02x}..)")
    }
}

/// How far a feed has been followed: stored in the same durable step as the records up to there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
pub struct FollowedTo {
    /// Which generation of the feed.
    #[n(0)]
    pub epoch: Epoch,
    /// How many records; also the number of the next one.
    #[n(1)]
    pub length: u64,
    /// The chain behind the last of them.
    #[n(2)]
    pub chain: Chain,
}

impl FollowedTo {
    /// Nothing followed yet.
    #[must_use]
    pub fn start(event: EventId, epoch: Epoch) -> Self {
        Self { epoch, length: 0, chain: Chain::start(event, epoch) }
    }

    /// The place of the next record.
    #[must_use]
    pub const fn next(&self) -> FeedSequence {
        FeedSequence::new(self.length)
    }

    /// One record further. A feed ends long before its numbers do.
    #[must_use]
    pub fn extend(self, record: &SealedRecord) -> Self {
        Self { length: self.length.saturating_add(1), chain: self.chain.extend(record), ..self }
    }

    /// As far as a run of records leads.
    #[must_use]
    pub fn extend_all(self, records: &[SealedRecord]) -> Self {
        records.iter().fold(self, Self::extend)
    }
}
