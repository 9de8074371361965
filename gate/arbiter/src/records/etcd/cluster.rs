//! The members of an etcd, and what to do when one of them is silent or answers for another etcd.
//!
//! One client per member. A question goes to the member that answered last; one that does not answer within its deadline
//! is left, and the same question goes to the next. That is safe for every question asked here: a transaction that was
//! made although its answer was lost compares itself with what it wrote, and finds it.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use kido_shared::challenge::Origin;
use kido_shared::error_chain::Chain;
use reqwest::header::CONTENT_TYPE;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout};

use super::answers::read;
use super::settings::{EtcdSettings, SettingsError};
use super::wire::{Answer, Header};

/// How long one member has for one attempt.
///
/// A write takes two fsyncs and two ways through a network of one building, some 5 ms; and two members must have had their
/// turn before a gate, which waits 300 ms for a box, turns to the next box.
pub const ATTEMPT_DEADLINE: Duration = Duration::from_millis(120);

/// How long one read or write may take in all: below the 300 ms of a gate, so that a box says itself that it cannot decide.
pub const STEP_DEADLINE: Duration = Duration::from_millis(250);

/// Less than this is not tried: nothing is written in it, and a member must not be blamed for that.
const ATTEMPT_MIN: Duration = Duration::from_millis(20);

/// How long a member may take to be reached at all, where nobody waits at a lane.
const CONNECT_DEADLINE: Duration = Duration::from_secs(2);

/// A question of a person at a terminal, over lines that nobody has used yet: one member, and all of them.
pub(super) const AT_A_TERMINAL: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(6));

/// Deleting what 100,000 tickets have left.
pub(super) const WIPING: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(120));

/// Pause once every member has failed at once: a refused connection costs no time.
const ROUND_PAUSE: Duration = Duration::from_millis(20);

/// Records that are asked for at a time where all of them are wanted.
pub(super) const RECORDS_PER_PAGE: u64 = 20;

/// Largest answer that is read: a page of records of 6 kB each, with their keys, in base64.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// Why the members did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClusterError {
    /// No member answered in time: too few of them are up, or the network is not.
    #[error("no member of the etcd answered in time")]
    Silent,
    /// Its database has reached its quota: it reads, and writes nothing more until somebody has made room.
    #[error("the etcd's quota alarm is raised: it writes nothing until it was compacted, defragmented and disarmed")]
    QuotaAlarm,
    /// It is there and does not do what was asked.
    #[error("the etcd refused with {status}")]
    Refused {
        /// The HTTP status; 404 where its JSON gateway is switched off.
        status: u16,
    },
    /// What answers belongs to another etcd than before, or knows less than was known: it was restored, or put back.
    #[error("a member answers for another etcd, or for an older state of this one")]
    OtherHistory,
    /// The answer is not what its gateway answers.
    #[error("the etcd's answer is not readable")]
    Unreadable,
}

/// One member.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) origin: Origin,
    http: reqwest::Client,
}

/// An etcd, as this box reaches it.
#[derive(Debug)]
pub struct Cluster {
    endpoints: Vec<Endpoint>,
    /// The place of the one that answered last.
    favourite: AtomicUsize,
    /// Whether it has answered since it is the favourite: leaving it is news only then, and a night without a network
    /// must not fill a log.
    answered: AtomicBool,
    /// The etcd that has shown the mark, as it numbers itself; 0 until one has.
    cluster_id: AtomicU64,
    /// How far it was at least. Every question is linearizable, so no member that belongs to it answers from before.
    revision: AtomicU64,
}

impl Cluster {
    /// A client of each member.
    ///
    /// # Errors
    /// [`SettingsError`] where its certificates cannot be used.
    pub fn new(settings: &EtcdSettings) -> Result<Self, SettingsError> {
        let clients = settings.endpoints().iter().map(|origin| {
            let builder = reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .no_proxy()
                .https_only(!origin.is_loopback())
                .connect_timeout(CONNECT_DEADLINE)
                .tcp_nodelay(true)
                .user_agent(concat!("kido-arbiter/", env!("CARGO_PKG_VERSION")));
            let http = settings.tls().dress(builder)?.build().map_err(SettingsError::Client)?;
            Ok(Endpoint { origin: origin.clone(), http })
        });
        Ok(Self {
            endpoints: clients.collect::<Result<_, SettingsError>>()?,
            favourite: AtomicUsize::new(0),
            answered: AtomicBool::new(true),
            cluster_id: AtomicU64::new(0),
            revision: AtomicU64::new(0),
        })
    }

    /// Its members, as this box knows them.
    pub(super) fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// Holds whoever answers from now on to this etcd: it has shown the mark, and was so far.
    pub(super) fn confirm(&self, header: Header) {
        if self.cluster_id.compare_exchange(0, header.cluster_id.0, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            tracing::debug!("the etcd that decides is known");
        }
        self.revision.fetch_max(header.revision.0, Ordering::SeqCst);
    }

    /// Whether this can be the etcd that has shown the mark, no further back than it was when the question was asked.
    fn believes(&self, header: Header, revision_before: u64) -> bool {
        let known = self.cluster_id.load(Ordering::SeqCst);
        (known == 0 || known == header.cluster_id.0) && header.revision.0 >= revision_before
    }

    /// The next question begins at another member than the one that answered last.
    pub(super) fn leave_favourite(&self) {
        self.leave(self.favourite.load(Ordering::Relaxed).checked_rem(self.endpoints.len()));
    }

    /// Asks one member after the other until one answers or the time of a step is up.
    pub(super) async fn ask<A: Answer>(&self, path: &str, question: &impl Serialize) -> Result<A, ClusterError> {
        self.ask_within(path, question, (ATTEMPT_DEADLINE, STEP_DEADLINE)).await
    }

    /// The same with so long for one member, and for all of it.
    pub(super) async fn ask_within<A: Answer>(
        &self,
        path: &str,
        question: &impl Serialize,
        (attempt, step): (Duration, Duration),
    ) -> Result<A, ClusterError> {
        let body = serde_json::to_vec(question).map_err(|_own_types| ClusterError::Unreadable)?;
        let until = Instant::now() + step;
        let first = self.favourite.load(Ordering::Relaxed);
        let mut worst = ClusterError::Silent;
        for turn in 0_usize.. {
            let left = until.saturating_duration_since(Instant::now());
            let place = first.wrapping_add(turn).checked_rem(self.endpoints.len());
            let Some(endpoint) = place.and_then(|place| self.endpoints.get(place)).filter(|_| left >= ATTEMPT_MIN)
            else {
                break;
            };
            if turn > 0 && place == first.checked_rem(self.endpoints.len()) {
                sleep(ROUND_PAUSE.min(left)).await;
            }
            let revision_before = self.revision.load(Ordering::SeqCst);
            match endpoint.ask::<A>(path, &body, attempt.min(left)).await {
                Ok(answer) if answer.header().is_some_and(|header| !self.believes(header, revision_before)) => {
                    tracing::error!(endpoint = %endpoint.origin, "a member answers for another history of the records");
                    self.leave(place);
                    worst = ClusterError::OtherHistory;
                }
                Ok(answer) => {
                    self.favourite.store(place.unwrap_or_default(), Ordering::Relaxed);
                    self.answered.store(true, Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(ClusterError::QuotaAlarm) => return Err(ClusterError::QuotaAlarm),
                Err(error) => {
                    tracing::debug!(endpoint = %endpoint.origin, %error, "a member did not answer");
                    self.leave(place);
                    // What a member says is worth more than another one's silence.
                    worst = if error == ClusterError::Silent { worst } else { error };
                }
            }
        }
        Err(worst)
    }

    /// The next question begins elsewhere, unless another one has found that out already.
    pub(super) fn leave(&self, place: Option<usize>) {
        let Some(place) = place else { return };
        let next = place.wrapping_add(1).checked_rem(self.endpoints.len()).unwrap_or_default();
        let left = self.favourite.compare_exchange(place, next, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if left && self.answered.swap(false, Ordering::Relaxed) {
            tracing::warn!(member = place, "a member of the etcd does not answer, and was left for the next one");
        }
    }
}

impl Endpoint {
    /// Asks this member, once.
    pub(super) async fn ask<A: DeserializeOwned>(
        &self,
        path: &str,
        body: &[u8],
        deadline: Duration,
    ) -> Result<A, ClusterError> {
        let request = self.http.post(format!("{}{path}", self.origin.as_str()));
        let request = request.header(CONTENT_TYPE, "application/json").body(body.to_vec());
        let asked = async {
            let response = request.send().await.map_err(|error| self.silent(&error))?;
            let status = response.status().as_u16();
            read(status, &bounded(response).await?)
        };
        timeout(deadline, asked).await.map_err(|_elapsed| ClusterError::Silent)?
    }

    fn silent(&self, error: &reqwest::Error) -> ClusterError {
        tracing::debug!(endpoint = %self.origin, error = %Chain(error), "a member is not reachable");
        ClusterError::Silent
    }
}

async fn bounded(mut response: reqwest::Response) -> Result<Vec<u8>, ClusterError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_broken| ClusterError::Silent)? {
        if body.len().saturating_add(chunk.len()) > ANSWER_BYTES_MAX {
            return Err(ClusterError::Unreadable);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
