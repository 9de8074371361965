//! Why the journal did not do what was asked.

use kido_store::{StoreError, TransactError};

use super::ENTRIES_PER_TAP_MAX;

/// Why the journal did not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JournalError {
    /// The disk is full. Nothing was kept, and it may be asked again once there is room.
    #[error("the disk is full")]
    DiskFull,
    /// The store failed: the disk's fault, and after most failures final for this process.
    #[error("the journal's store failed")]
    Store(#[source] StoreError),
    /// More waits to be stored than a gate ever stores.
    #[error("too much waits to be stored")]
    Busy,
    /// The intent behind an admission was withdrawn, declined or never stored: it becomes no admission.
    #[error("the intent behind this admission is gone")]
    IntentGone,
    /// The admission that is to be noted as opened or annulled is not in this journal.
    #[error("no such admission in this journal")]
    NoSuchAdmission,
    /// More tickets than one tap may bring.
    #[error("one tap stores at most {ENTRIES_PER_TAP_MAX} entries")]
    TooManyEntries,
    /// A stored entry does not read back: another program wrote it.
    #[error("an entry of the journal's index is not readable")]
    Unreadable,
}

impl JournalError {
    /// Whether this process can never again store anything: a new one reads what the disk really holds.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Store(_))
    }
}

impl From<StoreError> for JournalError {
    fn from(error: StoreError) -> Self {
        if error.is_passing() { Self::DiskFull } else { Self::Store(error) }
    }
}

impl From<TransactError<Self>> for JournalError {
    fn from(error: TransactError<Self>) -> Self {
        match error {
            TransactError::Rejected(refused) => refused,
            TransactError::Store(store) => store.into(),
            TransactError::Closed => Self::Store(StoreError::Closed),
            TransactError::Busy => Self::Busy,
        }
    }
}
