//! A feed that begins anew, the operator's side.

use axum::Json;
use axum::extract::State;
use kido_shared::feed::SignedEpochCut;
use kido_shared::wire::v1::operator::{CutFeed, FEED_CUTS, FeedCutBody, KnownEpoch};
use kido_shared::wire::v1::problem::Problem;

use super::extract::{EventPath, JsonBody};
use crate::auth::Authenticated;
use crate::auth::bearer::{Operate, Watch};
use crate::error::{AppError, RequestError};
use crate::state::AppState;
use crate::store::CutView;

/// The latest epoch of the event's feed that is known here: what a cut has to lead on from.
#[utoipa::path(get, path = FEED_CUTS, tag = "events", params(("event" = String, Path)),
    responses((status = OK, body = KnownEpoch), (status = "default", body = Problem)))]
pub async fn known(
    State(app): State<AppState>,
    _bearer: Authenticated<Watch>,
    EventPath { event }: EventPath,
) -> Result<Json<KnownEpoch>, AppError> {
    let (root_key, epoch) = (app.store.root_key().to_bytes(), app.store.known_epoch(event)?);
    Ok(Json(KnownEpoch { event, root_key, epoch }))
}

/// Begins the feed anew by the root key's word: all that is true is told once more in another epoch, gates exchange what
/// they had for it, and every gate is asked for its journal.
#[utoipa::path(post, path = FEED_CUTS, tag = "events", params(("event" = String, Path)), request_body = CutFeed,
    responses((status = OK, body = FeedCutBody), (status = "default", body = Problem)))]
pub async fn cut(
    State(app): State<AppState>,
    operator: Authenticated<Operate>,
    EventPath { event }: EventPath,
    JsonBody(CutFeed { cut }): JsonBody<CutFeed>,
) -> Result<Json<FeedCutBody>, AppError> {
    let cut = SignedEpochCut::from_bytes(cut).map_err(|error| RequestError::field("cut", &error))?;
    let CutView { event, epoch, at, records } = app.cut_feed(&operator.by(), event, cut).await?;
    Ok(Json(FeedCutBody { event, epoch, at, records }))
}
