//! Gates, the operator's side: offered, compared, listed, revoked.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use kido_shared::wire::v1::operator::{
    ConfirmGate, FreeClaims, GATE_CLAIMS, GATE_OFFER, GATE_OFFER_CONFIRM, GATE_OFFERS, GATE_REVOKE, GATES, GateBody,
    GateClaims, GateList, GateOffered, OfferGate, OfferState,
};
use kido_shared::wire::v1::problem::Problem;

use super::extract::{EventPath, GatePath, JsonBody, OfferPath};
use super::render;
use crate::auth::Authenticated;
use crate::auth::bearer::{Operate, Watch};
use crate::error::AppError;
use crate::state::AppState;

/// Offers a place to a new gate: a link that is good for one gate and ten minutes.
#[utoipa::path(post, path = GATE_OFFERS, tag = "gates", params(("event" = String, Path)), request_body = OfferGate,
    responses((status = CREATED, body = GateOffered), (status = "default", body = Problem)))]
pub async fn offer(
    State(app): State<AppState>,
    operator: Authenticated<Operate>,
    EventPath { event }: EventPath,
    JsonBody(wanted): JsonBody<OfferGate>,
) -> Result<(StatusCode, Json<GateOffered>), AppError> {
    let offered = app.offer_gate(&operator.by(), event, wanted).await?;
    let link = app.enrolment_link(offered.token);
    let body = GateOffered { enrolment: offered.enrolment, link, expires_at: offered.expires_at };
    Ok((StatusCode::CREATED, Json(body)))
}

/// How far the gate that took an offer is. Its digits are not told: the operator reads them from the gate's own screen.
#[utoipa::path(get, path = GATE_OFFER, tag = "gates", params(("event" = String, Path), ("enrolment" = String, Path)),
    responses((status = OK, body = OfferState), (status = "default", body = Problem)))]
pub async fn offer_state(
    State(app): State<AppState>,
    _operator: Authenticated<Operate>,
    OfferPath { event, enrolment }: OfferPath,
) -> Result<Json<OfferState>, AppError> {
    Ok(Json(render::progress(app.enrolments.progress(event, enrolment, app.now())?)))
}

/// Compares the digits and makes the gate part of the event. Wrong digits end the offer.
#[utoipa::path(post, path = GATE_OFFER_CONFIRM, tag = "gates", request_body = ConfirmGate,
    params(("event" = String, Path), ("enrolment" = String, Path)),
    responses((status = OK, body = GateBody), (status = "default", body = Problem)))]
pub async fn confirm(
    State(app): State<AppState>,
    operator: Authenticated<Operate>,
    OfferPath { event, enrolment }: OfferPath,
    JsonBody(ConfirmGate { short_code }): JsonBody<ConfirmGate>,
) -> Result<Json<GateBody>, AppError> {
    let gate = app.confirm_gate(&operator.by(), (event, enrolment), &short_code).await?;
    Ok(Json(render::gate(gate)))
}

/// Lists the event's gates, revoked ones included.
#[utoipa::path(get, path = GATES, tag = "gates", params(("event" = String, Path)),
    responses((status = OK, body = GateList), (status = "default", body = Problem)))]
pub async fn list(
    State(app): State<AppState>,
    _bearer: Authenticated<Watch>,
    EventPath { event }: EventPath,
) -> Result<Json<GateList>, AppError> {
    let gates = app.store.gates(event)?.into_iter().map(render::gate).collect();
    Ok(Json(GateList { gates }))
}

/// Ends a gate's rights: its next request is refused, and every other gate learns it from the feed.
#[utoipa::path(post, path = GATE_REVOKE, tag = "gates", params(("event" = String, Path), ("gate" = String, Path)),
    responses((status = OK, body = GateBody), (status = "default", body = Problem)))]
pub async fn revoke(
    State(app): State<AppState>,
    operator: Authenticated<Operate>,
    GatePath { event, gate }: GatePath,
) -> Result<Json<GateBody>, AppError> {
    Ok(Json(render::gate(app.revoke_gate(&operator.by(), event, gate).await?)))
}

/// Says which claims of a gate no admission has followed: tickets that it holds, and with which nobody is known to be in.
#[utoipa::path(get, path = GATE_CLAIMS, tag = "gates", params(("event" = String, Path), ("gate" = String, Path)),
    responses((status = OK, body = GateClaims), (status = "default", body = Problem)))]
pub async fn claims(
    State(app): State<AppState>,
    _bearer: Authenticated<Watch>,
    GatePath { event, gate }: GatePath,
) -> Result<Json<GateClaims>, AppError> {
    let store = app.store.clone();
    let view = tokio::task::spawn_blocking(move || store.gate_claims(event, gate)).await.map_err(AppError::Lost)??;
    Ok(Json(render::gate_claims(&view)))
}

/// Sets claims of a revoked gate free. Whoever entered by one of them unseen can enter once more.
#[utoipa::path(post, path = GATE_CLAIMS, tag = "gates", params(("event" = String, Path), ("gate" = String, Path)),
    request_body = FreeClaims, responses((status = OK, body = GateClaims), (status = "default", body = Problem)))]
pub async fn free_claims(
    State(app): State<AppState>,
    operator: Authenticated<Operate>,
    GatePath { event, gate }: GatePath,
    JsonBody(FreeClaims { freed, told }): JsonBody<FreeClaims>,
) -> Result<Json<GateClaims>, AppError> {
    Ok(Json(render::gate_claims(&app.free_claims(&operator.by(), event, (gate, freed), told).await?)))
}
