//! The accept loop of every server here: bounded in connections, patient with nobody, and drained before it ends.
//!
//! A registrar, a venue's arbiter and the endpoint that is scraped differ in how many they serve and how long they let
//! others finish; what a slow or silent client may cost is the same everywhere, and stands here.

use core::net::IpAddr;
use core::pin::pin;
use core::time::Duration;
use std::sync::Arc;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use kido_shared::error_chain::Chain;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tower::ServiceExt as _;

/// Longest wait for the head of a request, and for the next one on a kept connection. Gates ask every few seconds.
const HEAD_DEADLINE: Duration = Duration::from_secs(30);

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

/// What one server allows.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at a time; whoever comes then waits to be accepted.
    pub connections: usize,
    /// Largest head of a request, and what one connection reads ahead, in bytes; hyper takes no less than 8 KiB.
    pub read_buffer_bytes: usize,
    /// How long requests under way may take once the process is asked to stop.
    pub drain: Duration,
}

/// Serves until `stop` is ready, then finishes what is under way, for no longer than [`Limits::drain`].
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: impl Future<Output = ()>) {
    let (graceful, http) = (GracefulShutdown::new(), http(limits));
    let places = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            Some(_ended) = connections.join_next() => {}
            accepted = accept(&listener, &places) => {
                let Some((stream, peer, place)) = accepted else { continue };
                let service = TowerToHyperService::new(router.clone().map_request(move |request| from(request, peer)));
                let watched = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
                connections.spawn(async move {
                    if let Err(error) = watched.await {
                        tracing::debug!(error = %Chain(&error), "a connection ended early");
                    }
                    drop(place);
                });
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(limits.drain, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
    connections.shutdown().await;
}

/// The next connection, once there is a place for it; nothing where accepting failed for a moment.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> Option<(TcpStream, Peer, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, address)) => {
            // Answers are small and awaited: a lane waits for them.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(error = %Chain(&error), "no TCP_NODELAY");
            }
            if let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(&stream, UNREAD_MS_MAX) {
                tracing::debug!(error = %Chain(&error), "no TCP_USER_TIMEOUT");
            }
            Some((stream, Peer(address.ip()), place))
        }
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "a connection was not accepted");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

/// The request with the other end of its connection, which the limits on guessing count by.
fn from(mut request: Request<Incoming>, peer: Peer) -> Request<Incoming> {
    request.extensions_mut().insert(peer);
    request
}

/// One protocol, and its limits.
fn http(limits: Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_DEADLINE);
    builder.max_headers(HEADERS_MAX).max_buf_size(limits.read_buffer_bytes);
    builder
}

#[cfg(test)]
mod tests;
