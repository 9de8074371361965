//! The book's facts, and what its index makes of the feed's records.

use kido_shared::admission::{Admission, AdmissionBasis, DecidedOn};
use kido_shared::claim::{ClaimFacts, ClaimRequest, ClaimStep, NamedAdmission, TicketClaims, step};
use kido_shared::clock::Timestamp;
use kido_shared::feed::{FeedRecord, FollowedTo, RecordCipher, SealedRecord};
use kido_shared::ids::{AdmissionId, ArbiterId, Epoch, EventId, FeedSequence, GateId, TicketId};
use kido_shared::keys::RecordKey;
use kido_shared::ticket::{Entries, TicketStatus};
use kido_store::{IndexChanges, Position, Project, ProjectError};

/// Most bytes of records in one fact: half of what the store takes, so that framing never matters.
const RECORD_BYTES_PER_FACT: usize = kido_store::MAX_FACT_BYTES / 2;

/// One fact of the book.
#[derive(Debug)]
pub(super) enum Fact {
    /// The next records of an epoch of the feed, as they came.
    Records(Epoch, Vec<SealedRecord>),
    /// A head that was reached: when it was issued.
    Head(Timestamp),
    /// All of that epoch is here, up to a head of it: it is what is followed from now on.
    Exchanged(Epoch),
}

#[derive(minicbor::Encode, minicbor::Decode)]
#[cbor(flat)]
enum Stored {
    #[n(0)]
    Records(
        #[n(0)] Vec<minicbor::bytes::ByteVec>,
        /// Where it is not the first.
        #[n(1)]
        Option<Epoch>,
    ),
    #[n(1)]
    Head(#[n(0)] Timestamp),
    #[n(2)]
    Exchanged(#[n(0)] Epoch),
}

impl Fact {
    /// An epoch's records in facts that the store takes, in their order.
    pub(super) fn of_records(epoch: Epoch, records: Vec<SealedRecord>) -> Vec<Self> {
        let (mut facts, mut held, mut bytes) = (Vec::new(), Vec::new(), 0_usize);
        for record in records {
            let length = record.as_bytes().len();
            if bytes.saturating_add(length) > RECORD_BYTES_PER_FACT && !held.is_empty() {
                facts.push(Self::Records(epoch, std::mem::take(&mut held)));
                bytes = 0;
            }
            bytes = bytes.saturating_add(length);
            held.push(record);
        }
        if !held.is_empty() {
            facts.push(Self::Records(epoch, held));
        }
        facts
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        encode(&match self {
            Self::Records(epoch, records) => {
                let later = Some(*epoch).filter(|epoch| *epoch != Epoch::FIRST);
                Stored::Records(records.iter().map(|record| record.as_bytes().to_vec().into()).collect(), later)
            }
            Self::Head(issued_at) => Stored::Head(*issued_at),
            Self::Exchanged(epoch) => Stored::Exchanged(*epoch),
        })
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        Some(match minicbor::decode(bytes).ok()? {
            Stored::Records(records, epoch) => {
                let records = records.into_iter().map(|record| SealedRecord::from_bytes(record.into()).ok());
                Self::Records(epoch.unwrap_or(Epoch::FIRST), records.collect::<Option<_>>()?)
            }
            Stored::Head(issued_at) => Self::Head(issued_at),
            Stored::Exchanged(epoch) => Self::Exchanged(epoch),
        })
    }
}

/// A key of the index.
#[derive(Debug, Clone, Copy)]
pub(super) enum Key {
    Current,
    Followed,
    Head,
    Policy,
    End,
    Gate(GateId),
    Freed(GateId),
    Arbiter(ArbiterId),
    Certificate(FeedSequence),
    Ticket(TicketId),
    Use(TicketId),
    /// An admission that the feed has told of, whoever holds its entry.
    Told(AdmissionId),
}

impl Key {
    pub(super) const GATES: &'static [u8] = b"g";
    pub(super) const FEED_KEYS: &'static [u8] = b"k";

    pub(super) fn bytes(self) -> Vec<u8> {
        match self {
            Self::Current => b"!".to_vec(),
            Self::Followed => b"@".to_vec(),
            Self::Head => b"h".to_vec(),
            Self::Policy => b"p".to_vec(),
            Self::End => b"x".to_vec(),
            Self::Gate(gate) => [Self::GATES, gate.as_bytes()].concat(),
            Self::Freed(gate) => [b"f".as_slice(), gate.as_bytes()].concat(),
            Self::Arbiter(arbiter) => [b"a".as_slice(), arbiter.as_bytes()].concat(),
            Self::Certificate(at) => [Self::FEED_KEYS, &at.get().to_be_bytes()].concat(),
            Self::Ticket(ticket) => [b"t".as_slice(), ticket.as_bytes()].concat(),
            Self::Use(ticket) => [b"u".as_slice(), ticket.as_bytes()].concat(),
            Self::Told(admission) => [b"i".as_slice(), admission.as_bytes()].concat(),
        }
    }
}

/// One epoch's part of the index. After a cut the new epoch grows beside the one that is followed; what stands under
/// [`Key::Current`] exchanges the two in one step.
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

/// A ticket, as far as an arbiter needs it: no zone, no seat, no tag.
#[derive(Debug, Clone, Default, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub(super) struct TicketEntry {
    /// Place of its newest record, status, entries.
    #[n(0)]
    pub(super) ticket: Option<(FeedSequence, TicketStatus, Entries)>,
    /// Place of its newest binding record.
    #[n(1)]
    pub(super) binding: Option<FeedSequence>,
}

/// The projection of one event's feed.
#[derive(Debug)]
pub(super) struct BookIndex {
    event: EventId,
    records: RecordKey,
}

impl BookIndex {
    pub(super) const fn new(event: EventId, records: RecordKey) -> Self {
        Self { event, records }
    }

    fn records(
        &self,
        scope: Scope,
        records: &[SealedRecord],
        index: &mut IndexChanges<'_>,
    ) -> Result<(), ProjectError> {
        let mut position = scope.followed(index.get(&scope.key(Key::Followed))?, self.event)?;
        let cipher = RecordCipher::new(&self.records, self.event, position.epoch);
        for sealed in records {
            let at = position.next();
            let record =
                cipher.open(at, sealed).map_err(|_no_detail| ProjectError::Unreadable("a record does not open"))?;
            enter((scope, at), record, index)?;
            position = position.extend(sealed);
        }
        index.put(scope.key(Key::Followed), encode(&position));
        Ok(())
    }
}

impl Project for BookIndex {
    // 2: claims that were freed, and every admission by its id. A book of version 1 may hold both and has not looked at them.
    const VERSION: u32 = 2;

    fn project(&self, _position: Position, fact: &[u8], index: &mut IndexChanges<'_>) -> Result<(), ProjectError> {
        match Fact::decode(fact).ok_or(ProjectError::Unreadable("not a fact of the book"))? {
            Fact::Records(epoch, records) => self.records(Scope(epoch), &records, index),
            Fact::Exchanged(epoch) => {
                index.put(Key::Current.bytes(), encode(&epoch));
                Ok(())
            }
            Fact::Head(issued_at) => {
                index.put(Key::Head.bytes(), encode(&issued_at));
                Ok(())
            }
        }
    }
}

fn enter(
    (scope, at): (Scope, FeedSequence),
    record: FeedRecord,
    index: &mut IndexChanges<'_>,
) -> Result<(), ProjectError> {
    match record {
        FeedRecord::Policy(policy) => index.put(scope.key(Key::Policy), encode(&policy)),
        FeedRecord::Ticket(ticket) => {
            change_ticket((scope, ticket.ticket), index, |entry| {
                entry.ticket = Some((at, ticket.status, ticket.entries))
            })?;
        }
        FeedRecord::Binding(binding) => {
            change_ticket((scope, binding.ticket), index, |entry| entry.binding = Some(at))?
        }
        FeedRecord::Admission(admission) => admitted(scope, &admission, index)?,
        FeedRecord::Annulled(annulled) => {
            let (admission, ticket, gate) = (annulled.admission, annulled.ticket, annulled.gate);
            let named = NamedAdmission { admission, ticket, gate };
            change_use((scope, ticket), &[ClaimStep::Annul(named)], annulled.at, index)?;
        }
        FeedRecord::Exited(exited) => {
            let (admission, ticket, gate) = (exited.admission, exited.ticket, exited.gate);
            let named = NamedAdmission { admission, ticket, gate };
            change_use((scope, ticket), &[ClaimStep::Exit(named)], exited.at, index)?;
        }
        FeedRecord::Gate(gate) => index.put(scope.key(Key::Gate(gate.gate)), encode(&gate)),
        FeedRecord::Arbiter(arbiter) => index.put(scope.key(Key::Arbiter(arbiter.arbiter)), encode(&arbiter)),
        FeedRecord::ClaimsFreed(freed) => index.put(scope.key(Key::Freed(freed.gate)), encode(&freed.freed)),
        FeedRecord::Key(key) => index.put(scope.key(Key::Certificate(at)), encode(&key)),
        FeedRecord::End(end) => index.put(scope.key(Key::End), encode(&end)),
        // For operators, for staff, and for later versions: kept in the log.
        FeedRecord::Conflict(_) | FeedRecord::Staff(_) | FeedRecord::Unknown(_) => {}
    }
    Ok(())
}

fn change_ticket(
    (scope, ticket): (Scope, TicketId),
    index: &mut IndexChanges<'_>,
    change: impl FnOnce(&mut TicketEntry),
) -> Result<(), ProjectError> {
    let mut entry = ticket_entry((scope, ticket), index)?;
    change(&mut entry);
    index.put(scope.key(Key::Ticket(ticket)), encode(&entry));
    Ok(())
}

fn ticket_entry((scope, ticket): (Scope, TicketId), index: &IndexChanges<'_>) -> Result<TicketEntry, ProjectError> {
    index.get(&scope.key(Key::Ticket(ticket)))?.map_or_else(|| Ok(TicketEntry::default()), |bytes| read(&bytes))
}

/// An admission is a fact, whatever its ticket has become since: somebody is inside.
fn admitted(scope: Scope, admission: &Admission, index: &mut IndexChanges<'_>) -> Result<(), ProjectError> {
    let Admission { id, ticket, gate, at, .. } = *admission;
    let decided_on = DecidedOn { ticket: FeedSequence::FIRST, binding: FeedSequence::FIRST, epoch: scope.0 };
    let basis = AdmissionBasis::Offline;
    let claim = ClaimRequest { admission: id, ticket, gate, decided_on, at, basis };
    let opened = NamedAdmission { admission: id, ticket, gate };
    index.put(scope.key(Key::Told(id)), Vec::new());
    change_use((scope, ticket), &[ClaimStep::Claim(claim), ClaimStep::Opened(opened)], at, index)
}

/// The same pure steps as at an arbiter, over what the feed tells.
fn change_use(
    (scope, ticket): (Scope, TicketId),
    steps: &[ClaimStep],
    at: Timestamp,
    index: &mut IndexChanges<'_>,
) -> Result<(), ProjectError> {
    let Some((place, status, entries)) = ticket_entry((scope, ticket), index)?.ticket else { return Ok(()) };
    let facts = ClaimFacts { entries, status, newest: DecidedOn { ticket: place, binding: place, epoch: scope.0 } };
    let key = scope.key(Key::Use(ticket));
    let mut record = index.get(&key)?.map_or_else(|| Ok(TicketClaims::new()), |bytes| read(&bytes))?;
    for wanted in steps {
        record = step(&record, wanted, &facts, at).0.unwrap_or(record);
    }
    index.put(key, encode(&record));
    Ok(())
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
