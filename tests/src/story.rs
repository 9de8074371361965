//! The demo's story: each step says what a person does, does it, and holds what happened against what it told.

mod by_hand;

use core::fmt::Display;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use kido_shared::clock::{Clock as _, SystemClock, Timestamp};
use kido_virtual_card::character::Character;
use kido_virtual_card::planted::{PIN, WRONG_PIN};
use serde_json::{Value, json};

use crate::harness::{EventOptions, FOLLOWS_WITHIN, Gate, HarnessError, OfflineChoice, Tap, TicketRow, Venue};

/// How long an admission may take to arrive at a registrar that is back.
const ARRIVES_WITHIN: Duration = Duration::from_secs(45);

/// Somebody's card that is found by somebody else.
const LOST: Character = Character::Crowd(2);

/// Says a line on standard output; a terminal that was closed hears nothing, and nothing breaks.
pub fn say(line: impl Display) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).ok();
}

/// What was told so far.
#[derive(Debug, Default)]
pub struct Story {
    steps: Vec<Value>,
    figures: serde_json::Map<String, Value>,
    failed: bool,
}

impl Story {
    /// Notes a step and whether it went as told.
    fn step(&mut self, told: &str, went_as_told: bool, seen: &str, began: Timestamp) {
        let took_ms = u64::try_from(SystemClock.now().since(began).as_millis()).unwrap_or(u64::MAX);
        let mark = if went_as_told { "✓" } else { "✗" };
        say(format_args!("{mark} {told}\n     {seen}  ({took_ms} ms)"));
        self.failed |= !went_as_told;
        self.steps.push(json!({ "step": told, "ok": went_as_told, "seen": seen, "ms": took_ms }));
    }

    fn figure(&mut self, name: &str, value: impl Into<Value>) {
        self.figures.insert(name.to_owned(), value.into());
    }

    /// Whether every step so far went as told.
    #[must_use]
    pub const fn went_as_told(&self) -> bool {
        !self.failed
    }

    /// Everything, as one JSON object, with the signal that ended it.
    #[must_use]
    pub fn json(&self, ok: bool, ended_by: Option<&str>) -> Value {
        json!({ "ok": ok, "ended_by": ended_by, "steps": self.steps, "figures": self.figures })
    }
}

/// What stands when the story has been told; everything ends with it.
#[derive(Debug)]
pub struct Stage {
    venue: Venue,
    gate: Gate,
    event: String,
}

impl Stage {
    /// Ends gate and registrar in their own way.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn close(mut self) -> Result<(), HarnessError> {
        self.gate.stop().await?;
        self.venue.registrar.stop().await
    }
}

/// Tells the whole story in a folder.
///
/// # Errors
/// [`HarnessError`] where a step could not be done at all.
pub async fn tell(story: &mut Story, folder: &Path, port: u16) -> Result<Stage, HarnessError> {
    say("木戸 Kido: from a purchase to an open lane\n");
    let began = SystemClock.now();
    let mut venue = Venue::open_on(folder, port).await?;
    story.step("A registrar and a private card reader start", true, &venue.registrar.origin(), began);
    let options = EventOptions { offline: OfflineChoice::Admit, ..EventOptions::default() };
    let event = venue.registrar.rehearsal(&options).await?;
    let links = sell(story, &venue, &event).await?;
    let mut gate = open_doors(story, &venue, &event).await?;
    buyer(story, &venue, &links).await?;
    admitted_once(story, &venue, &mut gate).await?;
    refused(story, &venue, &mut gate).await?;
    family(story, &venue, &mut gate, &links).await?;
    lost(story, &venue, &mut gate, &event, &links).await?;
    uplink_down(story, &mut venue, &mut gate, &event, &links).await?;
    Ok(Stage { venue, gate, event })
}

type Links = std::collections::BTreeMap<String, String>;

async fn sell(story: &mut Story, venue: &Venue, event: &str) -> Result<Links, HarnessError> {
    let began = SystemClock.now();
    let family = |row: TicketRow| TicketRow { party: "FAMILY", ..row };
    let rows = [
        TicketRow::open_now_at("TICKET-HOLDER", "1階 5列 8番"),
        family(TicketRow::open_now_at("TICKET-PARENT", "1階 9列 3番")),
        family(TicketRow::open_now_at("TICKET-CHILD", "1階 9列 4番")),
        TicketRow::open_now_at("TICKET-LOST", "1階 2列 17番"),
        TicketRow::open_now_at("TICKET-LATER", "2階 1列 6番"),
    ];
    let links = venue.registrar.import(event, &rows, false).await?;
    let seen = format!("{} tickets imported; only hashes of their codes are kept", links.len());
    story.step("A shop sells five tickets", links.len() == rows.len(), &seen, began);
    Ok(links)
}

async fn open_doors(story: &mut Story, venue: &Venue, event: &str) -> Result<Gate, HarnessError> {
    let began = SystemClock.now();
    let mut gate = Gate::enrol(venue, event, "A", 0).await?;
    gate.start().await?;
    let seen = format!("{} is idle and follows the feed", gate.id());
    story.step("A gate is enrolled: the operator types the six digits that it shows", true, &seen, began);
    Ok(gate)
}

fn link<'a>(links: &'a Links, name: &str) -> &'a str {
    links.get(name).map_or("", String::as_str)
}

/// Registers the first ticket.
async fn buyer(story: &mut Story, venue: &Venue, links: &Links) -> Result<(), HarnessError> {
    let began = SystemClock.now();
    let run = venue.register(Character::Holder, link(links, "TICKET-HOLDER")).await?;
    let seen = if run.success { "bound; the code in the link is dead" } else { run.problem() };
    story.step("The buyer binds a ticket to a card at home: link, card, four digits", run.success, seen, began);

    let began = SystemClock.now();
    let again = venue.register(Character::Stranger, link(links, "TICKET-HOLDER")).await?;
    let seen = format!("refused: {}", again.problem());
    story.step("Somebody who got hold of the link tries it with another card", !again.success, &seen, began);
    Ok(())
}

/// Waits until the gate has followed the feed as far as it goes now.
async fn follow(venue: &Venue, gate: &Gate, event: &str) -> Result<(), HarnessError> {
    gate.followed(&venue.registrar, event, FOLLOWS_WITHIN).await
}

fn told(tap: &Tap) -> String {
    let code = tap.shown.code().map_or(String::new(), |code| format!(" [{code}]"));
    format!("{}{code}", tap.shown.sentence())
}

async fn admitted_once(story: &mut Story, venue: &Venue, gate: &mut Gate) -> Result<(), HarnessError> {
    let event = gate.event().to_owned();
    follow(venue, gate, &event).await?;
    let began = SystemClock.now();
    let before = commands(venue, Character::Holder)?;
    let tap = gate.tap(venue, Character::Holder, Vec::new(), PIN).await?;
    let after = commands(venue, Character::Holder)?;
    let (count, bytes) = (after.0 - before.0, after.1 - before.1);
    story.figure("tap_commands", count);
    story.figure("tap_bytes", bytes);
    let seen = format!("{} ({count} commands, {bytes} bytes)", told(&tap));
    let as_told = tap.is_welcome() && count == 5 && bytes == 612;
    story.step("The holder taps: card, four digits, open", as_told, &seen, began);

    let began = SystemClock.now();
    let tap = gate.tap(venue, Character::Holder, Vec::new(), PIN).await?;
    story.step("The same card once more", tap.shown.notice() == "already_in", &told(&tap), began);
    Ok(())
}

/// Commands that a card was asked so far, and bytes both ways.
fn commands(venue: &Venue, card: Character) -> Result<(u64, u64), HarnessError> {
    let cards = venue.control()?.cards()?;
    let state = cards.iter().find(|state| state.card == card);
    Ok(state.map_or((0, 0), |state| (state.total.commands, state.total.bytes())))
}

async fn refused(story: &mut Story, venue: &Venue, gate: &mut Gate) -> Result<(), HarnessError> {
    let began = SystemClock.now();
    let tap = gate.tap(venue, Character::Copy, Vec::new(), PIN).await?;
    let as_told = tap.shown.notice() == "proof_failed";
    story.step("A copy of the certificate on another card", as_told, &told(&tap), began);

    let began = SystemClock.now();
    let before = commands(venue, Character::Stranger)?.0;
    let tap = gate.tap(venue, Character::Stranger, Vec::new(), PIN).await?;
    let count = commands(venue, Character::Stranger)?.0 - before;
    story.figure("stranger_commands", count);
    let as_told = tap.shown.notice() == "desk" && !tap.asked_for_pin && count == 2;
    let seen = format!("{} ({count} commands, no PIN asked)", told(&tap));
    story.step("A card that no ticket is bound to", as_told, &seen, began);
    Ok(())
}

async fn family(story: &mut Story, venue: &Venue, gate: &mut Gate, links: &Links) -> Result<(), HarnessError> {
    let began = SystemClock.now();
    let parent = venue.register(Character::SecondHolder, link(links, "TICKET-PARENT")).await?;
    let child = venue.register(Character::SecondHolder, link(links, "TICKET-CHILD")).await?;
    let seen = "two tickets on the parent's card";
    story.step("A parent binds two tickets", parent.success && child.success, seen, began);
    let event = gate.event().to_owned();
    follow(venue, gate, &event).await?;

    let began = SystemClock.now();
    let tap = gate.tap(venue, Character::SecondHolder, Vec::new(), WRONG_PIN).await?;
    let as_told = tap.shown.notice() == "wrong_pin";
    story.step("A mistyped PIN costs one try, and the lane asks for the card again", as_told, &told(&tap), began);

    let began = SystemClock.now();
    let tap = gate.tap_party(venue, Character::SecondHolder, PIN, 2).await?;
    let seats = tap.shown.0.get("seats").and_then(Value::as_array).map_or(0, Vec::len);
    let seen = format!("{} ({seats} seats)", told(&tap));
    story.step("Parent and child enter with one proof", tap.is_welcome() && seats == 2, &seen, began);
    Ok(())
}

async fn lost(
    story: &mut Story,
    venue: &Venue,
    gate: &mut Gate,
    event: &str,
    links: &Links,
) -> Result<(), HarnessError> {
    let began = SystemClock.now();
    let bound = venue.register(LOST, link(links, "TICKET-LOST")).await?;
    venue.registrar.json(&["tickets", "suspend", event, "TICKET-LOST"]).await?;
    follow(venue, gate, event).await?;
    let tap = gate.tap(venue, LOST, Vec::new(), PIN).await?;
    let as_told = bound.success && tap.shown.notice() == "desk" && !tap.asked_for_pin;
    story.step("A card is reported lost; whoever found it stands at the gate", as_told, &told(&tap), began);
    Ok(())
}

async fn uplink_down(
    story: &mut Story,
    venue: &mut Venue,
    gate: &mut Gate,
    event: &str,
    links: &Links,
) -> Result<(), HarnessError> {
    let began = SystemClock.now();
    let latecomer = Character::Crowd(1);
    let bound = venue.register(latecomer, link(links, "TICKET-LATER")).await?;
    follow(venue, gate, event).await?;
    venue.registrar.stop().await?;
    gate.offline(FOLLOWS_WITHIN).await?;
    let tap = gate.tap(venue, latecomer, Vec::new(), PIN).await?;
    let seen = format!("{} (this event's offline choice is to admit)", told(&tap));
    let as_told = bound.success && tap.is_welcome();
    story.step("The uplink dies; the gate goes on by itself", as_told, &seen, began);

    let began = SystemClock.now();
    venue.registrar.start().await?;
    let admitted = gate.uploaded(&venue.registrar, event, "TICKET-LATER", ARRIVES_WITHIN).await?;
    let seen = format!("the registrar has {admitted} admission of that ticket");
    story.step("The uplink is back; what happened meanwhile arrives, once", admitted == 1, &seen, began);
    Ok(())
}
