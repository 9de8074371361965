//! From a data folder to a registrar that answers, and back.

use core::convert::Infallible;
use core::time::Duration;
use std::fs::{File, TryLockError};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::http::{HeaderValue, header};
use kido_observe::{Endpoint, EndpointError};
use kido_serve::{Entry, Tls, TlsError};
use kido_shared::certificate::AnchorError;
use kido_shared::clock::SystemClock;
use kido_store::core_dumps::forbid_core_dumps;
use kido_web::words::WordsError;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::audit::{Audit, AuditError};
use crate::auth::tokens::{TokenError, Tokens};
use crate::config::{ConfigError, ServeConfig, read_anchors};
use crate::entropy::Entropy;
use crate::keyring::{Keyring, KeyringError};
use crate::registration::CertificateTrust;
use crate::router::build_router;
use crate::server::serve;
use crate::state::{AppParts, AppState};
use crate::store::{OpenError, StorageError, Store, StoreParts};
use crate::web::Pages;

/// How long links of tickets may outlive their session, or the token that began it.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// What browsers remember of a host that speaks TLS here: a year long they call it by nothing else (RFC 6797). Where a
/// proxy ends TLS, it is the proxy that says so.
const TLS_ALONE: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Why the registrar does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The kernel does not forbid core dumps, so secrets could reach a disk.
    #[error("core dumps cannot be forbidden")]
    CoreDumps(#[source] rustix::io::Errno),
    /// There is no registrar in the folder.
    #[error("{} holds no registrar: run `kido-registrar init` first", .0.display())]
    NotInitialised(PathBuf),
    /// Another process serves the same folder.
    #[error("another process serves {}", .0.display())]
    Served(PathBuf),
    /// A file of the data folder cannot be used.
    #[error("{} cannot be used", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The configuration.
    #[error("the configuration is not usable")]
    Config(#[source] ConfigError),
    /// A configured root.
    #[error("the trust anchors are not usable")]
    Anchor(#[source] AnchorError),
    /// The keyring.
    #[error("the keyring is not usable")]
    Keyring(#[source] KeyringError),
    /// The tokens.
    #[error("the bearer tokens are not usable")]
    Tokens(#[source] TokenError),
    /// The audit list.
    #[error("the audit list is not usable")]
    Audit(#[source] AuditError),
    /// The events.
    #[error("the events are not usable")]
    Store(#[source] OpenError),
    /// An event's store.
    #[error("an event cannot be read")]
    Event(#[source] StorageError),
    /// The words of the pages.
    #[error("the words of the pages are broken")]
    Words(#[source] WordsError),
    /// The address is taken or not this machine's.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// TLS of its own.
    #[error("TLS is not usable")]
    Tls(#[from] TlsError),
    /// Nobody could scrape.
    #[error("the metrics cannot be served")]
    Metrics(#[from] EndpointError),
    /// Signals cannot be received.
    #[error("signals cannot be received")]
    Signals(#[source] io::Error),
    /// A thread of the start ended without an answer: a bug.
    #[error("the start ended without an answer")]
    Start(#[source] tokio::task::JoinError),
}

/// Where a registrar can be reached once the first request would be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// By everybody.
    pub address: SocketAddr,
    /// With TLS of its own.
    pub tls: bool,
    /// By whoever scrapes its metrics, if that was asked for.
    pub metrics: Option<SocketAddr>,
}

/// Serves until SIGTERM or SIGINT. `ready` is told the addresses once the first request would be answered.
///
/// # Errors
/// [`ServeError`]; nothing is served then.
pub async fn run(config: ServeConfig, ready: impl FnOnce(Reached)) -> Result<(), ServeError> {
    forbid_core_dumps().map_err(ServeError::CoreDumps)?;
    let lock = lock(&config)?;
    let listen = config.listen;
    let listener = TcpListener::bind(listen).await.map_err(|source| ServeError::Listen { address: listen, source })?;
    let address = listener.local_addr().map_err(|source| ServeError::Listen { address: listen, source })?;
    let metrics = match config.metrics {
        Some(listen) => Some(Endpoint::bind(listen).await?),
        None => None,
    };
    let stop = stop_signal()?;
    let files = config.tls.clone();
    let tls =
        tokio::task::spawn_blocking(move || files.map(Tls::open).transpose()).await.map_err(ServeError::Start)??;
    let opened = tokio::task::spawn_blocking(move || open(&config)).await.map_err(ServeError::Start)??;
    let (app, store) = opened;
    tell_rehearsals(&store)?;
    tracing::info!(origin = %app.origin, %address, "serving");
    ready(Reached { address, tls: tls.is_some(), metrics: metrics.as_ref().map(Endpoint::address) });
    let streams = app.clone();
    let stop = async move {
        stop.await;
        // Before the connections are drained: a stream would keep its own open for ever.
        streams.stop();
    };
    let office = app.clone();
    let mut scraped = JoinSet::new();
    if let Some(metrics) = metrics {
        // To the very end: how the process drains is worth a look, too.
        scraped.spawn(metrics.serve(Arc::new(app.clone()), core::future::pending()));
    }
    let router = build_router(app);
    let tls_alone = SetResponseHeaderLayer::overriding(header::STRICT_TRANSPORT_SECURITY, TLS_ALONE);
    let router = if tls.is_some() { router.layer(tls_alone) } else { router };
    tokio::select! {
        () = serve(Entry::new(listener, tls), router, stop) => {}
        never = sweep(&office) => match never {},
    }
    tracing::info!("stopping");
    // Each is a transaction and a line: short, and no request waits for them any more.
    office.deeds.close();
    office.deeds.wait().await;
    office.live_feeds.ended().await;
    scraped.shutdown().await;
    let closing = move || {
        store.close();
        office.audit.close();
    };
    tokio::task::spawn_blocking(closing).await.map_err(ServeError::Start)?;
    drop(lock);
    Ok(())
}

/// Forgets, for as long as the registrar serves, what it holds in memory and nobody may see any more.
async fn sweep(app: &AppState) -> Infallible {
    let mut turns = tokio::time::interval(SWEEP_EVERY);
    loop {
        turns.tick().await;
        app.clerks.sweep(app.now(), &app.tokens);
    }
}

/// Opens everything. Blocks: logs are verified from their first byte.
fn open(config: &ServeConfig) -> Result<(AppState, Store), ServeError> {
    let anchors = read_anchors(&config.trust_anchors).map_err(ServeError::Config)?;
    if !anchors.is_empty() {
        tracing::warn!(anchors = anchors.len(), "rehearsals accept further trust anchors");
    }
    let trust = CertificateTrust::new(&anchors).map_err(ServeError::Anchor)?;
    let tokens = Tokens::open(config.data.tokens()).map_err(ServeError::Tokens)?;
    let entropy = Entropy::from_system();
    let store = Store::open(StoreParts {
        folder: config.data.events(),
        keyring: Keyring::open(&config.data.keyring(), &config.master_key).map_err(ServeError::Keyring)?,
        clock: Arc::new(SystemClock),
        entropy: entropy.clone(),
        cache_bytes: config.index_cache_bytes,
    });
    let store = store.map_err(ServeError::Store)?;
    let audit = Audit::open(&config.data.audit()).map_err(ServeError::Audit)?;
    let pages = Pages::compiled_in().map_err(ServeError::Words)?;
    let (origin, data) = (config.origin.clone(), config.data.path().to_owned());
    let (card_helper, proxies) = (config.card_helper.clone(), config.proxies.clone());
    let parts =
        AppParts { store: store.clone(), origin, trust, tokens, entropy, data, pages, audit, card_helper, proxies };
    let app = AppState::new(parts);
    Ok((app, store))
}

/// One process for one folder; the lock ends with the process, however that ends.
pub(crate) fn lock(config: &ServeConfig) -> Result<File, ServeError> {
    if !config.data.keyring().is_dir() {
        return Err(ServeError::NotInitialised(config.data.path().to_owned()));
    }
    let path = config.data.lock();
    let file = File::create(&path).map_err(|source| ServeError::File { path: path.clone(), source })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ServeError::Served(config.data.path().to_owned())),
        Err(TryLockError::Error(source)) => Err(ServeError::File { path, source }),
    }
}

fn tell_rehearsals(store: &Store) -> Result<(), ServeError> {
    for view in store.events().map_err(ServeError::Event)? {
        if view.policy.is_rehearsal() {
            tracing::warn!(event = %view.event, "REHEARSAL: this event accepts test cards");
        }
    }
    Ok(())
}

/// Ready once somebody asks the process to stop.
fn stop_signal() -> Result<impl Future<Output = ()>, ServeError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(ServeError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServeError::Signals)?;
    Ok(async move {
        tokio::select! {
            _term = terminate.recv() => {}
            _int = interrupt.recv() => {}
        }
    })
}
