//! Reports: how gates say that they are.

use axum::Json;
use axum::extract::State;
use kido_shared::wire::v1::problem::Problem;
use kido_shared::wire::v1::report::{GateReport, ReportTaken};
use kido_shared::wire::v1::routes::REPORTS;

use crate::auth::GateBody;
use crate::error::{AppError, RequestError};
use crate::state::AppState;

/// Takes a gate's report about itself. The newest is kept in memory, to be shown to whoever runs the event.
#[utoipa::path(post, path = REPORTS, tag = "gates", params(("event" = String, Path)), request_body = GateReport,
    responses((status = OK, body = ReportTaken), (status = "default", body = Problem)))]
pub async fn report(
    State(app): State<AppState>,
    GateBody { event, gate, body }: GateBody<GateReport>,
) -> Result<Json<ReportTaken>, AppError> {
    let taken = app.reports.take(event, gate, body, app.now());
    taken.map_err(|error| RequestError::field("refusals", &error))?;
    Ok(Json(ReportTaken {}))
}
