//! A feed in a file.
//!
//! | item | what |
//! |---|---|
//! | 1 | [`FeedFileBegin`]: whose feed this is, so that a wrong file is refused by name before it is read |
//! | 2 | the root's certificate for the feed key, for a gate that has not seen this key yet |
//! | 3 | where the epoch is not the first: the root's cut that began it, for a gate that follows an earlier one |
//! | 4 | the signed head |
//! | 5 … | range 0, range 1, … as a registrar serves them; the last ends at the head's length, and nothing is behind it |
//!
//! Nothing in it is secret: ciphertext and signatures, as any cache may keep them.

use crate::ids::{Epoch, EventId};

/// What a feed file of this version begins with.
const LABEL: &str = "kido/v1/feed-file";

/// Longest first item: a label, an id and two numbers take under 60 bytes.
pub const FEED_FILE_BEGIN_BYTES_MAX: usize = 128;

/// Largest feed file: 100,000 tickets take 25 MB, and no event has forty times as many. It bounds what a gate spools of a
/// file whose end it has not seen.
pub const FEED_FILE_BYTES_MAX: u64 = 1 << 30;

/// Whose feed a file holds, and how far. Said in front and believed only where the signed head says the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedFileBegin {
    /// Which event.
    pub event: EventId,
    /// Which generation of its feed.
    pub epoch: Epoch,
    /// How many records.
    pub length: u64,
}

/// These bytes begin no feed file of this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no feed file of this version")]
pub struct NotAFeedFile;

#[derive(minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
struct Form<'b> {
    #[b(0)]
    label: &'b str,
    #[n(1)]
    event: EventId,
    #[n(2)]
    epoch: Epoch,
    #[n(3)]
    length: u64,
}

impl FeedFileBegin {
    /// Whether the root's cut stands before the head.
    #[must_use]
    pub fn carries_cut(&self) -> bool {
        self.epoch != Epoch::FIRST
    }

    /// The item.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let Self { event, epoch, length } = *self;
        // Writing to memory does not fail; an empty item would be refused by whoever reads it.
        minicbor::to_vec(Form { label: LABEL, event, epoch, length }).unwrap_or_default()
    }

    /// Reads the item in the one form that it is written in.
    ///
    /// # Errors
    /// [`NotAFeedFile`].
    pub fn decode(item: &[u8]) -> Result<Self, NotAFeedFile> {
        let Form { label, event, epoch, length } = minicbor::decode(item).map_err(|_no_detail| NotAFeedFile)?;
        let begin = Self { event, epoch, length };
        if label == LABEL && begin.encode() == item { Ok(begin) } else { Err(NotAFeedFile) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_has_one_form() {
        let begin = FeedFileBegin { event: EventId::from_bytes([7; 16]), epoch: Epoch::FIRST, length: 1_500 };
        let item = begin.encode();
        assert!(item.len() <= FEED_FILE_BEGIN_BYTES_MAX);
        assert_eq!(FeedFileBegin::decode(&item), Ok(begin));
        for at in 0..item.len() {
            assert_eq!(FeedFileBegin::decode(&item[..at]), Err(NotAFeedFile), "cut at {at}");
        }
        assert_eq!(FeedFileBegin::decode(&[item.as_slice(), &[0]].concat()), Err(NotAFeedFile));
    }
}
