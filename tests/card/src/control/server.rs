//! The answering side: the cast on a table, the slots, the socket.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Answer, CardLog, CardState, REQUEST_BYTES_MAX, Request};
use crate::card::{Fault, LogEntry, VirtualCard};
use crate::character::Character;
use crate::vpcd::{self, BridgeError, Inserted, SLOT_PORTS, SharedCard};

/// Why the controller does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The socket could not be made.
    #[error("no socket for the card controller")]
    Socket(#[source] io::Error),
    /// The thread that listens could not be started.
    #[error("no thread for the card controller")]
    Thread(#[source] io::Error),
}

/// The controller; it answers as long as the process lives.
#[derive(Debug)]
pub struct Server;

impl Server {
    /// Listens on the socket. `quit` is told when somebody asks for the end.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn start(socket: &Path, quit: SyncSender<()>) -> Result<Self, ServerError> {
        let listener = UnixListener::bind(socket).map_err(ServerError::Socket)?;
        let table = Arc::new(Mutex::new(Table::default()));
        std::thread::Builder::new()
            .name("card controller".to_owned())
            .spawn(move || {
                for stream in listener.incoming().flatten() {
                    let (table, quit) = (Arc::clone(&table), quit.clone());
                    let conversation = move || converse(&stream, &table, &quit);
                    // Without a thread the asker sees a closed connection, and says so.
                    std::thread::Builder::new().name("card request".to_owned()).spawn(conversation).ok();
                }
            })
            .map_err(ServerError::Thread)?;
        Ok(Self)
    }
}

fn converse(stream: &UnixStream, table: &Mutex<Table>, quit: &SyncSender<()>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        match (&mut reader).take(REQUEST_BYTES_MAX).read_line(&mut line) {
            Ok(read) if read > 0 && line.ends_with('\n') => {}
            Ok(_) | Err(_) => return,
        }
        let request = serde_json::from_str::<Request>(&line);
        let ends = matches!(request, Ok(Request::Quit {}));
        let answer = match request {
            Ok(request) => table.lock().unwrap_or_else(PoisonError::into_inner).answer(request),
            Err(malformed) => Answer::Refused { why: malformed.to_string() },
        };
        let Ok(mut text) = serde_json::to_string(&answer) else {
            return;
        };
        text.push('\n');
        let written = (&mut &*stream).write_all(text.as_bytes());
        if ends {
            // A full channel means that the end has been asked for already.
            quit.try_send(()).ok();
        }
        if written.is_err() {
            return;
        }
    }
}

/// Longer than pcscd takes between two looks into a reader (0.4 s).
const BETWEEN_LOOKS: Duration = Duration::from_millis(600);

/// How often a card is put in anew that pcscd did not notice: on a busy machine it looks less often.
const PUT_IN_TRIES: u32 = 3;

/// Puts a card in; where pcscd does not notice, takes it out for longer and puts it in again, as a hand would.
fn put_in(card: &SharedCard, port: u16) -> Result<Inserted, BridgeError> {
    let mut tried = 1;
    loop {
        match Inserted::new(Arc::clone(card), port) {
            Err(BridgeError::NotSeen) if tried < PUT_IN_TRIES => {
                tried += 1;
                pause(2 * BETWEEN_LOOKS);
            }
            other => return other,
        }
    }
}

/// Waits for as long as a reader needs; nothing can be observed meanwhile.
fn pause(time: Duration) {
    let (_nobody_tells, never) = mpsc::channel::<()>();
    never.recv_timeout(time).ok();
}

/// Every card that was ever put in, and what lies where.
#[derive(Debug, Default)]
struct Table {
    cards: BTreeMap<Character, SharedCard>,
    slots: BTreeMap<u8, (Character, Inserted)>,
}

impl Table {
    fn answer(&mut self, request: Request) -> Answer {
        match request {
            Request::Insert { slot, card, faults } => match self.insert(slot, card, &faults) {
                Ok(()) => Answer::Done {},
                Err(why) => Answer::Refused { why },
            },
            Request::Remove { slot } => {
                self.take_out(slot);
                Answer::Done {}
            }
            Request::Log {} => Answer::Log(self.map_cards(log_of)),
            Request::Cards {} => Answer::Cards(self.map_cards(|character, card| self.state_of(character, card))),
            Request::Quit {} => {
                self.slots.clear();
                Answer::Done {}
            }
        }
    }

    fn insert(&mut self, slot: u8, character: Character, faults: &[Fault]) -> Result<(), String> {
        let port = SLOT_PORTS.get(usize::from(slot)).ok_or_else(|| format!("there is no slot {slot}"))?;
        self.take_out(slot);
        let elsewhere = self.slots.iter().find(|(_, (lying, _))| *lying == character).map(|(slot, _)| *slot);
        elsewhere.into_iter().for_each(|slot| self.take_out(slot));
        let card = match self.cards.get(&character) {
            Some(card) => Arc::clone(card),
            None => {
                let card = Arc::new(Mutex::new(character.card().map_err(|error| error.to_string())?));
                self.cards.insert(character, Arc::clone(&card));
                card
            }
        };
        vpcd::lock(&card).put_in(character.faults().into_iter().chain(faults.iter().copied()).collect());
        let inserted = put_in(&card, *port).map_err(|error| error.to_string())?;
        self.slots.insert(slot, (character, inserted));
        Ok(())
    }

    /// Takes a card out, and returns when pcscd has had time to look: a card that is swapped between two looks is the
    /// same card to it.
    fn take_out(&mut self, slot: u8) {
        if self.slots.remove(&slot).is_some() {
            pause(BETWEEN_LOOKS);
        }
    }

    fn map_cards<T>(&self, of: impl Fn(Character, &VirtualCard) -> T) -> Vec<T> {
        self.cards.iter().map(|(character, card)| of(*character, &vpcd::lock(card))).collect()
    }

    fn state_of(&self, character: Character, card: &VirtualCard) -> CardState {
        let mut slots = self.slots.iter().filter(|(_, (lying, inserted))| *lying == character && inserted.is_there());
        CardState {
            card: character,
            slot: slots.next().map(|(slot, _)| *slot),
            total: card.log().total(),
            power_cycles: card.log().power_cycles().map(|(_, totals)| totals).collect(),
            distinct_commands: card.log().distinct_commands().map(str::to_owned).collect(),
            tries_left: card.tries_left(),
            signatures: card.signatures(),
        }
    }
}

fn log_of(character: Character, card: &VirtualCard) -> CardLog {
    CardLog { card: character, entries: card.log().entries().cloned().collect::<Vec<LogEntry>>() }
}
