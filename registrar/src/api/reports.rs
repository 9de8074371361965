//! Reports: how gates say that they are.

use axum::Json;
use axum::extract::State;
use kido_shared::ids::Epoch;
use kido_shared::wire::v1::problem::Problem;
use kido_shared::wire::v1::report::{GateReport, ReportTaken};
use kido_shared::wire::v1::routes::REPORTS;

use crate::auth::GateBody;
use crate::error::{AppError, RequestError};
use crate::state::AppState;

/// Takes a gate's report about itself.
///
/// The newest is kept in memory, to be shown to whoever runs the event. That it
/// knows that it decides by itself no longer is kept for good, once: other gates of its zone wait for it.
#[utoipa::path(post, path = REPORTS, tag = "gates", params(("event" = String, Path)), request_body = GateReport,
    responses((status = OK, body = ReportTaken), (status = "default", body = Problem)))]
pub async fn report(
    State(app): State<AppState>,
    GateBody { event, gate, body }: GateBody<GateReport>,
) -> Result<Json<ReportTaken>, AppError> {
    // Of what it decided by itself nothing may be unknown here, or its word that it does so no longer comes too early.
    let knows = body.head_issued_at.filter(|_signed| !body.waits_to_upload);
    let followed = (body.feed_epoch, body.feed_length);
    let taken = app.reports.take(event, gate, body, app.now());
    taken.map_err(|error| RequestError::field("refusals", &error))?;
    let recovery = app.store.recovery_wish(event, gate, followed);
    // An event that is being got back writes nothing; the gate says it again.
    if let Some(head_issued_at) = knows
        && recovery.is_none()
        && !app.store.is_recovering(event)
    {
        let followed = (Epoch::new(followed.0), followed.1);
        app.store.gate_has_heard(event, gate, followed, head_issued_at).await?;
    }
    Ok(Json(ReportTaken { recovery }))
}
