//! The loop that keeps a copy up to date: told by the live feed while that lasts, by asking while it does not.

use std::sync::Arc;
use std::time::Duration;

use kido_shared::clock::Clock;
use kido_shared::error_chain::Chain;
use kido_shared::trace_context::TraceContext;
use kido_shared::wire::v1::feed_stream::FeedNews;
use rand::rngs::OsRng;
use tracing::Instrument as _;

use crate::live::{LiveError, LiveFeed};
use crate::pull::{FeedClient, FeedCopy, PullError, Pulled};
use crate::schedule::{PULL_INTERVAL, Schedule};
use crate::wish::{Asked, Pulls};

/// How often the head is asked for while the live feed lasts: as often as heads are issued, for the first time a little
/// earlier by chance. It finds out a live feed that holds something back.
const CROSS_CHECK_INTERVAL: Duration = Duration::from_secs(30);

/// How long a live feed may tell nothing: half as long again as heads are apart.
const SILENCE_MAX: Duration = Duration::from_secs(45);

/// Checks in a row that find what the live feed has not told, until it is given up. One may have been a moment earlier.
const HELD_BACK_MAX: u32 = 2;

/// In what rhythm a feed is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How often the head is asked for while nothing is told.
    pub poll: Duration,
    /// How often it is asked for although it is told.
    pub cross_check: Duration,
    /// How long the live feed may tell nothing.
    pub silence: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { poll: PULL_INTERVAL, cross_check: CROSS_CHECK_INTERVAL, silence: SILENCE_MAX }
    }
}

/// Keeps how old the copy is by now.
pub trait NoteHead: Send + Sync + 'static {
    /// A head was reached, with or without new records.
    fn note(&self, pulled: &Pulled) -> impl Future<Output = ()> + Send;

    /// The registrar was not reached, or what it said was not taken: one word for why, to be counted.
    fn missed(&self, _why: &'static str) {}
}

/// What there is to do next.
#[derive(Debug)]
enum Turn {
    Ask(Asked),
    Told(Box<FeedNews>),
    Broken(LiveError),
    End,
}

/// Follows the feed until nobody is left who could ask for a pull.
///
/// What is told goes through the same hands as what is asked for ([`FeedClient::take`]). Whatever is wrong with the live
/// feed, the next look is a poll, at once; it is opened again after a while, by chance not with all others at a time. One
/// that only repeats what is known is found out by the cross-check.
///
/// `clock` says when something is due; it is the one that nobody moves.
pub async fn follow<C: FeedCopy, N: NoteHead>(
    client: FeedClient,
    (copy, notes): (C, N),
    mut pulls: Pulls,
    clock: Arc<dyn Clock>,
    pace: Pace,
) {
    let live = LiveFeed::new(client.uplink().clone(), Arc::clone(&clock), pace.silence);
    let schedule = Schedule::every(pace.poll, clock.now());
    let mut following = Following { client, copy, notes, clock, pace, live, schedule, told: false, held_back: 0 };
    loop {
        match following.wait(&mut pulls).await {
            Turn::Ask(asked) => {
                following.ask().await;
                asked.done();
            }
            Turn::Told(news) => following.hear(&news).await,
            Turn::Broken(why) => following.poll(&why),
            Turn::End => return,
        }
    }
}

struct Following<C, N> {
    client: FeedClient,
    copy: C,
    notes: N,
    clock: Arc<dyn Clock>,
    pace: Pace,
    live: LiveFeed,
    schedule: Schedule,
    /// Whether the live feed lasts.
    told: bool,
    /// Checks in a row that found what was not told.
    held_back: u32,
}

impl<C: FeedCopy, N: NoteHead> Following<C, N> {
    async fn wait(&mut self, pulls: &mut Pulls) -> Turn {
        let wait = self.schedule.wait(self.clock.now());
        tokio::select! {
            asked = pulls.next(wait) => asked.map_or(Turn::End, Turn::Ask),
            told = self.live.next(&self.copy) => match told {
                Ok(news) => Turn::Told(Box::new(news)),
                Err(why) => Turn::Broken(why),
            },
        }
    }

    async fn ask(&mut self) {
        let due = self.schedule.wait(self.clock.now()).is_zero();
        let trace = TraceContext::begin(&mut OsRng);
        self.pull(due, trace).instrument(tracing::info_span!("pull", trace = %trace.trace())).await;
    }

    async fn pull(&mut self, due: bool, trace: TraceContext) {
        let pulled = self.client.traced(trace).pull(&self.copy).await;
        match &pulled {
            Ok(pulled) => {
                reached(&self.copy, &self.notes, pulled).await;
                self.schedule.succeeded(self.clock.now());
                if due && self.told {
                    self.check(pulled.records);
                }
            }
            Err(error) => {
                self.tell(error);
                self.schedule.failed(self.clock.now(), &mut OsRng);
            }
        }
    }

    /// What the cross-check says of the live feed.
    fn check(&mut self, records: u64) {
        self.held_back = if records == 0 { 0 } else { self.held_back.saturating_add(1) };
        if self.held_back >= HELD_BACK_MAX {
            self.live.give_up();
            self.poll(&LiveError::HoldsBack);
        }
    }

    async fn hear(&mut self, news: &FeedNews) {
        let (told, at) = (news.place(), self.copy.position());
        if told.epoch == at.epoch && told.length < at.length {
            // What was under way while something else brought more: no lie, and nothing new.
            return;
        }
        match self.client.take(&self.copy, news).await {
            Ok(pulled) => {
                reached(&self.copy, &self.notes, &pulled).await;
                if pulled.records > 0 {
                    self.held_back = 0;
                }
                if !self.told {
                    tracing::info!("the feed is followed live");
                }
                self.told = true;
                self.schedule.pace(self.pace.cross_check, self.clock.now(), &mut OsRng);
            }
            Err(error) => {
                self.tell(&error);
                self.live.give_up();
                self.poll(&LiveError::NotTaken);
            }
        }
    }

    /// The live feed is gone: asks again, at once and then in the quick rhythm.
    fn poll(&mut self, why: &LiveError) {
        if core::mem::replace(&mut self.told, false) {
            tracing::warn!(error = %Chain(why), "the feed is no longer followed live, but asked for");
        } else {
            tracing::debug!(error = %Chain(why), "no live feed");
        }
        self.held_back = 0;
        self.schedule.pace(self.pace.poll, self.clock.now(), &mut OsRng);
    }

    fn tell(&self, error: &PullError<C::Error>) {
        self.notes.missed(why(error));
        if matches!(error, PullError::Feed(_) | PullError::Copy(_)) {
            tracing::error!(error = %Chain(error), "the feed was not taken");
        } else if self.schedule.failures() == 0 {
            tracing::warn!(error = %Chain(error), "the feed is out of reach");
        }
    }
}

/// One word for it, for counts.
const fn why<E: std::error::Error>(error: &PullError<E>) -> &'static str {
    match error {
        PullError::Uplink(error) => error.name(),
        PullError::Feed(_) => "not_believed",
        PullError::Copy(_) | PullError::Spool(_) => "not_stored",
        PullError::Stopped => "stopped",
    }
}

async fn reached<C: FeedCopy>(copy: &C, notes: &impl NoteHead, pulled: &Pulled) {
    notes.note(pulled).await;
    if pulled.records > 0 {
        let (records, bytes, at) = (pulled.records, pulled.bytes, copy.position());
        tracing::info!(records, bytes, epoch = at.epoch.get(), length = at.length, "feed followed");
    }
}

#[cfg(test)]
mod tests;
