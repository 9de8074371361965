//! What the card was asked, for ever: the judge of *only these commands*.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

/// Entries kept; older ones go, the totals stay. Enough for every test, and no memory that grows with a load run.
pub const ENTRIES_MAX: usize = 20_000;
/// Power cycles whose totals are kept.
pub const POWER_CYCLES_MAX: usize = 10_000;

/// One command and how it was answered. Never its data (but a SELECT's identifier), never the answer's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// Counts from 1 over the whole life of the card.
    pub number: u64,
    /// Which time under power, from 1.
    pub power_cycle: u64,
    /// Header, Lc and Le in hex: `00 20 00 98 04 ..`.
    pub command: String,
    /// Bytes of the command.
    pub bytes_in: usize,
    /// Bytes of the answer with its status word; 0 when there was none.
    pub bytes_out: usize,
    /// The status word in hex; none when the card was gone or silent.
    pub status: Option<String>,
}

/// Sums, of one power cycle or of the whole life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Commands received.
    pub commands: u64,
    /// Bytes of all commands.
    pub bytes_in: u64,
    /// Bytes of all answers.
    pub bytes_out: u64,
}

impl Totals {
    /// Bytes both ways.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes_in + self.bytes_out
    }

    fn add(&mut self, entry: &LogEntry) {
        self.commands += 1;
        self.bytes_in += u64::try_from(entry.bytes_in).unwrap_or(u64::MAX);
        self.bytes_out += u64::try_from(entry.bytes_out).unwrap_or(u64::MAX);
    }
}

/// The log of one card.
#[derive(Debug, Clone, Default)]
pub struct Log {
    entries: VecDeque<LogEntry>,
    distinct: BTreeSet<String>,
    total: Totals,
    cycles: BTreeMap<u64, Totals>,
}

impl Log {
    pub(super) fn push(&mut self, power_cycle: u64, command: String, bytes_in: usize, answer: &[u8]) {
        let status = answer.last_chunk::<2>().map(|[sw1, sw2]| format!("{sw1:02X}{sw2:02X}"));
        self.distinct.insert(command.clone());
        let number = self.total.commands + 1;
        let entry = LogEntry { number, power_cycle, command, bytes_in, bytes_out: answer.len(), status };
        self.total.add(&entry);
        self.cycles.entry(power_cycle).or_default().add(&entry);
        if self.cycles.len() > POWER_CYCLES_MAX {
            self.cycles.pop_first();
        }
        if self.entries.len() == ENTRIES_MAX {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }

    /// The commands, oldest first (the last [`ENTRIES_MAX`]).
    pub fn entries(&self) -> impl Iterator<Item = &LogEntry> {
        self.entries.iter()
    }

    /// Every command that differs from the others, over the whole life.
    pub fn distinct_commands(&self) -> impl Iterator<Item = &str> {
        self.distinct.iter().map(String::as_str)
    }

    /// Sums over the whole life.
    #[must_use]
    pub const fn total(&self) -> Totals {
        self.total
    }

    /// Sums per power cycle in which a command came (the last [`POWER_CYCLES_MAX`]).
    pub fn power_cycles(&self) -> impl Iterator<Item = (u64, Totals)> {
        self.cycles.iter().map(|(cycle, totals)| (*cycle, *totals))
    }
}
