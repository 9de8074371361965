//! The page as a browser meets it, over real sockets: who is let in, every scene, and a registration from end to end.

mod around;
mod scenes;

use std::time::Duration;

use kido_virtual_card::character::Character;
use kido_virtual_card::planted::{PIN, WRONG_PIN};
use serde_json::json;

use crate::link::{Link, LinkError};
use crate::problem::Problem;
use crate::tests::around::{Behaviour, HOST, code};
use around::{Browser, Visit};

#[tokio::test]
async fn a_card_is_registered_through_the_page() {
    let visit = Visit::of(Behaviour::Honest, Character::Holder).await;
    let mut browser = visit.browser().await;
    let host = browser.until("host").await;
    assert_eq!(visit.scene.requests(), [""; 0], "nothing is sent before the name was typed");
    browser.answer(&host, HOST).await;

    let pin = browser.until("pin").await;
    assert!(pin["form"].to_string().contains("3 tries left"), "{pin}");
    assert!(pin["facts"].to_string().contains("12-34") && pin["detail"].to_string().contains("kido/v1/bind"), "{pin}");
    assert_eq!((&pin["form"]["field"]["kind"], &pin["rehearsal"]), (&json!("pin"), &json!(true)));
    browser.answer(&pin, PIN).await;

    let bound = browser.until("bound").await;
    let link = bound["holder"]["link"].as_str().unwrap().to_owned();
    assert!(link.starts_with(&format!("{}/t#", visit.scene.origin())));
    let picture = browser.get("holder.svg").await;
    assert!(picture.contains("200 OK") && picture.contains("<svg"), "{picture}");
    browser.answer(&bound, "close").await;
    let closed = browser.until("closed").await;
    assert_eq!((&closed["over"], &closed["holder"]), (&json!(true), &json!(null)));

    let left = visit.ended().await;
    assert_eq!(left.finished.unwrap().outcome, "bound");
    assert!(!left.scene.has_power());
    assert!(browser.is_gone().await, "the page is gone after use");
    assert!(!around::has_word(&browser.received(), PIN), "no answer holds the PIN");
    assert_eq!(browser.received().matches(&link).count(), 1, "the link is told once");
}

#[tokio::test]
async fn pin_codes_and_secrets_are_in_no_log_and_an_answer_is_taken_in_a_body_only() {
    let log = around::Log::default();
    let listening = log.listen();
    let visit = Visit::of(Behaviour::Honest, Character::Holder).await.with_known_host();
    let mut browser = visit.browser().await;
    let pin = browser.until("pin").await;
    let in_address = browser.get(&format!("answer?moment={}&answer={PIN}", pin["number"])).await;
    assert!(in_address.starts_with("HTTP/1.1 405"), "{in_address}");
    assert_eq!(visit.scene.pins_sent(), 0);
    browser.answer(&pin, PIN).await;
    let bound = browser.until("bound").await;
    let link = bound["holder"]["link"].as_str().unwrap().to_owned();
    browser.answer(&bound, "close").await;
    visit.ended().await.finished.unwrap();
    drop(listening);
    let log = log.text();
    assert!(log.contains("registrar answered"), "it does log: {log}");
    let holder = link.split_once('#').unwrap().1;
    for secret in [PIN, holder, code().reveal().as_str(), browser.secret(), browser.cookie()] {
        let found = if secret == PIN { around::has_word(&log, PIN) } else { log.contains(secret) };
        assert!(!found, "{secret}: {log}");
    }
}

#[tokio::test]
async fn a_wrong_pin_costs_one_try_and_is_asked_again_only_where_the_person_wants_to() {
    let visit = Visit::of(Behaviour::Honest, Character::Holder).await.with_known_host();
    let mut browser = visit.browser().await;
    let pin = browser.until("pin").await;
    browser.answer(&pin, WRONG_PIN).await;
    let wrong = browser.until("wrong-pin").await;
    assert!(wrong["heading"].as_str().unwrap().contains("2 tries left"), "{wrong}");
    assert_eq!(visit.scene.pins_sent(), 1, "nothing tries by itself");
    browser.answer(&wrong, "again").await;
    let pin = browser.until("pin").await;
    assert!(pin["form"].to_string().contains("2 tries left"));
    browser.answer(&pin, WRONG_PIN).await;
    let last = browser.until("last-try").await;
    browser.answer(&last, "again").await;
    let last = browser.until("last-try").await;
    assert_eq!(visit.scene.pins_sent(), 2, "at one try left no PIN is asked");
    assert_eq!(visit.scene.requests(), ["start"], "all of it within one dialogue");
    drop(last);
    browser.stop().await;
    browser.until("stopped").await;
    let left = visit.ended().await;
    assert!(matches!(left.finished, Err(Problem::Cancelled)));
    assert!(!left.scene.has_power());
}

#[tokio::test]
async fn a_link_can_be_pasted_on_the_page_until_it_is_one() {
    let visit = Visit::of(Behaviour::Honest, Character::Holder).await.with_known_host().without_link();
    let mut browser = visit.browser().await;
    let link = browser.until("link").await;
    browser.answer(&link, "https://tickets.example/elsewhere").await;
    let bad = browser.until("bad-link").await;
    browser.answer(&bad, "again").await;
    let link = browser.until("link").await;
    let holder = format!("{}/t#{}", visit.scene.origin(), code().reveal().as_str());
    browser.answer(&link, &holder).await;
    let which = browser.until("which").await;
    browser.answer(&which, "resume").await;
    let pin = browser.until("pin").await;
    assert!(pin["detail"].to_string().contains("kido/v1/resume"), "{pin}");
    browser.answer(&pin, PIN).await;
    let resumed = browser.until("resumed").await;
    browser.answer(&resumed, "close").await;
    assert_eq!(visit.ended().await.finished.unwrap().outcome, "resumed");
}

#[tokio::test]
async fn a_link_that_was_typed_into_a_shell_is_refused_and_asked_for() {
    let visit = Visit::of(Behaviour::Honest, Character::Holder).await.with_link(Err(Problem::Link(LinkError::Scheme)));
    let mut browser = visit.browser().await;
    let refused = browser.until("link-as-argument").await;
    browser.answer(&refused, "again").await;
    browser.until("link").await;
}

#[tokio::test]
async fn what_the_registrar_refuses_for_good_ends_with_its_own_scene() {
    for (code, scene) in [("code_used", "code-used"), ("code_dead", "code-dead"), ("not_possible", "not-possible")] {
        let visit = Visit::of(Behaviour::Refuses(code), Character::Holder).await.with_known_host();
        let mut browser = visit.browser().await;
        let told = browser.until(scene).await;
        assert_eq!((&told["over"], &told["form"]), (&json!(true), &json!(null)), "{told}");
        assert_eq!(visit.ended().await.finished.unwrap_err().code(), code);
    }
}

#[tokio::test]
async fn every_card_that_cannot_be_used_says_so_and_takes_another() {
    for (character, scene) in [
        (Character::OneTry, "last-try"),
        (Character::Locked, "pin-locked"),
        (Character::NoPin, "no-pin"),
        (Character::SignatureIn000a, "personal-certificate"),
    ] {
        let visit = Visit::of(Behaviour::Honest, character).await.with_known_host();
        let mut browser = visit.browser().await;
        let told = browser.until(scene).await;
        assert_eq!(told["form"]["buttons"][0]["value"], "again", "{told}");
        assert_eq!(visit.scene.pins_sent(), 0);
    }
}

#[tokio::test]
async fn nobody_is_let_in_without_the_secret() {
    let visit = Visit::of(Behaviour::Honest, Character::Holder).await;
    let stranger = Browser::at(visit.address());
    for path in ["view?after=0", "holder.svg"] {
        assert!(stranger.get(path).await.starts_with("HTTP/1.1 401"), "{path}");
    }
    for (path, body) in [("enter", r#"{"secret":"0000"}"#), ("answer", r#"{"moment":1,"answer":"a"}"#), ("stop", "{}")]
    {
        assert!(stranger.post(path, body).await.starts_with("HTTP/1.1 401"), "{path}");
    }
    let mut browser = visit.browser().await;
    browser.until("host").await;
}

#[tokio::test]
async fn the_secret_works_once_and_a_second_use_ends_the_page() {
    let visit = Visit::of(Behaviour::Honest, Character::Holder).await;
    let mut browser = visit.browser().await;
    browser.until("host").await;
    let mut thief = Browser::at(visit.address());
    assert!(thief.enter().await.starts_with("HTTP/1.1 410"));
    assert!(thief.get("view?after=0").await.starts_with("HTTP/1.1 401"));
    let taken = browser.until("taken").await;
    assert_eq!(taken["over"], true);
    let left = visit.ended().await;
    assert!(matches!(left.finished, Err(Problem::PageTaken)));
    assert_eq!(left.scene.requests(), [""; 0]);
}

#[tokio::test]
async fn other_names_other_pages_and_other_kinds_of_body_are_refused() {
    let visit = Visit::of(Behaviour::Honest, Character::Holder).await;
    let mut browser = visit.browser().await;
    let host = browser.until("host").await;
    let own = browser.host().to_owned();
    let origin = format!("Origin: http://{own}\r\n");
    let json = "Content-Type: application/json\r\n";
    let body = format!(r#"{{"moment":{},"answer":"{HOST}"}}"#, host["number"]);
    for (headers, status) in [
        (format!("Host: evil.example\r\n{origin}{json}"), "421"),
        (format!("Host: localhost:{}\r\n{origin}{json}", own.rsplit(':').next().unwrap()), "421"),
        (format!("Host: {own}\r\nHost: {own}\r\n{origin}{json}"), "4"),
        (format!("Host: {own}\r\n{json}"), "403"),
        (format!("Host: {own}\r\nOrigin: https://evil.example\r\n{json}"), "403"),
        (format!("Host: {own}\r\nOrigin: null\r\n{json}"), "403"),
        (format!("Host: {own}\r\nOrigin: http://127.0.0.1:1\r\n{json}"), "403"),
        (format!("Host: {own}\r\n{origin}{json}Sec-Fetch-Site: cross-site\r\n"), "403"),
        (format!("Host: {own}\r\n{origin}{json}Sec-Fetch-Site: same-site\r\n"), "403"),
        (format!("Host: {own}\r\n{origin}{json}Sec-Fetch-Site: none\r\n"), "403"),
        (format!("Host: {own}\r\n{origin}Content-Type: text/plain\r\n"), "415"),
    ] {
        let answer = browser.send("POST", "answer", &headers, &body).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{headers}{answer}");
    }
    let frame = browser.send("GET", "", "Host: evil.example\r\n", "").await;
    assert!(frame.starts_with("HTTP/1.1 421"));
    let frame = browser.send("GET", "", &format!("Host: {own}\r\nSec-Fetch-Site: cross-site\r\n"), "").await;
    assert!(frame.starts_with("HTTP/1.1 403"));
    assert_eq!(visit.scene.requests(), [""; 0], "none of them was an answer");
}

#[tokio::test]
async fn an_answer_to_a_moment_that_has_passed_is_none() {
    let visit = Visit::of(Behaviour::Honest, Character::Holder).await;
    let mut browser = visit.browser().await;
    let host = browser.until("host").await;
    browser.answer(&host, HOST).await;
    browser.until("pin").await;
    let late = browser.post("answer", &format!(r#"{{"moment":{},"answer":"{PIN}"}}"#, host["number"])).await;
    assert!(late.starts_with("HTTP/1.1 409"), "{late}");
    assert_eq!(visit.scene.pins_sent(), 0);
    for body in ["", "{}", r#"{"moment":1}"#, r#"{"moment":1,"answer":2}"#, r#"{"moment":1,"answer":"a","x":1}"#] {
        assert!(browser.post("answer", body).await.starts_with("HTTP/1.1 422"), "{body}");
    }
    let endless = format!(r#"{{"moment":1,"answer":"{}"}}"#, "1".repeat(64 * 1024));
    assert!(browser.post("answer", &endless).await.starts_with("HTTP/1.1 413"));
}

#[tokio::test]
async fn a_page_that_nobody_opens_or_looks_at_or_answers_ends() {
    let short = Duration::from_millis(150);
    for (limits, opens) in [
        (around::limits(short, around::LONG, around::LONG), false),
        (around::limits(around::LONG, short, around::LONG), true),
        (around::limits(around::LONG, around::LONG, short), true),
    ] {
        let visit = Visit::of(Behaviour::Honest, Character::Holder).await.within(limits);
        if opens {
            let mut browser = visit.browser().await;
            browser.until("host").await;
        } else {
            visit.begin();
        }
        let left = visit.ended().await;
        assert!(matches!(left.finished, Err(Problem::Unattended)), "{limits:?}");
        assert!(!left.scene.has_power());
    }
}

#[tokio::test]
async fn a_registration_stands_though_its_page_was_closed_before_the_last_button() {
    let limits = around::limits(around::LONG, Duration::from_millis(300), around::LONG);
    let visit = Visit::of(Behaviour::Honest, Character::Holder).await.with_known_host().within(limits);
    let mut browser = visit.browser().await;
    let pin = browser.until("pin").await;
    browser.answer(&pin, PIN).await;
    browser.until("bound").await;
    assert_eq!(visit.ended().await.finished.unwrap().outcome, "bound");
}

#[tokio::test]
async fn the_frame_holds_nothing_and_allows_nothing_from_elsewhere() {
    let visit = Visit::of(Behaviour::Honest, Character::Holder).await;
    let stranger = Browser::at(visit.address());
    for (language, tag) in [("ja", "lang=\"ja\""), ("en", "lang=\"en\"")] {
        let frame = stranger.get(&format!("?lang={language}")).await;
        assert!(frame.starts_with("HTTP/1.1 200") && frame.contains(&format!("<html {tag}>")), "{frame}");
        assert!(frame.contains("require-trusted-types-for 'script'") && frame.contains("cache-control: no-store"));
        let html = frame.split_once("\r\n\r\n").unwrap().1;
        for never in [" style=", " onclick", "<style", "javascript:", "//cdn", "12-34", "Concert", "page-"] {
            assert!(!html.contains(never), "{never}: {html}");
        }
        for link in html.split("href=\"/").skip(1).chain(html.split("src=\"/").skip(1)) {
            let path = link.split('"').next().unwrap();
            let name = path.split_once('/').unwrap().1;
            assert!(stranger.get(name).await.starts_with("HTTP/1.1 200"), "{path}");
        }
    }
}

#[test]
fn the_registration_link_of_a_scheme_is_parsed_before_anything_is_served() {
    let handed = Link::handed_over(&format!("kido:https://a.example/r#{}", code().reveal().as_str())).unwrap();
    assert_eq!(format!("{handed:?}"), "https://a.example/r#(..)");
}
