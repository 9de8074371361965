//! What a card exchange needs of a reader, and how it can fail.

use kido_shared::apdu::{ApduError, CommandApdu, ResponseApdu};

/// One card under power, used by nobody else.
///
/// The boundary at which the virtual card of the tests can stand in. Whoever implements it cuts the card's power when it
/// is dropped, panics included.
pub trait CardChannel {
    /// Sends one command and waits for its answer.
    ///
    /// # Errors
    /// [`TransmitError`]; after any error the channel is dead and answers [`TransmitError::Torn`] for good, so that the
    /// rest of an exchange never meets another card.
    fn transmit(&mut self, command: &CommandApdu) -> Result<ResponseApdu, TransmitError>;
}

/// Why a card could not be reached or a command got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TransmitError {
    /// The card was taken away, reset or exchanged in the middle.
    #[error("the card left in the middle")]
    Torn,
    /// There is no card to begin with.
    #[error("no card in the reader")]
    NoCard,
    /// The card does not answer to its power: upside down, broken, or no card for this reader.
    #[error("the card does not answer to power")]
    Mute,
    /// Another program holds the card.
    #[error("another program uses the card")]
    InUse,
    /// The reader is unplugged or broken.
    #[error("the reader failed")]
    ReaderFailed,
    /// The PC/SC service does not run or went away.
    #[error("the PC/SC service is not there")]
    NoService,
    /// What came back is no answer to the command.
    #[error("the card's answer is malformed")]
    Malformed(#[source] ApduError),
}
