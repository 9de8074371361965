//! Links that lead nowhere, each for a reason of its own.

use kido_virtual_card::planted::PIN;

use super::{HOME, Person};
use crate::chapter::Chapter;

/// A link that nobody's registrar has made, to a host that is not this computer, without https.
const INSECURE: &str = "http://tickets.example/r#0000-0000-0000-0000-0000-0000-00";

/// The same with https, as a person types it into a shell: without the scheme of the helper.
const TYPED: &str = "https://tickets.example/r#0000-0000-0000-0000-0000-0000-00";

/// How often a ticket may change on one day (`registrar/src/domain/ticket.rs`), more or less.
const CHANGES_MAX: usize = 12;

impl Person<'_> {
    pub(super) async fn brings_links(&mut self, chapter: &mut Chapter) {
        let origin = self.venue.registrar.origin();
        let unknown = format!("{origin}/r#0000-0000-0000-0000-0000-0000-00");
        let of = |name: &str| self.link(name).unwrap_or_default();
        let links = [
            (unknown, "unknown-code"),
            (of("USED"), "code-used"),
            (of("DEAD"), "code-dead"),
            (INSECURE.to_owned(), "insecure-link"),
        ];
        for (link, scene) in links {
            chapter.step(scene, async { self.meets(self.helper(), Some(&link), scene).await }).await;
        }
        chapter
            .step("a link on the command line is not taken", async {
                self.meets(self.helper().with(&[TYPED]), None, "link-as-argument").await
            })
            .await;
        self.changes_too_often(chapter).await;
    }

    /// A ticket that is in force cannot be taken back; one that has changed all day changes tomorrow.
    async fn changes_too_often(&mut self, chapter: &mut Chapter) {
        chapter
            .step("a ticket that was never lost, and one that has changed too often today", async {
                let holders = self.holders.clone();
                self.chooses(&holders, "resume", "not-possible").await?;
                let mut holders = holders;
                self.venue.control()?.insert(HOME, self.card, Vec::new())?;
                for _change in 0..CHANGES_MAX {
                    let arguments = ["show", "--pin-stdin", "--yes-host", "127.0.0.1"];
                    let run = self.venue.helper(HOME).run(&arguments, &[&holders, PIN]).await?;
                    match run.holder_link() {
                        Some(newest) => newest.clone_into(&mut holders),
                        None => break,
                    }
                }
                self.venue.control()?.remove(HOME)?;
                self.chooses(&holders, "show", "too-many-changes").await
            })
            .await;
    }

    /// Opens a holder's link, chooses what it is for, and looks at what comes of it.
    async fn chooses(&mut self, link: &str, which: &str, scene: &str) -> anyhow::Result<()> {
        let (page, _before) = self.opens(self.helper(), Some(link)).await?;
        self.moment("which").await?;
        self.visitor.browser.press(&format!("button[value='{which}']")).await?;
        let met = self.sees(scene).await;
        self.leaves(page).await?;
        met
    }
}
