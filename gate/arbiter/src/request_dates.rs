//! What the date of a gate's request is held against.
//!
//! Gates date by the registrar's time, as its heads have told it ([`RegistrarTime`]). A box whose own clock is minutes off,
//! or a registrar's that was, must not shut every lane of the venue: so the box follows the same heads.

use std::sync::{Mutex, PoisonError};

use kido_follow::RegistrarTime;
use kido_shared::clock::Timestamp;
use tokio::time::Instant;

/// The registrar's time as this box knows it, for the dates of requests and for nothing else.
#[derive(Debug)]
pub struct RequestDates {
    started: Instant,
    heard: Mutex<Option<RegistrarTime>>,
}

impl RequestDates {
    /// Nothing was heard yet: this machine's clock is all there is.
    #[must_use]
    pub fn begin() -> Self {
        Self { started: Instant::now(), heard: Mutex::default() }
    }

    /// Takes the registrar's word for the time, out of a head that was verified.
    pub fn head(&self, issued_at: Timestamp) {
        let counter = self.started.elapsed();
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        *heard = Some(RegistrarTime::with_head(*heard, issued_at, counter));
    }

    /// The moment that a request of this date is held against ([`RegistrarTime::judging`]).
    #[must_use]
    pub fn judging(&self, created: Timestamp, machine: Timestamp) -> Timestamp {
        let heard = *self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        RegistrarTime::judging(heard, created, (machine, self.started.elapsed()))
    }
}
