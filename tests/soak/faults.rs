//! What goes wrong: processes die or stand still, wires are cut or slow, and then it all stops.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Context as _;
use rand::Rng as _;
use rand::rngs::StdRng;
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::Instant;

use crate::house::{BOXES, GATES, House, REGISTRAR, a_box, a_gate};
use crate::network::Wire;

/// Faults at the same time.
const AT_ONCE_MAX: usize = 5;

/// How often it is looked what is due.
const TICK: Duration = Duration::from_millis(50);

/// A process that can die or stand still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Victim {
    Registrar,
    Member(usize),
    Arbiter(usize),
    Gate(usize),
}

/// A direction between two machines.
type Way = (String, String);

/// What goes wrong.
#[derive(Debug, Clone)]
enum Fault {
    Kill(Victim),
    Pause(Victim),
    /// These directions are cut.
    Cut(&'static str, Vec<Way>),
    /// A gate hears of nothing and nobody, and people who are in are sent there.
    Lonely(usize),
    /// These are slow and lossy.
    Slow(Vec<Way>, Wire),
}

impl Fault {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Kill(Victim::Registrar) => "registrar killed",
            Self::Kill(Victim::Member(_)) => "etcd member killed",
            Self::Kill(Victim::Arbiter(_)) => "arbiter killed",
            Self::Kill(Victim::Gate(_)) => "gate killed",
            Self::Pause(Victim::Registrar) => "registrar paused",
            Self::Pause(Victim::Member(_)) => "etcd member paused",
            Self::Pause(Victim::Arbiter(_)) => "arbiter paused",
            Self::Pause(Victim::Gate(_)) => "gate paused",
            Self::Cut(kind, _) => kind,
            Self::Lonely(_) => "gate alone, with people who are in",
            Self::Slow(..) => "link slow and lossy",
        }
    }
}

/// What ends again.
enum Heal {
    Start(Victim),
    Continue(Victim, Pid),
    Mend(Vec<Way>),
}

/// The night, from its seed.
pub(crate) struct Night {
    random: StdRng,
    under_way: Vec<(Instant, Heal)>,
    victims: BTreeSet<Victim>,
    ways: BTreeSet<Way>,
    next_at: Instant,
    begun: Instant,
    /// How often each kind of fault has happened.
    pub(crate) counts: BTreeMap<&'static str, u64>,
    /// What happened when, for whoever looks into it.
    pub(crate) story: String,
}

impl Night {
    pub(crate) fn new(random: StdRng) -> Self {
        let begun = Instant::now();
        Self {
            random,
            under_way: Vec::new(),
            victims: BTreeSet::new(),
            ways: BTreeSet::new(),
            next_at: begun,
            begun,
            counts: BTreeMap::new(),
            story: String::new(),
        }
    }

    /// Lets things go wrong until then; `told` is called after each minute.
    pub(crate) async fn falls(
        &mut self,
        house: &mut House,
        until: Instant,
        mut told: impl FnMut(&Self, &House),
    ) -> anyhow::Result<()> {
        let mut minute = self.begun + Duration::from_secs(60);
        while Instant::now() < until {
            self.heal_what_is_due(house, Instant::now()).await?;
            if Instant::now() >= self.next_at {
                self.next(house).await?;
            }
            if Instant::now() >= minute {
                minute += Duration::from_secs(60);
                told(self, house);
            }
            tokio::time::sleep(TICK).await;
        }
        Ok(())
    }

    /// From here on nothing goes wrong any more.
    pub(crate) async fn ends(&mut self, house: &mut House) -> anyhow::Result<()> {
        self.tell("the faults stop");
        house.network.calm()?;
        let all = std::mem::take(&mut self.under_way);
        for (_, heal) in all {
            self.heal(house, heal).await?;
        }
        Ok(())
    }

    fn tell(&mut self, line: &str) {
        let at = self.begun.elapsed().as_millis();
        writeln!(self.story, "{at:>8} {line}").ok();
    }

    async fn heal_what_is_due(&mut self, house: &mut House, now: Instant) -> anyhow::Result<()> {
        let (due, later) = std::mem::take(&mut self.under_way).into_iter().partition(|(at, _)| *at <= now);
        self.under_way = later;
        for (_, heal) in due {
            self.heal(house, heal).await?;
        }
        Ok(())
    }

    /// A new fault, or a quiet while.
    async fn next(&mut self, house: &mut House) -> anyhow::Result<()> {
        let quiet = self.random.gen_ratio(1, 6);
        let pause = if quiet { self.random.gen_range(6_000..14_000) } else { self.random.gen_range(300..3_500) };
        self.next_at = Instant::now() + Duration::from_millis(pause);
        if quiet {
            *self.counts.entry("quiet while").or_default() += 1;
            self.tell("a quiet while");
        } else if self.under_way.len() < AT_ONCE_MAX {
            let fault = self.draw();
            self.begin(house, fault).await?;
        }
        Ok(())
    }

    fn draw(&mut self) -> Fault {
        match self.random.gen_range(0..22) {
            0..=5 => Fault::Kill(self.victim()),
            6..=9 => Fault::Pause(self.victim()),
            10..=12 => Fault::Cut("link cut", self.link()),
            13 => {
                let (one, another) = self.two_machines();
                Fault::Cut("link cut one way", vec![(one, another)])
            }
            14 | 15 => {
                let alone = self.machine();
                Fault::Cut("machine cut off", around(&alone))
            }
            16 => Fault::Cut("registrar's line cut", around(REGISTRAR)),
            17 | 18 => Fault::Lonely(self.random.gen_range(0..GATES)),
            _ => {
                let (delay_ms, jitter_ms) = (self.random.gen_range(10..400), self.random.gen_range(0..120));
                let wire = Wire { delay_ms, jitter_ms, loss_permille: self.random.gen_range(0..120) };
                let ways = if self.random.gen_ratio(1, 3) { around(&self.machine()) } else { self.link() };
                Fault::Slow(ways, wire)
            }
        }
    }

    fn victim(&mut self) -> Victim {
        match self.random.gen_range(0..10) {
            0 => Victim::Registrar,
            1..=3 => Victim::Member(self.random.gen_range(0..BOXES)),
            4..=6 => Victim::Arbiter(self.random.gen_range(0..BOXES)),
            _ => Victim::Gate(self.random.gen_range(0..GATES)),
        }
    }

    fn machine(&mut self) -> String {
        let place = self.random.gen_range(0..BOXES + GATES);
        if place < BOXES { a_box(place) } else { a_gate(place - BOXES) }
    }

    /// Two that have something to say to each other.
    fn two_machines(&mut self) -> Way {
        let server = self.random.gen_range(0..=BOXES);
        let server = if server == BOXES { REGISTRAR.to_owned() } else { a_box(server) };
        loop {
            let one = self.machine();
            if one != server {
                let way = (one, server);
                return if self.random.gen_bool(0.5) { way } else { (way.1, way.0) };
            }
        }
    }

    fn link(&mut self) -> Vec<Way> {
        let (one, another) = self.two_machines();
        vec![(one.clone(), another.clone()), (another, one)]
    }

    async fn begin(&mut self, house: &mut House, fault: Fault) -> anyhow::Result<()> {
        let heal = match &fault {
            Fault::Kill(victim) => self.kill(house, *victim).await?,
            Fault::Pause(victim) => self.pause(house, *victim),
            Fault::Cut(_, ways) => self.spoil(house, ways, Wire::CUT)?,
            Fault::Lonely(gate) => {
                house.shared.crowd().lure(*gate);
                self.spoil(house, &around(&a_gate(*gate)), Wire::CUT)?
            }
            Fault::Slow(ways, wire) => self.spoil(house, ways, *wire)?,
        };
        // A machine that has its trouble already is left with it.
        if let Some(heal) = heal {
            let lasts = match &fault {
                Fault::Kill(_) => self.random.gen_range(300..7_000),
                Fault::Pause(_) => self.random.gen_range(500..9_000),
                // Some last longer than a gate needs to call itself offline.
                Fault::Lonely(_) => self.random.gen_range(20_000..32_000),
                Fault::Cut("machine cut off", _) => self.random.gen_range(4_000..32_000),
                Fault::Cut(..) | Fault::Slow(..) => self.random.gen_range(1_000..22_000),
            };
            self.tell(&format!("{lasts} ms: {fault:?}"));
            *self.counts.entry(fault.kind()).or_default() += 1;
            self.under_way.push((Instant::now() + Duration::from_millis(lasts), heal));
        }
        Ok(())
    }

    async fn kill(&mut self, house: &mut House, victim: Victim) -> anyhow::Result<Option<Heal>> {
        if self.victims.contains(&victim) {
            return Ok(None);
        }
        match victim {
            Victim::Registrar => house.venue.registrar.kill().await?,
            Victim::Member(number) => house.etcd.kill(number).await?,
            Victim::Arbiter(number) => house.arbiters.get_mut(number).context("a box")?.kill().await?,
            Victim::Gate(number) => {
                let Some(life) = house.shared.lives.get(number) else { return Ok(None) };
                let Some(pid) = life.pid() else { return Ok(None) };
                life.keep_down(true);
                kill_process(pid, Signal::KILL).ok();
            }
        }
        self.victims.insert(victim);
        Ok(Some(Heal::Start(victim)))
    }

    fn pause(&mut self, house: &House, victim: Victim) -> Option<Heal> {
        let pid = match victim {
            Victim::Registrar => house.venue.registrar.pid(),
            Victim::Member(number) => house.etcd.process(number).and_then(|process| process.pid()),
            Victim::Arbiter(number) => {
                house.arbiters.get(number).and_then(|arbiter| arbiter.process()).and_then(|process| process.pid())
            }
            Victim::Gate(number) => house.shared.lives.get(number).and_then(crate::lane::Life::pid),
        };
        let pid = pid.filter(|_| !self.victims.contains(&victim))?;
        kill_process(pid, Signal::STOP).ok()?;
        self.victims.insert(victim);
        Some(Heal::Continue(victim, pid))
    }

    fn spoil(&mut self, house: &mut House, ways: &[Way], wire: Wire) -> anyhow::Result<Option<Heal>> {
        let free: Vec<Way> = ways.iter().filter(|way| !self.ways.contains(*way)).cloned().collect();
        for (from, to) in &free {
            house.network.wire(from, to, wire)?;
        }
        self.ways.extend(free.iter().cloned());
        Ok((!free.is_empty()).then_some(Heal::Mend(free)))
    }

    async fn heal(&mut self, house: &mut House, heal: Heal) -> anyhow::Result<()> {
        match heal {
            Heal::Start(victim) => {
                self.tell(&format!("{victim:?} starts"));
                self.victims.remove(&victim);
                match victim {
                    Victim::Registrar => house.venue.registrar.start().await?,
                    Victim::Member(number) => house.etcd.begin_again(number)?,
                    Victim::Arbiter(number) => house.arbiters.get_mut(number).context("a box")?.start().await?,
                    Victim::Gate(number) => house.shared.lives.get(number).context("a gate")?.keep_down(false),
                }
            }
            Heal::Continue(victim, pid) => {
                self.tell(&format!("{victim:?} goes on"));
                self.victims.remove(&victim);
                kill_process(pid, Signal::CONT).ok();
            }
            Heal::Mend(ways) => {
                self.tell(&format!("{} wires are well", ways.len()));
                for (from, to) in ways {
                    house.network.wire(&from, &to, Wire::WELL)?;
                    self.ways.remove(&(from, to));
                }
            }
        }
        Ok(())
    }
}

/// Every direction to and from a machine, but those of the office.
fn around(machine: &str) -> Vec<Way> {
    let boxes = (0..BOXES).map(a_box);
    let gates = (0..GATES).map(a_gate).filter(|_| !machine.starts_with("gate"));
    let registrar = std::iter::once(REGISTRAR.to_owned());
    let others = boxes.chain(gates).chain(registrar).filter(|other| other != machine);
    others.flat_map(|other| [(machine.to_owned(), other.clone()), (other, machine.to_owned())]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_cut_off_from_whoever_it_talks_to_both_ways_and_not_from_itself() {
        let of_box = around(&a_box(0));
        assert_eq!(of_box.len(), 2 * (BOXES - 1 + GATES + 1));
        assert!(of_box.iter().all(|(from, to)| from != to && [from, to].contains(&&a_box(0))));
        assert_eq!(around(&a_gate(0)).len(), 2 * (BOXES + 1));
        assert_eq!(around(REGISTRAR).len(), 2 * (BOXES + GATES));
    }
}
