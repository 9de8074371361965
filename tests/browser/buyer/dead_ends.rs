//! Links that open nothing any more, the card as a way in of its own, and tickets that come to an end.

use anyhow::Context as _;
use kido_virtual_card::character::Character;
use kido_virtual_card::planted::PIN;

use super::{Buyer, HOME};
use crate::chapter::Chapter;

impl Buyer<'_> {
    /// What can still be seen when a link is out of date: the card is a way in of its own.
    pub(super) async fn opens_by_card(&mut self, chapter: &mut Chapter, card: Character) {
        chapter
            .step("without a link: the command that the page gives opens the ticket by the card", async {
                let link = self.holder_link.clone();
                self.visitor.browser.go(&link).await?;
                self.visitor.browser.press("#by-card summary").await?;
                self.visitor.looks("t-by-card").await?;
                let command = self.visitor.browser.text("#by-card .command").await?;
                let told: Vec<&str> = command.split_whitespace().collect();
                anyhow::ensure!(told.first() == Some(&"kido-card"), "{command}");
                let asked = ["--pin-stdin", "--yes-host", "127.0.0.1"];
                let arguments: Vec<&str> = told.into_iter().skip(1).chain(asked).collect();
                self.venue.control()?.insert(HOME, card, Vec::new())?;
                let run = self.venue.helper(HOME).run(&arguments, &[PIN]).await;
                self.venue.control()?.remove(HOME)?;
                let run = run?;
                anyhow::ensure!(run.success, "{}", run.answer);
                let seats = run.answer.get("tickets").and_then(|tickets| tickets.as_array()).map_or(0, Vec::len);
                anyhow::ensure!(seats >= 1, "no ticket on the card: {}", run.answer);
                Ok(())
            })
            .await;
        chapter
            .step("an old link of the holder's says so, and how to go on", async {
                let (origin, link) = (self.venue.registrar.origin(), self.earlier_link.clone());
                anyhow::ensure!(link.contains("/t#"), "no earlier link");
                self.visitor.browser.go(&format!("{origin}/healthz")).await?;
                self.visitor.browser.go(&link).await?;
                self.visitor.browser.sees("#page[data-stamp='excuse-replaced'] h1").await?;
                self.visitor.browser.press("#by-card summary").await?;
                self.visitor.looks_expecting("t-replaced", &["the server responded with a status of 4"]).await
            })
            .await;
    }

    /// The certificate ends before the event: bound all the same, with a warning that says what renewing it means.
    pub(super) async fn has_a_card_that_ends(&mut self, chapter: &mut Chapter) {
        chapter
            .step("a certificate that ends before the event: a warning, here and on the ticket's page", async {
                let link = self.link(&format!("REG-ENDS-{}", self.language.to_uppercase()))?.to_owned();
                self.visitor.browser.go(&link).await?;
                self.page("register-waiting").await?;
                let run = self.venue.register(Character::EndsSoon, &link).await?;
                anyhow::ensure!(run.success, "{}", run.answer);
                self.page("register-bound").await?;
                self.visitor.browser.sees("#page > .band.elsewhere").await?;
                self.visitor.looks("r-bound-ends-soon").await?;
                let holders = run.holder_link().context("no holder's link")?.to_owned();
                self.visitor.browser.go(&holders).await?;
                self.visitor.browser.sees("#page > .band.elsewhere").await?;
                self.visitor.looks("t-ends-soon").await
            })
            .await;
    }

    /// What the holder's page, which is open, says when the shop takes the ticket back for good.
    pub(super) async fn loses_the_ticket(&mut self, chapter: &mut Chapter, event: &str) {
        chapter
            .step("a ticket that is cancelled says so on its own page by itself", async {
                let name = format!("REG-ENDS-{}", self.language.to_uppercase());
                self.venue.registrar.json(&["tickets", "cancel", event, &name]).await?;
                self.visitor.browser.sees("#page[data-stamp^='ticket-cancelled'] h1").await?;
                self.visitor.looks("t-cancelled").await
            })
            .await;
    }

    pub(super) async fn meets_dead_links(&mut self, chapter: &mut Chapter) {
        let origin = self.venue.registrar.origin();
        let own = format!("REG-{}", self.language.to_uppercase());
        let of = |name: &str| self.links.get(name).cloned().unwrap_or_default();
        let holders_code = self.holder_link.rsplit('#').next().unwrap_or_default().to_owned();
        let registration_code = of("REG-OTHER").rsplit('#').next().unwrap_or_default().to_owned();
        let dead = [
            ("r-is-holders", "is-holders", format!("{origin}/r#{holders_code}")),
            ("r-used", "used", of(&own)),
            ("r-cancelled", "cancelled", of("REG-CANCELLED")),
            ("r-replaced", "used", of("REG-REPLACED")),
            ("r-over", "over", of("REG-OVER")),
            ("r-unknown", "unknown", format!("{origin}/r#0000-0000-0000-0000-0000-0000-00")),
            ("r-broken", "incomplete", format!("{origin}/r#ABC")),
            ("t-is-registration", "is-registration", format!("{origin}/t#{registration_code}")),
            ("t-broken", "incomplete", format!("{origin}/t#ABC")),
        ];
        for (name, excuse, link) in dead {
            chapter
                .step(&format!("{name} says what to do"), async {
                    // Another page first: the same page with another code is not loaded anew.
                    self.visitor.browser.go(&format!("{origin}/healthz")).await?;
                    self.visitor.browser.go(&link).await?;
                    self.page(&format!("excuse-{excuse}")).await?;
                    self.visitor.looks_expecting(name, &["the server responded with a status of 4"]).await
                })
                .await;
        }
        for (name, path) in [("start", "/"), ("not-found", "/nothing"), ("t-opening", "/t"), ("r-opening", "/r")] {
            chapter
                .step(&format!("{name} without a link"), async {
                    self.visitor.browser.forget_cookies().await?;
                    self.visitor.browser.go(&format!("{origin}{path}?lang={}", self.language)).await?;
                    self.visitor.browser.sees("h1").await?;
                    self.visitor.looks_expecting(name, &["the server responded with a status of 404"]).await
                })
                .await;
        }
        chapter
            .step("a phone is told at once that it cannot register yet", async {
                self.visitor.browser.as_phone(true).await?;
                self.visitor.browser.go(&of("REG-PHONE")).await?;
                self.page("register-waiting").await?;
                self.visitor.browser.sees(".for-phone").await?;
                self.visitor.looks("r-phone").await?;
                self.visitor.browser.as_phone(false).await?;
                Ok(())
            })
            .await;
    }
}
