//! Refused showings: what gates tell of proofs that opened nothing.

use axum::Json;
use axum::extract::State;
use kido_shared::wire::v1::problem::Problem;
use kido_shared::wire::v1::routes::SHOWINGS;
use kido_shared::wire::v1::showings::{ShowingBatch, ShowingsTaken};

use crate::auth::GateBody;
use crate::error::AppError;
use crate::state::AppState;

/// Takes a batch of refused showings from one gate, for the histories of their tickets; repeats change nothing.
#[utoipa::path(post, path = SHOWINGS, tag = "gates", params(("event" = String, Path)), request_body = ShowingBatch,
    responses((status = OK, body = ShowingsTaken), (status = "default", body = Problem)))]
pub async fn upload(
    State(app): State<AppState>,
    GateBody { event, gate, body }: GateBody<ShowingBatch>,
) -> Result<Json<ShowingsTaken>, AppError> {
    app.store.take_showings(event, gate, body.showings).await?;
    Ok(Json(ShowingsTaken {}))
}
