//! Pages for buyers and holders, and the start page.
//!
//! | | |
//! |---|---|
//! | `GET /` | what this is, and where to go |
//! | `GET /r` | registers a card: opening → waiting → the card helper is talking → bound |
//! | `GET /t` | the holder's ticket: state, seat, entrance, window, actions, history |
//! | `POST /r/open`, `POST /t/open` | `{"code": "…"}` once: the page as it is with that code, and the cookie of its session |
//! | `GET /r/events`, `GET /t/events` | server-sent events: a stamp whenever the page would look different |
//! | `POST /t/lost` | `{"page": 17}`: the card was lost, so the ticket is suspended |
//!
//! The code is in the link's fragment, which reaches no server. The page's script takes it from there, sends it in one
//! body and clears the address. **No answer here holds a code or anything of a card.** Every answer but the streams is the
//! whole page, made here in the reader's language; the script puts its middle in place of the old one.

mod excuse;
mod face;
mod holder;
mod register;
mod sessions;
mod sheet;
mod start;
mod stream;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::header::{HeaderMap, SET_COOKIE};
use axum::response::Response;
use axum::routing::{get, post};
use kido_shared::clock::Timestamp;
use kido_shared::codes::Code;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use self::excuse::Excuse;
use self::holder::Holder;
use self::register::Register;
use self::sessions::{Mark, Opened, PageName, PageSession, PageSessions, Side, clear_cookie};
use crate::error::AppError;
use crate::state::AppState;
use crate::store::LinkedTicket;
use crate::visitor::Visitor;

/// Longest body: a code in groups, or a page's mark, and room for white space.
const BODY_BYTES_MAX: usize = 512;

/// What the pages of buyers and holders remember.
#[derive(Debug)]
pub(crate) struct Buyers {
    sessions: Mutex<PageSessions>,
    streams: Arc<Semaphore>,
}

impl Default for Buyers {
    fn default() -> Self {
        let streams = Arc::new(Semaphore::new(stream::STREAMS_MAX));
        Self { sessions: Mutex::default(), streams }
    }
}

impl Buyers {
    fn is_open(&self, session: &PageSession, app: &AppState) -> bool {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.get(session.name, session.side, app.now()).is_some()
    }
}

pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/", get(start::show))
        .route("/r", get(sheet::show::<Register>))
        .route("/r/open", post(sheet::open::<Register>))
        .route("/r/events", get(sheet::events::<Register>))
        .route("/t", get(sheet::show::<Holder>))
        .route("/t/open", post(sheet::open::<Holder>))
        .route("/t/events", get(sheet::events::<Holder>))
        .route("/t/lost", post(holder::lost))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

/// What a page's script sends once.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct OpenBody {
    code: Zeroizing<String>,
}

impl core::fmt::Debug for OpenBody {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("OpenBody(..)")
    }
}

/// Which tab a stream or an action is of.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct OfPage {
    page: Mark,
}

/// The page that a request's cookie names; where it names one that is over, that is said.
fn session(app: &AppState, headers: &HeaderMap, side: Side) -> Result<Option<PageSession>, Excuse> {
    let Some(name) = PageName::of_request(headers, side, app.origin.is_tls()) else { return Ok(None) };
    let sessions = app.buyers.sessions.lock().unwrap_or_else(PoisonError::into_inner);
    sessions.get(name, side, app.now()).cloned().map(Some).ok_or(Excuse::PageOver)
}

/// The same for a tab that says which page it shows.
fn session_of(app: &AppState, headers: &HeaderMap, side: Side, page: Mark) -> Result<PageSession, Excuse> {
    let session = session(app, headers, side)?.ok_or(Excuse::PageOver)?;
    if session.mark == page { Ok(session) } else { Err(Excuse::OtherTab) }
}

/// Looks a code up, and remembers the page where it opens one that this side is for. What the browser had open before on this page is closed.
fn open(
    app: &AppState,
    (headers, visitor): (&HeaderMap, Visitor),
    side: Side,
    body: &OpenBody,
    objection: fn(&LinkedTicket, Timestamp) -> Option<Excuse>,
) -> Result<Result<PageSession, Excuse>, AppError> {
    if let Some(name) = PageName::of_request(headers, side, app.origin.is_tls()) {
        app.buyers.sessions.lock().unwrap_or_else(PoisonError::into_inner).close(name);
    }
    let Ok(code) = Code::parse(&body.code).map(|code| code.hash()) else { return Ok(Err(Excuse::Incomplete)) };
    let linked = match app.store.find_link(code) {
        Ok(linked) => linked,
        Err(failed) => {
            let excuse = Excuse::of_refused_code(failed, side)?;
            if excuse == Excuse::Unknown && app.note_miss(visitor.from).is_err() {
                return Ok(Err(Excuse::TooManyTries));
            }
            return Ok(Err(excuse));
        }
    };
    if let Some(excuse) = objection(&linked, app.now()) {
        return Ok(Err(excuse));
    }
    let opened = Opened { side, event: linked.event, ticket: linked.ticket.ticket, code };
    let mut sessions = app.buyers.sessions.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(Ok(sessions.open(opened, app.now(), &mut app.random())))
}

/// Adds the cookie of a page that was opened, or ends the one of the page that was open before.
fn with_cookie(mut response: Response, app: &AppState, side: Side, session: Option<&PageSession>) -> Response {
    let tls = app.origin.is_tls();
    let cookie = session.map_or_else(|| clear_cookie(side, tls), |session| session.name.set_cookie(side, tls));
    response.headers_mut().append(SET_COOKIE, cookie);
    response
}
