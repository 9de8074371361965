//! One record per ticket, changed by compare-and-set alone and never deleted.
//!
//! Three homes of records keep the same promise, and pass the same [`contract`]: [`StoredRecords`] on this box's disk,
//! [`EtcdRecords`] on several boxes, [`HeldRecords`] in memory for tests and simulations.

pub mod contract;
pub mod etcd;
mod held;
mod stored;

use std::io;
use std::sync::Arc;

use kido_shared::claim::TicketClaims;
use kido_store::StoreError;

pub use etcd::EtcdRecords;
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

/// Who writes these records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// This box and no other: reading one costs nothing.
    Alone,
    /// Several boxes: reading one costs a round between them.
    Shared,
}

impl Sharing {
    /// What a box was enrolled for.
    #[must_use]
    pub const fn enrolled(shared: bool) -> Self {
        if shared { Self::Shared } else { Self::Alone }
    }
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
    /// Too few of the boxes that share the records are up, or they do not reach each other.
    #[error("no member of the etcd answered in time")]
    Silent,
    /// The records' database is full by its own quota; what stands there stays true, and can be read.
    #[error("the etcd's quota alarm is raised: it writes nothing until it was compacted, defragmented and disarmed")]
    QuotaAlarm,
    /// The etcd is there and does not do what was asked: a certificate or a right, in practice.
    #[error("the etcd refused with {status}")]
    Refused {
        /// The HTTP status.
        status: u16,
    },
    /// The etcd does not hold the history that this box has decided on.
    #[error("this etcd does not hold this event's records: it was emptied, restored without them, or is another one")]
    OtherHistory,
}

/// A home of records.
///
/// After an error a write may or may not have been made: asking the same step again finds out, since a record knows
/// whose admission it holds.
pub trait ClaimRecords: Send + Sync + 'static {
    /// Who writes them besides this box.
    const SHARING: Sharing = Sharing::Alone;

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
