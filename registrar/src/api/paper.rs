//! When all machines are dead: the desks' lists, and the ticks on them.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use kido_shared::ids::TicketId;
use kido_shared::wire::v1::operator::{
    BY_HAND, EnterByHand, EnteredByHand, PAPER, PaperPage, PaperStanding, PaperTick, PaperTicket, TickOutcome,
};
use kido_shared::wire::v1::problem::Problem;

use super::extract::{EventPath, JsonBody};
use crate::audit::Deed;
use crate::auth::Authenticated;
use crate::auth::bearer::Tick as MayTick;
use crate::domain::by_hand::{self, Tick};
use crate::domain::short_id::ShortId;
use crate::domain::ticket::TicketState;
use crate::error::{AppError, RequestError};
use crate::state::AppState;
use crate::store;

/// Where to read on.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct After {
    /// The last ticket of the page before.
    after: Option<TicketId>,
}

/// Gives tickets as a desk looks them up on paper: place, id, and what to do with whoever has it. No reference and no card.
#[utoipa::path(get, path = PAPER, tag = "events", params(("event" = String, Path), ("after" = Option<String>, Query)),
    responses((status = OK, body = PaperPage), (status = "default", body = Problem)))]
pub async fn show(
    State(app): State<AppState>,
    bearer: Authenticated<MayTick>,
    EventPath { event }: EventPath,
    after: Result<Query<After>, QueryRejection>,
) -> Result<Json<PaperPage>, AppError> {
    let Query(After { after }) = after.map_err(|_rejection| RequestError::Path)?;
    let store = app.store.clone();
    let page = tokio::task::spawn_blocking(move || store.paper(event, after)).await.map_err(AppError::Lost)??;
    // Each page: whoever begins in the middle takes a list out, too.
    app.note(&bearer.by(), Deed::PaperTaken, Some(event)).await?;
    Ok(Json(PaperPage { tickets: page.tickets.into_iter().map(render).collect(), reached: page.reached }))
}

/// Puts in entries that were ticked on paper, or only says what would become of each. Repeating it changes nothing.
#[utoipa::path(post, path = BY_HAND, tag = "events", params(("event" = String, Path)), request_body = EnterByHand,
    responses((status = OK, body = EnteredByHand), (status = "default", body = Problem)))]
pub async fn enter(
    State(app): State<AppState>,
    bearer: Authenticated<MayTick>,
    EventPath { event }: EventPath,
    JsonBody(EnterByHand { check, ticks }): JsonBody<EnterByHand>,
) -> Result<Json<EnteredByHand>, AppError> {
    let ticks = ticks.into_iter().enumerate().map(|(row, tick)| parse(row, &tick)).collect::<Result<_, _>>()?;
    let outcomes = app.enter_by_hand(&bearer.by(), event, ticks, check).await?;
    Ok(Json(EnteredByHand { outcomes: outcomes.into_iter().map(outcome).collect() }))
}

fn parse(row: usize, tick: &PaperTick) -> Result<Tick, RequestError> {
    let ticket = ShortId::parse(&tick.ticket);
    let ticket = ticket.map_err(|error| RequestError::Row { row, field: "ticket", reason: error.to_string() })?;
    Ok(Tick { ticket, at: tick.at, gate: tick.gate })
}

fn render(ticket: store::PaperTicket) -> PaperTicket {
    let standing = match (ticket.state, ticket.paid, ticket.used) {
        (_, _, true) => PaperStanding::Inside,
        (TicketState::Suspended, _, _) => PaperStanding::Suspended,
        (TicketState::Returned | TicketState::Cancelled, _, _) => PaperStanding::Void,
        (TicketState::Reserved, _, _) | (TicketState::Bound | TicketState::Unbound, false, _) => PaperStanding::NotPaid,
        (TicketState::Bound, true, _) => PaperStanding::Good,
        (TicketState::Unbound, true, _) => PaperStanding::NoCard,
    };
    let (zone, seat_label) = (ticket.zone.into(), ticket.seat_label.into());
    PaperTicket { ticket: ticket.ticket, zone, seat_label, standing }
}

const fn outcome(outcome: by_hand::TickOutcome) -> TickOutcome {
    match outcome {
        by_hand::TickOutcome::Stored(ticket) => TickOutcome::Stored { ticket },
        by_hand::TickOutcome::Repeated(ticket) => TickOutcome::Repeated { ticket },
        by_hand::TickOutcome::Conflict(ticket) => TickOutcome::Conflict { ticket },
        by_hand::TickOutcome::Unknown => TickOutcome::Unknown,
        by_hand::TickOutcome::Ambiguous => TickOutcome::Ambiguous,
        by_hand::TickOutcome::UnknownGate => TickOutcome::UnknownGate,
        by_hand::TickOutcome::ToCome => TickOutcome::ToCome,
    }
}
