//! The demo's desk: cards go into the readers and out again by its page alone.

use anyhow::Context as _;
use kido_tests::browser::PAGE;
use kido_tests::desk::{Desk, Signpost};
use kido_tests::harness::Venue;
use kido_virtual_card::character::Character;

use crate::chapter::Chapter;
use crate::visit::Visitor;

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_desk_moves_cards() -> anyhow::Result<()> {
    let Some(mut chapter) = Chapter::open("desk")? else { return Ok(()) };
    let venue = Venue::open(chapter.folder()).await?;
    let sign = |name, address: &str| Signpost { name, address: address.to_owned() };
    let signs = ["buyer", "holder", "gate"].map(|name| sign(name, "http://127.0.0.1:9/"));
    let desk = Desk::open(&venue, signs.to_vec()).await?;
    for language in ["ja", "en"] {
        let mut visitor = Visitor::comes(chapter.folder(), language, PAGE).await?;
        chapter
            .step(
                &format!("{language}: the holder's card goes into the tray, then into the reader at home, and out"),
                async {
                    visitor.browser.go(&desk.address()).await?;
                    visitor.browser.press("[data-put='holder:tray']").await?;
                    visitor.browser.sees("[data-reader='tray'][data-holds='holder']").await?;
                    lies_in(&venue, Some(0))?;
                    visitor.looks("desk-tray").await?;
                    visitor.browser.press("[data-put='holder:home']").await?;
                    visitor.browser.sees("[data-reader='home'][data-holds='holder']").await?;
                    lies_in(&venue, Some(1))?;
                    visitor.browser.press("[data-take='home']").await?;
                    visitor.browser.sees("[data-reader='home'][data-holds='']").await?;
                    lies_in(&venue, None)
                },
            )
            .await;
        chapter
            .step("the card helper opens from it", async {
                visitor.browser.press("[data-open-helper]").await?;
                visitor.browser.sees("a[data-helper]").await?;
                visitor.looks("desk-helper").await?;
                let address = visitor.browser.ask("return document.querySelector('a[data-helper]').href").await?;
                visitor.browser.go(address.as_str().context("no address")?).await?;
                visitor.browser.sees("#moment[data-scene='link'] h1").await?;
                Ok(())
            })
            .await;
        chapter
            .step("the desk keeps nobody out", async {
                visitor.leaves(&[Character::Holder], "").await.map(|_traffic| ())
            })
            .await;
    }
    chapter.end()
}

fn lies_in(venue: &Venue, slot: Option<u8>) -> anyhow::Result<()> {
    let cards = venue.control()?.cards()?;
    let found = cards.iter().find(|state| state.card == Character::Holder).and_then(|state| state.slot);
    anyhow::ensure!(found == slot, "the card lies in {found:?}");
    Ok(())
}
