//! A registrar restored from a backup whose gates know more and are away: the operator cuts its feed with the root key, and
//! everybody follows: a box in the venue, a gate that comes back, a gate that comes late, and later all of them on line.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use kido_tests::harness::{Arbiter, EventOptions, Gate, TicketRow, Venue, wait_for};
use kido_virtual_card::character::Character;
use kido_virtual_card::planted::PIN;
use serde_json::Value;

use crate::chapter::{Chapter, asked, bind, link, welcome};

/// How long gates may take to report, to bring their journals and to follow the new epoch.
const BACK_WITHIN: Duration = Duration::from_secs(90);

struct Evening {
    venue: Venue,
    event: String,
    links: BTreeMap<String, String>,
    root: String,
    arbiter: Arbiter,
    first: Gate,
    late: Gate,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_feed_is_followed_by_everybody_and_who_got_in_stays_in() -> anyhow::Result<()> {
    let Some(mut chapter) = Chapter::open("cut")? else { return Ok(()) };
    let mut evening = after_the_backup(&chapter).await?;
    cut_while_all_are_away(&mut chapter, &evening).await;
    back(&mut chapter, &mut evening).await;
    cut_on_line(&mut chapter, &mut evening).await;
    evening.first.stop().await?;
    evening.late.stop().await?;
    evening.arbiter.stop().await?;
    chapter.end()
}

/// A backup of the stores; then a binding and an entry that only gates and the box know of; then the disk is lost, with both
/// gates switched off.
async fn after_the_backup(chapter: &Chapter) -> anyhow::Result<Evening> {
    let mut venue = Venue::open(chapter.folder()).await?;
    let event = venue.registrar.rehearsal(&EventOptions { arbiter: "venue", ..EventOptions::default() }).await?;
    let names = ["HOLDER-01", "SECOND-01", "THIRD-01"];
    let links = venue.registrar.import(&event, &names.map(TicketRow::open_now), false).await?;
    bind(&venue, Character::Holder, link(&links, "HOLDER-01")?).await?;
    let mut arbiter = Arbiter::enrol(&venue, &event).await?;
    arbiter.start().await?;
    let mut first = Gate::started(&venue, &event, 0).await?;
    let mut late = Gate::started(&venue, &event, 1).await?;
    let backup = venue.registrar.back_up().await?;

    bind(&venue, Character::SecondHolder, link(&links, "SECOND-01")?).await?;
    first.followed(&venue.registrar, &event, BACK_WITHIN).await?;
    welcome(&first.tap(&venue, Character::Holder, Vec::new(), PIN).await?)?;
    anyhow::ensure!(first.uploaded(&venue.registrar, &event, "HOLDER-01", BACK_WITHIN).await? == 1);
    arbiter.followed(venue.registrar.feed_length(&event).await?, BACK_WITHIN).await?;
    late.followed(&venue.registrar, &event, BACK_WITHIN).await?;
    first.stop().await?;
    late.stop().await?;
    venue.registrar.lose_stores(&backup).await?;
    let root = chapter.folder().join("root.key").to_str().context("a path in UTF-8")?.to_owned();
    Ok(Evening { venue, event, links, root, arbiter, first, late })
}

impl Evening {
    async fn stage(&self) -> anyhow::Result<String> {
        let shown = self.venue.registrar.json(&["event", "recover", &self.event]).await?;
        Ok(shown.get("stage").and_then(Value::as_str).context("no stage")?.to_owned())
    }

    /// Cuts, and gives the epoch that begins.
    async fn cut(&self) -> anyhow::Result<u64> {
        let order = ["event", "cut", self.event.as_str(), "--root-key", self.root.as_str(), "--yes"];
        let told = self.venue.registrar.json(&order).await?;
        told.get("epoch").and_then(Value::as_u64).with_context(|| told.to_string())
    }

    /// Waits until a gate has followed that epoch as far as it goes now.
    async fn exchanged(&self, gate: &Gate, epoch: u64) -> anyhow::Result<()> {
        let length = self.venue.registrar.feed_length(&self.event).await?;
        let look = || {
            let told = gate.log_lines("feed followed")?;
            let number = |what: &str| told.last().and_then(|line| line.get(what)).and_then(Value::as_u64);
            Ok((number("epoch") == Some(epoch) && number("length") >= Some(length)).then_some(()))
        };
        Ok(wait_for("a gate to follow the new epoch", BACK_WITHIN, async || look()).await?)
    }
}

async fn cut_while_all_are_away(chapter: &mut Chapter, evening: &Evening) {
    chapter
        .step("the restored registrar waits for records that nobody brings", async {
            anyhow::ensure!(evening.stage().await? == "records");
            let refused = evening.venue.registrar.json(&["tickets", "suspend", &evening.event, "SECOND-01"]).await;
            anyhow::ensure!(refused.is_err_and(|error| error.to_string().contains("recovering")), "it was taken");
            Ok(())
        })
        .await;
    chapter
        .step("the root key's word ends that: what is known is told anew, and journals are waited for", async {
            let shown = evening.venue.registrar.json(&["event", "show", &evening.event]).await?;
            anyhow::ensure!(shown.get("feed_epoch").and_then(Value::as_u64) == Some(0), "{shown}");
            let epoch = evening.cut().await?;
            let shown = evening.venue.registrar.json(&["event", "show", &evening.event]).await?;
            anyhow::ensure!(shown.get("feed_epoch").and_then(Value::as_u64) == Some(epoch), "{shown}");
            anyhow::ensure!(evening.stage().await? == "admissions");
            Ok(())
        })
        .await;
}

async fn back(chapter: &mut Chapter, evening: &mut Evening) {
    chapter
        .step("a gate that comes back follows the new epoch, and its journal says who is inside", async {
            evening.first.start().await?;
            let shown = evening.venue.registrar.json(&["event", "show", &evening.event]).await?;
            let epoch = shown.get("feed_epoch").and_then(Value::as_u64).context("no epoch")?;
            evening.exchanged(&evening.first, epoch).await?;
            let registrar = &evening.venue.registrar;
            anyhow::ensure!(evening.first.uploaded(registrar, &evening.event, "HOLDER-01", BACK_WITHIN).await? == 1);
            let again = evening.first.tap(&evening.venue, Character::Holder, Vec::new(), PIN).await?;
            asked("already_in", 18, "already_in").holds(&again)
        })
        .await;
    chapter
        .step("what was bound in the lost hours is bound again, and the box in the venue lets it in", async {
            bind(&evening.venue, Character::SecondHolder, link(&evening.links, "SECOND-01")?).await?;
            let shown = evening.venue.registrar.json(&["event", "show", &evening.event]).await?;
            let epoch = shown.get("feed_epoch").and_then(Value::as_u64).context("no epoch")?;
            evening.exchanged(&evening.first, epoch).await?;
            welcome(&evening.first.tap(&evening.venue, Character::SecondHolder, Vec::new(), PIN).await?)
        })
        .await;
    chapter
        .step("a gate that comes late follows, too, and with its journal the event is back", async {
            evening.late.start().await?;
            let over = wait_for("that nothing is waited for", BACK_WITHIN, async || {
                let shown = evening.venue.registrar.json(&["event", "recover", &evening.event]).await?;
                Ok((shown.get("stage").and_then(Value::as_str) == Some("over")).then_some(()))
            });
            over.await?;
            let again = evening.late.tap(&evening.venue, Character::SecondHolder, Vec::new(), PIN).await?;
            asked("already_in", 18, "already_in").holds(&again)
        })
        .await;
}

async fn cut_on_line(chapter: &mut Chapter, evening: &mut Evening) {
    chapter
        .step("cut once more with everybody on line, gates and box exchange it and go on", async {
            let epoch = evening.cut().await?;
            for gate in [&evening.first, &evening.late] {
                evening.exchanged(gate, epoch).await?;
            }
            bind(&evening.venue, Character::EndsSoon, link(&evening.links, "THIRD-01")?).await?;
            evening.exchanged(&evening.late, epoch).await?;
            welcome(&evening.late.tap(&evening.venue, Character::EndsSoon, Vec::new(), PIN).await?)?;
            let again = evening.first.tap(&evening.venue, Character::EndsSoon, Vec::new(), PIN).await?;
            asked("already_in", 18, "already_in").holds(&again)
        })
        .await;
    chapter
        .step("every entry stands in its ticket's history once, and no conflict", async {
            let registrar = &evening.venue.registrar;
            for name in ["HOLDER-01", "SECOND-01", "THIRD-01"] {
                let entered = evening.late.uploaded(registrar, &evening.event, name, BACK_WITHIN).await?;
                anyhow::ensure!(entered == 1, "{entered} admissions of {name}");
            }
            let shown = registrar.json(&["event", "show", &evening.event]).await?;
            let conflicts = shown.pointer("/entries/conflicts").and_then(Value::as_u64);
            anyhow::ensure!(conflicts == Some(0), "{shown}");
            Ok(())
        })
        .await;
}
