//! The registrar's disk is lost, and a backup is put in its place.
//!
//! Some things are as they are for whoever runs an event, and not left to chance: a restore takes longer than a signed
//! request lives, so that none from before it is believed after it; and somebody decides, once every gate has shown what
//! it has, that the event goes on without the records that none of them brings.

use std::rc::Rc;

use kido_registrar::domain::recovery::{Brought, Stage};

use crate::decisions;
use crate::faults;
use crate::genesis::on_a_thread;
use crate::network::{Asker, Server};
use crate::turns::{Ms, Owner};
use crate::world::World;

/// How long a restore takes: longer than a signed request lives, and than anybody waits for an answer.
pub(crate) const TAKES: Ms = 62_000;

/// How long a night with a restore is the longer for it: gates report, and somebody decides.
pub(crate) const NIGHT_LONGER_BY: Ms = 110_000;

/// When the backup is taken, at the latest, and how much later the disk is lost.
const BACKUP_UNTIL: Ms = 12_000;
const LOST_WITHIN: Ms = 15_000;

/// No backup is younger than what the registrar keeps beside it of how far it has signed.
const BACKUP_AGE: Ms = 1_500;

/// Most changes of tickets that only the registrar knows when its disk is lost.
const UNHEARD_MAX: u64 = 3;

/// How often somebody looks at a recovery.
const LOOKS_EVERY: Ms = 5_000;

/// How long is waited for the moment in which everything is as a restore finds it here.
const WAITS: Ms = 250;

pub(crate) fn begin(world: &Rc<World>) {
    let there = Rc::clone(world);
    world.turns.spawn(Owner::World, async move {
        there.turns.sleep(there.between(500, BACKUP_UNTIL)).await;
        while there.registrar.store(&there).is_none() {
            there.turns.sleep(WAITS).await;
        }
        let backup = there.registrar.disk.copy();
        let length = there.registrar.length(&there);
        there.tell(|| format!("a backup of {length:?} records"));
        there.turns.sleep(there.between(BACKUP_AGE, LOST_WITHIN)).await;
        let cut = if there.between(0, 1) == 0 { unheard(&there).await } else { Vec::new() };
        while !is_possible(&there) {
            there.turns.sleep(WAITS).await;
        }
        there.registrar.restore(&there, backup);
        cut.iter().for_each(|(asker, server)| there.network.mend(*asker, *server));
        decide(&there, length.unwrap_or_default()).await;
    });
}

/// What somebody does at a registrar that nobody follows any more: no gate can bring that back.
async fn unheard(world: &Rc<World>) -> Vec<(Asker, Server)> {
    let cut = faults::cut_registrar_off(world);
    for _change in 0..world.between(1, UNHEARD_MAX) {
        world.turns.sleep(world.between(100, 1_500)).await;
        faults::change(world);
    }
    cut
}

/// Whether the registrar runs, and no box alone has read what only the registrar has: such a box is enrolled anew.
fn is_possible(world: &World) -> bool {
    let known = furthest(world);
    let boxes = world.boxes.borrow();
    let behind = |number: usize| {
        boxes[number].arbiter(world).is_some_and(|arbiter| arbiter.book().standing().position.length <= known)
    };
    world.registrar.store(world).is_some() && (0..boxes.len()).all(behind)
}

/// How many records of the feed gates have.
pub(crate) fn furthest(world: &World) -> u64 {
    world.gates.iter().map(|gate| gate.followed.get()).max().unwrap_or_default()
}

/// Goes on without records that no gate has, once all have shown what they have; or gives up whatever the backup lacks.
async fn decide(world: &Rc<World>, backed_up: u64) {
    loop {
        world.turns.sleep(LOOKS_EVERY).await;
        let Some(store) = world.registrar.store(world) else { continue };
        let event = world.genesis.event;
        let Ok(view) = on_a_thread(store.recovery(event)) else { continue };
        if view.stage == Some(Stage::Records) && world.plan.weather.cut_behind_restore {
            decisions::cut(world).await;
            world.ledger.borrow_mut().gives_up_beyond(backed_up);
            return;
        }
        let all_shown = view.gates.iter().all(|(_gate, brought)| *brought != Brought::Nothing);
        if view.stage == Some(Stage::Records) && all_shown {
            let done = on_a_thread(store.recover_without(event, Vec::new(), true)).map(|view| view.stage).ok();
            world.tell(|| format!("it goes on without the records that nobody brings: {done:?}"));
        }
    }
}
