//! Claims decided on a box in the venue: the registrar goes away and nobody notices, the box dies and nothing is lost.

use std::time::Duration;

use kido_tests::harness::{Arbiter, EventOptions, FOLLOWS_WITHIN, Gate, TicketRow, Venue};
use kido_virtual_card::character::Character;
use kido_virtual_card::planted::PIN;

use crate::chapter::{Chapter, asked, bind, link, welcome};

/// How long a gate may take to call itself offline: ten seconds without an answer, and some.
const OFFLINE_WITHIN: Duration = Duration::from_secs(40);

/// How long a gate may take to notice that the arbiter or the registrar is back, and to bring everything home.
const BACK_WITHIN: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_box_in_the_venue_decides_with_the_line_down_and_forgets_nothing_when_it_dies() -> anyhow::Result<()> {
    let Some(mut chapter) = Chapter::open("arbiter")? else { return Ok(()) };
    let mut venue = Venue::open(chapter.folder()).await?;
    let event = venue.registrar.rehearsal(&EventOptions { arbiter: "venue", ..EventOptions::default() }).await?;
    let names = ["VENUE-1", "VENUE-2", "VENUE-3", "VENUE-4"];
    let links = venue.registrar.import(&event, &names.map(TicketRow::open_now), false).await?;
    let cards = [Character::Holder, Character::SecondHolder, Character::EndsSoon, Character::Stranger];
    for (card, name) in cards.into_iter().zip(names) {
        bind(&venue, card, link(&links, name)?).await?;
    }
    let mut arbiter = Arbiter::enrol(&venue, &event).await?;
    arbiter.start().await?;
    let mut gates = Vec::new();
    for slot in [0, 1] {
        gates.push(Gate::started(&venue, &event, slot).await?);
    }
    let [first, second] = gates.as_mut_slice() else { anyhow::bail!("two gates") };
    decides(&mut chapter, &mut venue, &mut arbiter, [first, second]).await?;
    venue.registrar.start().await?;
    afterwards(&mut chapter, &venue, &arbiter, &event, first).await;
    on_paper(&mut chapter, &venue, &event, [first, second]).await;
    arbiter.stop().await?;
    for mut gate in gates {
        gate.stop().await?;
    }
    chapter.end()
}

async fn decides(
    chapter: &mut Chapter,
    venue: &mut Venue,
    arbiter: &mut Arbiter,
    [first, second]: [&mut Gate; 2],
) -> anyhow::Result<()> {
    chapter
        .step("a holder enters, decided in the venue", async {
            welcome(&first.tap(venue, Character::Holder, Vec::new(), PIN).await?)
        })
        .await;
    venue.registrar.kill().await?;
    chapter
        .step("the registrar is gone: the next holder enters all the same", async {
            welcome(&first.tap(venue, Character::SecondHolder, Vec::new(), PIN).await?)
        })
        .await;
    chapter
        .step("the registrar is gone: the same ticket is refused at another gate, which could not have heard", async {
            let again = second.tap(venue, Character::SecondHolder, Vec::new(), PIN).await?;
            asked("already_in", 18, "already_in").holds(&again)
        })
        .await;
    arbiter.kill().await?;
    chapter
        .step("the box is killed: nobody guesses, and the event's choice holds after ten seconds", async {
            for gate in [&*first, &*second] {
                gate.offline(OFFLINE_WITHIN).await?;
                anyhow::ensure!(gate.closed(OFFLINE_WITHIN).await? == 32);
            }
            Ok(())
        })
        .await;
    arbiter.start().await?;
    chapter
        .step("the box is back: what it had granted is granted still, and to nobody else", async {
            second.online(BACK_WITHIN).await?;
            second.settled().await?;
            for card in [Character::Holder, Character::SecondHolder] {
                let again = second.tap(venue, card, Vec::new(), PIN).await?;
                asked("already_in", 18, "already_in").holds(&again)?;
            }
            welcome(&second.tap(venue, Character::EndsSoon, Vec::new(), PIN).await?)
        })
        .await;
    Ok(())
}

async fn on_paper(chapter: &mut Chapter, venue: &Venue, event: &str, [first, second]: [&mut Gate; 2]) {
    chapter
        .step("a holder who was ticked on paper is inside for the box, too: the card is refused", async {
            let shown = venue.registrar.json(&["tickets", "show", event, "VENUE-4"]).await?;
            let ticket = shown.get("ticket").and_then(serde_json::Value::as_str).unwrap_or_default();
            let ticks = venue.folder().join("ticks.csv");
            std::fs::write(&ticks, format!("ticket,at,gate\n{ticket},2026-01-10T17:05+09:00,{}\n", first.id()))?;
            let ticks = ticks.to_string_lossy();
            venue.registrar.json(&["admissions", "import", event, &ticks]).await?;
            second.followed(&venue.registrar, event, FOLLOWS_WITHIN).await?;
            let refused = second.tap(venue, Character::Stranger, Vec::new(), PIN).await?;
            asked("already_in", 18, "already_in").holds(&refused)
        })
        .await;
}

async fn afterwards(chapter: &mut Chapter, venue: &Venue, arbiter: &Arbiter, event: &str, gate: &Gate) {
    chapter
        .step("the registrar is back: three admissions arrive, once each, and no conflict", async {
            for name in ["VENUE-1", "VENUE-2", "VENUE-3"] {
                let arrived = gate.uploaded(&venue.registrar, event, name, BACK_WITHIN).await?;
                anyhow::ensure!(arrived == 1, "{arrived} admissions of {name}");
            }
            let shown = venue.registrar.json(&["event", "show", event]).await?;
            let count = |what: &str| shown.pointer(&format!("/entries/{what}")).and_then(serde_json::Value::as_u64);
            anyhow::ensure!((count("admissions"), count("conflicts")) == (Some(3), Some(0)), "{shown}");
            Ok(())
        })
        .await;
    chapter
        .step("no second box, no other home, and no revocation without the operator's word", async {
            let registrar = &venue.registrar;
            let second = ["arbiter", "add", event, "--address", "http://127.0.0.1:9"];
            anyhow::ensure!(registrar.json(&second).await.is_err(), "a second box was offered a place");
            let home = ["event", "update", event, "--arbiter", "registrar"];
            anyhow::ensure!(registrar.json(&home).await.is_err(), "the arbiter moved");
            let revoke = ["arbiter", "revoke", event, arbiter.id()];
            anyhow::ensure!(registrar.json(&revoke).await.is_err(), "revoked without a word");
            let listed = registrar.json(&["arbiter", "list", event]).await?;
            anyhow::ensure!(listed.pointer("/arbiters/0/revoked") == Some(&serde_json::Value::Bool(false)), "{listed}");
            Ok(())
        })
        .await;
}
