//! An operator with nothing but the console: from an empty registrar to a gate that admits, through an evening, to its
//! end; and everybody else who may look, or may not.

mod changing;
mod evening;
mod gates;
mod opening;
mod refusals;
mod roles;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use kido_shared::clock::{Clock as _, SystemClock};
use kido_tests::browser::PAGE;
use kido_tests::harness::{Gate, Venue};
use kido_tests::leak::LeakSearch;
use kido_virtual_card::character::Character;
use kido_virtual_card::planted::Marker;

use crate::chapter::Chapter;
use crate::states::By;
use crate::visit::Visitor;

/// From an empty registrar to the first admission, at most; what is looked at on the way is not counted.
const OPENING_WITHIN: Duration = Duration::from_secs(5 * 60);

/// How long a gate may take to follow what the registrar published, and a page to show what a gate reported.
const FOLLOWS_WITHIN: Duration = Duration::from_secs(60);

/// The slot of the operator's gate, and that of whoever registers a card; a second gate uses it afterwards.
const GATE: u8 = 0;
const HOME: u8 = 1;

/// The answer that Chromium tells of where a page is a refusal.
const REFUSAL: [&str; 1] = ["the server responded with a status of 4"];

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_runs_an_event_with_the_console_alone() -> anyhow::Result<()> {
    let Some(mut chapter) = Chapter::open("console")? else { return Ok(()) };
    let mut venue = Venue::open(chapter.folder()).await?;
    for language in ["ja", "en"] {
        let visitor = Visitor::comes(chapter.folder(), language, PAGE).await?;
        let downloads = chapter.folder().join(format!("downloads-{language}"));
        std::fs::create_dir_all(&downloads)?;
        visitor.browser.saves_in(&downloads).await?;
        visitor.browser.may_copy(&venue.registrar.origin()).await?;
        let mut operator = Operator {
            venue: &mut venue,
            visitor,
            language,
            downloads,
            looked: Duration::ZERO,
            event: String::new(),
            real: String::new(),
            codes: BTreeMap::new(),
            gate: None,
        };
        operator.opens(&mut chapter).await;
        // Without a gate that admits there is no evening.
        if operator.gate.is_some() {
            operator.answers_holders(&mut chapter).await;
            operator.watches_the_day(&mut chapter).await;
        }
        operator.is_refused(&mut chapter).await;
        operator.changes_the_event(&mut chapter).await;
        operator.shares_the_console(&mut chapter).await;
        Box::pin(operator.leaves(&mut chapter)).await?;
    }
    chapter.end()
}

/// Somebody who runs an event.
struct Operator<'o> {
    venue: &'o mut Venue,
    visitor: Visitor,
    language: &'static str,
    downloads: PathBuf,
    /// How long was spent looking, which no operator does.
    looked: Duration,
    event: String,
    /// The event that it rehearses.
    real: String,
    /// Links by reference, as the code file has them.
    codes: BTreeMap<String, String>,
    gate: Option<Gate>,
}

impl Operator<'_> {
    /// The reference of one of this language's tickets.
    fn ticket(&self, name: &str) -> String {
        format!("CONSOLE-{}-{name}", self.language.to_uppercase())
    }

    fn code(&self, name: &str) -> anyhow::Result<String> {
        let reference = self.ticket(name);
        self.codes.get(&reference).cloned().with_context(|| format!("no code for {reference}"))
    }

    /// The card that comes first, and the two that come later.
    fn cards(&self) -> [Character; 3] {
        match self.language {
            "ja" => [Character::Holder, Character::Crowd(1), Character::Crowd(2)],
            _ => [Character::SecondHolder, Character::Crowd(3), Character::Crowd(4)],
        }
    }

    fn entrance(&self) -> &'static str {
        if self.language == "ja" { "北口" } else { "North" }
    }

    fn address(&self, path: &str) -> String {
        format!("{}{path}", self.venue.registrar.origin())
    }

    /// An address of the event's.
    fn of_event(&self, path: &str) -> String {
        self.address(&format!("/console/events/{}{path}", self.event))
    }

    fn gate(&mut self) -> anyhow::Result<&mut Gate> {
        self.gate.as_mut().context("no gate")
    }

    async fn looks(&mut self, name: &str) -> anyhow::Result<()> {
        self.looks_expecting(name, &[]).await
    }

    async fn looks_expecting(&mut self, name: &str, expected: &[&str]) -> anyhow::Result<()> {
        let began = SystemClock.now();
        let looked = self.visitor.looks_expecting(&format!("console-{name}"), expected).await;
        self.looked += SystemClock.now().since(began);
        looked
    }

    async fn go(&mut self, address: &str) -> anyhow::Result<()> {
        Ok(self.visitor.browser.go(address).await?)
    }

    async fn press(&self, selector: &str) -> anyhow::Result<()> {
        Ok(self.visitor.browser.press(selector).await?)
    }

    async fn fill(&self, selector: &str, text: &str) -> anyhow::Result<()> {
        Ok(self.visitor.browser.fill(selector, text).await?)
    }

    async fn sees(&self, selector: &str) -> anyhow::Result<()> {
        Ok(self.visitor.browser.sees(selector).await?)
    }

    async fn text(&self, selector: &str) -> anyhow::Result<String> {
        Ok(self.visitor.browser.text(selector).await?.trim().to_owned())
    }

    async fn ask(&self, script: &str) -> anyhow::Result<serde_json::Value> {
        Ok(self.visitor.browser.ask(script).await?)
    }

    /// Goes to a part of the event by its tab.
    async fn to_tab(&self, part: &str) -> anyhow::Result<()> {
        self.press(&format!(".tabs a[href$='/{}{part}']", self.event)).await?;
        Ok(self.visitor.browser.wait(part, &format!("location.pathname.endsWith('{part}')")).await?)
    }

    /// Signs in with a token from a file of the registrar's.
    async fn signs_in(&self, token: &str) -> anyhow::Result<()> {
        self.sees("#token").await?;
        self.fill("#token", token).await?;
        self.press("main button.first").await?;
        self.sees(".tabs").await
    }

    fn operators_token(&self) -> anyhow::Result<String> {
        let path = self.venue.registrar.folder().join("operator.token");
        Ok(std::fs::read_to_string(&path)?.trim().to_owned())
    }

    /// Opens the question behind an action, looks at it where it has a name, and says yes.
    async fn confirms(&mut self, question: &str, name: &str) -> anyhow::Result<()> {
        self.press(&format!("{question} > summary")).await?;
        self.sees(&format!("{question} button.hurts")).await?;
        if !name.is_empty() {
            self.looks(name).await?;
        }
        self.press(&format!("{question} button.hurts")).await
    }

    async fn leaves(self, chapter: &mut Chapter) -> anyhow::Result<()> {
        let Self { visitor, gate, codes, .. } = self;
        if let Some(mut gate) = gate {
            gate.stop().await?;
        }
        let profile = visitor.browser.profile().to_owned();
        let cast = [Character::Holder, Character::SecondHolder, Character::Crowd(1), Character::Crowd(3)];
        chapter
            .step("no page keeps anybody out, nothing of a card stays in the browser", async {
                visitor.has_walked(By::Console)?;
                // References are the shop's own, and these are its eyes.
                visitor.leaves(&cast, "").await.map(|_traffic| ())
            })
            .await;
        chapter
            .step("no code stays in the browser", async {
                let codes = codes.values().filter_map(|link| link.rsplit('#').next());
                let codes: Vec<Marker> =
                    codes.map(|code| Marker { label: "code", bytes: code.as_bytes().to_vec() }).collect();
                anyhow::ensure!(!codes.is_empty(), "no code is known: the search proves nothing");
                let kept = LeakSearch::new(codes)?.search(&profile)?;
                anyhow::ensure!(kept.leaks.is_empty(), "{:#?}", kept.leaks);
                Ok(())
            })
            .await;
        Ok(())
    }
}
