//! What a seed draws before anything happens: the venue, its choices, and how bad the night will be.

use kido_shared::challenge::Passage;
use kido_shared::policy::{ArbiterHome, OfflineChoice};
use rand::Rng;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use crate::cast::CROWD;
use crate::decisions::{self, Decision};
use crate::restore;
use crate::turns::Ms;

/// One seed in so many is the big house.
const BIG_HOUSE_ONE_IN: u32 = 100;

/// Gates of the big house.
const BIG_HOUSE: usize = 50;

/// Entrances to one lane that lets people out.
const ENTRANCES_PER_EXIT: usize = 25;

/// Makes another number of a seed: what was drawn before there was more to draw stays as it was.
const LATER: u64 = 0x9E37_79B9_7F4A_7C15;

/// How much of a night is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Night {
    /// What the first nights knew: seeds that found something then are told as they were.
    Early,
    /// What nights knew when people had learned to go out, and registrars to come back from a backup.
    Second,
    /// What nights knew when clocks of servers went wrong by hours, and operators decided things in the middle.
    Third,
    /// Everything.
    Whole,
}

/// Which world a run begins with: runs that share it begin with the same bytes on every disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Setting {
    pub(crate) gates: usize,
    pub(crate) home: Home,
    pub(crate) offline: Offline,
    /// Whether tickets are good for more than one entry, and lanes let people out.
    pub(crate) several: bool,
}

/// Where claims are decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Home {
    Registrar,
    Venue,
    Local,
}

/// What gates do while nobody answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Offline {
    Refuse,
    HomeGate,
    Admit,
}

impl Setting {
    pub(crate) const fn home(self) -> ArbiterHome {
        match self.home {
            Home::Registrar => ArbiterHome::Registrar,
            Home::Venue => ArbiterHome::Venue,
            Home::Local => ArbiterHome::Local,
        }
    }

    pub(crate) const fn offline(self) -> OfflineChoice {
        match self.offline {
            Offline::Refuse => OfflineChoice::Refuse,
            Offline::HomeGate => OfflineChoice::HomeGate,
            Offline::Admit => OfflineChoice::Admit,
        }
    }

    /// Lanes that let people out: none where the event's one gate decides.
    pub(crate) const fn exits(self) -> usize {
        match self.home {
            Home::Registrar | Home::Venue if self.several => self.gates.div_ceil(ENTRANCES_PER_EXIT),
            Home::Registrar | Home::Venue | Home::Local => 0,
        }
    }

    /// All lanes; those that let people out are the last ones.
    pub(crate) const fn lanes(self) -> usize {
        self.gates + self.exits()
    }

    /// Which way a lane lets people go.
    pub(crate) const fn passage(self, gate: usize) -> Passage {
        if gate < self.gates { Passage::In } else { Passage::Out }
    }

    /// The zone of a gate: of its own where home gates admit; else every third gate is the other house's.
    pub(crate) fn zone(self, gate: usize) -> String {
        match self.offline {
            _ if self.passage(gate) == Passage::Out => format!("OUT{gate}"),
            Offline::HomeGate if gate < 26 => char::from(b'A' + u8::try_from(gate).expect("few")).to_string(),
            Offline::HomeGate => format!("Z{gate}"),
            Offline::Refuse | Offline::Admit if gate % 3 == 2 => "B".to_owned(),
            Offline::Refuse | Offline::Admit => "A".to_owned(),
        }
    }
}

/// How bad the night is, in thousandths where nothing else is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Weather {
    /// Packets that are lost.
    pub(crate) lost: u32,
    /// Packets that come twice or more often.
    pub(crate) repeated: u32,
    /// Packets that come seconds later.
    pub(crate) slow: u32,
    /// Packets that come up to a minute later, when senders have long started anew.
    pub(crate) very_late: u32,
    /// Barriers that do not open.
    pub(crate) barrier_fails: u32,
    /// Writes that take longer than anybody waits.
    pub(crate) disk_stuck: u32,
    /// Visitors who walk off with their card once it has proved itself.
    pub(crate) runs_away: u32,
    /// Machines that die, over the whole night.
    pub(crate) crashes: u32,
    /// Of those, such that die in the middle of a write.
    pub(crate) torn: u32,
    /// Indexes that are found damaged at a start.
    pub(crate) index_lost: u32,
    /// Lines that are cut, over the whole night.
    pub(crate) partitions: u32,
    /// Clocks that are moved, over the whole night.
    pub(crate) jumps: u32,
    /// What shop, holders and operator do, over the whole night.
    pub(crate) changes: u32,
    /// Whether the venue's box is given up and another one enrolled.
    pub(crate) box_replaced: bool,
    /// Barriers that say for certain that nobody passed.
    pub(crate) nobody_passes: u32,
    /// Visitors who go out again once they were let in, where lanes let people out.
    pub(crate) goes_out: u32,
    /// Whether the registrar's disk is lost, and a backup put in its place.
    pub(crate) restored: bool,
    /// Clocks of the registrar and of the box that are moved, over the whole night.
    pub(crate) server_jumps: u32,
    /// Whether the operator begins the feed anew then, and gives up what the registrar has lost.
    pub(crate) cut_behind_restore: bool,
    /// What an operator decides.
    pub(crate) decision: Option<Decision>,
}

/// A run, before it begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) setting: Setting,
    pub(crate) weather: Weather,
    /// How many people come.
    pub(crate) visitors: usize,
    /// When the faults stop.
    pub(crate) heals_at: Ms,
}

impl Plan {
    /// Draws a seed's night; what happens in it goes on with the second number generator.
    pub(crate) fn draw(seed: u64, night: Night) -> (Self, StdRng) {
        let mut random = StdRng::seed_from_u64(seed);
        let setting = setting(&mut random);
        let heals_at = random.gen_range(15_000..45_000);
        let most = if setting.gates > 5 { CROWD } else { 5 };
        let (weather, visitors) = (weather(&mut random), random.gen_range(2..=most));
        let early = Self { setting, weather, visitors, heals_at };
        let plan = match night {
            Night::Early => early,
            Night::Second => early.with_more(&mut StdRng::seed_from_u64(seed ^ LATER)),
            Night::Third => early.of_the_third_kind(seed),
            Night::Whole => {
                let third = early.of_the_third_kind(seed);
                third.with_given_up_records(&mut StdRng::seed_from_u64(seed.rotate_left(32) ^ LATER))
            }
        };
        (plan, random)
    }

    /// What seeds have learned to draw since.
    fn with_more(mut self, random: &mut StdRng) -> Self {
        self.setting.several = random.gen_bool(0.5);
        if self.setting.several {
            self.weather.nobody_passes = random.gen_range(0..=250);
            self.weather.goes_out = random.gen_range(300..=900);
        }
        // A box that was enrolled after the backup is enrolled once more by hand, and its records are its own.
        self.weather.restored = random.gen_ratio(1, 6) && !self.weather.box_replaced && self.setting.gates < BIG_HOUSE;
        if self.weather.restored {
            self.heals_at += restore::NIGHT_LONGER_BY;
        }
        self
    }

    fn of_the_third_kind(self, seed: u64) -> Self {
        self.with_more(&mut StdRng::seed_from_u64(seed ^ LATER))
            .with_clocks(&mut StdRng::seed_from_u64(seed.wrapping_add(LATER)))
            .with_decision(&mut StdRng::seed_from_u64(seed.wrapping_sub(LATER)))
    }

    /// Whether records that a registrar has lost are given up.
    fn with_given_up_records(mut self, random: &mut StdRng) -> Self {
        self.weather.cut_behind_restore = self.weather.restored && random.gen_ratio(1, 3);
        self
    }

    /// The clocks of servers, which were right until then.
    fn with_clocks(mut self, random: &mut StdRng) -> Self {
        if random.gen_ratio(1, 3) {
            self.weather.server_jumps = random.gen_range(1..=3);
        }
        self
    }

    /// What an operator decides; not beside a restore or another box, where what is excused would hide what is wrong.
    fn with_decision(mut self, random: &mut StdRng) -> Self {
        let (setting, weather) = (self.setting, self.weather);
        let is_quiet = !weather.restored && !weather.box_replaced && setting.gates < BIG_HOUSE;
        if !is_quiet || setting.home == Home::Local || !random.gen_ratio(1, 3) {
            return self;
        }
        let gate = random.gen_range(0..setting.gates);
        self.weather.decision = Some(match random.gen_range(0..5) {
            0 => Decision::Cut,
            1 | 2 if setting.offline == Offline::HomeGate => Decision::ZoneOfRevoked(gate),
            3 | 4 if setting.offline == Offline::HomeGate => Decision::ZoneShared(gate),
            1 => Decision::Cut,
            _ => Decision::Revoked(gate),
        });
        if self.weather.decision == Some(Decision::Cut) {
            self.heals_at += decisions::CUT_TAKES;
        }
        self
    }

    /// Whether gates tell the registrar how they are: what depends on it is drawn by few nights.
    pub(crate) fn reports(&self) -> bool {
        self.weather.restored || self.weather.decision.is_some_and(Decision::waits_for_reports)
    }
}

fn setting(random: &mut StdRng) -> Setting {
    let home = match random.gen_range(0..10) {
        0..=4 => Home::Registrar,
        5..=8 => Home::Venue,
        _ => Home::Local,
    };
    let gates = match home {
        Home::Local => 1,
        Home::Registrar | Home::Venue if random.gen_ratio(1, BIG_HOUSE_ONE_IN) => BIG_HOUSE,
        Home::Registrar | Home::Venue => random.gen_range(2..=5),
    };
    let offline = match random.gen_range(0..3) {
        0 => Offline::Refuse,
        1 => Offline::HomeGate,
        _ => Offline::Admit,
    };
    Setting { gates, home, offline, several: false }
}

/// Half of all nights have each kind of fault, so that some have one kind alone.
fn weather(random: &mut StdRng) -> Weather {
    let mut sometimes = |most: u32| if random.gen_bool(0.5) { random.gen_range(1..=most) } else { 0 };
    Weather {
        lost: sometimes(250),
        repeated: sometimes(250),
        slow: sometimes(200),
        very_late: sometimes(150),
        barrier_fails: sometimes(60),
        disk_stuck: sometimes(40),
        runs_away: sometimes(400),
        crashes: sometimes(6),
        torn: sometimes(900),
        index_lost: sometimes(500),
        partitions: sometimes(3),
        jumps: sometimes(3),
        changes: sometimes(4),
        box_replaced: sometimes(8) == 1,
        nobody_passes: 0,
        goes_out: 0,
        restored: false,
        server_jumps: 0,
        cut_behind_restore: false,
        decision: None,
    }
}
