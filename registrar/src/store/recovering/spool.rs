//! Records that a gate brings, until they have met the head that it has shown.

use core::time::Duration;

use kido_shared::clock::Timestamp;
use kido_shared::feed::{FollowedTo, Follower, SealedRecord, VerifiedHead, VerifiedSpan};
use kido_shared::ids::{EventId, GateId};

use crate::domain::recovery::RecoveryRefusal;

/// Most bytes of ciphertext that wait in memory: two hundred thousand records, more than any event has in a night.
const SPOOL_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How long a gate may say nothing in the middle before another one's turn comes: three times what one request takes.
const TURN: Duration = Duration::from_secs(30);

/// One gate's records on their way.
#[derive(Debug)]
pub(super) struct Spool {
    gate: GateId,
    head: VerifiedHead,
    from: FollowedTo,
    at: FollowedTo,
    records: Vec<SealedRecord>,
    bytes: usize,
    heard_at: Timestamp,
}

/// What a batch has come to.
#[derive(Debug)]
pub(super) enum Spooled {
    /// More is needed.
    More(Box<Spool>),
    /// Their chain has met the head.
    Whole(Box<Span>),
    /// They are as many as the head says, and others.
    OtherHistory,
}

/// Records whose chain leads from the log's end to a head that we signed.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) verified: VerifiedSpan,
    pub(super) records: Vec<SealedRecord>,
}

impl Spool {
    pub(super) const fn begin(gate: GateId, head: VerifiedHead, own: FollowedTo, now: Timestamp) -> Self {
        Self { gate, head, from: own, at: own, records: Vec::new(), bytes: 0, heard_at: now }
    }

    pub(super) fn is_of(&self, gate: GateId) -> bool {
        self.gate == gate
    }

    pub(super) fn is_stale(&self, now: Timestamp) -> bool {
        now.since(self.heard_at) > TURN || now < self.heard_at
    }

    /// The number of the record that comes next.
    pub(super) const fn next(&self) -> u64 {
        self.at.length
    }

    /// Takes a batch.
    ///
    /// # Errors
    /// [`RecoveryRefusal`]; then what came before is forgotten, too, and the gate begins again.
    pub(super) fn take(
        mut self,
        from: u64,
        records: Vec<SealedRecord>,
        now: Timestamp,
    ) -> Result<Spooled, RecoveryRefusal> {
        let until = self.head.reaches().length;
        let count = u64::try_from(records.len()).unwrap_or(u64::MAX);
        if from != self.at.length || count == 0 || from.saturating_add(count) > until {
            return Err(RecoveryRefusal::OtherRecords);
        }
        let bytes = records.iter().map(|record| record.as_bytes().len()).fold(0, usize::saturating_add);
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > SPOOL_BYTES_MAX {
            return Err(RecoveryRefusal::TooMany);
        }
        self.at = self.at.extend_all(&records);
        self.records.extend(records);
        self.heard_at = now;
        if self.at.length < until {
            return Ok(Spooled::More(Box::new(self)));
        }
        let event = self.head.head().event;
        Ok(self.span(event).map_or(Spooled::OtherHistory, |span| Spooled::Whole(Box::new(span))))
    }

    /// The records with the proof that their chain has met the head; nothing where it has not.
    fn span(self, event: EventId) -> Option<Span> {
        let mut check = Follower::resume(event, self.from).begin(&self.head).ok()?;
        let mut rest = self.records.as_slice();
        while let Some(need) = check.need() {
            let (next, behind) = rest.split_at_checked(usize::try_from(need.take).ok()?)?;
            check.extend(next).ok()?;
            rest = behind;
        }
        Some(Span { verified: check.finish().ok()?, records: self.records })
    }
}
