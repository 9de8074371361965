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

/// A reader beside the writer: what it read while it was being written, and what stands there when it judges that.
#[test]
fn a_frame_that_was_being_written_when_it_was_read_is_no_damage() {
    let folder = tempfile::tempdir().unwrap();
    let identity = StoreIdentity::new([7; 16]);
    create(folder.path(), identity).unwrap();
    let path = folder.path().join(LOG_FILE);
    let file = Arc::new(File::options().read(true).write(true).open(&path).unwrap());
    let mut log = Log::new(file, header_end(), empty_head(identity), 0);
    let mut ends = Vec::new();
    for fact in ["one", "two", "three"] {
        let mut batch = log.begin();
        batch.push_transaction(&[fact.into()]).unwrap();
        log.write(&batch).unwrap();
        ends.push(usize::try_from(batch.end()).unwrap());
    }
    let (whole, head) = (fs::read(&path).unwrap(), log.head());
    let mut half = whole.clone();
    half[ends[0] + 4..].fill(0);
    fs::write(&path, &half).unwrap();
    let mut facts = Vec::new();
    // The buffer has the half of it by the time of the first fact; the file has all of it when the second is judged.
    let followed = follow_log(folder.path(), identity, |_head, fact| {
        facts.push(fact.to_vec());
        fs::write(&path, &whole).unwrap();
    });
    assert_eq!(followed.unwrap(), head);
    assert_eq!(facts, [b"one".to_vec(), b"two".to_vec(), b"three".to_vec()]);

    fs::write(&path, &half).unwrap();
    let torn = follow_log(folder.path(), identity, |_head, _fact| {}).unwrap();
    assert_eq!(torn.count(), 1, "nothing behind it: a batch that is being written, or was torn");
    let mut damaged = whole;
    damaged[ends[0] + 30] ^= 1;
    fs::write(&path, &damaged).unwrap();
    let damaged = follow_log(folder.path(), identity, |_head, _fact| {});
    assert!(matches!(damaged, Err(StoreError::Damaged { .. })), "{damaged:?}");
}
