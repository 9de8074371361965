//! The child's three threads: input, monitor, card.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;

use kido_shared::apdu::TapCommand;
use kido_shared::card::PinEntry;

use super::ChildError;
use super::card::{Connect, Taps};
use super::frame::{self, FrameError};
use super::message::{ChildMessage, CommandNumber, ParentMessage, ReaderAbsence};
use crate::cancel::Cancel;
use crate::channel::TransmitError;
use crate::choice::{ReaderKeys, ReaderName, ReaderPattern};
use crate::connection::{CardConnection, PowerOn};
use crate::monitor::{Monitor, Observed, WAIT_SLICE};
use crate::presence::ReaderEvent;
use crate::readers::Readers;

/// What the card thread is asked.
pub(super) enum CardOrder {
    Transmit(CommandNumber, TapCommand),
    PowerOff,
    End,
}

/// What the threads have to say.
pub(super) enum Outgoing {
    Message(ChildMessage),
    InputEnded(Result<(), ChildError>),
    CardEnded,
    MonitorEnded,
}

/// What the threads share.
pub(super) struct Threads {
    pub(super) reader: ReaderPattern,
    pub(super) keys: ReaderKeys,
    pub(super) cancel: Cancel,
    pub(super) outbox: SyncSender<Outgoing>,
}

/// The reader that the monitor watches now, for the card thread to connect to.
type Watched = Arc<Mutex<Option<ReaderName>>>;

impl Threads {
    /// Starts all three. They end with the process: a driver may hold one of them for ever.
    pub(super) fn start(
        self,
        input: impl Read + Send + 'static,
        orders: SyncSender<CardOrder>,
        ordered: Receiver<CardOrder>,
    ) -> io::Result<()> {
        let watched = Watched::default();
        let connector = WatchedReader { watched: Arc::clone(&watched), cancel: self.cancel.clone() };
        let outbox = self.outbox.clone();
        let card = Builder::new().name("card".to_owned()).spawn(move || drive_card(connector, &ordered, outbox))?;
        let outbox = self.outbox.clone();
        let (keys, readers) = (self.keys, Readers::new(self.cancel.clone()));
        let entry = move |reader: &ReaderName| readers.pin_entry(reader, keys);
        let monitor = Monitor::new(self.reader, self.cancel);
        let thread = Builder::new().name("monitor".to_owned());
        let monitor = thread.spawn(move || watch(monitor, &watched, &entry, outbox))?;
        let outbox = self.outbox;
        let input = Builder::new().name("input".to_owned()).spawn(move || read_orders(input, &orders, &outbox))?;
        drop((card, monitor, input));
        Ok(())
    }
}

/// Says that its thread ended, however it ended.
struct Ending {
    outbox: SyncSender<Outgoing>,
    says: fn() -> Outgoing,
}

impl Drop for Ending {
    fn drop(&mut self) {
        if self.outbox.send((self.says)()).is_err() {
            tracing::debug!("nobody waits for this thread");
        }
    }
}

fn drive_card(connector: impl Connect, ordered: &Receiver<CardOrder>, outbox: SyncSender<Outgoing>) {
    let ending = Ending { outbox, says: || Outgoing::CardEnded };
    // Declared after `ending`, so dropped before it: the power is off when the end is told.
    let mut taps = Taps::new(connector);
    while let Ok(order) = ordered.recv() {
        match order {
            CardOrder::Transmit(number, command) => {
                let message = taps.transmit(number, command);
                if ending.outbox.send(Outgoing::Message(message)).is_err() {
                    return;
                }
            }
            CardOrder::PowerOff => taps.power_off(),
            CardOrder::End => return,
        }
    }
}

struct WatchedReader {
    watched: Watched,
    cancel: Cancel,
}

impl Connect for WatchedReader {
    type Channel = CardConnection;

    fn connect(&mut self, power: PowerOn) -> Result<CardConnection, TransmitError> {
        let reader = self.watched.lock().unwrap_or_else(PoisonError::into_inner).clone();
        CardConnection::open(&reader.ok_or(TransmitError::ReaderFailed)?, power, &self.cancel)
    }
}

fn watch(
    mut monitor: Monitor,
    watched: &Watched,
    entry: &impl Fn(&ReaderName) -> PinEntry,
    outbox: SyncSender<Outgoing>,
) {
    let ending = Ending { outbox, says: || Outgoing::MonitorEnded };
    loop {
        let messages = match monitor.observe(WAIT_SLICE) {
            Observed::Cancelled => return,
            Observed::Quiet => vec![ChildMessage::Alive],
            Observed::Events(events) => events.into_iter().map(|event| told(event, watched, entry)).collect(),
        };
        for message in messages {
            if ending.outbox.send(Outgoing::Message(message)).is_err() {
                return;
            }
        }
    }
}

fn told(event: ReaderEvent, watched: &Watched, entry: &impl Fn(&ReaderName) -> PinEntry) -> ChildMessage {
    let set = |reader| *watched.lock().unwrap_or_else(PoisonError::into_inner) = reader;
    match event {
        ReaderEvent::Arrived(name) => {
            let (shown, entry) = (name.to_string(), entry(&name));
            set(Some(name));
            ChildMessage::ReaderArrived(shown, entry)
        }
        ReaderEvent::Gone(why) => {
            set(None);
            ChildMessage::ReaderGone(ReaderAbsence::from(&why))
        }
        ReaderEvent::CardPresent => ChildMessage::CardPresent,
        ReaderEvent::CardGone => ChildMessage::CardGone,
    }
}

fn read_orders(mut input: impl Read, orders: &SyncSender<CardOrder>, outbox: &SyncSender<Outgoing>) {
    let ended = loop {
        match next_order(&mut input) {
            Ok(Some(order)) => match orders.try_send(order) {
                Ok(()) => {}
                Err(TrySendError::Full(_)) => break Err(ChildError::TooManyOrders),
                Err(TrySendError::Disconnected(_)) => break Err(ChildError::ThreadDied("card")),
            },
            Ok(None) => break Ok(()),
            Err(error) => break Err(ChildError::Input(error)),
        }
    };
    if outbox.send(Outgoing::InputEnded(ended)).is_err() {
        tracing::debug!("the process is ending already");
    }
}

/// The next order; `None` where the gate asks for the end or has ended itself.
fn next_order(input: &mut impl Read) -> Result<Option<CardOrder>, FrameError> {
    let Some(payload) = frame::read(input)? else {
        return Ok(None);
    };
    Ok(match ParentMessage::from_cbor(&payload)? {
        ParentMessage::Transmit(number, command) => Some(CardOrder::Transmit(number, command)),
        ParentMessage::PowerOff => Some(CardOrder::PowerOff),
        ParentMessage::Shutdown => None,
    })
}
