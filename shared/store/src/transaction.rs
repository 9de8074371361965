//! One decision over the newest state, and the facts it appends.

use std::cell::OnceCell;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::error::{StoreError, TransactError};
use crate::frame::FRAME_HEADER_BYTES;
use crate::index::Index;
use crate::index::changes::{self, Changed, IndexChanges, Scan};
use crate::limits::{MAX_FACT_BYTES, MAX_TRANSACTION_BYTES};
use crate::log::LogView;
use crate::pending::Stored;
use crate::position::{LogHead, LogOffset, Position};
use crate::projection::Projector;

/// What a decision sees and may do, while it has the writer for itself.
///
/// It sees everything that was decided before it, also what is not durable yet: its answer waits until all of that is. Once an
/// operation has failed, nothing of the transaction is kept, whatever the decision returns.
pub struct Transaction<'a> {
    index: &'a Arc<Index>,
    batch: &'a Changed,
    projector: &'a dyn Projector,
    base: LogHead,
    log: LogView<'a>,
    own: Changed,
    facts: Vec<Vec<u8>>,
    bytes: usize,
    failed: OnceCell<StoreError>,
}

impl fmt::Debug for Transaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction")
            .field("base", &self.base)
            .field("facts", &self.facts.len())
            .finish_non_exhaustive()
    }
}

impl<'a> Transaction<'a> {
    /// `base` and `log` are the log with all that was decided before.
    pub(crate) fn new(
        (index, batch): (&'a Arc<Index>, &'a Changed),
        projector: &'a dyn Projector,
        (base, log): (LogHead, LogView<'a>),
    ) -> Self {
        Self {
            index,
            batch,
            projector,
            base,
            log,
            own: Changed::new(),
            facts: Vec::new(),
            bytes: 0,
            failed: OnceCell::new(),
        }
    }

    /// The value under this key, own changes included.
    ///
    /// # Errors
    /// [`StoreError::Index`] when the engine cannot read.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        changes::get(self.index, &[&self.own, self.batch], key).inspect_err(|error| self.fail(error))
    }

    /// All entries whose keys begin with `prefix`, in the order of their keys, own changes included.
    #[must_use]
    pub fn scan_prefix(&self, prefix: &[u8]) -> Scan {
        changes::scan(self.index, &[self.batch, &self.own], prefix, None)
    }

    /// The same, those after the key `after` only: for reading on.
    #[must_use]
    pub fn scan_prefix_after(&self, prefix: &[u8], after: &[u8]) -> Scan {
        changes::scan(self.index, &[self.batch, &self.own], prefix, Some(after))
    }

    /// Bytes of the log from a place that an index entry keeps, facts included that are not durable yet: whatever an entry
    /// that this transaction sees leads to. As [`Store::read_at`](crate::Store::read_at), they come as they are.
    ///
    /// # Errors
    /// [`StoreError::Storage`] where no fact stands there, [`StoreError::FactTooLong`] for more than one can have.
    pub fn read_at(&self, at: LogOffset, length: usize) -> Result<Vec<u8>, StoreError> {
        self.log.with_own(&self.facts).read_at(at, length).inspect_err(|error| self.fail(error))
    }

    /// The log as this transaction found it, without its own facts.
    #[must_use]
    pub const fn head(&self) -> LogHead {
        self.base
    }

    /// Where the next appended fact will stand.
    #[must_use]
    pub fn next_position(&self) -> Position {
        Position::new(self.base.count.saturating_add(u64::try_from(self.facts.len()).unwrap_or(u64::MAX)))
    }

    /// Appends a fact and enters it into the index as this and later transactions see it.
    ///
    /// All facts of a transaction become durable together: a power cut leaves all of them or none.
    ///
    /// # Errors
    /// [`StoreError::FactTooLong`], [`StoreError::TransactionTooLarge`], [`StoreError::Projection`] and [`StoreError::Index`]. The
    /// transaction is then void.
    pub fn append(&mut self, fact: impl Into<Vec<u8>>) -> Result<Position, StoreError> {
        let appended = self.try_append(fact.into());
        appended.inspect_err(|error| self.fail(error))
    }

    fn try_append(&mut self, fact: Vec<u8>) -> Result<Position, StoreError> {
        if let Some(failed) = self.failed.get() {
            return Err(failed.clone());
        }
        if fact.len() > MAX_FACT_BYTES {
            return Err(StoreError::FactTooLong { bytes: fact.len() });
        }
        let bytes = self.bytes.saturating_add(FRAME_HEADER_BYTES).saturating_add(fact.len());
        if bytes > MAX_TRANSACTION_BYTES {
            return Err(StoreError::TransactionTooLarge);
        }
        let (position, fact_at) = (self.next_position(), self.log.end().after(self.bytes).after(FRAME_HEADER_BYTES));
        let log = self.log.with_own(&self.facts);
        let mut changes = IndexChanges::new((self.index, self.batch), &mut self.own, fact_at, log);
        self.projector.project(position, &fact, &mut changes)?;
        self.bytes = bytes;
        self.facts.push(fact);
        Ok(position)
    }

    /// Remembers the first failure.
    fn fail(&self, error: &StoreError) {
        if self.failed.set(error.clone()).is_err() {
            tracing::trace!("the transaction had failed before");
        }
    }

    /// What it appended and changed, or why it is void.
    pub(crate) fn into_parts(self) -> Result<(Vec<Vec<u8>>, Changed), StoreError> {
        match self.failed.into_inner() {
            Some(failed) => Err(failed),
            None => Ok((self.facts, self.own)),
        }
    }
}

/// One queued transaction with its types hidden from the writer.
pub(crate) trait Job: Send {
    /// Runs the decision; true if its facts shall be kept.
    fn decide(&mut self, transaction: &mut Transaction<'_>) -> bool;
    /// Gives the answer: the places of the facts, or why there are none.
    fn answer(self: Box<Self>, stored: Result<Range<Position>, StoreError>);
}

/// A decision, then its outcome, and who waits for it.
pub(crate) struct Work<T, E, F> {
    decide: Option<F>,
    outcome: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<Stored<T>, TransactError<E>>>,
}

impl<T, E, F> Work<T, E, F> {
    pub(crate) const fn new(decide: F, reply: oneshot::Sender<Result<Stored<T>, TransactError<E>>>) -> Self {
        Self { decide: Some(decide), outcome: None, reply }
    }
}

impl<T, E, F> Job for Work<T, E, F>
where
    T: Send,
    E: Send,
    F: FnOnce(&mut Transaction<'_>) -> Result<T, E> + Send,
{
    fn decide(&mut self, transaction: &mut Transaction<'_>) -> bool {
        self.outcome = self.decide.take().map(|decide| decide(transaction));
        matches!(self.outcome, Some(Ok(_)))
    }

    fn answer(self: Box<Self>, stored: Result<Range<Position>, StoreError>) {
        let answer = match (stored, self.outcome) {
            (Err(error), _) => Err(TransactError::Store(error)),
            (Ok(positions), Some(Ok(value))) => Ok(Stored::new(value, positions)),
            (Ok(_), Some(Err(refused))) => Err(TransactError::Rejected(refused)),
            (Ok(_), None) => Err(TransactError::Store(StoreError::Panicked)),
        };
        if self.reply.send(answer).is_err() {
            tracing::trace!("nobody waits for this transaction any more");
        }
    }
}
