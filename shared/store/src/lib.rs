#![doc = include_str!("../README.md")]

mod clean;
pub mod core_dumps;
mod error;
mod export;
mod folder;
mod frame;
mod held;
mod index;
mod limits;
mod log;
pub mod new_file;
mod options;
mod pending;
mod position;
pub mod private_file;
mod projection;
mod rebuild;
mod store;
mod sync_times;
mod transaction;
mod writer;

pub use error::{StoreError, TransactError};
pub use export::{import, verify_export};
pub use folder::FolderLock;
pub use frame::FrameFault;
pub use held::{HeldFolder, IndexLoss};
pub use index::changes::{IndexChanges, Scan};
pub use limits::{
    DEFAULT_CACHE_BYTES, DEFAULT_RESERVE_BYTES, MAX_BATCH_BYTES, MAX_BATCH_TRANSACTIONS, MAX_FACT_BYTES,
    MAX_QUEUED_TRANSACTIONS, MAX_TRANSACTION_BYTES,
};
pub use log::{Facts, follow_log};
pub use options::{Opened, Options};
pub use pending::{Pending, Stored};
pub use position::{ChainHash, LogHead, LogOffset, Position, StoreIdentity};
pub use projection::{Project, ProjectError};
pub use rebuild::{IndexOpened, RebuildReason};
pub use store::Store;
pub use sync_times::{SyncTimes, sync_times};
pub use transaction::Transaction;
