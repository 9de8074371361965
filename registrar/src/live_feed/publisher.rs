//! Looks at one event's feed whenever something is durable, and tells what is new.

use core::time::Duration;
use std::sync::Arc;

use kido_shared::error_chain::Chain;
use kido_shared::ids::EventId;
use kido_shared::limits::HEAD_INTERVAL;
use kido_store::LogHead;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::step::Step;
use super::{Shared, Told};

/// Shortest time between two looks: an import of 100,000 tickets is 20 heads a second instead of thousands, each of which
/// two hundred gates would verify and store; and a suspension waits no longer than nobody notices.
const LOOK_PAUSE: Duration = Duration::from_millis(50);

/// Why a publisher goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// Something was stored.
    Stored,
    /// Nothing was told for as long as heads are apart.
    Beat,
    /// Nobody listens.
    Alone,
    /// The process is asked to stop.
    Stop,
}

/// Tells of an event until nobody follows it, or nothing more can be told.
pub(super) async fn publish(shared: Arc<Shared>, event: EventId, told: Told) {
    let mut changes = shared.store.watch(event).ok();
    let (mut stopping, mut beat) = (shared.stopping.clone(), Instant::now());
    loop {
        let last = told.borrow().clone();
        let due = Instant::now() >= beat;
        match Step::next(&shared.store, event, last.as_deref(), due).await {
            Ok(Some(step)) => {
                told.send_replace(Some(Arc::new(step)));
                beat = Instant::now() + HEAD_INTERVAL;
            }
            Ok(None) => {}
            Err(error) => {
                tracing::error!(%event, error = %Chain(&error), "the live feed ends: its followers poll");
                shared.end(event);
                return;
            }
        }
        tokio::select! {
            () = stopped(&mut stopping) => return,
            () = sleep(LOOK_PAUSE) => {}
        }
        loop {
            match cause(&mut stopping, &told, &mut changes, beat).await {
                Cause::Stored | Cause::Beat => break,
                Cause::Alone if shared.end_unfollowed(event, &told) => return,
                Cause::Alone => {}
                Cause::Stop => return,
            }
        }
    }
}

async fn cause(
    stopping: &mut watch::Receiver<bool>,
    told: &Told,
    changes: &mut Option<watch::Receiver<LogHead>>,
    beat: Instant,
) -> Cause {
    tokio::select! {
        () = stopped(stopping) => Cause::Stop,
        () = told.closed() => Cause::Alone,
        () = changed(changes) => Cause::Stored,
        () = sleep_until(beat) => Cause::Beat,
    }
}

/// Ready once the process is asked to stop, or is gone already.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    if stopping.wait_for(|stopping| *stopping).await.is_err() {
        tracing::debug!("the registrar is gone");
    }
}

/// Ready once something was stored; never where nothing ever will be, the event having been deleted.
async fn changed(changes: &mut Option<watch::Receiver<LogHead>>) {
    if let Some(watched) = changes {
        if watched.changed().await.is_ok() {
            return;
        }
        *changes = None;
    }
    core::future::pending().await
}
