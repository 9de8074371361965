//! Gates' journals that somebody has carried here in a file.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::IntoResponse as _;
use kido_shared::wire::v1::operator::{JOURNALS, JOURNALS_OF_REVOKED, JournalTaken};
use kido_shared::wire::v1::problem::Problem;

use super::extract::EventPath;
use crate::auth::Authenticated;
use crate::auth::bearer::{Bring, Operate};
use crate::domain::gate::Believed;
use crate::error::{AppError, RequestError};
use crate::state::AppState;

/// Takes the journal file of one gate, as its uploads are taken; repeats change nothing.
#[utoipa::path(post, path = JOURNALS, tag = "events", params(("event" = String, Path)),
    request_body(content = Vec<u8>, content_type = "application/cose"),
    responses((status = OK, body = JournalTaken), (status = "default", body = Problem)))]
pub async fn bring(
    State(app): State<AppState>,
    bearer: Authenticated<Bring>,
    EventPath { event }: EventPath,
    file: Result<Bytes, BytesRejection>,
) -> Result<Json<JournalTaken>, AppError> {
    let file = file.map_err(|rejection| RequestError::of_body(rejection.into_response().status()))?;
    Ok(Json(app.bring_journal(&bearer.by(), (event, Believed::InForce), file).await?))
}

/// Takes the journal file of a gate that was revoked: an operator has looked at where it comes from.
///
/// What it tells is stored as from any gate: whoever entered meanwhile with the same entry is a conflict, once.
#[utoipa::path(post, path = JOURNALS_OF_REVOKED, tag = "events", params(("event" = String, Path)),
    request_body(content = Vec<u8>, content_type = "application/cose"),
    responses((status = OK, body = JournalTaken), (status = "default", body = Problem)))]
pub async fn bring_of_revoked(
    State(app): State<AppState>,
    operator: Authenticated<Operate>,
    EventPath { event }: EventPath,
    file: Result<Bytes, BytesRejection>,
) -> Result<Json<JournalTaken>, AppError> {
    let file = file.map_err(|rejection| RequestError::of_body(rejection.into_response().status()))?;
    Ok(Json(app.bring_journal(&operator.by(), (event, Believed::RevokedToo), file).await?))
}
