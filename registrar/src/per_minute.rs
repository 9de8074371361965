//! At most so many within a minute: what keeps strangers and loops off the disk, and off everybody else's back.

use std::collections::BTreeMap;

use kido_shared::clock::Timestamp;

/// One more than may be within this minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooOften;

/// Counts by key within the current minute. It holds no key of an earlier one.
#[derive(Debug)]
pub(crate) struct PerMinute<K> {
    minute: i64,
    counts: BTreeMap<K, u16>,
}

impl<K> Default for PerMinute<K> {
    fn default() -> Self {
        Self { minute: 0, counts: BTreeMap::new() }
    }
}

impl<K: Ord> PerMinute<K> {
    /// Forgets what is of another minute than this one; whether there was another.
    pub(crate) fn turn(&mut self, now: Timestamp) -> bool {
        let another = self.minute != now.minute();
        if another {
            *self = Self { minute: now.minute(), counts: BTreeMap::new() };
        }
        another
    }

    /// Whether one more may be.
    pub(crate) fn has_room(&mut self, key: &K, now: Timestamp, most: u16) -> bool {
        self.turn(now);
        self.counts.get(key).copied().unwrap_or_default() < most
    }

    /// Counts one more.
    ///
    /// # Errors
    /// [`TooOften`], where there were that many already; it is not counted then.
    pub(crate) fn count(&mut self, key: K, now: Timestamp, most: u16) -> Result<(), TooOften> {
        self.turn(now);
        let count = self.counts.entry(key).or_default();
        if *count >= most {
            return Err(TooOften);
        }
        *count = count.saturating_add(1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_of_a_kind_go_through_within_a_minute_and_others_beside_them() {
        let mut counts = PerMinute::default();
        let (now, next) = (Timestamp::from_unix_seconds(6_059), Timestamp::from_unix_seconds(6_060));
        assert_eq!(counts.count("one", now, 2), Ok(()));
        assert!(counts.has_room(&"one", now, 2));
        assert_eq!(counts.count("one", now, 2), Ok(()));
        assert!(!counts.has_room(&"one", now, 2));
        assert_eq!(counts.count("one", now, 2), Err(TooOften));
        assert_eq!(counts.count("other", now, 2), Ok(()));
        assert_eq!(counts.count("one", next, 2), Ok(()));
        assert_eq!(counts.counts.len(), 1, "nothing of the last minute is left");
    }
}
