//! How long syncing takes, counted over all logs of the process: the first thing that a failing disk shows.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;

/// Upper bounds of what is told apart, in microseconds: from a disk with a capacitor to one that is dying.
const BOUNDS_US: [u64; 12] = [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 500_000, 2_000_000];

/// Counts for each bound and for what took longer. Statistics of the process, not of one store: nothing is decided by it.
static COUNTS: [AtomicU64; BOUNDS_US.len() + 1] = [const { AtomicU64::new(0) }; BOUNDS_US.len() + 1];

/// All of them together, in microseconds.
static SUM_US: AtomicU64 = AtomicU64::new(0);

/// Once more, this long.
pub(crate) fn note(took: Duration) {
    let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let place = BOUNDS_US.iter().position(|bound| took <= *bound).unwrap_or(BOUNDS_US.len());
    if let Some(count) = COUNTS.get(place) {
        count.fetch_add(1, Ordering::Relaxed);
        SUM_US.fetch_add(took, Ordering::Relaxed);
    }
}

/// How long syncs of this process have taken so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyncTimes {
    counts: [u64; BOUNDS_US.len() + 1],
    sum_us: u64,
}

/// How long syncs of this process have taken so far, over all its stores.
#[must_use]
pub fn sync_times() -> SyncTimes {
    let sum_us = SUM_US.load(Ordering::Relaxed);
    SyncTimes { counts: COUNTS.each_ref().map(|count| count.load(Ordering::Relaxed)), sum_us }
}

impl SyncTimes {
    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// How long all of them took, in seconds.
    #[must_use]
    pub const fn seconds(&self) -> f64 {
        Duration::from_micros(self.sum_us).as_secs_f64()
    }

    /// How many took up to each bound and longer than the one before it, in seconds; the last bound is infinite.
    #[must_use]
    pub fn buckets(&self) -> Vec<(f64, u64)> {
        let bounds = BOUNDS_US.iter().map(|bound| Duration::from_micros(*bound).as_secs_f64());
        bounds.chain([f64::INFINITY]).zip(self.counts).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sync_is_counted_under_the_first_bound_that_it_kept() {
        let before = sync_times();
        note(Duration::from_micros(100));
        note(Duration::from_micros(101));
        note(Duration::from_secs(3));
        let after = sync_times();
        // Other tests of this process sync, too: at least these three are new.
        assert!(after.count() >= before.count() + 3);
        assert!(after.seconds() >= before.seconds() + 3.0);
        let more = |place: usize| after.counts[place] - before.counts[place];
        assert!(more(0) >= 1 && more(1) >= 1 && more(BOUNDS_US.len()) >= 1);
        assert_eq!(after.buckets().last().map(|(bound, _count)| *bound), Some(f64::INFINITY));
    }
}
