//! Where the metrics are read: an address of its own, so that what faces the outside says nothing of them.

use core::net::SocketAddr;
use core::time::Duration;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use kido_serve::Limits;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// OpenMetrics 1.0 as text.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A Prometheus or two, and a person who looks.
const LIMITS: Limits = Limits {
    connections: 8,
    read_buffer_bytes: 16 * 1024,
    head: kido_serve::HEAD_DEADLINE,
    drain: Duration::from_secs(2),
};

/// What every answer says to browsers: this is data, to be kept by nobody and shown in no page.
const ALWAYS: [(HeaderName, HeaderValue); 3] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// Who can be asked how a process is.
pub trait Scrape: Send + Sync + 'static {
    /// Everything as it is now, as OpenMetrics text. May block for a moment.
    fn scrape(&self) -> String;
}

/// Why nobody can scrape.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen for scrapes on {address}")]
pub struct EndpointError {
    address: SocketAddr,
    #[source]
    source: io::Error,
}

/// Listens for scrapes, and does not answer yet.
#[derive(Debug)]
pub struct Endpoint {
    listener: TcpListener,
    address: SocketAddr,
}

impl Endpoint {
    /// Listens. Any address is taken: one beyond this machine is told to the log, since nobody is asked who they are.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub async fn bind(address: SocketAddr) -> Result<Self, EndpointError> {
        let failed = |source| EndpointError { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        if !address.ip().is_loopback() {
            tracing::warn!(%address, "metrics can be read by whoever reaches this address");
        }
        tracing::info!(%address, "metrics");
        Ok(Self { listener, address })
    }

    /// Where it listens, with the port that was had.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers `GET /metrics`, and nothing else, until `stop` is ready.
    pub async fn serve(self, scrape: Arc<dyn Scrape>, stop: impl Future<Output = ()>) {
        kido_serve::serve(self.listener, router(scrape), LIMITS, stop).await;
    }
}

/// Who is asked, one at a time: asking fills in what is counted only then.
#[derive(Clone)]
struct Asked {
    scrape: Arc<dyn Scrape>,
    turn: Arc<Semaphore>,
}

fn router(scrape: Arc<dyn Scrape>) -> Router {
    let asked = Asked { scrape, turn: Arc::new(Semaphore::new(1)) };
    Router::new().route("/metrics", get(metrics)).with_state(asked)
}

async fn metrics(State(Asked { scrape, turn }): State<Asked>) -> Response {
    // Never closed.
    let Ok(turn) = turn.acquire_owned().await else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    // The turn ends with the work, not with whoever waits for it: two at a time would count into each other's numbers.
    let asked = tokio::task::spawn_blocking(move || {
        let text = scrape.scrape();
        drop(turn);
        text
    });
    match asked.await {
        Ok(text) => (ALWAYS, [(CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(_lost) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
