//! The demo's desk: its steps move the cards, hand the helper its link, and lead to every page.

use anyhow::Context as _;
use kido_tests::browser::PAGE;
use kido_tests::desk::{Desk, DeskCard, Tour};
use kido_tests::harness::{EventOptions, TicketRow, Venue};
use kido_virtual_card::character::Character;

use crate::chapter::Chapter;
use crate::visit::Visitor;

/// What nobody on the desk may read: the shop's name for the visitor's ticket. The holder's stands where the visitor is the
/// operator, who looks tickets up by nothing else.
const REFERENCE: &str = "TOUR-VISITOR";

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_desk_leads_through_the_tour() -> anyhow::Result<()> {
    let Some(mut chapter) = Chapter::open("desk")? else { return Ok(()) };
    let venue = Venue::open(chapter.folder()).await?;
    let desk = Desk::open(&venue, tour(&venue).await?).await?;
    for language in ["ja", "en"] {
        let mut visitor = Visitor::comes(chapter.folder(), language, PAGE).await?;
        chapter
            .step(&format!("{language}: every step is there, in its order, and leads to its page"), async {
                visitor.browser.go(&desk.address()).await?;
                let script = "return [...document.querySelectorAll('[data-step]')].map((e) => e.dataset.step).join()";
                let steps = visitor.browser.ask(script).await?;
                anyhow::ensure!(steps == "lane,holder,again,copy,stranger,locked,register,ticket,console", "{steps}");
                for page in ["lane", "register", "ticket", "console"] {
                    visitor.browser.sees(&format!("a[data-page='{page}'][href^='http://127.0.0.1:']")).await?;
                }
                visitor.looks("desk").await
            })
            .await;
        chapter.step("a card goes into the tray, out, and into the reader at home", moves(&venue, &mut visitor)).await;
        chapter
            .step("the card helper opens with the ticket's link", async {
                visitor.browser.press("[data-open-helper='register']").await?;
                visitor.browser.sees("#step-register a[data-helper]").await?;
                visitor.looks("desk-helper").await?;
                let address = visitor.browser.ask("return document.querySelector('a[data-helper]').href").await?;
                visitor.browser.go(address.as_str().context("no address")?).await?;
                visitor.browser.sees("#moment[data-scene='host'] h1").await?;
                Ok(())
            })
            .await;
        chapter
            .step("the desk keeps nobody out and names the visitor's ticket by its seat alone", async {
                visitor.leaves(&[Character::Holder], REFERENCE).await.map(|_traffic| ())
            })
            .await;
    }
    chapter.end()
}

/// The tour of a venue without a gate: nobody taps here.
async fn tour(venue: &Venue) -> anyhow::Result<Tour> {
    let event = venue.registrar.rehearsal(&EventOptions::default()).await?;
    let row = TicketRow { seat_label: "2階 3列 15番".to_owned(), ..TicketRow::open_now("TOUR-VISITOR") };
    let links = venue.registrar.import(&event, &[row], false).await?;
    let origin = venue.registrar.origin();
    Ok(Tour {
        lane: "http://127.0.0.1:9/".to_owned(),
        registration: links.get("TOUR-VISITOR").context("no link")?.clone(),
        visitors_seat: "2階 3列 15番",
        ticket: format!("{origin}/t"),
        holders_seat: "1階 7列 12番",
        console: format!("{origin}/console"),
        token_file: venue.registrar.token_file(),
    })
}

async fn moves(venue: &Venue, visitor: &mut Visitor) -> anyhow::Result<()> {
    visitor.browser.press("[data-put='holder:tray']").await?;
    visitor.browser.sees("[data-reader='tray'][data-holds='holder']").await?;
    lies_in(venue, DeskCard::Holder, Some(0))?;
    let address = visitor.browser.ask("return location.hash").await?;
    anyhow::ensure!(address == "#step-holder", "the page is back at {address}");
    visitor.looks("desk-tray").await?;
    // The tray is not free for another card until this one is taken.
    anyhow::ensure!(!visitor.browser.shows("[data-put='copy:tray']").await?, "two cards in one tray");
    visitor.browser.press("[data-step-take='copy:tray']").await?;
    visitor.browser.sees("[data-reader='tray'][data-holds='']").await?;
    lies_in(venue, DeskCard::Holder, None)?;
    visitor.browser.press("[data-put='register:home']").await?;
    visitor.browser.sees("[data-reader='home'][data-holds='buyer']").await?;
    lies_in(venue, DeskCard::Buyer, Some(1))?;
    visitor.browser.press("[data-take='home']").await?;
    visitor.browser.sees("[data-reader='home'][data-holds='']").await?;
    lies_in(venue, DeskCard::Buyer, None)
}

fn lies_in(venue: &Venue, card: DeskCard, slot: Option<u8>) -> anyhow::Result<()> {
    let cards = venue.control()?.cards()?;
    let found = cards.iter().find(|state| state.card == card.character()).and_then(|state| state.slot);
    anyhow::ensure!(found == slot, "the card lies in {found:?}");
    Ok(())
}
