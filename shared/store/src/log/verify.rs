//! Reading a log from its first byte to its last before anything else is done with it.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use crate::error::{StoreError, ends_early};
use crate::frame::{self, Behind, FrameFault, FrameReader, HEADER_BYTES, ReadError};
use crate::held::HeldFolder;
use crate::limits::{MAX_BATCH_BYTES, READ_BUFFER_BYTES};
use crate::log::read::read_error;
use crate::log::{At, LOG_FILE, Log, Places};
use crate::position::{LogHead, Position, StoreIdentity};

/// A log whose every kept frame continues the chain, and what stands behind the last of them.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(crate) file: Arc<File>,
    pub(crate) places: Places,
    torn: Option<Torn>,
}

/// The tail of a batch that never became durable.
#[derive(Debug, Clone, Copy)]
struct Torn {
    bytes: u64,
    fault: FrameFault,
    behind: Behind,
}

/// Opens and verifies the log; cuts nothing yet.
///
/// What the kernel still holds of an earlier process is made durable first and then dropped from its memory, so that what is
/// verified is what the disk holds: a page that could not be written may sit in memory looking whole.
pub(crate) fn verify(folder: &Path, identity: StoreIdentity) -> Result<Verified, StoreError> {
    let reading = StoreError::fatal_io;
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(folder.join(LOG_FILE))
        .map_err(reading("opening the facts log"))?;
    file.sync_all().map_err(reading("syncing the facts log"))?;
    if rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).is_err() {
        tracing::debug!("the file system does not drop cached pages");
    }
    verify_file(Arc::new(file), identity)
}

/// Verifies a log in memory; nothing where there is none.
pub(crate) fn verify_held(held: &HeldFolder, identity: StoreIdentity) -> Result<Option<Verified>, StoreError> {
    held.log().map(|file| verify_file(file, identity)).transpose()
}

fn verify_file(file: Arc<File>, identity: StoreIdentity) -> Result<Verified, StoreError> {
    let length = file.metadata().map_err(StoreError::fatal_io("opening the facts log"))?.len();
    let mut input = BufReader::with_capacity(READ_BUFFER_BYTES, At::new(Arc::clone(&file), 0));
    let mut header = [0; HEADER_BYTES];
    input.read_exact(&mut header).map_err(ends_early(StoreError::NotALog, "reading the facts log"))?;
    let head = frame::verify_header(&header, identity)?;
    let (places, fault) = walk(FrameReader::new(input, header_end(), head))?;
    let torn = match fault {
        Some((offset, fault)) => Some(judge_tail(&file, offset, length, fault, places.head)?),
        None => None,
    };
    let bytes = length.saturating_sub(places.end);
    // Whole frames of a transaction whose last frame is missing are torn as well.
    let unfinished = Torn { bytes, fault: FrameFault::CutShort, behind: Behind::Nothing };
    let torn = torn.map(|torn| Torn { bytes, ..torn }).or_else(|| (bytes > 0).then_some(unfinished));
    Ok(Verified { file, places, torn })
}

/// Follows the frames up to the end or to the first bad one; keeps what whole transactions reach.
fn walk<R: Read>(mut reader: FrameReader<R>) -> Result<(Places, Option<(u64, FrameFault)>), StoreError> {
    let mut checkpoints = Vec::new();
    Places::note(&mut checkpoints, &reader.head(), reader.offset());
    let mut kept = (reader.offset(), reader.head());
    let fault = loop {
        match reader.next() {
            Ok(None) => break None,
            Ok(Some(frame)) => {
                Places::note(&mut checkpoints, &reader.head(), reader.offset());
                if frame.ends_transaction {
                    kept = (reader.offset(), reader.head());
                }
            }
            Err(ReadError::Fault(fault)) => break Some((reader.offset(), fault)),
            Err(error @ ReadError::Io(_)) => return Err(read_error(error, &reader)),
        }
    };
    let (end, head) = kept;
    checkpoints.retain(|checkpoint| checkpoint.offset <= end);
    Ok((Places { checkpoints, end, head }, fault))
}

/// Tells a torn tail from damage by what stands behind the bad frame.
fn judge_tail(
    file: &Arc<File>,
    offset: u64,
    length: u64,
    fault: FrameFault,
    kept: LogHead,
) -> Result<Torn, StoreError> {
    let bytes = length.saturating_sub(offset);
    let most = u64::try_from(MAX_BATCH_BYTES).unwrap_or(u64::MAX);
    let mut tail = Vec::new();
    let read = At::new(Arc::clone(file), offset).take(most.saturating_add(1)).read_to_end(&mut tail);
    read.map_err(StoreError::fatal_io("reading the facts log"))?;
    let behind = frame::look_behind(&tail, offset);
    // A torn write leaves no frame whose checksum fits; a whole one at the wrong place was put there.
    let whole = matches!(fault, FrameFault::Chain | FrameFault::Batch);
    if whole || behind == Behind::LaterBatch {
        return Err(StoreError::Damaged { offset, position: kept.next_position(), fault });
    }
    Ok(Torn { bytes, fault, behind })
}

/// Follows a log from its first byte without opening it, also beside the process that writes it; nothing is changed.
///
/// `visit` is shown each fact and the head behind it. What stands at the end of a batch that is being written, or was torn,
/// ends the way; those of its facts that were whole may have been shown, and are not counted in the head that is given. That
/// head is durable: whoever notes it down finds it again after a power cut.
///
/// # Errors
/// [`StoreError`]: no such log, somebody else's, or one that is damaged.
pub fn follow_log(
    folder: &Path,
    identity: StoreIdentity,
    mut visit: impl FnMut(&LogHead, &[u8]),
) -> Result<LogHead, StoreError> {
    let file = File::open(folder.join(LOG_FILE)).map_err(StoreError::fatal_io("opening the facts log"))?;
    let (file, mut header) = (Arc::new(file), [0; HEADER_BYTES]);
    let mut input = BufReader::with_capacity(READ_BUFFER_BYTES, At::new(Arc::clone(&file), 0));
    input.read_exact(&mut header).map_err(ends_early(StoreError::NotALog, "reading the facts log"))?;
    let mut reader = FrameReader::new(input, header_end(), frame::verify_header(&header, identity)?);
    let mut kept = reader.head();
    loop {
        match reader.next() {
            Ok(None) => return durable(&file, kept),
            Ok(Some(frame)) => {
                visit(&reader.head(), &frame.fact);
                if frame.ends_transaction {
                    kept = reader.head();
                }
            }
            Err(ReadError::Fault(fault)) => {
                let (offset, head) = (reader.offset(), reader.head());
                let length = file.metadata().map_err(StoreError::fatal_io("reading the facts log"))?.len();
                let Err(damaged) = judge_tail(&file, offset, length, fault, kept) else { return durable(&file, kept) };
                // Half of a frame may have been there when it was read, and the rest of it with a later batch when it was
                // judged. What is behind a later batch is whole, so a second look tells.
                let input = BufReader::with_capacity(READ_BUFFER_BYTES, At::new(Arc::clone(&file), offset));
                let mut again = FrameReader::new(input, offset, head);
                match again.next() {
                    Ok(Some(frame)) => {
                        visit(&again.head(), &frame.fact);
                        if frame.ends_transaction {
                            kept = again.head();
                        }
                        reader = again;
                    }
                    Ok(None) | Err(_) => return Err(damaged),
                }
            }
            Err(error @ ReadError::Io(_)) => return Err(read_error(error, &reader)),
        }
    }
}

fn durable(file: &File, head: LogHead) -> Result<LogHead, StoreError> {
    file.sync_data().map_err(StoreError::fatal_io("syncing the facts log"))?;
    Ok(head)
}

impl Verified {
    /// Bytes that will be cut off.
    pub(crate) fn torn_bytes(&self) -> u64 {
        self.torn.map_or(0, |torn| torn.bytes)
    }

    /// Cuts the torn tail off and hands the log to its writer.
    ///
    /// `entered` is how many facts the index has seen. It sees only durable ones; so if it has seen a fact that is bad now
    /// while whole frames stand behind it, the fact was not torn but damaged.
    pub(crate) fn into_log(self, entered: u64, reserve_bytes: u64) -> Result<(Log, Arc<File>, Places), StoreError> {
        let Self { file, places, torn } = self;
        if let Some(torn) = torn {
            if torn.behind == Behind::SameBatch && entered > places.head.count {
                let position = Position::new(places.head.count);
                return Err(StoreError::Damaged { offset: places.end, position, fault: torn.fault });
            }
            tracing::warn!(bytes = torn.bytes, kept = places.head.count, "cutting a torn tail off the facts log");
            file.set_len(places.end)
                .and_then(|()| file.sync_all())
                .map_err(StoreError::fatal_io("cutting a torn tail"))?;
        }
        Ok((Log::new(Arc::clone(&file), places.end, places.head, reserve_bytes), file, places))
    }
}

/// The header's length as a place in the file.
pub(crate) fn header_end() -> u64 {
    u64::try_from(HEADER_BYTES).unwrap_or(u64::MAX)
}
