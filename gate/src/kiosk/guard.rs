//! Who may speak to the lane's page, and what every answer says about itself.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Sent by browsers since 2023 with every request: where it comes from (Fetch Metadata §2.4).
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Sent along with it: what the answer becomes; `document` is a page in a window of its own, never in a frame.
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// What every answer carries unless it says otherwise itself: nothing is cached, framed, sniffed, or loaded at all. The
/// page and its files bring the policy of a page.
const fn headers() -> [(HeaderName, HeaderValue); 7] {
    [
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
        (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    ]
}

/// The names under which the page is itself.
#[derive(Debug, Clone)]
pub(super) struct Names(Arc<[String]>);

impl Names {
    /// The address itself, and the name that every machine has for its own.
    pub(super) fn of(address: SocketAddr) -> Self {
        Self(Arc::new([address.to_string(), format!("localhost:{}", address.port())]))
    }

    fn hosts(&self, value: &HeaderValue) -> bool {
        self.0.iter().any(|name| value.as_bytes().eq_ignore_ascii_case(name.as_bytes()))
    }

    fn origins(&self, value: &HeaderValue) -> bool {
        let host = value.as_bytes().strip_prefix(b"http://");
        host.is_some_and(|host| self.0.iter().any(|name| host == name.as_bytes()))
    }
}

/// Refuses whatever another page, or another name for this machine, may have sent.
pub(super) async fn only_this_page(State(names): State<Names>, request: Request, next: Next) -> Response {
    let mut response = match refusal(&names, &request) {
        None => next.run(request).await,
        Some(status) => status.into_response(),
    };
    for (name, value) in headers() {
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

fn refusal(names: &Names, request: &Request) -> Option<StatusCode> {
    let (method, headers) = (request.method(), request.headers());
    if !only(headers, &HOST).is_some_and(|host| names.hosts(host)) {
        return Some(StatusCode::MISDIRECTED_REQUEST);
    }
    // A browser names the page that sent a POST or opened a stream; other programs name none.
    if headers.contains_key(ORIGIN) && !only(headers, &ORIGIN).is_some_and(|origin| names.origins(origin)) {
        return Some(StatusCode::FORBIDDEN);
    }
    let foreign = |site: &HeaderValue| site != "same-origin" && site != "none";
    if !is_a_visit(request) && headers.get_all(SEC_FETCH_SITE).iter().any(foreign) {
        return Some(StatusCode::FORBIDDEN);
    }
    // A form of another page can send no JSON without being asked about first.
    let json = || only(headers, &CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    (method == Method::POST && !json()).then_some(StatusCode::UNSUPPORTED_MEDIA_TYPE)
}

/// Whether somebody follows a link to the page itself: that shows it in a window of its own and sends nothing.
fn is_a_visit(request: &Request) -> bool {
    let to_a_window = only(request.headers(), &SEC_FETCH_DEST).is_some_and(|target| target == "document");
    request.method() == Method::GET && request.uri().path() == "/" && to_a_window
}

/// The header's value where it is there once.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_first| values.next().is_none())
}
