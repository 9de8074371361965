//! The venue's box: the real arbiter over a book and records on disks in memory.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use kido_arbiter::book::{Book, BookError};
use kido_arbiter::decide::{Arbiter, Parts, StepRefusal};
use kido_arbiter::following::AHEAD_MAX;
use kido_arbiter::records::{RecordsError, StoredRecords};
use kido_follow::{FeedCopy as _, PullNow, RegistrarTime};
use kido_shared::claim::rate::Paces;
use kido_shared::claim::{ClaimAnswer, ClaimStep};
use kido_shared::clock::{Clock, ManualClock, Timestamp};
use kido_shared::feed::{Follower, VerifiedHead};
use kido_shared::wire::v1::admissions::ClaimBody;
use kido_tests::evening::Granted;

use crate::clock::MachineClock;
use crate::disk::Disk;
use crate::genesis;
use crate::mutations::{self, Mutation};
use crate::network::{Asker, Reply, Request, Server, ask};
use crate::turns::{Ms, Owner, Slot, at_once};
use crate::world::World;

/// How often a box looks at the feed without being told to.
const LOOKS_EVERY: Ms = 5_000;

/// How long an answer of the registrar may take.
const FEED_DEADLINE: Ms = 5_000;

/// One box in the venue.
pub(crate) struct VenueBox {
    number: usize,
    pub(crate) book: Disk,
    pub(crate) records: Disk,
    clock: Arc<ManualClock>,
    pub(crate) machine: MachineClock,
    running: RefCell<Option<Rc<Arbiter<StoredRecords>>>>,
    runs: Cell<u64>,
    began: Cell<Ms>,
    /// The registrar's time, as heads of this run have told it.
    heard: Cell<Option<RegistrarTime>>,
    pub(crate) pull: Slot<()>,
    /// Whether somebody has switched it off for good.
    off: Cell<bool>,
}

impl VenueBox {
    pub(crate) fn new(number: usize, book: Disk) -> Rc<Self> {
        let clock = Arc::new(ManualClock::at(genesis::DOORS));
        Rc::new(Self {
            number,
            book,
            records: Disk::empty(),
            clock,
            machine: MachineClock::default(),
            running: RefCell::default(),
            runs: Cell::default(),
            began: Cell::default(),
            heard: Cell::default(),
            pull: Slot::default(),
            off: Cell::default(),
        })
    }

    pub(crate) fn start(self: &Rc<Self>, world: &Rc<World>) {
        if self.off.get() {
            return;
        }
        let run = self.runs.get() + 1;
        self.runs.set(run);
        self.began.set(world.turns.now());
        self.heard.set(None);
        self.clock.set(self.machine.at(world.turns.now()));
        let book = Book::open_held(&self.book.folder(), world.genesis.followed_by_box(self.number)).expect("its book");
        let records = StoredRecords::open_held(&self.records.folder(), world.genesis.event).expect("its records");
        let (pull, _nobody_listens) = PullNow::new();
        let parts = Parts { book, records, names: world.genesis.names.clone(), paces: Paces::LANE, pull };
        let arbiter = Rc::new(Arbiter::new(parts, Arc::clone(&self.clock) as Arc<dyn Clock>));
        *self.running.borrow_mut() = Some(arbiter);
        let (here, there) = (Rc::clone(self), Rc::clone(world));
        world.turns.spawn(Owner::Box(self.number, run), async move {
            loop {
                here.follow(&there).await;
                there.turns.within(LOOKS_EVERY, here.pull.take()).await;
            }
        });
    }

    pub(crate) fn arbiter(&self, world: &World) -> Option<Rc<Arbiter<StoredRecords>>> {
        self.clock.set(self.machine.at(world.turns.now()));
        self.running.borrow().clone()
    }

    /// What the date of a gate's request is held against.
    pub(crate) fn judging(&self, created: Timestamp, now: Ms) -> Timestamp {
        RegistrarTime::judging(self.heard.get(), created, (self.machine.at(now), self.counter(now)))
    }

    fn counter(&self, now: Ms) -> Duration {
        Duration::from_millis(now - self.began.get())
    }

    /// Somebody switches it off for good.
    pub(crate) fn switch_off(&self, world: &World) {
        self.off.set(true);
        self.running.borrow_mut().take();
        world.turns.kill(Owner::Box(self.number, self.runs.get()));
    }

    pub(crate) const fn is_off(&self) -> &Cell<bool> {
        &self.off
    }

    /// Dies, and is back in a while.
    pub(crate) fn crash(self: &Rc<Self>, world: &Rc<World>) {
        if self.running.borrow_mut().take().is_none() {
            return;
        }
        world.turns.kill(Owner::Box(self.number, self.runs.get()));
        self.book.power_was_cut(world, None);
        if world.is(Mutation::ArbiterForgets) {
            self.records.forget();
        } else {
            self.records.power_was_cut(world, Some(Mutation::AckUnsynced));
        }
        let (here, there) = (Rc::clone(self), Rc::clone(world));
        world.turns.spawn(Owner::World, async move {
            there.turns.sleep(there.downtime()).await;
            here.start(&there);
        });
    }

    async fn follow(self: &Rc<Self>, world: &Rc<World>) {
        let Some(arbiter) = self.arbiter(world) else { return };
        let from = arbiter.book().position();
        let asked = ask(world, Asker::Box(self.number), Server::Registrar, Request::Feed(from), FEED_DEADLINE).await;
        let Some(Reply::Feed { cut, head, records }) = asked else { return };
        let now = arbiter.now();
        match take(arbiter.book(), (cut.as_deref(), &head), records, (world, now)) {
            Ok(head) => {
                let issued_at = head.head().issued_at;
                let counter = self.counter(world.turns.now());
                self.heard.set(Some(RegistrarTime::with_head(self.heard.get(), issued_at, counter)));
                let noted = (issued_at.since(now) <= AHEAD_MAX).then(|| at_once(arbiter.book().note_head(&head)));
                if let Some(Err(BookError::Store(_))) = noted {
                    self.crash(world);
                }
            }
            Err(BookError::Store(_)) => self.crash(world),
            Err(_not_believed) => {}
        }
    }

    /// Answers, or dies of it.
    pub(crate) fn serve(self: &Rc<Self>, world: &Rc<World>, asker: Asker, request: Request) -> Option<Reply> {
        let arbiter = self.arbiter(world)?;
        match (request, asker) {
            (Request::Health, _) => Some(Reply::Alive),
            (Request::Claim(body), Asker::Gate(gate)) => {
                let standing = arbiter.book().standing();
                let known = standing.gates.get(&genesis::gate_id(gate));
                if known.is_none_or(|known| known.revoked) {
                    return Some(Reply::Refused);
                }
                self.step(world, &arbiter, gate, body)
            }
            _ => Some(Reply::Refused),
        }
    }

    fn step(
        self: &Rc<Self>,
        world: &Rc<World>,
        arbiter: &Arbiter<StoredRecords>,
        gate: usize,
        body: ClaimBody,
    ) -> Option<Reply> {
        if mutations::swallows(world, &body.step) {
            return Some(Reply::Answer(ClaimAnswer::Withdrawn));
        }
        let claimed = if let ClaimStep::Claim(request) = &body.step { Some(request.admission) } else { None };
        let granted = Granted { by: self.number, knew: arbiter.book().standing().position.length };
        match at_once(arbiter.step(genesis::gate_id(gate), body)) {
            Ok(answer) => {
                if answer == ClaimAnswer::Behind {
                    self.pull.put(());
                }
                if let (Some(admission), ClaimAnswer::Granted { .. }) = (claimed, &answer) {
                    world.ledger.borrow_mut().granted(admission, granted);
                }
                Some(Reply::Answer(answer))
            }
            Err(StepRefusal::TooFast) => Some(Reply::TooFast),
            Err(StepRefusal::Book(BookError::Store(_)) | StepRefusal::Records(RecordsError::Store(_))) => {
                self.crash(world);
                None
            }
            Err(StepRefusal::TooOld | StepRefusal::Contended | StepRefusal::Book(_) | StepRefusal::Records(_)) => None,
            Err(
                StepRefusal::OtherGate | StepRefusal::Elsewhere | StepRefusal::OtherHome | StepRefusal::UnknownTicket,
            ) => Some(Reply::Refused),
        }
    }
}

fn take(
    book: &Book,
    (cut, head): (Option<&[u8]>, &[u8]),
    records: Vec<kido_shared::feed::SealedRecord>,
    (world, now): (&World, Timestamp),
) -> Result<VerifiedHead, BookError> {
    let from = genesis::behind_cut(book, cut)?;
    let head = book.trust().verify_head(head, from, now)?;
    let mut check = Follower::resume(world.genesis.event, from).begin(&head)?;
    if !records.is_empty() {
        check.extend(&records)?;
        let range = book.begin_range(&mut check.finish()?, records)?;
        at_once(book.finish_range(range))?;
    }
    Ok(head)
}
