//! After an hour without a line: a thousand admissions that nobody but their gate knows, brought home.
//!
//! The registrar is the real program. The gate's half runs here as it runs in the gate: its durable journal, filled as
//! lanes without an arbiter fill it, the signed batches, and the note of what was acknowledged. The time begins with the
//! first look into the outbox and ends when the journal has durably noted the last acknowledgement, so each batch holds
//! two durable writes, the registrar's and the gate's, one after the other.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use kido_follow::{Pace, Signer, Uplink};
use kido_gate::identity::Identity;
use kido_gate::journal::{Journal, PlannedEntry};
use kido_gate::replica::Replica;
use kido_gate::sync::http::RegistrarClient;
use kido_shared::admission::DecidedOn;
use kido_shared::challenge::Origin;
use kido_shared::clock::{Clock as _, SystemClock};
use kido_shared::ids::FeedSequence;
use kido_shared::limits::ADMISSIONS_PER_BATCH;
use kido_tests::harness::{Follower, MemoryCopy, Programs, Registrar, enrol_follower};
use rand::rngs::OsRng;
use serde_json::json;
use tokio::runtime::Runtime;

use crate::Scale;
use crate::machine::{self, BareLog, Times};
use crate::registrations;
use crate::report::{Reach, Row, Yardstick, rounded};

/// Admissions of one gate in an hour of its fastest lane.
const ADMISSIONS: usize = 1_000;
/// Offline hours, one after the other; the slowest is the figure.
const HOURS: usize = 8;
const SECONDS_MAX: f64 = 0.5;
/// Longer than anything here takes; ends a run that hangs.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) fn measure(scale: Scale) -> anyhow::Result<Vec<Row>> {
    machine::build_programs()?;
    let runtime = Runtime::new()?;
    let folder = machine::scratch()?;
    let (each, hours) = (scale.of(ADMISSIONS), HOURS);
    let (registrar, event, _codes) = runtime.block_on(registrations::opened(folder.path(), each * hours))?;
    let pid = machine::child_named("kido-registrar")?;
    let (mut times, mut bare, mut used) = (Times::default(), Times::default(), Duration::ZERO);
    for number in 0..hours {
        // Each hour is another gate's: one gate's word for what it let in counts no faster than a lane works.
        let place = folder.path().join(number.to_string());
        std::fs::create_dir(&place)?;
        let gate = Gate::enrol(&runtime, &registrar, &event, &place)?;
        let hour = gate.tickets.chunks(each).nth(number).context("too few tickets")?;
        runtime.block_on(gate.admit_offline(hour))?;
        bare.add(gate.bare(each.div_ceil(ADMISSIONS_PER_BATCH).saturating_mul(2))?);
        let before = machine::cpu_time(&pid)?;
        times.add(runtime.block_on(gate.bring_home(each))?);
        used += machine::cpu_time(&pid)?.saturating_sub(before);
    }
    ensure!(times.len() == hours, "{} hours", times.len());
    let shown = runtime.block_on(registrar.json(&["event", "show", &event]))?;
    let arrived = shown.pointer("/entries/admissions").and_then(serde_json::Value::as_u64);
    ensure!(arrived == Some(u64::try_from(each * hours)?), "{shown}");
    registrations::stop(&runtime, registrar)?;

    let (slowest, bare) = (times.percentile_us(100), bare.percentile_us(100));
    let mut details = serde_json::Map::new();
    details.insert("hours".to_owned(), json!(hours));
    details.insert("the median of them, s".to_owned(), rounded(times.percentile_us(50) / 1_000_000.0));
    let of_registrar = machine::micros(used) / f64::from(u32::try_from(each * hours)?);
    details.insert("processor, registrar, us each".to_owned(), rounded(of_registrar));
    Ok(vec![Row {
        name: "upload",
        what: format!("{each} offline admissions brought home, the slowest of {hours} times"),
        figure: slowest / 1_000_000.0,
        unit: "s",
        reach: Reach::AtMost(SECONDS_MAX),
        yardstick: Yardstick {
            what: "as many bare fdatasyncs as batches have durable writes",
            figure: bare / 1_000_000.0,
            unit: "s",
        },
        ratio: slowest / bare,
        details,
    }])
}

/// An enrolled gate's journal, and its way home.
struct Gate {
    journal: Journal,
    replica: Replica,
    home: RegistrarClient,
    tickets: Vec<PlannedEntry>,
    scratch: std::path::PathBuf,
}

impl Gate {
    fn enrol(runtime: &Runtime, registrar: &Registrar, event: &str, folder: &Path) -> anyhow::Result<Self> {
        let (programs, place) = (Programs::of_this_build()?, folder.join("gate"));
        let identity = runtime.block_on(enrol_follower(&programs, registrar, event, (&place, folder)))?;
        let origin = Origin::parse(&registrar.origin())?;
        let tickets = runtime.block_on(tickets(registrar, event, &identity, (&origin, folder)))?;
        let (gate, clock) = (identity.enrolment().gate, Arc::new(SystemClock));
        let (journal, _recovered) = Journal::open(&folder.join("journal"), gate, SystemClock.now(), &mut OsRng)?;
        let key = identity.keys().signing().clone();
        let signer = Signer::new(gate, key, Arc::<SystemClock>::clone(&clock)).with_journal(Arc::new(journal.clone()));
        let uplink = Uplink::new(origin, "kido-figures")?;
        let home = RegistrarClient::new(uplink, signer, clock, folder.to_owned());
        let replica = Replica::open(&folder.join("replica"), identity.followed())?;
        Ok(Self { journal, replica, home, tickets, scratch: folder.to_owned() })
    }

    /// Lets them in as a lane does that finds no arbiter.
    async fn admit_offline(&self, entries: &[PlannedEntry]) -> anyhow::Result<()> {
        for entry in entries {
            let admitted = self.journal.admit_offline(vec![entry.clone()], SystemClock.now(), &mut OsRng).await?;
            let stored = admitted.stored.iter().map(|stored| stored.admission().id).collect();
            self.journal.note_opened(stored, SystemClock.now()).await?;
        }
        Ok(())
    }

    /// What a gate does once its registrar answers again.
    async fn bring_home(&self, count: usize) -> anyhow::Result<Duration> {
        let (begun, mut acknowledged) = (Instant::now(), 0);
        loop {
            match self.home.push(&self.journal, &self.replica).await? {
                0 => break,
                taken => acknowledged += taken,
            }
        }
        let took = begun.elapsed();
        ensure!(acknowledged == count, "{acknowledged} of {count} were acknowledged");
        Ok(took)
    }

    fn bare(&self, writes: usize) -> anyhow::Result<Duration> {
        let mut log = BareLog::create(&self.scratch)?;
        (0..writes).try_fold(Duration::ZERO, |sum, _write| Ok(sum + log.append()?))
    }
}

/// Every ticket of the event, as a gate that has followed the feed would decide on it.
async fn tickets(
    registrar: &Registrar,
    event: &str,
    identity: &Identity,
    (origin, folder): (&Origin, &Path),
) -> anyhow::Result<Vec<PlannedEntry>> {
    let copy = MemoryCopy::new(&identity.followed())?;
    let follower = Follower::begin(copy, origin, folder.to_owned(), Pace::default())?;
    follower.knows(registrar.feed_length(event).await?, PATIENCE).await?;
    let planned = |ticket| {
        let at = FeedSequence::new(follower.copy.last_word_on(ticket).context("a ticket without a record")?);
        Ok(PlannedEntry {
            ticket,
            decided_on: DecidedOn { ticket: at, binding: at, epoch: kido_shared::ids::Epoch::FIRST },
            entry: 1,
        })
    };
    follower.copy.tickets().into_iter().map(planned).collect()
}
