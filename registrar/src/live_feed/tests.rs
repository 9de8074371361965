use core::time::Duration;

use axum::body::BodyDataStream;
use axum::http::{Method, Request, StatusCode};
use kido_shared::feed::{FeedHead, SealedRecord, TrustedFeedKeys};
use kido_shared::ids::Epoch;
use kido_shared::limits::HEAD_INTERVAL;
use kido_shared::wire::event_stream::EventReader;
use kido_shared::wire::v1::feed_stream::{FeedNews, LAST_EVENT_ID, STREAMED_RECORDS_MAX};
use kido_shared::wire::v1::routes;

use super::*;
use crate::router::tests::{Served, problem};
use crate::testing::{draft, row};

/// Longer than anything here takes on a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// A stream as a gate hears it.
struct Heard {
    bytes: BodyDataStream,
    reader: EventReader,
}

impl Heard {
    async fn at(served: &Served, event: EventId, at: Option<u64>) -> Self {
        let request = Request::builder().method(Method::GET).uri(routes::feed_stream(event));
        let request = match at {
            Some(length) => request.header(LAST_EVENT_ID, format!("0-{length}")),
            None => request,
        };
        let response = served.answer(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        assert!(!response.headers().contains_key("access-control-allow-origin"), "for no page of another site");
        Self { bytes: response.into_body().into_data_stream(), reader: EventReader::default() }
    }

    /// The next event; nothing where the stream has ended.
    async fn next(&mut self) -> Option<FeedNews> {
        let bytes = tokio::time::timeout(SOON, self.bytes.next()).await.expect("nothing came")?.unwrap();
        let [event] = &self.reader.push(&bytes).unwrap()[..] else { panic!("not one whole event") };
        Some(FeedNews::parse(event).unwrap().unwrap())
    }

    /// Listens until the head reaches a length; gives all records that came, with their numbers.
    async fn until(&mut self, from: u64, length: u64) -> Vec<(u64, SealedRecord)> {
        let mut records = Vec::new();
        let mut at = from;
        while at < length {
            let news = self.next().await.unwrap();
            let (to, count) = (news.place().length, news.place().length - at);
            records.extend((at..to).zip(news.records(at, count).expect("a gap").iter().cloned()));
            at = to;
        }
        records
    }
}

async fn more(served: &Served, event: EventId, numbers: core::ops::Range<u64>) {
    let rows = numbers.map(|number| row(number).0).collect();
    served.registrar.store.import_tickets(event, rows, true).await.unwrap();
}

fn length(served: &Served, event: EventId) -> u64 {
    served.registrar.store.head_reaching(event).unwrap().0.length
}

async fn whole(served: &Served, event: EventId) -> Vec<(u64, SealedRecord)> {
    let length = length(served, event);
    (0..).zip(served.registrar.store.feed_records(event, 0, length).await.unwrap()).collect()
}

fn believed(served: &Served, event: EventId, head: &[u8]) -> FeedHead {
    let certificate = served.registrar.store.feed_key_certificate(event).unwrap();
    let mut keys = TrustedFeedKeys::new(*served.registrar.store.root_key(), event).unwrap();
    keys.trust(&certificate).unwrap();
    *FeedHead::verify(head, &keys, event, served.app.now()).unwrap().head()
}

#[tokio::test]
async fn a_stream_tells_the_head_at_once_and_then_what_is_new() {
    let served = Served::new();
    let event = served.event().await;
    let mut heard = Heard::at(&served, event, Some(1)).await;
    let first = heard.next().await.unwrap();
    assert_eq!((first.place(), first.records(0, 1)), (FeedPlace { epoch: Epoch::FIRST, length: 1 }, None));
    assert_eq!(believed(&served, event, first.head()).length, 1);
    more(&served, event, 0..3).await;
    assert_eq!(heard.until(1, 4).await, whole(&served, event).await[1..]);
}

#[tokio::test]
async fn a_stream_that_was_cut_goes_on_where_it_was_and_every_record_comes_once() {
    let served = Served::new();
    let event = served.event().await;
    let mut heard = Heard::at(&served, event, Some(0)).await;
    let mut records = heard.until(0, 1).await;
    more(&served, event, 0..40).await;
    records.extend(heard.until(1, 41).await);
    drop(heard);
    more(&served, event, 40..90).await;
    let mut heard = Heard::at(&served, event, Some(41)).await;
    more(&served, event, 90..93).await;
    records.extend(heard.until(41, 94).await);
    assert_eq!(records, whole(&served, event).await);
}

#[tokio::test]
async fn who_is_too_far_back_or_says_nothing_hears_the_head_alone() {
    let served = Served::new();
    let event = served.event().await;
    let count = u64::try_from(STREAMED_RECORDS_MAX).unwrap() + 10;
    more(&served, event, 0..count).await;
    let length = length(&served, event);
    for at in [None, Some(0), Some(length - 257), Some(length + 1), Some(u64::MAX)] {
        let news = Heard::at(&served, event, at).await.next().await.unwrap();
        assert_eq!((news.place().length, news.records(length - 1, 1)), (length, None), "{at:?}");
    }
    let mut heard = Heard::at(&served, event, Some(length - 256)).await;
    assert_eq!(heard.until(length - 256, length).await.len(), 256);
}

#[tokio::test]
async fn a_listener_that_lags_hears_the_newest_head_and_no_queue() {
    let served = Served::new();
    let event = served.event().await;
    let (mut slow, mut quick) = (Heard::at(&served, event, Some(1)).await, Heard::at(&served, event, Some(1)).await);
    slow.next().await.unwrap();
    quick.next().await.unwrap();
    for number in 0..5 {
        more(&served, event, number..number + 1).await;
        quick.until(number + 1, number + 2).await;
    }
    let news = slow.next().await.unwrap();
    assert_eq!((news.place().length, news.records(1, 5).map(<[_]>::len)), (6, Some(5)), "all of it at once");
}

#[tokio::test]
async fn many_listeners_share_one_encoding_and_a_burst_is_one_head() {
    let served = Served::new();
    let event = served.event().await;
    let mut told = served.app.live_feeds.follow(event).unwrap();
    let others: Vec<_> = (0..200).map(|_| served.app.live_feeds.follow(event).unwrap()).collect();
    told.wait_for(Option::is_some).await.unwrap();
    let first = told.borrow_and_update().clone().unwrap();
    let begun = tokio::time::Instant::now();
    for number in 0..30 {
        more(&served, event, number..number + 1).await;
    }
    let (mut steps, mut last) = (0, first);
    while last.place().length < 31 {
        told.changed().await.unwrap();
        let step = told.borrow_and_update().clone().unwrap();
        // Who looks away misses heads, on a slow machine this test too; none goes back.
        assert!(step.before.length >= last.place().length, "{:?} behind {:?}", step.before, last.place());
        (steps, last) = (steps + 1, step);
    }
    assert!(steps <= 2 + begun.elapsed().as_millis() / 50, "{steps} heads for 30 changes");
    for other in others {
        assert!(Arc::ptr_eq(&last, other.borrow().as_ref().unwrap()));
    }
    let at = Some(last.before);
    assert_eq!(last.text_for(at).as_ptr(), last.text_for(at).as_ptr(), "the same bytes, not a copy of them");
}

#[tokio::test]
async fn a_silent_feed_is_told_again_with_a_fresh_head_once_one_is_due() {
    let served = Served::new();
    let event = served.event().await;
    let store = &served.registrar.store;
    let first = Step::next(store, event, None, true).await.unwrap().unwrap();
    assert!(Step::next(store, event, Some(&first), false).await.unwrap().is_none(), "nothing new, and no head due");
    served.registrar.clock.advance(HEAD_INTERVAL);
    let later = Step::next(store, event, Some(&first), true).await.unwrap().unwrap();
    let issued = |step: &Step| {
        let text = step.text_for(Some(step.place()));
        let [event_told] = &EventReader::default().push(&text).unwrap()[..] else { panic!("not one event") };
        let news = FeedNews::parse(event_told).unwrap().unwrap();
        assert_eq!((news.place().length, news.records(0, 1)), (1, None), "the head alone");
        believed(&served, event, news.head()).issued_at
    };
    assert_eq!(issued(&later).since(issued(&first)), HEAD_INTERVAL);
}

#[tokio::test]
async fn whoever_listens_to_a_deleted_event_goes_on_hearing_the_time() {
    let served = Served::new();
    let event = served.event().await;
    more(&served, event, 0..3).await;
    let store = &served.registrar.store;
    let before = Step::next(store, event, None, true).await.unwrap().unwrap();
    served.registrar.clock.set(draft().retention_at.after(HEAD_INTERVAL));
    store.forget_event(event).await.unwrap();
    for last in [None, Some(&before)] {
        let step = Step::next(store, event, last, true).await.unwrap().unwrap();
        assert_eq!(step.place(), before.place());
    }
    let news = Heard::at(&served, event, Some(0)).await.next().await.unwrap();
    assert_eq!((news.place().length, news.records(0, 4)), (4, None), "its records are gone");
}

#[tokio::test]
async fn streams_end_with_the_process_and_none_begins_after() {
    let served = Served::new();
    let event = served.event().await;
    let mut heard = Heard::at(&served, event, None).await;
    heard.next().await.unwrap();
    served.app.stop();
    assert_eq!(heard.next().await, None);
    tokio::time::timeout(SOON, served.app.live_feeds.ended()).await.expect("a publisher goes on");
}

#[tokio::test]
async fn a_publisher_ends_when_nobody_follows_and_begins_again() {
    let served = Served::new();
    let event = served.event().await;
    for _turn in 0..2 {
        let mut heard = Heard::at(&served, event, None).await;
        heard.next().await.unwrap();
        drop(heard);
        while !served.app.live_feeds.shared.followed.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn streams_are_bounded_for_an_event_and_for_the_process() {
    let served = Served::new();
    let (event, other) = (served.event().await, served.event().await);
    let refused = |event: EventId| {
        let request = Request::builder().uri(routes::feed_stream(event)).body(Body::empty()).unwrap();
        served.send(request)
    };
    let feeds = &served.app.live_feeds;
    let streams: Vec<_> = (0..STREAMS_PER_EVENT_MAX).map(|_| feeds.open(event, None).unwrap()).collect();
    let full = refused(event).await;
    assert_eq!(full.problem(), problem(503, "too_many_streams"));
    assert_eq!(full.headers["retry-after"], "1");
    let beside = feeds.open(other, None).unwrap();
    drop(streams);
    let all = Arc::clone(&feeds.places).try_acquire_many_owned(u32::try_from(STREAMS_MAX - 1).unwrap()).unwrap();
    assert_eq!(refused(event).await.problem(), problem(503, "too_many_streams"));
    drop((all, beside));
    assert!(feeds.open(event, None).is_ok());
    let unknown = EventId::from_bytes([200; 16]);
    assert_eq!(refused(unknown).await.problem(), problem(404, "unknown_event"));
}
