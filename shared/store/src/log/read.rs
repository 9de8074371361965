//! Reading the durable part of the log.

use std::fs::File;
use std::io::{self, BufReader, Read, Take};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::error::StoreError;
use crate::frame::{FrameFault, FrameReader, ReadError};
use crate::limits::{MAX_FACT_BYTES, READ_BUFFER_BYTES};
use crate::log::Places;
use crate::position::{ChainHash, LogHead, LogOffset, Position};

/// A file read from a place of its own, so that readers share one handle and no cursor.
#[derive(Debug)]
pub(crate) struct At {
    file: Arc<File>,
    offset: u64,
}

impl At {
    pub(crate) const fn new(file: Arc<File>, offset: u64) -> Self {
        Self { file, offset }
    }
}

impl Read for At {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.offset)?;
        self.offset = self.offset.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        Ok(read)
    }
}

/// The facts from one position up to what was durable when the reading began.
///
/// Holds one fact and one read buffer in memory. Each frame is verified again as it is read; after an error it ends.
#[derive(Debug)]
pub struct Facts {
    reader: Option<FrameReader<Take<BufReader<At>>>>,
    from: Position,
    end: LogHead,
}

impl Facts {
    pub(crate) fn new(file: Arc<File>, places: &Places, from: Position) -> Self {
        let start = (from.get() < places.head.count).then(|| places.before(from.get())).flatten();
        let reader = start.map(|(offset, head)| {
            let input = BufReader::with_capacity(READ_BUFFER_BYTES, At::new(file, offset));
            FrameReader::new(input.take(places.end.saturating_sub(offset)), offset, head)
        });
        Self { reader, from, end: places.head }
    }

    /// The log up to and including the fact that was read last.
    pub(crate) fn head(&self) -> LogHead {
        self.reader.as_ref().map_or(self.end, FrameReader::head)
    }

    /// Where this fact, the last one that was read, begins.
    pub(crate) fn begins(&self, fact: &[u8]) -> LogOffset {
        let behind = self.reader.as_ref().map_or(0, FrameReader::offset);
        LogOffset::new(behind.saturating_sub(u64::try_from(fact.len()).unwrap_or(u64::MAX)))
    }

    /// The chain value before fact `number`, by reading at most one stretch between two checkpoints.
    pub(crate) fn hash_before(file: Arc<File>, places: &Places, number: u64) -> Result<Option<ChainHash>, StoreError> {
        if number == places.head.count {
            return Ok(Some(places.head.hash));
        }
        let Some(mut reader) = Self::new(file, places, Position::new(number)).reader else {
            return Ok(None);
        };
        while reader.head().count < number {
            if reader.next().map_err(|error| read_error(error, &reader))?.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(reader.head().hash))
    }
}

impl Iterator for Facts {
    type Item = Result<(Position, Vec<u8>), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let reader = self.reader.as_mut()?;
            let failed = match reader.next() {
                Ok(Some(frame)) if frame.position < self.from => continue,
                Ok(Some(frame)) => return Some(Ok((frame.position, frame.fact))),
                Ok(None) if reader.head() == self.end => None,
                Ok(None) => Some(read_error(ReadError::Fault(FrameFault::CutShort), reader)),
                Err(error) => Some(read_error(error, reader)),
            };
            self.reader = None;
            return failed.map(Err);
        }
    }
}

/// Reads bytes of the part of a log that ends at `end`, as they are.
pub(crate) fn read_at(file: &File, end: u64, at: LogOffset, length: usize) -> Result<Vec<u8>, StoreError> {
    if length > MAX_FACT_BYTES {
        return Err(StoreError::FactTooLong { bytes: length });
    }
    let mut bytes = vec![0; length];
    let read = if at.after(length).get() > end {
        Err(io::ErrorKind::UnexpectedEof.into())
    } else {
        file.read_exact_at(&mut bytes, at.get())
    };
    read.map_err(StoreError::fatal_io("reading the facts log"))?;
    Ok(bytes)
}

/// Says where the reading of durable facts failed.
pub(crate) fn read_error<R: Read>(error: ReadError, reader: &FrameReader<R>) -> StoreError {
    match error {
        ReadError::Io(error) => StoreError::fatal_io("reading the facts log")(error),
        ReadError::Fault(fault) => {
            StoreError::Damaged { offset: reader.offset(), position: reader.head().next_position(), fault }
        }
    }
}
