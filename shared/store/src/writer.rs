//! The one thread that decides, writes, syncs and answers.

use std::fs::File;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use kido_shared::error_chain::Chain;
use tokio::sync::watch;

use crate::clean;
use crate::error::{StoreError, TransactError};
use crate::folder::FolderLock;
use crate::index::Index;
use crate::index::changes::Changed;
use crate::index::state::IndexState;
use crate::limits::MAX_BATCH_TRANSACTIONS;
use crate::log::{self, Batch, Facts, Log, Places};
use crate::position::{LogHead, LogOffset, Position};
use crate::projection::Projector;
use crate::transaction::{Job, Transaction};

/// What the writer and the handles share. No lock in it is ever held over a decision, a write or a sync.
#[derive(Debug)]
pub(crate) struct Shared {
    file: Arc<File>,
    places: RwLock<Places>,
    /// Taken out at the close, so that sled has written its last byte when the close returns.
    index: RwLock<Option<Arc<Index>>>,
    failed: OnceLock<StoreError>,
    head: watch::Sender<LogHead>,
    /// How far the log is durable: raised before the index says anything of what is new, so that whoever finds a place in
    /// the index can read it.
    readable_end: AtomicU64,
}

impl Shared {
    pub(crate) fn new(file: Arc<File>, places: Places, index: Arc<Index>) -> Self {
        let head = watch::Sender::new(places.head);
        let readable_end = AtomicU64::new(places.end);
        let (places, index) = (RwLock::new(places), RwLock::new(Some(index)));
        Self { file, places, index, failed: OnceLock::new(), head, readable_end }
    }

    /// Refuses once the storage has failed.
    pub(crate) fn require_sound(&self) -> Result<(), StoreError> {
        self.failed.get().map_or(Ok(()), |failed| Err(failed.clone()))
    }

    pub(crate) fn index(&self) -> Result<Arc<Index>, StoreError> {
        self.require_sound()?;
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        index.as_ref().map(Arc::clone).ok_or(StoreError::Closed)
    }

    pub(crate) fn facts(&self, from: Position) -> Result<Facts, StoreError> {
        self.index()?;
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        Ok(Facts::new(Arc::clone(&self.file), &places, from))
    }

    /// Bytes of the durable log.
    pub(crate) fn read_at(&self, at: LogOffset, length: usize) -> Result<Vec<u8>, StoreError> {
        self.index()?;
        log::read_at(&self.file, self.readable_end.load(Ordering::Acquire), at, length)
    }

    /// The log's file and what of it is durable.
    pub(crate) fn log(&self) -> Result<(Arc<File>, Places), StoreError> {
        self.index()?;
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        Ok((Arc::clone(&self.file), places.clone()))
    }

    pub(crate) fn head(&self) -> LogHead {
        *self.head.borrow()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<LogHead> {
        self.head.subscribe()
    }

    /// Why a queued transaction was dropped without an answer.
    pub(crate) fn why_gone<E>(&self) -> TransactError<E> {
        self.failed.get().map_or(TransactError::Closed, |failed| TransactError::Store(failed.clone()))
    }

    fn fail(&self, error: StoreError) {
        tracing::error!(error = %Chain(&error), "the store refuses everything from now on");
        if self.failed.set(error).is_err() {
            tracing::debug!("the store had failed before");
        }
    }

    fn publish(&self, batch: &Batch) {
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        places.checkpoints.extend_from_slice(&batch.checkpoints);
        places.end = batch.end();
        places.head = batch.head;
        drop(places);
        self.head.send_replace(batch.head);
    }

    pub(crate) fn take_index(&self) -> Option<Arc<Index>> {
        self.index.write().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What can be queued.
pub(crate) enum Command {
    Transact(Box<dyn Job>),
    Close,
}

/// Everything that only the writer thread may touch.
pub(crate) struct Writer {
    /// The folder, and its lock: held until the thread ends, and longer by whoever still reads the index. Nothing where the
    /// store is held in memory, and its index needs nobody's word.
    pub(crate) folder: Option<(PathBuf, Arc<FolderLock>)>,
    pub(crate) log: Log,
    pub(crate) index: Arc<Index>,
    pub(crate) state: IndexState,
    pub(crate) projector: Box<dyn Projector>,
    pub(crate) shared: Arc<Shared>,
}

/// Transactions that were decided and wait for one write and one sync.
struct Group {
    frames: Batch,
    changed: Changed,
    decided: Vec<Decided>,
}

/// A transaction that ran, and the places of its facts or why it has none.
struct Decided {
    job: Box<dyn Job>,
    kept: Result<Range<Position>, StoreError>,
}

impl Group {
    /// Lays the changes of one more transaction over those before it.
    ///
    /// Not by `append`, which builds the whole map anew: a batch is many small transactions.
    fn lay(&mut self, changed: Changed) {
        if self.changed.is_empty() {
            self.changed = changed;
        } else {
            self.changed.extend(changed);
        }
    }
}

impl Writer {
    /// The thread: until the close, the last handle or a failure of the storage.
    pub(crate) fn run(self, commands: &Receiver<Command>) -> Result<(), StoreError> {
        let shared = Arc::clone(&self.shared);
        match catch_unwind(AssertUnwindSafe(|| self.serve(commands))) {
            Ok(result) => result,
            Err(_panic) => {
                shared.fail(StoreError::WriterGone);
                Err(StoreError::WriterGone)
            }
        }
    }

    /// Decides, writes and answers one transaction on the caller's thread. An error is final.
    pub(crate) fn answer(&mut self, job: Box<dyn Job>) -> Result<(), StoreError> {
        let mut group = Group { frames: self.log.begin(), changed: Changed::new(), decided: Vec::new() };
        self.decide(job, &mut group);
        self.commit(group)
    }

    fn serve(mut self, commands: &Receiver<Command>) -> Result<(), StoreError> {
        while let Ok(Command::Transact(first)) = commands.recv() {
            let (group, closing) = self.gather(first, commands);
            self.commit(group)?;
            if closing {
                break;
            }
        }
        self.finish()
    }

    /// Decides the first transaction and all that wait behind it, up to the bounds; says whether the close was among them.
    fn gather(&self, first: Box<dyn Job>, commands: &Receiver<Command>) -> (Group, bool) {
        let mut group = Group { frames: self.log.begin(), changed: Changed::new(), decided: Vec::new() };
        let mut next = first;
        loop {
            self.decide(next, &mut group);
            if group.decided.len() >= MAX_BATCH_TRANSACTIONS || group.frames.is_full() {
                return (group, false);
            }
            next = match commands.try_recv() {
                Ok(Command::Transact(job)) => job,
                Ok(Command::Close) => return (group, true),
                // The next `recv` sees a disconnection again.
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return (group, false),
            };
        }
    }

    /// Runs one decision and keeps its facts, if it is for them and nothing failed.
    fn decide(&self, mut job: Box<dyn Job>, group: &mut Group) {
        let base = group.frames.head;
        let log = self.log.with(&group.frames);
        let mut transaction = Transaction::new((&self.index, &group.changed), &*self.projector, (base, log));
        let decided = catch_unwind(AssertUnwindSafe(|| job.decide(&mut transaction)));
        let parts = transaction.into_parts();
        let kept = match (decided, parts) {
            (Err(_panic), _) => Err(StoreError::Panicked),
            (Ok(_), Err(error)) => Err(error),
            (Ok(false), Ok(_)) => Ok(base.next_position()..base.next_position()),
            (Ok(true), Ok((facts, changed))) => group.frames.push_transaction(&facts).map(|()| {
                group.lay(changed);
                base.next_position()..group.frames.head.next_position()
            }),
        };
        group.decided.push(Decided { job, kept });
    }

    /// One write, one sync, then the index, then the answers. An error returned from here is final.
    fn commit(&mut self, group: Group) -> Result<(), StoreError> {
        let Group { frames, changed, decided } = group;
        let stored = if frames.is_empty() { Ok(()) } else { self.store(&frames, changed) };
        let fatal = stored.as_ref().err().filter(|error| !error.is_passing()).cloned();
        if let Some(fatal) = &fatal {
            self.shared.fail(fatal.clone());
        }
        for Decided { job, kept } in decided {
            job.answer(stored.clone().and(kept));
        }
        fatal.map_or(Ok(()), Err)
    }

    fn store(&mut self, frames: &Batch, changed: Changed) -> Result<(), StoreError> {
        self.log.commit(frames)?;
        self.shared.readable_end.store(frames.end(), Ordering::Release);
        self.state = self.index.apply(&self.state, changed, self.log.head())?;
        self.shared.publish(frames);
        Ok(())
    }

    /// Leaves an index that the next open can take as it is.
    fn finish(self) -> Result<(), StoreError> {
        let Self { folder, index, state, shared, .. } = self;
        let Some((folder, lock)) = folder else { return Ok(()) };
        index.flush()?;
        drop(shared.take_index());
        match Arc::into_inner(index) {
            Some(index) => {
                // sled writes once more when it is dropped; only then can its files be vouched for.
                drop(index);
                clean::mark(&folder, &state)?;
            }
            None => tracing::info!("the index is still being read; the next open will read it through"),
        }
        drop(lock);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
