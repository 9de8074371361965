//! Tickets that do not open this lane now, each for its own reason: before a proof the screen says what to do only.

use std::collections::BTreeMap;

use kido_tests::harness::{EventOptions, FOLLOWS_WITHIN, Gate, TicketRow, Venue};
use kido_virtual_card::character::Character;
use kido_virtual_card::planted::PIN;

use crate::chapter::{Chapter, Told, asked, bind, link, unasked, welcome};
use crate::commands::only_these;

/// How long the pad may take to appear, and the screen after it.
const SCREEN_WITHIN: std::time::Duration = std::time::Duration::from_secs(30);

/// Tickets that keep their refusal while the gate stands.
const STANDING: [(Character, &str, Told); 5] = [
    (Character::Holder, "a ticket reported lost", unasked("desk", 10, "suspended")),
    (Character::SecondHolder, "a ticket of another part of the venue", unasked("other_entrance", 12, "other_entrance")),
    (Character::Stranger, "a ticket whose time has not come", unasked("too_early", 13, "too_early")),
    (Character::EndsSoon, "a ticket whose time is over", unasked("too_late", 14, "too_late")),
    (Character::OlderRoot, "a ticket that is not paid", unasked("desk", 10, "not_paid")),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_does_not_fit_is_refused_for_its_own_reason() -> anyhow::Result<()> {
    let Some(mut chapter) = Chapter::open("refusals")? else { return Ok(()) };
    let venue = Venue::open(chapter.folder()).await?;
    let event = venue.registrar.rehearsal(&EventOptions::default()).await?;
    let links = sell(&venue, &event).await?;
    for (card, name) in [
        (Character::Holder, "LOST-01"),
        (Character::SecondHolder, "ELSEWHERE-01"),
        (Character::Stranger, "EARLY-01"),
        (Character::EndsSoon, "LATE-01"),
        (Character::OlderRoot, "UNPAID-01"),
        (Character::Crowd(2), "LOST-02"),
    ] {
        bind(&venue, card, link(&links, name)?).await?;
    }
    venue.registrar.json(&["tickets", "suspend", &event, "LOST-01"]).await?;
    let mut gate = Gate::started(&venue, &event, 0).await?;

    for (card, what, told) in STANDING {
        chapter
            .step(&format!("{what} is refused by 2 commands: {}", told.reason), async {
                let before = venue.asked(card)?.len();
                told.holds(&gate.tap(&venue, card, Vec::new(), PIN).await?)?;
                let commands = venue.asked(card)?.len() - before;
                anyhow::ensure!(commands == 2, "{commands} commands");
                Ok(())
            })
            .await;
    }
    changes(&mut chapter, &venue, &mut gate).await;
    chapter.step("no card was asked anything else", async { only_these(&venue) }).await;
    gate.stop().await?;
    chapter.end()
}

async fn sell(venue: &Venue, event: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let paid = [
        TicketRow::open_now("LOST-01"),
        TicketRow::open_now("LOST-02"),
        TicketRow { zone: "B", ..TicketRow::open_now("ELSEWHERE-01") },
        TicketRow { from_s: 3_600, ..TicketRow::open_now("EARLY-01") },
        TicketRow { from_s: -7_200, until_s: -60, ..TicketRow::open_now("LATE-01") },
    ];
    let mut links = venue.registrar.import(event, &paid, false).await?;
    links.extend(venue.registrar.import(event, &[TicketRow::open_now("UNPAID-01")], true).await?);
    Ok(links)
}

/// What changes while the gate stands reaches it, also between the pad and the proof.
async fn changes(chapter: &mut Chapter, venue: &Venue, gate: &mut Gate) {
    let event = gate.event().to_owned();
    let change = async |verb: &str, name: &str, gate: &Gate| -> anyhow::Result<()> {
        venue.registrar.json(&["tickets", verb, &event, name]).await?;
        Ok(gate.followed(&venue.registrar, &event, FOLLOWS_WITHIN).await?)
    };
    chapter
        .step("suspended between pad and proof: the holder has proved who it is, and learns why", async {
            let screen = until_pad(venue, gate, Character::Crowd(2)).await?;
            let logged = gate.log_lines("nobody entered")?.len();
            change("suspend", "LOST-02", gate).await?;
            gate.kiosk()?.pin(&screen, PIN).await?;
            let last = gate.kiosk()?.screen("a refusal", SCREEN_WITHIN, |screen| screen.kind() == "refused").await?;
            venue.control()?.remove(gate.slot())?;
            gate.in_service().await?;
            anyhow::ensure!((last.notice(), last.code()) == ("suspended", Some(15)), "{last:?}");
            let why = gate.logs("nobody entered", logged, SCREEN_WITHIN).await?;
            anyhow::ensure!(why.get("reason").and_then(serde_json::Value::as_str) == Some("suspended"), "{why}");
            Ok(())
        })
        .await;
    chapter
        .step("cancelled for good", async {
            change("cancel", "LOST-01", gate).await?;
            let tap = gate.tap(venue, Character::Holder, Vec::new(), PIN).await?;
            unasked("desk", 10, "cancelled").holds(&tap)
        })
        .await;
    chapter
        .step("paid at last, the ticket opens the lane", async {
            change("confirm", "UNPAID-01", gate).await?;
            welcome(&gate.tap(venue, Character::OlderRoot, Vec::new(), PIN).await?)
        })
        .await;
    chapter
        .step("a holder who presses cancel is asked for no PIN any more", async {
            let tap = gate.tap(venue, Character::OlderRoot, Vec::new(), PIN).await?;
            asked("already_in", 18, "already_in").holds(&tap)?;
            let screen = until_pad(venue, gate, Character::OlderRoot).await?;
            let before = venue.asked(Character::OlderRoot)?.len();
            gate.kiosk()?.cancel(&screen).await?;
            let last = gate.kiosk()?.screen("a refusal", SCREEN_WITHIN, |screen| screen.kind() == "refused").await?;
            let late = gate.kiosk()?.pin(&screen, PIN).await;
            venue.control()?.remove(gate.slot())?;
            gate.in_service().await?;
            anyhow::ensure!(last.code() == Some(23) && late.is_err(), "{last:?}, a late PIN: {late:?}");
            anyhow::ensure!(venue.asked(Character::OlderRoot)?.len() == before, "the card was asked after the end");
            Ok(())
        })
        .await;
}

async fn until_pad(venue: &Venue, gate: &mut Gate, card: Character) -> anyhow::Result<kido_tests::harness::Shown> {
    gate.kiosk()?.forget();
    venue.control()?.insert(gate.slot(), card, Vec::new())?;
    Ok(gate.kiosk()?.screen("the pad", SCREEN_WITHIN, |screen| screen.kind() == "ask_pin").await?)
}
