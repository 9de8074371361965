//! Venue arbiters, the operator's side: offered, compared, listed, revoked.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use kido_shared::wire::v1::operator::{
    ARBITER_OFFER, ARBITER_OFFER_CONFIRM, ARBITER_OFFERS, ARBITER_REVOKE, ARBITERS, ArbiterBody, ArbiterList,
    ConfirmGate, GateOffered, OfferArbiter, OfferState, RevokeArbiter,
};
use kido_shared::wire::v1::problem::Problem;

use super::extract::{ArbiterPath, EventPath, JsonBody, OfferPath};
use super::render;
use crate::auth::Authenticated;
use crate::auth::bearer::{Operate, Watch};
use crate::error::AppError;
use crate::state::AppState;

/// Offers a place to a new venue arbiter: a link that is good for one box and ten minutes.
#[utoipa::path(post, path = ARBITER_OFFERS, tag = "arbiters", params(("event" = String, Path)),
    request_body = OfferArbiter,
    responses((status = CREATED, body = GateOffered), (status = "default", body = Problem)))]
pub async fn offer(
    State(app): State<AppState>,
    operator: Authenticated<Operate>,
    EventPath { event }: EventPath,
    JsonBody(wanted): JsonBody<OfferArbiter>,
) -> Result<(StatusCode, Json<GateOffered>), AppError> {
    let offered = app.offer_arbiter(&operator.by(), event, wanted).await?;
    let link = app.enrolment_link(offered.token);
    let body = GateOffered { enrolment: offered.enrolment, link, expires_at: offered.expires_at };
    Ok((StatusCode::CREATED, Json(body)))
}

/// How far the arbiter that took an offer is. Its digits are not told: the operator reads them from its own screen.
#[utoipa::path(get, path = ARBITER_OFFER, tag = "arbiters",
    params(("event" = String, Path), ("enrolment" = String, Path)),
    responses((status = OK, body = OfferState), (status = "default", body = Problem)))]
pub async fn offer_state(
    State(app): State<AppState>,
    _operator: Authenticated<Operate>,
    OfferPath { event, enrolment }: OfferPath,
) -> Result<Json<OfferState>, AppError> {
    Ok(Json(render::progress(app.enrolments.progress(event, enrolment, app.now())?)))
}

/// Compares the digits and makes the arbiter the event's. Wrong digits end the offer.
#[utoipa::path(post, path = ARBITER_OFFER_CONFIRM, tag = "arbiters", request_body = ConfirmGate,
    params(("event" = String, Path), ("enrolment" = String, Path)),
    responses((status = OK, body = ArbiterBody), (status = "default", body = Problem)))]
pub async fn confirm(
    State(app): State<AppState>,
    operator: Authenticated<Operate>,
    OfferPath { event, enrolment }: OfferPath,
    JsonBody(ConfirmGate { short_code }): JsonBody<ConfirmGate>,
) -> Result<Json<ArbiterBody>, AppError> {
    let arbiter = app.confirm_arbiter(&operator.by(), (event, enrolment), &short_code).await?;
    Ok(Json(render::arbiter(arbiter)))
}

/// Lists the event's venue arbiters, revoked ones included.
#[utoipa::path(get, path = ARBITERS, tag = "arbiters", params(("event" = String, Path)),
    responses((status = OK, body = ArbiterList), (status = "default", body = Problem)))]
pub async fn list(
    State(app): State<AppState>,
    _bearer: Authenticated<Watch>,
    EventPath { event }: EventPath,
) -> Result<Json<ArbiterList>, AppError> {
    let arbiters = app.store.arbiters(event)?.into_iter().map(render::arbiter).collect();
    Ok(Json(ArbiterList { arbiters }))
}

/// Ends a venue arbiter's rights and begins the next incarnation; for a box that is off and stays off.
#[utoipa::path(post, path = ARBITER_REVOKE, tag = "arbiters", request_body = RevokeArbiter,
    params(("event" = String, Path), ("arbiter" = String, Path)),
    responses((status = OK, body = ArbiterBody), (status = "default", body = Problem)))]
pub async fn revoke(
    State(app): State<AppState>,
    operator: Authenticated<Operate>,
    ArbiterPath { event, arbiter }: ArbiterPath,
    JsonBody(wanted): JsonBody<RevokeArbiter>,
) -> Result<Json<ArbiterBody>, AppError> {
    Ok(Json(render::arbiter(app.revoke_arbiter(&operator.by(), (event, arbiter), wanted).await?)))
}
