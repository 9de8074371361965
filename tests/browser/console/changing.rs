//! An event that is there is changed: as it is, while somebody else changes it, and so that more people get in.

use super::{Operator, REFUSAL};
use crate::chapter::Chapter;

/// More tickets on a card than before: gates would let in people whom they refuse now.
const LOOSER: &str = "9";

impl Operator<'_> {
    pub(super) async fn changes_the_event(&mut self, chapter: &mut Chapter) {
        chapter
            .step("an event is changed", async {
                self.opens_the_form().await?;
                self.looks("event-change").await?;
                self.saves().await?;
                self.is_saved().await
            })
            .await;
        chapter
            .step("somebody else has changed it meanwhile: both are told apart, and nothing is undone", async {
                self.opens_the_form().await?;
                let name = if self.language == "ja" { "木戸の 夜" } else { "A night at Kido" };
                self.venue.registrar.json(&["event", "update", &self.event, "--name", name]).await?;
                self.more_choices().await?;
                self.fill("#replica_minutes", "60").await?;
                self.saves().await?;
                self.sees("main[data-page='console-event-meanwhile'] #meanwhile").await?;
                self.looks_expecting("event-meanwhile", &REFUSAL).await?;
                let kept = "return ['#name', '#replica_minutes'].map((id) => document.querySelector(id).value).join()";
                let kept = self.ask(kept).await?;
                anyhow::ensure!(kept == format!("{name},60"), "{kept}");
                self.saves().await?;
                self.is_saved().await
            })
            .await;
        chapter
            .step("an event in use becomes looser only after its question", async {
                self.opens_the_form().await?;
                self.more_choices().await?;
                self.fill("#tickets_per_card", LOOSER).await?;
                self.saves().await?;
                self.sees("main[data-page='console-event-loosen'] button.hurts").await?;
                self.looks("event-loosen").await?;
                self.press("main a.button[href$='/change']").await?;
                self.sees("main[data-page='console-event-change'] #name").await?;
                let unchanged = self.ask("return document.querySelector('#tickets_per_card').value").await?;
                anyhow::ensure!(unchanged != LOOSER, "it was saved unasked");
                self.more_choices().await?;
                self.fill("#tickets_per_card", LOOSER).await?;
                self.saves().await?;
                self.press("main button.hurts").await?;
                self.is_saved().await
            })
            .await;
    }

    async fn opens_the_form(&mut self) -> anyhow::Result<()> {
        let change = self.of_event("/change");
        self.go(&change).await?;
        self.sees("#name").await
    }

    async fn more_choices(&self) -> anyhow::Result<()> {
        self.press("main details > summary").await?;
        self.sees("#tickets_per_card").await
    }

    async fn saves(&self) -> anyhow::Result<()> {
        self.press("main form button.first").await
    }

    async fn is_saved(&self) -> anyhow::Result<()> {
        Ok(self.visitor.browser.wait("the event", "location.pathname.split('/').length === 4").await?)
    }
}
