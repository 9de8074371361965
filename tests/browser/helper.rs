//! The card helper's page on a computer, with a reader or before a registrar that does not do as it should: each says
//! what happened and what to do.

mod cards;
mod links;
mod registrar;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context as _;
use kido_tests::browser::{PAGE, Tab};
use kido_tests::harness::{CardHelper, EventOptions, HelperPage, TicketRow, Venue};
use kido_virtual_card::character::Character;
use kido_virtual_card::planted::PIN;
use kido_virtual_card::stack::PrivateStack;

use crate::chapter::Chapter;
use crate::states::By;
use crate::visit::Visitor;

/// The buyer's reader.
const HOME: u8 = 1;

/// How long a helper waits for an answer or a card where a test waits for its patience to end, in seconds.
const PATIENCE: &str = "12";

/// Tickets of each language.
const NAMES: [&str; 8] = ["GOOD", "SLOW", "USED", "DEAD", "FULL", "FIRST", "LATE", "CHANGED"];

#[tokio::test(flavor = "multi_thread")]
async fn the_card_helper_says_what_stands_in_the_way() -> anyhow::Result<()> {
    let Some(mut chapter) = Chapter::open("helper")? else { return Ok(()) };
    let mut venue = Venue::open(chapter.folder()).await?;
    // Another computer's service, which runs and has no reader.
    let no_reader = PrivateStack::start_with(&venue.programs().virtual_card(), &chapter.folder().join("bare"), 0)?;
    let event = venue.registrar.rehearsal(&EventOptions { tickets_per_card: 3, ..EventOptions::default() }).await?;
    for (language, card) in [("ja", Character::Holder), ("en", Character::SecondHolder)] {
        let visitor = Visitor::comes(chapter.folder(), language, PAGE).await?;
        let registrars = chapter.folder().join(format!("registrars-{language}.txt"));
        let links = BTreeMap::new();
        let mut person = Person {
            venue: &mut venue,
            event: &event,
            card,
            visitor,
            language,
            registrars,
            links,
            holders: String::new(),
        };
        person.buys().await?;
        person.names_the_host(&mut chapter).await;
        person.brings_links(&mut chapter).await;
        person.has_a_computer(&mut chapter, no_reader.pcscd_socket()).await;
        person.brings_cards(&mut chapter).await;
        person.meets_registrars(&mut chapter).await;
        let visitor = person.visitor;
        chapter
            .step("every state was looked at, none keeps anybody out", async {
                visitor.has_walked(By::Helper)?;
                visitor.leaves(&[Character::Holder, Character::SecondHolder], "HELPER-").await.map(|_traffic| ())
            })
            .await;
    }
    chapter.end()
}

/// Somebody before the helper's page.
struct Person<'p> {
    venue: &'p mut Venue,
    event: &'p str,
    card: Character,
    visitor: Visitor,
    language: &'static str,
    /// The hosts that they have confirmed.
    registrars: PathBuf,
    links: BTreeMap<String, String>,
    /// The holder's link of the ticket that their card is registered for.
    holders: String,
}

impl Person<'_> {
    async fn buys(&mut self) -> anyhow::Result<()> {
        let rows = NAMES
            .map(|name| TicketRow {
                seat_label: "2階 7列 12番".to_owned(), ..TicketRow::open_now(&self.named(name))
            });
        self.links = self.venue.registrar.import(self.event, &rows, false).await?;
        // Two of the card's three places.
        for name in ["USED", "CHANGED"] {
            let run = self.venue.register(self.card, &self.link(name)?).await?;
            self.holders = run.holder_link().with_context(|| run.answer.to_string())?.to_owned();
        }
        self.venue.registrar.json(&["tickets", "cancel", self.event, &self.named("DEAD")]).await?;
        Ok(())
    }

    fn named(&self, name: &str) -> String {
        format!("HELPER-{name}-{}", self.language.to_uppercase())
    }

    fn link(&self, name: &str) -> anyhow::Result<String> {
        self.links.get(&self.named(name)).cloned().with_context(|| format!("no link for {name}"))
    }

    fn helper(&self) -> CardHelper {
        self.venue.helper(HOME).knowing(self.registrars.clone())
    }

    /// Opens a helper's page in a tab of its own; gives the tab before it.
    async fn opens(&mut self, helper: CardHelper, link: Option<&str>) -> anyhow::Result<(HelperPage, Tab)> {
        let page = helper.open(link).await?;
        let before = self.visitor.browser.new_tab(PAGE[0]).await?;
        self.visitor.browser.go(&page.address).await?;
        Ok((page, before))
    }

    /// Opens one with a link, waits for a moment, looks at it, and leaves.
    async fn meets(&mut self, helper: CardHelper, link: Option<&str>, scene: &str) -> anyhow::Result<()> {
        let (page, _before) = self.opens(helper, link).await?;
        let met = self.sees(scene).await;
        self.leaves(page).await?;
        met
    }

    /// Waits for a moment and looks at it.
    async fn sees(&mut self, scene: &str) -> anyhow::Result<()> {
        self.moment(scene).await?;
        self.visitor.looks(&format!("helper-{scene}")).await
    }

    /// Leaves a page behind, however far its helper is.
    async fn leaves(&mut self, page: HelperPage) -> anyhow::Result<()> {
        self.venue.control()?.remove(HOME)?;
        // A page that loses its helper in this very moment says so, and so does Chromium.
        self.visitor.browser.close_tab().await?;
        page.process.terminate().await?;
        Ok(())
    }

    async fn moment(&self, scene: &str) -> anyhow::Result<()> {
        Ok(self.visitor.browser.sees(&format!("#moment[data-scene='{scene}'] h1")).await?)
    }

    async fn sends(&self) -> anyhow::Result<()> {
        Ok(self.visitor.browser.press("#form button.first").await?)
    }

    async fn types_pin(&self) -> anyhow::Result<()> {
        self.moment("pin").await?;
        self.visitor.browser.fill("#field", PIN).await?;
        self.sends().await
    }

    /// A host that nobody has vouched for: another name is told apart, and nothing was sent.
    async fn names_the_host(&mut self, chapter: &mut Chapter) {
        chapter
            .step(
                &format!("{}: a host that nobody has vouched for, and another name than its own", self.language),
                async {
                    let link = self.link("GOOD")?;
                    let (page, _before) = self.opens(self.helper(), Some(&link)).await?;
                    self.sees("host").await?;
                    self.visitor.browser.fill("#field", "tickets.example").await?;
                    self.sends().await?;
                    self.sees("host-not-typed").await?;
                    self.sends().await?;
                    self.moment("host").await?;
                    self.visitor.browser.fill("#field", "127.0.0.1").await?;
                    self.sends().await?;
                    self.moment("put-card").await?;
                    self.leaves(page).await
                },
            )
            .await;
    }

    /// Computers without a reader, helpers whose patience ends, pages that are stopped or opened twice.
    async fn has_a_computer(&mut self, chapter: &mut Chapter, no_reader: PathBuf) {
        chapter
            .step("no reader at all: the page says what to plug in", async {
                let link = self.link("GOOD")?;
                self.meets(self.helper().at(no_reader), Some(&link), "no-reader").await
            })
            .await;
        chapter
            .step("no card comes, and then no answer", async {
                let link = self.link("GOOD")?;
                let (page, _before) = self.opens(self.helper().with(&["--patience", PATIENCE]), Some(&link)).await?;
                self.sees("no-card").await?;
                self.moment("unattended").await?;
                let looked = self.visitor.looks("helper-unattended").await;
                let status = page.process.ended().await?;
                anyhow::ensure!(!status.success(), "nothing was registered");
                self.visitor.browser.close_tab().await?;
                looked
            })
            .await;
        chapter
            .step("stopped by the person", async {
                let link = self.link("GOOD")?;
                let (page, _before) = self.opens(self.helper(), Some(&link)).await?;
                self.moment("put-card").await?;
                self.visitor.browser.press("#stop").await?;
                self.sees("stopped").await?;
                page.process.ended().await?;
                Ok(self.visitor.browser.close_tab().await?)
            })
            .await;
        chapter
            .step("its address is used twice: both are put out", async {
                let link = self.link("GOOD")?;
                let (page, before) = self.opens(self.helper(), Some(&link)).await?;
                self.moment("put-card").await?;
                let first = self.visitor.browser.new_tab(PAGE[0]).await?;
                self.visitor.browser.go(&page.address).await?;
                self.moment("taken").await?;
                self.visitor
                    .looks_expecting("helper-taken-second", &["the server responded with a status of 4"])
                    .await?;
                self.visitor.browser.back_to(&first).await?;
                self.moment("taken").await?;
                self.visitor.looks_expecting("helper-taken", &["the server responded with a status of 4"]).await?;
                page.process.ended().await?;
                for _tab in 0..2 {
                    self.visitor.browser.to_newest_tab().await?;
                    self.visitor.browser.close_tab().await?;
                }
                Ok(self.visitor.browser.back_to(&before).await?)
            })
            .await;
        chapter
            .step("a list of hosts that cannot be read", async {
                let folder = self.registrars.with_extension("folder");
                std::fs::create_dir_all(&folder)?;
                self.meets(self.venue.helper(HOME).knowing(folder), Some(&self.link("GOOD")?), "host-list").await
            })
            .await;
    }
}
