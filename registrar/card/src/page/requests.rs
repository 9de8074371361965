//! The requests of the page. None of them logs what it carries.

use core::time::Duration;
use std::sync::{Arc, PoisonError};

use askama::Template;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse as _, Response};
use kido_web::assets::Kind;
use kido_web::language::Language;
use kido_web::words::Speech;
use serde::Deserialize;
use zeroize::{Zeroize as _, Zeroizing};

use super::door::{Knock, set_cookie};
use super::picture::{Base, Mark};
use super::server::PageState;
use super::stage::Ending;

/// How long a request waits for a newer moment before it answers that there is none; shorter than what any browser or
/// proxy bears.
const WAIT_FOR_NEWER: Duration = Duration::from_secs(20);

/// Room for a moment, so that no growing buffer leaves an unwiped copy of a holder link behind.
const VIEW_BYTES: usize = 64 * 1024;

type PageOf = State<Arc<PageState>>;

/// The frame, and everything that its script needs to draw any moment.
#[derive(Template)]
#[template(path = "page.html")]
struct Frame<'p> {
    speech: Speech<'p>,
    state: &'p PageState,
}

impl Frame<'_> {
    fn file(&self, stem: &str, kind: Kind) -> String {
        format!("{}assets/{}", self.state.path, self.state.assets.path(stem, kind))
    }

    fn css(&self, stem: &str) -> String {
        self.file(stem, Kind::Css)
    }

    fn js(&self, stem: &str) -> String {
        self.file(stem, Kind::Js)
    }

    fn svg(&self, stem: &str) -> String {
        self.file(stem, Kind::Svg)
    }

    const fn bases(&self) -> [Base; 15] {
        Base::ALL
    }

    const fn marks(&self) -> [Mark; 17] {
        Mark::ALL
    }

    const fn languages(&self) -> [Language; 2] {
        Language::ALL
    }
}

pub(super) async fn page(State(state): PageOf, language: Language) -> Response {
    let frame = Frame { speech: state.words.speak(language), state: &state };
    match frame.render() {
        Ok(html) => ([(SET_COOKIE, language.cookie())], Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "the page's frame cannot be made");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

pub(super) async fn asset(State(state): PageOf, Path(name): Path<String>) -> Response {
    state.assets.answer(&name)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EnterBody<'b> {
    #[serde(borrow)]
    secret: &'b str,
}

/// Exchanges the one-time secret for the cookie; whoever comes second ends the page.
pub(super) async fn enter(State(state): PageOf, body: Bytes) -> Response {
    let knock = match serde_json::from_slice::<EnterBody<'_>>(&body) {
        Ok(EnterBody { secret }) => {
            let mut door = state.door.lock().unwrap_or_else(PoisonError::into_inner);
            door.knock(secret, &state.cookie)
        }
        Err(_may_hold_the_secret) => Knock::Wrong,
    };
    wipe(body);
    match knock {
        Knock::Admitted => match set_cookie(&state.cookie, &state.path) {
            Some(cookie) => (StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response(),
            None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        },
        Knock::Wrong => StatusCode::UNAUTHORIZED.into_response(),
        Knock::Again => {
            tracing::warn!("the page's address was used twice; it is closed");
            state.stage.stop(Ending::Taken);
            StatusCode::GONE.into_response()
        }
    }
}

fn is_admitted(state: &PageState, headers: &HeaderMap) -> bool {
    state.door.lock().unwrap_or_else(PoisonError::into_inner).admits(headers)
}

#[derive(Deserialize)]
pub(super) struct After {
    after: u64,
}

/// The moment that is shown; waits a while where the page knows it already.
pub(super) async fn view(
    State(state): PageOf,
    language: Language,
    Query(After { after }): Query<After>,
    headers: HeaderMap,
) -> Response {
    if !is_admitted(&state, &headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let Ok(_place) = state.waiting.try_acquire() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    state.stage.note_asked();
    if tokio::time::timeout(WAIT_FOR_NEWER, state.stage.newer_than(after)).await.is_err() {
        return StatusCode::NO_CONTENT.into_response();
    }
    let view = state.stage.view(state.words.speak(language));
    let mut json = Zeroizing::new(Vec::with_capacity(VIEW_BYTES));
    if serde_json::to_writer(&mut *json, &view).is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    state.stage.note_seen(view.number);
    ([(CONTENT_TYPE, "application/json")], Bytes::from_owner(json)).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerBody<'b> {
    moment: u64,
    /// Borrowed: what needs no escape is not copied.
    #[serde(borrow)]
    answer: std::borrow::Cow<'b, str>,
}

/// Takes an answer to the moment that asked for it.
pub(super) async fn answer(State(state): PageOf, headers: HeaderMap, body: Bytes) -> StatusCode {
    if !is_admitted(&state, &headers) {
        wipe(body);
        return StatusCode::UNAUTHORIZED;
    }
    let parsed = serde_json::from_slice::<AnswerBody<'_>>(&body)
        .map(|AnswerBody { moment, answer }| (moment, Zeroizing::new(answer.into_owned())));
    wipe(body);
    match parsed {
        Ok((moment, answer)) => match state.stage.answer(moment, answer) {
            Ok(()) => StatusCode::NO_CONTENT,
            Err(_not_asked) => StatusCode::CONFLICT,
        },
        Err(_may_hold_the_answer) => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

pub(super) async fn stop(State(state): PageOf, headers: HeaderMap) -> StatusCode {
    if !is_admitted(&state, &headers) {
        return StatusCode::UNAUTHORIZED;
    }
    state.stage.stop(Ending::Stopped);
    StatusCode::NO_CONTENT
}

/// The holder's link as a picture, while it is shown and to whoever it is shown to.
pub(super) async fn holder_code(State(state): PageOf, headers: HeaderMap) -> Response {
    if !is_admitted(&state, &headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let Some(link) = state.stage.holder_link() else { return StatusCode::NOT_FOUND.into_response() };
    match kido_web::qr::svg(&link) {
        Ok(svg) => {
            let kind = [
                (CONTENT_TYPE, "image/svg+xml"),
                (CACHE_CONTROL, "no-store"),
                // Opened by itself a picture is a document: this one may do nothing at all.
                (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
            ];
            (kind, Bytes::from_owner(Zeroizing::new(svg))).into_response()
        }
        Err(_too_long) => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Wipes a body that carried digits or a code, where it is the only view of its bytes; what the HTTP library has moved
/// before is beyond this program.
fn wipe(body: Bytes) {
    if let Ok(mut bytes) = body.try_into_mut() {
        bytes.as_mut().zeroize();
    }
}
