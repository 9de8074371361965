//! One ticket's record at its arbiter.

use super::closed::{CLOSED_MAX, Closed, Closing, remember};
use crate::clock::Timestamp;
use crate::ids::{AdmissionId, GateId};

/// The admission that holds a ticket's current entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
pub struct Holding {
    /// Which admission.
    #[n(0)]
    pub admission: AdmissionId,
    /// At which gate.
    #[n(1)]
    pub gate: GateId,
    /// When it was claimed, by the gate's clock.
    #[n(2)]
    pub at: Timestamp,
}

/// Where a ticket stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(flat)]
pub enum ClaimState {
    /// Nobody is inside on it.
    #[n(0)]
    Free,
    /// An entry was granted; the lane has not been seen to open.
    #[n(1)]
    Claimed(#[n(0)] Holding),
    /// The holder is inside.
    #[n(2)]
    Inside(#[n(0)] Holding),
    /// Everybody is out, and no entry is left.
    #[n(3)]
    Spent,
}

/// One ticket's record: changed only by [`step`](super::step), written only by compare-and-set, never deleted.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode)]
#[cbor(map)]
pub struct TicketClaims {
    #[n(0)]
    pub(super) revision: u64,
    #[n(1)]
    pub(super) state: ClaimState,
    #[n(2)]
    pub(super) entry: u32,
    #[n(3)]
    pub(super) closed: Vec<Closed>,
}

impl Default for TicketClaims {
    fn default() -> Self {
        Self::new()
    }
}

impl TicketClaims {
    /// This record where nobody is known to be inside by it, with whoever another source says is, or was until they left: an
    /// arbiter's record may know of a step and not of the admission that its gate has uploaded since, and a new arbiter's of
    /// none. An entry that was left is used. One that was closed here stays closed.
    #[must_use]
    pub fn with_holding_of(self, known: &Self) -> Self {
        if self.holding().is_some() {
            return self;
        }
        let used = match known.holding() {
            Some(holding) => match self.closed(holding.admission) {
                None if known.entry > self.entry => {
                    return Self { state: known.state, entry: known.entry, ..self }.with_exits_of(known);
                }
                Some(Closed { closing: Closing::Withdrawn | Closing::Annulled, .. }) => known.entry.saturating_sub(1),
                None | Some(Closed { closing: Closing::Exited, .. }) => known.entry,
            },
            None => known.entry,
        };
        if used <= self.entry {
            return self;
        }
        // Not *spent*, whatever its number: a claim looks at that.
        Self { state: ClaimState::Free, entry: used, ..self }.with_exits_of(known)
    }

    /// With whoever is known to have left: the claim of one that comes later is a repetition.
    fn with_exits_of(self, known: &Self) -> Self {
        let Self { mut closed, .. } = self;
        for left in known.closed.iter().filter(|closed| closed.closing == Closing::Exited) {
            if !closed.iter().any(|known| known.admission == left.admission) {
                remember(&mut closed, *left);
            }
        }
        Self { closed, ..self }
    }

    /// This record where the admission that holds it is over, as another source says: whoever saw the holder go may have
    /// told the registrar, and asked here before the claim had come.
    #[must_use]
    pub fn with_endings_of(self, known: &Self) -> Self {
        let Some(closed) = self.holding().and_then(|holding| known.closed(holding.admission)).copied() else {
            return self;
        };
        let Self { revision, entry, closed: mut all, .. } = self;
        let entry = match closed.closing {
            Closing::Annulled => entry.saturating_sub(1),
            Closing::Exited => entry,
            // The feed tells of no withdrawal.
            Closing::Withdrawn => return Self { revision, entry, state: self.state, closed: all },
        };
        remember(&mut all, Closed { entry: self.entry, ..closed });
        // Not *spent*, whatever its number: a claim looks at that.
        Self { revision, entry, state: ClaimState::Free, closed: all }
    }

    /// The same as the next revision of itself: to be written where it says more than what stands there.
    #[must_use]
    pub fn revised(self) -> Self {
        Self { revision: self.revision.saturating_add(1), ..self }
    }

    /// The record of a ticket that nobody has claimed yet. It need not be stored.
    #[must_use]
    pub const fn new() -> Self {
        Self { revision: 0, state: ClaimState::Free, entry: 0, closed: Vec::new() }
    }

    /// Grows by one with each change: what compare-and-set compares.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// Where the ticket stands.
    #[must_use]
    pub const fn state(&self) -> &ClaimState {
        &self.state
    }

    /// Entries used so far, the current one included.
    #[must_use]
    pub const fn entry(&self) -> u32 {
        self.entry
    }

    /// The admission that holds the current entry.
    #[must_use]
    pub const fn holding(&self) -> Option<&Holding> {
        match &self.state {
            ClaimState::Claimed(holding) | ClaimState::Inside(holding) => Some(holding),
            ClaimState::Free | ClaimState::Spent => None,
        }
    }

    /// What is remembered of an admission that holds nothing any more.
    #[must_use]
    pub fn closed(&self, admission: AdmissionId) -> Option<&Closed> {
        self.closed.iter().find(|closed| closed.admission == admission)
    }
}

impl<'b, C> minicbor::Decode<'b, C> for TicketClaims {
    fn decode(decoder: &mut minicbor::Decoder<'b>, context: &mut C) -> Result<Self, minicbor::decode::Error> {
        let Stored { revision, state, entry, closed } = Stored::decode(decoder, context)?;
        let record = Self { revision, state, entry, closed };
        let held = record.holding().is_none_or(|holding| entry > 0 && record.closed(holding.admission).is_none());
        if held && record.closed.len() <= CLOSED_MAX {
            Ok(record)
        } else {
            Err(minicbor::decode::Error::message("a ticket's claims contradict themselves"))
        }
    }
}

/// The stored form, before it is known to hold together.
#[derive(minicbor::Decode)]
#[cbor(map)]
struct Stored {
    #[n(0)]
    revision: u64,
    #[n(1)]
    state: ClaimState,
    #[n(2)]
    entry: u32,
    #[n(3)]
    closed: Vec<Closed>,
}
