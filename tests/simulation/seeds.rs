//! Runs seeds, and says how to have one of them again.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::checker::{Counts, UNREST};
use crate::mutations::Mutation;
use crate::plan::{Night, Plan};
use crate::world::{Outcome, World};

#[expect(clippy::disallowed_methods, reason = "a test's configuration is its environment")]
pub(crate) fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|value| value.parse().ok())
}

fn again(seed: u64) -> String {
    format!("KIDO_SIMULATION_SEED={seed} cargo test -p kido-tests --test simulation one_seed -- --nocapture")
}

/// A run, and whether it stopped in the middle.
fn run(seed: u64, night: Night, mutation: Option<Mutation>) -> Outcome {
    catch_unwind(AssertUnwindSafe(|| World::run(seed, night, mutation))).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().cloned();
        let said = said.or_else(|| panic.downcast_ref::<&str>().map(|said| (*said).to_owned()));
        Outcome { stopped: Some(format!("{said:?}")), ..Outcome::default() }
    })
}

/// Runs many seeds; wants none of them broken. Tells how much it has seen.
pub(crate) fn sweep(seeds: Range<u64>, night: Night) -> Counts {
    let (count, mut all, mut broken) = (seeds.end - seeds.start, Counts::default(), Vec::new());
    for seed in seeds {
        let outcome = run(seed, night, None);
        all += outcome.counts;
        if outcome.went_wrong() {
            println!("seed {seed}: {:#?} {:?}\n  again: {}", outcome.broken, outcome.stopped, again(seed));
            broken.push(seed);
        }
    }
    println!("{count} seeds: {all:?}");
    assert!(broken.is_empty(), "{} of {count} seeds break a rule: {broken:?}", broken.len());
    all
}

/// Runs one seed and tells all of it.
pub(crate) fn tell(seed: u64) {
    let outcome = run(seed, Night::Whole, None);
    outcome.story.iter().for_each(|line| println!("{line}"));
    assert!(!outcome.went_wrong(), "seed {seed}: {:#?} {:?}", outcome.broken, outcome.stopped);
}

/// Runs seeds with a planted bug until a rule complains of one; gives the seed and what it complains of. A run that merely
/// stops, or comes to no rest, has found nothing: which rule is broken has to be said.
pub(crate) fn found(mutation: Mutation, within: u64) -> Option<(u64, String)> {
    let suited = (1..).filter(|seed| mutation.shows_in(&Plan::draw(*seed, Night::Whole).0));
    suited.take(usize::try_from(within).expect("a few")).find_map(|seed| {
        let outcome = run(seed, Night::Whole, Some(mutation));
        let named = outcome.broken.into_iter().find(|rule| !rule.starts_with(UNREST));
        named.map(|rule| (seed, rule))
    })
}

/// Wants a planted bug to be found.
pub(crate) fn find(mutation: Mutation, within: u64) {
    let (seed, rule) =
        found(mutation, within).unwrap_or_else(|| panic!("{mutation:?} is not found within {within} seeds"));
    println!("{mutation:?}: seed {seed}: {rule}");
}
