//! The facts log: the truth, in one file that only grows.

mod create;
mod read;
mod verify;
mod view;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use tokio::time::Instant;

use crate::error::{StoreError, is_disk_full};
use crate::frame;
use crate::held::HeldFolder;
use crate::limits::{FACTS_PER_CHECKPOINT, MAX_TRANSACTION_BYTES};
use crate::position::{ChainHash, LogHead};
use crate::sync_times;

pub(crate) use create::{LOG_FILE, create, create_folder, create_held, empty_head, install, sync_folder};
pub use read::Facts;
pub(crate) use read::{At, read_at, read_error};
pub use verify::follow_log;
pub(crate) use verify::{Verified, header_end, verify, verify_held};
pub(crate) use view::LogView;

/// A place from which reading may start: before fact `index * FACTS_PER_CHECKPOINT`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Checkpoint {
    pub(crate) offset: u64,
    pub(crate) hash: ChainHash,
}

/// The durable part of the log as readers see it.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    pub(crate) checkpoints: Vec<Checkpoint>,
    pub(crate) end: u64,
    pub(crate) head: LogHead,
}

impl Places {
    /// The last place to start from for reading fact `number`, and the head there.
    pub(crate) fn before(&self, number: u64) -> Option<(u64, LogHead)> {
        let index = number.checked_div(FACTS_PER_CHECKPOINT)?;
        let checkpoint = self.checkpoints.get(usize::try_from(index).ok()?)?;
        Some((checkpoint.offset, LogHead { count: index.checked_mul(FACTS_PER_CHECKPOINT)?, hash: checkpoint.hash }))
    }

    /// Remembers the place of the next fact if it is one to remember.
    pub(crate) fn note(checkpoints: &mut Vec<Checkpoint>, head: &LogHead, offset: u64) {
        if head.count.is_multiple_of(FACTS_PER_CHECKPOINT) {
            checkpoints.push(Checkpoint { offset, hash: head.hash });
        }
    }
}

/// The writer's end of the log.
#[derive(Debug)]
pub(crate) struct Log {
    file: Arc<File>,
    end: u64,
    head: LogHead,
    reserve_bytes: u64,
    /// The folder in memory that it lies in, where it lies in one: its power can be cut.
    held: Option<HeldFolder>,
}

/// Frames that will be written and synced together.
#[derive(Debug)]
pub(crate) struct Batch {
    start: u64,
    bytes: Vec<u8>,
    pub(crate) head: LogHead,
    pub(crate) checkpoints: Vec<Checkpoint>,
}

impl Batch {
    pub(crate) const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) const fn is_full(&self) -> bool {
        self.bytes.len() >= MAX_TRANSACTION_BYTES
    }

    /// Where the log will end with this batch.
    pub(crate) fn end(&self) -> u64 {
        self.start.saturating_add(u64::try_from(self.bytes.len()).unwrap_or(u64::MAX))
    }

    /// Adds the facts of one transaction. Their lengths were looked at when they were appended to it.
    pub(crate) fn push_transaction(&mut self, facts: &[Vec<u8>]) -> Result<(), StoreError> {
        let mut rest = facts.iter().peekable();
        while let Some(fact) = rest.next() {
            frame::encode(&mut self.bytes, &mut self.head, self.start, rest.peek().is_none(), fact)?;
            let end = self.end();
            Places::note(&mut self.checkpoints, &self.head, end);
        }
        Ok(())
    }
}

impl Log {
    pub(crate) const fn new(file: Arc<File>, end: u64, head: LogHead, reserve_bytes: u64) -> Self {
        Self { file, end, head, reserve_bytes, held: None }
    }

    /// The same log, in a folder in memory.
    pub(crate) fn in_memory(self, held: &HeldFolder) -> Self {
        Self { held: Some(held.clone()), ..self }
    }

    pub(crate) const fn head(&self) -> LogHead {
        self.head
    }

    pub(crate) const fn begin(&self) -> Batch {
        Batch { start: self.end, bytes: Vec::new(), head: self.head, checkpoints: Vec::new() }
    }

    /// The log with the frames of a batch that waits to be written.
    pub(crate) fn with<'a>(&'a self, batch: &'a Batch) -> LogView<'a> {
        LogView::durable(&self.file, self.end).with_batch(&batch.bytes)
    }

    /// Writes a batch and returns once it is durable.
    ///
    /// A full disk is told before anything counts: the partial write is cut off again and the log goes on. A failed sync is final. The
    /// kernel may have dropped the dirty pages and marked them clean, so that a second sync would succeed over data that is gone.
    pub(crate) fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.require_space(batch)?;
        self.write(batch)
    }

    fn write(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.keep_power(batch)?;
        if let Err(error) = self.file.write_all_at(&batch.bytes, self.end) {
            return Err(self.give_up(error));
        }
        let began = Instant::now();
        self.file.sync_data().map_err(StoreError::fatal_io("syncing the facts log"))?;
        sync_times::note(began.elapsed());
        self.end = batch.end();
        self.head = batch.head;
        Ok(())
    }

    /// Writes as much as the power lasts for, where it was to be cut at this write.
    fn keep_power(&self, batch: &Batch) -> Result<(), StoreError> {
        let writing = || StoreError::fatal_io("writing the facts log");
        let Some(bytes) = self.held.as_ref().and_then(HeldFolder::take_cut) else { return Ok(()) };
        let written = batch.bytes.get(..bytes).unwrap_or(&batch.bytes);
        self.file.write_all_at(written, self.end).map_err(writing())?;
        Err(writing()(std::io::Error::other("the power is cut")))
    }

    /// Refuses a batch that would use up what is kept free for the index.
    fn require_space(&self, batch: &Batch) -> Result<(), StoreError> {
        if self.held.is_some() {
            return Ok(());
        }
        let space = rustix::fs::fstatvfs(&*self.file)
            .map_err(|error| StoreError::fatal_io("asking for free space")(error.into()))?;
        let free = space.f_bavail.saturating_mul(space.f_frsize);
        let wanted = u64::try_from(batch.bytes.len()).unwrap_or(u64::MAX).saturating_add(self.reserve_bytes);
        if free < wanted { Err(StoreError::DiskFull) } else { Ok(()) }
    }

    /// After a failed write: back to the durable end, if only room was missing and the disk still obeys.
    fn give_up(&self, error: std::io::Error) -> StoreError {
        if !is_disk_full(&error) {
            return StoreError::fatal_io("writing the facts log")(error);
        }
        let back = self.file.set_len(self.end).and_then(|()| self.file.sync_data());
        match back {
            Ok(()) => StoreError::DiskFull,
            Err(error) => StoreError::fatal_io("cutting an unfinished batch off")(error),
        }
    }
}

#[cfg(test)]
mod tests;
