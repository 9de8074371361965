//! Getting an event back from its gates, after a registrar was restored from a backup (`protocol.md` §6).
//!
//! ```text
//! a head that we signed is ahead of our log ─▶ Records ── every gate's records are here ─▶ Admissions ── every journal, too ─▶ over
//!                                              nothing of the event changes                nobody's claim is answered
//! ```
//!
//! **Why nothing changes before all records are here**: a new record would take a number that another one has, under the
//! same key and nonce, and every gate that knows the other one would refuse this registrar for ever.
//!
//! **Why no claim is answered before all journals are here**: what was granted since the backup, only gates know.
//!
//! Pure: who shows what is an input, what to ask for and whether it is over are answers. Nothing here is believed for a
//! gate's word: whoever calls has verified the head that a gate shows.

use std::collections::{BTreeMap, BTreeSet};

use kido_shared::clock::Timestamp;
use kido_shared::feed::{FollowedTo, VerifiedHead};
use kido_shared::ids::{Epoch, GateId};
use kido_shared::wire::v1::recovery::RecoveryWish;

/// Why what a gate brings is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecoveryRefusal {
    /// The event lacks nothing.
    #[error("nothing of this event is missing")]
    NotRecovering,
    /// The head is not to be believed.
    #[error("this head was not signed for this event by this registrar")]
    Head,
    /// Records are no range of records.
    #[error("these are no records of a feed")]
    Range,
    /// They are not the ones that were asked for.
    #[error("other records were asked for")]
    OtherRecords,
    /// They do not lead from what is here to the head that the gate has shown.
    #[error("these records do not lead from what is here to the head that was shown")]
    DoNotFollow,
    /// More than is held in memory until a head is met.
    #[error("more is missing than is taken from gates")]
    TooMany,
    /// Journals are not asked for yet, or no longer for that recovery.
    #[error("no journal was asked for")]
    NoJournalAsked,
    /// No gate of the event has this id, or it was revoked.
    #[error("no such gate is waited for")]
    UnknownGate,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Records of the feed.
    Records,
    /// What was let in since the backup.
    Admissions,
}

/// What a gate has brought, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brought {
    /// Nothing yet.
    Nothing,
    /// Records that do not follow on ours, under a head that we signed.
    OtherHistory,
    /// Its records, or it had none that were missing.
    Records,
    /// Its journal, too.
    Everything,
    /// An operator goes on without it.
    LeftOut,
}

/// One gate's part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Part {
    /// How far the head reaches that it has shown.
    shown: Option<u64>,
    /// Whether its records were refused.
    apart: bool,
    /// Whether its journal is here.
    delivered: bool,
    left_out: bool,
}

/// One event that is being got back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    since: Timestamp,
    /// The furthest place that we are known to have signed.
    signed: FollowedTo,
    /// Whether what no gate brings is given up.
    gives_up: bool,
    /// Whether the records are all here: it never becomes untrue, since the feed grows again from then on.
    has_records: bool,
    /// Whether it stands behind a cut, where no record is waited for.
    is_after_cut: bool,
    parts: BTreeMap<GateId, Part>,
}

/// Whether a place that was signed says that a log which reaches `own` has lost something.
#[must_use]
pub fn lacks(own: &FollowedTo, signed: &FollowedTo) -> bool {
    own.epoch < signed.epoch
        || (own.epoch == signed.epoch
            && (own.length < signed.length || (own.length == signed.length && own.chain != signed.chain)))
}

/// Whether a head that a gate shows begins a recovery: it is ahead of the log, and younger than the last recovery.
///
/// Older ones speak of a history that an operator has given up in part; their gates are enrolled anew.
#[must_use]
pub fn begins(own: &FollowedTo, head: &VerifiedHead, recovered_at: Option<Timestamp>) -> bool {
    let reaches = head.reaches();
    let ahead = (own.epoch, own.length) < (reaches.epoch, reaches.length);
    ahead && recovered_at.is_none_or(|ended| head.head().issued_at > ended)
}

impl Recovery {
    /// Begins, or goes on after a restart.
    #[must_use]
    pub const fn begin(since: Timestamp, signed: FollowedTo) -> Self {
        Self { since, signed, gives_up: false, has_records: false, is_after_cut: false, parts: BTreeMap::new() }
    }

    /// Begins behind a cut: what was said before it is given up, and what was let in is still to be brought by journals.
    #[must_use]
    pub const fn after_cut(since: Timestamp, own: FollowedTo) -> Self {
        Self { since, signed: own, gives_up: false, has_records: true, is_after_cut: true, parts: BTreeMap::new() }
    }

    /// Whether no record is waited for: a gate that knows of more all the same shows that the log is older than the cut's
    /// end, and gets another recovery begun.
    #[must_use]
    pub const fn is_after_cut(&self) -> bool {
        self.is_after_cut
    }

    /// When it began.
    #[must_use]
    pub const fn since(&self) -> Timestamp {
        self.since
    }

    /// The furthest place that we are known to have signed.
    #[must_use]
    pub const fn signed(&self) -> &FollowedTo {
        &self.signed
    }

    /// A gate shows the head that it has reached; one that has reached none shows nothing. `own` is the epoch that we tell.
    ///
    /// One that has reached none of this epoch has nothing to bring to it. One that is in a later epoch knows of a cut that
    /// we have lost: its records do not follow on ours, and only another cut helps.
    pub fn shown(&mut self, gate: GateId, head: Option<&FollowedTo>, own: Epoch) {
        let head = head.filter(|head| head.epoch >= own);
        let part = self.parts.entry(gate).or_default();
        part.shown = Some(head.map_or(0, |head| head.length));
        part.apart |= head.is_some_and(|head| head.epoch > own);
        let signed = (self.signed.epoch, self.signed.length);
        if let Some(head) = head.filter(|head| (head.epoch, head.length) > signed) {
            self.signed = *head;
        }
    }

    /// A gate's records do not follow on ours. Says whether that is news.
    ///
    /// Which history holds, no program can know: both carry our signature. Ours stays, since registrations and answers
    /// were given on it after the backup; the gate is left out by a person, and enrolled anew.
    pub fn apart(&mut self, gate: GateId) -> bool {
        !core::mem::replace(&mut self.parts.entry(gate).or_default().apart, true)
    }

    /// A gate has uploaded everything that its journal held.
    ///
    /// # Errors
    /// [`RecoveryRefusal::NoJournalAsked`].
    pub fn delivered(&mut self, gate: GateId, since: Timestamp) -> Result<(), RecoveryRefusal> {
        if !self.has_records || since != self.since {
            return Err(RecoveryRefusal::NoJournalAsked);
        }
        self.parts.entry(gate).or_default().delivered = true;
        Ok(())
    }

    /// Goes on without these gates, and without what none brings.
    pub fn go_on_without(&mut self, gates: &[GateId], lost_records: bool) {
        for gate in gates {
            self.parts.entry(*gate).or_default().left_out = true;
        }
        self.gives_up |= lost_records;
    }

    /// Those of these gates that an operator goes on without, and whose journals are not here.
    #[must_use]
    pub fn left_out(&self, gates: &BTreeSet<GateId>) -> Vec<GateId> {
        let is_owed = |gate: &GateId| matches!(self.part(*gate), Part { left_out: true, delivered: false, .. });
        gates.iter().copied().filter(is_owed).collect()
    }

    /// What is waited for, with these gates in force; nothing once it is over.
    pub fn stage(&mut self, own: &FollowedTo, gates: &BTreeSet<GateId>) -> Option<Stage> {
        let parts = || gates.iter().map(|gate| self.part(*gate)).filter(|part| !part.left_out);
        let all_shown = parts().all(|part| part.shown.is_some_and(|shown| shown <= own.length));
        self.has_records |= all_shown && (self.gives_up || !lacks(own, &self.signed));
        if !self.has_records {
            return Some(Stage::Records);
        }
        let waits = gates.iter().map(|gate| self.part(*gate)).any(|part| !part.left_out && !part.delivered);
        waits.then_some(Stage::Admissions)
    }

    /// What a gate is asked for next.
    #[must_use]
    pub fn wish(&self, gate: GateId, stage: Option<Stage>, next: u64) -> RecoveryWish {
        let part = self.part(gate);
        match stage {
            _ if part.left_out || part.apart => RecoveryWish::Nothing,
            None => RecoveryWish::Nothing,
            Some(Stage::Records) => match part.shown {
                None => RecoveryWish::Head,
                Some(shown) if shown > next => RecoveryWish::Records { from: next },
                Some(_has_none_that_is_missing) => RecoveryWish::Nothing,
            },
            Some(Stage::Admissions) if part.delivered => RecoveryWish::Nothing,
            Some(Stage::Admissions) => RecoveryWish::Journal { since: self.since },
        }
    }

    /// What a gate has brought, for people.
    #[must_use]
    pub fn brought(&self, gate: GateId, own: &FollowedTo) -> Brought {
        match self.part(gate) {
            Part { left_out: true, .. } => Brought::LeftOut,
            Part { delivered: true, .. } => Brought::Everything,
            Part { apart: true, .. } => Brought::OtherHistory,
            Part { shown: Some(shown), .. } if shown <= own.length => Brought::Records,
            Part { .. } => Brought::Nothing,
        }
    }

    fn part(&self, gate: GateId) -> Part {
        self.parts.get(&gate).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
