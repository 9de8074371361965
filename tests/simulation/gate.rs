//! A gate: the real lane over the real journal and replica, wired as the gate's own runtime wires them.

mod carrier;
mod claims;
mod helping;
mod household;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

use kido_gate::claim::decider::Decider;
use kido_gate::claim::{Reachability, is_over};
use kido_gate::journal::Journal;
use kido_gate::lane::{ClaimOutcome, Input, Lane};
use kido_gate::replica::Replica;
use kido_gate::screen::Screen;
use kido_shared::card::PinEntry;
use kido_shared::challenge::Passage;
use kido_shared::clock::Timestamp;
use kido_shared::ids::{AdmissionId, GateId, TicketId};
use kido_shared::policy::{ArbiterHome, OfflineChoice};
use kido_shared::refusal::{Refusal, StaffCode};
use kido_shared::ticket::Zone;
use kido_shared::verdict::Connectivity;

use crate::clock::{MachineClock, RunClock};
use crate::disk::Disk;
use crate::genesis::{self, Genesis};
use crate::mutations::Mutation;
use crate::network::Server;
use crate::turns::{Ms, Owner, Slot};
use crate::world::World;

/// A gate's machine, running or not.
pub(crate) struct Gate {
    pub(crate) number: usize,
    pub(crate) id: GateId,
    pub(crate) zone: Zone,
    pub(crate) passage: Passage,
    pub(crate) journal_disk: Disk,
    pub(crate) replica_disk: Disk,
    pub(crate) machine: MachineClock,
    /// Whether it belongs to the event: one may come only in the middle of the night.
    pub(crate) enrolled: Cell<bool>,
    /// Whether it was taken out of it.
    pub(crate) revoked: Cell<bool>,
    /// How many records of the feed it is known to have.
    pub(crate) followed: Cell<u64>,
    running: RefCell<Option<Rc<Running>>>,
    runs: Cell<u64>,
    /// Whose card lies in the tray, and the how-manieth it is.
    pub(crate) tray: Cell<Option<(usize, u64)>>,
    /// Who stands in front.
    pub(crate) front: Cell<Option<usize>>,
    /// What the screen shows, counted; nothing where it is dark.
    pub(crate) screen: RefCell<(u64, Option<Screen>)>,
    pub(crate) screen_changed: Slot<()>,
}

/// One run of it.
pub(crate) struct Running {
    pub(crate) lane: RefCell<Lane>,
    pub(crate) journal: Journal,
    pub(crate) replica: Replica,
    pub(crate) clock: RunClock,
    pub(crate) reachability: RefCell<Reachability>,
    /// Whether the last question went unanswered.
    missed: Cell<bool>,
    /// Claims that the arbiter has refused for good: nothing is left to withdraw of them.
    refused: RefCell<BTreeSet<AdmissionId>>,
    /// What the lane was told last about itself.
    told: RefCell<Option<Refusal>>,
    tick_at: Cell<Option<Timestamp>>,
    pull: Slot<()>,
    pulled: Cell<u64>,
    pulled_again: Slot<()>,
    push: Slot<()>,
    errands: Slot<()>,
    owner: Owner,
}

impl Running {
    /// What the event has chosen for gates without an arbiter, as far as this gate knows.
    pub(crate) fn chosen(&self) -> OfflineChoice {
        let standing = self.replica.standing();
        standing.policy.as_ref().expect("every world begins with a policy").choices().offline
    }

    /// A request of this run was refused for its date.
    fn date_was_refused(&self, world: &World, gate: &Gate, date: Timestamp) {
        if !world.is(Mutation::FurthestHeadKept) {
            self.clock.refused(date, &gate.machine, world.turns.now());
        }
    }
}

impl Gate {
    pub(crate) fn new(number: usize, genesis: &Genesis) -> Rc<Self> {
        Rc::new(Self::of(number, genesis.zones[number].clone(), genesis))
    }

    /// One that is there for an entrance of that gate's zone, and not yet the event's.
    pub(crate) fn in_reserve(zone_of: usize, genesis: &Genesis) -> Rc<Self> {
        let gate = Self::of(genesis.setting.lanes(), genesis.zones[zone_of].clone(), genesis);
        Rc::new(Self { passage: Passage::In, enrolled: Cell::new(false), ..gate })
    }

    fn of(number: usize, zone: Zone, genesis: &Genesis) -> Self {
        Self {
            number,
            id: genesis::gate_id(number),
            zone,
            passage: genesis.setting.passage(number),
            journal_disk: Disk::empty(),
            replica_disk: Disk::with(&genesis.replica),
            machine: MachineClock::default(),
            enrolled: Cell::new(true),
            revoked: Cell::default(),
            followed: Cell::default(),
            running: RefCell::default(),
            runs: Cell::default(),
            tray: Cell::default(),
            front: Cell::default(),
            screen: RefCell::default(),
            screen_changed: Slot::default(),
        }
    }

    /// Whether people are sent to it.
    pub(crate) fn is_in_use(&self) -> bool {
        self.enrolled.get() && !self.revoked.get()
    }

    pub(crate) fn running(&self) -> Option<Rc<Running>> {
        self.running.borrow().clone()
    }

    /// Starts as the program does: stores first, then the clock, then the lane.
    pub(crate) fn start(self: &Rc<Self>, world: &Rc<World>) {
        let run = self.runs.get() + 1;
        self.runs.set(run);
        let now = world.turns.now();
        let replica = Replica::open_held(&self.replica_disk.folder(), world.genesis.followed_by(self.number));
        let replica = replica.expect("a gate starts on its own disk");
        self.followed.set(replica.position().length);
        let (journal, recovered) = {
            let mut random = world.random.borrow_mut();
            let opened = Journal::open_held(&self.journal_disk.folder(), self.id, self.machine.at(now), &mut *random);
            opened.expect("a gate starts on its own disk")
        };
        let clock = RunClock::start(&self.machine, now, recovered.newest);
        let (lane, first) = Lane::new();
        let running = Rc::new(Running {
            lane: RefCell::new(lane),
            journal,
            replica,
            reachability: RefCell::new(Reachability::begin(clock.steady(now))),
            clock,
            missed: Cell::default(),
            refused: RefCell::default(),
            told: RefCell::default(),
            tick_at: Cell::default(),
            pull: Slot::default(),
            pulled: Cell::default(),
            pulled_again: Slot::default(),
            push: Slot::default(),
            errands: Slot::default(),
            owner: Owner::Gate(self.number, run),
        });
        *self.running.borrow_mut() = Some(Rc::clone(&running));
        world.ledger.borrow_mut().starts();
        world.ledger.borrow_mut().answered(self.number, now);
        let waiting = running.journal.outbox().expect("its outbox");
        let chosen = running.chosen();
        for sent in &waiting.batch().admissions {
            world.ledger.borrow_mut().kept(chosen, &sent.admission);
        }
        for ending in &waiting.batch().endings {
            world.ledger.borrow_mut().ended(*ending);
        }
        world.tell(|| format!("gate {} starts, {} withdrawn", self.number, recovered.withdrawn));
        self.carry(world, &running, first);
        household::begin(world, self, &running);
        self.take(world, Input::ReaderReady(PinEntry::Here));
        if self.tray.get().is_some() {
            self.take(world, Input::CardPresent);
        }
    }

    /// Dies, and is back in a while. Cards stay in people's hands, and screens go dark.
    pub(crate) fn crash(self: &Rc<Self>, world: &Rc<World>) {
        if self.running.borrow_mut().take().is_none() {
            return;
        }
        world.tell(|| format!("gate {} dies", self.number));
        world.turns.kill(Owner::Gate(self.number, self.runs.get()));
        self.journal_disk.power_was_cut(world, Some(Mutation::IndexTrusted));
        self.replica_disk.power_was_cut(world, None);
        self.show(None);
        let (gate, there) = (Rc::clone(self), Rc::clone(world));
        world.turns.spawn(Owner::World, async move {
            there.turns.sleep(there.downtime()).await;
            gate.start(&there);
        });
    }

    /// One input of the lane, and what it wants done.
    pub(crate) fn take(self: &Rc<Self>, world: &Rc<World>, input: Input) {
        let Some(running) = self.running() else { return };
        if let Input::Claimed(_, admission, ClaimOutcome::Answered(answer)) = &input
            && is_over(answer)
        {
            running.refused.borrow_mut().insert(*admission);
        }
        let now = running.clock.steady(world.turns.now());
        let effects = running.lane.borrow_mut().handle(now, input);
        for effect in effects {
            self.carry(world, &running, effect);
        }
        self.wake(world, &running, now);
    }

    /// Sees to the tick that the lane wants.
    fn wake(self: &Rc<Self>, world: &Rc<World>, running: &Rc<Running>, now: Timestamp) {
        let wanted = running.lane.borrow().wake_at();
        if wanted == running.tick_at.replace(wanted) {
            return;
        }
        let Some(at) = wanted else { return };
        let wait = u64::try_from(at.since(now).as_millis()).expect("a lane's deadline");
        let (gate, there, then) = (Rc::clone(self), Rc::clone(world), Rc::clone(running));
        world.turns.spawn(running.owner, async move {
            there.turns.sleep(wait).await;
            if then.tick_at.get() == Some(at) {
                then.tick_at.set(None);
                gate.take(&there, Input::Tick);
            }
        });
    }

    fn show(&self, screen: Option<Screen>) {
        {
            let mut shown = self.screen.borrow_mut();
            shown.0 += 1;
            shown.1 = screen;
        }
        self.screen_changed.put(());
    }

    /// What its signed requests are dated by, where it runs.
    pub(crate) fn dates(&self, now: Ms) -> Option<Timestamp> {
        self.running().map(|running| running.clock.requests(&self.machine, now))
    }

    pub(crate) fn hears_news(&self) {
        if let Some(running) = self.running() {
            running.pull.put(());
        }
    }

    /// Whom the followed policy has this gate ask, in their order.
    fn endpoints(running: &Running) -> Vec<Server> {
        let standing = running.replica.standing();
        match standing.policy.as_ref().map(|policy| policy.choices().arbiter.home.clone()) {
            Some(ArbiterHome::Venue) => {
                let boxes = standing.arbiter_addresses();
                (0..9).filter(|number| boxes.contains(&genesis::address(*number))).map(Server::Box).collect()
            }
            Some(ArbiterHome::Registrar | ArbiterHome::Local) | None => vec![Server::Registrar],
        }
    }

    /// Whether an arbiter elsewhere answers.
    fn reaches(world: &World, running: &Running) -> Connectivity {
        if world.is(Mutation::OfflineAtOnce) && running.missed.get() {
            return Connectivity::Offline;
        }
        running.reachability.borrow().connectivity(running.clock.steady(world.turns.now()))
    }

    /// Whether whoever decides here answers.
    fn connectivity(world: &World, running: &Running) -> Connectivity {
        let elsewhere = Self::reaches(world, running);
        let standing = running.replica.standing();
        let policy = standing.policy.as_deref().expect("every world begins with a policy");
        Decider::of(policy, standing.gates).connectivity(elsewhere)
    }

    /// What keeps this gate from admitting anybody, as the gate's runtime judges it.
    fn objection(&self, world: &World, running: &Running) -> Option<Refusal> {
        let standing = running.replica.standing();
        let policy = standing.policy.as_deref().expect("every world begins with a policy");
        let reading = running.clock.reading(&self.machine, world.turns.now());
        if standing.is_revoked() || standing.age(reading.now) > policy.replica_age_max() {
            return Some(Refusal::ReplicaTooOld);
        }
        if self.passage == Passage::Out {
            return None;
        }
        if Decider::of(policy, standing.gates) == Decider::Nobody {
            return Some(Refusal::OfflineNotAllowed);
        }
        match Self::connectivity(world, running) {
            Connectivity::Offline if !policy.choices().offline.allows(standing.zone_has_one_gate()) => {
                Some(Refusal::OfflineNotAllowed)
            }
            Connectivity::Online | Connectivity::Offline => None,
        }
    }
}

/// A proof that opened nothing, for its holder's history.
type Shown = Vec<(TicketId, StaffCode)>;
