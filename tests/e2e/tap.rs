//! Taps that open a lane, and how often: once for each entry.

use kido_tests::harness::{EventOptions, FOLLOWS_WITHIN, Gate, TicketRow, Venue};
use kido_virtual_card::card::Totals;
use kido_virtual_card::character::Character;
use kido_virtual_card::planted::{PIN, WRONG_PIN};
use std::time::Duration;

use crate::chapter::{Chapter, asked, bind, link, unasked, welcome};
use crate::commands::{FAULTLESS_TAP, only_these};

/// How long an admission may take to arrive at a registrar that answers.
const ARRIVES_WITHIN: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_opens_once_for_each_entry_of_a_proved_card() -> anyhow::Result<()> {
    let Some(mut chapter) = Chapter::open("tap")? else { return Ok(()) };
    let venue = Venue::open(chapter.folder()).await?;
    let event = venue.registrar.rehearsal(&EventOptions::default()).await?;
    let party = |name: &str| TicketRow { party: "FAMILY", ..TicketRow::open_now(name) };
    let rows = [
        TicketRow::open_now("HOLDER-01"),
        party("PARENT-01"),
        party("CHILD-01"),
        TicketRow::open_now("TWICE-01"),
        TicketRow::open_now("TWICE-02"),
    ];
    let links = venue.registrar.import(&event, &rows, false).await?;
    for (card, name) in [
        (Character::Holder, "HOLDER-01"),
        (Character::SecondHolder, "PARENT-01"),
        (Character::SecondHolder, "CHILD-01"),
        (Character::EndsSoon, "TWICE-01"),
        (Character::EndsSoon, "TWICE-02"),
    ] {
        bind(&venue, card, link(&links, name)?).await?;
    }
    let mut gate = Gate::started(&venue, &event, 0).await?;
    chapter
        .step("the gate is told by its registrar, and need not ask", async {
            gate.logs("the feed is followed live", 0, FOLLOWS_WITHIN).await?;
            Ok(())
        })
        .await;

    one_holder(&mut chapter, &venue, &mut gate).await;
    a_party(&mut chapter, &venue, &mut gate).await;
    chapter
        .step("two tickets that are no party on one card: one entry each, and then none", async {
            for _entry in 0..2 {
                welcome(&gate.tap(&venue, Character::EndsSoon, Vec::new(), PIN).await?)?;
            }
            asked("already_in", 18, "already_in").holds(&gate.tap(&venue, Character::EndsSoon, Vec::new(), PIN).await?)
        })
        .await;
    chapter
        .step("every admission has arrived, once", async {
            for name in ["HOLDER-01", "PARENT-01", "CHILD-01", "TWICE-01", "TWICE-02"] {
                let arrived = gate.uploaded(&venue.registrar, &event, name, ARRIVES_WITHIN).await?;
                anyhow::ensure!(arrived == 1, "{arrived} admissions of {name}");
            }
            Ok(())
        })
        .await;
    chapter
        .step("a history tells of the proof that opened nothing, and not of the copy or the mistyped PIN", async {
            let told = gate.told_refused(&venue.registrar, &event, "HOLDER-01", ARRIVES_WITHIN).await?;
            anyhow::ensure!(told == [18], "{told:?}");
            Ok(())
        })
        .await;
    chapter.step("no card was asked anything else", async { only_these(&venue) }).await;
    gate.stop().await?;

    chapter.end()
}

/// What a card was asked since so many commands, and the bytes of it.
fn since(venue: &Venue, card: Character, before: usize) -> anyhow::Result<(Vec<String>, u64)> {
    let entries = venue.asked(card)?;
    let new = entries.iter().skip(before);
    let bytes = new.clone().map(|entry| entry.bytes_in + entry.bytes_out).sum::<usize>();
    Ok((new.map(|entry| entry.command.clone()).collect(), u64::try_from(bytes)?))
}

async fn one_holder(chapter: &mut Chapter, venue: &Venue, gate: &mut Gate) {
    chapter
        .step("a wrong PIN costs one try, never two", async {
            let before = venue.asked(Character::Holder)?.len();
            let tap = gate.tap(venue, Character::Holder, Vec::new(), WRONG_PIN).await?;
            asked("wrong_pin", 28, "wrong_pin").holds(&tap)?;
            anyhow::ensure!(tap.shown.sentence().contains('2'), "{}", tap.shown.sentence());
            let (commands, _) = since(venue, Character::Holder, before)?;
            anyhow::ensure!(commands.iter().filter(|command| command.contains("04 ..")).count() == 1, "{commands:?}");
            anyhow::ensure!(tries(venue, Character::Holder)? == Some(2));
            Ok(())
        })
        .await;
    chapter
        .step("the lane opens for the right PIN, in 5 commands and 612 bytes", async {
            let before = venue.asked(Character::Holder)?.len();
            let tap = gate.tap(venue, Character::Holder, Vec::new(), PIN).await?;
            welcome(&tap)?;
            let (commands, bytes) = since(venue, Character::Holder, before)?;
            anyhow::ensure!(commands == FAULTLESS_TAP && bytes == 612, "{bytes} bytes: {commands:?}");
            anyhow::ensure!(tries(venue, Character::Holder)? == Some(3));
            let cycles = venue.control()?.cards()?;
            let cycles =
                cycles.into_iter().find(|state| state.card == Character::Holder).map(|state| state.power_cycles);
            let last: Option<Totals> = cycles.and_then(|cycles| cycles.last().copied());
            anyhow::ensure!(last.is_some_and(|last| last.commands == 5), "one time under power: {last:?}");
            Ok(())
        })
        .await;
    chapter
        .step("the same card once more is already in, and learns when after its proof", async {
            let tap = gate.tap(venue, Character::Holder, Vec::new(), PIN).await?;
            asked("already_in", 18, "already_in").holds(&tap)
        })
        .await;
    chapter
        .step("a copy of its certificate fails at the proof", async {
            let tap = gate.tap(venue, Character::Copy, Vec::new(), PIN).await?;
            asked("proof_failed", 29, "proof_failed").holds(&tap)
        })
        .await;
    chapter
        .step("a stranger's card is read by 2 commands and asked for no PIN", async {
            let before = venue.asked(Character::Stranger)?.len();
            let tap = gate.tap(venue, Character::Stranger, Vec::new(), PIN).await?;
            unasked("desk", 10, "no_ticket_here").holds(&tap)?;
            let (commands, _) = since(venue, Character::Stranger, before)?;
            anyhow::ensure!(commands.iter().eq(FAULTLESS_TAP.iter().take(2)), "{commands:?}");
            Ok(())
        })
        .await;
}

fn tries(venue: &Venue, card: Character) -> anyhow::Result<Option<u8>> {
    Ok(venue.control()?.cards()?.iter().find(|state| state.card == card).map(|state| state.tries_left))
}

async fn a_party(chapter: &mut Chapter, venue: &Venue, gate: &mut Gate) {
    chapter
        .step("parent and child enter with one proof and two admissions", async {
            let before = venue.asked(Character::SecondHolder)?.len();
            let tap = gate.tap_party(venue, Character::SecondHolder, PIN, 2).await?;
            welcome(&tap)?;
            let seats = tap.shown.0.get("seats").and_then(serde_json::Value::as_array).map_or(0, Vec::len);
            let (commands, _) = since(venue, Character::SecondHolder, before)?;
            let proofs = commands.iter().filter(|command| command.starts_with("80 2A")).count();
            anyhow::ensure!((seats, proofs) == (2, 1), "{seats} seats, {proofs} proofs");
            Ok(())
        })
        .await;
    chapter
        .step("neither of them enters again", async {
            let tap = gate.tap_party(venue, Character::SecondHolder, PIN, 2).await?;
            asked("already_in", 18, "already_in").holds(&tap)
        })
        .await;
}
