//! The tour of the demo, gone step by step as its desk tells it, with the lane's screen beside it.

use anyhow::Context as _;
use kido_tests::browser::{GATE, PAGE, Tab};
use kido_tests::desk::{Desk, Tour};
use kido_tests::harness::{EventOptions, Gate, Venue};
use kido_virtual_card::character::Character;
use kido_virtual_card::planted::PIN;

use crate::chapter::Chapter;
use crate::lane::{code, screen, type_pin};
use crate::visit::Visitor;

/// Steps at the lane: whether a PIN is asked, what the screen comes to, and its code.
const AT_THE_LANE: [(&str, bool, &str, &str); 5] = [
    ("holder", true, "welcome", ""),
    ("again", true, "refused", "18"),
    ("copy", true, "refused", "29"),
    ("stranger", false, "refused", "10"),
    ("locked", false, "refused", "26"),
];

/// Taps until a gate that asks every 20 s has asked, at about six seconds for a card that it does not know.
const FOLLOWS_IN_TAPS: usize = 8;

/// In English with a pointer, then in Japanese by keyboard alone, the lane's keypad included.
#[tokio::test(flavor = "multi_thread")]
async fn the_tour_goes_as_the_desk_tells() -> anyhow::Result<()> {
    let Some(mut chapter) = Chapter::open("tour")? else { return Ok(()) };
    for language in ["en", "ja"] {
        Box::pin(goes(&mut chapter, language)).await?;
    }
    chapter.end()
}

/// One visitor's tour, at a venue of their own.
async fn goes(chapter: &mut Chapter, language: &'static str) -> anyhow::Result<()> {
    let folder = chapter.folder().join(language);
    let venue = Venue::open(&folder).await?;
    let event = venue.registrar.rehearsal(&EventOptions::default()).await?;
    let mut gate = Gate::enrol(&venue, &event, "A", 0).await?;
    gate.start().await?;
    let tour = Tour::lay_out(&venue, &gate, &event).await?;
    let desk = Desk::open(&venue, tour).await?;
    let mut lane = Visitor::comes(&folder.join("beside"), language, GATE).await?;
    let mut hand = Visitor::comes(&folder, language, PAGE).await?;
    chapter
        .step(&format!("{language}: the desk leads to the lane's screen"), async {
            hand.browser.go(&desk.address()).await?;
            let lanes = format!("{}?lang={language}", leads_to(&hand, "a[data-page='lane']").await?);
            lane.browser.go(&lanes).await?;
            screen(&lane, "idle").await?;
            if lane.browser.ask("return document.documentElement.lang").await? != language {
                lane.browser.press("#switch").await?;
            }
            Ok(())
        })
        .await;
    for (step, asks, kind, told) in AT_THE_LANE {
        chapter.step(step, taps(&mut hand, &mut lane, step, asks, (kind, told))).await;
    }
    chapter.step("the visitor registers a ticket and enters", registers(&mut hand, &lane)).await;
    chapter.step("lost and found", loses_and_finds(&mut hand)).await;
    chapter.step("the operator's console opens with the token on the desk", signs_in(&mut hand)).await;
    for visitor in [hand, lane] {
        let cast = [Character::Holder, Character::Stranger];
        chapter.step("no page keeps anybody out", async { visitor.leaves(&cast, "").await.map(|_traffic| ()) }).await;
    }
    gate.stop().await?;
    Ok(())
}

async fn leads_to(hand: &Visitor, selector: &str) -> anyhow::Result<String> {
    let address = hand.browser.ask(&format!("return document.querySelector(\"{selector}\").href")).await?;
    Ok(address.as_str().context("no address")?.to_owned())
}

/// Puts a step's card into the tray, does what the lane asks for, and takes the card.
async fn taps(
    hand: &mut Visitor,
    lane: &mut Visitor,
    step: &str,
    asks: bool,
    (kind, told): (&str, &str),
) -> anyhow::Result<()> {
    hand.browser.press(&format!("[data-put='{step}:tray']")).await?;
    if asks {
        screen(lane, "ask_pin").await?;
        type_pin(lane, PIN).await?;
    }
    screen(lane, kind).await?;
    let shown = if told.is_empty() { String::new() } else { code(lane).await? };
    anyhow::ensure!(shown == told, "code {shown}");
    lane.looks(&format!("tour-lane-{step}")).await?;
    hand.looks(&format!("tour-desk-{step}")).await?;
    hand.browser.press(&format!("[data-step-take='{step}:tray']")).await?;
    screen(lane, "idle").await
}

/// Opens the card helper for a step, in a tab of its own; gives the desk's.
async fn opens_helper(hand: &mut Visitor, step: &str) -> anyhow::Result<Tab> {
    hand.browser.press(&format!("[data-open-helper='{step}']")).await?;
    let link = format!("#step-{step} a[data-helper]");
    hand.browser.sees(&link).await?;
    let address = leads_to(hand, &link).await?;
    let desk = hand.browser.new_tab(PAGE[1]).await?;
    hand.browser.go(&address).await?;
    Ok(desk)
}

/// Goes to the desk, puts the step's card into the reader at home, and comes back to the helper for the PIN.
async fn shows_card(hand: &mut Visitor, desk: &Tab, step: &str, then: &str) -> anyhow::Result<()> {
    moment(hand, "put-card").await?;
    hand.browser.back_to(desk).await?;
    hand.browser.press(&format!("[data-put='{step}:home']")).await?;
    hand.browser.sees("[data-reader='home']:not([data-holds=''])").await?;
    hand.browser.to_newest_tab().await?;
    moment(hand, "pin").await?;
    hand.browser.fill("#field", PIN).await?;
    hand.browser.press("#form button.first").await?;
    moment(hand, then).await?;
    hand.browser.close_tab().await?;
    hand.browser.back_to(desk).await?;
    hand.browser.press(&format!("[data-step-take='{step}:home']")).await?;
    Ok(hand.browser.sees("[data-reader='home'][data-holds='']").await?)
}

async fn moment(hand: &Visitor, scene: &str) -> anyhow::Result<()> {
    Ok(hand.browser.sees(&format!("#moment[data-scene='{scene}'] h1")).await?)
}

async fn registers(hand: &mut Visitor, lane: &Visitor) -> anyhow::Result<()> {
    let desk = opens_helper(hand, "register").await?;
    moment(hand, "host").await?;
    hand.browser.fill("#field", "127.0.0.1").await?;
    hand.browser.press("#form button.first").await?;
    shows_card(hand, &desk, "register", "bound").await?;
    // The lane knows it with its next question to the registrar; a card that comes too early is sent to the desk.
    for _ in 0..FOLLOWS_IN_TAPS {
        hand.browser.press("[data-put='register:tray']").await?;
        let says = "['ask_pin', 'refused'].includes(document.documentElement.dataset.screen)";
        lane.browser.wait("the lane to say something", says).await?;
        if lane.browser.ask("return document.documentElement.dataset.screen").await? == "ask_pin" {
            type_pin(lane, PIN).await?;
            screen(lane, "welcome").await?;
            hand.browser.press("[data-step-take='register:tray']").await?;
            return screen(lane, "idle").await;
        }
        hand.browser.press("[data-step-take='register:tray']").await?;
        screen(lane, "idle").await?;
    }
    anyhow::bail!("the lane does not know the ticket")
}

async fn loses_and_finds(hand: &mut Visitor) -> anyhow::Result<()> {
    let ticket = leads_to(hand, "a[data-page='ticket']").await?;
    let desk = hand.browser.new_tab(PAGE[1]).await?;
    hand.browser.go(&ticket).await?;
    hand.browser.press("[data-do='ask-lost']").await?;
    hand.browser.press("[data-do='lost']").await?;
    hand.browser.sees(".band.elsewhere h1").await?;
    hand.browser.close_tab().await?;
    hand.browser.back_to(&desk).await?;
    let desk = opens_helper(hand, "ticket").await?;
    moment(hand, "which").await?;
    hand.browser.press("button[value='resume']").await?;
    shows_card(hand, &desk, "ticket", "resumed").await
}

async fn signs_in(hand: &mut Visitor) -> anyhow::Result<()> {
    let token = hand.browser.text("[data-token]").await?;
    hand.browser.go(&leads_to(hand, "a[data-page='console']").await?).await?;
    hand.browser.fill("#token", token.trim()).await?;
    hand.browser.press("button.first").await?;
    hand.browser.wait("the console", "location.pathname.startsWith('/console/events')").await?;
    Ok(hand.browser.sees("h1").await?)
}
