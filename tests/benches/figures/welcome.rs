//! From the card's last answer to the green screen before its holder's eyes.
//!
//! Everything is the real program, as at an entrance: a card behind pcscd, its reader's process, the gate with its two
//! durable writes, the registrar as the arbiter, Chromium with the lane's page. The time begins with the line of the
//! gate's log that says that the card has answered, and ends with the painted welcome by the browser's clock, which is
//! this machine's. Chromium draws in software here; a display's own delay is in no figure.

use std::collections::BTreeMap;

use anyhow::Context as _;
use kido_tests::browser::{Browser, GATE, Painted, Setting};
use kido_tests::harness::{EventOptions, Gate, TicketRow, Venue};
use kido_virtual_card::character::Character;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::Scale;
use crate::machine::{self, Times};
use crate::report::{Reach, Row, Yardstick, rounded};

/// A lane's browser as it stands at an entrance: nobody reads along.
const UNWATCHED: Setting = Setting { language: "ja", is_kiosk: true, keeps_traffic: false };
const HOLDERS: u8 = 20;
const PIN: &str = "1234";
const MS_MAX: f64 = 50.0;
const FOLLOWS_WITHIN: core::time::Duration = core::time::Duration::from_secs(30);

/// Another colour and a word on an empty page: when it was painted, and when it was presented.
const BARE: &str = "document.body.replaceChildren(); window.bare = null; const begun = performance.now(); \
    new PerformanceObserver((list) => { const [word] = list.getEntries(); \
        window.bare = { ...window.bare, presented: word.presentationTime - begun }; }).observe({ type: 'element' }); \
    document.body.style.background = document.body.style.background === 'green' ? 'black' : 'green'; \
    const word = document.createElement('p'); word.elementTiming = 'word'; word.textContent = 'Welcome'; \
    document.body.append(word); \
    requestAnimationFrame(() => requestAnimationFrame(() => { \
        window.bare = { ...window.bare, painted: performance.now() - begun }; }));";

#[derive(Default)]
struct Seen {
    whole: Times,
    gate: Times,
    painted: Times,
    presented: Times,
    bare_painted: Times,
    bare_presented: Times,
    /// What the gate says of each tap, in microseconds.
    shares: BTreeMap<&'static str, Times>,
}

/// The gate's own words for where a tap's time goes.
const SHARES: [&str; 4] = ["own_us", "disk_us", "arbiter_us", "barrier_us"];

pub(crate) fn measure(scale: Scale) -> anyhow::Result<Vec<Row>> {
    machine::build_programs()?;
    if let Err(missing) = kido_tests::browser::installed() {
        eprintln!("not measured: {missing}");
        return Ok(Vec::new());
    }
    let runtime = tokio::runtime::Runtime::new()?;
    let folder = machine::scratch()?;
    let holders = u8::try_from(scale.of(usize::from(HOLDERS)))?;
    Ok(vec![runtime.block_on(evening(folder.path(), holders))?.row()])
}

async fn evening(folder: &std::path::Path, holders: u8) -> anyhow::Result<Seen> {
    let venue = Venue::open(folder).await?;
    let event = venue.registrar.rehearsal(&EventOptions::default()).await?;
    let names: Vec<String> = (0..holders).map(|number| format!("GREEN-{number}")).collect();
    let rows: Vec<TicketRow> = names.iter().map(|name| TicketRow::open_now(name)).collect();
    let links = venue.registrar.import(&event, &rows, false).await?;
    for (number, name) in (0..holders).zip(&names) {
        let run = venue.register(Character::Crowd(number), links.get(name).context("no link")?).await?;
        anyhow::ensure!(run.success, "{name}: {}", run.answer);
    }
    let mut gate = Gate::enrol(&venue, &event, "A", 0).await?;
    // The log then says when the card gave its last answer.
    gate.set_log_level("debug");
    gate.start().await?;
    gate.followed(&venue.registrar, &event, FOLLOWS_WITHIN).await?;
    let mut seen = Seen::default();
    bare(folder, &gate, holders, &mut seen).await?;
    let mut browser = Browser::start(&made(folder, "lane")?, UNWATCHED).await?;
    browser.resize(GATE[0]).await?;
    browser.go(&gate.kiosk_address()).await?;
    browser.wait("an idle lane", "document.documentElement.dataset.screen === 'idle'").await?;
    browser.watch_painting().await?;
    for number in 0..holders {
        let tap = gate.tap_only(&venue, Character::Crowd(number), PIN).await?;
        anyhow::ensure!(tap.shown.kind() == "welcome", "no welcome: {}", tap.shown.sentence());
        let answered = last_answer(&gate)?;
        gate.in_service().await?;
        // Only now: whoever asks a page while it is painted holds it up.
        seen.add(answered, browser.painted("welcome").await?);
    }
    seen.shares = shares(&gate)?;
    browser.close().await?;
    gate.stop().await?;
    Ok(seen)
}

fn made(folder: &std::path::Path, name: &str) -> anyhow::Result<std::path::PathBuf> {
    let made = folder.join(name);
    std::fs::create_dir_all(&made)?;
    Ok(made)
}

/// An almost empty page of the same size in a browser of its own.
async fn bare(folder: &std::path::Path, gate: &Gate, times: u8, seen: &mut Seen) -> anyhow::Result<()> {
    let mut browser = Browser::start(&made(folder, "bare")?, UNWATCHED).await?;
    browser.resize(GATE[0]).await?;
    browser.go(&format!("{}/health", gate.kiosk_address())).await?;
    for _time in 0..times {
        browser.ask(BARE).await?;
        browser.wait("the word", "window.bare?.painted !== undefined && window.bare?.presented !== undefined").await?;
        let told = browser.ask("return window.bare").await?;
        let ms = |name: &str| told.get(name).and_then(Value::as_f64).context("no such time");
        seen.bare_painted.add(time(ms("painted")?));
        seen.bare_presented.add(time(ms("presented")?));
    }
    browser.close().await?;
    Ok(())
}

/// When the card gave its last answer, in milliseconds since 1970.
fn last_answer(gate: &Gate) -> anyhow::Result<f64> {
    let answered = gate.log_lines("answered")?;
    let at = answered.last().and_then(|line| line.get("timestamp")).and_then(Value::as_str);
    let at = OffsetDateTime::parse(at.context("no answer in the log")?, &Rfc3339)?;
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of this century have room in an f64")]
    Ok((at.unix_timestamp_nanos() / 1_000) as f64 / 1_000.0)
}

/// Where the time of each tap went, by the gate's log.
fn shares(gate: &Gate) -> anyhow::Result<BTreeMap<&'static str, Times>> {
    let mut shares: BTreeMap<&'static str, Times> = BTreeMap::new();
    for line in gate.log_lines("tap")? {
        for name in SHARES {
            let us = line.get(name).and_then(Value::as_u64).context("no such share")?;
            shares.entry(name).or_default().add(core::time::Duration::from_micros(us));
        }
    }
    Ok(shares)
}

fn time(ms: f64) -> core::time::Duration {
    core::time::Duration::try_from_secs_f64(ms / 1_000.0).unwrap_or_default()
}

impl Seen {
    fn add(&mut self, answered: f64, painted: Painted) {
        let until_page = painted.arrived - answered;
        self.gate.add(time(until_page));
        self.painted.add(time(painted.painted));
        self.presented.add(time(painted.presented));
        self.whole.add(time(until_page + painted.painted));
    }

    fn row(&self) -> Row {
        let ms = |times: &Times, percent| times.percentile_us(percent) / 1_000.0;
        let both = |times: &Times| json!({ "p50_ms": rounded(ms(times, 50)), "p90_ms": rounded(ms(times, 90)) });
        let mut details = serde_json::Map::new();
        details.insert("welcomes".to_owned(), json!(self.whole.len()));
        details.insert("all of it".to_owned(), both(&self.whole));
        details.insert("gate, disk, arbiter, until the page".to_owned(), both(&self.gate));
        let of_gate: serde_json::Map<String, Value> =
            self.shares.iter().map(|(name, times)| ((*name).to_owned(), rounded(times.percentile_us(50)))).collect();
        details.insert("of it, by the gate's log, p50".to_owned(), Value::Object(of_gate));
        details.insert("the page, until painted".to_owned(), both(&self.painted));
        details.insert("the page, until presented (drawn in software)".to_owned(), both(&self.presented));
        details.insert("an empty page, until presented".to_owned(), both(&self.bare_presented));
        Row {
            name: "welcome",
            what: "from the card's last answer to green painted in Chromium, p50".to_owned(),
            figure: ms(&self.whole, 50),
            unit: "ms",
            reach: Reach::AtMost(MS_MAX),
            yardstick: Yardstick {
                what: "another colour and one word on an empty page, until painted, p50",
                figure: ms(&self.bare_painted, 50),
                unit: "ms",
            },
            ratio: ms(&self.whole, 50) / ms(&self.bare_painted, 50),
            details,
        }
    }
}
