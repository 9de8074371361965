//! The lane's screen over HTTP, for the browser on the same machine and for nobody else.
//!
//! | | |
//! |---|---|
//! | `GET /` | the page that draws the screens; it knows nothing but what its event stream says |
//! | `GET /assets/…` | its style, scripts and pictures, named by their content |
//! | `GET /events` | server-sent events: `screen` with a [`Frame`](crate::display::Frame) as JSON, the current one at once; `alive` while nothing changes |
//! | `GET /screen` | the current frame |
//! | `POST /pin` | `{"screen": 17, "pin": "…"}`: 204, or 409 unless that frame stands and asks for it |
//! | `POST /party` | `{"screen": 17, "count": 2}`: the same |
//! | `POST /cancel` | `{"screen": 17}`: the same |
//! | `GET /health` | `{"pages": 1}` while the lane's process draws screens: so many listen to them |
//!
//! Who may speak to it: it listens on loopback only, answers only to a loopback name (a page elsewhere that makes its
//! own name resolve to 127.0.0.1 is refused by `Host`), takes no request that says it comes from another page, and
//! sends no CORS header. Programs of the same machine are not kept out: who runs those has the reader too.

mod guard;
mod page;
mod requests;
#[cfg(test)]
mod tests;

use core::future::Future;
use core::time::Duration;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use kido_serve::Limits;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use crate::display::Viewer;
pub use page::{Page, PageError};

/// Longest body, in bytes: a frame number, four digits, and room for a page that likes white space.
const BODY_BYTES_MAX: usize = 256;

/// Event streams at a time: the lane's page, staff beside it, and one or two that have not noticed their end.
const STREAMS_MAX: usize = 8;

/// Every stream, and what the page asks for beside it.
const LIMITS: Limits = Limits {
    connections: 64,
    read_buffer_bytes: 16 * 1024,
    head: kido_serve::HEAD_DEADLINE,
    drain: Duration::from_secs(2),
};

/// Why the lane's page is not served.
#[derive(Debug, thiserror::Error)]
pub enum KioskError {
    /// The address is not this machine's own: a PIN must not cross a network. The configuration's fault.
    #[error("the lane's page is served on loopback only, not on {0}")]
    NotLoopback(SocketAddr),
    /// The address cannot be had.
    #[error("{address} cannot be listened on")]
    Bind {
        /// Which.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// The lane's page, listening and not served yet.
#[derive(Debug)]
pub struct Kiosk {
    listener: TcpListener,
    address: SocketAddr,
}

#[derive(Debug, Clone)]
struct KioskState {
    page: Page,
    viewer: Viewer,
    streams: Arc<Semaphore>,
    ending: watch::Receiver<bool>,
}

impl Kiosk {
    /// Listens.
    ///
    /// # Errors
    /// [`KioskError`] where the address is not loopback or cannot be had.
    pub async fn bind(address: SocketAddr) -> Result<Self, KioskError> {
        if !address.ip().is_loopback() {
            return Err(KioskError::NotLoopback(address));
        }
        let bind = |source| KioskError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        Ok(Self { listener, address })
    }

    /// Where the page is, with the port that was had.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the shutdown, which ends the event streams too.
    ///
    /// Whoever has sent half a request by then, or reads nothing, holds the end up for a moment and no longer.
    pub async fn serve(self, page: Page, viewer: Viewer, shutdown: impl Future<Output = ()>) {
        let (end, ending) = watch::channel(false);
        let router = router(page, viewer, self.address, ending);
        let ended = async move {
            shutdown.await;
            end.send_replace(true);
        };
        kido_serve::serve(self.listener, router, LIMITS, ended).await;
    }
}

/// The routes, the same in tests.
fn router(page: Page, viewer: Viewer, address: SocketAddr, ending: watch::Receiver<bool>) -> Router {
    let state = KioskState { page, viewer, streams: Arc::new(Semaphore::new(STREAMS_MAX)), ending };
    let page = Router::new()
        .route("/", get(page::page))
        .route("/assets/{name}", get(page::asset))
        .layer(axum::middleware::from_fn(kido_web::headers::secure));
    Router::new()
        .merge(page)
        .route("/events", get(requests::events))
        .route("/screen", get(requests::screen))
        .route("/pin", post(requests::pin))
        .route("/party", post(requests::party))
        .route("/cancel", post(requests::cancel))
        .route("/health", get(requests::health))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(axum::middleware::from_fn_with_state(guard::Names::of(address), guard::only_this_page))
        .with_state(state)
}
