//! One card under power, for one exchange.

use core::fmt;
use core::time::Duration;

use kido_shared::apdu::{ApduError, CommandApdu, Instruction, ResponseApdu};
use pcsc::{Context, Disposition, Protocols, Scope, ShareMode};
use zeroize::Zeroizing;

use crate::cancel::Cancel;
use crate::channel::{CardChannel, TransmitError};
use crate::choice::ReaderName;
use crate::control::PcscControl;
use crate::fault;
use crate::pinpad::Pinpad;

/// Longest answer to a command with a short Le: 256 bytes and the status word (ISO 7816-4 §5.1).
const ANSWER_BYTES_MAX: usize = 258;

/// How often a card in other hands is asked for: desktops look at every new card for a moment.
const CONNECT_ATTEMPTS_MAX: u32 = 20;

/// How long between two such attempts; all of them together take a second.
const CONNECT_PAUSE: Duration = Duration::from_millis(50);

/// In which state the card is taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PowerOn {
    /// As it lies there: whoever had it before was us, and left it without power.
    AsFound,
    /// After its power was cut: somebody else, or a process of ours that was killed, may have verified a PIN.
    Cold,
}

/// An exclusive connection to the card in a reader.
///
/// *One exclusive PC/SC transaction* of `protocol.md` §4 is an exclusive connection and no `SCardBeginTransaction`: it
/// keeps every other program out just the same, never blocks for one that is already there (it fails, and the lane can
/// say so), and is not ended by Windows, which resets a card whose transaction rests for five seconds, less than a person
/// takes for a PIN.
///
/// Dropping it cuts the card's power, on every path, panics included.
pub struct CardConnection {
    card: Option<pcsc::Card>,
}

impl CardConnection {
    /// Connects to the card in this reader, under a context of its own.
    ///
    /// Waits up to a second for another program that holds the card.
    ///
    /// # Errors
    /// [`TransmitError`], never [`TransmitError::Torn`] or [`TransmitError::Malformed`].
    pub fn open(reader: &ReaderName, power: PowerOn, cancel: &Cancel) -> Result<Self, TransmitError> {
        let context = Context::establish(Scope::User).map_err(fault::on_connect)?;
        let mut connection = Self { card: Some(connect(&context, reader, cancel)?) };
        if power == PowerOn::Cold
            && let Some(card) = &mut connection.card
        {
            card.reconnect(ShareMode::Exclusive, Protocols::ANY, Disposition::UnpowerCard)
                .map_err(fault::on_connect)?;
        }
        tracing::debug!(%reader, "card under power");
        Ok(connection)
    }

    fn power_off(&mut self) {
        let Some(card) = self.card.take() else { return };
        // A card that is gone has no power to cut: the error is then all that remains, and `pcsc` lets go of it.
        match card.disconnect(Disposition::UnpowerCard) {
            Ok(()) => tracing::debug!("card without power"),
            Err((_card, error)) => tracing::debug!(?error, "card lost before its power was cut"),
        }
    }
}

fn connect(context: &Context, reader: &ReaderName, cancel: &Cancel) -> Result<pcsc::Card, TransmitError> {
    let mut attempts_left = CONNECT_ATTEMPTS_MAX;
    loop {
        let error = match context.connect(reader.as_c_str(), ShareMode::Exclusive, Protocols::ANY) {
            Ok(card) => return Ok(card),
            Err(error) => fault::on_connect(error),
        };
        attempts_left = attempts_left.saturating_sub(1);
        if error != TransmitError::InUse || attempts_left == 0 || cancel.is_cancelled() {
            return Err(error);
        }
        cancel.pause(CONNECT_PAUSE);
    }
}

impl CardChannel for CardConnection {
    fn transmit(&mut self, command: &CommandApdu) -> Result<ResponseApdu, TransmitError> {
        let Some(card) = &self.card else {
            return Err(TransmitError::Torn);
        };
        let answer = if command.instruction() == Instruction::VerifyAtReader {
            verify_at_reader(card, command)
        } else {
            send(card, command)
        };
        match &answer {
            Ok(answer) => tracing::debug!(
                instruction = %command.instruction(),
                bytes = answer.data().len(),
                status = %answer.status(),
                "answered"
            ),
            Err(error) => {
                tracing::info!(instruction = %command.instruction(), %error, "not answered");
                self.power_off();
            }
        }
        answer
    }
}

fn send(card: &pcsc::Card, command: &CommandApdu) -> Result<ResponseApdu, TransmitError> {
    let mut buffer = Zeroizing::new([0; ANSWER_BYTES_MAX]);
    match card.transmit(command.as_bytes(), buffer.as_mut_slice()) {
        Ok(bytes) => ResponseApdu::parse(bytes, command).map_err(unusable),
        Err(pcsc::Error::InsufficientBuffer) => Err(too_long(command)),
        Err(error) => Err(fault::on_transmit(error)),
    }
}

/// Asks for the control code anew each time: it is the driver's own, and the reader may be another one by now.
fn verify_at_reader(card: &pcsc::Card, command: &CommandApdu) -> Result<ResponseApdu, TransmitError> {
    let mut reader = PcscControl(card);
    let pinpad = Pinpad::find(&mut reader).ok_or(TransmitError::ReaderFailed)?;
    pinpad.verify(&mut reader, command)
}

/// A success with nothing in it is how pcsc-lite reports a card torn out during a command (`jpki.md` §1).
fn unusable(error: ApduError) -> TransmitError {
    match error {
        ApduError::Empty => TransmitError::Torn,
        ApduError::TooShort | ApduError::TooLong { .. } => TransmitError::Malformed(error),
    }
}

const fn too_long(command: &CommandApdu) -> TransmitError {
    TransmitError::Malformed(ApduError::TooLong { max: command.answer_bytes_max(), got: ANSWER_BYTES_MAX + 1 })
}

impl Drop for CardConnection {
    fn drop(&mut self) {
        self.power_off();
    }
}

impl fmt::Debug for CardConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.card.is_some() { "CardConnection(open)" } else { "CardConnection(dead)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_success_is_a_card_that_left() {
        assert_eq!(unusable(ApduError::Empty), TransmitError::Torn);
        assert_eq!(unusable(ApduError::TooShort), TransmitError::Malformed(ApduError::TooShort));
    }
}
