//! When something that is repeated is due, and how long to wait when it fails.
//!
//! Pure: time and chance are arguments.

use core::time::Duration;

use kido_shared::clock::Timestamp;
use rand::RngCore;

/// How often the head is asked for while all is well: a suspension reaches a follower within a second.
pub const PULL_INTERVAL: Duration = Duration::from_secs(1);

/// First wait after a failure.
pub const BACK_OFF_FIRST: Duration = Duration::from_millis(500);

/// Longest wait after failures: a line that comes back is noticed within half a minute, as often as heads are issued.
pub const BACK_OFF_MAX: Duration = Duration::from_secs(30);

/// When something that is repeated is due next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    interval: Duration,
    due: Timestamp,
    failures: u32,
}

impl Schedule {
    /// Due at once, then every so often.
    #[must_use]
    pub const fn every(interval: Duration, now: Timestamp) -> Self {
        Self { interval, due: now, failures: 0 }
    }

    /// When it is due.
    #[must_use]
    pub const fn due(&self) -> Timestamp {
        self.due
    }

    /// How long until then.
    #[must_use]
    pub fn wait(&self, now: Timestamp) -> Duration {
        self.due.since(now)
    }

    /// It worked.
    pub fn succeeded(&mut self, now: Timestamp) {
        self.failures = 0;
        self.due = now.after(self.interval);
    }

    /// It failed: the wait doubles up to its bound, with up to half of it off by chance, so that two hundred gates do
    /// not come back in the same instant.
    pub fn failed(&mut self, now: Timestamp, random: &mut impl RngCore) {
        let wait = back_off(self.failures);
        self.failures = self.failures.saturating_add(1);
        self.due = now.after(jittered(wait, random));
    }

    /// Somebody has something new: due at once, unless the other side has just failed to answer.
    pub fn nudge(&mut self, now: Timestamp) {
        if self.failures == 0 {
            self.due = self.due.min(now);
        }
    }

    /// Becomes due in another rhythm: at once where that is a quicker one, else after a first wait of up to one interval,
    /// half of it by chance. Two hundred gates are told of the same registrar in the same instant, and would ask it in
    /// the same instant for as long as that lasts: what they are told then would wait behind what they ask.
    pub fn pace(&mut self, interval: Duration, now: Timestamp, random: &mut impl RngCore) {
        if interval < self.interval {
            self.due = self.due.min(now);
        } else if interval > self.interval {
            self.failures = 0;
            self.due = now.after(jittered(interval, random));
        }
        self.interval = interval;
    }

    /// Failures since it last worked.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }
}

/// The wait after so many failures, before chance.
fn back_off(failures: u32) -> Duration {
    let doubled = BACK_OFF_FIRST.checked_mul(2_u32.saturating_pow(failures));
    doubled.map_or(BACK_OFF_MAX, |wait| wait.min(BACK_OFF_MAX))
}

fn jittered(wait: Duration, random: &mut impl RngCore) -> Duration {
    let half = wait.checked_div(2).unwrap_or_default();
    let spread = u64::try_from(half.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
    let chance = random.next_u64().checked_rem(spread).unwrap_or_default();
    half.saturating_add(Duration::from_millis(chance))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_790_000_000);

    #[test]
    fn the_wait_doubles_up_to_its_bound() {
        let table = [(0, 500), (1, 1_000), (2, 2_000), (5, 16_000), (6, 30_000), (40, 30_000), (u32::MAX, 30_000)];
        for (failures, ms) in table {
            assert_eq!(back_off(failures), Duration::from_millis(ms), "{failures} failures");
        }
    }

    #[test]
    fn a_nudge_is_heard_at_once_but_does_not_hammer_who_fails() {
        let mut random = StdRng::seed_from_u64(1);
        let mut schedule = Schedule::every(PULL_INTERVAL, NOW);
        schedule.succeeded(NOW);
        schedule.nudge(NOW);
        assert_eq!(schedule.due(), NOW);
        schedule.failed(NOW, &mut random);
        let due = schedule.due();
        schedule.nudge(NOW);
        assert_eq!(schedule.due(), due);
    }

    #[test]
    fn a_quicker_rhythm_begins_at_once_and_a_slower_one_after_its_first_wait() {
        let (slow, mut random) = (Duration::from_secs(30), StdRng::seed_from_u64(1));
        let mut schedule = Schedule::every(PULL_INTERVAL, NOW);
        schedule.pace(slow, NOW, &mut random);
        let first = schedule.wait(NOW);
        assert!((slow / 2..=slow).contains(&first), "{first:?}");
        let later = NOW.after(Duration::from_secs(10));
        schedule.pace(slow, later, &mut random);
        assert_eq!(schedule.wait(later), first - Duration::from_secs(10), "the same rhythm goes on");
        schedule.succeeded(later);
        assert_eq!(schedule.wait(later), slow);
        schedule.pace(PULL_INTERVAL, later, &mut random);
        assert_eq!(schedule.wait(later), Duration::ZERO);
        schedule.succeeded(later);
        assert_eq!(schedule.wait(later), PULL_INTERVAL);
    }

    #[test]
    fn those_who_are_told_in_the_same_instant_do_not_ask_in_the_same_instant() {
        let (slow, mut random) = (Duration::from_secs(30), StdRng::seed_from_u64(2));
        let mut in_each_second = [0; 31];
        for _gate in 0..200 {
            let mut schedule = Schedule::every(PULL_INTERVAL, NOW);
            schedule.pace(slow, NOW, &mut random);
            in_each_second[usize::try_from(schedule.wait(NOW).as_secs()).unwrap()] += 1;
        }
        assert!(in_each_second.into_iter().all(|gates| gates < 40), "{in_each_second:?}");
    }

    proptest! {
        #[test]
        fn a_wait_is_never_longer_than_its_bound_nor_shorter_than_half(seed in any::<u64>(), failures in 0_u32..80) {
            let mut random = StdRng::seed_from_u64(seed);
            let mut schedule = Schedule::every(PULL_INTERVAL, NOW);
            for _failure in 0..=failures {
                schedule.failed(NOW, &mut random);
            }
            let wait = schedule.wait(NOW);
            prop_assert!(wait <= BACK_OFF_MAX);
            prop_assert!(wait >= back_off(failures) / 2);
            schedule.succeeded(NOW);
            prop_assert_eq!((schedule.wait(NOW), schedule.failures()), (PULL_INTERVAL, 0));
        }
    }
}
