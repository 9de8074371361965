//! How long each last screen stands, and whose turn is next.

use super::super::*;
use super::table::Table;

const A_MOMENT: Duration = Duration::from_millis(1);

/// Whether the last screen of a tap still stands.
fn stands(table: &Table) -> bool {
    matches!(table.lane.state, State::Leaving(_))
}

#[test]
fn a_welcome_stands_until_the_card_is_taken_and_then_one_second_and_a_half() {
    let mut table = Table::new();
    table.tap();
    table.wait(Duration::from_secs(9));
    assert!(stands(&table));
    table.take_card();
    table.wait(WELCOME_TIME - A_MOMENT);
    assert!(stands(&table));
    table.wait(A_MOMENT);
    assert_eq!(table.screen(), &Screen::Idle);
}

#[test]
fn a_refusal_stands_six_seconds_or_until_the_card_is_taken() {
    let mut quick = Table::new();
    quick.tickets.clear();
    quick.tap();
    quick.take_card();
    quick.wait(NOTICE_TIME - A_MOMENT);
    assert!(stands(&quick));
    quick.wait(A_MOMENT);
    assert!(!stands(&quick));
    let mut slow = Table::new();
    slow.tickets.clear();
    slow.tap();
    slow.wait(NOTICE_TIME + Duration::from_secs(3));
    assert!(stands(&slow));
    slow.take_card();
    slow.wait(Duration::ZERO);
    assert!(!stands(&slow));
}

#[test]
fn a_forgotten_card_holds_the_lane_twenty_seconds() {
    for usable in [true, false] {
        let mut table = Table::new();
        if !usable {
            table.tickets.clear();
        }
        table.tap();
        table.wait(FORGOTTEN_TIME - A_MOMENT);
        assert!(stands(&table));
        table.wait(A_MOMENT);
        assert_eq!(table.screen(), &Screen::CardForgotten);
        // It lies there still, and must be taken before it can tap again.
        table.give(Input::CardPresent);
        assert_eq!(table.count("transmit SELECT"), 1);
        table.take_card();
        assert_eq!(table.screen(), &Screen::Idle);
        table.tap();
        assert_eq!(table.count("transmit SELECT"), 2);
    }
}

#[test]
fn a_card_that_waits_has_its_turn_when_the_last_screen_is_over() {
    let mut table = Table::new();
    table.tap();
    table.take_card();
    table.tap();
    assert_eq!(table.opened.len(), 1, "the next card waits for its turn");
    table.wait(WELCOME_TIME);
    assert_eq!(table.opened.len(), 2);
    assert_eq!(table.count("show idle"), 0);
}

#[test]
fn a_card_that_comes_and_goes_while_it_waits_has_no_turn() {
    let mut table = Table::new();
    table.tap();
    table.take_card();
    table.give(Input::CardPresent);
    table.take_card();
    table.wait_for_rest();
    assert_eq!((table.opened.len(), table.screen()), (1, &Screen::Idle));
}

#[test]
fn flicking_a_card_does_not_hold_a_welcome() {
    let mut table = Table::new();
    table.tap();
    table.take_card();
    table.pass(WELCOME_TIME - A_MOMENT);
    table.give(Input::CardPresent);
    table.take_card();
    table.wait(A_MOMENT);
    assert!(!stands(&table));
}

#[test]
fn a_lane_is_busy_from_the_first_command_to_the_last_durable_step() {
    let mut table = Table::new();
    assert!(!table.lane.is_busy());
    table.tap_holding("claim");
    assert!(table.lane.is_busy());
    table.release();
    assert!(!table.lane.is_busy(), "a welcome may be cut short");
}
