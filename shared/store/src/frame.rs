//! How facts lie in the file: header, frame, chain. Bytes only, no file.
//!
//! ```text
//! header (32 bytes)   "KIDOLOG\n" · format u32 · identity 16 · CRC-32 u32 of the 28 bytes before
//! frame  (52 + n)     "KdF" · flags u8 · n u32 · CRC-32 u32 of all the rest · batch u64 · chain 32 · fact n
//! ```
//!
//! Numbers are little-endian. Flag 1 ends a transaction. `batch` is the place in the file where the batch of this frame began:
//! everything before that place was durable when the frame was written, which is what tells damage from a torn tail. `chain`
//! is `SHA-256(label · chain before · flags · n as u64 · fact)`; the first one before is the hash of the header.

mod behind;

use std::fmt;
use std::io::{self, Read};

use sha2::{Digest, Sha256};

use crate::error::StoreError;
use crate::limits::MAX_FACT_BYTES;
use crate::position::{ChainHash, LogHead, Position, StoreIdentity};

pub(crate) use behind::{Behind, look_behind};

/// Version of header, frame and chain together.
pub(crate) const FORMAT: u32 = 1;
pub(crate) const HEADER_BYTES: usize = 32;
pub(crate) const FRAME_HEADER_BYTES: usize = 52;

const MAGIC: &[u8; 8] = b"KIDOLOG\n";
const MARKER: &[u8; 3] = b"KdF";
const ENDS_TRANSACTION: u8 = 1;
const CHAIN_START_LABEL: &[u8] = b"kido-store log 1";
const CHAIN_LABEL: &[u8] = b"kido-store fact 1";

/// What is wrong with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameFault {
    /// The file ends inside the frame.
    CutShort,
    /// It does not begin as a frame does.
    Marker,
    /// Its flags or its length cannot be.
    Shape,
    /// Its checksum does not fit its bytes.
    Checksum,
    /// Its batch cannot begin where it says.
    Batch,
    /// Its fact does not continue the chain.
    Chain,
}

impl fmt::Display for FrameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CutShort => "cut short",
            Self::Marker => "not a frame",
            Self::Shape => "impossible length or flags",
            Self::Checksum => "wrong checksum",
            Self::Batch => "impossible batch",
            Self::Chain => "not the next of the chain",
        })
    }
}

/// The first bytes of a log for this identity.
pub(crate) fn encode_header(identity: StoreIdentity) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    let (covered, crc) = header.split_at_mut(HEADER_BYTES - 4);
    let parts =
        MAGIC.iter().chain(FORMAT.to_le_bytes().iter()).chain(identity.as_bytes()).copied().collect::<Vec<u8>>();
    covered.copy_from_slice(&parts);
    crc.copy_from_slice(&crc32fast::hash(covered).to_le_bytes());
    header
}

/// Reads the first bytes of a log and returns the head of the log without facts.
pub(crate) fn verify_header(bytes: &[u8; HEADER_BYTES], identity: StoreIdentity) -> Result<LogHead, StoreError> {
    let mut fields = Fields(bytes);
    let magic: [u8; 8] = fields.take();
    let format = u32::from_le_bytes(fields.take());
    let found = StoreIdentity::new(fields.take());
    let crc = u32::from_le_bytes(fields.take());
    let covered = bytes.split_last_chunk::<4>().map_or(&bytes[..], |(covered, _)| covered);
    if &magic != MAGIC || crc != crc32fast::hash(covered) {
        return Err(StoreError::NotALog);
    }
    if format != FORMAT {
        return Err(StoreError::OtherFormat { found: format, expected: FORMAT });
    }
    if found != identity {
        return Err(StoreError::OtherIdentity);
    }
    Ok(empty_head(bytes))
}

/// The head of a log with this header and no facts.
pub(crate) fn empty_head(header: &[u8; HEADER_BYTES]) -> LogHead {
    let hash = Sha256::new().chain_update(CHAIN_START_LABEL).chain_update(header).finalize();
    LogHead { count: 0, hash: ChainHash::new(hash.into()) }
}

/// The chain value after one more fact.
fn next_hash(before: &ChainHash, flags: u8, fact: &[u8]) -> ChainHash {
    let length = u64::try_from(fact.len()).unwrap_or(u64::MAX);
    let hash = Sha256::new()
        .chain_update(CHAIN_LABEL)
        .chain_update(before.as_bytes())
        .chain_update([flags])
        .chain_update(length.to_le_bytes())
        .chain_update(fact)
        .finalize();
    ChainHash::new(hash.into())
}

/// Appends one frame to `out` and moves `head` on.
pub(crate) fn encode(
    out: &mut Vec<u8>,
    head: &mut LogHead,
    batch: u64,
    ends_transaction: bool,
    fact: &[u8],
) -> Result<(), StoreError> {
    let length = match u32::try_from(fact.len()) {
        Ok(length) if fact.len() <= MAX_FACT_BYTES => length.to_le_bytes(),
        Ok(_) | Err(_) => return Err(StoreError::FactTooLong { bytes: fact.len() }),
    };
    let flags = if ends_transaction { ENDS_TRANSACTION } else { 0 };
    let hash = next_hash(&head.hash, flags, fact);
    let mut crc = crc32fast::Hasher::new();
    let (front, back) = ([MARKER.as_slice(), &[flags], &length], [&batch.to_le_bytes()[..], hash.as_bytes(), fact]);
    for part in front.iter().chain(&back) {
        crc.update(part);
    }
    for part in front {
        out.extend_from_slice(part);
    }
    out.extend_from_slice(&crc.finalize().to_le_bytes());
    for part in back {
        out.extend_from_slice(part);
    }
    *head = LogHead { count: head.count.saturating_add(1), hash };
    Ok(())
}

/// The fixed part of a frame, its shape already looked at.
#[derive(Debug, Clone, Copy)]
struct FrameHeader {
    flags: u8,
    length: usize,
    crc: u32,
    batch: u64,
    chain: ChainHash,
}

impl FrameHeader {
    fn parse(bytes: &[u8; FRAME_HEADER_BYTES]) -> Result<Self, FrameFault> {
        let mut fields = Fields(bytes);
        let marker: [u8; 3] = fields.take();
        if &marker != MARKER {
            return Err(FrameFault::Marker);
        }
        let [flags] = fields.take();
        let length = usize::try_from(u32::from_le_bytes(fields.take())).unwrap_or(usize::MAX);
        let crc = u32::from_le_bytes(fields.take());
        let batch = u64::from_le_bytes(fields.take());
        let chain = ChainHash::new(fields.take());
        if flags & !ENDS_TRANSACTION != 0 || length > MAX_FACT_BYTES {
            return Err(FrameFault::Shape);
        }
        Ok(Self { flags, length, crc, batch, chain })
    }

    fn checksum_fits(&self, bytes: &[u8; FRAME_HEADER_BYTES], fact: &[u8]) -> bool {
        let mut crc = crc32fast::Hasher::new();
        let (front, rest) = bytes.split_at(8);
        let (_, back) = rest.split_at(4);
        crc.update(front);
        crc.update(back);
        crc.update(fact);
        crc.finalize() == self.crc
    }
}

/// One fact as it was read, known to continue the chain.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) position: Position,
    pub(crate) ends_transaction: bool,
    pub(crate) fact: Vec<u8>,
}

/// Why no frame could be read.
#[derive(Debug)]
pub(crate) enum ReadError {
    Fault(FrameFault),
    Io(io::Error),
}

/// Reads frames one after the other and verifies each against the one before.
#[derive(Debug)]
pub(crate) struct FrameReader<R> {
    input: R,
    offset: u64,
    batch: u64,
    head: LogHead,
}

impl<R: Read> FrameReader<R> {
    /// `input` stands at byte `offset`, where the log up to there has this head.
    pub(crate) const fn new(input: R, offset: u64, head: LogHead) -> Self {
        Self { input, offset, batch: 0, head }
    }

    /// Byte after the last good frame.
    pub(crate) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Head after the last good frame.
    pub(crate) const fn head(&self) -> LogHead {
        self.head
    }

    /// The next frame; `None` at a clean end.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, ReadError> {
        let mut bytes = [0; FRAME_HEADER_BYTES];
        match read_up_to(&mut self.input, &mut bytes).map_err(ReadError::Io)? {
            0 => return Ok(None),
            FRAME_HEADER_BYTES => {}
            _ => return Err(ReadError::Fault(FrameFault::CutShort)),
        }
        let header = FrameHeader::parse(&bytes).map_err(ReadError::Fault)?;
        let mut fact = vec![0; header.length];
        if read_up_to(&mut self.input, &mut fact).map_err(ReadError::Io)? != header.length {
            return Err(ReadError::Fault(FrameFault::CutShort));
        }
        self.verify(&header, &bytes, &fact).map_err(ReadError::Fault)?;
        let position = self.head.next_position();
        self.batch = header.batch;
        self.head = LogHead { count: self.head.count.saturating_add(1), hash: header.chain };
        let length = FRAME_HEADER_BYTES.saturating_add(header.length);
        self.offset = self.offset.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        Ok(Some(Frame { position, ends_transaction: header.flags & ENDS_TRANSACTION != 0, fact }))
    }

    fn verify(&self, header: &FrameHeader, bytes: &[u8; FRAME_HEADER_BYTES], fact: &[u8]) -> Result<(), FrameFault> {
        if !header.checksum_fits(bytes, fact) {
            return Err(FrameFault::Checksum);
        }
        // A reader that starts in the middle does not know the batch it stands in.
        let continues = header.batch == self.batch || (self.batch == 0 && header.batch <= self.offset);
        if !continues && header.batch != self.offset {
            return Err(FrameFault::Batch);
        }
        if header.chain != next_hash(&self.head.hash, header.flags, fact) {
            return Err(FrameFault::Chain);
        }
        Ok(())
    }
}

/// Fills as much of `buffer` as there is.
fn read_up_to(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match input.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Takes fixed fields off the front of bytes whose length the caller's type already fixed.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    /// The next `N` bytes; zeros beyond the end, which no caller reaches.
    fn take<const N: usize>(&mut self) -> [u8; N] {
        match self.0.split_first_chunk::<N>() {
            Some((field, rest)) => {
                self.0 = rest;
                *field
            }
            None => [0; N],
        }
    }
}

#[cfg(test)]
mod tests;
