//! Which trace a request belongs to, and the problem that it may end with.

use axum::body::Body;
use axum::http::HeaderMap;
use axum::response::Response;
use kido_shared::trace_context::{NoTraceContext, TRACE_HEADER, TraceContext, TraceId};
use kido_shared::wire::v1::problem::Problem;

/// What the client calls it. Several, or what is no such name, is none: it is neither logged nor told back.
///
/// # Errors
/// [`NoTraceContext`]: the request begins a trace of its own.
pub fn sent_trace(headers: &HeaderMap) -> Result<TraceContext, NoTraceContext> {
    let mut fields = headers.get_all(TRACE_HEADER).iter();
    match (fields.next(), fields.next()) {
        (Some(field), None) => TraceContext::parse(field.to_str().map_err(|_not_ascii| NoTraceContext)?),
        (Some(_) | None, _) => Err(NoTraceContext),
    }
}

/// A problem beside the answer that tells it, for whoever knows the request's trace.
#[derive(Debug, Clone)]
pub struct Told(pub Problem);

/// Names the trace in an answer that is a problem document ([`Told`]); every other one stays as it is.
pub fn name_trace(response: &mut Response, trace: TraceId) {
    if let Some(Told(problem)) = response.extensions_mut().remove::<Told>()
        && let Ok(body) = serde_json::to_vec(&problem.of_trace(trace))
    {
        *response.body_mut() = Body::from(body);
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    const SENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn one_readable_name_is_taken_and_everything_else_is_none() {
        let of = |fields: &[&'static str]| {
            let name = HeaderName::from_static(TRACE_HEADER);
            let mut headers = HeaderMap::new();
            for field in fields {
                headers.append(name.clone(), HeaderValue::from_static(field));
            }
            sent_trace(&headers).map(|context| context.to_string())
        };
        assert_eq!(of(&[SENT]).as_deref(), Ok(SENT));
        for none in [&[][..], &[SENT, SENT], &["<script>"], &["00-4bf9"]] {
            assert_eq!(of(none), Err(NoTraceContext), "{none:?}");
        }
    }
}
