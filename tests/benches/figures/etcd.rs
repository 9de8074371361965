//! Claims over three boxes and an etcd of three members: what Kido adds to a bare transaction, and what a dead leader costs.
//!
//! The members are Debian's, processes of their own with the options that operators are given, on one disk and one
//! machine: each write costs two fdatasyncs of that disk. Boxes and gates share this process; between everything lies
//! loopback TCP. A gate asks as the shipped one does, deadlines and next box included.

mod bare;
mod venue;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use kido_arbiter::records::ClaimRecords as _;
use kido_gate::lane::ClaimOutcome;
use kido_shared::claim::ClaimAnswer;
use kido_shared::ids::{AdmissionId, TicketId};
use kido_tests::harness::Etcd;
use serde_json::{Map, json};
use tokio::task::JoinSet;

use crate::Scale;
use crate::machine::{self, Times};
use crate::report::{Reach, Row, Yardstick, rounded};
use bare::Bare;
use venue::Running;

/// Gates of the largest venue, and how often each lets somebody in: 67 claims a second.
const GATES: usize = 200;
const EVERY: Duration = Duration::from_secs(3);
/// Rounds of every gate: bare ones and claims take turns, three seconds each, so that both meet the same minutes.
const ROUNDS: usize = 15;
/// Claims of each gate around the death of a leader: two gates ask for each ticket.
const LOSS_ROUNDS: usize = 6;
/// When it dies.
const KILLED_AFTER: Duration = Duration::from_secs(6);
/// What Kido may add at the 99th percentile.
const RATIO_MAX: f64 = 1.3;
/// Nobody stands longer at a lane.
const WAIT_S_MAX: f64 = 3.0;

pub(crate) fn measure(scale: Scale) -> anyhow::Result<Vec<Row>> {
    anyhow::ensure!(Etcd::is_installed(), "etcd is not installed: bash tests/install.sh");
    tokio::runtime::Runtime::new()?.block_on(rows(scale))
}

async fn rows(scale: Scale) -> anyhow::Result<Vec<Row>> {
    let folder = machine::scratch()?;
    let mut etcd = Etcd::start(3, folder.path()).await?;
    // Not a tenth of the second: its leader dies after six seconds.
    let (rounds, loss_rounds) = (scale.of(ROUNDS), LOSS_ROUNDS);
    let tickets = GATES * (rounds + loss_rounds + 1);
    let mut serving = JoinSet::new();
    let running = Arc::new(Running::begin(&etcd, folder.path(), (GATES, tickets), &mut serving).await?);
    let bare = Arc::new(Bare::of(&etcd)?);
    // The first ones open connections.
    paced(1, |gate, _round| claim_one(Arc::clone(&running), gate)).await?;
    paced(1, |gate, _round| write_one(Arc::clone(&bare), gate)).await?;
    let (mut claims, mut writes) = (Times::default(), Times::default());
    for _round in 0..rounds {
        writes.extend(paced(1, |gate, _round| write_one(Arc::clone(&bare), gate)).await?);
        claims.extend(paced(1, |gate, _round| claim_one(Arc::clone(&running), gate)).await?);
    }
    let quiet = quiet_row(&claims, &writes);
    let lost = loss_row(&mut etcd, (&running, &bare), loss_rounds).await?;
    running.end(&mut serving).await;
    Ok(vec![quiet, lost])
}

async fn claim_one(running: Arc<Running>, gate: usize) -> anyhow::Result<Duration> {
    let ticket = running.next_ticket()?;
    let begun = Instant::now();
    let (_admission, outcome) = running.claim(gate, ticket).await?;
    let took = begun.elapsed();
    anyhow::ensure!(outcome == ClaimOutcome::Answered(ClaimAnswer::Granted { entry: 1 }), "{outcome:?}");
    Ok(took)
}

async fn write_one(bare: Arc<Bare>, gate: usize) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    bare.put_if_absent(gate).await?;
    Ok(begun.elapsed())
}

/// Something that every gate does every three seconds, none of them in step with another.
async fn paced<F>(rounds: usize, act: impl Fn(usize, usize) -> F) -> anyhow::Result<Times>
where
    F: Future<Output = anyhow::Result<Duration>> + Send + 'static,
{
    let mut gates = JoinSet::new();
    let begun = tokio::time::Instant::now();
    for round in 0..rounds {
        for gate in 0..GATES {
            let turn = u32::try_from(round * GATES + gate)?;
            let at = begun + EVERY * turn / u32::try_from(GATES)?;
            let acting = act(gate, round);
            gates.spawn(async move {
                tokio::time::sleep_until(at).await;
                acting.await
            });
        }
    }
    let mut times = Times::default();
    while let Some(took) = gates.join_next().await {
        times.add(took??);
    }
    Ok(times)
}

fn quiet_row(claims: &Times, writes: &Times) -> Row {
    let (p99_ms, bare_ms) = (claims.percentile_us(99) / 1_000.0, writes.percentile_us(99) / 1_000.0);
    let mut details = Map::new();
    details.insert("claims".to_owned(), json!(claims.len()));
    details.insert("p50_ms".to_owned(), rounded(claims.percentile_us(50) / 1_000.0));
    details.insert("bare_p50_ms".to_owned(), rounded(writes.percentile_us(50) / 1_000.0));
    Row {
        name: "etcd",
        what: format!("a claim through three boxes over etcd ×3, {GATES} gates at one per 3 s, p99"),
        figure: p99_ms,
        unit: "ms",
        reach: Reach::AtMost(RATIO_MAX * bare_ms),
        yardstick: Yardstick { what: "a bare etcd transaction at the same rate, p99", figure: bare_ms, unit: "ms" },
        ratio: p99_ms / bare_ms,
        details,
    }
}

/// What became of a ticket that two gates asked for.
#[derive(Debug, Default)]
struct Asked {
    granted: Vec<AdmissionId>,
    refused: usize,
    silent: usize,
}

async fn loss_row(etcd: &mut Etcd, (running, bare): (&Arc<Running>, &Arc<Bare>), rounds: usize) -> anyhow::Result<Row> {
    let leader = etcd.leader().await?;
    let mut pairs = Vec::new();
    for _pair in 0..rounds * GATES / 2 {
        pairs.push(running.next_ticket()?);
    }
    let (pairs, told) = (Arc::new(pairs), Arc::new(std::sync::Mutex::new(BTreeMap::<TicketId, Asked>::new())));
    let claiming = paced(rounds, |gate, round| {
        let (running, pairs, told) = (Arc::clone(running), Arc::clone(&pairs), Arc::clone(&told));
        async move {
            let ticket = *pairs.get((round * GATES + gate) / 2).context("more claims than tickets")?;
            let begun = Instant::now();
            let (admission, outcome) = running.claim(gate, ticket).await?;
            let took = begun.elapsed();
            let mut told = told.lock().map_err(|_poisoned| anyhow::anyhow!("a lane failed"))?;
            let asked = told.entry(ticket.0).or_default();
            match outcome {
                ClaimOutcome::Answered(ClaimAnswer::Granted { .. }) => asked.granted.push(admission),
                ClaimOutcome::Answered(_) => asked.refused += 1,
                ClaimOutcome::Silent | ClaimOutcome::Offline => asked.silent += 1,
            }
            Ok(took)
        }
    });
    let dying = async {
        tokio::time::sleep(KILLED_AFTER).await;
        etcd.kill(leader).await
    };
    let pausing = bare.longest_pause(EVERY * u32::try_from(rounds)?);
    let (times, died, pause) = tokio::join!(claiming, dying, pausing);
    died?;
    let times = times?;
    etcd.restart(leader).await?;
    let told = std::mem::take(&mut *told.lock().map_err(|_poisoned| anyhow::anyhow!("a lane failed"))?);
    let (doubles, lost) = checked(running, &told).await?;
    let silent: usize = told.values().map(|asked| asked.silent).sum();
    anyhow::ensure!(doubles == 0 && lost == 0, "{doubles} tickets were granted twice, {lost} grants were lost");
    let (wait_s, pause_s) = (times.percentile_us(100) / 1_000_000.0, pause?.as_secs_f64());
    let mut details = Map::new();
    for (name, count) in [("claims", times.len()), ("doubles", doubles), ("lost", lost), ("not_answered", silent)] {
        details.insert(name.to_owned(), json!(count));
    }
    details.insert("p50_ms".to_owned(), rounded(times.percentile_us(50) / 1_000.0));
    Ok(Row {
        name: "etcd-loss",
        what: "the same, two gates to a ticket, and the leader is killed: the longest wait at a lane".to_owned(),
        figure: wait_s,
        unit: "s",
        reach: Reach::AtMost(WAIT_S_MAX),
        yardstick: Yardstick { what: "the etcd's own pause, seen by a bare writer", figure: pause_s, unit: "s" },
        ratio: wait_s / pause_s,
        details,
    })
}

/// Tickets that were granted twice, and grants that the records do not know.
async fn checked(running: &Running, told: &BTreeMap<TicketId, Asked>) -> anyhow::Result<(usize, usize)> {
    let (mut doubles, mut lost) = (0, 0);
    for (ticket, asked) in told {
        doubles += usize::from(asked.granted.len() > 1);
        let stands = running.records().get(running.name(*ticket)).await?;
        let holder = stands.and_then(|stands| stands.claims.holding().map(|holding| holding.admission));
        lost += asked.granted.iter().filter(|granted| Some(**granted) != holder).count();
    }
    Ok((doubles, lost))
}
