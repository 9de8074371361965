//! The form in which a command goes to the reader process: a CBOR array that can say these commands and no others.
//!
//! `[kind, …]`, numbers and byte strings only. Whoever takes over the parent's end of the pipe can make the child send
//! what a tap sends, never an APDU of their own.

use core::convert::Infallible;

use minicbor::encode::Write;
use minicbor::{Decoder, Encoder, decode, encode};
use zeroize::Zeroizing;

use super::command::{
    ExpectedLength, FileOffset, ProofCommand, RegistrationCommand, RegistrationKind, TapCommand, TapKind,
};
use crate::card::Pin;
use crate::card::applet::{Addressing, FileId};
use crate::challenge::MessageDigest;

const SELECT_APPLICATION: u8 = 0;
const SELECT_FILE: u8 = 1;
const PIN_STATUS: u8 = 2;
const VERIFY: u8 = 3;
const COMPUTE_SIGNATURE: u8 = 4;
const GET_RESPONSE: u8 = 5;
const READ_WINDOW: u8 = 6;
const READ_CERTIFICATE: u8 = 7;
const VERIFY_AT_READER: u8 = 8;

/// Room for the longest encoded command, so that no growing buffer leaves an unwiped copy of a PIN behind.
pub(super) const ENCODED_BYTES_MAX: usize = 128;

/// Why bytes are no command of the set; says nothing of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CommandDecodeError {
    /// No CBOR of the agreed shape, or a value outside its range.
    #[error("the bytes are no command of this set")]
    NotACommand,
    /// A command, and something behind it.
    #[error("bytes follow the command")]
    TrailingBytes,
}

fn write_proof<W: Write>(command: &ProofCommand, e: &mut Encoder<W>) -> Result<(), encode::Error<W::Error>> {
    match command {
        ProofCommand::SelectApplication => e.array(1)?.u8(SELECT_APPLICATION)?.ok(),
        ProofCommand::SelectFile(file) => e.array(2)?.u8(SELECT_FILE)?.u8(file_number(*file))?.ok(),
        ProofCommand::PinStatus(addressing) => e.array(2)?.u8(PIN_STATUS)?.u8(addressing_number(*addressing))?.ok(),
        ProofCommand::Verify(addressing, pin) => {
            e.array(3)?.u8(VERIFY)?.u8(addressing_number(*addressing))?.bytes(pin.digits())?.ok()
        }
        ProofCommand::VerifyAtReader(addressing) => {
            e.array(2)?.u8(VERIFY_AT_READER)?.u8(addressing_number(*addressing))?.ok()
        }
        ProofCommand::ComputeSignature { addressing, digest, expected } => e
            .array(4)?
            .u8(COMPUTE_SIGNATURE)?
            .u8(addressing_number(*addressing))?
            .bytes(digest_bytes(digest))?
            .u16(expected.get())?
            .ok(),
        ProofCommand::GetResponse(expected) => e.array(2)?.u8(GET_RESPONSE)?.u16(expected.get())?.ok(),
    }
}

/// Reads the array's head and kind: how many items it has, and which command it is.
fn read_head(d: &mut Decoder<'_>) -> Result<(u64, u8), decode::Error> {
    let items = d.array()?.ok_or_else(|| decode::Error::message("array of unknown length"))?;
    Ok((items, d.u8()?))
}

fn read_proof(items: u64, kind: u8, d: &mut Decoder<'_>) -> Result<ProofCommand, decode::Error> {
    match (kind, items) {
        (SELECT_APPLICATION, 1) => Ok(ProofCommand::SelectApplication),
        (SELECT_FILE, 2) => Ok(ProofCommand::SelectFile(read_file(d)?)),
        (PIN_STATUS, 2) => Ok(ProofCommand::PinStatus(read_addressing(d)?)),
        (VERIFY, 3) => {
            let addressing = read_addressing(d)?;
            let pin = Pin::from_digits(d.bytes()?).map_err(decode::Error::custom)?;
            Ok(ProofCommand::Verify(addressing, pin))
        }
        (VERIFY_AT_READER, 2) => Ok(ProofCommand::VerifyAtReader(read_addressing(d)?)),
        (COMPUTE_SIGNATURE, 4) => {
            let addressing = read_addressing(d)?;
            let digest = read_digest(d)?;
            Ok(ProofCommand::ComputeSignature { addressing, digest, expected: read_expected(d)? })
        }
        (GET_RESPONSE, 2) => Ok(ProofCommand::GetResponse(read_expected(d)?)),
        _other => Err(decode::Error::message("no such command")),
    }
}

const fn file_number(file: FileId) -> u8 {
    match file {
        FileId::Certificate => 0,
        FileId::Pin => 1,
        FileId::Key => 2,
    }
}

fn read_file(d: &mut Decoder<'_>) -> Result<FileId, decode::Error> {
    match d.u8()? {
        0 => Ok(FileId::Certificate),
        1 => Ok(FileId::Pin),
        2 => Ok(FileId::Key),
        _other => Err(decode::Error::message("no such file")),
    }
}

const fn addressing_number(addressing: Addressing) -> u8 {
    match addressing {
        Addressing::Short => 0,
        Addressing::Selected => 1,
    }
}

fn read_addressing(d: &mut Decoder<'_>) -> Result<Addressing, decode::Error> {
    match d.u8()? {
        0 => Ok(Addressing::Short),
        1 => Ok(Addressing::Selected),
        _other => Err(decode::Error::message("no such addressing")),
    }
}

const fn digest_bytes(digest: &MessageDigest) -> &[u8] {
    match digest {
        MessageDigest::Sha256(bytes) => bytes,
        MessageDigest::Sha384(bytes) => bytes,
    }
}

fn read_digest(d: &mut Decoder<'_>) -> Result<MessageDigest, decode::Error> {
    let bytes = d.bytes()?;
    if let Ok(digest) = <[u8; 32]>::try_from(bytes) {
        return Ok(MessageDigest::Sha256(digest));
    }
    if let Ok(digest) = <[u8; 48]>::try_from(bytes) {
        return Ok(MessageDigest::Sha384(digest));
    }
    Err(decode::Error::message("no digest of a known length"))
}

fn read_expected(d: &mut Decoder<'_>) -> Result<ExpectedLength, decode::Error> {
    ExpectedLength::new(d.u16()?).ok_or_else(|| decode::Error::message("length out of range"))
}

impl<C> minicbor::Encode<C> for TapCommand {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _context: &mut C) -> Result<(), encode::Error<W::Error>> {
        match &self.0 {
            TapKind::Proof(command) => write_proof(command, e),
            TapKind::ReadWindow(addressing) => e.array(2)?.u8(READ_WINDOW)?.u8(addressing_number(*addressing))?.ok(),
        }
    }
}

impl<'b, C> minicbor::Decode<'b, C> for TapCommand {
    fn decode(d: &mut Decoder<'b>, _context: &mut C) -> Result<Self, decode::Error> {
        match read_head(d)? {
            (2, READ_WINDOW) => Ok(Self::read_window(read_addressing(d)?)),
            (items, kind) => read_proof(items, kind, d).map(Self::proof),
        }
    }
}

impl<C> minicbor::Encode<C> for RegistrationCommand {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _context: &mut C) -> Result<(), encode::Error<W::Error>> {
        match &self.0 {
            RegistrationKind::Proof(command) => write_proof(command, e),
            RegistrationKind::ReadCertificate { offset, expected } => {
                e.array(3)?.u8(READ_CERTIFICATE)?.u16(offset.get())?.u16(expected.get())?.ok()
            }
        }
    }
}

impl<'b, C> minicbor::Decode<'b, C> for RegistrationCommand {
    fn decode(d: &mut Decoder<'b>, _context: &mut C) -> Result<Self, decode::Error> {
        match read_head(d)? {
            (3, READ_CERTIFICATE) => {
                let offset = FileOffset::new(usize::from(d.u16()?));
                let offset = offset.ok_or_else(|| decode::Error::message("offset out of range"))?;
                Ok(Self::read_certificate(offset, read_expected(d)?))
            }
            (items, kind) => read_proof(items, kind, d).map(Self::proof),
        }
    }
}

impl TapCommand {
    /// The command for the pipe to the reader process; wiped when dropped, since it may carry a PIN.
    #[must_use]
    pub fn to_cbor(&self) -> Zeroizing<Vec<u8>> {
        to_cbor(self)
    }

    /// Reads one command and nothing behind it.
    ///
    /// # Errors
    /// [`CommandDecodeError`] where the bytes are anything but one command of a tap.
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, CommandDecodeError> {
        from_cbor(bytes)
    }
}

impl RegistrationCommand {
    /// The command for a pipe; wiped when dropped, since it may carry a PIN.
    #[must_use]
    pub fn to_cbor(&self) -> Zeroizing<Vec<u8>> {
        to_cbor(self)
    }

    /// Reads one command and nothing behind it.
    ///
    /// # Errors
    /// [`CommandDecodeError`] where the bytes are anything but one command of a registration.
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, CommandDecodeError> {
        from_cbor(bytes)
    }
}

fn to_cbor(command: &impl minicbor::Encode<()>) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(ENCODED_BYTES_MAX));
    let written: Result<(), encode::Error<Infallible>> = encode(command, &mut *bytes);
    debug_assert!(written.is_ok(), "a vector takes every byte");
    bytes
}

fn from_cbor<'b, T: minicbor::Decode<'b, ()>>(bytes: &'b [u8]) -> Result<T, CommandDecodeError> {
    let mut decoder = Decoder::new(bytes);
    let command = decoder.decode().map_err(|_shape_or_range| CommandDecodeError::NotACommand)?;
    if decoder.position() == bytes.len() { Ok(command) } else { Err(CommandDecodeError::TrailingBytes) }
}
