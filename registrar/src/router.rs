//! The one table of routes and of what lies around every one of them.

mod observed;

use core::time::Duration;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::header::{self, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, Response};
use axum::middleware::{self, Next};
use axum::response::IntoResponse as _;
use axum::routing::get;
use kido_shared::limits::HTTP_BODY_BYTES_MAX;
use kido_shared::wire::v1::routes::OPENAPI;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::{
    admissions, arbiters, claims, enrolments, epoch_cuts, events, feed, feed_keys, gates, health, journals, paper,
    postponement, recovery, registrations, reports, showings, tickets, tokens,
};
use crate::error::{AppError, RequestError};
use crate::openapi::Document;
use crate::state::AppState;
use crate::web;

/// Largest body but for imports: a full batch of 256 admissions is under 100 kB, everything else under ten.
const SMALL_BODY_BYTES_MAX: usize = 256 * 1024;

/// Longest time that one request may take, its body included: an import of 5,000 tickets on a slow disk takes seconds.
const REQUEST_DEADLINE: Duration = Duration::from_secs(60);

/// What every answer that is no page says to browsers: this is data, to be shown in no page and kept by nobody.
const ALWAYS: [(HeaderName, HeaderValue); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// Everything that is served, for `serve` and for tests alike.
pub fn build_router(app: AppState) -> Router {
    let (router, document) = api().split_for_parts();
    let document = Arc::<str>::from(document.to_json().unwrap_or_default());
    let openapi = get(move || async move { ([(CONTENT_TYPE, "application/json")], document.to_string()) });
    router
        .route(OPENAPI, openapi)
        .merge(web::routes())
        .fallback(|| async { AppError::from(RequestError::NoRoute) })
        .method_not_allowed_fallback(|| async { AppError::from(RequestError::Method) })
        .layer(middleware::from_fn_with_state(app.clone(), around))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(app.clone(), web::error::for_people))
        .layer(middleware::from_fn_with_state(app.clone(), observed::observe))
        .with_state(app)
}

fn api() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(health::health))
        .routes(routes!(events::create, events::list))
        .routes(routes!(events::show, events::update, events::forget))
        .routes(routes!(postponement::postpone))
        .routes(routes!(paper::show))
        .routes(routes!(paper::enter))
        .routes(routes!(tickets::show))
        .routes(routes!(tickets::change))
        .routes(routes!(tickets::reissue_code))
        .routes(routes!(gates::list))
        .routes(routes!(gates::offer))
        .routes(routes!(gates::offer_state))
        .routes(routes!(gates::confirm))
        .routes(routes!(gates::revoke))
        .routes(routes!(gates::claims, gates::free_claims))
        .routes(routes!(arbiters::list))
        .routes(routes!(arbiters::offer))
        .routes(routes!(arbiters::offer_state))
        .routes(routes!(arbiters::confirm))
        .routes(routes!(arbiters::revoke))
        .routes(routes!(feed_keys::list, feed_keys::change))
        .routes(routes!(feed_keys::next))
        .routes(routes!(epoch_cuts::known, epoch_cuts::cut))
        .routes(routes!(tokens::add, tokens::list))
        .routes(routes!(tokens::remove))
        .routes(routes!(registrations::start))
        .routes(routes!(registrations::prove))
        .routes(routes!(enrolments::start))
        .routes(routes!(enrolments::reveal))
        .routes(routes!(enrolments::result))
        .routes(routes!(feed::head))
        .routes(routes!(feed::key))
        .routes(routes!(feed::cut))
        .routes(routes!(feed::range))
        .routes(routes!(feed::tail))
        .routes(routes!(feed::stream))
        .routes(routes!(claims::claim))
        .routes(routes!(admissions::upload))
        .routes(routes!(showings::upload))
        .routes(routes!(reports::report))
        .routes(routes!(recovery::bring, recovery::show, recovery::decide))
        .layer(DefaultBodyLimit::max(SMALL_BODY_BYTES_MAX))
        .merge(
            OpenApiRouter::new()
                .routes(routes!(tickets::import))
                .routes(routes!(tickets::cancel))
                .routes(routes!(journals::bring))
                .routes(routes!(journals::bring_of_revoked))
                .layer(DefaultBodyLimit::max(HTTP_BODY_BYTES_MAX)),
        )
}

/// A deadline, headers, and a line in the log: method, route as a template, status, time. No address, no id, no body.
async fn around(State(app): State<AppState>, request: Request, next: Next) -> Response<Body> {
    let began = app.now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let answered = tokio::time::timeout(REQUEST_DEADLINE, next.run(request)).await;
    let mut response = answered.unwrap_or_else(|_elapsed| AppError::Deadline.into_response());
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        // A page says for itself what it may load.
        headers.entry(name).or_insert(value);
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    // A number, also in JSON: 128 bits would become a text there.
    let took_ms = u64::try_from(app.now().since(began).as_millis()).unwrap_or(u64::MAX);
    let status = response.status().as_u16();
    tracing::debug!(%method, route, status, took_ms, "answered");
    response
}

/// A bug: one answer is lost, the process goes on. The panic's text stays inside, it may quote anything.
fn panicked(_panic: Box<dyn core::any::Any + Send>) -> Response<Body> {
    AppError::Bug.into_response()
}

#[cfg(test)]
pub(crate) mod tests;
