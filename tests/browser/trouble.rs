//! A buyer whose registrar is pestered or gone; and tickets that are not paid, given back, or over.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use kido_tests::browser::PAGE;
use kido_tests::harness::{EventOptions, TicketRow, Venue};
use kido_virtual_card::character::Character;
use serde_json::json;

use crate::chapter::Chapter;
use crate::states::By;
use crate::visit::{GONE, Visitor};

/// What Chromium tells of an answer that is a refusal.
const REFUSAL: [&str; 1] = ["the server responded with a status of"];

/// A code that no ticket has.
const NOBODYS: &str = "0000-0000-0000-0000-0000-0000-00";

/// Wrong codes of one household in a minute, as many as are answered as such.
const WRONG_CODES: u64 = 10;

/// Minutes in which the wrong codes are shown: one may turn while they are.
const MINUTES: usize = 3;

/// How long a page may take to see what ends by the clock alone, or that another tab has gone on.
const SEES_WITHIN: Duration = Duration::from_secs(60);

/// From now on, for how long a ticket is good that is over at the end of its chapter, in seconds.
const SOON_OVER: i64 = 30;

#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_is_told_what_stands_in_the_way() -> anyhow::Result<()> {
    let Some(mut chapter) = Chapter::open("trouble")? else { return Ok(()) };
    let mut venue = Venue::open(chapter.folder()).await?;
    let event = venue.registrar.rehearsal(&EventOptions { tickets_per_card: 8, ..EventOptions::default() }).await?;
    let mut visitors = Vec::new();
    for (language, card) in [("ja", Character::Holder), ("en", Character::SecondHolder)] {
        let visitor = Visitor::comes(chapter.folder(), language, PAGE).await?;
        let links = BTreeMap::new();
        visitors.push(
            Guest { venue: &mut venue, event: &event, card, visitor, language, links }.stays(&mut chapter).await?,
        );
    }
    for visitor in visitors {
        chapter
            .step("every state was looked at, none keeps anybody out", async {
                visitor.has_walked(By::Trouble)?;
                visitor.leaves(&[Character::Holder, Character::SecondHolder], "TROUBLE-").await.map(|_traffic| ())
            })
            .await;
    }
    chapter.end()
}

/// Somebody with links.
struct Guest<'g> {
    venue: &'g mut Venue,
    event: &'g str,
    card: Character,
    visitor: Visitor,
    language: &'static str,
    links: BTreeMap<String, String>,
}

impl Guest<'_> {
    /// Meets everything that one person can meet.
    async fn stays(mut self, chapter: &mut Chapter) -> anyhow::Result<Visitor> {
        let over = self.buys().await?;
        self.guesses(chapter).await;
        self.opens_two_tickets(chapter).await;
        self.has_not_paid(chapter).await;
        self.waits_for_a_registrar_that_is_gone(chapter).await;
        self.comes_too_late(chapter, &over).await;
        Ok(self.visitor)
    }

    fn named(&self, name: &str) -> String {
        format!("TROUBLE-{name}-{}", self.language.to_uppercase())
    }

    fn link(&self, name: &str) -> anyhow::Result<String> {
        self.links.get(&self.named(name)).cloned().with_context(|| format!("no link for {name}"))
    }

    /// Buys tickets, and registers the one that is over soon; gives its holder's link.
    async fn buys(&mut self) -> anyhow::Result<String> {
        let seat = |name: &str| TicketRow { seat_label: "2階 7列 12番".to_owned(), ..TicketRow::open_now(name) };
        let mut rows = ["ONE", "OTHER"].map(|name| seat(&self.named(name))).to_vec();
        rows.push(TicketRow { until_s: SOON_OVER, ..seat(&self.named("SOON")) });
        self.links = self.venue.registrar.import(self.event, &rows, false).await?;
        let run = self.venue.register(self.card, &self.link("SOON")?).await?;
        let reserved = ["UNPAID", "RELEASED"].map(|name| seat(&self.named(name)));
        self.links.extend(self.venue.registrar.import(self.event, &reserved, true).await?);
        Ok(run.holder_link().with_context(|| run.answer.to_string())?.to_owned())
    }

    /// Opens a link in a tab that shows another page: the same page with another code is not loaded anew.
    async fn opens(&mut self, link: &str, stamp: &str) -> anyhow::Result<()> {
        let health = format!("{}/healthz", self.venue.registrar.origin());
        self.visitor.browser.go(&health).await?;
        self.visitor.browser.go(link).await?;
        self.page(stamp).await
    }

    async fn page(&self, stamp: &str) -> anyhow::Result<()> {
        Ok(self.visitor.browser.sees(&format!("#page[data-stamp^='{stamp}'] h1")).await?)
    }

    async fn guesses(&mut self, chapter: &mut Chapter) {
        chapter
            .step(
                &format!("{}: whoever guesses is told to wait, and opens a right link meanwhile", self.language),
                async {
                    let origin = self.venue.registrar.origin();
                    // As through a proxy on this machine: without one nobody has an address here.
                    let from = if self.language == "ja" { "192.0.2.7" } else { "192.0.2.8" };
                    self.comes_from(json!({ "X-Forwarded-For": from })).await?;
                    let mut waits = false;
                    for _minute in 0..MINUTES {
                        self.opens(&format!("{origin}/r"), "register-opening").await?;
                        self.shows_wrong_codes().await?;
                        self.visitor.browser.go(&format!("{origin}/healthz")).await?;
                        self.visitor.browser.go(&format!("{origin}/r#{NOBODYS}")).await?;
                        self.page("excuse-").await?;
                        waits = self.visitor.browser.shows("#page[data-stamp='excuse-too-many-tries']").await?;
                        if waits {
                            break;
                        }
                    }
                    anyhow::ensure!(waits, "a guesser goes on guessing");
                    self.visitor.looks_expecting("r-too-many-tries", &REFUSAL).await?;
                    self.opens(&self.link("ONE")?, "register-waiting").await?;
                    self.comes_from(json!({})).await?;
                    self.visitor.browser.go(&format!("{origin}/r/open")).await?;
                    self.page("error-not-understood").await?;
                    self.visitor.looks_expecting("not-understood", &REFUSAL).await
                },
            )
            .await;
    }

    async fn comes_from(&self, headers: serde_json::Value) -> anyhow::Result<()> {
        self.visitor.browser.devtools("Network.setExtraHTTPHeaders", json!({ "headers": headers })).await?;
        Ok(())
    }

    async fn shows_wrong_codes(&self) -> anyhow::Result<()> {
        let script = format!(
            "window.shown = 0; const headers = {{ 'Content-Type': 'application/json', Accept: 'text/html' }}; \
             for (let time = 0; time < {WRONG_CODES}; time += 1) {{ \
               fetch('/r/open', {{ method: 'POST', headers, body: JSON.stringify({{ code: '{NOBODYS}' }}) }}) \
                 .then(() => (window.shown += 1)); }}"
        );
        self.visitor.browser.ask(&script).await?;
        Ok(self.visitor.browser.wait("the answers", &format!("window.shown === {WRONG_CODES}")).await?)
    }

    /// Two tickets in two tabs of one browser: the tab that was first says so, and acts on neither.
    async fn opens_two_tickets(&mut self, chapter: &mut Chapter) {
        chapter
            .step("another tab opens another ticket: this one says so, and never turns into it", async {
                let (one, other) = (self.link("ONE")?, self.link("OTHER")?);
                self.opens(&one, "register-waiting").await?;
                let first = self.visitor.browser.new_tab(PAGE[0]).await?;
                self.opens(&other, "register-waiting").await?;
                self.visitor.browser.back_to(&first).await?;
                let other_tab = "document.querySelector(\"#page[data-stamp='excuse-other-tab']\")";
                self.visitor.browser.wait_within("the first tab to see it", other_tab, SEES_WITHIN).await?;
                self.visitor.looks_expecting("r-other-tab", &REFUSAL).await?;
                anyhow::ensure!(
                    !self.visitor.browser.shows("[data-do='open-helper']").await?,
                    "it still opens a helper"
                );
                self.visitor.browser.to_newest_tab().await?;
                self.page("register-waiting").await?;
                anyhow::ensure!(self.visitor.browser.shows("[data-do='open-helper']").await?, "the other tab is lost");
                Ok(self.visitor.browser.close_tab().await?)
            })
            .await;
    }

    async fn has_not_paid(&mut self, chapter: &mut Chapter) {
        chapter
            .step(
                "a reserved ticket: registered, not paid, and back with the shop, each said by the open page",
                async {
                    let unpaid = self.link("UNPAID")?;
                    self.opens(&unpaid, "register-waiting").await?;
                    let run = self.venue.register(self.card, &unpaid).await?;
                    let holders = run.holder_link().with_context(|| run.answer.to_string())?.to_owned();
                    self.page("register-bound").await?;
                    self.visitor.browser.sees("#page > .band.elsewhere").await?;
                    self.visitor.looks("r-bound-not-paid").await?;
                    self.opens(&holders, "ticket-not-paid").await?;
                    self.visitor.looks("t-not-paid").await?;
                    self.releases("UNPAID").await?;
                    self.page("ticket-returned").await?;
                    self.visitor.looks("t-returned").await?;
                    self.releases("RELEASED").await?;
                    let released = self.link("RELEASED")?;
                    self.opens(&released, "excuse-returned").await?;
                    self.visitor.looks_expecting("r-returned", &REFUSAL).await
                },
            )
            .await;
    }

    async fn releases(&self, name: &str) -> anyhow::Result<()> {
        self.venue.registrar.json(&["tickets", "release", self.event, &self.named(name)]).await?;
        Ok(())
    }

    async fn waits_for_a_registrar_that_is_gone(&mut self, chapter: &mut Chapter) {
        chapter
            .step("the registrar is gone while the page waits: it says so, and goes on by itself", async {
                let one = self.link("ONE")?;
                self.opens(&one, "register-waiting").await?;
                self.venue.registrar.stop().await?;
                self.visitor.browser.sees("#unreachable").await?;
                self.visitor.looks_expecting("r-unreachable", &GONE).await?;
                self.venue.registrar.start().await?;
                let goes_on = "document.getElementById('unreachable').hidden \
                    && document.querySelector(\"#page[data-stamp='register-waiting']\")";
                self.visitor.browser.wait("the page to go on", goes_on).await?;
                anyhow::ensure!(self.visitor.browser.shows("[data-do='open-helper']").await?, "without its link");
                let noise = [GONE.as_slice(), &REFUSAL].concat();
                self.visitor.holds_still("r-reachable", &noise).await
            })
            .await;
        chapter
            .step("a page that is loaded again after its end says how to go on", async {
                let origin = self.venue.registrar.origin();
                self.visitor.browser.go(&format!("{origin}/healthz")).await?;
                self.venue.registrar.stop().await?;
                self.venue.registrar.start().await?;
                self.visitor.browser.go(&format!("{origin}/r")).await?;
                self.page("excuse-page-over").await?;
                self.visitor.looks_expecting("r-page-over", &REFUSAL).await
            })
            .await;
    }

    async fn comes_too_late(&mut self, chapter: &mut Chapter, holders_link: &str) {
        chapter
            .step("a ticket whose time is over says so on its own page", async {
                let health = format!("{}/healthz", self.venue.registrar.origin());
                self.visitor.browser.go(&health).await?;
                self.visitor.browser.go(holders_link).await?;
                let over = "document.querySelector(\"#page[data-stamp^='ticket-over']\")";
                self.visitor.browser.wait_within("the end", over, SEES_WITHIN).await?;
                // A session of a registrar before this one: the page says that it is over, then opens the link.
                self.visitor.looks_expecting("t-over", &REFUSAL).await
            })
            .await;
    }
}
