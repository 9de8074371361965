//! Signs heads: after the commit, never before, and no more often than somebody asks.

use std::sync::{Mutex, PoisonError};

use kido_shared::clock::Timestamp;
use kido_shared::feed::{FeedError, FeedHead, FeedKeyCertificate, FollowedTo, SignedHead};
use kido_shared::ids::EventId;
use kido_shared::limits::HEAD_INTERVAL;

use crate::keyring::FeedIdentity;

/// Signs one event's heads and keeps the newest.
#[derive(Debug)]
pub struct HeadSigner {
    identity: FeedIdentity,
    newest: Mutex<Option<Issued>>,
}

#[derive(Debug, Clone)]
struct Issued {
    reached: FollowedTo,
    at: Timestamp,
    head: SignedHead,
}

impl Issued {
    /// Whether it still says what is to be said: the same feed, and signed a moment ago.
    fn serves(&self, reached: &FollowedTo, now: Timestamp) -> bool {
        self.reached == *reached && self.at <= now && now.since(self.at) < HEAD_INTERVAL
    }
}

impl HeadSigner {
    /// A signer with this event's key.
    #[must_use]
    pub const fn new(identity: FeedIdentity) -> Self {
        Self { identity, newest: Mutex::new(None) }
    }

    /// Whose heads.
    #[must_use]
    pub const fn event(&self) -> EventId {
        self.identity.event()
    }

    /// The root key's word for the key.
    #[must_use]
    pub const fn certificate(&self) -> &FeedKeyCertificate {
        self.identity.certificate()
    }

    /// The head of a feed whose records up to here are durable: the kept one while it serves, else a new one. It comes
    /// with the place that it speaks of.
    ///
    /// A head never goes back: whoever read an older state than somebody else gets the newer head.
    ///
    /// # Errors
    /// [`FeedError`] where the feed is longer than any may be.
    pub fn head(&self, reached: FollowedTo, now: Timestamp) -> Result<(FollowedTo, SignedHead), FeedError> {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let ahead = newest
            .as_ref()
            .map(|issued| issued.reached)
            .filter(|issued| issued.epoch == reached.epoch && issued.length > reached.length);
        let reached = ahead.unwrap_or(reached);
        if let Some(issued) = newest.as_ref().filter(|issued| issued.serves(&reached, now)) {
            return Ok((reached, issued.head.clone()));
        }
        let head = FeedHead::issue(self.event(), reached, now).sign(self.identity.signing_key())?;
        *newest = Some(Issued { reached, at: now, head: head.clone() });
        Ok((reached, head))
    }
}
