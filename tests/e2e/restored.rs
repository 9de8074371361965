//! The registrar's disk is lost in the middle of an evening, and yesterday's backup put in its place: the gates know more.

use std::time::Duration;

use anyhow::Context as _;
use kido_tests::harness::{EventOptions, FOLLOWS_WITHIN, Gate, OfflineChoice, TicketRow, Venue, finish, wait_for};
use kido_virtual_card::character::Character;
use kido_virtual_card::planted::PIN;
use serde_json::Value;
use tokio::process::Command;

use crate::chapter::{Chapter, asked, bind, link, unasked, welcome};

/// How long a gate may take to call itself offline: ten seconds without an answer, and some.
const OFFLINE_WITHIN: Duration = Duration::from_secs(40);

/// How long gates may take to report, to bring everything back and to call themselves online.
const BACK_WITHIN: Duration = Duration::from_secs(90);

struct Evening {
    venue: Venue,
    event: String,
    first: Gate,
    second: Gate,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_registrar_gets_the_evening_back_from_its_gates() -> anyhow::Result<()> {
    let Some(mut chapter) = Chapter::open("restored")? else { return Ok(()) };
    let mut evening = after_the_backup(&chapter).await?;
    while_one_gate_is_away(&mut chapter, &mut evening).await;
    back(&mut chapter, &mut evening).await;
    evening.first.stop().await?;
    evening.second.stop().await?;
    chapter.end()
}

/// A backup of the stores; then a binding, a sale with a binding, a suspension and an entry; then the disk is lost.
async fn after_the_backup(chapter: &Chapter) -> anyhow::Result<Evening> {
    let mut venue = Venue::open(chapter.folder()).await?;
    let options = EventOptions { offline: OfflineChoice::Admit, ..EventOptions::default() };
    let event = venue.registrar.rehearsal(&options).await?;
    let rows = ["HOLDER-01", "SECOND-01"].map(TicketRow::open_now);
    let links = venue.registrar.import(&event, &rows, false).await?;
    bind(&venue, Character::Holder, link(&links, "HOLDER-01")?).await?;
    let mut first = Gate::started(&venue, &event, 0).await?;
    let second = Gate::started(&venue, &event, 1).await?;
    let backup = venue.registrar.back_up().await?;
    first.online(BACK_WITHIN).await?;

    bind(&venue, Character::SecondHolder, link(&links, "SECOND-01")?).await?;
    let late = venue.registrar.import(&event, &[TicketRow::open_now("LATE-01")], false).await?;
    bind(&venue, Character::EndsSoon, link(&late, "LATE-01")?).await?;
    first.followed(&venue.registrar, &event, FOLLOWS_WITHIN).await?;
    welcome(&first.tap(&venue, Character::Holder, Vec::new(), PIN).await?)?;
    anyhow::ensure!(first.uploaded(&venue.registrar, &event, "HOLDER-01", BACK_WITHIN).await? == 1);
    for gate in [&first, &second] {
        gate.followed(&venue.registrar, &event, FOLLOWS_WITHIN).await?;
    }
    first.kill().await?;
    venue.registrar.lose_stores(&backup).await?;
    Ok(Evening { venue, event, first, second })
}

impl Evening {
    async fn recovery(&self) -> anyhow::Result<Value> {
        Ok(self.venue.registrar.json(&["event", "recover", &self.event]).await?)
    }

    async fn stage(&self) -> anyhow::Result<String> {
        let shown = self.recovery().await?;
        Ok(shown.get("stage").and_then(Value::as_str).context("no stage")?.to_owned())
    }

    async fn counts(&self) -> anyhow::Result<(u64, u64)> {
        let shown = self.venue.registrar.json(&["event", "show", &self.event]).await?;
        let count = |what: &str| shown.pointer(&format!("/entries/{what}")).and_then(Value::as_u64).context("no count");
        Ok((count("admissions")?, count("conflicts")?))
    }
}

/// What the registrar's doctor says beside it.
async fn doctor(venue: &Venue) -> anyhow::Result<Value> {
    let mut command = Command::new(venue.programs().registrar());
    let listen = venue.registrar.origin();
    command.args(["doctor", "--json", "--listen", listen.trim_start_matches("http://"), "--data"]);
    command.arg(venue.registrar.folder());
    let finished = finish(command, "", BACK_WITHIN).await?;
    serde_json::from_str(&finished.stdout).with_context(|| finished.stderr.clone())
}

async fn while_one_gate_is_away(chapter: &mut Chapter, evening: &mut Evening) {
    chapter
        .step("the start notices that the log is older than what was signed, and nothing of the event changes", async {
            anyhow::ensure!(evening.stage().await? == "records");
            let shown = evening.venue.registrar.json(&["event", "show", &evening.event]).await?;
            anyhow::ensure!(shown.get("recovering") == Some(&Value::Bool(true)), "{shown}");
            let refused = evening.venue.registrar.json(&["tickets", "suspend", &evening.event, "SECOND-01"]).await;
            anyhow::ensure!(refused.is_err_and(|error| error.to_string().contains("recovering")), "it was taken");
            Ok(())
        })
        .await;
    chapter
        .step("a gate on the line brings its records; the one that is away is waited for", async {
            let brought = wait_for("the second gate's records", BACK_WITHIN, async || {
                let shown = evening.venue.registrar.json(&["event", "recover", &evening.event]).await?;
                let number = |what: &str| shown.get(what).and_then(Value::as_u64);
                Ok((number("records") >= number("records_signed")).then_some(shown))
            });
            let shown = brought.await?;
            anyhow::ensure!(shown.get("stage").and_then(Value::as_str) == Some("records"), "{shown}");
            anyhow::ensure!(shown.to_string().contains("\"nothing\""), "{shown}");
            Ok(())
        })
        .await;
    chapter
        .step("the doctor says that the event is got back, and which gate has not answered", async {
            let told = doctor(&evening.venue).await?;
            let findings = told.get("findings").and_then(Value::as_array).context("no findings")?;
            let said = findings.iter().find(|finding| finding.get("subject") == Some(&Value::from("recovery")));
            let said = said.with_context(|| told.to_string())?.to_string();
            let waits = said.contains(evening.first.id()) && !said.contains(evening.second.id());
            anyhow::ensure!(waits && said.contains(&evening.event) && said.contains("broken"), "{said}");
            Ok(())
        })
        .await;
    chapter
        .step("meanwhile no claim is answered; the gate does what the event chose for that", async {
            let silent = evening.second.tap(&evening.venue, Character::SecondHolder, Vec::new(), PIN).await?;
            asked("one_moment", 31, "arbiter_silent").holds(&silent)?;
            evening.second.offline(OFFLINE_WITHIN).await?;
            welcome(&evening.second.tap(&evening.venue, Character::SecondHolder, Vec::new(), PIN).await?)?;
            let inside = evening.second.tap(&evening.venue, Character::Holder, Vec::new(), PIN).await?;
            unasked("desk", 10, "already_in").holds(&inside)
        })
        .await;
}

async fn back(chapter: &mut Chapter, evening: &mut Evening) {
    chapter
        .step("with the other gate's records and both journals the event is back by itself", async {
            evening.first.start().await?;
            let over = wait_for("that nothing is missing", BACK_WITHIN, async || {
                let shown = evening.venue.registrar.json(&["event", "recover", &evening.event]).await?;
                Ok((shown.get("stage").and_then(Value::as_str) == Some("over")).then_some(()))
            });
            over.await?;
            anyhow::ensure!(
                evening.first.log()?.contains("everything is uploaded once more"),
                "no journal was asked for"
            );
            Ok(())
        })
        .await;
    chapter
        .step("both gates believe its heads again, and nobody who is inside enters a second time", async {
            for gate in [&evening.first, &evening.second] {
                gate.online(BACK_WITHIN).await?;
            }
            let again = evening.first.tap(&evening.venue, Character::Holder, Vec::new(), PIN).await?;
            asked("already_in", 18, "already_in").holds(&again)?;
            anyhow::ensure!(
                evening.second.uploaded(&evening.venue.registrar, &evening.event, "SECOND-01", BACK_WITHIN).await? == 1
            );
            anyhow::ensure!(evening.counts().await? == (2, 0), "{:?}", evening.counts().await?);
            Ok(())
        })
        .await;
    chapter
        .step("a ticket that was sold and bound after the backup opens with its card", async {
            welcome(&evening.second.tap(&evening.venue, Character::EndsSoon, Vec::new(), PIN).await?)
        })
        .await;
    chapter
        .step("what happens from now on is told as ever", async {
            let links = evening.venue.registrar.import(&evening.event, &[TicketRow::open_now("NEW-01")], false).await?;
            bind(&evening.venue, Character::Stranger, link(&links, "NEW-01")?).await?;
            for gate in [&evening.first, &evening.second] {
                gate.followed(&evening.venue.registrar, &evening.event, BACK_WITHIN).await?;
            }
            welcome(&evening.first.tap(&evening.venue, Character::Stranger, Vec::new(), PIN).await?)
        })
        .await;
}
