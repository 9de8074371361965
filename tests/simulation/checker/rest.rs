//! A world at rest: everybody agrees on what happened, and with what really happened.

use std::collections::BTreeMap;
use std::rc::Rc;

use kido_registrar::domain::history::Happening;
use kido_registrar::domain::ticket::TicketState;
use kido_registrar::store::{Store, TicketName};
use kido_shared::admission::AdmissionBasis;
use kido_shared::claim::{ClaimAnswer, ClaimRequest, ClaimStep};
use kido_shared::feed::{RecordCipher, SealedRecord};
use kido_shared::ids::{AdmissionId, Epoch, GateId};
use kido_shared::wire::v1::admissions::{AskedArbiter, ClaimBody};
use kido_tests::evening::{
    Fate, LastWord, Listed, Published, Shown, ToldFeed, Truth, UnreadableFeed, locked_out, unchanged,
};

use crate::cast::Card;
use crate::genesis::{self, on_a_thread};
use crate::plan::Home;
use crate::turns::at_once;
use crate::visitors::Seen;
use crate::world::World;

/// The name of a claim that nobody made, to see what an arbiter holds.
const NOBODY: AdmissionId = AdmissionId::from_bytes([0xFF; 16]);

/// How long whoever decides is asked for one answer: a clock that was set back has used up a gate's pace, which fills by the
/// second.
const PACE_SECONDS: usize = 60;

/// How the complaint begins that something is not brought home.
pub(crate) const UNREST: &str = "no rest";

/// Whether nobody has anything left to bring home, to tell or to follow.
pub(crate) fn is_at_rest(world: &World) -> bool {
    let Some(store) = world.registrar.store(world) else { return false };
    if store.is_recovering(world.genesis.event) {
        return false;
    }
    let Ok((reached, _head)) = store.head_reaching(world.genesis.event) else { return false };
    let gates = world.gates.iter().all(|gate| {
        gate.running().is_some_and(|running| {
            let journal = &running.journal;
            let delivered = journal.is_delivered().unwrap_or(false);
            let shown = journal.showings().is_ok_and(|showings| showings.is_empty());
            // Nothing is taken from a gate that was revoked; it still follows, and knows of it.
            let has_told = gate.revoked.get() || (delivered && shown);
            has_told && running.replica.position() == reached
        })
    });
    let boxes = world.boxes.borrow().iter().all(|each| {
        each.is_off().get() || each.arbiter(world).is_some_and(|arbiter| arbiter.book().standing().position == reached)
    });
    gates && boxes
}

/// Looks at everything.
pub(crate) fn look(world: &Rc<World>) {
    let mut broken = Vec::new();
    if !is_at_rest(world) {
        broken.push(unrest(world));
    }
    match world.registrar.store(world) {
        Some(store) if store.is_recovering(world.genesis.event) => {
            let view = on_a_thread(store.recovery(world.genesis.event));
            broken.push(format!("the registrar does not get back what it has lost: {view:?}"));
        }
        Some(store) => broken.extend(look_at(world, &store)),
        None => broken.push("the registrar does not come back".to_owned()),
    }
    broken.extend(locked_out(&fates(world)));
    let mut ledger = world.ledger.borrow_mut();
    broken.extend(ledger.evening.unallowed());
    broken.extend(ledger.evening.ajar());
    broken.into_iter().for_each(|rule| ledger.breaks(rule));
}

fn look_at(world: &Rc<World>, store: &Store) -> Vec<String> {
    let event = world.genesis.event;
    let subkeys = store.gate_subkeys(event).expect("subkeys");
    let records = genesis::records(store, event, 0).unwrap_or_default();
    let (reached, _head) = store.head_reaching(event).expect("a head");
    let published = Published::of(&RecordCipher::new(&subkeys.record, event, reached.epoch), &records);
    let published = published.anew(reached.epoch != Epoch::FIRST);
    not_brought_home(world);
    let mut broken = lost(world, store);
    {
        let ledger = world.ledger.borrow();
        broken.extend(ledger.evening.doubles(&published));
        broken.extend(ledger.evening.unpublished(&published));
        broken.extend(ledger.evening.unended(&published));
    }
    broken.extend(conflicts(world, store, &published));
    match truth(world, store, records) {
        Ok(truth) => {
            broken.extend(copies(world, &truth));
            broken.extend(holdings(world, store, &truth));
        }
        Err(error) => broken.push(format!("the feed cannot be followed from its beginning: {error:?}")),
    }
    broken
}

/// What still lies on gates' disks: of those that were revoked nobody takes it.
fn not_brought_home(world: &World) {
    for running in world.gates.iter().filter_map(|gate| gate.running()) {
        let waiting = running.journal.outbox().expect("its outbox");
        let mut ledger = world.ledger.borrow_mut();
        waiting.batch().admissions.iter().for_each(|sent| ledger.evening.admission_not_brought_home(&sent.admission));
        waiting.batch().endings.iter().for_each(|ending| ledger.evening.ending_not_brought_home(ending));
    }
}

fn unrest(world: &World) -> String {
    let gates = world.gates.iter().map(|gate| {
        let running = gate.running().map(|running| {
            let outbox = running.journal.outbox().map(|outbox| outbox.batch().admissions.len());
            let errands = running.journal.errands().map(|errands| errands.len());
            (outbox.ok(), errands.ok(), running.replica.position().length)
        });
        format!("gate {}: {running:?}", gate.number)
    });
    let gates: Vec<_> = gates.collect();
    format!("{UNREST}, {} people left: {gates:?}", world.people_left.get())
}

/// Nothing that was acknowledged is lost, and nothing is there that never was.
fn lost(world: &World, store: &Store) -> Vec<String> {
    let (event, ledger) = (world.genesis.event, world.ledger.borrow());
    let counted = store.event(event).map(|event| event.counts.admissions).unwrap_or_default();
    let mut broken = ledger.evening.lost(|id| store.admission(event, id).ok().flatten(), counted);
    let state = |ticket| store.ticket(event, &TicketName::Id(ticket)).map(|view| view.state).ok();
    broken.extend(unchanged(&ledger.states(), state));
    broken
}

/// Each pair of admissions of one entry is shown once: in the operator's list, in the feed and in the holder's history.
fn conflicts(world: &World, store: &Store, published: &Published) -> Vec<String> {
    let event = world.genesis.event;
    let listed = store.conflicts(event).unwrap_or_default();
    let listed: Vec<_> =
        listed.into_iter().map(|view| Listed { conflict: view.conflict, settled: view.settled_at.is_some() }).collect();
    let told = |ticket| {
        let history = store.history(event, &TicketName::Id(ticket)).unwrap_or_default();
        history.iter().filter(|line| matches!(line.happening, Happening::Conflict(_))).count()
    };
    let told: BTreeMap<_, _> =
        world.genesis.tickets.iter().map(|bought| (bought.ticket, told(bought.ticket))).collect();
    let mut ledger = world.ledger.borrow_mut();
    ledger.counts.conflicts += listed.len() as u64;
    ledger.evening.conflicts(&Shown { listed: &listed, published, told })
}

/// What gates and boxes should know.
fn truth(world: &World, store: &Store, records: Vec<SealedRecord>) -> Result<Truth, UnreadableFeed> {
    let genesis = &world.genesis;
    let head = store.signed_head(genesis.event).expect("a head").into_bytes();
    let tickets: Vec<_> = genesis.tickets.iter().map(|bought| bought.ticket).collect();
    let arbiter = (world.plan.setting.home == Home::Venue).then(|| genesis.followed_by_box(0));
    let followers = (genesis.followed_by(0), arbiter);
    let cut = store.epoch_cut(genesis.event).expect("its index");
    let feed = ToldFeed { cut: cut.as_deref(), head: &head, records };
    Truth::of(feed, followers, tickets, world.moment())
}

/// Every copy of the feed is the feed.
fn copies(world: &World, truth: &Truth) -> Vec<String> {
    let mut broken = Vec::new();
    for gate in &world.gates {
        match gate.running() {
            Some(running) => broken.extend(truth.of_replica(&format!("gate {}", gate.number), &running.replica)),
            None => broken.push(format!("gate {} does not come back", gate.number)),
        }
    }
    for (number, each) in world.boxes.borrow().iter().enumerate() {
        if let Some(arbiter) = each.arbiter(world) {
            broken.extend(truth.of_book(&format!("box {number}"), arbiter.book()));
        }
    }
    broken
}

/// Whoever decides holds each entry for the admission that was stored, and for no other: nobody is kept out by a ghost,
/// and what was used is used.
fn holdings(world: &Rc<World>, store: &Store, truth: &Truth) -> Vec<String> {
    let mut broken = Vec::new();
    // Nobody answers a gate that was revoked.
    let asker = world.gates.iter().find(|gate| gate.is_in_use()).expect("a gate").id;
    for bought in &world.genesis.tickets {
        let Ok(Some(facts)) = truth.replica.claim_facts(bought.ticket) else { continue };
        let request = ClaimRequest {
            admission: NOBODY,
            ticket: bought.ticket,
            gate: asker,
            decided_on: facts.newest,
            at: world.moment(),
            basis: AdmissionBasis::Claimed,
        };
        let ask = || match world.plan.setting.home {
            Home::Registrar => at_once(store.claim(world.genesis.event, asker, ClaimStep::Claim(request.clone()))).ok(),
            Home::Venue => by_box(world, (asker, ClaimStep::Claim(request.clone())), store),
            Home::Local => None,
        };
        if world.plan.setting.home == Home::Local {
            continue;
        }
        let answer = (0..PACE_SECONDS).find_map(|_second| ask().or_else(|| a_second_later(world)));
        broken.extend(world.ledger.borrow().evening.holding(bought.ticket, answer.as_ref()));
    }
    broken
}

/// Whoever decides is asked again a second later.
fn a_second_later(world: &World) -> Option<ClaimAnswer> {
    world.registrar.machine.jump(1_000);
    world.boxes.borrow().iter().for_each(|each| each.machine.jump(1_000));
    // Asking for the store tells it the time.
    world.registrar.store(world).and(None)
}

fn by_box(world: &World, (asker, step): (GateId, ClaimStep), store: &Store) -> Option<ClaimAnswer> {
    let last = world.boxes.borrow().last().cloned()?;
    let policy = store.policy(world.genesis.event).ok()?;
    let body = ClaimBody { step, arbiter: Some(AskedArbiter::of(&policy.choices().arbiter)) };
    let answered = at_once(last.arbiter(world)?.step(asker, body));
    if let Err(refused) = &answered {
        world.tell(|| format!("asked at last, the box says {refused:?}"));
    }
    answered.ok()
}

/// Whoever went home, and with what.
fn fates(world: &World) -> Vec<Fate> {
    let ledger = world.ledger.borrow();
    let known = ledger.states();
    let fate = |(card, seen): (&usize, &Seen)| {
        let states = world.genesis.tickets.iter().filter(|bought| bought.card == Card(*card));
        let mut states = states.filter_map(|bought| {
            let state = known.get(&bought.ticket).copied().unwrap_or(TicketState::Bound);
            (!ledger.unsure.contains(&bought.ticket)).then_some(state)
        });
        Fate {
            who: format!("card {card}"),
            saw: format!("{seen:?}"),
            word: match seen {
                Seen::Welcome => LastWord::Welcome,
                told if told.is_an_end() => LastWord::WhereToTurn,
                Seen::Goodbye | Seen::Refused(_) | Seen::Nothing | Seen::WalkedOff => LastWord::Nothing,
            },
            had_a_ticket: states.any(|state| state == TicketState::Bound),
            got_in: ledger.has_passed(world, Card(*card)),
        }
    };
    ledger.fates.iter().map(fate).collect()
}
