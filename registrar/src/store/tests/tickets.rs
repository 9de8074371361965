use kido_shared::challenge::Action;
use kido_virtual_card::character::Character;

use super::super::*;
use crate::domain::event::EventRefusal;
use crate::domain::history::{Actor, Happening};
use crate::domain::ticket::{TicketAction, TicketRefusal, TicketState};
use crate::testing::{NOW, Registrar, policy, row};

/// An event in which each kind of fact has happened.
pub(super) async fn busy_event(registrar: &Registrar) -> EventId {
    let store = &registrar.store;
    let event = registrar.event_with(|draft| draft.tickets_per_card = 5).await;
    let (bound, code) = registrar.ticket(event, 1).await;
    let (_unpaid, _code) = registrar.tickets(event, 2, false).await;
    let (released, unpaid_code) = registrar.tickets(event, 3, false).await;
    let proved = registrar.register(Action::Bind, &code, Character::Holder).await.unwrap();
    let code = proved.holder_code.unwrap();
    registrar.register(Action::Bind, &unpaid_code, Character::Holder).await.unwrap();
    let code = registrar.register(Action::Show, &code, Character::Holder).await.unwrap().holder_code.unwrap();
    store.suspend_by_code(code.hash()).await.unwrap();
    registrar.register(Action::Resume, &code, Character::Holder).await.unwrap();
    let release = store.change_ticket(event, TicketName::Id(released), TicketAction::Release, Actor::Sales);
    release.await.unwrap();
    store.reissue_code(event, TicketName::Id(bound), Actor::Desk).await.unwrap();
    let gate = registrar.gate(event, 1).await;
    let second = registrar.gate(event, 2).await;
    super::gates::admit_twice(registrar, event, bound, (gate, second)).await;
    store.revoke_gate(event, second).await.unwrap();
    registrar.change_policy(event, policy(|draft| draft.tickets_per_card = 2)).await.unwrap();
    event
}

#[tokio::test]
async fn an_import_is_repeated_without_effect_and_a_different_row_is_refused() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let rows: Vec<_> = (1..=3).map(|number| row(number).0).collect();
    let first = registrar.store.import_tickets(event, rows.clone(), true).await.unwrap();
    let ids = first.outcomes.iter().map(|outcome| {
        let ImportOutcome::Created(ticket) = outcome else { panic!("{outcome:?}") };
        *ticket
    });
    let ids: Vec<_> = ids.collect();
    let length = registrar.store.event(event).unwrap().feed_length;
    let again = registrar.store.import_tickets(event, rows.clone(), true).await.unwrap();
    assert_eq!(again.outcomes, ids.iter().map(|ticket| ImportOutcome::Unchanged(*ticket)).collect::<Vec<_>>());
    assert_eq!(registrar.store.event(event).unwrap().feed_length, length);
    let mut changed = rows.clone();
    changed[0].seat_label = kido_shared::ticket::SeatLabel::new("Row 2, 1").unwrap();
    changed[1].code = row(77).1.hash();
    let (mut fourth, _code) = row(4);
    fourth.code = rows[2].code;
    changed.push(fourth);
    let report = registrar.store.import_tickets(event, changed, true).await.unwrap();
    assert_eq!(
        report.outcomes,
        vec![
            ImportOutcome::Refused(RowRefusal::Different),
            ImportOutcome::Refused(RowRefusal::Different),
            ImportOutcome::Unchanged(ids[2]),
            ImportOutcome::Refused(RowRefusal::CodeTaken),
        ]
    );
}

#[tokio::test]
async fn one_import_takes_a_reference_and_a_code_once() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let (one, _code) = row(1);
    let (mut other, _code) = row(2);
    other.code = one.code;
    let report = registrar.store.import_tickets(event, vec![one.clone(), one, other], true).await.unwrap();
    let [ImportOutcome::Created(first), second, third] = report.outcomes[..] else { panic!("{report:?}") };
    assert_eq!(second, ImportOutcome::Unchanged(first));
    assert_eq!(third, ImportOutcome::Refused(RowRefusal::CodeTaken));
}

#[tokio::test]
async fn a_bound_tickets_row_is_still_the_same_row() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let (ticket, code) = registrar.ticket(event, 1).await;
    registrar.register(Action::Bind, &code, Character::Holder).await.unwrap();
    let again = registrar.store.import_tickets(event, vec![row(1).0], true).await.unwrap();
    assert_eq!(again.outcomes, vec![ImportOutcome::Unchanged(ticket)]);
}

#[tokio::test]
async fn a_reservation_is_bound_then_paid_or_released() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let (ticket, code) = registrar.tickets(event, 1, false).await;
    let name = || TicketName::Id(ticket);
    let store = &registrar.store;
    assert_eq!(store.ticket(event, &name()).unwrap().state, TicketState::Reserved);
    registrar.register(Action::Bind, &code, Character::Holder).await.unwrap();
    let bound = store.ticket(event, &name()).unwrap();
    assert_eq!((bound.state, bound.paid), (TicketState::Bound, false));
    let paid = store.change_ticket(event, name(), TicketAction::Confirm, Actor::Sales).await.unwrap();
    assert_eq!((paid.state, paid.paid), (TicketState::Bound, true));
    let released = store.change_ticket(event, name(), TicketAction::Release, Actor::Sales).await;
    assert!(matches!(released, Err(Failed::Refused(TicketRefusal::Paid))));
}

#[tokio::test]
async fn a_released_reservation_leaves_its_card() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let (ticket, code) = registrar.tickets(event, 1, false).await;
    registrar.register(Action::Bind, &code, Character::Holder).await.unwrap();
    let release = registrar.store.change_ticket(event, TicketName::Id(ticket), TicketAction::Release, Actor::Sales);
    assert_eq!(release.await.unwrap().state, TicketState::Returned);
    let (_other, code) = registrar.ticket(event, 2).await;
    registrar.register(Action::Bind, &code, Character::Holder).await.unwrap();
}

#[tokio::test]
async fn nobody_resumes_a_ticket_by_a_word() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let (ticket, code) = registrar.ticket(event, 1).await;
    registrar.register(Action::Bind, &code, Character::Holder).await.unwrap();
    let change = |action, actor| registrar.store.change_ticket(event, TicketName::Id(ticket), action, actor);
    change(TicketAction::Suspend, Actor::Sales).await.unwrap();
    for actor in [Actor::Operator, Actor::Sales, Actor::Desk, Actor::Holder] {
        let resumed = change(TicketAction::Resume, actor).await;
        assert!(matches!(resumed, Err(Failed::Refused(TicketRefusal::NotPossible { .. }))), "{resumed:?}");
    }
}

#[tokio::test]
async fn a_holder_sees_what_happened_to_a_ticket() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let (ticket, code) = registrar.ticket(event, 1).await;
    registrar.register(Action::Bind, &code, Character::Holder).await.unwrap();
    let name = TicketName::Reference(row(1).0.reference);
    registrar.store.change_ticket(event, name.clone(), TicketAction::Suspend, Actor::Desk).await.unwrap();
    let lines = registrar.store.history(event, &TicketName::Id(ticket)).unwrap();
    let happenings: Vec<_> = lines.iter().map(|line| line.happening).collect();
    assert_eq!(happenings, vec![Happening::Bound, Happening::Suspended(Actor::Desk)]);
    assert_eq!(lines[0].at(), NOW);
    let unknown = TicketName::Reference(row(9).0.reference);
    let unknown = registrar.store.history(event, &unknown);
    assert!(matches!(unknown, Err(Failed::Refused(TicketRefusal::UnknownTicket))));
}

#[tokio::test]
async fn counts_follow_the_states_of_tickets() {
    let registrar = Registrar::new();
    let event = busy_event(&registrar).await;
    let counts = registrar.store.event(event).unwrap().counts;
    let expected =
        SeatCounts { reserved: 1, bound: 1, returned: 1, admissions: 2, conflicts: 1, ..SeatCounts::default() };
    assert_eq!(counts, expected);
}

#[tokio::test]
async fn an_event_stays_what_it_is_a_rehearsal_or_not() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let real = registrar.change_policy(event, policy(|draft| draft.rehearsal_of = None)).await;
    assert!(matches!(real, Err(Failed::Refused(EventRefusal::RehearsalFixed))));
    let over = policy(|draft| {
        draft.starts_at = NOW.before(core::time::Duration::from_secs(7));
        draft.ends_at = NOW.before(core::time::Duration::from_secs(5));
        draft.retention_at = NOW;
    });
    assert!(matches!(registrar.store.create_event(over).await, Err(Failed::Refused(EventRefusal::Over))));
}

#[tokio::test]
async fn a_postponed_events_key_moves_to_another_week_and_still_opens() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    registrar.ticket(event, 1).await;
    let subkeys = registrar.store.gate_subkeys(event).unwrap();
    let later =
        policy(|draft| draft.retention_at = draft.retention_at.after(core::time::Duration::from_secs(60 * 86_400)));
    registrar.change_policy(event, later.clone()).await.unwrap();
    let registrar = registrar.restart();
    assert_eq!(registrar.store.event(event).unwrap().policy, later);
    assert_eq!(registrar.store.gate_subkeys(event).unwrap().record.expose(), subkeys.record.expose());
}
