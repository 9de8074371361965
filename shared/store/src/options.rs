//! How to open a store, and what the open found.

use crate::limits::{DEFAULT_CACHE_BYTES, DEFAULT_RESERVE_BYTES};
use crate::position::LogHead;
use crate::rebuild::IndexOpened;

/// How to open a store.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub(crate) create: bool,
    pub(crate) cache_bytes: u64,
    pub(crate) reserve_bytes: u64,
}

impl Options {
    /// Only a store that is there: a missing one is an error and not a new beginning.
    #[must_use]
    pub const fn existing() -> Self {
        Self { create: false, cache_bytes: DEFAULT_CACHE_BYTES, reserve_bytes: DEFAULT_RESERVE_BYTES }
    }

    /// Makes the folder and an empty log if there is nothing at all.
    #[must_use]
    pub const fn create_if_missing() -> Self {
        Self { create: true, ..Self::existing() }
    }

    /// Memory for the engine's page cache, in bytes; see [`DEFAULT_CACHE_BYTES`].
    #[must_use]
    pub const fn cache_bytes(self, cache_bytes: u64) -> Self {
        Self { cache_bytes, ..self }
    }

    /// Free disk space that new facts leave alone, in bytes; see [`DEFAULT_RESERVE_BYTES`].
    #[must_use]
    pub const fn reserve_bytes(self, reserve_bytes: u64) -> Self {
        Self { reserve_bytes, ..self }
    }
}

/// What the open found and repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Opened {
    /// The log, after a torn tail was cut off.
    pub head: LogHead,
    /// Bytes of a batch that never became durable and were cut off.
    pub torn_bytes: u64,
    /// What became of the index.
    pub index: IndexOpened,
    /// True if the log did not exist and was created.
    pub created: bool,
}
