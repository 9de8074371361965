//! Telling a torn frame from a damaged one by what comes after it.

use crate::frame::{FRAME_HEADER_BYTES, FrameHeader, MARKER};
use crate::limits::MAX_BATCH_BYTES;

/// What stands behind a bad frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behind {
    /// No whole frame.
    Nothing,
    /// A whole frame of the same batch. A power cut can leave that, for the blocks of one write reach the disk in any order.
    SameBatch,
    /// A whole frame of a later batch, or more than one batch can hold: the bad frame had been durable.
    LaterBatch,
}

/// Looks through the bytes from the bad frame at `offset` to the end of the file.
pub(crate) fn look_behind(tail: &[u8], offset: u64) -> Behind {
    if tail.len() > MAX_BATCH_BYTES {
        return Behind::LaterBatch;
    }
    let mut behind = Behind::Nothing;
    for (at, window) in tail.windows(FRAME_HEADER_BYTES).enumerate().filter(|(_, window)| window.starts_with(MARKER)) {
        let Some((bytes, rest)) = window.first_chunk::<FRAME_HEADER_BYTES>().zip(tail.get(at + FRAME_HEADER_BYTES..))
        else {
            continue;
        };
        let Ok(header) = FrameHeader::parse(bytes) else {
            continue;
        };
        let Some(fact) = rest.get(..header.length) else {
            continue;
        };
        if !header.checksum_fits(bytes, fact) {
            continue;
        }
        if header.batch > offset {
            return Behind::LaterBatch;
        }
        behind = Behind::SameBatch;
    }
    behind
}
