//! The gate's clock: [`Clockwork`] fed by the machine's own readings.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kido_follow::{Dating, RefusedDate, SendersClocks};
use kido_shared::clock::{Clock, Timestamp};
use tokio::time::Instant;

use crate::clockwork::{Clockwork, Reading};

/// One clock for everything in the process: lane, signatures, journal.
pub struct GateClock {
    machine: Arc<dyn Clock>,
    steady: SteadyClock,
    clockwork: Mutex<Clockwork>,
    dating: Mutex<Dating>,
}

/// A clock for deadlines and waits: it begins with the machine's time, and nothing ever sets it.
///
/// The moment of an entry follows the registrar's word; a holder's three seconds must not.
#[derive(Debug, Clone, Copy)]
pub struct SteadyClock {
    from: Timestamp,
    started: Instant,
}

impl Clock for SteadyClock {
    fn now(&self) -> Timestamp {
        self.from.after(self.started.elapsed())
    }
}

/// The newest moment that a gate can be sure has passed, as a clock.
#[derive(Debug, Clone)]
pub struct PassedClock(pub Arc<GateClock>);

impl Clock for PassedClock {
    fn now(&self) -> Timestamp {
        self.0.reading();
        self.0.clockwork.lock().unwrap_or_else(PoisonError::into_inner).passed()
    }
}

/// What signed requests are dated by: the registrar compares their date with its own clock to the minute.
///
/// A machine that runs two minutes fast admits by its own time and would be refused by the registrar for ever. So the
/// gate's time is held to the registrar's, as heads of this run and refused requests have told it ([`Dating`]).
#[derive(Debug, Clone)]
pub struct RequestClock(pub Arc<GateClock>);

impl Clock for RequestClock {
    fn now(&self) -> Timestamp {
        let clocks = self.0.clocks();
        self.0.with_dating(|dating| dating.date(clocks))
    }
}

impl RefusedDate for RequestClock {
    fn refused(&self, date: Timestamp) {
        let clocks = self.0.clocks();
        self.0.with_dating(|dating| dating.refused(date, clocks));
    }
}

impl std::fmt::Debug for GateClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GateClock").field("clockwork", &self.clockwork).finish_non_exhaustive()
    }
}

impl GateClock {
    /// Starts from the machine's clock and the newest certain moment that the disk has kept.
    #[must_use]
    pub fn start(machine: Arc<dyn Clock>, kept: Option<Timestamp>) -> Self {
        let from = machine.now();
        let clockwork = Mutex::new(Clockwork::start(from, Duration::ZERO, kept));
        let steady = SteadyClock { from, started: Instant::now() };
        Self { machine, steady, clockwork, dating: Mutex::default() }
    }

    /// The clock for deadlines and waits.
    #[must_use]
    pub const fn steady(&self) -> SteadyClock {
        self.steady
    }

    /// When the last head of this run was issued: the registrar's own word, which no clock of this machine colours.
    #[must_use]
    pub fn heard(&self) -> Option<Timestamp> {
        self.with_dating(|dating| dating.heard())
    }

    fn with_dating<T>(&self, view: impl FnOnce(&mut Dating) -> T) -> T {
        view(&mut self.dating.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn clocks(&self) -> SendersClocks {
        let believed = self.reading().now;
        SendersClocks { believed, machine: self.machine.now(), counter: self.steady.started.elapsed() }
    }

    /// The moment, and whether a refusal may rest on it.
    pub fn reading(&self) -> Reading {
        let (machine, counter) = (self.machine.now(), self.steady.started.elapsed());
        self.clockwork.lock().unwrap_or_else(PoisonError::into_inner).read(machine, counter)
    }

    /// The registrar has contradicted what it said of the time before ([`Clockwork::contradicted`]). Says whether this clock
    /// was set back by it.
    pub fn contradicted(&self, issued_at: Timestamp) -> bool {
        let (machine, counter) = (self.machine.now(), self.steady.started.elapsed());
        self.clockwork.lock().unwrap_or_else(PoisonError::into_inner).contradicted(issued_at, machine, counter)
    }

    /// Takes the registrar's word for the time, out of a head that was verified. Says whether it was believed.
    pub fn head(&self, issued_at: Timestamp) -> bool {
        let (machine, counter) = (self.machine.now(), self.steady.started.elapsed());
        let believed = self.clockwork.lock().unwrap_or_else(PoisonError::into_inner).head(issued_at, machine, counter);
        self.with_dating(|dating| dating.head(issued_at, counter));
        believed
    }
}

impl Clock for GateClock {
    fn now(&self) -> Timestamp {
        self.reading().now
    }
}

#[cfg(test)]
mod tests {
    use kido_shared::clock::ManualClock;
    use kido_shared::limits::REQUEST_SKEW;

    use super::*;

    #[test]
    fn requests_are_dated_by_the_registrar_where_this_machine_runs_fast_or_slow() {
        let noon = Timestamp::from_unix_seconds(1_790_000_000);
        for drift in [Duration::from_secs(120), Duration::from_secs(14 * 60)] {
            let fast = noon.after(drift);
            let clock = Arc::new(GateClock::start(Arc::new(ManualClock::at(fast)), Some(fast)));
            let requests = RequestClock(Arc::clone(&clock));
            assert_eq!(requests.now(), fast, "nothing better is known");
            assert!(clock.head(noon));
            let (dated, apart) = (requests.now(), REQUEST_SKEW);
            assert!(dated >= noon && dated.since(noon) < apart, "{dated:?}");
        }
    }

    #[test]
    fn a_registrar_that_was_set_right_is_spoken_to_by_its_right_time() {
        let noon = Timestamp::from_unix_seconds(1_790_000_000);
        let clock = Arc::new(GateClock::start(Arc::new(ManualClock::at(noon)), Some(noon)));
        assert!(!clock.head(noon.after(Duration::from_secs(30 * 86_400))));
        assert!(clock.head(noon));
        let dated = RequestClock(Arc::clone(&clock)).now();
        assert!(dated.since(noon) < REQUEST_SKEW, "{dated:?}");
        assert_eq!(clock.heard(), Some(noon));
    }

    #[test]
    fn a_registrar_that_was_minutes_ahead_is_spoken_to_by_its_right_time_once_it_has_refused() {
        let noon = Timestamp::from_unix_seconds(1_790_000_000);
        for ahead in [2, 10, 15] {
            let clock = Arc::new(GateClock::start(Arc::new(ManualClock::at(noon)), Some(noon)));
            let requests = RequestClock(Arc::clone(&clock));
            clock.head(noon.after(Duration::from_secs(ahead * 60)));
            clock.head(noon);
            assert!(requests.now().since(noon) > REQUEST_SKEW, "a head alone may be an old one");
            requests.refused(requests.now());
            let dated = requests.now();
            assert!(dated.since(noon) < REQUEST_SKEW, "{ahead} min: {dated:?}");
        }
    }

    #[test]
    fn a_head_that_sets_the_clock_back_moves_no_deadline() {
        let noon = Timestamp::from_unix_seconds(1_790_000_000);
        let ahead = noon.after(Duration::from_secs(30 * 86_400));
        let clock = Arc::new(GateClock::start(Arc::new(ManualClock::at(ahead)), None));
        let (steady, before) = (clock.steady(), clock.steady().now());
        assert_eq!((clock.now(), clock.heard()), (ahead, None));
        assert_eq!(PassedClock(Arc::clone(&clock)).now(), Timestamp::default(), "nothing is sure yet");
        clock.head(noon);
        assert_eq!((clock.now(), clock.heard()), (noon, Some(noon)));
        assert_eq!(PassedClock(Arc::clone(&clock)).now(), noon);
        let after = steady.now();
        assert!(before <= after && after.since(before) < Duration::from_secs(3_600), "{before:?}, then {after:?}");
    }
}
