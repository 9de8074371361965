//! Which heads a follower believes.

use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};

use ed25519_dalek::VerifyingKey;
use kido_shared::clock::Timestamp;
use kido_shared::feed::{
    EpochCut, FeedError, FeedHead, FeedKeyCertificate, FeedKeyStatement, FeedRecord, FollowedTo, Follower,
    TrustedFeedKeys, VerifiedEpochCut, VerifiedHead,
};
use kido_shared::ids::{EventId, FeedSequence};
use kido_shared::limits::FEED_HEAD_BYTES_MAX;
use kido_shared::wire::v1::routes;

use crate::uplink::{Uplink, UplinkError};

/// Deadline of the root's word on a feed key.
const KEY_DEADLINE: Duration = Duration::from_secs(5);

/// Of keys that were true once, those that were revoked since are left out: a history goes on telling of them.
fn unless_revoked(trusted: Result<FeedKeyStatement, FeedError>) -> Result<(), FeedError> {
    match trusted {
        Ok(_) | Err(FeedError::KeyRevoked) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The feed keys of one event, as far as the root has vouched for them. Clones share what they learn.
#[derive(Debug, Clone)]
pub struct FeedTrust {
    event: EventId,
    root: VerifyingKey,
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
            unless_revoked(keys.trust(certificate))?;
        }
        Ok(Self { event, root, keys: Arc::new(Mutex::new(keys)) })
    }

    /// Whose feed.
    #[must_use]
    pub const fn event(&self) -> EventId {
        self.event
    }

    /// Believes one more feed key, where the root vouches for it; those whose time is over make room.
    ///
    /// # Errors
    /// [`FeedError`], also where the key was revoked: whoever brings it now brings something old.
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
                unless_revoked(self.keys.lock().unwrap_or_else(PoisonError::into_inner).trust(&key.certificate))?;
            }
        }
        Ok(())
    }

    /// Reads a cut and believes it where the root key has signed it for this event: no feed key begins an epoch.
    ///
    /// # Errors
    /// [`FeedError`].
    pub fn verify_cut(&self, bytes: &[u8]) -> Result<VerifiedEpochCut, FeedError> {
        EpochCut::verify(bytes, &self.root, self.event)
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

/// Why a head is not believed by somebody who only looks.
#[derive(Debug, thiserror::Error)]
pub enum UnbelievedHead {
    /// It is not to be believed.
    #[error("the head is refused")]
    Feed(#[from] FeedError),
    /// Its signer is unknown here, and the root's word on it did not come.
    #[error("no answer from the registrar about its feed key")]
    Uplink(#[from] UplinkError),
}

/// A head that somebody who follows nothing has looked at: for a doctor, who knows the enrolment's key alone.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookedAtHead {
    /// The head.
    pub head: VerifiedHead,
    /// When the root's word for the key that signed it ends.
    pub key_ends: Timestamp,
}

/// Verifies a head by the key of an enrolment; where another one has signed it, by the root's word on that.
///
/// # Errors
/// [`UnbelievedHead`].
pub async fn look_at_head(
    uplink: &Uplink,
    (root, event): (VerifyingKey, EventId),
    enrolled: &FeedKeyCertificate,
    (bytes, now): (&[u8], Timestamp),
) -> Result<LookedAtHead, UnbelievedHead> {
    let mut keys = TrustedFeedKeys::new(root, event)?;
    let mut key_ends = keys.trust(enrolled)?.valid_until;
    let head = match FeedHead::verify(bytes, &keys, event, now) {
        Err(FeedError::Signature { .. } | FeedError::KeyNotValid { .. }) => {
            let certificate = uplink.get(&routes::feed_key(event), FEED_HEAD_BYTES_MAX, KEY_DEADLINE).await?;
            key_ends = keys.trust(&FeedKeyCertificate::from_bytes(certificate)?)?.valid_until;
            FeedHead::verify(bytes, &keys, event, now)?
        }
        verified => verified?,
    };
    Ok(LookedAtHead { head, key_ends })
}

#[cfg(test)]
mod tests;
