//! Who may speak to the page: the browser that it was opened in, and no other page.
//!
//! Other pages of that browser are kept out by `Host` (a name elsewhere that is made to resolve to 127.0.0.1), `Origin`
//! and Fetch Metadata; other programs and people of this computer by the cookie that only the first request with the
//! one-time secret gets.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

/// Where a request comes from, in the browser's own words (Fetch Metadata Request Headers §2.4).
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The one name under which the page is itself.
#[derive(Debug, Clone)]
pub(super) struct OwnName(Arc<str>);

impl OwnName {
    pub(super) fn of(address: SocketAddr) -> Self {
        Self(address.to_string().into())
    }

    fn is_host(&self, host: &HeaderValue) -> bool {
        host.as_bytes() == self.0.as_bytes()
    }

    fn is_origin(&self, origin: &HeaderValue) -> bool {
        origin.as_bytes().strip_prefix(b"http://").is_some_and(|host| host == self.0.as_bytes())
    }
}

/// Refuses whatever did not come from this page itself, or from the person's own hand.
pub(super) async fn only_this_page(State(name): State<OwnName>, request: Request, next: Next) -> Response {
    match refusal(&name, request.method(), request.headers()) {
        None => next.run(request).await,
        Some(status) => {
            tracing::warn!(status = status.as_u16(), "a request from elsewhere was refused");
            status.into_response()
        }
    }
}

fn refusal(name: &OwnName, method: &Method, headers: &HeaderMap) -> Option<StatusCode> {
    if !only(headers, &HOST).is_some_and(|host| name.is_host(host)) {
        return Some(StatusCode::MISDIRECTED_REQUEST);
    }
    let posts = method == Method::POST;
    // Every browser names the page that sends a POST; one without a name is none of ours.
    let origin = only(headers, &ORIGIN).is_some_and(|origin| name.is_origin(origin));
    if (posts || headers.contains_key(ORIGIN)) && !origin {
        return Some(StatusCode::FORBIDDEN);
    }
    // `none` is the person's own hand: the address that the browser was opened with.
    let fits = |site: &HeaderValue| site == "same-origin" || (site == "none" && !posts);
    if !headers.get_all(SEC_FETCH_SITE).iter().all(fits) {
        return Some(StatusCode::FORBIDDEN);
    }
    // A form of another page can send no JSON without being asked about first.
    let json = only(headers, &CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    (posts && !json).then_some(StatusCode::UNSUPPORTED_MEDIA_TYPE)
}

/// The header's value where it is there once.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_first| values.next().is_none())
}
