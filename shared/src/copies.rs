//! Whether two machines run with one gate's disk, told from where its journal stands in each request.
//!
//! | what comes | means |
//! |---|---|
//! | a later start than any before | a restart, or a copy: the next request of the other one tells |
//! | the same start, the same begin | the run under way |
//! | the same start, another begin | two runs with one number: a copy |
//! | the same length, another chain | one memory went two ways (a cloned machine): a copy |
//! | a shorter journal, signed a minute after the longer one was heard of | the same |
//! | an earlier start, signed before the later one was heard of | the last words of the run before, on a slow line |
//! | an earlier start, signed a minute after it | that run is still alive beside the later one: a copy, or a disk from a backup |

use crate::clock::Timestamp;
use crate::journal_head::JournalHead;
use crate::limits::REQUEST_SKEW;

/// The newest run of a gate, as it was heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeardRun {
    newest: JournalHead,
    /// When this run was heard of first.
    since: Timestamp,
    /// When its journal was heard to be this long first.
    this_long_since: Timestamp,
}

/// What a request says of its gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sighting {
    /// It fits; this is what is known from now on.
    Fits(HeardRun),
    /// A run that has ended still speaks: not believed, and no proof of anything.
    LastWords,
    /// Two machines run with this gate's keys.
    Copied,
}

impl HeardRun {
    /// The first that is heard of a gate.
    #[must_use]
    pub const fn first(head: JournalHead, now: Timestamp) -> Self {
        Self { newest: head, since: now, this_long_since: now }
    }

    /// What a further request means. `created` is what its signature says, `now` the receiver's clock.
    #[must_use]
    pub fn hear(self, head: JournalHead, created: Timestamp, now: Timestamp) -> Sighting {
        let newest = self.newest;
        if head.boot > newest.boot {
            return Sighting::Fits(Self::first(head, now));
        }
        if head.boot < newest.boot {
            // Clocks differ by as much as a signature may be off.
            let alive = created.since(self.since) > REQUEST_SKEW;
            return if alive { Sighting::Copied } else { Sighting::LastWords };
        }
        if head.begun != newest.begun || (head.length == newest.length && head.chain != newest.chain) {
            return Sighting::Copied;
        }
        if head.length > newest.length {
            return Sighting::Fits(Self { newest: head, this_long_since: now, ..self });
        }
        // Requests under way overtake each other: a shorter journal of this run is an older request of it, and not one
        // that was signed a minute after the longer one had arrived.
        if head.length < newest.length && created.since(self.this_long_since) > REQUEST_SKEW {
            return Sighting::Copied;
        }
        Sighting::Fits(self)
    }

    /// What a file means that somebody has carried here from the gate ([`crate::carried`]). `now` is the receiver's clock.
    ///
    /// A file may be of an earlier run, or of this one an hour ago: that says nothing, and its own date is a clock's that
    /// may be wrong. So only what no clock is needed for counts: two runs with one number, or one length with two chains.
    /// A later run or a longer journal is what the next request is held against.
    #[must_use]
    pub fn carried(self, head: JournalHead, now: Timestamp) -> Sighting {
        let newest = self.newest;
        if head.boot > newest.boot {
            return Sighting::Fits(Self::first(head, now));
        }
        if head.boot < newest.boot {
            return Sighting::Fits(self);
        }
        if head.begun != newest.begun || (head.length == newest.length && head.chain != newest.chain) {
            return Sighting::Copied;
        }
        if head.length > newest.length {
            return Sighting::Fits(Self { newest: head, this_long_since: now, ..self });
        }
        Sighting::Fits(self)
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_790_000_000);

    fn head(boot: u64, begun: u8, length: u64, chain: u8) -> JournalHead {
        JournalHead { boot, begun: [begun; 32], length, chain: [chain; 32] }
    }

    fn after(seconds: u64) -> Timestamp {
        NOW.after(Duration::from_secs(seconds))
    }

    fn hear(known: HeardRun, head: JournalHead, at: Timestamp) -> Option<HeardRun> {
        match known.hear(head, at, at) {
            Sighting::Fits(run) => Some(run),
            Sighting::LastWords | Sighting::Copied => None,
        }
    }

    #[test]
    fn a_gate_that_works_restarts_and_overtakes_itself_fits() {
        let mut known = HeardRun::first(head(1, 1, 10, 1), NOW);
        for next in [head(1, 1, 12, 2), head(1, 1, 11, 3), head(1, 1, 12, 2), head(2, 4, 15, 4), head(5, 5, 15, 6)] {
            known = hear(known, next, after(1)).unwrap();
        }
    }

    #[test]
    fn two_runs_with_one_number_are_a_copy() {
        let known = HeardRun::first(head(2, 1, 10, 1), NOW);
        assert_eq!(known.hear(head(2, 9, 11, 2), NOW, NOW), Sighting::Copied);
    }

    #[test]
    fn one_memory_that_went_two_ways_is_a_copy() {
        let known = HeardRun::first(head(2, 1, 10, 1), NOW);
        assert_eq!(known.hear(head(2, 1, 10, 2), NOW, NOW), Sighting::Copied);
        let longer = hear(known, head(2, 1, 14, 3), after(5)).unwrap();
        assert!(matches!(longer.hear(head(2, 1, 12, 4), after(65), after(65)), Sighting::Fits(_)), "on a slow line");
        assert_eq!(longer.hear(head(2, 1, 12, 4), after(66), after(66)), Sighting::Copied);
    }

    #[test]
    fn a_run_that_lives_on_beside_a_later_one_is_a_copy_and_its_last_words_are_none() {
        let known = hear(HeardRun::first(head(1, 1, 10, 1), NOW), head(2, 2, 12, 2), after(10)).unwrap();
        let old = head(1, 1, 11, 3);
        assert_eq!(known.hear(old, after(9), after(11)), Sighting::LastWords);
        assert_eq!(known.hear(old, after(70), after(70)), Sighting::LastWords, "as far as two clocks may be apart");
        assert_eq!(known.hear(old, after(71), after(71)), Sighting::Copied);
    }

    #[test]
    fn a_file_from_before_is_no_copy_however_late_it_comes() {
        let known = hear(HeardRun::first(head(2, 2, 20, 1), NOW), head(2, 2, 30, 2), after(600)).unwrap();
        for earlier in [head(1, 1, 10, 3), head(2, 2, 15, 4), head(2, 2, 30, 2)] {
            assert_eq!(known.carried(earlier, after(9_000)), Sighting::Fits(known));
        }
    }

    #[test]
    fn a_file_tells_of_a_copy_where_no_clock_is_needed_for_that() {
        let known = HeardRun::first(head(2, 2, 20, 1), NOW);
        assert_eq!(known.carried(head(2, 9, 40, 2), NOW), Sighting::Copied, "two runs with one number");
        assert_eq!(known.carried(head(2, 2, 20, 9), NOW), Sighting::Copied, "one memory that went two ways");
    }

    #[test]
    fn a_run_that_lives_on_beside_the_later_one_of_a_file_is_a_copy() {
        let known = HeardRun::first(head(1, 1, 10, 1), NOW);
        let Sighting::Fits(known) = known.carried(head(2, 2, 15, 2), after(10)) else { panic!() };
        assert_eq!(known.hear(head(1, 1, 12, 3), after(71), after(71)), Sighting::Copied);
        assert!(matches!(known.hear(head(2, 2, 17, 4), after(71), after(71)), Sighting::Fits(_)), "the same run");
    }
}
