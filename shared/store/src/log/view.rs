//! The log as a decision sees it: what is durable, and what was decided since.

use std::fs::File;
use std::io;

use crate::error::StoreError;
use crate::frame::FRAME_HEADER_BYTES;
use crate::log;
use crate::position::LogOffset;

/// A log whose newest part is not written yet.
///
/// Whatever the index says at this moment, undurable changes included, can be read here: a place found is a place readable.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogView<'a> {
    file: &'a File,
    durable_end: u64,
    /// Frames of the transactions that were decided and wait for their sync; they will stand at the durable end.
    batch: &'a [u8],
    /// Facts of the transaction that is being decided; their frames will stand behind the batch.
    own: &'a [Vec<u8>],
}

impl<'a> LogView<'a> {
    /// A log of which everything is durable.
    pub(crate) const fn durable(file: &'a File, end: u64) -> Self {
        Self { file, durable_end: end, batch: &[], own: &[] }
    }

    /// The same, with frames behind its end.
    pub(crate) const fn with_batch(self, batch: &'a [u8]) -> Self {
        Self { batch, ..self }
    }

    /// The same, with a transaction's own facts behind all that.
    pub(crate) const fn with_own<'b>(self, own: &'b [Vec<u8>]) -> LogView<'b>
    where
        'a: 'b,
    {
        LogView { file: self.file, durable_end: self.durable_end, batch: self.batch, own }
    }

    /// Where the next frame will begin, a transaction's own facts left aside.
    pub(crate) fn end(&self) -> LogOffset {
        LogOffset::new(self.durable_end).after(self.batch.len())
    }

    /// Bytes of one fact, as they are.
    pub(crate) fn read_at(&self, at: LogOffset, length: usize) -> Result<Vec<u8>, StoreError> {
        if at.get() < self.durable_end {
            return log::read_at(self.file, self.durable_end, at, length);
        }
        let undurable = self.of_batch(at, length).or_else(|| self.of_own(at, length));
        let behind_the_end = || StoreError::fatal_io("reading the facts log")(io::ErrorKind::UnexpectedEof.into());
        undurable.map(<[u8]>::to_vec).ok_or_else(behind_the_end)
    }

    fn of_batch(&self, at: LogOffset, length: usize) -> Option<&'a [u8]> {
        stretch(self.batch, LogOffset::new(self.durable_end), at, length)
    }

    fn of_own(&self, at: LogOffset, length: usize) -> Option<&'a [u8]> {
        let mut begins = self.end();
        for fact in self.own {
            begins = begins.after(FRAME_HEADER_BYTES);
            if let Some(found) = stretch(fact, begins, at, length) {
                return Some(found);
            }
            begins = begins.after(fact.len());
        }
        None
    }
}

/// The part of `bytes`, which stand at `begins`, that stands at `at`.
fn stretch(bytes: &[u8], begins: LogOffset, at: LogOffset, length: usize) -> Option<&[u8]> {
    let from = usize::try_from(at.get().checked_sub(begins.get())?).ok()?;
    bytes.get(from..from.checked_add(length)?)
}
