//! What the lane's page asks for and hands in.

use core::convert::Infallible;
use core::time::Duration;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use kido_shared::card::Pin;
use serde::{Deserialize, Serialize};
use tokio_stream::wrappers::WatchStream;
use tokio_stream::{Stream, StreamExt as _};
use zeroize::Zeroize as _;

use super::{KioskState, STREAMS_MAX};
use crate::display::{Frame, FrameNumber, NotTaken, Typed};

/// How often a stream says that the lane is alive while its screen stands still: a page that misses three calls itself
/// out of order.
pub(super) const ALIVE_EVERY: Duration = Duration::from_secs(5);

/// The current screen at once, then every newer one; a page that is slow skips to the latest.
pub(super) async fn events(State(state): State<KioskState>) -> Response {
    let Ok(permit) = Arc::clone(&state.streams).try_acquire_owned() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let frames = WatchStream::new(state.viewer.frames()).map(Some);
    let ending = WatchStream::new(state.ending).filter_map(|ending| ending.then_some(None));
    // The permit lives as long as its stream.
    let events = frames.merge(ending).map_while(move |frame| {
        let _counted = &permit;
        frame.map(|frame| event(&frame))
    });
    let alive = KeepAlive::new().interval(ALIVE_EVERY).event(Event::default().event("alive").data("{}"));
    Sse::new(infallible(events)).keep_alive(alive).into_response()
}

fn infallible(events: impl Stream<Item = Event>) -> impl Stream<Item = Result<Event, Infallible>> {
    events.map(Ok)
}

fn event(frame: &Frame) -> Event {
    let event = Event::default().event("screen").id(frame.number.get().to_string());
    // A frame is plain text and numbers: should it ever fail to be JSON, the page shows that the lane is closed.
    event.json_data(frame).unwrap_or_else(|_never| Event::default().event("screen").data("null"))
}

pub(super) async fn screen(State(state): State<KioskState>) -> Json<Frame> {
    Json(Frame::clone(&state.viewer.current()))
}

/// How the lane's screen does: whoever keeps the browser alive starts it again when nobody listens any more.
#[derive(Serialize)]
pub(super) struct Health {
    /// Event streams that are open.
    pages: usize,
}

pub(super) async fn health(State(state): State<KioskState>) -> Json<Health> {
    Json(Health { pages: STREAMS_MAX.saturating_sub(state.streams.available_permits()) })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PinBody<'b> {
    screen: FrameNumber,
    /// Borrowed: digits need no escape, so no second copy is made.
    #[serde(borrow)]
    pin: &'b str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PartyBody {
    screen: FrameNumber,
    count: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CancelBody {
    screen: FrameNumber,
}

/// Takes four digits for the screen that asked for them.
pub(super) async fn pin(State(state): State<KioskState>, body: Bytes) -> StatusCode {
    let parsed = serde_json::from_slice::<PinBody<'_>>(&body)
        .ok()
        .and_then(|PinBody { screen, pin }| Some((screen, Pin::parse(pin).ok()?)));
    wipe(body);
    match parsed {
        Some((screen, pin)) => answer(state.viewer.type_in(screen, Typed::Pin(pin))),
        None => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

/// Takes the number of people who enter.
pub(super) async fn party(State(state): State<KioskState>, body: Bytes) -> StatusCode {
    match serde_json::from_slice(&body) {
        Ok(PartyBody { screen, count }) => answer(state.viewer.type_in(screen, Typed::Party(count))),
        Err(_no_such_body) => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

/// Takes *cancel*.
pub(super) async fn cancel(State(state): State<KioskState>, body: Bytes) -> StatusCode {
    match serde_json::from_slice(&body) {
        Ok(CancelBody { screen }) => answer(state.viewer.type_in(screen, Typed::Cancel)),
        Err(_no_such_body) => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

const fn answer(taken: Result<(), NotTaken>) -> StatusCode {
    match taken {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(NotTaken::NotAsked | NotTaken::Busy) => StatusCode::CONFLICT,
        Err(NotTaken::Ended) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// Wipes a body that carried digits, where it is the only view of its bytes. The HTTP library may have moved them
/// before; what it left lies in memory that is never swapped or dumped (`protocol.md` §2).
fn wipe(body: Bytes) {
    if let Ok(mut bytes) = body.try_into_mut() {
        bytes.as_mut().zeroize();
    }
}
