//! The lane's reader: a child process, watched.
//!
//! A driver or a card can hang a PC/SC call for ever, and no thread can be ended from outside; a process can. So the
//! reader runs in a process of its own, and this supervisor keeps the time (`protocol.md` §4, *a card cannot hold a
//! lane*): [`COMMAND_TIME`] a command, [`SIGNATURE_TIME`] a signature, [`PINPAD_TIME`] a PIN at the reader, [`TAP_TIME`] a tap. A process that is late or
//! silent is killed; a process that ended, by itself or by `kill -9`, is replaced at once, and after repeated failures
//! within [`RESTART_WAIT_MAX`].
//!
//! **Invariant.** An answer reaches the tap that asked, or nobody: commands are numbered over a child's life, and what
//! belongs to a tap that was powered off, timed out or left is thrown away.

mod child_process;
mod confine;
mod exchange;
mod run_child;
mod supervisor;
#[cfg(test)]
mod tests;

use core::time::Duration;
use std::ffi::OsString;
use std::path::PathBuf;

use kido_reader::child::{CommandFailure, ReaderAbsence};
use kido_reader::pinpad::PINPAD_TIME_MAX;
use kido_shared::apdu::{ResponseApdu, TapCommand};
use kido_shared::card::PinEntry;
use tokio::sync::mpsc;

pub use confine::{SwapLock, keep_memory_private};
pub use run_child::run_child;
pub use supervisor::Supervisor;

use crate::lane::{EXCHANGE_TIME, TapNumber};
use supervisor::Mail;

/// How long a command may take.
pub const COMMAND_TIME: Duration = Duration::from_secs(2);

/// How long a signature may take.
pub const SIGNATURE_TIME: Duration = Duration::from_secs(5);

/// What the first command of a connection may take on top: the card gets power, or another program lets go of it.
pub const POWER_ON_TIME: Duration = Duration::from_secs(2);

/// How long a PIN at the reader's own keys may take: as long as the reader waits for one, and a command besides.
pub const PINPAD_TIME: Duration = PINPAD_TIME_MAX.saturating_add(COMMAND_TIME);

/// How long a tap may take, PIN and all: as long as the lane waits for one, for later answers reach nobody.
pub const TAP_TIME: Duration = EXCHANGE_TIME;

/// How long a child may say nothing; a healthy one says something every second.
pub const SILENCE_TIME: Duration = Duration::from_secs(5);

/// First and longest wait before a child that ended is replaced: with the time to notice and to start, a reader is back
/// in under ten seconds however it was lost.
pub const RESTART_WAIT_MIN: Duration = Duration::from_millis(100);
/// See [`RESTART_WAIT_MIN`].
pub const RESTART_WAIT_MAX: Duration = Duration::from_secs(3);

/// How long a child may take to end once it was asked to, before it is killed.
pub const SHUTDOWN_TIME: Duration = Duration::from_secs(3);

/// Orders and child's messages that wait for the supervisor: a lane has one command under way.
const MAIL_MAX: usize = 64;

/// Inputs that wait for the runtime.
const INPUTS_MAX: usize = 64;

/// How to start the reader's process: this very program with the arguments that make it one.
#[derive(Debug, Clone)]
pub struct ReaderProgram {
    /// The program, usually `std::env::current_exe()`.
    pub program: PathBuf,
    /// Its arguments, as `reader-child --reader NAME`.
    pub arguments: Vec<OsString>,
}

/// What the runtime asks of the reader.
#[derive(Debug)]
pub enum ReaderOrder {
    /// Send this to the card. Answered once, by an input with the same tap number, unless the tap ends first.
    Transmit(TapNumber, TapCommand),
    /// Cut the card's power. The next SELECT of the application gives it power again.
    PowerOff,
}

/// What the reader tells the runtime.
#[derive(Debug)]
pub enum ReaderInput {
    /// The reader is there and works; its name, fit for a log, and where a PIN is typed.
    ReaderReady(String, PinEntry),
    /// There is none, or no longer.
    ReaderGone(ReaderLoss),
    /// A card lies in it.
    CardPresent,
    /// The card was taken away.
    CardGone,
    /// The card answered.
    Answered(TapNumber, ResponseApdu),
    /// The card left, or another one lies there.
    Torn(TapNumber),
    /// The card or the reader failed in another way; never [`CommandFailure::Torn`].
    CommandFailed(TapNumber, CommandFailure),
    /// The command took too long; its process is being killed.
    CommandTimedOut(TapNumber),
    /// The tap took too long; the card's power is being cut.
    TapTimedOut(TapNumber),
    /// A process was started in place of one that ended; how many there were before it.
    ChildRestarted(u32),
}

/// Why there is no reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReaderLoss {
    /// The child finds none.
    Absent(ReaderAbsence),
    /// The child itself is gone and will be replaced.
    ChildEnded,
}

/// Why an order was not taken; the reader is to be treated as failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// The supervisor is behind: a child talks without end, or the runtime does not take what it is told.
    #[error("the reader's orders pile up")]
    Full,
    /// The supervisor has ended.
    #[error("the reader's supervisor has ended")]
    Ended,
}

/// The runtime's end of the reader. When it is dropped, the supervisor ends the child and itself.
#[derive(Debug)]
pub struct ReaderHandle {
    orders: mpsc::Sender<Mail>,
    /// What happens at the reader, in order.
    pub inputs: mpsc::Receiver<ReaderInput>,
}

impl ReaderHandle {
    /// Hands an order on, without waiting: a runtime that waits for its reader while that waits for it would hang both.
    ///
    /// # Errors
    /// [`OrderError`].
    pub fn send(&self, order: ReaderOrder) -> Result<(), OrderError> {
        self.orders.try_send(Mail::Order(order)).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => OrderError::Full,
            mpsc::error::TrySendError::Closed(_) => OrderError::Ended,
        })
    }
}

/// A reader to be: the handle for the runtime, and the supervisor whose [`Supervisor::run`] is to be polled beside it.
#[must_use]
pub fn reader(program: ReaderProgram) -> (ReaderHandle, Supervisor) {
    let (orders, mail) = mpsc::channel(MAIL_MAX);
    let (tell, inputs) = mpsc::channel(INPUTS_MAX);
    let supervisor = Supervisor::new(program, orders.downgrade(), mail, tell);
    (ReaderHandle { orders, inputs }, supervisor)
}
