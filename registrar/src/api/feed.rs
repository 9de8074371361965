//! The feed, for anyone: the head is signed, everything else is ciphertext.
//!
//! A full range never changes, so whoever has one need not ask again; the end and the head are never kept. The stream
//! tells of each new head at once.

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use kido_shared::wire::v1::feed_stream::{FeedPlace, LAST_EVENT_ID};
use kido_shared::wire::v1::problem::Problem;
use kido_shared::wire::v1::routes::{FEED_CUT, FEED_HEAD, FEED_KEY, FEED_RANGE, FEED_STREAM, FEED_TAIL};

use super::extract::{EventPath, RangePath, TailPath};
use crate::error::AppError;
use crate::state::AppState;

const COSE: &str = "application/cose";
const CBOR: &str = "application/cbor";
const EVENT_STREAM: &str = "text/event-stream";

/// Tells a proxy to pass on each piece as it comes, whatever it was set to do with answers in general.
const UNBUFFERED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

/// Any cache may keep it for a year, which is as long as caches are told to.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
const NEVER: &str = "no-store";

/// The signed head.
#[utoipa::path(get, path = FEED_HEAD, tag = "feed", params(("event" = String, Path)),
    responses((status = OK, content_type = COSE, body = Vec<u8>), (status = "default", body = Problem)))]
pub async fn head(State(app): State<AppState>, EventPath { event }: EventPath) -> Result<Response, AppError> {
    let (_reached, head) = app.store.newest_head(event).await?;
    Ok(([(CONTENT_TYPE, COSE), (CACHE_CONTROL, NEVER)], head.into_bytes()).into_response())
}

/// The feed key's certificate under the root key.
#[utoipa::path(get, path = FEED_KEY, tag = "feed", params(("event" = String, Path)),
    responses((status = OK, content_type = COSE, body = Vec<u8>), (status = "default", body = Problem)))]
pub async fn key(State(app): State<AppState>, EventPath { event }: EventPath) -> Result<Response, AppError> {
    let certificate = app.store.feed_key_certificate(event)?;
    Ok(([(CONTENT_TYPE, COSE), (CACHE_CONTROL, NEVER)], certificate.as_bytes().to_vec()).into_response())
}

/// The root key's word that began the feed's epoch: whoever follows an earlier one begins anew by it.
#[utoipa::path(get, path = FEED_CUT, tag = "feed", params(("event" = String, Path)),
    responses((status = OK, content_type = COSE, body = Vec<u8>), (status = "default", body = Problem)))]
pub async fn cut(State(app): State<AppState>, EventPath { event }: EventPath) -> Result<Response, AppError> {
    let cut = app.store.epoch_cut(event)?.ok_or(AppError::NoCut)?;
    Ok(([(CONTENT_TYPE, COSE), (CACHE_CONTROL, NEVER)], cut).into_response())
}

/// One full range of 1,024 records. There is none before it is full: half a range in a cache would stay half.
#[utoipa::path(get, path = FEED_RANGE, tag = "feed",
    params(("event" = String, Path), ("epoch" = u64, Path), ("range" = u64, Path)),
    responses((status = OK, content_type = CBOR, body = Vec<u8>), (status = "default", body = Problem)))]
pub async fn range(
    State(app): State<AppState>,
    RangePath { event, epoch, range }: RangePath,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    // Epoch and number name the content once and for all; asking the store is for those who have nothing yet.
    let tag = format!("\"{epoch}-{range}\"");
    if headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, tag.as_str()), (CACHE_CONTROL, FOR_EVER)]).into_response());
    }
    let records = app.store.feed_range(event, epoch, range).await?.ok_or(AppError::NoSuchRange)?;
    Ok(([(CONTENT_TYPE, CBOR), (CACHE_CONTROL, FOR_EVER), (ETAG, tag.as_str())], records).into_response())
}

/// The records from a number up to the end of its range or of the feed.
#[utoipa::path(get, path = FEED_TAIL, tag = "feed",
    params(("event" = String, Path), ("epoch" = u64, Path), ("from" = u64, Path)),
    responses((status = OK, content_type = CBOR, body = Vec<u8>), (status = "default", body = Problem)))]
pub async fn tail(
    State(app): State<AppState>,
    TailPath { event, epoch, from }: TailPath,
) -> Result<Response, AppError> {
    let records = app.store.feed_tail(event, epoch, from).await?.ok_or(AppError::NoSuchRange)?;
    Ok(([(CONTENT_TYPE, CBOR), (CACHE_CONTROL, NEVER)], records).into_response())
}

/// The live feed: server-sent events named `head`, one at once, one whenever the feed has grown, and one every 30 s.
///
/// Each carries the signed head and, where they are few, the records between the asker's place and that head. Its id is a
/// place: epoch and length. Whoever comes again sends it as `Last-Event-ID` and goes on from there.
#[utoipa::path(get, path = FEED_STREAM, tag = "feed", params(("event" = String, Path),
        ("last-event-id" = Option<String>, Header, description = "Epoch and length, as in `0-1234`")),
    responses((status = OK, content_type = EVENT_STREAM, body = String), (status = "default", body = Problem)))]
pub async fn stream(
    State(app): State<AppState>,
    EventPath { event }: EventPath,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    // Who does not say where it is, or says it in other words, gets the head and finds its own way.
    let at = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok()).and_then(|id| id.parse::<FeedPlace>().ok());
    let body = app.live_feeds.open(event, at)?;
    Ok(([(CONTENT_TYPE, EVENT_STREAM), (CACHE_CONTROL, NEVER)], [UNBUFFERED], body).into_response())
}
