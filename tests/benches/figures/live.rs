//! From the registrar's word to two hundred gates that know it.
//!
//! The registrar is the real program; the followers run here what gates run. Eight of them keep the feed as a gate does, a
//! durable store on this machine's disk; the others verify and open every record and keep it in memory, since two hundred
//! gates do not share one disk. Half of the changes are bindings with a card's proof, half are suspensions; the time
//! begins when their answer has arrived.

use std::io::Read as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use kido_follow::{FeedCopy, Pace};
use kido_gate::replica::Replica;
use kido_shared::challenge::Origin;
use kido_shared::codes::Code;
use kido_shared::ids::{EventId, TicketId};
use kido_shared::wire::v1::operator::{self, TicketBody};
use kido_tests::harness::{Follower, Known, MemoryCopy, Programs, Registrar, enrol_follower};
use rand::Rng as _;
use rand::rngs::OsRng;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::Scale;
use crate::cards;
use crate::http::Connection;
use crate::machine::{self, Times};
use crate::registrations::{self, Buyer, Office};
use crate::report::{Reach, Row, Yardstick, rounded};

const FOLLOWERS: usize = 200;
/// How many of them have a store on the disk: more than one in a hundred, so that the figure holds them.
const DURABLE: usize = 8;
const CHANGES: usize = 200;
const MS_MAX: f64 = 1_000.0;
/// Pauses between changes: two heads or none between them.
const PAUSE_MS: std::ops::RangeInclusive<u64> = 20..=120;
/// Longer than anything here takes; ends a run that hangs.
const PATIENCE: Duration = Duration::from_secs(120);
/// A stream that had to be opened a second time is open by then.
const SETTLED: Duration = Duration::from_secs(3);
/// What goes to each follower for one change: a head and a binding, as text.
const EVENT_BYTES: usize = 900;

pub(crate) fn measure(scale: Scale) -> anyhow::Result<Vec<Row>> {
    machine::build_programs()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let folder = machine::scratch()?;
    let half = scale.of(CHANGES).div_ceil(2);
    let buyers = cards::make(8)?.iter().map(Buyer::new).collect::<anyhow::Result<Vec<_>>>()?;
    let (registrar, event, codes) = runtime.block_on(registrations::opened(folder.path(), half.saturating_mul(2)))?;
    let (to_suspend, to_bind) = codes.split_at_checked(half).context("too few codes")?;
    let mut desk = Desk::at(&registrar, &event)?;
    for (code, buyer) in to_suspend.iter().zip(buyers.iter().cycle()) {
        desk.bind(buyer, code)?;
    }

    let venue = runtime.block_on(Venue::open(&registrar, &event, folder.path()))?;
    let mut changes = Vec::with_capacity(half.saturating_mul(2));
    for (number, (code, buyer)) in to_bind.iter().zip(buyers.iter().cycle()).enumerate() {
        changes.push(desk.bind(buyer, code)?);
        pause();
        changes.push(desk.suspend(number)?);
        pause();
    }
    let length = runtime.block_on(registrar.feed_length(&event))?;
    runtime.block_on(venue.all_know(length))?;
    let (all, durable) = venue.times(&changes)?;
    let bare = runtime.block_on(fan_out(scale.of(CHANGES)))?;
    drop(venue);
    registrations::stop(&runtime, registrar)?;

    let ms = |times: &Times, percent| times.percentile_us(percent) / 1_000.0;
    let mut details = serde_json::Map::new();
    details.insert("changes".to_owned(), json!(changes.len()));
    details.insert("p50, ms".to_owned(), rounded(ms(&all, 50)));
    details.insert("all, the slowest, ms".to_owned(), rounded(ms(&all, 100)));
    let of_durable = json!({ "p50_ms": rounded(ms(&durable, 50)), "p99_ms": rounded(ms(&durable, 99)) });
    details.insert(format!("{DURABLE} with a durable store"), of_durable);
    Ok(vec![Row {
        name: "live",
        what: format!("from the answer to a binding or suspension to known at {FOLLOWERS} followers, p99"),
        figure: ms(&all, 99),
        unit: "ms",
        reach: Reach::AtMost(MS_MAX),
        yardstick: Yardstick {
            what: "as many bytes to as many bare loopback connections, p99",
            figure: ms(&bare, 99),
            unit: "ms",
        },
        ratio: ms(&all, 99) / ms(&bare, 99),
        details,
    }])
}

#[expect(clippy::disallowed_methods, reason = "a person's pause between two changes")]
fn pause() {
    std::thread::sleep(Duration::from_millis(OsRng.gen_range(PAUSE_MS)));
}

/// A change, and when its answer was there.
struct Change {
    ticket: TicketId,
    answered: Instant,
}

/// Where changes are made.
struct Desk {
    office: Office,
    event: EventId,
    bearer: String,
    connection: Connection,
}

impl Desk {
    fn at(registrar: &Registrar, event: &str) -> anyhow::Result<Self> {
        let office = Office::of(registrar)?;
        let mut token = String::new();
        std::fs::File::open(registrar.token_file())?.read_to_string(&mut token)?;
        let bearer = format!("authorization: Bearer {}\r\n", token.trim());
        let connection = Connection::open(office.address)?;
        Ok(Self { office, event: event.parse()?, bearer, connection })
    }

    fn bind(&mut self, buyer: &Buyer, code: &Code) -> anyhow::Result<Change> {
        let ticket = buyer.register(&mut self.connection, &self.office, code)?;
        Ok(Change { ticket, answered: Instant::now() })
    }

    fn suspend(&mut self, number: usize) -> anyhow::Result<Change> {
        let path = format!("{}/FIGURE-{number:06}/status", operator::tickets(self.event));
        let (status, answer) = self.connection.post_as(&path, br#"{"change":"suspend"}"#, &self.bearer)?;
        let answered = Instant::now();
        ensure!(status == 200, "{status}: {}", String::from_utf8_lossy(&answer));
        let ticket: TicketBody = serde_json::from_slice(&answer)?;
        ensure!(ticket.state == "suspended", "{}", ticket.state);
        Ok(Change { ticket: ticket.ticket, answered })
    }
}

/// All followers of one event.
struct Venue {
    in_memory: Vec<Follower<MemoryCopy>>,
    durable: Vec<Follower<Replica>>,
}

impl Venue {
    /// Begins to follow, and waits until all of them are told.
    async fn open(registrar: &Registrar, event: &str, folder: &std::path::Path) -> anyhow::Result<Self> {
        let programs = Programs::of_this_build()?;
        let identity = enrol_follower(&programs, registrar, event, (&folder.join("gate"), folder)).await?;
        let (followed, origin) = (identity.followed(), Origin::parse(&registrar.origin())?);
        let mut venue = Self { in_memory: Vec::new(), durable: Vec::new() };
        for number in 0..DURABLE {
            let replica = Replica::open(&folder.join(format!("replica-{number}")), identity.followed())?;
            venue.durable.push(Follower::begin(replica, &origin, folder.to_owned(), Pace::default())?);
        }
        for _number in DURABLE..FOLLOWERS {
            venue.in_memory.push(Follower::begin(
                MemoryCopy::new(&followed)?,
                &origin,
                folder.to_owned(),
                Pace::default(),
            )?);
        }
        venue.all_know(registrar.feed_length(event).await?).await?;
        tokio::time::sleep(SETTLED).await;
        Ok(venue)
    }

    async fn all_know(&self, length: u64) -> anyhow::Result<()> {
        for follower in &self.in_memory {
            follower.knows(length, PATIENCE).await?;
        }
        for follower in &self.durable {
            follower.knows(length, PATIENCE).await?;
        }
        Ok(())
    }

    /// The times of all followers, and of those with a durable store alone.
    fn times(&self, changes: &[Change]) -> anyhow::Result<(Times, Times)> {
        let reader = &self.in_memory.first().context("no follower")?.copy;
        let place = |change: &Change| reader.last_word_on(change.ticket).context("a change that no record tells of");
        let places = changes.iter().map(place).collect::<anyhow::Result<Vec<_>>>()?;
        let durable = times_of(&self.durable, changes, &places)?;
        let mut all = times_of(&self.in_memory, changes, &places)?;
        all.extend(durable.clone());
        Ok((all, durable))
    }
}

fn times_of<C: FeedCopy>(followers: &[Follower<C>], changes: &[Change], places: &[u64]) -> anyhow::Result<Times> {
    let mut times = Times::default();
    for follower in followers {
        let known = follower.known();
        for (change, place) in changes.iter().zip(places) {
            let first = known.get(known.partition_point(|known| known.length <= *place));
            let Known { at, .. } = first.context("a change that a follower does not know")?;
            // What a follower was told before the answer had arrived was known at once.
            times.add(at.into_std().saturating_duration_since(change.answered));
        }
    }
    Ok(times)
}

/// One writer, as many readers as there are followers, nothing else.
async fn fan_out(rounds: usize) -> anyhow::Result<Times> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (mut writers, mut readers) = (Vec::new(), Vec::new());
    for _reader in 0..FOLLOWERS {
        let mut stream = tokio::net::TcpStream::connect(address).await?;
        let (writer, _peer) = listener.accept().await?;
        writer.set_nodelay(true)?;
        writers.push(writer);
        readers.push(tokio::spawn(async move {
            let (mut bytes, mut read) = (vec![0; EVENT_BYTES], Vec::with_capacity(rounds));
            for _round in 0..rounds {
                stream.read_exact(&mut bytes).await?;
                read.push(Instant::now());
            }
            std::io::Result::Ok(read)
        }));
    }
    let mut begun = Vec::with_capacity(rounds);
    for _round in 0..rounds {
        begun.push(Instant::now());
        for writer in &mut writers {
            writer.write_all(&[0xA5; EVENT_BYTES]).await?;
        }
        tokio::time::sleep(Duration::from_millis(*PAUSE_MS.start())).await;
    }
    let mut times = Times::default();
    for reader in readers {
        for (begun, read) in begun.iter().zip(reader.await??) {
            times.add(read.saturating_duration_since(*begun));
        }
    }
    Ok(times)
}
