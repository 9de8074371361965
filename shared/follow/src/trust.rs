//! Which heads a follower believes.

use std::sync::{Arc, Mutex, PoisonError};

use ed25519_dalek::VerifyingKey;
use kido_shared::clock::Timestamp;
use kido_shared::feed::{
    FeedError, FeedHead, FeedKeyCertificate, FeedRecord, FollowedTo, Follower, TrustedFeedKeys, VerifiedHead,
};
use kido_shared::ids::{EventId, FeedSequence};

/// The feed keys of one event, as far as the root has vouched for them. Clones share what they learn.
#[derive(Debug, Clone)]
pub struct FeedTrust {
    event: EventId,
    keys: Arc<Mutex<TrustedFeedKeys>>,
}

impl FeedTrust {
    /// Trusts the keys that were kept: the one of the enrolment, and those that the feed has brought since.
    ///
    /// # Errors
    /// [`FeedError`], by what is wrong with the root key or a certificate.
    pub fn new<'a>(
        root: VerifyingKey,
        event: EventId,
        kept: impl IntoIterator<Item = &'a FeedKeyCertificate>,
    ) -> Result<Self, FeedError> {
        let mut keys = TrustedFeedKeys::new(root, event)?;
        for certificate in kept {
            keys.trust(certificate)?;
        }
        Ok(Self { event, keys: Arc::new(Mutex::new(keys)) })
    }

    /// Whose feed.
    #[must_use]
    pub const fn event(&self) -> EventId {
        self.event
    }

    /// Believes one more feed key, where the root vouches for it; those whose time is over make room.
    ///
    /// # Errors
    /// [`FeedError`].
    pub fn trust(&self, certificate: &FeedKeyCertificate, now: Timestamp) -> Result<(), FeedError> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.forget_ended(now);
        keys.trust(certificate).map(|_statement| ())
    }

    /// Believes the feed keys among records that were opened.
    ///
    /// # Errors
    /// [`FeedError`].
    pub fn trust_published(&self, opened: &[(FeedSequence, FeedRecord)]) -> Result<(), FeedError> {
        for (_number, record) in opened {
            if let FeedRecord::Key(key) = record {
                self.keys.lock().unwrap_or_else(PoisonError::into_inner).trust(&key.certificate)?;
            }
        }
        Ok(())
    }

    /// Reads a head and believes it where it is this event's, signed by a trusted key, and leads on from that place.
    ///
    /// # Errors
    /// [`FeedError`]: another event, a shorter or other history, an unknown signer.
    pub fn verify_head(&self, bytes: &[u8], from: FollowedTo, now: Timestamp) -> Result<VerifiedHead, FeedError> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let head = FeedHead::verify(bytes, &keys, self.event, now)?;
        Follower::resume(self.event, from).accept(&head)?;
        Ok(head)
    }
}
