//! The book's facts, and what its index makes of the feed's records.

use kido_shared::admission::{Admission, AdmissionBasis, DecidedOn};
use kido_shared::claim::{ClaimFacts, ClaimRequest, ClaimStep, NamedAdmission, TicketClaims, step};
use kido_shared::clock::Timestamp;
use kido_shared::feed::{FeedRecord, FollowedTo, RecordCipher, SealedRecord};
use kido_shared::ids::{ArbiterId, EventId, FeedSequence, GateId, TicketId};
use kido_shared::keys::RecordKey;
use kido_shared::ticket::{Entries, TicketStatus};
use kido_store::{IndexChanges, Position, Project, ProjectError};

use super::FIRST_EPOCH;

/// Most bytes of records in one fact: half of what the store takes, so that framing never matters.
const RECORD_BYTES_PER_FACT: usize = kido_store::MAX_FACT_BYTES / 2;

/// One fact of the book.
#[derive(Debug)]
pub(super) enum Fact {
    /// The next records of the feed, as they came.
    Records(Vec<SealedRecord>),
    /// A head that was reached: when it was issued.
    Head(Timestamp),
}

#[derive(minicbor::Encode, minicbor::Decode)]
#[cbor(flat)]
enum Stored {
    #[n(0)]
    Records(#[n(0)] Vec<minicbor::bytes::ByteVec>),
    #[n(1)]
    Head(#[n(0)] Timestamp),
}

impl Fact {
    /// The records in facts that the store takes, in their order.
    pub(super) fn of_records(records: Vec<SealedRecord>) -> Vec<Self> {
        let (mut facts, mut held, mut bytes) = (Vec::new(), Vec::new(), 0_usize);
        for record in records {
            let length = record.as_bytes().len();
            if bytes.saturating_add(length) > RECORD_BYTES_PER_FACT && !held.is_empty() {
                facts.push(Self::Records(std::mem::take(&mut held)));
                bytes = 0;
            }
            bytes = bytes.saturating_add(length);
            held.push(record);
        }
        if !held.is_empty() {
            facts.push(Self::Records(held));
        }
        facts
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        encode(&match self {
            Self::Records(records) => {
                Stored::Records(records.iter().map(|record| record.as_bytes().to_vec().into()).collect())
            }
            Self::Head(issued_at) => Stored::Head(*issued_at),
        })
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        Some(match minicbor::decode(bytes).ok()? {
            Stored::Records(records) => {
                let records = records.into_iter().map(|record| SealedRecord::from_bytes(record.into()).ok());
                Self::Records(records.collect::<Option<_>>()?)
            }
            Stored::Head(issued_at) => Self::Head(issued_at),
        })
    }
}

/// A key of the index.
#[derive(Debug, Clone, Copy)]
pub(super) enum Key {
    Followed,
    Head,
    Policy,
    End,
    Gate(GateId),
    Arbiter(ArbiterId),
    Certificate(FeedSequence),
    Ticket(TicketId),
    Use(TicketId),
}

impl Key {
    pub(super) const GATES: &'static [u8] = b"g";
    pub(super) const FEED_KEYS: &'static [u8] = b"k";

    pub(super) fn bytes(self) -> Vec<u8> {
        match self {
            Self::Followed => b"@".to_vec(),
            Self::Head => b"h".to_vec(),
            Self::Policy => b"p".to_vec(),
            Self::End => b"x".to_vec(),
            Self::Gate(gate) => [Self::GATES, gate.as_bytes()].concat(),
            Self::Arbiter(arbiter) => [b"a".as_slice(), arbiter.as_bytes()].concat(),
            Self::Certificate(at) => [Self::FEED_KEYS, &at.get().to_be_bytes()].concat(),
            Self::Ticket(ticket) => [b"t".as_slice(), ticket.as_bytes()].concat(),
            Self::Use(ticket) => [b"u".as_slice(), ticket.as_bytes()].concat(),
        }
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

    fn records(&self, records: &[SealedRecord], index: &mut IndexChanges<'_>) -> Result<(), ProjectError> {
        let mut position = followed(index.get(&Key::Followed.bytes())?, self.event)?;
        let cipher = RecordCipher::new(&self.records, self.event, position.epoch);
        for sealed in records {
            let at = position.next();
            let record =
                cipher.open(at, sealed).map_err(|_no_detail| ProjectError::Unreadable("a record does not open"))?;
            enter(at, record, index)?;
            position = position.extend(sealed);
        }
        index.put(Key::Followed.bytes(), encode(&position));
        Ok(())
    }
}

impl Project for BookIndex {
    const VERSION: u32 = 1;

    fn project(&self, _position: Position, fact: &[u8], index: &mut IndexChanges<'_>) -> Result<(), ProjectError> {
        match Fact::decode(fact).ok_or(ProjectError::Unreadable("not a fact of the book"))? {
            Fact::Records(records) => self.records(&records, index),
            Fact::Head(issued_at) => {
                index.put(Key::Head.bytes(), encode(&issued_at));
                Ok(())
            }
        }
    }
}

/// The stored position, or the beginning.
pub(super) fn followed(stored: Option<Vec<u8>>, event: EventId) -> Result<FollowedTo, ProjectError> {
    stored.map_or_else(|| Ok(FollowedTo::start(event, FIRST_EPOCH)), |bytes| read(&bytes))
}

fn enter(at: FeedSequence, record: FeedRecord, index: &mut IndexChanges<'_>) -> Result<(), ProjectError> {
    match record {
        FeedRecord::Policy(policy) => index.put(Key::Policy.bytes(), encode(&policy)),
        FeedRecord::Ticket(ticket) => {
            change_ticket(ticket.ticket, index, |entry| entry.ticket = Some((at, ticket.status, ticket.entries)))?;
        }
        FeedRecord::Binding(binding) => change_ticket(binding.ticket, index, |entry| entry.binding = Some(at))?,
        FeedRecord::Admission(admission) => admitted(&admission, index)?,
        FeedRecord::Annulled(annulled) => {
            let (admission, ticket, gate) = (annulled.admission, annulled.ticket, annulled.gate);
            let named = NamedAdmission { admission, ticket, gate };
            change_use(ticket, &[ClaimStep::Annul(named)], annulled.at, index)?;
        }
        FeedRecord::Exited(exited) => {
            let (admission, ticket, gate) = (exited.admission, exited.ticket, exited.gate);
            let named = NamedAdmission { admission, ticket, gate };
            change_use(ticket, &[ClaimStep::Exit(named)], exited.at, index)?;
        }
        FeedRecord::Gate(gate) => index.put(Key::Gate(gate.gate).bytes(), encode(&gate)),
        FeedRecord::Arbiter(arbiter) => index.put(Key::Arbiter(arbiter.arbiter).bytes(), encode(&arbiter)),
        FeedRecord::Key(key) => index.put(Key::Certificate(at).bytes(), encode(&key)),
        FeedRecord::End(end) => index.put(Key::End.bytes(), encode(&end)),
        // For operators, for staff, and for later versions: kept in the log.
        FeedRecord::Conflict(_) | FeedRecord::Staff(_) | FeedRecord::Unknown(_) => {}
    }
    Ok(())
}

fn change_ticket(
    ticket: TicketId,
    index: &mut IndexChanges<'_>,
    change: impl FnOnce(&mut TicketEntry),
) -> Result<(), ProjectError> {
    let mut entry = ticket_entry(ticket, index)?;
    change(&mut entry);
    index.put(Key::Ticket(ticket).bytes(), encode(&entry));
    Ok(())
}

fn ticket_entry(ticket: TicketId, index: &IndexChanges<'_>) -> Result<TicketEntry, ProjectError> {
    index.get(&Key::Ticket(ticket).bytes())?.map_or_else(|| Ok(TicketEntry::default()), |bytes| read(&bytes))
}

/// An admission is a fact, whatever its ticket has become since: somebody is inside.
fn admitted(admission: &Admission, index: &mut IndexChanges<'_>) -> Result<(), ProjectError> {
    let Admission { id, ticket, gate, at, .. } = *admission;
    let decided_on = DecidedOn { ticket: FeedSequence::FIRST, binding: FeedSequence::FIRST };
    let basis = AdmissionBasis::Offline;
    let claim = ClaimRequest { admission: id, ticket, gate, decided_on, at, basis };
    let opened = NamedAdmission { admission: id, ticket, gate };
    change_use(ticket, &[ClaimStep::Claim(claim), ClaimStep::Opened(opened)], at, index)
}

/// The same pure steps as at an arbiter, over what the feed tells.
fn change_use(
    ticket: TicketId,
    steps: &[ClaimStep],
    at: Timestamp,
    index: &mut IndexChanges<'_>,
) -> Result<(), ProjectError> {
    let Some((place, status, entries)) = ticket_entry(ticket, index)?.ticket else { return Ok(()) };
    let facts = ClaimFacts { entries, status, newest: DecidedOn { ticket: place, binding: place } };
    let key = Key::Use(ticket).bytes();
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
