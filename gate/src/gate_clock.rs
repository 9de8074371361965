//! The gate's clock: [`Clockwork`] fed by the machine's own readings.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kido_shared::clock::{Clock, Timestamp};
use tokio::time::Instant;

use crate::clockwork::{Clockwork, Reading};

/// One clock for everything in the process: lane, signatures, journal.
pub struct GateClock {
    machine: Arc<dyn Clock>,
    started: Instant,
    clockwork: Mutex<Clockwork>,
}

impl std::fmt::Debug for GateClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GateClock").field("clockwork", &self.clockwork).finish_non_exhaustive()
    }
}

impl GateClock {
    /// Starts from the machine's clock and the newest moment that the disk has kept.
    #[must_use]
    pub fn start(machine: Arc<dyn Clock>, kept: Option<Timestamp>) -> Self {
        let clockwork = Mutex::new(Clockwork::start(machine.now(), Duration::ZERO, kept));
        Self { machine, started: Instant::now(), clockwork }
    }

    /// The moment, and whether a refusal may rest on it.
    pub fn reading(&self) -> Reading {
        let (machine, counter) = (self.machine.now(), self.started.elapsed());
        self.clockwork.lock().unwrap_or_else(PoisonError::into_inner).read(machine, counter)
    }

    /// Takes the registrar's word for the time, out of a head that was verified.
    pub fn head(&self, issued_at: Timestamp) {
        let (machine, counter) = (self.machine.now(), self.started.elapsed());
        self.clockwork.lock().unwrap_or_else(PoisonError::into_inner).head(issued_at, machine, counter);
    }
}

impl Clock for GateClock {
    fn now(&self) -> Timestamp {
        self.reading().now
    }
}
