//! What opens the lane, once an admission is stored.
//!
//! A barrier is told by [`Barrier::open`] alone, and that takes [`StoredAdmission`]s, which only the journal can make:
//! no other path leads into the venue. Out of it leads [`Barrier::let_out`], for whoever came in. A barrier that failed is never told again for the same admissions; staff look.

mod command;
mod log;
#[cfg(test)]
mod tests;

use core::time::Duration;
use std::path::PathBuf;

use kido_shared::challenge::Passage;

use crate::journal::{Departure, StoredAdmission};
use crate::lane::TapNumber;

/// How this gate's lane opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Barrier {
    /// Writes a line to the log: for a lane whose passage staff watch, for rehearsals and tests.
    Log,
    /// Runs a program.
    Command(BarrierCommand),
}

/// The program that drives the lane's hardware.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BarrierCommand {
    /// Which program, found as the operating system finds programs; no shell reads it.
    pub program: PathBuf,
    /// Its arguments, the same for every opening.
    pub arguments: Vec<String>,
    /// How long it may take before it is killed.
    pub time: Duration,
}

/// The barrier did as it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened;

/// Why it is not known to be open: the admission stays stored, and staff look.
#[derive(Debug, thiserror::Error)]
pub enum BarrierError {
    /// The log sees nobody pass: whether anybody went out is unknown.
    #[error("this barrier sees nobody pass")]
    SeesNothing,
    /// Nothing to open for. Never sent by a lane.
    #[error("no admission to open for")]
    NoAdmission,
    /// There is no such program: the configuration's fault.
    #[error("the barrier's program is not there")]
    NotFound,
    /// The program could not be started or waited for: the machine's fault.
    #[error("the barrier's program could not be run")]
    NotRun(#[source] std::io::Error),
    /// The program says for certain that the barrier is closed, and that nobody passed: the admission is annulled.
    #[error("the barrier closed, and nobody passed")]
    NobodyPassed,
    /// The program says that it failed.
    #[error("the barrier's program ended with {0}")]
    Failed(std::process::ExitStatus),
    /// The program took too long, and was killed.
    #[error("the barrier's program took longer than {0:?}")]
    TimedOut(Duration),
}

impl Barrier {
    /// Opens the lane for these admissions, once: a party passes together.
    ///
    /// # Errors
    /// [`BarrierError`]; whether anybody can pass is then unknown.
    pub async fn open(&self, tap: TapNumber, admissions: &[StoredAdmission]) -> Result<Opened, BarrierError> {
        let first = admissions.first().ok_or(BarrierError::NoAdmission)?.admission().id;
        match self {
            Self::Log => Ok(log::open(tap, first, admissions.len())),
            Self::Command(command) => command.open(Passage::In, first, admissions.len()).await,
        }
    }

    /// Lets these out, once. Here *opened* says that they have passed: nothing else ends an entry.
    ///
    /// # Errors
    /// [`BarrierError`]; whether anybody passed is then unknown, but for [`BarrierError::NobodyPassed`].
    pub async fn let_out(&self, departures: &[Departure]) -> Result<Opened, BarrierError> {
        let first = departures.first().ok_or(BarrierError::NoAdmission)?.admission;
        match self {
            // Refused in the configuration already: a lane whose exits nobody sees must not end entries.
            Self::Log => Err(BarrierError::SeesNothing),
            Self::Command(command) => command.open(Passage::Out, first, departures.len()).await,
        }
    }
}
