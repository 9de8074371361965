//! Listens, serves, and is gone afterwards.

use core::time::Duration;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use kido_shared::codes::Code;
use kido_web::assets::{Assets, Kind, Source};
use kido_web::words::Dictionary;
use rand::{CryptoRng, RngCore};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use super::door::Door;
use super::guard::{OwnName, only_this_page};
use super::requests;
use super::stage::Stage;

/// Longest body, in bytes: the longest link that is pasted, and what JSON puts around it.
const BODY_BYTES_MAX: usize = 2 * 1024;

/// Requests at a time that wait for a newer moment: the page, and the one before it that has not noticed its end.
const WAITING_MAX: usize = 4;

/// How long the end waits for the page to fetch the last moment, and then for connections to end.
const END_WITHIN: Duration = Duration::from_secs(3);

const FILES: &[Source] = &[
    Source { stem: "card", kind: Kind::Css, content: include_str!("card.css") },
    Source { stem: "card", kind: Kind::Js, content: include_str!("card.js") },
];

/// Why the page cannot be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PageError {
    /// No port of this computer's own address can be had.
    #[error("no port on loopback can be had")]
    Bind(#[source] std::io::Error),
}

/// What the requests share.
pub(super) struct PageState {
    pub(super) stage: Arc<Stage>,
    pub(super) words: Arc<Dictionary>,
    pub(super) assets: Assets,
    pub(super) door: Mutex<Door>,
    /// What the first to knock will be known by.
    pub(super) cookie: Code,
    /// `/RUN/`.
    pub(super) path: String,
    pub(super) waiting: Semaphore,
}

impl core::fmt::Debug for PageState {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("PageState(..)")
    }
}

/// The page, listening and not served yet.
pub(crate) struct Page {
    listener: TcpListener,
    name: OwnName,
    address: Zeroizing<String>,
    state: Arc<PageState>,
}

/// The page, being served.
#[derive(Debug)]
pub(crate) struct Started {
    stage: Arc<Stage>,
    shutdown: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

impl core::fmt::Debug for Page {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Page(..)")
    }
}

impl Page {
    /// Listens on a port that the system chooses.
    ///
    /// # Errors
    /// [`PageError::Bind`].
    pub(crate) async fn bind(
        stage: Arc<Stage>,
        words: Arc<Dictionary>,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<Self, PageError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(PageError::Bind)?;
        let socket = listener.local_addr().map_err(PageError::Bind)?;
        let (secret, cookie) = (Code::generate(random), Code::generate(random));
        let path = format!("/{:016x}/", random.next_u64());
        let address = Zeroizing::new(format!("http://{socket}{path}#{}", secret.reveal().as_str()));
        let state = PageState {
            stage,
            words,
            assets: Assets::of(FILES),
            door: Mutex::new(Door::new(&secret)),
            cookie,
            path,
            waiting: Semaphore::new(WAITING_MAX),
        };
        Ok(Self { listener, name: OwnName::of(socket), address, state: Arc::new(state) })
    }

    /// The address that a browser is opened with; whoever has it first has the page.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Serves it until [`Started::end`].
    pub(crate) fn serve(self) -> Started {
        let Self { listener, name, address, state } = self;
        drop(address);
        let stage = Arc::clone(&state.stage);
        let router = router(name, state);
        let (shutdown, ended) = oneshot::channel::<()>();
        let server = tokio::spawn(async move {
            let ended = async move {
                drop(ended.await);
            };
            if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(ended).await {
                tracing::error!(kind = ?error.kind(), "serving the page failed");
            }
        });
        Started { stage, shutdown, server }
    }
}

impl Started {
    /// Lets the page fetch the last moment, then closes the door for good.
    pub(crate) async fn end(self) {
        let Self { stage, shutdown, mut server } = self;
        if tokio::time::timeout(END_WITHIN, stage.was_seen()).await.is_err() {
            tracing::debug!("nobody has seen the page's end");
        }
        drop(shutdown);
        if tokio::time::timeout(END_WITHIN, &mut server).await.is_err() {
            server.abort();
        }
    }
}

/// The routes, the same in tests.
fn router(name: OwnName, state: Arc<PageState>) -> Router {
    let below = |path: &str| format!("{}{path}", state.path);
    Router::new()
        .route(&below(""), get(requests::page))
        .route(&below("enter"), post(requests::enter))
        .route(&below("view"), get(requests::view))
        .route(&below("answer"), post(requests::answer))
        .route(&below("stop"), post(requests::stop))
        .route(&below("holder.svg"), get(requests::holder_code))
        .route(&below("assets/{name}"), get(requests::asset))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(axum::middleware::from_fn_with_state(name, only_this_page))
        .layer(axum::middleware::from_fn(kido_web::headers::secure))
        .with_state(state)
}
