//! Every command that can be built, by type; their bytes are made here and nowhere else.
//!
//! Two sets: what a tap needs, and what a registration needs. They differ in the reads only, so that a gate's reader
//! process can express no read outside the key window.

use core::fmt;

use zeroize::Zeroizing;

use super::{CommandApdu, Instruction};
use crate::card::Pin;
use crate::card::applet::{
    APPLICATION_ID, Addressing, CERTIFICATE_SHORT_ID, FileId, KEY_REFERENCE, PIN_REFERENCE, SELECTED, WINDOW_OFFSET,
};
use crate::challenge::MessageDigest;
use crate::limits::CERTIFICATE_BYTES_MAX;

/// Most bytes that a short Le can ask for (ISO 7816-4 §5.1).
const EXPECTED_LENGTH_MAX: u16 = 256;

/// Room for the longest command, so that no growing buffer leaves an unwiped copy of a PIN behind.
const COMMAND_BYTES_MAX: usize = 5 + 255 + 1;

/// How many bytes a command asks for: 1 to 256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ExpectedLength(u16);

impl ExpectedLength {
    /// As much as a short Le can ask for.
    pub(crate) const MAX: Self = Self(EXPECTED_LENGTH_MAX);

    /// So many bytes; `None` outside 1 to 256.
    pub(crate) fn new(bytes: u16) -> Option<Self> {
        (1..=EXPECTED_LENGTH_MAX).contains(&bytes).then_some(Self(bytes))
    }

    /// As SW2 of `61xx` and `6Cxx` tells it: zero stands for 256.
    pub(crate) fn from_status(low: u8) -> Self {
        Self::new(u16::from(low)).unwrap_or(Self::MAX)
    }

    /// The number of bytes.
    pub(crate) const fn get(self) -> u16 {
        self.0
    }

    /// The Le byte: 256 is written as zero.
    fn to_byte(self) -> u8 {
        u8::try_from(self.0).unwrap_or(0)
    }
}

/// A place in the certificate file, below [`CERTIFICATE_BYTES_MAX`]: never an offset that P1 would take for a file id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileOffset(u16);

impl FileOffset {
    /// Where the file begins.
    pub(crate) const START: Self = Self(0);

    /// So many bytes into the file; `None` beyond the largest certificate.
    pub(crate) fn new(bytes: usize) -> Option<Self> {
        if bytes >= CERTIFICATE_BYTES_MAX {
            return None;
        }
        u16::try_from(bytes).ok().map(Self)
    }

    /// The number of bytes before this place.
    pub(crate) const fn get(self) -> u16 {
        self.0
    }
}

/// What a tap and a registration have in common: finding the application and asking for a proof.
pub(crate) enum ProofCommand {
    SelectApplication,
    SelectFile(FileId),
    PinStatus(Addressing),
    Verify(Addressing, Pin),
    VerifyAtReader(Addressing),
    ComputeSignature { addressing: Addressing, digest: MessageDigest, expected: ExpectedLength },
    GetResponse(ExpectedLength),
}

impl ProofCommand {
    const fn instruction(&self) -> Instruction {
        match self {
            Self::SelectApplication => Instruction::SelectApplication,
            Self::SelectFile(_) => Instruction::SelectFile,
            Self::PinStatus(_) => Instruction::PinStatus,
            Self::Verify(..) => Instruction::Verify,
            Self::VerifyAtReader(_) => Instruction::VerifyAtReader,
            Self::ComputeSignature { .. } => Instruction::ComputeSignature,
            Self::GetResponse(_) => Instruction::GetResponse,
        }
    }

    fn to_apdu(&self) -> CommandApdu {
        let instruction = self.instruction();
        match self {
            Self::SelectApplication => build(instruction, [0x00, 0xA4, 0x04, 0x0C], &APPLICATION_ID, None),
            Self::SelectFile(file) => build(instruction, [0x00, 0xA4, 0x02, 0x0C], &file.to_bytes(), None),
            // The reader gets another form of it (`CommandApdu::blank_verify`); a card that got this one loses no try.
            Self::PinStatus(addressing) | Self::VerifyAtReader(addressing) => {
                build(instruction, [0x00, 0x20, 0x00, reference(*addressing, PIN_REFERENCE)], &[], None)
            }
            Self::Verify(addressing, pin) => {
                build(instruction, [0x00, 0x20, 0x00, reference(*addressing, PIN_REFERENCE)], pin.digits(), None)
            }
            Self::ComputeSignature { addressing, digest, expected } => {
                let header = [0x80, 0x2A, 0x00, reference(*addressing, KEY_REFERENCE)];
                build(instruction, header, &signature_input(digest), Some(*expected))
            }
            Self::GetResponse(expected) => build(instruction, [0x00, 0xC0, 0x00, 0x00], &[], Some(*expected)),
        }
    }
}

/// What the card is given to sign.
///
/// For RSA the card pads whatever it gets, so this is the complete `DigestInfo` of RFC 8017 §9.2. For P-384 it is a
/// guess, standing here alone: no such card exists yet, and the same form keeps the command's shape.
fn signature_input(digest: &MessageDigest) -> Vec<u8> {
    digest.digest_info()
}

const fn reference(addressing: Addressing, short: u8) -> u8 {
    match addressing {
        Addressing::Short => short,
        Addressing::Selected => SELECTED,
    }
}

/// Puts a command together: header, Lc and data where there is data, Le where an answer is asked for.
fn build(instruction: Instruction, header: [u8; 4], data: &[u8], expected: Option<ExpectedLength>) -> CommandApdu {
    let mut bytes = Zeroizing::new(Vec::with_capacity(COMMAND_BYTES_MAX));
    bytes.extend_from_slice(&header);
    if let Some(length) = u8::try_from(data.len()).ok().filter(|length| *length > 0) {
        bytes.push(length);
        bytes.extend_from_slice(data);
    }
    if let Some(expected) = expected {
        bytes.push(expected.to_byte());
    }
    let data_bytes_max = expected.map_or(0, |expected| usize::from(expected.get()));
    CommandApdu { instruction, bytes, data_bytes_max }
}

/// A command that a gate may send: the proof's, and the read of the key window.
pub struct TapCommand(pub(super) TapKind);

pub(super) enum TapKind {
    Proof(ProofCommand),
    ReadWindow(Addressing),
}

impl TapCommand {
    pub(crate) const fn proof(command: ProofCommand) -> Self {
        Self(TapKind::Proof(command))
    }

    pub(crate) const fn read_window(addressing: Addressing) -> Self {
        Self(TapKind::ReadWindow(addressing))
    }

    /// What the command asks.
    #[must_use]
    pub const fn instruction(&self) -> Instruction {
        match &self.0 {
            TapKind::Proof(command) => command.instruction(),
            TapKind::ReadWindow(_) => Instruction::ReadBinary,
        }
    }
}

impl From<&TapCommand> for CommandApdu {
    fn from(command: &TapCommand) -> Self {
        match &command.0 {
            TapKind::Proof(command) => command.to_apdu(),
            TapKind::ReadWindow(addressing) => {
                let place = match addressing {
                    Addressing::Short => CERTIFICATE_SHORT_ID,
                    Addressing::Selected => 0x00,
                };
                let header = [0x00, 0xB0, place, WINDOW_OFFSET];
                build(Instruction::ReadBinary, header, &[], Some(ExpectedLength::MAX))
            }
        }
    }
}

impl From<TapCommand> for CommandApdu {
    fn from(command: TapCommand) -> Self {
        Self::from(&command)
    }
}

impl fmt::Debug for TapCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TapCommand({})", self.instruction())
    }
}

/// A command that a registration may send: the proof's, and reads of the user authentication certificate.
pub struct RegistrationCommand(pub(super) RegistrationKind);

pub(super) enum RegistrationKind {
    Proof(ProofCommand),
    ReadCertificate { offset: FileOffset, expected: ExpectedLength },
}

impl RegistrationCommand {
    pub(crate) const fn proof(command: ProofCommand) -> Self {
        Self(RegistrationKind::Proof(command))
    }

    pub(crate) const fn read_certificate(offset: FileOffset, expected: ExpectedLength) -> Self {
        Self(RegistrationKind::ReadCertificate { offset, expected })
    }

    /// What the command asks.
    #[must_use]
    pub const fn instruction(&self) -> Instruction {
        match &self.0 {
            RegistrationKind::Proof(command) => command.instruction(),
            RegistrationKind::ReadCertificate { .. } => Instruction::ReadBinary,
        }
    }
}

impl From<&RegistrationCommand> for CommandApdu {
    fn from(command: &RegistrationCommand) -> Self {
        match &command.0 {
            RegistrationKind::Proof(command) => command.to_apdu(),
            RegistrationKind::ReadCertificate { offset, expected } => {
                let [high, low] = offset.get().to_be_bytes();
                build(Instruction::ReadBinary, [0x00, 0xB0, high, low], &[], Some(*expected))
            }
        }
    }
}

impl From<RegistrationCommand> for CommandApdu {
    fn from(command: RegistrationCommand) -> Self {
        Self::from(&command)
    }
}

impl fmt::Debug for RegistrationCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegistrationCommand({})", self.instruction())
    }
}
