//! Ending a wait from another thread.

use core::fmt;
use core::time::Duration;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Ends every wait of the readers that it was given to, now and from now on.
///
/// Clones are one and the same. Needed because a PC/SC wait ends by an event or by `SCardCancel` from another thread, and
/// because a wait without a context, while the service is away, has to end as well.
#[derive(Clone, Default)]
pub struct Cancel(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    cancelled: bool,
    context: Option<pcsc::Context>,
}

impl Cancel {
    /// One that is not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends every wait. A PC/SC wait that begins at this very moment may miss it and ends one
    /// [`WAIT_SLICE`](crate::WAIT_SLICE) later.
    pub fn cancel(&self) {
        let mut state = self.lock();
        state.cancelled = true;
        if let Some(context) = &state.context
            && let Err(error) = context.cancel()
        {
            tracing::debug!(?error, "no PC/SC wait to cancel");
        }
        drop(state);
        self.0.changed.notify_all();
    }

    /// Whether it was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.lock().cancelled
    }

    /// Waits without a reader; returns at once when cancelled.
    pub(crate) fn pause(&self, span: Duration) {
        let waited = self.0.changed.wait_timeout_while(self.lock(), span, |state| !state.cancelled);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Names the context whose wait a cancel must end.
    pub(crate) fn attach(&self, context: &pcsc::Context) {
        self.lock().context = Some(context.clone());
    }

    /// Forgets the context, so that the service can be left.
    pub(crate) fn detach(&self) {
        self.lock().context = None;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cancel({})", self.is_cancelled())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_without_a_reader_ends_when_cancelled() {
        let cancel = Cancel::new();
        let waiting = {
            let cancel = cancel.clone();
            std::thread::spawn(move || cancel.pause(Duration::from_secs(3_600)))
        };
        cancel.cancel();
        waiting.join().unwrap();
        assert!(cancel.is_cancelled());
    }
}
