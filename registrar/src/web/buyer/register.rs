//! `/r`: a ticket waits for a card, and shows by itself that it has got one.

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use kido_shared::clock::Timestamp;
use kido_web::icons;
use kido_web::language::Language;

use super::excuse::Excuse;
use super::face::{Face, is_over};
use super::sessions::{Mark, PageSession, Side};
use super::{OfPage, OpenBody, session, session_of, stream, with_cookie};
use crate::api::extract::JsonBody;
use crate::domain::ticket::TicketState;
use crate::error::AppError;
use crate::state::AppState;
use crate::store::LinkedTicket;
use crate::web::Page;
use crate::web::same_origin::SameOrigin;
use crate::web::visitor::Visitor;

/// Where a registration stands, as its page shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// No link was opened yet.
    Opening,
    /// For a card helper.
    Waiting,
    /// A card helper has begun its dialogue.
    Talking,
    /// A card is registered.
    Bound,
    /// Nothing can be registered.
    Excused(Excuse),
}

impl Stage {
    fn of(app: &AppState, session: &PageSession, linked: &LinkedTicket) -> Self {
        match linked.ticket.state {
            TicketState::Bound | TicketState::Suspended => Self::Bound,
            TicketState::Reserved | TicketState::Unbound | TicketState::Returned | TicketState::Cancelled => {
                match objection(linked, app.now()) {
                    Some(excuse) => Self::Excused(excuse),
                    None if app.registrations.is_talking(session.code) => Self::Talking,
                    None => Self::Waiting,
                }
            }
        }
    }

    /// What the page compares to know whether it is out of date; also the key of what is announced.
    const fn stamp(self) -> &'static str {
        match self {
            Self::Opening => "register-opening",
            Self::Waiting => "register-waiting",
            Self::Talking => "register-talking",
            Self::Bound => "register-bound",
            Self::Excused(excuse) => excuse.key(),
        }
    }
}

/// Why a code that opens a ticket still registers no card.
fn objection(linked: &LinkedTicket, now: Timestamp) -> Option<Excuse> {
    match linked.ticket.state {
        TicketState::Bound | TicketState::Suspended => Some(Excuse::IsHolders),
        TicketState::Returned => Some(Excuse::Returned),
        TicketState::Cancelled => Some(Excuse::Cancelled),
        TicketState::Reserved | TicketState::Unbound if !linked.is_live => Some(Excuse::Used),
        TicketState::Reserved | TicketState::Unbound => is_over(linked, now).then_some(Excuse::Over),
    }
}

#[derive(Debug, Template)]
#[template(path = "buyer_register.html")]
struct RegisterPage<'p> {
    page: Page<'p>,
    origin: String,
    phone: bool,
    stage: Stage,
    mark: Option<Mark>,
    face: Option<Face>,
}

impl<'p> RegisterPage<'p> {
    fn without_ticket(app: &'p AppState, language: Language, visitor: Visitor, stage: Stage) -> Self {
        let (page, origin) = (app.pages.page(language), app.origin.as_str().to_owned());
        Self { page, origin, phone: visitor.phone, stage, mark: None, face: None }
    }

    fn with_ticket(
        app: &'p AppState,
        (language, visitor): (Language, Visitor),
        session: &PageSession,
        linked: &LinkedTicket,
    ) -> Self {
        let stage = Stage::of(app, session, linked);
        let empty = Self::without_ticket(app, language, visitor, stage);
        let page = empty.page.of_rehearsal(linked.policy.is_rehearsal());
        Self { page, mark: Some(session.mark), face: Some(Face::of(linked, language)), ..empty }
    }

    fn answer(&self) -> Result<Response, AppError> {
        let mut response = self.page.show(self)?;
        if let Stage::Excused(excuse) = self.stage {
            *response.status_mut() = excuse.status();
        }
        Ok(response)
    }
}

fn linked(app: &AppState, session: &PageSession) -> Result<LinkedTicket, AppError> {
    Ok(app.store.linked_ticket(session.event, session.ticket, session.code)?)
}

/// The page as its session has it; without one it waits for a link.
pub(super) async fn show(
    State(app): State<AppState>,
    language: Language,
    visitor: Visitor,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    match session(&app, &headers, Side::Register) {
        Ok(Some(session)) => {
            let page =
                RegisterPage::with_ticket(&app, (language, visitor), &session, &linked(&app, &session)?).answer();
            // A ticket's end is no error of a page that shows it.
            page.map(|mut page| {
                *page.status_mut() = StatusCode::OK;
                page
            })
        }
        Ok(None) => RegisterPage::without_ticket(&app, language, visitor, Stage::Opening).answer(),
        Err(excuse) => {
            let page = RegisterPage::without_ticket(&app, language, visitor, Stage::Excused(excuse));
            Ok(with_cookie(page.answer()?, &app, Side::Register, None))
        }
    }
}

/// Takes the code of the link, once.
pub(super) async fn open(
    _same: SameOrigin,
    State(app): State<AppState>,
    language: Language,
    visitor: Visitor,
    headers: HeaderMap,
    JsonBody(body): JsonBody<OpenBody>,
) -> Result<Response, AppError> {
    match super::open(&app, (&headers, visitor), Side::Register, &body, objection)? {
        Ok((session, linked)) => {
            let page = RegisterPage::with_ticket(&app, (language, visitor), &session, &linked).answer()?;
            Ok(with_cookie(page, &app, Side::Register, Some(&session)))
        }
        Err(excuse) => {
            let page = RegisterPage::without_ticket(&app, language, visitor, Stage::Excused(excuse)).answer()?;
            Ok(with_cookie(page, &app, Side::Register, None))
        }
    }
}

/// Stamps of the page: waiting, talking, bound.
pub(super) async fn events(
    State(app): State<AppState>,
    page: Result<Query<OfPage>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    let session = page.map_err(|_no_mark| Excuse::PageOver);
    let session = session.and_then(|Query(OfPage { page })| session_of(&app, &headers, Side::Register, page));
    match session {
        Ok(session) => stream::of(&app, session, |app, session| {
            Ok(Stage::of(app, session, &linked(app, session)?).stamp().to_owned())
        }),
        // This status alone tells a browser not to ask again (HTML Standard, server-sent events).
        Err(_over) => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}
