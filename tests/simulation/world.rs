//! Everything together: machines, lines, people, and what is true of them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use kido_shared::clock::Timestamp;
use rand::Rng as _;
use rand::rngs::StdRng;

use crate::arbiter::VenueBox;
use crate::checker::Ledger;
use crate::decisions::Decision;
use crate::disk::Disk;
use crate::faults;
use crate::gate::Gate;
use crate::genesis::{DOORS, Genesis};
use crate::mutations::Mutation;
use crate::network::{Asker, Network, Reply, Request, SKEW_MS, Server};
use crate::plan::{Home, Night, Plan};
use crate::registrar::Registrar;
use crate::turns::{Ms, Owner, Turns};
use crate::visitors;

/// How long after the faults have stopped everything must be at rest: the slowest packet, everybody's last tries, and
/// the longest wait between two uploads.
const RESTS_WITHIN: Ms = 400_000;

/// How long after the faults have stopped nothing is looked at: packets from before are still on their way.
const LAST_PACKET: Ms = 65_000;

/// The same where no packet is more than slow.
const SLOW_PACKET: Ms = 12_000;

/// A world.
pub(crate) struct World {
    pub(crate) turns: Turns,
    pub(crate) random: RefCell<StdRng>,
    pub(crate) plan: Plan,
    pub(crate) genesis: Arc<Genesis>,
    pub(crate) network: Network,
    pub(crate) registrar: Registrar,
    pub(crate) boxes: RefCell<Vec<Rc<VenueBox>>>,
    pub(crate) gates: Vec<Rc<Gate>>,
    pub(crate) ledger: RefCell<Ledger>,
    mutation: Option<Mutation>,
    calm: Cell<bool>,
    news_told: Cell<bool>,
    pub(crate) people_left: Cell<usize>,
}

/// What a run was, for whoever reads the figures.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcome {
    pub(crate) broken: Vec<String>,
    /// Why the simulation itself stopped in the middle, where it did: that is no rule's complaint.
    pub(crate) stopped: Option<String>,
    pub(crate) story: Vec<String>,
    pub(crate) counts: crate::checker::Counts,
}

impl Outcome {
    /// Whether a rule was broken, or the run came to no end.
    pub(crate) const fn went_wrong(&self) -> bool {
        !self.broken.is_empty() || self.stopped.is_some()
    }
}

impl World {
    /// Runs a seed to its end.
    pub(crate) fn run(seed: u64, night: Night, mutation: Option<Mutation>) -> Outcome {
        let (plan, random) = Plan::draw(seed, night);
        Self::run_plan(plan, random, mutation)
    }

    fn run_plan(plan: Plan, random: StdRng, mutation: Option<Mutation>) -> Outcome {
        let genesis = Genesis::of(plan.setting);
        let in_reserve = plan.weather.decision.and_then(Decision::hands_over);
        let gates = (0..plan.setting.lanes()).map(|gate| Gate::new(gate, &genesis));
        let gates = gates.chain(in_reserve.map(|zone_of| Gate::in_reserve(zone_of, &genesis))).collect();
        let boxes = if plan.setting.home == Home::Venue {
            vec![VenueBox::new(0, Disk::with(&genesis.book))]
        } else {
            Vec::new()
        };
        let world = Rc::new(Self {
            turns: Turns::default(),
            random: RefCell::new(random),
            plan,
            registrar: Registrar::new(Disk::with(&genesis.registrar)),
            ledger: RefCell::new(Ledger::of(&genesis)),
            boxes: RefCell::new(boxes),
            gates,
            genesis,
            network: Network::default(),
            mutation,
            calm: Cell::default(),
            news_told: Cell::default(),
            people_left: Cell::new(plan.visitors),
        });
        world.registrar.start(&world);
        for each in &*world.boxes.borrow() {
            each.start(&world);
        }
        for gate in world.gates.iter().filter(|gate| gate.enrolled.get()) {
            gate.start(&world);
        }
        faults::begin(&world);
        visitors::begin(&world);
        world.live();
        crate::checker::look(&world);
        world.turns.end();
        world.ledger.take().outcome()
    }

    /// Until everything is at rest, or should have been long ago.
    fn live(&self) {
        let weather = &self.plan.weather;
        // A clock that was set back leaves a gate's pace used up for as long as it takes to fill.
        let late = weather.very_late > 0 || weather.server_jumps > 0;
        let last_packet = if late { LAST_PACKET } else { SLOW_PACKET };
        let (rest, end) = (self.plan.heals_at + last_packet, self.plan.heals_at + RESTS_WITHIN);
        let mut looked = 0;
        while self.turns.step() {
            let now = self.turns.now();
            if now >= rest && now >= looked + 1_000 {
                looked = now;
                if now > end || (self.people_left.get() == 0 && crate::checker::is_at_rest(self)) {
                    return;
                }
            }
        }
    }

    /// The true time.
    pub(crate) fn moment(&self) -> Timestamp {
        DOORS.after(std::time::Duration::from_millis(self.turns.now()))
    }

    pub(crate) fn is(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    pub(crate) const fn has_mutation(&self) -> bool {
        self.mutation.is_some()
    }

    /// Whether the faults have stopped.
    pub(crate) fn is_calm(&self) -> bool {
        self.calm.get()
    }

    pub(crate) fn calm_down(&self) {
        self.calm.set(true);
    }

    /// Both ends included.
    pub(crate) fn between(&self, from: u64, to: u64) -> u64 {
        self.random.borrow_mut().gen_range(from..=to)
    }

    /// So many times in a thousand; never once the faults have stopped.
    pub(crate) fn chance(&self, permille: u32) -> bool {
        permille > 0 && !self.is_calm() && self.random.borrow_mut().gen_ratio(permille.min(1_000), 1_000)
    }

    /// How long a machine that died stays away.
    pub(crate) fn downtime(&self) -> Ms {
        self.between(200, 8_000)
    }

    /// A line of the story, for whoever repeats a seed.
    pub(crate) fn tell(&self, line: impl FnOnce() -> String) {
        let now = self.turns.now();
        self.ledger.borrow_mut().tell(now, line);
    }

    /// Brings a request to whom it is for.
    pub(crate) fn serve(self: &Rc<Self>, asker: Asker, server: Server, request: Request) -> Option<Reply> {
        if request.is_signed()
            && let Some(date) = self.disbelieved_date(asker, server)
        {
            return Some(Reply::OtherTime(date));
        }
        match server {
            Server::Registrar => self.registrar.serve(self, asker, request),
            Server::Box(number) => {
                let asked = self.boxes.borrow().get(number).cloned();
                asked?.serve(self, asker, request)
            }
        }
    }

    /// The date of a signed request, where the server takes it for one of another time. Where no server's clock is moved, gates
    /// whose own is are believed as if nothing were signed: what they decide by it is looked at there.
    fn disbelieved_date(&self, asker: Asker, server: Server) -> Option<Timestamp> {
        let Asker::Gate(gate) = asker else { return None };
        if self.plan.weather.server_jumps == 0 {
            return None;
        }
        let now = self.turns.now();
        let signed = self.gates[gate].dates(now)?;
        let here = match server {
            Server::Registrar => self.registrar.machine.at(now),
            Server::Box(number) => self.boxes.borrow().get(number)?.judging(signed, now),
        };
        (here.unix_ms().abs_diff(signed.unix_ms()) > SKEW_MS).then_some(signed)
    }

    /// The feed may have grown: whoever follows it live hears so in a moment.
    pub(crate) fn news(self: &Rc<Self>) {
        if self.news_told.replace(true) {
            return;
        }
        let world = Rc::clone(self);
        self.turns.spawn(Owner::World, async move {
            world.turns.sleep(world.between(50, 150)).await;
            world.news_told.set(false);
            for gate in &world.gates {
                if !world.chance(world.plan.weather.lost) {
                    gate.hears_news();
                }
            }
            for each in &*world.boxes.borrow() {
                if !world.chance(world.plan.weather.lost) {
                    each.pull.put(());
                }
            }
        });
    }
}
