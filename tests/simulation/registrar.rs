//! The registrar: its own store, rules and signer, over a disk in memory.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use kido_registrar::domain::claim::ClaimRefusal;
use kido_registrar::keyring::Reached;
use kido_registrar::store::{Failed, StorageError, Store};
use kido_shared::claim::ClaimAnswer;
use kido_shared::clock::{Clock as _, ManualClock};
use kido_shared::feed::SealedRecord;
use kido_shared::ids::{Epoch, GateId};
use kido_shared::wire::v1::admissions::{AdmissionAcks, AdmissionBatch};
use kido_shared::wire::v1::recovery::RecoveryWish;
use kido_store::HeldFolder;

use crate::clock::MachineClock;
use crate::disk::Disk;
use crate::genesis::{self, on_a_thread};
use crate::mutations::{self, Mutation};
use crate::network::{Asker, Reply, Request};
use crate::restore;
use crate::turns::{Owner, at_once};
use crate::world::World;

/// The registrar's machine.
pub(crate) struct Registrar {
    pub(crate) disk: Disk,
    clock: Arc<ManualClock>,
    pub(crate) machine: MachineClock,
    store: RefCell<Option<Store>>,
    runs: Cell<u64>,
    /// What its keyring knows of how far it has signed: it lies on another disk.
    mark: RefCell<Option<Reached>>,
    /// What a cache in front of it holds: records never change.
    cached: RefCell<(Epoch, Vec<SealedRecord>)>,
}

impl Registrar {
    pub(crate) fn new(disk: Disk) -> Self {
        let clock = Arc::new(ManualClock::at(genesis::DOORS));
        Self {
            disk,
            clock,
            machine: MachineClock::default(),
            store: RefCell::default(),
            runs: Cell::default(),
            mark: RefCell::default(),
            cached: RefCell::new((Epoch::FIRST, Vec::new())),
        }
    }

    pub(crate) fn start(&self, world: &World) {
        self.runs.set(self.runs.get() + 1);
        self.clock.set(self.machine.at(world.turns.now()));
        let seed = world.between(0, u64::MAX - 1);
        let store = world.genesis.registrar(&self.disk.folder(), &self.clock, (seed, self.mark.borrow().clone()));
        *self.store.borrow_mut() = Some(store);
    }

    /// The store, where the machine runs.
    pub(crate) fn store(&self, world: &World) -> Option<Store> {
        self.clock.set(self.machine.at(world.turns.now()));
        self.store.borrow().clone()
    }

    /// Dies, and is back in a while.
    pub(crate) fn crash(&self, world: &Rc<World>) {
        if !self.stops(world) {
            return;
        }
        self.disk.power_was_cut(world, Some(Mutation::AckUnsynced));
        let world_then = Rc::clone(world);
        world.turns.spawn(Owner::World, async move {
            world_then.turns.sleep(world_then.downtime()).await;
            world_then.registrar.start(&world_then);
        });
    }

    /// Stops, unless it has; its keyring stays.
    fn stops(&self, world: &World) -> bool {
        let Some(store) = self.store.borrow_mut().take() else { return false };
        // A disk that lies about what it holds would be found out by the keyring.
        if !world.is(Mutation::AckUnsynced) {
            *self.mark.borrow_mut() = store.reached(world.genesis.event).ok().flatten();
        }
        true
    }

    /// Its disk is lost; in a while it is back with a backup.
    pub(crate) fn restore(&self, world: &Rc<World>, backup: HeldFolder) {
        let had = self.length(world);
        if !self.stops(world) {
            return;
        }
        let known = restore::furthest(world);
        world.tell(|| format!("the registrar's disk is lost with {had:?} records, of which gates have {known}"));
        world.ledger.borrow_mut().registrar_was_restored(known);
        self.disk.replace(backup);
        self.cached.borrow_mut().1.clear();
        let world_then = Rc::clone(world);
        world.turns.spawn(Owner::World, async move {
            world_then.turns.sleep(restore::TAKES).await;
            world_then.registrar.start(&world_then);
            world_then.tell(|| format!("a registrar from a backup: {:?}", world_then.registrar.length(&world_then)));
        });
    }

    /// How many records its feed has.
    pub(crate) fn length(&self, world: &World) -> Option<u64> {
        self.store(world)?.event(world.genesis.event).map(|event| event.feed_length).ok()
    }

    /// Answers, or dies of it.
    pub(crate) fn serve(&self, world: &Rc<World>, asker: Asker, request: Request) -> Option<Reply> {
        let store = self.store(world)?;
        let event = world.genesis.event;
        let Asker::Gate(number) = asker else {
            return self.feed(world, &store, request);
        };
        let gate = genesis::gate_id(number);
        if request.is_signed() && matches!(store.gate(event, gate), Err(Failed::Refused(_))) {
            return Some(Reply::Refused);
        }
        match request {
            Request::Health => Some(Reply::Alive),
            Request::Feed(_) => self.feed(world, &store, request),
            Request::Claim(body) => {
                if mutations::swallows(world, &body.step) {
                    return Some(Reply::Answer(ClaimAnswer::Withdrawn));
                }
                let ended = body.step.admission();
                let answered = at_once(store.claim(event, gate, body));
                if let Ok(ClaimAnswer::Exited | ClaimAnswer::Annulled) = &answered {
                    world.ledger.borrow_mut().end_heard(ended, self.clock.now());
                }
                if matches!(answered, Err(Failed::Refused(ClaimRefusal::TooFast))) {
                    return Some(Reply::TooFast);
                }
                self.of(world, answered.map(Reply::Answer))
            }
            Request::Upload(batch) => {
                let batch = mutations::uploaded(world, batch);
                let reply = self.take_upload(world, &store, gate, batch);
                world.news();
                reply
            }
            Request::Report { reached, knows } => {
                let followed = (reached.epoch, reached.length);
                let wish = store.recovery_wish(event, gate, (reached.epoch.get(), reached.length));
                if let Some(head) = knows
                    && wish.is_none()
                    && !store.is_recovering(event)
                {
                    let heard = at_once(store.gate_has_heard(event, gate, followed, head));
                    self.of(world, heard.map(|()| Reply::Taken))?;
                }
                Some(Reply::Wish(wish.unwrap_or(RecoveryWish::Nothing)))
            }
            Request::Offer(offer) => {
                world.tell(|| format!("gate {number} offers {offer:?}").chars().take(60).collect());
                let reply = self.of(world, on_a_thread(store.take_back(event, gate, offer)).map(Reply::Wish));
                world.news();
                reply
            }
            Request::Showings(showings) => {
                self.of(world, at_once(store.take_showings(event, gate, showings)).map(|()| Reply::Taken))
            }
        }
    }

    /// Admissions and their ends, as one request brings them.
    fn take_upload(&self, world: &Rc<World>, store: &Store, gate: GateId, batch: AdmissionBatch) -> Option<Reply> {
        let event = world.genesis.event;
        let heard: Vec<_> = batch.endings.iter().map(|ending| ending.admission).collect();
        let taken = on_a_thread(store.take_upload(event, gate, batch));
        let taken = taken.map(|AdmissionAcks { acks, endings }| Reply::Acks { admissions: acks, endings });
        if taken.is_ok() {
            let now = self.clock.now();
            heard.into_iter().for_each(|ended| world.ledger.borrow_mut().end_heard(ended, now));
        }
        self.of(world, taken)
    }

    fn of<R: std::error::Error + 'static>(&self, world: &Rc<World>, done: Result<Reply, Failed<R>>) -> Option<Reply> {
        match done {
            Ok(reply) => Some(reply),
            Err(Failed::Refused(_)) => Some(Reply::Refused),
            Err(Failed::Storage(StorageError::Recovering { .. })) => Some(Reply::Unwell),
            Err(Failed::Storage(_)) => {
                self.crash(world);
                None
            }
        }
    }

    fn feed(&self, world: &Rc<World>, store: &Store, request: Request) -> Option<Reply> {
        let Request::Feed(from) = request else { return Some(Reply::Alive) };
        let event = world.genesis.event;
        let (reached, head) = store.head_reaching(event).ok()?;
        let mut cached = self.cached.borrow_mut();
        if cached.0 != reached.epoch {
            *cached = (reached.epoch, Vec::new());
        }
        let known = cached.1.len() as u64;
        if known < reached.length {
            cached.1.extend(genesis::records(store, event, known)?);
        }
        let is_behind_a_cut = from.epoch < reached.epoch;
        let cut = if is_behind_a_cut { store.epoch_cut(event).ok()? } else { None };
        let begins = if is_behind_a_cut { 0 } else { from.length };
        let news = cached.1.get(usize::try_from(begins).ok()?..usize::try_from(reached.length).ok()?);
        let records = news.map(<[SealedRecord]>::to_vec).unwrap_or_default();
        Some(Reply::Feed { cut, head: head.into_bytes(), records })
    }
}

/// What an operator, a shop or a holder does at the registrar; nothing where it is down or dies of it.
pub(crate) fn office<T, R>(world: &Rc<World>, deed: impl FnOnce(&Store) -> Result<T, Failed<R>>) -> Option<T>
where
    R: std::error::Error + 'static,
{
    let store = world.registrar.store(world)?;
    let done = deed(&store);
    world.news();
    match done {
        Ok(done) => Some(done),
        Err(Failed::Refused(_) | Failed::Storage(StorageError::Recovering { .. })) => None,
        Err(Failed::Storage(_)) => {
            world.registrar.crash(world);
            None
        }
    }
}
