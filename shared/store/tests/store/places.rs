//! An index that keeps places of the log instead of copies of what stands there.

use std::fs;
use std::path::Path;

use kido_store::{
    IndexChanges, IndexOpened, LogOffset, Options, Position, Project, ProjectError, Store, StoreError, TransactError,
    import,
};
use proptest::prelude::*;

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

/// Facts are any bytes. Each is entered with its place, and with the first byte of the one before it, which the projection
/// reads where that stands: written long ago, waiting for a sync, or a part of the same transaction.
struct Chained;

impl Project for Chained {
    const VERSION: u32 = 1;

    fn project(&self, position: Position, _fact: &[u8], index: &mut IndexChanges<'_>) -> Result<(), ProjectError> {
        let before = match index.get(b"newest")? {
            Some(place) => index.read_at(offset(&place), 1)?,
            None => Vec::new(),
        };
        let place = index.fact_at().get().to_be_bytes();
        index.put(b"newest", place);
        index.put([b"before".as_slice(), &position.get().to_be_bytes()].concat(), before);
        Ok(())
    }
}

fn offset(place: &[u8]) -> LogOffset {
    LogOffset::new(u64::from_be_bytes(place.try_into().unwrap()))
}

/// Keys and values, as an index has them.
type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

fn chained(folder: &Path) -> (Store, Pairs) {
    let (store, _opened) = Store::open(folder, IDENTITY, Chained, Options::create_if_missing()).unwrap();
    let entries = store.scan_prefix(b"").unwrap().map(Result::unwrap).collect();
    (store, entries)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_place_is_readable_as_soon_as_it_can_be_found_and_a_rebuilt_index_read_the_same(
        transactions in prop::collection::vec((prop::collection::vec(1..3_000_usize, 0..6), any::<bool>()), 1..40),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (store, _empty) = chained(folder.path());
        // Not one is waited for before all are asked: some are decided while others wait for their sync.
        let pending: Vec<_> = transactions
            .into_iter()
            .enumerate()
            .map(|(number, (facts, kept))| {
                store.transact(move |transaction| {
                    for length in facts {
                        let byte = u8::try_from(number).unwrap_or(u8::MAX);
                        transaction.append(vec![byte; length])?;
                        let newest = offset(&transaction.get(b"newest")?.unwrap());
                        assert_eq!(transaction.read_at(newest, length)?, vec![byte; length]);
                    }
                    if kept { Ok(()) } else { Err(StoreError::Closed) }
                })
            })
            .collect();
        for pending in pending {
            prop_assert!(!matches!(pending.wait(), Err(TransactError::Store(_))));
        }
        store.close().unwrap();
        let (store, lived) = chained(folder.path());
        let facts: Vec<Vec<u8>> = store.facts(Position::FIRST).unwrap().map(|fact| fact.unwrap().1).collect();
        for (number, pair) in facts.windows(2).enumerate() {
            let key = [b"before".as_slice(), &(number as u64 + 1).to_be_bytes()].concat();
            prop_assert_eq!(store.get(&key).unwrap(), Some(pair[0][..1].to_vec()));
        }
        store.close().unwrap();
        fs::remove_dir_all(index_folder(folder.path())).unwrap();
        prop_assert_eq!(chained(folder.path()).1, lived);
    }
}

#[test]
fn nothing_is_read_behind_what_was_decided_and_a_refused_transactions_facts_are_no_place() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _empty) = chained(folder.path());
    let refused = store.transact(|transaction| {
        transaction.append(b"taken back".as_slice())?;
        let place = offset(&transaction.get(b"newest")?.unwrap());
        Err::<(), _>(Seen(place))
    });
    let Err(TransactError::Rejected(Seen(place))) = refused.wait() else { panic!("not refused") };
    let next = store.transact(move |transaction| transaction.read_at(place, 1));
    assert!(matches!(next.wait(), Err(TransactError::Store(StoreError::Storage { .. }))));
    assert!(matches!(store.read_at(place, 1), Err(StoreError::Storage { .. })));
}

/// A place that was seen by a decision which was then refused.
#[derive(Debug)]
struct Seen(LogOffset);

impl From<StoreError> for Seen {
    fn from(error: StoreError) -> Self {
        panic!("{error}")
    }
}
