//! Who may speak to the page, and what it answers: over real sockets, byte by byte.

use kido_shared::card::PinTries;
use kido_shared::clock::Timestamp;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use crate::display::{Display, LaneSign, Typed, TypedInputs, display};
use crate::screen::Screen;
use crate::words::Words;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_338_120);

struct Served {
    address: SocketAddr,
    display: Display,
    typed: TypedInputs,
    shutdown: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

impl Served {
    async fn start() -> Self {
        let sign =
            LaneSign {
                event: "木戸の会".to_owned(), entrance: "B".to_owned(), lane: "3".to_owned(), rehearsal: None
            };
        let (display, viewer, typed) = display(Words::compiled_in().unwrap(), sign, &Screen::Idle, NOW);
        let kiosk = Kiosk::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let address = kiosk.address();
        let (shutdown, ended) = oneshot::channel::<()>();
        let page = Page::compiled_in(crate::config::Language::Ja).unwrap();
        let server = tokio::spawn(kiosk.serve(page, viewer, async move {
            ended.await.ok();
        }));
        Self { address, display, typed, shutdown, server }
    }

    fn ask_pin(&self) {
        self.display.show(&Screen::AskPin(PinTries::new(3)), NOW);
    }

    /// The whole answer to one request.
    async fn send(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    async fn get(&self, path: &str, headers: &str) -> String {
        self.send(&format!("GET {path} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n")).await
    }

    async fn post(&self, path: &str, headers: &str, body: &str) -> String {
        let host = format!("Host: {}\r\nContent-Length: {}\r\nConnection: close\r\n", self.address, body.len());
        self.send(&format!("POST {path} HTTP/1.1\r\n{host}{headers}\r\n{body}")).await
    }

    async fn post_json(&self, path: &str, body: &str) -> String {
        self.post(path, "Content-Type: application/json\r\n", body).await
    }

    fn host(&self) -> String {
        format!("Host: {}\r\n", self.address)
    }
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap()
}

#[tokio::test]
async fn only_loopback_is_listened_on() {
    for address in [([0, 0, 0, 0], 0), ([192, 0, 2, 1], 0)] {
        let refused = Kiosk::bind(address.into()).await.unwrap_err();
        assert!(matches!(refused, KioskError::NotLoopback(_)));
    }
}

#[tokio::test]
async fn another_name_for_this_machine_is_refused() {
    let served = Served::start().await;
    assert_eq!(status(&served.get("/screen", &served.host()).await), "200");
    let port = served.address.port();
    assert_eq!(status(&served.get("/screen", &format!("Host: localhost:{port}\r\n")).await), "200");
    for host in [format!("rebound.example:{port}"), "127.0.0.1".to_owned(), "127.0.0.1:1".to_owned()] {
        assert_eq!(status(&served.get("/screen", &format!("Host: {host}\r\n")).await), "421", "{host}");
    }
}

#[tokio::test]
async fn another_page_is_refused() {
    let served = Served::start().await;
    served.ask_pin();
    let body = r#"{"screen":1,"pin":"1234"}"#;
    let json = "Content-Type: application/json\r\n";
    let elsewhere = format!("{json}Origin: http://elsewhere.example\r\n");
    assert_eq!(status(&served.post("/pin", &elsewhere, body).await), "403");
    assert_eq!(status(&served.post("/pin", &format!("{json}Sec-Fetch-Site: cross-site\r\n"), body).await), "403");
    assert_eq!(status(&served.post("/pin", "Content-Type: text/plain\r\n", body).await), "415");
    let own = format!("{json}Origin: http://{}\r\nSec-Fetch-Site: same-origin\r\n", served.address);
    assert_eq!(status(&served.post("/pin", &own, body).await), "204");
}

#[tokio::test]
async fn a_pin_is_taken_only_for_the_screen_that_asks() {
    let mut served = Served::start().await;
    assert_eq!(status(&served.post_json("/pin", r#"{"screen":0,"pin":"1234"}"#).await), "409");
    served.ask_pin();
    assert_eq!(status(&served.post_json("/pin", r#"{"screen":0,"pin":"1234"}"#).await), "409");
    assert_eq!(status(&served.post_json("/party", r#"{"screen":1,"count":1}"#).await), "409");
    assert_eq!(status(&served.post_json("/pin", r#"{"screen":1,"pin":"1234"}"#).await), "204");
    assert!(matches!(served.typed.next().await, Some(Typed::Pin(_))));
    assert_eq!(status(&served.post_json("/cancel", r#"{"screen":1}"#).await), "204");
    assert!(matches!(served.typed.next().await, Some(Typed::Cancel)));
}

#[tokio::test]
async fn an_answer_never_repeats_what_was_typed() {
    let served = Served::start().await;
    served.ask_pin();
    for body in [r#"{"screen":1,"pin":"98765"}"#, r#"{"screen":1,"pin":98765}"#, r#"{"pin":"98765"#] {
        let answer = served.post_json("/pin", body).await;
        assert_eq!(status(&answer), "422", "{answer}");
        assert!(!answer.contains("9876"), "{answer}");
    }
    let long = format!(r#"{{"screen":1,"pin":"{}"}}"#, "9".repeat(BODY_BYTES_MAX));
    assert_eq!(status(&served.post_json("/pin", &long).await), "413");
}

#[tokio::test]
async fn every_answer_forbids_framing_caching_and_other_origins() {
    let served = Served::start().await;
    for answer in [served.get("/screen", &served.host()).await, served.get("/screen", "Host: x\r\n").await] {
        let answer = answer.to_lowercase();
        for header in ["cache-control: no-store", "x-frame-options: deny", "frame-ancestors 'none'", "nosniff"] {
            assert!(answer.contains(header), "{header}: {answer}");
        }
        assert!(!answer.contains("access-control-"), "{answer}");
    }
}

async fn next_screen(lines: &mut tokio::io::Lines<BufReader<TcpStream>>) -> serde_json::Value {
    loop {
        let line = lines.next_line().await.unwrap().unwrap();
        if let Some(data) = line.strip_prefix("data: ") {
            return serde_json::from_str(data).unwrap();
        }
    }
}

#[tokio::test]
async fn a_stream_begins_with_the_screen_that_stands_and_ends_with_the_lane() {
    let served = Served::start().await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(format!("GET /events HTTP/1.1\r\n{}\r\n", served.host()).as_bytes()).await.unwrap();
    let mut lines = BufReader::new(stream).lines();
    assert_eq!(next_screen(&mut lines).await["screen"], "idle");
    served.ask_pin();
    let asking = next_screen(&mut lines).await;
    assert_eq!((&asking["screen"], &asking["number"]), (&"ask_pin".into(), &1.into()));
    served.shutdown.send(()).unwrap();
    served.server.await.unwrap();
}

#[tokio::test]
async fn half_a_request_holds_the_lanes_end_up_for_a_moment_and_no_longer() {
    let served = Served::start().await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(b"POST /pin HTTP/1.1\r\nHost: ").await.unwrap();
    // Somebody else is answered, so the half has arrived before the end.
    assert!(served.get("/health", &served.host()).await.contains("200 OK"));
    served.shutdown.send(()).unwrap();
    let ended = tokio::time::timeout(LIMITS.drain + Duration::from_secs(20), served.server).await;
    ended.expect("the end waits for the other half").unwrap();
}

#[tokio::test]
async fn streams_are_bounded_and_counted() {
    let served = Served::start().await;
    assert!(served.get("/health", &served.host()).await.ends_with(r#"{"pages":0}"#));
    let request = format!("GET /events HTTP/1.1\r\n{}\r\n", served.host());
    let mut open = Vec::new();
    for _page in 0..STREAMS_MAX {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut lines = BufReader::new(stream).lines();
        next_screen(&mut lines).await;
        open.push(lines);
    }
    assert_eq!(status(&served.get("/events", &served.host()).await), "503");
    assert!(served.get("/health", &served.host()).await.ends_with(r#"{"pages":8}"#));
}

/// Whatever a page links or loads by an attribute.
fn linked(html: &str) -> Vec<&str> {
    let quoted = |attribute: &'static str| html.split(attribute).skip(1).map(|rest| &rest[..rest.find('"').unwrap()]);
    quoted(" href=\"").chain(quoted(" src=\"")).filter(|link| !link.starts_with('#')).collect()
}

#[tokio::test]
async fn the_page_is_served_under_the_policy_of_a_page() {
    let served = Served::start().await;
    let answer = served.get("/", &served.host()).await;
    assert_eq!(status(&answer), "200");
    let (head, html) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(kido_web::headers::PAGE_POLICY), "{head}");
    let head = head.to_lowercase();
    for header in ["text/html", "cache-control: no-store", "x-frame-options: deny", "nosniff", "permissions-policy:"] {
        assert!(head.contains(header), "{header}: {head}");
    }
    assert_eq!(head.matches("content-security-policy:").count(), 1, "{head}");
    for inline in [" style=", " onclick=", " onload=", "<style", "javascript:", "http://", "https://", "//cdn"] {
        assert!(!html.contains(inline), "{inline}");
    }
    assert!(html.contains("<script type=\"module\" src=") && !html.contains("<script>"));
}

#[tokio::test]
async fn every_file_that_the_page_links_is_served_and_kept() {
    let served = Served::start().await;
    let html = served.get("/", &served.host()).await;
    let links = linked(&html);
    assert_eq!(links.len(), 8, "{links:?}");
    for link in links {
        let answer = served.get(link, &served.host()).await;
        assert_eq!(status(&answer), "200", "{link}");
        let answer = answer.split_once("\r\n\r\n").unwrap().0.to_lowercase();
        assert!(answer.contains("immutable") && !answer.contains("no-store"), "{link}");
        let kind = match link.rsplit('.').next().unwrap() {
            "css" => "text/css",
            "js" => "text/javascript",
            _ => "image/svg+xml",
        };
        assert!(answer.contains(&format!("content-type: {kind}")), "{link}");
    }
    assert_eq!(status(&served.get("/assets/lane.css", &served.host()).await), "404");
}

#[tokio::test]
async fn the_page_has_the_picture_the_tone_and_the_colour_of_every_screen() {
    let served = Served::start().await;
    let html = served.get("/", &served.host()).await;
    let (tones, style) = (include_str!("page/tones.js"), include_str!("page/lane.css"));
    for screen in crate::screen::tests::every_screen() {
        served.display.show(&screen, NOW);
        let answer = served.get("/screen", &served.host()).await;
        let frame: serde_json::Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
        let look = |part: &str| frame["look"][part].as_str().unwrap().to_owned();
        assert!(html.contains(&format!("<svg data-picture=\"{}\"", look("picture"))), "{frame}");
        assert!(tones.contains(&format!("\n  {}: [", look("tone"))), "{frame}");
        let ground = look("ground");
        assert!(ground == "plain" || style.contains(&format!("[data-ground=\"{ground}\"] {{ --ink")), "{frame}");
    }
}

#[tokio::test]
async fn a_page_that_hears_nothing_says_that_the_lane_is_closed() {
    let served = Served::start().await;
    let html = served.get("/", &served.host()).await;
    assert!(html.contains("<html lang=\"ja\" data-screen=\"starting\" data-ground=\"fault\""), "{html}");
    assert!(html.contains("data-alive=\"5000\""), "{html}");
    for sentence in ["このレーンは 使えません", "This lane is closed"] {
        assert!(html.contains(sentence), "{sentence}");
    }
}

#[tokio::test]
async fn the_page_may_be_visited_by_a_link_but_nothing_else_may() {
    let served = Served::start().await;
    let link = format!("{}Sec-Fetch-Site: same-site\r\nSec-Fetch-Dest: document\r\n", served.host());
    assert_eq!(status(&served.get("/", &link).await), "200");
    assert_eq!(status(&served.get("/screen", &link).await), "403");
    let frame = format!("{}Sec-Fetch-Site: same-site\r\nSec-Fetch-Dest: iframe\r\n", served.host());
    assert_eq!(status(&served.get("/", &frame).await), "403");
    let other = format!("Host: rebound.example:{}\r\nSec-Fetch-Dest: document\r\n", served.address.port());
    assert_eq!(status(&served.get("/", &other).await), "421");
}

#[tokio::test]
async fn digits_are_taken_from_a_posted_body_and_from_nowhere_else() {
    let mut served = Served::start().await;
    served.ask_pin();
    for path in ["/pin", "/pin?screen=1&pin=1234", "/?screen=1&pin=1234", "/screen?pin=1234", "/events/1234"] {
        let answer = served.get(path, &served.host()).await;
        assert!(!answer.contains("1234"), "{path}: {answer}");
        assert!(matches!(status(&answer), "200" | "404" | "405"), "{path}: {answer}");
    }
    assert_eq!(status(&served.post_json("/pin?screen=1&pin=1234", "").await), "422");
    assert_eq!(status(&served.post_json("/pin", r#"{"screen":1,"pin":"1234"}"#).await), "204");
    assert!(matches!(served.typed.next().await, Some(Typed::Pin(_))));
    let pad = include_str!("page/pad.js");
    assert!(pad.contains("method: \"POST\"") && !pad.contains("localStorage") && !pad.contains("location"));
}
