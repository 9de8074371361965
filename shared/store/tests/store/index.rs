//! Whatever happens to the index, the log builds it again.

use std::fs;
use std::path::Path;

use kido_store::{IndexOpened, Options, RebuildReason, Store};

use crate::pairs::{
    IDENTITY, NewerPairs, copy_folder, entries, forget_clean_close, index_folder, log_file, open, put, store_with,
};

const FACTS: [&str; 6] = ["a=1", "b=2", "-a", "c=3", "b=4", "d=5"];

/// Opens and expects a rebuild for this reason that leads to the entries of an undisturbed store.
fn expect_rebuild(folder: &Path, reason: RebuildReason) {
    let (store, opened) = open(folder);
    assert_eq!(opened.index, IndexOpened::Rebuilt(reason));
    let undisturbed = tempfile::tempdir().unwrap();
    store_with(undisturbed.path(), &FACTS);
    assert_eq!(entries(&store), entries(&open(undisturbed.path()).0));
    store.close().unwrap();
    assert_eq!(open(folder).1.index, IndexOpened::Clean);
}

#[test]
fn a_deleted_index_is_built_again() {
    let folder = tempfile::tempdir().unwrap();
    store_with(folder.path(), &FACTS);
    fs::remove_dir_all(index_folder(folder.path())).unwrap();
    expect_rebuild(folder.path(), RebuildReason::Empty);
}

#[test]
fn an_index_that_came_back_empty_is_built_again() {
    let folder = tempfile::tempdir().unwrap();
    let (empty, full) = (folder.path().join("empty"), folder.path().join("full"));
    store_with(&full, &FACTS);
    fs::create_dir(&empty).unwrap();
    drop(sled_without_us(&empty.join("index")));
    fs::remove_dir_all(index_folder(&full)).unwrap();
    copy_folder(&empty.join("index"), &index_folder(&full));
    expect_rebuild(&full, RebuildReason::Empty);
}

#[test]
fn an_index_whose_files_are_cut_or_overwritten_is_built_again() {
    let folder = tempfile::tempdir().unwrap();
    let pristine = folder.path().join("pristine");
    store_with(&pristine, &FACTS);
    let (store, _) = open(&pristine);
    let expected = entries(&store);
    store.close().unwrap();
    let length = fs::read(index_folder(&pristine).join("db")).unwrap().len();
    for (round, cut) in [0, 1, 64, 512, length / 4, length / 2, length - 1].into_iter().enumerate() {
        let copy = folder.path().join(format!("copy-{round}"));
        copy_folder(&pristine, &copy);
        forget_clean_close(&copy);
        let db = index_folder(&copy).join("db");
        let mut bytes = fs::read(&db).unwrap();
        if round % 2 == 0 {
            bytes.truncate(cut)
        } else {
            bytes[cut..].fill(0xA5)
        }
        fs::write(&db, bytes).unwrap();
        assert_eq!(entries(&open(&copy).0), expected, "cut at {cut}");
    }
    let copy = folder.path().join("file");
    copy_folder(&pristine, &copy);
    fs::write(index_folder(&copy).join("conf"), "garbage").unwrap();
    assert_eq!(entries(&open(&copy).0), expected);
}

#[test]
fn an_index_of_another_log_is_built_again() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, other) = (folder.path().join("ours"), folder.path().join("other"));
    store_with(&ours, &FACTS);
    store_with(&other, &["x=1", "y=2"]);
    fs::remove_dir_all(index_folder(&ours)).unwrap();
    copy_folder(&index_folder(&other), &index_folder(&ours));
    expect_rebuild(&ours, RebuildReason::OtherLog);
}

#[test]
fn an_index_ahead_of_the_log_is_built_again_and_said_so() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path());
    for fact in FACTS {
        put(&store, fact);
    }
    let end = fs::read(log_file(folder.path())).unwrap().len();
    put(&store, "lost=1");
    store.close().unwrap();
    let log = fs::read(log_file(folder.path())).unwrap();
    fs::write(log_file(folder.path()), &log[..end]).unwrap();
    expect_rebuild(folder.path(), RebuildReason::AheadOfLog { entered: 7 });
}

#[test]
fn another_projection_builds_its_own_index() {
    let folder = tempfile::tempdir().unwrap();
    store_with(folder.path(), &FACTS);
    let (_store, opened) = Store::open(folder.path(), IDENTITY, NewerPairs, Options::existing()).unwrap();
    assert_eq!(opened.index, IndexOpened::Rebuilt(RebuildReason::OtherProjection { found: 1 }));
}

/// The engine may lose a page and keep the newest state: only the digest sees it.
#[test]
fn a_lost_a_stale_and_an_invented_entry_are_found_by_the_digest() {
    let tampers: [fn(&sled::Db); 3] = [
        |db| assert!(db.remove(b"ed").unwrap().is_some()),
        |db| assert!(db.insert(b"ed", b"stale").unwrap().is_some()),
        |db| assert!(db.insert(b"eghost", b"").unwrap().is_none()),
    ];
    for tamper in tampers {
        let folder = tempfile::tempdir().unwrap();
        store_with(folder.path(), &FACTS);
        forget_clean_close(folder.path());
        let db = sled_without_us(&index_folder(folder.path()));
        tamper(&db);
        drop(db);
        expect_rebuild(folder.path(), RebuildReason::DigestMismatch);
    }
}

#[test]
fn after_a_crash_every_entry_is_read_before_it_is_believed() {
    let folder = tempfile::tempdir().unwrap();
    store_with(folder.path(), &FACTS);
    forget_clean_close(folder.path());
    assert_eq!(open(folder.path()).1.index, IndexOpened::Verified);
}

/// The engine behind the store's back.
fn sled_without_us(folder: &Path) -> sled::Db {
    sled::Config::new().path(folder).open().unwrap()
}
