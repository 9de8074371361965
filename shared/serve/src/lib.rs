//! The accept loop of every server here: bounded in connections, patient with nobody, and drained before it ends.
//!
//! A registrar, a venue's arbiter and the endpoint that is scraped differ in how many they serve and how long they let
//! others finish; what a slow or silent client may cost is the same everywhere, and stands here.

mod places;
mod signed;
mod tls;

use core::convert::Infallible;
use core::net::IpAddr;
use core::pin::pin;
use core::time::Duration;

use axum::Router;
use axum::http::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use kido_shared::error_chain::Chain;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tower::{Service, ServiceExt as _};

use places::{Places, Seat};

pub use signed::{SignedHeaders, only_header};
pub use tls::{Examined, Tls, TlsError, TlsPair};

/// What [`Limits::head`] is wherever nobody needs another: gates ask every few seconds.
pub const HEAD_DEADLINE: Duration = Duration::from_secs(30);

/// Most header fields of a request: a gate's has eleven, a proxy adds as many.
const HEADERS_MAX: usize = 64;

/// How long a client may leave what was sent to it unacknowledged, in milliseconds: whoever asks and never reads would
/// hold a place for ever.
const UNREAD_MS_MAX: u32 = 30_000;

/// Pause after an accept that failed for want of file descriptors: others must be closed first.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The other end of a connection, as the accept loop saw it: an extension of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// Where clients come in: with TLS of our own, or as a proxy in front or loopback hands them on.
#[derive(Debug)]
pub struct Entry {
    listener: TcpListener,
    tls: Option<Tls>,
}

impl Entry {
    /// Where a pair is given, everybody who connects there speaks TLS with us.
    #[must_use]
    pub const fn new(listener: TcpListener, tls: Option<Tls>) -> Self {
        Self { listener, tls }
    }
}

impl From<TcpListener> for Entry {
    fn from(listener: TcpListener) -> Self {
        Self { listener, tls: None }
    }
}

/// What one server allows.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at a time. Whoever comes then takes the place of one that asks for nothing, or waits for the next.
    pub connections: usize,
    /// Largest head of a request, and what one connection reads ahead, in bytes; hyper takes no less than 8 KiB.
    pub read_buffer_bytes: usize,
    /// Longest wait for the head of a request, whole, and for the next one on a kept connection.
    pub head: Duration,
    /// How long requests under way may take once the process is asked to stop.
    pub drain: Duration,
}

/// Serves until `stop` is ready, then finishes what is under way, for no longer than [`Limits::drain`].
pub async fn serve(entry: impl Into<Entry>, router: Router, limits: Limits, stop: impl Future<Output = ()>) {
    let Entry { listener, tls } = entry.into();
    let (graceful, http) = (GracefulShutdown::new(), http(limits));
    let (places, mut newcomer) = (Places::new(limits.connections), None);
    let (mut connections, mut renewing) = (JoinSet::new(), JoinSet::new());
    let acceptor = tls.as_ref().map(Tls::acceptor);
    if let Some(tls) = tls {
        renewing.spawn(renew(tls));
    }
    let stopping = CancellationToken::new();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            Some(_ended) = connections.join_next() => {}
            accepted = accept(&listener), if newcomer.is_none() => {
                newcomer = accepted;
                if newcomer.is_some() {
                    places.want();
                }
            }
            Some(place) = places.take(), if newcomer.is_some() => {
                let Some((stream, peer)) = newcomer.take() else { continue };
                let service = TowerToHyperService::new(answering(router.clone(), peer, place.seat()));
                let (watcher, http) = (graceful.watcher(), http.clone());
                let (acceptor, stopping) = (acceptor.clone(), stopping.clone());
                connections.spawn(async move {
                    let serving = async {
                        match acceptor {
                            None => watcher.watch(http.serve_connection(TokioIo::new(stream), service)).await,
                            Some(acceptor) => match agreed(acceptor, stream, &stopping).await {
                                None => Ok(()),
                                Some(stream) => {
                                    watcher.watch(http.serve_connection(TokioIo::new(stream), service)).await
                                }
                            },
                        }
                    };
                    tokio::select! {
                        ended = serving => if let Err(error) = ended {
                            tracing::debug!(error = %Chain(&error), "a connection ended early");
                        },
                        () = place.given_up() => tracing::debug!("a connection that asked for nothing made room"),
                    }
                });
            }
        }
    }
    drop(listener);
    stopping.cancel();
    if tokio::time::timeout(limits.drain, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
    connections.shutdown().await;
    renewing.shutdown().await;
}

/// A stream on which keys are agreed; nothing once the server stops, for nobody has asked for anything on it yet.
async fn agreed(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    stopping: &CancellationToken,
) -> Option<TlsStream<TcpStream>> {
    stopping.run_until_cancelled(tls::handshake(acceptor, stream, tls::HANDSHAKE_DEADLINE)).await?
}

/// Looks at the files of TLS now and then, for as long as the server serves.
async fn renew(mut tls: Tls) {
    let mut turns = tokio::time::interval(tls::LOOK_EVERY);
    loop {
        turns.tick().await;
        let looked = tokio::task::spawn_blocking(move || {
            tls.renew();
            tls
        });
        match looked.await {
            Ok(back) => tls = back,
            Err(error) => {
                tracing::error!(error = %Chain(&error), "TLS certificates are renewed no more until the next start");
                return;
            }
        }
    }
}

/// The next connection; nothing where accepting failed for a moment.
async fn accept(listener: &TcpListener) -> Option<(TcpStream, Peer)> {
    match listener.accept().await {
        Ok((stream, address)) => {
            // Answers are small and awaited: a lane waits for them.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(error = %Chain(&error), "no TCP_NODELAY");
            }
            if let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(&stream, UNREAD_MS_MAX) {
                tracing::debug!(error = %Chain(&error), "no TCP_USER_TIMEOUT");
            }
            Some((stream, Peer(address.ip())))
        }
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "a connection was not accepted");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

/// How one connection's requests are answered. Until an answer is sent to its end the connection is no idle one.
fn answering(
    router: Router,
    peer: Peer,
    seat: Seat,
) -> impl Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send> + Clone {
    tower::service_fn(move |request| {
        let (under_way, answer) = (seat.begin(), router.clone().oneshot(from(request, peer)));
        async move { answer.await.map(|answer| answer.map(|body| under_way.until_sent(body))) }
    })
}

/// The request with the other end of its connection, which the limits on guessing count by.
fn from(mut request: Request<Incoming>, peer: Peer) -> Request<Incoming> {
    request.extensions_mut().insert(peer);
    request
}

/// One protocol, and its limits.
fn http(limits: Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(limits.head);
    builder.max_headers(HEADERS_MAX).max_buf_size(limits.read_buffer_bytes);
    builder
}

#[cfg(test)]
mod tests;
