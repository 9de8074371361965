//! Deleting an event after its retention date: its folder, and the week keys that no other event needs.
//!
//! The record in the keyring is the deed; everything after it is repeated until it is done, by asking again or by the next
//! start. What stays is that record and the feed's signing identity: with them gates go on hearing the time, and wipe
//! themselves.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use kido_shared::clock::Timestamp;
use kido_shared::error_chain::Chain;
use kido_shared::feed::{FeedKeyCertificate, FollowedTo, SignedHead};
use kido_shared::ids::EventId;
use kido_store::{Position, private_file};

use super::error::{Failed, StorageError};
use super::live::LiveEvent;
use super::{Place, Store, reading};
use crate::domain::event::EventRefusal;
use crate::fact::Fact;
use crate::keyring::{ForgottenEvent, Keyring, RetentionWeek};
use crate::signer::HeadSigner;

/// An event that was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forgotten {
    /// Which event.
    pub event: EventId,
    /// Weeks under whose keys its own was wrapped, and which are gone.
    pub weeks_gone: Vec<RetentionWeek>,
    /// Those that other events still need.
    pub weeks_kept: Vec<RetentionWeek>,
}

/// What is still said of an event that was deleted: the end of its feed, as of now.
#[derive(Debug)]
pub(super) struct LastWord {
    signer: HeadSigner,
    reached: FollowedTo,
}

impl LastWord {
    fn new(keyring: &Keyring, event: EventId, reached: FollowedTo) -> Result<Self, StorageError> {
        Ok(Self { signer: HeadSigner::new(keyring.identity(event)?), reached })
    }

    pub(super) fn head(&self, now: Timestamp) -> Result<(FollowedTo, SignedHead), StorageError> {
        Ok(self.signer.head(self.reached, now)?)
    }

    pub(super) fn certificate(&self) -> FeedKeyCertificate {
        self.signer.certificate()
    }
}

/// The place of an event that was deleted before this start.
pub(super) fn place(keyring: &Keyring, event: EventId, record: &ForgottenEvent) -> Place {
    let last_word = LastWord::new(keyring, event, record.reached);
    let last_word = last_word.inspect_err(|error| {
        tracing::error!(%event, error = %Chain(error), "gates of this deleted event hear nothing more");
    });
    Place::Forgotten(last_word.ok().map(Arc::new))
}

/// All weeks under whose keys the event's key was ever wrapped: an old backup of its log holds each of them.
fn weeks_of(live: &LiveEvent) -> Result<BTreeSet<RetentionWeek>, StorageError> {
    let mut weeks = BTreeSet::new();
    for fact in live.facts.facts(Position::FIRST)? {
        let (_position, bytes) = fact?;
        let fact = Fact::from_bytes(&bytes).map_err(|_not_a_fact| StorageError::Entry("a fact"))?;
        weeks.extend(fact.wrapped_key().map(|key| key.week));
    }
    Ok(weeks)
}

impl Store {
    /// Deletes an event whose retention date has come. Asking again goes on where it was stopped, or finds all done.
    ///
    /// # Errors
    /// [`EventRefusal::Kept`] or [`StorageError`]; after [`StorageError::Removing`] the event is gone for everybody and a part of
    /// its folder is not.
    pub async fn forget_event(&self, event: EventId) -> Result<Forgotten, Failed<EventRefusal>> {
        let store = self.clone();
        let forgotten = tokio::task::spawn_blocking(move || store.forget(event)).await;
        forgotten.map_err(StorageError::Computation)?
    }

    /// Blocks: files are overwritten, and the log is read once.
    fn forget(&self, event: EventId) -> Result<Forgotten, Failed<EventRefusal>> {
        let _one_at_a_time = self.shared.forgetting.lock().unwrap_or_else(PoisonError::into_inner);
        match self.live(event) {
            Ok(live) => self.begin_forgetting(&live)?,
            Err(StorageError::Forgotten(_)) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(self.go_on_forgetting(event)?)
    }

    /// Writes down that the event is to go, and ends it for everybody.
    fn begin_forgetting(&self, live: &LiveEvent) -> Result<(), Failed<EventRefusal>> {
        let now = self.now();
        let reached = live.end(now)?;
        let last_word = match self.write_down(live, now, reached) {
            Ok(last_word) => last_word,
            Err(error) => {
                // A record that may stand is believed by the next start: nothing may be stored that it would not know of.
                if !self.shared.keyring.is_forgotten(live.id()) {
                    live.go_on();
                }
                return Err(error.into());
            }
        };
        let mut events = self.shared.events.write().unwrap_or_else(PoisonError::into_inner);
        drop(events.insert(live.id(), Place::Forgotten(Some(Arc::new(last_word)))));
        drop(events);
        if let Err(error) = live.facts.clone().close() {
            tracing::warn!(event = %live.id(), error = %Chain(&error), "the store did not close cleanly");
        }
        Ok(())
    }

    fn write_down(&self, live: &LiveEvent, at: Timestamp, reached: FollowedTo) -> Result<LastWord, StorageError> {
        let (event, keyring) = (live.id(), &self.shared.keyring);
        let last_word = LastWord::new(keyring, event, reached)?;
        let weeks = weeks_of(live)?;
        // Weeks of events that went before and had to wait for this one.
        let waiting = keyring.forgotten()?.into_values().flat_map(|record| record.weeks);
        let may_go: BTreeSet<_> = weeks.iter().copied().chain(waiting).collect();
        let needed = self.weeks_needed_by_others(event)?;
        let to_shred = needed.map_or_else(Vec::new, |needed| {
            may_go.into_iter().filter(|week| !needed.contains(week) && keyring.has_week(*week)).collect()
        });
        let record = ForgottenEvent { at, reached, weeks: weeks.into_iter().collect(), to_shred };
        keyring.note_forgotten(event, &record, &mut self.random())?;
        Ok(last_word)
    }

    /// Weeks whose keys open another event; nothing where one does not open here, which may need any.
    fn weeks_needed_by_others(&self, event: EventId) -> Result<Option<BTreeSet<RetentionWeek>>, StorageError> {
        let events = self.shared.events.read().unwrap_or_else(PoisonError::into_inner);
        let mut needed = BTreeSet::new();
        for (other, place) in events.iter().filter(|(other, _)| **other != event) {
            match place {
                Place::Live(live) => needed.extend(reading::event(&live.facts)?.map(|entry| entry.key.week)),
                Place::Broken(_) => {
                    tracing::warn!(event = %other, "week keys stay: this event is not served and may need them");
                    return Ok(None);
                }
                Place::Forgotten(_) => {}
            }
        }
        Ok(Some(needed))
    }

    /// Destroys what the event's record names: week keys first, which is quick and makes its backups noise.
    pub(super) fn go_on_forgetting(&self, event: EventId) -> Result<Forgotten, StorageError> {
        let keyring = &self.shared.keyring;
        let record = keyring.forgotten_event(event)?;
        let waits = !record.to_shred.is_empty();
        let shredded = waits && keyring.shred_weeks(&record.to_shred, || self.weeks_needed_by_others(event))?;
        let folder = self.shared.folder.join(event.to_string());
        private_file::shred_folder(&folder).map_err(StorageError::Removing)?;
        keyring.forget_reached(event)?;
        if shredded {
            // Later events may have keys of the same weeks, which this record must not take.
            let done = ForgottenEvent { to_shred: Vec::new(), ..record.clone() };
            keyring.note_forgotten(event, &done, &mut self.random())?;
        }
        let (weeks_kept, weeks_gone) = record.weeks.into_iter().partition(|week| keyring.has_week(*week));
        let forgotten = Forgotten { event, weeks_gone, weeks_kept };
        tracing::info!(%event, gone = forgotten.weeks_gone.len(), kept = forgotten.weeks_kept.len(), "event deleted");
        Ok(forgotten)
    }

    /// What is still said of a deleted event.
    pub(super) fn last_word(&self, event: EventId) -> Result<Arc<LastWord>, StorageError> {
        let events = self.shared.events.read().unwrap_or_else(PoisonError::into_inner);
        match events.get(&event) {
            Some(Place::Forgotten(Some(word))) => Ok(Arc::clone(word)),
            Some(Place::Forgotten(None)) => Err(StorageError::Forgotten(event)),
            Some(Place::Live(_) | Place::Broken(_)) => Err(StorageError::NotServed(event)),
            None => Err(StorageError::UnknownEvent(event)),
        }
    }
}
