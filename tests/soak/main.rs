//! A venue for real, for minutes: a registrar, three boxes with an etcd and an arbiter on each, six gates, as processes on
//! machines of their own, between which every wire can be cut.
//!
//! ```text
//! bash tests/run.sh --soak 5                as root: namespaces, and a switch between them
//! bash tests/run.sh --soak 5 --seed 4711    the same faults in the same order, as far as real machines allow
//! ```
//!
//! Attendees with virtual cards come to all gates, show one ticket at two of them, mistype, and walk off in the middle;
//! meanwhile cards are registered and tickets suspended, and in the middle of the evening the event begins to admit while
//! no arbiter answers. Processes are killed or stand still, wires are cut (in one direction too), slow or lossy, whole
//! machines are cut off ([`faults`]). Then everything heals, whoever is not in yet tries again, and once all has come home
//! the disks are held to the rules of [`kido_tests::evening`]: the same as the simulation's.
//!
//! The switch is a program (`switch.py`): kernels that are built small bring no netem. Machines have addresses of
//! 127.77.0.0/24, so that programs take plain http from them as from this machine.
#![expect(clippy::print_stdout, reason = "the figures are the result")]
#![expect(clippy::expect_used, reason = "a soak that is wrong about itself may stop")]

mod crowd;
mod faults;
mod figures;
mod house;
mod lane;
mod network;
mod office;
mod rest;

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, bail};
use kido_gate::lane::ClaimOutcome;
use kido_shared::claim::ClaimAnswer;
use kido_shared::ids::TicketId;
use kido_tests::ending::{EndSignal, EndSignals, adopt_orphans, leave_nobody};
use kido_tests::harness::{ClaimingLane, Gate, Host};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::sync::mpsc;
use tokio::time::Instant;

use faults::Night;
use figures::Figures;
use house::{GATES, House, OFFICE, REGISTRAR};
use lane::{Lane, Stage};
use network::Network;
use office::Office;
use rest::{Found, Left};

/// How long all lanes may take for a stage: last tries of everybody who is outside included.
const STAGE_WITHIN: Duration = Duration::from_secs(600);

/// How often a silent arbiter is asked for one ticket: three seconds each, and a rate for each gate.
const ASKED_TIMES: usize = 12;

/// How long everything may take to end after Ctrl-C.
const ENDS_WITHIN: Duration = Duration::from_secs(20);

#[test]
fn an_evening_on_real_machines_keeps_every_rule() {
    let Some(seconds) = from_environment("KIDO_SOAK_SECONDS") else {
        println!("nobody asked for it: bash tests/run.sh --soak MINUTES");
        return;
    };
    if let Some(missing) = network::missing() {
        panic!("no soak: {missing}");
    }
    let seed = from_environment("KIDO_SOAK_SEED").unwrap_or_else(|| u64::from(rand::random::<u32>()));
    println!("soak: seed {seed}, {seconds} s");
    soak(seed, Duration::from_secs(seconds)).unwrap_or_else(|error| panic!("seed {seed}: {error:#}"));
}

#[expect(clippy::disallowed_methods, reason = "a test's configuration is its environment")]
fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|value| value.parse().ok())
}

enum Ended {
    Played(anyhow::Result<Found>),
    Told(EndSignal),
}

fn soak(seed: u64, length: Duration) -> anyhow::Result<()> {
    adopt_orphans()?;
    let folder = tempfile::Builder::new().prefix("kido-soak-").tempdir()?;
    println!("folder: {}", folder.path().display());
    let network = Network::lay(&house::machines())?;
    network.host(OFFICE)?.enter()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        let mut signals = EndSignals::listen()?;
        let ended = tokio::select! {
            found = evening(folder.path(), network, (seed, length)) => Ended::Played(found),
            signal = signals.next() => Ended::Told(signal),
        };
        if matches!(ended, Ended::Told(_)) {
            leave_nobody(ENDS_WITHIN, || true).await?;
        }
        anyhow::Ok(ended)
    })?;
    match ended {
        Ended::Told(signal) => {
            drop(folder);
            bail!("{} before the end; nothing is left of it", signal.name())
        }
        Ended::Played(Ok(found)) if found.broken.is_empty() => Ok(()),
        Ended::Played(played) => {
            println!("everything is kept: {}", folder.keep().display());
            let broken = played?.broken;
            broken.iter().for_each(|rule| println!("BROKEN {rule}"));
            bail!("{} rules broken", broken.len())
        }
    }
}

/// From the first process to the last rule.
async fn evening(folder: &Path, network: Network, (seed, length): (u64, Duration)) -> anyhow::Result<Found> {
    let begun = Instant::now();
    let (office_host, registrar_host) = (network.host(OFFICE)?, network.host(REGISTRAR)?);
    let (mut house, gates, bought) = House::open(folder, network, seed).await?;
    let of = (&house.venue, house.event.as_str(), office_host);
    let mut office = Office::new(of, &registrar_host, Arc::clone(&house.shared), (bought, seed ^ 1));
    office.before_the_doors().await?;
    let mut lanes = Lanes::begin(&house, gates)?;
    lanes.all("to start", 1).await?;
    println!("set up in {} s: {} machines; the doors open", begun.elapsed().as_secs(), house::machines().len());

    let works = std::thread::spawn(move || office.works(length / 2));
    let (mut night, doors) = (Night::new(StdRng::seed_from_u64(seed)), Instant::now());
    night.falls(&mut house, doors + length, figures::minute).await?;
    night.ends(&mut house).await?;
    std::fs::write(folder.join("logs").join("faults.txt"), &night.story)?;
    let carried = house.network.carried()?;
    let calm = Instant::now();
    house.etcd.leader().await?;
    house.shared.crowd().faults_have_stopped();
    house.shared.stage.send_replace(Stage::LastTries);
    let done = tokio::task::spawn_blocking(move || works.join()).await?;
    let done = done.map_err(|_panic| anyhow::anyhow!("the office has stopped"))??;
    lanes.all("to be in service again, and everybody to have tried", 2).await?;
    let answers = ask_for_everything(folder, &house, &mut lanes).await?;
    println!("all at rest {} s after the last fault", calm.elapsed().as_secs());

    let gates = lanes.stopped()?;
    let mut figures = Figures::of(&gates, &house.shared.crowd(), &night.counts)?;
    (figures.office, figures.carried) = (done.told(), carried);
    let left = Left {
        folder: folder.to_owned(),
        event: house.event.parse()?,
        registrar: house.venue.registrar.folder().to_owned(),
        gates,
        boxes: house.arbiters.iter().map(|arbiter| arbiter.folder().to_owned()).collect(),
        office: done,
        attendees: house.shared.crowd().attendees().to_vec(),
        answers,
    };
    for arbiter in &mut house.arbiters {
        arbiter.stop().await?;
    }
    house.venue.registrar.stop().await?;
    drop(house);
    let found = rest::look(left)?;
    println!("{}", figures.told(&found));
    Ok(found)
}

/// Waits until nobody has anything left to tell, then asks the arbiters for each ticket under a new name.
async fn ask_for_everything(
    folder: &Path,
    house: &House,
    lanes: &mut Lanes,
) -> anyhow::Result<Vec<(TicketId, Option<ClaimAnswer>)>> {
    let asking = folder.join("asking");
    std::fs::create_dir_all(&asking)?;
    let asking = ClaimingLane::enrol(&house.venue, &house.event, &asking).await?;
    house.shared.stage.send_replace(Stage::Home);
    lanes.all("to bring everything home", 1).await?;
    let length = house.feed_length().await?;
    house.boxes_follow(length).await?;
    house.shared.stage.send_replace(Stage::Follow(length));
    lanes.all("to follow the feed to its end", 1).await?;
    asking.tickets(length).await?;
    let mut answers = Vec::new();
    for ticket in asking.known() {
        let mut answer = None;
        for _time in 0..ASKED_TIMES {
            let Some(asked) = asking.asks_for(ticket).await else { break };
            if let ClaimOutcome::Answered(said) = asked.outcome {
                answer = Some(said);
                break;
            }
        }
        // A ticket that no card was ever bound to cannot be asked for.
        if answer.is_some() || asking.is_bound(ticket) {
            answers.push((ticket, answer));
        }
    }
    Ok(answers)
}

/// The threads of all lanes.
struct Lanes {
    threads: Vec<JoinHandle<anyhow::Result<Gate>>>,
    done: mpsc::Receiver<usize>,
}

impl Lanes {
    fn begin(house: &House, gates: Vec<(Gate, Host)>) -> anyhow::Result<Self> {
        let (send, done) = mpsc::channel(GATES);
        let lane = |(number, (gate, host)): (usize, (Gate, Host))| {
            let (cards, shared) = (house.venue.control_socket(), Arc::clone(&house.shared));
            let lane = Lane { number, gate, host, cards, shared, done: send.clone() };
            let thread = std::thread::Builder::new().name(format!("lane {number}"));
            thread.spawn(move || lane.play()).context("no thread for a lane")
        };
        let threads = gates.into_iter().enumerate().map(lane).collect::<Result<_, _>>()?;
        Ok(Self { threads, done })
    }

    /// Waits until every lane has said so many times that it is done.
    async fn all(&mut self, what: &str, times: usize) -> anyhow::Result<()> {
        let until = Instant::now() + STAGE_WITHIN;
        let mut told = 0;
        while told < times * GATES {
            match tokio::time::timeout(Duration::from_secs(1), self.done.recv()).await {
                Ok(Some(_lane)) => told += 1,
                Ok(None) | Err(_) => {
                    if let Some(ended) = self.threads.iter().position(JoinHandle::is_finished) {
                        let ended = self.threads.swap_remove(ended).join();
                        ended.map_err(|_panic| anyhow::anyhow!("a lane has stopped"))?.context(what.to_owned())?;
                        bail!("a lane has ended before its time, when all had {what}");
                    }
                    anyhow::ensure!(Instant::now() < until, "not every lane came {what}: {told} words");
                }
            }
        }
        Ok(())
    }

    /// The gates, stopped.
    fn stopped(self) -> anyhow::Result<Vec<Gate>> {
        let joined = self.threads.into_iter().map(|thread| thread.join().map_err(|_panic| anyhow::anyhow!("a lane")));
        joined.map(|gate| gate?).collect()
    }
}
