//! Registrars that are slow, away, full, newer, started anew, or none.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use rustix::process::{Signal, kill_process};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use anyhow::Context as _;
use kido_virtual_card::character::Character;

use super::{HOME, Person};
use crate::chapter::Chapter;

/// How long the helper waits for an answer, and some.
const ANSWERS_WITHIN: Duration = Duration::from_secs(60);

/// What stands where a registrar should: a page, a registrar that is full, one of a later version. The first cannot be
/// had from a registrar; the second takes sixty-five thousand open dialogues; the third is not written yet.
const OTHERS: [(&str, &str, StatusCode, &str); 3] = [
    ("odd-registrar", "text/html", StatusCode::OK, "<p>Welcome</p>"),
    (
        "busy",
        "application/problem+json",
        StatusCode::SERVICE_UNAVAILABLE,
        r#"{"type":"about:blank","title":"Too many dialogues are open","status":503,"detail":"Too many dialogues are open","code":"too_many_sessions"}"#,
    ),
    (
        "registrar-says",
        "application/problem+json",
        StatusCode::CONFLICT,
        r#"{"type":"about:blank","title":"Not here","status":409,"detail":"This ticket is registered at the venue","code":"at_the_venue"}"#,
    ),
];

/// Somebody who answers every request alike.
struct StandIn {
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl StandIn {
    async fn open((kind, status, body): (&'static str, StatusCode, &'static str)) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let router = Router::new().fallback(move || async move { (status, [(CONTENT_TYPE, kind)], body) });
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.ok();
        });
        Ok(Self { address, server })
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Person<'_> {
    pub(super) async fn meets_registrars(&mut self, chapter: &mut Chapter) {
        for (scene, kind, status, body) in OTHERS {
            chapter
                .step(&format!("no registrar of ours answers: {scene}"), async {
                    let other = StandIn::open((kind, status, body)).await?;
                    let link = format!("http://{}/r#0000-0000-0000-0000-0000-0000-00", other.address);
                    self.meets(self.helper(), Some(&link), scene).await
                })
                .await;
        }
        chapter
            .step("a registrar that does not answer: asked, and then said", async {
                let link = self.link("GOOD")?;
                self.freezes(true)?;
                let waited = self.waits_in_vain(&link).await;
                self.freezes(false)?;
                waited
            })
            .await;
        chapter
            .step("a registrar that is away, and comes back: the same page goes on", async {
                let link = self.link("GOOD")?;
                self.venue.registrar.stop().await?;
                let (page, _before) = self.opens(self.helper(), Some(&link)).await?;
                self.sees("unreachable").await?;
                self.venue.registrar.start().await?;
                self.sends().await?;
                self.moment("put-card").await?;
                self.leaves(page).await
            })
            .await;
        self.sends_late(chapter).await;
    }

    async fn waits_in_vain(&mut self, link: &str) -> anyhow::Result<()> {
        let (page, _before) = self.opens(self.helper(), Some(link)).await?;
        self.sees("asking").await?;
        let said = "document.querySelector(\"#moment[data-scene='timed-out']\")";
        self.visitor.browser.wait_within("the helper to give up", said, ANSWERS_WITHIN).await?;
        self.sees("timed-out").await?;
        self.leaves(page).await
    }

    /// The proof is on its way: to a registrar that has forgotten the dialogue, and to one that takes its time.
    async fn sends_late(&mut self, chapter: &mut Chapter) {
        chapter
            .step("a registrar that was started anew has forgotten the dialogue, not the ticket", async {
                let link = self.link("SLOW")?;
                let (page, _before) = self.opens(self.helper(), Some(&link)).await?;
                self.moment("put-card").await?;
                self.venue.control()?.insert(HOME, self.other_card(), Vec::new())?;
                self.moment("pin").await?;
                self.venue.registrar.stop().await?;
                self.venue.registrar.start().await?;
                self.types_pin().await?;
                self.sees("expired").await?;
                self.sends().await?;
                self.moment("pin").await?;
                self.freezes(true)?;
                let sent = async {
                    self.types_pin().await?;
                    self.sees("sending").await
                };
                let sent = sent.await;
                self.freezes(false)?;
                sent?;
                self.moment("bound").await?;
                self.keeps_the_link().await?;
                self.leaves(page).await
            })
            .await;
    }

    /// A card with places left: one for each language.
    fn other_card(&self) -> Character {
        Character::Crowd(if self.language == "ja" { 1 } else { 2 })
    }

    /// Stops the registrar's process where it stands, or lets it go on.
    fn freezes(&self, frozen: bool) -> anyhow::Result<()> {
        let pid = self.venue.registrar.pid().context("no registrar")?;
        kill_process(pid, if frozen { Signal::STOP } else { Signal::CONT })?;
        Ok(())
    }

    /// Copies and prints the holder's link, as the page asks for.
    async fn keeps_the_link(&self) -> anyhow::Result<()> {
        let shown = self.visitor.browser.text("#holder-link").await?.trim().to_owned();
        let origin = self.visitor.browser.ask("return location.origin").await?;
        self.visitor.browser.may_copy(origin.as_str().unwrap_or_default()).await?;
        self.visitor.browser.press("#copy").await?;
        self.visitor.browser.sees("#copied").await?;
        let copied = self.visitor.browser.takes_copied().await?;
        anyhow::ensure!(copied == shown && shown.contains("/t#"), "another text was copied");
        self.visitor.browser.watch_printing().await?;
        self.visitor.browser.press("#print").await?;
        anyhow::ensure!(self.visitor.browser.asked_to_print().await? == 1, "the button prints nothing");
        let paper = self.visitor.browser.print(&format!("helper-bound.{}", self.language)).await?;
        anyhow::ensure!(paper.sheets == 1, "{paper:?}");
        Ok(())
    }
}
