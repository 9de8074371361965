//! One entry is one entry: the claim steps and the gates' order around them, exhaustively.
//!
//! Every order of what two gates, one ticket of two entries and the line between gates and arbiter can do, within
//! [`venue::ATTEMPTS`] taps and a bound on crashes: packets are lost, repeated and late without end, answers may
//! never come, a gate may die between any two of its writes. The arbiter is the real one, [`kido_shared::claim::step`].
//!
//! A checker that finds nothing proves little, so each test of a fault plants one and wants it found.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    reason = "numbers of taps index arrays of taps; a test that is wrong about itself may stop, and tells what it counted"
)]

mod arbiter;
mod rules;
mod venue;

use stateright::{Checker, Model as _};

use self::arbiter::Fault;
use self::venue::{ATTEMPTS, Venue};

/// Threads of one search: what a small machine has.
const THREADS: usize = 2;

/// Explores a venue; gives how many different states there are, and the names of the rules that were broken.
fn explore(fault: Fault) -> (usize, Vec<&'static str>) {
    // A planted fault shows early; without one more is asked.
    let taps = if fault == Fault::None { ATTEMPTS } else { 3 };
    let checker = Venue { fault, taps }.checker().threads(THREADS).spawn_bfs().join();
    let found = checker.discoveries();
    let broken = checker.model().properties().into_iter().filter(|property| {
        let found = found.contains_key(property.name);
        if property.expectation == stateright::Expectation::Always { found } else { !found }
    });
    let broken = broken.map(|property| property.name).collect();
    for (name, path) in &found {
        if fault != Fault::None && rules::is_safety(name) {
            println!("{fault:?}: {name}, after\n{path}");
        }
    }
    (checker.unique_state_count(), broken)
}

#[test]
fn one_entry_is_one_entry_in_every_order_of_steps_losses_and_crashes() {
    let (states, broken) = explore(Fault::None);
    println!("{states} states, {} rules", rules::all().len());
    assert_eq!(broken, Vec::<&str>::new());
    assert!(states > 100_000, "{states} states are not a search");
}

#[test]
fn an_arbiter_that_forgets_withdrawals_is_found() {
    assert!(explore(Fault::NoTombstone).1.contains(&rules::NOBODY_LOCKED_OUT));
}

#[test]
fn an_arbiter_that_answers_before_it_stores_is_found() {
    assert!(explore(Fault::AnswersUnstored).1.contains(&rules::ONE_INSIDE));
}

#[test]
fn an_arbiter_that_grants_to_any_gate_that_repeats_is_found() {
    assert!(explore(Fault::GrantsRepeated).1.contains(&rules::ONE_INSIDE));
}

#[test]
fn a_gate_that_opens_when_the_arbiter_is_silent_is_found() {
    assert!(explore(Fault::OpensOnSilence).1.contains(&rules::ONE_INSIDE));
}

#[test]
fn a_gate_that_opens_again_after_a_crash_is_found() {
    assert!(explore(Fault::OpensAgain).1.contains(&rules::OPENED_ONCE));
}

#[test]
fn a_gate_that_forgets_to_withdraw_is_found() {
    assert!(explore(Fault::NeverWithdraws).1.contains(&rules::NOBODY_LOCKED_OUT));
}

#[test]
fn a_gate_that_annuls_on_a_time_out_is_found() {
    assert!(explore(Fault::AnnulsOnTimeOut).1.contains(&rules::ONE_INSIDE));
}
