//! Claims: the arbiter inside the registrar.

use axum::Json;
use axum::extract::State;
use kido_shared::wire::v1::admissions::{ClaimAnswerBody, ClaimBody};
use kido_shared::wire::v1::problem::Problem;
use kido_shared::wire::v1::routes::CLAIMS;
use tokio::time::Instant;

use crate::auth::GateBody;
use crate::error::AppError;
use crate::state::AppState;

/// Takes one step on a ticket's record, signed by the gate that it names. Repeating it gets the same answer.
#[utoipa::path(post, path = CLAIMS, tag = "gates", params(("event" = String, Path)), request_body = ClaimBody,
    responses((status = OK, body = ClaimAnswerBody), (status = "default", body = Problem)))]
pub async fn claim(
    State(app): State<AppState>,
    GateBody { event, gate, body }: GateBody<ClaimBody>,
) -> Result<Json<ClaimAnswerBody>, AppError> {
    let (step, began) = (body.step.clone(), Instant::now());
    let answered = app.store.claim(event, gate, body).await;
    app.metrics.stepped(&step, answered.as_ref().ok(), began.elapsed());
    Ok(Json(ClaimAnswerBody { answer: answered? }))
}
