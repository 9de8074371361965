//! Readers for a program that has one card and one person to wait for.

use core::time::Duration;

use kido_shared::card::PinEntry;
use kido_shared::clock::Clock;
use pcsc::{Context, Scope};

use crate::cancel::Cancel;
use crate::channel::TransmitError;
use crate::choice::{NoReader, ReaderKeys, ReaderName, ReaderPattern};
use crate::connection::{CardConnection, PowerOn};
use crate::control;
use crate::monitor::{Monitor, Observed, WAIT_SLICE, attached};
use crate::presence::ReaderEvent;

/// The readers of this computer.
#[derive(Debug, Clone, Default)]
pub struct Readers {
    cancel: Cancel,
}

/// What a wait for a card is waiting for; changes are told as they happen, so that a person knows what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waiting {
    /// For a reader, or for the service.
    ForReader(NoReader),
    /// For a card in this reader.
    ForCard(ReaderName),
}

/// Why a wait ended without a card.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WaitError {
    /// No reader could be chosen, until the end or because only the person can choose.
    #[error("no reader to use")]
    NoReader(#[source] NoReader),
    /// A reader, but no card in time.
    #[error("no card was put on {0}")]
    NoCard(ReaderName),
    /// Somebody cancelled.
    #[error("cancelled")]
    Cancelled,
}

impl Readers {
    /// The readers, whose waits this ends.
    #[must_use]
    pub const fn new(cancel: Cancel) -> Self {
        Self { cancel }
    }

    /// The names of the readers attached; empty where there are none.
    ///
    /// # Errors
    /// [`NoReader::NoService`].
    pub fn list(&self) -> Result<Vec<ReaderName>, NoReader> {
        let lost = |error| {
            tracing::debug!(?error, "readers could not be listed");
            NoReader::NoService
        };
        attached(&Context::establish(Scope::User).map_err(lost)?).map_err(lost)
    }

    /// The reader that the pattern means, among those attached now.
    ///
    /// # Errors
    /// [`NoReader`].
    pub fn choose(&self, pattern: &ReaderPattern) -> Result<ReaderName, NoReader> {
        pattern.choose(&self.list()?)
    }

    /// Where a PIN for a card in this reader is typed: on its own keys where it has any and they are to be used.
    #[must_use]
    pub fn pin_entry(&self, reader: &ReaderName, keys: ReaderKeys) -> PinEntry {
        match keys {
            ReaderKeys::Use => control::pin_entry(reader),
            ReaderKeys::Ignore => PinEntry::Here,
        }
    }

    /// Waits until a card lies in the chosen reader, and tells every change of what it waits for.
    ///
    /// Returns at once where several readers would do: only the person can choose.
    ///
    /// # Errors
    /// [`WaitError`].
    pub fn wait_for_card(
        &self,
        pattern: &ReaderPattern,
        timeout: Duration,
        clock: &dyn Clock,
        mut tell: impl FnMut(&Waiting),
    ) -> Result<ReaderName, WaitError> {
        let deadline = clock.now().after(timeout);
        let mut monitor = Monitor::new(pattern.clone(), self.cancel.clone());
        let mut waiting = Waiting::ForReader(NoReader::NoneAttached);
        loop {
            let left = deadline.since(clock.now());
            match monitor.observe(left.min(WAIT_SLICE)) {
                Observed::Cancelled => return Err(WaitError::Cancelled),
                Observed::Quiet if left.is_zero() => return Err(ended(waiting)),
                Observed::Quiet => {}
                Observed::Events(events) => {
                    for event in events {
                        waiting = match (event, waiting) {
                            (ReaderEvent::CardPresent, Waiting::ForCard(reader)) => return Ok(reader),
                            (ReaderEvent::Gone(several @ NoReader::Several(_)), _) => {
                                return Err(WaitError::NoReader(several));
                            }
                            (ReaderEvent::Gone(why), _) => told(Waiting::ForReader(why), &mut tell),
                            (ReaderEvent::Arrived(reader), _) => told(Waiting::ForCard(reader), &mut tell),
                            (ReaderEvent::CardPresent | ReaderEvent::CardGone, same) => same,
                        };
                    }
                }
            }
        }
    }

    /// Connects to the card in this reader; its power is cut first, since anybody may have used it before.
    ///
    /// # Errors
    /// [`TransmitError`].
    pub fn connect(&self, reader: &ReaderName) -> Result<CardConnection, TransmitError> {
        CardConnection::open(reader, PowerOn::Cold, &self.cancel)
    }
}

fn told(waiting: Waiting, tell: &mut impl FnMut(&Waiting)) -> Waiting {
    tell(&waiting);
    waiting
}

fn ended(waiting: Waiting) -> WaitError {
    match waiting {
        Waiting::ForReader(why) => WaitError::NoReader(why),
        Waiting::ForCard(reader) => WaitError::NoCard(reader),
    }
}
