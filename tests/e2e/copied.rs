//! A gate's disk that runs in two machines.

use kido_tests::harness::{EventOptions, FOLLOWS_WITHIN, Gate, TicketRow, Venue};
use kido_virtual_card::character::Character;
use kido_virtual_card::planted::PIN;

use crate::chapter::{Chapter, bind, link, welcome};

#[tokio::test(flavor = "multi_thread")]
async fn a_gates_disk_that_runs_in_two_machines_is_noticed_and_neither_opens_a_lane() -> anyhow::Result<()> {
    let Some(mut chapter) = Chapter::open("copied")? else { return Ok(()) };
    let venue = Venue::open(chapter.folder()).await?;
    let event = venue.registrar.rehearsal(&EventOptions::default()).await?;
    let rows = [TicketRow::open_now("HOLDER-01"), TicketRow::open_now("SECOND-01")];
    let links = venue.registrar.import(&event, &rows, false).await?;
    bind(&venue, Character::Holder, link(&links, "HOLDER-01")?).await?;
    bind(&venue, Character::SecondHolder, link(&links, "SECOND-01")?).await?;
    let mut gate = Gate::started(&venue, &event, 0).await?;

    chapter
        .step("a gate that starts again is the same gate", async {
            for _start in 0..2 {
                gate.stop().await?;
                gate.start().await?;
                gate.followed(&venue.registrar, &event, FOLLOWS_WITHIN).await?;
            }
            welcome(&gate.tap(&venue, Character::Holder, Vec::new(), PIN).await?)?;
            anyhow::ensure!(!copied(&venue, &event).await?, "a restart was taken for a copy");
            Ok(())
        })
        .await;
    chapter
        .step("its disk is copied while it is off, and both are started: both lanes close", async {
            gate.stop().await?;
            let mut copy = gate.copy_disk(1)?;
            gate.start().await?;
            copy.start_without_waiting().await?;
            for shut in [&gate, &copy] {
                shut.closed(FOLLOWS_WITHIN).await?;
            }
            anyhow::ensure!(copied(&venue, &event).await?, "nobody noticed");
            Ok(copy.stop().await?)
        })
        .await;
    chapter
        .step("neither opens for a good card after that", async {
            let tap = gate.tap_only(&venue, Character::SecondHolder, PIN).await;
            anyhow::ensure!(!tap.is_ok_and(|tap| tap.is_welcome()), "a revoked gate has opened");
            Ok(())
        })
        .await;
    gate.stop().await?;
    chapter.end()
}

/// Whether the registrar says that the event's gate was copied.
async fn copied(venue: &Venue, event: &str) -> anyhow::Result<bool> {
    let gates = venue.registrar.json(&["gate", "list", event]).await?;
    Ok(gates.pointer("/gates/0/copied").and_then(serde_json::Value::as_bool).unwrap_or_default())
}
