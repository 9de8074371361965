//! An event that is got back from its gates, after a restore.

use axum::Json;
use axum::extract::State;
use kido_shared::wire::v1::operator::{Brought, DecideRecovery, RecoveringGate, RecoveryBody, RecoveryStage};
use kido_shared::wire::v1::problem::Problem;
use kido_shared::wire::v1::recovery::{RecoveryOffer, RecoveryWish};
use kido_shared::wire::v1::routes::RECOVERY;

use super::extract::{EventPath, JsonBody};
use crate::auth::bearer::{Operate, Watch};
use crate::auth::{Authenticated, GateBody};
use crate::domain::recovery;
use crate::error::AppError;
use crate::state::AppState;
use crate::store::RecoveryView;

/// Takes what a gate brings, and says what it is asked for next.
///
/// A gate comes here when the answer to its report says so. Nothing is believed for its word: a head carries this
/// registrar's signature, and records have to lead from what is here to that head.
#[utoipa::path(post, path = RECOVERY, tag = "gates", params(("event" = String, Path)), request_body = RecoveryOffer,
    responses((status = OK, body = RecoveryWish), (status = "default", body = Problem)))]
pub async fn bring(
    State(app): State<AppState>,
    GateBody { event, gate, body }: GateBody<RecoveryOffer>,
) -> Result<Json<RecoveryWish>, AppError> {
    Ok(Json(app.take_back(event, gate, body).await?))
}

/// Says how far the event has been got back.
#[utoipa::path(get, path = RECOVERY, tag = "events", params(("event" = String, Path)),
    responses((status = OK, body = RecoveryBody), (status = "default", body = Problem)))]
pub async fn show(
    State(app): State<AppState>,
    _bearer: Authenticated<Watch>,
    EventPath { event }: EventPath,
) -> Result<Json<RecoveryBody>, AppError> {
    Ok(Json(render(app.store.recovery(event).await?)))
}

/// Goes on without gates that will not come, or without records that none of them has.
#[utoipa::path(patch, path = RECOVERY, tag = "events", params(("event" = String, Path)), request_body = DecideRecovery,
    responses((status = OK, body = RecoveryBody), (status = "default", body = Problem)))]
pub async fn decide(
    State(app): State<AppState>,
    operator: Authenticated<Operate>,
    EventPath { event }: EventPath,
    JsonBody(decided): JsonBody<DecideRecovery>,
) -> Result<Json<RecoveryBody>, AppError> {
    Ok(Json(render(app.recover_without(&operator.by(), event, decided).await?)))
}

fn render(view: RecoveryView) -> RecoveryBody {
    let RecoveryView { event, stage, since, reached, signed, gates } = view;
    let stage = match stage {
        None => RecoveryStage::Over,
        Some(recovery::Stage::Records) => RecoveryStage::Records,
        Some(recovery::Stage::Admissions) => RecoveryStage::Admissions,
    };
    let gates = gates.into_iter().map(|(gate, brought)| RecoveringGate { gate, brought: of_gate(brought) }).collect();
    RecoveryBody { event, stage, since, records: reached.length, records_signed: signed.length, gates }
}

const fn of_gate(brought: recovery::Brought) -> Brought {
    match brought {
        recovery::Brought::Nothing => Brought::Nothing,
        recovery::Brought::OtherHistory => Brought::OtherHistory,
        recovery::Brought::Records => Brought::Records,
        recovery::Brought::Everything => Brought::Everything,
        recovery::Brought::LeftOut => Brought::LeftOut,
    }
}
