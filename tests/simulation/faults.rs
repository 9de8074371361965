//! What goes wrong: machines die, lines are cut, clocks are moved, tickets change hands, and then it all stops.

use std::rc::Rc;

use kido_registrar::domain::history::Actor;
use kido_registrar::domain::ticket::TicketAction;
use kido_registrar::store::TicketName;
use kido_shared::policy::EventPolicy;

use crate::arbiter::VenueBox;
use crate::decisions;
use crate::disk::Disk;
use crate::genesis;
use crate::network::{Asker, SKEW_MS, Server};
use crate::plan::Home;
use crate::registrar::office;
use crate::restore;
use crate::turns::{Ms, Owner, at_once};
use crate::world::World;

/// How often a disk's older state is kept, for an index to fall back to.
const REMEMBERED_EVERY: Ms = 3_000;

/// Longest cut of a line: twice as long as a gate waits before it calls itself offline.
const CUT_FOR: Ms = 25_000;

/// How long a head is good for: a clock that was less far ahead is told from a cache by refusals alone.
const HEAD_LIVES: u64 = 15 * 60_000;

/// Furthest jump of a clock.
const JUMP: u64 = 2 * 3_600_000;

/// Lets the night begin.
pub(crate) fn begin(world: &Rc<World>) {
    let weather = world.plan.weather;
    for _crash in 0..weather.crashes {
        at_some_time(world, |world| crash(&world));
    }
    for _cut in 0..weather.partitions {
        at_some_time(world, |world| cut(&world));
    }
    for _jump in 0..weather.jumps {
        at_some_time(world, |world| {
            let gate = any(&world, world.gates.len());
            let by = i64::try_from(world.between(0, 2 * JUMP)).expect("hours") - i64::try_from(JUMP).expect("hours");
            world.tell(|| format!("gate {}: the clock jumps by {by} ms", gate));
            world.gates[gate].machine.jump(by);
        });
    }
    for _jump in 0..weather.server_jumps {
        at_some_time(world, |world| jump_at_a_server(&world));
    }
    for _change in 0..weather.changes {
        at_some_time(world, |world| change(&world));
    }
    if weather.box_replaced && world.plan.setting.home == Home::Venue {
        at_some_time(world, |world| replace_box(&world));
    }
    if weather.restored {
        restore::begin(world);
    }
    if let Some(decision) = weather.decision {
        decisions::begin(world, decision);
    }
    if weather.index_lost > 0 || world.has_mutation() {
        world.turns.spawn(Owner::World, remember(Rc::clone(world)));
    }
    let there = Rc::clone(world);
    world.turns.spawn(Owner::World, async move {
        there.turns.sleep(there.plan.heals_at).await;
        heal(&there);
    });
}

fn at_some_time(world: &Rc<World>, happens: impl FnOnce(Rc<World>) + 'static) {
    let there = Rc::clone(world);
    world.turns.spawn(Owner::World, async move {
        there.turns.sleep(there.between(500, there.plan.heals_at - 500)).await;
        if !there.is_calm() {
            happens(there);
        }
    });
}

fn any(world: &World, count: usize) -> usize {
    usize::try_from(world.between(0, count as u64 - 1)).expect("a few")
}

/// The clock of the registrar or of the box is moved: by less than a signed request may be apart, by less than a head
/// lives, or by hours.
fn jump_at_a_server(world: &World) {
    let most = match world.between(0, 3) {
        0 | 1 => SKEW_MS / 2 - 1,
        2 => HEAD_LIVES,
        _ => JUMP,
    };
    let ahead = i64::try_from(world.between(0, most)).expect("hours");
    let by = if world.between(0, 1) == 0 { ahead } else { -ahead };
    let last = world.boxes.borrow().last().cloned();
    match last.filter(|_| world.between(0, 1) == 0) {
        Some(last) => last.machine.set(by),
        None => world.registrar.machine.set(by),
    }
    world.tell(|| format!("a server's clock is {by} ms ahead"));
}

/// Some machine dies: at once, or in the middle of its next write.
fn crash(world: &Rc<World>) {
    let torn = world.chance(world.plan.weather.torn);
    let boxes = world.boxes.borrow().clone();
    match (world.between(0, 9), boxes.last()) {
        (0 | 1, _) if torn => world.registrar.disk.cut_at_next_write(world),
        (0 | 1, _) => world.registrar.crash(world),
        (2 | 3, Some(last)) if torn => {
            let disk = if world.between(0, 2) == 0 { &last.book } else { &last.records };
            disk.cut_at_next_write(world);
        }
        (2 | 3, Some(last)) => last.crash(world),
        _ => {
            let gate = &world.gates[any(world, world.gates.len())];
            match (torn, world.between(0, 3)) {
                (true, 0) => gate.replica_disk.cut_at_next_write(world),
                (true, _) => gate.journal_disk.cut_at_next_write(world),
                (false, _) => gate.crash(world),
            }
        }
    }
}

/// Cuts one line or all of a kind, for a while.
fn cut(world: &Rc<World>) {
    let servers: Vec<Server> = match world.between(0, 2) {
        0 => vec![Server::Registrar],
        1 if !world.boxes.borrow().is_empty() => vec![Server::Box(0), Server::Box(1)],
        _ => vec![Server::Registrar, Server::Box(0), Server::Box(1)],
    };
    let mut askers: Vec<Asker> = (0..world.gates.len()).map(Asker::Gate).collect();
    if world.between(0, 1) == 0 {
        askers = vec![askers[any(world, askers.len())]];
    } else {
        askers.extend((0..world.boxes.borrow().len()).map(Asker::Box));
    }
    let lines: Vec<_> = askers.iter().flat_map(|asker| servers.iter().map(|server| (*asker, *server))).collect();
    cut_these(world, &lines);
    let there = Rc::clone(world);
    world.turns.spawn(Owner::World, async move {
        there.turns.sleep(there.between(1_000, CUT_FOR)).await;
        lines.iter().for_each(|(asker, server)| there.network.mend(*asker, *server));
    });
}

fn cut_these(world: &World, lines: &[(Asker, Server)]) {
    world.tell(|| format!("cut: {lines:?}"));
    lines.iter().for_each(|(asker, server)| world.network.cut(*asker, *server));
}

/// Cuts every line to the registrar; gives them, to be mended.
pub(crate) fn cut_registrar_off(world: &World) -> Vec<(Asker, Server)> {
    let mut askers: Vec<Asker> = (0..world.gates.len()).map(Asker::Gate).collect();
    askers.extend((0..world.boxes.borrow().len()).map(Asker::Box));
    let lines: Vec<_> = askers.into_iter().map(|asker| (asker, Server::Registrar)).collect();
    cut_these(world, &lines);
    lines
}

/// Shop, holder or operator does something while people tap.
pub(crate) fn change(world: &Rc<World>) {
    let event = world.genesis.event;
    let bought = world.genesis.tickets[any(world, world.genesis.tickets.len())].clone();
    let name = TicketName::Id(bought.ticket);
    let ran = world.registrar.store(world).is_some();
    let done = match world.between(0, 5) {
        0 | 1 => office(world, |store| at_once(store.change_ticket(event, name, TicketAction::Suspend, Actor::Desk)))
            .map(|view| (bought.ticket, view.state)),
        2 => office(world, |store| at_once(store.change_ticket(event, name, TicketAction::Cancel, Actor::Operator)))
            .map(|view| (bought.ticket, view.state)),
        3 => office(world, |store| at_once(store.reissue_code(event, name, Actor::Operator)))
            .map(|reissued| (bought.ticket, reissued.ticket.state)),
        4 => {
            if let Some(store) = world.registrar.store(world) {
                let resumed = genesis::resume(&store, event, bought.card);
                world.tell(|| format!("card {} resumes: {resumed}", bought.card.0));
                world.ledger.borrow_mut().resumed(world, &store, bought.card);
                world.news();
            }
            None
        }
        _ => {
            rename(world);
            None
        }
    };
    if ran && world.registrar.store(world).is_none() {
        // It died of it, and whether that was before or behind the write nobody was told.
        world.ledger.borrow_mut().unanswered(bought.card, &world.genesis);
    }
    if let Some((ticket, state)) = done {
        world.tell(|| format!("{ticket} is {state:?}"));
        let place = world.registrar.length(world).unwrap_or(u64::MAX);
        world.ledger.borrow_mut().acknowledged(ticket, state, place);
    }
}

/// Another policy in the feed, which changes nothing that gates decide by.
fn rename(world: &Rc<World>) {
    let event = world.genesis.event;
    office(world, |store| {
        let before = store.policy(event)?;
        let mut draft = before.choices().clone();
        draft.name.push('!');
        let policy = EventPolicy::new(draft).expect("a policy");
        genesis::on_a_thread(store.change_policy(event, before, policy))
    });
}

/// The venue's box is switched off for good, revoked, and another one enrolled in its place.
fn replace_box(world: &Rc<World>) {
    let first = Rc::clone(&world.boxes.borrow()[0]);
    first.switch_off(world);
    world.ledger.borrow_mut().box_was_replaced();
    world.tell(|| "the box is switched off for good".to_owned());
    let there = Rc::clone(world);
    world.turns.spawn(Owner::World, async move {
        let event = there.genesis.event;
        while office(&there, |store| at_once(store.revoke_arbiter(event, genesis::box_id(0)))).is_none() {
            there.turns.sleep(1_000).await;
        }
        while !there.registrar.store(&there).is_some_and(|store| genesis::enrol_box(&store, event, 1)) {
            there.turns.sleep(1_000).await;
        }
        there.news();
        let second = VenueBox::new(1, Disk::empty());
        there.boxes.borrow_mut().push(Rc::clone(&second));
        second.start(&there);
        there.tell(|| "another box begins".to_owned());
    });
}

/// Keeps how disks were some time ago.
async fn remember(world: Rc<World>) {
    while !world.is_calm() {
        world.registrar.disk.remember();
        for gate in &world.gates {
            gate.journal_disk.remember();
            gate.replica_disk.remember();
        }
        for each in &*world.boxes.borrow() {
            each.book.remember();
            each.records.remember();
        }
        world.turns.sleep(REMEMBERED_EVERY).await;
    }
}

/// From here on nothing goes wrong any more; what is on its way still arrives.
fn heal(world: &Rc<World>) {
    world.tell(|| "the faults stop".to_owned());
    world.calm_down();
    world.network.mend_all();
    world.registrar.machine.set_right();
    world.registrar.disk.keep_power();
    for gate in &world.gates {
        gate.machine.set_right();
        gate.journal_disk.keep_power();
        gate.replica_disk.keep_power();
    }
    for each in &*world.boxes.borrow() {
        each.machine.set_right();
        each.book.keep_power();
        each.records.keep_power();
    }
}
