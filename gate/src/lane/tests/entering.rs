//! From the proof to the open lane: decide again, intent, claim, admission, open.

use std::sync::Arc;

use kido_shared::claim::ClaimAnswer;
use kido_shared::ids::{AdmissionId, FeedSequence, TicketId};
use kido_shared::policy::{ArbiterHome, OfflineChoice};
use kido_shared::ticket::TicketStatus;
use kido_shared::verdict::Connectivity;

use super::super::*;
use super::table::{AtThePad, GATE, Table, at, parent_and_child, policy};
use crate::screen::NoticeKind;

const OTHER: AdmissionId = AdmissionId::from_bytes([0x07; 16]);

fn answered(answer: ClaimAnswer) -> ClaimOutcome {
    ClaimOutcome::Answered(answer)
}

fn taken() -> ClaimOutcome {
    answered(ClaimAnswer::Taken { admission: OTHER, gate: GATE, at: at(60) })
}

fn stale() -> ClaimOutcome {
    answered(ClaimAnswer::Stale { ticket: FeedSequence::new(5), binding: FeedSequence::new(9) })
}

fn notice(table: &Table) -> (NoticeKind, u8) {
    let Screen::Refused(notice) = table.screen() else { panic!("{:?}", table.screen()) };
    (notice.kind.clone(), notice.code.get())
}

#[test]
fn a_lane_opens_only_on_a_stored_admission() {
    let mut table = Table::new();
    table.tap_holding("store 1 admissions");
    assert!(table.opened.is_empty());
    table.release();
    assert_eq!(table.opened.len(), 1);
}

#[test]
fn nobody_is_asked_before_the_intent_is_stored() {
    let mut table = Table::new();
    table.tap_holding("store 1 intents");
    assert_eq!(table.count("claim"), 0);
    table.release();
    assert_eq!((table.count("claim"), table.opened.len()), (1, 1));
}

#[test]
fn what_changed_during_the_proof_decides() {
    let mut table = Table::new();
    table.tap_holding("transmit COMPUTE");
    table.tickets[0].record.status = TicketStatus::Suspended;
    table.release();
    assert_eq!(notice(&table), (NoticeKind::Suspended, 15));
    assert_eq!(table.count("store"), 0);
}

#[test]
fn a_taken_ticket_is_told_so_after_the_proof_and_its_intent_dropped() {
    let mut table = Table::new();
    table.arbiter.push_back(taken());
    table.tap();
    assert_eq!(notice(&table), (NoticeKind::AlreadyIn { at: at(60), by: crate::screen::Door::Gate(GATE) }, 18));
    assert_eq!((table.opened.len(), table.dropped.len(), table.forgotten_intents()), (0, 1, 0));
}

#[test]
fn a_proof_that_opens_nothing_goes_into_the_history_of_its_ticket_with_the_reason() {
    let told = |table: &Table| -> Vec<(TicketId, u8)> {
        table.told_holders.iter().map(|(ticket, code)| (*ticket, code.get())).collect()
    };
    let mut used = Table::new();
    used.arbiter.push_back(taken());
    used.tap();
    let ticket = used.tickets[0].record.ticket;
    assert_eq!(told(&used), [(ticket, 18)]);

    let mut changed = Table::new();
    changed.tap_holding("transmit COMPUTE");
    changed.tickets[0].record.status = TicketStatus::Suspended;
    changed.release();
    assert_eq!(told(&changed), [(ticket, 15)]);

    let mut stuck = Table::new();
    stuck.barrier_works = false;
    stuck.tap();
    assert_eq!(told(&stuck), [(ticket, 37)]);

    let mut entered = Table::new();
    entered.tap();
    assert_eq!((entered.opened.len(), told(&entered)), (1, Vec::new()));
}

#[test]
fn what_was_shown_without_a_proof_goes_into_no_history() {
    let mut suspended = Table::new();
    suspended.tickets[0].record.status = TicketStatus::Suspended;
    suspended.tap();
    let mut mistyped = Table::new();
    mistyped.at_the_pad = AtThePad::Types("9999");
    mistyped.tap();
    for table in [suspended, mistyped] {
        assert_eq!((table.refused.len(), table.told_holders.len()), (1, 0), "{:?}", table.refused);
    }
}

#[test]
fn each_answer_of_the_arbiter_has_its_words() {
    let status = |status| answered(ClaimAnswer::NotInForce { status });
    let rows = [
        (answered(ClaimAnswer::Spent), 19),
        (status(TicketStatus::Suspended), 15),
        (status(TicketStatus::Cancelled), 16),
        (status(TicketStatus::Returned), 16),
        (status(TicketStatus::NotPaid), 17),
        (answered(ClaimAnswer::Withdrawn), 31),
        (answered(ClaimAnswer::NotAllowed), 31),
    ];
    for (outcome, code) in rows {
        let mut table = Table::new();
        table.arbiter.push_back(outcome.clone());
        table.tap();
        assert_eq!((notice(&table).1, table.forgotten_intents()), (code, 0), "{outcome:?}");
    }
}

#[test]
fn a_stale_claim_is_decided_again_on_what_is_newest() {
    let mut table = Table::new();
    table.arbiter.push_back(stale());
    table.tap();
    assert_eq!((table.count("catch up"), table.count("store 1 intents"), table.opened.len()), (1, 2, 1));
    assert_eq!((table.dropped.len(), table.forgotten_intents()), (1, 0));
}

#[test]
fn a_ticket_that_is_always_stale_is_for_staff() {
    let mut table = Table::new();
    table.arbiter.extend([stale(), stale(), stale()]);
    table.tap();
    assert_eq!((table.count("catch up"), table.opened.len(), table.forgotten_intents()), (2, 0, 0));
    assert_eq!(notice(&table), (NoticeKind::OneMoment, 31));
}

#[test]
fn a_silent_arbiter_drops_the_intents_and_asks_for_a_moment() {
    for late in [false, true] {
        let mut table = Table::new();
        if late {
            table.tap_holding("claim");
            table.wait(ANSWER_TIME);
            table.release();
        } else {
            table.arbiter.push_back(ClaimOutcome::Silent);
            table.tap();
        }
        assert_eq!(notice(&table), (NoticeKind::OneMoment, 31));
        assert_eq!((table.dropped.len(), table.opened.len(), table.forgotten_intents()), (1, 0, 0));
    }
}

#[test]
fn a_gate_that_goes_offline_follows_the_events_choice() {
    for (choice, opened) in [(OfflineChoice::Admit, 1), (OfflineChoice::Refuse, 0), (OfflineChoice::HomeGate, 0)] {
        let mut table = Table::new();
        table.place.policy = Arc::new(policy(choice, ArbiterHome::Registrar));
        table.arbiter.push_back(ClaimOutcome::Offline);
        table.tap_holding("claim");
        table.place.connectivity = Connectivity::Offline;
        table.release();
        assert_eq!((table.opened.len(), table.dropped.len(), table.forgotten_intents()), (opened, 1, 0), "{choice:?}");
        assert_eq!(table.count("admit 1 here"), opened);
    }
}

#[test]
fn a_gate_that_cannot_make_up_its_mind_whether_it_is_offline_asks_staff() {
    let mut table = Table::new();
    table.arbiter.extend([ClaimOutcome::Offline, ClaimOutcome::Offline, ClaimOutcome::Offline]);
    table.tap();
    assert_eq!((notice(&table).1, table.count("claim"), table.forgotten_intents()), (31, 3, 0));
}

#[test]
fn the_only_gate_of_an_event_is_its_own_arbiter() {
    let mut table = Table::new();
    table.place.policy = Arc::new(policy(OfflineChoice::Refuse, ArbiterHome::Local));
    table.tap();
    assert_eq!((table.count("admit 1 here"), table.count("claim"), table.opened.len()), (1, 0, 1));
}

#[test]
fn what_the_gate_itself_refuses_opens_nothing() {
    let mut table = Table::new();
    table.place.policy = Arc::new(policy(OfflineChoice::Refuse, ArbiterHome::Local));
    table.tap_holding("admit");
    table.give(Input::AdmittedHere(table.tap_number(), Vec::new(), Some(Refusal::Spent)));
    assert_eq!((notice(&table), table.opened.len()), ((NoticeKind::Spent, 19), 0));
}

#[test]
fn a_party_is_asked_after_its_one_proof_and_enters_together() {
    let mut table = Table::new();
    table.tickets = parent_and_child();
    table.party = Some(2);
    table.tap();
    let after_proof = table.wanted.iter().skip_while(|wanted| *wanted != "power off");
    let expected = [
        "power off",
        "decide again",
        "show party",
        "show proving",
        "decide again",
        "store 2 intents",
        "claim",
        "claim",
        "store 2 admissions",
        "open",
        "note opened",
        "show welcome",
    ];
    assert_eq!(after_proof.collect::<Vec<_>>(), expected);
    assert_eq!(table.opened, [table.tickets.iter().map(|known| known.record.ticket).collect::<Vec<_>>()]);
    let Screen::Welcome(welcome) = table.screen() else { panic!("{:?}", table.screen()) };
    assert_eq!(welcome.seats.len(), 2);
}

#[test]
fn one_of_a_party_may_come_alone() {
    let mut table = Table::new();
    table.tickets = parent_and_child();
    table.party = Some(1);
    table.tap();
    assert_eq!((table.count("claim"), &table.opened), (1, &vec![vec![table.tickets[0].record.ticket]]));
}

#[test]
fn the_rest_of_a_party_enters_where_one_is_in_already() {
    let mut table = Table::new();
    table.tickets = parent_and_child();
    table.party = Some(2);
    table.arbiter.push_back(taken());
    table.tap();
    assert_eq!(table.opened, [[table.tickets[1].record.ticket]]);
    assert_eq!((table.dropped.len(), table.forgotten_intents()), (1, 0));
    let Screen::Welcome(welcome) = table.screen() else { panic!("{:?}", table.screen()) };
    assert_eq!(welcome.seats, [table.tickets[1].record.seat_label.clone()]);
    let left: Vec<_> = table.told_holders.iter().map(|(ticket, code)| (*ticket, code.get())).collect();
    assert_eq!(left, [(table.tickets[0].record.ticket, 18)], "each ticket has its own reason in its history");
}

#[test]
fn a_party_that_says_nothing_or_too_many_does_not_enter() {
    let mut table = Table::new();
    table.tickets = parent_and_child();
    table.tap();
    for count in [0, 3, usize::MAX] {
        table.give(Input::PartyChosen(count));
        assert_eq!(table.count("decide again"), 1);
    }
    table.wait(PARTY_TIME);
    assert_eq!((table.last_refusal(), table.opened.len()), (Some(&Refusal::PinNotEntered), 0));
}

#[test]
fn a_barrier_that_failed_sends_the_holder_to_staff_with_the_entry_kept() {
    let mut table = Table::new();
    table.barrier_works = false;
    table.tap();
    assert_eq!(notice(&table), (NoticeKind::StoredNotOpened, 37));
    assert_eq!((table.count("note opened"), table.dropped.len()), (0, 0));
    let mut silent = Table::new();
    silent.tap_holding("open");
    silent.wait(ANSWER_TIME);
    assert_eq!(notice(&silent), (NoticeKind::StoredNotOpened, 37));
}

#[test]
fn a_full_disk_opens_nothing_and_gives_the_entry_back() {
    for (held, dropped) in [("store 1 intents", 0), ("store 1 admissions", 1)] {
        let mut table = Table::new();
        table.tap_holding(held);
        table.held.clear();
        table.give(Input::StoreFailed(table.tap_number()));
        assert_eq!(notice(&table), (NoticeKind::LaneClosed, 39), "{held}");
        assert_eq!(table.last_refusal(), Some(&Refusal::StorageFailed));
        assert_eq!((table.opened.len(), table.dropped.len()), (0, dropped), "{held}");
    }
}

#[test]
fn the_card_may_be_taken_once_it_has_proved_itself() {
    for held in ["decide again", "store 1 intents", "claim", "store 1 admissions", "open"] {
        let mut table = Table::new();
        table.tap_holding(held);
        table.take_card();
        table.release();
        assert_eq!((table.opened.len(), table.refused.len()), (1, 0), "{held}");
        let Screen::Welcome(welcome) = table.screen() else { panic!("{:?}", table.screen()) };
        assert!(!welcome.take_card);
    }
}
