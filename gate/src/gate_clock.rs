//! The gate's clock: [`Clockwork`] fed by the machine's own readings.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kido_shared::clock::{Clock, Timestamp};
use tokio::time::Instant;

use crate::clockwork::{Clockwork, Reading};

/// One clock for everything in the process: lane, signatures, journal.
pub struct GateClock {
    machine: Arc<dyn Clock>,
    steady: SteadyClock,
    clockwork: Mutex<Clockwork>,
    heard: Mutex<Option<Timestamp>>,
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
        Self { machine, steady, clockwork, heard: Mutex::new(None) }
    }

    /// The clock for deadlines and waits.
    #[must_use]
    pub const fn steady(&self) -> SteadyClock {
        self.steady
    }

    /// When the newest head of this run was issued: the registrar's own word, which no clock of this machine colours.
    #[must_use]
    pub fn heard(&self) -> Option<Timestamp> {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The moment, and whether a refusal may rest on it.
    pub fn reading(&self) -> Reading {
        let (machine, counter) = (self.machine.now(), self.steady.started.elapsed());
        self.clockwork.lock().unwrap_or_else(PoisonError::into_inner).read(machine, counter)
    }

    /// Takes the registrar's word for the time, out of a head that was verified.
    pub fn head(&self, issued_at: Timestamp) {
        let (machine, counter) = (self.machine.now(), self.steady.started.elapsed());
        self.clockwork.lock().unwrap_or_else(PoisonError::into_inner).head(issued_at, machine, counter);
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        *heard = (*heard).max(Some(issued_at));
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

    use super::*;

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
