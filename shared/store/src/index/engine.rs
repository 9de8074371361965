//! Where entries lie: in sled, or in memory for simulations.

use std::ops::Bound;

use crate::held::HeldEntries;

/// One change of an entry; `None` removes it.
pub(crate) type Write = (Vec<u8>, Option<Vec<u8>>);

/// An open home of entries.
pub(crate) enum Engine {
    Sled(sled::Db),
    Held(HeldEntries),
}

impl Engine {
    pub(crate) fn get(&self, key: &[u8]) -> sled::Result<Option<Vec<u8>>> {
        match self {
            Self::Sled(db) => Ok(db.get(key)?.map(|value| value.to_vec())),
            Self::Held(held) => Ok(held.get(key)),
        }
    }

    /// Entries from this bound on, in the order of their keys, read as the iterator moves.
    pub(crate) fn from(&self, lower: Bound<Vec<u8>>) -> Entries {
        match self {
            Self::Sled(db) => Entries::Sled(Box::new(db.range::<Vec<u8>, _>((lower, Bound::Unbounded)))),
            Self::Held(held) => Entries::Held(held.clone(), lower),
        }
    }

    /// Enters all of them or none.
    pub(crate) fn apply(&self, writes: Vec<Write>) -> sled::Result<()> {
        match self {
            Self::Sled(db) => {
                let mut batch = sled::Batch::default();
                for (key, value) in writes {
                    match value {
                        Some(value) => batch.insert(key, value),
                        None => batch.remove(key),
                    }
                }
                db.apply_batch(batch)
            }
            Self::Held(held) => {
                held.apply(writes);
                Ok(())
            }
        }
    }

    pub(crate) fn flush(&self) -> sled::Result<()> {
        match self {
            Self::Sled(db) => db.flush().map(|_bytes| ()),
            Self::Held(_) => Ok(()),
        }
    }
}

/// Entries of one home.
pub(crate) enum Entries {
    Sled(Box<sled::Iter>),
    Held(HeldEntries, Bound<Vec<u8>>),
}

impl Entries {
    pub(crate) fn next(&mut self) -> sled::Result<Option<(Vec<u8>, Vec<u8>)>> {
        match self {
            Self::Sled(stored) => {
                let entry = stored.next().transpose()?;
                Ok(entry.map(|(key, value)| (key.to_vec(), value.to_vec())))
            }
            Self::Held(held, lower) => {
                let entry = held.first_from(lower);
                if let Some((key, _)) = &entry {
                    *lower = Bound::Excluded(key.clone());
                }
                Ok(entry)
            }
        }
    }
}
