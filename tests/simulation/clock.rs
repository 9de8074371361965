//! A gate's clocks: the machine's, which people and batteries move, and the counter that nobody moves.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use kido_gate::clockwork::{Clockwork, Reading};
use kido_shared::clock::Timestamp;
use kido_shared::limits::{HEAD_INTERVAL, HEAD_VALIDITY};

use crate::genesis::DOORS;
use crate::turns::Ms;

/// A machine's own clock: it goes on while the machine is off.
#[derive(Debug, Default)]
pub(crate) struct MachineClock {
    ahead_ms: Cell<i64>,
}

impl MachineClock {
    pub(crate) fn at(&self, now: Ms) -> Timestamp {
        let now = i64::try_from(now).expect("a night");
        Timestamp::from_unix_ms(DOORS.unix_ms() + now + self.ahead_ms.get())
    }

    pub(crate) fn jump(&self, by_ms: i64) {
        self.ahead_ms.set(self.ahead_ms.get() + by_ms);
    }

    pub(crate) fn set(&self, ahead_ms: i64) {
        self.ahead_ms.set(ahead_ms);
    }

    pub(crate) fn set_right(&self) {
        self.ahead_ms.set(0);
    }
}

/// The clocks of one run.
pub(crate) struct RunClock {
    clockwork: RefCell<Clockwork>,
    began: Ms,
    from: Timestamp,
    /// The furthest that a head of this run has brought the registrar's time, and the counter then.
    heard: Cell<Option<(Timestamp, Duration)>>,
}

impl RunClock {
    pub(crate) fn start(machine: &MachineClock, now: Ms, kept: Option<Timestamp>) -> Self {
        let from = machine.at(now);
        let clockwork = Clockwork::start(from, Duration::ZERO, kept);
        Self { clockwork: RefCell::new(clockwork), began: now, from, heard: Cell::default() }
    }

    fn counter(&self, now: Ms) -> Duration {
        Duration::from_millis(now - self.began)
    }

    /// For deadlines and waits.
    pub(crate) fn steady(&self, now: Ms) -> Timestamp {
        self.from.after(self.counter(now))
    }

    pub(crate) fn reading(&self, machine: &MachineClock, now: Ms) -> Reading {
        self.clockwork.borrow_mut().read(machine.at(now), self.counter(now))
    }

    /// Takes a head's word; says whether it was believed.
    pub(crate) fn head(&self, issued_at: Timestamp, machine: &MachineClock, now: Ms) -> bool {
        let counter = self.counter(now);
        // As the gate's own clock does, whose counter is the operating system's.
        let stays = |(furthest, at): &(Timestamp, Duration)| {
            let carried_on = furthest.after(counter.saturating_sub(*at));
            carried_on >= issued_at && carried_on.since(issued_at) <= HEAD_VALIDITY
        };
        self.heard.set(Some(self.heard.get().filter(stays).unwrap_or((issued_at, counter))));
        self.clockwork.borrow_mut().head(issued_at, machine.at(now), counter)
    }

    /// What signed requests are dated by.
    pub(crate) fn requests(&self, machine: &MachineClock, now: Ms) -> Timestamp {
        let (here, counter) = (self.reading(machine, now).now, self.counter(now));
        self.heard.get().map_or(here, |(issued_at, at)| {
            let least = issued_at.after(counter.saturating_sub(at));
            here.clamp(least, least.after(HEAD_INTERVAL))
        })
    }

    /// The newest moment that has passed for sure.
    pub(crate) fn passed(&self, machine: &MachineClock, now: Ms) -> Timestamp {
        self.reading(machine, now);
        self.clockwork.borrow().passed()
    }
}
