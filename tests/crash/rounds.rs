//! One venue, many rounds.

use core::fmt;
use std::path::Path;
use std::time::Duration;

use kido_tests::harness::{EventOptions, Gate, HarnessError, OfflineChoice, TicketRow, Venue};
use kido_virtual_card::character::Character;
use kido_virtual_card::planted::PIN;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// The steps of an entry, as the gate's log names them, in their order.
pub const STEPS: [&str; 10] = [
    "transmit",
    "look_up",
    "ask_pin",
    "look_up_again",
    "store_intents",
    "claim",
    "store_admissions",
    "open_lane",
    "note_opened",
    "welcome",
];

/// Longest wait between a step and the kill: about what a step takes, so that kills fall within steps and between them.
const AFTER_STEP_US_MAX: u64 = 1_500;

/// How long an undisturbed tap may be refused with *one moment* before that counts as an answer.
const MOMENTS_MAX: u32 = 12;

/// How long an admission may take to be at the registrar.
const ARRIVES_WITHIN: Duration = Duration::from_secs(60);

/// Who dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Victim {
    /// The gate, and its reader process with it.
    Gate,
    /// The gate's reader process alone.
    Reader,
    /// The registrar.
    Registrar,
}

impl fmt::Display for Victim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gate => "gate",
            Self::Reader => "reader",
            Self::Registrar => "registrar",
        })
    }
}

/// What a round showed.
#[derive(Debug)]
pub struct Seen {
    /// Which.
    pub round: u32,
    /// Who died.
    pub victim: Victim,
    /// The last step that had begun when it died.
    pub last_step: String,
    /// How long after the chosen step.
    pub after_us: u64,
    /// What the undisturbed tap showed.
    pub then: String,
    /// Rules that did not hold.
    pub broken: Vec<String>,
}

impl Seen {
    /// When it died, for a report.
    #[must_use]
    pub fn moment(&self) -> String {
        format!("after {} (+{} µs)", self.last_step, self.after_us)
    }
}

/// Runs all rounds.
///
/// # Errors
/// [`HarnessError`] where the harness itself failed.
pub async fn run(seed: u64, rounds: u32) -> Result<Vec<Seen>, HarnessError> {
    let mut random = StdRng::seed_from_u64(seed);
    let folder = tempfile::Builder::new().prefix("kido-crash-").tempdir();
    let folder = folder.map_err(|source| HarnessError::File { path: std::env::temp_dir(), source })?;
    let mut venue = Venue::open(folder.path()).await?;
    let options = EventOptions { offline: OfflineChoice::Refuse, ..EventOptions::default() };
    let event = venue.registrar.rehearsal(&options).await?;
    let mut gate = Gate::enrol(&venue, &event, "A", 0).await?;
    gate.set_log_level("debug");
    gate.start().await?;
    let mut seen = Vec::new();
    for (round, (victim, step)) in (0..rounds).zip(plan(rounds, &mut random)) {
        let ticket = format!("TICKET-{round:03}");
        bind(&venue, &event, &ticket, card(round)).await?;
        gate.followed(&venue.registrar, &event, ARRIVES_WITHIN).await?;
        let after_us = random.gen_range(0..=AFTER_STEP_US_MAX);
        let chosen = Chosen { round, victim, step, after_us };
        seen.push(one(&mut venue, &mut gate, &event, &ticket, chosen).await?);
    }
    gate.stop().await?;
    venue.registrar.stop().await?;
    Ok(seen)
}

/// Every step with every victim in turn, shuffled: each step is hit, and none in a fixed order.
fn plan(rounds: u32, random: &mut StdRng) -> Vec<(Victim, &'static str)> {
    let victims = [Victim::Gate, Victim::Registrar, Victim::Gate, Victim::Reader, Victim::Gate];
    let mut plan: Vec<_> =
        victims.into_iter().flat_map(|victim| STEPS.map(|step| (victim, step))).cycle().take(rounds as usize).collect();
    plan.shuffle(random);
    plan
}

fn card(round: u32) -> Character {
    Character::Crowd(u8::try_from(round % 200).unwrap_or(0))
}

async fn bind(venue: &Venue, event: &str, ticket: &str, card: Character) -> Result<(), HarnessError> {
    let links = venue.registrar.import(event, &[TicketRow::open_now(ticket)], false).await?;
    let link = links.get(ticket).map_or("", String::as_str);
    venue.control()?.insert(1, card, Vec::new())?;
    let run = venue.helper(1).register(link, PIN).await?;
    venue.control()?.remove(1)?;
    if run.success {
        return Ok(());
    }
    Err(HarnessError::Shape { what: "a registration", text: run.answer.to_string() })
}

struct Chosen {
    round: u32,
    victim: Victim,
    step: &'static str,
    after_us: u64,
}

async fn one(
    venue: &mut Venue,
    gate: &mut Gate,
    event: &str,
    ticket: &str,
    chosen: Chosen,
) -> Result<Seen, HarnessError> {
    let Chosen { round, victim, step, after_us } = chosen;
    let card = card(round);
    let log_begins = gate.log()?.len();
    let opened_before = opened(&gate.log()?);
    let tapping = disturbed_tap(venue, gate, card, log_begins, step).await;
    tokio::time::sleep(Duration::from_micros(after_us)).await;
    let last_step = kill(venue, gate, victim, log_begins).await?;
    venue.control()?.remove(gate.slot())?;
    tapping?;
    restart(venue, gate, victim).await?;

    let opened_by_first = opened(&gate.log()?) - opened_before;
    let then = undisturbed_tap(venue, gate, card).await?;
    let opened_in_all = opened(&gate.log()?) - opened_before;
    let mut broken = Vec::new();
    if opened_in_all > 1 {
        broken.push(format!("the lane opened {opened_in_all} times for one entry"));
    }
    match then.as_str() {
        "welcome" if opened_by_first > 0 => broken.push("who was in was let in again".to_owned()),
        "already_in" if opened_by_first == 0 => broken.push("who never got in was turned away".to_owned()),
        "welcome" | "already_in" | "desk" | "stored_not_opened" => {}
        other => broken.push(format!("an undisturbed tap ended with {other}")),
    }
    if opened_in_all == 1 {
        let admissions = gate.uploaded(&venue.registrar, event, ticket, ARRIVES_WITHIN).await?;
        if admissions != 1 {
            broken.push(format!("the registrar has {admissions} admissions of an entry that was made"));
        }
    }
    Ok(Seen { round, victim, last_step, after_us, then, broken })
}

/// Puts the card in and plays the holder until the gate's log names the step.
async fn disturbed_tap(
    venue: &Venue,
    gate: &mut Gate,
    card: Character,
    log_begins: usize,
    step: &str,
) -> Result<(), HarnessError> {
    venue.control()?.insert(gate.slot(), card, Vec::new())?;
    let log = gate.log_path();
    let kiosk = gate.kiosk()?;
    let within = Duration::from_secs(60);
    let reached = wait_for_step(&log, log_begins, step);
    let play = async {
        let screen = kiosk.screen("the pad", within, |screen| screen.kind() == "ask_pin").await?;
        kiosk.pin(&screen, PIN).await?;
        kiosk.screen("an end", within, |screen| screen.kind() == "idle").await
    };
    tokio::select! {
        reached = tokio::time::timeout(within, reached) => match reached {
            Ok(reached) => reached,
            Err(_elapsed) => Err(HarnessError::TimedOut { what: format!("the step {step}"), within }),
        },
        // The step may be the last one: what ends the play is that it was reached.
        ended = play => ended.map(|_screen| ()),
    }
}

async fn wait_for_step(log: &Path, begins: usize, step: &str) -> Result<(), HarnessError> {
    let mut poll = tokio::time::interval(Duration::from_micros(300));
    loop {
        poll.tick().await;
        if steps(&read(log)?, begins).iter().any(|seen| seen == step) {
            return Ok(());
        }
    }
}

fn read(path: &Path) -> Result<String, HarnessError> {
    std::fs::read_to_string(path).map_err(|source| HarnessError::File { path: path.to_owned(), source })
}

/// The steps that the gate's log names from some byte on.
fn steps(log: &str, begins: usize) -> Vec<String> {
    let lines = log.get(begins..).unwrap_or_default().lines();
    let parsed = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    parsed.filter_map(|line| line.pointer("/fields/step").and_then(Value::as_str).map(str::to_owned)).collect()
}

/// How many times the log says that the lane opened.
fn opened(log: &str) -> usize {
    log.lines().filter(|line| line.contains("\"lane opened\"")).count()
}

/// Kills, and tells the last step that had begun.
async fn kill(venue: &mut Venue, gate: &mut Gate, victim: Victim, begins: usize) -> Result<String, HarnessError> {
    match victim {
        Victim::Gate => gate.kill().await?,
        Victim::Registrar => venue.registrar.kill().await?,
        Victim::Reader => {
            if let Some(pid) = gate.reader_process()?.and_then(Pid::from_raw) {
                // Being replaced at this very moment is as good.
                kill_process(pid, Signal::KILL).ok();
            }
        }
    }
    let last = steps(&gate.log()?, begins).into_iter().rfind(|step| STEPS.contains(&step.as_str()));
    Ok(last.unwrap_or_default())
}

async fn restart(venue: &mut Venue, gate: &mut Gate, victim: Victim) -> Result<(), HarnessError> {
    match victim {
        Victim::Gate => gate.start().await,
        Victim::Registrar => {
            venue.registrar.start().await?;
            gate.in_service().await
        }
        Victim::Reader => gate.in_service().await,
    }
}

/// Taps until the lane says more than *one moment*: a claim may still be settled, an arbiter come back.
async fn undisturbed_tap(venue: &Venue, gate: &mut Gate, card: Character) -> Result<String, HarnessError> {
    let mut shown = String::new();
    for _moment in 0..MOMENTS_MAX {
        let tap = gate.tap(venue, card, Vec::new(), PIN).await?;
        if tap.is_welcome() {
            return Ok("welcome".to_owned());
        }
        tap.shown.notice().clone_into(&mut shown);
        if !matches!(shown.as_str(), "one_moment" | "lane_closed" | "card_left" | "unreadable") {
            break;
        }
    }
    Ok(shown)
}
