//! A gate's reader process: readers and cards on one side, two pipes on the other.
//!
//! ```text
//! input ──frames──▶ input thread ──orders──▶ card thread ──┐
//!                                        monitor thread ───┴──outbox──▶ this thread ──frames──▶ output
//! ```
//!
//! The process lives as long as its parent's end of the input is open. However it ends (end of input, bad frame, a
//! thread that died), it cuts the card's power first, and where the card hangs it leaves after [`POWER_OFF_TIME`] and
//! lets the PC/SC service, which powers off an abandoned card, do it.
//!
//! **Invariant.** Its input can say nothing but the commands of a tap, *power off* and *shut down*.

mod card;
pub mod frame;
mod message;
mod threads;

use core::time::Duration;
use std::io::{self, Read, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};

pub use message::{ChildMessage, CommandFailure, CommandNumber, ParentMessage, ReaderAbsence};

use self::frame::FrameError;
use self::threads::{CardOrder, Outgoing, Threads};
use crate::cancel::Cancel;
use crate::choice::{ReaderKeys, ReaderPattern};

/// How long the end of the process waits for the card's power to be cut.
pub const POWER_OFF_TIME: Duration = Duration::from_secs(2);

/// Orders that wait for the card: a parent has one command under way and may power off and shut down behind it.
const ORDERS_MAX: usize = 8;

/// Messages that wait for the parent to read them.
const OUTBOX_MAX: usize = 32;

/// Why a reader process ended other than by its parent's will.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// What came in is no message, or not as many at once as a gate ever sends.
    #[error("the gate's orders cannot be read")]
    Input(#[source] FrameError),
    /// More orders than a gate ever has under way.
    #[error("the gate sends more orders than it waits for")]
    TooManyOrders,
    /// The gate does not read any more.
    #[error("the gate cannot be told")]
    Output(#[source] FrameError),
    /// A thread could not be started.
    #[error("no thread to be had")]
    Thread(#[source] io::Error),
    /// A thread of ours ended by itself.
    #[error("the {0} thread died")]
    ThreadDied(&'static str),
}

/// Runs the reader process until its input ends or says so.
///
/// `input` should be unbuffered: PINs come through it, and a buffer would keep them. Logs go to `tracing`.
///
/// # Errors
/// [`ChildError`]; the card's power is off by then, or its reader hangs.
pub fn run(
    input: impl Read + Send + 'static,
    mut output: impl Write,
    reader: ReaderPattern,
    keys: ReaderKeys,
) -> Result<(), ChildError> {
    let cancel = Cancel::new();
    let (outbox, outgoing) = sync_channel(OUTBOX_MAX);
    let (orders, ordered) = sync_channel(ORDERS_MAX);
    let threads = Threads { reader, keys, cancel: cancel.clone(), outbox };
    threads.start(input, orders.clone(), ordered).map_err(ChildError::Thread)?;
    let ended = hand_on(&outgoing, &mut output);
    cancel.cancel();
    power_off(&orders, &outgoing);
    ended
}

/// Writes what the threads have to say, until one of them ends.
fn hand_on(outgoing: &Receiver<Outgoing>, output: &mut impl Write) -> Result<(), ChildError> {
    loop {
        match outgoing.recv() {
            Ok(Outgoing::Message(message)) => {
                frame::write(output, &message.to_cbor()).map_err(ChildError::Output)?;
            }
            Ok(Outgoing::InputEnded(ended)) => return ended,
            Ok(Outgoing::CardEnded) => return Err(ChildError::ThreadDied("card")),
            Ok(Outgoing::MonitorEnded) | Err(_) => return Err(ChildError::ThreadDied("monitor")),
        }
    }
}

/// Waits until the card thread has let go of its card, but not for a card that hangs.
fn power_off(orders: &SyncSender<CardOrder>, outgoing: &Receiver<Outgoing>) {
    if orders.try_send(CardOrder::End).is_err() {
        tracing::debug!("the card thread has ended or hangs");
    }
    loop {
        match outgoing.recv_timeout(POWER_OFF_TIME) {
            Ok(Outgoing::CardEnded) | Err(RecvTimeoutError::Disconnected) => return,
            Ok(Outgoing::Message(_) | Outgoing::InputEnded(_) | Outgoing::MonitorEnded) => {}
            Err(RecvTimeoutError::Timeout) => {
                tracing::error!("the card or its reader hangs, leaving it to the PC/SC service");
                return;
            }
        }
    }
}
