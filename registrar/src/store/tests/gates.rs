use kido_shared::admission::{Admission, AdmissionBasis, DecidedOn};
use kido_shared::challenge::Action;
use kido_shared::claim::{ClaimAnswer, ClaimRequest, ClaimStep, NamedAdmission};
use kido_shared::ids::{AdmissionId, FeedSequence, GateId, ShowingId, TicketId};
use kido_shared::policy::OfflineChoice;
use kido_shared::refusal::StaffCode;
use kido_shared::showing::RefusedShowing;
use kido_shared::ticket::{Entries, Zone};
use kido_shared::wire::v1::admissions::{AckOutcome, UploadedAdmission};
use kido_virtual_card::character::Character;

use super::super::*;
use crate::domain::claim::ClaimRefusal;
use crate::domain::gate::GateRefusal;
use crate::domain::history::Happening;
use crate::domain::ingest::IngestRefusal;
use crate::testing::{NOW, Registrar, row};

fn id(number: u8) -> AdmissionId {
    AdmissionId::from_bytes([number; 16])
}

pub(super) fn admission(number: u8, ticket: TicketId, gate: GateId) -> UploadedAdmission {
    let admission = Admission { id: id(number), ticket, gate, entry: 1, at: NOW, basis: AdmissionBasis::Claimed };
    UploadedAdmission { admission, opened_at: None }
}

/// The same entry at two gates.
pub(super) async fn admit_twice(registrar: &Registrar, event: EventId, ticket: TicketId, gates: (GateId, GateId)) {
    let store = &registrar.store;
    let claimed = store.claim(event, gates.0, claim(registrar, event, 1, ticket, gates.0)).await.unwrap();
    assert_eq!(claimed, ClaimAnswer::Granted { entry: 1 });
    let mut opened = admission(1, ticket, gates.0);
    opened.opened_at = Some(NOW);
    store.upload(event, gates.0, vec![opened]).await.unwrap();
    store.upload(event, gates.1, vec![admission(2, ticket, gates.1)]).await.unwrap();
}

fn newest(registrar: &Registrar, event: EventId, ticket: TicketId) -> DecidedOn {
    let live = registrar.store.live(event).unwrap();
    let ticket = reading::ticket(&live.facts, ticket).unwrap().unwrap();
    crate::domain::claim::facts(&ticket, registrar.store.event(event).unwrap().epoch).newest
}

pub(super) fn claim(registrar: &Registrar, event: EventId, number: u8, ticket: TicketId, gate: GateId) -> ClaimStep {
    let decided_on = newest(registrar, event, ticket);
    let basis = AdmissionBasis::Claimed;
    ClaimStep::Claim(ClaimRequest { admission: id(number), ticket, gate, decided_on, at: NOW, basis })
}

pub(super) fn named(number: u8, ticket: TicketId, gate: GateId) -> NamedAdmission {
    NamedAdmission { admission: id(number), ticket, gate }
}

pub(super) async fn bound(registrar: &Registrar, event: EventId) -> TicketId {
    let (ticket, code) = registrar.ticket(event, 1).await;
    registrar.register(Action::Bind, &code, Character::Holder).await.unwrap();
    ticket
}

#[tokio::test]
async fn two_gates_that_claim_one_ticket_get_one_yes() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let ticket = bound(&registrar, event).await;
    let (one, other) = (registrar.gate(event, 1).await, registrar.gate(event, 2).await);
    let (first, second) = tokio::join!(
        registrar.store.claim(event, one, claim(&registrar, event, 1, ticket, one)),
        registrar.store.claim(event, other, claim(&registrar, event, 2, ticket, other)),
    );
    let answers = [first.unwrap(), second.unwrap()];
    let granted = answers.iter().filter(|answer| **answer == ClaimAnswer::Granted { entry: 1 }).count();
    let taken = answers.iter().filter(|answer| matches!(answer, ClaimAnswer::Taken { .. })).count();
    assert_eq!((granted, taken), (1, 1), "{answers:?}");
}

#[tokio::test]
async fn an_uploaded_entry_is_used_though_a_claim_that_came_to_nothing_stood_in_its_place() {
    let registrar = Registrar::new();
    let event = registrar.event_with(|draft| draft.offline = OfflineChoice::Admit).await;
    let ticket = bound(&registrar, event).await;
    let (one, other) = (registrar.gate(event, 1).await, registrar.gate(event, 2).await);
    let store = &registrar.store;
    store.claim(event, one, claim(&registrar, event, 1, ticket, one)).await.unwrap();
    let mut let_in = admission(2, ticket, one);
    let_in.admission.basis = AdmissionBasis::Offline;
    store.upload(event, one, vec![let_in]).await.unwrap();
    store.claim(event, one, ClaimStep::Withdraw(named(1, ticket, one))).await.unwrap();
    let again = store.claim(event, other, claim(&registrar, event, 3, ticket, other)).await.unwrap();
    assert!(
        matches!(again, ClaimAnswer::Taken { admission, gate, .. } if (admission, gate) == (id(2), one)),
        "{again:?}"
    );
    let annulled = store.claim(event, one, ClaimStep::Annul(named(2, ticket, one))).await.unwrap();
    assert_eq!(annulled, ClaimAnswer::Annulled);
    let granted = store.claim(event, other, claim(&registrar, event, 4, ticket, other)).await.unwrap();
    assert_eq!(granted, ClaimAnswer::Granted { entry: 1 });
    store.upload(event, other, vec![admission(4, ticket, other)]).await.unwrap();
    assert_eq!(store.conflicts(event).unwrap(), Vec::new(), "the entry was given back");
}

#[tokio::test]
async fn a_claim_on_superseded_records_is_stale() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let ticket = bound(&registrar, event).await;
    let gate = registrar.gate(event, 1).await;
    let old = claim(&registrar, event, 1, ticket, gate);
    let name = TicketName::Id(ticket);
    let suspend = crate::domain::ticket::TicketAction::Suspend;
    registrar.store.change_ticket(event, name, suspend, crate::domain::history::Actor::Sales).await.unwrap();
    let answer = registrar.store.claim(event, gate, old).await.unwrap();
    assert!(matches!(answer, ClaimAnswer::Stale { ticket, .. } if ticket > FeedSequence::FIRST), "{answer:?}");
}

#[tokio::test]
async fn a_granted_claim_is_granted_again_after_a_restart() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let ticket = bound(&registrar, event).await;
    let gate = registrar.gate(event, 1).await;
    let step = claim(&registrar, event, 1, ticket, gate);
    registrar.store.claim(event, gate, step.clone()).await.unwrap();
    let registrar = registrar.restart();
    assert_eq!(registrar.store.claim(event, gate, step).await.unwrap(), ClaimAnswer::Granted { entry: 1 });
}

#[tokio::test]
async fn a_gate_speaks_for_itself_alone_and_a_revoked_one_not_at_all() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let ticket = bound(&registrar, event).await;
    let (one, other) = (registrar.gate(event, 1).await, registrar.gate(event, 2).await);
    let foreign = registrar.store.claim(event, other, claim(&registrar, event, 1, ticket, one)).await;
    assert!(matches!(foreign, Err(Failed::Refused(ClaimRefusal::OtherGate))));
    let foreign = registrar.store.upload(event, other, vec![admission(1, ticket, one)]).await;
    assert!(matches!(foreign, Err(Failed::Refused(IngestRefusal::OtherGate(_)))));
    registrar.store.revoke_gate(event, one).await.unwrap();
    let claimed = registrar.store.claim(event, one, claim(&registrar, event, 1, ticket, one)).await;
    assert!(matches!(claimed, Err(Failed::Refused(ClaimRefusal::Gate(GateRefusal::Revoked)))));
    let uploaded = registrar.store.upload(event, one, vec![admission(1, ticket, one)]).await;
    assert!(matches!(uploaded, Err(Failed::Refused(IngestRefusal::Gate(GateRefusal::Revoked)))));
    assert!(matches!(registrar.store.gate(event, one), Err(Failed::Refused(GateRefusal::Revoked))));
    let back = NewGate {
        gate: one,
        verifying_key: [1; 32],
        zone: Zone::new("A").unwrap(),
        entrance: Zone::new("North").unwrap(),
    };
    assert!(matches!(registrar.store.add_gate(event, back).await, Err(Failed::Refused(GateRefusal::Revoked))));
}

#[tokio::test]
async fn an_admission_is_stored_once_however_often_it_is_uploaded() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let ticket = bound(&registrar, event).await;
    let gate = registrar.gate(event, 1).await;
    let upload = || registrar.store.upload(event, gate, vec![admission(1, ticket, gate)]);
    assert_eq!(upload().await.unwrap()[0].outcome, AckOutcome::Stored);
    let length = registrar.store.event(event).unwrap().feed_length;
    assert_eq!(upload().await.unwrap()[0].outcome, AckOutcome::Repeated);
    assert_eq!(registrar.store.event(event).unwrap().feed_length, length);
    let mut altered = admission(1, ticket, gate);
    altered.admission.entry = 2;
    let altered = registrar.store.upload(event, gate, vec![altered]).await.unwrap();
    assert_eq!(altered[0].outcome, AckOutcome::Refused);
    assert_eq!(registrar.store.admission(event, id(1)).unwrap().unwrap().entry, 1, "what was stored stays");
}

#[tokio::test]
async fn an_admission_of_no_ticket_or_no_entry_is_refused_and_the_rest_of_its_batch_is_stored() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let ticket = bound(&registrar, event).await;
    let gate = registrar.gate(event, 1).await;
    let (mut never, mut beyond) = (admission(3, ticket, gate), admission(4, ticket, gate));
    (never.admission.entry, beyond.admission.entry) = (0, 2);
    let unknown = admission(2, TicketId::from_bytes([0; 16]), gate);
    let length = registrar.store.event(event).unwrap().feed_length;
    let batch = vec![unknown, never, beyond, admission(1, ticket, gate)];
    let acks = registrar.store.upload(event, gate, batch).await.unwrap();
    let outcomes: Vec<_> = acks.iter().map(|ack| (ack.admission, ack.outcome)).collect();
    let refused = |number| (id(number), AckOutcome::Refused);
    assert_eq!(outcomes, [refused(2), refused(3), refused(4), (id(1), AckOutcome::Stored)]);
    assert_eq!(registrar.store.event(event).unwrap().feed_length, length + 1, "gates hear of the one alone");
    for number in 2..=4 {
        assert!(registrar.store.admission(event, id(number)).unwrap().is_none());
    }
}

#[tokio::test]
async fn a_holder_goes_out_by_any_gate_and_comes_in_again_as_often_as_the_ticket_says() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let (mut row, _code) = row(1);
    row.entries = Entries::try_from("2".to_owned()).unwrap();
    let report = registrar.store.import_tickets(event, vec![row], true).await.unwrap();
    let [ImportOutcome::Created(ticket)] = report.outcomes[..] else { panic!("not created: {report:?}") };
    let (one, other) = (registrar.gate(event, 1).await, registrar.gate(event, 2).await);
    let ask = |gate, step| registrar.store.claim(event, gate, step);
    let exit = |number| ClaimStep::Exit(named(number, ticket, other));
    assert_eq!(ask(other, exit(1)).await.unwrap(), ClaimAnswer::NotHeld, "nobody is in");
    let mut answers = Vec::new();
    for (number, gate) in [(1, one), (2, other)] {
        answers.push(ask(gate, claim(&registrar, event, number, ticket, gate)).await.unwrap());
        let mut let_in = admission(number, ticket, gate);
        let_in.admission.entry = u32::from(number);
        registrar.store.upload(event, gate, vec![let_in]).await.unwrap();
        let meanwhile = ask(one, claim(&registrar, event, number + 10, ticket, one)).await.unwrap();
        assert!(matches!(meanwhile, ClaimAnswer::Taken { .. }), "an exit lies between two entries: {meanwhile:?}");
        answers.push(ask(other, exit(number)).await.unwrap());
    }
    answers.push(ask(one, claim(&registrar, event, 3, ticket, one)).await.unwrap());
    let granted = |entry| ClaimAnswer::Granted { entry };
    assert_eq!(answers, [granted(1), ClaimAnswer::Exited, granted(2), ClaimAnswer::Exited, ClaimAnswer::Spent]);
    assert_eq!(registrar.store.conflicts(event).unwrap(), Vec::new());
    let lines = registrar.store.history(event, &TicketName::Id(ticket)).unwrap();
    let told: Vec<_> = lines.iter().map(|line| line.happening.name()).collect();
    assert_eq!(told, ["admitted", "exited", "admitted", "exited"]);
}

#[tokio::test]
async fn two_admissions_of_one_entry_are_one_conflict_and_both_are_kept() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let ticket = bound(&registrar, event).await;
    let (one, other) = (registrar.gate(event, 1).await, registrar.gate(event, 2).await);
    registrar.store.upload(event, one, vec![admission(1, ticket, one)]).await.unwrap();
    let second = || registrar.store.upload(event, other, vec![admission(2, ticket, other)]);
    assert_eq!(second().await.unwrap()[0].outcome, AckOutcome::Conflict);
    assert_eq!(second().await.unwrap()[0].outcome, AckOutcome::Repeated);
    let conflicts = registrar.store.conflicts(event).unwrap();
    assert_eq!(
        conflicts.iter().map(|view| (view.conflict.first, view.conflict.second)).collect::<Vec<_>>(),
        vec![(id(1), id(2))]
    );
    assert!(registrar.store.admission(event, id(2)).unwrap().is_some());
    let lines = registrar.store.history(event, &TicketName::Id(ticket)).unwrap();
    assert_eq!(lines.last().unwrap().happening, Happening::Conflict(other));
}

#[tokio::test]
async fn an_annulled_entry_conflicts_with_nobody() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let ticket = bound(&registrar, event).await;
    let (one, other) = (registrar.gate(event, 1).await, registrar.gate(event, 2).await);
    let store = &registrar.store;
    store.claim(event, one, claim(&registrar, event, 1, ticket, one)).await.unwrap();
    store.upload(event, one, vec![admission(1, ticket, one)]).await.unwrap();
    let annulled = store.claim(event, one, ClaimStep::Annul(named(1, ticket, one))).await.unwrap();
    assert_eq!(annulled, ClaimAnswer::Annulled);
    let granted = store.claim(event, other, claim(&registrar, event, 2, ticket, other)).await.unwrap();
    assert_eq!(granted, ClaimAnswer::Granted { entry: 1 });
    let acks = store.upload(event, other, vec![admission(2, ticket, other)]).await.unwrap();
    assert_eq!(acks[0].outcome, AckOutcome::Stored);
}

#[tokio::test]
async fn an_upload_that_arrives_after_its_annulment_takes_no_entry() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let ticket = bound(&registrar, event).await;
    let (one, other) = (registrar.gate(event, 1).await, registrar.gate(event, 2).await);
    let store = &registrar.store;
    store.claim(event, one, claim(&registrar, event, 1, ticket, one)).await.unwrap();
    store.claim(event, one, ClaimStep::Annul(named(1, ticket, one))).await.unwrap();
    store.upload(event, one, vec![admission(1, ticket, one)]).await.unwrap();
    let acks = store.upload(event, other, vec![admission(2, ticket, other)]).await.unwrap();
    assert_eq!(acks[0].outcome, AckOutcome::Stored);
}

#[tokio::test]
async fn an_opened_lane_is_noted_in_the_tickets_claims() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let ticket = bound(&registrar, event).await;
    let gate = registrar.gate(event, 1).await;
    let store = &registrar.store;
    store.claim(event, gate, claim(&registrar, event, 1, ticket, gate)).await.unwrap();
    let mut opened = admission(1, ticket, gate);
    store.upload(event, gate, vec![opened.clone()]).await.unwrap();
    opened.opened_at = Some(NOW);
    assert_eq!(store.upload(event, gate, vec![opened]).await.unwrap()[0].outcome, AckOutcome::Repeated);
    let withdrawn = store.claim(event, gate, ClaimStep::Withdraw(named(1, ticket, gate))).await.unwrap();
    assert_eq!(withdrawn, ClaimAnswer::NotAllowed, "who is inside is not withdrawn");
}

fn showing(number: u8, ticket: TicketId, gate: GateId) -> RefusedShowing {
    let code = StaffCode::parse(18).unwrap();
    RefusedShowing { id: ShowingId::from_bytes([number; 16]), ticket, gate, at: NOW, code }
}

#[tokio::test]
async fn a_refused_showing_is_in_the_history_once_however_often_it_is_uploaded() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let ticket = bound(&registrar, event).await;
    let gate = registrar.gate(event, 1).await;
    let history = || registrar.store.history(event, &TicketName::Id(ticket)).unwrap();
    let before = history().len();
    for _time in 0..2 {
        registrar.store.take_showings(event, gate, vec![showing(1, ticket, gate)]).await.unwrap();
    }
    let lines = history();
    assert_eq!(lines.len(), before + 1);
    assert_eq!(lines.last().unwrap().happening, Happening::Refused(gate, StaffCode::parse(18).unwrap()));
}

#[tokio::test]
async fn a_gate_tells_histories_of_its_own_tickets_its_own_showings_and_no_more_than_they_take() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let ticket = bound(&registrar, event).await;
    let (one, other) = (registrar.gate(event, 1).await, registrar.gate(event, 2).await);
    let store = &registrar.store;
    let foreign = store.take_showings(event, one, vec![showing(1, ticket, other)]).await;
    assert!(matches!(foreign, Err(Failed::Refused(IngestRefusal::ShowingOfOtherGate(_)))));
    let unknown = showing(2, TicketId::from_bytes([0xee; 16]), one);
    store.take_showings(event, one, vec![unknown, showing(3, ticket, one)]).await.unwrap();
    let flood = (10..=200).map(|number| showing(number, ticket, one)).collect();
    store.take_showings(event, one, flood).await.unwrap();
    let lines = store.history(event, &TicketName::Id(ticket)).unwrap();
    let refused = lines.iter().filter(|line| matches!(line.happening, Happening::Refused(..))).count();
    assert_eq!(refused, 50, "the one of the first upload, and the flood up to the bound");
    assert!(lines.iter().any(|line| line.happening == Happening::Bound), "nothing else is pushed out of sight");
    store.revoke_gate(event, one).await.unwrap();
    let revoked = store.take_showings(event, one, vec![showing(4, ticket, one)]).await;
    assert!(matches!(revoked, Err(Failed::Refused(IngestRefusal::Gate(GateRefusal::Revoked)))));
}
