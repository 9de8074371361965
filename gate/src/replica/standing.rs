//! What the replica says of the event and its gates; small, and read far more often than it changes.

use core::time::Duration;
use std::sync::Arc;

use kido_shared::challenge::Origin;
use kido_shared::clock::Timestamp;
use kido_shared::feed::{
    ArbiterRecord, EndRecord, FeedKeyCertificate, FollowedTo, GateRecord, KeyRecord, VerifiedHead,
};
use kido_shared::ids::{EventId, GateId};
use kido_shared::policy::EventPolicy;
use kido_shared::ticket::Zone;
use kido_store::Store;

use super::ReplicaError;
use super::project::{Key, Scope, read};
use crate::screen::{Signpost, Signposts};

/// A head that was verified and reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
pub struct HeadSeen {
    /// When the registrar signed it.
    #[n(0)]
    pub issued_at: Timestamp,
    /// When it is too old to be called current.
    #[n(1)]
    pub expires_at: Timestamp,
    /// When this gate saw it, by its own clock.
    #[n(2)]
    pub seen_at: Timestamp,
}

impl HeadSeen {
    pub(super) const fn of(head: &VerifiedHead, now: Timestamp) -> Self {
        let head = head.head();
        Self { issued_at: head.issued_at, expires_at: head.expires_at, seen_at: now }
    }
}

/// What is known of the event, the gates and the head.
#[derive(Debug, Clone)]
pub struct Standing {
    /// How far the feed has been followed.
    pub position: FollowedTo,
    /// The newest head that was reached; nothing before the first.
    pub head: Option<HeadSeen>,
    /// The newest head on the disk.
    pub kept: Option<HeadSeen>,
    /// The event's choices; nothing before the first record.
    pub policy: Option<Arc<EventPolicy>>,
    /// What the feed says of this gate.
    pub own: Option<GateRecord>,
    /// Gates of this gate's zone that are not revoked, this one included.
    pub gates_of_zone: usize,
    /// Gates of the event that are not revoked.
    pub gates: usize,
    /// Which entrance is which gate's.
    pub signposts: Signposts,
    /// Venue arbiters of the event, revoked ones included.
    pub arbiters: Vec<ArbiterRecord>,
    /// When the event was ended, where it was.
    pub ended: Option<Timestamp>,
    /// When everything here is to be wiped.
    pub retention_at: Option<Timestamp>,
}

impl Standing {
    pub(super) fn read(store: &Store, event: EventId, gate: GateId) -> Result<Self, ReplicaError> {
        let scope = current(store)?;
        let position = scope.followed(store.get(&scope.key(Key::Followed))?, event);
        let position = position.map_err(|_no_detail| ReplicaError::Unreadable)?;
        let kept: Option<HeadSeen> = value(store, &Key::Head.bytes())?;
        let policy: Option<EventPolicy> = value(store, &scope.key(Key::Policy))?;
        let end: Option<EndRecord> = value(store, &scope.key(Key::End))?;
        let own: Option<GateRecord> = value(store, &scope.key(Key::Gate(gate)))?;
        let (mut gates, mut gates_of_zone) = (0_usize, 0_usize);
        let mut signposts = Signposts::default();
        for entry in store.scan_prefix(&scope.prefix(Key::GATES))? {
            let (_key, record) = entry?;
            let record: GateRecord = read(&record).map_err(|_no_detail| ReplicaError::Unreadable)?;
            if !record.revoked {
                gates = gates.saturating_add(1);
                let same = own.as_ref().is_some_and(|own| own.zone == record.zone);
                gates_of_zone = gates_of_zone.saturating_add(usize::from(same));
            }
            let GateRecord { gate, zone, entrance, revoked, .. } = record;
            signposts.add(Signpost { gate, zone, entrance, open: !revoked });
        }
        let mut arbiters = Vec::new();
        for entry in store.scan_prefix(&scope.prefix(Key::ARBITERS))? {
            arbiters.push(read(&entry?.1).map_err(|_no_detail| ReplicaError::Unreadable)?);
        }
        let retention = policy.as_ref().map(|policy| policy.choices().retention_at);
        let retention_at = end.as_ref().map(|end| end.retention_at).or(retention);
        let ended = end.map(|end| end.ended_at);
        let policy = policy.map(Arc::new);
        Ok(Self {
            position,
            head: kept,
            kept,
            policy,
            own,
            gates_of_zone,
            gates,
            signposts,
            arbiters,
            ended,
            retention_at,
        })
    }

    /// How old what is known here is; for ever before the first head.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Duration {
        self.head.map_or(Duration::MAX, |head| now.since(head.issued_at))
    }

    /// Whether a head says that the time of the one noted before it was wrong: reached with new records it was signed later,
    /// whatever its date says.
    #[must_use]
    pub fn is_contradicted_by(&self, issued_at: Timestamp, has_news: bool) -> bool {
        has_news && self.head.is_some_and(|noted| noted.issued_at > issued_at)
    }

    /// Whether the feed says that this gate belongs to the event no longer.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        self.own.as_ref().is_some_and(|own| own.revoked)
    }

    /// Where the venue's arbiter is asked, the first address first; nothing where the policy names none that is known.
    ///
    /// Of several boxes each gate begins with another one, by its id: they share the work, and a box that dies is noticed
    /// by its own share of the gates alone.
    #[must_use]
    pub fn arbiter_addresses(&self) -> Vec<Origin> {
        let Some(policy) = &self.policy else { return Vec::new() };
        let named = self.arbiters.iter().filter(|arbiter| arbiter.serves(&policy.choices().arbiter));
        let mut named: Vec<_> = named.collect();
        let [.., lot] = self.own.as_ref().map_or([0; 16], |own| *own.gate.as_bytes());
        let first = usize::from(lot).checked_rem(named.len()).unwrap_or_default();
        named.rotate_left(first);
        named.into_iter().flat_map(|arbiter| arbiter.addresses.iter().cloned()).collect()
    }

    /// Whether no other gate opens this gate's zone.
    #[must_use]
    pub const fn zone_has_one_gate(&self) -> bool {
        self.gates_of_zone == 1
    }

    /// The zone that this gate opens; as enrolled, until the feed has told.
    #[must_use]
    pub fn zone<'a>(&'a self, enrolled: &'a Zone) -> &'a Zone {
        self.own.as_ref().map_or(enrolled, |own| &own.zone)
    }
}

/// The epoch that is followed.
fn current(store: &Store) -> Result<Scope, ReplicaError> {
    Scope::current(store.get(&Key::Current.bytes())?).map_err(|_no_detail| ReplicaError::Unreadable)
}

fn value<T: for<'b> minicbor::Decode<'b, ()>>(store: &Store, key: &[u8]) -> Result<Option<T>, ReplicaError> {
    let stored = store.get(key)?;
    stored.map(|bytes| read(&bytes)).transpose().map_err(|_no_detail| ReplicaError::Unreadable)
}

/// The feed keys that the feed itself has brought.
pub(super) fn feed_keys(store: &Store) -> Result<Vec<FeedKeyCertificate>, ReplicaError> {
    let mut certificates = Vec::new();
    for entry in store.scan_prefix(&current(store)?.prefix(Key::FEED_KEYS))? {
        let (_key, record) = entry?;
        let record: KeyRecord = read(&record).map_err(|_no_detail| ReplicaError::Unreadable)?;
        certificates.push(record.certificate);
    }
    Ok(certificates)
}
