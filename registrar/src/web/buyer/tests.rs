//! The buyer's pages as a browser sees them: the browser here, what it sees in the modules below.

mod opening;
mod register;
mod streams;
mod ticket;

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
use crate::visitor::Peer;

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
async fn what_changes_something_comes_from_our_own_page() {
    let served = Served::new();
    let browser = Browser::default();
    for path in ["/r/open", "/t/open", "/t/lost"] {
        for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example"), ("x-none", "")] {
            let request = browser.request(Method::POST, path).header(name, value);
            let request = request.header(header::CONTENT_TYPE, "application/json").body(Body::from("{}")).unwrap();
            let answer = served.send(request).await;
            assert_eq!(answer.status, 403, "{path} {name}");
            assert!(answer.text().contains("この 操作は できません"));
        }
        let form = browser.request(Method::POST, path).header("sec-fetch-site", "same-origin");
        let form = form.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        assert_eq!(served.send(form.body(Body::from("code=1")).unwrap()).await.status, 415, "{path}");
    }
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
    assert!(posted.text().contains("この 操作は できません"));
}
