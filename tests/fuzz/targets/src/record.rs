//! One fact of a feed: what an opened record says.

use kido_shared::feed::{FeedRecord, RecordCipher};
use kido_shared::ids::{Epoch, FeedSequence};
use kido_shared::keys::RecordKey;
use kido_shared::limits::FEED_RECORD_BYTES_MAX;

use crate::specimen::{EVENT, RECORDS, unhex};

/// A record has one form, keeps its bound, and comes back out of its sealing.
pub fn run(data: &[u8]) {
    let Ok(record) = FeedRecord::decode(data) else { return };
    assert!(data.len() <= FEED_RECORD_BYTES_MAX, "beyond its bound");
    assert!(record.encode().is_ok_and(|again| again == data), "another form of the same record");
    let cipher = RecordCipher::new(&RecordKey::from_bytes([5; 32]), EVENT, Epoch::new(1));
    let at = FeedSequence::new(7);
    // The longest records have no room for the cipher's tag.
    if let Ok(sealed) = cipher.seal(at, &record) {
        assert!(cipher.open(at, &sealed).is_ok_and(|opened| opened == record), "another record");
        assert!(cipher.open(FeedSequence::new(8), &sealed).is_err(), "a record in another's place");
    }
}

/// One record of each kind, and one of a kind to come.
pub fn seeds() -> Vec<Vec<u8>> {
    let later = [unhex("a300181f01f502a0"), unhex("a2001863028101")];
    RECORDS.iter().map(|record| unhex(record)).chain(later).collect()
}
