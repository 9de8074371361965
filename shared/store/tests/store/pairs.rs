//! A small projection with everything that can happen to an index: new, changed and removed entries, and a counter.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use kido_store::{
    IndexChanges, Opened, Options, Position, Project, ProjectError, Store, StoreError, StoreIdentity, Stored,
    TransactError,
};

pub(crate) const IDENTITY: StoreIdentity = StoreIdentity::new([7; 16]);

/// Facts are `key=value` or `-key`. The index holds each key's newest value and the place where it was set, and under
/// `#` how many facts there were.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pairs;

impl Project for Pairs {
    const VERSION: u32 = 1;

    fn project(&self, position: Position, fact: &[u8], index: &mut IndexChanges<'_>) -> Result<(), ProjectError> {
        let count = index.get(b"#")?.map_or(0, |count| u64::from_be_bytes(count.try_into().unwrap()));
        index.put("#", (count + 1).to_be_bytes());
        if let Some(key) = fact.strip_prefix(b"-") {
            index.remove(key);
            return Ok(());
        }
        let at = fact.iter().position(|byte| *byte == b'=').ok_or(ProjectError::Unreadable("no equals sign"))?;
        index.put(&fact[..at], entry(position, &fact[at + 1..]));
        Ok(())
    }
}

/// The same with another number.
#[derive(Debug)]
pub(crate) struct NewerPairs;

impl Project for NewerPairs {
    const VERSION: u32 = 2;

    fn project(&self, position: Position, fact: &[u8], index: &mut IndexChanges<'_>) -> Result<(), ProjectError> {
        Project::project(&Pairs, position, fact, index)
    }
}

pub(crate) fn entry(position: Position, value: &[u8]) -> Vec<u8> {
    [&position.get().to_be_bytes(), value].concat()
}

pub(crate) fn open(folder: &Path) -> (Store, Opened) {
    Store::open(folder, IDENTITY, Pairs, Options::create_if_missing()).unwrap()
}

pub(crate) fn open_error(folder: &Path) -> StoreError {
    Store::open(folder, IDENTITY, Pairs, Options::existing()).map(|(_, opened)| opened).unwrap_err()
}

pub(crate) fn try_put(store: &Store, fact: &str) -> Result<Stored<Position>, TransactError<StoreError>> {
    let fact = fact.to_owned();
    store.transact(move |transaction| transaction.append(fact)).wait()
}

pub(crate) fn put(store: &Store, fact: &str) -> Position {
    try_put(store, fact).unwrap().into_inner()
}

/// Everything in the index.
pub(crate) fn entries(store: &Store) -> BTreeMap<Vec<u8>, Vec<u8>> {
    store.scan_prefix(b"").unwrap().map(Result::unwrap).collect()
}

/// Everything in the log.
pub(crate) fn facts(store: &Store) -> Vec<Vec<u8>> {
    store.facts(Position::FIRST).unwrap().map(|fact| fact.unwrap().1).collect()
}

pub(crate) fn log_file(folder: &Path) -> PathBuf {
    folder.join("facts.log")
}

pub(crate) fn index_folder(folder: &Path) -> PathBuf {
    folder.join("index")
}

/// A closed store with these facts, each in a batch of its own; returns where each of them ends in the file.
pub(crate) fn store_with(folder: &Path, new_facts: &[&str]) -> Vec<usize> {
    let (store, _) = open(folder);
    let ends = new_facts.iter().map(|fact| {
        put(&store, fact);
        fs::read(log_file(folder)).unwrap().len()
    });
    let ends = ends.collect();
    store.close().unwrap();
    ends
}

/// Takes the note of the clean close away, as a crash would.
pub(crate) fn forget_clean_close(folder: &Path) {
    fs::remove_file(folder.join("index.clean")).unwrap();
}

pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
