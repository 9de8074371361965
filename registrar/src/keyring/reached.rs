//! How far each event's feed was ever signed: what a restored registrar learns first that it has lost something.
//!
//! It lies here and not beside the events because the keyring is in no backup of them: an event's folder that comes back
//! from a backup meets the mark of what had been signed, and is shorter.
//!
//! The mark runs behind the feed by at most [`MARK_RECORDS`] or [`MARK_EVERY`] while somebody asks for heads, and never
//! before it: it is written after the records are durable, so a start after a power cut finds its log at least as long.
//! What it does not notice the gates do, whose heads are exact.

use core::time::Duration;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use kido_shared::clock::Timestamp;
use kido_shared::error_chain::Chain;
use kido_shared::feed::FollowedTo;
use kido_shared::ids::{EventId, GateId};

use super::{Keyring, KeyringError, REACHED, files};
use crate::domain::gate::GATES_MAX;

/// Records that may be signed before the mark is written anew: a file and two fdatasync for each head would cost more
/// than the heads.
const MARK_RECORDS: u64 = 256;

/// How old a mark may be while the feed grows: no backup is younger than that.
const MARK_EVERY: Duration = Duration::from_secs(1);

/// Longest mark: the place and the moments, and every gate that an event may have, by its id.
const MARK_BYTES_MAX: u64 = 256 + 24 * GATES_MAX as u64;

/// Gates whose journals are still to be asked for, once they come back.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Unheard {
    /// When the recovery began that went on without them.
    #[n(0)]
    pub since: Timestamp,
    /// Which.
    #[n(1)]
    pub gates: Vec<GateId>,
}

/// What is kept of one event.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Reached {
    /// The place that a head was signed for.
    #[n(0)]
    pub to: FollowedTo,
    /// Since when the event is got back from its gates; nothing on every other day.
    #[n(1)]
    pub recovering: Option<Timestamp>,
    /// When the last recovery ended. Heads from before that speak of a history that was given up in part.
    #[n(2)]
    pub recovered_at: Option<Timestamp>,
    /// Who was left out of that recovery: what such a gate has let in may be known to nobody else.
    #[n(3)]
    pub unheard: Option<Unheard>,
    /// Whether no record is waited for, but journals alone: the feed was cut.
    #[n(4)]
    pub records_given_up: Option<bool>,
}

/// One event's mark.
#[derive(Debug)]
pub struct ReachedMark {
    event: EventId,
    /// Nothing for a store in memory.
    path: Option<PathBuf>,
    /// Never held while the disk is waited for: whoever asks for a head looks here.
    known: Mutex<Known>,
    /// One writer at a time.
    writing: Mutex<()>,
}

#[derive(Debug, Clone, Default)]
struct Known {
    kept: Option<Reached>,
    written_at: Option<Timestamp>,
    #[cfg(test)]
    written_by: Option<std::thread::ThreadId>,
}

impl Known {
    fn is_due(&self, to: &FollowedTo, now: Timestamp) -> bool {
        let old = self.written_at.is_none_or(|at| now.since(at) >= MARK_EVERY || now < at);
        match self.kept.as_ref().map(|kept| &kept.to) {
            Some(kept) if (kept.epoch, kept.length) >= (to.epoch, to.length) => false,
            Some(kept) if kept.epoch == to.epoch => old || kept.length.saturating_add(MARK_RECORDS) <= to.length,
            Some(_) | None => true,
        }
    }
}

impl Keyring {
    /// The mark of an event.
    ///
    /// # Errors
    /// [`KeyringError`], where there is one that does not read.
    pub fn reached(&self, event: EventId) -> Result<ReachedMark, KeyringError> {
        let path = self.event_file(REACHED, event);
        let kept = if path.exists() {
            let bytes = files::read_up_to(&path, MARK_BYTES_MAX)?;
            Some(minicbor::decode(&bytes).map_err(|_no_detail| KeyringError::Content(path.clone()))?)
        } else {
            None
        };
        let known = Mutex::new(Known { kept, ..Known::default() });
        Ok(ReachedMark { event, path: Some(path), known, writing: Mutex::default() })
    }

    /// What is kept of each event that was not deleted, in the order of their ids.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub fn marks(&self) -> Result<Vec<(EventId, Reached)>, KeyringError> {
        let (mut marks, folder) = (Vec::new(), self.folder.join(REACHED));
        // A keyring of an earlier version has none.
        let names = if folder.exists() { files::names(&folder)? } else { Vec::new() };
        for name in names {
            let Ok(event) = name.parse() else { continue };
            if !self.is_forgotten(event) {
                marks.extend(self.reached(event)?.kept().map(|kept| (event, kept)));
            }
        }
        marks.sort_unstable_by_key(|(event, _kept)| *event);
        Ok(marks)
    }

    /// Removes the mark of an event that is deleted.
    ///
    /// # Errors
    /// [`KeyringError::File`].
    pub fn forget_reached(&self, event: EventId) -> Result<(), KeyringError> {
        files::shred(&self.event_file(REACHED, event))
    }
}

impl ReachedMark {
    /// One that is kept in no file, for stores in memory: what was kept until now comes from whoever holds them.
    #[must_use]
    pub fn held(event: EventId, kept: Option<Reached>) -> Self {
        let known = Mutex::new(Known { kept, ..Known::default() });
        Self { event, path: None, known, writing: Mutex::default() }
    }

    /// What is kept.
    #[must_use]
    pub fn kept(&self) -> Option<Reached> {
        self.known().kept.clone()
    }

    /// Whether [`Self::note`] would write, and nobody else is writing. Waits for no disk.
    #[must_use]
    pub fn is_due(&self, to: &FollowedTo, now: Timestamp) -> bool {
        self.known().is_due(to, now) && !matches!(self.writing.try_lock(), Err(TryLockError::WouldBlock))
    }

    /// A head is about to be signed for this place. Writes it down where the mark is too far behind or too old; a mark
    /// that cannot be written keeps no head back, since the gates notice, too. For a thread that may wait for the disk.
    pub fn note(&self, to: FollowedTo, now: Timestamp) {
        let _writing = self.writing();
        let next = {
            let mut known = self.known();
            if !known.is_due(&to, now) {
                return;
            }
            known.written_at = Some(now);
            let first = Reached { to, recovering: None, recovered_at: None, unheard: None, records_given_up: None };
            Reached { to, ..known.kept.clone().unwrap_or(first) }
        };
        match self.write(&next) {
            Ok(()) => self.known().kept = Some(next),
            Err(error) => {
                let event = self.event;
                tracing::error!(%event, error = %Chain(&error), "how far the feed was signed could not be kept");
            }
        }
    }

    /// Keeps that; durable on return.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub fn keep(&self, reached: Reached) -> Result<(), KeyringError> {
        let _writing = self.writing();
        self.write(&reached)?;
        self.known().kept = Some(reached);
        Ok(())
    }

    /// Since when the journal of a gate is owed that a recovery went on without; nothing of any other gate.
    #[must_use]
    pub fn owed_since(&self, gate: GateId) -> Option<Timestamp> {
        let known = self.known();
        let unheard = known.kept.as_ref().and_then(|kept| kept.unheard.as_ref());
        unheard.filter(|unheard| unheard.gates.contains(&gate)).map(|unheard| unheard.since)
    }

    /// A gate has brought the journal that it owed since then; durable on return.
    ///
    /// # Errors
    /// [`KeyringError`]; then it is asked once more.
    pub fn heard(&self, gate: GateId, since: Timestamp) -> Result<(), KeyringError> {
        let _writing = self.writing();
        if self.owed_since(gate) != Some(since) {
            return Ok(());
        }
        let Some(kept) = self.kept() else { return Ok(()) };
        let unheard = kept.unheard.map(|unheard| Unheard {
            gates: unheard.gates.into_iter().filter(|left| *left != gate).collect(),
            ..unheard
        });
        let next = Reached { unheard: unheard.filter(|unheard| !unheard.gates.is_empty()), ..kept };
        self.write(&next)?;
        self.known().kept = Some(next);
        Ok(())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writing(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread that has written last.
    #[cfg(test)]
    pub(crate) fn written_by(&self) -> Option<std::thread::ThreadId> {
        self.known().written_by
    }

    fn write(&self, reached: &Reached) -> Result<(), KeyringError> {
        #[cfg(test)]
        {
            self.known().written_by = Some(std::thread::current().id());
        }
        let Some(path) = &self.path else { return Ok(()) };
        let bytes = minicbor::to_vec(reached).map_err(|_infallible| KeyringError::Content(path.clone()))?;
        if let Some(folder) = path.parent().filter(|folder| !folder.is_dir()) {
            files::create_folder(folder)?;
        }
        files::replace(path, &bytes)
    }
}

#[cfg(test)]
mod tests {
    use kido_shared::feed::Chain;
    use kido_shared::ids::Epoch;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
    const EVENT: EventId = EventId::from_bytes([1; 16]);

    fn to(length: u64) -> FollowedTo {
        FollowedTo { epoch: Epoch::FIRST, length, chain: Chain::from_bytes([7; 32]) }
    }

    fn ms(ms: u64) -> Timestamp {
        NOW.after(Duration::from_millis(ms))
    }

    #[test]
    fn a_mark_is_written_once_a_second_or_when_the_feed_has_run_far_ahead() {
        let mark = ReachedMark::held(EVENT, None);
        let kept = || mark.kept().map(|kept| kept.to.length);
        let rows = [
            (0, 5, 5, "the first"),
            (10, 6, 5, "a moment later"),
            (20, 5 + MARK_RECORDS, 5 + MARK_RECORDS, "far ahead"),
            (30, 6 + MARK_RECORDS, 5 + MARK_RECORDS, "a moment later again"),
            (1_020, 6 + MARK_RECORDS, 6 + MARK_RECORDS, "a second later"),
        ];
        for (at, length, expected, what) in rows {
            mark.note(to(length), ms(at));
            assert_eq!(kept(), Some(expected), "{what}");
        }
    }

    #[test]
    fn what_ended_a_recovery_is_remembered_beside_later_marks() {
        let mark = ReachedMark::held(EVENT, None);
        let unheard = Some(Unheard { since: NOW, gates: vec![GateId::from_bytes([2; 16])] });
        let kept = |length| Reached {
            to: to(length),
            recovering: None,
            recovered_at: Some(NOW),
            unheard: unheard.clone(),
            records_given_up: None,
        };
        mark.keep(kept(5)).unwrap();
        mark.note(to(6), ms(2_000));
        assert_eq!(mark.kept(), Some(kept(6)));
    }

    #[test]
    fn a_late_word_of_an_epoch_that_ended_is_not_kept() {
        let mark = ReachedMark::held(EVENT, None);
        let cut = FollowedTo { epoch: Epoch::new(5), ..to(3) };
        mark.note(cut, NOW);
        mark.note(to(900), ms(5_000));
        assert_eq!(mark.kept().map(|kept| kept.to), Some(cut));
    }

    #[test]
    fn whoever_asks_waits_for_no_writer() {
        let mark = ReachedMark::held(EVENT, None);
        assert!(mark.is_due(&to(5), NOW));
        let writing = mark.writing();
        assert!(!mark.is_due(&to(5), NOW), "somebody is at it");
        assert_eq!((mark.kept(), mark.owed_since(GateId::from_bytes([1; 16]))), (None, None));
        drop(writing);
        mark.note(to(5), NOW);
        assert!(!mark.is_due(&to(5), ms(2_000)));
    }

    #[test]
    fn a_mark_with_every_gate_that_an_event_may_have_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let (path, root) = (folder.path().join("keyring"), folder.path().join("root.key"));
        let mut random = <rand::rngs::StdRng as rand::SeedableRng>::seed_from_u64(1);
        let keyring = Keyring::create(&path, &root, NOW, &mut random).unwrap();
        let gate = |number: usize| GateId::from_bytes(u128::try_from(number).unwrap().to_be_bytes());
        let gates: Vec<GateId> = (0..GATES_MAX).map(gate).collect();
        let unheard = Some(Unheard { since: NOW, gates });
        let reached = Reached {
            to: to(u64::MAX),
            recovering: Some(NOW),
            recovered_at: Some(NOW),
            unheard,
            records_given_up: Some(true),
        };
        keyring.reached(EVENT).unwrap().keep(reached.clone()).unwrap();
        let mark = keyring.reached(EVENT).unwrap();
        assert_eq!(mark.kept(), Some(reached));
        mark.heard(gate(7), NOW.after(MARK_EVERY)).unwrap();
        assert_eq!(mark.owed_since(gate(7)), Some(NOW), "another recovery's");
        mark.heard(gate(7), NOW).unwrap();
        assert_eq!((mark.owed_since(gate(7)), mark.owed_since(gate(8))), (None, Some(NOW)));
        let again = keyring.reached(EVENT).unwrap();
        assert_eq!(again.owed_since(gate(7)), None);
    }
}
