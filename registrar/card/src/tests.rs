//! The whole dialogue, with a virtual card in process and a registrar that verifies for itself.

pub(crate) mod around;
mod end;

use kido_shared::card::{CardError, PinTries};
use kido_shared::certificate::CertificateReason;
use kido_shared::challenge::Origin;
use kido_virtual_card::card::Fault;
use kido_virtual_card::character::Character;
use kido_virtual_card::planted::{PIN, WRONG_PIN};

use crate::client::ClientError;
use crate::exchange::ExchangeError;
use crate::problem::Problem;
use crate::session::{Asked, SessionError};
use around::{Behaviour, EVENT, HOST, Keys, Ran, Scene, code};

fn card_problem(ran: &Ran) -> CardError {
    match ran.ended.as_ref().map(drop) {
        Err(Problem::Exchange(ExchangeError::Card(error))) => *error,
        other => panic!("no fault of the card: {other:?}"),
    }
}

#[tokio::test]
async fn a_card_is_registered_and_its_holder_gets_a_new_link() {
    let scene = Scene::new(Behaviour::Honest, Character::Holder).await;
    let ran = scene.bind(&[PIN]).await;
    let finished = ran.ended.unwrap();
    assert_eq!((finished.outcome, finished.tickets.len()), ("bound", 1));
    let link = finished.holder_link.unwrap();
    assert!(link.starts_with(&format!("{}/t#", scene.origin())), "the link leads where the helper was");
    assert_eq!(scene.requests(), ["start", "proof"]);
    assert!(!scene.has_power());
}

#[tokio::test]
async fn nothing_is_sent_to_an_unknown_host_before_its_name_was_typed() {
    for typed in ["", "y", "localhost", PIN] {
        let scene = Scene::new(Behaviour::Honest, Character::Holder).await;
        let ran = scene.of_unknown_host(&[typed, PIN]).await;
        assert!(matches!(ran.ended, Err(Problem::HostNotConfirmed(_))), "{typed:?}");
        assert!(scene.requests().is_empty() && scene.commands().is_empty(), "{typed:?}");
    }
    let scene = Scene::new(Behaviour::Honest, Character::Holder).await;
    let ran = scene.of_unknown_host(&[HOST, PIN]).await;
    ran.ended.unwrap();
    assert_eq!(ran.requests_at_answer[0], 0, "the name was asked for first");
}

#[tokio::test]
async fn the_pin_is_asked_only_after_the_tries_were_shown() {
    let scene = Scene::new(Behaviour::Honest, Character::Holder).await;
    let ran = scene.bind(&[PIN]).await;
    ran.ended.unwrap();
    let said = ran.said_at_answer.last().unwrap();
    let (tries, question) = (said.find("3 tries left").unwrap(), said.find("利用者証明用").unwrap());
    assert!(tries < question && said.contains("kido/v1/bind"), "{said}");
}

#[tokio::test]
async fn one_wrong_pin_is_one_try() {
    let scene = Scene::new(Behaviour::Honest, Character::Holder).await;
    let ran = scene.bind(&[WRONG_PIN, PIN]).await;
    assert_eq!(card_problem(&ran), CardError::WrongPin(PinTries::new(2)));
    assert_eq!(ran.ended.unwrap_err().tries_left(), Some(2));
    assert_eq!(scene.pins_sent(), 1);
    assert_eq!(scene.requests(), ["start"], "there is no proof to send");
    assert!(!scene.has_power());
}

#[tokio::test]
async fn a_pin_typed_on_the_reader_is_not_asked_for_here() {
    let scene = Scene::new(Behaviour::Honest, Character::Holder).await.with_keys(Keys::Types(PIN));
    let ran = scene.attended(&["y"]).await;
    assert_eq!(ran.ended.unwrap().outcome, "bound");
    assert_eq!((ran.requests_at_answer.len(), scene.pins_sent()), (1, 1), "one question: whether to go on");
    let (tries, where_to) = (ran.said.find("3 tries left").unwrap(), ran.said.find("keys of the card reader").unwrap());
    assert!(tries < where_to && ran.said.contains("kido/v1/bind"), "{}", ran.said);
}

#[tokio::test]
async fn a_pin_that_is_wrong_or_not_finished_on_the_reader_is_told_as_such() {
    let cancelled = Scene::new(Behaviour::Honest, Character::Holder).await.with_keys(Keys::Cancel);
    let ran = cancelled.attended(&["y"]).await;
    assert_eq!(card_problem(&ran), CardError::PinNotEntered);
    assert_eq!(ran.ended.unwrap_err().code(), "pin_not_entered");
    assert_eq!((cancelled.pins_sent(), cancelled.has_power()), (0, false));
    let wrong = Scene::new(Behaviour::Honest, Character::Holder).await.with_keys(Keys::Types(WRONG_PIN));
    let ran = wrong.attended(&["y"]).await;
    assert_eq!(card_problem(&ran), CardError::WrongPin(PinTries::new(2)));
    assert_eq!((wrong.pins_sent(), wrong.requests()), (1, vec!["start"]));
}

#[tokio::test]
async fn at_one_try_left_no_pin_is_asked() {
    let cast = [
        (Character::OneTry, CardError::TooFewTries(PinTries::new(1))),
        (Character::Locked, CardError::PinLocked),
        (Character::NoPin, CardError::NoPin),
    ];
    for (character, error) in cast {
        let scene = Scene::new(Behaviour::Honest, character).await;
        let ran = scene.bind(&[PIN]).await;
        assert_eq!(card_problem(&ran), error);
        assert!(ran.requests_at_answer.is_empty(), "{character}: nothing was asked for");
        assert_eq!((scene.pins_sent(), scene.has_power()), (0, false), "{character}");
    }
}

#[tokio::test]
async fn the_origin_in_the_message_is_the_one_the_helper_reached() {
    let elsewhere = Origin::parse("https://tickets.example").unwrap();
    let scene = Scene::new(Behaviour::Believes(elsewhere), Character::Holder).await;
    let ran = scene.bind(&[PIN]).await;
    assert_eq!(ran.ended.unwrap_err().code(), "proof_refused", "a proof that was relayed is worth nothing");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let scene = Scene::new(Behaviour::Redirects, Character::Holder).await;
    let ran = scene.bind(&[PIN]).await;
    assert!(matches!(ran.ended, Err(Problem::Client(ClientError::Redirected))));
    assert_eq!(scene.requests(), ["start"]);
    assert!(scene.commands().is_empty(), "no card was touched");
}

#[tokio::test]
async fn a_registrar_cannot_have_another_action_signed() {
    let scene = Scene::new(Behaviour::OtherAction, Character::Holder).await;
    let ran = scene.bind(&[PIN]).await;
    assert!(matches!(ran.ended, Err(Problem::Session(SessionError::OtherAction))));
    assert!(scene.commands().is_empty());
}

#[tokio::test]
async fn no_try_is_risked_for_a_dialogue_that_is_over() {
    let scene = Scene::new(Behaviour::Over, Character::Holder).await;
    let ran = scene.bind(&[PIN]).await;
    assert!(matches!(ran.ended, Err(Problem::Session(SessionError::Expired))));
    assert_eq!((scene.pins_sent(), scene.has_power()), (0, false));
}

#[tokio::test]
async fn a_certificate_with_name_and_address_stays_here() {
    let scene = Scene::new(Behaviour::Honest, Character::SignatureIn000a).await;
    let ran = scene.bind(&[PIN]).await;
    let Err(Problem::Certificate(reasons)) = &ran.ended else { panic!("{:?}", ran.ended) };
    assert!(reasons.contains(&CertificateReason::SignatureCertificate));
    assert_eq!((scene.requests(), scene.pins_sent()), (vec!["start"], 0));
}

#[tokio::test]
async fn what_the_registrar_refuses_is_told_in_its_words() {
    let scene = Scene::new(Behaviour::Refuses("code_used"), Character::Holder).await;
    let ran = scene.bind(&[PIN]).await;
    assert_eq!(ran.ended.unwrap_err().code(), "code_used");

    let scene = Scene::new(Behaviour::Refuses("NOT a word"), Character::Holder).await;
    let ran = scene.bind(&[PIN]).await;
    assert!(matches!(ran.ended, Err(Problem::Client(ClientError::Answer))));
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let scene = Scene::new(Behaviour::Endless, Character::Holder).await;
    let ran = scene.bind(&[PIN]).await;
    assert!(matches!(ran.ended, Err(Problem::Client(ClientError::Answer))));
}

#[tokio::test]
async fn a_card_alone_shows_its_tickets_of_that_event_only() {
    let scene = Scene::new(Behaviour::Honest, Character::Holder).await;
    let ran = scene.ask(Asked::ShowCard(EVENT), &[PIN]).await;
    assert_eq!(ran.ended.unwrap().outcome, "shown");

    let other = kido_shared::ids::EventId::from_bytes([9; 16]);
    let scene = Scene::new(Behaviour::Honest, Character::Holder).await;
    let ran = scene.ask(Asked::ShowCard(other), &[PIN]).await;
    assert!(matches!(ran.ended, Err(Problem::Session(SessionError::OtherEvent))));
}

#[tokio::test]
async fn a_holder_code_shows_its_ticket() {
    let scene = Scene::new(Behaviour::Honest, Character::Holder).await;
    let ran = scene.ask(Asked::ShowTicket(code()), &[PIN]).await;
    assert_eq!(ran.ended.unwrap().outcome, "shown");
}

#[tokio::test]
async fn a_pin_that_is_none_never_reaches_the_card() {
    for typed in ["", "123", "12345", "12a4"] {
        let scene = Scene::new(Behaviour::Honest, Character::Holder).await;
        let ran = scene.bind(&[typed]).await;
        assert!(matches!(ran.ended, Err(Problem::PinMalformed)), "{typed:?}");
        assert_eq!((scene.pins_sent(), scene.has_power()), (0, false));
    }
}

#[tokio::test]
async fn a_card_with_somebody_elses_pin_verified_is_begun_with_once_more() {
    let scene = Scene::new(Behaviour::Honest, Character::Holder).await;
    scene.put_in(vec![Fault::VerifiedBefore(1)]);
    scene.bind(&[PIN]).await.ended.unwrap();

    scene.put_in(vec![Fault::VerifiedBefore(9)]);
    let ran = scene.bind(&[PIN]).await;
    assert_eq!(card_problem(&ran), CardError::VerifiedWithoutUs);
}

#[tokio::test]
async fn who_says_no_is_left_alone() {
    let scene = Scene::new(Behaviour::Honest, Character::Holder).await;
    let ran = scene.attended(&["n", PIN]).await;
    assert!(matches!(ran.ended, Err(Problem::Declined)));
    assert!(scene.commands().is_empty());
    scene.attended(&["y", PIN]).await.ended.unwrap();
}

#[tokio::test]
async fn what_is_said_holds_neither_pin_nor_code() {
    let scene = Scene::new(Behaviour::Honest, Character::Holder).await;
    let ran = scene.bind(&[PIN]).await;
    let finished = ran.ended.unwrap();
    assert!(!ran.said.contains(PIN) && !ran.said.contains(code().reveal().as_str()));
    assert!(ran.said.contains(finished.holder_link.unwrap().as_str()), "but the holder's own link");
}
