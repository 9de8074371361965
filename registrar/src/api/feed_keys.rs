//! Feed keys, the operator's side: listed, the next one made, put in force with the root key's word.

use axum::Json;
use axum::extract::State;
use kido_shared::feed::FeedKeyCertificate;
use kido_shared::wire::v1::operator::{
    AskNextFeedKey, ChangeFeedKey, FEED_KEY_NEXT, FEED_KEYS, FeedKeyBody, FeedKeyList, NextFeedKey,
};
use kido_shared::wire::v1::problem::Problem;

use super::extract::{EventPath, JsonBody};
use super::render;
use crate::auth::Authenticated;
use crate::auth::bearer::{Operate, Watch};
use crate::error::{AppError, RequestError};
use crate::state::AppState;

/// Lists the event's feed keys, the one in force last.
#[utoipa::path(get, path = FEED_KEYS, tag = "feed keys", params(("event" = String, Path)),
    responses((status = OK, body = FeedKeyList), (status = "default", body = Problem)))]
pub async fn list(
    State(app): State<AppState>,
    _bearer: Authenticated<Watch>,
    EventPath { event }: EventPath,
) -> Result<Json<FeedKeyList>, AppError> {
    let keys = app.store.feed_keys(event)?.into_iter().map(render::feed_key).collect();
    Ok(Json(FeedKeyList { event, keys }))
}

/// The feed key that the event is to have next.
///
/// It is made when it is asked for first, and stays the same until it is in force, or until one is asked for afresh: after a
/// theft, one that lay ready is destroyed.
#[utoipa::path(post, path = FEED_KEY_NEXT, tag = "feed keys", params(("event" = String, Path)),
    request_body = AskNextFeedKey,
    responses((status = OK, body = NextFeedKey), (status = "default", body = Problem)))]
pub async fn next(
    State(app): State<AppState>,
    _operator: Authenticated<Operate>,
    EventPath { event }: EventPath,
    JsonBody(AskNextFeedKey { afresh }): JsonBody<AskNextFeedKey>,
) -> Result<Json<NextFeedKey>, AppError> {
    let next = app.store.next_feed_key(event, afresh).await?;
    Ok(Json(render::next_feed_key(event, app.store.root_key().to_bytes(), &next)))
}

/// Puts the next feed key in force by the root key's word for it. Gates learn it from the feed.
#[utoipa::path(post, path = FEED_KEYS, tag = "feed keys", params(("event" = String, Path)), request_body = ChangeFeedKey,
    responses((status = OK, body = FeedKeyBody), (status = "default", body = Problem)))]
pub async fn change(
    State(app): State<AppState>,
    operator: Authenticated<Operate>,
    EventPath { event }: EventPath,
    JsonBody(ChangeFeedKey { certificate }): JsonBody<ChangeFeedKey>,
) -> Result<Json<FeedKeyBody>, AppError> {
    let certificate = FeedKeyCertificate::from_bytes(certificate);
    let certificate = certificate.map_err(|error| RequestError::field("certificate", &error))?;
    Ok(Json(render::feed_key(app.change_feed_key(&operator.by(), event, certificate).await?)))
}
