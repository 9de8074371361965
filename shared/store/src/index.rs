//! The index in sled: fast look-up of what the log says, thrown away and built again whenever it is in doubt.
//!
//! **Invariant:** only this file and [`engine`] name the engine. Nothing of it shows outside, and a panic of it stays inside.
//!
//! Every batch carries, in one atomic write, the changed entries *and* the [`IndexState`] they lead to: how far the log has been
//! entered and a digest over all entries. The engine can lose its newest writes, come back empty or lose its middle without
//! saying so; each of these leaves a state that does not fit the entries or the log.

pub(crate) mod changes;
pub(crate) mod digest;
pub(crate) mod engine;
pub(crate) mod state;

use std::fmt;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use crate::error::StoreError;
use crate::folder::FolderLock;
use crate::held::HeldEntries;
use crate::index::changes::Changed;
use crate::index::digest::Digest;
use crate::index::engine::Engine;
use crate::index::state::IndexState;
use crate::limits::INDEX_FLUSH_INTERVAL_MS;
use crate::position::LogHead;

/// Key of the state. Entries of the projection begin with [`ENTRY`], so the two never meet.
const STATE_KEY: &[u8] = b"s";
/// First byte of each entry's key.
const ENTRY: u8 = b'e';

/// The open index.
///
/// It keeps the folder locked for as long as anyone reads, for sled still writes when its last handle goes.
pub(crate) struct Index {
    engine: Engine,
    _lock: Option<Arc<FolderLock>>,
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Index(..)")
    }
}

impl Index {
    /// Opens or creates the index in `folder`.
    pub(crate) fn open(folder: &Path, cache_bytes: u64, lock: &Arc<FolderLock>) -> Result<Self, StoreError> {
        contained("opening the index", || {
            let config = sled::Config::new()
                .path(folder)
                .cache_capacity(cache_bytes)
                .flush_every_ms(Some(INDEX_FLUSH_INTERVAL_MS))
                .mode(sled::Mode::LowSpace);
            config.open().map(|db| Self { engine: Engine::Sled(db), _lock: Some(Arc::clone(lock)) })
        })
    }

    /// The index over entries in memory.
    pub(crate) const fn held(entries: HeldEntries) -> Self {
        Self { engine: Engine::Held(entries), _lock: None }
    }

    /// What the index says of itself; `None` when it is new, empty or not understood.
    pub(crate) fn state(&self) -> Result<Option<IndexState>, StoreError> {
        let bytes = contained("reading the index", || self.engine.get(STATE_KEY))?;
        Ok(bytes.and_then(|bytes| IndexState::decode(&bytes)))
    }

    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        contained("reading the index", || self.engine.get(&entry_key(key)))
    }

    /// Entries with this prefix in the order of their keys, those after `after` only.
    pub(crate) fn entries(&self, prefix: &[u8], after: Option<&[u8]>) -> Entries {
        let prefix = entry_key(prefix);
        let after = after.map(entry_key).filter(|after| *after >= prefix);
        let lower = after.map_or_else(|| Bound::Included(prefix.clone()), Bound::Excluded);
        Entries { stored: self.engine.from(lower), prefix, done: false }
    }

    /// Enters the changes that lead from `before` to `head`, all or none, and returns the state after them.
    pub(crate) fn apply(&self, before: &IndexState, changes: Changed, head: LogHead) -> Result<IndexState, StoreError> {
        let mut digest = before.digest;
        let mut writes = Vec::with_capacity(changes.len().saturating_add(1));
        for (key, value) in changes {
            if let Some(old) = self.get(&key)? {
                digest.remove(&key, &old);
            }
            if let Some(value) = &value {
                digest.add(&key, value);
            }
            writes.push((entry_key(&key), value));
        }
        let after = IndexState { head, digest, ..*before };
        writes.push((STATE_KEY.to_vec(), Some(after.encode())));
        contained("writing the index", || self.engine.apply(writes))?;
        Ok(after)
    }

    /// The digest of the entries as they are, by reading all of them.
    pub(crate) fn digest(&self) -> Result<Digest, StoreError> {
        let mut digest = Digest::default();
        for entry in self.entries(&[], None) {
            let (key, value) = entry?;
            digest.add(&key, &value);
        }
        Ok(digest)
    }

    /// Hands everything to the operating system. Not durable by itself: the caller syncs the files afterwards.
    pub(crate) fn flush(&self) -> Result<(), StoreError> {
        contained("flushing the index", || self.engine.flush())
    }
}

/// Entries in the order of their keys.
pub(crate) struct Entries {
    stored: engine::Entries,
    prefix: Vec<u8>,
    done: bool,
}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entries(..)")
    }
}

impl Iterator for Entries {
    type Item = Result<(Vec<u8>, Vec<u8>), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let entry = contained("reading the index", || self.stored.next());
        let found = match entry {
            Ok(Some((key, value))) if key.starts_with(&self.prefix) => {
                key.split_first().map(|(_, key)| Ok((key.to_vec(), value.to_vec())))
            }
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        };
        self.done = !matches!(found, Some(Ok(_)));
        found
    }
}

fn entry_key(key: &[u8]) -> Vec<u8> {
    let mut entry = Vec::with_capacity(key.len().saturating_add(1));
    entry.push(ENTRY);
    entry.extend_from_slice(key);
    entry
}

/// Runs one call of the engine and keeps its errors and its panics from spreading.
fn contained<T>(doing: &'static str, call: impl FnOnce() -> sled::Result<T>) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(StoreError::Index { doing, source: Some(Arc::new(error)) }),
        Err(_panic) => Err(StoreError::Index { doing, source: None }),
    }
}
