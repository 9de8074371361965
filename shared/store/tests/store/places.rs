//! An index that keeps places of the log instead of copies of what stands there.

use std::fs;
use std::path::Path;

use kido_store::{
    IndexChanges, IndexOpened, LogOffset, Options, Position, Project, ProjectError, Store, StoreError, TransactError,
    import,
};

use crate::pairs::{IDENTITY, index_folder};

/// Facts are `key=value`. The index holds under each key where its newest value stands in the log, and how long it is.
struct Places;

impl Project for Places {
    const VERSION: u32 = 1;

    fn project(&self, _position: Position, fact: &[u8], index: &mut IndexChanges<'_>) -> Result<(), ProjectError> {
        let at = fact.iter().position(|byte| *byte == b'=').ok_or(ProjectError::Unreadable("no equals sign"))?;
        let (value, length) = (index.fact_at().after(at + 1), fact.len() - at - 1);
        index.put(&fact[..at], [value.get().to_be_bytes(), (length as u64).to_be_bytes()].concat());
        Ok(())
    }
}

fn open(folder: &Path) -> (Store, IndexOpened) {
    let (store, opened) = Store::open(folder, IDENTITY, Places, Options::create_if_missing()).unwrap();
    (store, opened.index)
}

fn value(store: &Store, key: &str) -> Result<Vec<u8>, StoreError> {
    let place = store.get(key.as_bytes())?.unwrap();
    let (at, length) = place.split_first_chunk::<8>().unwrap();
    let length = u64::from_be_bytes(length.try_into().unwrap());
    store.read_at(LogOffset::new(u64::from_be_bytes(*at)), length.try_into().unwrap())
}

fn append(store: &Store, facts: &[String]) {
    let facts = facts.to_vec();
    let pending = store.transact(move |transaction| {
        facts.into_iter().try_for_each(|fact| transaction.append(fact).map(|_position| ()))?;
        Ok::<_, StoreError>(())
    });
    pending.wait().unwrap();
}

/// Transactions of one fact and of several, some of which wait for the same sync, and refused ones between them.
fn filled(folder: &Path) -> Store {
    let (store, _new) = open(folder);
    append(&store, &(0..300).map(|number| format!("first {number}=value {number}")).collect::<Vec<_>>());
    let pending: Vec<_> = (0..300)
        .map(|number| {
            store.transact(move |transaction| {
                transaction.append(format!("a {number}=long {}", "x".repeat(number)))?;
                transaction.append(format!("b {number}="))?;
                if number % 3 == 0 { Err(StoreError::Closed) } else { Ok(()) }
            })
        })
        .collect();
    for (number, pending) in pending.into_iter().enumerate() {
        assert_eq!(matches!(pending.wait(), Err(TransactError::Rejected(_))), number % 3 == 0);
    }
    append(&store, &["first 7=again".to_owned()]);
    store
}

fn expect_all(store: &Store) {
    for number in (0..300).filter(|number| *number != 7) {
        assert_eq!(value(store, &format!("first {number}")).unwrap(), format!("value {number}").into_bytes());
    }
    for number in (0..300).filter(|number| number % 3 != 0) {
        assert_eq!(value(store, &format!("a {number}")).unwrap(), format!("long {}", "x".repeat(number)).into_bytes());
        assert_eq!(value(store, &format!("b {number}")).unwrap(), b"");
    }
    assert_eq!(value(store, "first 7").unwrap(), b"again");
}

#[test]
fn a_place_leads_to_the_same_bytes_at_once_after_a_rebuild_and_in_an_imported_log() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (folder.path().join("ours"), folder.path().join("theirs"));
    let store = filled(&ours);
    expect_all(&store);
    let mut export = Vec::new();
    store.export(&mut export).unwrap();
    store.close().unwrap();
    fs::remove_dir_all(index_folder(&ours)).unwrap();
    let (rebuilt, how) = open(&ours);
    assert!(matches!(how, IndexOpened::Rebuilt(_)));
    expect_all(&rebuilt);
    import(&theirs, IDENTITY, &mut export.as_slice()).unwrap();
    expect_all(&open(&theirs).0);
}

#[test]
fn nothing_is_read_behind_the_durable_end_nor_more_than_a_fact_can_have() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path());
    let end = fs::read(folder.path().join("facts.log")).unwrap().len();
    let at = LogOffset::new(u64::try_from(end - 5).unwrap());
    assert_eq!(store.read_at(at, 5).unwrap(), b"again");
    assert!(matches!(store.read_at(at, 6), Err(StoreError::Storage { .. })));
    assert!(matches!(store.read_at(LogOffset::new(u64::MAX), 1), Err(StoreError::Storage { .. })));
    let most = kido_store::MAX_FACT_BYTES;
    assert!(matches!(store.read_at(LogOffset::new(0), most + 1), Err(StoreError::FactTooLong { .. })));
}
