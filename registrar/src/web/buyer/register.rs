//! `/r`: a ticket waits for a card, and shows by itself that it has got one.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use kido_shared::clock::Timestamp;
use kido_web::icons;

use super::excuse::Excuse;
use super::face::{Face, is_over};
use super::sessions::{Mark, PageSession, Side};
use super::sheet::{Reader, Sheet};
use crate::config::CardHelperUrl;
use crate::domain::ticket::TicketState;
use crate::error::AppError;
use crate::state::AppState;
use crate::store::LinkedTicket;
use crate::web::Page;

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
    card_helper: Option<&'p CardHelperUrl>,
    stage: Stage,
    mark: Option<Mark>,
    face: Option<Face>,
}

impl<'p> RegisterPage<'p> {
    fn without_ticket(app: &'p AppState, (language, visitor): Reader, stage: Stage) -> Self {
        let (page, origin) = (app.pages.page(language), app.origin.as_str().to_owned());
        let card_helper = app.card_helper.as_ref();
        Self { page, origin, phone: visitor.phone, card_helper, stage, mark: None, face: None }
    }

    fn with_ticket(app: &'p AppState, reader: Reader, session: &PageSession, linked: &LinkedTicket) -> Self {
        let stage = Stage::of(app, session, linked);
        let empty = Self::without_ticket(app, reader, stage);
        let page = empty.page.of_rehearsal(linked.policy.is_rehearsal());
        Self { page, mark: Some(session.mark), face: Some(Face::of(linked, reader.0)), ..empty }
    }
}

fn linked(app: &AppState, session: &PageSession) -> Result<LinkedTicket, AppError> {
    Ok(app.store.linked_ticket(session.event, session.ticket, session.code)?)
}

/// `/r`.
pub(super) enum Register {}

impl Sheet for Register {
    const SIDE: Side = Side::Register;

    fn objection(linked: &LinkedTicket, now: Timestamp) -> Option<Excuse> {
        objection(linked, now)
    }

    fn without_ticket(app: &AppState, reader: Reader, excuse: Option<Excuse>) -> Result<Response, AppError> {
        let page = RegisterPage::without_ticket(app, reader, excuse.map_or(Stage::Opening, Stage::Excused));
        page.page.show_as(excuse.map_or(StatusCode::OK, Excuse::status), &page)
    }

    fn with_ticket(app: &AppState, reader: Reader, session: &PageSession) -> Result<Response, AppError> {
        let page = RegisterPage::with_ticket(app, reader, session, &linked(app, session)?);
        page.page.show(&page)
    }

    fn stamp(app: &AppState, session: &PageSession) -> Result<String, AppError> {
        Ok(Stage::of(app, session, &linked(app, session)?).stamp().to_owned())
    }
}
