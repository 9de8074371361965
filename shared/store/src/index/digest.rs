//! A fingerprint of a set of entries that follows each change and does not depend on their order.

use sha2::{Digest as _, Sha256};

/// Number of entries, and the sum of a hash of each modulo 2^128.
///
/// A change costs one or two hashes instead of a walk over all entries; a walk at open must come to the same value. Lost,
/// doubled, stale and invented entries change it, except with probability 2^-128. It stands against accidents of the engine, not
/// against someone who writes to the disk: that one would also write the digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Digest {
    pub(crate) entries: u64,
    pub(crate) sum: u128,
}

impl Digest {
    pub(crate) fn add(&mut self, key: &[u8], value: &[u8]) {
        self.entries = self.entries.wrapping_add(1);
        self.sum = self.sum.wrapping_add(hash(key, value));
    }

    pub(crate) fn remove(&mut self, key: &[u8], value: &[u8]) {
        self.entries = self.entries.wrapping_sub(1);
        self.sum = self.sum.wrapping_sub(hash(key, value));
    }
}

fn hash(key: &[u8], value: &[u8]) -> u128 {
    let key_length = u64::try_from(key.len()).unwrap_or(u64::MAX);
    let hash: [u8; 32] =
        Sha256::new().chain_update(key_length.to_le_bytes()).chain_update(key).chain_update(value).finalize().into();
    hash.first_chunk::<16>().map_or(0, |front| u128::from_le_bytes(*front))
}
