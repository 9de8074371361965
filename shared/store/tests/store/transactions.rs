//! What a transaction promises.

use std::sync::mpsc;
use std::thread;

use kido_store::{
    IndexOpened, MAX_FACT_BYTES, MAX_QUEUED_TRANSACTIONS, Options, Position, Store, StoreError, StoreIdentity,
    TransactError, Transaction,
};

use crate::pairs::{IDENTITY, Pairs, entries, entry, facts, open, put, try_put};

/// Something that a decision may refuse with.
#[derive(Debug, PartialEq, thiserror::Error)]
enum Refused {
    #[error("taken")]
    Taken,
    #[error("store")]
    Store,
}

impl From<StoreError> for Refused {
    fn from(_: StoreError) -> Self {
        Self::Store
    }
}

#[test]
fn an_answered_fact_is_in_the_log_and_in_the_index() {
    let folder = tempfile::tempdir().unwrap();
    let (store, opened) = open(folder.path());
    assert!(opened.created);
    let stored = try_put(&store, "a=1").unwrap();
    assert_eq!(stored.positions(), &(Position::new(0)..Position::new(1)));
    assert_eq!(store.get(b"a").unwrap().unwrap(), entry(Position::new(0), b"1"));
    assert_eq!(facts(&store), [b"a=1"]);
    assert_eq!(store.head().count(), 1);
}

#[test]
fn a_refused_transaction_leaves_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path());
    put(&store, "a=1");
    let (head, before) = (store.head(), entries(&store));
    let refused = store.transact(|transaction| {
        transaction.append("b=2")?;
        transaction.append("-a")?;
        assert_eq!(transaction.get(b"a")?, None);
        Err::<(), _>(Refused::Taken)
    });
    assert!(matches!(refused.wait(), Err(TransactError::Rejected(Refused::Taken))));
    assert_eq!((store.head(), entries(&store)), (head, before));
    assert_eq!(put(&store, "c=3"), Position::new(1));
}

#[test]
fn only_one_of_many_at_once_takes_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path());
    let claims = (0..200).map(|number| {
        store.transact(move |transaction| {
            if transaction.get(b"seat")?.is_some() {
                return Err(Refused::Taken);
            }
            Ok(transaction.append(format!("seat={number}"))?)
        })
    });
    let claims = claims.collect::<Vec<_>>();
    let won = claims.into_iter().filter_map(|claim| claim.wait().ok()).count();
    assert_eq!((won, store.head().count()), (1, 1));
}

#[test]
fn a_transaction_sees_its_own_changes_and_those_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path());
    for fact in ["a=1", "ab=2", "b=3"] {
        put(&store, fact);
    }
    let seen = store.transact(|transaction| {
        transaction.append("ac=4")?;
        transaction.append("-ab")?;
        let keys = |scan: kido_store::Scan| scan.map(|entry| entry.map(|(key, _)| key)).collect::<Result<Vec<_>, _>>();
        Ok::<_, StoreError>((keys(transaction.scan_prefix(b"a"))?, keys(transaction.scan_prefix_after(b"a", b"a"))?))
    });
    let (all, after) = seen.wait().unwrap().into_inner();
    assert_eq!(all, [b"a".to_vec(), b"ac".to_vec()]);
    assert_eq!(after, [b"ac".to_vec()]);
    let after = store.scan_prefix_after(b"a", b"0").unwrap().map(|entry| entry.unwrap().0).collect::<Vec<_>>();
    assert_eq!(after, [b"a".to_vec(), b"ac".to_vec()], "a start before the prefix shows all of it");
}

#[test]
fn a_failed_append_voids_the_transaction_whatever_the_decision_says() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path());
    let ignoring = |append: fn(&mut Transaction<'_>) -> bool| {
        store.transact(move |transaction| {
            transaction.append("a=1")?;
            assert!(append(transaction), "the append must fail");
            Ok::<_, StoreError>(())
        })
    };
    let unreadable = ignoring(|transaction| transaction.append("nonsense").is_err());
    assert!(matches!(unreadable.wait(), Err(TransactError::Store(StoreError::Projection { .. }))));
    let long = ignoring(|transaction| transaction.append(vec![b'='; MAX_FACT_BYTES + 1]).is_err());
    assert!(matches!(long.wait(), Err(TransactError::Store(StoreError::FactTooLong { .. }))));
    let large = ignoring(|transaction| (0..17).any(|_| transaction.append(vec![b'='; MAX_FACT_BYTES]).is_err()));
    assert!(matches!(large.wait(), Err(TransactError::Store(StoreError::TransactionTooLarge))));
    assert_eq!((store.head().count(), entries(&store).len()), (0, 0));
    put(&store, "a=1");
}

#[test]
fn a_panic_in_a_decision_costs_only_that_transaction() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path());
    let panicked = store.transact(|transaction| {
        transaction.append("a=1")?;
        if transaction.head().count() == 0 {
            panic!("on purpose");
        }
        Ok::<_, StoreError>(())
    });
    assert!(matches!(panicked.wait(), Err(TransactError::Store(StoreError::Panicked))));
    assert_eq!(put(&store, "b=2"), Position::new(0));
}

#[test]
fn a_full_queue_says_busy_and_look_ups_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path());
    put(&store, "a=1");
    let (started, has_started) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let held = store.transact(move |_| {
        started.send(()).unwrap();
        released.recv().unwrap();
        Ok::<_, StoreError>(())
    });
    has_started.recv().unwrap();
    let queued = (0..MAX_QUEUED_TRANSACTIONS).map(|_| store.transact(|_| Ok::<_, StoreError>(()))).collect::<Vec<_>>();
    assert!(matches!(store.transact(|_| Ok::<_, StoreError>(())).wait(), Err(TransactError::Busy)));
    assert!(store.get(b"a").unwrap().is_some(), "the writer is busy, the index is not");
    release.send(()).unwrap();
    assert!(held.wait().is_ok());
    assert!(queued.into_iter().all(|queued| queued.wait().is_ok()));
}

#[test]
fn nothing_is_visible_before_it_is_durable() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path());
    let (reader, (started, has_started), (release, released)) = (store.clone(), mpsc::channel(), mpsc::channel::<()>());
    let first = store.transact(move |transaction| {
        transaction.append("a=1")?;
        started.send(()).unwrap();
        released.recv().unwrap();
        Ok::<_, StoreError>(())
    });
    has_started.recv().unwrap();
    assert_eq!((reader.get(b"a").unwrap(), reader.head().count(), facts(&reader).len()), (None, 0, 0));
    release.send(()).unwrap();
    first.wait().unwrap();
    assert!(reader.get(b"a").unwrap().is_some());
}

#[test]
fn a_folder_is_open_only_once() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path());
    let second = Store::open(folder.path(), IDENTITY, Pairs, Options::existing());
    assert!(matches!(second, Err(StoreError::InUse { .. })));
    let scan = store.scan_prefix(b"").unwrap();
    store.close().unwrap();
    let while_read = Store::open(folder.path(), IDENTITY, Pairs, Options::existing());
    assert!(matches!(while_read, Err(StoreError::InUse { .. })), "the engine still has its files open");
    drop(scan);
    assert_eq!(open(folder.path()).1.index, IndexOpened::Verified);
}

#[test]
fn a_closed_store_answers_what_was_queued_and_refuses_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path());
    let pending = (0..50).map(|n| store.transact(move |t| t.append(format!("k{n}={n}")))).collect::<Vec<_>>();
    let other = store.clone();
    store.close().unwrap();
    assert!(pending.into_iter().all(|pending| pending.wait().is_ok()));
    assert!(matches!(other.get(b"k1"), Err(StoreError::Closed)));
    assert!(matches!(other.facts(Position::FIRST), Err(StoreError::Closed)));
    assert!(matches!(try_put(&other, "a=1"), Err(TransactError::Closed)));
    other.close().unwrap();
    let (store, opened) = open(folder.path());
    assert_eq!((opened.index, opened.head.count()), (IndexOpened::Clean, 50));
    drop(store);
    assert_eq!(open(folder.path()).1.index, IndexOpened::Clean, "dropping the last handle closes as well");
}

#[test]
fn a_missing_store_is_created_only_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let nested = folder.path().join("a/b");
    let missing = Store::open(&nested, IDENTITY, Pairs, Options::existing());
    assert!(matches!(missing, Err(StoreError::Missing { .. })));
    assert!(!nested.exists());
    let empty = Store::open(folder.path(), IDENTITY, Pairs, Options::existing());
    assert!(matches!(empty, Err(StoreError::Missing { .. })));
    drop(open(&nested));
    let other = Store::open(&nested, StoreIdentity::new([8; 16]), Pairs, Options::create_if_missing());
    assert!(matches!(other, Err(StoreError::OtherIdentity)));
}

#[test]
fn facts_are_read_from_any_position_while_writers_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path());
    let pending = (0..1000).map(|n| store.transact(move |t| t.append(format!("k{n}={n}")))).collect::<Vec<_>>();
    let writer = store.clone();
    let more = thread::spawn(move || (0..200).map(|n| put(&writer, &format!("m{n}=1"))).max());
    for pending in pending {
        pending.wait().unwrap();
    }
    for from in [0, 1, 255, 256, 257, 511, 512, 999] {
        let read = store.facts(Position::new(from)).unwrap().take(1).map(Result::unwrap).collect::<Vec<_>>();
        assert_eq!(read[0].0, Position::new(from));
    }
    more.join().unwrap();
    assert_eq!(store.facts(Position::new(1150)).unwrap().count(), 50);
    assert_eq!(store.facts(Position::new(1200)).unwrap().count(), 0);
    assert_eq!(store.facts(Position::new(u64::MAX)).unwrap().count(), 0);
}

#[tokio::test]
async fn a_transaction_can_be_awaited_and_the_head_watched() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path());
    let mut heads = store.watch();
    let stored = store.transact(|transaction| transaction.append("a=1")).await.unwrap();
    heads.changed().await.unwrap();
    assert_eq!((heads.borrow().count(), *stored.get()), (1, Position::new(0)));
}
