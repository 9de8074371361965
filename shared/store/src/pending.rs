//! The answer to a transaction: first awaited, then a value whose facts are durable.

use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::sync::oneshot;

use crate::error::TransactError;
use crate::position::Position;
use crate::writer::Shared;

/// A value whose facts survive a power cut. Only the store can make one, and only after the sync.
///
/// A function that takes `Stored<Admission>` cannot be called with an admission that is merely on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored<T> {
    value: T,
    positions: Range<Position>,
}

impl<T> Stored<T> {
    pub(crate) const fn new(value: T, positions: Range<Position>) -> Self {
        Self { value, positions }
    }

    /// The value.
    pub const fn get(&self) -> &T {
        &self.value
    }

    /// The value alone; what it says is durable, but it no longer proves it.
    pub fn into_inner(self) -> T {
        self.value
    }

    /// Where the facts of its transaction stand: empty if it only read.
    pub const fn positions(&self) -> &Range<Position> {
        &self.positions
    }

    /// Another view of the same durable facts.
    pub fn map<U>(self, view: impl FnOnce(T) -> U) -> Stored<U> {
        Stored { value: view(self.value), positions: self.positions }
    }
}

/// A transaction on its way. Dropping it does not take the transaction back.
#[derive(Debug)]
#[must_use = "only the answer says whether the facts are durable"]
pub struct Pending<T, E> {
    state: State<T, E>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
enum State<T, E> {
    Queued(oneshot::Receiver<Result<Stored<T>, TransactError<E>>>),
    Refused(Option<TransactError<E>>),
}

impl<T, E> Pending<T, E> {
    pub(crate) const fn queued(
        reply: oneshot::Receiver<Result<Stored<T>, TransactError<E>>>,
        shared: Arc<Shared>,
    ) -> Self {
        Self { state: State::Queued(reply), shared }
    }

    pub(crate) const fn refused(error: TransactError<E>, shared: Arc<Shared>) -> Self {
        Self { state: State::Refused(Some(error)), shared }
    }

    /// Waits on this thread, which must not be one of an asynchronous runtime nor the writer's (that is: not inside a decision).
    ///
    /// # Errors
    /// [`TransactError`] says what of the transaction was kept.
    ///
    /// # Panics
    /// Inside an asynchronous runtime, where the value is to be awaited instead.
    pub fn wait(self) -> Result<Stored<T>, TransactError<E>> {
        let Self { state, shared } = self;
        match state {
            State::Queued(reply) => reply.blocking_recv().unwrap_or_else(|_gone| Err(shared.why_gone())),
            State::Refused(error) => Err(error.unwrap_or(TransactError::Closed)),
        }
    }
}

impl<T, E> Unpin for Pending<T, E> {}

impl<T, E> Future for Pending<T, E> {
    type Output = Result<Stored<T>, TransactError<E>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { state, shared } = &mut *self;
        match state {
            State::Queued(reply) => {
                let answer = ready!(Pin::new(reply).poll(context));
                Poll::Ready(answer.unwrap_or_else(|_gone| Err(shared.why_gone())))
            }
            State::Refused(error) => Poll::Ready(Err(error.take().unwrap_or(TransactError::Closed))),
        }
    }
}
