//! The evening: holders ask for help, gates need somebody, one ticket enters twice.

use anyhow::Context as _;
use kido_tests::harness::Gate;
use kido_virtual_card::character::Character;
use kido_virtual_card::planted::PIN;

use super::{FOLLOWS_WITHIN, GATE, HOME, Operator, REFUSAL};
use crate::chapter::Chapter;

impl Operator<'_> {
    pub(super) async fn answers_holders(&mut self, chapter: &mut Chapter) {
        chapter
            .step("a ticket is found by the shop's reference, and its history has the admission", async {
                self.looks_up("NOBODYS-TICKET").await?;
                self.sees(".band.elsewhere[role='alert']").await?;
                self.looks_expecting("ticket-unknown", &REFUSAL).await?;
                let first = self.ticket("FIRST");
                self.looks_up(&first).await?;
                self.sees("[data-state='bound']").await?;
                let entered = if self.language == "ja" { "入場" } else { "ntered" };
                let history = self.text(".history").await?;
                anyhow::ensure!(history.contains(entered), "{history}");
                anyhow::ensure!(!self.ask("return document.URL").await?.to_string().contains(&first), "in the address");
                self.looks("ticket-admitted").await
            })
            .await;
        self.meets_what_was_lost(chapter).await;
    }

    async fn meets_what_was_lost(&mut self, chapter: &mut Chapter) {
        let mut holders_link = String::new();
        chapter
            .step("a lost card: suspended, refused at the gate, in again once the card itself has proved", async {
                let card = self.cards()[1];
                let run = self.venue.register(card, &self.code("SECOND")?).await?;
                holders_link = run.holder_link().context("no holder's link")?.to_owned();
                let second = self.ticket("SECOND");
                self.looks_up(&second).await?;
                self.sees("[data-state='bound']").await?;
                self.confirms("#ask-suspend", "ticket-ask-suspend").await?;
                self.sees("[data-state='suspended']").await?;
                self.looks("ticket-suspended").await?;
                let tap = self.taps(card).await?;
                anyhow::ensure!(tap.reason == "suspended", "{tap:?}");
                holders_link = self.resumes(card, &holders_link).await?;
                self.looks_up(&second).await?;
                self.sees("[data-state='bound']").await?;
                let tap = self.taps(card).await?;
                anyhow::ensure!(tap.is_welcome(), "{tap:?}");
                Ok(())
            })
            .await;
        self.tells_what_opened_nothing(chapter, &holders_link).await;
        chapter
            .step("a lost mail: a new code, shown for a minute; the old one is dead", async {
                let third = self.ticket("THIRD");
                self.looks_up(&third).await?;
                self.confirms("#ask-code", "ticket-ask-code").await?;
                self.sees("#code").await?;
                let link = self.text("#code").await?;
                self.looks("ticket-new-code").await?;
                self.press("[data-copy='code']").await?;
                self.copied("#code").await?;
                let old = self.venue.register(self.cards()[2], &self.code("THIRD")?).await?;
                anyhow::ensure!(!old.success, "the old code still registers");
                let new = self.venue.register(self.cards()[2], &link).await?;
                anyhow::ensure!(new.success, "{}", new.said);
                // Its address again, within the minute: the code was used, so nothing shows it any more.
                let address = self.ask("return location.href").await?.as_str().unwrap_or_default().to_owned();
                self.go(&address).await?;
                self.sees("[data-state='bound']").await?;
                anyhow::ensure!(!self.visitor.browser.shows("#code").await?, "the code is shown again");
                Ok(())
            })
            .await;
        chapter
            .step("a ticket is cancelled for good, after its question", async {
                let fourth = self.ticket("FOURTH");
                self.looks_up(&fourth).await?;
                self.confirms("#ask-cancel", "ticket-ask-cancel").await?;
                self.sees("[data-state='cancelled']").await?;
                self.looks("ticket-cancelled").await?;
                let dead = self.venue.register(self.cards()[2], &self.code("FOURTH")?).await?;
                anyhow::ensure!(!dead.success, "a cancelled ticket registers");
                Ok(())
            })
            .await;
    }

    async fn tells_what_opened_nothing(&mut self, chapter: &mut Chapter, holders_link: &str) {
        chapter
            .step("a proof that opened nothing: the holder's page and the operator's tell where and why", async {
                let tap = self.taps(self.cards()[1]).await?;
                anyhow::ensure!(tap.reason == "already_in", "{tap:?}");
                let second = self.ticket("SECOND");
                let (venue, event) = (&*self.venue, self.event.clone());
                let gate = self.gate.as_ref().context("no gate")?;
                let told = gate.told_refused(&venue.registrar, &event, &second, FOLLOWS_WITHIN).await?;
                anyhow::ensure!(told == [18], "{told:?}: the tap while it was suspended had no proof");
                self.go(holders_link).await?;
                self.sees("[data-do='ask-lost']").await?;
                let history = self.text(".history").await?;
                anyhow::ensure!(history.contains("18"), "{history}");
                self.looks("holder-refused").await?;
                let tickets = self.of_event("/tickets");
                self.go(&tickets).await?;
                self.looks_up(&second).await?;
                self.sees("[data-state='bound']").await?;
                let history = self.text("ol.history").await?;
                anyhow::ensure!(history.contains("18"), "{history}");
                // It is missed later, once it has been silent for long enough.
                Ok(self.gate()?.kill().await?)
            })
            .await;
    }

    pub(super) async fn looks_up(&self, reference: &str) -> anyhow::Result<()> {
        self.to_tab("/tickets").await?;
        self.fill("#ticket_ref", reference).await?;
        self.press("main form button.first").await
    }

    async fn taps(&mut self, card: Character) -> anyhow::Result<kido_tests::harness::Tap> {
        let (venue, event) = (&*self.venue, self.event.clone());
        let gate = self.gate.as_mut().context("no gate")?;
        gate.followed(&venue.registrar, &event, FOLLOWS_WITHIN).await?;
        Ok(gate.tap(venue, card, Vec::new(), PIN).await?)
    }

    /// Takes the ticket back with its card; gives the holder's new link.
    async fn resumes(&self, card: Character, link: &str) -> anyhow::Result<String> {
        self.venue.control()?.insert(HOME, card, Vec::new())?;
        let arguments = ["resume", "--pin-stdin", "--yes-host", "127.0.0.1"];
        let run = self.venue.helper(HOME).run(&arguments, &[link, PIN]).await?;
        self.venue.control()?.remove(HOME)?;
        anyhow::ensure!(run.success, "{}", run.said);
        Ok(run.holder_link().context("no new link")?.to_owned())
    }

    pub(super) async fn watches_the_day(&mut self, chapter: &mut Chapter) {
        chapter
            .step("the day: who came in, who was refused and why", async {
                self.to_tab("/day").await?;
                self.sees("#day-refused ~ * tbody tr").await?;
                self.looks("day").await
            })
            .await;
        chapter
            .step("a gate that is gone needs somebody, and the page says so by itself", async {
                let silent = "document.querySelector('[data-standing=silent]')";
                self.visitor.browser.wait_within("the silent gate", silent, FOLLOWS_WITHIN).await?;
                self.looks("day-silent").await?;
                self.gate()?.start().await?;
                self.sees("[data-standing='in-order']").await
            })
            .await;
        self.meets_a_conflict(chapter).await;
        chapter
            .step("a revoked gate has no rights any more, after its question", async {
                self.to_tab("/gates").await?;
                let question = format!("#revoke-{}", self.gate()?.id());
                self.confirms(&question, "gates-ask-revoke").await?;
                self.sees("[data-standing='revoked']").await?;
                self.looks("gates-revoked").await?;
                self.gate()?.closed(FOLLOWS_WITHIN).await.map(|_code| ())?;
                Ok(())
            })
            .await;
    }

    async fn meets_a_conflict(&mut self, chapter: &mut Chapter) {
        let mut other = None;
        chapter
            .step("a second gate, at another entrance", async {
                self.to_tab("/gates").await?;
                self.offers("South").await?;
                let arriving = self.arrives(HOME).await?;
                self.fill("#short_code", arriving.digits()).await?;
                self.press("main form button.first").await?;
                self.sees(".band.welcome[data-said]").await?;
                let mut gate = arriving.is_let_in().await?;
                gate.start().await?;
                gate.followed(&self.venue.registrar, &self.event, FOLLOWS_WITHIN).await?;
                other = Some(gate);
                Ok(())
            })
            .await;
        let Some(mut other) = other else { return };
        chapter
            .step("the registrar is away, and one ticket enters twice: the day shows both entrances", async {
                self.to_tab("/day").await?;
                self.venue.registrar.stop().await?;
                self.sees("#stale").await?;
                self.looks_expecting("day-stale", &["net::ERR_"]).await?;
                self.enters_twice(&mut other).await?;
                self.venue.registrar.start().await?;
                self.sees(".band.elsewhere[role='alert']").await?;
                self.looks_expecting("sign-in-over", &["net::ERR_"]).await?;
                let token = self.operators_token()?;
                self.signs_in(&token).await?;
                let day = self.of_event("/day");
                self.go(&day).await?;
                self.sees("#day-conflicts ~ * tbody tr").await?;
                self.looks("day-conflict").await?;
                Ok(other.stop().await?)
            })
            .await;
    }

    async fn enters_twice(&mut self, other: &mut Gate) -> anyhow::Result<()> {
        let (venue, card) = (&*self.venue, self.cards()[2]);
        let gate = self.gate.as_mut().context("no gate")?;
        for (gate, slot) in [(gate, GATE), (other, HOME)] {
            anyhow::ensure!(gate.slot() == slot, "the wrong reader");
            gate.offline(FOLLOWS_WITHIN).await?;
            let tap = gate.tap(venue, card, Vec::new(), PIN).await?;
            anyhow::ensure!(tap.is_welcome(), "{tap:?}");
        }
        Ok(())
    }
}
