//! Around everything: each request has a trace, and is counted.

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use kido_observe::{name_trace, sent_trace};
use kido_shared::trace_context::TraceContext;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::state::AppState;

/// Counts a request, writes its trace beside every line about it, and names it in the problem that it may end with.
pub(super) async fn observe(State(app): State<AppState>, mut request: Request, next: Next) -> Response {
    let (began, route) = (Instant::now(), request.extensions().get::<MatchedPath>().cloned());
    let context = sent_trace(request.headers()).unwrap_or_else(|_none| TraceContext::begin(&mut app.random()));
    let trace = context.trace();
    // For a page that tells it.
    request.extensions_mut().insert(trace);
    let mut response = next.run(request).instrument(tracing::info_span!("request", %trace)).await;
    app.metrics.answered(route.as_ref(), response.status(), began.elapsed());
    name_trace(&mut response, trace);
    response
}
