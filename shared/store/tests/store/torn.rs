//! What a power cut leaves at the end of the log.

use std::fs;

use kido_store::{IndexOpened, StoreError};

use crate::pairs::{
    copy_folder, entries, facts, forget_clean_close, index_folder, log_file, open, open_error, put, store_with,
};

#[test]
fn a_log_cut_at_any_byte_of_its_last_frame_opens_without_that_fact() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, cut) = (folder.path().join("whole"), folder.path().join("cut"));
    let ends = store_with(&whole, &["a=1", "b=2", "c=3"]);
    let log = fs::read(log_file(&whole)).unwrap();
    for length in ends[1]..ends[2] {
        fs::create_dir(&cut).unwrap();
        fs::write(log_file(&cut), &log[..length]).unwrap();
        let (store, opened) = open(&cut);
        assert_eq!((opened.head.count(), opened.torn_bytes), (2, u64::try_from(length - ends[1]).unwrap()));
        assert_eq!(facts(&store), [b"a=1", b"b=2"]);
        put(&store, "d=4");
        assert_eq!(entries(&store).len(), 4);
        drop(store);
        assert_eq!(open(&cut).1.torn_bytes, 0, "what was cut stays cut");
        fs::remove_dir_all(&cut).unwrap();
    }
}

#[test]
fn a_tail_of_anything_but_frames_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    store_with(folder.path(), &["a=1"]);
    for tail in [vec![0; 4096], vec![0xff; 3], b"KdF\x01".repeat(40)] {
        let mut log = fs::read(log_file(folder.path())).unwrap();
        log.extend_from_slice(&tail);
        fs::write(log_file(folder.path()), log).unwrap();
        let (store, opened) = open(folder.path());
        assert_eq!((opened.torn_bytes, facts(&store).len()), (u64::try_from(tail.len()).unwrap(), 1));
    }
}

#[test]
fn a_transaction_is_kept_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, cut) = (folder.path().join("whole"), folder.path().join("cut"));
    let ends = store_with(&whole, &["a=1"]);
    let (store, _) = open(&whole);
    let three = store.transact(|transaction| {
        ["b=2", "c=3", "d=4"].into_iter().try_for_each(|fact| transaction.append(fact).map(drop))
    });
    three.wait().unwrap();
    drop(store);
    let log = fs::read(log_file(&whole)).unwrap();
    for length in ends[0]..log.len() {
        fs::create_dir(&cut).unwrap();
        fs::write(log_file(&cut), &log[..length]).unwrap();
        assert_eq!(open(&cut).1.head.count(), 1);
        fs::remove_dir_all(&cut).unwrap();
    }
}

/// The blocks of one write reach the disk in any order: a hole may lie before whole frames of the same batch.
#[test]
fn a_hole_in_the_last_batch_is_torn_unless_the_index_has_seen_it() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, holed) = (folder.path().join("whole"), folder.path().join("holed"));
    let start = store_with(&whole, &["a=1"])[0];
    let (store, _) = open(&whole);
    let two = store.transact(|transaction| transaction.append("b=2").and_then(|_| transaction.append("c=3")));
    two.wait().unwrap();
    store.close().unwrap();
    let mut log = fs::read(log_file(&whole)).unwrap();
    log[start..start + 20].fill(0);

    fs::create_dir(&holed).unwrap();
    fs::write(log_file(&holed), &log).unwrap();
    assert_eq!(open(&holed).1.head.count(), 1, "without an index nobody can have been told of it");

    fs::remove_dir_all(&holed).unwrap();
    copy_folder(&whole, &holed);
    fs::write(log_file(&holed), &log).unwrap();
    assert!(matches!(open_error(&holed), StoreError::Damaged { .. }), "the index sees only durable facts");
    assert_eq!(fs::read(log_file(&holed)).unwrap(), log, "nothing is cut from a damaged log");
}

#[test]
fn an_interrupted_creation_is_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("facts.log.new"), b"KIDO").unwrap();
    let (store, opened) = open(folder.path());
    assert!(opened.created);
    put(&store, "a=1");
}

#[test]
fn an_index_that_lacks_the_last_facts_is_caught_up() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    store_with(&old, &["a=1", "b=2"]);
    copy_folder(&old, &new);
    store_with(&new, &["-a", "c=3", "b=4"]);
    fs::remove_dir_all(index_folder(&new)).unwrap();
    copy_folder(&index_folder(&old), &index_folder(&new));
    forget_clean_close(&new);
    let (store, opened) = open(&new);
    assert_eq!(opened.index, IndexOpened::CaughtUp { facts: 3 });
    let live = entries(&store);
    drop(store);
    fs::remove_dir_all(index_folder(&new)).unwrap();
    assert_eq!(entries(&open(&new).0), live);
}
