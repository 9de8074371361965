//! The feed: heads, and ranges read back from the log.

use kido_shared::feed::{FollowedTo, SealedRecord, SignedHead, encode_range};
use kido_shared::ids::{Epoch, EventId};
use kido_shared::limits::FEED_RANGE_RECORDS;
use kido_store::{LogHead, Position};
use tokio::sync::watch;

use super::Store;
use super::error::StorageError;
use super::keys::{FEED_MARK_EVERY, feed_mark};
use super::live::LiveEvent;
use super::reading::{self, Entries as _};
use crate::fact::Fact;

impl LiveEvent {
    pub(super) fn reached(&self) -> Result<FollowedTo, StorageError> {
        let start = || FollowedTo::start(self.id(), Epoch::FIRST);
        Ok(reading::feed(&self.facts)?.unwrap_or_else(start))
    }

    /// Up to `count` durable records of an epoch from a place on, at most as far as is said. Reads the log: the index keeps
    /// places, not ciphertexts.
    pub(super) fn records(&self, of: &FollowedTo, from: u64, count: u64) -> Result<Vec<SealedRecord>, StorageError> {
        let until = of.length.min(from.saturating_add(count));
        if from >= until {
            return Ok(Vec::new());
        }
        let mark = self.facts.value(&feed_mark(of.epoch, from - from % FEED_MARK_EVERY))?;
        let mark = mark.and_then(|bytes| <[u8; 8]>::try_from(bytes.as_slice()).ok());
        let mark = mark.map(u64::from_be_bytes).ok_or(StorageError::Entry("a mark of the feed"))?;
        let mut records = Vec::new();
        let mut next = from;
        for fact in self.facts.facts(Position::new(mark))? {
            let (_position, fact) = fact?;
            let extended = Fact::feed_of_bytes(&fact).map_err(|_not_a_fact| StorageError::Entry("a fact"))?;
            let Some(extended) = extended.filter(|extended| extended.epoch == of.epoch) else { continue };
            let places = extended.first.get()..;
            for (_place, record) in places.zip(extended.records).filter(|(place, _)| (from..until).contains(place)) {
                records.push(SealedRecord::from_bytes(record.into())?);
                next = next.saturating_add(1);
            }
            if next >= until {
                return Ok(records);
            }
        }
        Err(StorageError::Entry("the end of the feed"))
    }
}

impl Store {
    /// The event's signed head: signed anew where the feed has grown or the last one is 30 seconds old. Of a deleted event
    /// it is the end of its feed.
    ///
    /// # Errors
    /// [`StorageError`], among them [`StorageError::Recovering`] while records of the feed are missing here.
    pub fn signed_head(&self, event: EventId) -> Result<SignedHead, StorageError> {
        self.head_reaching(event).map(|(_reached, head)| head)
    }

    /// The same, with the place that the head speaks of. Waits for the keyring's disk where that is to be noted first.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn head_reaching(&self, event: EventId) -> Result<(FollowedTo, SignedHead), StorageError> {
        if let Ok(live) = self.live(event) {
            live.note_reached(self.now())?;
        }
        self.head_unnoted(event)
    }

    /// The same for whoever must not wait for a disk: that is done by a thread of its own.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn newest_head(&self, event: EventId) -> Result<(FollowedTo, SignedHead), StorageError> {
        let due = match self.live(event) {
            Ok(live) => live.mark.is_due(&live.reached()?, self.now()),
            Err(_says_the_same_below) => false,
        };
        if !due {
            return self.head_unnoted(event);
        }
        let store = self.clone();
        let noted = tokio::task::spawn_blocking(move || store.head_reaching(event));
        noted.await.map_err(StorageError::Computation)?
    }

    /// Whether the event has a head to be told.
    ///
    /// # Errors
    /// [`StorageError`], as [`Self::signed_head`].
    pub fn has_head(&self, event: EventId) -> Result<(), StorageError> {
        match self.live(event) {
            Ok(live) => live.recovering.may_tell(&live),
            Err(StorageError::Forgotten(_)) => self.last_word(event).map(drop),
            Err(error) => Err(error),
        }
    }

    fn head_unnoted(&self, event: EventId) -> Result<(FollowedTo, SignedHead), StorageError> {
        match self.live(event) {
            Ok(live) => Ok(live.signer.head(live.may_be_told()?, self.now())?),
            // Gates wipe themselves by this registrar's time: it is told as long as one may still ask.
            Err(StorageError::Forgotten(_)) => self.last_word(event)?.head(self.now()),
            Err(error) => Err(error),
        }
    }

    /// Keeps how far the feed reaches, as signing a head does: what is about to be acknowledged must not be forgotten
    /// without a trace where nobody has asked for a head since.
    ///
    /// # Errors
    /// [`StorageError`].
    pub(crate) async fn note_reached(&self, event: EventId) -> Result<(), StorageError> {
        let (live, now) = (self.live(event)?, self.now());
        let noted = tokio::task::spawn_blocking(move || live.note_reached(now));
        noted.await.map_err(StorageError::Computation)?
    }

    /// One full range of 1,024 records, encoded; nothing where it is not full yet, or of another epoch.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn feed_range(&self, event: EventId, epoch: Epoch, range: u64) -> Result<Option<Vec<u8>>, StorageError> {
        let live = self.live(event)?;
        let reached = live.reached()?;
        let begins = range.saturating_mul(FEED_RANGE_RECORDS);
        if epoch != reached.epoch || begins.saturating_add(FEED_RANGE_RECORDS) > reached.length {
            return Ok(None);
        }
        self.read_feed(event, reached, (begins, FEED_RANGE_RECORDS)).await.map(Some)
    }

    /// The records from a place to the end of its range or of the feed, encoded; nothing where the feed does not reach
    /// that far, or is of another epoch.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn feed_tail(&self, event: EventId, epoch: Epoch, from: u64) -> Result<Option<Vec<u8>>, StorageError> {
        let live = self.live(event)?;
        let reached = live.reached()?;
        if epoch != reached.epoch || from > reached.length {
            return Ok(None);
        }
        let count = FEED_RANGE_RECORDS - from % FEED_RANGE_RECORDS;
        self.read_feed(event, reached, (from, count)).await.map(Some)
    }

    /// Up to `count` records from a place on; fewer at the end of the feed.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn feed_records(&self, event: EventId, from: u64, count: u64) -> Result<Vec<SealedRecord>, StorageError> {
        let live = self.live(event)?;
        let read = tokio::task::spawn_blocking(move || live.records(&live.reached()?, from, count));
        read.await.map_err(StorageError::Computation)?
    }

    /// Of the epoch that was looked at, whatever is cut meanwhile: an answer that caches keep for ever is one of its address.
    async fn read_feed(
        &self,
        event: EventId,
        of: FollowedTo,
        (from, count): (u64, u64),
    ) -> Result<Vec<u8>, StorageError> {
        let live = self.live(event)?;
        let read = tokio::task::spawn_blocking(move || Ok(encode_range(&live.records(&of, from, count)?)?));
        read.await.map_err(StorageError::Computation)?
    }

    /// Tells of each durable change of an event, so that whoever waits for a new head need not ask again and again.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn watch(&self, event: EventId) -> Result<watch::Receiver<LogHead>, StorageError> {
        Ok(self.live(event)?.facts.watch())
    }
}
