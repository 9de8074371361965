mod changes;
mod gates;
mod imports;
mod signing_in;
mod tickets;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode, header};
use core::time::Duration;
use kido_shared::ids::EventId;
use kido_shared::refusal::StaffCode;
use kido_shared::wire::v1::{operator, routes};
use serde_json::json;

use super::session::IDLE;
use super::*;
use crate::audit::{Deed, Door, Object};
use crate::router::tests::{Answer, Served, token};
use crate::testing::NOW;

const CSV: &str = "ticket_ref,order_ref,zone,seat_label,valid_from,valid_until,entries,party\n\
    TICKET-1,ORDER-1,A,Row 1,2027-01-15T17:00:00+09:00,2027-01-15T22:00:00+09:00,1,\n\
    TICKET-2,ORDER-1,A,Row 2,2027-01-15T17:00:00+09:00,2027-01-15T22:00:00+09:00,1,\n";

/// A form without fields of its own.
const NONE: [(&str, &str); 0] = [];

fn text(answer: &Answer) -> String {
    String::from_utf8(answer.bytes.clone()).unwrap()
}

fn location(answer: &Answer) -> &str {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", text(answer));
    answer.headers[header::LOCATION].to_str().unwrap()
}

fn console_cookie(answer: &Answer) -> Option<String> {
    let cookies = answer.headers.get_all(header::SET_COOKIE).iter();
    cookies.filter_map(|cookie| cookie.to_str().ok()).find(|cookie| cookie.contains("console")).map(str::to_owned)
}

/// What stands in a hidden field of a page.
fn hidden(page: &str, name: &str) -> String {
    let (_before, after) = page.split_once(&format!("name=\"{name}\" value=\"")).unwrap();
    after.split_once('"').unwrap().0.to_owned()
}

/// The import that a page is about.
fn held(page: &str) -> String {
    let (_before, after) = page.split_once("data-held=\"").unwrap_or_else(|| panic!("{page}"));
    after.split_once('"').unwrap().0.to_owned()
}

/// A browser of somebody who may have signed in.
#[derive(Default)]
struct Browser {
    cookie: String,
    form: String,
}

impl Browser {
    fn request(&self, method: Method, path: &str) -> axum::http::request::Builder {
        let request = Request::builder().method(method).uri(path).header(header::ACCEPT, "text/html");
        request.header(header::ACCEPT_LANGUAGE, "en").header(header::COOKIE, &self.cookie)
    }

    async fn get(&self, served: &Served, path: &str) -> Answer {
        served.send(self.request(Method::GET, path).body(Body::empty()).unwrap()).await
    }

    async fn read(&self, served: &Served, path: &str) -> String {
        let answer = self.get(served, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", text(&answer));
        text(&answer)
    }

    async fn post_raw(&self, served: &Served, path: &str, body: String, site: &str) -> Answer {
        let request = self.request(Method::POST, path).header("sec-fetch-site", site);
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        served.send(request.body(Body::from(body)).unwrap()).await
    }

    /// A form of our own page, as the browser sends it. The values of these tests need no escaping but for colons.
    async fn post<T: AsRef<str>>(&self, served: &Served, path: &str, fields: &[(&str, T)]) -> Answer {
        let mut body = format!("form={}", self.form);
        for (name, value) in fields {
            body.push_str(&format!("&{name}={}", value.as_ref().replace(':', "%3A").replace(' ', "+")));
        }
        self.post_raw(served, path, body, "same-origin").await
    }

    async fn script(&self, served: &Served, path: &str, body: &str) -> Answer {
        let request = self.request(Method::POST, path).header("sec-fetch-site", "same-origin");
        let request = request.header("kido-form", &self.form).header(header::CONTENT_TYPE, "text/csv");
        served.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    async fn try_token(served: &Served, token: &str) -> Answer {
        Self::default().post_raw(served, "/console/sign-in", format!("token={token}"), "same-origin").await
    }

    async fn signed_in(served: &Served, role: Role) -> Self {
        Self::with_token(served, &token(role)).await
    }

    async fn with_token(served: &Served, token: &str) -> Self {
        let answer = Self::try_token(served, token).await;
        assert_eq!(location(&answer), "/console/events");
        let cookie = console_cookie(&answer).unwrap().split(';').next().unwrap().to_owned();
        let mut browser = Self { cookie, form: String::new() };
        let events = browser.read(served, "/console/events").await;
        browser.form = hidden(&events, "form");
        browser
    }
}

fn deeds(served: &Served) -> Vec<(Deed, Option<String>)> {
    let page = served.app.audit.page(None).unwrap();
    page.lines.into_iter().rev().map(|line| (line.deed, line.refused)).collect()
}

fn event_fields() -> Vec<(&'static str, &'static str)> {
    vec![
        ("name", "Opening"),
        ("starts_at", "2027-01-16T18:00"),
        ("ends_at", "2027-01-16T22:00"),
        ("offline", "refuse"),
        ("arbiter", "registrar"),
        ("tickets_per_card", "1"),
        ("replica_minutes", "720"),
    ]
}

#[tokio::test]
async fn a_role_sees_no_button_that_it_may_not_press_and_cannot_press_it_either() {
    let served = Served::new();
    let event = served.event().await;
    served.registrar.ticket(event, 1).await;
    let viewer = Browser::signed_in(&served, Role::Viewer).await;
    let base = format!("/console/events/{event}");
    for path in ["/console/events".to_owned(), base.clone(), format!("{base}/gates"), format!("{base}/day")] {
        let page = viewer.read(&served, &path).await;
        let forms = page.matches("<form").count();
        assert_eq!(forms, 1, "signing out alone: {path}");
    }
    for path in ["/console/events/new", "/console/audit", &format!("{base}/import"), &format!("{base}/change")] {
        assert_eq!(viewer.get(&served, path).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    let sales = Browser::signed_in(&served, Role::Sales).await;
    assert_eq!(sales.get(&served, &format!("{base}/day")).await.status, StatusCode::FORBIDDEN);
    let ticket =
        location(&sales.post(&served, &format!("{base}/tickets"), &[("ticket_ref", "TICKET-1")]).await).to_owned();
    assert!(!sales.read(&served, &ticket).await.contains("What happened"), "a shop sees states only");
    let desk = Browser::signed_in(&served, Role::Desk).await;
    let refused = desk.post(&served, &format!("{ticket}/change"), &[("change", "cancel")]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(deeds(&served).contains(&(Deed::Reached, Some("role".to_owned()))));
    assert!(deeds(&served).contains(&(Deed::TicketCancelled, Some("role".to_owned()))));
}

#[tokio::test]
async fn a_refusal_is_a_page_that_says_what_to_do() {
    let served = Served::new();
    let event = served.event().await;
    let (viewer, operator) =
        (Browser::signed_in(&served, Role::Viewer).await, Browser::signed_in(&served, Role::Operator).await);
    let role = viewer.get(&served, &format!("/console/events/{event}/import")).await;
    assert_eq!(role.status, StatusCode::FORBIDDEN);
    assert!(text(&role).contains("Your role may not do this") && text(&role).contains("Ask an operator"));
    let nothing = operator.get(&served, "/console/nothing").await;
    assert_eq!(nothing.status, StatusCode::NOT_FOUND);
    assert!(text(&nothing).contains("Begin at the events"));
    let other = operator.post_raw(&served, "/console/events", "form=AAAA&name=A".to_owned(), "same-origin").await;
    assert_eq!(other.status, StatusCode::FORBIDDEN);
    assert!(text(&other).contains("Open the page again"));
    let large = operator.post(&served, "/console/events", &[("name", &"A".repeat(FORM_BYTES_MAX))]).await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(text(&large).contains("That is too large"));
}

#[tokio::test]
async fn what_programs_do_is_on_the_same_list() {
    let served = Served::new();
    let event = served.event().await;
    let (ticket, _code) = served.registrar.ticket(event, 1).await;
    let cancel = json!({"change": "cancel"});
    served.post(Some(Role::Sales), &operator::ticket_status(event, "TICKET-1"), &cancel).await.ok();
    served.get(Some(Role::Sales), &operator::gates(event)).await;
    let lines = served.app.audit.page(None).unwrap().lines;
    let [refused, cancelled] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!(
        (cancelled.deed, cancelled.door, &cancelled.object),
        (Deed::TicketCancelled, Door::Api, &Object::Ticket(ticket))
    );
    assert_eq!((refused.deed, refused.refused.as_deref()), (Deed::Reached, Some("role")));
    let operator = Browser::signed_in(&served, Role::Operator).await;
    let list = operator.read(&served, "/console/audit").await;
    assert!(list.contains("cancelled a ticket") && list.contains("program") && list.contains(&ticket.to_string()));
}

#[tokio::test]
async fn every_page_speaks_both_languages_and_loads_only_what_is_here() {
    let served = Served::new();
    let event = served.event().await;
    let (ticket, _code) = served.registrar.ticket(event, 1).await;
    let operator = Browser::signed_in(&served, Role::Operator).await;
    let base = format!("/console/events/{event}");
    let of_event = ["", "/change", "/import", "/tickets", "/gates", "/day"].map(|part| format!("{base}{part}"));
    let others = ["/console/events", "/console/events/new", "/console/audit"].map(str::to_owned);
    let ticket = [format!("{base}/tickets/{ticket}")];
    for path in of_event.iter().chain(&others).chain(&ticket) {
        for language in ["ja", "en"] {
            let page = operator.read(&served, &format!("{path}?lang={language}")).await;
            assert!(page.contains(&format!("<html lang=\"{language}\">")), "{path}");
            // A page's name is no word of it.
            let words = page.replace("data-page=\"console-", "");
            assert!(!words.contains(">console-") && !words.contains("\"console-"), "a missing sentence: {path} {page}");
            assert_eq!(page.matches("<h1").count(), 1, "{path}");
            assert!(!page.contains(" style=") && !page.contains(" onclick="), "{path}");
            for part in page.split("=\"/assets/").skip(1) {
                let asset = format!("/assets/{}", part.split_once('"').unwrap().0);
                assert_eq!(operator.get(&served, &asset).await.status, StatusCode::OK, "{asset}");
            }
        }
    }
}

#[test]
fn every_deed_and_door_has_its_sentence() {
    let pages = crate::web::Pages::compiled_in().unwrap();
    for language in Language::ALL {
        let speech = pages.page(language).speech;
        let deeds = Deed::ALL.iter().map(|deed| format!("console-deed-{}", deed.key()));
        let doors = [Door::Console, Door::Api, Door::Itself].iter().map(|door| format!("console-door-{}", door.key()));
        let codes = StaffCode::ALL.iter().map(|code| format!("console-code-{code}"));
        for key in deeds.chain(doors).chain(codes) {
            assert_ne!(speech.say(&key), key);
        }
    }
}
