//! Every page of the console that says no.

use super::opening::COLUMNS;
use super::{Operator, REFUSAL};
use crate::chapter::Chapter;

/// An event that there is not.
const NOBODYS: &str = "01900000-0000-7000-8000-000000000000";

impl Operator<'_> {
    pub(super) async fn is_refused(&mut self, chapter: &mut Chapter) {
        let nowhere = [
            ("event", format!("/events/{NOBODYS}")),
            ("", "/nothing".to_owned()),
            ("not-understood", "/sign-out".to_owned()),
        ];
        for (name, path) in nowhere {
            chapter
                .step(&format!("{path}: what happened, and where to go on"), async {
                    let address = self.address(&format!("/console{path}"));
                    self.go(&address).await?;
                    self.says_no(name).await?;
                    self.press("main a.first").await?;
                    self.sees(".tabs").await
                })
                .await;
        }
        chapter
            .step("a form of another session, and one that is too long, change nothing", async {
                let gates = self.of_event("/gates");
                self.go(&gates).await?;
                self.fill("#zone", "A").await?;
                self.ask("document.querySelector('form.sheet [name=form]').value = 'A'.repeat(43)").await?;
                self.press("form.sheet button.first").await?;
                self.says_no("other-page").await?;
                let change = self.of_event("/change");
                self.go(&change).await?;
                self.ask(
                    "const name = document.querySelector('#name'); name.maxLength = 1e6; name.value = 'A'.repeat(2e4)",
                )
                .await?;
                self.press("main form button.first").await?;
                self.says_no("too-large").await
            })
            .await;
        chapter
            .step("a file that the page did not hold back is refused by the registrar", async {
                let import = self.of_event("/import");
                self.go(&import).await?;
                if self.visitor.browser.shows("#codes").await? {
                    self.confirms("#ask-forget", "import-ask-forget").await?;
                }
                self.sees("#file").await?;
                self.ask("document.querySelector('[data-read]').dataset.most = 1e9").await?;
                let large = self.downloads.with_file_name(format!("large-{}.csv", self.language));
                self.visitor.browser.give_file("#file", &large).await?;
                self.press("[data-read] button").await?;
                self.sees(".band.fault h1").await?;
                self.visitor.holds_still("too large", &REFUSAL).await
            })
            .await;
        chapter
            .step("what was not paid for waits for the shop's word", async {
                let import = self.of_event("/import");
                self.go(&import).await?;
                self.press("#reserved").await?;
                let rows: Vec<String> = self.rows()?.iter().take(1).map(|row| row.replace("FIRST", "LATER")).collect();
                let later = self.file("later", COLUMNS, &rows)?;
                self.gives(&later).await?;
                self.press("[data-next]").await?;
                self.sees("#codes").await?;
                let reference = self.ticket("LATER");
                self.looks_up(&reference).await?;
                self.sees("[data-state='reserved']").await?;
                self.looks("ticket-reserved").await?;
                self.confirms("#ask-confirm", "").await?;
                self.sees("[data-state='unbound']").await
            })
            .await;
    }

    /// A page that says what happened and what to do; looked at where it has a name.
    pub(super) async fn says_no(&mut self, name: &str) -> anyhow::Result<()> {
        self.sees(".band.fault h1").await?;
        anyhow::ensure!(!self.text(".band.fault .next").await?.is_empty(), "nothing to do");
        if name.is_empty() {
            return self.visitor.holds_still("no", &REFUSAL).await;
        }
        self.looks_expecting(&format!("no-{name}"), &REFUSAL).await
    }
}
