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
use std::sync::{Mutex, PoisonError};

use kido_shared::clock::Timestamp;
use kido_shared::error_chain::Chain;
use kido_shared::feed::FollowedTo;
use kido_shared::ids::EventId;

use super::{Keyring, KeyringError, REACHED, files};

/// Records that may be signed before the mark is written anew: a file and two fdatasync for each head would cost more
/// than the heads.
const MARK_RECORDS: u64 = 256;

/// How old a mark may be while the feed grows: no backup is younger than that.
const MARK_EVERY: Duration = Duration::from_secs(1);

/// Longest mark.
const MARK_BYTES_MAX: u64 = 256;

/// What is kept of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
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
    /// Whether no record is waited for, but journals alone: the feed was cut.
    #[n(3)]
    pub records_given_up: Option<bool>,
}

/// One event's mark.
#[derive(Debug)]
pub struct ReachedMark {
    event: EventId,
    /// Nothing for a store in memory.
    path: Option<PathBuf>,
    known: Mutex<Known>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Known {
    kept: Option<Reached>,
    written_at: Option<Timestamp>,
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
        let known = Mutex::new(Known { kept, written_at: None });
        Ok(ReachedMark { event, path: Some(path), known })
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
    /// One that is kept nowhere, for stores in memory.
    #[must_use]
    pub fn held(event: EventId) -> Self {
        Self { event, path: None, known: Mutex::default() }
    }

    /// What is kept.
    #[must_use]
    pub fn kept(&self) -> Option<Reached> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).kept
    }

    /// A head is about to be signed for this place. Writes it down where the mark is too far behind or too old; a mark
    /// that cannot be written keeps no head back, since the gates notice, too.
    pub fn note(&self, to: FollowedTo, now: Timestamp) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (kept, old) = (known.kept, known.written_at.is_none_or(|at| now.since(at) >= MARK_EVERY || now < at));
        let due = match kept.map(|kept| kept.to) {
            Some(kept) if kept.epoch == to.epoch && kept.length >= to.length => false,
            Some(kept) if kept.epoch == to.epoch => old || kept.length.saturating_add(MARK_RECORDS) <= to.length,
            Some(_) | None => true,
        };
        if !due {
            return;
        }
        let first = Reached { to, recovering: None, recovered_at: None, records_given_up: None };
        let next = Reached { to, ..kept.unwrap_or(first) };
        known.written_at = Some(now);
        match self.write(&next) {
            Ok(()) => known.kept = Some(next),
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
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        self.write(&reached)?;
        known.kept = Some(reached);
        Ok(())
    }

    fn write(&self, reached: &Reached) -> Result<(), KeyringError> {
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
        let mark = ReachedMark::held(EVENT);
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
        let mark = ReachedMark::held(EVENT);
        mark.keep(Reached { to: to(5), recovering: None, recovered_at: Some(NOW), records_given_up: None }).unwrap();
        mark.note(to(6), ms(2_000));
        assert_eq!(
            mark.kept(),
            Some(Reached { to: to(6), recovering: None, recovered_at: Some(NOW), records_given_up: None })
        );
    }
}
