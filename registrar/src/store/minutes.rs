//! Entries by minute and gate: what a plot of the evening is drawn from.

use core::ops::Range;
use std::collections::BTreeMap;

use kido_shared::ids::{EventId, GateId};

use super::error::StorageError;
use super::{Store, keys, reading};

/// How many came in through one gate within one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntriesOfMinute {
    /// Minutes since 1970, by the gate's clock.
    pub minute: i64,
    /// Where.
    pub gate: GateId,
    /// How many.
    pub count: u32,
}

impl Store {
    /// Entries of some minutes, oldest first. Bounded at both ends: a gate may say that it admitted in a year to come.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn entries_in(&self, event: EventId, minutes: Range<i64>) -> Result<Vec<EntriesOfMinute>, StorageError> {
        let live = self.live(event)?;
        let mut entries = Vec::new();
        for entry in live.facts.scan_prefix_after(keys::MINUTES, &keys::before_minute(minutes.start))? {
            let (key, value) = entry?;
            let (minute, gate) = keys::minute_of(&key).ok_or(StorageError::Entry("a minute"))?;
            if minute >= minutes.end {
                break;
            }
            let count = reading::decode(&value, "entries of a minute")?;
            entries.push(EntriesOfMinute { minute, gate, count });
        }
        Ok(entries)
    }

    /// All entries of the event by gate.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn entries_by_gate(&self, event: EventId) -> Result<BTreeMap<GateId, u64>, StorageError> {
        let live = self.live(event)?;
        let mut entries = BTreeMap::new();
        for entry in live.facts.scan_prefix(keys::ENTRIES_OF_GATES)? {
            let (key, value) = entry?;
            let gate = keys::gate_of(&key).ok_or(StorageError::Entry("a gate's id"))?;
            entries.insert(gate, reading::decode(&value, "entries of a gate")?);
        }
        Ok(entries)
    }
}
