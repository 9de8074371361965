use kido_shared::feed::decode_range;
use kido_shared::ids::Epoch;
use kido_shared::limits::FEED_RANGE_RECORDS;
use kido_shared::wire::v1::{operator, routes};

use super::*;

/// An event with one full range and three records more: the policy, and tickets.
async fn long_feed(served: &Served) -> EventId {
    let event = served.event().await;
    let tickets: Vec<Value> = (0..FEED_RANGE_RECORDS + 2).map(numbered).collect();
    let body = json!({"reserved": false, "tickets": tickets});
    served.post(Some(Role::Sales), &operator::tickets(event), &body).await.ok();
    event
}

fn numbered(number: u64) -> Value {
    let mut row = row(1);
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&number.to_be_bytes());
    row["ticket_ref"] = json!(format!("TICKET-{number}"));
    row["code_hash"] = json!(base64url::encode(&hash));
    row
}

#[tokio::test]
async fn a_full_range_may_be_kept_for_ever_and_half_of_one_does_not_exist() {
    let served = Served::new();
    let event = long_feed(&served).await;
    let full = served.get(None, &routes::feed_range(event, Epoch::FIRST, 0)).await;
    assert_eq!(full.status, StatusCode::OK);
    assert_eq!(full.headers["cache-control"], "public, max-age=31536000, immutable");
    assert_eq!(full.headers["content-type"], "application/cbor");
    for uncacheable in ["vary", "set-cookie"] {
        assert!(!full.headers.contains_key(uncacheable), "{uncacheable} keeps shared caches from answering for all");
    }
    assert_eq!(u64::try_from(decode_range(&full.bytes).unwrap().len()).unwrap(), FEED_RANGE_RECORDS);
    let known = Request::builder().uri(routes::feed_range(event, Epoch::FIRST, 0));
    let known = known.header("if-none-match", full.headers["etag"].clone()).body(Body::empty()).unwrap();
    assert_eq!(served.send(known).await.status, StatusCode::NOT_MODIFIED);
    for (epoch, range) in [(Epoch::FIRST, 1), (Epoch::FIRST, u64::MAX), (Epoch::new(1), 0)] {
        let none = served.get(None, &routes::feed_range(event, epoch, range)).await;
        assert_eq!(none.problem(), problem(404, "no_such_range"));
        assert_eq!(none.headers["cache-control"], "no-store", "a cache must ask again");
    }
}

#[tokio::test]
async fn the_end_of_a_feed_is_never_kept() {
    let served = Served::new();
    let event = long_feed(&served).await;
    let tail = served.get(None, &routes::feed_tail(event, Epoch::FIRST, FEED_RANGE_RECORDS)).await;
    assert_eq!(decode_range(&tail.bytes).unwrap().len(), 3);
    assert_eq!(tail.headers["cache-control"], "no-store");
    let beyond = served.get(None, &routes::feed_tail(event, Epoch::FIRST, FEED_RANGE_RECORDS * 2)).await;
    assert_eq!(beyond.problem(), problem(404, "no_such_range"));
    let head = served.get(None, &routes::feed_head(event)).await;
    assert_eq!(
        (head.status, &head.headers["content-type"]),
        (StatusCode::OK, &HeaderValue::from_static("application/cose"))
    );
    assert_eq!(head.headers["cache-control"], "no-store");
    assert_eq!(served.get(None, &routes::feed_key(event)).await.status, StatusCode::OK);
    let unknown = EventId::from_bytes([200; 16]);
    assert_eq!(served.get(None, &routes::feed_head(unknown)).await.problem(), problem(404, "unknown_event"));
}
