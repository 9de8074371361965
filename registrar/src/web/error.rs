//! What a person is shown instead of a problem document.
//!
//! A problem document that a browser is about to show becomes a page with the same status, so nobody ever looks at bare
//! JSON, whichever layer refused. A page that shows a refusal within itself takes the status from [`AppError::status`].

use askama::Template;
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, ALLOW, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use axum::http::{StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use kido_shared::trace_context::TraceId;
use kido_shared::wire::v1::problem::MEDIA_TYPE;
use kido_web::icons;
use kido_web::language::Language;

use super::{Page, console};
use crate::error::{AppError, ProblemCode};
use crate::state::AppState;

/// Where programs ask; they get problem documents whatever they say that they accept.
const FOR_PROGRAMS: &str = "/api/";

/// One sentence about what happened, one about what to do.
#[derive(Debug, Template)]
#[template(path = "buyer_error.html")]
struct ErrorPage<'p> {
    page: Page<'p>,
    /// What the keys of its sentences begin with; the page's name for styles and tests.
    key: &'static str,
    what: String,
    next: String,
    trace: Option<String>,
}

/// Turns a problem document into a page where a browser asked for one.
pub(crate) async fn for_people(State(app): State<AppState>, request: Request, next: Next) -> Response {
    if !wants_page(request.uri(), request.headers()) {
        return next.run(request).await;
    }
    let language = Language::of_request(request.uri().query(), request.headers());
    let in_console = console::is_at(request.uri().path());
    let trace = request.extensions().get::<TraceId>().copied();
    let problem = next.run(request).await;
    if problem.headers().get(CONTENT_TYPE).is_none_or(|kind| kind != MEDIA_TYPE) {
        return problem;
    }
    let (status, page) = (problem.status(), app.pages.page(language));
    let code = problem.extensions().get::<ProblemCode>().map(|code| code.0);
    // What failed here stands in the log, and this finds it; what was refused needs no log.
    let trace = trace.filter(|_known| status.is_server_error()).map(|trace| trace.to_string());
    let shown =
        if in_console { console::refusal_page(page, status, code, trace) } else { buyers(page, (status, code), trace) };
    let mut response = shown.unwrap_or_else(IntoResponse::into_response);
    *response.status_mut() = status;
    for name in [RETRY_AFTER, ALLOW] {
        if let Some(value) = problem.headers().get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    kido_web::headers::add(response.headers_mut());
    response
}

fn buyers(
    page: Page<'_>,
    (status, code): (StatusCode, Option<&str>),
    trace: Option<String>,
) -> Result<Response, AppError> {
    let key = key(status, code);
    let (what, next) = (page.speech.say(&format!("{key}-what")), page.speech.say(&format!("{key}-next")));
    page.show(&ErrorPage { page, key, what, next, trace })
}

fn wants_page(uri: &Uri, headers: &HeaderMap) -> bool {
    let accepts = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    accepts.is_some_and(|accept| accept.contains("text/html")) && !uri.path().starts_with(FOR_PROGRAMS)
}

/// What the keys of a refusal's two sentences begin with.
fn key(status: StatusCode, code: Option<&str>) -> &'static str {
    match status {
        StatusCode::SERVICE_UNAVAILABLE if code == Some("recovering") => "error-recovering",
        StatusCode::NOT_FOUND | StatusCode::GONE => "error-nothing-here",
        StatusCode::TOO_MANY_REQUESTS => "error-too-many",
        StatusCode::SERVICE_UNAVAILABLE => "error-busy",
        status if status.is_server_error() => "error-failed",
        _ => "error-not-understood",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn whoever_comes_while_an_event_is_got_back_is_told_so_in_plain_words() {
        let pages = crate::web::Pages::compiled_in().unwrap();
        for language in Language::ALL {
            let begins = key(StatusCode::SERVICE_UNAVAILABLE, Some("recovering"));
            let speech = pages.page(language).speech;
            for part in ["what", "next"] {
                assert!(speech.has(&format!("{begins}-{part}")), "{begins}-{part} in {}", language.tag());
            }
        }
        assert_eq!(key(StatusCode::SERVICE_UNAVAILABLE, Some("busy")), "error-busy");
    }

    #[test]
    fn programs_get_problem_documents_whatever_they_accept() {
        let accepts = |accept: &'static str| HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
        let html = "text/html,application/xhtml+xml;q=0.9";
        assert!(wants_page(&Uri::from_static("/nowhere"), &accepts(html)));
        assert!(!wants_page(&Uri::from_static("/api/v1/events"), &accepts(html)));
        assert!(!wants_page(&Uri::from_static("/nowhere"), &accepts("*/*")));
        assert!(!wants_page(&Uri::from_static("/nowhere"), &HeaderMap::new()));
    }
}
