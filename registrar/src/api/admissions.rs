//! Admissions: what gates upload.

use axum::Json;
use axum::extract::State;
use kido_shared::wire::v1::admissions::{AdmissionAcks, AdmissionBatch};
use kido_shared::wire::v1::problem::Problem;
use kido_shared::wire::v1::routes::ADMISSIONS;

use crate::auth::GateBody;
use crate::error::AppError;
use crate::state::AppState;

/// Takes a batch of admissions, and of ends of some, from one gate; repeats are answered, not stored twice.
#[utoipa::path(post, path = ADMISSIONS, tag = "gates", params(("event" = String, Path)), request_body = AdmissionBatch,
    responses((status = OK, body = AdmissionAcks), (status = "default", body = Problem)))]
pub async fn upload(
    State(app): State<AppState>,
    GateBody { event, gate, body }: GateBody<AdmissionBatch>,
) -> Result<Json<AdmissionAcks>, AppError> {
    let taken = app.store.take_upload(event, gate, body).await?;
    app.metrics.ingested(&taken.acks);
    Ok(Json(taken))
}
