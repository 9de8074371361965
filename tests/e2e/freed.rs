//! A gate lets somebody in and dies with its line down: what it holds, what freeing that risks, and its disk that turns up.

use std::time::Duration;

use anyhow::Context as _;
use kido_tests::harness::{Arbiter, EventOptions, FOLLOWS_WITHIN, Gate, TicketRow, Venue};
use kido_virtual_card::character::Character;
use kido_virtual_card::planted::PIN;
use serde_json::Value;

use crate::chapter::{Chapter, asked, bind, link, welcome};

/// How long an upload may take from a gate to the registrar.
const ARRIVES_WITHIN: Duration = Duration::from_secs(60);

struct Evening {
    venue: Venue,
    event: String,
    arbiter: Arbiter,
    /// It will die.
    dead: Gate,
    other: Gate,
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_gate_holds_is_freed_by_an_operator_who_was_told_and_its_journal_is_a_conflict()
-> anyhow::Result<()> {
    let Some(mut chapter) = Chapter::open("freed")? else { return Ok(()) };
    let mut evening = evening(&chapter).await?;
    dies(&mut chapter, &mut evening).await?;
    freed(&mut chapter, &mut evening).await;
    found(&mut chapter, &evening).await;
    evening.arbiter.stop().await?;
    evening.other.stop().await?;
    chapter.end()
}

async fn evening(chapter: &Chapter) -> anyhow::Result<Evening> {
    let venue = Venue::open(chapter.folder()).await?;
    let event = venue.registrar.rehearsal(&EventOptions { arbiter: "venue", ..EventOptions::default() }).await?;
    let links = venue.registrar.import(&event, &[TicketRow::open_now("DEAD-01")], false).await?;
    bind(&venue, Character::Holder, link(&links, "DEAD-01")?).await?;
    let mut arbiter = Arbiter::enrol(&venue, &event).await?;
    arbiter.start().await?;
    let mut gates = Vec::new();
    for slot in [0, 1] {
        gates.push(Gate::started(&venue, &event, slot).await?);
    }
    let (other, dead) = (gates.pop().context("two gates")?, gates.pop().context("two gates")?);
    Ok(Evening { venue, event, arbiter, dead, other })
}

async fn dies(chapter: &mut Chapter, evening: &mut Evening) -> anyhow::Result<()> {
    evening.venue.registrar.kill().await?;
    chapter
        .step("a holder enters with the registrar away, and the gate dies before it could tell", async {
            welcome(&evening.dead.tap(&evening.venue, Character::Holder, Vec::new(), PIN).await?)?;
            Ok(evening.dead.kill().await?)
        })
        .await;
    evening.venue.registrar.start().await?;
    Ok(evening.other.followed(&evening.venue.registrar, &evening.event, FOLLOWS_WITHIN).await?)
}

impl Evening {
    async fn free(&self, more: &[&str]) -> anyhow::Result<Value> {
        let arguments = [&["gate", "free-claims", self.event.as_str(), self.dead.id()], more].concat();
        Ok(self.venue.registrar.json(&arguments).await?)
    }

    async fn bring(&self, file: &str, more: &[&str]) -> anyhow::Result<Value> {
        let arguments = [&["admissions", "import-journal", self.event.as_str(), file], more].concat();
        Ok(self.venue.registrar.json(&arguments).await?)
    }

    /// How many claims of the dead gate the box counts, unopened and opened.
    async fn counted(&self) -> anyhow::Result<(u64, u64)> {
        let counted = self.arbiter.claims().await?;
        let of = counted.get(self.dead.id()).context("the box does not know the gate")?;
        let count = |what: &str| of.get(what).and_then(Value::as_u64).context("no count");
        Ok((count("unopened")?, count("opened")?))
    }
}

async fn freed(chapter: &mut Chapter, evening: &mut Evening) {
    chapter
        .step("its holder is in for the box, and sent to staff elsewhere", async {
            let again = evening.other.tap(&evening.venue, Character::Holder, Vec::new(), PIN).await?;
            asked("already_in", 18, "already_in").holds(&again)?;
            let (unopened, opened) = evening.counted().await?;
            anyhow::ensure!(unopened + opened == 1, "{unopened} {opened}");
            Ok(())
        })
        .await;
    chapter
        .step("a gate in force keeps what it holds", async {
            let said = evening.free(&["--told", "1", "--opened-too"]).await.err().context("it was freed")?.to_string();
            anyhow::ensure!(said.contains("gate_in_force"), "{said}");
            Ok(())
        })
        .await;
    chapter
        .step("revoked and freed, its holder enters elsewhere, once", async {
            evening.venue.registrar.json(&["gate", "revoke", &evening.event, evening.dead.id()]).await?;
            let asked_where = evening.free(&[]).await?;
            anyhow::ensure!(asked_where.get("decided_by").and_then(Value::as_str) == Some("venue"), "{asked_where}");
            let done = evening.free(&["--told", "1", "--opened-too"]).await?;
            anyhow::ensure!(done.get("freed").and_then(Value::as_str) == Some("all"), "{done}");
            let length = evening.venue.registrar.feed_length(&evening.event).await?;
            evening.arbiter.followed(length, FOLLOWS_WITHIN).await?;
            welcome(&evening.other.tap(&evening.venue, Character::Holder, Vec::new(), PIN).await?)?;
            evening.other.uploaded(&evening.venue.registrar, &evening.event, "DEAD-01", ARRIVES_WITHIN).await?;
            let again = evening.other.tap(&evening.venue, Character::Holder, Vec::new(), PIN).await?;
            asked("already_in", 18, "already_in").holds(&again)?;
            anyhow::ensure!(evening.counted().await? == (0, 0));
            Ok(())
        })
        .await;
}

async fn found(chapter: &mut Chapter, evening: &Evening) {
    chapter
        .step("the dead gate's disk is found: its journal needs an operator's word, and is one conflict", async {
            let file = evening.venue.folder().join("found.journal");
            let file = file.to_str().context("a path in UTF-8")?;
            evening.dead.told(&["journal", "export", file]).await?;
            let said = evening.bring(file, &[]).await.err().context("it was taken")?.to_string();
            anyhow::ensure!(said.contains("gate_revoked"), "{said}");
            for expected in [(1, 0), (0, 1)] {
                let taken = evening.bring(file, &["--of-revoked"]).await?;
                let count = |what: &str| taken.get(what).and_then(Value::as_u64).unwrap_or(u64::MAX);
                anyhow::ensure!((count("conflicts"), count("repeated")) == expected, "{taken}");
            }
            let shown = evening.venue.registrar.json(&["event", "show", &evening.event]).await?;
            let conflicts = shown.pointer("/entries/conflicts").and_then(Value::as_u64);
            anyhow::ensure!(conflicts == Some(1), "{shown}");
            Ok(())
        })
        .await;
}
