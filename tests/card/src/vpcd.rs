//! From the card to pcscd: the TCP client of the virtual reader driver vpcd.
//!
//! Both ways: length as two big-endian bytes, then the message. A message of one byte from the reader is control, any
//! other is a command. A card that closes the connection has left the reader.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::net::sockopt::set_tcp_quickack;

use crate::card::{CardAnswer, VirtualCard};

/// Slots of one virtual reader: the driver's own number.
pub const SLOTS_PER_READER: usize = 2;
/// Where vpcd listens, slot by slot (the first reader at its default; only reachable inside the private network
/// namespace).
pub const SLOT_PORTS: [u16; 8] = [35963, 35964, 35965, 35966, 35967, 35968, 35969, 35970];
/// pcscd looks into a reader every 0.4 s and gives power at once; longer than that and something is wrong.
const SEEN_WITHIN: Duration = Duration::from_secs(3);

const POWER_OFF: u8 = 0;
const POWER_ON: u8 = 1;
const RESET: u8 = 2;
const GET_ATR: u8 = 4;

/// Why a card could not be put into the reader.
#[derive(Debug, thiserror::Error)]
pub enum BridgeError {
    /// Nothing listens there.
    #[error("no virtual reader listens on port {port}")]
    NoReader {
        /// The port of the slot.
        port: u16,
        /// What the connection met.
        #[source]
        source: io::Error,
    },
    /// The thread that drives the card could not be started.
    #[error("no thread for the card")]
    NoThread(#[source] io::Error),
    /// pcscd did not give the card power.
    #[error("pcscd gave the card no power within {} s", SEEN_WITHIN.as_secs())]
    NotSeen,
}

/// A card in use by a reader and by whoever asks for its log.
pub type SharedCard = Arc<Mutex<VirtualCard>>;

/// The card, also after a panic elsewhere: its state is whole between commands.
pub fn lock(card: &SharedCard) -> MutexGuard<'_, VirtualCard> {
    card.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A card that lies in a reader. Dropping it takes it out.
#[derive(Debug)]
pub struct Inserted {
    stop: Option<Sender<()>>,
    connection: Arc<Mutex<Option<TcpStream>>>,
    thread: Option<JoinHandle<()>>,
}

impl Inserted {
    /// Puts the card into the reader behind this port, and returns once pcscd has given it power
    /// and taken its ATR; a moment later every client sees it.
    ///
    /// # Errors
    /// [`BridgeError`]: no reader, no thread, or a reader that does not look.
    pub fn new(card: SharedCard, port: u16) -> Result<Self, BridgeError> {
        let stream = connect(port).map_err(|source| BridgeError::NoReader { port, source })?;
        let connection = Arc::new(Mutex::new(None));
        let (stop, stopped) = mpsc::channel();
        let (seen, first_look) = mpsc::channel();
        let lying = Lying { card, port, connection: Arc::clone(&connection), stopped, seen };
        let thread = std::thread::Builder::new()
            .name(format!("card on {port}"))
            .spawn(move || lying.stay(stream))
            .map_err(BridgeError::NoThread)?;
        let inserted = Self { stop: Some(stop), connection, thread: Some(thread) };
        first_look.recv_timeout(SEEN_WITHIN).map_err(|_elapsed| BridgeError::NotSeen)?;
        Ok(inserted)
    }

    /// Whether it still lies there, or is about to come back.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }
}

impl Drop for Inserted {
    fn drop(&mut self) {
        drop(self.stop.take());
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(stream) = connection {
            // A connection that is closed already is as good as one closed now.
            stream.shutdown(Shutdown::Both).ok();
        }
        if let Some(thread) = self.thread.take() {
            // A panic of the card's thread was printed where it happened; the card is out all the same.
            thread.join().ok();
        }
    }
}

fn connect(port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// How one connection ended.
enum Left {
    /// Taken out, or the reader is gone.
    Out,
    /// Torn out in the middle of a command.
    Torn { back_after: Option<Duration> },
}

/// The card's own thread.
struct Lying {
    card: SharedCard,
    port: u16,
    connection: Arc<Mutex<Option<TcpStream>>>,
    stopped: Receiver<()>,
    seen: Sender<()>,
}

impl Lying {
    fn stay(self, first: TcpStream) {
        let mut stream = first;
        loop {
            let Ok(handle) = stream.try_clone() else { return };
            *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = Some(handle);
            let left = self.serve(&mut stream).unwrap_or(Left::Out);
            lock(&self.card).power_off();
            self.connection.lock().unwrap_or_else(PoisonError::into_inner).take();
            drop(stream);
            let Left::Torn { back_after: Some(back_after) } = left else {
                return;
            };
            if !self.wait(back_after) {
                return;
            }
            let Ok(again) = connect(self.port) else { return };
            stream = again;
        }
    }

    /// Waits, unless the card is taken out meanwhile.
    fn wait(&self, duration: Duration) -> bool {
        matches!(self.stopped.recv_timeout(duration), Err(RecvTimeoutError::Timeout))
    }

    fn serve(&self, stream: &mut TcpStream) -> io::Result<Left> {
        let mut powered = false;
        loop {
            let message = receive(stream)?;
            match message.as_slice() {
                [] => {}
                [POWER_OFF] => lock(&self.card).power_off(),
                [POWER_ON] => {
                    lock(&self.card).power_on();
                    powered = true;
                }
                [RESET] => {
                    lock(&self.card).reset();
                }
                [GET_ATR] => {
                    let atr = lock(&self.card).atr();
                    send(stream, &atr)?;
                    if powered {
                        // Nobody waits for the second time.
                        self.seen.send(()).ok();
                    }
                }
                command => {
                    let answer = lock(&self.card).transmit(command);
                    match answer {
                        CardAnswer::Bytes { bytes, after } => {
                            if !after.is_zero() && !self.wait(after) {
                                return Ok(Left::Out);
                            }
                            send(stream, &bytes)?;
                        }
                        CardAnswer::Torn { back_after } => return Ok(Left::Torn { back_after }),
                        CardAnswer::Silent => {}
                    }
                }
            }
        }
    }
}

/// One message. vpcd writes length and message apart, so without an immediate acknowledgement after every read the
/// second write waits 40 ms for the first (Nagle against delayed acknowledgement).
fn receive(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    set_tcp_quickack(&*stream, true)?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message)?;
    set_tcp_quickack(&*stream, true)?;
    Ok(message)
}

fn send(stream: &mut TcpStream, message: &[u8]) -> io::Result<()> {
    let length = u16::try_from(message.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), message].concat())
}
