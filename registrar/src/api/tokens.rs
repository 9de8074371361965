//! Bearer tokens: who else may do what.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use kido_shared::wire::v1::operator::{AddToken, TOKEN, TOKENS, TokenBody, TokenList};
use kido_shared::wire::v1::problem::Problem;

use super::extract::{JsonBody, TokenPath};
use crate::auth::Authenticated;
use crate::auth::bearer::Operate;
use crate::auth::tokens::{TokenError, Tokens};
use crate::error::AppError;
use crate::state::AppState;

/// Adds a bearer token by its hash; repeating it changes nothing.
#[utoipa::path(post, path = TOKENS, tag = "tokens", request_body = AddToken,
    responses((status = CREATED, body = TokenBody), (status = "default", body = Problem)))]
pub async fn add(
    State(app): State<AppState>,
    _operator: Authenticated<Operate>,
    JsonBody(token): JsonBody<AddToken>,
) -> Result<(StatusCode, Json<TokenBody>), AppError> {
    let added = on_disk(&app, move |tokens| tokens.add(token)).await?;
    Ok((StatusCode::CREATED, Json(added)))
}

/// Lists the bearer tokens by label and role.
#[utoipa::path(get, path = TOKENS, tag = "tokens",
    responses((status = OK, body = TokenList), (status = "default", body = Problem)))]
pub async fn list(State(app): State<AppState>, _operator: Authenticated<Operate>) -> Json<TokenList> {
    Json(TokenList { tokens: app.tokens.list() })
}

/// Ends a bearer token at once. The last operator's stays.
#[utoipa::path(delete, path = TOKEN, tag = "tokens", params(("label" = String, Path)),
    responses((status = OK, body = TokenBody), (status = "default", body = Problem)))]
pub async fn remove(
    State(app): State<AppState>,
    _operator: Authenticated<Operate>,
    TokenPath { label }: TokenPath,
) -> Result<Json<TokenBody>, AppError> {
    Ok(Json(on_disk(&app, move |tokens| tokens.remove(&label)).await?))
}

/// A file is written and synced: not on a thread that serves others.
async fn on_disk(
    app: &AppState,
    change: impl FnOnce(&Tokens) -> Result<TokenBody, TokenError> + Send + 'static,
) -> Result<TokenBody, AppError> {
    let tokens = Arc::clone(&app.tokens);
    let changed = tokio::task::spawn_blocking(move || change(&tokens)).await;
    Ok(changed.map_err(AppError::Lost)??)
}
