//! Around everything: each request has a trace, and is counted.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use kido_observe::{name_trace, sent_trace};
use kido_shared::trace_context::TraceContext;
use rand::rngs::OsRng;
use tracing::Instrument as _;

use crate::decide::Arbiter;
use crate::records::ClaimRecords;

/// Counts a request, writes its trace beside every line about it, and names it in the problem that it may end with.
pub(super) async fn observe<R: ClaimRecords>(
    State(arbiter): State<Arc<Arbiter<R>>>,
    request: Request,
    next: Next,
) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let context = sent_trace(request.headers()).unwrap_or_else(|_none| TraceContext::begin(&mut OsRng));
    let trace = context.trace();
    let mut response = next.run(request).instrument(tracing::info_span!("request", %trace)).await;
    arbiter.metrics().answered(route.as_ref(), response.status());
    name_trace(&mut response, trace);
    response
}
