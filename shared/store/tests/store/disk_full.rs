//! A disk that fills up, for real: a small file system of its own.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use kido_store::{IndexOpened, Options, Store, StoreError, TransactError};

use crate::pairs::{IDENTITY, Pairs, entries, facts, put, try_put};

/// A tmpfs that goes with the value.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None`, and a line that says why, where nobody may mount.
    fn mount(mebibytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={mebibytes}m");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "kido-store-test"]).arg(folder.path()).output();
        let why = match mounted {
            Ok(done) if done.status.success() => return Some(Self(folder)),
            Ok(done) => String::from_utf8_lossy(&done.stderr).trim().to_owned(),
            Err(error) => error.to_string(),
        };
        // Not `eprintln!`, which the test harness would swallow.
        let line = format!("skipped: a full disk: cannot mount a tmpfs: {why}\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        None
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(self.path()).status().unwrap();
        assert!(unmounted.success() || std::thread::panicking());
    }
}

/// Puts facts until the store says that the disk is full; returns how many it took.
fn fill(store: &Store) -> usize {
    for n in 0..10_000 {
        match try_put(store, &format!("filling{n}={}", "x".repeat(200_000))) {
            Ok(_) => {}
            Err(TransactError::Store(StoreError::DiskFull)) => return n,
            Err(other) => panic!("{other:?}"),
        }
    }
    panic!("the disk never filled up");
}

#[test]
fn a_full_disk_costs_new_facts_and_nothing_else() {
    let Some(disk) = SmallDisk::mount(40) else { return };
    let folder = disk.path().join("store");
    let (store, _) = Store::open(&folder, IDENTITY, Small, Options::create_if_missing()).unwrap();
    let ballast = disk.path().join("ballast");
    fs::write(&ballast, vec![1; 8 << 20]).unwrap();
    put(&store, "a=1");
    let taken = fill(&store);
    assert!(taken > 0);
    let head = store.head();
    assert!(matches!(
        try_put(&store, &format!("b={}", "x".repeat(200_000))),
        Err(TransactError::Store(StoreError::DiskFull))
    ));
    assert_eq!((store.head(), facts(&store).len()), (head, taken + 1));
    assert!(store.get(b"a").unwrap().is_some());

    fs::remove_file(&ballast).unwrap();
    put(&store, "b=2");
    assert!(fill(&store) > 0);
    let (head, live) = (store.head(), entries(&store));
    store.close().unwrap();
    let (store, opened) = Store::open(&folder, IDENTITY, Small, Options::existing()).unwrap();
    assert_eq!((opened.head, opened.torn_bytes, opened.index), (head, 0, IndexOpened::Clean));
    assert_eq!(entries(&store), live);
}

/// Long facts, short entries.
#[derive(Debug)]
struct Small;

impl kido_store::Project for Small {
    const VERSION: u32 = 1;

    fn project(
        &self,
        position: kido_store::Position,
        fact: &[u8],
        index: &mut kido_store::IndexChanges<'_>,
    ) -> Result<(), kido_store::ProjectError> {
        kido_store::Project::project(&Pairs, position, &fact[..fact.len().min(20)], index)
    }
}
