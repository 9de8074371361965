//! Signs heads: after the commit, never before, and no more often than somebody asks.

use std::sync::{Mutex, MutexGuard, PoisonError};

use kido_shared::clock::Timestamp;
use kido_shared::feed::{FeedError, FeedHead, FeedKeyCertificate, FollowedTo, SignedHead};
use kido_shared::ids::EventId;
use kido_shared::limits::HEAD_INTERVAL;

use crate::keyring::FeedIdentity;

/// Signs one event's heads and keeps the newest.
#[derive(Debug)]
pub struct HeadSigner {
    event: EventId,
    signing: Mutex<Signing>,
}

#[derive(Debug)]
struct Signing {
    identity: FeedIdentity,
    newest: Option<Issued>,
}

#[derive(Debug, Clone)]
struct Issued {
    reached: FollowedTo,
    at: Timestamp,
    head: SignedHead,
    /// Whether another key has taken the place of the one that signed it.
    outdated: bool,
}

impl Issued {
    /// Whether it still says what is to be said: the same feed, and signed a moment ago.
    fn serves(&self, reached: &FollowedTo, now: Timestamp) -> bool {
        !self.outdated && self.reached == *reached && self.at <= now && now.since(self.at) < HEAD_INTERVAL
    }
}

impl HeadSigner {
    /// A signer with this event's key.
    #[must_use]
    pub const fn new(identity: FeedIdentity) -> Self {
        Self { event: identity.event(), signing: Mutex::new(Signing { identity, newest: None }) }
    }

    fn signing(&self) -> MutexGuard<'_, Signing> {
        self.signing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whose heads.
    #[must_use]
    pub const fn event(&self) -> EventId {
        self.event
    }

    /// The root key's word for the key.
    #[must_use]
    pub fn certificate(&self) -> FeedKeyCertificate {
        self.signing().identity.certificate().clone()
    }

    /// When that ends.
    #[must_use]
    pub fn key_ends(&self) -> Timestamp {
        self.signing().identity.valid_until()
    }

    /// Signs with another key of the event from now on. How far the feed was told stays told.
    pub fn change_key(&self, identity: FeedIdentity) {
        let mut signing = self.signing();
        if let Some(newest) = &mut signing.newest {
            newest.outdated = true;
        }
        signing.identity = identity;
    }

    /// The head of a feed whose records up to here are durable: the kept one while it serves, else a new one. It comes
    /// with the place that it speaks of.
    ///
    /// A head never goes back: whoever read an older state than somebody else gets the newer head.
    ///
    /// # Errors
    /// [`FeedError`] where the feed is longer than any may be.
    pub fn head(&self, reached: FollowedTo, now: Timestamp) -> Result<(FollowedTo, SignedHead), FeedError> {
        let mut signing = self.signing();
        let Signing { identity, newest } = &mut *signing;
        let ahead = newest
            .as_ref()
            .map(|issued| issued.reached)
            .filter(|issued| (issued.epoch, issued.length) > (reached.epoch, reached.length));
        let reached = ahead.unwrap_or(reached);
        if let Some(issued) = newest.as_ref().filter(|issued| issued.serves(&reached, now)) {
            return Ok((reached, issued.head.clone()));
        }
        let head = FeedHead::issue(self.event(), reached, now).sign(identity.signing_key())?;
        *newest = Some(Issued { reached, at: now, head: head.clone(), outdated: false });
        Ok((reached, head))
    }
}
