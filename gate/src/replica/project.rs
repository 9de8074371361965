//! How records become the replica's index.
//!
//! | key | value |
//! |---|---|
//! | `!` | which epoch is followed; the first, where nothing stands here |
//! | `h` | the newest head that was kept |
//!
//! and for each epoch by itself (`+` and its number in front, but for the first):
//!
//! | key | value |
//! |---|---|
//! | `@` | how far it has been followed |
//! | `s` | the newest signed head that came with records |
//! | `p` | the event's policy |
//! | `x` | the end of the event |
//! | `g` gate | a gate |
//! | `k` number | a feed key under the root's signature |
//! | `t` ticket | where its two newest records stand, ticket and binding |
//! | `l` beginning of a tag, ticket | which tickets lie on tags that begin like this |
//! | `u` ticket | what the feed says of its use |
//!
//! Tickets and bindings are nearly all of a feed, and the log holds them already: the index keeps places, and a look-up
//! reads the two records that it needs out of the log. Each is sealed for its number, so it proves itself; and what lies
//! in the index is neither a seat nor a key.
//!
//! After a cut the new epoch grows beside the one that is followed, and `!` exchanges the two in one step. What the old one
//! has left is looked at no more; it goes with the folder, when the event is wiped.

use kido_shared::binding::BindingTag;
use kido_shared::feed::{BindingRecord, FeedRecord, FollowedTo, RecordCipher, SealedRecord};
use kido_shared::ids::{ArbiterId, Epoch, EventId, FeedSequence, GateId, TicketId};
use kido_shared::keys::RecordKey;
use kido_store::{IndexChanges, LogOffset, Position, Project, ProjectError};

use super::fact::Fact;
use super::look_up::FeedUse;

/// How a tag begins: all that the index keeps of it.
///
/// Two tags of a million begin alike once in thirty million events; then a look-up reads one record more, and the tag in
/// it says whose ticket it is.
#[derive(Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(transparent)]
pub(super) struct TagBeginning(#[cbor(n(0), with = "minicbor::bytes")] [u8; 8]);

impl std::fmt::Debug for TagBeginning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TagBeginning(..)")
    }
}

impl From<&BindingTag> for TagBeginning {
    fn from(tag: &BindingTag) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = *tag.as_bytes();
        Self([a, b, c, d, e, f, g, h])
    }
}

/// A key of the index.
#[derive(Debug, Clone, Copy)]
pub(super) enum Key {
    Current,
    Followed,
    Head,
    Signed,
    Policy,
    End,
    Gate(GateId),
    Arbiter(ArbiterId),
    Certificate(FeedSequence),
    Ticket(TicketId),
    Tag(TagBeginning),
    Tagged(TagBeginning, TicketId),
    Use(TicketId),
}

impl Key {
    pub(super) const GATES: &'static [u8] = b"g";
    pub(super) const FEED_KEYS: &'static [u8] = b"k";
    pub(super) const ARBITERS: &'static [u8] = b"a";

    pub(super) fn bytes(self) -> Vec<u8> {
        match self {
            Self::Current => b"!".to_vec(),
            Self::Followed => b"@".to_vec(),
            Self::Head => b"h".to_vec(),
            Self::Signed => b"s".to_vec(),
            Self::Policy => b"p".to_vec(),
            Self::End => b"x".to_vec(),
            Self::Gate(gate) => [Self::GATES, gate.as_bytes()].concat(),
            Self::Arbiter(arbiter) => [Self::ARBITERS, arbiter.as_bytes()].concat(),
            Self::Certificate(at) => [Self::FEED_KEYS, &at.get().to_be_bytes()].concat(),
            Self::Ticket(ticket) => [b"t".as_slice(), ticket.as_bytes()].concat(),
            Self::Tag(tag) => [b"l".as_slice(), &tag.0].concat(),
            Self::Tagged(tag, ticket) => [b"l".as_slice(), &tag.0, ticket.as_bytes()].concat(),
            Self::Use(ticket) => [b"u".as_slice(), ticket.as_bytes()].concat(),
        }
    }
}

/// One epoch's part of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scope(pub(super) Epoch);

impl Scope {
    /// The part that is followed; `current` is what stands under [`Key::Current`].
    pub(super) fn current(current: Option<Vec<u8>>) -> Result<Self, ProjectError> {
        current.map_or(Ok(Self(Epoch::FIRST)), |bytes| read(&bytes).map(Self))
    }

    pub(super) fn key(self, key: Key) -> Vec<u8> {
        self.prefix(&key.bytes())
    }

    pub(super) fn prefix(self, prefix: &[u8]) -> Vec<u8> {
        if self.0 == Epoch::FIRST {
            prefix.to_vec()
        } else {
            [b"+".as_slice(), &self.0.get().to_be_bytes(), prefix].concat()
        }
    }

    /// How far this epoch has been followed, or its beginning.
    pub(super) fn followed(self, stored: Option<Vec<u8>>, event: EventId) -> Result<FollowedTo, ProjectError> {
        stored.map_or_else(|| Ok(FollowedTo::start(event, self.0)), |bytes| read(&bytes))
    }
}

/// Where a record stands: in the feed, and in this copy's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
pub(super) struct Place {
    #[n(0)]
    pub(super) epoch: Epoch,
    #[n(1)]
    pub(super) at: FeedSequence,
    /// Its first byte in the log.
    #[n(2)]
    byte: u64,
    /// How many bytes it has.
    #[n(3)]
    pub(super) length: u16,
}

impl Place {
    /// Its first byte in the log.
    pub(super) const fn offset(&self) -> LogOffset {
        LogOffset::new(self.byte)
    }
}

/// A ticket and its card, as far as the feed has told.
#[derive(Debug, Clone, Default, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
pub(super) struct TicketEntry {
    #[n(0)]
    pub(super) ticket: Option<Place>,
    #[n(1)]
    pub(super) binding: Option<BindingEntry>,
}

/// The card of a ticket.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
pub(super) struct BindingEntry {
    #[n(0)]
    pub(super) place: Place,
    /// What the ticket is found by, and has to be found by no longer once it is bound to another card.
    #[n(1)]
    tag: TagBeginning,
}

/// The projection of one event's feed.
#[derive(Debug)]
pub(super) struct ReplicaIndex {
    event: EventId,
    records: RecordKey,
}

impl ReplicaIndex {
    pub(super) const fn new(event: EventId, records: RecordKey) -> Self {
        Self { event, records }
    }

    fn records(
        &self,
        (fact, scope): (&[u8], Scope),
        records: &[SealedRecord],
        index: &mut IndexChanges<'_>,
    ) -> Result<(), ProjectError> {
        let places = Fact::record_places(fact).ok_or(ProjectError::Unreadable("not a replica fact"))?;
        let mut position = scope.followed(index.get(&scope.key(Key::Followed))?, self.event)?;
        let cipher = RecordCipher::new(&self.records, self.event, position.epoch);
        for (sealed, begins) in records.iter().zip(places) {
            let at = position.next();
            let record =
                cipher.open(at, sealed).map_err(|_no_detail| ProjectError::Unreadable("a record does not open"))?;
            let length = u16::try_from(sealed.as_bytes().len());
            let length = length.map_err(|_too_long| ProjectError::Unreadable("a record longer than any"))?;
            let byte = index.fact_at().after(begins).get();
            enter(Place { epoch: position.epoch, at, byte, length }, record, index)?;
            position = position.extend(sealed);
        }
        index.put(scope.key(Key::Followed), encode(&position));
        Ok(())
    }
}

impl Project for ReplicaIndex {
    const VERSION: u32 = 3;

    fn project(&self, _position: Position, fact: &[u8], index: &mut IndexChanges<'_>) -> Result<(), ProjectError> {
        match Fact::decode(fact).ok_or(ProjectError::Unreadable("not a replica fact"))? {
            Fact::Records { epoch, records, head } => {
                let scope = Scope(epoch);
                if let Some(head) = head {
                    index.put(scope.key(Key::Signed), head);
                }
                self.records((fact, scope), &records, index)
            }
            Fact::Exchanged(epoch) => {
                index.put(Key::Current.bytes(), encode(&epoch));
                Ok(())
            }
            Fact::Head(head) => {
                index.put(Key::Head.bytes(), encode(&head));
                Ok(())
            }
        }
    }
}

fn enter(place: Place, record: FeedRecord, index: &mut IndexChanges<'_>) -> Result<(), ProjectError> {
    let scope = Scope(place.epoch);
    match record {
        FeedRecord::Policy(policy) => index.put(scope.key(Key::Policy), encode(&policy)),
        FeedRecord::Ticket(ticket) => {
            let key = scope.key(Key::Ticket(ticket.ticket));
            let mut entry = ticket_entry(index.get(&key)?)?;
            entry.ticket = Some(place);
            index.put(key, encode(&entry));
        }
        FeedRecord::Binding(binding) => bind(place, &binding, index)?,
        FeedRecord::Admission(admission) => {
            change_use((scope, admission.ticket), index, |used| used.admitted(&admission))?;
        }
        FeedRecord::Annulled(annulled) => {
            change_use((scope, annulled.ticket), index, |used| used.annulled(annulled.admission))?;
        }
        FeedRecord::Exited(exited) => change_use((scope, exited.ticket), index, |used| used.exited(exited.admission))?,
        FeedRecord::Gate(gate) => index.put(scope.key(Key::Gate(gate.gate)), encode(&gate)),
        FeedRecord::Key(key) => index.put(scope.key(Key::Certificate(place.at)), encode(&key)),
        FeedRecord::End(end) => index.put(scope.key(Key::End), encode(&end)),
        FeedRecord::Arbiter(arbiter) => index.put(scope.key(Key::Arbiter(arbiter.arbiter)), encode(&arbiter)),
        // For operators, for arbiters, for staff, and for later versions: kept in the log.
        FeedRecord::Conflict(_) | FeedRecord::ClaimsFreed(_) | FeedRecord::Staff(_) | FeedRecord::Unknown(_) => {}
    }
    Ok(())
}

fn bind(place: Place, binding: &BindingRecord, index: &mut IndexChanges<'_>) -> Result<(), ProjectError> {
    let scope = Scope(place.epoch);
    let key = scope.key(Key::Ticket(binding.ticket));
    let mut entry = ticket_entry(index.get(&key)?)?;
    if let Some(before) = &entry.binding {
        index.remove(scope.key(Key::Tagged(before.tag, binding.ticket)));
    }
    entry.binding = binding.bound.as_ref().map(|(tag, _key)| BindingEntry { place, tag: tag.into() });
    if let Some(now) = &entry.binding {
        index.put(scope.key(Key::Tagged(now.tag, binding.ticket)), Vec::new());
    }
    index.put(key, encode(&entry));
    Ok(())
}

fn change_use(
    (scope, ticket): (Scope, TicketId),
    index: &mut IndexChanges<'_>,
    change: impl FnOnce(&mut FeedUse),
) -> Result<(), ProjectError> {
    let key = scope.key(Key::Use(ticket));
    let mut used = index.get(&key)?.map_or_else(|| Ok(FeedUse::default()), |bytes| read(&bytes))?;
    change(&mut used);
    index.put(key, encode(&used));
    Ok(())
}

fn ticket_entry(stored: Option<Vec<u8>>) -> Result<TicketEntry, ProjectError> {
    stored.map_or_else(|| Ok(TicketEntry::default()), |bytes| read(&bytes))
}

/// A value of the index.
pub(super) fn read<T: for<'b> minicbor::Decode<'b, ()>>(bytes: &[u8]) -> Result<T, ProjectError> {
    minicbor::decode(bytes).map_err(|_no_detail| ProjectError::Unreadable("an entry does not read back"))
}

fn encode<T: minicbor::Encode<()>>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    match minicbor::encode(value, &mut bytes) {
        Ok(()) => bytes,
        Err(_infallible) => Vec::new(),
    }
}
