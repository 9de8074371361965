//! A gate that knows nothing yet: how long until it holds 100,000 bindings, verified and stored, and what that takes.
//!
//! The gate is the real program, in the state that an enrolment leaves it in. The registrar is a host of files: it
//! serves a real feed (encrypted, chained, signed) out of memory, so what is measured is the gate.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use kido_gate::identity::DataFolder;
use kido_shared::challenge::Origin;
use kido_shared::feed::encode_range;
use kido_shared::ids::Epoch;
use kido_shared::limits::FEED_RANGE_RECORDS;
use kido_shared::wire::v1::routes;
use kido_tests::harness::{Process, Programs, free_port};
use serde_json::json;
use tokio::process::Command;

use crate::Scale;
use crate::event::MadeEvent;
use crate::http::{Host, Server};
use crate::machine;
use crate::report::{Reach, Row, Yardstick, rounded};

const BINDINGS: usize = 100_000;
/// How often the gate's log is looked at.
const LOOK: Duration = Duration::from_millis(5);
/// Ends a run that hangs.
const PATIENCE: Duration = Duration::from_secs(300);
/// What the gate writes when it has stored what the head promised.
const FOLLOWED: &str = "feed followed";
const MEGABYTE: f64 = 1_000_000.0;

/// What one gate took.
struct Fetched {
    time: Duration,
    processor: Duration,
    wire_bytes: u64,
    resident_bytes: u64,
}

pub(crate) fn measure(scale: Scale) -> anyhow::Result<Vec<Row>> {
    machine::build_programs()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let bindings = scale.of(BINDINGS);
    let mut full = MadeEvent::begin(3)?;
    full.bind_random(bindings, 0)?;
    let begun = Instant::now();
    full.open_all()?;
    let cryptography = begun.elapsed();
    let feed_bytes = full.bytes();
    let empty = runtime.block_on(fetch(MadeEvent::begin(4)?))?;
    let fetched = runtime.block_on(fetch(full))?;
    let row = |name, what: &str, figure: f64, unit, most, (than, yardstick): (&'static str, f64)| Row {
        name,
        what: format!("{what}, {bindings} bindings"),
        figure,
        unit,
        reach: Reach::AtMost(most),
        yardstick: Yardstick { what: than, figure: yardstick, unit },
        ratio: figure / yardstick,
        details: serde_json::Map::new(),
    };
    let seconds = fetched.time.as_secs_f64();
    let bare = ("chain and decryption of the same records in memory, once", cryptography.as_secs_f64());
    let mut time =
        row("fresh-gate/time", "from the start of the process to verified and stored", seconds, "s", 8.0, bare);
    time.details.insert("an empty event takes, s".to_owned(), rounded(empty.time.as_secs_f64()));
    // On a machine that is busy with other things this says more than the time does.
    time.details.insert("processor time of the gate, s".to_owned(), rounded(fetched.processor.as_secs_f64()));
    time.details.insert("records".to_owned(), json!(bindings.saturating_mul(2).saturating_add(2)));
    let bare = ("bytes of the encrypted records", megabytes(u64::try_from(feed_bytes)?));
    let wire = row("fresh-gate/wire", "both ways, heads included", megabytes(fetched.wire_bytes), "MB", 30.0, bare);
    let bare = ("the same gate at an empty event", megabytes(empty.resident_bytes));
    let memory = row(
        "fresh-gate/memory",
        "most that was resident (VmHWM)",
        megabytes(fetched.resident_bytes),
        "MB",
        150.0,
        bare,
    );
    Ok(vec![time, wire, memory])
}

#[expect(clippy::cast_precision_loss, reason = "megabytes for people")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / MEGABYTE
}

/// The feed's files, as any cache could hold them.
struct FeedFiles(MadeEvent);

impl Host for FeedFiles {
    fn get(&self, path: &str) -> Option<Vec<u8>> {
        let Self(made) = self;
        if path == routes::HEALTH {
            return Some(b"{}".to_vec());
        }
        if path == routes::feed_head(made.event) {
            return Some(made.head().ok()?.into_bytes());
        }
        if path == routes::feed_key(made.event) {
            return Some(made.certificate.as_bytes().to_vec());
        }
        let (before, number) = path.rsplit_once('/')?;
        let number: u64 = number.parse().ok()?;
        let is = |template: String| template.rsplit_once('/').is_some_and(|(template, _number)| template == before);
        let (from, take) = if is(routes::feed_range(made.event, Epoch::FIRST, number)) {
            (number.checked_mul(FEED_RANGE_RECORDS)?, FEED_RANGE_RECORDS)
        } else if is(routes::feed_tail(made.event, Epoch::FIRST, number)) {
            (number, made.length().checked_sub(number)?.min(FEED_RANGE_RECORDS))
        } else {
            return None;
        };
        encode_range(made.records(from, take).ok()?).ok()
    }
}

async fn fetch(made: MadeEvent) -> anyhow::Result<Fetched> {
    let folder = machine::scratch()?;
    let data = DataFolder::at(&folder.path().join("gate"));
    let files = Arc::new(FeedFiles(made));
    let server = Server::start(Arc::<FeedFiles>::clone(&files))?;
    data.create()?;
    files.0.identity(Origin::parse(&format!("http://{}", server.address()))?)?.store(&data)?;

    let mut command = Command::new(Programs::of_this_build()?.gate());
    command.arg("run").arg("--data").arg(data.path()).args(["--kiosk", &format!("127.0.0.1:{}", free_port()?)]);
    // No card comes into this: whatever reader the machine may have is left alone.
    command.env("PCSCLITE_CSOCK_NAME", folder.path().join("no-pcscd"));
    let begun = Instant::now();
    let gate = Process::start("gate", command, folder.path())?;
    let pid = gate.pid().context("the gate has ended")?.as_raw_nonzero().to_string();
    while !std::fs::read_to_string(gate.log())?.contains(FOLLOWED) {
        anyhow::ensure!(begun.elapsed() < PATIENCE, "the gate has not followed the feed, see {}", gate.log().display());
        tokio::time::sleep(LOOK).await;
    }
    let fetched = Fetched {
        time: begun.elapsed(),
        processor: machine::cpu_time(&pid)?,
        wire_bytes: server.bytes(),
        resident_bytes: machine::peak_resident_bytes(&pid)?,
    };
    gate.terminate().await?;
    Ok(fetched)
}
