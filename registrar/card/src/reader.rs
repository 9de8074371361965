//! The card's own thread: PC/SC blocks, a person thinks, and Ctrl-C must find the card without power.
//!
//! ```text
//! dialogue ── read ─▶ thread: wait for a card, connect, certificate and tries ─▶ CardShown      the card stays under power
//!          ── prove ─▶ thread: VERIFY once, sign, power off ─▶ CardSignature
//!          ── close ─▶ thread: power off, end
//! ```

use core::fmt;
use core::time::Duration;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use kido_reader::{Cancel, CardChannel, ReaderKeys, ReaderPattern, Readers, TransmitError, Waiting};
use kido_shared::card::{CardError, ExpectRegistrationPin, PinEntry, PinTries};
use kido_shared::certificate::CertificateDer;
use kido_shared::challenge::MessageDigest;
use kido_shared::clock::SystemClock;
use kido_shared::proof::CardSignature;
use tokio::sync::oneshot;

use crate::exchange::{self, ClosedPin, EnteredPin, ExchangeError, PinState};
use crate::news::{Listener, News};
use crate::problem::Problem;

/// How long a card is waited for: time to find it, and less than a dialogue lives.
pub(crate) const CARD_PATIENCE: Duration = Duration::from_secs(120);

/// The same where a program waits for the answer: it has put the card there already, or wants to hear that none is.
pub(crate) const PROGRAM_PATIENCE: Duration = Duration::from_secs(20);

/// How often a card is begun with that says somebody else's PIN is still verified: once more (`protocol.md` §4).
const BEGINNINGS_MAX: u32 = 2;

/// Orders that wait for the card's thread: a dialogue has one under way.
const ORDERS_MAX: usize = 1;

/// How long the end waits for a command that is under way; a driver that hangs must not hang the program.
const CLOSE_WITHIN: Duration = Duration::from_secs(6);

/// A card under power, and where it lies.
pub(crate) struct Placed {
    pub(crate) reader: String,
    /// Where its PIN is typed.
    pub(crate) typed: PinEntry,
    pub(crate) channel: Box<dyn CardChannel>,
}

/// Where cards come from: PC/SC, or a virtual card in a test.
pub(crate) trait Cards: Send {
    /// Waits for a card and connects to it, telling what it waits for.
    ///
    /// # Errors
    /// [`Problem`].
    fn card(&mut self, tell: &dyn Fn(&Waiting)) -> Result<Placed, Problem>;

    /// From now on, only in the reader of this name.
    fn choose(&mut self, reader: String);
}

/// The readers of this computer.
#[derive(Debug)]
pub(crate) struct PcscCards {
    readers: Readers,
    pattern: ReaderPattern,
    keys: ReaderKeys,
    patience: Duration,
}

impl PcscCards {
    pub(crate) const fn new(cancel: Cancel, pattern: ReaderPattern, keys: ReaderKeys, patience: Duration) -> Self {
        Self { readers: Readers::new(cancel), pattern, keys, patience }
    }
}

impl Cards for PcscCards {
    fn card(&mut self, tell: &dyn Fn(&Waiting)) -> Result<Placed, Problem> {
        let reader =
            self.readers.wait_for_card(&self.pattern, self.patience, &SystemClock, tell).map_err(Problem::Wait)?;
        // Asked before the card is ours alone: a reader that is held cannot be asked.
        let typed = self.readers.pin_entry(&reader, self.keys);
        let channel = self.readers.connect(&reader).map_err(ExchangeError::from)?;
        Ok(Placed { reader: reader.to_string(), typed, channel: Box::new(channel) })
    }

    fn choose(&mut self, reader: String) {
        self.pattern = ReaderPattern::from_option(Some(reader));
    }
}

/// What a card has shown without a PIN.
#[derive(Debug)]
pub(crate) struct CardShown {
    pub(crate) reader: String,
    pub(crate) certificate: CertificateDer,
    /// Where its PIN is typed.
    pub(crate) typed: PinEntry,
    /// Tries left, or why no PIN may be asked.
    pub(crate) tries: Result<PinTries, ClosedPin>,
}

enum Order {
    Choose(String, oneshot::Sender<Result<(), Problem>>),
    Read(oneshot::Sender<Result<CardShown, Problem>>),
    Prove(EnteredPin, MessageDigest, oneshot::Sender<Result<CardSignature, Problem>>),
}

/// The dialogue's end of the card's thread.
pub(crate) struct CardDesk {
    orders: SyncSender<Order>,
    thread: JoinHandle<()>,
}

impl fmt::Debug for CardDesk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CardDesk(..)")
    }
}

impl CardDesk {
    /// Starts the thread; no reader is touched before the first order.
    ///
    /// # Errors
    /// [`Problem::Start`].
    pub(crate) fn open(cards: Box<dyn Cards>, listener: Arc<dyn Listener>) -> Result<Self, Problem> {
        let (orders, received) = sync_channel(ORDERS_MAX);
        let thread = std::thread::Builder::new().name("card".to_owned());
        let thread = thread.spawn(move || serve(cards, listener.as_ref(), &received));
        Ok(Self { orders, thread: thread.map_err(|_no_thread| Problem::Start)? })
    }

    /// Has the next card taken from the reader of this name.
    ///
    /// # Errors
    /// [`Problem::Start`].
    pub(crate) async fn choose(&self, reader: String) -> Result<(), Problem> {
        let (answer, answered) = oneshot::channel();
        self.order(Order::Choose(reader, answer), answered).await
    }

    /// Waits for a card and reads what it shows without a PIN; the card stays under power.
    ///
    /// # Errors
    /// [`Problem`].
    pub(crate) async fn read(&self) -> Result<CardShown, Problem> {
        let (answer, answered) = oneshot::channel();
        self.order(Order::Read(answer), answered).await
    }

    /// Has the card that was read take the PIN and sign; its power is off when this returns.
    ///
    /// # Errors
    /// [`Problem`].
    pub(crate) async fn prove(&self, pin: EnteredPin, digest: MessageDigest) -> Result<CardSignature, Problem> {
        let (answer, answered) = oneshot::channel();
        self.order(Order::Prove(pin, digest, answer), answered).await
    }

    async fn order<T>(&self, order: Order, answered: oneshot::Receiver<Result<T, Problem>>) -> Result<T, Problem> {
        self.orders.try_send(order).map_err(|_thread_gone| Problem::Start)?;
        answered.await.map_err(|_thread_gone| Problem::Start)?
    }

    /// Ends the thread and waits until the card has no power.
    pub(crate) async fn close(self) {
        let Self { orders, thread } = self;
        drop(orders);
        let ended = tokio::task::spawn_blocking(move || thread.join().is_ok());
        match tokio::time::timeout(CLOSE_WITHIN, ended).await {
            Ok(Ok(true)) => {}
            Ok(Ok(false) | Err(_)) => tracing::error!("the card's thread failed"),
            Err(_elapsed) => tracing::error!("the reader's driver hangs"),
        }
    }
}

/// The card that was read and waits for a PIN.
struct Lying {
    channel: Box<dyn CardChannel>,
    expect: ExpectRegistrationPin,
}

fn serve(mut cards: Box<dyn Cards>, listener: &dyn Listener, orders: &Receiver<Order>) {
    let mut lying: Option<Lying> = None;
    while let Ok(order) = orders.recv() {
        // Whatever was under power before loses it first.
        let before = lying.take();
        match order {
            Order::Choose(reader, answer) => {
                drop(before);
                cards.choose(reader);
                if answer.send(Ok(())).is_err() {
                    tracing::debug!("nobody waits for the reader");
                }
            }
            Order::Read(answer) => {
                drop(before);
                let read = read(cards.as_mut(), listener).map(|(shown, left)| {
                    lying = left;
                    shown
                });
                if answer.send(read).is_err() {
                    lying = None;
                }
            }
            Order::Prove(pin, digest, answer) => {
                let proved = prove(before, pin, digest);
                if answer.send(proved).is_err() {
                    tracing::debug!("nobody waits for the proof");
                }
            }
        }
    }
}

fn read(cards: &mut dyn Cards, listener: &dyn Listener) -> Result<(CardShown, Option<Lying>), Problem> {
    let mut beginnings_left = BEGINNINGS_MAX;
    loop {
        beginnings_left = beginnings_left.saturating_sub(1);
        let Placed { reader, typed, mut channel } = cards.card(&|waiting| listener.hear(&News::Waiting(waiting)))?;
        listener.hear(&News::Reading);
        let shown = match exchange::read(channel.as_mut()) {
            Ok(shown) => shown,
            Err(ExchangeError::Card(CardError::VerifiedWithoutUs)) if beginnings_left > 0 => continue,
            Err(error) => return Err(error.into()),
        };
        let (tries, lying) = match shown.pin {
            PinState::Ready(tries, expect) => (Ok(tries), Some(Lying { channel, expect })),
            PinState::Closed(why) => (Err(why), None),
        };
        return Ok((CardShown { reader, certificate: shown.certificate, typed, tries }, lying));
    }
}

fn prove(lying: Option<Lying>, pin: EnteredPin, digest: MessageDigest) -> Result<CardSignature, Problem> {
    let Some(Lying { mut channel, expect }) = lying else {
        return Err(ExchangeError::Transmit(TransmitError::Torn).into());
    };
    Ok(exchange::prove(channel.as_mut(), expect, pin, digest)?)
}
