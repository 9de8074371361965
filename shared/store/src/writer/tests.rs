//! Storage that fails, by files that do: `/dev/null` takes every write and no sync, `/dev/full` takes no write.

use std::fs::{File, OpenOptions};
use std::sync::Arc;
use std::sync::mpsc;

use tokio::sync::oneshot;

use crate::error::{StoreError, TransactError};
use crate::folder::FolderLock;
use crate::index::Index;
use crate::index::changes::{Changed, IndexChanges};
use crate::index::state::IndexState;
use crate::log::{Log, Places, empty_head, header_end};
use crate::pending::Pending;
use crate::position::{Position, StoreIdentity};
use crate::projection::{Project, ProjectError};
use crate::transaction::Work;
use crate::writer::{Command, Shared, Writer};

struct Nothing;

impl Project for Nothing {
    const VERSION: u32 = 1;

    fn project(&self, position: Position, fact: &[u8], index: &mut IndexChanges<'_>) -> Result<(), ProjectError> {
        index.put(fact, position.get().to_be_bytes());
        Ok(())
    }
}

/// A writer over this file, and who would read from it.
fn writer(folder: &std::path::Path, file: File) -> (Writer, Arc<Shared>) {
    let file = Arc::new(file);
    let lock = Arc::new(FolderLock::take(folder).unwrap());
    let index = Arc::new(Index::open(&folder.join("index"), 1 << 20, &lock).unwrap());
    let head = empty_head(StoreIdentity::new([0; 16]));
    let state = index.apply(&IndexState::empty(1, head), Changed::new(), head).unwrap();
    let places = Places { checkpoints: Vec::new(), end: header_end(), head };
    let log = Log::new(Arc::clone(&file), places.end, head, 0);
    let shared = Arc::new(Shared::new(file, places, Arc::clone(&index)));
    let writer = Writer {
        folder: Some((folder.to_path_buf(), lock)),
        log,
        index,
        state,
        projector: Box::new(Nothing),
        shared: Arc::clone(&shared),
    };
    (writer, shared)
}

fn queue(commands: &mpsc::Sender<Command>, shared: &Arc<Shared>, fact: &'static [u8]) -> Pending<Position, StoreError> {
    let (reply, answer) = oneshot::channel();
    let decide = move |transaction: &mut crate::Transaction<'_>| transaction.append(fact);
    commands.send(Command::Transact(Box::new(Work::new(decide, reply)))).unwrap();
    Pending::queued(answer, Arc::clone(shared))
}

/// Runs a writer over a file that fails and expects everything to be refused with the same reason.
fn expect_final(path: &str, reason: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (writer, shared) = writer(folder.path(), OpenOptions::new().read(true).write(true).open(path).unwrap());
    let (commands, waiting) = mpsc::channel();
    let pending = [b"a", b"b"].map(|fact| queue(&commands, &shared, fact));
    let ended = writer.run(&waiting);
    let late = queue(&commands, &shared, b"c");
    drop(waiting);
    assert!(matches!(&ended, Err(StoreError::Storage { doing, .. }) if *doing == reason), "{ended:?}");
    for pending in pending.into_iter().chain([late]) {
        let answer = pending.wait();
        assert!(
            matches!(&answer, Err(TransactError::Store(StoreError::Storage { doing, .. })) if *doing == reason),
            "{answer:?}"
        );
    }
    assert!(
        matches!(shared.index(), Err(StoreError::Storage { .. })),
        "nothing is read from a store that cannot be trusted"
    );
    assert_eq!(shared.head().count(), 0, "what was not synced is not shown");
}

#[test]
fn a_failed_sync_is_final() {
    expect_final("/dev/null", "syncing the facts log");
}

#[test]
fn a_full_disk_that_does_not_let_the_unfinished_batch_be_cut_off_is_final() {
    expect_final("/dev/full", "cutting an unfinished batch off");
}

#[test]
fn a_full_disk_that_obeys_is_passing_and_leaves_the_log_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    std::fs::write(&path, vec![0; 32]).unwrap();
    let file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let (mut writer, _shared) = writer(folder.path(), file);
    writer.log =
        Log::new(Arc::new(OpenOptions::new().write(true).open(&path).unwrap()), 32, writer.log.head(), u64::MAX / 2);
    let mut batch = writer.log.begin();
    batch.push_transaction(&[b"fact".to_vec()]).unwrap();
    let refused = writer.log.commit(&batch).unwrap_err();
    assert!(refused.is_passing() && matches!(refused, StoreError::DiskFull));
    assert_eq!((std::fs::read(&path).unwrap().len(), writer.log.head().count()), (32, 0));
}
