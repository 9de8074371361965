//! Tells of feeds that grow, to many at once.
//!
//! Each event that somebody follows has one publisher. It waits for what is durable, signs and encodes once, and puts the
//! result where every stream of that event looks:
//!
//! ```text
//! store ── watch ──▶ publisher ── one step, signed and encoded ──▶ watch ──┬─▶ stream ─▶ gate
//!                    at most every 50 ms; every 30 s anyway                └─▶ stream ─▶ gate
//! ```
//!
//! **Invariant.** Nothing queues: a stream whose reader is slow finds the newest step when it comes back, and what lies
//! between, where it is few, comes along with that. A reader that takes nothing at all is the accept loop's to end
//! ([`crate::server`]).

mod publisher;
mod step;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes};
use kido_shared::ids::EventId;
use kido_shared::wire::v1::feed_stream::FeedPlace;
use tokio::sync::{Semaphore, watch};
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::WatchStream;
use tokio_util::task::TaskTracker;

use crate::error::AppError;
use crate::store::Store;
use step::Step;

/// Most streams at a time: a quarter of the connections that this registrar holds. Who finds no place polls.
const STREAMS_MAX: usize = 1_024;

/// Most streams of one event: twice the gates of the largest evening; one event's strangers leave room for the others.
const STREAMS_PER_EVENT_MAX: usize = 512;

/// Where an event's streams find what was told last; nothing before its publisher has looked for the first time.
type Told = watch::Sender<Option<Arc<Step>>>;

/// All live feeds of this process.
#[derive(Debug)]
pub(crate) struct LiveFeeds {
    shared: Arc<Shared>,
    places: Arc<Semaphore>,
    publishers: TaskTracker,
}

/// What publishers share.
#[derive(Debug)]
struct Shared {
    store: Store,
    stopping: watch::Receiver<bool>,
    followed: Mutex<BTreeMap<EventId, Told>>,
}

/// Why a stream sends something, or ends.
#[derive(Debug)]
enum Cause {
    Told(Arc<Step>),
    End,
}

impl LiveFeeds {
    /// No streams yet; all end once `stopping` is true.
    pub(crate) fn new(store: Store, stopping: watch::Receiver<bool>) -> Self {
        let shared = Shared { store, stopping, followed: Mutex::default() };
        Self { shared: Arc::new(shared), places: Arc::new(Semaphore::new(STREAMS_MAX)), publishers: TaskTracker::new() }
    }

    /// The live feed of an event for somebody who has followed it up to a place: its text as it goes over the wire.
    ///
    /// # Errors
    /// [`AppError::TooManyStreams`], or why the event has no head.
    pub(crate) fn open(&self, event: EventId, at: Option<FeedPlace>) -> Result<Body, AppError> {
        self.shared.store.has_head(event)?;
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_none_left| AppError::TooManyStreams)?;
        let told = WatchStream::new(self.follow(event)?).filter_map(|step| step.map(Cause::Told));
        let stopping = WatchStream::new(self.shared.stopping.clone());
        let stopping = stopping.filter_map(|stopping| stopping.then_some(Cause::End));
        // A publisher that ended has failed: whoever comes again begins another one.
        let causes = told.chain(tokio_stream::once(Cause::End)).merge(stopping);
        let mut at = at;
        let texts = causes.map_while(move |cause| {
            // The place lives as long as its stream.
            let _counted = &place;
            let Cause::Told(step) = cause else { return None };
            let text = step.text_for(at);
            at = Some(step.place());
            Some(Ok::<Bytes, Infallible>(text))
        });
        Ok(Body::from_stream(texts))
    }

    /// How many streams are open.
    pub(crate) fn listeners(&self) -> usize {
        STREAMS_MAX.saturating_sub(self.places.available_permits())
    }

    /// Waits until no publisher works any more; to be asked once `stopping` is true.
    pub(crate) async fn ended(&self) {
        self.publishers.close();
        self.publishers.wait().await;
    }

    /// What is told of an event, by a publisher that is begun where there is none.
    fn follow(&self, event: EventId) -> Result<watch::Receiver<Option<Arc<Step>>>, AppError> {
        let mut followed = self.shared.followed.lock().unwrap_or_else(PoisonError::into_inner);
        let told = followed.entry(event).or_insert_with(|| {
            let told = Told::default();
            self.publishers.spawn(publisher::publish(Arc::clone(&self.shared), event, told.clone()));
            told
        });
        if told.receiver_count() >= STREAMS_PER_EVENT_MAX {
            return Err(AppError::TooManyStreams);
        }
        Ok(told.subscribe())
    }
}

impl Shared {
    /// Ends an event's streams: nobody tells them anything any more.
    fn end(&self, event: EventId) {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner).remove(&event);
    }

    /// Ends what nobody follows; whether it did. Under the lock under which somebody would begin to.
    fn end_unfollowed(&self, event: EventId, told: &Told) -> bool {
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        let nobody = told.receiver_count() == 0;
        if nobody {
            followed.remove(&event);
        }
        nobody
    }
}

#[cfg(test)]
mod tests;
