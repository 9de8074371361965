//! The accept loop: bounded in connections, patient with nobody, drained before it ends.

use core::pin::pin;
use core::time::Duration;
use std::sync::Arc;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use kido_shared::error_chain::Chain;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

/// Connections at a time: four of each of the largest venue's gates, and a proxy's.
const CONNECTIONS_MAX: usize = 1_024;

/// Longest wait for the head of a request, and for the next one on a kept connection. Gates ask every second.
const HEAD_DEADLINE: Duration = Duration::from_secs(30);

/// Most header fields of a request: a gate's has ten, a proxy adds as many.
const HEADERS_MAX: usize = 64;

/// Largest head of a request, and what one connection reads ahead.
const READ_BUFFER_BYTES_MAX: usize = 16 * 1024;

/// How long steps under way may take once the process is asked to stop: each is one write.
const DRAIN_DEADLINE: Duration = Duration::from_secs(5);

/// Pause after an accept that failed for want of file descriptors: others must be closed first.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop` is ready, then finishes what is under way.
pub async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let (graceful, http) = (GracefulShutdown::new(), http());
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            Some(_ended) = connections.join_next() => {}
            accepted = accept(&listener, &places) => {
                let Some((stream, place)) = accepted else { continue };
                let service = TowerToHyperService::new(router.clone());
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
    if tokio::time::timeout(DRAIN_DEADLINE, graceful.shutdown()).await.is_err() {
        tracing::warn!("some steps did not end in time");
    }
    connections.shutdown().await;
}

/// The next connection, once there is a place for it; nothing where accepting failed for a moment.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _address)) => {
            // Answers are small and awaited: a lane waits for them.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(error = %Chain(&error), "no TCP_NODELAY");
            }
            Some((stream, place))
        }
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "a connection was not accepted");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

/// One protocol, and its limits.
fn http() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_DEADLINE);
    builder.max_headers(HEADERS_MAX).max_buf_size(READ_BUFFER_BYTES_MAX);
    builder
}
