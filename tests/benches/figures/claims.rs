//! Claims through the venue's arbiter, as gates make them: signed, over HTTP, durable before the answer.
//!
//! Arbiter and gates share this process and its cores; between them lies loopback TCP. The arbiter is the shipped one
//! but for its rate per gate in the second row: no lane asks that fast. Every claim is for a ticket of its own.
//!
//! In the first row gates ask with the client that they ship with. In the second there is one machine in the place of 65:
//! what gates spend is the arbiter's loss. So they sign beforehand (a signature lives a minute) and write their HTTP by
//! hand, and what they still take of the processors is given.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use kido_arbiter::api::router;
use kido_arbiter::decide::{Arbiter, Parts};
use kido_arbiter::records::StoredRecords;
use kido_arbiter::serve::serve;
use kido_follow::{JournalWitness, PullNow, Signer, Uplink};
use kido_shared::admission::AdmissionBasis;
use kido_shared::challenge::Origin;
use kido_shared::claim::rate::{Pace, Paces};
use kido_shared::claim::{ClaimAnswer, ClaimRequest, ClaimStep};
use kido_shared::clock::{Clock as _, SystemClock};
use kido_shared::ids::{AdmissionId, GateId};
use kido_shared::journal_head::{JOURNAL_HEADER, JournalHead};
use kido_shared::request_signature::{RequestParts, sign};
use kido_shared::wire::v1::admissions::{ClaimAnswerBody, ClaimBody};
use kido_shared::wire::v1::routes;
use kido_store::{IndexChanges, Options, Position, Project, ProjectError, Store, StoreError, StoreIdentity};
use rand::rngs::OsRng;
use serde_json::{Map, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::Scale;
use crate::http::Connection;
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
    Ok(vec![runtime.block_on(paced(scale))?, fast(scale, &runtime)?])
}

/// Where the journal of a gate stands that has written nothing since its start: a box asks each request for it.
const JUST_STARTED: JournalHead = JournalHead { boot: 1, begun: [1; 32], length: 1, chain: [1; 32] };

struct JustStarted;

impl JournalWitness for JustStarted {
    fn journal_head(&self) -> JournalHead {
        JUST_STARTED
    }
}

/// A running arbiter and its venue.
struct Running {
    venue: MadeVenue,
    address: SocketAddr,
    origin: Origin,
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
        let address = listener.local_addr()?;
        let origin = format!("http://{address}").parse()?;
        let venue = MadeVenue::make(gates, tickets, &origin)?;
        let book = venue.book(&folder.path().join("book")).await?;
        let records = StoredRecords::open(folder.path(), venue.event)?;
        let (pull, _pulls) = PullNow::new();
        let parts = Parts { book, records, names: venue.names(), paces, pull };
        let arbiter = Arc::new(Arbiter::new(parts, Arc::new(SystemClock)));
        let (stop, stopped) = oneshot::channel();
        let stopped = async move {
            match stopped.await {
                Ok(()) | Err(_) => {}
            }
        };
        serving.spawn(async move { serve(listener, router(arbiter), stopped).await });
        let next = AtomicUsize::new(0);
        Ok((Arc::new(Self { venue, address, origin, next, _folder: folder }), stop))
    }

    /// A claim of the next ticket by this gate.
    fn next_claim(&self, gate: GateId) -> anyhow::Result<ClaimBody> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (ticket, decided_on) = *self.venue.tickets.get(number).context("more claims than tickets")?;
        let (admission, basis) = (AdmissionId::generate(&mut OsRng), AdmissionBasis::Claimed);
        let request = ClaimRequest { admission, ticket, gate, decided_on, at: SystemClock.now(), basis };
        Ok(ClaimBody { step: ClaimStep::Claim(request), arbiter: Some(self.venue.asked) })
    }
}

fn granted(answered: &ClaimAnswerBody) -> anyhow::Result<()> {
    anyhow::ensure!(matches!(answered.answer, ClaimAnswer::Granted { entry: 1 }), "{:?}", answered.answer);
    Ok(())
}

/// A gate with the client that it ships with, on a connection of its own.
struct Gate {
    id: GateId,
    uplink: Uplink,
    signer: Signer,
    running: Arc<Running>,
}

impl Gate {
    fn new(running: &Arc<Running>, number: usize) -> anyhow::Result<Self> {
        let (id, key) = running.venue.gates.get(number).context("no such gate")?;
        let uplink = Uplink::new(running.origin.clone(), "kido-figures")?;
        let signer = Signer::new(*id, key.clone(), Arc::new(SystemClock)).with_journal(Arc::new(JustStarted));
        Ok(Self { id: *id, uplink, signer, running: Arc::clone(running) })
    }

    async fn claim(&self) -> anyhow::Result<Duration> {
        let body = self.running.next_claim(self.id)?;
        let path = routes::claims(self.running.venue.event);
        let begun = Instant::now();
        let answered = self.uplink.post_signed(&path, Some(&body), &self.signer, DEADLINE).await?;
        let took = begun.elapsed();
        granted(&answered)?;
        Ok(took)
    }
}

/// A claim that is signed and not sent yet.
struct Signed {
    headers: String,
    body: Vec<u8>,
}

/// A gate that writes its own HTTP.
struct BareGate<'a> {
    id: GateId,
    key: &'a ed25519_dalek::SigningKey,
    connection: Connection,
    path: String,
    running: &'a Running,
    claims: Vec<Signed>,
}

impl<'a> BareGate<'a> {
    /// On an open connection, with so many claims at hand.
    fn new(running: &'a Running, number: usize, claims: usize) -> anyhow::Result<Self> {
        let (id, key) = running.venue.gates.get(number).context("no such gate")?;
        let (connection, path) = (Connection::open(running.address)?, routes::claims(running.venue.event));
        let mut gate = Self { id: *id, key, connection, path, running, claims: Vec::new() };
        let first = gate.sign()?;
        gate.claim(&first)?;
        gate.claims = (0..claims).map(|_claim| gate.sign()).collect::<Result<_, _>>()?;
        Ok(gate)
    }

    fn sign(&self) -> anyhow::Result<Signed> {
        let body = serde_json::to_vec(&self.running.next_claim(self.id)?)?;
        let (target, journal) = (format!("{}{}", self.running.origin.as_str(), self.path), JUST_STARTED.to_string());
        let parts = RequestParts { method: "POST", target_uri: &target, body: &body, journal: Some(&journal) };
        let signed = sign(&parts, self.id, self.key, SystemClock.now(), &mut OsRng);
        let headers = format!(
            "content-digest: {}\r\nsignature-input: {}\r\nsignature: {}\r\n{JOURNAL_HEADER}: {journal}\r\n",
            signed.content_digest, signed.signature_input, signed.signature
        );
        Ok(Signed { headers, body })
    }

    fn claim(&mut self, claim: &Signed) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        let (status, answer) = self.connection.post_as(&self.path, &claim.body, &claim.headers)?;
        let took = begun.elapsed();
        anyhow::ensure!(status == 200, "{status}: {}", String::from_utf8_lossy(&answer));
        granted(&serde_json::from_slice(&answer)?)?;
        Ok(took)
    }

    /// As fast as it is answered; gives the times, and what this thread has used of the processors.
    fn claim_all(mut self) -> anyhow::Result<(Times, Duration)> {
        let (mut times, before) = (Times::default(), machine::thread_time()?);
        for claim in std::mem::take(&mut self.claims) {
            times.add(self.claim(&claim)?);
        }
        Ok((times, machine::thread_time()?.saturating_sub(before)))
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
        let lane = Gate::new(&running, gate)?;
        gates.spawn(async move {
            let mut times = Times::default();
            // Lanes do not keep step with each other.
            let phase = EVERY.mul_f64(f64::from(u32::try_from(gate)?) / f64::from(u32::try_from(GATES)?));
            tokio::time::sleep(phase).await;
            let mut ticks = tokio::time::interval(EVERY);
            for round in 0..=rounds {
                ticks.tick().await;
                let took = lane.claim().await?;
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

fn fast(scale: Scale, runtime: &tokio::runtime::Runtime) -> anyhow::Result<Row> {
    let claims = scale.of(FAST_CLAIMS);
    let unbounded = Pace { burst: 1_000_000, interval_ms: 0 };
    let mut serving = JoinSet::new();
    let paces = Paces { claims: unbounded, told: unbounded, others: unbounded, uploads: unbounded };
    let (running, stop) = runtime.block_on(Running::begin(FAST_GATES, claims + 2 * FAST_GATES, paces, &mut serving))?;
    let gates = (0..FAST_GATES).map(|number| BareGate::new(&running, number, claims / FAST_GATES));
    let gates = gates.collect::<anyhow::Result<Vec<_>>>()?;
    let (begun, used) = (Instant::now(), machine::cpu_time("self")?);
    let (times, of_gates) = rush(gates)?;
    let took = begun.elapsed();
    let used = machine::cpu_time("self")?.saturating_sub(used);
    runtime.block_on(end(stop, serving));
    let bare = runtime.block_on(group_commit(claims))?;
    let (per_second, each) = (rate(times.len(), took), |used| machine::micros(used) / count(times.len()));
    let of_arbiter = used.saturating_sub(of_gates);
    let share = of_gates.as_secs_f64() / used.as_secs_f64();
    let mut details = Map::new();
    details.insert("claims".to_owned(), json!(times.len()));
    details.insert("p50_ms".to_owned(), rounded(times.percentile_us(50) / 1_000.0));
    details.insert("p99_ms".to_owned(), rounded(times.percentile_us(99) / 1_000.0));
    details
        .insert("processor, gates".to_owned(), json!({ "share": rounded(share), "us_each": rounded(each(of_gates)) }));
    details.insert(
        "processor, arbiter".to_owned(),
        json!({ "share": rounded(1.0 - share), "us_each": rounded(each(of_arbiter)) }),
    );
    details.insert("cores busy".to_owned(), rounded(used.as_secs_f64() / took.as_secs_f64()));
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

/// Each gate asks as fast as it is answered. Gives all times, and what the gates have used of the processors.
fn rush(gates: Vec<BareGate<'_>>) -> anyhow::Result<(Times, Duration)> {
    std::thread::scope(|scope| {
        let asking: Vec<_> = gates.into_iter().map(|gate| scope.spawn(move || gate.claim_all())).collect();
        let (mut times, mut used) = (Times::default(), Duration::ZERO);
        for gate in asking {
            let (of_gate, used_by_gate) = gate.join().ok().context("a gate panicked")??;
            times.extend(of_gate);
            used = used.saturating_add(used_by_gate);
        }
        Ok((times, used))
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
