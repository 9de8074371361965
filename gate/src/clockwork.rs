//! What time it is, when the machine's own clock may be wrong (`protocol.md` §6).
//!
//! Pure. The shell hands in two readings: the machine's clock, which batteries and attackers move, and a counter that
//! only ever goes forward while the process lives. The rule: the newest of the machine's clock, the last moment that
//! was kept, and the head's `issued_at`; a jump of more than five minutes without a head is not believed. A time that
//! is not certain yields to a head in both directions: else one start with a clock that runs ahead would date this
//! gate's claims wrongly for ever. A time that *is* certain yields to a head far ahead of it only when heads have said
//! so for a while, or at once where this machine says the same: a registrar that woke up in next month is soon set right,
//! and must not take its gates along. And it is set back by a registrar that contradicts itself
//! ([`Clockwork::contradicted`]).

use core::time::Duration;

use kido_shared::clock::Timestamp;
use kido_shared::limits::HEAD_VALIDITY;

/// How far the machine's clock may move against the counter before it is not believed.
pub const JUMP_MAX: Duration = Duration::from_secs(5 * 60);

/// How long heads must have been far ahead of a certain clock before the registrar is believed and not this machine.
pub const DISPUTE_SPAN: Duration = Duration::from_secs(10 * 60);

/// The time, and whether it may be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// The moment; earlier than one that was given before only where a head has corrected a time that was
    /// uncertain, or has contradicted one that was believed.
    pub now: Timestamp,
    /// Whether a refusal may rest on it.
    pub certain: bool,
}

/// The gate's clock.
#[derive(Debug, Clone, Copy)]
pub struct Clockwork {
    /// What the machine said last, and the counter then: a jump is one against its own past.
    machine: (Timestamp, Duration),
    /// The moment that is believed, and the counter at that moment.
    believed: (Moment, Duration),
    /// The newest moment that was certain, in this run or an earlier one: no head brings the time behind it,
    /// but one that contradicts the head that it came from.
    floor: Option<Timestamp>,
    certain: bool,
    /// Since when, on the counter, heads have been far ahead of a clock that was certain.
    disputed: Option<Duration>,
}

/// Microseconds since 1970: readings may lie closer together than a [`Timestamp`] can tell.
type Moment = i64;

impl Clockwork {
    /// Starts from what the machine says and the newest moment that the disk has kept.
    ///
    /// A machine whose clock agrees with the disk is believed. Whether one that was off for a month tells the truth
    /// shows only by a head: until then its time is used and called uncertain. What was kept must have been certain, or
    /// a wrong clock would vouch for itself at its second start.
    #[must_use]
    pub fn start(machine: Timestamp, counter: Duration, kept: Option<Timestamp>) -> Self {
        let newest = kept.map_or(machine, |kept| kept.max(machine));
        let certain = kept.is_some_and(|kept| apart(kept, machine) <= JUMP_MAX);
        Self { machine: (machine, counter), believed: (moment(newest), counter), floor: kept, certain, disputed: None }
    }

    /// Reads the clock.
    ///
    /// Small steps of the machine are believed: forward at once, backward by running at half speed until it has caught
    /// up, so that time neither runs back nor stands still while a holder waits for a deadline.
    pub fn read(&mut self, machine: Timestamp, counter: Duration) -> Reading {
        let (said, at) = self.machine;
        let jumped = apart(machine, said.after(counter.saturating_sub(at))) > JUMP_MAX;
        self.machine = (machine, counter);
        let (believed, at) = self.believed;
        let elapsed = i64::try_from(counter.saturating_sub(at).as_micros()).unwrap_or(i64::MAX);
        let expected = believed.saturating_add(elapsed);
        let says = moment(machine);
        // A machine that lies far from what is believed has lost that belief before, or the registrar knew better.
        let follows = !jumped && apart(machine, timestamp(expected)) <= JUMP_MAX;
        let now = match (follows, says >= expected) {
            (false, _) => expected,
            (true, true) => says,
            (true, false) => says.max(believed.saturating_add(elapsed >> 1)),
        };
        self.believed = (now, counter);
        self.certain &= !jumped;
        if self.certain {
            self.floor = self.floor.max(Some(timestamp(now)));
        }
        Reading { now: timestamp(now), certain: self.certain }
    }

    /// Takes a head that was verified: the registrar's word for the time.
    ///
    /// It moves the clock forward where it is newer, and makes it certain where both agree. An uncertain clock is moved
    /// backward, too, though never behind a moment that was certain. A head that is older than heads live says nothing
    /// to a clock that is certain: somebody may have kept it. One that is far ahead of a clock that is certain makes it
    /// uncertain, and moves it only after [`DISPUTE_SPAN`], unless this machine's clock says the same. Says whether the head's time was taken as true.
    pub fn head(&mut self, issued_at: Timestamp, machine: Timestamp, counter: Duration) -> bool {
        let here = self.read(machine, counter).now;
        // A head that says what this machine says is no dream: then what is believed here was one, of a time when the
        // registrar's clock was behind.
        if issued_at.since(here) <= JUMP_MAX || apart(machine, issued_at) <= JUMP_MAX {
            self.disputed = None;
        } else if self.certain || self.disputed.is_some() {
            let since = *self.disputed.get_or_insert(counter);
            if counter.saturating_sub(since) < DISPUTE_SPAN {
                self.certain = false;
                return false;
            }
            self.disputed = None;
        }
        let agrees = here.since(issued_at) <= HEAD_VALIDITY;
        let corrects =
            !self.certain && !agrees && self.floor.is_none_or(|floor| floor.since(issued_at) <= HEAD_VALIDITY);
        if issued_at > here || corrects {
            let newest = self.floor.map_or(issued_at, |floor| floor.max(issued_at));
            self.believed = (moment(newest), counter);
        }
        self.certain |= issued_at > here || corrects || agrees;
        true
    }

    /// The registrar has contradicted itself: this head tells more than one that was believed before, and is dated before it.
    /// So that one's time was wrong, whoever believed it. Says whether the clock was set back.
    ///
    /// Nobody else can bring about such a pair of heads: an old one that somebody has kept tells less. But a registrar
    /// whose clock goes back is right only where this machine does not say what is believed here.
    pub fn contradicted(&mut self, issued_at: Timestamp, machine: Timestamp, counter: Duration) -> bool {
        let here = self.read(machine, counter).now;
        if here.since(issued_at) <= JUMP_MAX || apart(machine, here) <= JUMP_MAX {
            return false;
        }
        self.believed = (moment(issued_at), counter);
        self.floor = self.floor.map(|floor| floor.min(issued_at));
        self.certain = true;
        self.disputed = None;
        true
    }

    /// The newest moment that this gate can be sure has passed; 1970 where it can be sure of none.
    ///
    /// What is signed for a span of time is measured against it: a clock that runs ahead must not keep out the very
    /// head that would correct it.
    #[must_use]
    pub fn passed(&self) -> Timestamp {
        self.floor.unwrap_or_default()
    }
}

const fn moment(timestamp: Timestamp) -> Moment {
    timestamp.unix_ms().saturating_mul(1_000)
}

const fn timestamp(moment: Moment) -> Timestamp {
    Timestamp::from_unix_ms(moment.div_euclid(1_000))
}

fn apart(one: Timestamp, other: Timestamp) -> Duration {
    one.since(other).max(other.since(one))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOON: Timestamp = Timestamp::from_unix_seconds(1_790_000_000);
    const SECOND: Duration = Duration::from_secs(1);
    const HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn a_machine_that_agrees_with_the_disk_is_believed() {
        let mut clock = Clockwork::start(NOON, Duration::ZERO, Some(NOON.before(SECOND)));
        assert_eq!(clock.read(NOON.after(SECOND), SECOND), Reading { now: NOON.after(SECOND), certain: true });
    }

    #[test]
    fn a_dead_battery_does_not_bring_1970_back() {
        let mut clock = Clockwork::start(Timestamp::default(), Duration::ZERO, Some(NOON));
        let reading = clock.read(Timestamp::default().after(SECOND), SECOND);
        assert_eq!(reading, Reading { now: NOON.after(SECOND), certain: false });
    }

    #[test]
    fn a_jump_is_not_believed_without_a_head() {
        let mut clock = Clockwork::start(NOON, Duration::ZERO, Some(NOON));
        for jumped in [NOON.after(HOUR), NOON.before(HOUR)] {
            let reading = clock.read(jumped, SECOND);
            assert_eq!(reading, Reading { now: NOON.after(SECOND), certain: false });
        }
    }

    #[test]
    fn a_head_makes_the_clock_certain_again() {
        let mut clock = Clockwork::start(NOON, Duration::ZERO, None);
        assert!(!clock.read(NOON, Duration::ZERO).certain);
        clock.head(NOON.before(SECOND), NOON, Duration::ZERO);
        assert_eq!(clock.read(NOON, Duration::ZERO), Reading { now: NOON, certain: true });
        let mut behind = Clockwork::start(NOON.before(HOUR), Duration::ZERO, None);
        behind.head(NOON, NOON.before(HOUR), Duration::ZERO);
        let later = behind.read(NOON.before(HOUR).after(SECOND), SECOND);
        assert_eq!(
            later,
            Reading { now: NOON.after(SECOND), certain: true },
            "the registrar's time, on a slow machine"
        );
    }

    #[test]
    fn a_head_from_before_a_certain_moment_makes_nothing_certain() {
        let mut clock = Clockwork::start(NOON, Duration::ZERO, Some(NOON.before(HOUR)));
        clock.head(NOON.before(2 * HOUR), NOON, Duration::ZERO);
        assert_eq!(clock.read(NOON, Duration::ZERO), Reading { now: NOON, certain: false });
    }

    #[test]
    fn a_head_sets_an_uncertain_clock_that_runs_ahead_back() {
        let month = 24 * 30 * HOUR;
        let ahead = NOON.after(month);
        let mut clock = Clockwork::start(ahead, Duration::ZERO, Some(NOON.before(HOUR)));
        assert_eq!(clock.read(ahead, Duration::ZERO), Reading { now: ahead, certain: false });
        assert_eq!(clock.passed(), NOON.before(HOUR), "the wrong time is never vouched for");
        clock.head(NOON, ahead, Duration::ZERO);
        assert_eq!(clock.read(ahead.after(SECOND), SECOND), Reading { now: NOON.after(SECOND), certain: true });
        clock.head(NOON.before(HOUR), ahead.after(SECOND), SECOND);
        let reading = clock.read(ahead.after(2 * SECOND), 2 * SECOND);
        assert_eq!(reading, Reading { now: NOON.after(2 * SECOND), certain: true }, "a certain clock is not set back");
    }

    #[test]
    fn a_registrar_that_woke_up_next_month_takes_no_certain_clock_along() {
        let month = 24 * 30 * HOUR;
        let mut clock = Clockwork::start(NOON, Duration::ZERO, Some(NOON));
        assert!(!clock.head(NOON.after(month), NOON, Duration::ZERO));
        let minute = 60 * SECOND;
        clock.head(NOON.after(month + minute), NOON.after(minute), minute);
        assert_eq!(clock.read(NOON.after(minute), minute), Reading { now: NOON.after(minute), certain: false });
        assert_eq!(clock.passed(), NOON, "what the registrar dreamt is never vouched for");
        clock.head(NOON.after(2 * minute), NOON.after(2 * minute), 2 * minute);
        let reading = clock.read(NOON.after(2 * minute), 2 * minute);
        assert_eq!(reading, Reading { now: NOON.after(2 * minute), certain: true }, "it has woken up");
    }

    #[test]
    fn heads_that_stay_far_ahead_are_believed_in_the_end() {
        let mut clock = Clockwork::start(NOON, Duration::ZERO, Some(NOON));
        clock.head(NOON.after(HOUR), NOON, Duration::ZERO);
        let machine = NOON.after(DISPUTE_SPAN);
        clock.head(machine.after(HOUR), machine, DISPUTE_SPAN);
        assert_eq!(clock.read(machine, DISPUTE_SPAN), Reading { now: machine.after(HOUR), certain: true });
    }

    #[test]
    fn a_registrar_that_contradicts_itself_frees_who_believed_it() {
        for ahead in [10 * 60 * SECOND, 2 * HOUR] {
            let mut clock = Clockwork::start(NOON, Duration::ZERO, None);
            clock.head(NOON.after(ahead), NOON, Duration::ZERO);
            assert_eq!(clock.read(NOON, Duration::ZERO), Reading { now: NOON.after(ahead), certain: true });
            clock.head(NOON, NOON, Duration::ZERO);
            let stuck = clock.read(NOON, Duration::ZERO);
            assert_eq!(stuck, Reading { now: NOON.after(ahead), certain: true }, "an old head would say the same");
            assert!(clock.contradicted(NOON, NOON, Duration::ZERO));
            let later = clock.read(NOON.after(SECOND), SECOND);
            assert_eq!(later, Reading { now: NOON.after(SECOND), certain: true });
            assert_eq!(clock.passed(), NOON.after(SECOND), "what was dreamt is vouched for no more");
        }
    }

    #[test]
    fn a_start_with_a_moment_that_was_dreamt_is_set_right_by_the_contradiction() {
        let mut clock = Clockwork::start(NOON, Duration::ZERO, Some(NOON.after(2 * HOUR)));
        clock.head(NOON, NOON, Duration::ZERO);
        assert!(!clock.read(NOON, Duration::ZERO).certain);
        assert!(clock.contradicted(NOON, NOON, Duration::ZERO));
        assert_eq!(clock.read(NOON, Duration::ZERO), Reading { now: NOON, certain: true });
    }

    #[test]
    fn a_registrar_that_goes_back_alone_takes_no_gate_along() {
        let mut clock = Clockwork::start(NOON, Duration::ZERO, Some(NOON));
        assert!(
            !clock.contradicted(NOON.before(HOUR), NOON, Duration::ZERO),
            "this machine says what is believed here"
        );
        assert_eq!(clock.read(NOON, Duration::ZERO), Reading { now: NOON, certain: true });
    }

    #[test]
    fn a_registrar_that_was_behind_is_followed_at_once_where_this_machine_says_the_same() {
        let mut clock = Clockwork::start(NOON, Duration::ZERO, None);
        clock.head(NOON.before(2 * HOUR), NOON, Duration::ZERO);
        assert_eq!(clock.read(NOON, Duration::ZERO), Reading { now: NOON.before(2 * HOUR), certain: true });
        assert!(clock.head(NOON, NOON, Duration::ZERO));
        assert_eq!(clock.read(NOON, Duration::ZERO), Reading { now: NOON, certain: true });
    }

    #[test]
    fn a_small_step_back_slows_the_clock_and_never_stops_it() {
        let mut clock = Clockwork::start(NOON, Duration::ZERO, Some(NOON));
        let minute = 60 * SECOND;
        let mut counter = Duration::ZERO;
        let mut last = clock.read(NOON.before(minute), counter).now;
        for _reading in 0..1_000 {
            counter += Duration::from_micros(300_100);
            last = clock.read(NOON.before(minute).after(counter), counter).now;
            assert!(last >= NOON.after(counter / 2).before(Duration::from_millis(1)));
        }
        assert_eq!(last, NOON.before(minute).after(counter), "it has caught up");
    }

    proptest! {
        #[test]
        fn time_never_runs_backwards(steps in prop::collection::vec((-400_000_i64..400_000, 0_u64..1_000, any::<bool>()), 1..60)) {
            let mut clock = Clockwork::start(NOON, Duration::ZERO, None);
            let (mut counter, mut last) = (Duration::ZERO, Timestamp::default());
            for (offset, step, head) in steps {
                counter += Duration::from_millis(step);
                let machine = Timestamp::from_unix_ms(NOON.unix_ms() + offset);
                if head {
                    clock.head(machine, NOON, counter);
                }
                let now = clock.read(machine, counter).now;
                prop_assert!(now >= last);
                last = now;
            }
        }
    }
}
