//! Asks the arbiter: the gate's own patience and reachability around packets that may never arrive.

use std::rc::Rc;

use kido_gate::claim::{ATTEMPT_DEADLINE, Next, Patience};
use kido_gate::journal::{Errand, JournalError, StoredIntent};
use kido_gate::lane::{ClaimOutcome, TapNumber};
use kido_shared::admission::AdmissionBasis;
use kido_shared::claim::{ClaimAnswer, ClaimRequest, ClaimStep};
use kido_shared::verdict::Connectivity;
use kido_shared::wire::v1::admissions::{AskedArbiter, ClaimBody};

use super::{Gate, Running, carrier};
use crate::mutations::Mutation;
use crate::network::{Asker, Reply, Request, Server, ask};
use crate::turns::at_once;
use crate::world::World;

/// Why a step has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoAnswer {
    Silence,
    Refused,
    TooFast,
}

/// Claims for the lane.
pub(super) fn begin(world: &Rc<World>, gate: &Rc<Gate>, running: &Rc<Running>, tap: TapNumber, intent: StoredIntent) {
    let (gate, there, then) = (Rc::clone(gate), Rc::clone(world), Rc::clone(running));
    world.turns.spawn(running.owner, async move {
        match claim(&there, &gate, &then, &intent).await {
            Ok(outcome) => {
                there.tell(|| format!("gate {}: claim {} {outcome:?}", gate.number, intent.admission()));
                gate.take(&there, carrier::claimed(tap, intent.admission(), outcome));
            }
            Err(JournalError::Store(_)) => gate.crash(&there),
            Err(_refused) => gate.take(&there, carrier::claimed(tap, intent.admission(), ClaimOutcome::Silent)),
        }
    });
}

async fn claim(
    world: &Rc<World>,
    gate: &Rc<Gate>,
    running: &Rc<Running>,
    intent: &StoredIntent,
) -> Result<ClaimOutcome, JournalError> {
    if world.is(Mutation::ClaimAfterStore) {
        claim_later(world, gate, running, intent.clone());
        return Ok(ClaimOutcome::Answered(ClaimAnswer::Granted { entry: 1 }));
    }
    let offline = || Gate::reaches(world, running) == Connectivity::Offline;
    let outcome = if tell_earlier(world, gate, running, intent).await? {
        if offline() { ClaimOutcome::Offline } else { ask_patiently(world, gate, running, intent).await }
    } else if offline() {
        ClaimOutcome::Offline
    } else {
        ClaimOutcome::Silent
    };
    Ok(match outcome {
        ClaimOutcome::Silent if world.is(Mutation::OpensOnSilence) => {
            ClaimOutcome::Answered(ClaimAnswer::Granted { entry: 1 })
        }
        outcome @ (ClaimOutcome::Answered(_) | ClaimOutcome::Silent | ClaimOutcome::Offline) => outcome,
    })
}

/// The planted bug: by the time that anybody is asked the lane is open.
fn claim_later(world: &Rc<World>, gate: &Rc<Gate>, running: &Rc<Running>, intent: StoredIntent) {
    let (gate, there, then) = (Rc::clone(gate), Rc::clone(world), Rc::clone(running));
    world.turns.spawn(running.owner, async move {
        there.turns.sleep(500).await;
        ask_patiently(&there, &gate, &then, &intent).await;
    });
}

/// Whether the arbiter has heard everything of this ticket.
async fn tell_earlier(
    world: &Rc<World>,
    gate: &Gate,
    running: &Running,
    intent: &StoredIntent,
) -> Result<bool, JournalError> {
    for errand in running.journal.untold(intent.intent().ticket)? {
        match step(world, gate, running, errand.step()).await {
            Ok(answer) if Errand::is_ended_by(&answer) => at_once(running.journal.note_told(&errand))?,
            Ok(_) | Err(_) => return Ok(false),
        }
    }
    Ok(true)
}

async fn ask_patiently(world: &Rc<World>, gate: &Gate, running: &Running, intent: &StoredIntent) -> ClaimOutcome {
    let intent = intent.intent();
    let request = ClaimRequest {
        admission: intent.admission,
        ticket: intent.ticket,
        gate: gate.id,
        decided_on: intent.decided_on,
        at: intent.at,
        basis: AdmissionBasis::Claimed,
    };
    let wanted = ClaimStep::Claim(request);
    let (servers, arbiter) = (Gate::endpoints(running), asked(running));
    let steady = || running.clock.steady(world.turns.now());
    let mut patience = Patience::begin(steady(), servers.len(), 0);
    loop {
        match patience.next(steady()) {
            Next::GiveUp => return ClaimOutcome::Silent,
            Next::Pause(pause) => world.turns.sleep(u64::try_from(pause.as_millis()).expect("a pause")).await,
            Next::Ask { endpoint, deadline } => {
                match one(world, gate, running, (servers[endpoint], arbiter), &wanted, deadline).await {
                    Ok(ClaimAnswer::Behind) | Err(NoAnswer::Silence | NoAnswer::TooFast) => {}
                    Ok(answer) => return ClaimOutcome::Answered(answer),
                    Err(NoAnswer::Refused) => return ClaimOutcome::Silent,
                }
            }
        }
    }
}

/// Asks for one step, once, at the first endpoint that answers.
pub(super) async fn step(
    world: &Rc<World>,
    gate: &Gate,
    running: &Running,
    wanted: &ClaimStep,
) -> Result<ClaimAnswer, NoAnswer> {
    let arbiter = asked(running);
    let mut last = NoAnswer::Silence;
    for server in Gate::endpoints(running) {
        match one(world, gate, running, (server, arbiter), wanted, ATTEMPT_DEADLINE).await {
            Ok(answer) => return Ok(answer),
            Err(NoAnswer::Refused) => return Err(NoAnswer::Refused),
            Err(other) => last = other,
        }
    }
    Err(last)
}

fn asked(running: &Running) -> Option<AskedArbiter> {
    let standing = running.replica.standing();
    standing.policy.as_ref().map(|policy| AskedArbiter::of(&policy.choices().arbiter))
}

async fn one(
    world: &Rc<World>,
    gate: &Gate,
    running: &Running,
    (server, arbiter): (Server, Option<AskedArbiter>),
    wanted: &ClaimStep,
    deadline: std::time::Duration,
) -> Result<ClaimAnswer, NoAnswer> {
    let body = ClaimBody { step: wanted.clone(), arbiter };
    let deadline = u64::try_from(deadline.as_millis()).expect("a deadline").max(1);
    let reply = ask(world, Asker::Gate(gate.number), server, Request::Claim(body), deadline).await;
    let now = running.clock.steady(world.turns.now());
    let mut reachability = running.reachability.borrow_mut();
    running.missed.set(reply.is_none());
    if matches!(reply, Some(Reply::Answer(_) | Reply::TooFast)) {
        world.ledger.borrow_mut().answered(gate.number, world.turns.now());
    }
    match reply {
        Some(Reply::Answer(answer)) => {
            reachability.answered(now);
            Ok(answer)
        }
        Some(Reply::TooFast) => {
            reachability.answered(now);
            Err(NoAnswer::TooFast)
        }
        Some(refused @ (Reply::Unwell | Reply::OtherTime(_))) => {
            if let Reply::OtherTime(date) = refused {
                running.date_was_refused(world, gate, date);
            }
            reachability.step_unanswered(now);
            Err(NoAnswer::Silence)
        }
        Some(_) => {
            reachability.answered(now);
            Err(NoAnswer::Refused)
        }
        None => {
            reachability.step_unanswered(now);
            Err(NoAnswer::Silence)
        }
    }
}
