//! `kill -9` at random moments of an entry: of the gate, of its reader process, of the registrar.
//!
//! Each round a holder who was never in taps at the gate. At a chosen step of the entry, and a random moment after it,
//! one process dies. The same command starts it again. Then the holder taps once more, undisturbed, and the two taps
//! together must make sense:
//!
//! - nobody's lane opens twice for one entry;
//! - whoever got in is known to have got in, and to the registrar exactly once;
//! - whoever did not is let in now, or sent to staff with an entry that was stored: never turned away with *already in*.
//!
//! After the ordinary rounds it goes on, for a bounded while, until each step of an entry was hit.
//!
//! `KIDO_CRASH_SEED` and `KIDO_CRASH_ROUNDS` repeat a run or lengthen it; the seed is printed.
#![expect(clippy::print_stdout, reason = "the histogram is the result")]

mod killer;
mod rounds;

use rounds::{Seen, Victim};

/// Where the histogram of the last run is.
const FIGURES: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/kill-rounds.txt");

/// Rounds of the ordinary suite.
const ROUNDS: u32 = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_loses_nothing_and_opens_nothing_twice() {
    if let Err(missing) = kido_virtual_card::stack::installed() {
        println!("skipped: {missing}");
        return;
    }
    let seed = from_environment("KIDO_CRASH_SEED").unwrap_or_else(rand::random);
    let rounds = from_environment("KIDO_CRASH_ROUNDS").and_then(|rounds| u32::try_from(rounds).ok()).unwrap_or(ROUNDS);
    println!("seed {seed}: {rounds} rounds");
    let seen = rounds::run(seed, rounds).await.unwrap_or_else(|error| panic!("seed {seed}: {error:?}"));
    let histogram = histogram(&seen);
    println!("{histogram}");
    // A test that passes is not heard; the figures are for whoever ran it.
    std::fs::write(FIGURES, format!("seed {seed}\n{histogram}\n")).expect("the target folder can be written");
    let broken: Vec<_> = seen.iter().flat_map(|seen| seen.broken.iter().map(move |rule| (seen, rule))).collect();
    for (seen, rule) in &broken {
        println!("round {}: {} killed {}: {rule}", seen.round, seen.victim, seen.moment());
    }
    assert!(broken.is_empty(), "seed {seed}: {} rules broken", broken.len());
    let hit = |step: &str| seen.iter().any(|seen| seen.last_step == step);
    let missed: Vec<_> = rounds::STEPS.into_iter().filter(|step| !hit(step)).collect();
    assert!(missed.is_empty() || rounds < ROUNDS, "seed {seed}: no round hit {missed:?}");
}

#[expect(clippy::disallowed_methods, reason = "a test's configuration is its environment")]
fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|value| value.parse().ok())
}

/// How many rounds fell after which step, and which process died there.
fn histogram(seen: &[Seen]) -> String {
    let mut lines = vec![format!("{:<18} gate  reader  registrar", "killed after")];
    for step in rounds::STEPS {
        let count = |victim| seen.iter().filter(|seen| seen.last_step == step && seen.victim == victim).count();
        let (gate, reader, registrar) = (count(Victim::Gate), count(Victim::Reader), count(Victim::Registrar));
        let bar = "█".repeat(gate + reader + registrar);
        lines.push(format!("{step:<18} {gate:>4}  {reader:>6}  {registrar:>9}  {bar}"));
    }
    let outcome = |outcome: &str| seen.iter().filter(|seen| seen.then == outcome).count();
    let outcomes = ["welcome", "already_in", "desk", "stored_not_opened"];
    let told: Vec<_> = outcomes.iter().map(|name| format!("{name} {}", outcome(name))).collect();
    lines.push(format!("then, undisturbed: {}", told.join(", ")));
    lines.join("\n")
}
