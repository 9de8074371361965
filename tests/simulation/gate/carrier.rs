//! Carries a lane's effects out: as the gate's runtime does, with a disk and a barrier that take their time.

use std::rc::Rc;

use kido_gate::claim::decider::{Decider, offline_objection};
use kido_gate::journal::{Departure, GrantedEntry, JournalError, LocalEntry, PlannedEntry, StoredAdmission};
use kido_gate::lane::{ClaimOutcome, Effect, Input, Knowledge, Place, TapNumber};
use kido_gate::replica::{Found, FoundTicket, LookUpError};
use kido_shared::admission::{EndedBy, Ending};
use kido_shared::apdu::{CommandApdu, TapCommand};
use kido_shared::binding::BindingTag;
use kido_shared::certificate::SubjectPublicKey;
use kido_shared::claim::ClaimAnswer;
use kido_shared::ids::AdmissionId;
use kido_shared::refusal::Refusal;
use kido_shared::verdict::{KnownTicket, Used};

use super::{Gate, Running, Shown, claims};
use crate::cast::Card;
use crate::mutations::Mutation;
use crate::turns::{Ms, at_once};
use crate::world::World;

/// Longer than a lane waits for its disk.
const STUCK: Ms = 16_000;

/// How long a lane waits for the feed after the arbiter has called its knowledge stale.
const CATCH_UP_TIME: Ms = 3_000;

/// What a write brings to the lane, or that the power went.
pub(super) enum Written {
    Tell(Input),
    Nothing,
    Dead,
}

impl Gate {
    pub(super) fn carry(self: &Rc<Self>, world: &Rc<World>, running: &Rc<Running>, effect: Effect) {
        let now = || running.clock.reading(&self.machine, world.turns.now()).now;
        match effect {
            Effect::Show(screen) => self.show(Some(screen)),
            Effect::PowerOffCard => {}
            // A lane's reader here has no keys, so that every PIN is a step of the simulation.
            Effect::DrawChallenge(_) => world.tell(|| format!("gate {}: a challenge nobody draws", self.number)),
            Effect::ReportRefusal(_, refusal) => world.tell(|| format!("gate {}: {refusal:?}", self.number)),
            Effect::Transmit(tap, command) => self.transmit(world, running, tap, command),
            Effect::LookUp(tap, window) => {
                self.soon(world, running, move |world, gate, running| match running.replica.look_up(&window) {
                    Ok(Found { tag, tickets, key }) => {
                        Written::Tell(known(world, gate, running, tap, (tag, tickets, key)))
                    }
                    Err(LookUpError::Unseal(_)) => Written::Tell(Input::LookUpFailed(tap, Refusal::ProofFailed)),
                    Err(LookUpError::Replica(_)) => Written::Tell(Input::LookUpFailed(tap, Refusal::StorageFailed)),
                })
            }
            Effect::LookUpAgain(tap, tag) => {
                self.soon(world, running, move |world, gate, running| match running.replica.look_up_tag(tag) {
                    Ok(tickets) => Written::Tell(known(world, gate, running, tap, (tag, tickets, None))),
                    Err(_) => Written::Tell(Input::LookUpFailed(tap, Refusal::StorageFailed)),
                })
            }
            Effect::StoreIntents(tap, planned) => {
                let at = now();
                self.soon(world, running, move |world, _gate, running| {
                    let mut random = world.random.borrow_mut();
                    let stored = at_once(running.journal.store_intents(&planned, at, &mut *random));
                    written(tap, stored.map(|intents| Input::IntentsStored(tap, intents)))
                });
            }
            Effect::Claim(tap, intent) => claims::begin(world, self, running, tap, intent),
            Effect::CatchUp(tap) => self.catch_up(world, running, tap),
            Effect::DropIntents(intents) => {
                self.drop_intents(world, running, intents.iter().map(|i| i.admission()).collect())
            }
            Effect::StoreAdmissions(tap, granted) => {
                self.soon(world, running, move |world, gate, running| store(world, gate, running, tap, &granted));
            }
            Effect::AdmitHere(tap, planned) => {
                self.soon(world, running, move |world, gate, running| {
                    let done = written(tap, admit_here(world, gate, running, tap, planned));
                    running.push.put(());
                    done
                });
            }
            Effect::OpenLane(tap, admissions) => self.open(world, running, tap, admissions),
            Effect::NoteOpened(admissions) => {
                let at = now();
                self.soon(world, running, move |_world, _gate, running| {
                    let noted = at_once(running.journal.note_opened(admissions, at));
                    running.push.put(());
                    running.errands.put(());
                    quiet(noted)
                });
            }
            Effect::NoteRefused(refused) => self.note_refused(world, running, refused),
            Effect::OpenOut(tap, _departures) => self.let_out(world, running, tap),
            Effect::NoteExited(departures) => self.note_exited(world, running, departures),
            Effect::NoteAnnulled(admissions) => self.note_annulled(world, running, admissions),
        }
    }

    /// Does something with the disk in a moment, and tells the lane a moment later: the power may go between any two.
    fn soon(
        self: &Rc<Self>,
        world: &Rc<World>,
        running: &Rc<Running>,
        work: impl FnOnce(&World, &Self, &Running) -> Written + 'static,
    ) {
        let (gate, there, then) = (Rc::clone(self), Rc::clone(world), Rc::clone(running));
        world.turns.spawn(running.owner, async move {
            there.turns.sleep(there.between(0, 10)).await;
            let done = work(&there, &gate, &then);
            let stuck = there.chance(there.plan.weather.disk_stuck);
            match done {
                Written::Tell(input) => {
                    there.turns.sleep(if stuck { STUCK } else { there.between(0, 10) }).await;
                    gate.take(&there, input);
                }
                Written::Nothing => {}
                Written::Dead => gate.crash(&there),
            }
        });
    }

    fn transmit(self: &Rc<Self>, world: &Rc<World>, running: &Rc<Running>, tap: TapNumber, command: TapCommand) {
        let lies = self.tray.get();
        let (gate, there) = (Rc::clone(self), Rc::clone(world));
        world.turns.spawn(running.owner, async move {
            there.turns.sleep(there.between(20, 120)).await;
            let input = match lies.filter(|lay| gate.tray.get() == Some(*lay)) {
                Some((visitor, _)) => Input::Answered(tap, Card(visitor).answer(&CommandApdu::from(command))),
                None => Input::Torn(tap),
            };
            gate.take(&there, input);
        });
    }

    fn catch_up(self: &Rc<Self>, world: &Rc<World>, running: &Rc<Running>, tap: TapNumber) {
        let (gate, there, then) = (Rc::clone(self), Rc::clone(world), Rc::clone(running));
        let before = running.pulled.get();
        world.turns.spawn(running.owner, async move {
            then.pull.put(());
            let until = there.turns.now() + CATCH_UP_TIME;
            while then.pulled.get() == before && there.turns.now() < until {
                there.turns.within(until - there.turns.now(), then.pulled_again.take()).await;
            }
            gate.take(&there, Input::CaughtUp(tap));
        });
    }

    fn drop_intents(self: &Rc<Self>, world: &Rc<World>, running: &Rc<Running>, intents: Vec<AdmissionId>) {
        let refused = std::mem::take(&mut *running.refused.borrow_mut());
        let (refused, open): (Vec<_>, Vec<_>) = intents.into_iter().partition(|intent| refused.contains(intent));
        let at = running.clock.reading(&self.machine, world.turns.now()).now;
        self.soon(world, running, move |world, _gate, running| {
            let declined = if refused.is_empty() { Ok(()) } else { at_once(running.journal.decline(refused)) };
            let withdrawn = match open {
                open if open.is_empty() => Ok(()),
                open if world.is(Mutation::NoWithdrawal) => at_once(running.journal.decline(open)),
                open => at_once(running.journal.withdraw(open, at)),
            };
            running.errands.put(());
            quiet(declined.and(withdrawn))
        });
    }

    fn note_refused(self: &Rc<Self>, world: &Rc<World>, running: &Rc<Running>, refused: Shown) {
        let at = running.clock.reading(&self.machine, world.turns.now()).now;
        self.soon(world, running, move |world, _gate, running| {
            let mut random = world.random.borrow_mut();
            let noted = at_once(running.journal.note_refused(&refused, at, &mut *random));
            running.push.put(());
            quiet(noted)
        });
    }

    fn open(
        self: &Rc<Self>,
        world: &Rc<World>,
        running: &Rc<Running>,
        tap: TapNumber,
        admissions: Vec<StoredAdmission>,
    ) {
        let (gate, there) = (Rc::clone(self), Rc::clone(world));
        world.turns.spawn(running.owner, async move {
            there.turns.sleep(there.between(5, 100)).await;
            if there.chance(there.plan.weather.barrier_fails) {
                gate.take(&there, Input::BarrierFailed(tap));
                return;
            }
            if there.chance(there.plan.weather.nobody_passes) {
                gate.take(&there, Input::NobodyPassed(tap));
                return;
            }
            there.ledger.borrow_mut().opened(gate.number, &admissions);
            there.turns.sleep(there.between(0, 50)).await;
            gate.take(&there, Input::Opened(tap));
        });
    }
}

/// The lanes that let people out, and what barriers have seen.
impl Gate {
    fn let_out(self: &Rc<Self>, world: &Rc<World>, running: &Rc<Running>, tap: TapNumber) {
        let (gate, there) = (Rc::clone(self), Rc::clone(world));
        world.turns.spawn(running.owner, async move {
            there.turns.sleep(there.between(5, 100)).await;
            let said = if there.chance(there.plan.weather.barrier_fails) {
                Input::BarrierFailed(tap)
            } else if there.chance(there.plan.weather.nobody_passes) {
                Input::NobodyPassed(tap)
            } else {
                Input::Opened(tap)
            };
            gate.take(&there, said);
        });
    }

    fn note_exited(self: &Rc<Self>, world: &Rc<World>, running: &Rc<Running>, departures: Vec<Departure>) {
        let at = running.clock.reading(&self.machine, world.turns.now()).now;
        self.soon(world, running, move |world, gate, running| {
            let noted = at_once(running.journal.note_exited(departures.clone(), at));
            if noted.is_ok() {
                for Departure { admission, ticket } in departures {
                    let ending = Ending { admission, ticket, gate: gate.id, by: EndedBy::Exited, at };
                    world.ledger.borrow_mut().ended(ending);
                }
            }
            running.push.put(());
            running.errands.put(());
            quiet(noted)
        });
    }

    fn note_annulled(self: &Rc<Self>, world: &Rc<World>, running: &Rc<Running>, admissions: Vec<AdmissionId>) {
        let at = running.clock.reading(&self.machine, world.turns.now()).now;
        self.soon(world, running, move |world, gate, running| {
            let noted = at_once(running.journal.note_annulled(admissions.clone(), at));
            if noted.is_ok() {
                admissions.iter().for_each(|admission| world.ledger.borrow_mut().annulled(*admission, gate.id, at));
            }
            running.push.put(());
            running.errands.put(());
            quiet(noted)
        });
    }
}

fn written(tap: TapNumber, done: Result<Input, JournalError>) -> Written {
    match done {
        Ok(input) => Written::Tell(input),
        Err(JournalError::Store(_)) => Written::Dead,
        Err(_refused) => Written::Tell(Input::StoreFailed(tap)),
    }
}

pub(super) fn quiet(done: Result<(), JournalError>) -> Written {
    match done {
        Err(JournalError::Store(_)) => Written::Dead,
        Ok(()) | Err(_) => Written::Nothing,
    }
}

fn store(world: &World, gate: &Gate, running: &Running, tap: TapNumber, granted: &[GrantedEntry]) -> Written {
    let at = running.clock.reading(&gate.machine, world.turns.now()).now;
    let stored = at_once(running.journal.store_admissions(granted, at));
    if let Ok(stored) = &stored {
        world.ledger.borrow_mut().stored(running.chosen(), stored);
    }
    written(tap, stored.map(|stored| Input::AdmissionsStored(tap, stored)))
}

fn admit_here(
    world: &World,
    gate: &Gate,
    running: &Running,
    tap: TapNumber,
    planned: Vec<PlannedEntry>,
) -> Result<Input, JournalError> {
    assert!(!world.is(Mutation::MerelyStops), "a machine stops in the middle");
    let standing = running.replica.standing();
    let policy = standing.policy.as_deref().expect("every world begins with a policy");
    let at = running.clock.reading(&gate.machine, world.turns.now()).now;
    let mut random = world.random.borrow_mut();
    let (stored, refused) = match Decider::of(policy, standing.gates) {
        Decider::Nobody => (Vec::new(), Some(Refusal::OfflineNotAllowed)),
        Decider::Elsewhere => {
            let allowed = policy.choices().offline.allows(standing.zone_has_one_gate());
            match offline_objection(Gate::connectivity(world, running), allowed) {
                Some(refusal) => (Vec::new(), Some(refusal)),
                None => {
                    let stored = at_once(running.journal.admit_offline(planned, at, &mut *random))?.stored;
                    world.ledger.borrow_mut().asked_nobody(gate.number, world.turns.now(), &stored);
                    (stored, None)
                }
            }
        }
        Decider::Here => {
            let entries = planned.into_iter().map(|planned| local(running, planned)).collect();
            let admitted = at_once(running.journal.admit_as_arbiter(entries, at, &mut *random))?;
            (admitted.stored, admitted.refused.as_ref().and_then(ClaimAnswer::refusal))
        }
    };
    drop(random);
    world.ledger.borrow_mut().stored(policy.choices().offline, &stored);
    Ok(Input::AdmittedHere(tap, stored, refused))
}

fn local(running: &Running, planned: PlannedEntry) -> LocalEntry {
    let facts = running.replica.claim_facts(planned.ticket).expect("its index").expect("a ticket of the feed");
    let elsewhere = running.replica.used(planned.ticket).expect("its index");
    LocalEntry { planned, facts, elsewhere }
}

/// What the gate knows about a card, with its own journal laid over the feed.
fn known(
    world: &World,
    gate: &Gate,
    running: &Running,
    tap: TapNumber,
    (tag, tickets, key): (BindingTag, Vec<FoundTicket>, Option<SubjectPublicKey>),
) -> Input {
    let standing = running.replica.standing();
    let policy = standing.policy.clone().expect("every world begins with a policy");
    let with_own = |found: FoundTicket| -> KnownTicket {
        let own = running.journal.used(found.ticket.record.ticket).expect("its index");
        let mut known = found.with_own(own);
        if let Used::Inside { entry, admission, .. } = known.used
            && running.journal.left(admission).expect("its index")
        {
            known.used = Used::Left { entries: entry };
        }
        known
    };
    let reading = running.clock.reading(&gate.machine, world.turns.now());
    let place = Place {
        zone: standing.zone(&gate.zone).clone(),
        now: reading.now,
        clock_certain: reading.certain,
        connectivity: Gate::connectivity(world, running),
        replica_age: standing.age(reading.now),
        zone_has_one_gate: standing.zone_has_one_gate(),
        policy,
        passage: gate.passage,
    };
    let tickets = tickets.into_iter().map(with_own).collect();
    let knowledge = Knowledge { event: world.genesis.event, gate: gate.id, tag, key, tickets, place };
    Input::Known(tap, Box::new(knowledge))
}

/// What a claim came to, for the lane.
pub(super) const fn claimed(tap: TapNumber, admission: AdmissionId, outcome: ClaimOutcome) -> Input {
    Input::Claimed(tap, admission, outcome)
}
