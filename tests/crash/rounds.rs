//! Two venues side by side, many rounds.

use core::fmt;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kido_tests::harness::{EventOptions, Gate, HarnessError, OfflineChoice, TicketRow, Venue};
use kido_virtual_card::character::Character;
use kido_virtual_card::planted::PIN;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rustix::process::Pid;
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::killer::{Order, wait_and_kill};

/// The steps of an entry, as the gate's log names them, in their order. What follows the last one (the welcome, the
/// lane at rest) counts as that one: the note is being written meanwhile.
pub(super) const STEPS: [&str; 9] = [
    "transmit",
    "look_up",
    "ask_pin",
    "look_up_again",
    "store_intents",
    "claim",
    "store_admissions",
    "open_lane",
    "note_opened",
];

/// Longest wait between a step and the kill: about what a step takes, so that kills fall within steps and between them.
const AFTER_STEP_US_MAX: u64 = 900;

/// Most rounds after the ordinary ones, spent on steps that were not hit yet.
const EXTRA_ROUNDS_MAX: u32 = 100;

/// The barrier of these rounds: takes its time, as motors do, and keeps count by itself.
const BARRIER: &str = "#!/bin/sh\necho \"$KIDO_ADMISSION\" >> \"$(dirname \"$0\")/opened\"\nsleep 0.02\n";

/// How long an undisturbed tap may be refused with *one moment* before that counts as an answer.
const MOMENTS_MAX: u32 = 12;

/// How long a tap may take until its process is killed.
const TAP_WITHIN: Duration = Duration::from_secs(60);

/// How long an admission may take to be at the registrar.
const ARRIVES_WITHIN: Duration = Duration::from_secs(60);

/// Who dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Victim {
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
pub(super) struct Seen {
    /// Which.
    pub(super) round: u32,
    /// Who died.
    pub(super) victim: Victim,
    /// The last step that had begun when it died.
    pub(super) last_step: String,
    /// How long after the chosen step.
    pub(super) after: Duration,
    /// What the undisturbed tap showed.
    pub(super) then: String,
    /// Rules that did not hold.
    pub(super) broken: Vec<String>,
}

impl Seen {
    /// When it died, for a report.
    #[must_use]
    pub(super) fn moment(&self) -> String {
        format!("after {} (+{} µs)", self.last_step, self.after.as_micros())
    }
}

/// Runs all rounds.
///
/// # Errors
/// [`HarnessError`] where the harness itself failed.
pub(super) async fn run(seed: u64, rounds: u32) -> Result<Vec<Seen>, HarnessError> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut moment = move || Duration::from_micros(random.gen_range(0..=AFTER_STEP_US_MAX));
    let plan = plan(rounds, &mut StdRng::seed_from_u64(seed)).into_iter().zip(0..);
    let chosen = plan.map(|((victim, step), round)| Chosen { round, victim, step, after: moment() });
    let (left, right): (Vec<_>, Vec<_>) = chosen.partition(|chosen| chosen.round % 2 == 0);
    // A round mostly waits: for a process to start, for an admission to arrive.
    let (mut one, mut other) = (Site::open().await?, Site::open().await?);
    let (left, right) = tokio::join!(one.rounds(left), other.rounds(right));
    let mut seen: Vec<Seen> = left?.into_iter().chain(right?).collect();
    for round in rounds..rounds + EXTRA_ROUNDS_MAX {
        let missed = STEPS.into_iter().find(|step| !seen.iter().any(|seen| seen.last_step == *step));
        let Some(step) = missed else { break };
        seen.extend(one.rounds(vec![Chosen { round, victim: Victim::Gate, step, after: moment() }]).await?);
    }
    one.close().await?;
    other.close().await?;
    Ok(seen)
}

/// A venue with one event and one gate.
struct Site {
    venue: Venue,
    gate: Gate,
    event: String,
    /// The last to go: everything of the others lies in it.
    _folder: tempfile::TempDir,
}

impl Site {
    async fn open() -> Result<Self, HarnessError> {
        let folder = tempfile::Builder::new().prefix("kido-crash-").tempdir();
        let folder = folder.map_err(|source| HarnessError::File { path: std::env::temp_dir(), source })?;
        let venue = Venue::open(folder.path()).await?;
        let options = EventOptions { offline: OfflineChoice::Refuse, ..EventOptions::default() };
        let event = venue.registrar.rehearsal(&options).await?;
        let mut gate = Gate::enrol(&venue, &event, "A", 0).await?;
        gate.set_log_level("kido_gate=debug,info");
        gate.set_barrier(&barrier(folder.path())?);
        gate.start().await?;
        Ok(Self { venue, gate, event, _folder: folder })
    }

    async fn rounds(&mut self, rounds: Vec<Chosen>) -> Result<Vec<Seen>, HarnessError> {
        let mut seen = Vec::new();
        for chosen in rounds {
            let made = one(&mut self.venue, &mut self.gate, &self.event, &chosen).await?;
            println!("round {}: {} killed {}; then {}", made.round, made.victim, made.moment(), made.then);
            seen.push(made);
        }
        Ok(seen)
    }

    async fn close(mut self) -> Result<(), HarnessError> {
        self.gate.stop().await?;
        self.venue.registrar.stop().await
    }
}

fn barrier(folder: &Path) -> Result<PathBuf, HarnessError> {
    let program = folder.join("barrier");
    let failed = |source| HarnessError::File { path: program.clone(), source };
    std::fs::write(&program, BARRIER).map_err(failed)?;
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).map_err(failed)?;
    Ok(program)
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
    after: Duration,
}

async fn one(venue: &mut Venue, gate: &mut Gate, event: &str, chosen: &Chosen) -> Result<Seen, HarnessError> {
    let Chosen { round, victim, step: _, after } = *chosen;
    let (card, ticket) = (card(round), format!("TICKET-{round:03}"));
    bind(venue, event, &ticket, card).await?;
    gate.followed(&venue.registrar, event, ARRIVES_WITHIN).await?;
    let opened_before = opened(venue)?;
    let last_step = disturbed_tap(venue, gate, card, chosen).await?;
    venue.control()?.remove(gate.slot())?;
    restart(venue, gate, victim).await?;

    let opened_by_first = opened(venue)? - opened_before;
    let then = undisturbed_tap(venue, gate, card).await?;
    let opened_in_all = opened(venue)? - opened_before;
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
        let admissions = gate.uploaded(&venue.registrar, event, &ticket, ARRIVES_WITHIN).await?;
        if admissions != 1 {
            broken.push(format!("the registrar has {admissions} admissions of an entry that was made"));
        }
    }
    Ok(Seen { round, victim, last_step, after, then, broken })
}

/// Puts the card in and plays the holder until the process is dead; tells the last step that had begun then.
async fn disturbed_tap(
    venue: &mut Venue,
    gate: &mut Gate,
    card: Character,
    chosen: &Chosen,
) -> Result<String, HarnessError> {
    let log = gate.log_path();
    let begins = std::fs::metadata(&log).map_err(|source| HarnessError::File { path: log.clone(), source })?.len();
    let victim = victim(venue, gate, chosen.victim)?;
    let order = Order { log: log.clone(), begins, step: chosen.step, after: chosen.after, victim };
    let give_up = Arc::new(AtomicBool::new(false));
    let killer = tokio::task::spawn_blocking({
        let give_up = Arc::clone(&give_up);
        move || wait_and_kill(&order, &give_up)
    });
    let played = play(venue, gate, card, killer).await;
    give_up.store(true, Ordering::Relaxed);
    match (played?, chosen.victim) {
        (Killed::Yes, Victim::Gate) => gate.kill().await?,
        (Killed::Yes, Victim::Registrar) => venue.registrar.kill().await?,
        (Killed::Yes, Victim::Reader) | (Killed::No, _) => {}
    }
    let bytes = std::fs::read(&log).map_err(|source| HarnessError::File { path: log, source })?;
    let begins = usize::try_from(begins).unwrap_or(usize::MAX);
    let round = String::from_utf8_lossy(bytes.get(begins..).unwrap_or_default()).into_owned();
    Ok(steps(&round).into_iter().rfind(|step| STEPS.contains(&step.as_str())).unwrap_or_default())
}

enum Killed {
    Yes,
    No,
}

/// The holder's part of a tap, as far as it comes.
async fn play(
    venue: &Venue,
    gate: &mut Gate,
    card: Character,
    killer: JoinHandle<std::io::Result<bool>>,
) -> Result<Killed, HarnessError> {
    venue.control()?.insert(gate.slot(), card, Vec::new())?;
    let kiosk = gate.kiosk()?;
    let holder = async {
        // A gate that is dead shows no pad and takes no PIN: the killer says so.
        if let Ok(pad) = kiosk.screen("the pad", TAP_WITHIN, |screen| screen.kind() == "ask_pin").await {
            kiosk.pin(&pad, PIN).await.ok();
        }
        std::future::pending::<core::convert::Infallible>().await
    };
    tokio::select! {
        killed = tokio::time::timeout(TAP_WITHIN, killer) => match killed {
            Ok(Ok(Ok(true))) => Ok(Killed::Yes),
            Ok(_) | Err(_) => Ok(Killed::No),
        },
        never = holder => match never {},
    }
}

fn victim(venue: &Venue, gate: &mut Gate, victim: Victim) -> Result<Pid, HarnessError> {
    let pid = match victim {
        Victim::Gate => gate.process().and_then(|process| process.pid()),
        Victim::Registrar => venue.registrar.pid(),
        Victim::Reader => gate.reader_process()?.and_then(Pid::from_raw),
    };
    pid.ok_or_else(|| HarnessError::Shape { what: "the process to be killed", text: "is not running".to_owned() })
}

/// The steps that the gate's log names.
fn steps(log: &str) -> Vec<String> {
    let parsed = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    parsed.filter_map(|line| line.get("step").and_then(Value::as_str).map(str::to_owned)).collect()
}

/// How many times the barrier opened, by its own count.
fn opened(venue: &Venue) -> Result<usize, HarnessError> {
    let path = venue.folder().join("opened");
    match std::fs::read_to_string(&path) {
        Ok(lines) => Ok(lines.lines().count()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
        Err(source) => Err(HarnessError::File { path, source }),
    }
}

async fn restart(venue: &mut Venue, gate: &mut Gate, victim: Victim) -> Result<(), HarnessError> {
    match victim {
        Victim::Gate => gate.start().await,
        Victim::Registrar => {
            venue.registrar.start().await?;
            gate.settled().await
        }
        Victim::Reader => gate.settled().await,
    }
}

/// Taps until the lane says more than *one moment*: a claim may still be settled, an arbiter come back.
async fn undisturbed_tap(venue: &Venue, gate: &mut Gate, card: Character) -> Result<String, HarnessError> {
    let mut shown = String::new();
    for _moment in 0..MOMENTS_MAX {
        let tap = gate.tap_only(venue, card, PIN).await?;
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
