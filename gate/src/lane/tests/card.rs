//! From the tray to the proof: what the card is asked, and when it is left alone.

use kido_shared::apdu::Instruction;
use kido_shared::card::{PinEntry, PinTries};
use kido_shared::refusal::StaffCode;
use kido_shared::ticket::TicketStatus;
use kido_virtual_card::card::Fault;
use kido_virtual_card::character::Character;
use kido_virtual_card::planted;

use super::super::*;
use super::table::{AtThePad, Table, public_key};
use crate::screen::NoticeKind;

const TO_THE_PAD: [Instruction; 3] = [Instruction::SelectApplication, Instruction::ReadBinary, Instruction::PinStatus];

#[test]
fn a_faultless_tap_has_these_effects_in_this_order() {
    let mut table = Table::new();
    table.tap();
    let expected = [
        "show reading",
        "transmit SELECT application",
        "transmit READ BINARY",
        "look up",
        "transmit VERIFY without data",
        "show pad",
        "show proving",
        "transmit VERIFY",
        "transmit COMPUTE DIGITAL SIGNATURE",
        "power off",
        "decide again",
        "store 1 intents",
        "claim",
        "store 1 admissions",
        "open",
        "note opened",
        "show welcome",
    ];
    assert_eq!(table.wanted, expected);
    assert_eq!((table.opened.len(), table.forgotten_intents()), (1, 0));
}

#[test]
fn a_card_with_nothing_usable_here_is_asked_two_commands_and_no_pin() {
    let mut unknown = Table::new();
    unknown.tickets.clear();
    unknown.tap();
    assert_eq!(unknown.last_refusal(), Some(&Refusal::NoTicketHere));
    let mut suspended = Table::new();
    suspended.tickets[0].record.status = TicketStatus::Suspended;
    suspended.tap();
    assert_eq!(suspended.last_refusal(), Some(&Refusal::Suspended));
    for table in [unknown, suspended] {
        assert_eq!(table.commands, TO_THE_PAD[..2]);
        assert_eq!(table.wanted[table.wanted.len() - 3], "power off");
        let Screen::Refused(notice) = table.screen() else { panic!("{:?}", table.screen()) };
        assert_eq!((&notice.kind, notice.code), (&NoticeKind::Desk, StaffCode::DESK));
    }
}

#[test]
fn a_binding_that_does_not_open_under_the_window_asks_no_pin() {
    let mut table = Table::new();
    table.key = None;
    table.tap();
    assert_eq!((table.last_refusal(), table.commands.len()), (Some(&Refusal::ProofFailed), 2));
}

#[test]
fn a_copied_certificate_proves_nothing() {
    let mut copy = Table::with_fault(Fault::OtherKey);
    copy.tap();
    let mut stranger = Table::with_card(Character::Stranger);
    stranger.key = Some(public_key(Character::Holder));
    stranger.tap();
    for table in [copy, stranger] {
        assert_eq!(table.last_refusal(), Some(&Refusal::ProofFailed));
        assert_eq!((table.opened.len(), table.count("store")), (0, 0));
    }
}

#[test]
fn cards_that_cannot_prove_themselves_are_told_what_to_do() {
    let rows = [
        (Character::Locked, Refusal::PinLocked),
        (Character::OneTry, Refusal::TooFewTries),
        (Character::Phone, Refusal::Phone),
        (Character::Endless, Refusal::CardLeft),
    ];
    for (character, refusal) in rows {
        let mut table = Table::with_card(character);
        table.tap();
        assert_eq!(table.last_refusal(), Some(&refusal), "{character}");
        assert!(!table.commands.contains(&Instruction::Verify), "{character}");
    }
}

#[test]
fn a_wrong_pin_is_tried_once_and_told_with_the_tries_left() {
    let mut table = Table::new();
    table.at_the_pad = AtThePad::Types(planted::WRONG_PIN);
    table.tap();
    let tries = PinTries::new(2);
    assert_eq!(table.last_refusal(), Some(&Refusal::WrongPin(tries)));
    table.pin(planted::PIN);
    assert_eq!((table.card.tries_left(), table.count("transmit VERIFY")), (2, 2));
    let Screen::Refused(notice) = table.screen() else { panic!("{:?}", table.screen()) };
    assert_eq!((&notice.kind, notice.take_card), (&NoticeKind::WrongPin(tries), true));
}

#[test]
fn a_pin_is_taken_only_while_its_card_lies_there() {
    let mut table = Table::new();
    table.at_the_pad = AtThePad::Waits;
    table.pin(planted::PIN);
    table.tap();
    assert_eq!(table.commands, TO_THE_PAD);
    table.take_card();
    assert_eq!(table.last_refusal(), Some(&Refusal::CardLeft));
    table.pin(planted::PIN);
    table.wait_for_rest();
    table.pin(planted::PIN);
    assert_eq!(table.commands, TO_THE_PAD);
    table.tap();
    assert_eq!(table.commands.len(), 6, "the next card is asked for a PIN of its own");
}

#[test]
fn a_pin_is_waited_for_20_seconds() {
    let mut table = Table::new();
    table.at_the_pad = AtThePad::Waits;
    table.tap();
    table.wait(PIN_TIME - Duration::from_millis(1));
    assert_eq!(table.last_refusal(), None);
    table.wait(Duration::from_millis(1));
    assert_eq!(table.last_refusal(), Some(&Refusal::PinNotEntered));
    assert_eq!(table.commands, TO_THE_PAD);
}

#[test]
fn cancel_ends_the_tap_without_a_try() {
    let mut table = Table::new();
    table.at_the_pad = AtThePad::Waits;
    table.tap();
    table.give(Input::Cancelled);
    assert_eq!(table.last_refusal(), Some(&Refusal::PinNotEntered));
    assert_eq!(table.card.tries_left(), 3);
}

/// A table whose reader has keys of its own.
fn with_keys() -> Table {
    let mut table = Table::new();
    table.give(Input::ReaderReady(PinEntry::AtReader));
    table
}

#[test]
fn a_pin_typed_on_the_reader_opens_the_lane_and_never_comes_here() {
    let mut table = with_keys();
    table.tap();
    let expected = [
        "transmit VERIFY without data",
        "draw challenge",
        "show keys",
        "transmit VERIFY at the reader",
        "show proving",
        "transmit COMPUTE DIGITAL SIGNATURE",
        "power off",
    ];
    let begins = table.wanted.iter().position(|wanted| wanted == expected[0]).unwrap();
    assert_eq!(table.wanted[begins..begins + expected.len()], expected);
    assert_eq!((table.opened.len(), table.count("show pad")), (1, 0));
}

#[test]
fn a_pin_that_nobody_finishes_at_the_reader_costs_no_try_and_the_holder_steps_aside() {
    for typed in [AtThePad::Waits, AtThePad::Cancels] {
        let mut table = with_keys();
        table.at_the_keys = typed;
        table.tap();
        assert_eq!(table.last_refusal(), Some(&Refusal::PinNotEntered), "{typed:?}");
        assert_eq!((table.card.tries_left(), table.count("transmit VERIFY at the reader")), (3, 1), "{typed:?}");
        assert_eq!(table.count("transmit COMPUTE"), 0, "{typed:?}");
        let Screen::Refused(notice) = table.screen() else { panic!("{:?}", table.screen()) };
        assert_eq!(notice.kind, NoticeKind::CardLeft);
    }
}

#[test]
fn a_wrong_pin_at_the_reader_is_told_with_the_tries_left_and_never_sent_again() {
    let mut table = with_keys();
    table.at_the_keys = AtThePad::Types(planted::WRONG_PIN);
    table.tap();
    assert_eq!(table.last_refusal(), Some(&Refusal::WrongPin(PinTries::new(2))));
    table.wait_for_rest();
    assert_eq!((table.card.tries_left(), table.count("transmit VERIFY at the reader")), (2, 1));
}

#[test]
fn what_is_typed_on_our_pad_is_nothing_to_a_tap_that_waits_for_the_reader() {
    let mut table = with_keys();
    table.tap_holding("transmit VERIFY at the reader");
    table.pin(planted::PIN);
    table.give(Input::Cancelled);
    assert_eq!((table.last_refusal(), table.count("transmit VERIFY at")), (None, 1));
    assert_eq!(table.count("transmit COMPUTE"), 0);
    table.release();
    assert_eq!(table.opened.len(), 1);
}

#[test]
fn a_reader_that_never_comes_back_with_a_pin_does_not_hold_the_lane() {
    for held in ["draw challenge", "transmit VERIFY at the reader"] {
        let mut table = with_keys();
        table.tap_holding(held);
        table.wait_for_rest();
        assert_eq!(table.refused.len(), 1, "{held}");
        table.release();
        assert!(table.opened.is_empty(), "{held}");
    }
    let mut table = with_keys();
    table.tap_holding("transmit VERIFY at the reader");
    table.give(Input::CardSilent(table.tap_number()));
    assert_eq!(table.last_refusal(), Some(&Refusal::PinNotEntered));
}

#[test]
fn a_card_taken_while_somebody_types_on_the_reader_has_left() {
    let mut table = with_keys();
    table.tap_holding("transmit VERIFY at the reader");
    table.take_card();
    assert_eq!(table.last_refusal(), Some(&Refusal::CardLeft));
    table.release();
    assert!(table.opened.is_empty() && table.count("transmit COMPUTE") == 0);
}

#[test]
fn a_reader_without_keys_in_place_of_one_with_them_asks_on_the_pad_again() {
    let mut table = with_keys();
    table.give(Input::ReaderGone);
    table.give(Input::ReaderReady(PinEntry::Here));
    table.tap();
    assert_eq!((table.opened.len(), table.count("show pad"), table.count("show keys")), (1, 1, 0));
}

#[test]
fn a_card_that_leaves_before_its_proof_ends_the_tap() {
    for held in ["transmit SELECT", "transmit READ", "look up", "transmit VERIFY without", "transmit COMPUTE"] {
        let mut table = Table::new();
        table.tap_holding(held);
        table.take_card();
        assert_eq!(table.last_refusal(), Some(&Refusal::CardLeft), "{held}");
        table.release();
        assert_eq!((table.count("store"), table.refused.len()), (0, 1), "{held}");
    }
}

#[test]
fn a_card_torn_out_at_any_command_opens_nothing() {
    for command in 1..=5 {
        let mut table = Table::with_fault(Fault::TornAt { command, executed: true, back_after_ms: None });
        table.tap();
        assert_eq!(table.last_refusal(), Some(&Refusal::CardLeft), "{command}");
        assert!(table.opened.is_empty());
    }
}

#[test]
fn a_card_that_never_answers_does_not_hold_the_lane() {
    for held in ["transmit SELECT", "transmit VERIFY without", "transmit COMPUTE"] {
        let mut table = Table::new();
        table.tap_holding(held);
        table.wait_for_rest();
        assert_eq!(table.last_refusal(), Some(&Refusal::Unreadable), "{held}");
    }
    let mut table = Table::new();
    table.tap_holding("transmit READ");
    table.give(Input::CardSilent(table.tap_number()));
    assert_eq!(table.last_refusal(), Some(&Refusal::Unreadable));
}

#[test]
fn a_pin_verified_by_somebody_else_is_powered_off_once_and_then_the_desk() {
    let mut once = Table::with_fault(Fault::VerifiedBefore(1));
    once.tap();
    assert_eq!((once.opened.len(), once.count("transmit SELECT")), (1, 2));
    let mut twice = Table::with_fault(Fault::VerifiedBefore(2));
    twice.tap();
    assert_eq!(twice.last_refusal(), Some(&Refusal::ProofFailed));
    assert_eq!((twice.count("transmit SELECT"), twice.count("power off")), (2, 2));
    assert!(!twice.commands.contains(&Instruction::Verify));
}

#[test]
fn a_replica_that_cannot_be_asked_is_said_to_staff() {
    let mut table = Table::new();
    table.tap_holding("look up");
    table.give(Input::LookUpFailed(table.tap_number(), Refusal::StorageFailed));
    let Screen::Refused(notice) = table.screen() else { panic!("{:?}", table.screen()) };
    assert_eq!((&notice.kind, notice.code.get()), (&NoticeKind::LaneClosed, 39));
}
