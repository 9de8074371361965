//! What the index says of itself.

use crate::index::digest::Digest;
use crate::position::{ChainHash, LogHead};

/// How far the log has been entered, by which projection, and the digest of what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IndexState {
    pub(crate) projection: u32,
    pub(crate) head: LogHead,
    pub(crate) digest: Digest,
}

/// Version of this encoding and of the entries' keys; another one means a rebuild.
const LAYOUT: u8 = 1;
const ENCODED_BYTES: usize = 1 + 4 + 8 + ChainHash::BYTES + 8 + 16 + 4;

impl IndexState {
    /// The state of an index without entries for an empty log.
    pub(crate) fn empty(projection: u32, head: LogHead) -> Self {
        Self { projection, head, digest: Digest::default() }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(ENCODED_BYTES);
        out.push(LAYOUT);
        out.extend_from_slice(&self.projection.to_le_bytes());
        out.extend_from_slice(&self.head.count.to_le_bytes());
        out.extend_from_slice(self.head.hash.as_bytes());
        out.extend_from_slice(&self.digest.entries.to_le_bytes());
        out.extend_from_slice(&self.digest.sum.to_le_bytes());
        out.extend_from_slice(&crc32fast::hash(&out).to_le_bytes());
        out
    }

    /// `None` for anything else than what [`encode`](Self::encode) wrote.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (covered, crc) = bytes.split_last_chunk::<4>()?;
        if u32::from_le_bytes(*crc) != crc32fast::hash(covered) {
            return None;
        }
        let ([layout], rest) = covered.split_first_chunk::<1>()?;
        let (projection, rest) = rest.split_first_chunk::<4>()?;
        let (count, rest) = rest.split_first_chunk::<8>()?;
        let (hash, rest) = rest.split_first_chunk::<{ ChainHash::BYTES }>()?;
        let (entries, rest) = rest.split_first_chunk::<8>()?;
        let (sum, rest) = rest.split_first_chunk::<16>()?;
        (*layout == LAYOUT && rest.is_empty()).then(|| Self {
            projection: u32::from_le_bytes(*projection),
            head: LogHead { count: u64::from_le_bytes(*count), hash: ChainHash::new(*hash) },
            digest: Digest { entries: u64::from_le_bytes(*entries), sum: u128::from_le_bytes(*sum) },
        })
    }
}
