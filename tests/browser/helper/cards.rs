//! Cards that are slow, taken away, in other hands, full, or not the one.

use anyhow::Context as _;
use kido_virtual_card::card::Fault;
use kido_virtual_card::character::Character;

use super::{HOME, Person};
use crate::chapter::Chapter;

/// A signature that takes longer than anybody looks, in milliseconds.
const LONG: u64 = 60_000;

impl Person<'_> {
    pub(super) async fn brings_cards(&mut self, chapter: &mut Chapter) {
        chapter
            .step("a card that is being read, until it is taken away", async {
                let link = self.link("GOOD")?;
                let (page, _before) = self.opens(self.helper(), Some(&link)).await?;
                self.moment("put-card").await?;
                self.venue.control()?.insert(HOME, Character::Endless, Vec::new())?;
                self.sees("reading").await?;
                self.venue.control()?.remove(HOME)?;
                self.sees("card-left").await?;
                self.leaves(page).await
            })
            .await;
        chapter
            .step("a card that signs for long, until it is taken away", async {
                let link = self.link("GOOD")?;
                let (page, _before) = self.opens(self.helper(), Some(&link)).await?;
                self.moment("put-card").await?;
                self.venue.control()?.insert(HOME, Character::Crowd(3), vec![Fault::SlowSignature(LONG)])?;
                self.types_pin().await?;
                self.sees("signing").await?;
                self.venue.control()?.remove(HOME)?;
                self.moment("card-left").await?;
                self.leaves(page).await
            })
            .await;
        chapter
            .step("a card that another program has", async {
                let (good, first) = (self.link("GOOD")?, self.link("FIRST")?);
                let (other, _before) = self.opens(self.helper(), Some(&first)).await?;
                self.moment("put-card").await?;
                self.venue.control()?.insert(HOME, self.card, Vec::new())?;
                self.moment("pin").await?;
                let met = self.meets(self.helper(), Some(&good), "card-in-use").await;
                self.visitor.browser.to_newest_tab().await?;
                self.leaves(other).await?;
                met
            })
            .await;
        self.brings_other_cards(chapter).await;
    }

    async fn brings_other_cards(&mut self, chapter: &mut Chapter) {
        chapter
            .step("another card than the registered one", async {
                let run = self.venue.register(self.card, &self.link("LATE")?).await?;
                let link = run.holder_link().with_context(|| run.answer.to_string())?.to_owned();
                let (page, _before) = self.opens(self.helper(), Some(&link)).await?;
                self.moment("which").await?;
                self.visitor.browser.press("button[value='show']").await?;
                self.moment("put-card").await?;
                self.venue.control()?.insert(HOME, Character::Stranger, Vec::new())?;
                self.types_pin().await?;
                self.sees("other-card").await?;
                self.leaves(page).await
            })
            .await;
        chapter
            .step("a card that has as many tickets as it may", async {
                let link = self.link("FULL")?;
                let (page, _before) = self.opens(self.helper(), Some(&link)).await?;
                self.moment("put-card").await?;
                self.venue.control()?.insert(HOME, self.card, Vec::new())?;
                self.types_pin().await?;
                self.sees("card-full").await?;
                self.leaves(page).await
            })
            .await;
    }
}
