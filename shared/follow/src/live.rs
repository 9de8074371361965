//! The live feed as a follower hears it: opened, read, given up when it is silent, opened again after a while.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use kido_shared::clock::{Clock, Timestamp};
use kido_shared::wire::event_stream::{EventReader, EventStreamError};
use kido_shared::wire::v1::feed_stream::{FeedNews, FeedNewsError, FeedPlace};
use kido_shared::wire::v1::routes;
use rand::rngs::OsRng;
use reqwest::header::CONTENT_TYPE;
use tokio::time::Instant;

use crate::pull::FeedCopy;
use crate::schedule::Schedule;
use crate::uplink::{EVENT_STREAM, Uplink, UplinkError};

/// How long the answer may take to begin.
const OPEN_DEADLINE: Duration = Duration::from_secs(5);

/// How long a live feed has to last before its next failure counts as the first: two heads and more. One that opens,
/// tells and breaks would else be opened twice a second.
const STEADY_AFTER: Duration = Duration::from_secs(60);

/// Why a live feed ended.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// It was not opened, or the line broke.
    #[error("the live feed is not there")]
    Uplink(#[from] UplinkError),
    /// What answered is not a live feed: a page of whoever is in between.
    #[error("what answered is no live feed")]
    Kind,
    /// The registrar ended it, at its own end.
    #[error("the live feed was ended")]
    Ended,
    /// Nothing was told for longer than heads are apart: a proxy that keeps what it should pass on.
    #[error("the live feed is silent")]
    Silent,
    /// What comes is no event stream.
    #[error("the live feed is not readable")]
    Events(#[from] EventStreamError),
    /// An event is not one of this protocol.
    #[error("the live feed tells what no feed tells")]
    News(#[from] FeedNewsError),
    /// Its head or records were refused, or could not be stored.
    #[error("what the live feed told was not taken")]
    NotTaken,
    /// It has told less than there is.
    #[error("the live feed holds something back")]
    HoldsBack,
}

/// The line of one follower. Everything that takes time is kept in it, so waiting may be given up at any point.
pub struct LiveFeed {
    uplink: Uplink,
    clock: Arc<dyn Clock>,
    silence: Duration,
    retry: Schedule,
    state: State,
}

type Opening = Pin<Box<dyn Future<Output = Result<reqwest::Response, UplinkError>> + Send>>;

enum State {
    Down,
    Opening(Opening),
    Up(Box<Stream>),
}

struct Stream {
    response: reqwest::Response,
    reader: EventReader,
    /// Read and not told yet; what one piece of the answer brought, at most.
    heard: std::vec::IntoIter<FeedNews>,
    opened: Timestamp,
    silent_at: Instant,
}

impl fmt::Debug for LiveFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Down => "down",
            State::Opening(_) => "opening",
            State::Up(_) => "up",
        };
        f.debug_struct("LiveFeed").field("uplink", &self.uplink).field("state", &state).finish_non_exhaustive()
    }
}

impl LiveFeed {
    /// A line that is opened at once, and given up when it says nothing for that long.
    #[must_use]
    pub fn new(uplink: Uplink, clock: Arc<dyn Clock>, silence: Duration) -> Self {
        let retry = Schedule::every(Duration::ZERO, clock.now());
        Self { uplink, clock, silence, retry, state: State::Down }
    }

    /// The next thing that is told to somebody who keeps this copy. May be given up and asked again.
    ///
    /// # Errors
    /// [`LiveError`]: the line is down, and the next call waits for a while before it opens another.
    pub async fn next<C: FeedCopy>(&mut self, copy: &C) -> Result<FeedNews, LiveError> {
        let told = self.told(copy).await;
        match &told {
            Ok(_news) => self.lasts(),
            Err(_why) => self.give_up(),
        }
        told
    }

    /// Ends the line; the next call waits before it opens another, longer each time.
    pub fn give_up(&mut self) {
        self.state = State::Down;
        self.retry.failed(self.clock.now(), &mut OsRng);
    }

    async fn told<C: FeedCopy>(&mut self, copy: &C) -> Result<FeedNews, LiveError> {
        loop {
            match &mut self.state {
                State::Down => {
                    tokio::time::sleep(self.retry.wait(self.clock.now())).await;
                    self.state = State::Opening(Box::pin(open(self.uplink.clone(), copy)));
                }
                State::Opening(opening) => {
                    let response = opening.await?;
                    self.state = State::Up(Box::new(self.begin(response)?));
                }
                State::Up(stream) => return stream.next(self.silence).await,
            }
        }
    }

    fn begin(&self, response: reqwest::Response) -> Result<Stream, LiveError> {
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.split(';').next().map(str::trim) != Some(EVENT_STREAM) {
            return Err(LiveError::Kind);
        }
        let (reader, heard) = (EventReader::default(), Vec::new().into_iter());
        Ok(Stream { response, reader, heard, opened: self.clock.now(), silent_at: Instant::now() + self.silence })
    }

    fn lasts(&mut self) {
        let now = self.clock.now();
        if let State::Up(stream) = &self.state
            && now.since(stream.opened) >= STEADY_AFTER
        {
            self.retry.succeeded(now);
        }
    }
}

/// Opens the stream at the place where the copy is by then.
fn open<C: FeedCopy>(
    uplink: Uplink,
    copy: &C,
) -> impl Future<Output = Result<reqwest::Response, UplinkError>> + Send + use<C> {
    let (path, at) = (routes::feed_stream(copy.trust().event()), copy.position());
    let place = FeedPlace { epoch: at.epoch, length: at.length };
    async move { uplink.listen(&path, place, OPEN_DEADLINE).await }
}

impl Stream {
    async fn next(&mut self, silence: Duration) -> Result<FeedNews, LiveError> {
        loop {
            if let Some(news) = self.heard.next() {
                // Only what is told counts: a proxy's own signs of life say nothing of the registrar.
                self.silent_at = Instant::now() + silence;
                return Ok(news);
            }
            let piece = tokio::time::timeout_at(self.silent_at, self.response.chunk()).await;
            let piece = piece.map_err(|_elapsed| LiveError::Silent)?.map_err(UplinkError::Unreachable)?;
            let mut heard = Vec::new();
            for event in self.reader.push(&piece.ok_or(LiveError::Ended)?)? {
                heard.extend(FeedNews::parse(&event)?);
            }
            self.heard = heard.into_iter();
        }
    }
}
