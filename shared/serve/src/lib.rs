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
use hyper_util::server::graceful::GracefulConnection;
use hyper_util::service::TowerToHyperService;
use kido_shared::error_chain::Chain;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tower::{Service, ServiceExt as _};

use places::{Place, Places, Seat};

pub use signed::{SignedHeaders, only_header};
pub use tls::{Examined, Tls, TlsError, TlsPair};

/// What [`Limits::head`] is wherever nobody needs another: gates ask every few seconds.
pub const HEAD_DEADLINE: Duration = Duration::from_secs(30);

/// Most header fields of a request: a gate's has eleven, a proxy adds as many.
const HEADERS_MAX: usize = 64;

/// How long a client may leave what was sent to it unacknowledged, in milliseconds: whoever asks and never reads would
/// hold a place for ever.
const UNREAD_MS_MAX: u32 = 30_000;

/// How long an answer that lies in a buffer may take to be sent once the connection's place is needed for somebody else.
const SENDING_MAX: Duration = Duration::from_secs(2);

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
    let (places, http, mut newcomer) = (Places::new(limits.connections), http(limits), None);
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
                let (http, acceptor, stopping) = (http.clone(), acceptor.clone(), stopping.clone());
                connections.spawn(async move {
                    let ended = match acceptor {
                        None => {
                            converse(http.serve_connection(TokioIo::new(stream), service), &place, &stopping).await
                        }
                        Some(acceptor) => match agreed(acceptor, stream, (&place, &stopping)).await {
                            None => Ok(()),
                            Some(stream) => {
                                converse(http.serve_connection(TokioIo::new(stream), service), &place, &stopping).await
                            }
                        },
                    };
                    if let Err(error) = ended {
                        tracing::debug!(error = %Chain(&error), "a connection ended early");
                    }
                });
            }
        }
    }
    drop(listener);
    stopping.cancel();
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.drain, drained).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
    connections.shutdown().await;
    renewing.shutdown().await;
}

/// One connection, until it ends, the server stops, or its place is needed for somebody else. What was answered is sent in
/// either case: an answer that lies in a buffer is not seen to be under way any more.
async fn converse<C: GracefulConnection>(
    connection: C,
    place: &Place,
    stopping: &CancellationToken,
) -> Result<(), C::Error> {
    let mut connection = pin!(connection);
    let patience = tokio::select! {
        ended = connection.as_mut() => return ended,
        () = stopping.cancelled() => None,
        () = place.given_up() => Some(if place.was_asked() { SENDING_MAX } else { Duration::ZERO }),
    };
    connection.as_mut().graceful_shutdown();
    let Some(patience) = patience else { return connection.await };
    tracing::debug!("a connection that asked for nothing made room");
    tokio::time::timeout(patience, connection).await.unwrap_or(Ok(()))
}

/// A stream on which keys are agreed; nothing once the server stops or the place is needed, for nobody has asked for anything
/// on it yet.
async fn agreed(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    (place, stopping): (&Place, &CancellationToken),
) -> Option<TlsStream<TcpStream>> {
    tokio::select! {
        agreed = tls::handshake(acceptor, stream, tls::HANDSHAKE_DEADLINE) => agreed,
        () = place.given_up() => None,
        () = stopping.cancelled() => None,
    }
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

/// How one connection's requests are answered. From a whole request to the end of its answer the connection is no idle one.
fn answering(
    router: Router,
    peer: Peer,
    seat: Seat,
) -> impl Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send> + Clone {
    tower::service_fn(move |request| {
        let (head, body) = from(request, peer).into_parts();
        let (body, arrived) = seat.receive(body);
        let answer = router.clone().oneshot(Request::from_parts(head, body));
        async move { answer.await.map(|answer| answer.map(|body| arrived.answered().until_sent(body))) }
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
