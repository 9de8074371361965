//! The log on its way out and in: backup, move, and the way out of the engine.
//!
//! An export is a preface and then the log's own bytes up to its durable end. The preface (`"KIDOEXP\n" · count u64 · chain 32 ·
//! CRC-32 u32`) says how much must follow: without it a copy that stopped between two frames would pass for a whole one. The
//! index is never exported.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::sync::Arc;

use crate::error::{StoreError, ends_early};
use crate::folder::{FolderLock, require_fresh};
use crate::frame::{self, FrameFault, FrameReader, HEADER_BYTES, ReadError};
use crate::limits::READ_BUFFER_BYTES;
use crate::log::{self, At, Places, read_error};
use crate::position::{ChainHash, LogHead, StoreIdentity};

const MAGIC: &[u8; 8] = b"KIDOEXP\n";
const PREFACE_BYTES: usize = 8 + 8 + ChainHash::BYTES + 4;

/// Brings an export into a folder that holds no store yet, verified from its first byte to its last.
///
/// The folder is created if it is missing. Nothing has a name in it before all of it is durable; the index comes with the first open.
///
/// # Errors
/// [`StoreError::NotFresh`], [`StoreError::IncompleteExport`], and what the verification of a log can say.
pub fn import(folder: &Path, identity: StoreIdentity, input: &mut impl Read) -> Result<LogHead, StoreError> {
    log::create_folder(folder)?;
    let lock = FolderLock::take(folder)?;
    require_fresh(folder)?;
    let mut input = BufReader::with_capacity(READ_BUFFER_BYTES, input);
    let expected = read_preface(&mut input)?;
    log::install(folder, |file| {
        let mut output = BufWriter::with_capacity(READ_BUFFER_BYTES, file);
        relay(&mut input, &mut output, identity, expected)
    })?;
    drop(lock);
    Ok(expected)
}

/// Reads an export to its end and says where its log ends, without keeping any of it.
///
/// # Errors
/// As [`import`], but for what a folder or a disk may say.
pub fn verify_export(identity: StoreIdentity, input: &mut impl Read) -> Result<LogHead, StoreError> {
    let expected = read_preface(input)?;
    relay(input, &mut io::sink(), identity, expected)?;
    Ok(expected)
}

/// Writes preface and log to `output`; each frame is verified as it passes.
pub(crate) fn export(
    file: Arc<File>,
    places: &Places,
    identity: StoreIdentity,
    output: &mut impl Write,
) -> Result<LogHead, StoreError> {
    output.write_all(&encode_preface(&places.head)).map_err(StoreError::io("writing the export"))?;
    let mut input = BufReader::with_capacity(READ_BUFFER_BYTES, At::new(file, 0).take(places.end));
    relay(&mut input, output, identity, places.head)?;
    Ok(places.head)
}

/// Copies a log and verifies that it is whole, this store's, and ends with the expected head.
fn relay(
    input: &mut impl Read,
    output: &mut impl Write,
    identity: StoreIdentity,
    expected: LogHead,
) -> Result<(), StoreError> {
    let mut tee = Tee { input, output };
    let mut header = [0; HEADER_BYTES];
    tee.read_exact(&mut header).map_err(ends_early(StoreError::IncompleteExport, "copying the facts log"))?;
    let empty = frame::verify_header(&header, identity)?;
    let mut reader = FrameReader::new(tee, log::header_end(), empty);
    let mut ends_transaction = true;
    loop {
        match reader.next() {
            Ok(Some(frame)) => ends_transaction = frame.ends_transaction,
            Ok(None) => break,
            Err(ReadError::Fault(FrameFault::CutShort)) => return Err(StoreError::IncompleteExport),
            Err(ReadError::Io(error)) => return Err(StoreError::io("copying the facts log")(error)),
            Err(error @ ReadError::Fault(_)) => return Err(read_error(error, &reader)),
        }
    }
    if reader.head() != expected || !ends_transaction {
        return Err(StoreError::IncompleteExport);
    }
    output.flush().map_err(StoreError::io("copying the facts log"))
}

fn encode_preface(head: &LogHead) -> Vec<u8> {
    let mut preface = Vec::with_capacity(PREFACE_BYTES);
    preface.extend_from_slice(MAGIC);
    preface.extend_from_slice(&head.count.to_le_bytes());
    preface.extend_from_slice(head.hash.as_bytes());
    preface.extend_from_slice(&crc32fast::hash(&preface).to_le_bytes());
    preface
}

fn read_preface(input: &mut impl Read) -> Result<LogHead, StoreError> {
    let mut bytes = [0; PREFACE_BYTES];
    input.read_exact(&mut bytes).map_err(ends_early(StoreError::IncompleteExport, "reading the export"))?;
    decode_preface(&bytes).ok_or(StoreError::NotALog)
}

fn decode_preface(bytes: &[u8]) -> Option<LogHead> {
    let (covered, crc) = bytes.split_last_chunk::<4>()?;
    let (count, hash) = covered.strip_prefix(MAGIC)?.split_first_chunk::<8>()?;
    let head = LogHead { count: u64::from_le_bytes(*count), hash: ChainHash::new(*hash.first_chunk()?) };
    (u32::from_le_bytes(*crc) == crc32fast::hash(covered)).then_some(head)
}

/// Writes what is read.
struct Tee<'a, R, W> {
    input: &'a mut R,
    output: &'a mut W,
}

impl<R: Read, W: Write> Read for Tee<'_, R, W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.output.write_all(buffer.get(..read).unwrap_or_default())?;
        Ok(read)
    }
}
