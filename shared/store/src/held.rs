//! A store's folder in memory, for simulations: thousands of stores a second, and a plug that can be pulled at any write.
//!
//! Log, chain, projection, verification, catching up and rebuilding are those of a folder on a disk. What differs is where
//! the bytes lie, and that decisions run on the caller's thread: every answer is there when
//! [`Store::transact`](crate::Store::transact) returns.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Bound;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{MemfdFlags, memfd_create};

use crate::error::StoreError;
use crate::index::engine::Write;

/// What is left of an index after a power cut, where the engine has not kept all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexLoss {
    /// It came back empty.
    Everything,
    /// One entry is missing; its place among all entries, counted round.
    OneEntry(usize),
}

/// A folder in memory. Clones are the same folder; a [`copy`](Self::copy) is a backup of it.
#[derive(Debug, Clone, Default)]
pub struct HeldFolder(Arc<Mutex<Contents>>);

#[derive(Debug, Default)]
struct Contents {
    log: Option<Arc<File>>,
    entries: HeldEntries,
    /// How many bytes of the next write the disk takes before the power goes.
    cut_after: Option<usize>,
}

impl HeldFolder {
    /// An empty folder.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A folder with the bytes of a log, and no index.
    ///
    /// # Errors
    /// [`StoreError::Storage`] where there is no memory for it.
    pub fn of_log(bytes: &[u8]) -> Result<Self, StoreError> {
        let held = Self::new();
        held.install(bytes)?;
        Ok(held)
    }

    /// The folder as it is now, log and index: what a backup holds.
    ///
    /// # Errors
    /// [`StoreError::Storage`] where there is no memory for it.
    pub fn copy(&self) -> Result<Self, StoreError> {
        let (log, entries) = self.with(|contents| (contents.log.clone(), contents.entries.copy()));
        let copy = Self::new();
        if let Some(log) = log {
            let bytes = read(&log).map_err(StoreError::fatal_io("copying a log"))?;
            copy.install(&bytes)?;
        }
        copy.with(|contents| contents.entries = entries);
        Ok(copy)
    }

    /// The index of another copy in the place of this one's: the engine has lost its newest writes.
    pub fn take_index_of(&self, older: &Self) {
        let entries = older.with(|contents| contents.entries.copy());
        self.with(|contents| contents.entries = entries);
    }

    /// Loses entries of the index, as an engine does that was not asked to sync.
    pub fn lose_index(&self, loss: IndexLoss) {
        self.with(|contents| contents.entries.lose(loss));
    }

    /// Lets the power go at the next write, after so many bytes of it: with all of them written, before anybody is told.
    ///
    /// The open store refuses everything from there on. The next open finds the power back.
    pub fn cut_power_at_next_write(&self, bytes: usize) {
        self.with(|contents| contents.cut_after = Some(bytes));
    }

    /// Whether a cut that was asked for has not come yet.
    #[must_use]
    pub fn awaits_cut(&self) -> bool {
        self.with(|contents| contents.cut_after.is_some())
    }

    /// Takes a cut back that has not come yet.
    pub fn keep_power(&self) {
        self.with(|contents| contents.cut_after = None);
    }

    pub(crate) fn take_cut(&self) -> Option<usize> {
        self.with(|contents| contents.cut_after.take())
    }

    pub(crate) fn log(&self) -> Option<Arc<File>> {
        self.with(|contents| contents.log.clone())
    }

    pub(crate) fn entries(&self) -> HeldEntries {
        self.with(|contents| contents.entries.clone())
    }

    pub(crate) fn clear_entries(&self) {
        self.with(|contents| contents.entries = HeldEntries::default());
    }

    /// Puts a log with these bytes into the folder.
    pub(crate) fn install(&self, bytes: &[u8]) -> Result<(), StoreError> {
        let file = memfd_create("kido-facts", MemfdFlags::CLOEXEC)
            .map_err(|error| StoreError::fatal_io("making a log in memory")(error.into()))?;
        let file = File::from(file);
        file.write_all_at(bytes, 0).map_err(StoreError::fatal_io("making a log in memory"))?;
        self.with(|contents| contents.log = Some(Arc::new(file)));
        Ok(())
    }

    fn with<T>(&self, view: impl FnOnce(&mut Contents) -> T) -> T {
        view(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn read(file: &File) -> io::Result<Vec<u8>> {
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

/// The entries of an index in memory. Clones are the same entries.
#[derive(Debug, Clone, Default)]
pub(crate) struct HeldEntries(Arc<Mutex<BTreeMap<Vec<u8>, Vec<u8>>>>);

impl HeldEntries {
    pub(crate) fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.with(|entries| entries.get(key).cloned())
    }

    pub(crate) fn first_from(&self, lower: &Bound<Vec<u8>>) -> Option<(Vec<u8>, Vec<u8>)> {
        let lower = match lower {
            Bound::Included(key) => Bound::Included(key.as_slice()),
            Bound::Excluded(key) => Bound::Excluded(key.as_slice()),
            Bound::Unbounded => Bound::Unbounded,
        };
        self.with(|entries| {
            let first = entries.range::<[u8], _>((lower, Bound::Unbounded)).next();
            first.map(|(key, value)| (key.clone(), value.clone()))
        })
    }

    pub(crate) fn apply(&self, writes: Vec<Write>) {
        self.with(|entries| {
            for (key, value) in writes {
                match value {
                    Some(value) => drop(entries.insert(key, value)),
                    None => drop(entries.remove(&key)),
                }
            }
        });
    }

    fn copy(&self) -> Self {
        Self(Arc::new(Mutex::new(self.with(|entries| entries.clone()))))
    }

    fn lose(&self, loss: IndexLoss) {
        self.with(|entries| match loss {
            IndexLoss::Everything => entries.clear(),
            IndexLoss::OneEntry(place) => {
                let place = place.checked_rem(entries.len()).unwrap_or_default();
                if let Some(key) = entries.keys().nth(place).cloned() {
                    entries.remove(&key);
                }
            }
        });
    }

    fn with<T>(&self, view: impl FnOnce(&mut BTreeMap<Vec<u8>, Vec<u8>>) -> T) -> T {
        view(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
