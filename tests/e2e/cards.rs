//! Cards that are not as they should be: the lane says so, spends no try, and is there for the next holder.

use std::time::Duration;

use kido_tests::harness::{EventOptions, FOLLOWS_WITHIN, Gate, TicketRow, Venue};
use kido_virtual_card::card::{Fault, ShortFormRefusal};
use kido_virtual_card::character::Character;
use kido_virtual_card::planted::PIN;

use crate::chapter::{Chapter, Steps, Told, asked, bind, link, unasked, welcome};
use crate::commands::only_these;

/// How long a card that was torn out may take to be admitted once it is back: a notice, and a tap.
const BACK_WITHIN: Duration = Duration::from_secs(60);

/// When a card that was torn out lies there again: pcscd looks every 0.4 s, and has then seen the empty reader.
const BACK_AFTER_MS: u64 = 1_200;

/// Most commands of one tap (`protocol.md` §4).
const COMMANDS_MAX: usize = 12;

#[tokio::test(flavor = "multi_thread")]
async fn a_card_with_a_fault_neither_enters_nor_holds_the_lane() -> anyhow::Result<()> {
    let Some(mut chapter) = Chapter::open("cards")? else { return Ok(()) };
    let venue = Venue::open(chapter.folder()).await?;
    let options = EventOptions { tickets_per_card: 10, ..EventOptions::default() };
    let event = venue.registrar.rehearsal(&options).await?;
    let owners = [
        (Character::EndsSoon, "TORN", 7),
        (Character::Holder, "FAULT", 7),
        (Character::OldForms, "OLDFORM", 1),
        (Character::Slow, "SLOW", 1),
    ];
    let names = |prefix: &str, count: u32| (0..count).map(|n| format!("{prefix}-{n}0")).collect::<Vec<_>>();
    let all = owners.iter().flat_map(|(_, prefix, count)| names(prefix, *count));
    let rows: Vec<TicketRow> = all.map(|name| TicketRow::open_now(&name)).collect();
    let links = venue.registrar.import(&event, &rows, false).await?;
    for (card, prefix, count) in owners {
        for name in names(prefix, count) {
            bind(&venue, card, link(&links, &name)?).await?;
        }
    }
    let mut left = Gate::enrol(&venue, &event, "A", 0).await?;
    let mut right = Gate::enrol(&venue, &event, "A", 1).await?;
    for gate in [&mut left, &mut right] {
        gate.start().await?;
        gate.followed(&venue.registrar, &event, FOLLOWS_WITHIN).await?;
    }
    // Two lanes side by side: most of a refusal is the time in which its screen stands.
    let (torn, faulty) = tokio::join!(torn_cards(&venue, &mut left), faulty_cards(&venue, &mut right));
    chapter.add(torn);
    chapter.add(faulty);
    chapter.step("no card was asked anything else", async { only_these(&venue) }).await;
    left.stop().await?;
    right.stop().await?;
    chapter.end()
}

/// Torn out and back at each command; silent in the middle.
async fn torn_cards(venue: &Venue, gate: &mut Gate) -> Steps {
    let mut steps = Steps::default();
    for (command, executed) in [(1, false), (2, false), (3, false), (4, true), (5, true)] {
        let told = format!("torn out at command {command} and put back: place it again, and then it enters");
        steps.step(&told, torn_and_back(venue, gate, command, executed)).await;
    }
    steps
        .step("a card that never answers is let go, and the next holder enters", async {
            silent(venue, gate, Character::Endless, Vec::new()).await?;
            welcome(&gate.tap(venue, Character::EndsSoon, Vec::new(), PIN).await?)
        })
        .await;
    steps
        .step("a card that never signs is let go, and enters once it does", async {
            silent(venue, gate, Character::EndsSoon, vec![Fault::SilentFrom(5)]).await?;
            welcome(&gate.tap(venue, Character::EndsSoon, Vec::new(), PIN).await?)
        })
        .await;
    steps
}

async fn torn_and_back(venue: &Venue, gate: &mut Gate, command: u32, executed: bool) -> anyhow::Result<()> {
    let logged = gate.log_lines("nobody entered")?.len();
    gate.kiosk()?.forget();
    let torn = Fault::TornAt { command, executed, back_after_ms: Some(BACK_AFTER_MS) };
    venue.control()?.insert(gate.slot(), Character::EndsSoon, vec![torn])?;
    let mut refused = Vec::new();
    loop {
        let telling = |kind: &str| matches!(kind, "ask_pin" | "refused" | "welcome");
        let screen = gate.kiosk()?.screen("a screen", BACK_WITHIN, |screen| telling(screen.kind())).await?;
        match screen.kind() {
            "ask_pin" => gate.kiosk()?.pin(&screen, PIN).await?,
            "refused" => refused.push((screen.notice().to_owned(), screen.code())),
            _welcome => break,
        }
    }
    venue.control()?.remove(gate.slot())?;
    gate.in_service().await?;
    anyhow::ensure!(refused == [("card_left".to_owned(), Some(23))], "{refused:?}");
    let why = gate.logs("nobody entered", logged, BACK_WITHIN).await?;
    anyhow::ensure!(why.get("reason").and_then(serde_json::Value::as_str) == Some("card_left"), "{why}");
    Ok(())
}

/// A card that falls silent: refused, and after it was taken the lane is idle again by itself.
async fn silent(venue: &Venue, gate: &mut Gate, card: Character, faults: Vec<Fault>) -> anyhow::Result<()> {
    let tap = gate.tap(venue, card, faults, PIN).await?;
    anyhow::ensure!((tap.shown.kind(), tap.reason.as_str()) == ("refused", "unreadable"), "{tap:?}");
    Ok(())
}

/// What a fault of the holder's card comes to.
fn faults() -> Vec<(&'static str, Vec<Fault>, Told)> {
    let unreadable = unasked("unreadable", 22, "unreadable");
    vec![
        ("one try left", vec![Fault::TriesLeft(1)], unasked("too_few_tries", 27, "too_few_tries")),
        ("a locked PIN", vec![Fault::TriesLeft(0)], unasked("pin_locked", 26, "pin_locked")),
        ("no PIN", vec![Fault::TriesLeft(3), Fault::NoPin], unasked("no_pin", 25, "no_pin")),
        ("another kind of card", vec![Fault::AnotherCard], unasked("not_my_number_card", 21, "not_my_number_card")),
        ("a phone", vec![Fault::Phone], unasked("phone", 24, "phone")),
        ("no certificate", vec![Fault::GarbageCertificate], unasked("desk", 10, "no_ticket_here")),
        ("the signature certificate", vec![Fault::SignatureCertificate], unasked("desk", 10, "no_ticket_here")),
        ("61xx without end", vec![Fault::EndlessMore], unreadable),
        ("6Cxx without end", vec![Fault::EndlessWrongLength], unreadable),
        ("longer answers than asked for", vec![Fault::LongAnswer], unreadable),
        (
            "a PIN verified again and again by somebody else",
            vec![Fault::VerifiedBefore(9)],
            unasked("proof_failed", 29, "proof_failed"),
        ),
        ("a signature cut short", vec![Fault::ShortSignature], asked("proof_failed", 29, "proof_failed")),
        ("a signature of another key", vec![Fault::OtherKey], asked("proof_failed", 29, "proof_failed")),
    ]
}

async fn faulty_cards(venue: &Venue, gate: &mut Gate) -> Steps {
    let mut steps = Steps::default();
    for (what, faults, told) in faults() {
        steps
            .step(&format!("{what}: {}", told.reason), async {
                let before = venue.asked(Character::Holder)?.len();
                told.holds(&gate.tap(venue, Character::Holder, faults, PIN).await?)?;
                let entries = venue.asked(Character::Holder)?.split_off(before);
                let tried = entries.iter().filter(|entry| entry.command.contains("04 ..")).count();
                let as_told = tried == usize::from(told.asked_for_pin) && entries.len() <= COMMANDS_MAX;
                anyhow::ensure!(as_told, "{tried} PINs, {} commands: {entries:?}", entries.len());
                Ok(())
            })
            .await;
    }
    let good: [(&str, Character, Vec<Fault>, usize); 7] = [
        ("6F00 to the first command", Character::Holder, vec![Fault::FirstCommandFails], 6),
        ("a PIN verified once by somebody else", Character::Holder, vec![Fault::VerifiedBefore(1)], 8),
        ("9000 to an empty VERIFY after a good one", Character::Holder, vec![Fault::StatusIsDoneOnceVerified], 5),
        ("short forms unknown, 6D00", Character::Holder, short_forms_unknown(ShortFormRefusal::UnknownInstruction), 11),
        ("short forms unknown, 6A82", Character::Holder, short_forms_unknown(ShortFormRefusal::FileNotFound), 11),
        ("a card of the old forms", Character::OldForms, Vec::new(), 11),
        ("a slow card", Character::Slow, Vec::new(), 5),
    ];
    for (what, card, faults, most) in good {
        steps
            .step(&format!("{what}: enters all the same"), async {
                let before = venue.asked(card)?.len();
                welcome(&gate.tap(venue, card, faults, PIN).await?)?;
                let commands = venue.asked(card)?.len() - before;
                anyhow::ensure!(commands <= most, "{commands} commands");
                Ok(())
            })
            .await;
    }
    steps
}

fn short_forms_unknown(refusal: ShortFormRefusal) -> Vec<Fault> {
    vec![Fault::NoShortForms(refusal)]
}
