//! Why the store did not do what was asked: the rules, or the disk.

use kido_shared::feed::FeedError;
use kido_shared::ids::{Epoch, EventId};
use kido_store::TransactError;
use kido_store::private_file::PrivateFileError;
use tokio::task::JoinError;

use crate::keyring::KeyringError;

/// An answer that is no: either the rules refuse it (`R` says why, and whose fault), or it could not be stored.
#[derive(Debug, thiserror::Error)]
pub enum Failed<R: std::error::Error + 'static> {
    /// The rules refuse it. Nothing was changed.
    #[error("refused")]
    Refused(#[source] R),
    /// It could not be read or stored.
    #[error("not stored")]
    Storage(#[source] StorageError),
}

/// Why something could not be read or stored. Never the caller's fault, but for [`Self::UnknownEvent`].
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// No such event here.
    #[error("no event {0} here")]
    UnknownEvent(EventId),
    /// The event was deleted after its retention date.
    #[error("event {0} was deleted after its retention date")]
    Forgotten(EventId),
    /// The event's folder is there, but its store did not open; see the log of the start. Other events are served.
    #[error("{0} is not served: its store did not open")]
    NotServed(EventId),
    /// This registrar was restored from a backup and gets the event back from its gates; it goes on by itself.
    #[error(
        "{event} is got back from its gates after a restore: record {length} of epoch {epoch} is here, a later one is \
        missing, or what was let in since; it goes on by itself"
    )]
    Recovering {
        /// Which event.
        event: EventId,
        /// The generation of its feed.
        epoch: Epoch,
        /// Records that are here.
        length: u64,
    },
    /// A step of getting an event back was cut off by a bug. What was stored is safe; the next start goes on from there.
    #[error("getting {0} back was cut off by a fault: restart the registrar, and it goes on")]
    CutOff(EventId),
    /// The disk is full. Nothing was kept; asking again later may succeed.
    #[error("the disk is full")]
    DiskFull,
    /// Too much waits to be stored. Nothing was kept; asking again in a second may succeed.
    #[error("too much waits to be stored")]
    Busy,
    /// The store is being closed. Nothing was kept.
    #[error("the registrar is stopping")]
    Stopping,
    /// The store failed. What it acknowledged before is safe; whether this was kept is known after the next start.
    #[error("the store failed")]
    Failed(#[source] kido_store::StoreError),
    /// An entry of the index is not what this program writes: a bug, or another version's index.
    #[error("an index entry cannot be read: {0}")]
    Entry(&'static str),
    /// A feed record could not be made: a bug.
    #[error("a feed record could not be made")]
    Feed(#[source] FeedError),
    /// The keyring failed: its files, or an event key that does not open.
    #[error("the keyring failed")]
    Keyring(#[source] KeyringError),
    /// A deleted event's folder is still there, or a part of it. Asking again, or the next start, goes on with it.
    #[error("the event's folder could not be removed")]
    Removing(#[source] PrivateFileError),
    /// A thread that should compute an answer ended without one: a bug.
    #[error("a computation ended without an answer")]
    Computation(#[source] JoinError),
}

impl From<kido_store::StoreError> for StorageError {
    fn from(error: kido_store::StoreError) -> Self {
        if error.is_passing() { Self::DiskFull } else { Self::Failed(error) }
    }
}

impl From<KeyringError> for StorageError {
    fn from(error: KeyringError) -> Self {
        Self::Keyring(error)
    }
}

impl From<FeedError> for StorageError {
    fn from(error: FeedError) -> Self {
        Self::Feed(error)
    }
}

impl<R: std::error::Error + 'static> From<StorageError> for Failed<R> {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl<R: std::error::Error + 'static> From<kido_store::StoreError> for Failed<R> {
    fn from(error: kido_store::StoreError) -> Self {
        Self::Storage(error.into())
    }
}

impl<R: std::error::Error + 'static> From<TransactError<Self>> for Failed<R> {
    fn from(error: TransactError<Self>) -> Self {
        match error {
            TransactError::Rejected(failed) => failed,
            TransactError::Store(error) => error.into(),
            TransactError::Closed => Self::Storage(StorageError::Stopping),
            TransactError::Busy => Self::Storage(StorageError::Busy),
        }
    }
}
