//! A stadium's tickets: 100,000 of them imported through the command line, and what each leaves on the disks.
//!
//! The registrar is the real program, and so is the importing one: file, judging, codes, code file, HTTP and the durable
//! import are in the time. The gate's share is measured on the replica itself, over a feed in which every one of the
//! tickets is bound to a card.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use kido_gate::replica::Replica;
use kido_tests::harness::{EventOptions, Programs, Registrar, free_port};
use serde_json::{Map, Value, json};

use crate::Scale;
use crate::cards;
use crate::event::MadeEvent;
use crate::machine;
use crate::report::{Reach, Row, Yardstick, rounded};

const TICKETS: usize = 100_000;
/// Tickets in one request of the command line: the bare log is synced as often.
const BATCH: usize = 5_000;
const SECONDS_MAX: f64 = 10.0;
pub(crate) const REGISTRAR_BYTES_MAX: f64 = 1_500.0;
const GATE_BYTES_MAX: f64 = 700.0;
/// The file of facts in a store's folder; everything beside it is sled's.
const LOG: &str = "facts.log";

pub(crate) fn measure(scale: Scale) -> anyhow::Result<Vec<Row>> {
    machine::build_programs()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let folder = machine::scratch()?;
    let tickets = scale.of(TICKETS);
    let imported = runtime.block_on(import(folder.path(), tickets))?;
    let bare = bare(folder.path(), imported.kept.log, tickets.div_ceil(BATCH))?;
    let followed = follow(folder.path(), tickets)?;
    let seconds = imported.took.as_secs_f64();
    let mut details = Map::new();
    details.insert("tickets per second".to_owned(), rounded(count(tickets) / seconds));
    details.insert("again, every ticket there already, s".to_owned(), rounded(imported.again.as_secs_f64()));
    details.insert("processor, registrar, s".to_owned(), rounded(imported.registrar.as_secs_f64()));
    let time = Row {
        name: "import/time",
        what: format!("{tickets} tickets through the command line, codes written and synced first"),
        figure: seconds,
        unit: "s",
        reach: Reach::AtMost(SECONDS_MAX),
        yardstick: Yardstick {
            what: "bare write and fdatasync of the log's bytes, in as many parts",
            figure: bare.as_secs_f64(),
            unit: "s",
        },
        ratio: seconds / bare.as_secs_f64(),
        details,
    };
    let registrar =
        kept("import/registrar", "imported, at the registrar", &imported.kept, tickets, REGISTRAR_BYTES_MAX);
    let gate = kept("import/gate", "bound, in a gate's replica", &followed, tickets, GATE_BYTES_MAX);
    Ok(vec![time, registrar, gate])
}

struct Imported {
    took: Duration,
    again: Duration,
    registrar: Duration,
    kept: Kept,
}

/// Bytes of one store after a clean stop.
pub(crate) struct Kept {
    log: u64,
    index: u64,
    /// What of it is the feed's ciphertext, where that is known.
    feed: Option<usize>,
}

impl Kept {
    pub(crate) fn in_folder(folder: &Path) -> anyhow::Result<Self> {
        let log = std::fs::metadata(folder.join(LOG)).with_context(|| format!("no log in {}", folder.display()))?;
        let index = machine::folder_bytes(folder)?.saturating_sub(log.len());
        Ok(Self { log: log.len(), index, feed: None })
    }
}

/// What each ticket's part of a store is, and sled's share of it.
pub(crate) fn kept(name: &'static str, what: &str, kept: &Kept, tickets: usize, most: f64) -> Row {
    let each = |bytes: u64| machine::bytes(bytes) / count(tickets);
    let mut details = Map::new();
    let index = each(kept.index);
    details.insert("the log, bytes".to_owned(), rounded(each(kept.log)));
    details.insert("sled, bytes".to_owned(), rounded(index));
    let all = each(kept.log.saturating_add(kept.index));
    details.insert("sled's share".to_owned(), rounded(index / all));
    if let Some(feed) = kept.feed {
        details.insert("ciphertext of the feed, bytes".to_owned(), json!(feed / tickets.max(1)));
    }
    Row {
        name,
        what: format!("bytes kept per ticket, {tickets} {what}"),
        figure: all,
        unit: "B",
        reach: Reach::AtMost(most),
        yardstick: Yardstick { what: "the log alone", figure: each(kept.log), unit: "B" },
        ratio: all / each(kept.log),
        details,
    }
}

#[expect(clippy::cast_precision_loss, reason = "some hundred thousand")]
const fn count(tickets: usize) -> f64 {
    tickets as f64
}

async fn import(folder: &Path, tickets: usize) -> anyhow::Result<Imported> {
    let anchors = folder.join("anchors");
    std::fs::create_dir(&anchors)?;
    std::fs::write(anchors.join("root.der"), cards::root()?)?;
    let programs = Programs::of_this_build()?;
    let mut registrar = Registrar::init(&programs, folder, folder, &anchors, (free_port()?, None)).await?;
    registrar.start().await?;
    let event = registrar.rehearsal(&EventOptions::default()).await?;
    let (table, codes) = (folder.join("tickets.csv"), folder.join("codes.csv"));
    std::fs::write(&table, csv(tickets)?)?;
    let arguments = [
        "tickets",
        "import",
        event.as_str(),
        table.to_str().context("a path that is no text")?,
        "--codes",
        codes.to_str().context("a path that is no text")?,
    ];
    let pid = machine::child_named("kido-registrar")?;
    let before = machine::cpu_time(&pid)?;
    let begun = Instant::now();
    let done = registrar.json(&arguments).await?;
    let took = begun.elapsed();
    let used = machine::cpu_time(&pid)?.saturating_sub(before);
    ensure!(done.get("created").and_then(Value::as_u64) == Some(u64::try_from(tickets)?), "{done}");
    let begun = Instant::now();
    let done = registrar.json(&arguments).await?;
    let again = begun.elapsed();
    ensure!(done.get("unchanged").and_then(Value::as_u64) == Some(u64::try_from(tickets)?), "{done}");
    registrar.stop().await?;
    let kept = Kept::in_folder(&registrar.folder().join("events").join(&event))?;
    Ok(Imported { took, again, registrar: used, kept })
}

fn csv(tickets: usize) -> anyhow::Result<String> {
    let mut table = "ticket_ref,order_ref,zone,seat_label,valid_from,valid_until,entries,party\n".to_owned();
    let (from, until) = ("2027-01-10T17:00:00+09:00", "2027-01-10T22:00:00+09:00");
    for number in 0..tickets {
        let (order, zone) = (number / 4, ["A", "B", "C", "D"].get(number % 4).copied().unwrap_or("A"));
        let (floor, row, seat) = (number / 10_000 + 1, number / 100 % 100 + 1, number % 100 + 1);
        writeln!(table, "T-{number:08},O-{order:08},{zone},{floor}階 {row}列 {seat}番,{from},{until},1,")?;
    }
    Ok(table)
}

/// The same number of bytes, written and synced in as many parts, and nothing else.
fn bare(folder: &Path, bytes: u64, parts: usize) -> anyhow::Result<Duration> {
    let part = vec![0xA5; usize::try_from(bytes)? / parts.max(1)];
    let mut file = File::create(folder.join("bare.log"))?;
    let begun = Instant::now();
    for _part in 0..parts {
        file.write_all(&part)?;
        file.sync_data()?;
    }
    Ok(begun.elapsed())
}

/// A gate's replica that has followed a feed of bound tickets to its end.
fn follow(folder: &Path, tickets: usize) -> anyhow::Result<Kept> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut event = MadeEvent::begin(6)?;
    event.bind_random(tickets, 0)?;
    let place = folder.join("replica");
    let replica = Replica::open(&place, event.followed())?;
    event.fill(&replica, &runtime)?;
    replica.close()?;
    Ok(Kept { feed: Some(event.bytes()), ..Kept::in_folder(&place)? })
}
