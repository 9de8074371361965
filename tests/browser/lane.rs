//! An evening at the lane's screen: card, PIN on the page, welcome; and everybody who does not enter.

use std::time::Duration;

use anyhow::Context as _;
use kido_tests::browser::{GATE, Painted, Size};
use kido_tests::harness::{EventOptions, FOLLOWS_WITHIN, Gate, TicketRow, Venue};
use kido_virtual_card::card::Fault;
use kido_virtual_card::character::Character;
use kido_virtual_card::planted::{PIN, WRONG_PIN};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::chapter::Chapter;
use crate::visit::{GONE, Visitor};

/// How long a page may take to notice that its lane has died, and the lane to be back.
const CLOSED_WITHIN: Duration = Duration::from_secs(60);

/// Cards that are refused before a proof, by what is wrong with them, with the code on the screen.
fn refused() -> [(Character, Vec<Fault>, &'static str, &'static str); 8] {
    // What an earlier tap has done to the holder's card, this one undoes.
    let holder = |fault| vec![Fault::TriesLeft(3), fault];
    [
        (Character::Stranger, Vec::new(), "10", "stranger"),
        (Character::Crowd(1), Vec::new(), "12", "other-entrance"),
        (Character::Holder, vec![Fault::EndlessMore], "22", "unreadable"),
        (Character::Holder, vec![Fault::AnotherCard], "21", "another-card"),
        (Character::Phone, Vec::new(), "24", "phone"),
        (Character::Holder, holder(Fault::NoPin), "25", "no-pin"),
        (Character::Holder, vec![Fault::TriesLeft(0)], "26", "locked"),
        (Character::Holder, vec![Fault::TriesLeft(1)], "27", "one-try"),
    ]
}

/// Windows in which a pad must be whole: the lane's screens, a window beside another one, a phone held by a developer.
const PAD_FITS: [Size; 5] = [
    Size { width: 1_080, height: 1_920 },
    Size { width: 1_280, height: 800 },
    Size { width: 640, height: 860 },
    Size { width: 800, height: 700 },
    Size { width: 390, height: 844 },
];

/// Every key is in the window, as large as a finger, and no word lies over the strip.
async fn the_pad_fits(visitor: &Visitor) -> anyhow::Result<()> {
    const WRONG: &str = "const at = (element) => element.getBoundingClientRect(); \
        const keys = [...document.querySelectorAll('#pad button')].map(at); \
        const out = keys.filter((key) => key.bottom > innerHeight || key.right > innerWidth || key.height < 44); \
        const over = at(document.getElementById('said')).top < at(document.querySelector('header')).bottom; \
        return `${keys.length - out.length} of ${keys.length} keys${over ? ', words over the strip' : ''}`;";
    for size in PAD_FITS {
        visitor.browser.resize(size).await?;
        let found = visitor.browser.ask(WRONG).await?;
        anyhow::ensure!(found == "13 of 13 keys", "at {}x{}: {found}", size.width, size.height);
    }
    visitor.browser.resize(GATE[0]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_evening_at_the_lane() -> anyhow::Result<()> {
    let Some(mut chapter) = Chapter::open("lane")? else { return Ok(()) };
    let venue = Venue::open(chapter.folder()).await?;
    let mut gate = doors(&venue).await?;
    for language in ["ja", "en"] {
        let mut visitor = Visitor::comes(chapter.folder(), language, GATE).await?;
        evening(&mut chapter, &venue, &mut gate, &mut visitor, language).await;
        let cast = [Character::Holder, Character::SecondHolder, Character::Stranger, Character::Copy];
        chapter
            .step("no screen keeps anybody out, nothing of a card stays", async {
                visitor.leaves(&cast, "LANE-").await.map(|_traffic| ())
            })
            .await;
    }
    gate.stop().await?;
    chapter.end()
}

/// An event with everybody's tickets bound, and a gate in service.
async fn doors(venue: &Venue) -> anyhow::Result<Gate> {
    let options = EventOptions { tickets_per_card: 4, ..EventOptions::default() };
    let event = venue.registrar.rehearsal(&options).await?;
    let family = |name: &str| TicketRow { party: "FAMILY", ..TicketRow::open_now(name) };
    let seated = |row: TicketRow| TicketRow { seat_label: format!("1階 {}列", row.ticket_ref.len()), ..row };
    let rows = [
        TicketRow::open_now("LANE-JA"),
        TicketRow::open_now("LANE-EN"),
        family("LANE-PARENT-JA"),
        family("LANE-CHILD-JA"),
        family("LANE-PARENT-EN"),
        family("LANE-CHILD-EN"),
        TicketRow { zone: "B", ..TicketRow::open_now("LANE-ELSEWHERE") },
    ]
    .map(seated);
    let links = venue.registrar.import(&event, &rows, false).await?;
    for (card, name) in [
        (Character::Holder, "LANE-JA"),
        (Character::SecondHolder, "LANE-PARENT-JA"),
        (Character::SecondHolder, "LANE-CHILD-JA"),
        (Character::Crowd(3), "LANE-PARENT-EN"),
        (Character::Crowd(3), "LANE-CHILD-EN"),
        (Character::Crowd(1), "LANE-ELSEWHERE"),
        (Character::Crowd(2), "LANE-EN"),
    ] {
        let run = venue.register(card, links.get(name).context("no link")?).await?;
        anyhow::ensure!(run.success, "{name}: {}", run.answer);
    }
    let mut gate = Gate::enrol(venue, &event, "A", 0).await?;
    // The log then says when the card gave its last answer.
    gate.set_log_level("debug");
    gate.start().await?;
    gate.followed(&venue.registrar, &event, FOLLOWS_WITHIN).await?;
    Ok(gate)
}

async fn evening(chapter: &mut Chapter, venue: &Venue, gate: &mut Gate, visitor: &mut Visitor, language: &str) {
    let holder = if language == "ja" { Character::Holder } else { Character::Crowd(2) };
    chapter
        .step(&format!("{language}: the lane waits for a card"), async {
            visitor.browser.go(&format!("{}/?lang={language}", gate.kiosk_address())).await?;
            screen(visitor, "idle").await?;
            if visitor.browser.ask("return document.documentElement.lang").await? != language {
                visitor.browser.press("#switch").await?;
            }
            visitor.looks("gate-idle").await
        })
        .await;
    chapter
        .step("a wrong PIN: the card once more", async {
            insert(visitor, venue, holder, "ask_pin").await?;
            visitor.looks("gate-pin").await?;
            the_pad_fits(visitor).await?;
            type_pin(visitor, WRONG_PIN).await?;
            screen(visitor, "refused").await?;
            anyhow::ensure!(code(visitor).await? == "28", "code {}", code(visitor).await?);
            visitor.looks("gate-wrong-pin").await?;
            taken(visitor, venue, gate).await
        })
        .await;
    chapter
        .quiet_step("card, PIN, welcome", async {
            visitor.browser.watch_painting().await?;
            insert(visitor, venue, holder, "ask_pin").await?;
            type_pin(visitor, PIN).await?;
            screen(visitor, "welcome").await?;
            tell_painted(visitor, gate).await?;
            visitor.looks("gate-welcome").await?;
            taken(visitor, venue, gate).await
        })
        .await;
    chapter
        .step("the same card once more: already in", async {
            insert(visitor, venue, holder, "ask_pin").await?;
            type_pin(visitor, PIN).await?;
            screen(visitor, "refused").await?;
            anyhow::ensure!(code(visitor).await? == "18", "code {}", code(visitor).await?);
            visitor.looks("gate-already-in").await?;
            taken(visitor, venue, gate).await
        })
        .await;
    family(chapter, venue, gate, visitor, language).await;
    // Each stands for six seconds and says both languages at once: the second visitor need not wait for them again.
    let refused = refused().into_iter().filter(|_| language == "ja");
    for (card, faults, expected, name) in refused {
        chapter
            .step(&format!("{name}: code {expected}"), async {
                venue.control()?.insert(0, card, faults)?;
                screen(visitor, "refused").await?;
                let shown = code(visitor).await?;
                visitor.looks(&format!("gate-{name}")).await?;
                taken(visitor, venue, gate).await?;
                anyhow::ensure!(shown == expected, "code {shown}");
                Ok(())
            })
            .await;
    }
    dies(chapter, gate, visitor).await;
}

async fn family(chapter: &mut Chapter, venue: &Venue, gate: &mut Gate, visitor: &mut Visitor, language: &str) {
    let parent = if language == "ja" { Character::SecondHolder } else { Character::Crowd(3) };
    chapter
        .step("a parent with a child: how many, then welcome for both", async {
            insert(visitor, venue, parent, "ask_pin").await?;
            type_pin(visitor, PIN).await?;
            screen(visitor, "ask_party").await?;
            visitor.looks("gate-party").await?;
            visitor.browser.press("[data-key='2']").await?;
            visitor.browser.press("[data-key='enter']").await?;
            screen(visitor, "welcome").await?;
            visitor.looks("gate-welcome-party").await?;
            taken(visitor, venue, gate).await
        })
        .await;
    chapter
        .step("a copy of a certificate", async {
            insert(visitor, venue, Character::Copy, "ask_pin").await?;
            type_pin(visitor, PIN).await?;
            screen(visitor, "refused").await?;
            visitor.looks("gate-copy").await?;
            taken(visitor, venue, gate).await
        })
        .await;
    chapter
        .step("cancel at the pad", async {
            insert(visitor, venue, parent, "ask_pin").await?;
            visitor.browser.press("[data-key='cancel']").await?;
            visitor.browser.wait("the pad to be gone", "document.documentElement.dataset.screen !== 'ask_pin'").await?;
            taken(visitor, venue, gate).await
        })
        .await;
}

async fn dies(chapter: &mut Chapter, gate: &mut Gate, visitor: &mut Visitor) {
    chapter
        .step("the gate dies: the page says by itself that the lane is closed", async {
            gate.kill().await?;
            let closed = "['closed', 'out_of_order'].includes(document.documentElement.dataset.screen)";
            visitor.browser.wait_within("the lane to be closed", closed, CLOSED_WITHIN).await?;
            visitor.looks_expecting("gate-closed", &GONE).await
        })
        .await;
    chapter
        .step("and comes back by itself with it", async {
            gate.start().await?;
            visitor.browser.wait_within("the lane to be idle", &screen_is("idle"), CLOSED_WITHIN).await?;
            visitor.holds_still("gate-back", &GONE).await
        })
        .await;
}

fn screen_is(kind: &str) -> String {
    format!("document.documentElement.dataset.screen === '{kind}'")
}

/// Waits until the lane's page draws this screen.
pub(crate) async fn screen(visitor: &Visitor, kind: &str) -> anyhow::Result<()> {
    Ok(visitor.browser.wait(kind, &screen_is(kind)).await?)
}

pub(crate) async fn code(visitor: &Visitor) -> anyhow::Result<String> {
    Ok(visitor.browser.text("#code").await?.trim().to_owned())
}

async fn insert(visitor: &Visitor, venue: &Venue, card: Character, then: &str) -> anyhow::Result<()> {
    venue.control()?.insert(0, card, Vec::new())?;
    screen(visitor, then).await
}

/// Takes the card out, and waits until the page waits for the next one.
async fn taken(visitor: &Visitor, venue: &Venue, gate: &mut Gate) -> anyhow::Result<()> {
    venue.control()?.remove(0)?;
    gate.settled().await?;
    screen(visitor, "idle").await
}

/// Types on the keypad beside the screen, or touches the pad on it.
pub(crate) async fn type_pin(visitor: &Visitor, pin: &str) -> anyhow::Result<()> {
    for digit in pin.chars() {
        visitor.browser.digit(digit).await?;
    }
    anyhow::ensure!(!visitor.browser.ask("return document.documentElement.outerHTML").await?.to_string().contains(pin));
    visitor.browser.enter().await?;
    Ok(())
}

/// Tells how long it took from the card's last answer, by the gate's log, to the painted welcome, by the browser. Told,
/// not held: another test may have both processors at that moment. The figure is the benchmark's row `welcome`.
async fn tell_painted(visitor: &Visitor, gate: &Gate) -> anyhow::Result<()> {
    let Painted { arrived, painted, presented } = visitor.browser.painted("welcome").await?;
    let answered = gate.log_lines("answered")?;
    let answered = answered.last().and_then(|line| line.get("timestamp")).and_then(Value::as_str);
    let answered = OffsetDateTime::parse(answered.context("no answer in the log")?, &Rfc3339)?;
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of this century have room in an f64")]
    let answered_ms = (answered.unix_timestamp_nanos() / 1_000) as f64 / 1_000.0;
    let whole_ms = arrived + painted - answered_ms;
    println!(
        "     card's last answer to green painted: {whole_ms:.1} ms (the page's part {painted:.1} ms, presented after {presented:.1} ms)"
    );
    anyhow::ensure!(whole_ms > 0.0, "painted before the card answered: the clocks differ");
    Ok(())
}
