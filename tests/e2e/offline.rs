//! The registrar is gone for a while: each event goes on as it chose, and everything arrives afterwards, once.

use std::time::Duration;

use anyhow::Context as _;
use kido_tests::harness::{EventOptions, FOLLOWS_WITHIN, Gate, OfflineChoice, TicketRow, Venue};
use kido_virtual_card::character::Character;
use kido_virtual_card::planted::PIN;

use crate::chapter::{Chapter, asked, bind, link, unasked, welcome};

/// How long a gate may take to call itself offline: ten seconds without an answer, and some.
const OFFLINE_WITHIN: Duration = Duration::from_secs(40);

/// How long a gate may take to notice that the registrar is back, and to bring everything home.
const BACK_WITHIN: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn without_its_registrar_each_event_goes_on_as_it_chose() -> anyhow::Result<()> {
    let Some(mut chapter) = Chapter::open("offline")? else { return Ok(()) };
    let mut venue = Venue::open(chapter.folder()).await?;
    let refuse = event(&venue, OfflineChoice::Refuse, "REFUSE").await?;
    let admit = event(&venue, OfflineChoice::Admit, "ADMIT").await?;
    let home = event(&venue, OfflineChoice::HomeGate, "HOME").await?;
    refuse_and_admit(&mut chapter, &mut venue, &refuse, &admit).await?;
    home_gate(&mut chapter, &mut venue, &home).await?;
    chapter.end()
}

/// An event with two tickets, each on a card of its own.
async fn event(venue: &Venue, offline: OfflineChoice, prefix: &str) -> anyhow::Result<String> {
    let event = venue.registrar.rehearsal(&EventOptions { offline, ..EventOptions::default() }).await?;
    let names = [format!("{prefix}-1"), format!("{prefix}-2"), format!("{prefix}-3")];
    let rows: Vec<TicketRow> = names.iter().map(|name| TicketRow::open_now(name)).collect();
    let links = venue.registrar.import(&event, &rows, false).await?;
    let cards = [Character::Holder, Character::SecondHolder, Character::EndsSoon];
    for (card, name) in cards.into_iter().zip(&names) {
        bind(venue, card, link(&links, name)?).await?;
    }
    Ok(event)
}

async fn started(venue: &Venue, event: &str, slot: u8) -> anyhow::Result<Gate> {
    let mut gate = Gate::enrol(venue, event, "A", slot).await?;
    gate.start().await?;
    gate.followed(&venue.registrar, event, FOLLOWS_WITHIN).await?;
    Ok(gate)
}

async fn refuse_and_admit(chapter: &mut Chapter, venue: &mut Venue, refuse: &str, admit: &str) -> anyhow::Result<()> {
    let mut refusing = started(venue, refuse, 0).await?;
    let mut admitting = started(venue, admit, 1).await?;
    venue.registrar.stop().await?;
    chapter
        .step("before ten seconds have passed nobody guesses: one moment please", async {
            let tap = refusing.tap(venue, Character::Holder, Vec::new(), PIN).await?;
            // A slow machine may have taken the ten seconds; then the event's choice is told instead.
            let hiccup = asked("one_moment", 31, "arbiter_silent").holds(&tap);
            let choice = asked("lane_closed", 39, "offline_not_allowed").holds(&tap);
            hiccup.or(choice)
        })
        .await;
    chapter
        .step("refuse: the lane closes, with the code for it", async {
            refusing.offline(OFFLINE_WITHIN).await?;
            anyhow::ensure!(refusing.closed(OFFLINE_WITHIN).await? == 32);
            Ok(())
        })
        .await;
    chapter
        .step("admit: a holder enters, once as far as this gate knows", async {
            admitting.offline(OFFLINE_WITHIN).await?;
            welcome(&admitting.tap(venue, Character::Holder, Vec::new(), PIN).await?)?;
            let again = admitting.tap(venue, Character::Holder, Vec::new(), PIN).await?;
            unasked("desk", 10, "already_in").holds(&again)
        })
        .await;
    chapter
        .step("admit: what was stored outlives the gate's own power cut", async {
            admitting.kill().await?;
            admitting.start().await?;
            admitting.offline(OFFLINE_WITHIN).await?;
            let again = admitting.tap(venue, Character::Holder, Vec::new(), PIN).await?;
            unasked("desk", 10, "already_in").holds(&again)?;
            welcome(&admitting.tap(venue, Character::SecondHolder, Vec::new(), PIN).await?)
        })
        .await;
    venue.registrar.start().await?;
    chapter
        .step("back: who entered offline is in for the arbiter too", async {
            // At once: before what waits for the arbiter has had its turn by itself.
            admitting.online(BACK_WITHIN).await?;
            let again = admitting.tap(venue, Character::Holder, Vec::new(), PIN).await?;
            asked("already_in", 18, "already_in").holds(&again)
        })
        .await;
    chapter
        .step("back: both gates go on by themselves", async {
            refusing.online(BACK_WITHIN).await?;
            refusing.in_service().await?;
            welcome(&refusing.tap(venue, Character::Holder, Vec::new(), PIN).await?)
        })
        .await;
    chapter
        .step("back: what happened meanwhile arrives, once each, and no conflict", async {
            for name in ["ADMIT-1", "ADMIT-2"] {
                let arrived = admitting.uploaded(&venue.registrar, admit, name, BACK_WITHIN).await?;
                anyhow::ensure!(arrived == 1, "{arrived} admissions of {name}");
            }
            let shown = venue.registrar.json(&["event", "show", admit]).await?;
            let count = |what: &str| shown.pointer(&format!("/entries/{what}")).and_then(serde_json::Value::as_u64);
            anyhow::ensure!((count("admissions"), count("conflicts")) == (Some(2), Some(0)), "{shown}");
            Ok(())
        })
        .await;
    refusing.stop().await?;
    Ok(admitting.stop().await?)
}

async fn home_gate(chapter: &mut Chapter, venue: &mut Venue, home: &str) -> anyhow::Result<()> {
    let mut first = started(venue, home, 0).await?;
    venue.registrar.stop().await?;
    chapter
        .step("home gate: the only gate of a zone admits its tickets", async {
            first.offline(OFFLINE_WITHIN).await?;
            welcome(&first.tap(venue, Character::Holder, Vec::new(), PIN).await?)
        })
        .await;
    venue.registrar.start().await?;
    chapter
        .step("home gate: its admission arrives, once", async {
            let arrived = first.uploaded(&venue.registrar, home, "HOME-1", BACK_WITHIN).await?;
            anyhow::ensure!(arrived == 1, "{arrived} admissions");
            Ok(())
        })
        .await;
    chapter
        .step("home gate: a second gate of the zone is refused while the first may admit by itself", async {
            let refused = venue.registrar.json(&["gate", "add", home, "--zone", "A"]).await;
            anyhow::ensure!(refused.is_err_and(|error| error.to_string().contains("home_gate")), "it was offered");
            Ok(())
        })
        .await;
    first.stop().await?;
    venue.registrar.json(&["event", "update", home, "--offline", "refuse"]).await?;
    let add = ["gate", "add", home, "--zone", "A"];
    chapter
        .step("home gate: a second gate waits for the first to hear of it", async {
            let refused = venue.registrar.json(&add).await;
            anyhow::ensure!(refused.is_err_and(|error| error.to_string().contains("gate_unheard")), "it was offered");
            Ok(())
        })
        .await;
    chapter
        .step("home gate: without its line it acknowledges by a stick, there and back", async {
            let [feed, journal] = ["hand-over.feed", "hand-over.journal"].map(|name| venue.folder().join(name));
            let text = |path: &'_ std::path::Path| path.to_str().map(str::to_owned).context("a path in UTF-8");
            let (feed, journal) = (text(&feed)?, text(&journal)?);
            venue.registrar.json(&["feed", "export", home, &feed]).await?;
            first.told(&["import", &feed]).await?;
            first.told(&["journal", "export", &journal, "--acknowledge"]).await?;
            let taken = venue.registrar.json(&["admissions", "import-journal", home, &journal]).await?;
            let heard = taken.get("heard").and_then(serde_json::Value::as_u64);
            anyhow::ensure!(heard == Some(venue.registrar.feed_length(home).await?), "{taken}");
            Ok(())
        })
        .await;
    // At once: nobody waits for the first gate's line.
    let mut second = Gate::enrol(venue, home, "A", 1).await?;
    first.start().await?;
    second.start().await?;
    second.followed(&venue.registrar, home, FOLLOWS_WITHIN).await?;
    venue.registrar.json(&["event", "update", home, "--offline", "home-gate"]).await?;
    first.followed(&venue.registrar, home, FOLLOWS_WITHIN).await?;
    second.followed(&venue.registrar, home, FOLLOWS_WITHIN).await?;
    first.online(BACK_WITHIN).await?;
    venue.registrar.stop().await?;
    chapter
        .step("home gate: of two gates of one zone neither admits", async {
            for gate in [&first, &second] {
                gate.offline(OFFLINE_WITHIN).await?;
                anyhow::ensure!(gate.closed(OFFLINE_WITHIN).await? == 32);
            }
            Ok(())
        })
        .await;
    venue.registrar.start().await?;
    first.stop().await?;
    Ok(second.stop().await?)
}
