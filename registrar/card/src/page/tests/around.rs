//! A helper with its page, a registrar and a virtual card; and a browser that speaks byte by byte.

use std::cell::RefCell;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kido_shared::clock::ManualClock;
use kido_virtual_card::character::Character;
use kido_web::language::Language;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::host::KnownHosts;
use crate::link::Link;
use crate::news::Listener;
use crate::open::{self, Limits, Plan};
use crate::page::{Page, Stage};
use crate::problem::Problem;
use crate::reader::CardDesk;
use crate::session::Finished;
use crate::tests::around::{Behaviour, HOST, NOW, Scene, code};
use crate::words::Words;

/// Longer than any test.
pub(super) const LONG: Duration = Duration::from_secs(60);

pub(super) const fn limits(unopened: Duration, quiet: Duration, unanswered: Duration) -> Limits {
    Limits { unopened, quiet, unanswered }
}

/// A helper that has not begun, and then one that runs.
pub(super) struct Visit {
    pub(super) scene: Arc<Scene>,
    link: RefCell<Option<Option<Result<Link, Problem>>>>,
    known: bool,
    limits: Limits,
    page: RefCell<Option<(Page, Arc<Stage>)>>,
    address: String,
    running: RefCell<Option<JoinHandle<Result<Finished, Problem>>>>,
}

/// What is there when it has ended.
pub(super) struct Left {
    pub(super) finished: Result<Finished, Problem>,
    pub(super) scene: Arc<Scene>,
}

impl Visit {
    pub(super) async fn of(behaviour: Behaviour, character: Character) -> Self {
        let scene = Arc::new(Scene::new(behaviour, character).await);
        let link = Link::parse(&format!("{}/r#{}", scene.origin(), code().reveal().as_str())).unwrap();
        let stage = Stage::new();
        let words = Words::compiled_in(Language::En).unwrap().dictionary();
        let page = Page::bind(Arc::clone(&stage), words, &mut rand::thread_rng()).await.unwrap();
        let address = page.address().to_owned();
        Self {
            scene,
            link: RefCell::new(Some(Some(Ok(link)))),
            known: false,
            limits: limits(LONG, LONG, LONG),
            page: RefCell::new(Some((page, stage))),
            address,
            running: RefCell::new(None),
        }
    }

    pub(super) fn with_known_host(self) -> Self {
        Self { known: true, ..self }
    }

    pub(super) fn without_link(self) -> Self {
        Self { link: RefCell::new(Some(None)), ..self }
    }

    pub(super) fn with_link(self, link: Result<Link, Problem>) -> Self {
        Self { link: RefCell::new(Some(Some(link))), ..self }
    }

    pub(super) fn within(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    pub(super) fn address(&self) -> &str {
        self.begin();
        &self.address
    }

    /// Begins, once.
    pub(super) fn begin(&self) {
        let Some((page, stage)) = self.page.borrow_mut().take() else { return };
        let known = self.known_hosts();
        let plan = Plan::of(self.link.borrow_mut().take().unwrap(), known);
        let (scene, limits) = (Arc::clone(&self.scene), self.limits);
        *self.running.borrow_mut() = Some(tokio::spawn(async move {
            let clock = ManualClock::at(NOW);
            let listener: Arc<dyn Listener> = Arc::<Stage>::clone(&stage);
            let desk = CardDesk::open(Box::new(scene.reader()), listener).unwrap();
            let started = page.serve();
            let held = open::hold(plan, &stage, &desk, limits, &clock).await;
            desk.close().await;
            open::end(started, &stage, held.as_ref().map(drop)).await;
            held
        }));
    }

    fn known_hosts(&self) -> KnownHosts {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("registrars");
        if self.known {
            std::fs::write(&file, HOST).unwrap();
        }
        let known = KnownHosts::read(Some(file)).unwrap();
        drop(folder);
        known
    }

    /// The browser that was opened.
    pub(super) async fn browser(&self) -> Browser {
        let mut browser = Browser::at(self.address());
        let entered = browser.enter().await;
        assert!(entered.starts_with("HTTP/1.1 204"), "{entered}");
        browser
    }

    pub(super) async fn ended(&self) -> Left {
        let running = self.running.borrow_mut().take().unwrap();
        Left { finished: running.await.unwrap(), scene: Arc::clone(&self.scene) }
    }
}

/// Whether a text has this word in it, not as a part of a longer one: ports and numbers are longer.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| part == word)
}

/// Everything that is logged on this thread, at every level.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(super) fn listen(&self) -> tracing::subscriber::DefaultGuard {
        let log = self.clone();
        let writer = move || log.clone();
        let lines = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(writer).finish();
        tracing::subscriber::set_default(lines)
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A browser, as far as the page can tell.
pub(super) struct Browser {
    host: String,
    path: String,
    secret: String,
    cookie: String,
    seen: u64,
    received: RefCell<String>,
}

impl Browser {
    pub(super) fn at(address: &str) -> Self {
        let (place, secret) = address.split_once('#').unwrap();
        let (host, path) = place.strip_prefix("http://").unwrap().split_once('/').unwrap();
        Self {
            host: host.to_owned(),
            path: format!("/{path}"),
            secret: secret.to_owned(),
            cookie: String::new(),
            seen: 0,
            received: RefCell::default(),
        }
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn secret(&self) -> &str {
        &self.secret
    }

    /// The cookie's value.
    pub(super) fn cookie(&self) -> &str {
        self.cookie.trim_end().split_once('=').unwrap().1
    }

    /// Everything that the page has ever answered.
    pub(super) fn received(&self) -> String {
        self.received.borrow().clone()
    }

    pub(super) async fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.host).await.unwrap();
        let length = body.len();
        let request = format!(
            "{method} {}{path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}{}\r\n{body}",
            self.path, self.cookie
        );
        // A server that has refused by the head alone need not read the rest.
        stream.write_all(request.as_bytes()).await.ok();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.ok();
        let answer = String::from_utf8(answer).unwrap();
        self.received.borrow_mut().push_str(&answer);
        answer
    }

    pub(super) async fn get(&self, path: &str) -> String {
        self.send("GET", path, &format!("Host: {}\r\nSec-Fetch-Site: same-origin\r\n", self.host), "").await
    }

    pub(super) async fn post(&self, path: &str, body: &str) -> String {
        let headers = format!(
            "Host: {0}\r\nOrigin: http://{0}\r\nSec-Fetch-Site: same-origin\r\nContent-Type: application/json\r\n",
            self.host
        );
        self.send("POST", path, &headers, body).await
    }

    /// Exchanges the secret for the cookie.
    pub(super) async fn enter(&mut self) -> String {
        let answer = self.post("enter", &format!(r#"{{"secret":"{}"}}"#, self.secret)).await;
        if let Some(cookie) = answer.lines().find_map(|line| line.strip_prefix("set-cookie: kido_card")) {
            self.cookie = format!("Cookie: kido_card{}\r\n", cookie.split(';').next().unwrap());
        }
        answer
    }

    /// Follows the page until this scene.
    pub(super) async fn until(&mut self, scene: &str) -> Value {
        let follow = async {
            let mut passed = Vec::new();
            loop {
                let answer = self.get(&format!("view?after={}&lang=en", self.seen)).await;
                assert!(answer.starts_with("HTTP/1.1 200"), "on the way to {scene}, after {passed:?}: {answer}");
                let view: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
                self.seen = view["number"].as_u64().unwrap();
                if view["scene"] == scene {
                    return view;
                }
                assert_eq!(view["over"], false, "on the way to {scene}, after {passed:?}: {view}");
                passed.push(view["scene"].to_string());
            }
        };
        tokio::time::timeout(Duration::from_secs(30), follow).await.unwrap()
    }

    /// Answers what a moment asks.
    pub(super) async fn answer(&self, view: &Value, answer: &str) {
        let body = serde_json::json!({ "moment": view["number"], "answer": answer }).to_string();
        let answered = self.post("answer", &body).await;
        assert!(answered.starts_with("HTTP/1.1 204"), "{answered}");
    }

    pub(super) async fn stop(&self) {
        assert!(self.post("stop", "{}").await.starts_with("HTTP/1.1 204"));
    }

    pub(super) async fn is_gone(&self) -> bool {
        TcpStream::connect(&self.host).await.is_err()
    }
}
