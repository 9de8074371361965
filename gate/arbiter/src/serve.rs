//! What this server allows: the accept loop is [`kido_serve`]'s.

use core::time::Duration;

use axum::Router;
use kido_serve::{Entry, HEAD_DEADLINE, Limits};

/// The loop's limits.
const LIMITS: Limits = Limits {
    // Four of each of the largest venue's gates, and a proxy's.
    connections: 1_024,
    read_buffer_bytes: 16 * 1024,
    head: HEAD_DEADLINE,
    // Each step under way is one write.
    drain: Duration::from_secs(5),
};

/// Serves until `stop` is ready, then finishes what is under way.
pub async fn serve(entry: impl Into<Entry>, router: Router, stop: impl Future<Output = ()>) {
    kido_serve::serve(entry, router, LIMITS, stop).await;
}
