//! Ranges: the files in which records travel.
//!
//! Range *r* holds the records from 1,024 · *r* on, as a CBOR array of byte strings. A full one never changes, so any
//! cache, CDN or USB stick may carry it; the last one grows.

use super::{FeedError, FollowedTo, SealedRecord};
use crate::limits::{FEED_RANGE_BYTES_MAX, FEED_RANGE_RECORDS};

const WHAT: &str = "a range";

/// The bytes of a range.
///
/// # Errors
/// [`FeedError::RangeLength`] where there are more records than a range has.
pub fn encode_range(records: &[SealedRecord]) -> Result<Vec<u8>, FeedError> {
    let count = within_range(records.len())?;
    let mut encoder = minicbor::Encoder::new(Vec::new());
    encoder.array(count).map_err(|_infallible| FeedError::Encoding { what: WHAT })?;
    for record in records {
        encoder.bytes(record.as_bytes()).map_err(|_infallible| FeedError::Encoding { what: WHAT })?;
    }
    Ok(encoder.into_writer())
}

/// The records of a range, still sealed.
///
/// # Errors
/// [`FeedError`] where the bytes are too many, hold too many records, a record of an impossible length, or anything
/// else than the one encoding of these records.
pub fn decode_range(bytes: &[u8]) -> Result<Vec<SealedRecord>, FeedError> {
    if bytes.len() > FEED_RANGE_BYTES_MAX {
        return Err(FeedError::Length { what: WHAT });
    }
    let encoding = |_no_detail| FeedError::Encoding { what: WHAT };
    let mut decoder = minicbor::Decoder::new(bytes);
    let count = decoder.array().map_err(encoding)?.ok_or(FeedError::Encoding { what: WHAT })?;
    let count = usize::try_from(count).map_err(|_too_many| FeedError::Length { what: WHAT })?;
    within_range(count)?;
    let mut records = Vec::with_capacity(count);
    for _record in 0..count {
        let record = decoder.bytes().map_err(encoding)?;
        records.push(SealedRecord::from_bytes(record.to_vec())?);
    }
    if encode_range(&records)? == bytes { Ok(records) } else { Err(FeedError::Encoding { what: WHAT }) }
}

fn within_range(records: usize) -> Result<u64, FeedError> {
    match u64::try_from(records) {
        Ok(count) if count <= FEED_RANGE_RECORDS => Ok(count),
        Ok(count) => Err(FeedError::RangeLength { wanted: FEED_RANGE_RECORDS, got: count }),
        Err(_too_many) => Err(FeedError::Length { what: WHAT }),
    }
}

/// The next records on the way to a head: which range holds them, and where in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RangeNeed {
    /// The number of the range.
    pub range: u64,
    /// Records at its beginning that have been followed already.
    pub skip: u64,
    /// Records that come next: up to the end of the range or the head, whichever is nearer.
    pub take: u64,
}

impl RangeNeed {
    /// What is needed between two places; nothing where the head is reached.
    pub(super) fn between(at: &FollowedTo, length: u64) -> Option<Self> {
        let range = at.length.checked_div(FEED_RANGE_RECORDS)?;
        let skip = at.length.checked_rem(FEED_RANGE_RECORDS)?;
        let left = length.checked_sub(at.length)?;
        let take = left.min(FEED_RANGE_RECORDS.saturating_sub(skip));
        (take > 0).then_some(Self { range, skip, take })
    }

    /// Exactly the needed records out of the whole range, which may have grown beyond the head since.
    ///
    /// # Errors
    /// [`FeedError::RangeLength`] where the range does not reach so far.
    pub fn cut<'a>(&self, range: &'a [SealedRecord]) -> Result<&'a [SealedRecord], FeedError> {
        let short = || FeedError::RangeLength { wanted: self.take, got: self.within(range) };
        let skip = usize::try_from(self.skip).map_err(|_no_detail| short())?;
        let take = usize::try_from(self.take).map_err(|_no_detail| short())?;
        range.get(skip..).and_then(|rest| rest.get(..take)).ok_or_else(short)
    }

    fn within(&self, range: &[SealedRecord]) -> u64 {
        u64::try_from(range.len()).unwrap_or(u64::MAX).saturating_sub(self.skip)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(count: usize) -> Vec<SealedRecord> {
        let record = |number: usize| SealedRecord::from_bytes(vec![u8::try_from(number % 251).unwrap(); 40]).unwrap();
        (0..count).map(record).collect()
    }

    #[test]
    fn a_range_reads_back_and_has_one_form() {
        let range = records(300);
        let bytes = encode_range(&range).unwrap();
        assert_eq!(decode_range(&bytes).unwrap(), range);
        let mut longer = bytes.clone();
        longer.push(0);
        assert_eq!(decode_range(&longer), Err(FeedError::Encoding { what: WHAT }), "a trailing byte");
        let mut indefinite = vec![0x9F];
        indefinite.extend_from_slice(&bytes[3..]);
        indefinite.push(0xFF);
        assert_eq!(decode_range(&indefinite), Err(FeedError::Encoding { what: WHAT }), "indefinite length");
        let wide = [&[0x9B, 0, 0, 0, 0, 0, 0, 1, 44], &bytes[3..]].concat();
        assert_eq!(decode_range(&wide), Err(FeedError::Encoding { what: WHAT }), "a length wider than needed");
    }

    #[test]
    fn a_range_promises_no_more_memory_than_it_brings() {
        let promise = [0x9B, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
        assert!(decode_range(&promise).is_err());
        assert!(encode_range(&records(1_025)).is_err());
        assert_eq!(decode_range(&vec![0; FEED_RANGE_BYTES_MAX + 1]), Err(FeedError::Length { what: WHAT }));
    }

    #[test]
    fn what_is_needed_ends_at_the_range_or_at_the_head() {
        let at = |length| FollowedTo {
            length,
            ..FollowedTo::start(crate::ids::EventId::from_bytes([1; 16]), crate::ids::Epoch::FIRST)
        };
        assert_eq!(RangeNeed::between(&at(0), 3_000), Some(RangeNeed { range: 0, skip: 0, take: 1_024 }));
        assert_eq!(RangeNeed::between(&at(1_500), 3_000), Some(RangeNeed { range: 1, skip: 476, take: 548 }));
        assert_eq!(RangeNeed::between(&at(1_500), 1_503), Some(RangeNeed { range: 1, skip: 476, take: 3 }));
        assert_eq!(RangeNeed::between(&at(1_503), 1_503), None);
    }

    #[test]
    fn a_need_is_cut_out_of_a_range_that_has_grown() {
        let need = RangeNeed { range: 0, skip: 2, take: 3 };
        assert_eq!(need.cut(&records(9)).unwrap(), &records(9)[2..5]);
        assert_eq!(need.cut(&records(4)), Err(FeedError::RangeLength { wanted: 3, got: 2 }));
        assert_eq!(need.cut(&records(1)), Err(FeedError::RangeLength { wanted: 3, got: 0 }));
    }
}
