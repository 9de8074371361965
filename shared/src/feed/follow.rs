//! The rule for following: what a gate believes of a head, given what it has followed so far.

use super::chain::FollowedTo;
use super::{ChainCheck, FeedError, FeedRecord, RecordCipher, SealedRecord, VerifiedEpochCut, VerifiedHead};
use crate::ids::{Epoch, EventId, FeedSequence};

/// One follower of one event: remembers a place, and goes nowhere but forward from it.
///
/// A value, not a process: steps give back the next place, which the gate stores together with the records and only
/// then holds for true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Follower {
    event: EventId,
    position: FollowedTo,
}

/// The way from a follower's place to a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// Records followed already; the first that is needed has this number.
    pub from: u64,
    /// Records that the head counts.
    pub to: u64,
}

impl Follower {
    /// A follower that knows nothing yet.
    #[must_use]
    pub fn start(event: EventId, epoch: Epoch) -> Self {
        Self { event, position: FollowedTo::start(event, epoch) }
    }

    /// The follower that stopped at a stored place.
    #[must_use]
    pub const fn resume(event: EventId, position: FollowedTo) -> Self {
        Self { event, position }
    }

    /// Which event.
    #[must_use]
    pub const fn event(&self) -> EventId {
        self.event
    }

    /// How far.
    #[must_use]
    pub const fn position(&self) -> &FollowedTo {
        &self.position
    }

    /// Whether this head may lead on from here.
    ///
    /// A fork at a later place shows when the records arrive: their chain does not meet the head's ([`ChainCheck`]).
    ///
    /// # Errors
    /// [`FeedError::OtherEvent`]; [`FeedError::OtherEpoch`]; [`FeedError::Shortened`]; [`FeedError::Forked`] where
    /// the length is the same and the chain is not.
    pub fn accept(&self, head: &VerifiedHead) -> Result<Need, FeedError> {
        let (reaches, followed) = (head.reaches(), self.position);
        if head.head().event != self.event {
            return Err(FeedError::OtherEvent);
        }
        if reaches.epoch != followed.epoch {
            return Err(FeedError::OtherEpoch { head: reaches.epoch, followed: followed.epoch });
        }
        if reaches.length < followed.length {
            return Err(FeedError::Shortened { head: reaches.length, followed: followed.length });
        }
        if reaches.length == followed.length && reaches.chain != followed.chain {
            return Err(FeedError::Forked { length: followed.length });
        }
        Ok(Need { from: followed.length, to: reaches.length })
    }

    /// Begins the first pass towards a head.
    ///
    /// # Errors
    /// As [`Self::accept`].
    pub fn begin(&self, head: &VerifiedHead) -> Result<ChainCheck, FeedError> {
        self.accept(head)?;
        Ok(ChainCheck::between(self.event, self.position, head.reaches()))
    }

    /// Both passes at once, for the few records that a connected gate lacks: all of them are opened, or none.
    ///
    /// Gives the follower at the head and the records up to there; the caller stores both in one durable step.
    ///
    /// # Errors
    /// As [`Self::accept`], [`ChainCheck::extend`] and [`VerifiedSpan::open`](super::VerifiedSpan::open);
    /// [`FeedError::Missing`] where the head lies beyond the end of a range.
    pub fn apply(
        &self,
        head: &VerifiedHead,
        records: &[SealedRecord],
        cipher: &RecordCipher,
    ) -> Result<(Self, Vec<(FeedSequence, FeedRecord)>), FeedError> {
        let mut check = self.begin(head)?;
        if !records.is_empty() {
            check.extend(records)?;
        }
        let mut span = check.finish()?;
        let opened = if records.is_empty() { Vec::new() } else { span.open(records, cipher)? };
        Ok((Self { event: self.event, position: *span.position() }, opened))
    }

    /// The follower at the beginning of the epoch that a cut starts; what was followed before is to be forgotten.
    ///
    /// # Errors
    /// [`FeedError::OtherEvent`]; [`FeedError::CutNotForward`].
    pub fn cut(&self, cut: &VerifiedEpochCut) -> Result<Self, FeedError> {
        let cut = cut.cut();
        if cut.event != self.event {
            return Err(FeedError::OtherEvent);
        }
        if cut.epoch <= self.position.epoch {
            return Err(FeedError::CutNotForward { to: cut.epoch });
        }
        Ok(Self::start(self.event, cut.epoch))
    }
}
