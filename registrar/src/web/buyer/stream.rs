//! The stream by which an open page learns that it has something new to show.
//!
//! It carries a stamp and no content: the page asks for itself again and gets it whole, in its own language.

use core::convert::Infallible;
use core::time::Duration;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::{IntervalStream, WatchStream};

use super::sessions::PageSession;
use crate::error::AppError;
use crate::state::AppState;

/// Most streams at a time: a quarter of the connections that this registrar holds; a page without one asks every few
/// seconds instead.
pub(super) const STREAMS_MAX: usize = 1_024;

/// Shortest time between two looks of one stream: faster than anybody reads, and an event of a thousand changes a second
/// costs each stream four looks.
const LOOK_PAUSE: Duration = Duration::from_millis(250);

/// How often a stream looks without being told to: what ends by the clock alone, a dialogue or the page itself.
const LOOK_ANYWAY: Duration = Duration::from_secs(15);

/// How often a silent stream says that it is there, so that no proxy ends it.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What a page is told once its session is over; it then asks for itself once more and stays still.
pub(super) const OVER: &str = "over";

/// Why a stream looks again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Look,
    Stop,
}

/// Stamps of a page: the current one at once, then each that differs from the one before.
pub(super) fn of(
    app: &AppState,
    session: PageSession,
    stamp: fn(&AppState, &PageSession) -> Result<String, AppError>,
) -> Result<Response, AppError> {
    let permits =
        (Arc::clone(&app.buyers.streams).try_acquire_owned(), Arc::clone(&session.streams).try_acquire_owned());
    let (Ok(one_of_all), Ok(one_of_page)) = permits else {
        return Ok(StatusCode::SERVICE_UNAVAILABLE.into_response());
    };
    let stored = WatchStream::from_changes(app.store.changes(session.event)?).map(|_count| Cause::Look);
    let talked = WatchStream::from_changes(app.registrations.changes()).map(|_count| Cause::Look);
    let anyway = IntervalStream::new(tokio::time::interval(LOOK_ANYWAY)).map(|_at| Cause::Look);
    let stopping = WatchStream::new(app.stopping()).filter_map(|stopping| stopping.then_some(Cause::Stop));
    let causes = stored.merge(talked).merge(anyway).throttle(LOOK_PAUSE).merge(stopping);
    let (app, mut last) = (app.clone(), String::new());
    let stamps = causes.map_while(move |cause| {
        // The permits live as long as their stream.
        let _counted = (&one_of_all, &one_of_page);
        if cause == Cause::Stop || last == OVER {
            return None;
        }
        let now = if app.buyers.is_open(&session, &app) { stamp(&app, &session) } else { Ok(OVER.to_owned()) };
        let fresh = now.ok().filter(|now| *now != last);
        if let Some(fresh) = &fresh {
            last.clone_from(fresh);
        }
        Some(fresh)
    });
    let events =
        stamps.filter_map(|fresh| fresh.map(|stamp| Ok::<_, Infallible>(Event::default().event("stamp").data(stamp))));
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}
