//! The socket by which scripts and tests put cards in and take them out: JSON, one line each way.

mod client;
mod server;

pub use client::{Client, ControlError};
pub use server::{Server, ServerError};

use serde::{Deserialize, Serialize};

use crate::card::{Fault, LogEntry, Totals};
use crate::character::Character;

/// Name of the socket in the stack's folder.
pub const SOCKET: &str = "control.sock";
/// Longest request line: an insertion with every fault is far shorter.
pub const REQUEST_BYTES_MAX: u64 = 16 * 1024;

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Puts a card into a slot; a card that lies there is taken out first.
    Insert {
        /// From 0; two for each reader.
        #[serde(default)]
        slot: u8,
        /// Which card.
        card: Character,
        /// What is wrong with it this time, beside what is always wrong with it.
        #[serde(default)]
        faults: Vec<Fault>,
    },
    /// Takes the card out of a slot; an empty slot stays empty.
    Remove {
        /// From 0; two for each reader.
        #[serde(default)]
        slot: u8,
    },
    /// Every command that the cards were asked.
    Log {},
    /// The sums per card.
    Cards {},
    /// Ends the stack.
    Quit {},
}

/// What comes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Done; the card has been seen by the reader where one was put in.
    Done {},
    /// The log.
    Log(Vec<CardLog>),
    /// The sums.
    Cards(Vec<CardState>),
    /// Not done.
    Refused {
        /// What was wrong with the request or with the reader.
        why: String,
    },
}

/// The commands of one card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardLog {
    /// Which card.
    pub card: Character,
    /// Its commands, oldest first.
    pub entries: Vec<LogEntry>,
}

/// The sums of one card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardState {
    /// Which card.
    pub card: Character,
    /// The slot in which it lies.
    pub slot: Option<u8>,
    /// Over its whole life.
    pub total: Totals,
    /// Per time under power in which it was asked something.
    pub power_cycles: Vec<Totals>,
    /// Every command that differs from the others.
    pub distinct_commands: Vec<String>,
    /// Tries of the user authentication PIN.
    pub tries_left: u8,
    /// Signatures made.
    pub signatures: u64,
}
