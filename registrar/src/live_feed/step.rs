//! What is told at one moment: a head, and the newest records before it.

use axum::body::Bytes;
use kido_shared::feed::{FeedError, FollowedTo, SealedRecord};
use kido_shared::ids::EventId;
use kido_shared::wire::v1::feed_stream::{FeedNews, FeedPlace, STREAMED_BYTES_MAX, STREAMED_RECORDS_MAX};

use crate::store::{StorageError, Store};

/// One look at a feed. Encoded once for all who heard the look before it; who comes from elsewhere is served from the
/// newest records, which are kept in memory.
#[derive(Debug)]
pub(super) struct Step {
    place: FeedPlace,
    head: Vec<u8>,
    /// The newest records, up to the place.
    recent: Vec<SealedRecord>,
    /// Where whoever heard the last step stands.
    pub(super) before: FeedPlace,
    /// For those, the text of this one.
    text: Bytes,
    /// For all whose place is too far back: the head alone.
    bare: Bytes,
}

impl Step {
    /// Looks again: nothing where the feed is as it was and no head is due.
    ///
    /// # Errors
    /// [`StorageError`].
    pub(super) async fn next(
        store: &Store,
        event: EventId,
        last: Option<&Self>,
        due: bool,
    ) -> Result<Option<Self>, StorageError> {
        let (reached, head) = store.newest_head(event).await?;
        let place = place_of(&reached);
        if !due && last.is_some_and(|last| last.place == place) {
            return Ok(None);
        }
        let last = last.filter(|last| last.place.epoch == place.epoch && last.place.length <= place.length);
        let recent = recent(store, event, place, last).await?;
        let before = last.map_or(place, |last| last.place);
        Ok(Some(Self::new(place, head.into_bytes(), recent, before)?))
    }

    fn new(place: FeedPlace, head: Vec<u8>, recent: Vec<SealedRecord>, before: FeedPlace) -> Result<Self, FeedError> {
        let bare = Bytes::from(FeedNews::encode(place, &head, &[])?);
        let mut step = Self { place, head, recent, before, text: bare.clone(), bare };
        step.text = step.encode_for(before);
        Ok(step)
    }

    /// Up to where.
    pub(super) const fn place(&self) -> FeedPlace {
        self.place
    }

    /// What somebody who stands there is told.
    pub(super) fn text_for(&self, at: Option<FeedPlace>) -> Bytes {
        match at {
            Some(at) if at == self.before => self.text.clone(),
            Some(at) => self.encode_for(at),
            None => self.bare.clone(),
        }
    }

    fn encode_for(&self, at: FeedPlace) -> Bytes {
        let records = self.since(at);
        let text = records.and_then(|records| FeedNews::encode(self.place, &self.head, records).ok());
        text.map_or_else(|| self.bare.clone(), Bytes::from)
    }

    /// The records that somebody who stands there lacks, where all of them are at hand.
    fn since(&self, at: FeedPlace) -> Option<&[SealedRecord]> {
        let missing = self.place.length.checked_sub(at.length).filter(|_same| at.epoch == self.place.epoch)?;
        let skip = self.recent.len().checked_sub(usize::try_from(missing).ok()?)?;
        self.recent.get(skip..)
    }
}

fn place_of(reached: &FollowedTo) -> FeedPlace {
    FeedPlace { epoch: reached.epoch, length: reached.length }
}

/// The newest records up to a place, those of the last look among them.
async fn recent(
    store: &Store,
    event: EventId,
    place: FeedPlace,
    last: Option<&Step>,
) -> Result<Vec<SealedRecord>, StorageError> {
    let most = u64::try_from(STREAMED_RECORDS_MAX).unwrap_or(u64::MAX);
    let from = place.length.saturating_sub(most);
    let known = last.filter(|last| last.place.length >= from);
    let read_from = known.map_or(from, |last| last.place.length);
    let mut records = known.map(|last| last.recent.clone()).unwrap_or_default();
    if read_from < place.length {
        match store.feed_records(event, read_from, place.length.saturating_sub(read_from)).await {
            Ok(read) => records.extend(read),
            // Its head is told on, its records are gone.
            Err(StorageError::Forgotten(_)) => records.clear(),
            Err(error) => return Err(error),
        }
    }
    let (mut bytes, mut fit) = (0_usize, 0_usize);
    for record in records.iter().rev().take(STREAMED_RECORDS_MAX) {
        bytes = bytes.saturating_add(record.as_bytes().len());
        if bytes > STREAMED_BYTES_MAX {
            break;
        }
        fit = fit.saturating_add(1);
    }
    Ok(records.split_off(records.len().saturating_sub(fit)))
}
