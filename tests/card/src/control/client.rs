//! The asking side, for harness and demo.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::{Answer, CardLog, CardState, Request};
use crate::card::Fault;
use crate::character::Character;

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The socket is not there or went away.
    #[error("the card controller does not answer")]
    Gone(#[source] io::Error),
    /// What came back is no answer.
    #[error("the card controller answered something else")]
    Malformed(#[source] serde_json::Error),
    /// The controller did not do it.
    #[error("not done: {0}")]
    Refused(String),
    /// An answer to another question.
    #[error("the card controller answered another question")]
    Mismatched,
}

/// One connection to the controller.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<UnixStream>,
}

impl Client {
    /// Connects to `DIR/control.sock` of a running stack.
    ///
    /// # Errors
    /// [`ControlError::Gone`] when nothing listens there.
    pub fn connect(socket: &Path) -> Result<Self, ControlError> {
        let stream = UnixStream::connect(socket).map_err(ControlError::Gone)?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Puts a card in; returns when pcscd's reader has looked at it.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn insert(&mut self, slot: u8, card: Character, faults: Vec<Fault>) -> Result<(), ControlError> {
        self.done(&Request::Insert { slot, card, faults })
    }

    /// Takes the card out; pcscd notices within 0.4 s.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn remove(&mut self, slot: u8) -> Result<(), ControlError> {
        self.done(&Request::Remove { slot })
    }

    /// The commands of every card that was put in.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn log(&mut self) -> Result<Vec<CardLog>, ControlError> {
        if let Answer::Log(log) = self.ask(&Request::Log {})? { Ok(log) } else { Err(ControlError::Mismatched) }
    }

    /// The sums of every card that was put in.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn cards(&mut self) -> Result<Vec<CardState>, ControlError> {
        if let Answer::Cards(cards) = self.ask(&Request::Cards {})? { Ok(cards) } else { Err(ControlError::Mismatched) }
    }

    /// Ends the stack.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn quit(&mut self) -> Result<(), ControlError> {
        self.done(&Request::Quit {})
    }

    fn done(&mut self, request: &Request) -> Result<(), ControlError> {
        if matches!(self.ask(request)?, Answer::Done {}) { Ok(()) } else { Err(ControlError::Mismatched) }
    }

    /// Asks anything; a refusal is an error.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn ask(&mut self, request: &Request) -> Result<Answer, ControlError> {
        let mut line = serde_json::to_string(request).map_err(ControlError::Malformed)?;
        line.push('\n');
        self.stream.get_mut().write_all(line.as_bytes()).map_err(ControlError::Gone)?;
        let mut answer = String::new();
        if self.stream.read_line(&mut answer).map_err(ControlError::Gone)? == 0 {
            return Err(ControlError::Gone(io::ErrorKind::UnexpectedEof.into()));
        }
        match serde_json::from_str(&answer).map_err(ControlError::Malformed)? {
            Answer::Refused { why } => Err(ControlError::Refused(why)),
            answer @ (Answer::Done {} | Answer::Log(_) | Answer::Cards(_)) => Ok(answer),
        }
    }
}
