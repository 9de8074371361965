//! Commands and responses of ISO 7816-4, as far as Kido speaks them.
//!
//! **Invariant.** A [`CommandApdu`] comes from a [`TapCommand`] or a [`RegistrationCommand`] and from nowhere else: there
//! is no constructor from bytes. What these two can say is the whole of what a card ever hears (`protocol.md` §4).

use core::fmt;

use zeroize::Zeroizing;

use crate::card::PIN_DIGITS;
use crate::redact::LogSafe;

mod codec;
mod command;
#[cfg(test)]
pub(crate) mod tests;

pub use codec::CommandDecodeError;
pub(crate) use command::{ExpectedLength, FileOffset, ProofCommand};
pub use command::{RegistrationCommand, TapCommand};

/// Length of the status word behind every answer.
const STATUS_BYTES: usize = 2;

/// Header, length and one blank for each digit of a VERIFY whose PIN a reader puts in.
pub const BLANK_VERIFY_BYTES: usize = 5 + PIN_DIGITS;

/// What stands where a digit will: no digit, so that a reader which fails to put them in sends no possible PIN.
const BLANK_DIGIT: u8 = 0xFF;

/// What a command asks of the card; the only part of it that a log may carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instruction {
    /// SELECT the JPKI application by its AID.
    SelectApplication,
    /// SELECT a file of it: certificate, PIN or key of the user authentication.
    SelectFile,
    /// READ BINARY of the user authentication certificate.
    ReadBinary,
    /// VERIFY with the PIN.
    Verify,
    /// VERIFY with a PIN that is typed at the reader's own keys and never reaches this program.
    VerifyAtReader,
    /// VERIFY without data: how many tries are left; costs none.
    PinStatus,
    /// COMPUTE DIGITAL SIGNATURE with the user authentication key.
    ComputeSignature,
    /// GET RESPONSE: the rest of an answer.
    GetResponse,
}

impl fmt::Display for Instruction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SelectApplication => "SELECT application",
            Self::SelectFile => "SELECT file",
            Self::ReadBinary => "READ BINARY",
            Self::Verify => "VERIFY",
            Self::VerifyAtReader => "VERIFY at the reader",
            Self::PinStatus => "VERIFY without data",
            Self::ComputeSignature => "COMPUTE DIGITAL SIGNATURE",
            Self::GetResponse => "GET RESPONSE",
        })
    }
}

impl LogSafe for Instruction {}

/// The bytes of one command, ready for the reader, wiped when dropped.
pub struct CommandApdu {
    instruction: Instruction,
    bytes: Zeroizing<Vec<u8>>,
    data_bytes_max: usize,
}

impl CommandApdu {
    /// The bytes that go to the card.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.as_slice()
    }

    /// What the command asks.
    #[must_use]
    pub const fn instruction(&self) -> Instruction {
        self.instruction
    }

    /// The VERIFY into which the reader puts the digits that are typed on it; nothing for any other command.
    ///
    /// It goes to the reader alone. [`Self::as_bytes`] of the same command is VERIFY without data, which costs no try:
    /// sent to a card by mistake, it does no harm.
    #[must_use]
    pub fn blank_verify(&self) -> Option<[u8; BLANK_VERIFY_BYTES]> {
        let header = match self.instruction {
            Instruction::VerifyAtReader => self.bytes.first_chunk::<4>()?,
            Instruction::SelectApplication
            | Instruction::SelectFile
            | Instruction::ReadBinary
            | Instruction::Verify
            | Instruction::PinStatus
            | Instruction::ComputeSignature
            | Instruction::GetResponse => return None,
        };
        let [cla, ins, p1, p2] = *header;
        let digits = u8::try_from(PIN_DIGITS).ok()?;
        Some([cla, ins, p1, p2, digits, BLANK_DIGIT, BLANK_DIGIT, BLANK_DIGIT, BLANK_DIGIT])
    }

    /// How many bytes may come back, status word included; a longer answer ends the exchange.
    #[must_use]
    pub const fn answer_bytes_max(&self) -> usize {
        self.data_bytes_max.saturating_add(STATUS_BYTES)
    }
}

impl fmt::Debug for CommandApdu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommandApdu({}, {} bytes)", self.instruction, self.bytes.len())
    }
}

/// SW1 and SW2 of an answer (ISO 7816-4 §5.6).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct StatusWord(u16);

impl StatusWord {
    /// `9000`: done.
    pub const DONE: Self = Self(0x9000);

    /// `6982`: security status not satisfied.
    pub const SECURITY_STATUS: Self = Self(0x6982);

    /// `6F00`: no precise diagnosis; one card answers it to the first command after power-on.
    pub const NO_DIAGNOSIS: Self = Self(0x6F00);

    /// The status word with this value.
    #[must_use]
    pub const fn new(value: u16) -> Self {
        Self(value)
    }

    /// The value, SW1 in the high byte.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

impl fmt::Debug for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StatusWord({self})")
    }
}

impl LogSafe for StatusWord {}

/// Why bytes from a reader are no answer to the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ApduError {
    /// Nothing at all: a card torn out in the middle may look so.
    #[error("the answer is empty")]
    Empty,
    /// Not even a whole status word.
    #[error("the answer is shorter than a status word")]
    TooShort,
    /// More bytes than the command asked for.
    #[error("the answer has {got} bytes where at most {max} were asked for")]
    TooLong {
        /// The most that was asked for, status word included.
        max: usize,
        /// What came.
        got: usize,
    },
}

/// What a card answered: data and status word. The data is wiped when dropped.
pub struct ResponseApdu {
    data: Zeroizing<Vec<u8>>,
    status: StatusWord,
}

impl ResponseApdu {
    /// Reads the answer to one command.
    ///
    /// # Errors
    /// [`ApduError`] where it is empty, shorter than a status word or longer than that command asked for.
    pub fn parse(bytes: &[u8], to: &CommandApdu) -> Result<Self, ApduError> {
        if bytes.is_empty() {
            return Err(ApduError::Empty);
        }
        let max = to.answer_bytes_max();
        if bytes.len() > max {
            return Err(ApduError::TooLong { max, got: bytes.len() });
        }
        let (data, status) = bytes.split_last_chunk::<STATUS_BYTES>().ok_or(ApduError::TooShort)?;
        Ok(Self { data: Zeroizing::new(data.to_vec()), status: StatusWord(u16::from_be_bytes(*status)) })
    }

    /// The data before the status word.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        self.data.as_slice()
    }

    /// The status word.
    #[must_use]
    pub const fn status(&self) -> StatusWord {
        self.status
    }
}

impl fmt::Debug for ResponseApdu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResponseApdu({} bytes, {})", self.data.len(), self.status)
    }
}
