//! One ticket: found by the shop's reference, shown, changed. The reference travels in one body and comes back nowhere.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use kido_shared::ids::{EventId, TicketId};
use kido_shared::wire::v1::operator::TicketChange;
use kido_web::language::Language;
use rand::RngCore as _;
use zeroize::Zeroizing;

use super::clerk::{Clerk, Posted, Turned};
use super::session::{NewLink, SessionName};
use super::why::Why;
use super::{Around, Page, Tab};
use crate::api::extract::EventPath;
use crate::auth::bearer::{Look, Sell, Stop};
use crate::domain::link;
use crate::domain::reference::TicketRef;
use crate::domain::ticket::{TicketAction, TicketState};
use crate::error::{AppError, RequestError};
use crate::office::action;
use crate::state::AppState;
use crate::store::{Reissued, TicketName, TicketView};
use crate::web::history_lines::{Sentence, is_inside};
use crate::web::japan_time::JapanTime;

/// Which ticket of which event, by its pseudonym.
#[derive(Debug, Clone, Copy, serde::Deserialize)]
pub(super) struct OfTicket {
    event: EventId,
    ticket: TicketId,
}

/// Changes in the order in which the page shows them: what can be taken back first.
const CHANGES: [(&str, TicketChange); 4] = [
    ("confirm", TicketChange::Confirm),
    ("suspend", TicketChange::Suspend),
    ("release", TicketChange::Release),
    ("cancel", TicketChange::Cancel),
];

/// A new code: asked for as the changes are, answered by a page of its own.
const CODE: &str = "code";

#[derive(Debug, Template)]
#[template(path = "console_tickets.html")]
struct AskPage<'p> {
    page: Page<'p>,
    around: Around<'p>,
    id: EventId,
    refused: Option<String>,
}

fn asked(around: Around<'_>, id: EventId, why: Option<Why>) -> Result<Response, Turned> {
    let (page, (status, refused)) = (around.page, Why::parts(why));
    Ok(page.show_as(status, &AskPage { page, around, id, refused })?)
}

/// The form that asks for a reference.
pub(super) async fn ask(
    State(app): State<AppState>,
    language: Language,
    clerk: Clerk<Look>,
    EventPath { event }: EventPath,
) -> Result<Response, Turned> {
    let around = Around::new(&app, language, &clerk).of_event(&app.store.event(event)?, Tab::Tickets);
    asked(around, event, None)
}

/// Finds a ticket, and leads to its page under its pseudonym.
pub(super) async fn look_up(
    State(app): State<AppState>,
    language: Language,
    EventPath { event }: EventPath,
    Posted { clerk, fields }: Posted<Look>,
) -> Result<Response, Turned> {
    let around = Around::new(&app, language, &clerk).of_event(&app.store.event(event)?, Tab::Tickets);
    let typed = fields.text("ticket_ref");
    let name = match (typed.parse::<TicketId>(), TicketRef::parse(&typed.to_ascii_uppercase())) {
        (Ok(id), _) => TicketName::Id(id),
        (Err(_), Ok(reference)) => TicketName::Reference(reference),
        (Err(_), Err(_)) => {
            let why = Why::typed(around.say("console-ref-form"));
            return asked(around, event, Some(why));
        }
    };
    match app.store.ticket(event, &name).map_err(AppError::from) {
        Ok(view) => Ok(Redirect::to(&address(event, view.ticket)).into_response()),
        Err(error @ AppError::Ticket(_)) => {
            let why = Why::of(&error, around.page.speech);
            asked(around, event, Some(why))
        }
        Err(error) => Err(error.into()),
    }
}

fn address(event: EventId, ticket: TicketId) -> String {
    format!("/console/events/{event}/tickets/{ticket}")
}

#[derive(Debug, Template)]
#[template(path = "console_ticket.html")]
struct TicketPage<'p> {
    page: Page<'p>,
    around: Around<'p>,
    id: EventId,
    ticket: TicketId,
    state: &'static str,
    band: &'static str,
    /// The state in words, with what else matters at once.
    standing: String,
    zone: String,
    seat: String,
    window: String,
    entries: String,
    party: bool,
    card_ends: bool,
    /// Nothing for a role that is never told of uses.
    history: Option<Vec<Sentence>>,
    changes: Vec<&'static str>,
    refused: Option<String>,
    /// Names this showing of the form that makes a new link.
    once: u64,
    /// A link that this session made a moment ago.
    code: Option<Zeroizing<String>>,
}

const fn band(state: TicketState) -> &'static str {
    match state {
        TicketState::Bound => "welcome",
        TicketState::Suspended | TicketState::Reserved => "elsewhere",
        TicketState::Unbound | TicketState::Returned | TicketState::Cancelled => "fault",
    }
}

/// The state, whether it is paid for, and whether somebody is in with it; a shop is never told the last.
fn standing(around: &Around<'_>, view: &TicketView, inside: bool) -> String {
    let more = [(!view.paid, "console-not-paid"), (inside, "console-inside")];
    let state = format!("console-state-{}", view.state.name());
    let said = more.iter().filter(|(holds, _key)| *holds).map(|(_holds, key)| around.say(key));
    [around.say(&state)].into_iter().chain(said).collect::<Vec<_>>().join(" · ")
}

/// What is worth a button: what the ticket's rules would do for this role, as far as the role may ask for it.
fn changes(around: &Around<'_>, possible: &[TicketAction]) -> Vec<&'static str> {
    let may = |change| action(change, around.role).is_ok_and(|action| possible.contains(&action));
    let offered = CHANGES.iter().filter(|(_word, change)| may(*change)).map(|(word, _change)| *word);
    let code = (around.sells() && possible.contains(&TicketAction::ReissueCode)).then_some(CODE);
    offered.chain(code).collect()
}

/// The link that this session made for the ticket a moment ago, if it still opens it: where two were made at once, one
/// of them is dead.
fn new_link(app: &AppState, session: &SessionName, of: (EventId, TicketId)) -> Result<Option<NewLink>, AppError> {
    let now = app.now();
    let links = app.clerks.sessions().get(session, now).map(|session| session.links_of(of, now)).unwrap_or_default();
    for link in links {
        if app.store.linked_ticket(of.0, of.1, link.code)?.is_live {
            return Ok(Some(link));
        }
    }
    Ok(None)
}

fn shown<M>(
    app: &AppState,
    (around, clerk): (Around<'_>, &Clerk<M>),
    OfTicket { event, ticket }: OfTicket,
    why: Option<Why>,
) -> Result<Response, Turned> {
    let (page, speech) = (around.page, around.page.speech);
    let (language, bearer) = (speech.language(), &clerk.by.bearer);
    let (view, possible) = app.store.ticket_for(event, &TicketName::Id(ticket), bearer.actor())?;
    let told = if bearer.sees_uses() { Some(app.store.told_history(event, ticket)?) } else { None };
    let code = new_link(app, &clerk.session, (event, ticket))?.map(|link| link.link);
    let window = view.particulars.window;
    let (status, refused) = Why::parts(why);
    let inside = told.as_deref().is_some_and(is_inside);
    let shown = TicketPage {
        page,
        id: event,
        ticket,
        state: view.state.name(),
        band: band(view.state),
        standing: standing(&around, &view, inside),
        zone: view.particulars.zone.to_string(),
        seat: view.particulars.seat_label.to_string(),
        window: JapanTime::at(window.from(), language).to(JapanTime::at(window.until(), language)),
        entries: view.particulars.entries.into(),
        party: view.particulars.party.is_some(),
        card_ends: view.certificate_ends_before_event == Some(true),
        history: told.map(|told| told.iter().map(|told| Sentence::of(told, speech)).collect()),
        changes: changes(&around, &possible),
        around,
        refused,
        once: app.random().next_u64(),
        code,
    };
    Ok(page.show_secret(status, &shown)?)
}

/// A ticket by its pseudonym.
pub(super) async fn show(
    State(app): State<AppState>,
    language: Language,
    clerk: Clerk<Look>,
    Path(of): Path<OfTicket>,
) -> Result<Response, Turned> {
    let around = Around::new(&app, language, &clerk).of_event(&app.store.event(of.event)?, Tab::Tickets);
    shown(&app, (around, &clerk), of, None)
}

/// Changes a ticket's status.
pub(super) async fn change(
    State(app): State<AppState>,
    language: Language,
    Path(OfTicket { event, ticket }): Path<OfTicket>,
    Posted { clerk, fields }: Posted<Stop>,
) -> Result<Response, Turned> {
    let wanted = fields.text("change");
    let (_word, change) = CHANGES.into_iter().find(|(word, _change)| *word == wanted).ok_or(RequestError::Body)?;
    let around = Around::new(&app, language, &clerk).of_event(&app.store.event(event)?, Tab::Tickets);
    match app.change_ticket(&clerk.by, event, TicketName::Id(ticket), change).await {
        Ok(view) => Ok(Redirect::to(&address(event, view.ticket)).into_response()),
        Err(error @ AppError::Ticket(_)) => refused(&app, (around, &clerk), OfTicket { event, ticket }, &error),
        Err(error) => Err(error.into()),
    }
}

fn refused<M>(
    app: &AppState,
    (around, clerk): (Around<'_>, &Clerk<M>),
    of: OfTicket,
    error: &AppError,
) -> Result<Response, Turned> {
    let why = Why::of(error, around.page.speech);
    shown(app, (around, clerk), of, Some(why))
}

/// Makes a new link, and leads to the ticket's page, which shows it for a moment. A form that arrives twice makes one.
pub(super) async fn reissue(
    State(app): State<AppState>,
    language: Language,
    Path(OfTicket { event, ticket }): Path<OfTicket>,
    Posted { clerk, fields }: Posted<Sell>,
) -> Result<Response, Turned> {
    let once: u64 = fields.text("once").parse().map_err(|_no_number| RequestError::Body)?;
    let around = Around::new(&app, language, &clerk).of_event(&app.store.event(event)?, Tab::Tickets);
    if new_link(&app, &clerk.session, (event, ticket))?.is_some_and(|link| link.once == once) {
        return Ok(Redirect::to(&address(event, ticket)).into_response());
    }
    match app.reissue_code(&clerk.by, event, TicketName::Id(ticket)).await {
        Ok(Reissued { ticket: view, code }) => {
            let link = link::of(app.origin.as_str(), view.state, &code);
            let made_at = app.now();
            let new = NewLink { event, ticket: view.ticket, once, code: code.hash(), link, made_at };
            let mut sessions = app.clerks.sessions();
            sessions.get(&clerk.session, made_at).ok_or(Turned::SignIn)?.keep_link(new);
            drop(sessions);
            Ok(Redirect::to(&address(event, view.ticket)).into_response())
        }
        Err(error @ AppError::Ticket(_)) => refused(&app, (around, &clerk), OfTicket { event, ticket }, &error),
        Err(error) => Err(error.into()),
    }
}
