//! The HTTP surface: one signed step, and whether the box is well. Refusals are RFC 9457 problem documents.

mod observed;
mod problem;
mod signed;

use core::time::Duration;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use kido_shared::wire::v1::admissions::ClaimAnswerBody;
use kido_shared::wire::v1::routes;
use tokio::time::Instant;

use crate::decide::{Arbiter, decides};
use crate::records::ClaimRecords;
use problem::Refused;
use signed::SignedStep;

/// How long a request may take, body and all. A gate waits 300 ms; what comes later answers nobody.
const REQUEST_DEADLINE: Duration = Duration::from_secs(10);

/// Largest body: a step is under 600 bytes.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// What is said to whoever asks whether this box is well; nothing of tickets.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Health {
    /// Whether steps are decided here now.
    pub ok: bool,
    /// Whether the policy names this box.
    pub named: bool,
    /// Seconds since the registrar signed what is known here; nothing before the first head.
    pub feed_age_s: Option<u64>,
}

/// Everything that is served.
pub fn router<R: ClaimRecords>(arbiter: Arc<Arbiter<R>>) -> Router {
    Router::new()
        .route(routes::CLAIMS, post(claim::<R>))
        .route(routes::HEALTH, get(health::<R>))
        .fallback(async || Refused::NO_ROUTE)
        .method_not_allowed_fallback(async || Refused::METHOD)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn(in_time))
        .layer(middleware::map_response(kept_by_nobody))
        .layer(middleware::from_fn_with_state(Arc::clone(&arbiter), observed::observe::<R>))
        .with_state(arbiter)
}

async fn claim<R: ClaimRecords>(
    State(arbiter): State<Arc<Arbiter<R>>>,
    SignedStep { gate, body }: SignedStep,
) -> Result<Json<ClaimAnswerBody>, Refused> {
    let (step, began) = (body.step.clone(), Instant::now());
    let (ticket, admission) = (step.ticket(), step.admission());
    let answered = arbiter.step(gate, body).await;
    arbiter.metrics().stepped(&step, answered.as_ref().ok(), began.elapsed());
    tracing::debug!(%gate, %ticket, %admission, ?answered, "a step");
    Ok(Json(ClaimAnswerBody { answer: answered? }))
}

async fn health<R: ClaimRecords>(State(arbiter): State<Arc<Arbiter<R>>>) -> (StatusCode, Json<Health>) {
    let (standing, now) = (arbiter.book().standing(), arbiter.now());
    let ok = decides(&standing, R::SHARING, now).is_ok();
    let named =
        matches!((&standing.policy, &standing.own), (Some(policy), Some(own)) if own.serves(&policy.choices().arbiter));
    let feed_age_s = standing.head.map(|_seen| standing.age(now).as_secs());
    let status = if ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Health { ok, named, feed_age_s }))
}

async fn in_time(request: Request, next: Next) -> Response {
    let answered = tokio::time::timeout(REQUEST_DEADLINE, next.run(request)).await;
    answered.unwrap_or_else(|_elapsed| Refused::DEADLINE.into_response())
}

async fn kept_by_nobody(response: Response) -> Response {
    let mut response = response.into_response();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests;
