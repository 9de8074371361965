//! Lanes that let people out, and barriers that saw nobody pass.

use kido_shared::challenge::Passage;
use kido_shared::ids::{AdmissionId, GateId, PartyId};
use kido_shared::refusal::Refusal;
use kido_shared::ticket::TicketStatus;
use kido_shared::verdict::{KnownTicket, Used};

use super::table::{AtThePad, Table, at, ticket};
use crate::journal::Departure;
use crate::screen::Screen;

fn id(number: u8) -> AdmissionId {
    AdmissionId::from_bytes([number; 16])
}

/// A ticket whose holder is inside, by the admission of its number at another gate.
fn inside(number: u8) -> KnownTicket {
    let mut ticket = ticket(number);
    ticket.used = Used::Inside { entry: 1, admission: id(number), gate: GateId::from_bytes([9; 16]), at: at(1) };
    ticket
}

fn way_out(tickets: Vec<KnownTicket>) -> Table {
    let mut table = Table::new();
    table.place.passage = Passage::Out;
    table.tickets = tickets;
    table
}

#[test]
fn whoever_is_inside_goes_out_by_a_proof_and_a_passage_and_nobody_is_asked() {
    let mut table = way_out(vec![inside(1)]);
    table.tap();
    let departure = Departure { admission: id(1), ticket: inside(1).record.ticket };
    assert_eq!((table.left.as_slice(), table.exited.as_slice()), (&[vec![departure.ticket]][..], &[departure][..]));
    assert!(table.shown.iter().any(|screen| matches!(screen, Screen::Goodbye { .. })), "{:?}", table.shown);
    let behind = |name: &str| table.wanted.iter().position(|wanted| wanted.starts_with(name));
    assert!(behind("decide again") < behind("let 1 out") && behind("let 1 out") < behind("note 1 exited"));
    for never in ["store", "claim", "admit", "open"] {
        assert_eq!(behind(never), None, "{never}: {:?}", table.wanted);
    }
}

#[test]
fn nobody_goes_out_who_is_not_in_and_no_pin_is_asked_for_it() {
    for used in [Used::Never, Used::Left { entries: 1 }] {
        let mut outside = ticket(1);
        outside.used = used;
        let mut table = way_out(vec![outside]);
        table.tap();
        assert_eq!((table.refused.as_slice(), table.left.len()), (&[Refusal::NoTicketHere][..], 0));
        assert!(!table.wanted.iter().any(|wanted| wanted == "show pad"), "{:?}", table.wanted);
    }
}

#[test]
fn a_suspended_ticket_keeps_nobody_in() {
    let mut suspended = inside(1);
    suspended.record.status = TicketStatus::Suspended;
    let mut table = way_out(vec![suspended]);
    table.tap();
    assert_eq!(table.exited.len(), 1);
}

#[test]
fn of_a_party_so_many_go_as_the_holder_says() {
    let mut party = vec![inside(1), inside(2), inside(3)];
    for ticket in &mut party {
        ticket.record.party = Some(PartyId::from_bytes([1; 16]));
    }
    let mut table = way_out(party);
    table.party = Some(2);
    table.tap();
    assert!(table.shown.contains(&Screen::AskParty { most: 3, passage: Passage::Out }), "{:?}", table.shown);
    assert_eq!(table.exited.len(), 2);
}

#[test]
fn who_is_not_seen_to_pass_is_still_inside() {
    let mut stuck = way_out(vec![inside(1)]);
    stuck.barrier_works = false;
    stuck.tap();
    assert_eq!((stuck.exited.len(), stuck.refused.as_slice()), (0, &[Refusal::BarrierFailed][..]));
    let mut turned = way_out(vec![inside(1)]);
    turned.nobody_passes = true;
    turned.tap();
    assert_eq!((turned.exited.len(), turned.refused.as_slice()), (0, &[Refusal::CardLeft][..]));
    let mut unproved = way_out(vec![inside(1)]);
    unproved.at_the_pad = AtThePad::Cancels;
    unproved.tap();
    assert_eq!((unproved.left.len(), unproved.exited.len()), (0, 0));
}

#[test]
fn an_entry_is_annulled_only_where_the_barrier_says_that_nobody_passed() {
    let mut table = Table::new();
    table.nobody_passes = true;
    table.tap();
    assert_eq!((table.annulled.len(), table.refused.as_slice()), (1, &[Refusal::CardLeft][..]));
    let mut stuck = Table::new();
    stuck.barrier_works = false;
    stuck.tap();
    assert_eq!(stuck.annulled.len(), 0, "a barrier that failed says nothing of who passed");
}
