//! A range of the feed, as caches and USB sticks carry it.

use kido_shared::feed::{SealedRecord, decode_range, encode_range};
use kido_shared::limits::{FEED_RANGE_BYTES_MAX, FEED_RANGE_RECORDS, FEED_RECORD_BYTES_MAX};

/// A range has one form, and neither it nor a record in it is longer than it may be.
pub fn run(data: &[u8]) {
    let Ok(records) = decode_range(data) else { return };
    assert!(data.len() <= FEED_RANGE_BYTES_MAX, "beyond its bound");
    assert!(u64::try_from(records.len()).is_ok_and(|count| count <= FEED_RANGE_RECORDS), "{} records", records.len());
    assert!(records.iter().all(|record| record.as_bytes().len() <= FEED_RECORD_BYTES_MAX), "a record beyond its bound");
    assert!(encode_range(&records).is_ok_and(|again| again == data), "another form of the same range");
}

/// Ranges of none, one and several records.
pub fn seeds() -> Vec<Vec<u8>> {
    let record =
        |fill: u8, length: usize| SealedRecord::from_bytes(vec![fill; length]).expect("as long as a record may be");
    let ranges = [vec![], vec![record(1, 40)], (0..30).map(|fill| record(fill, 40 + usize::from(fill))).collect()];
    ranges.iter().map(|range| encode_range(range).expect("few enough")).collect()
}
