//! A whole venue in one thread: registrar, arbiter and gates on one clock, with everything that can go wrong between them.
//!
//! The cores are the product's own: lanes, journals, replicas, the claim steps, the venue's arbiter, the registrar's store
//! and its rules, over disks in memory whose power can be cut at any write. Simulated are the lines, the clocks, the
//! barriers, the cards' answers and the people; not simulated are HTTP and its signatures, TLS, processes and readers.
//! Everything follows from one number, so that a run that went wrong can be had again:
//!
//! ```text
//! KIDO_SIMULATION_SEED=4711 cargo test -p kido-tests --test simulation one_seed -- --nocapture
//! KIDO_SIMULATION_SEEDS=10000 cargo test -p kido-tests --test simulation        or  bash tests/run.sh --seeds 10000
//! ```
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a simulation that is wrong about itself may stop, and tells what it has seen"
)]

mod arbiter;
mod cases;
mod cast;
mod checker;
mod clock;
mod decisions;
mod disk;
mod faults;
mod gate;
mod genesis;
mod mutations;
mod network;
mod plan;
mod registrar;
mod restore;
mod seeds;
mod turns;
mod visitors;
mod world;

use mutations::Mutation;
use plan::Night;

/// Seeds of the ordinary suite.
const SEEDS: u64 = 1_200;

/// Seeds among which everything that can happen has happened.
const SEES_EVERYTHING: u64 = 500;

/// Where the seeds of the ordinary suite begin.
const FIRST: u64 = 1;

/// Seeds within which a planted bug must be found.
const FOUND_WITHIN: u64 = 400;

/// Seeds among which a machine that stops in the middle has stopped.
const STOPS_WITHIN: u64 = 20;

#[test]
fn no_seed_breaks_a_rule() {
    let count = seeds::from_environment("KIDO_SIMULATION_SEEDS").unwrap_or(SEEDS);
    let seen = seeds::sweep(FIRST..FIRST + count, Night::Whole);
    if count >= SEES_EVERYTHING {
        // A checker that has met none of these has proved nothing about them.
        assert!(seen.conflicts > 0 && seen.offline > 0, "no conflict, or nobody without an arbiter: {seen:?}");
        assert!(seen.exits > 0 && seen.annulled > 0 && seen.further_entries > 0, "nobody out and in again: {seen:?}");
        assert!(seen.restored > 0 && seen.states_lost > 0, "no registrar from a backup: {seen:?}");
        assert!(seen.revoked > 0 && seen.handed_over > 0 && seen.cuts > 0, "nothing was decided: {seen:?}");
        assert!(seen.boxes_replaced > 0 && seen.granted_by_a_second_box > 0, "no box in another's place: {seen:?}");
    }
}

#[test]
fn what_a_seed_has_found_stays_mended() {
    for (found, night, seed) in cases::FOUND {
        println!("{found}");
        seeds::sweep(seed..seed + 1, night);
    }
}

#[test]
fn one_seed_is_told_in_full() {
    seeds::tell(seeds::from_environment("KIDO_SIMULATION_SEED").unwrap_or(FIRST));
}

#[test]
fn the_same_seed_is_the_same_story() {
    for seed in [FIRST, 17, 23] {
        let story = || world::World::run(seed, Night::Whole, None).story;
        assert_eq!(story(), story(), "seed {seed}");
    }
}

#[test]
fn the_checker_finds_a_claim_after_the_store() {
    seeds::find(Mutation::ClaimAfterStore, FOUND_WITHIN);
}

#[test]
fn the_checker_finds_a_withdrawal_that_is_forgotten() {
    seeds::find(Mutation::NoWithdrawal, FOUND_WITHIN);
}

#[test]
fn the_checker_finds_a_withdrawal_without_a_tombstone() {
    seeds::find(Mutation::NoTombstone, FOUND_WITHIN);
}

#[test]
fn the_checker_finds_an_index_that_is_trusted_over_its_log() {
    seeds::find(Mutation::IndexTrusted, FOUND_WITHIN);
}

#[test]
fn the_checker_finds_an_answer_before_the_sync() {
    seeds::find(Mutation::AckUnsynced, FOUND_WITHIN);
}

#[test]
fn the_checker_finds_a_box_that_forgets_at_each_start() {
    seeds::find(Mutation::ArbiterForgets, FOUND_WITHIN);
}

#[test]
fn the_checker_finds_a_conflict_that_is_told_twice() {
    seeds::find(Mutation::ConflictToldTwice, FOUND_WITHIN);
}

#[test]
fn the_checker_finds_a_lane_that_opens_on_silence() {
    seeds::find(Mutation::OpensOnSilence, FOUND_WITHIN);
}

#[test]
fn the_checker_finds_an_outbox_that_is_emptied_unheard() {
    seeds::find(Mutation::OutboxEmptiedUnheard, FOUND_WITHIN);
}

#[test]
fn the_checker_finds_a_gate_that_calls_itself_offline_at_once() {
    seeds::find(Mutation::OfflineAtOnce, FOUND_WITHIN);
}

#[test]
fn the_checker_finds_a_journal_that_is_kept_back_from_a_registrar_without_it() {
    seeds::find(Mutation::JournalKeptBack, FOUND_WITHIN);
}

#[test]
fn the_checker_finds_a_gate_that_is_dated_by_the_furthest_head_for_ever() {
    seeds::find(Mutation::FurthestHeadKept, FOUND_WITHIN);
}

#[test]
fn a_run_that_merely_stops_has_found_nothing() {
    assert_eq!(seeds::found(Mutation::MerelyStops, STOPS_WITHIN), None);
}
