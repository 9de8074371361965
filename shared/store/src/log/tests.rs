use std::fs;
use std::io::Write;
use std::process::Command;

use super::*;
use crate::position::StoreIdentity;

/// The space may go between the question and the write, taken by another program: asking first is not enough.
#[test]
fn a_write_that_the_disk_breaks_off_is_cut_off_again() {
    let disk = tempfile::tempdir().unwrap();
    let mounted =
        Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "kido-store-test"]).arg(disk.path()).output();
    if !mounted.as_ref().is_ok_and(|done| done.status.success()) {
        let line = format!("skipped: a write broken off: cannot mount a tmpfs: {mounted:?}\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return;
    }
    let outcome = break_off(&disk.path().join("log"));
    assert!(Command::new("umount").arg(disk.path()).status().unwrap().success());
    let (refused, length_then, stored, length_now) = outcome;
    assert!(matches!(refused, Err(StoreError::DiskFull)), "{refused:?}");
    assert_eq!(length_then, header_end(), "half a batch would be there otherwise");
    assert!(stored.is_ok(), "{stored:?}");
    assert!(length_now > length_then);
}

/// A batch that does not fit, then one that does; the file's length after each.
fn break_off(path: &std::path::Path) -> (Result<(), StoreError>, u64, Result<(), StoreError>, u64) {
    fs::write(path, [0; frame::HEADER_BYTES]).unwrap();
    let file = Arc::new(File::options().read(true).write(true).open(path).unwrap());
    let mut log = Log::new(Arc::clone(&file), header_end(), empty_head(StoreIdentity::new([0; 16])), 0);
    let write = |log: &mut Log, facts: usize| {
        let mut batch = log.begin();
        batch.push_transaction(&vec![vec![1; 200_000]; facts]).unwrap();
        let written = log.write(&batch);
        (written, file.metadata().unwrap().len())
    };
    let (refused, length_then) = write(&mut log, 8);
    let (stored, length_now) = write(&mut log, 1);
    (refused, length_then, stored, length_now)
}
