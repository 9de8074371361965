//! Where a fact stands, and what a log's state is called.

use std::fmt;

/// Place of a fact in the log, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(u64);

impl Position {
    /// The place of the first fact.
    pub const FIRST: Self = Self(0);

    /// The place with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number, from 0.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The place after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A byte of the log, counted from its first one.
///
/// A log only grows, and an export carries it byte for byte: what stands at an offset stands there for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogOffset(u64);

impl LogOffset {
    /// The byte with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number, from 0.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The byte that many bytes behind it.
    #[must_use]
    pub fn after(self, bytes: usize) -> Self {
        Self(self.0.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX)))
    }
}

/// The SHA-256 value that stands for a log up to and including one fact.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChainHash([u8; Self::BYTES]);

impl ChainHash {
    /// Its length.
    pub const BYTES: usize = 32;

    pub(crate) const fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

impl fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "ChainHash({a:02x}{b:02x}{c:02x}{d:02x}..)")
    }
}

/// How many facts a log holds, and the hash over all of them.
///
/// Two logs with equal heads hold the same facts; a log that grew has the old head inside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogHead {
    pub(crate) count: u64,
    pub(crate) hash: ChainHash,
}

impl LogHead {
    /// Number of facts.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Hash over all facts in their order.
    #[must_use]
    pub const fn hash(&self) -> &ChainHash {
        &self.hash
    }

    /// Where the next fact will stand.
    #[must_use]
    pub const fn next_position(&self) -> Position {
        Position::new(self.count)
    }
}

/// Sixteen bytes that say whose log this is, for example of which event and which gate.
///
/// They stand in the header of the log and start its hash chain, so that a folder that was moved or mixed up is refused.
/// They are not secret and must not be derived from a card.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StoreIdentity([u8; Self::BYTES]);

impl StoreIdentity {
    /// Their number.
    pub const BYTES: usize = 16;

    /// Takes the bytes as they are.
    #[must_use]
    pub const fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

impl fmt::Debug for StoreIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreIdentity(")?;
        for byte in self.0 {
            write!(f, "{byte:02x}")?;
        }
        f.write_str(")")
    }
}
