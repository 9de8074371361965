//! Bearer tokens: who else may do what.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use kido_shared::wire::v1::operator::{AddToken, TOKEN, TOKENS, TokenBody, TokenList};
use kido_shared::wire::v1::problem::Problem;

use super::extract::{JsonBody, TokenPath};
use crate::auth::Authenticated;
use crate::auth::bearer::Operate;
use crate::error::AppError;
use crate::state::AppState;

/// Adds a bearer token by its hash; repeating it changes nothing.
#[utoipa::path(post, path = TOKENS, tag = "tokens", request_body = AddToken,
    responses((status = CREATED, body = TokenBody), (status = "default", body = Problem)))]
pub async fn add(
    State(app): State<AppState>,
    operator: Authenticated<Operate>,
    JsonBody(token): JsonBody<AddToken>,
) -> Result<(StatusCode, Json<TokenBody>), AppError> {
    let added = app.add_token(&operator.by(), token).await?;
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
    operator: Authenticated<Operate>,
    TokenPath { label }: TokenPath,
) -> Result<Json<TokenBody>, AppError> {
    Ok(Json(app.remove_token(&operator.by(), label).await?))
}
