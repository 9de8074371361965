//! What no power cut does: the store fails closed.

use std::fs;

use kido_store::{Options, Position, Store, StoreError};

use crate::pairs::{IDENTITY, NewerPairs, Pairs, index_folder, log_file, open, open_error, store_with};

#[test]
fn a_flipped_bit_before_the_last_fact_fails_closed() {
    let folder = tempfile::tempdir().unwrap();
    let ends = store_with(folder.path(), &["a=1", "b=2", "c=3"]);
    let log = fs::read(log_file(folder.path())).unwrap();
    for at in 0..ends[1] {
        let mut flipped = log.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(log_file(folder.path()), &flipped).unwrap();
        let error = open_error(folder.path());
        let expected = matches!(error, StoreError::Damaged { .. } | StoreError::NotALog);
        assert!(expected, "byte {at}: {error:?}");
        assert_eq!(fs::read(log_file(folder.path())).unwrap(), flipped, "byte {at}: nothing is cut");
    }
    fs::write(log_file(folder.path()), log).unwrap();
    assert_eq!(open(folder.path()).1.head.count(), 3);
}

#[test]
fn a_fact_that_was_exchanged_with_a_fitting_checksum_fails_closed() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let ends = store_with(&one, &["a=1", "b=2"]);
    store_with(&two, &["a=9", "b=2"]);
    let mut log = fs::read(log_file(&one)).unwrap();
    log[ends[0]..].copy_from_slice(&fs::read(log_file(&two)).unwrap()[ends[0]..]);
    fs::write(log_file(&one), log).unwrap();
    assert!(matches!(open_error(&one), StoreError::Damaged { position, .. } if position == Position::new(1)));
}

#[test]
fn an_empty_a_short_and_a_foreign_log_fail_closed() {
    let folder = tempfile::tempdir().unwrap();
    store_with(folder.path(), &["a=1"]);
    let log = fs::read(log_file(folder.path())).unwrap();
    for length in 0..32 {
        fs::write(log_file(folder.path()), &log[..length]).unwrap();
        assert!(matches!(open_error(folder.path()), StoreError::NotALog), "{length} bytes");
    }
    fs::write(log_file(folder.path()), "something else altogether, and long enough").unwrap();
    assert!(matches!(open_error(folder.path()), StoreError::NotALog));
}

#[test]
fn a_lost_log_is_not_replaced_by_an_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    store_with(folder.path(), &["a=1"]);
    fs::remove_file(log_file(folder.path())).unwrap();
    let opened = Store::open(folder.path(), IDENTITY, Pairs, Options::create_if_missing());
    assert!(matches!(opened, Err(StoreError::LogMissing { .. })));
}

#[test]
fn more_bad_bytes_than_one_batch_can_hold_are_damage() {
    let folder = tempfile::tempdir().unwrap();
    store_with(folder.path(), &["a=1"]);
    let mut log = fs::read(log_file(folder.path())).unwrap();
    log.resize(log.len() + kido_store::MAX_BATCH_BYTES + 1, 0);
    fs::write(log_file(folder.path()), log).unwrap();
    assert!(matches!(open_error(folder.path()), StoreError::Damaged { .. }));
}

/// Damage under a running store is found by whoever reads it, not passed on.
#[test]
fn damage_is_found_again_while_reading() {
    let folder = tempfile::tempdir().unwrap();
    let ends = store_with(folder.path(), &["a=1", "b=2", "c=3"]);
    let (store, _) = open(folder.path());
    let mut log = fs::read(log_file(folder.path())).unwrap();
    log[ends[1] - 1] ^= 1;
    fs::write(log_file(folder.path()), log).unwrap();
    let read = store.facts(Position::FIRST).unwrap().collect::<Vec<_>>();
    assert_eq!(read.len(), 2, "it ends at the first bad fact");
    assert!(matches!(read[1], Err(StoreError::Damaged { .. })));
    assert!(store.export(&mut Vec::new()).is_err());
}

#[test]
fn a_fact_that_the_projection_does_not_know_fails_the_open() {
    struct Strict;
    impl kido_store::Project for Strict {
        const VERSION: u32 = 3;
        fn project(
            &self,
            _: Position,
            _: &[u8],
            _: &mut kido_store::IndexChanges<'_>,
        ) -> Result<(), kido_store::ProjectError> {
            Err(kido_store::ProjectError::Unreadable("a fact of a later version"))
        }
    }
    let folder = tempfile::tempdir().unwrap();
    store_with(folder.path(), &["a=1"]);
    let opened = Store::open(folder.path(), IDENTITY, Strict, Options::existing());
    assert!(matches!(opened, Err(StoreError::Projection { .. })));
    assert!(index_folder(folder.path()).exists());
    assert!(
        Store::open(folder.path(), IDENTITY, NewerPairs, Options::existing()).is_ok(),
        "a program that knows it goes on"
    );
}
