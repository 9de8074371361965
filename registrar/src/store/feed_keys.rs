//! An event's feed keys: the next one made, certified elsewhere with the root key, put in force.

use kido_shared::clock::Timestamp;
use kido_shared::feed::{FeedKeyCertificate, FeedKeyStatement, FeedRecord, KeyRecord};
use kido_shared::ids::EventId;

use super::error::{Failed, StorageError};
use super::live::LiveEvent;
use super::{Store, reading};
use crate::domain::feed_key::{FeedKeyRefusal, may_follow};
use crate::fact::{Fact, FeedKeyChanged};
use crate::keyring::KeyringError;

/// A feed key as operators see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedKeyView {
    /// What the root key says of it.
    pub statement: FeedKeyStatement,
    /// Whether a later statement has revoked it.
    pub revoked: bool,
}

/// The key that an event is to have next, and the one in force, which the statement for it has to follow on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextFeedKey {
    /// Its Ed25519 key.
    pub verifying_key: [u8; 32],
    /// What the root key says of the one in force.
    pub in_force: FeedKeyStatement,
}

impl Store {
    /// The key that this event is to have next; it is made where there is none yet, or where one is wanted afresh.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn next_feed_key(&self, event: EventId, afresh: bool) -> Result<NextFeedKey, StorageError> {
        let (live, store) = (self.live(event)?, self.clone());
        let _alone = live.feed_key.lock().await;
        // First, or the key that the log names already would be taken for one that only lies ready.
        self.settle_feed_key(&live).await?;
        let in_force = self.statement(event, &live.signer.certificate())?;
        let next = move || store.shared.keyring.next_feed_key(event, afresh, &mut store.random());
        let verifying_key = tokio::task::spawn_blocking(next).await.map_err(StorageError::Computation)??;
        Ok(NextFeedKey { verifying_key, in_force })
    }

    /// Puts the next key in force: followers learn it from the feed, and heads are signed with it from then on. Repeating it
    /// goes on where it was cut off, or changes nothing.
    ///
    /// # Errors
    /// [`FeedKeyRefusal`] or [`StorageError`].
    pub async fn change_feed_key(
        &self,
        event: EventId,
        certificate: FeedKeyCertificate,
    ) -> Result<FeedKeyView, Failed<FeedKeyRefusal>> {
        let live = self.live(event)?;
        let statement = certificate.verify(self.root_key(), event);
        let statement = statement.map_err(|error| Failed::Refused(FeedKeyRefusal::NotTheRoots(error)))?;
        let view = FeedKeyView { statement, revoked: false };
        let _alone = live.feed_key.lock().await;
        self.settle_feed_key(&live).await?;
        let before = live.signer.certificate();
        if before == certificate {
            return Ok(view);
        }
        if !self.shared.keyring.is_for_next(event, &certificate).map_err(StorageError::Keyring)? {
            return Err(Failed::Refused(FeedKeyRefusal::OtherKey));
        }
        let (at, root, new) = (self.now(), *self.root_key(), certificate.clone());
        live.transact(move |changing| {
            let before = reading::feed_keys(changing)?.pop().unwrap_or(before);
            if before == new {
                return Ok(());
            }
            let old = before.verify(&root, event).map_err(KeyringError::Certificate).map_err(StorageError::Keyring)?;
            may_follow(&old, &statement, at).map_err(Failed::Refused)?;
            let record = changing.publish(&FeedRecord::Key(KeyRecord { certificate: new.clone() }))?;
            changing.append(&Fact::FeedKeyChanged(FeedKeyChanged { certificate: new, before, at, record }))?;
            Ok(())
        })
        .await?;
        self.settle_feed_key(&live).await?;
        tracing::info!(%event, revokes = statement.revokes_before.is_some(), "the feed has another key");
        Ok(view)
    }

    /// Puts the key that the log names last in the keyring, and signs with it: behind a change, and before whatever comes
    /// after one that a failing disk has cut off. Until then heads are signed with the old key, which nobody may believe.
    pub(super) async fn settle_feed_key(&self, live: &LiveEvent) -> Result<(), StorageError> {
        let newest = reading::feed_keys(&live.facts)?.pop();
        let Some(newest) = newest.filter(|newest| *newest != live.signer.certificate()) else { return Ok(()) };
        let (store, event) = (self.clone(), live.id());
        let settle = move || store.shared.keyring.identity_by(event, Some(&newest));
        let identity = tokio::task::spawn_blocking(settle).await.map_err(StorageError::Computation)??;
        if *identity.certificate() != live.signer.certificate() {
            live.signer.change_key(identity);
        }
        Ok(())
    }

    /// The event's feed keys, the one in force last: those before it as far as its log tells them.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn feed_keys(&self, event: EventId) -> Result<Vec<FeedKeyView>, StorageError> {
        let live = self.live(event)?;
        let mut known = reading::feed_keys(&live.facts)?;
        let in_force = live.signer.certificate();
        known.retain(|certificate| *certificate != in_force);
        known.push(in_force);
        let statements = known.iter().map(|certificate| self.statement(event, certificate));
        let statements = statements.collect::<Result<Vec<_>, _>>()?;
        let before = statements.iter().filter_map(|statement| statement.revokes_before).max();
        let is_revoked = |from: Timestamp| before.is_some_and(|before| from < before);
        let views = statements.into_iter();
        Ok(views.map(|statement| FeedKeyView { statement, revoked: is_revoked(statement.valid_from) }).collect())
    }

    /// When the root key's word for the feed key in force ends.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn feed_key_ends(&self, event: EventId) -> Result<Timestamp, StorageError> {
        Ok(self.live(event)?.signer.key_ends())
    }

    fn statement(&self, event: EventId, certificate: &FeedKeyCertificate) -> Result<FeedKeyStatement, StorageError> {
        let statement = certificate.verify(self.root_key(), event).map_err(KeyringError::Certificate);
        statement.map_err(StorageError::Keyring)
    }
}
