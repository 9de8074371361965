//! What gate and reader process say to each other: CBOR arrays `[kind, …]`.
//!
//! Both ends are the same program of the same build, so the form has no version.

use core::convert::Infallible;
use core::fmt;

use kido_shared::apdu::TapCommand;
use kido_shared::card::PinEntry;
use minicbor::{Decoder, Encoder, decode, encode};
use zeroize::Zeroizing;

use super::frame::{FRAME_BYTES_MAX, FrameError};
use crate::channel::TransmitError;
use crate::choice::{NoReader, READER_NAME_BYTES_MAX};

/// Longest answer that a child hands on: 256 bytes and a status word.
const ANSWER_BYTES_MAX: usize = 258;

/// Which command an answer belongs to.
///
/// Both numbers are the parent's. An answer whose numbers are not those of the command that waits is thrown away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandNumber {
    /// The tap, rising.
    pub tap: u64,
    /// The command, rising over all taps of one child.
    pub command: u64,
}

/// What the gate asks of its reader process.
#[derive(Debug)]
pub enum ParentMessage {
    /// Send this to the card. SELECT of the application opens the tap's connection; everything else needs it open.
    Transmit(CommandNumber, TapCommand),
    /// Cut the card's power and end the tap.
    PowerOff,
    /// Cut the card's power and end the process.
    Shutdown,
}

/// Why there is no reader, without the names: those stand in the child's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReaderAbsence {
    /// The PC/SC service does not run.
    NoService,
    /// No reader is attached.
    NoneAttached,
    /// None of the name that was asked for.
    NotFound,
    /// Several that would do.
    Several,
}

impl From<&NoReader> for ReaderAbsence {
    fn from(why: &NoReader) -> Self {
        match why {
            NoReader::NoService => Self::NoService,
            NoReader::NoneAttached => Self::NoneAttached,
            NoReader::NotFound(_) => Self::NotFound,
            NoReader::Several(_) => Self::Several,
        }
    }
}

/// Why a command has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandFailure {
    /// The card left, or another one lies there: this tap is over.
    Torn,
    /// The card does not answer to power.
    Mute,
    /// Another program holds the card.
    InUse,
    /// The reader or its service failed.
    ReaderFailed,
    /// What the card sent is no answer to the command.
    Malformed,
}

impl From<TransmitError> for CommandFailure {
    fn from(error: TransmitError) -> Self {
        match error {
            TransmitError::Torn | TransmitError::NoCard => Self::Torn,
            TransmitError::Mute => Self::Mute,
            TransmitError::InUse => Self::InUse,
            TransmitError::ReaderFailed | TransmitError::NoService => Self::ReaderFailed,
            TransmitError::Malformed(_) => Self::Malformed,
        }
    }
}

/// What the reader process tells its gate.
pub enum ChildMessage {
    /// The chosen reader is there; its name, fit for a log, and where a PIN is typed.
    ReaderArrived(String, PinEntry),
    /// There is none, or no longer.
    ReaderGone(ReaderAbsence),
    /// A card lies in the reader.
    CardPresent,
    /// It was taken away.
    CardGone,
    /// The card's answer: data and status word.
    Answered(CommandNumber, Zeroizing<Vec<u8>>),
    /// No answer.
    Failed(CommandNumber, CommandFailure),
    /// Nothing happened, and the process is well: sent once in every [`WAIT_SLICE`](crate::WAIT_SLICE).
    Alive,
}

impl fmt::Debug for ChildMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReaderArrived(name, entry) => write!(f, "ReaderArrived({name}, {entry:?})"),
            Self::ReaderGone(why) => write!(f, "ReaderGone({why:?})"),
            Self::CardPresent => f.write_str("CardPresent"),
            Self::CardGone => f.write_str("CardGone"),
            Self::Answered(number, bytes) => write!(f, "Answered({number:?}, {} bytes)", bytes.len()),
            Self::Failed(number, failure) => write!(f, "Failed({number:?}, {failure:?})"),
            Self::Alive => f.write_str("Alive"),
        }
    }
}

type Written = Result<(), encode::Error<Infallible>>;

/// Room for the longest message, so that no growing buffer leaves an unwiped copy behind.
fn encoded(write: impl FnOnce(&mut Encoder<&mut Vec<u8>>) -> Written) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(FRAME_BYTES_MAX));
    let written = write(&mut Encoder::new(&mut *bytes));
    debug_assert!(written.is_ok(), "a vector takes every byte");
    bytes
}

/// Reads one message and nothing behind it.
fn decoded<'b, T>(
    bytes: &'b [u8],
    read: impl FnOnce(&mut Decoder<'b>) -> Result<T, decode::Error>,
) -> Result<T, FrameError> {
    let mut decoder = Decoder::new(bytes);
    match read(&mut decoder) {
        Ok(message) if decoder.position() == bytes.len() => Ok(message),
        Ok(_) | Err(_) => Err(FrameError::NotAMessage),
    }
}

fn read_head(d: &mut Decoder<'_>) -> Result<(u64, u8), decode::Error> {
    let items = d.array()?.ok_or_else(|| decode::Error::message("array of unknown length"))?;
    Ok((items, d.u8()?))
}

fn read_number(d: &mut Decoder<'_>) -> Result<CommandNumber, decode::Error> {
    Ok(CommandNumber { tap: d.u64()?, command: d.u64()? })
}

impl ParentMessage {
    /// The message for a frame; wiped when dropped, since it may carry a PIN.
    #[must_use]
    pub fn to_cbor(&self) -> Zeroizing<Vec<u8>> {
        encoded(|e| match self {
            Self::Transmit(number, command) => {
                e.array(4)?.u8(0)?.u64(number.tap)?.u64(number.command)?.encode(command)?.ok()
            }
            Self::PowerOff => e.array(1)?.u8(1)?.ok(),
            Self::Shutdown => e.array(1)?.u8(2)?.ok(),
        })
    }

    /// Reads a frame's payload. Whatever it says, no command comes out of it but those of a tap.
    ///
    /// # Errors
    /// [`FrameError::NotAMessage`].
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, FrameError> {
        decoded(bytes, |d| match read_head(d)? {
            (4, 0) => Ok(Self::Transmit(read_number(d)?, d.decode()?)),
            (1, 1) => Ok(Self::PowerOff),
            (1, 2) => Ok(Self::Shutdown),
            _other => Err(decode::Error::message("no such message")),
        })
    }
}

impl ChildMessage {
    /// The message for a frame; wiped when dropped, since it may carry a card's answer.
    #[must_use]
    pub fn to_cbor(&self) -> Zeroizing<Vec<u8>> {
        encoded(|e| match self {
            Self::ReaderArrived(name, entry) => e.array(3)?.u8(0)?.str(name)?.u8(entry_number(*entry))?.ok(),
            Self::ReaderGone(why) => e.array(2)?.u8(1)?.u8(absence_number(*why))?.ok(),
            Self::CardPresent => e.array(1)?.u8(2)?.ok(),
            Self::CardGone => e.array(1)?.u8(3)?.ok(),
            Self::Answered(number, answer) => {
                e.array(4)?.u8(4)?.u64(number.tap)?.u64(number.command)?.bytes(answer)?.ok()
            }
            Self::Failed(number, failure) => {
                e.array(4)?.u8(5)?.u64(number.tap)?.u64(number.command)?.u8(failure_number(*failure))?.ok()
            }
            Self::Alive => e.array(1)?.u8(6)?.ok(),
        })
    }

    /// Reads a frame's payload.
    ///
    /// # Errors
    /// [`FrameError::NotAMessage`].
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, FrameError> {
        decoded(bytes, |d| match read_head(d)? {
            (3, 0) => Ok(Self::ReaderArrived(read_name(d)?, read_entry(d)?)),
            (2, 1) => read_absence(d).map(Self::ReaderGone),
            (1, 2) => Ok(Self::CardPresent),
            (1, 3) => Ok(Self::CardGone),
            (4, 4) => Ok(Self::Answered(read_number(d)?, read_answer(d)?)),
            (4, 5) => Ok(Self::Failed(read_number(d)?, read_failure(d)?)),
            (1, 6) => Ok(Self::Alive),
            _other => Err(decode::Error::message("no such message")),
        })
    }
}

fn read_name(d: &mut Decoder<'_>) -> Result<String, decode::Error> {
    let name = d.str()?;
    if name.len() > READER_NAME_BYTES_MAX {
        return Err(decode::Error::message("name too long"));
    }
    Ok(name.to_owned())
}

fn read_answer(d: &mut Decoder<'_>) -> Result<Zeroizing<Vec<u8>>, decode::Error> {
    let answer = d.bytes()?;
    if answer.len() > ANSWER_BYTES_MAX {
        return Err(decode::Error::message("answer too long"));
    }
    Ok(Zeroizing::new(answer.to_vec()))
}

const fn entry_number(entry: PinEntry) -> u8 {
    match entry {
        PinEntry::Here => 0,
        PinEntry::AtReader => 1,
    }
}

fn read_entry(d: &mut Decoder<'_>) -> Result<PinEntry, decode::Error> {
    match d.u8()? {
        0 => Ok(PinEntry::Here),
        1 => Ok(PinEntry::AtReader),
        _other => Err(decode::Error::message("no such place for a PIN")),
    }
}

const fn absence_number(why: ReaderAbsence) -> u8 {
    match why {
        ReaderAbsence::NoService => 0,
        ReaderAbsence::NoneAttached => 1,
        ReaderAbsence::NotFound => 2,
        ReaderAbsence::Several => 3,
    }
}

fn read_absence(d: &mut Decoder<'_>) -> Result<ReaderAbsence, decode::Error> {
    match d.u8()? {
        0 => Ok(ReaderAbsence::NoService),
        1 => Ok(ReaderAbsence::NoneAttached),
        2 => Ok(ReaderAbsence::NotFound),
        3 => Ok(ReaderAbsence::Several),
        _other => Err(decode::Error::message("no such absence")),
    }
}

const fn failure_number(failure: CommandFailure) -> u8 {
    match failure {
        CommandFailure::Torn => 0,
        CommandFailure::Mute => 1,
        CommandFailure::InUse => 2,
        CommandFailure::ReaderFailed => 3,
        CommandFailure::Malformed => 4,
    }
}

fn read_failure(d: &mut Decoder<'_>) -> Result<CommandFailure, decode::Error> {
    match d.u8()? {
        0 => Ok(CommandFailure::Torn),
        1 => Ok(CommandFailure::Mute),
        2 => Ok(CommandFailure::InUse),
        3 => Ok(CommandFailure::ReaderFailed),
        4 => Ok(CommandFailure::Malformed),
        _other => Err(decode::Error::message("no such failure")),
    }
}

#[cfg(test)]
mod tests {
    use kido_shared::apdu::{CommandApdu, Instruction};
    use proptest::prelude::*;

    use super::*;

    const NUMBER: CommandNumber = CommandNumber { tap: 7, command: u64::MAX };

    /// A transmit message around any bytes in place of its command.
    fn transmit_of(command: &[u8]) -> Vec<u8> {
        [&[0x84, 0x00, 0x07, 0x08][..], command].concat()
    }

    fn every_child_message() -> Vec<ChildMessage> {
        let mut messages = vec![
            ChildMessage::ReaderArrived("Virtual PCD 00 00".to_owned(), PinEntry::Here),
            ChildMessage::ReaderArrived("A reader with keys".to_owned(), PinEntry::AtReader),
            ChildMessage::CardPresent,
            ChildMessage::CardGone,
            ChildMessage::Answered(NUMBER, Zeroizing::new(vec![0x5A; ANSWER_BYTES_MAX])),
            ChildMessage::Alive,
        ];
        let absences =
            [ReaderAbsence::NoService, ReaderAbsence::NoneAttached, ReaderAbsence::NotFound, ReaderAbsence::Several];
        messages.extend(absences.map(ChildMessage::ReaderGone));
        let failures = [
            CommandFailure::Torn,
            CommandFailure::Mute,
            CommandFailure::InUse,
            CommandFailure::ReaderFailed,
            CommandFailure::Malformed,
        ];
        messages.extend(failures.map(|failure| ChildMessage::Failed(NUMBER, failure)));
        messages
    }

    #[test]
    fn every_message_of_the_child_comes_back_as_it_went() {
        for message in every_child_message() {
            let bytes = message.to_cbor();
            assert!(bytes.len() <= FRAME_BYTES_MAX);
            let back = ChildMessage::from_cbor(&bytes).unwrap();
            assert_eq!(back.to_cbor(), bytes, "{message:?}");
        }
    }

    #[test]
    fn a_command_comes_back_as_the_same_command() {
        let read_window = TapCommand::from_cbor(&[0x82, 6, 0]).unwrap();
        let bytes = ParentMessage::Transmit(NUMBER, read_window).to_cbor();
        let ParentMessage::Transmit(number, command) = ParentMessage::from_cbor(&bytes).unwrap() else { panic!() };
        assert_eq!(number, NUMBER);
        assert_eq!(CommandApdu::from(command).as_bytes(), [0x00, 0xB0, 0x8A, 0xFF, 0x00]);
    }

    #[test]
    fn a_read_outside_the_key_window_does_not_decode() {
        let read_certificate_from_its_start = [0x83, 7, 0, 0x18, 0xFF];
        assert!(ParentMessage::from_cbor(&transmit_of(&read_certificate_from_its_start)).is_err());
        assert!(ParentMessage::from_cbor(&transmit_of(&[0x82, 6, 0])).is_ok());
    }

    #[test]
    fn bytes_of_an_apdu_do_not_decode() {
        let select_the_signature_key = [0x47, 0x00, 0xA4, 0x02, 0x0C, 0x02, 0x00, 0x1A];
        assert!(ParentMessage::from_cbor(&transmit_of(&select_the_signature_key)).is_err());
    }

    #[test]
    fn no_message_shows_what_a_card_answered() {
        let shown = format!("{:?}", ChildMessage::Answered(NUMBER, Zeroizing::new(vec![0xAB; 3])));
        assert!(shown.ends_with("3 bytes)"), "{shown}");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..FRAME_BYTES_MAX)) {
            let _from_parent = ParentMessage::from_cbor(&bytes).is_ok();
            let _from_child = ChildMessage::from_cbor(&bytes).is_ok();
        }

        #[test]
        fn whatever_decodes_is_a_command_of_a_tap(command in proptest::collection::vec(any::<u8>(), 0..12)) {
            if let Ok(ParentMessage::Transmit(_, command)) = ParentMessage::from_cbor(&transmit_of(&command)) {
                let instruction = command.instruction();
                let apdu = CommandApdu::from(command);
                let bytes = apdu.as_bytes();
                let is_window = bytes[..4] == [0x00, 0xB0, 0x8A, 0xFF] || bytes[..4] == [0x00, 0xB0, 0x00, 0xFF];
                prop_assert!(instruction != Instruction::ReadBinary || is_window);
            }
        }
    }
}
