//! `/t`: the holder's ticket: its state, what can be done, and what was done.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use kido_shared::clock::Timestamp;
use kido_shared::ids::EventId;
use kido_web::icons;
use kido_web::language::Language;

use super::excuse::Excuse;
use super::face::{Face, is_over};
use super::sessions::{Mark, PageSession, Side};
use super::sheet::{Reader, Sheet};
use super::{OfPage, session_of};
use crate::api::extract::JsonBody;
use crate::domain::ticket::TicketState;
use crate::error::AppError;
use crate::state::AppState;
use crate::store::{LinkedTicket, ToldLine};
use crate::visitor::Visitor;
use crate::web::Page;
use crate::web::history_lines::{Sentence, is_inside};
use crate::web::japan_time::JapanTime;
use crate::web::same_origin::SameOrigin;

/// What the band over the ticket says: one colour, one shape, one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Band {
    /// The card opens its entrance.
    Ready,
    /// The shop waits for the money.
    NotPaid,
    /// Somebody went in with it.
    Inside,
    /// Reported lost.
    Suspended,
    /// Its time is over.
    Over,
    /// Void.
    Cancelled,
    /// With the shop.
    Returned,
}

impl Band {
    fn of(linked: &LinkedTicket, history: &[ToldLine], now: Timestamp) -> Self {
        match linked.ticket.state {
            TicketState::Cancelled => Self::Cancelled,
            // An unbound ticket has no page of its own; one that lost its card is with the shop.
            TicketState::Returned | TicketState::Reserved | TicketState::Unbound => Self::Returned,
            TicketState::Suspended => Self::Suspended,
            TicketState::Bound if is_inside(history) => Self::Inside,
            TicketState::Bound if is_over(linked, now) => Self::Over,
            TicketState::Bound if !linked.ticket.paid => Self::NotPaid,
            TicketState::Bound => Self::Ready,
        }
    }

    /// The key of its word; `-next` after it is the key of what to do.
    const fn key(self) -> &'static str {
        match self {
            Self::Ready => "ticket-ready",
            Self::NotPaid => "ticket-not-paid",
            Self::Inside => "ticket-inside",
            Self::Suspended => "ticket-suspended",
            Self::Over => "ticket-over",
            Self::Cancelled => "ticket-cancelled",
            Self::Returned => "ticket-returned",
        }
    }

    const fn class(self) -> &'static str {
        match self {
            Self::Ready | Self::Inside => "welcome",
            Self::NotPaid | Self::Suspended => "elsewhere",
            Self::Over | Self::Cancelled | Self::Returned => "fault",
        }
    }

    /// Whether nothing more can be done with the ticket.
    const fn is_the_end(self) -> bool {
        matches!(self, Self::Over | Self::Cancelled | Self::Returned)
    }

    /// Whether the card can be tried in advance: nothing to try lies ahead of whoever is inside.
    const fn can_be_tried(self) -> bool {
        matches!(self, Self::Ready | Self::NotPaid)
    }

    /// What the card helper is started with by hand.
    const fn command(self) -> &'static str {
        if matches!(self, Self::Suspended) { "kido-card resume" } else { "kido-card show" }
    }

    const fn icon(self) -> &'static str {
        match self {
            Self::Ready => icons::DONE,
            Self::Inside => icons::WELCOME,
            Self::NotPaid => icons::NOTICE,
            Self::Suspended => icons::LOCKED,
            Self::Over => icons::WAIT,
            Self::Cancelled | Self::Returned => icons::FAULT,
        }
    }
}

/// The ticket as it is shown; history and actions only while the link is its newest.
#[derive(Debug)]
struct Shown {
    mark: Mark,
    stamp: String,
    face: Face,
    band: Band,
    is_live: bool,
    is_talking: bool,
    history: Vec<Sentence>,
    /// From when on the organiser may delete all of it.
    kept_until: String,
}

#[derive(Debug, Template)]
#[template(path = "buyer_holder.html")]
struct HolderPage<'p> {
    page: Page<'p>,
    origin: String,
    phone: bool,
    shown: Option<Shown>,
    /// The event, where the page knows it: with it the card alone opens the ticket.
    by_card: Option<EventId>,
    excuse: Option<Excuse>,
}

impl<'p> HolderPage<'p> {
    fn without_ticket(app: &'p AppState, (language, visitor): Reader, excuse: Option<Excuse>) -> Self {
        let (page, origin) = (app.pages.page(language), app.origin.as_str().to_owned());
        Self { page, origin, phone: visitor.phone, shown: None, by_card: None, excuse }
    }

    fn with_ticket(app: &'p AppState, reader: Reader, session: &PageSession) -> Result<Self, AppError> {
        let Seen { linked, history, band, is_talking } = Seen::of(app, session)?;
        let (empty, language) = (Self::without_ticket(app, reader, None), reader.0);
        let page = empty.page.of_rehearsal(linked.policy.is_rehearsal());
        let sentences = history.iter().map(|told| Sentence::of(told, page.speech));
        let shown = Shown {
            mark: session.mark,
            stamp: stamp(&linked, &history, band, is_talking),
            face: Face::of(&linked, language),
            band,
            is_live: linked.is_live,
            is_talking,
            kept_until: JapanTime::at(linked.policy.choices().retention_at, language).in_full(),
            history: if linked.is_live { sentences.collect() } else { Vec::new() },
        };
        Ok(Self { page, shown: Some(shown), by_card: Some(linked.event), ..empty })
    }
}

/// Everything that the page depends on, read once.
struct Seen {
    linked: LinkedTicket,
    history: Vec<ToldLine>,
    band: Band,
    is_talking: bool,
}

impl Seen {
    fn of(app: &AppState, session: &PageSession) -> Result<Self, AppError> {
        let linked = app.store.linked_ticket(session.event, session.ticket, session.code)?;
        let history = app.store.told_history(session.event, session.ticket)?;
        let band = Band::of(&linked, &history, app.now());
        Ok(Self { linked, history, band, is_talking: app.registrations.is_talking(session.code) })
    }
}

/// What the page compares to know whether it is out of date: a word, whether the link lives, how long the history is.
fn stamp(linked: &LinkedTicket, history: &[ToldLine], band: Band, is_talking: bool) -> String {
    let (live, talking) = (u8::from(linked.is_live), u8::from(is_talking));
    format!("{}.{live}.{talking}.{}", band.key(), history.len())
}

/// `/t`.
pub(super) enum Holder {}

impl Sheet for Holder {
    const SIDE: Side = Side::Holder;

    fn objection(linked: &LinkedTicket, _now: Timestamp) -> Option<Excuse> {
        let unbound = matches!(linked.ticket.state, TicketState::Reserved | TicketState::Unbound);
        unbound.then_some(Excuse::IsRegistration)
    }

    fn without_ticket(app: &AppState, reader: Reader, excuse: Option<Excuse>) -> Result<Response, AppError> {
        let page = HolderPage::without_ticket(app, reader, excuse);
        page.page.show_as(excuse.map_or(StatusCode::OK, Excuse::status), &page)
    }

    fn with_ticket(app: &AppState, reader: Reader, session: &PageSession) -> Result<Response, AppError> {
        let page = HolderPage::with_ticket(app, reader, session)?;
        page.page.show(&page)
    }

    fn stamp(app: &AppState, session: &PageSession) -> Result<String, AppError> {
        let Seen { linked, history, band, is_talking } = Seen::of(app, session)?;
        Ok(stamp(&linked, &history, band, is_talking))
    }
}

/// *Lost my card*: suspends the ticket by the code that opened the page, where that is still its code.
pub(super) async fn lost(
    _same: SameOrigin,
    State(app): State<AppState>,
    language: Language,
    visitor: Visitor,
    headers: HeaderMap,
    JsonBody(OfPage { page }): JsonBody<OfPage>,
) -> Result<Response, AppError> {
    let reader = (language, visitor);
    let session = match session_of(&app, &headers, Side::Holder, page) {
        Ok(session) => session,
        Err(excuse) => return Holder::without_ticket(&app, reader, Some(excuse)),
    };
    if let Err(failed) = app.store.suspend_by_code(session.code).await {
        let excuse = Excuse::of_refused_code(failed, Side::Holder)?;
        return Holder::without_ticket(&app, reader, Some(excuse));
    }
    Holder::with_ticket(&app, reader, &session)
}
