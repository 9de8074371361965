//! From a place to a verified head in two passes and bounded memory.

use super::chain::{Chain, FollowedTo};
use super::range::RangeNeed;
use super::{FeedError, FeedRecord, RecordCipher, SealedRecord};
use crate::ids::{EventId, FeedSequence};

/// The first pass: hashes records, range by range, until the chain meets a verified head.
///
/// Gives nothing away before that. It keeps one chain value per range and no record, 32 bytes per 1,024; the gate
/// spools the ranges meanwhile, and throws the spool away where this ends in an error.
#[derive(Debug)]
pub struct ChainCheck {
    event: EventId,
    from: FollowedTo,
    at: FollowedTo,
    head: FollowedTo,
    /// The chain behind each range so far, which the second pass must meet again.
    behind: Vec<Chain>,
}

impl ChainCheck {
    /// The caller has compared the two places ([`Follower::begin`](super::Follower::begin)).
    pub(super) const fn between(event: EventId, from: FollowedTo, head: FollowedTo) -> Self {
        Self { event, from, at: from, head, behind: Vec::new() }
    }

    /// What comes next; nothing where the head's length is reached.
    #[must_use]
    pub fn need(&self) -> Option<RangeNeed> {
        RangeNeed::between(&self.at, self.head.length)
    }

    /// Takes exactly the records of [`Self::need`].
    ///
    /// # Errors
    /// [`FeedError::RangeLength`] where they are others or none are needed; [`FeedError::Forked`] where they are the
    /// last and do not lead to the head.
    pub fn extend(&mut self, records: &[SealedRecord]) -> Result<(), FeedError> {
        let reached = step(&self.at, self.head.length, records)?;
        if reached.length == self.head.length && reached.chain != self.head.chain {
            return Err(FeedError::Forked { length: reached.length });
        }
        self.at = reached;
        self.behind.push(reached.chain);
        Ok(())
    }

    /// The proof that the chain has met the head.
    ///
    /// # Errors
    /// [`FeedError::Missing`] before that.
    pub fn finish(self) -> Result<VerifiedSpan, FeedError> {
        if self.at != self.head {
            return Err(FeedError::Missing { missing: self.head.length.saturating_sub(self.at.length) });
        }
        Ok(VerifiedSpan { event: self.event, at: self.from, head: self.head, behind: self.behind.into_iter() })
    }
}

/// The second pass: records whose chain is known to lead to a verified head, opened range by range.
///
/// Made by [`ChainCheck::finish`] alone. Where a spool was damaged in between, the chain behind that range is missed
/// and nothing of it is opened.
#[derive(Debug)]
pub struct VerifiedSpan {
    event: EventId,
    at: FollowedTo,
    head: FollowedTo,
    behind: std::vec::IntoIter<Chain>,
}

impl VerifiedSpan {
    /// How far the records have been opened: what is stored with them.
    #[must_use]
    pub const fn position(&self) -> &FollowedTo {
        &self.at
    }

    /// What comes next; nothing where the head is reached.
    #[must_use]
    pub fn need(&self) -> Option<RangeNeed> {
        RangeNeed::between(&self.at, self.head.length)
    }

    /// Opens exactly the records of [`Self::need`]: all of them, or none.
    ///
    /// They and [`Self::position`] afterwards are one durable step of the gate.
    ///
    /// # Errors
    /// [`FeedError::RangeLength`] or [`FeedError::Forked`] where they are not the records of the first pass;
    /// [`FeedError::OtherEvent`] or [`FeedError::OtherEpoch`] where the cipher is for another feed; and whatever is
    /// wrong with a record, [`FeedError::UnknownCritical`] included. The span stays where it was.
    pub fn open(
        &mut self,
        records: &[SealedRecord],
        cipher: &RecordCipher,
    ) -> Result<Vec<(FeedSequence, FeedRecord)>, FeedError> {
        if cipher.event() != self.event {
            return Err(FeedError::OtherEvent);
        }
        if cipher.epoch() != self.at.epoch {
            return Err(FeedError::OtherEpoch { head: self.at.epoch, followed: cipher.epoch() });
        }
        let reached = step(&self.at, self.head.length, records)?;
        if self.behind.as_slice().first() != Some(&reached.chain) {
            return Err(FeedError::Forked { length: reached.length });
        }
        let numbers = (self.at.length..reached.length).map(FeedSequence::new);
        let open = |(at, sealed)| {
            let record = cipher.open(at, sealed)?;
            record.must_be_understood()?;
            Ok((at, record))
        };
        let opened = numbers.zip(records).map(open).collect::<Result<Vec<_>, FeedError>>()?;
        self.at = reached;
        self.behind.next();
        Ok(opened)
    }
}

fn step(at: &FollowedTo, length: u64, records: &[SealedRecord]) -> Result<FollowedTo, FeedError> {
    let wanted = RangeNeed::between(at, length).map_or(0, |need| need.take);
    let got = u64::try_from(records.len()).unwrap_or(u64::MAX);
    if got != wanted || got == 0 {
        return Err(FeedError::RangeLength { wanted, got });
    }
    Ok(at.extend_all(records))
}
