//! What goes on without a holder: following, bringing home, errands, signs of life, watching over the lane.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use kido_follow::{FeedCopy as _, Schedule};
use kido_gate::claim::decider::Decider;
use kido_gate::claim::{ATTEMPT_DEADLINE, PROBE_INTERVAL};
use kido_gate::journal::{Errand, JournalError};
use kido_gate::lane::Input;
use kido_gate::replica::ReplicaError;
use kido_gate::sync::PUSH_INTERVAL;
use kido_shared::clock::Timestamp;
use kido_shared::feed::{Follower, SealedRecord};
use kido_shared::ids::AdmissionId;
use kido_shared::limits::SHOWINGS_PER_BATCH;
use kido_shared::wire::v1::admissions::{AckOutcome, AdmissionAck};

use super::claims::{self, NoAnswer};
use super::{Gate, Running, helping};
use crate::genesis;
use crate::mutations::Mutation;
use crate::network::{Asker, Reply, Request, Server, ask};
use crate::turns::{Ms, Slot, at_once};
use crate::world::World;

/// How often a gate looks at the feed that tells it of news, and how long it waits for an answer.
const LOOKS_EVERY: Ms = 5_000;
const FEED_DEADLINE: Ms = 5_000;
const UPLOAD_DEADLINE: Ms = 10_000;

/// How often the lane's condition is looked at.
const WATCH_INTERVAL: Ms = 1_000;

/// How often a certain moment is kept.
const TIME_NOTED_EVERY: Ms = 20_000;

pub(super) struct House {
    pub(super) world: Rc<World>,
    pub(super) gate: Rc<Gate>,
    pub(super) running: Rc<Running>,
}

/// The loops of one run.
pub(super) fn begin(world: &Rc<World>, gate: &Rc<Gate>, running: &Rc<Running>) {
    let house = || House { world: Rc::clone(world), gate: Rc::clone(gate), running: Rc::clone(running) };
    let owner = running.owner;
    world.turns.spawn(owner, follow(house()));
    world.turns.spawn(owner, bring_home(house()));
    world.turns.spawn(owner, run_errands(house()));
    world.turns.spawn(owner, probe(house()));
    world.turns.spawn(owner, watch_over(house()));
    if world.plan.reports() {
        world.turns.spawn(owner, helping::tell_how_it_is(house()));
    }
}

impl House {
    fn steady(&self) -> Timestamp {
        self.running.clock.steady(self.world.turns.now())
    }

    pub(super) async fn ask(&self, request: Request, deadline: Ms) -> Option<Reply> {
        let answered = ask(&self.world, Asker::Gate(self.gate.number), Server::Registrar, request, deadline).await;
        if let Some(Reply::OtherTime(date)) = answered {
            self.running.date_was_refused(&self.world, &self.gate, date);
        }
        answered
    }

    /// Waits until it is due, or somebody asks for it. A schedule that fails is not hurried.
    async fn due(&self, schedule: &mut Schedule, asked: &Slot<()>) {
        let wait = ms(schedule.wait(self.steady()));
        if self.world.turns.within(wait, asked.take()).await.is_some() {
            schedule.nudge(self.steady());
            self.world.turns.sleep(ms(schedule.wait(self.steady()))).await;
        }
    }

    fn failed(&self, schedule: &mut Schedule) {
        schedule.failed(self.steady(), &mut *self.world.random.borrow_mut());
    }
}

fn ms(span: Duration) -> Ms {
    u64::try_from(span.as_millis()).expect("a wait")
}

async fn follow(house: House) {
    loop {
        let from = house.running.replica.position();
        if let Some(Reply::Feed { cut, head, records }) = house.ask(Request::Feed(from), FEED_DEADLINE).await {
            let taken = take(&house, (cut.as_deref(), &head), records);
            if let Err(ReplicaError::Store(_)) = taken {
                return house.gate.crash(&house.world);
            }
        }
        house.running.pulled.set(house.running.pulled.get() + 1);
        house.running.pulled_again.put(());
        house.world.turns.within(LOOKS_EVERY, house.running.pull.take()).await;
    }
}

/// Takes what the feed tells: verified, stored, noted, as a pull does.
fn take(house: &House, (cut, head): (Option<&[u8]>, &[u8]), records: Vec<SealedRecord>) -> Result<(), ReplicaError> {
    let (replica, clock, machine) = (&house.running.replica, &house.running.clock, &house.gate.machine);
    let now = house.world.turns.now();
    let signed = head;
    let from = genesis::behind_cut(replica, cut)?;
    let head = replica.trust().verify_head(signed, from, clock.passed(machine, now))?;
    let mut check = Follower::resume(house.world.genesis.event, from).begin(&head)?;
    let has_news = !records.is_empty();
    if has_news {
        check.extend(&records)?;
        replica.reaching(&head, signed);
        replica.store_range(&mut check.finish()?, records)?;
        house.gate.followed.set(replica.position().length);
    }
    let issued_at = head.head().issued_at;
    if replica.standing().is_contradicted_by(issued_at, has_news) && clock.contradicted(issued_at, machine, now) {
        house.world.tell(|| format!("gate {}: the clock is set back to {issued_at:?}", house.gate.number));
        at_once(replica.note_head_instead(&head, clock.reading(machine, now).now))?;
        if let Err(JournalError::Store(_)) = at_once(house.running.journal.note_time_set_back(issued_at)) {
            house.gate.crash(&house.world);
            return Ok(());
        }
    }
    if clock.head(issued_at, machine, now) {
        at_once(replica.note_head(&head, clock.reading(machine, now).now))?;
    }
    Ok(())
}

async fn bring_home(house: House) {
    let mut schedule = Schedule::every(PUSH_INTERVAL, house.steady());
    loop {
        house.due(&mut schedule, &house.running.push).await;
        match all_home(&house).await {
            Ok(Some(0)) => schedule.succeeded(house.steady()),
            Ok(Some(_acknowledged)) => {
                schedule.succeeded(house.steady());
                schedule.nudge(house.steady());
            }
            Ok(None) => house.failed(&mut schedule),
            Err(JournalError::Store(_)) => return house.gate.crash(&house.world),
            Err(_) => house.failed(&mut schedule),
        }
    }
}

/// How much the registrar has acknowledged; nothing where it is silent.
async fn all_home(house: &House) -> Result<Option<usize>, JournalError> {
    let Some(admissions) = push(house).await? else { return Ok(None) };
    Ok(Some(admissions + push_showings(house).await?.unwrap_or(0)))
}

pub(super) async fn push(house: &House) -> Result<Option<usize>, JournalError> {
    let journal = &house.running.journal;
    let outbox = journal.outbox()?;
    if outbox.is_empty() {
        return Ok(Some(0));
    }
    let sent = house.ask(Request::Upload(outbox.batch().clone()), UPLOAD_DEADLINE).await;
    let ids = || outbox.batch().admissions.iter().map(|sent| sent.admission.id);
    let ended = || outbox.batch().endings.iter().map(|ending| ending.admission);
    let (acknowledged, endings): (Vec<AdmissionId>, Vec<AdmissionId>) = match sent {
        // By their places: a mutation may have them under other names.
        Some(Reply::Acks { admissions, endings }) => {
            let is_heard = |(_id, ack): &(AdmissionId, &AdmissionAck)| ack.outcome != AckOutcome::Later;
            let admissions = ids().zip(&admissions).filter(is_heard).map(|(id, _ack)| id).collect();
            (admissions, ended().zip(&endings).filter(is_heard).map(|(id, _ack)| id).collect())
        }
        None if house.world.is(Mutation::OutboxEmptiedUnheard) => (ids().collect(), ended().collect()),
        _ => return Ok(None),
    };
    let noted = at_once(journal.note_uploaded(&outbox, &acknowledged))?;
    Ok(Some(noted + at_once(journal.note_endings_uploaded(&outbox, &endings))?))
}

pub(super) async fn push_showings(house: &House) -> Result<Option<usize>, JournalError> {
    let journal = &house.running.journal;
    let showings = journal.showings()?;
    if showings.is_empty() {
        return Ok(Some(0));
    }
    let count = showings.len().min(SHOWINGS_PER_BATCH);
    match house.ask(Request::Showings(showings.batch().showings.clone()), UPLOAD_DEADLINE).await {
        Some(Reply::Taken) => at_once(journal.note_showings_uploaded(showings)).map(|()| Some(count)),
        _ => Ok(None),
    }
}

async fn run_errands(house: House) {
    let mut schedule = Schedule::every(PUSH_INTERVAL, house.steady());
    loop {
        house.due(&mut schedule, &house.running.errands).await;
        match one_round(&house).await {
            Ok(Round::Quiet) => schedule.succeeded(house.steady()),
            Ok(Round::Progress) => {
                schedule.succeeded(house.steady());
                schedule.nudge(house.steady());
            }
            Ok(Round::Silent) => house.failed(&mut schedule),
            Err(JournalError::Store(_)) => return house.gate.crash(&house.world),
            Err(_) => house.failed(&mut schedule),
        }
    }
}

enum Round {
    Quiet,
    Progress,
    Silent,
}

/// Only silence ends a round early.
async fn one_round(house: &House) -> Result<Round, JournalError> {
    let (mut told, mut left, mut waiting) = (false, 0_usize, BTreeSet::new());
    let journal = &house.running.journal;
    loop {
        let errands = journal.errands_behind(left)?;
        if errands.is_empty() {
            break;
        }
        for errand in &errands {
            if waiting.contains(&errand.admission()) {
                left += 1;
                continue;
            }
            match claims::step(&house.world, &house.gate, &house.running, errand.step()).await {
                Ok(answer) if Errand::is_ended_by(&answer) => {
                    at_once(journal.note_told(errand))?;
                    told = true;
                }
                Ok(_) | Err(NoAnswer::Refused) => {
                    waiting.insert(errand.admission());
                    left += 1;
                }
                Err(NoAnswer::TooFast) if told => return Ok(Round::Progress),
                Err(NoAnswer::TooFast | NoAnswer::Silence) => return Ok(Round::Silent),
            }
        }
    }
    Ok(match (told, left) {
        (true, _) => Round::Progress,
        (false, 0) => Round::Quiet,
        (false, _) => Round::Silent,
    })
}

/// Asks for a sign of life, every second in which nothing else was asked.
async fn probe(house: House) {
    loop {
        let probe_at = house.running.reachability.borrow().probe_at();
        house.world.turns.sleep(ms(probe_at.since(house.steady())).clamp(50, ms(PROBE_INTERVAL))).await;
        let standing = house.running.replica.standing();
        let policy = standing.policy.as_deref().expect("every world begins with a policy");
        let due = house.running.reachability.borrow().probe_at() <= house.steady();
        if !due || Decider::of(policy, standing.gates) != Decider::Elsewhere {
            continue;
        }
        let servers = Gate::endpoints(&house.running);
        if servers.is_empty() {
            house.running.reachability.borrow_mut().silent(house.steady());
        }
        for server in servers {
            let asker = Asker::Gate(house.gate.number);
            let alive = ask(&house.world, asker, server, Request::Health, ms(ATTEMPT_DEADLINE)).await;
            let now = house.steady();
            let mut reachability = house.running.reachability.borrow_mut();
            if alive.is_some() {
                reachability.alive(now);
                break;
            }
            reachability.silent(now);
        }
    }
}

/// Watches over the gate's condition and keeps its time.
async fn watch_over(house: House) {
    let mut noted: Option<Ms> = None;
    loop {
        let now = house.world.turns.now();
        let reading = house.running.clock.reading(&house.gate.machine, now);
        if reading.certain && noted.is_none_or(|noted| now >= noted + TIME_NOTED_EVERY) {
            noted = Some(now);
            if let Err(JournalError::Store(_)) = at_once(house.running.journal.note_time(reading)) {
                return house.gate.crash(&house.world);
            }
        }
        let objection = house.gate.objection(&house.world, &house.running);
        let before = house.running.told.replace(objection.clone());
        match objection {
            _ if before == objection => {}
            Some(refusal) => house.gate.take(&house.world, Input::OutOfService(refusal)),
            None => house.gate.take(&house.world, Input::BackInService),
        }
        house.world.turns.sleep(WATCH_INTERVAL).await;
    }
}
