//! The live feed: what one server-sent event of it carries (`protocol.md` §6).
//!
//! ```text
//! id: 0-1234                     where whoever has this stands: epoch and length, sent back as `Last-Event-ID`
//! event: head
//! data: hEOhASeg…                the signed head, base64url
//! data: glhA…                    the records just before that place as a range, base64url; only where they are few
//! ```
//!
//! The records spare a request; nothing rests on them. Whoever lacks some of them pulls, and whoever has them believes
//! them only as far as the head does.

use core::fmt;
use core::str::FromStr;

use crate::feed::{FeedError, SealedRecord, decode_range, encode_range};
use crate::ids::Epoch;
use crate::limits::FEED_HEAD_BYTES_MAX;
use crate::wire::base64url;
use crate::wire::event_stream::StreamEvent;

/// The name of the events of a live feed.
pub const HEAD_EVENT: &str = "head";

/// The request's header that says how far the asker is.
pub const LAST_EVENT_ID: &str = "last-event-id";

/// Most records in one event: the bindings and suspensions of a busy second. More are cheaper as ranges, which caches
/// carry.
pub const STREAMED_RECORDS_MAX: usize = 256;

/// Most bytes of sealed records in one event: what a poor line carries at once.
pub const STREAMED_BYTES_MAX: usize = 64 * 1024;

/// How far a feed reaches, or how far somebody has followed it: enough to find what is missing, no proof of anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedPlace {
    /// Which generation of the feed.
    pub epoch: Epoch,
    /// How many of its records.
    pub length: u64,
}

impl fmt::Display for FeedPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch.get(), self.length)
    }
}

/// Why something is no event of a live feed: its sender's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FeedNewsError {
    /// The id is not an epoch and a length.
    #[error("a place in a feed is epoch and length")]
    Place,
    /// A line of data is not base64url, or there are more of them than two.
    #[error("the event is not written as this protocol writes it")]
    Encoding,
    /// The head is longer than any.
    #[error("the head is too long")]
    Head,
    /// The records are no range, more than may be sent, or more than the feed has.
    #[error("the records are not a run of this feed's")]
    Records,
}

impl FromStr for FeedPlace {
    type Err = FeedNewsError;

    /// Reads the one form that [`fmt::Display`] writes.
    fn from_str(text: &str) -> Result<Self, FeedNewsError> {
        let (epoch, length) = text.split_once('-').ok_or(FeedNewsError::Place)?;
        let number = |text: &str| text.parse::<u64>().map_err(|_no_number| FeedNewsError::Place);
        let place = Self { epoch: Epoch::new(number(epoch)?), length: number(length)? };
        if place.to_string() == text { Ok(place) } else { Err(FeedNewsError::Place) }
    }
}

/// What a live feed tells: a head, not yet believed, and the records just before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedNews {
    place: FeedPlace,
    head: Vec<u8>,
    records: Vec<SealedRecord>,
}

impl FeedNews {
    /// The text of one event.
    ///
    /// # Errors
    /// [`FeedError::RangeLength`] where there are more records than a range has.
    pub fn encode(place: FeedPlace, head: &[u8], records: &[SealedRecord]) -> Result<String, FeedError> {
        let head = base64url::encode(head);
        let mut text = format!("id: {place}\nevent: {HEAD_EVENT}\ndata: {head}\n");
        if !records.is_empty() {
            text.push_str("data: ");
            text.push_str(&base64url::encode(&encode_range(records)?));
            text.push('\n');
        }
        text.push('\n');
        Ok(text)
    }

    /// Reads an event; nothing where it is of another name, from a later version of this protocol.
    ///
    /// # Errors
    /// [`FeedNewsError`].
    pub fn parse(event: &StreamEvent) -> Result<Option<Self>, FeedNewsError> {
        if event.name != HEAD_EVENT {
            return Ok(None);
        }
        let place: FeedPlace = event.id.as_deref().ok_or(FeedNewsError::Place)?.parse()?;
        let mut lines = event.data.split('\n').map(base64url::decode);
        let head = lines.next().flatten().ok_or(FeedNewsError::Encoding)?;
        let records = match lines.next() {
            Some(range) => {
                let range = range.ok_or(FeedNewsError::Encoding)?;
                decode_range(&range).map_err(|_no_range| FeedNewsError::Records)?
            }
            None => Vec::new(),
        };
        if lines.next().is_some() {
            return Err(FeedNewsError::Encoding);
        }
        if head.len() > FEED_HEAD_BYTES_MAX {
            return Err(FeedNewsError::Head);
        }
        let news = Self { place, head, records };
        if news.records.len() > STREAMED_RECORDS_MAX || news.count() > place.length {
            return Err(FeedNewsError::Records);
        }
        Ok(Some(news))
    }

    /// How far the head is said to reach.
    #[must_use]
    pub const fn place(&self) -> FeedPlace {
        self.place
    }

    /// The head's bytes, to be verified.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// Exactly these records of the feed; nothing where not all of them came along.
    #[must_use]
    pub fn records(&self, from: u64, count: u64) -> Option<&[SealedRecord]> {
        let first = self.place.length.saturating_sub(self.count());
        let skip = usize::try_from(from.checked_sub(first)?).ok()?;
        self.records.get(skip..)?.get(..usize::try_from(count).ok()?)
    }

    fn count(&self) -> u64 {
        u64::try_from(self.records.len()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::event_stream::EventReader;
    use proptest::prelude::*;

    fn record(number: u64) -> SealedRecord {
        SealedRecord::from_bytes([&[7; 40][..], &number.to_be_bytes()].concat()).unwrap()
    }

    fn told(text: &str) -> Result<Option<FeedNews>, FeedNewsError> {
        let [event] = &EventReader::default().push(text.as_bytes()).unwrap()[..] else { panic!("{text:?}") };
        FeedNews::parse(event)
    }

    #[test]
    fn a_place_has_one_form() {
        let place = FeedPlace { epoch: Epoch::new(3), length: 1_234 };
        assert_eq!((place.to_string().as_str(), "3-1234".parse()), ("3-1234", Ok(place)));
        for wrong in ["", "-", "3", "3-", "-4", "+3-4", "3-04", "3-4 ", "3-4-5", "3-18446744073709551616", "a-b"] {
            assert_eq!(wrong.parse::<FeedPlace>(), Err(FeedNewsError::Place), "{wrong:?}");
        }
    }

    #[test]
    fn an_event_of_another_name_is_passed_over_and_a_broken_one_refused() {
        assert_eq!(told("event: note\ndata: x\n\n"), Ok(None));
        let head = base64url::encode(&[1; 200]);
        let long = base64url::encode(&[1; FEED_HEAD_BYTES_MAX + 1]);
        let one = base64url::encode(&encode_range(&[record(0)]).unwrap());
        let many: Vec<_> = (0..=256).map(record).collect();
        let many = base64url::encode(&encode_range(&many).unwrap());
        let table = [
            (format!("event: head\ndata: {head}\n\n"), FeedNewsError::Place),
            (format!("id: here\nevent: head\ndata: {head}\n\n"), FeedNewsError::Place),
            ("id: 0-1\nevent: head\ndata: a+b\n\n".to_owned(), FeedNewsError::Encoding),
            (format!("id: 0-1\nevent: head\ndata: {head}\ndata: ?\n\n"), FeedNewsError::Encoding),
            (format!("id: 0-1\nevent: head\ndata: {head}\ndata: {one}\ndata: {one}\n\n"), FeedNewsError::Encoding),
            (format!("id: 0-1\nevent: head\ndata: {long}\n\n"), FeedNewsError::Head),
            (format!("id: 0-1\nevent: head\ndata: {head}\ndata: {head}\n\n"), FeedNewsError::Records),
            (format!("id: 0-0\nevent: head\ndata: {head}\ndata: {one}\n\n"), FeedNewsError::Records),
            (format!("id: 0-900\nevent: head\ndata: {head}\ndata: {many}\n\n"), FeedNewsError::Records),
        ];
        for (text, error) in table {
            assert_eq!(told(&text), Err(error), "{text:.80}");
        }
    }

    #[test]
    fn the_longest_event_fits_the_reader() {
        let record = SealedRecord::from_bytes(vec![9; STREAMED_BYTES_MAX / STREAMED_RECORDS_MAX]).unwrap();
        let place = FeedPlace { epoch: Epoch::new(u64::MAX), length: u64::MAX };
        let text = FeedNews::encode(place, &[1; FEED_HEAD_BYTES_MAX], &vec![record; STREAMED_RECORDS_MAX]).unwrap();
        assert_eq!(told(&text).unwrap().unwrap().place(), place);
    }

    proptest! {
        #[test]
        fn what_is_told_is_what_is_heard(
            count in 0_u64..=256, before in 0_u64..5_000, head in proptest::collection::vec(any::<u8>(), 0..=1_024),
            from in 0_u64..6_000, take in 0_u64..300,
        ) {
            let records: Vec<_> = (before..before + count).map(record).collect();
            let place = FeedPlace { epoch: Epoch::FIRST, length: before + count };
            let news = told(&FeedNews::encode(place, &head, &records).unwrap()).unwrap().unwrap();
            prop_assert_eq!((news.place(), news.head()), (place, head.as_slice()));
            let wanted: Vec<_> = (from..from + take).map(record).collect();
            let has = from >= before && from + take <= before + count;
            prop_assert_eq!(news.records(from, take), has.then_some(wanted.as_slice()));
        }
    }
}
