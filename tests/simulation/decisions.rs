//! What an operator decides in the middle of a night: a gate is revoked, a zone handed over, the feed begun anew.

use std::rc::Rc;

use kido_shared::feed::SignedEpochCut;
use kido_shared::policy::{EventPolicy, OfflineChoice};

use crate::genesis::{self, on_a_thread};
use crate::registrar::office;
use crate::turns::{Ms, Owner};
use crate::world::World;

/// How long a night is the longer for a cut: journals are awaited, and nobody enters meanwhile.
pub(crate) const CUT_TAKES: Ms = 70_000;

/// When it is decided, at the latest.
const DECIDED_UNTIL: Ms = 25_000;

/// How often an operator tries again what the registrar has not done.
const TRIES_EVERY: Ms = 1_000;

/// What is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// A gate is out of the event for good.
    Revoked(usize),
    /// A zone that one gate alone opens gets another one, and the old one is revoked.
    ZoneOfRevoked(usize),
    /// A zone that one gate alone opens gets another one beside it, once nobody decides alone any more.
    ZoneShared(usize),
    /// The feed begins anew.
    Cut,
}

impl Decision {
    /// Whose zone a gate is to open that was not there in the morning.
    pub(crate) const fn hands_over(self) -> Option<usize> {
        match self {
            Self::ZoneOfRevoked(gate) | Self::ZoneShared(gate) => Some(gate),
            Self::Revoked(_) | Self::Cut => None,
        }
    }

    /// Whether it is done only once gates have told how they are.
    pub(crate) const fn waits_for_reports(self) -> bool {
        matches!(self, Self::ZoneShared(_) | Self::Cut)
    }
}

/// Lets it be decided at some time.
pub(crate) fn begin(world: &Rc<World>, decision: Decision) {
    let there = Rc::clone(world);
    world.turns.spawn(Owner::World, async move {
        there.turns.sleep(there.between(500, DECIDED_UNTIL.min(there.plan.heals_at - 500))).await;
        match decision {
            Decision::Revoked(gate) => revoke(&there, gate).await,
            Decision::ZoneOfRevoked(gate) => {
                revoke(&there, gate).await;
                bring_a_gate(&there).await;
            }
            Decision::ZoneShared(_) => {
                share_zones(&there).await;
                bring_a_gate(&there).await;
            }
            Decision::Cut => cut(&there).await,
        }
    });
}

async fn revoke(world: &Rc<World>, gate: usize) {
    let (gate, event) = (&world.gates[gate], world.genesis.event);
    while office(world, |store| on_a_thread(store.revoke_gate(event, gate.id))).is_none() {
        world.turns.sleep(TRIES_EVERY).await;
    }
    gate.revoked.set(true);
    world.ledger.borrow_mut().gate_was_revoked(gate.id);
    world.tell(|| format!("gate {} is revoked", gate.number));
}

/// No gate decides alone from now on, once it has heard of it.
async fn share_zones(world: &Rc<World>) {
    let event = world.genesis.event;
    let chosen = |store: &kido_registrar::store::Store| {
        let before = store.policy(event)?;
        let mut draft = before.choices().clone();
        draft.offline = OfflineChoice::Refuse;
        let policy = EventPolicy::new(draft).expect("a policy");
        on_a_thread(store.change_policy(event, before, policy))
    };
    while office(world, chosen).is_none() {
        world.turns.sleep(TRIES_EVERY).await;
    }
    world.tell(|| "no gate decides alone any more".to_owned());
}

/// The gate that was not there in the morning is enrolled as soon as the registrar takes it.
async fn bring_a_gate(world: &Rc<World>) {
    let event = world.genesis.event;
    let gate = Rc::clone(world.gates.last().expect("a gate in reserve"));
    let zone = gate.zone.clone();
    while office(world, |store| on_a_thread(store.add_gate(event, genesis::new_gate(gate.id, &zone)))).is_none() {
        world.turns.sleep(TRIES_EVERY).await;
    }
    world.ledger.borrow_mut().zone_was_handed_over();
    world.tell(|| format!("gate {} opens {}", gate.number, gate.zone.as_str()));
    gate.enrolled.set(true);
    gate.start(world);
}

/// The root key says so once, and the same word is brought until the registrar has done it.
pub(crate) async fn cut(world: &Rc<World>) {
    let event = world.genesis.event;
    let mut signed: Option<SignedEpochCut> = None;
    loop {
        if signed.is_none() {
            let known = world.registrar.store(world).and_then(|store| store.known_epoch(event).ok());
            signed = known.map(|known| world.genesis.cut(known, world.moment()));
        }
        if let Some(signed) = signed.clone()
            && let Some(view) = office(world, |store| on_a_thread(store.cut_epoch(event, signed)))
        {
            world.ledger.borrow_mut().feed_was_cut();
            world.tell(|| format!("the feed begins anew: {view:?}"));
            return;
        }
        world.turns.sleep(TRIES_EVERY).await;
    }
}
