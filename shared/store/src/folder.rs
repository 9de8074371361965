//! The folder of one store: who may use it, and what is in it.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

use crate::clean::{CLEAN_FILE, INDEX_FOLDER};
use crate::error::StoreError;
use crate::log::LOG_FILE;

/// Holds a folder for one process until it is dropped or the process dies.
///
/// The lock (`flock`) is on the folder and not on the log, so that it also covers the moment in which the log is created or imported.
/// Every open store has it; whoever destroys a folder takes it first.
#[derive(Debug)]
pub struct FolderLock {
    _folder: File,
}

/// How often a folder in use is tried again. A program that this process is just starting holds every lock of ours from
/// its fork to its exec, a lock that was given up in between included.
const LOCK_TRIES: u32 = 10;

/// How long between two tries: ten forks and more.
const LOCK_PAUSE: Duration = Duration::from_millis(20);

impl FolderLock {
    /// Waits no longer than a program needs to be started.
    ///
    /// # Errors
    /// [`StoreError::InUse`] where another process has it, or this one once more; else what kept it from being looked at.
    pub fn take(folder: &Path) -> Result<Self, StoreError> {
        let file = File::open(folder).map_err(StoreError::fatal_io("opening the store's folder"))?;
        for _try in 0..LOCK_TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _folder: file }),
                Err(TryLockError::WouldBlock) => std::thread::park_timeout(LOCK_PAUSE),
                Err(TryLockError::Error(error)) => {
                    return Err(StoreError::fatal_io("locking the store's folder")(error));
                }
            }
        }
        Err(StoreError::InUse { folder: folder.to_path_buf() })
    }
}

/// What stands in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contents {
    /// Nothing of a store.
    Nothing,
    /// A log, and perhaps an index.
    Log,
    /// Remains of an index, and no log.
    IndexOnly,
}

impl Contents {
    pub(crate) fn of(folder: &Path) -> Self {
        if folder.join(LOG_FILE).exists() {
            Self::Log
        } else if folder.join(INDEX_FOLDER).exists() || folder.join(CLEAN_FILE).exists() {
            Self::IndexOnly
        } else {
            Self::Nothing
        }
    }
}

/// Refuses a folder in which anything of a store stands.
pub(crate) fn require_fresh(folder: &Path) -> Result<(), StoreError> {
    match Contents::of(folder) {
        Contents::Nothing => Ok(()),
        Contents::Log | Contents::IndexOnly => Err(StoreError::NotFresh { folder: folder.to_path_buf() }),
    }
}
