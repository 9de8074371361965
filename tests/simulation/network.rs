//! The line between gates and whoever they ask: packets are lost, repeated, overtaken, and come when nobody waits any more.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use kido_shared::claim::ClaimAnswer;
use kido_shared::clock::Timestamp;
use kido_shared::feed::{FollowedTo, SealedRecord};
use kido_shared::showing::RefusedShowing;
use kido_shared::wire::v1::admissions::{AdmissionAck, AdmissionBatch, ClaimBody};
use kido_shared::wire::v1::recovery::{RecoveryOffer, RecoveryWish};

use crate::turns::{Ms, Owner, Slot};
use crate::world::World;

/// How long a very late packet takes at most. A signed request lives a minute.
const VERY_LATE: Ms = 58_000;

/// How far a server's clock and that of whoever has signed a request may be apart.
pub(crate) const SKEW_MS: Ms = 60_000;

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Server {
    Registrar,
    Box(usize),
}

/// What gates and boxes ask.
#[derive(Debug, Clone)]
pub(crate) enum Request {
    Health,
    Claim(ClaimBody),
    Upload(AdmissionBatch),
    Showings(Vec<RefusedShowing>),
    Feed(FollowedTo),
    /// How far a gate has followed, and up to a head of which moment where what it decided by itself is known at the
    /// registrar.
    Report {
        reached: FollowedTo,
        knows: Option<Timestamp>,
    },
    Offer(RecoveryOffer),
}

impl Request {
    /// Whether it is signed, with the moment by the asker's clock.
    pub(crate) const fn is_signed(&self) -> bool {
        !matches!(self, Self::Health | Self::Feed(_))
    }
}

/// What they are told.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Alive,
    Answer(ClaimAnswer),
    Acks {
        admissions: Vec<AdmissionAck>,
        endings: Vec<AdmissionAck>,
    },
    Taken,
    Feed {
        /// The root key's word, for who follows an earlier epoch.
        cut: Option<Vec<u8>>,
        head: Vec<u8>,
        records: Vec<SealedRecord>,
    },
    /// An answer that is none to the question: this is not for that gate, or not decided here.
    Refused,
    Wish(RecoveryWish),
    /// This date of the request is not believed.
    OtherTime(Timestamp),
    /// Somebody is there who cannot answer now.
    Unwell,
    /// Somebody is there who wants to be asked more slowly.
    TooFast,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Asker {
    Gate(usize),
    Box(usize),
}

/// Which lines are cut.
#[derive(Default)]
pub(crate) struct Network {
    cut: RefCell<BTreeSet<(Asker, Server)>>,
}

impl Network {
    pub(crate) fn cut(&self, asker: Asker, server: Server) {
        self.cut.borrow_mut().insert((asker, server));
    }

    pub(crate) fn mend(&self, asker: Asker, server: Server) {
        self.cut.borrow_mut().remove(&(asker, server));
    }

    pub(crate) fn mend_all(&self) {
        self.cut.borrow_mut().clear();
    }

    fn is_cut(&self, asker: Asker, server: Server) -> bool {
        self.cut.borrow().contains(&(asker, server))
    }
}

/// Asks, and waits no longer than that for the answer. What was asked may arrive all the same.
pub(crate) async fn ask(
    world: &Rc<World>,
    asker: Asker,
    server: Server,
    request: Request,
    deadline: Ms,
) -> Option<Reply> {
    let reply = Slot::default();
    for delay in copies(world) {
        let (there, request, slot) = (Rc::clone(world), request.clone(), reply.clone());
        world.turns.spawn(Owner::World, async move {
            there.turns.sleep(delay).await;
            if !there.network.is_cut(asker, server)
                && let Some(answer) = there.serve(asker, server, request)
            {
                bring(&there, asker, server, answer, slot).await;
            }
        });
    }
    world.turns.within(deadline, reply.take()).await
}

async fn bring(world: &Rc<World>, asker: Asker, server: Server, answer: Reply, slot: Slot<Reply>) {
    if let Some(delay) = copies(world).first() {
        world.turns.sleep(*delay).await;
        if !world.network.is_cut(asker, server) {
            slot.put(answer);
        }
    }
}

/// How long each copy of a packet takes; none of one that is lost.
fn copies(world: &World) -> Vec<Ms> {
    if world.is_calm() {
        return vec![world.between(1, 5)];
    }
    let weather = world.plan.weather;
    let mut delays = Vec::new();
    if !world.chance(weather.lost) {
        delays.push(delay(world));
    }
    while world.chance(weather.repeated) {
        delays.push(delay(world));
    }
    if world.chance(weather.very_late) {
        delays.push(world.between(1_000, VERY_LATE));
    }
    delays
}

fn delay(world: &World) -> Ms {
    if world.chance(world.plan.weather.slow) { world.between(100, 5_000) } else { world.between(1, 30) }
}
