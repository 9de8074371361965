use kido_shared::admission::{Admission, AdmissionBasis, DecidedOn, EndedBy, Ending};
use kido_shared::binding::{BindingTag, CertificateTag};
use kido_shared::claim::{ClaimFacts, ClaimRequest, ClaimStep, FreedClaims, step};
use kido_shared::feed::Conflict;
use kido_shared::ids::{AdmissionId, ArbiterId, GateId, PartyId, ShowingId};
use kido_shared::refusal::StaffCode;
use kido_shared::showing::RefusedShowing;
use kido_shared::ticket::{Entries, EntryWindow, SeatLabel, TicketStatus, Zone};
use proptest::prelude::*;

use super::*;
use crate::domain::arbiter::Arbiter;
use crate::domain::hand_over::FeedPlace;
use crate::domain::history::Actor;
use crate::domain::postponement::Shift;
use crate::domain::reference::ReferenceHash;
use crate::domain::ticket::{KeptBinding, Particulars, StatusChange};

const AT: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
const TICKET: TicketId = TicketId::from_bytes([1; 16]);
const GATE: GateId = GateId::from_bytes([2; 16]);
const ADMISSION: AdmissionId = AdmissionId::from_bytes([3; 16]);
const CODE: CodeHash = CodeHash::from_bytes([4; 32]);
const RECORD: FeedSequence = FeedSequence::new(5);

fn imported() -> Fact {
    let ticket = ImportedTicket {
        ticket: TICKET,
        reference: ReferenceHash([6; 16]),
        order: ReferenceHash([7; 16]),
        particulars: Particulars {
            zone: Zone::new("A").unwrap(),
            seat_label: SeatLabel::new("1-2").unwrap(),
            window: EntryWindow::new(AT, AT.after(core::time::Duration::from_secs(1))).unwrap(),
            entries: Entries::ONCE,
            party: Some(PartyId::from_bytes([8; 16])),
        },
        code: CODE,
    };
    Fact::TicketsImported(TicketsImported { paid: true, first_record: RECORD, tickets: vec![ticket], at: AT })
}

fn claim_changed() -> Fact {
    let decided_on = DecidedOn { ticket: RECORD, binding: RECORD, epoch: Epoch::FIRST };
    let basis = AdmissionBasis::Claimed;
    let claim =
        ClaimStep::Claim(ClaimRequest { admission: ADMISSION, ticket: TICKET, gate: GATE, decided_on, at: AT, basis });
    let facts = ClaimFacts { entries: Entries::ONCE, status: TicketStatus::InForce, newest: decided_on };
    let claims = step(&kido_shared::claim::TicketClaims::new(), &claim, &facts, AT).0.unwrap();
    Fact::ClaimChanged(ClaimChanged { step: claim, claims, at: AT, record: None })
}

fn key() -> WrappedEventKey {
    minicbor::decode(&minicbor::to_vec(((2026_u16, 53_u8), ByteVec::from(vec![13; 72]))).unwrap()).unwrap()
}

fn arbiter() -> Arbiter {
    let addresses = vec![kido_shared::challenge::Origin::parse("https://arbiter.example").unwrap()];
    let (arbiter, cluster) = (ArbiterId::from_bytes([14; 16]), ArbiterId::from_bytes([15; 16]));
    let record =
        kido_shared::feed::ArbiterRecord { arbiter, cluster, epoch: 1, addresses, revoked: false, shared: false };
    Arbiter { verifying_key: [16; 32], record, added_at: AT }
}

fn certificate(number: u8, revokes_before: Option<Timestamp>) -> FeedKeyCertificate {
    let key = |number| ed25519_dalek::SigningKey::from_bytes(&[number; 32]);
    let statement = kido_shared::feed::FeedKeyStatement {
        event: kido_shared::ids::EventId::from_bytes([19; 16]),
        verifying_key: key(number).verifying_key().to_bytes(),
        valid_from: AT,
        valid_until: AT.after(core::time::Duration::from_secs(1)),
        revokes_before,
    };
    statement.sign(&key(20)).unwrap()
}

/// One of each.
fn all() -> Vec<Fact> {
    all_at_first().into_iter().chain(all_later()).collect()
}

/// One of each that was there from the beginning.
fn all_at_first() -> Vec<Fact> {
    let binding = KeptBinding {
        tag: BindingTag::from_bytes([9; 32]),
        certificate_tag: Some(CertificateTag::from_bytes([10; 32])),
        outlives_event: true,
        outlives_year_after: false,
    };
    let (zone, entrance) = (Zone::new("A").unwrap(), Zone::new("North").unwrap());
    let admission =
        Admission { id: ADMISSION, ticket: TICKET, gate: GATE, entry: 1, at: AT, basis: AdmissionBasis::Offline };
    let code = StaffCode::parse(18).unwrap();
    let showing = RefusedShowing { id: ShowingId::from_bytes([13; 16]), ticket: TICKET, gate: GATE, at: AT, code };
    let conflict = Conflict { ticket: TICKET, entry: 1, first: ADMISSION, second: ADMISSION, found_at: AT };
    vec![
        imported(),
        Fact::StatusChanged(StatusChanged {
            ticket: TICKET,
            change: StatusChange::Suspended,
            actor: Actor::Sales,
            at: AT,
            record: RECORD,
            unbound_record: None,
            code: None,
        }),
        Fact::CodeReplaced(CodeReplaced { ticket: TICKET, code: CODE, actor: Actor::Desk, at: AT }),
        Fact::Bound(Bound { ticket: TICKET, binding, code: CODE, at: AT, record: RECORD }),
        Fact::Shown(Shown { tickets: vec![TICKET], code: Some(CODE), at: AT }),
        Fact::GateAdded(GateAdded { gate: GATE, verifying_key: [11; 32], zone, entrance, at: AT, record: RECORD }),
        Fact::GateRevoked(GateRevoked { gate: GATE, at: AT, record: RECORD, copied: None }),
        claim_changed(),
        Fact::AdmissionRecorded(AdmissionRecorded { admission, at: AT, record: RECORD, holds_entry: true }),
        Fact::ConflictRecorded(ConflictRecorded { conflict, gate: GATE, record: RECORD }),
        Fact::FeedExtended(FeedExtended { epoch: Epoch::FIRST, first: RECORD, records: vec![vec![12; 20].into()] }),
        Fact::EventCreated(EventCreated { policy: crate::testing::policy(|_draft| {}), key: key(), at: AT }),
        Fact::PolicyChanged(PolicyChanged {
            policy: crate::testing::policy(|_draft| {}),
            key: Some(key()),
            at: AT,
            moving: None,
            record: None,
        }),
        Fact::ShowingRefused(ShowingRefused { showing, at: AT }),
        Fact::ArbiterAdded(ArbiterAdded { arbiter: arbiter() }),
        Fact::ArbiterRevoked(ArbiterRevoked { arbiter: ArbiterId::from_bytes([14; 16]), at: AT }),
        Fact::PolicyChanged(PolicyChanged {
            policy: crate::testing::policy(|_draft| {}),
            key: None,
            at: AT,
            moving: Some(Moving { by: Shift::between(AT, AT), ended_at: AT, ends_at: AT, reached: Some(TICKET) }),
            record: None,
        }),
        Fact::WindowsMoved(WindowsMoved { tickets: vec![TICKET], first_record: RECORD, reached: Some(TICKET), at: AT }),
    ]
}

/// One of each that came later.
fn all_later() -> Vec<Fact> {
    let ending = Ending { admission: ADMISSION, ticket: TICKET, gate: GATE, by: EndedBy::Exited, at: AT };
    vec![
        Fact::PolicyChanged(PolicyChanged {
            policy: crate::testing::policy(|_draft| {}),
            key: None,
            at: AT,
            moving: None,
            record: Some(RECORD),
        }),
        Fact::GateHeard(GateHeard { gate: GATE, ending: FeedPlace { epoch: Epoch::FIRST, number: RECORD }, at: AT }),
        Fact::FeedKeyChanged(FeedKeyChanged {
            certificate: certificate(18, Some(AT)),
            before: certificate(17, None),
            at: AT,
            record: RECORD,
        }),
        Fact::EndingHeld(EndingHeld { ending, at: AT }),
        Fact::AdmissionEnded(AdmissionEnded { ending, at: AT, record: Some(RECORD) }),
        Fact::ConflictSettled(ConflictSettled {
            ticket: TICKET,
            entry: 1,
            first: ADMISSION,
            second: ADMISSION,
            gate: GATE,
            at: AT,
        }),
        Fact::GateClaimsFreed(GateClaimsFreed { gate: GATE, freed: FreedClaims::All, at: AT, record: RECORD }),
    ]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The fixtures of version 1: one fact a line, never changed, only added to.
const GOLDEN: &str = include_str!("v1.hex");

#[test]
fn facts_of_version_1_are_written_as_ever() {
    let written: Vec<String> = all().iter().map(|fact| hex(&fact.to_bytes())).collect();
    assert_eq!(GOLDEN.lines().collect::<Vec<_>>(), written);
}

#[test]
fn facts_of_version_1_are_read_as_ever() {
    for (line, fact) in GOLDEN.lines().zip(all()) {
        let bytes: Vec<u8> =
            (0..line.len()).step_by(2).map(|at| u8::from_str_radix(&line[at..at + 2], 16).unwrap()).collect();
        assert_eq!(Fact::from_bytes(&bytes), Ok(fact));
    }
}

#[test]
fn a_fact_with_a_byte_more_or_less_is_none() {
    for fact in all() {
        let mut bytes = fact.to_bytes();
        bytes.push(0);
        assert_eq!(Fact::from_bytes(&bytes), Err(FactError));
        bytes.truncate(bytes.len() - 2);
        assert_eq!(Fact::from_bytes(&bytes), Err(FactError));
    }
}

#[test]
fn feed_records_are_told_from_other_facts_by_their_number() {
    for fact in all() {
        let feed = Fact::feed_of_bytes(&fact.to_bytes()).unwrap();
        assert_eq!(feed.map(Fact::FeedExtended), Some(fact).filter(|fact| matches!(fact, Fact::FeedExtended(_))));
    }
}

#[test]
fn only_an_import_has_rows_and_a_row_is_no_fact() {
    for fact in all() {
        let rows = TicketsImported::rows_of_bytes(&fact.to_bytes());
        assert_eq!(rows.is_some(), matches!(fact, Fact::TicketsImported(_)));
        assert!(ImportedTicket::from_bytes(&fact.to_bytes()).is_err());
        for row in rows.into_iter().flatten() {
            assert!(Fact::from_bytes(&fact.to_bytes()[row]).is_err());
        }
    }
}

#[test]
fn a_ticket_takes_little_room() {
    assert!(imported().to_bytes().len() < 200);
}

proptest! {
    #[test]
    fn a_row_stands_in_its_import_where_its_place_says(labels in prop::collection::vec("[A-F]{1,20}", 0..40)) {
        let Fact::TicketsImported(one) = imported() else { panic!("no import") };
        let row = |label: &String| {
            let mut row = one.tickets[0].clone();
            row.particulars.seat_label = SeatLabel::new(label).unwrap();
            row.particulars.party = row.particulars.party.filter(|_party| label.len().is_multiple_of(2));
            row
        };
        let rows: Vec<_> = labels.iter().map(row).collect();
        let fact = Fact::TicketsImported(TicketsImported { tickets: rows.clone(), ..one }).to_bytes();
        let places = TicketsImported::rows_of_bytes(&fact).unwrap();
        let found: Vec<_> =
            places.into_iter().map(|place| ImportedTicket::from_bytes(&fact[place]).unwrap()).collect();
        prop_assert_eq!(found, rows);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(fact) = Fact::from_bytes(&bytes) {
            prop_assert!(!fact.to_bytes().is_empty());
        }
        let rows = TicketsImported::rows_of_bytes(&bytes).unwrap_or_default();
        prop_assert!(rows.iter().all(|row| bytes.get(row.clone()).is_some()));
        prop_assert!(Fact::feed_of_bytes(&bytes).is_ok() || Fact::from_bytes(&bytes).is_err());
    }
}
