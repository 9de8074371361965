//! Events: created, changed, looked at.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use kido_shared::wire::v1::operator::{CreateEvent, EVENT, EVENTS, EventBody, EventForgotten, EventList, UpdateEvent};
use kido_shared::wire::v1::problem::Problem;

use super::extract::{EventPath, JsonBody};
use super::render;
use crate::auth::Authenticated;
use crate::auth::bearer::{Look, Operate};
use crate::error::AppError;
use crate::state::AppState;

/// Creates an event with keys of its own.
///
/// What gates do while no arbiter answers must be said; nothing else that matters is assumed.
#[utoipa::path(post, path = EVENTS, tag = "events", request_body = CreateEvent,
    responses((status = CREATED, body = EventBody), (status = "default", body = Problem)))]
pub async fn create(
    State(app): State<AppState>,
    operator: Authenticated<Operate>,
    JsonBody(wanted): JsonBody<CreateEvent>,
) -> Result<(StatusCode, Json<EventBody>), AppError> {
    let view = app.create_event(&operator.by(), wanted).await?;
    Ok((StatusCode::CREATED, Json(render::event(view, true))))
}

/// Lists the events that are served.
#[utoipa::path(get, path = EVENTS, tag = "events",
    responses((status = OK, body = EventList), (status = "default", body = Problem)))]
pub async fn list(State(app): State<AppState>, bearer: Authenticated<Look>) -> Result<Json<EventList>, AppError> {
    let events = app.store.events()?;
    let events = events.into_iter().map(|view| render::event(view, bearer.sees_uses())).collect();
    Ok(Json(EventList { events }))
}

/// Shows an event.
#[utoipa::path(get, path = EVENT, tag = "events", params(("event" = String, Path)),
    responses((status = OK, body = EventBody), (status = "default", body = Problem)))]
pub async fn show(
    State(app): State<AppState>,
    bearer: Authenticated<Look>,
    EventPath { event }: EventPath,
) -> Result<Json<EventBody>, AppError> {
    Ok(Json(render::event(app.store.event(event)?, bearer.sees_uses())))
}

/// Changes an event's policy; gates learn it from the feed.
#[utoipa::path(patch, path = EVENT, tag = "events", params(("event" = String, Path)), request_body = UpdateEvent,
    responses((status = OK, body = EventBody), (status = "default", body = Problem)))]
pub async fn update(
    State(app): State<AppState>,
    operator: Authenticated<Operate>,
    EventPath { event }: EventPath,
    JsonBody(wanted): JsonBody<UpdateEvent>,
) -> Result<Json<EventBody>, AppError> {
    let view = app.change_event(&operator.by(), event, wanted).await?;
    Ok(Json(render::event(view, true)))
}

/// Deletes an event whose retention date has come; it cannot be undone. Asking again goes on where it was stopped.
#[utoipa::path(delete, path = EVENT, tag = "events", params(("event" = String, Path)),
    responses((status = OK, body = EventForgotten), (status = "default", body = Problem)))]
pub async fn forget(
    State(app): State<AppState>,
    operator: Authenticated<Operate>,
    EventPath { event }: EventPath,
) -> Result<Json<EventForgotten>, AppError> {
    Ok(Json(render::forgotten(app.forget_event(&operator.by(), event).await?)))
}
