use kido_shared::challenge::{Action, Challenge, Origin, RegistrationMessage};
use kido_shared::codes::Code;
use kido_shared::ids::TicketId;
use kido_shared::wire::v1::{operator, routes};
use kido_virtual_card::character::Character;

use super::*;
use crate::testing::{certificate, sign};

/// One dialogue as a card helper sees it.
struct Dialogue {
    session: String,
    message: RegistrationMessage,
}

async fn start(served: &Served, action: &str, code: &Code) -> Answer {
    let body = json!({"action": action, "code": code.reveal().as_str(), "event": null});
    served.post(None, routes::REGISTRATIONS, &body).await
}

fn dialogue(started: &Value, code: Option<&Code>) -> Dialogue {
    let ticket = started["ticket"]["ticket"].as_str().map(|ticket| ticket.parse::<TicketId>().unwrap());
    let challenge = base64url::decode(started["challenge"].as_str().unwrap()).unwrap();
    let message = RegistrationMessage {
        action: serde_json::from_value(started["action"].clone()).unwrap(),
        origin: origin(),
        event: started["event"]["event"].as_str().unwrap().parse().unwrap(),
        ticket,
        code: code.map(Code::hash),
        challenge: Challenge::try_from(challenge).unwrap(),
    };
    Dialogue { session: started["session"].as_str().unwrap().to_owned(), message }
}

async fn prove(served: &Served, dialogue: &Dialogue, presented: Character, signs: Character) -> Answer {
    let body = json!({"certificate": base64url::encode(certificate(presented).as_ref()),
        "signature": base64url::encode(sign(signs, &dialogue.message).as_ref())});
    let path = routes::registration_proof(dialogue.session.parse().unwrap());
    served.post(None, &path, &body).await
}

async fn register(served: &Served, action: &str, code: &Code, card: Character) -> Answer {
    let started = start(served, action, code).await.ok();
    prove(served, &dialogue(&started, Some(code)), card, card).await
}

#[tokio::test]
async fn a_buyer_binds_a_ticket_and_gets_the_holders_code() {
    let served = Served::new();
    let event = served.event().await;
    let (ticket, code) = served.registrar.ticket(event, 1).await;
    let started = start(&served, "bind", &code).await.ok();
    assert_eq!(started["event"]["rehearsal"], true);
    assert_eq!(started["ticket"]["ticket"], ticket.to_string());
    let outcome = prove(&served, &dialogue(&started, Some(&code)), Character::Holder, Character::Holder).await.ok();
    assert_eq!(outcome["tickets"][0]["state"], "bound");
    assert_eq!(
        (&outcome["revocation"], &outcome["certificate_ends_before_event"]),
        (&json!("not_checked"), &json!(false))
    );
    assert_eq!(start(&served, "bind", &code).await.problem(), problem(409, "code_used"));
    let holder_code = Code::parse(outcome["holder_code"].as_str().unwrap()).unwrap();
    let shown = register(&served, "show", &holder_code, Character::Holder).await.ok();
    assert_eq!(shown["tickets"][0]["ticket"], ticket.to_string());
}

#[tokio::test]
async fn a_card_alone_shows_its_tickets() {
    let served = Served::new();
    let event = served.event().await;
    let (ticket, code) = served.registrar.ticket(event, 1).await;
    register(&served, "bind", &code, Character::Holder).await.ok();
    let begin = || json!({"action": "show", "code": null, "event": event});
    let started = served.post(None, routes::REGISTRATIONS, &begin()).await.ok();
    let shown = prove(&served, &dialogue(&started, None), Character::Holder, Character::Holder).await.ok();
    assert_eq!(shown["tickets"][0]["ticket"], ticket.to_string());
    let started = served.post(None, routes::REGISTRATIONS, &begin()).await.ok();
    let stranger = prove(&served, &dialogue(&started, None), Character::Stranger, Character::Stranger).await;
    assert_eq!(stranger.problem(), problem(404, "no_ticket_on_card"));
}

#[tokio::test]
async fn a_replayed_proof_meets_no_dialogue() {
    let served = Served::new();
    let event = served.event().await;
    let (_ticket, code) = served.registrar.ticket(event, 1).await;
    let started = dialogue(&start(&served, "bind", &code).await.ok(), Some(&code));
    prove(&served, &started, Character::Holder, Character::Holder).await.ok();
    let replayed = prove(&served, &started, Character::Holder, Character::Holder).await;
    assert_eq!(replayed.problem(), problem(410, "no_session"));
}

#[tokio::test]
async fn a_proof_for_another_origin_action_or_challenge_is_refused() {
    let served = Served::new();
    let event = served.event().await;
    let (_ticket, code) = served.registrar.ticket(event, 1).await;
    let changes: [fn(&mut RegistrationMessage); 3] = [
        |message| message.origin = Origin::parse("https://phish.example").unwrap(),
        |message| message.action = Action::Show,
        |message| message.challenge = Challenge::from_bytes([0; 32]),
    ];
    for change in changes {
        let mut started = dialogue(&start(&served, "bind", &code).await.ok(), Some(&code));
        change(&mut started.message);
        let answer = prove(&served, &started, Character::Holder, Character::Holder).await;
        assert_eq!(answer.problem(), problem(403, "proof_refused"));
    }
    let started = dialogue(&start(&served, "bind", &code).await.ok(), Some(&code));
    let copied = prove(&served, &started, Character::Holder, Character::Stranger).await;
    assert_eq!(copied.problem(), problem(403, "proof_refused"), "a copied certificate, another key");
}

#[tokio::test]
async fn a_refused_certificate_is_told_with_every_reason() {
    let served = Served::new();
    let event = served.event().await;
    let (_ticket, code) = served.registrar.ticket(event, 1).await;
    for (card, reason) in [
        (Character::Expired, "expired"),
        (Character::ForeignIssuer, "untrusted"),
        (Character::WrongLayout, "unsupported_layout"),
    ] {
        let answer = register(&served, "bind", &code, card).await;
        assert_eq!(answer.problem(), problem(403, "certificate_refused"));
        let reasons = answer.json()["reasons"].clone();
        assert!(reasons.as_array().unwrap().contains(&json!(reason)), "{card:?}: {reasons}");
    }
}

#[tokio::test]
async fn wrong_codes_are_counted_once_for_pages_and_card_helpers() {
    let served = Served::new();
    let event = served.event().await;
    let (_ticket, code) = served.registrar.ticket(event, 1).await;
    let here = crate::visitor::Peer([192, 0, 2, 1].into());
    let start = async |path: &str, code: &Code| {
        let body = match path {
            routes::REGISTRATIONS => json!({"action": "bind", "code": code.reveal().as_str(), "event": null}),
            _page => json!({"code": code.reveal().as_str()}),
        };
        let request = request(Method::POST, None, path).header(CONTENT_TYPE, "application/json");
        let request = request.extension(here).header("sec-fetch-site", "same-origin");
        served.send(request.body(Body::from(body.to_string())).unwrap()).await
    };
    for number in 0..5 {
        let never = Code::generate(&mut StdRng::seed_from_u64(number));
        assert_eq!(start(routes::REGISTRATIONS, &never).await.status, 404);
        assert_eq!(start("/r/open", &never).await.status, 404);
    }
    let never = Code::generate(&mut StdRng::seed_from_u64(99));
    let told = start(routes::REGISTRATIONS, &never).await;
    assert_eq!(told.problem(), problem(429, "too_many_tries"));
    assert!(told.headers.contains_key(header::RETRY_AFTER));
    assert_eq!(start("/r/open", &never).await.status, 429);
    assert_eq!(start(routes::REGISTRATIONS, &code).await.status, 200, "a right code goes through");
}

#[tokio::test]
async fn unknown_and_dead_codes_have_a_word_each() {
    let served = Served::new();
    let event = served.event().await;
    let never = Code::generate(&mut StdRng::seed_from_u64(77));
    assert_eq!(start(&served, "bind", &never).await.problem(), problem(404, "unknown_code"));
    let (ticket, code) = served.registrar.ticket(event, 1).await;
    let path = operator::ticket_status(event, &ticket.to_string());
    served.post(Some(Role::Operator), &path, &json!({"change": "cancel"})).await.ok();
    assert_eq!(start(&served, "bind", &code).await.problem(), problem(410, "code_dead"));
    let begin = json!({"action": "bind", "code": "not a code", "event": null});
    assert_eq!(served.post(None, routes::REGISTRATIONS, &begin).await.problem(), problem(422, "field"));
    let begin = json!({"action": "show", "code": null, "event": null});
    assert_eq!(served.post(None, routes::REGISTRATIONS, &begin).await.problem(), problem(422, "nothing_named"));
}
