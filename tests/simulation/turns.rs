//! Whose turn it is: tasks on one thread, and a clock that moves only when nobody has anything left to do.
//!
//! Nothing here is left to chance: tasks run in the order in which they were woken, timers in the order of their moments
//! and then of their making. The same seed gives the same run, to the byte.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Milliseconds since the simulation began.
pub(crate) type Ms = u64;

/// Whose work a task is: it dies with that run of that machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    /// Nobody's who could die: people, packets on their way, faults.
    World,
    /// This run of this gate.
    Gate(usize, u64),
    /// This run of this box.
    Box(usize, u64),
}

struct Task {
    owner: Owner,
    future: Pin<Box<dyn Future<Output = ()>>>,
}

/// Tasks, timers, and the moment.
#[derive(Default)]
pub(crate) struct Turns {
    now: Cell<Ms>,
    due: RefCell<BTreeMap<(Ms, u64), Waker>>,
    tasks: RefCell<BTreeMap<u64, Task>>,
    dead: RefCell<BTreeSet<Owner>>,
    ready: Arc<Mutex<VecDeque<u64>>>,
    numbers: Cell<u64>,
}

struct Woken {
    task: u64,
    ready: Arc<Mutex<VecDeque<u64>>>,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).push_back(self.task);
    }
}

impl Turns {
    /// The moment.
    pub(crate) fn now(&self) -> Ms {
        self.now.get()
    }

    fn number(&self) -> u64 {
        self.numbers.replace(self.numbers.get() + 1)
    }

    /// Begins a task.
    pub(crate) fn spawn(&self, owner: Owner, future: impl Future<Output = ()> + 'static) {
        let number = self.number();
        self.tasks.borrow_mut().insert(number, Task { owner, future: Box::pin(future) });
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).push_back(number);
    }

    /// Ends everything that a run was doing.
    pub(crate) fn kill(&self, owner: Owner) {
        self.dead.borrow_mut().insert(owner);
        let ended: Vec<Task> = {
            let mut tasks = self.tasks.borrow_mut();
            let numbers: Vec<u64> = tasks.iter().filter(|(_, task)| task.owner == owner).map(|(id, _)| *id).collect();
            numbers.into_iter().filter_map(|number| tasks.remove(&number)).collect()
        };
        drop(ended);
    }

    /// Lets whoever is ready go on, or moves the clock to the next timer; says whether there was anything to do.
    pub(crate) fn step(&self) -> bool {
        let ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        if let Some(number) = ready {
            self.run(number);
            return true;
        }
        let next = self.due.borrow_mut().pop_first();
        let Some(((at, _), waker)) = next else { return false };
        self.now.set(at.max(self.now.get()));
        waker.wake();
        true
    }

    fn run(&self, number: u64) {
        let task = self.tasks.borrow_mut().remove(&number);
        let Some(mut task) = task else { return };
        let waker = Waker::from(Arc::new(Woken { task: number, ready: Arc::clone(&self.ready) }));
        let done = task.future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        // It may have died of what it did.
        if !done && !self.dead.borrow().contains(&task.owner) {
            self.tasks.borrow_mut().insert(number, task);
        }
    }

    /// Drops every task: they hold the world that holds them.
    pub(crate) fn end(&self) {
        let tasks = std::mem::take(&mut *self.tasks.borrow_mut());
        drop(tasks);
    }

    /// Waits.
    pub(crate) async fn sleep(&self, time: Ms) {
        let until = self.now() + time;
        let mut asked = false;
        poll_fn(|context| {
            if self.now() >= until {
                return Poll::Ready(());
            }
            if !std::mem::replace(&mut asked, true) {
                self.due.borrow_mut().insert((until, self.number()), context.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }

    /// Waits for something, and no longer than that.
    pub(crate) async fn within<T>(&self, time: Ms, future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        let mut over = pin!(self.sleep(time));
        poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending => over.as_mut().poll(context).map(|()| None),
        })
        .await
    }
}

/// What one task waits for and another one brings.
#[derive(Debug)]
pub(crate) struct Slot<T>(Rc<RefCell<(Option<T>, Option<Waker>)>>);

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self(Rc::new(RefCell::new((None, None))))
    }
}

impl<T> Slot<T> {
    /// Brings it. Of two, the first that is still there counts.
    pub(crate) fn put(&self, value: T) {
        let waker = {
            let mut slot = self.0.borrow_mut();
            slot.0.get_or_insert(value);
            slot.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Takes it.
    pub(crate) async fn take(&self) -> T {
        poll_fn(|context| {
            let mut slot = self.0.borrow_mut();
            match slot.0.take() {
                Some(value) => Poll::Ready(value),
                None => {
                    slot.1 = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

/// The answer of a product's future that waits for no disk and no line: stores in memory have answered before.
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a store in memory lets nobody wait"),
    }
}
