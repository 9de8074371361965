//! The live feed's event stream, in whatever pieces it comes.

use kido_shared::limits::FEED_HEAD_BYTES_MAX;
use kido_shared::wire::event_stream::{DATA_BYTES_MAX, EventReader, EventStreamError, LINE_BYTES_MAX, StreamEvent};
use kido_shared::wire::v1::feed_stream::{FeedNews, FeedPlace, STREAMED_RECORDS_MAX};

use crate::specimen::{RECORDS, STATEMENTS, choice, chosen, unhex};

/// Length of the longest piece.
const PIECE_BYTES_MAX: usize = 64;

fn read<'d>(pieces: impl Iterator<Item = &'d [u8]>) -> (Vec<StreamEvent>, Option<EventStreamError>) {
    let (mut reader, mut events) = (EventReader::default(), Vec::new());
    for piece in pieces {
        match reader.push(piece) {
            Ok(more) => events.extend(more),
            Err(error) => return (events, Some(error)),
        }
        assert!(reader.held() <= 3 * LINE_BYTES_MAX + DATA_BYTES_MAX, "more is held than may be");
    }
    (events, None)
}

/// The first byte is how long the pieces are: the same stream gives the same events in any of them.
pub fn run(data: &[u8]) {
    let (length, stream) = choice(data);
    let whole = read(core::iter::once(stream));
    let pieces = read(stream.chunks(usize::from(length) % PIECE_BYTES_MAX + 1));
    let single = read(stream.chunks(1));
    for other in [whole, pieces] {
        assert_eq!(other.1, single.1, "an error that hangs on how it came");
        // What came in the same piece before an error goes with it.
        let fits = if other.1.is_none() { other.0 == single.0 } else { single.0.starts_with(&other.0) };
        assert!(fits, "events that hang on how they came");
    }
    for event in &single.0 {
        news(event);
    }
}

fn news(event: &StreamEvent) {
    let Ok(Some(news)) = FeedNews::parse(event) else { return };
    assert!(news.head().len() <= FEED_HEAD_BYTES_MAX, "a head beyond its bound");
    let FeedPlace { epoch, length } = news.place();
    let most = u64::try_from(STREAMED_RECORDS_MAX).unwrap_or(u64::MAX);
    let count = (0..=most.min(length)).rev().find(|count| news.records(length - count, *count).is_some()).unwrap_or(0);
    let records = news.records(length - count, count).unwrap_or_default();
    let written =
        FeedNews::encode(FeedPlace { epoch, length }, news.head(), records).expect("what was read is short enough");
    let (events, error) = read(core::iter::once(written.as_bytes()));
    let again = events.first().map(FeedNews::parse);
    assert!(error.is_none() && again == Some(Ok(Some(news))), "other news");
}

/// Streams as a registrar writes them, and as the standard allows.
pub fn seeds() -> Vec<Vec<u8>> {
    let place = FeedPlace { epoch: kido_shared::ids::Epoch::new(0), length: 9 };
    let record = RECORDS.first().map(|record| unhex(record)).unwrap_or_default();
    let record = kido_shared::feed::SealedRecord::from_bytes(record).expect("as long as a record may be");
    let head = STATEMENTS.first().map(|head| unhex(head)).unwrap_or_default();
    let text = |records: &[_]| FeedNews::encode(place, &head, records).expect("short enough");
    vec![
        chosen(0, text(&[]).as_bytes()),
        chosen(7, [text(core::slice::from_ref(&record)), text(&[])].concat().as_bytes()),
        chosen(3, b": alive\r\n\r\nretry: 9\rdata: y\r\rid: 0-1\nevent: head\ndata\n\n"),
        chosen(1, "\u{FEFF}data: x\n\nid: a\0b\ndata: é\n\n".as_bytes()),
    ]
}
