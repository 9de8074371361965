//! How a card answers, or does not.

use std::time::Duration;

/// What comes of one command.
#[derive(Clone, PartialEq, Eq)]
pub enum CardAnswer {
    /// Data and status word.
    Bytes {
        /// Data, then SW1 SW2.
        bytes: Vec<u8>,
        /// How long the card took; whoever drives the card waits.
        after: Duration,
    },
    /// The card left the reader instead of answering.
    Torn {
        /// When it lies there again.
        back_after: Option<Duration>,
    },
    /// The card lies there and never answers.
    Silent,
}

impl std::fmt::Debug for CardAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bytes { bytes, after } => write!(f, "Bytes {{ {} bytes, after {after:?} }}", bytes.len()),
            Self::Torn { back_after } => write!(f, "Torn {{ back after {back_after:?} }}"),
            Self::Silent => f.write_str("Silent"),
        }
    }
}
