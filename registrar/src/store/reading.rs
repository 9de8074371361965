//! Reads of the index: the same from a transaction, from a projection and from outside.

mod of_tickets;

use std::collections::BTreeSet;

use kido_shared::admission::{Admission, EndedBy, Ending};
use kido_shared::claim::{Closing, FreedClaims, Holding, TicketClaims};
use kido_shared::clock::Timestamp;
use kido_shared::feed::{FeedKeyCertificate, FollowedTo};
use kido_shared::ids::{AdmissionId, ArbiterId, Epoch, GateId, ShowingId, TicketId};
use kido_shared::policy::EventPolicy;
use kido_store::{IndexChanges, LogOffset, ProjectError, Scan, StoreError, Transaction};

use super::error::{Failed, StorageError};
use super::freeing::HeldClaims;
use super::keys;
use super::tickets::SeatCounts;
use crate::domain::arbiter::Arbiter;
use crate::domain::cut::Retelling;
use crate::domain::event::EventSoFar;
use crate::domain::gate::Gate;
use crate::domain::hand_over::Endings;
use crate::domain::postponement::Moving;
use crate::keyring::WrappedEventKey;

pub(super) use of_tickets::kept_ticket;
pub(crate) use of_tickets::{
    count_of_tag, history, ticket, ticket_of_code, ticket_of_reference, tickets_after, tickets_of_tag,
};

/// Why an entry was not read.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// The store said no.
    Store(StoreError),
    /// An entry is not what this program writes.
    Entry(&'static str),
}

impl From<StoreError> for ReadError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<ReadError> for StorageError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Store(error) => error.into(),
            ReadError::Entry(what) => Self::Entry(what),
        }
    }
}

impl From<ReadError> for ProjectError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Store(error) => Self::Store(error),
            ReadError::Entry(what) => Self::Unreadable(what),
        }
    }
}

impl<R: std::error::Error + 'static> From<ReadError> for Failed<R> {
    fn from(error: ReadError) -> Self {
        Self::Storage(error.into())
    }
}

/// Where entries can be read.
pub(crate) trait Entries {
    /// The value under a key.
    fn value(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;
    /// The entries under a prefix.
    fn entries(&self, prefix: &[u8]) -> Result<Scan, StoreError>;
    /// Bytes of the log, where an entry that is seen here leads.
    fn log(&self, at: LogOffset, length: usize) -> Result<Vec<u8>, StoreError>;
}

/// Where entries can be read on from a key.
pub(crate) trait EntriesAfter: Entries {
    /// The entries under a prefix, those behind a key only.
    fn entries_after(&self, prefix: &[u8], after: &[u8]) -> Result<Scan, StoreError>;
}

impl Entries for kido_store::Store {
    fn value(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.get(key)
    }
    fn entries(&self, prefix: &[u8]) -> Result<Scan, StoreError> {
        self.scan_prefix(prefix)
    }
    fn log(&self, at: LogOffset, length: usize) -> Result<Vec<u8>, StoreError> {
        self.read_at(at, length)
    }
}

impl EntriesAfter for kido_store::Store {
    fn entries_after(&self, prefix: &[u8], after: &[u8]) -> Result<Scan, StoreError> {
        self.scan_prefix_after(prefix, after)
    }
}

impl Entries for Transaction<'_> {
    fn value(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.get(key)
    }
    fn entries(&self, prefix: &[u8]) -> Result<Scan, StoreError> {
        Ok(self.scan_prefix(prefix))
    }
    fn log(&self, at: LogOffset, length: usize) -> Result<Vec<u8>, StoreError> {
        self.read_at(at, length)
    }
}

impl Entries for IndexChanges<'_> {
    fn value(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.get(key)
    }
    fn entries(&self, prefix: &[u8]) -> Result<Scan, StoreError> {
        Ok(self.scan_prefix(prefix))
    }
    fn log(&self, at: LogOffset, length: usize) -> Result<Vec<u8>, StoreError> {
        self.read_at(at, length)
    }
}

/// The event's own entry.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
pub(crate) struct EventEntry {
    #[n(0)]
    pub(crate) policy: EventPolicy,
    #[n(1)]
    pub(crate) key: WrappedEventKey,
    #[n(2)]
    pub(crate) created_at: Timestamp,
    /// While its tickets follow it to another date.
    #[n(3)]
    pub(crate) moving: Option<Moving>,
    /// Where it was ended last that its gates decide by themselves.
    #[n(4)]
    pub(crate) endings: Endings,
}

/// The cut that began the feed's epoch.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
pub(crate) struct CutEntry {
    /// The root key's word.
    #[n(0)]
    pub(crate) signed: minicbor::bytes::ByteVec,
    #[n(1)]
    pub(crate) epoch: Epoch,
    #[n(2)]
    pub(crate) at: Timestamp,
    /// How far the epoch before had reached.
    #[n(3)]
    pub(crate) before: FollowedTo,
    /// While tickets are still to be told of.
    #[n(4)]
    pub(crate) retelling: Option<Retelling>,
}

/// CBOR of an entry.
pub(crate) fn encode<T: minicbor::Encode<()>>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    match minicbor::encode(value, &mut bytes) {
        Ok(()) => bytes,
        // Writing to memory does not fail; an empty entry would be refused by whoever reads it.
        Err(_infallible) => Vec::new(),
    }
}

pub(crate) fn decode<T: for<'b> minicbor::Decode<'b, ()>>(bytes: &[u8], what: &'static str) -> Result<T, ReadError> {
    minicbor::decode(bytes).map_err(|_no_detail| ReadError::Entry(what))
}

pub(super) fn read<T>(from: &impl Entries, key: &[u8], what: &'static str) -> Result<Option<T>, ReadError>
where
    T: for<'b> minicbor::Decode<'b, ()>,
{
    from.value(key)?.map(|bytes| decode(&bytes, what)).transpose()
}

pub(crate) fn event(from: &impl Entries) -> Result<Option<EventEntry>, ReadError> {
    read(from, keys::EVENT, "an event")
}

/// The event's policy. Every store has one from its first fact on.
pub(crate) fn policy(from: &impl Entries) -> Result<EventPolicy, ReadError> {
    event(from)?.map(|event| event.policy).ok_or(ReadError::Entry("a policy"))
}

pub(crate) fn feed(from: &impl Entries) -> Result<Option<FollowedTo>, ReadError> {
    read(from, keys::FEED, "a place in the feed")
}

/// The cut that began the feed's epoch; nothing in the first one.
pub(crate) fn cut(from: &impl Entries) -> Result<Option<CutEntry>, ReadError> {
    read(from, keys::CUT, "a cut")
}

/// The event's feed keys as its log tells them, the newest last; none before the first change.
pub(crate) fn feed_keys(from: &impl Entries) -> Result<Vec<FeedKeyCertificate>, ReadError> {
    read(from, keys::FEED_KEYS, "feed keys").map(Option::unwrap_or_default)
}

pub(crate) fn counts(from: &impl Entries) -> Result<SeatCounts, ReadError> {
    read(from, keys::COUNTS, "counts").map(Option::unwrap_or_default)
}

pub(crate) fn gate(from: &impl Entries, gate: GateId) -> Result<Option<Gate>, ReadError> {
    read(from, &keys::gate(gate), "a gate")
}

pub(crate) fn gates(from: &impl Entries) -> Result<Vec<(GateId, Gate)>, ReadError> {
    let mut gates = Vec::new();
    for entry in from.entries(keys::GATES)? {
        let (key, value) = entry?;
        gates.push((keys::gate_of(&key).ok_or(ReadError::Entry("a gate's id"))?, decode(&value, "a gate")?));
    }
    Ok(gates)
}

pub(crate) fn arbiter(from: &impl Entries, arbiter: ArbiterId) -> Result<Option<Arbiter>, ReadError> {
    read(from, &keys::arbiter(arbiter), "an arbiter")
}

pub(crate) fn arbiters(from: &impl Entries) -> Result<Vec<Arbiter>, ReadError> {
    let mut arbiters = Vec::new();
    for entry in from.entries(keys::ARBITERS)? {
        arbiters.push(decode(&entry?.1, "an arbiter")?);
    }
    Ok(arbiters)
}

/// A ticket's claims; without the one that holds it where an operator has set that free, and no admission has followed.
pub(crate) fn claims(from: &impl Entries, ticket: TicketId) -> Result<TicketClaims, ReadError> {
    let claims: TicketClaims = read(from, &keys::claims(ticket), "a ticket's claims")?.unwrap_or_default();
    let Some(Holding { admission: id, gate: at_gate, at: _ }) = claims.holding().copied() else { return Ok(claims) };
    let freed = gate(from, at_gate)?.filter(|gate| gate.revoked).and_then(|gate| gate.freed);
    match freed {
        Some(freed) if admission(from, id)?.is_none() => Ok(claims.set_free(freed)),
        Some(_) | None => Ok(claims),
    }
}

/// The claims of a gate that no admission has followed: how many it has not said to have opened for, and how many it has.
pub(super) fn held_claims(from: &impl Entries, of_gate: GateId) -> Result<HeldClaims, ReadError> {
    let (mut unopened, mut opened) = (0_u64, 0_u64);
    for entry in from.entries(keys::CLAIMS)? {
        let claims: TicketClaims = decode(&entry?.1, "a ticket's claims")?;
        let Some(Holding { admission: id, .. }) = claims.holding().filter(|holding| holding.gate == of_gate) else {
            continue;
        };
        if admission(from, *id)?.is_some() {
            continue;
        }
        let count = if FreedClaims::Unopened.covers(claims.state()) { &mut unopened } else { &mut opened };
        *count = count.saturating_add(1);
    }
    Ok(HeldClaims { unopened, opened })
}

/// How many came in within a minute.
pub(crate) fn of_minute(from: &impl Entries, key: &[u8]) -> Result<u32, ReadError> {
    read(from, key, "entries of a minute").map(Option::unwrap_or_default)
}

/// How many came in through a gate.
pub(crate) fn of_gate(from: &impl Entries, key: &[u8]) -> Result<u64, ReadError> {
    read(from, key, "entries of a gate").map(Option::unwrap_or_default)
}

/// Whether any ticket of the event has been claimed or admitted.
pub(crate) fn any_use(from: &impl Entries) -> Result<bool, ReadError> {
    Ok(counts(from)?.admissions > 0 || from.entries(keys::CLAIMS)?.next().transpose()?.is_some())
}

pub(crate) fn admission(from: &impl Entries, admission: AdmissionId) -> Result<Option<Admission>, ReadError> {
    read(from, &keys::admission(admission), "an admission")
}

/// Whether somebody has entered with a ticket, as far as is known here. An entry that was let in without a line, or where
/// another arbiter decides, is known by its admission alone.
pub(crate) fn is_used(from: &impl Entries, ticket: TicketId) -> Result<bool, ReadError> {
    Ok(claims(from, ticket)?.holding().is_some() || holder_of_entry(from, ticket, 1)?.is_some())
}

/// What has become of the event until now, as far as its choices depend on it.
pub(crate) fn so_far(from: &impl Entries) -> Result<EventSoFar, ReadError> {
    let gates = gates(from)?.iter().filter(|(_, gate)| !gate.revoked).count();
    Ok(EventSoFar { gates, used: any_use(from)?, in_venue: !arbiters(from)?.is_empty() })
}

/// Whether a refused showing is in its ticket's history.
pub(crate) fn is_showing_kept(from: &impl Entries, showing: ShowingId) -> Result<bool, ReadError> {
    Ok(from.value(&keys::showing(showing))?.is_some())
}

/// Who holds an entry.
pub(crate) fn holder_of_entry(
    from: &impl Entries,
    ticket: TicketId,
    entry: u32,
) -> Result<Option<AdmissionId>, ReadError> {
    let value = from.value(&keys::entry(ticket, entry))?;
    value
        .map(|bytes| AdmissionId::try_from(bytes.as_slice()).map_err(|_length| ReadError::Entry("an entry")))
        .transpose()
}

/// How an admission ended, where that was recorded.
pub(crate) fn ended(from: &impl Entries, admission: AdmissionId) -> Result<Option<Ending>, ReadError> {
    read(from, &keys::ended(admission), "the end of an admission")
}

/// Whether an admission is known to have been annulled, or withdrawn before it was one.
pub(crate) fn is_void(from: &impl Entries, ticket: TicketId, admission: AdmissionId) -> Result<bool, ReadError> {
    if ended(from, admission)?.is_some_and(|ending| ending.by == EndedBy::Annulled) {
        return Ok(true);
    }
    Ok(claims(from, ticket)?.closed(admission).is_some_and(|closed| closed.closing != Closing::Exited))
}

/// What gates have said of the end of an admission before it was heard of, at most so many.
pub(super) fn endings_held(from: &impl Entries, admission: AdmissionId, most: usize) -> Result<Vec<Ending>, ReadError> {
    let held = from.entries(&keys::endings_held(admission))?.take(most);
    held.map(|entry| decode(&entry?.1, "the end of an admission")).collect()
}

/// Tickets with a conflict that stands.
pub(super) fn contested_tickets(from: &impl Entries) -> Result<BTreeSet<TicketId>, ReadError> {
    let standing = from.entries(keys::STANDING)?;
    standing.map(|entry| keys::contested_of(&entry?.0).ok_or(ReadError::Entry("a conflict that stands"))).collect()
}

/// How many ends that this gate has told wait for their admissions.
pub(super) fn held_of_gate(from: &impl Entries, gate: GateId) -> Result<u32, ReadError> {
    read(from, &keys::held_of_gate(gate), "a count of ends").map(Option::unwrap_or_default)
}

/// Admissions that came for an entry while another one held it, with its number; at most so many.
pub(super) fn rivals(from: &impl Entries, ticket: TicketId, most: usize) -> Result<Vec<(u32, AdmissionId)>, ReadError> {
    let rivals = from.entries(&keys::rivals(ticket))?.take(most);
    rivals.map(|entry| keys::rival_of(&entry?.0).ok_or(ReadError::Entry("a rival admission"))).collect()
}

/// Whether an admission has neither ended nor been withdrawn.
pub(super) fn is_inside(from: &impl Entries, ticket: TicketId, admission: AdmissionId) -> Result<bool, ReadError> {
    Ok(ended(from, admission)?.is_none() && claims(from, ticket)?.closed(admission).is_none())
}
