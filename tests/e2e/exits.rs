//! Out and in again, as often as the ticket says; and an entry that nobody made is none.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use kido_tests::harness::{Arbiter, EventOptions, FOLLOWS_WITHIN, Gate, TicketRow, Venue};
use kido_virtual_card::character::Character;
use kido_virtual_card::planted::PIN;

use crate::chapter::{Chapter, asked, bind, link, unasked, welcome};

/// How long a gate may take to bring home what it knows, and the other one to hear of it.
const HOME_WITHIN: Duration = Duration::from_secs(45);

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_goes_out_and_in_as_often_as_the_ticket_says_where_the_registrar_decides() -> anyhow::Result<()> {
    out_and_in("exits-registrar", "registrar").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_goes_out_and_in_as_often_as_the_ticket_says_where_a_box_in_the_venue_decides() -> anyhow::Result<()> {
    out_and_in("exits-venue", "venue").await
}

async fn out_and_in(name: &'static str, home: &'static str) -> anyhow::Result<()> {
    let Some(mut chapter) = Chapter::open(name)? else { return Ok(()) };
    let venue = Venue::open(chapter.folder()).await?;
    let event = venue.registrar.rehearsal(&EventOptions { arbiter: home, ..EventOptions::default() }).await?;
    let rows = [TicketRow { entries: "2", ..TicketRow::open_now("TWO-ENTRIES") }, TicketRow::open_now("ONE-ENTRY")];
    let links = venue.registrar.import(&event, &rows, false).await?;
    bind(&venue, Character::Holder, link(&links, "TWO-ENTRIES")?).await?;
    bind(&venue, Character::SecondHolder, link(&links, "ONE-ENTRY")?).await?;
    let mut arbiter = None;
    if home == "venue" {
        let mut box_in_the_venue = Arbiter::enrol(&venue, &event).await?;
        box_in_the_venue.start().await?;
        arbiter = Some(box_in_the_venue);
    }
    let mut way_in = Gate::enrol(&venue, &event, "A", 0).await?;
    let mut way_out = Gate::enrol(&venue, &event, "A", 1).await?;
    way_out.let_out(&program(chapter.folder(), "seen-going-out", "[ \"$KIDO_DIRECTION\" = out ]")?);
    way_in.start().await?;
    way_out.start().await?;
    entries(&mut chapter, &venue, &event, [&mut way_in, &mut way_out]).await;
    turned_back(&mut chapter, &venue, &event, &mut way_in).await?;
    way_in.stop().await?;
    way_out.stop().await?;
    if let Some(mut arbiter) = arbiter {
        arbiter.stop().await?;
    }
    chapter.end()
}

/// Waits until so much has happened to a ticket, and both gates have heard of it.
async fn heard(venue: &Venue, event: &str, ticket: &str, wanted: &[&str], gates: &[&Gate]) -> anyhow::Result<()> {
    let deadline = tokio::time::Instant::now() + HOME_WITHIN;
    loop {
        let happened = venue.registrar.happened(event, ticket).await?;
        let told: Vec<&str> = happened.iter().map(String::as_str).filter(|what| !APART.contains(what)).collect();
        if told == wanted {
            break;
        }
        anyhow::ensure!(tokio::time::Instant::now() < deadline, "{ticket}: {happened:?}, not {wanted:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    for gate in gates {
        gate.followed(&venue.registrar, event, FOLLOWS_WITHIN).await?;
    }
    Ok(())
}

/// What a history tells beside entries.
const APART: [&str; 3] = ["bound", "shown", "refused"];

async fn entries(chapter: &mut Chapter, venue: &Venue, event: &str, [way_in, way_out]: [&mut Gate; 2]) {
    const TICKET: &str = "TWO-ENTRIES";
    chapter
        .step("nobody goes out who has not come in, and no PIN is asked for it", async {
            unasked("desk", 10, "no_ticket_here").holds(&way_out.tap(venue, Character::Holder, Vec::new(), PIN).await?)
        })
        .await;
    chapter
        .step("in, and not in again before going out", async {
            welcome(&way_in.tap(venue, Character::Holder, Vec::new(), PIN).await?)?;
            let again = way_in.tap(venue, Character::Holder, Vec::new(), PIN).await?;
            asked("already_in", 18, "already_in").holds(&again)?;
            heard(venue, event, TICKET, &["admitted"], &[way_in, way_out]).await
        })
        .await;
    chapter
        .step("out, by a proof at another gate, and not twice", async {
            let out = way_out.tap(venue, Character::Holder, Vec::new(), PIN).await?;
            anyhow::ensure!(out.shown.kind() == "goodbye" && out.asked_for_pin, "{out:?}");
            let again = way_out.tap(venue, Character::Holder, Vec::new(), PIN).await?;
            unasked("desk", 10, "no_ticket_here").holds(&again)?;
            heard(venue, event, TICKET, &["admitted", "exited"], &[way_in, way_out]).await
        })
        .await;
    chapter
        .step("in again, out again, and no third time", async {
            welcome(&way_in.tap(venue, Character::Holder, Vec::new(), PIN).await?)?;
            heard(venue, event, TICKET, &["admitted", "exited", "admitted"], &[way_in, way_out]).await?;
            let out = way_out.tap(venue, Character::Holder, Vec::new(), PIN).await?;
            anyhow::ensure!(out.shown.kind() == "goodbye", "{out:?}");
            let all = ["admitted", "exited", "admitted", "exited"];
            heard(venue, event, TICKET, &all, &[way_in, way_out]).await?;
            let third = way_in.tap(venue, Character::Holder, Vec::new(), PIN).await?;
            asked("spent", 19, "spent").holds(&third)
        })
        .await;
}

/// A barrier that says for certain that nobody passed, and one that opens.
async fn turned_back(chapter: &mut Chapter, venue: &Venue, event: &str, gate: &mut Gate) -> anyhow::Result<()> {
    const TICKET: &str = "ONE-ENTRY";
    let shut = program(chapter.folder(), "nobody-passed", "exit 40")?;
    let open = program(chapter.folder(), "passed", "[ \"$KIDO_DIRECTION\" = in ]")?;
    gate.stop().await?;
    gate.set_barrier(&shut);
    gate.start().await?;
    chapter
        .step("who turns back in the lane has not entered, and everybody hears of it", async {
            let turned = gate.tap(venue, Character::SecondHolder, Vec::new(), PIN).await?;
            asked("card_left", 23, "card_left").holds(&turned)?;
            heard(venue, event, TICKET, &["admitted", "annulled"], &[gate]).await
        })
        .await;
    gate.stop().await?;
    gate.set_barrier(&open);
    gate.start().await?;
    chapter
        .step("the entry is there as before, once, and no conflict comes of it", async {
            welcome(&gate.tap(venue, Character::SecondHolder, Vec::new(), PIN).await?)?;
            heard(venue, event, TICKET, &["admitted", "annulled", "admitted"], &[gate]).await?;
            let again = gate.tap(venue, Character::SecondHolder, Vec::new(), PIN).await?;
            asked("already_in", 18, "already_in").holds(&again)?;
            let shown = venue.registrar.json(&["event", "show", event]).await?;
            let conflicts = shown.pointer("/entries/conflicts").and_then(serde_json::Value::as_u64);
            anyhow::ensure!(conflicts == Some(0), "{shown}");
            Ok(())
        })
        .await;
    Ok(())
}

fn program(folder: &Path, name: &str, does: &str) -> anyhow::Result<std::path::PathBuf> {
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{does}\n"))?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
    Ok(path)
}
