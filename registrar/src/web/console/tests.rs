mod changes;
mod imports;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode, header};
use core::time::Duration;
use kido_shared::clock::Timestamp;
use kido_shared::enrolment::{EnrolmentLink, EnrolmentNonce, GateKeys, Transcript};
use kido_shared::ids::{AdmissionId, EventId, GateId, TicketId};
use kido_shared::refusal::StaffCode;
use kido_shared::wire::base64url;
use kido_shared::wire::v1::{operator, routes};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::session::{IDLE, LIFETIME, LINK_SHOWN};
use super::*;
use crate::audit::{Deed, Door, Object};
use crate::router::tests::gates::{Enrolled, enrol, signed_at};
use crate::router::tests::{Answer, Served, problem, token};
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
        let answer = Self::try_token(served, &token(role)).await;
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
async fn a_token_is_shown_once_and_a_cookie_that_no_script_sees_stands_for_it() {
    let served = Served::new();
    let answer = Browser::try_token(&served, &token(Role::Operator)).await;
    let cookie = console_cookie(&answer).unwrap();
    assert!(cookie.starts_with("__Host-kido-console="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict; Secure"), "{cookie}");
    assert!(!cookie.contains(&token(Role::Operator)));
    let browser = Browser::signed_in(&served, Role::Operator).await;
    let out = browser.post(&served, "/console/sign-out", &NONE).await;
    assert_eq!(location(&out), "/console");
    assert!(console_cookie(&out).unwrap().contains("Max-Age=0"));
    assert_eq!(location(&browser.get(&served, "/console/events").await), "/console", "the session is over");
    let (Deed::SignedIn, None) = &deeds(&served)[0] else { panic!("{:?}", deeds(&served)) };
    assert!(deeds(&served).contains(&(Deed::SignedOut, None)));
}

#[tokio::test]
async fn only_so_many_wrong_tokens_are_taken_and_a_right_one_always() {
    let served = Served::new();
    for _try in 0..600 {
        let refused = Browser::try_token(&served, "nobodys").await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        assert_eq!(console_cookie(&refused), None);
    }
    assert_eq!(Browser::try_token(&served, "nobodys").await.status, StatusCode::TOO_MANY_REQUESTS);
    Browser::signed_in(&served, Role::Operator).await;
    assert!(deeds(&served).len() < 50, "strangers do not fill the list");
}

#[tokio::test]
async fn a_session_ends_by_silence_by_age_and_with_its_token() {
    let served = Served::new();
    let viewer = Browser::signed_in(&served, Role::Viewer).await;
    served.registrar.clock.advance(IDLE);
    assert_eq!(location(&viewer.get(&served, "/console/events").await), "/console");
    let desk = Browser::signed_in(&served, Role::Desk).await;
    served.app.tokens.remove("desk").unwrap();
    assert_eq!(location(&desk.get(&served, "/console/events").await), "/console");
    assert!(LIFETIME > IDLE);
}

#[tokio::test]
async fn a_form_of_another_site_or_session_changes_nothing() {
    let served = Served::new();
    let operator = Browser::signed_in(&served, Role::Operator).await;
    let other = Browser::signed_in(&served, Role::Operator).await;
    let fields: String = event_fields().iter().map(|(name, value)| format!("&{name}={value}")).collect();
    let own = format!("form={}{fields}", operator.form);
    let foreign = format!("form={}{fields}", other.form);
    for (body, site) in [(&own, "cross-site"), (&own, "none"), (&foreign, "same-origin"), (&fields, "same-origin")] {
        let answer = operator.post_raw(&served, "/console/events", body.clone(), site).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{site}");
    }
    assert!(served.app.store.events().unwrap().is_empty());
    let made = operator.post_raw(&served, "/console/events", own, "same-origin").await;
    assert!(location(&made).starts_with("/console/events/event-"));
}

#[tokio::test]
async fn no_offline_choice_is_made_for_anybody_and_nothing_typed_is_lost() {
    let served = Served::new();
    let operator = Browser::signed_in(&served, Role::Operator).await;
    let form = operator.read(&served, "/console/events/new").await;
    assert!(!form.split("name=\"arbiter\"").next().unwrap().contains("checked"));
    assert!(form.contains("may admit twice"), "what it costs stands where it is chosen");
    let fields: Vec<_> = event_fields().into_iter().filter(|(name, _)| *name != "offline").collect();
    let refused = operator.post(&served, "/console/events", &fields).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(text(&refused).contains("value=\"Opening\"") && text(&refused).contains("2027-01-16T18:00"));
    let made = operator.post(&served, "/console/events", &event_fields()).await;
    let change = format!("{}/change", location(&made));
    let form = operator.read(&served, &change).await;
    let saved = operator.post(&served, &change, &changes::edited(&form, &[("offline", "admit")])).await;
    assert_eq!(location(&saved), location(&made));
    let view = &served.app.store.events().unwrap()[0];
    assert_eq!(view.policy.choices().offline, kido_shared::policy::OfflineChoice::Admit);
    assert_eq!(view.policy.choices().starts_at, Timestamp::from_unix_seconds(1_800_090_000), "18:00 in Japan");
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
async fn an_import_names_every_fault_then_gives_the_codes_as_the_command_line_does() {
    let served = Served::new();
    let event = served.event().await;
    let sales = Browser::signed_in(&served, Role::Sales).await;
    let base = format!("/console/events/{event}/import");
    let bad = CSV.replace("TICKET-1", "taro").replace("Row 2", "A very very long seat label of somebody");
    let faults = text(&sales.script(&served, &format!("{base}/read"), &bad).await);
    assert!(faults.contains("Line 2, ticket_ref:") && faults.contains("Line 3, seat_label:"), "{faults}");
    assert!(!faults.contains("taro") && !faults.contains("somebody"), "what stands there is not repeated");
    assert_eq!(sales.get(&served, &format!("{base}/codes.csv")).await.status, StatusCode::NOT_FOUND);

    let import = held(&text(&sales.script(&served, &format!("{base}/read"), CSV).await));
    let next = format!("{base}/next?import={import}");
    let early = sales.get(&served, &format!("{base}/codes.csv")).await;
    let over = text(&sales.script(&served, &next, "").await);
    assert!(over.contains("2 tickets were imported"), "{over}");
    let codes = sales.get(&served, &format!("{base}/codes.csv")).await;
    assert_eq!(codes.bytes, early.bytes, "saved before, the same after");
    assert!(codes.headers["content-disposition"].to_str().unwrap().starts_with("attachment"));
    let file = text(&codes);
    let mut lines = file.lines();
    assert_eq!(lines.next(), Some(crate::cli::codes_file::HEADER));
    for (line, reference) in lines.zip(["TICKET-1", "TICKET-2"]) {
        let (named, link) = line.split_once(',').unwrap();
        let code = link.strip_prefix("https://registrar.example/r#").unwrap();
        let hash = kido_shared::codes::Code::parse(code).unwrap().hash();
        let name = crate::store::TicketName::Reference(crate::domain::reference::TicketRef::parse(named).unwrap());
        let by_code = served.app.store.ticket_of_code(hash).unwrap().1.ticket;
        assert_eq!((named, by_code), (reference, served.app.store.ticket(event, &name).unwrap().ticket));
    }
    let print = sales.read(&served, &format!("{base}/print")).await;
    assert!(print.contains("TICKET-2") && print.contains("/r#"));
    let taken = deeds(&served).into_iter().filter(|(deed, _)| *deed == Deed::CodesTaken).count();
    assert_eq!(taken, 3, "twice as a file, once on paper");

    sales.post(&served, &format!("{base}/forget"), &[("import", &import)]).await;
    let import = held(&text(&sales.script(&served, &format!("{base}/read"), CSV).await));
    let again = text(&sales.script(&served, &format!("{base}/next?import={import}"), "").await);
    assert!(again.contains("Line 2:") && again.contains("Line 3:"), "{again}");
    assert_eq!(text(&sales.get(&served, &format!("{base}/codes.csv")).await).lines().count(), 1, "no dead link");
    sales.post(&served, &format!("{base}/forget"), &[("import", &import)]).await;
    assert_eq!(sales.get(&served, &format!("{base}/codes.csv")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_reference_comes_back_in_no_address_and_no_page() {
    let served = Served::new();
    let event = served.event().await;
    let (ticket, _code) = served.registrar.ticket(event, 1).await;
    let operator = Browser::signed_in(&served, Role::Operator).await;
    let tickets = format!("/console/events/{event}/tickets");
    let found = operator.post(&served, &tickets, &[("ticket_ref", "TICKET-1")]).await;
    assert_eq!(location(&found), format!("{tickets}/{ticket}"));
    assert!(!operator.read(&served, location(&found)).await.contains("TICKET-1"));
    let unknown = operator.post(&served, &tickets, &[("ticket_ref", "TICKET-99")]).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    assert!(!text(&unknown).contains("TICKET-99"));
    for line in served.app.audit.page(None).unwrap().lines {
        assert!(!format!("{line:?}").contains("TICKET-1"), "{line:?}");
    }
}

#[tokio::test]
async fn a_new_link_is_shown_for_a_minute_and_the_old_one_is_dead() {
    let served = Served::new();
    let event = served.event().await;
    let (ticket, old) = served.registrar.ticket(event, 1).await;
    let operator = Browser::signed_in(&served, Role::Operator).await;
    let other = Browser::signed_in(&served, Role::Operator).await;
    let path = format!("/console/events/{event}/tickets/{ticket}");
    let ask = hidden(&operator.read(&served, &path).await, "once");
    let made = operator.post(&served, &format!("{path}/code"), &[("once", &ask)]).await;
    assert_eq!(location(&made), path, "what was made is looked at, so a reload makes nothing");
    let shown = operator.read(&served, &path).await;
    let (_before, after) = shown.split_once("https://registrar.example/r#").unwrap();
    let code = kido_shared::codes::Code::parse(after.split_once('<').unwrap().0).unwrap();
    assert_eq!(served.app.store.ticket_of_code(code.hash()).unwrap().1.ticket, ticket);
    assert!(served.app.store.ticket_of_code(old.hash()).is_err());
    operator.post(&served, &format!("{path}/code"), &[("once", &ask)]).await;
    let again = operator.read(&served, &format!("{path}?lang=ja")).await;
    assert!(again.contains(code.reveal().as_str()), "the same form, one link");
    let home = operator.get(&served, &format!("{path}/code?lang=en")).await;
    assert_eq!(location(&home), format!("{path}?lang=en"), "another language loses no link");
    assert!(!other.read(&served, &path).await.contains("/r#"), "who made it sees it");
    served.registrar.clock.advance(LINK_SHOWN);
    assert!(!operator.read(&served, &path).await.contains("/r#"));
    operator.post(&served, &format!("{path}/change"), &[("change", "cancel")]).await;
    assert!(operator.read(&served, &path).await.contains("The organiser cancelled the ticket"));
    assert!(deeds(&served).ends_with(&[(Deed::CodeReissued, None), (Deed::TicketCancelled, None)]));
}

/// A gate that has taken the offer of a console's page, up to its digits.
async fn take_offer(served: &Served, page: &str) -> Transcript {
    let (_before, after) = page.split_once("id=\"offer-link\">").unwrap();
    let link = EnrolmentLink::parse(after.split_once('<').unwrap().0).unwrap();
    let mut random = StdRng::seed_from_u64(5);
    let (keys, nonce) = (GateKeys::generate(&mut random), EnrolmentNonce::generate(&mut random));
    let public = keys.public().unwrap();
    let start = json!({"token": link.token.reveal().as_str(), "verifying_key": base64url::encode(&public.verifying),
        "receiving_key": base64url::encode(&public.receiving),
        "commitment": base64url::encode(nonce.commitment().as_bytes())});
    let started = served.post(None, routes::ENROLMENTS, &start).await.ok();
    let bytes =
        |field: &str| -> [u8; 32] { base64url::decode(started[field].as_str().unwrap()).unwrap().try_into().unwrap() };
    let transcript = Transcript {
        enrolment: started["enrolment"].as_str().unwrap().parse().unwrap(),
        gate: started["gate"].as_str().unwrap().parse().unwrap(),
        root: bytes("root_key"),
        keys: public,
        registrar_nonce: EnrolmentNonce::from_bytes(bytes("nonce")),
        gate_nonce: nonce,
    };
    let path = routes::enrolment_reveal(transcript.enrolment);
    served.post(None, &path, &json!({"nonce": base64url::encode(nonce.as_bytes())})).await;
    transcript
}

#[tokio::test]
async fn a_gate_is_offered_compared_confirmed_and_revoked_on_the_page() {
    let served = Served::new();
    let event = served.event().await;
    let operator = Browser::signed_in(&served, Role::Operator).await;
    let gates = format!("/console/events/{event}/gates");
    let fields = [("zone", "A"), ("entrance", "North")];
    let offer = location(&operator.post(&served, &gates, &fields).await).to_owned();
    let waiting = operator.read(&served, &offer).await;
    assert!(waiting.contains("<svg") && waiting.contains("data-stamp=\"waiting\""));
    let transcript = take_offer(&served, &waiting).await;
    let digits = transcript.short_code().to_string();
    let shows = operator.read(&served, &offer).await;
    assert!(shows.contains("data-stamp=\"shows-code\"") && !shows.contains(&digits), "the gate shows them, not we");
    assert!(!shows.contains("offer-link"), "the secret is spent");
    operator.post(&served, &format!("{offer}/confirm"), &[("short_code", &digits)]).await;
    assert!(operator.read(&served, &offer).await.contains("data-stamp=\"confirmed\""));
    let listed = operator.read(&served, &gates).await;
    assert!(listed.contains("North") && listed.contains("Not heard yet"));
    operator.post(&served, &format!("{gates}/{}/revoke", transcript.gate), &NONE).await;
    assert!(operator.read(&served, &gates).await.contains("Revoked"));

    let second = location(&operator.post(&served, &gates, &fields).await).to_owned();
    operator.post(&served, &format!("{second}/refuse"), &NONE).await;
    assert!(operator.read(&served, &second).await.contains("data-stamp=\"over\""));
    let third = location(&operator.post(&served, &gates, &fields).await).to_owned();
    let transcript = take_offer(&served, &operator.read(&served, &third).await).await;
    let wrong = if transcript.short_code().to_string() == "000 000" { "000 001" } else { "000 000" };
    let refused = operator.post(&served, &format!("{third}/confirm"), &[("short_code", wrong)]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    let done: Vec<Deed> = deeds(&served).into_iter().filter(|(_, no)| no.is_none()).map(|(deed, _)| deed).collect();
    assert_eq!(
        done[1..],
        [
            Deed::GateOffered,
            Deed::GateConfirmed,
            Deed::GateRevoked,
            Deed::GateOffered,
            Deed::GateRefused,
            Deed::GateOffered
        ]
    );
    assert_eq!(deeds(&served).last(), Some(&(Deed::GateConfirmed, Some("wrong_digits".to_owned()))));
}

fn report(boot: u64, out_of_order: Option<u8>, counts: &[(u8, u64)]) -> Value {
    let refusals: Vec<Value> = counts.iter().map(|(code, count)| json!({"code": code, "count": count})).collect();
    json!({"boot": boot, "feed_epoch": 0, "feed_length": 2, "head_issued_at": NOW.unix_ms(), "arbiter_answers": true,
        "out_of_order": out_of_order, "waits_to_upload": false, "refusals": refusals})
}

#[tokio::test]
async fn a_report_is_taken_from_a_gate_in_force_and_from_nobody_else() {
    let served = Served::new();
    let event = served.event().await;
    let Enrolled { gate, keys } = enrol(&served, event, 1).await;
    let (path, body) = (routes::reports(event), report(1, None, &[]).to_string());
    served.send(signed_at(&path, &body, (gate, &keys), NOW, 1)).await.ok();
    let odd = report(1, None, &[(9, 1)]).to_string();
    assert_eq!(served.send(signed_at(&path, &odd, (gate, &keys), NOW, 2)).await.problem(), problem(422, "field"));
    let stranger = GateId::from_bytes([8; 16]);
    let foreign = served.send(signed_at(&path, &body, (stranger, &keys), NOW, 3)).await;
    assert_eq!(foreign.problem(), problem(401, "unknown_gate"));
    served.post(Some(Role::Operator), &operator::gate_revoke(event, gate), &json!({})).await.ok();
    let revoked = served.send(signed_at(&path, &body, (gate, &keys), NOW, 4)).await;
    assert_eq!(revoked.problem(), problem(403, "gate_revoked"));
}

async fn admit(served: &Served, event: EventId, by: &Enrolled, (ticket, number): (TicketId, u8)) {
    let Enrolled { gate, keys } = by;
    let admission = json!({"id": AdmissionId::from_bytes([number; 16]), "ticket": ticket, "gate": gate, "entry": 1,
        "at": NOW.unix_ms(), "basis": "offline"});
    let batch = json!({"boot": 1, "journal_length": 1, "journal_chain": base64url::encode(&[0; 32]),
        "admissions": [{"admission": admission, "opened_at": null}]});
    let path = routes::admissions(event);
    served.send(signed_at(&path, &batch.to_string(), (*gate, keys), NOW, u64::from(number))).await.ok();
}

#[tokio::test]
async fn the_day_shows_who_came_in_where_who_was_refused_and_which_gate_needs_somebody() {
    let served = Served::new();
    let event = served.event().await;
    let (one, _code) = served.registrar.ticket(event, 1).await;
    let (two, _code) = served.registrar.ticket(event, 2).await;
    let (well, ill) = (enrol(&served, event, 1).await, enrol(&served, event, 2).await);
    admit(&served, event, &well, (one, 21)).await;
    admit(&served, event, &well, (two, 22)).await;
    admit(&served, event, &ill, (two, 23)).await;
    let path = routes::reports(event);
    let tell = |by: &Enrolled, body: Value, nonce| signed_at(&path, &body.to_string(), (by.gate, &by.keys), NOW, nonce);
    let viewer = Browser::signed_in(&served, Role::Viewer).await;
    let before = viewer.read(&served, &format!("/console/events/{event}/day")).await;
    assert!(before.contains("Not every gate has been heard yet") && !before.contains("All is well"));
    served.send(tell(&well, report(1, None, &[(14, 4)]), 31)).await.ok();
    served.send(tell(&well, report(1, None, &[(14, 6)]), 32)).await.ok();
    served.send(tell(&ill, report(1, Some(36), &[]), 33)).await.ok();
    let day = viewer.read(&served, &format!("/console/events/{event}/day")).await;
    assert!(day.contains("<dt>Admitted</dt><dd>3</dd>"), "{day}");
    assert!(day.contains("<dt>Conflicts</dt><dd>1</dd>") && day.contains(&two.to_string()));
    assert!(
        day.contains(
            "<th scope=\"row\">14</th><td>too late</td><td class=\"number\">6</td><td class=\"number\">2</td>"
        )
    );
    assert!(day.contains("One gate needs somebody"));
    let (first, second) = (day.find("Out of order 36").unwrap(), day.find("In order").unwrap());
    assert!(first < second, "who needs somebody comes first");
    assert_eq!(day.matches("<rect class=\"bar\"").count(), 1, "one minute at the only entrance: {day}");
    served.registrar.clock.advance(Duration::from_secs(40));
    let later = viewer.read(&served, &format!("/console/events/{event}/day")).await;
    assert!(later.contains("2 gates need somebody") && later.contains("Silent"));
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
async fn a_session_that_is_over_is_told_and_at_the_address_of_a_form_is_a_page() {
    let served = Served::new();
    let event = served.event().await;
    let (ticket, _code) = served.registrar.ticket(event, 1).await;
    let operator = Browser::signed_in(&served, Role::Operator).await;
    let page = format!("/console/events/{event}/tickets/{ticket}");
    for form in ["change?lang=ja", "code?lang=ja"] {
        assert_eq!(location(&operator.get(&served, &format!("{page}/{form}")).await), format!("{page}?lang=ja"));
    }
    served.registrar.clock.advance(IDLE);
    assert_eq!(location(&operator.get(&served, &page).await), "/console");
    for _page_then_person in 0..2 {
        assert!(operator.read(&served, "/console").await.contains("You were signed out"));
    }
    assert!(!Browser::default().read(&served, "/console").await.contains("You were signed out"));
}

#[tokio::test]
async fn a_file_with_faults_loses_no_choice() {
    let served = Served::new();
    let event = served.event().await;
    let sales = Browser::signed_in(&served, Role::Sales).await;
    let read = format!("/console/events/{event}/import/read");
    let reserved = text(&sales.script(&served, &format!("{read}?reserved=true"), "nothing").await);
    assert!(reserved.contains("type=\"checkbox\" checked"), "{reserved}");
    assert!(!text(&sales.script(&served, &read, "nothing").await).contains("checked"));
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
            assert!(!page.contains(">console-") && !page.contains("\"console-"), "a missing sentence: {path} {page}");
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
        let doors = [Door::Console, Door::Api].iter().map(|door| format!("console-door-{}", door.key()));
        let codes = StaffCode::ALL.iter().map(|code| format!("console-code-{code}"));
        for key in deeds.chain(doors).chain(codes) {
            assert_ne!(speech.say(&key), key);
        }
    }
}
