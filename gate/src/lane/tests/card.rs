//! From the tray to the proof: what the card is asked, and when it is left alone.

use kido_shared::apdu::Instruction;
use kido_shared::card::PinTries;
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
