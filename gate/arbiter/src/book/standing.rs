//! What the book says of the event, its gates and this box; small, and read with every claim.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use ed25519_dalek::VerifyingKey;
use kido_shared::claim::FreedClaims;
use kido_shared::clock::Timestamp;
use kido_shared::feed::{ArbiterRecord, EndRecord, FeedKeyCertificate, FollowedTo, GateRecord, KeyRecord};
use kido_shared::ids::{ArbiterId, EventId, GateId};
use kido_shared::policy::EventPolicy;
use kido_store::Store;

use super::BookError;
use super::project::{Key, Scope, read};

/// A gate, as far as a signature of its needs it.
#[derive(Debug, Clone, Copy)]
pub struct KnownGate {
    /// What its requests verify under.
    pub key: VerifyingKey,
    /// Whether its rights have ended.
    pub revoked: bool,
    /// Which of its claims are free where no admission has followed; none before an operator's decision.
    pub freed: Option<FreedClaims>,
}

/// What is known of event, gates and head.
#[derive(Debug, Clone)]
pub struct Standing {
    /// How far the feed has been followed.
    pub position: FollowedTo,
    /// When the newest head that was reached was issued; nothing before the first.
    pub head: Option<Timestamp>,
    /// The same of the newest head on the disk.
    pub kept: Option<Timestamp>,
    /// The event's choices; nothing before the first record.
    pub policy: Option<Arc<EventPolicy>>,
    /// What the feed says of this box.
    pub own: Option<ArbiterRecord>,
    /// The event's gates.
    pub gates: Arc<BTreeMap<GateId, KnownGate>>,
    /// When everything here is to be wiped.
    pub retention_at: Option<Timestamp>,
}

impl Standing {
    pub(super) fn read(store: &Store, event: EventId, arbiter: ArbiterId) -> Result<Self, BookError> {
        let scope = current(store)?;
        let position = scope.followed(store.get(&scope.key(Key::Followed))?, event);
        let position = position.map_err(|_no_detail| BookError::Unreadable)?;
        let kept: Option<Timestamp> = value(store, &Key::Head.bytes())?;
        let policy: Option<EventPolicy> = value(store, &scope.key(Key::Policy))?;
        let end: Option<EndRecord> = value(store, &scope.key(Key::End))?;
        let own: Option<ArbiterRecord> = value(store, &scope.key(Key::Arbiter(arbiter)))?;
        let mut gates = BTreeMap::new();
        for entry in store.scan_prefix(&scope.prefix(Key::GATES))? {
            let record: GateRecord = read(&entry?.1).map_err(|_no_detail| BookError::Unreadable)?;
            // A key that is none verifies nothing: such a gate is as if unknown.
            if let Ok(key) = VerifyingKey::from_bytes(&record.verifying_key) {
                // Never of a gate in force: it would let others in on claims that it is about to open for.
                let freed = record.revoked.then(|| value(store, &scope.key(Key::Freed(record.gate))));
                let freed: Option<FreedClaims> = freed.transpose()?.flatten();
                gates.insert(record.gate, KnownGate { key, revoked: record.revoked, freed });
            }
        }
        let of_policy = policy.as_ref().map(|policy| policy.choices().retention_at);
        let retention_at = end.map(|end| end.retention_at).or(of_policy);
        let (policy, gates) = (policy.map(Arc::new), Arc::new(gates));
        Ok(Self { position, head: kept, kept, policy, own, gates, retention_at })
    }

    /// How old what is known here is; for ever before the first head.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Duration {
        self.head.map_or(Duration::MAX, |issued_at| now.since(issued_at))
    }

    /// Whether the registrar has said, and this clock agrees, that everything here is to be wiped.
    ///
    /// A clock alone that woke up in another year wipes nothing.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        let over = |retention_at| now >= retention_at && self.head.is_some_and(|head| head >= retention_at);
        self.retention_at.is_some_and(over)
    }
}

/// The epoch that is followed.
fn current(store: &Store) -> Result<Scope, BookError> {
    Scope::current(store.get(&Key::Current.bytes())?).map_err(|_no_detail| BookError::Unreadable)
}

fn value<T: for<'b> minicbor::Decode<'b, ()>>(store: &Store, key: &[u8]) -> Result<Option<T>, BookError> {
    let stored = store.get(key)?;
    stored.map(|bytes| read(&bytes)).transpose().map_err(|_no_detail| BookError::Unreadable)
}

/// The feed keys that the feed itself has brought.
pub(super) fn feed_keys(store: &Store) -> Result<Vec<FeedKeyCertificate>, BookError> {
    let mut certificates = Vec::new();
    for entry in store.scan_prefix(&current(store)?.prefix(Key::FEED_KEYS))? {
        let record: KeyRecord = read(&entry?.1).map_err(|_no_detail| BookError::Unreadable)?;
        certificates.push(record.certificate);
    }
    Ok(certificates)
}
