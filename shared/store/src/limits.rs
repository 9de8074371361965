//! Every bound of the store, with its reason.

/// Longest fact, in bytes.
///
/// A fact is one business event of at most a few hundred bytes; the largest of them (an event's whole configuration) stays
/// under 64 KiB. Four times that leaves room and still lets a reader hold one fact in memory without thought.
pub const MAX_FACT_BYTES: usize = 256 * 1024;

/// Most bytes of log that one transaction may add, framing included.
///
/// One import page or one feed range fits; a caller with more splits its work, because all others wait behind it.
pub const MAX_TRANSACTION_BYTES: usize = 4 * 1024 * 1024;

/// Most bytes of log that one batch may add, and with that the longest tail a power cut can tear.
///
/// A batch takes no further transaction once it holds [`MAX_TRANSACTION_BYTES`], so it ends below twice that.
pub const MAX_BATCH_BYTES: usize = 2 * MAX_TRANSACTION_BYTES;

/// Most transactions that share one write and one `fdatasync`.
///
/// Enough to make the sync cheap for 64 callers; few enough that the first of them does not wait for long.
pub const MAX_BATCH_TRANSACTIONS: usize = 256;

/// Most transactions that may wait for the writer; one more is told [`Busy`](crate::TransactError::Busy).
///
/// At 5,000 transactions a second a full queue is a fifth of a second of work: longer than that a caller should hear *no*
/// and decide for itself.
pub const MAX_QUEUED_TRANSACTIONS: usize = 1024;

/// Memory that sled may use for its page cache unless [`Options`](crate::Options) say otherwise, in bytes.
///
/// sled treats it as a wish, not a bound; 16 MiB keeps 100,000 records of a gate far under its 150 MB.
pub const DEFAULT_CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// Free space below which no further fact is taken, unless [`Options`](crate::Options) say otherwise, in bytes.
///
/// sled writes lazily and takes a full disk for a broken one. What is left here lets it write what it already holds, so a
/// full disk costs new facts and neither the readers nor the clean stop.
pub const DEFAULT_RESERVE_BYTES: u64 = 8 * 1024 * 1024;

/// Facts between two remembered places of the log: reading from any position skips at most this many frames.
pub(crate) const FACTS_PER_CHECKPOINT: u64 = 256;

/// Most index changes that a rebuild holds in memory before it hands them to sled.
pub(crate) const REBUILD_CHANGES: usize = 1024;

/// Read buffer for the log, in bytes.
pub(crate) const READ_BUFFER_BYTES: usize = 128 * 1024;

/// How often sled writes out what it holds, in milliseconds: lazily, for nothing depends on it.
pub(crate) const INDEX_FLUSH_INTERVAL_MS: u64 = 1_000;
