//! Tickets: imported by the shop, looked at, suspended, cancelled, paid, given a new code.

use axum::Json;
use axum::extract::State;
use kido_shared::codes::CodeHash;
use kido_shared::ticket::{Entries, EntryWindow, SeatLabel, Zone};
use kido_shared::wire::v1::operator::{
    CancelTickets, ChangeTicket, CodeReissued, ImportTicket, ImportTickets, RefusedRow, TICKET, TICKET_CODE,
    TICKET_STATUS, TICKETS, TICKETS_CANCEL, TicketBody, TicketsCancelled, TicketsImported,
};
use kido_shared::wire::v1::problem::Problem;

use super::extract::{EventPath, JsonBody, NamedTicket, TicketPath};
use super::render;

use crate::auth::Authenticated;
use crate::auth::bearer::{Look, Sell, Stop};
use crate::domain::link;
use crate::domain::party::PartyLabel;
use crate::domain::reference::{OrderRef, ReferenceError, TicketRef};
use crate::error::{AppError, RequestError};
use crate::state::AppState;
use crate::store::{CancelReport, ImportOutcome, ImportReport, Reissued, RowRefusal, TicketRow};

/// Imports a batch of tickets, or only says what would become of each. Repeating it changes nothing.
#[utoipa::path(post, path = TICKETS, tag = "tickets", params(("event" = String, Path)), request_body = ImportTickets,
    responses((status = OK, body = TicketsImported), (status = "default", body = Problem)))]
pub async fn import(
    State(app): State<AppState>,
    seller: Authenticated<Sell>,
    EventPath { event }: EventPath,
    JsonBody(batch): JsonBody<ImportTickets>,
) -> Result<Json<TicketsImported>, AppError> {
    let ImportTickets { reserved, check, run, tickets } = batch;
    let rows = tickets.into_iter().enumerate().map(|(row, ticket)| parse(row, ticket));
    let rows = rows.collect::<Result<_, _>>()?;
    app.store.event(event)?;
    if let Some(run) = run {
        app.imports().enter(event, run.id, app.now())?;
    }
    let report = if check {
        let store = app.store.clone();
        let checked = tokio::task::spawn_blocking(move || store.check_tickets(event, rows)).await;
        checked.map_err(AppError::Lost)??
    } else {
        app.import_tickets(&seller.by(), event, rows, !reserved).await?
    };
    if let Some(run) = run.filter(|run| run.last) {
        app.imports().leave(event, run.id);
    }
    Ok(Json(imported(&report)))
}

/// Shows a ticket. The shop sees its state; everybody else its uses as well, to the minute.
#[utoipa::path(get, path = TICKET, tag = "tickets", params(("event" = String, Path), ("ticket" = String, Path)),
    responses((status = OK, body = TicketBody), (status = "default", body = Problem)))]
pub async fn show(
    State(app): State<AppState>,
    bearer: Authenticated<Look>,
    TicketPath { event, ticket: NamedTicket(name) }: TicketPath,
) -> Result<Json<TicketBody>, AppError> {
    let view = app.store.ticket(event, &name)?;
    let history = if bearer.sees_uses() { Some(app.store.history(event, &name)?) } else { None };
    Ok(Json(render::ticket(view, history)))
}

/// Changes a ticket's status. Repeating it changes nothing.
///
/// Anybody but a viewer may suspend; shop and operator cancel, confirm and release. Resuming takes the card's own proof,
/// or an operator.
#[utoipa::path(post, path = TICKET_STATUS, tag = "tickets", params(("event" = String, Path), ("ticket" = String, Path)),
    request_body = ChangeTicket, responses((status = OK, body = TicketBody), (status = "default", body = Problem)))]
pub async fn change(
    State(app): State<AppState>,
    bearer: Authenticated<Stop>,
    TicketPath { event, ticket: NamedTicket(name) }: TicketPath,
    JsonBody(ChangeTicket { change }): JsonBody<ChangeTicket>,
) -> Result<Json<TicketBody>, AppError> {
    let view = app.change_ticket(&bearer.by(), event, name, change).await?;
    Ok(Json(render::ticket(view, None)))
}

/// Cancels a batch of tickets, or only says what that would do. Repeating it changes nothing.
#[utoipa::path(post, path = TICKETS_CANCEL, tag = "tickets", params(("event" = String, Path)),
    request_body = CancelTickets, responses((status = OK, body = TicketsCancelled), (status = "default", body = Problem)))]
pub async fn cancel(
    State(app): State<AppState>,
    seller: Authenticated<Sell>,
    EventPath { event }: EventPath,
    JsonBody(CancelTickets { check, ticket_refs }): JsonBody<CancelTickets>,
) -> Result<Json<TicketsCancelled>, AppError> {
    let parsed = ticket_refs.iter().enumerate().map(|(row, reference)| {
        let unread = |error: ReferenceError| RequestError::Row { row, field: "ticket_refs", reason: error.to_string() };
        TicketRef::parse(reference).map_err(unread)
    });
    let report = app.cancel_tickets(&seller.by(), event, parsed.collect::<Result<_, _>>()?, check).await?;
    let CancelReport { cancelled, with_card, inside, already, unknown } = report;
    let inside = seller.sees_uses().then_some(inside);
    let unknown = unknown.into_iter().map(|row| u64::try_from(row).unwrap_or(u64::MAX)).collect();
    Ok(Json(TicketsCancelled { cancelled, with_card, inside, already, unknown }))
}

/// Makes a new code for a ticket: the old one is dead at once. The new one is told here and nowhere else.
#[utoipa::path(post, path = TICKET_CODE, tag = "tickets", params(("event" = String, Path), ("ticket" = String, Path)),
    responses((status = OK, body = CodeReissued), (status = "default", body = Problem)))]
pub async fn reissue_code(
    State(app): State<AppState>,
    bearer: Authenticated<Sell>,
    TicketPath { event, ticket: NamedTicket(name) }: TicketPath,
) -> Result<Json<CodeReissued>, AppError> {
    let Reissued { ticket, code } = app.reissue_code(&bearer.by(), event, name).await?;
    let link = link::of(app.origin.as_str(), ticket.state, &code);
    Ok(Json(CodeReissued { link, ticket: render::ticket(ticket, None) }))
}

/// Reads one row. What is refused is named by place and column, never repeated.
fn parse(row: usize, ticket: ImportTicket) -> Result<TicketRow, RequestError> {
    fn or<T, E: core::fmt::Display>(row: usize, field: &'static str, read: Result<T, E>) -> Result<T, RequestError> {
        read.map_err(|error| RequestError::Row { row, field, reason: error.to_string() })
    }
    let party = Some(ticket.party.as_str()).filter(|party| !party.is_empty()).map(PartyLabel::parse).transpose();
    Ok(TicketRow {
        reference: or(row, "ticket_ref", TicketRef::parse(&ticket.ticket_ref))?,
        order: or(row, "order_ref", OrderRef::parse(&ticket.order_ref))?,
        zone: or(row, "zone", Zone::new(&ticket.zone))?,
        seat_label: or(row, "seat_label", SeatLabel::new(&ticket.seat_label))?,
        window: or(row, "valid_until", EntryWindow::new(ticket.valid_from, ticket.valid_until))?,
        entries: or(row, "entries", Entries::try_from(ticket.entries.clone()))?,
        party: or(row, "party", party)?,
        code: CodeHash::from_bytes(ticket.code_hash),
    })
}

fn imported(report: &ImportReport) -> TicketsImported {
    let mut sum = TicketsImported::default();
    for (row, outcome) in (0_u64..).zip(&report.outcomes) {
        match outcome {
            ImportOutcome::Created(_) => sum.created = sum.created.saturating_add(1),
            ImportOutcome::Unchanged(_) => sum.unchanged = sum.unchanged.saturating_add(1),
            ImportOutcome::Refused(refusal) => sum.refused.push(refused(row, *refusal)),
        }
    }
    sum
}

fn refused(row: u64, refusal: RowRefusal) -> RefusedRow {
    let reason = match refusal {
        RowRefusal::Different => "different",
        RowRefusal::CodeTaken => "code_taken",
    };
    RefusedRow { row, reason: reason.to_owned(), detail: refusal.to_string() }
}
