//! A gate, from the console's offer to a lane in order; and the gates that get nothing.

use kido_tests::harness::{Arriving, Gate, finish};
use kido_virtual_card::stack::{READER_NAMES, SOCKET_VARIABLE};
use tokio::process::Command;

use super::{FOLLOWS_WITHIN, GATE, Operator, REFUSAL};
use crate::chapter::Chapter;

impl Operator<'_> {
    pub(super) async fn brings_a_gate(&mut self, chapter: &mut Chapter) {
        chapter
            .step("a gate that nobody knows is refused, and one with other digits gets nothing", async {
                self.to_tab("/gates").await?;
                self.looks("gates-none").await?;
                self.offers("").await?;
                self.looks("offer-waiting").await?;
                self.press("[data-copy]").await?;
                self.copied("#offer-link").await?;
                self.confirms("#ask-refuse", "offer-ask-refuse").await?;
                self.visitor.browser.wait("the gates", "location.pathname.endsWith('/gates')").await?;
                let arriving = self.shows_digits().await?;
                let wrong = if arriving.digits().starts_with('0') { "123456" } else { "012345" };
                self.fill("#short_code", wrong).await?;
                self.press("main form button.first").await?;
                self.sees(".band.elsewhere[role='alert']").await?;
                self.looks_expecting("offer-wrong-digits", &REFUSAL).await
            })
            .await;
        chapter
            .step("a gate: link, six digits compared, doctor, in order on the page", async {
                self.to_tab("/gates").await?;
                let arriving = self.shows_digits().await?;
                self.looks("offer-digits").await?;
                self.fill("#short_code", arriving.digits()).await?;
                self.press("main form button.first").await?;
                self.sees(".band.welcome[data-said]").await?;
                self.looks("offer-done").await?;
                let mut gate = arriving.is_let_in().await?;
                self.asks_the_doctor(&gate).await?;
                self.press("main a.button[href$='/gates']").await?;
                self.sees("[data-standing='never-heard']").await?;
                self.looks("gates-new").await?;
                gate.start().await?;
                self.gate = Some(gate);
                self.sees("[data-standing='in-order']").await?;
                self.looks("gates").await
            })
            .await;
    }

    /// Waits until the button says that it has copied, and reads what is there to be pasted.
    pub(super) async fn copied(&self, text: &str) -> anyhow::Result<()> {
        const DONE: &str =
            "(button => button.innerText === button.dataset.copied)(document.querySelector('[data-copy]'))";
        self.visitor.browser.wait("the button to say so", DONE).await?;
        let (copied, shown) = (self.visitor.browser.takes_copied().await?, self.text(text).await?);
        anyhow::ensure!(copied.trim() == shown, "another text was copied");
        Ok(())
    }

    /// Fills in the form for a new gate.
    pub(super) async fn offers(&self, entrance: &str) -> anyhow::Result<()> {
        self.fill("#zone", "A").await?;
        self.fill("#entrance", if entrance.is_empty() { self.entrance() } else { entrance }).await?;
        self.press("main form button.first").await?;
        self.sees("#offer-link").await
    }

    /// Offers a place and takes the link to a gate, until the page asks for its digits by itself.
    async fn shows_digits(&self) -> anyhow::Result<Arriving> {
        self.offers("").await?;
        self.arrives(GATE).await
    }

    /// Takes the link on the page to a gate, until the page asks for its digits by itself.
    pub(super) async fn arrives(&self, slot: u8) -> anyhow::Result<Arriving> {
        let link = self.text("#offer-link").await?;
        let arriving = Gate::arrives(self.venue, (&self.event, "A", slot), &link).await?;
        self.sees("#short_code").await?;
        Ok(arriving)
    }

    /// What the page says to do first.
    async fn asks_the_doctor(&self, gate: &Gate) -> anyhow::Result<()> {
        let mut command = Command::new(self.venue.programs().gate());
        command
            .arg("doctor")
            .arg("--data")
            .arg(gate.folder())
            .args(["--reader", READER_NAMES.first().copied().unwrap_or_default()]);
        command.env(SOCKET_VARIABLE, self.venue.pcscd_socket());
        let finished = finish(command, "", FOLLOWS_WITHIN).await?;
        anyhow::ensure!(finished.status.success(), "{}{}", finished.stdout, finished.stderr);
        Ok(())
    }
}
