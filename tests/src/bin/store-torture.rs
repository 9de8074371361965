//! Writes facts until someone pulls the plug, and judges afterwards what is left.
//!
//! Any harness that can cut power, kill or fill a disk can use it: `write` appends one line to a file of its own for each fact that
//! the store has acknowledged, `check` exits with 0 only if all of them are in the log and in the index.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use anyhow::{Context, bail, ensure};
use clap::{Parser, Subcommand};
use kido_store::{IndexChanges, Opened, Options, Position, Project, ProjectError, Store, StoreError, StoreIdentity};

/// Threads that append at the same time: enough that most batches hold more than one transaction.
const THREADS: u16 = 8;
/// Every so many facts of a thread come in pairs, to see that a transaction is never cut in two.
const PAIR_EVERY: u64 = 8;
const IDENTITY: StoreIdentity = StoreIdentity::new(*b"kido torture 001");

/// Tortures a kido-store: append without end, or check what survived.
#[derive(Parser)]
#[command(name = "store-torture", version)]
struct Arguments {
    #[command(subcommand)]
    command: Torture,
}

#[derive(Subcommand)]
enum Torture {
    /// Append facts from several threads until killed; one line per fact goes to ACKED after its acknowledgement.
    ///
    /// ACKED belongs on another file system than DIR. It is appended to, so that one store can be tortured again and again.
    Write {
        /// Folder of the store; created if it is missing.
        dir: PathBuf,
        /// File for the acknowledged facts: "thread sequence position" per line.
        acked: PathBuf,
    },
    /// Open the store; exit 0 if every fact named in ACKED is in the log and in the index, and nothing else is wrong.
    Check {
        /// Folder of the store; an empty one is fine as long as nothing was acknowledged.
        dir: PathBuf,
        /// File that `write` appended to.
        acked: PathBuf,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Torture::Write { dir, acked } => write(&dir, &acked),
        Torture::Check { dir, acked } => check(&dir, &acked),
    };
    match done {
        Ok(line) => {
            report(&mut std::io::stdout(), &line);
            ExitCode::SUCCESS
        }
        Err(error) => {
            report(&mut std::io::stderr(), &format!("store-torture: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// A line to someone who may have hung up.
fn report(to: &mut impl Write, line: &str) {
    if writeln!(to, "{line}").is_err() {
        tracing::debug!("nobody reads the report");
    }
}

/// One fact: which thread, its how many-th, and filling that follows from both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Fact {
    thread: u16,
    sequence: u64,
}

impl Fact {
    const FRONT_BYTES: usize = 10;

    fn encode(self) -> Vec<u8> {
        let mut bytes = [&self.thread.to_be_bytes()[..], &self.sequence.to_be_bytes()].concat();
        let filling = self.sequence.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes();
        let length = usize::try_from(self.sequence % 400).unwrap_or_default();
        bytes.extend(filling.into_iter().cycle().take(length));
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (thread, rest) = bytes.split_first_chunk()?;
        let (sequence, _filling) = rest.split_first_chunk()?;
        let fact = Self { thread: u16::from_be_bytes(*thread), sequence: u64::from_be_bytes(*sequence) };
        (fact.encode() == bytes).then_some(fact)
    }

    fn key(self) -> Vec<u8> {
        let mut key = b"f".to_vec();
        key.extend(self.encode().into_iter().take(Self::FRONT_BYTES));
        key
    }
}

fn last_key(thread: u16) -> Vec<u8> {
    [&b"l"[..], &thread.to_be_bytes()].concat()
}

/// An entry per fact, which never changes, and one per thread, which always does.
struct Torn;

impl Project for Torn {
    const VERSION: u32 = 1;

    fn project(&self, position: Position, fact: &[u8], index: &mut IndexChanges<'_>) -> Result<(), ProjectError> {
        let fact = Fact::decode(fact).ok_or(ProjectError::Unreadable("not a torture fact"))?;
        index.put(fact.key(), position.get().to_be_bytes());
        index.put(last_key(fact.thread), fact.sequence.to_be_bytes());
        Ok(())
    }
}

fn open(dir: &Path) -> anyhow::Result<(Store, Opened)> {
    Store::open(dir, IDENTITY, Torn, Options::create_if_missing())
        .with_context(|| format!("cannot open {}", dir.display()))
}

fn write(dir: &Path, acked: &Path) -> anyhow::Result<String> {
    let (store, opened) = open(dir)?;
    report(&mut std::io::stderr(), &format!("store-torture: {opened:?}"));
    let acked =
        OpenOptions::new().create(true).append(true).open(acked).context("cannot open the acknowledgement file")?;
    let threads = (0..THREADS).map(|thread| {
        let (store, acked) = (store.clone(), acked.try_clone()?);
        Ok(thread::Builder::new()
            .name(format!("torture-{thread}"))
            .spawn(move || append_forever(&store, thread, acked))?)
    });
    for thread in threads.collect::<anyhow::Result<Vec<_>>>()? {
        match thread.join() {
            Ok(ended) => ended?,
            Err(_panic) => bail!("a thread panicked"),
        }
    }
    bail!("all threads ended");
}

/// Appends until the store refuses.
fn append_forever(store: &Store, thread: u16, mut acked: File) -> anyhow::Result<()> {
    loop {
        let stored = store.transact(move |transaction| append_next(transaction, thread)).wait()?;
        let facts = stored.get().iter().zip(stored.positions().start.get()..);
        // One call per acknowledgement: it must be whole when the power goes, and it may be for two facts.
        let lines = facts.map(|(fact, at)| format!("{} {} {at}\n", fact.thread, fact.sequence)).collect::<String>();
        acked.write_all(lines.as_bytes()).context("cannot note an acknowledgement")?;
    }
}

/// The facts that follow the last one of this thread: one, and now and then two.
fn append_next(transaction: &mut kido_store::Transaction<'_>, thread: u16) -> Result<Vec<Fact>, StoreError> {
    let last = transaction.get(&last_key(thread))?.and_then(|value| Some(u64::from_be_bytes(*value.first_chunk()?)));
    let first = Fact { thread, sequence: last.map_or(0, |last| last + 1) };
    let mut facts = vec![first];
    if first.sequence.is_multiple_of(PAIR_EVERY) {
        facts.push(Fact { thread, sequence: first.sequence + 1 });
    }
    for fact in &facts {
        transaction.append(fact.encode())?;
    }
    Ok(facts)
}

fn check(dir: &Path, acked: &Path) -> anyhow::Result<String> {
    let owed = read_acked(acked)?;
    let (store, opened) = open(dir)?;
    let mut expected = BTreeMap::new();
    let mut held = BTreeSet::new();
    let mut last = BTreeMap::new();
    for fact in store.facts(Position::FIRST)? {
        let (position, bytes) = fact?;
        let fact = Fact::decode(&bytes).with_context(|| format!("fact {position} is not what was written"))?;
        expected.insert(fact.key(), position.get().to_be_bytes().to_vec());
        expected.insert(last_key(fact.thread), fact.sequence.to_be_bytes().to_vec());
        let follows = last.insert(fact.thread, fact.sequence).map_or(0, |last: u64| last + 1);
        ensure!(fact.sequence == follows, "thread {}: {} follows {follows}", fact.thread, fact.sequence);
        held.insert((fact, position.get()));
    }
    let halved = last.values().filter(|last| last.is_multiple_of(PAIR_EVERY)).count();
    ensure!(halved == 0, "{halved} transactions were cut in two");
    let lost = owed.iter().filter(|owed| !held.contains(owed)).count();
    ensure!(lost == 0, "{lost} of {} acknowledged facts lost ({} held, {opened:?})", owed.len(), held.len());
    let index = store.scan_prefix(&[])?.collect::<Result<BTreeMap<_, _>, _>>()?;
    ensure!(
        index == expected,
        "the index differs from the log: {} entries, {} expected ({opened:?})",
        index.len(),
        expected.len()
    );
    for (fact, position) in &owed {
        let found = store.get(&fact.key())?;
        ensure!(found.as_deref() == Some(&position.to_be_bytes()[..]), "{fact:?} is not in the index");
    }
    let torn = opened.torn_bytes;
    store.close()?;
    Ok(format!("{} acknowledged, {} held, 0 lost; {torn} torn bytes, index {:?}", owed.len(), held.len(), opened.index))
}

fn read_acked(path: &Path) -> anyhow::Result<Vec<(Fact, u64)>> {
    let text = fs::read_to_string(path).context("cannot read the acknowledgement file")?;
    let parsed = text.lines().map(|line| {
        let mut fields = line.split(' ');
        let fact = Fact { thread: fields.next()?.parse().ok()?, sequence: fields.next()?.parse().ok()? };
        Some((fact, fields.next()?.parse().ok()?))
    });
    parsed.collect::<Option<Vec<_>>>().context("a line of the acknowledgement file is cut")
}
