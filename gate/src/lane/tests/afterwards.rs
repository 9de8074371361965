//! Answers that come too late, and a lane that is out of order.

use super::super::*;
use super::table::Table;

/// The next tap, while the answer of the first is still out.
fn next_tap_after(held: &'static str) -> (Table, Vec<Input>) {
    let mut table = Table::new();
    table.tap_holding(held);
    let late = table.held.drain(..).collect();
    table.wait(Duration::from_secs(50));
    table.take_card();
    table.wait_for_rest();
    table.hold = Some("transmit READ");
    table.tap();
    (table, late)
}

#[test]
fn an_answer_to_an_old_tap_reaches_no_new_one() {
    for held in ["transmit SELECT", "look up", "transmit COMPUTE", "claim", "store 1 admissions", "open"] {
        let (mut table, late) = next_tap_after(held);
        let (opened, wanted) = (table.opened.len(), table.wanted.len());
        for input in late {
            table.give(input);
        }
        assert_eq!((table.opened.len(), table.wanted.len()), (opened, wanted), "{held}");
        assert!(matches!(table.lane.state, State::Reading(_)), "{held}");
        table.release();
    }
}

#[test]
fn intents_that_are_stored_too_late_are_dropped() {
    let (mut table, late) = next_tap_after("store 1 intents");
    for input in late {
        table.give(input);
    }
    assert_eq!((table.dropped.len(), table.forgotten_intents()), (1, 0));
}

#[test]
fn intents_that_are_stored_while_the_notice_stands_are_dropped() {
    let mut table = Table::new();
    table.tap_holding("store 1 intents");
    table.wait(ANSWER_TIME);
    assert_eq!(table.last_refusal(), Some(&Refusal::StorageFailed));
    table.release();
    assert_eq!((table.dropped.len(), table.forgotten_intents(), table.count("claim")), (1, 0, 0));
}

#[test]
fn admissions_that_are_stored_too_late_open_nothing() {
    let mut table = Table::new();
    table.tap_holding("store 1 admissions");
    table.wait(ANSWER_TIME);
    table.release();
    assert_eq!((table.opened.len(), table.last_refusal()), (0, Some(&Refusal::StorageFailed)));
}

#[test]
fn a_lane_is_out_of_order_until_its_reader_is_there() {
    let mut table = Table::unready();
    assert_eq!(table.screen(), &Screen::OutOfOrder(Refusal::ReaderFailed.code()));
    table.give(Input::ReaderReady(PinEntry::Here));
    assert_eq!(table.screen(), &Screen::Idle);
    table.give(Input::ReaderGone);
    assert_eq!(table.screen(), &Screen::OutOfOrder(Refusal::ReaderFailed.code()));
}

#[test]
fn a_lane_out_of_order_reads_no_card_and_reads_it_when_mended() {
    let mut table = Table::new();
    table.give(Input::OutOfService(Refusal::ReplicaTooOld));
    table.tap();
    assert_eq!((table.commands.len(), table.screen()), (0, &Screen::OutOfOrder(Refusal::ReplicaTooOld.code())));
    table.give(Input::BackInService);
    table.settle();
    assert_eq!(table.opened.len(), 1);
}

#[test]
fn a_reader_that_is_back_does_not_mend_a_full_disk() {
    let mut table = Table::new();
    table.give(Input::OutOfService(Refusal::StorageFailed));
    table.give(Input::ReaderGone);
    assert_eq!(table.screen(), &Screen::OutOfOrder(Refusal::ReaderFailed.code()));
    table.give(Input::BackInService);
    table.give(Input::OutOfService(Refusal::StorageFailed));
    table.give(Input::ReaderReady(PinEntry::Here));
    assert_eq!(table.screen(), &Screen::OutOfOrder(Refusal::StorageFailed.code()));
    table.give(Input::BackInService);
    assert_eq!(table.screen(), &Screen::Idle);
}

#[test]
fn a_reader_that_fails_ends_an_exchange_but_no_entry() {
    let mut reading = Table::new();
    reading.tap_holding("transmit READ");
    reading.give(Input::ReaderGone);
    assert_eq!(reading.last_refusal(), Some(&Refusal::CardLeft));
    reading.wait_for_rest();
    assert_eq!(reading.screen(), &Screen::OutOfOrder(Refusal::ReaderFailed.code()));
    let mut claiming = Table::new();
    claiming.tap_holding("claim");
    claiming.give(Input::ReaderGone);
    claiming.release();
    assert_eq!(claiming.opened.len(), 1);
    claiming.wait_for_rest();
    assert_eq!(claiming.screen(), &Screen::OutOfOrder(Refusal::ReaderFailed.code()));
}
