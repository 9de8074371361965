//! What the two pages behind a link have in common: how they are opened, shown again and followed.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use kido_shared::clock::Timestamp;
use kido_web::language::Language;

use super::excuse::Excuse;
use super::sessions::{Mark, PageSession, Side};
use super::{OfPage, OpenBody, session, session_of, stream, with_cookie};
use crate::api::extract::JsonBody;
use crate::error::AppError;
use crate::state::AppState;
use crate::store::LinkedTicket;
use crate::visitor::Visitor;
use crate::web::same_origin::SameOrigin;

/// In which language, and for what kind of device.
pub(super) type Reader = (Language, Visitor);

/// A page that shows the ticket behind a link.
pub(super) trait Sheet: 'static {
    /// Whose sessions it has.
    const SIDE: Side;

    /// Why a code that opens a ticket has no page here.
    fn objection(linked: &LinkedTicket, now: Timestamp) -> Option<Excuse>;

    /// The page while no link is open, or because one cannot be; with the excuse's own status.
    fn without_ticket(app: &AppState, reader: Reader, excuse: Option<Excuse>) -> Result<Response, AppError>;

    /// The page of an open link. A ticket's end is no error of a page that shows it.
    fn with_ticket(app: &AppState, reader: Reader, session: &PageSession) -> Result<Response, AppError>;

    /// What the page compares to know whether it is out of date.
    fn stamp(app: &AppState, session: &PageSession) -> Result<String, AppError>;
}

/// Which page the tab shows that asks for itself again; nothing where the page is loaded.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Again {
    page: Option<Mark>,
}

/// The page as its session has it; without one it waits for a link. A tab never turns into the ticket that another tab
/// has opened since: its script still holds the link of its own.
pub(super) async fn show<S: Sheet>(
    State(app): State<AppState>,
    again: Result<Query<Again>, QueryRejection>,
    language: Language,
    visitor: Visitor,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    let reader = (language, visitor);
    let shown = again.ok().and_then(|Query(Again { page })| page);
    match session(&app, &headers, S::SIDE) {
        Ok(Some(session)) if shown.is_some_and(|mark| mark != session.mark) => {
            S::without_ticket(&app, reader, Some(Excuse::OtherTab))
        }
        Ok(Some(session)) => S::with_ticket(&app, reader, &session),
        Ok(None) => S::without_ticket(&app, reader, None),
        Err(excuse) => Ok(with_cookie(S::without_ticket(&app, reader, Some(excuse))?, &app, S::SIDE, None)),
    }
}

/// Takes the code of the link, once.
pub(super) async fn open<S: Sheet>(
    _same: SameOrigin,
    State(app): State<AppState>,
    language: Language,
    visitor: Visitor,
    headers: HeaderMap,
    JsonBody(body): JsonBody<OpenBody>,
) -> Result<Response, AppError> {
    let reader = (language, visitor);
    match super::open(&app, (&headers, visitor), S::SIDE, &body, S::objection)? {
        Ok(session) => Ok(with_cookie(S::with_ticket(&app, reader, &session)?, &app, S::SIDE, Some(&session))),
        Err(excuse) => Ok(with_cookie(S::without_ticket(&app, reader, Some(excuse))?, &app, S::SIDE, None)),
    }
}

/// Stamps of the page.
pub(super) async fn events<S: Sheet>(
    State(app): State<AppState>,
    page: Result<Query<OfPage>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    let session = page.map_err(|_no_mark| Excuse::PageOver);
    let session = session.and_then(|Query(OfPage { page })| session_of(&app, &headers, S::SIDE, page));
    match session {
        Ok(session) => stream::of(&app, session, S::stamp),
        // This status alone tells a browser not to ask again (HTML Standard, server-sent events).
        Err(_over) => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}
