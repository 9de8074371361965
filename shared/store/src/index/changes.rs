//! The index as it would be: what is stored, with changes laid over it.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::sync::Arc;

use crate::error::StoreError;
use crate::index::{Entries, Index};
use crate::log::LogView;
use crate::position::LogOffset;

/// Changed entries; `None` stands for a removed one.
pub(crate) type Changed = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// The index while one fact is entered: reads see all changes made so far, writes are kept until the batch is durable.
#[derive(Debug)]
pub struct IndexChanges<'a> {
    index: &'a Arc<Index>,
    batch: &'a Changed,
    own: &'a mut Changed,
    fact_at: LogOffset,
    log: LogView<'a>,
}

impl<'a> IndexChanges<'a> {
    /// `own` over `batch` over what is stored; the fact's own bytes begin, or will begin, at `fact_at`.
    pub(crate) const fn new(
        (index, batch): (&'a Arc<Index>, &'a Changed),
        own: &'a mut Changed,
        fact_at: LogOffset,
        log: LogView<'a>,
    ) -> Self {
        Self { index, batch, own, fact_at, log }
    }

    /// Where in the log the first byte of the fact stands: an entry that keeps a place instead of a copy finds the bytes
    /// again with [`Store::read_at`](crate::Store::read_at).
    #[must_use]
    pub const fn fact_at(&self) -> LogOffset {
        self.fact_at
    }

    /// Bytes of the facts before this one, from a place that an entry keeps; this one's are at hand. They come as they are.
    ///
    /// # Errors
    /// [`StoreError::Storage`] where no fact stands there, [`StoreError::FactTooLong`] for more than one can have.
    pub fn read_at(&self, at: LogOffset, length: usize) -> Result<Vec<u8>, StoreError> {
        self.log.read_at(at, length)
    }

    /// The value under this key, changes included.
    ///
    /// # Errors
    /// [`StoreError::Index`] when the engine cannot read.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        get(self.index, &[&*self.own, self.batch], key)
    }

    /// Sets the value under this key. Keep both short: the engine is made for entries below 1 KiB.
    pub fn put(&mut self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.own.insert(key.into(), Some(value.into()));
    }

    /// Removes the entry under this key, if there is one.
    pub fn remove(&mut self, key: impl Into<Vec<u8>>) {
        self.own.insert(key.into(), None);
    }

    /// All entries whose keys begin with `prefix`, in the order of their keys, changes included.
    #[must_use]
    pub fn scan_prefix(&self, prefix: &[u8]) -> Scan {
        scan(self.index, &[self.batch, &*self.own], prefix, None)
    }
}

/// Looks through `layers`, newest first, then into the index.
pub(crate) fn get(index: &Index, layers: &[&Changed], key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
    match layers.iter().find_map(|layer| layer.get(key)) {
        Some(changed) => Ok(changed.clone()),
        None => index.get(key),
    }
}

/// Lays `layers`, oldest first, over the index.
pub(crate) fn scan(index: &Arc<Index>, layers: &[&Changed], prefix: &[u8], after: Option<&[u8]>) -> Scan {
    let mut changed = Changed::new();
    for layer in layers {
        let from_prefix = layer.range(prefix.to_vec()..).take_while(|(key, _)| key.starts_with(prefix));
        let wanted = from_prefix.filter(|(key, _)| after.is_none_or(|after| key.as_slice() > after));
        changed.extend(wanted.map(|(key, value)| (key.clone(), value.clone())));
    }
    Scan {
        stored: index.entries(prefix, after).peekable(),
        changed: changed.into_iter().peekable(),
        _open: Arc::clone(index),
    }
}

/// Entries in the order of their keys, read as the iterator moves.
///
/// Outside a transaction it is no snapshot: a batch that becomes durable meanwhile may show in its later part. While one lives,
/// a close of the store cannot vouch for the index, and the next open reads it through once.
#[derive(Debug)]
pub struct Scan {
    stored: Peekable<Entries>,
    changed: Peekable<std::collections::btree_map::IntoIter<Vec<u8>, Option<Vec<u8>>>>,
    _open: Arc<Index>,
}

/// Which of the two sources holds the smaller key.
enum Turn {
    Stored,
    Changed,
    Both,
}

impl Iterator for Scan {
    type Item = Result<(Vec<u8>, Vec<u8>), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let turn = match (self.stored.peek(), self.changed.peek()) {
                (None, None) => return None,
                (Some(Err(_)), _) | (Some(_), None) => Turn::Stored,
                (None, Some(_)) => Turn::Changed,
                (Some(Ok((stored, _))), Some((changed, _))) => match stored.cmp(changed) {
                    std::cmp::Ordering::Less => Turn::Stored,
                    std::cmp::Ordering::Equal => Turn::Both,
                    std::cmp::Ordering::Greater => Turn::Changed,
                },
            };
            match turn {
                Turn::Stored => return self.stored.next(),
                Turn::Changed => {}
                Turn::Both => drop(self.stored.next()),
            }
            if let Some((key, Some(value))) = self.changed.next() {
                return Some(Ok((key, value)));
            }
        }
    }
}
