//! A gate's clocks: the machine's, which people and batteries move, and the counter that nobody moves.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use kido_follow::{Dating, SendersClocks};
use kido_gate::clockwork::{Clockwork, Reading};
use kido_shared::clock::Timestamp;

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
    /// What requests are dated by, as heads and refused requests of this run have told it.
    dating: RefCell<Dating>,
}

impl RunClock {
    pub(crate) fn start(machine: &MachineClock, now: Ms, kept: Option<Timestamp>) -> Self {
        let from = machine.at(now);
        let clockwork = Clockwork::start(from, Duration::ZERO, kept);
        Self { clockwork: RefCell::new(clockwork), began: now, from, dating: RefCell::default() }
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
        self.dating.borrow_mut().head(issued_at, counter);
        self.clockwork.borrow_mut().head(issued_at, machine.at(now), counter)
    }

    /// What signed requests are dated by.
    pub(crate) fn requests(&self, machine: &MachineClock, now: Ms) -> Timestamp {
        self.dating.borrow().date(self.clocks(machine, now))
    }

    /// The registrar has contradicted itself; says whether the clock was set back by it.
    pub(crate) fn contradicted(&self, issued_at: Timestamp, machine: &MachineClock, now: Ms) -> bool {
        self.clockwork.borrow_mut().contradicted(issued_at, machine.at(now), self.counter(now))
    }

    /// The date of a request was refused.
    pub(crate) fn refused(&self, date: Timestamp, machine: &MachineClock, now: Ms) {
        self.dating.borrow_mut().refused(date, self.clocks(machine, now));
    }

    fn clocks(&self, machine: &MachineClock, now: Ms) -> SendersClocks {
        let believed = self.reading(machine, now).now;
        SendersClocks { believed, machine: machine.at(now), counter: self.counter(now) }
    }

    /// The newest moment that has passed for sure.
    pub(crate) fn passed(&self, machine: &MachineClock, now: Ms) -> Timestamp {
        self.reading(machine, now);
        self.clockwork.borrow().passed()
    }
}
