use core::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::extract::Request;
use axum::http::{Method, header};
use kido_shared::challenge::Action;
use kido_shared::codes::Code;
use kido_shared::ids::EventId;
use kido_shared::wire::v1::routes::REGISTRATIONS;
use kido_virtual_card::character::Character;
use kido_web::headers::PAGE_POLICY;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use tokio_stream::StreamExt as _;

use super::*;
use crate::router::tests::{Answer, Served, problem};
use crate::store::TicketName;
use crate::testing::NOW;
use crate::web::visitor::Peer;

/// Longer than any stream may take to say what has happened.
const SOON: Duration = Duration::from_secs(10);

impl Answer {
    fn text(&self) -> String {
        String::from_utf8(self.bytes.clone()).unwrap()
    }

    /// The cookie of a page, as the browser sends it back.
    fn cookie(&self, name: &str) -> Option<String> {
        let cookies = self.headers.get_all(SET_COOKIE).iter().map(|cookie| cookie.to_str().unwrap());
        let mut named = cookies.filter_map(|cookie| cookie.split_once(';').map(|(pair, _attributes)| pair));
        named.find(|pair| pair.starts_with(name)).map(str::to_owned)
    }

    fn mark(&self) -> u32 {
        let text = self.text();
        let (_before, after) = text.split_once("data-mark=\"").expect("no open page");
        after.split_once('"').unwrap().0.parse().unwrap()
    }
}

/// A browser that speaks one language and keeps the cookie of its page.
#[derive(Default)]
struct Browser {
    cookie: Option<String>,
    address: Option<[u8; 4]>,
    agent: &'static str,
    english: bool,
}

impl Browser {
    fn request(&self, method: Method, path: &str) -> axum::http::request::Builder {
        let mut request = Request::builder().method(method).uri(path).header(header::ACCEPT, "text/html");
        request = request.header(header::ACCEPT_LANGUAGE, if self.english { "en" } else { "ja" });
        request = request.header(header::USER_AGENT, self.agent);
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        if let Some(address) = self.address {
            request = request.extension(Peer(address.into()));
        }
        request
    }

    async fn get(&self, served: &Served, path: &str) -> Answer {
        served.send(self.request(Method::GET, path).body(Body::empty()).unwrap()).await
    }

    async fn post(&self, served: &Served, path: &str, body: &Value) -> Answer {
        let request = self.request(Method::POST, path).header("sec-fetch-site", "same-origin");
        let request = request.header(header::CONTENT_TYPE, "application/json");
        served.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// Opens a link and keeps what it got.
    async fn open(&mut self, served: &Served, home: &str, code: &Code) -> Answer {
        let answer = self.post(served, &format!("{home}/open"), &json!({"code": code.reveal().as_str()})).await;
        self.cookie = answer.cookie(&format!("__Host-kido-{}", &home[1..]));
        answer
    }

    async fn stamps(&self, served: &Served, home: &str, mark: u32) -> Stamps {
        let request = self.request(Method::GET, &format!("{home}/events?page={mark}"));
        let response = served.answer(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        Stamps(response.into_body().into_data_stream())
    }
}

/// A stream as a page hears it.
struct Stamps(BodyDataStream);

impl Stamps {
    /// The next stamp; nothing where the stream has ended.
    async fn next(&mut self) -> Option<String> {
        let bytes = tokio::time::timeout(SOON, self.0.next()).await.expect("nothing came")?.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let stamp = text.strip_prefix("event: stamp\ndata: ").and_then(|rest| rest.strip_suffix("\n\n"));
        Some(stamp.unwrap_or_else(|| panic!("{text:?}")).to_owned())
    }
}

async fn bound(served: &Served, event: EventId) -> Code {
    let (_ticket, code) = served.registrar.ticket(event, 1).await;
    let proved = served.registrar.register(Action::Bind, &code, Character::Holder).await.unwrap();
    proved.holder_code.unwrap()
}

fn wrong(number: u64) -> Code {
    Code::generate(&mut StdRng::seed_from_u64(9_000 + number))
}

#[tokio::test]
async fn every_page_is_whole_strict_and_loads_only_what_is_there() {
    let served = Served::new();
    for path in ["/", "/r", "/t", "/nowhere"] {
        for english in [false, true] {
            let answer = Browser { english, ..Browser::default() }.get(&served, path).await;
            assert_eq!(answer.headers[header::CONTENT_SECURITY_POLICY], PAGE_POLICY, "{path}");
            assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store", "{path}");
            assert_eq!(answer.headers[header::REFERRER_POLICY], "no-referrer", "{path}");
            let text = answer.text();
            assert!(text.contains(if english { "<html lang=\"en\">" } else { "<html lang=\"ja\">" }), "{path}");
            assert_eq!(text.matches("<h1").count(), 1, "{path}");
            for broken in ["style=", "onclick=", "/assets/\"", "http://", "https://cdn"] {
                assert!(!text.contains(broken), "{path}: {broken}");
            }
            for (place, _match) in text.match_indices("\"/assets/") {
                let file = text[place + 1..].split_once('"').unwrap().0;
                assert_eq!(Browser::default().get(&served, file).await.status, 200, "{path}: {file}");
            }
        }
    }
}

#[tokio::test]
async fn the_first_page_says_what_is_not_read_and_what_is() {
    let served = Served::new();
    let english = Browser { english: true, ..Browser::default() }.get(&served, "/r").await.text();
    for sentence in ["Your name, address and My Number are not read", "256 bytes of it", "What is read"] {
        assert!(english.contains(sentence), "{sentence}");
    }
    let japanese = Browser::default().get(&served, "/r").await.text();
    assert!(japanese.contains("お名前・住所・マイナンバーは 読み取りません"));
    assert!(japanese.contains("256バイト"));
}

#[tokio::test]
async fn a_link_is_opened_by_one_body_and_its_code_is_in_no_answer() {
    let served = Served::new();
    let event = served.event().await;
    let (_ticket, code) = served.registrar.ticket(event, 1).await;
    let mut browser = Browser::default();
    let opened = browser.open(&served, "/r", &code).await;
    assert_eq!(opened.status, 200);
    let cookies: Vec<_> = opened.headers.get_all(SET_COOKIE).iter().map(|cookie| cookie.to_str().unwrap()).collect();
    let of_page = cookies.iter().find(|cookie| cookie.starts_with("__Host-kido-r=")).unwrap();
    for attribute in ["; Path=/", "; HttpOnly", "; SameSite=Strict", "; Secure", "; Max-Age=3600"] {
        assert!(of_page.contains(attribute), "{of_page}");
    }
    let reloaded = browser.get(&served, "/r").await;
    for answer in [&opened, &reloaded] {
        let text = answer.text();
        assert!(text.contains("Row 1, 1") && text.contains("千穐楽"), "event and seat as on a ticket");
        assert!(text.contains("data-stamp=\"register-waiting\""));
        let grouped = code.reveal().to_string();
        for form in [grouped.clone(), grouped.replace('-', "")] {
            assert!(!text.contains(&form) && !format!("{:?}", answer.headers).contains(&form));
        }
        assert!(!text.contains("TICKET-1") && !text.contains("ORDER-1"));
    }
}

#[tokio::test]
async fn a_switch_of_language_keeps_the_page() {
    let served = Served::new();
    let event = served.event().await;
    let (_ticket, code) = served.registrar.ticket(event, 1).await;
    let mut browser = Browser::default();
    let opened = browser.open(&served, "/r", &code).await;
    let english = browser.get(&served, "/r?lang=en").await;
    assert!(english.text().contains("Waiting for your card") && english.text().contains("Row 1, 1"));
    assert_eq!(english.mark(), opened.mark());
}

#[tokio::test]
async fn a_page_is_closed_after_its_hour_and_says_so_once() {
    let served = Served::new();
    let event = served.event().await;
    let (_ticket, code) = served.registrar.ticket(event, 1).await;
    let mut browser = Browser::default();
    let mark = browser.open(&served, "/r", &code).await.mark();
    served.registrar.clock.advance(sessions::PAGE_LIFETIME);
    let over = browser.get(&served, "/r").await;
    assert_eq!(over.status, 410);
    assert!(over.text().contains("時間が たったので、ページを 閉じました"));
    assert_eq!(over.cookie("__Host-kido-r").unwrap(), "__Host-kido-r=");
    let events = browser.get(&served, &format!("/r/events?page={mark}")).await;
    assert_eq!(events.status, 204, "the status that tells a browser not to come back");
    assert_eq!(browser.get(&served, "/r/events?page=x").await.status, 204);
}

#[tokio::test]
async fn every_refusal_says_what_happened_and_what_to_do_in_both_languages() {
    let served = Served::new();
    let event = served.event().await;
    let holder = bound(&served, event).await;
    let (cancelled, cancelled_code) = served.registrar.ticket(event, 2).await;
    let name = TicketName::Id(cancelled);
    let cancel = crate::domain::ticket::TicketAction::Cancel;
    served.registrar.store.change_ticket(event, name, cancel, crate::domain::history::Actor::Sales).await.unwrap();
    let (returned, returned_code) = served.registrar.tickets(event, 3, false).await;
    let release = crate::domain::ticket::TicketAction::Release;
    let name = TicketName::Id(returned);
    served.registrar.store.change_ticket(event, name, release, crate::domain::history::Actor::Sales).await.unwrap();
    let (_unbound, unbound_code) = served.registrar.ticket(event, 4).await;
    let (_row, used_code) = crate::testing::row(1);
    let cases = [
        ("/r", wrong(0), 404, "excuse-unknown"),
        ("/t", wrong(0), 404, "excuse-unknown"),
        ("/r", used_code.clone(), 409, "excuse-used"),
        ("/t", used_code, 409, "excuse-replaced"),
        ("/r", cancelled_code.clone(), 410, "excuse-cancelled"),
        ("/t", cancelled_code, 410, "excuse-cancelled"),
        ("/r", returned_code, 410, "excuse-returned"),
        ("/r", holder, 409, "excuse-is-holders"),
        ("/t", unbound_code, 409, "excuse-is-registration"),
    ];
    for (home, code, status, key) in cases {
        for english in [false, true] {
            let mut browser = Browser { english, ..Browser::default() };
            expect_refusal(&browser.open(&served, home, &code).await, (status, key), english);
        }
    }
    for english in [false, true] {
        let browser = Browser { english, ..Browser::default() };
        let answer = browser.post(&served, "/r/open", &json!({"code": "half-a-code"})).await;
        assert!(answer.text().contains("data-do=\"open-by-hand\""), "another link may help");
        expect_refusal(&answer, (422, "excuse-incomplete"), english);
    }
}

fn expect_refusal(answer: &Answer, (status, key): (u16, &str), english: bool) {
    let pages = crate::web::Pages::compiled_in().unwrap();
    let language = if english { kido_web::language::Language::En } else { kido_web::language::Language::Ja };
    let speech = pages.page(language).speech;
    let text = answer.text();
    assert_eq!(answer.status, status, "{key}");
    for part in ["what", "next"] {
        let sentence = speech.say(&format!("{key}-{part}"));
        let shown = sentence.replace('\'', "&#39;").replace('"', "&#34;");
        assert!(text.contains(&shown), "{key}-{part}: {sentence}\n{text}");
    }
    assert!(!text.contains("data-mark"), "{key}: no page is open");
}

#[tokio::test]
async fn a_link_on_the_wrong_page_is_offered_the_right_one() {
    let served = Served::new();
    let event = served.event().await;
    let holder = bound(&served, event).await;
    let (_unbound, registration) = served.registrar.ticket(event, 4).await;
    for (home, code) in [("/r", holder), ("/t", registration)] {
        let page = Browser::default().open(&served, home, &code).await.text();
        assert!(page.contains("data-elsewhere") && page.contains("data-do=\"other-page\""), "{home}");
        assert!(!page.contains("data-do=\"open-by-hand\""), "{home}: the link itself is right");
    }
}

#[tokio::test]
async fn a_ticket_whose_time_is_over_registers_no_card() {
    let served = Served::new();
    let event = served.event().await;
    let (_ticket, code) = served.registrar.ticket(event, 1).await;
    let mut browser = Browser::default();
    browser.open(&served, "/r", &code).await;
    served.registrar.clock.set(NOW.after(Duration::from_secs(31 * 3_600)));
    expect_refusal(&browser.open(&served, "/r", &code).await, (410, "excuse-over"), false);
}

#[tokio::test]
async fn a_registration_is_followed_from_waiting_to_bound_without_a_reload() {
    let served = Served::new();
    let event = served.event().await;
    let (_ticket, code) = served.registrar.ticket(event, 1).await;
    let mut browser = Browser::default();
    let mark = browser.open(&served, "/r", &code).await.mark();
    let mut stamps = browser.stamps(&served, "/r", mark).await;
    assert_eq!(stamps.next().await.unwrap(), "register-waiting");
    let begin = json!({"action": "bind", "code": code.reveal().as_str(), "event": null});
    served.post(None, REGISTRATIONS, &begin).await.ok();
    assert_eq!(stamps.next().await.unwrap(), "register-talking");
    assert!(browser.get(&served, "/r").await.text().contains("登録プログラムと 通信して います"));
    served.registrar.register(Action::Bind, &code, Character::Holder).await.unwrap();
    assert_eq!(stamps.next().await.unwrap(), "register-bound");
    let bound = browser.get(&served, "/r").await.text();
    for shown in ["カードを 登録しました", "Row 1, 1", "<dd>A</dd>", "新しい リンクを 保管して ください"]
    {
        assert!(bound.contains(shown), "{shown}");
    }
    assert!(!bound.contains("これまでの こと"), "a registration link shows no history");
}

#[tokio::test]
async fn a_dialogue_that_ends_by_the_clock_leaves_a_page_that_waits() {
    let served = Served::new();
    let event = served.event().await;
    let (_ticket, code) = served.registrar.ticket(event, 1).await;
    let mut browser = Browser::default();
    browser.open(&served, "/r", &code).await;
    let begin = json!({"action": "bind", "code": code.reveal().as_str(), "event": null});
    served.post(None, REGISTRATIONS, &begin).await.ok();
    assert!(browser.get(&served, "/r").await.text().contains("data-stamp=\"register-talking\""));
    served.registrar.clock.advance(kido_shared::limits::SESSION_LIFETIME);
    assert!(browser.get(&served, "/r").await.text().contains("data-stamp=\"register-waiting\""));
}

#[tokio::test]
async fn a_certificate_that_ends_too_soon_is_said_where_it_was_bound() {
    let served = Served::new();
    let far = |draft: &mut kido_shared::policy::PolicyDraft| {
        let years = Duration::from_secs(20 * 365 * 24 * 3_600);
        draft.ends_at = NOW.after(years);
        draft.retention_at = NOW.after(years + Duration::from_secs(3_600));
    };
    let event = served.registrar.event_with(far).await;
    let (_ticket, code) = served.registrar.ticket(event, 1).await;
    let mut browser = Browser { english: true, ..Browser::default() };
    browser.open(&served, "/r", &code).await;
    served.registrar.register(Action::Bind, &code, Character::Holder).await.unwrap();
    assert!(browser.get(&served, "/r").await.text().contains("certificate ends before the event"));
}

#[tokio::test]
async fn a_lost_card_is_reported_from_the_ticket_and_shown_by_itself() {
    let served = Served::new();
    let event = served.event().await;
    let code = bound(&served, event).await;
    let mut browser = Browser::default();
    let opened = browser.open(&served, "/t", &code).await;
    assert!(opened.text().contains("使えます"));
    let mut stamps = browser.stamps(&served, "/t", opened.mark()).await;
    assert!(stamps.next().await.unwrap().starts_with("ticket-ready."));
    let suspended = browser.post(&served, "/t/lost", &json!({"page": opened.mark()})).await;
    assert_eq!(suspended.status, 200);
    assert!(suspended.text().contains("停止中（カードの 紛失）"));
    assert!(stamps.next().await.unwrap().starts_with("ticket-suspended."));
    let proved = served.registrar.register(Action::Resume, &code, Character::Holder).await.unwrap();
    assert!(stamps.next().await.unwrap().starts_with("ticket-ready."));
    let english = Browser { english: true, ..Browser::default() };
    let mut newer = Browser { cookie: None, ..english };
    let page = newer.open(&served, "/t", &proved.holder_code.unwrap()).await.text();
    for line in ["A card was registered", "stopped because the card was lost", "put the ticket back in force"] {
        assert!(page.contains(line), "{line}");
    }
    assert!(page.contains("Fri 15 January, 17:00"), "to the minute, on a wall in Japan");
}

#[tokio::test]
async fn a_page_of_a_replaced_link_shows_the_state_and_nothing_else() {
    let served = Served::new();
    let event = served.event().await;
    let code = bound(&served, event).await;
    let mut browser = Browser::default();
    let mark = browser.open(&served, "/t", &code).await.mark();
    served.registrar.register(Action::Show, &code, Character::Holder).await.unwrap();
    let page = browser.get(&served, "/t").await.text();
    assert!(page.contains("使えます") && page.contains("リンクが 新しく なりました"));
    assert!(!page.contains("これまでの こと") && !page.contains("data-do=\"lost\""));
    let refused = browser.post(&served, "/t/lost", &json!({"page": mark})).await;
    expect_refusal(&refused, (409, "excuse-replaced"), false);
}

#[tokio::test]
async fn a_tab_never_acts_on_a_ticket_that_another_tab_has_opened() {
    let served = Served::new();
    let event = served.event().await;
    let code = bound(&served, event).await;
    let (_other, other_code) = served.registrar.ticket(event, 2).await;
    let other = served.registrar.register(Action::Bind, &other_code, Character::Stranger).await.unwrap();
    let mut browser = Browser::default();
    let first = browser.open(&served, "/t", &code).await.mark();
    browser.open(&served, "/t", &other.holder_code.unwrap()).await;
    let refused = browser.post(&served, "/t/lost", &json!({"page": first})).await;
    expect_refusal(&refused, (409, "excuse-other-tab"), false);
    assert!(browser.get(&served, "/t").await.text().contains("使えます"), "neither ticket was stopped");
}

#[tokio::test]
async fn what_changes_something_comes_from_our_own_page() {
    let served = Served::new();
    let browser = Browser::default();
    for path in ["/r/open", "/t/open", "/t/lost"] {
        for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example"), ("x-none", "")] {
            let request = browser.request(Method::POST, path).header(name, value);
            let request = request.header(header::CONTENT_TYPE, "application/json").body(Body::from("{}")).unwrap();
            let answer = served.send(request).await;
            assert_eq!(answer.status, 403, "{path} {name}");
            assert!(answer.text().contains("この 操作は 受け付けられませんでした"));
        }
        let form = browser.request(Method::POST, path).header("sec-fetch-site", "same-origin");
        let form = form.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        assert_eq!(served.send(form.body(Body::from("code=1")).unwrap()).await.status, 415, "{path}");
    }
}

#[tokio::test]
async fn whoever_guesses_is_told_to_wait_and_a_right_code_opens_all_the_same() {
    let served = Served::new();
    let event = served.event().await;
    let (_ticket, code) = served.registrar.ticket(event, 1).await;
    let mut guesser = Browser { address: Some([192, 0, 2, 1]), ..Browser::default() };
    for number in 0..10 {
        assert_eq!(guesser.open(&served, "/r", &wrong(number)).await.status, 404);
    }
    expect_refusal(&guesser.open(&served, "/r", &wrong(10)).await, (429, "excuse-too-many-tries"), false);
    expect_refusal(&guesser.open(&served, "/t", &wrong(0)).await, (429, "excuse-too-many-tries"), false);
    assert_eq!(guesser.open(&served, "/r", &code).await.status, 200, "a household is more than its child");
    let mut other = Browser { address: Some([192, 0, 2, 2]), ..Browser::default() };
    assert_eq!(other.open(&served, "/r", &wrong(11)).await.status, 404);
    served.registrar.clock.advance(Duration::from_secs(60));
    assert_eq!(guesser.open(&served, "/r", &wrong(12)).await.status, 404);
}

#[tokio::test]
async fn people_get_pages_and_programs_problem_documents() {
    let served = Served::new();
    let page = Browser { english: true, ..Browser::default() }.get(&served, "/nowhere").await;
    assert_eq!(page.status, 404);
    assert!(page.text().contains("There is nothing here"));
    assert_eq!(served.get(None, "/nowhere").await.problem(), problem(404, "not_found"));
    let program = Browser::default().get(&served, "/api/v1/nowhere").await;
    assert_eq!(program.problem(), problem(404, "not_found"));
    let posted = Browser::default().request(Method::POST, "/r").body(Body::empty()).unwrap();
    let posted = served.send(posted).await;
    assert_eq!(posted.status, 405);
    assert!(posted.text().contains("この 操作は 受け付けられませんでした"));
}

#[tokio::test]
async fn a_phone_is_told_at_once_and_what_to_do_instead() {
    let served = Served::new();
    let phone = Browser { agent: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0)", english: true, ..Browser::default() };
    let page = phone.get(&served, "/r").await.text();
    assert!(page.contains("class=\"page on-phone\"") && page.contains("Phones: not yet"));
    assert!(page.contains("a computer with a card reader"));
    assert!(!Browser::default().get(&served, "/r").await.text().contains("on-phone"));
}

#[tokio::test]
async fn streams_are_few_and_end_when_the_registrar_stops() {
    let served = Served::new();
    let event = served.event().await;
    let (_ticket, code) = served.registrar.ticket(event, 1).await;
    let mut browser = Browser::default();
    let mark = browser.open(&served, "/r", &code).await.mark();
    let mut open = Vec::new();
    for _ in 0..4 {
        let mut stamps = browser.stamps(&served, "/r", mark).await;
        assert!(stamps.next().await.is_some());
        open.push(stamps);
    }
    let one_more = browser.get(&served, &format!("/r/events?page={mark}")).await;
    assert_eq!(one_more.status, 503);
    drop(open.pop());
    open.push(browser.stamps(&served, "/r", mark).await);
    assert!(open.last_mut().unwrap().next().await.is_some(), "a stream that ended made room");
    served.app.stop();
    for mut stamps in open {
        assert_eq!(stamps.next().await, None);
    }
}
