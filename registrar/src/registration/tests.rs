use core::time::Duration;

use kido_shared::certificate::CertificateReason;
use kido_shared::challenge::{Action, Challenge, Origin};
use kido_shared::ids::TicketId;
use kido_virtual_card::character::Character;

use super::*;
use crate::domain::history::Actor;
use crate::domain::ticket::{CHANGES_PER_DAY, TicketAction, TicketState};
use crate::store::TicketName;
use crate::testing::{Registrar, certificate, message, row, sign};

fn refusal<T: std::fmt::Debug>(answer: Result<T, Refused>) -> RegistrationRefusal {
    match answer.unwrap_err() {
        Failed::Refused(refusal) => refusal,
        Failed::Storage(error) => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn a_bound_ticket_has_its_holders_code_and_the_first_one_is_dead() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let (ticket, code) = registrar.ticket(event, 1).await;
    let proved = registrar.register(Action::Bind, &code, Character::Holder).await.unwrap();
    assert_eq!(proved.tickets[0].state, TicketState::Bound);
    assert!(!proved.certificate_ends_before_event);
    assert_eq!(refusal(registrar.start(Action::Bind, &code)), RegistrationRefusal::CodeUsed);
    let holder_code = proved.holder_code.unwrap();
    let (_event, view) = registrar.store.ticket_of_code(holder_code.hash()).unwrap();
    assert_eq!(view.ticket, ticket);
    let again = refusal(registrar.start(Action::Bind, &holder_code));
    assert_eq!(again, RegistrationRefusal::NotPossible { action: TicketAction::Bind, state: TicketState::Bound });
}

#[tokio::test]
async fn a_code_that_never_was_is_unknown() {
    let registrar = Registrar::new();
    registrar.event().await;
    let code = Code::generate(&mut <rand::rngs::StdRng as rand::SeedableRng>::seed_from_u64(5));
    assert_eq!(refusal(registrar.start(Action::Bind, &code)), RegistrationRefusal::UnknownCode);
}

#[tokio::test]
async fn a_dead_tickets_code_says_what_became_of_it() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let (ticket, code) = registrar.ticket(event, 1).await;
    let name = TicketName::Id(ticket);
    registrar.store.change_ticket(event, name, TicketAction::Cancel, Actor::Operator).await.unwrap();
    let dead = refusal(registrar.start(Action::Bind, &code));
    assert_eq!(dead, RegistrationRefusal::CodeDead(TicketState::Cancelled));
}

#[tokio::test]
async fn a_proof_for_another_action_origin_challenge_or_ticket_is_refused() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let (_ticket, code) = registrar.ticket(event, 1).await;
    let (other, _code) = registrar.ticket(event, 2).await;
    let changes: [fn(&mut RegistrationMessage, TicketId); 4] = [
        |message, _| message.action = Action::Show,
        |message, _| message.origin = Origin::parse("https://elsewhere.example").unwrap(),
        |message, _| message.challenge = Challenge::from_bytes([0; 32]),
        |message, other| message.ticket = Some(other),
    ];
    for change in changes {
        let started = registrar.start(Action::Bind, &code).unwrap();
        let mut signed = message(&started, Some(&code));
        change(&mut signed, other);
        let refused = refusal(registrar.prove(&started, Character::Holder, &signed).await);
        assert!(matches!(refused, RegistrationRefusal::Proof(_)), "{refused:?}");
    }
    registrar.register(Action::Bind, &code, Character::Holder).await.unwrap();
}

#[tokio::test]
async fn a_proof_is_taken_once_and_a_failed_one_ends_the_dialogue_too() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let (_ticket, code) = registrar.ticket(event, 1).await;
    let started = registrar.start(Action::Bind, &code).unwrap();
    let signed = message(&started, Some(&code));
    let foreign = sign(Character::Stranger, &signed);
    let refused = registrar.registrations.prove(started.session, certificate(Character::Holder), foreign).await;
    assert!(matches!(refusal(refused), RegistrationRefusal::Proof(_)), "a copied certificate with another key");
    let replayed = registrar.prove(&started, Character::Holder, &signed).await;
    assert_eq!(refusal(replayed), RegistrationRefusal::NoSession);
}

#[tokio::test]
async fn a_dialogue_is_over_after_five_minutes() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let (_ticket, code) = registrar.ticket(event, 1).await;
    let started = registrar.start(Action::Bind, &code).unwrap();
    registrar.clock.advance(SESSION_LIFETIME);
    let late = registrar.prove(&started, Character::Holder, &message(&started, Some(&code))).await;
    assert_eq!(refusal(late), RegistrationRefusal::NoSession);
}

#[tokio::test]
async fn a_wrong_certificate_is_refused_with_its_reason() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let (_ticket, code) = registrar.ticket(event, 1).await;
    for (card, reason) in [
        (Character::Expired, CertificateReason::Expired),
        (Character::ForeignIssuer, CertificateReason::Untrusted),
        (Character::WrongLayout, CertificateReason::UnsupportedLayout),
        (Character::CaAsLeaf, CertificateReason::CertificateAuthority),
    ] {
        let refused = refusal(registrar.register(Action::Bind, &code, card).await);
        let RegistrationRefusal::Certificate(reasons) = refused else { panic!("{card:?}: {refused:?}") };
        assert!(reasons.contains(reason), "{card:?}: {reasons:?}");
    }
}

#[tokio::test]
async fn a_test_card_is_good_for_rehearsals_only() {
    let registrar = Registrar::new();
    let event = registrar.event_with(|draft| draft.rehearsal_of = None).await;
    let (_ticket, code) = registrar.ticket(event, 1).await;
    let refused = refusal(registrar.register(Action::Bind, &code, Character::Holder).await);
    assert!(matches!(refused, RegistrationRefusal::Certificate(_)), "{refused:?}");
}

#[tokio::test]
async fn a_card_holds_as_many_tickets_as_the_policy_says() {
    let registrar = Registrar::new();
    let event = registrar.event_with(|draft| draft.tickets_per_card = 2).await;
    for number in 1..=3 {
        let (_ticket, code) = registrar.ticket(event, number).await;
        let answer = registrar.register(Action::Bind, &code, Character::Holder).await;
        if number <= 2 {
            answer.unwrap();
        } else {
            assert_eq!(refusal(answer), RegistrationRefusal::CardFull { most: 2 });
            registrar.register(Action::Bind, &code, Character::SecondHolder).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_ticket_whose_time_is_over_leaves_its_place_on_the_card() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let (_ticket, code) = registrar.ticket(event, 1).await;
    registrar.register(Action::Bind, &code, Character::Holder).await.unwrap();
    let (_ticket, code) = registrar.ticket(event, 2).await;
    let full = registrar.register(Action::Bind, &code, Character::Holder).await;
    assert_eq!(refusal(full), RegistrationRefusal::CardFull { most: 1 });
    registrar.clock.advance(Duration::from_secs(30 * 60 * 60));
    registrar.register(Action::Bind, &code, Character::Holder).await.unwrap();
}

#[tokio::test]
async fn a_lost_card_is_suspended_by_the_holder_code_and_resumed_by_that_card_alone() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let (_ticket, code) = registrar.ticket(event, 1).await;
    let holder_code = registrar.register(Action::Bind, &code, Character::Holder).await.unwrap().holder_code.unwrap();
    let suspended = registrar.store.suspend_by_code(holder_code.hash()).await.unwrap();
    assert_eq!(suspended.state, TicketState::Suspended);
    let stranger = registrar.register(Action::Resume, &holder_code, Character::SecondHolder).await;
    assert_eq!(refusal(stranger), RegistrationRefusal::OtherCard);
    let resumed = registrar.register(Action::Resume, &holder_code, Character::Holder).await.unwrap();
    assert_eq!(resumed.tickets[0].state, TicketState::Bound);
    assert!(resumed.holder_code.is_some());
    assert_eq!(refusal(registrar.start(Action::Show, &holder_code)), RegistrationRefusal::CodeUsed);
}

#[tokio::test]
async fn a_card_alone_shows_its_tickets_and_a_strangers_has_none() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let (ticket, code) = registrar.ticket(event, 1).await;
    registrar.register(Action::Bind, &code, Character::Holder).await.unwrap();
    let alone = StartRequest::CardAlone { action: Action::Show, event, from: None };
    let started = registrar.registrations.start(alone).unwrap();
    let shown = registrar.prove(&started, Character::Holder, &message(&started, None)).await.unwrap();
    assert_eq!(shown.tickets[0].ticket, ticket);
    assert!(shown.holder_code.is_some(), "who lost the code gets another");
    let started = registrar.registrations.start(alone).unwrap();
    let stranger = registrar.prove(&started, Character::Stranger, &message(&started, None)).await;
    assert_eq!(refusal(stranger), RegistrationRefusal::NoTicketOnCard);
    let bind = registrar.registrations.start(StartRequest::CardAlone { action: Action::Bind, event, from: None });
    assert_eq!(refusal(bind), RegistrationRefusal::NothingNamed);
}

#[tokio::test]
async fn a_cancelled_ticket_on_the_card_does_not_take_away_the_way_back_to_the_other() {
    let registrar = Registrar::new();
    let event = registrar.event_with(|draft| draft.tickets_per_card = 8).await;
    let mut tickets = Vec::new();
    for number in 1..=2 {
        let (ticket, code) = registrar.ticket(event, number).await;
        registrar.register(Action::Bind, &code, Character::Holder).await.unwrap();
        tickets.push(ticket);
    }
    let by_card = |action| StartRequest::CardAlone { action, event, from: None };
    let both = registrar.registrations.start(by_card(Action::Show)).unwrap();
    let both = registrar.prove(&both, Character::Holder, &message(&both, None)).await.unwrap();
    assert_eq!((both.tickets.len(), both.holder_code.is_some()), (2, false), "it is not clear for which");
    let cancelled = vec![row(1).0.reference];
    registrar.store.cancel_tickets(event, cancelled, Actor::Operator, false).await.unwrap();
    let shown = registrar.registrations.start(by_card(Action::Show)).unwrap();
    let shown = registrar.prove(&shown, Character::Holder, &message(&shown, None)).await.unwrap();
    let code = shown.holder_code.unwrap();
    assert_eq!(registrar.store.ticket_of_code(code.hash()).unwrap().1.ticket, tickets[1]);
    // The card that was lost is found: the same way, with the state that only this may change.
    registrar.store.suspend_by_code(code.hash()).await.unwrap();
    let found = registrar.registrations.start(by_card(Action::Resume)).unwrap();
    let found = registrar.prove(&found, Character::Holder, &message(&found, None)).await.unwrap();
    let code = found.holder_code.unwrap();
    let (_event, resumed) = registrar.store.ticket_of_code(code.hash()).unwrap();
    assert_eq!((resumed.ticket, resumed.state), (tickets[1], TicketState::Bound));
}

#[tokio::test]
async fn a_ticket_changes_ten_times_a_day_and_can_be_suspended_all_the_same() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let (_ticket, code) = registrar.ticket(event, 1).await;
    let mut code = registrar.register(Action::Bind, &code, Character::Holder).await.unwrap().holder_code.unwrap();
    for _ in 1..CHANGES_PER_DAY {
        code = registrar.register(Action::Show, &code, Character::Holder).await.unwrap().holder_code.unwrap();
    }
    assert_eq!(refusal(registrar.start(Action::Show, &code)), RegistrationRefusal::TooManyChanges);
    registrar.store.suspend_by_code(code.hash()).await.unwrap();
    registrar.clock.advance(Duration::from_secs(24 * 60 * 60));
    registrar.start(Action::Show, &code).unwrap();
}

#[tokio::test]
async fn two_cards_at_once_bind_a_ticket_once() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let (_ticket, code) = registrar.ticket(event, 1).await;
    let (one, other) = tokio::join!(
        registrar.register(Action::Bind, &code, Character::Holder),
        registrar.register(Action::Bind, &code, Character::SecondHolder),
    );
    let (bound, refused) = if one.is_ok() { (one, other) } else { (other, one) };
    bound.unwrap();
    assert_eq!(refusal(refused), RegistrationRefusal::CodeUsed);
}

#[tokio::test]
async fn a_certificate_that_ends_before_the_event_is_bound_with_a_warning() {
    let registrar = Registrar::new();
    let two_years = Duration::from_secs(2 * 365 * 24 * 60 * 60);
    let event = registrar
        .event_with(|draft| {
            draft.starts_at = draft.starts_at.after(two_years);
            draft.ends_at = draft.ends_at.after(two_years);
            draft.retention_at = draft.retention_at.after(two_years);
        })
        .await;
    let (_ticket, code) = registrar.ticket(event, 1).await;
    let proved = registrar.register(Action::Bind, &code, Character::EndsSoon).await.unwrap();
    assert!(proved.certificate_ends_before_event);
    assert_eq!(proved.tickets[0].certificate_ends_before_event, Some(true));
}
