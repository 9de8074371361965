//! People with cards: impatient, sometimes gone before the screen has spoken, sometimes back with the same card.

use std::rc::Rc;

use kido_gate::lane::Input;
use kido_gate::screen::{NoticeKind, Screen};
use kido_shared::card::Pin;
use kido_shared::challenge::Passage;
use kido_tests::evening::says_where_to_turn;
use kido_virtual_card::planted::PIN;

use crate::cast::{self, CROWD, Card};
use crate::gate::Gate;
use crate::turns::{Ms, Owner};
use crate::world::World;

/// Taps of one person while the faults last.
const TAPS: u64 = 4;

/// As many more where people may go out and come in again.
const TAPS_OF_SEVERAL_ENTRIES: u64 = 3;

/// How often somebody tries to get out.
const TRIES_TO_LEAVE: u64 = 3;

/// Last tries of somebody who was never let in, once the faults have stopped.
const LAST_TRIES: u64 = 15;

/// How long somebody waits for a place, or for a screen.
const PATIENCE: Ms = 45_000;

/// How long after the faults have stopped people come back: lines are noticed to be there again by then.
const BACK_AFTER: Ms = 12_000;

/// What somebody saw last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    Welcome,
    /// Let out.
    Goodbye,
    Refused(NoticeKind),
    /// No screen, one that is out of order, or no place in front of it.
    Nothing,
    /// Somebody who walked off with the card.
    WalkedOff,
}

impl Seen {
    /// Whether the screen has said to whom to turn, or will not let this ticket in for a reason of its own.
    pub(crate) fn is_an_end(&self) -> bool {
        match self {
            Self::Welcome => true,
            Self::Refused(kind) => says_where_to_turn(kind.key()),
            Self::Goodbye | Self::Nothing | Self::WalkedOff => false,
        }
    }
}

/// Sends everybody on their way.
pub(crate) fn begin(world: &Rc<World>) {
    let first = usize::try_from(world.between(0, CROWD as u64 - 1)).expect("a few");
    for number in 0..world.plan.visitors {
        let (there, card) = (Rc::clone(world), Card((first + number) % CROWD));
        world.turns.spawn(Owner::World, async move {
            come(&there, card).await;
            there.people_left.set(there.people_left.get() - 1);
        });
    }
}

async fn come(world: &Rc<World>, card: Card) {
    world.turns.sleep(world.between(0, world.plan.heals_at / 2)).await;
    let more = if world.plan.setting.several { TAPS_OF_SEVERAL_ENTRIES } else { 0 };
    for _tap in 0..world.between(1, TAPS) + more {
        if world.is_calm() {
            break;
        }
        let gate = choose(world, card);
        let seen = tap(world, card, &gate).await;
        world.tell(|| format!("card {} at gate {}: {seen:?}", card.0, gate.number));
        let goes_out = seen == Seen::Welcome && world.chance(world.plan.weather.goes_out);
        if goes_out {
            go_out(world, card).await;
        } else if seen == Seen::Welcome && world.between(0, 1) == 0 {
            break;
        }
        let pause = if seen == Seen::WalkedOff { 600 } else { 4_000 };
        world.turns.sleep(world.between(100, pause)).await;
    }
    let back_at = world.plan.heals_at + BACK_AFTER;
    world.turns.sleep(back_at.saturating_sub(world.turns.now()) + world.between(0, 6_000)).await;
    let mut seen = Seen::Nothing;
    for _try in 0..LAST_TRIES {
        if world.ledger.borrow().has_passed(world, card) {
            return;
        }
        let gate = choose(world, card);
        seen = tap(world, card, &gate).await;
        world.tell(|| format!("card {} at last at gate {}: {seen:?}", card.0, gate.number));
        let elsewhere = matches!(seen, Seen::Refused(NoticeKind::OtherEntrance(_)));
        if seen.is_an_end() && !(elsewhere && has_entrance(world, card)) {
            break;
        }
        world.turns.sleep(world.between(3_000, 6_000)).await;
    }
    world.ledger.borrow_mut().leaves(card, seen);
}

/// Looks round inside, and goes out by a lane that lets people out.
async fn go_out(world: &Rc<World>, card: Card) {
    let exits = world.plan.setting.exits();
    if exits == 0 {
        return;
    }
    world.turns.sleep(world.between(200, 6_000)).await;
    for _try in 0..TRIES_TO_LEAVE {
        let place = world.plan.setting.gates + usize::try_from(world.between(0, exits as u64 - 1)).expect("a few");
        let gate = Rc::clone(&world.gates[place]);
        let seen = tap(world, card, &gate).await;
        world.tell(|| format!("card {} at exit {}: {seen:?}", card.0, gate.number));
        if seen == Seen::Goodbye {
            return;
        }
        world.turns.sleep(world.between(500, 4_000)).await;
    }
}

fn zone_of(world: &World, card: Card) -> &str {
    &world.genesis.tickets.iter().find(|bought| bought.card == card).expect("everybody bought one").zone
}

/// Whether any gate opens the card's zone.
fn has_entrance(world: &World, card: Card) -> bool {
    world.gates.iter().any(|gate| gate.is_in_use() && gate.zone.as_str() == zone_of(world, card))
}

/// Mostly an entrance that the ticket names.
fn choose(world: &World, card: Card) -> Rc<Gate> {
    let in_use = || world.gates.iter().filter(|gate| gate.is_in_use());
    let own: Vec<_> = in_use().filter(|gate| gate.zone.as_str() == zone_of(world, card)).collect();
    let any: Vec<_> = in_use().filter(|gate| gate.passage == Passage::In).collect();
    let among = if own.is_empty() || world.chance(100) { any } else { own };
    let place = world.between(0, among.len() as u64 - 1);
    Rc::clone(among[usize::try_from(place).expect("a few")])
}

async fn tap(world: &Rc<World>, card: Card, gate: &Rc<Gate>) -> Seen {
    let until = world.turns.now() + PATIENCE;
    let busy = || gate.running().is_some_and(|running| running.lane.borrow().is_busy());
    while gate.front.get().is_some() || busy() {
        if world.turns.now() > until {
            return Seen::Nothing;
        }
        world.turns.sleep(300).await;
    }
    gate.front.set(Some(card.0));
    let put = world.turns.now();
    gate.tray.set(Some((card.0, put)));
    let seen = before_the_screen(world, gate).await;
    gate.tray.set(None);
    gate.take(world, Input::CardGone);
    gate.front.set(None);
    seen
}

async fn before_the_screen(world: &Rc<World>, gate: &Rc<Gate>) -> Seen {
    let (mut looked, mut begun) = (gate.screen.borrow().0, false);
    let until = world.turns.now() + PATIENCE;
    gate.take(world, Input::CardPresent);
    loop {
        let (number, screen) = gate.screen.borrow().clone();
        if number != looked {
            looked = number;
            match screen {
                None | Some(Screen::OutOfOrder(_)) => return Seen::Nothing,
                Some(Screen::Reading) => begun = true,
                Some(Screen::AskPin(_)) if begun => {
                    world.turns.sleep(world.between(300, 2_500)).await;
                    gate.take(world, Input::PinEntered(Pin::parse(PIN).expect("a PIN"), cast::challenge()));
                    continue;
                }
                Some(Screen::AskParty { most, .. }) if begun => {
                    world.turns.sleep(world.between(300, 2_500)).await;
                    let many = usize::try_from(world.between(1, most as u64)).expect("a few");
                    gate.take(world, Input::PartyChosen(many));
                    continue;
                }
                Some(Screen::Proving) if begun && world.chance(world.plan.weather.runs_away) => {
                    world.turns.sleep(world.between(200, 900)).await;
                    return Seen::WalkedOff;
                }
                Some(Screen::Welcome(_)) if begun => return Seen::Welcome,
                Some(Screen::Goodbye { .. }) if begun => return Seen::Goodbye,
                Some(Screen::Refused(notice)) if begun => return Seen::Refused(notice.kind),
                Some(_) => {}
            }
        }
        let left = until.saturating_sub(world.turns.now());
        if left == 0 || world.turns.within(left, gate.screen_changed.take()).await.is_none() {
            return Seen::Nothing;
        }
    }
}
