//! A world at rest: everybody agrees on what happened, and with what really happened.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use kido_gate::replica::Replica;
use kido_registrar::domain::history::Happening;
use kido_registrar::domain::ticket::TicketState;
use kido_registrar::store::{Store, TicketName};
use kido_shared::admission::AdmissionBasis;
use kido_shared::claim::{ClaimAnswer, ClaimRequest, ClaimStep};
use kido_shared::feed::{Conflict, FeedRecord, RecordCipher};
use kido_shared::ids::{AdmissionId, Epoch, TicketId};
use kido_shared::wire::v1::admissions::{AskedArbiter, ClaimBody};
use kido_store::HeldFolder;

use crate::cast::Card;
use crate::genesis;
use crate::plan::Home;
use crate::turns::at_once;
use crate::visitors::Seen;
use crate::world::World;

/// The name of a claim that nobody made, to see what an arbiter holds.
const NOBODY: AdmissionId = AdmissionId::from_bytes([0xFF; 16]);

/// Whether nobody has anything left to bring home, to tell or to follow.
pub(crate) fn is_at_rest(world: &World) -> bool {
    let Some(store) = world.registrar.store(world) else { return false };
    let length = store.event(world.genesis.event).map(|event| event.feed_length).unwrap_or_default();
    let gates = world.gates.iter().all(|gate| {
        gate.running().is_some_and(|running| {
            let journal = &running.journal;
            let delivered = journal.is_delivered().unwrap_or(false);
            let shown = journal.showings().is_ok_and(|showings| showings.is_empty());
            delivered && shown && running.replica.position().length == length
        })
    });
    let boxes = world.boxes.borrow().iter().all(|each| {
        each.is_off().get()
            || each.arbiter(world).is_some_and(|arbiter| arbiter.book().standing().position.length == length)
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
        Some(store) => {
            broken.extend(lost(world, &store));
            broken.extend(conflicts(world, &store));
            let oracle = oracle(world, &store);
            broken.extend(replicas(world, &oracle));
            broken.extend(holdings(world, &store, &oracle));
        }
        None => broken.push("the registrar does not come back".to_owned()),
    }
    broken.extend(locked_out(world));
    let mut ledger = world.ledger.borrow_mut();
    broken.into_iter().for_each(|rule| ledger.breaks(rule));
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
    format!("no rest, {} people left: {gates:?}", world.people_left.get())
}

/// Nothing that was acknowledged is lost, and nothing is there that never was.
fn lost(world: &World, store: &Store) -> Vec<String> {
    let (event, ledger) = (world.genesis.event, world.ledger.borrow());
    let mut broken = Vec::new();
    for (id, admission) in &ledger.admissions {
        match store.admission(event, *id) {
            Ok(Some(kept)) if kept == *admission => {}
            other => broken.push(format!("stored at a gate: {admission:?}; at the registrar: {other:?}")),
        }
    }
    let counted = store.event(event).map(|event| event.counts.admissions).unwrap_or_default();
    if counted != ledger.admissions.len() as u64 {
        broken.push(format!("{counted} admissions at the registrar, {} in truth", ledger.admissions.len()));
    }
    for (ticket, state) in &ledger.states {
        let kept = store.ticket(event, &TicketName::Id(*ticket)).map(|view| view.state);
        if !kept.as_ref().is_ok_and(|kept| kept == state) {
            broken.push(format!("{ticket} was acknowledged to be {state:?}, and is {kept:?}"));
        }
    }
    broken
}

/// Each pair of admissions of one entry is shown once: in the operator's list, in the feed and in the holder's history.
fn conflicts(world: &World, store: &Store) -> Vec<String> {
    let event = world.genesis.event;
    let mut entries: BTreeMap<(TicketId, u32), BTreeSet<AdmissionId>> = BTreeMap::new();
    for (id, admission) in &world.ledger.borrow().admissions {
        entries.entry((admission.ticket, admission.entry)).or_default().insert(*id);
    }
    let listed = store.conflicts(event).unwrap_or_default();
    let (published, admitted) = published(world, store);
    let mut broken = Vec::new();
    for (entry, admissions) in &entries {
        let of_entry = |from: &[Conflict]| -> Vec<(AdmissionId, AdmissionId)> {
            from.iter().filter(|c| (c.ticket, c.entry) == *entry).map(|c| (c.first, c.second)).collect()
        };
        let (list, feed) = (of_entry(&listed), of_entry(&published));
        let seconds: BTreeSet<_> = list.iter().map(|(_, second)| *second).collect();
        let firsts: BTreeSet<_> = list.iter().map(|(first, _)| *first).collect();
        let once = list.len() + 1 == admissions.len() && seconds.len() == list.len() && feed.len() == list.len();
        let theirs = seconds.union(&firsts).all(|id| admissions.contains(id)) && seconds.is_disjoint(&firsts);
        if !once || !theirs {
            broken.push(format!("{entry:?} was entered by {admissions:?}; listed {list:?}, published {feed:?}"));
        }
        let history = store.history(event, &TicketName::Id(entry.0)).unwrap_or_default();
        let told = history.iter().filter(|line| matches!(line.happening, Happening::Conflict(_))).count();
        let of_ticket = listed.iter().filter(|conflict| conflict.ticket == entry.0).count();
        if told != of_ticket {
            broken.push(format!("{} has {of_ticket} conflicts, its holder is told of {told}", entry.0));
        }
    }
    if listed.iter().any(|conflict| !entries.contains_key(&(conflict.ticket, conflict.entry))) {
        broken.push(format!("conflicts of entries that nobody made: {listed:?}"));
    }
    if admitted.len() != world.ledger.borrow().admissions.len() {
        broken.push(format!("the feed tells of admissions {admitted:?}"));
    }
    world.ledger.borrow_mut().counts.conflicts += listed.len() as u64;
    broken
}

/// The feed's conflicts and admissions, each time that it tells of them.
fn published(world: &World, store: &Store) -> (Vec<Conflict>, Vec<AdmissionId>) {
    let event = world.genesis.event;
    let subkeys = store.gate_subkeys(event).expect("subkeys");
    let cipher = RecordCipher::new(&subkeys.record, event, Epoch::FIRST);
    let (mut conflicts, mut admissions) = (Vec::new(), Vec::new());
    for (number, sealed) in genesis::records(store, event, 0).unwrap_or_default().iter().enumerate() {
        match cipher.open(kido_shared::ids::FeedSequence::new(number as u64), sealed) {
            Ok(FeedRecord::Conflict(conflict)) => conflicts.push(conflict),
            Ok(FeedRecord::Admission(admission)) => admissions.push(admission.id),
            Ok(_) | Err(_) => {}
        }
    }
    (conflicts, admissions)
}

/// A replica that has followed the whole feed at once, and never died.
fn oracle(world: &World, store: &Store) -> Replica {
    let replica = Replica::open_held(&HeldFolder::new(), world.genesis.followed_by(0)).expect("a replica");
    let head = store.signed_head(world.genesis.event).expect("a head").into_bytes();
    let news = genesis::records(store, world.genesis.event, 0).unwrap_or_default();
    let followed = replica.verify_head(&head, world.moment()).and_then(|head| {
        let mut check = replica.begin(&head)?;
        check.extend(&news)?;
        replica.store_range(&mut check.finish()?, news)
    });
    if let Err(error) = followed {
        world.ledger.borrow_mut().breaks(format!("the feed cannot be followed from its beginning: {error:?}"));
    }
    replica
}

/// Every copy of the feed is the feed.
fn replicas(world: &World, oracle: &Replica) -> Vec<String> {
    let mut broken = Vec::new();
    for gate in &world.gates {
        let Some(running) = gate.running() else {
            broken.push(format!("gate {} does not come back", gate.number));
            continue;
        };
        let replica = &running.replica;
        if replica.position() != oracle.position() {
            broken.push(format!("gate {} stands at {:?}", gate.number, replica.position()));
        }
        for bought in &world.genesis.tickets {
            let of = |replica: &Replica| {
                (replica.claim_facts(bought.ticket).ok().flatten(), replica.used(bought.ticket).ok())
            };
            if of(replica) != of(oracle) {
                broken.push(format!("gate {} knows {:?}, not {:?}", gate.number, of(replica), of(oracle)));
            }
        }
    }
    for each in &*world.boxes.borrow() {
        let Some(arbiter) = each.arbiter(world) else { continue };
        for bought in &world.genesis.tickets {
            let (book, truth) = (arbiter.book().facts(bought.ticket), oracle.claim_facts(bought.ticket));
            if book.as_ref().ok() != truth.as_ref().ok() {
                broken.push(format!("a box knows {book:?}, not {truth:?}"));
            }
        }
    }
    broken
}

/// Whoever decides holds each entry for the admission that was stored, and for no other: nobody is kept out by a ghost,
/// and what was used is used.
fn holdings(world: &Rc<World>, store: &Store, oracle: &Replica) -> Vec<String> {
    let mut broken = Vec::new();
    for bought in &world.genesis.tickets {
        let Ok(Some(facts)) = oracle.claim_facts(bought.ticket) else { continue };
        let request = ClaimRequest {
            admission: NOBODY,
            ticket: bought.ticket,
            gate: world.gates[0].id,
            decided_on: facts.newest,
            at: world.moment(),
            basis: AdmissionBasis::Claimed,
        };
        let answer = match world.plan.setting.home {
            Home::Local => continue,
            Home::Registrar => {
                at_once(store.claim(world.genesis.event, world.gates[0].id, ClaimStep::Claim(request))).ok()
            }
            Home::Venue => by_box(world, ClaimStep::Claim(request), store),
        };
        let ledger = world.ledger.borrow();
        let truth: Vec<_> = ledger.admissions.values().filter(|known| known.ticket == bought.ticket).collect();
        match answer {
            Some(ClaimAnswer::Granted { .. }) if !truth.is_empty() => {
                broken.push(format!("{} was entered by {truth:?}, and is granted again", bought.ticket));
            }
            Some(ClaimAnswer::Taken { admission, .. }) if !ledger.admissions.contains_key(&admission) => {
                broken.push(format!("{} is held by {admission}, which no gate has stored", bought.ticket));
            }
            Some(ClaimAnswer::Granted { .. } | ClaimAnswer::Taken { .. } | ClaimAnswer::NotInForce { .. }) => {}
            other => broken.push(format!("asked for {}, an arbiter says {other:?}", bought.ticket)),
        }
    }
    broken
}

fn by_box(world: &World, step: ClaimStep, store: &Store) -> Option<ClaimAnswer> {
    let last = world.boxes.borrow().last().cloned()?;
    let policy = store.policy(world.genesis.event).ok()?;
    let body = ClaimBody { step, arbiter: Some(AskedArbiter::of(&policy.choices().arbiter)) };
    at_once(last.arbiter(world)?.step(world.gates[0].id, body)).ok()
}

/// Nobody who never got in is turned away without being told to whom to turn.
fn locked_out(world: &World) -> Vec<String> {
    let ledger = world.ledger.borrow();
    let mut broken = Vec::new();
    for (card, seen) in &ledger.fates {
        let states = world.genesis.tickets.iter().filter(|bought| bought.card == Card(*card));
        let good = states.map(|bought| ledger.states.get(&bought.ticket).copied().unwrap_or(TicketState::Bound));
        if good.into_iter().any(|state| state == TicketState::Bound) && !seen.is_an_end() {
            broken.push(format!("card {card} never got in, and has seen {seen:?}"));
        }
    }
    for (card, seen) in &ledger.fates {
        if *seen == Seen::Welcome && !ledger.has_passed(world, Card(*card)) {
            broken.push(format!("card {card} was welcomed before a shut lane"));
        }
    }
    broken
}
