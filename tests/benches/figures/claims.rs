//! Claims through the venue's arbiter, as gates make them: signed, over HTTP, durable before the answer.
//!
//! Arbiter and gates share this process and its cores; between them lies loopback TCP. The arbiter is the shipped one
//! but for its rate per gate in the second row: no lane asks that fast. Every claim is for a ticket of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use kido_arbiter::api::router;
use kido_arbiter::decide::{Arbiter, Parts};
use kido_arbiter::rate::{Pace, Paces};
use kido_arbiter::records::StoredRecords;
use kido_arbiter::serve::serve;
use kido_follow::{JournalWitness, PullNow, Signer, Uplink};
use kido_shared::admission::AdmissionBasis;
use kido_shared::claim::{ClaimAnswer, ClaimRequest, ClaimStep};
use kido_shared::clock::{Clock, SystemClock};
use kido_shared::ids::AdmissionId;
use kido_shared::journal_head::JournalHead;
use kido_shared::wire::v1::admissions::{ClaimAnswerBody, ClaimBody};
use kido_shared::wire::v1::routes;
use kido_store::{IndexChanges, Options, Position, Project, ProjectError, Store, StoreError, StoreIdentity};
use rand::rngs::OsRng;
use serde_json::{Map, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::Scale;
use crate::machine::{self, BareLog, Times};
use crate::report::{Reach, Row, Yardstick, rounded};
use crate::venue::MadeVenue;

/// Gates of the largest venue, and how often each lets somebody in.
const GATES: usize = 200;
const EVERY: Duration = Duration::from_secs(3);
/// Claims of each of these gates.
const ROUNDS: usize = 10;
/// Gates that ask as fast as they are answered.
const FAST_GATES: usize = 64;
const FAST_CLAIMS: usize = 40_000;
/// A claim of one of 200 gates, in milliseconds.
const P99_MS_MAX: f64 = 15.0;
const PER_SECOND_MIN: f64 = 5_000.0;
/// Longest that a gate waits for one answer.
const DEADLINE: Duration = Duration::from_secs(10);
/// Bytes of a record of claims as the arbiter writes it: name, revision, holder.
const RECORD_BYTES: usize = 110;

pub(crate) fn measure(scale: Scale) -> anyhow::Result<Vec<Row>> {
    let runtime = tokio::runtime::Runtime::new()?;
    Ok(vec![runtime.block_on(paced(scale))?, runtime.block_on(fast(scale))?])
}

/// The journal of a gate that has written nothing since its start: a box asks each request where it stands.
struct JustStarted;

impl JournalWitness for JustStarted {
    fn journal_head(&self) -> JournalHead {
        JournalHead { boot: 1, begun: [1; 32], length: 1, chain: [1; 32] }
    }
}

/// A running arbiter with its gates.
struct Running {
    venue: MadeVenue,
    uplinks: Vec<Uplink>,
    signers: Vec<Signer>,
    next: AtomicUsize,
    _folder: tempfile::TempDir,
}

impl Running {
    async fn begin(
        gates: usize,
        tickets: usize,
        paces: Paces,
        serving: &mut JoinSet<()>,
    ) -> anyhow::Result<(Arc<Self>, oneshot::Sender<()>)> {
        let folder = machine::scratch()?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("http://{}", listener.local_addr()?).parse()?;
        let venue = MadeVenue::make(gates, tickets, &address)?;
        let book = venue.book(&folder.path().join("book")).await?;
        let records = StoredRecords::open(folder.path(), venue.event)?;
        let (pull, _pulls) = PullNow::new();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let parts = Parts { book, records, names: venue.names(), paces, pull };
        let arbiter = Arc::new(Arbiter::new(parts, Arc::clone(&clock)));
        let (stop, stopped) = oneshot::channel();
        let stopped = async move {
            match stopped.await {
                Ok(()) | Err(_) => {}
            }
        };
        serving.spawn(async move { serve(listener, router(arbiter), stopped).await });
        // A client for each gate: connections of their own.
        let uplinks = (0..gates).map(|_gate| Uplink::new(address.clone(), "kido-figures")).collect::<Result<_, _>>()?;
        let signer = |(gate, key): &(_, ed25519_dalek::SigningKey)| {
            Signer::new(*gate, key.clone(), Arc::clone(&clock)).with_journal(Arc::new(JustStarted))
        };
        let signers = venue.gates.iter().map(signer).collect();
        let next = AtomicUsize::new(0);
        Ok((Arc::new(Self { venue, uplinks, signers, next, _folder: folder }), stop))
    }

    /// One claim of the next ticket at this gate.
    async fn claim(&self, gate: usize) -> anyhow::Result<Duration> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (ticket, decided_on) = *self.venue.tickets.get(number).context("more claims than tickets")?;
        let (id, _key) = self.venue.gates.get(gate).context("no such gate")?;
        let (admission, basis) = (AdmissionId::generate(&mut OsRng), AdmissionBasis::Claimed);
        let at = SystemClock.now();
        let request = ClaimRequest { admission, ticket, gate: *id, decided_on, at, basis };
        let body = ClaimBody { step: ClaimStep::Claim(request), arbiter: Some(self.venue.asked) };
        let (uplink, signer) = self.uplinks.get(gate).zip(self.signers.get(gate)).context("no such gate")?;
        let path = routes::claims(self.venue.event);
        let begun = Instant::now();
        let answered: ClaimAnswerBody = uplink.post_signed(&path, Some(&body), signer, DEADLINE).await?;
        let took = begun.elapsed();
        anyhow::ensure!(matches!(answered.answer, ClaimAnswer::Granted { entry: 1 }), "{:?}", answered.answer);
        Ok(took)
    }
}

async fn paced(scale: Scale) -> anyhow::Result<Row> {
    let rounds = scale.of(ROUNDS);
    let mut serving = JoinSet::new();
    let (running, stop) = Running::begin(GATES, GATES * (rounds + 1), Paces::LANE, &mut serving).await?;
    let bare = {
        let folder = machine::scratch()?;
        let mut log = BareLog::create(folder.path())?;
        let mut times = Times::default();
        for _write in 0..scale.of(1_000) {
            times.add(log.append()?);
        }
        times
    };
    let mut gates = JoinSet::new();
    for gate in 0..GATES {
        let running = Arc::clone(&running);
        gates.spawn(async move {
            let mut times = Times::default();
            // Lanes do not keep step with each other.
            let phase = EVERY.mul_f64(f64::from(u32::try_from(gate)?) / f64::from(u32::try_from(GATES)?));
            tokio::time::sleep(phase).await;
            let mut ticks = tokio::time::interval(EVERY);
            for round in 0..=rounds {
                ticks.tick().await;
                let took = running.claim(gate).await?;
                // The first one opens the connection.
                if round > 0 {
                    times.add(took);
                }
            }
            anyhow::Ok(times)
        });
    }
    let mut times = Times::default();
    while let Some(gate) = gates.join_next().await {
        times.extend(gate??);
    }
    end(stop, serving).await;
    let p99_ms = times.percentile_us(99) / 1_000.0;
    let mut details = Map::new();
    details.insert("claims".to_owned(), json!(times.len()));
    details.insert("p50_ms".to_owned(), rounded(times.percentile_us(50) / 1_000.0));
    Ok(Row {
        name: "claim",
        what: format!("a claim through the arbiter on one box, {GATES} gates at one per 3 s, p99"),
        figure: p99_ms,
        unit: "ms",
        reach: Reach::AtMost(P99_MS_MAX),
        yardstick: Yardstick { what: "one bare fdatasync, p99", figure: bare.percentile_us(99), unit: "µs" },
        ratio: times.percentile_us(99) / bare.percentile_us(99),
        details,
    })
}

async fn fast(scale: Scale) -> anyhow::Result<Row> {
    let claims = scale.of(FAST_CLAIMS);
    let unbounded = Pace { burst: 1_000_000, interval_ms: 0 };
    let mut serving = JoinSet::new();
    let paces = Paces { claims: unbounded, others: unbounded };
    let (running, stop) = Running::begin(FAST_GATES, claims + 2 * FAST_GATES, paces, &mut serving).await?;
    for gate in 0..FAST_GATES {
        running.claim(gate).await?;
    }
    let (begun, used) = (Instant::now(), machine::cpu_time("self")?);
    let mut gates = JoinSet::new();
    for gate in 0..FAST_GATES {
        let running = Arc::clone(&running);
        gates.spawn(async move {
            let mut times = Times::default();
            for _claim in 0..claims / FAST_GATES {
                times.add(running.claim(gate).await?);
            }
            anyhow::Ok(times)
        });
    }
    let mut times = Times::default();
    while let Some(gate) = gates.join_next().await {
        times.extend(gate??);
    }
    let per_second = rate(times.len(), begun.elapsed());
    // Gates and arbiter together: on machines of their own each has about half of it.
    let cpu_us = machine::micros(machine::cpu_time("self")?.saturating_sub(used)) / count(times.len());
    end(stop, serving).await;
    let bare = group_commit(claims).await?;
    let mut details = Map::new();
    details.insert("claims".to_owned(), json!(times.len()));
    details.insert("p50_ms".to_owned(), rounded(times.percentile_us(50) / 1_000.0));
    details.insert("p99_ms".to_owned(), rounded(times.percentile_us(99) / 1_000.0));
    details.insert("processor_us_per_claim".to_owned(), rounded(cpu_us));
    Ok(Row {
        name: "claims",
        what: format!("durable claims per second through the arbiter on one box, {FAST_GATES} gates"),
        figure: per_second,
        unit: "/s",
        reach: Reach::AtLeast(PER_SECOND_MIN),
        yardstick: Yardstick { what: "bare group commits of records of that size", figure: bare, unit: "/s" },
        ratio: per_second / bare,
        details,
    })
}

async fn end(stop: oneshot::Sender<()>, mut serving: JoinSet<()>) {
    if stop.send(()).is_ok() {
        while serving.join_next().await.is_some() {}
    }
}

fn rate(claims: usize, took: Duration) -> f64 {
    count(claims) / took.as_secs_f64()
}

fn count(claims: usize) -> f64 {
    f64::from(u32::try_from(claims).unwrap_or(u32::MAX))
}

/// An index that keeps each fact under its first 32 bytes, as the arbiter's does.
struct ByName;

impl Project for ByName {
    const VERSION: u32 = 1;

    fn project(&self, _at: Position, fact: &[u8], index: &mut IndexChanges<'_>) -> Result<(), ProjectError> {
        let (name, rest) = fact.split_at_checked(32).ok_or(ProjectError::Unreadable("too short"))?;
        index.put(name, rest);
        Ok(())
    }
}

/// The same writes without a gate, a signature or a decision: as many writers, as many bytes, one log.
async fn group_commit(writes: usize) -> anyhow::Result<f64> {
    let folder = machine::scratch()?;
    let identity = StoreIdentity::new([7; 16]);
    let (store, _opened) = Store::open(folder.path(), identity, ByName, Options::create_if_missing())?;
    let begun = Instant::now();
    let mut writers = JoinSet::new();
    for _writer in 0..FAST_GATES {
        let store = store.clone();
        writers.spawn(async move {
            for _write in 0..writes / FAST_GATES {
                let mut fact = vec![0; RECORD_BYTES];
                rand::RngCore::fill_bytes(&mut OsRng, &mut fact);
                let pending = store.transact(move |transaction| transaction.append(fact).map(|_at| ()));
                let stored: Result<_, kido_store::TransactError<StoreError>> = pending.await;
                stored?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(writer) = writers.join_next().await {
        writer??;
    }
    let per_second = rate(writes / FAST_GATES * FAST_GATES, begun.elapsed());
    tokio::task::spawn_blocking(move || store.close()).await??;
    Ok(per_second)
}
