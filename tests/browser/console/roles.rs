//! The others at the console: shop, desk and viewer, the audit list over all of them, and the way out.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Operator, REFUSAL};
use crate::chapter::Chapter;

/// Roles with the parts of an event that they see, and one that they may not.
const ROLES: [(&str, &[&str], &str); 3] = [
    ("sales", &["/import", "/tickets"], "/gates"),
    ("desk", &["/tickets", "/gates", "/day"], "/import"),
    ("viewer", &["/tickets", "/gates", "/day"], "/change"),
];

/// What an operator's evening leaves in the list, in both languages.
const DEEDS: [&str; 16] = [
    "signed-in",
    "signed-out",
    "reached",
    "event-created",
    "event-changed",
    "tickets-imported",
    "codes-taken",
    "ticket-suspended",
    "ticket-cancelled",
    "ticket-confirmed",
    "code-reissued",
    "gate-offered",
    "gate-confirmed",
    "gate-refused",
    "gate-revoked",
    "token-added",
];

impl Operator<'_> {
    pub(super) async fn shares_the_console(&mut self, chapter: &mut Chapter) {
        chapter
            .step("out, and nobody sees the console", async {
                self.signs_out().await?;
                let events = self.address("/console/events");
                self.go(&events).await?;
                self.sees("#token").await
            })
            .await;
        for (role, sees, refused) in ROLES {
            chapter
                .step(&format!("{role}: sees what it may, and nothing else"), async {
                    self.is_only(role, sees, refused).await
                })
                .await;
        }
        chapter
            .step("every action is in the audit list, by role and label", async {
                let console = self.address("/console");
                self.go(&console).await?;
                let token = self.operators_token()?;
                self.signs_in(&token).await?;
                self.press(".tabs a[href='/console/audit']").await?;
                self.sees("[data-deed]").await?;
                self.looks("audit").await?;
                let listed = self.deeds().await?;
                let missing: Vec<_> = DEEDS.iter().filter(|deed| !listed.contains(**deed)).collect();
                anyhow::ensure!(missing.is_empty(), "{missing:?} not in {listed:?}");
                self.signs_out().await
            })
            .await;
    }

    async fn signs_out(&self) -> anyhow::Result<()> {
        self.press(".strip form button").await?;
        self.sees("#token").await
    }

    async fn is_only(&mut self, role: &str, sees: &[&str], refused: &str) -> anyhow::Result<()> {
        let label = format!("{role}-{}", self.language);
        let file = self.venue.folder().join(format!("{label}.token"));
        let out = file.display().to_string();
        self.venue.registrar.json(&["token", "add", "--role", role, "--label", &label, "--out", &out]).await?;
        let token = std::fs::read_to_string(&file)?;
        self.signs_in(token.trim()).await?;
        let event = self.of_event("");
        self.go(&event).await?;
        let tabs = "return [...document.querySelectorAll('.tabs a')].map((a) => new URL(a.href).pathname).join()";
        let tabs = self.ask(tabs).await?;
        let here = format!("/console/events/{}", self.event);
        let parts = ["/console/events".to_owned(), here.clone()].into_iter();
        let expected: Vec<String> = parts.chain(sees.iter().map(|part| format!("{here}{part}"))).collect();
        anyhow::ensure!(tabs == expected.join(","), "{role} has {tabs}");
        // One role's pages are another's without some parts: each is looked at where it differs most.
        if role == "viewer" {
            self.looks("viewer-event").await?;
        }
        let first = self.ticket("FIRST");
        self.looks_up(&first).await?;
        self.sees("[data-state]").await?;
        if role == "sales" {
            self.looks("sales-ticket").await?;
        }
        let may_not = self.of_event(refused);
        self.go(&may_not).await?;
        self.says_no(if role == "sales" { "role" } else { "" }).await?;
        // The token ends, and with it what it began.
        self.venue.registrar.json(&["token", "revoke", &label]).await?;
        self.go(&event).await?;
        self.sees("#token").await?;
        self.sees(".band.elsewhere[role='alert']").await?;
        self.visitor.holds_still(role, &REFUSAL).await
    }

    /// Everything in the list, over all of its pages.
    async fn deeds(&self) -> anyhow::Result<BTreeSet<String>> {
        let mut listed = BTreeSet::new();
        loop {
            let found =
                self.ask("return [...document.querySelectorAll('[data-deed]')].map((e) => e.dataset.deed)").await?;
            listed.extend(found.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
            if !self.visitor.browser.shows("a[href*='before=']").await? {
                return Ok(listed);
            }
            let before = self.ask("return location.href").await?;
            self.press("a[href*='before=']").await?;
            self.visitor.browser.wait("older lines", &format!("location.href !== {before}")).await?;
            self.sees("[data-deed]").await?;
        }
    }
}
