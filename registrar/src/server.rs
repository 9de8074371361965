//! What this server allows: the accept loop is [`kido_serve`]'s.

use core::time::Duration;

use axum::Router;
use kido_serve::{Entry, HEAD_DEADLINE, Limits};

/// The loop's limits.
const LIMITS: Limits = Limits {
    // Every gate of a large evening and 3,000 buyers; a proxy in front shares out more.
    connections: 4_096,
    read_buffer_bytes: 64 * 1024,
    head: HEAD_DEADLINE,
    drain: Duration::from_secs(20),
};

/// Serves until `stop` is ready, then finishes what is under way.
pub async fn serve(entry: Entry, router: Router, stop: impl Future<Output = ()>) {
    kido_serve::serve(entry, router, LIMITS, stop).await;
}
