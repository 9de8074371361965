//! Prints what a store costs on this machine, beside what a bare `fdatasync` costs on the same disk.
//!
//! `cargo run --release -p kido-store --example figures -- FOLDER`, where FOLDER is new and on the disk in question.

#![expect(clippy::print_stdout, reason = "its output is its purpose")]
#![expect(clippy::disallowed_methods, reason = "it measures")]

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use kido_store::{IndexChanges, Options, Position, Project, ProjectError, Store, StoreError, StoreIdentity};

const ALONE: u64 = 2_000;
const CALLERS: u64 = 64;
const PER_CALLER: u64 = 1_000;
const RECORDS: u64 = 100_000;
const FACT_BYTES: usize = 250;

struct ById;

impl Project for ById {
    const VERSION: u32 = 1;

    fn project(&self, position: Position, fact: &[u8], index: &mut IndexChanges<'_>) -> Result<(), ProjectError> {
        let id = fact.first_chunk::<32>().ok_or(ProjectError::Unreadable("short"))?;
        index.put(*id, [&position.get().to_be_bytes(), fact].concat());
        Ok(())
    }
}

fn id(number: u64) -> Vec<u8> {
    // Scattered keys, as tags are.
    let seed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    [seed, number, !seed, seed.rotate_left(17)].map(u64::to_be_bytes).concat()
}

fn fact(number: u64) -> Vec<u8> {
    let mut fact = id(number);
    fact.resize(FACT_BYTES, 0x5a);
    fact
}

fn open(folder: &Path) -> Result<Store, StoreError> {
    let began = Instant::now();
    let (store, opened) = Store::open(folder, StoreIdentity::new([1; 16]), ById, Options::create_if_missing())?;
    println!("open: {} facts, {:?}: {:.0?}; {}", opened.head.count(), opened.index, began.elapsed(), resident());
    Ok(store)
}

fn put(store: &Store, number: u64) -> Result<(), kido_store::TransactError<StoreError>> {
    store.transact(move |transaction| transaction.append(fact(number))).wait().map(drop)
}

fn quantiles(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: usize| times.get(times.len().saturating_sub(1) * share / 1000).copied().unwrap_or_default();
    println!("{what}: p50 {:.1?}, p99 {:.1?}, max {:.1?}", at(500), at(990), at(1000));
}

fn timed<E>(count: u64, mut call: impl FnMut(u64) -> Result<(), E>) -> Result<Vec<Duration>, E> {
    let time = |number| {
        let began = Instant::now();
        call(number).map(|()| began.elapsed())
    };
    (0..count).map(time).collect()
}

fn resident() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().filter(|line| line.starts_with("VmRSS") || line.starts_with("VmHWM")).collect::<Vec<_>>().join(" ")
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from).ok_or("which folder?")?;
    fs::create_dir(&folder)?;
    let mut bare = OpenOptions::new().append(true).create(true).open(folder.join("bare"))?;
    let bytes = fact(0);
    quantiles("append and fdatasync, bare", timed(ALONE, |_| bare.write_all(&bytes).and_then(|()| bare.sync_data()))?);

    let place = folder.join("store");
    let store = open(&place)?;
    quantiles("one caller, one fact", timed(ALONE, |number| put(&store, number))?);
    let began = Instant::now();
    let callers = (1..=CALLERS).map(|caller| {
        let store = store.clone();
        thread::spawn(move || timed(PER_CALLER, |n| put(&store, ALONE + caller * PER_CALLER + n)))
    });
    let mut times = Vec::new();
    for caller in callers.collect::<Vec<_>>() {
        times.extend(caller.join().map_err(|_panic| "a caller panicked")??);
    }
    let rate = Duration::from_secs(CALLERS * PER_CALLER).div_duration_f64(began.elapsed());
    quantiles(&format!("{CALLERS} callers, {rate:.0} transactions/s"), times);
    let lacking = RECORDS.saturating_sub(store.head().count());
    timed(lacking, |number| put(&store, 1_000_000 + number))?;
    quantiles("look-up", timed(ALONE * 10, |n| store.get(&id(n % ALONE)).map(drop))?);
    println!("with {} facts: {}", store.head().count(), resident());
    store.close()?;
    open(&place)?.close()?;
    fs::remove_file(place.join("index.clean"))?;
    open(&place)?.close()?;
    fs::remove_dir_all(place.join("index"))?;
    let store = open(&place)?;
    println!("after the rebuild: {}", resident());
    store.close()?;
    fs::remove_dir_all(&folder)?;
    Ok(())
}
