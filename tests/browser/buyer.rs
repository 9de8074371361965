//! A buyer at home: from the link to a registered card, then lost and found; and every way in which it does not work.

mod dead_ends;
mod other_cards;

use std::collections::BTreeMap;

use anyhow::Context as _;
use kido_tests::browser::{PAGE, Tab, Traffic};
use kido_tests::harness::{EventOptions, HelperPage, TicketRow, Venue};
use kido_virtual_card::character::Character;
use kido_virtual_card::planted::PIN;

use crate::chapter::Chapter;
use crate::states::By;
use crate::visit::Visitor;

/// Actions besides the PIN from the link to a registered card, at most: the button, the browser's own question whether the
/// helper may open, the card. Whoever comes to this registrar for the first time types its name as well
/// (`shared/manual/decisions.md`).
const ACTIONS_MAX: usize = 3;

/// The buyer's reader.
const HOME: u8 = 1;

type Links = BTreeMap<String, String>;

#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_registers_loses_and_finds_a_card() -> anyhow::Result<()> {
    let Some(mut chapter) = Chapter::open("buyer")? else { return Ok(()) };
    let venue = Venue::open(chapter.folder()).await?;
    let event = venue.registrar.rehearsal(&EventOptions::default()).await?;
    let mut links = sell(&venue, &event).await?;
    // Beyond the last day of the certificates that end soon.
    let far = EventOptions { days_ahead: 600, ..EventOptions::default() };
    let far = venue.registrar.rehearsal(&far).await?;
    let rows = ["REG-ENDS-JA", "REG-ENDS-EN"].map(seated);
    links.extend(venue.registrar.import(&far, &rows, false).await?);
    for (language, card) in [("ja", Character::Holder), ("en", Character::SecondHolder)] {
        let visitor = Visitor::comes(chapter.folder(), language, PAGE).await?;
        let (holder_link, earlier_link) = (String::new(), String::new());
        let mut buyer = Buyer { venue: &venue, links: &links, visitor, language, holder_link, earlier_link };
        buyer.registers(&mut chapter, card).await;
        // Without a registered card there is nothing to lose.
        if !buyer.holder_link.is_empty() {
            buyer.loses_and_finds(&mut chapter, card).await;
            buyer.meets_dead_links(&mut chapter).await;
            buyer.opens_by_card(&mut chapter, card).await;
        }
        buyer.tries_other_cards(&mut chapter).await;
        buyer.tries_other_computers(&mut chapter).await;
        buyer.has_a_card_that_ends(&mut chapter).await;
        buyer.loses_the_ticket(&mut chapter, &far).await;
        let Buyer { visitor, holder_link, .. } = buyer;
        let cast = [Character::Holder, Character::SecondHolder, Character::Copy, Character::Expired];
        let mut traffic = Traffic::default();
        chapter
            .step("no page keeps anybody out, nothing of a card stays in the browser", async {
                visitor.has_walked(By::Buyer)?;
                traffic = visitor.leaves(&cast, "REG-").await?;
                Ok(())
            })
            .await;
        chapter
            .step("a code leaves its link in the body of a request and nowhere else", async {
                let name = format!("REG-{}", language.to_uppercase());
                for link in [links.get(&name).context("no link")?, &holder_link] {
                    code_stays_in_bodies(&traffic, link)?;
                }
                Ok(())
            })
            .await;
    }
    chapter.end()
}

/// A row whose seat label tells nothing of its reference.
fn seated(name: &str) -> TicketRow {
    TicketRow { seat_label: "2階 7列 12番".to_owned(), ..TicketRow::open_now(name) }
}

async fn sell(venue: &Venue, event: &str) -> anyhow::Result<Links> {
    let names = ["REG-JA", "REG-EN", "REG-CANCELLED", "REG-REPLACED", "REG-OTHER", "REG-PHONE"];
    let mut rows: Vec<TicketRow> = names.map(seated).to_vec();
    rows.push(TicketRow { from_s: -7_200, until_s: -3_600, ..seated("REG-OVER") });
    let links = venue.registrar.import(event, &rows, false).await?;
    venue.registrar.json(&["tickets", "cancel", event, "REG-CANCELLED"]).await?;
    venue.registrar.json(&["tickets", "reissue-code", event, "REG-REPLACED"]).await?;
    Ok(links)
}

/// Holds that the code of a link was in no address and in no header field.
fn code_stays_in_bodies(traffic: &Traffic, link: &str) -> anyhow::Result<()> {
    let (_, code) = link.split_once('#').context("no code")?;
    let sent = traffic.sent_with(code);
    anyhow::ensure!(!sent.is_empty(), "the code was never sent: the search proves nothing");
    anyhow::ensure!(sent.iter().all(|place| place.starts_with("POST") && place.ends_with("(body)")), "{sent:#?}");
    Ok(())
}

/// Somebody at home with a link, a card and a reader.
struct Buyer<'b> {
    venue: &'b Venue,
    links: &'b Links,
    visitor: Visitor,
    language: &'static str,
    holder_link: String,
    /// The holder's link before the newest one.
    earlier_link: String,
}

impl Buyer<'_> {
    fn link(&self, name: &str) -> anyhow::Result<&str> {
        self.links.get(name).map(String::as_str).with_context(|| format!("no link for {name}"))
    }

    async fn registers(&mut self, chapter: &mut Chapter, card: Character) {
        let name = format!("REG-{}", self.language.to_uppercase());
        let mut helper = None;
        let mut actions = 0;
        chapter
            .step(&format!("{}: the link opens: what will happen, what is read", self.language), async {
                let link = self.link(&name)?.to_owned();
                self.visitor.browser.go(&link).await?;
                self.page("register-waiting").await?;
                let address = self.visitor.browser.ask("return location.href").await?;
                anyhow::ensure!(!address.to_string().contains('#'), "the code still stands in the address");
                self.visitor.looks("r-waiting").await?;
                self.visitor.browser.press(".promise summary").await?;
                self.visitor.looks("r-what-is-read").await?;
                self.copies().await
            })
            .await;
        chapter
            .step("the card helper opens", async {
                self.visitor.browser.press("[data-do='open-helper']").await?;
                // The button; and the question that Chromium then asks, which no page and no test can answer.
                actions += 2;
                let link = self.link(&name)?.to_owned();
                helper = Some(self.opens_helper(Some(&link)).await?);
                Ok(())
            })
            .await;
        let Some((page, first)) = helper else { return };
        chapter
            .step("card, digits, registered: in at most three actions besides the PIN, the host's name once", async {
                let typed = self.confirms_host().await?;
                self.moment("put-card").await?;
                self.visitor.looks("helper-put-card").await?;
                self.visitor.browser.back_to(&first).await?;
                self.page("register-talking").await?;
                self.visitor.looks_expecting("r-talking", &["kido:"]).await?;
                self.visitor.browser.to_newest_tab().await?;
                self.venue.control()?.insert(HOME, card, Vec::new())?;
                actions += 1;
                self.types_pin(PIN, "helper-pin").await?;
                self.moment("bound").await?;
                self.visitor.looks("helper-bound").await?;
                self.venue.control()?.remove(HOME)?;
                self.holder_link = self.visitor.browser.text("#holder-link").await?.trim().to_owned();
                anyhow::ensure!(self.holder_link.contains("/t#"), "no holder's link");
                anyhow::ensure!(actions <= ACTIONS_MAX, "{actions} actions");
                println!("     {} actions besides the PIN, {typed} of them the host's name", actions + typed);
                Ok(())
            })
            .await;
        chapter
            .step("the first page has changed by itself", async {
                self.visitor.browser.back_to(&first).await?;
                self.page("register-bound").await?;
                self.visitor.looks("r-bound").await?;
                // Chromium's question about the scheme still stands over this tab, and nobody can answer it here.
                self.visitor.holds_still("r-bound", &["kido:"]).await?;
                self.visitor.browser.close_tab().await?;
                Ok(())
            })
            .await;
        chapter.step("the helper is gone after use", async { self.leaves_helper(page).await }).await;
    }

    async fn loses_and_finds(&mut self, chapter: &mut Chapter, card: Character) {
        chapter
            .step("the holder's page: state, entrance, window, history", async {
                let link = self.holder_link.clone();
                self.visitor.browser.go(&link).await?;
                self.visitor.browser.sees("[data-do='ask-lost']").await?;
                self.visitor.looks("t-ready").await?;
                self.visitor.browser.watch_printing().await?;
                self.visitor.browser.press("[data-do='print']").await?;
                anyhow::ensure!(self.visitor.browser.asked_to_print().await? == 1, "the button prints nothing");
                let paper = self.visitor.browser.print(&format!("t-ready.{}", self.language)).await?;
                anyhow::ensure!(paper.sheets == 1, "{paper:?}");
                Ok(())
            })
            .await;
        chapter
            .step("lost: asked once, then suspended", async {
                self.visitor.browser.press("[data-do='ask-lost']").await?;
                self.visitor.browser.sees("[data-do='lost']").await?;
                self.visitor.looks("t-ask-lost").await?;
                self.visitor.browser.press("[data-do='lost']").await?;
                self.visitor.browser.sees(".band.elsewhere h1").await?;
                self.visitor.browser.sees("[data-do='open-helper'].first").await?;
                self.visitor.looks("t-suspended").await
            })
            .await;
        for (which, moment) in [("resume", "resumed"), ("show", "shown")] {
            chapter
                .step(&format!("with the card itself: {which}"), async {
                    let link = self.holder_link.clone();
                    let (page, first) = self.opens_helper(Some(&link)).await?;
                    self.moment("which").await?;
                    self.visitor.looks("helper-which").await?;
                    self.visitor.browser.press(&format!("button[value='{which}']")).await?;
                    self.moment("put-card").await?;
                    self.venue.control()?.insert(HOME, card, Vec::new())?;
                    self.types_pin(PIN, &format!("helper-pin-{which}")).await?;
                    self.moment(moment).await?;
                    self.visitor.looks(&format!("helper-{moment}")).await?;
                    self.venue.control()?.remove(HOME)?;
                    // Whoever found the card may have read the old link with it: taking back gives a new one.
                    if self.visitor.browser.shows("#holder-link").await? {
                        let newest = self.visitor.browser.text("#holder-link").await?.trim().to_owned();
                        self.earlier_link = std::mem::replace(&mut self.holder_link, newest);
                    }
                    self.leaves_helper(page).await?;
                    self.visitor.browser.close_tab().await?;
                    self.visitor.browser.back_to(&first).await?;
                    self.visitor.browser.sees(".band.welcome h1").await?;
                    self.visitor.looks(&format!("t-{moment}")).await?;
                    let link = self.holder_link.clone();
                    self.visitor.browser.go(&link).await?;
                    self.visitor.browser.sees("[data-do='ask-lost']").await?;
                    Ok(())
                })
                .await;
        }
    }

    /// Takes link and command along, as somebody does whose browser knows no helper.
    async fn copies(&mut self) -> anyhow::Result<()> {
        self.visitor.browser.may_copy(&self.venue.registrar.origin()).await?;
        self.visitor.browser.press("#by-hand summary").await?;
        let name = format!("REG-{}", self.language.to_uppercase());
        for (button, text) in [("copy-command", "kido-card register"), ("copy-link", self.link(&name)?)] {
            self.visitor.browser.press(&format!("[data-do='{button}']")).await?;
            let told = format!(
                "(button => button.querySelector('.label').textContent === button.dataset.done)\
                 (document.querySelector(\"[data-do='{button}']\"))"
            );
            self.visitor.browser.wait("the button to say so", &told).await?;
            let copied = self.visitor.browser.takes_copied().await?;
            anyhow::ensure!(copied == text, "{button} copied another text");
        }
        self.visitor.looks("r-by-hand").await
    }

    /// Opens the helper's page in a tab of its own, as its link does; gives the tab that was there before.
    async fn opens_helper(&mut self, link: Option<&str>) -> anyhow::Result<(HelperPage, Tab)> {
        // A browser without the helper's scheme says so; here the helper is started by hand.
        self.visitor.holds_still("kido:", &["kido:"]).await?;
        let page = self.venue.helper(HOME).open(link).await?;
        let first = self.visitor.browser.new_tab(PAGE[0]).await?;
        self.visitor.browser.go(&page.address).await?;
        Ok((page, first))
    }

    /// Types the host's name where nobody has vouched for it yet; says how many actions that was.
    async fn confirms_host(&mut self) -> anyhow::Result<usize> {
        let either = "['host', 'put-card'].includes(document.querySelector('#moment').dataset.scene)";
        self.visitor.browser.wait("the host or the card to be asked for", either).await?;
        if !self.visitor.browser.shows("#moment[data-scene='host']").await? {
            return Ok(0);
        }
        self.visitor.looks("helper-host").await?;
        self.visitor.browser.fill("#field", "127.0.0.1").await?;
        self.sends().await?;
        Ok(1)
    }

    async fn types_pin(&mut self, pin: &str, name: &str) -> anyhow::Result<()> {
        self.moment("pin").await?;
        self.visitor.looks(name).await?;
        self.visitor.browser.fill("#field", pin).await?;
        self.sends().await
    }

    async fn sends(&self) -> anyhow::Result<()> {
        Ok(self.visitor.browser.press("#form button.first").await?)
    }

    async fn leaves_helper(&mut self, page: HelperPage) -> anyhow::Result<()> {
        self.visitor.browser.to_newest_tab().await?;
        self.visitor.browser.press("button[value='close']").await?;
        self.moment("closed").await?;
        self.visitor.looks("helper-closed").await?;
        let status = page.process.ended().await?;
        anyhow::ensure!(status.success(), "the helper ended with {status}");
        Ok(())
    }

    async fn page(&self, stamp: &str) -> anyhow::Result<()> {
        Ok(self.visitor.browser.sees(&format!("#page[data-stamp='{stamp}'] h1")).await?)
    }

    async fn moment(&self, scene: &str) -> anyhow::Result<()> {
        Ok(self.visitor.browser.sees(&format!("#moment[data-scene='{scene}'] h1")).await?)
    }
}
