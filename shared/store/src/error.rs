//! What can go wrong, and whose fault it is.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::frame::FrameFault;
use crate::position::Position;
use crate::projection::ProjectError;

/// Why the store did not do what was asked.
///
/// It can be cloned because one failed batch is the answer to many callers.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no store in the folder and the options do not allow to make one.
    #[error("no store in {}", folder.display())]
    Missing {
        /// The folder that was asked for.
        folder: PathBuf,
    },
    /// The folder has an index but no log: the truth is gone, and an empty log in its place would be a lie.
    #[error("{} has an index but no facts log", folder.display())]
    LogMissing {
        /// The folder that was asked for.
        folder: PathBuf,
    },
    /// An import was aimed at a folder that already holds a store.
    #[error("{} already holds a store", folder.display())]
    NotFresh {
        /// The folder that was asked for.
        folder: PathBuf,
    },
    /// Another process, or another handle in this one, has the folder open.
    #[error("{} is in use by another process", folder.display())]
    InUse {
        /// The folder that was asked for.
        folder: PathBuf,
    },
    /// The file does not begin as a facts log does, or its header is damaged or cut short.
    #[error("the file is not a facts log")]
    NotALog,
    /// The log was written by another version of the format.
    #[error("facts log of format {found}, this program reads format {expected}")]
    OtherFormat {
        /// The version in the file.
        found: u32,
        /// The version that this program writes.
        expected: u32,
    },
    /// The log belongs to another store, for example to another event or gate.
    #[error("the facts log belongs to another store")]
    OtherIdentity,
    /// A fact that was durable is no longer what it was. Nothing is cut and nothing is served.
    #[error("facts log damaged at byte {offset}, fact {position}: {fault}")]
    Damaged {
        /// Where the bad frame begins in the file.
        offset: u64,
        /// The fact that should stand there.
        position: Position,
        /// What is wrong with it.
        fault: FrameFault,
    },
    /// An export ends before its trailer, or its trailer does not fit the facts before it.
    #[error("the export is incomplete")]
    IncompleteExport,
    /// The disk is full. Nothing of the batch was kept; the store goes on and may be asked again.
    #[error("disk full")]
    DiskFull,
    /// Reading or writing failed. After a failed write or sync this is final: see the crate's documentation.
    #[error("storage failed while {doing}")]
    Storage {
        /// What the store was doing.
        doing: &'static str,
        /// What the operating system said.
        #[source]
        source: Arc<io::Error>,
    },
    /// The index could not be opened, read or written, not even after a rebuild.
    #[error("index failed while {doing}")]
    Index {
        /// What the store was doing.
        doing: &'static str,
        /// What the engine said; `None` when it panicked.
        #[source]
        source: Option<Arc<dyn std::error::Error + Send + Sync>>,
    },
    /// The projection refused a fact: the caller's fault when it is new, a wrong program version when it is in the log.
    #[error("fact {position} cannot be projected")]
    Projection {
        /// Where the fact stands or would stand.
        position: Position,
        /// What the projection said.
        #[source]
        source: Arc<ProjectError>,
    },
    /// A fact is longer than [`MAX_FACT_BYTES`](crate::MAX_FACT_BYTES).
    #[error("fact of {bytes} bytes is too long")]
    FactTooLong {
        /// Its length.
        bytes: usize,
    },
    /// The facts of one transaction exceed [`MAX_TRANSACTION_BYTES`](crate::MAX_TRANSACTION_BYTES).
    #[error("transaction is too large")]
    TransactionTooLarge,
    /// The decision or the projection panicked. Nothing of that transaction was kept; the store goes on.
    #[error("the transaction panicked")]
    Panicked,
    /// The writer thread ended on a panic: a bug. The store refuses everything.
    #[error("the writer ended unexpectedly")]
    WriterGone,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// True when the same call may succeed later on the same handle.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::DiskFull)
    }

    /// Names what was being done when the operating system refused, and tells a full disk apart.
    pub(crate) fn io(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| {
            if is_disk_full(&source) { Self::DiskFull } else { Self::Storage { doing, source: Arc::new(source) } }
        }
    }

    /// The same without telling a full disk apart: for failures after which nothing is known any more.
    pub(crate) fn fatal_io(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Storage { doing, source: Arc::new(source) }
    }
}

/// True for "no space" and for "over quota": both end when someone makes room.
pub(crate) fn is_disk_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Why a transaction has no [`Stored`](crate::Stored) value.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TransactError<E> {
    /// The decision said no. Nothing was appended.
    #[error("the decision was to refuse")]
    Rejected(E),
    /// The store could not keep the facts. After [`StoreError::DiskFull`] and after the errors that name the caller's fault nothing
    /// was kept; after [`StoreError::Storage`] and [`StoreError::Index`] the facts may or may not be found at the next open.
    #[error("the store failed")]
    Store(#[source] StoreError),
    /// The store was closed before the transaction ran. Nothing was kept.
    #[error("the store is closed")]
    Closed,
    /// [`MAX_QUEUED_TRANSACTIONS`](crate::MAX_QUEUED_TRANSACTIONS) wait already. The decision did not run; try later.
    #[error("too many transactions wait")]
    Busy,
}

/// Tells an input that ends too early apart from one that cannot be read.
pub(crate) fn ends_early(early: StoreError, doing: &'static str) -> impl FnOnce(io::Error) -> StoreError {
    move |error| {
        if error.kind() == io::ErrorKind::UnexpectedEof { early } else { StoreError::io(doing)(error) }
    }
}
