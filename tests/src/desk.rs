//! The demo desk: a page that puts virtual cards into the readers, for whoever takes the tour by hand.
//!
//! Part of the demo and of nothing else. It listens on loopback, takes no request of another page, and works without a
//! script: each button is a form, each answer the whole desk as it lies now.

mod cards;
mod page;
mod tour;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{HOST, HeaderMap};
use axum::http::{HeaderName, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use kido_web::assets::Assets;
use kido_web::words::Dictionary;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::harness::{CardHelper, HarnessError, HelperPage, Venue};
pub use cards::DeskCard;
pub use tour::Tour;

/// Longest form, in bytes: three short fields.
const FORM_BYTES_MAX: usize = 256;

/// Sent by browsers since 2023 with every request: where it comes from (Fetch Metadata §2.4).
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The desk, served until it is dropped.
#[derive(Debug)]
pub struct Desk {
    address: SocketAddr,
    server: JoinHandle<()>,
}

#[derive(Debug, Clone)]
struct Desktop(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    address: SocketAddr,
    control: PathBuf,
    buyer: CardHelper,
    tour: Tour,
    words: Dictionary,
    assets: Assets,
    /// The card helper that was opened last; it ends when another is opened, or with the desk.
    helper: Mutex<Option<HelperOpen>>,
}

/// The card helper, open for a step of the tour.
#[derive(Debug)]
struct HelperOpen {
    step: tour::Step,
    page: HelperPage,
}

impl Desk {
    /// Serves the desk of a venue, with the way through these pages.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn open(venue: &Venue, tour: Tour) -> Result<Self, HarnessError> {
        let port = crate::harness::free_port()?;
        let taken = |source| HarnessError::File { path: PathBuf::from("127.0.0.1"), source };
        let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(taken)?;
        let address = listener.local_addr().map_err(taken)?;
        let words = page::words()?;
        let parts = Parts {
            address,
            control: venue.control_socket(),
            buyer: venue.helper(cards::Reader::Home.slot()),
            tour,
            words,
            assets: Assets::of(&[page::STYLE]),
            helper: Mutex::new(None),
        };
        let router = router(Desktop(Arc::new(parts)));
        let server = tokio::spawn(async move {
            // A desk that cannot go on is a page that does not load: the terminal's tour goes on.
            axum::serve(listener, router).await.ok();
        });
        Ok(Self { address, server })
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> String {
        format!("http://{}/", self.address)
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn router(desk: Desktop) -> Router {
    Router::new()
        .route("/", get(page::show))
        .route("/insert", post(page::insert))
        .route("/remove", post(page::remove))
        .route("/helper", post(page::open_helper))
        .route("/assets/{name}", get(page::asset))
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(middleware::from_fn_with_state(desk.clone(), only_this_page))
        .layer(middleware::from_fn(kido_web::headers::secure))
        .with_state(desk)
}

/// Refuses whatever another page, or another name for this machine, may have sent.
async fn only_this_page(State(desk): State<Desktop>, request: Request, next: Next) -> Response {
    if is_own(desk.0.address, request.method(), request.headers()) {
        next.run(request).await
    } else {
        StatusCode::FORBIDDEN.into_response()
    }
}

/// A page without a referrer sends its forms with no origin to be told, so it is the browser's own word that counts.
fn is_own(address: SocketAddr, method: &Method, headers: &HeaderMap) -> bool {
    let names = [address.to_string(), format!("localhost:{}", address.port())];
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(&HOST).is_some_and(|host| names.iter().any(|name| name == host));
    let site = || text(&SEC_FETCH_SITE) == Some("same-origin");
    host && (*method == Method::GET || site())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(host: &str, site: &str) -> HeaderMap {
        let filled = [(HOST, host), (SEC_FETCH_SITE, site)].into_iter().filter(|(_, value)| !value.is_empty());
        filled.map(|(name, value)| (name, HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn the_desk_is_moved_by_its_own_page_only() {
        let address = SocketAddr::from(([127, 0, 0, 1], 1_234));
        let own = "127.0.0.1:1234";
        for (expected, method, headers) in [
            (true, Method::GET, headers(own, "none")),
            (true, Method::GET, headers("localhost:1234", "")),
            (false, Method::GET, headers("desk.example:1234", "")),
            (true, Method::POST, headers(own, "same-origin")),
            (false, Method::POST, headers(own, "same-site")),
            (false, Method::POST, headers(own, "cross-site")),
            (false, Method::POST, headers("desk.example:1234", "same-origin")),
            (false, Method::POST, headers(own, "")),
        ] {
            assert_eq!(is_own(address, &method, &headers), expected, "{method} {headers:?}");
        }
    }
}
