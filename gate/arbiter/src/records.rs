//! One record per ticket, changed by compare-and-set alone and never deleted.
//!
//! Two homes of records keep the same promise: [`StoredRecords`] on this box's disk, [`HeldRecords`] in memory for tests
//! and simulations. A third, on several boxes, has to pass the same [`contract`].

pub mod contract;
mod held;
mod stored;

use std::io;
use std::sync::Arc;

use kido_shared::claim::TicketClaims;
use kido_store::StoreError;

pub use held::HeldRecords;
pub use stored::StoredRecords;

/// The name of a ticket's record: HMAC under the event's `claim` subkey, so that records alone name no ticket.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordName([u8; 32]);

impl std::fmt::Debug for RecordName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecordName(..)")
    }
}

impl RecordName {
    /// The name with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A record as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned {
    /// The record.
    pub claims: TicketClaims,
    /// What the next write compares; another one for each write of this record.
    pub version: u64,
}

/// What became of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Swapped {
    /// It is durable.
    Stored,
    /// Somebody else was faster; nothing was written. What stands there now, or that nothing does.
    Other(Option<Versioned>),
}

/// Why records were not read or written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RecordsError {
    /// The disk is full; what stands there stays true.
    #[error("the disk is full")]
    DiskFull,
    /// More waits to be written than may.
    #[error("too much waits to be written")]
    Busy,
    /// The store failed: the disk's fault.
    #[error("the store of claims failed")]
    Store(#[source] StoreError),
    /// The log's folder could not be exchanged: the disk's fault.
    #[error("the folder of claims could not be exchanged")]
    Folder(#[source] Arc<io::Error>),
    /// A record does not read back: another program wrote it.
    #[error("a record of claims is not readable")]
    Unreadable,
}

/// A home of records.
///
/// After an error a write may or may not have been made: asking the same step again finds out, since a record knows
/// whose admission it holds.
pub trait ClaimRecords: Send + Sync + 'static {
    /// The durable record under that name; nothing where none was ever written.
    ///
    /// # Errors
    /// [`RecordsError`].
    fn get(&self, name: RecordName) -> impl Future<Output = Result<Option<Versioned>, RecordsError>> + Send;

    /// Writes a record where the one that stands there has that version, or where none does. Durable on return.
    ///
    /// # Errors
    /// [`RecordsError`].
    fn compare_and_set(
        &self,
        name: RecordName,
        version: Option<u64>,
        next: TicketClaims,
    ) -> impl Future<Output = Result<Swapped, RecordsError>> + Send;
}
