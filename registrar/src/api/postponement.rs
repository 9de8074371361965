//! An event on another date.

use axum::Json;
use axum::extract::State;
use kido_shared::wire::v1::operator::{POSTPONEMENT, Postpone, PostponementStep, TicketToRecheck};
use kido_shared::wire::v1::problem::Problem;

use super::extract::{EventPath, JsonBody};
use crate::auth::Authenticated;
use crate::auth::bearer::Operate;
use crate::error::AppError;
use crate::state::AppState;
use crate::store::{self, TicketView};

/// Moves an event and a batch of its tickets to another date, or says what that would do.
///
/// To be repeated until `reached` is absent: then every window has moved. It goes on where it was stopped, and repeating
/// it after the end changes nothing.
#[utoipa::path(post, path = POSTPONEMENT, tag = "events", params(("event" = String, Path)), request_body = Postpone,
    responses((status = OK, body = PostponementStep), (status = "default", body = Problem)))]
pub async fn postpone(
    State(app): State<AppState>,
    operator: Authenticated<Operate>,
    EventPath { event }: EventPath,
    JsonBody(Postpone { starts_at, check, after }): JsonBody<Postpone>,
) -> Result<Json<PostponementStep>, AppError> {
    let step = if check {
        let store = app.store.clone();
        let foreseeing = tokio::task::spawn_blocking(move || store.foresee_postponement(event, starts_at, after));
        foreseeing.await.map_err(AppError::Lost)??
    } else {
        app.postpone_event(&operator.by(), event, starts_at).await?
    };
    Ok(Json(render(step)))
}

fn render(step: store::PostponementStep) -> PostponementStep {
    let store::PostponementStep { policy, moved, left_alone, to_recheck, reached } = step;
    let draft = policy.choices();
    let (starts_at, ends_at, retention_at) = (draft.starts_at, draft.ends_at, draft.retention_at);
    let to_recheck = to_recheck.into_iter().map(recheck).collect();
    PostponementStep { starts_at, ends_at, retention_at, moved, left_alone, to_recheck, reached }
}

fn recheck(view: TicketView) -> TicketToRecheck {
    let (zone, seat_label) = (view.particulars.zone.into(), view.particulars.seat_label.into());
    TicketToRecheck { ticket: view.ticket, zone, seat_label }
}
