//! How facts become the journal's index.
//!
//! | key | value |
//! |---|---|
//! | `b` | number of starts |
//! | `n` | newest moment that was certain |
//! | `i` admission | an intent without an end |
//! | `a` admission | an admission and what became of it |
//! | `t` ticket, position | the ticket's admissions in their order |
//! | `o` position | what the registrar has not acknowledged |
//! | `s` position | a refused showing that the registrar has not taken |
//! | `z` position | the end of an admission that the registrar has not acknowledged |
//! | `x` admission | nothing: its holder went out by this lane |
//! | `e` admission, kind | what the arbiter has not answered |
//! | `r` | the last recovery of the registrar that was answered |
//! | `c` ticket | the ticket's claims, where this gate is the arbiter |

use kido_shared::admission::{Admission, AdmissionBasis, DecidedOn, EndedBy, Ending};
use kido_shared::claim::{ClaimRequest, ClaimStep, NamedAdmission};
use kido_shared::clock::Timestamp;
use kido_shared::ids::{AdmissionId, GateId, TicketId};
use kido_shared::verdict::Used;
use kido_store::{IndexChanges, Position, Project, ProjectError};

use super::errand::ErrandKind;
use super::fact::Fact;
use super::{Intent, JournalError};

/// A key of the index.
#[derive(Debug, Clone, Copy)]
pub(super) enum Key {
    Boot,
    Newest,
    Intent(AdmissionId),
    Admission(AdmissionId),
    OfTicket(TicketId),
    Outbox(u64),
    Showing(u64),
    Ending(u64),
    EndingTold(u64),
    Left(AdmissionId),
    Errand(AdmissionId, ErrandKind),
    Claims(TicketId),
    Requeued,
}

impl Key {
    pub(super) const ADMISSIONS: &'static [u8] = b"a";
    pub(super) const INTENTS: &'static [u8] = b"i";
    pub(super) const OUTBOX: &'static [u8] = b"o";
    pub(super) const SHOWINGS: &'static [u8] = b"s";
    pub(super) const ENDINGS: &'static [u8] = b"z";
    const ENDINGS_TOLD: &'static [u8] = b"y";
    pub(super) const ERRANDS: &'static [u8] = b"e";

    pub(super) fn bytes(self) -> Vec<u8> {
        match self {
            Self::Boot => b"b".to_vec(),
            Self::Newest => b"n".to_vec(),
            Self::Intent(admission) => [Self::INTENTS, admission.as_bytes()].concat(),
            Self::Admission(admission) => [Self::ADMISSIONS, admission.as_bytes()].concat(),
            Self::OfTicket(ticket) => [b"t".as_slice(), ticket.as_bytes()].concat(),
            Self::Outbox(position) => [Self::OUTBOX, &position.to_be_bytes()].concat(),
            Self::Showing(position) => [Self::SHOWINGS, &position.to_be_bytes()].concat(),
            Self::Ending(position) => [Self::ENDINGS, &position.to_be_bytes()].concat(),
            Self::EndingTold(position) => [Self::ENDINGS_TOLD, &position.to_be_bytes()].concat(),
            Self::Left(admission) => [b"x".as_slice(), admission.as_bytes()].concat(),
            Self::Errand(admission, kind) => [Self::ERRANDS, admission.as_bytes(), &[kind.order()]].concat(),
            Self::Requeued => b"r".to_vec(),
            Self::Claims(ticket) => [b"c".as_slice(), ticket.as_bytes()].concat(),
        }
    }
}

/// An admission and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub(super) struct AdmissionEntry {
    #[n(0)]
    pub(super) admission: Admission,
    /// Where its fact stands.
    #[n(1)]
    pub(super) position: u64,
    #[n(2)]
    pub(super) opened_at: Option<Timestamp>,
    #[n(3)]
    pub(super) annulled: bool,
}

impl AdmissionEntry {
    pub(super) fn read(stored: Option<Vec<u8>>) -> Result<Self, JournalError> {
        let bytes = stored.ok_or(JournalError::NoSuchAdmission)?;
        minicbor::decode(&bytes).map_err(|_no_detail| JournalError::Unreadable)
    }

    pub(super) const fn used(&self) -> Used {
        let Admission { id: admission, gate, entry, at, .. } = self.admission;
        match self.opened_at {
            Some(_) => Used::Inside { entry, admission, gate, at },
            None => Used::StoredNotOpened { admission },
        }
    }
}

/// The number under a key; 0 where there is none yet.
pub(super) fn number(stored: Option<Vec<u8>>) -> Result<u64, JournalError> {
    stored.map_or(Ok(0), |bytes| minicbor::decode(&bytes).map_err(|_no_detail| JournalError::Unreadable))
}

/// The projection of one gate's facts.
#[derive(Debug)]
pub(super) struct JournalIndex(pub(super) GateId);

impl Project for JournalIndex {
    const VERSION: u32 = 4;

    fn project(&self, position: Position, fact: &[u8], index: &mut IndexChanges<'_>) -> Result<(), ProjectError> {
        let fact: Fact = minicbor::decode(fact).map_err(|_no_detail| ProjectError::Unreadable("not a journal fact"))?;
        match fact {
            Fact::Boot { number, .. } => index.put(Key::Boot.bytes(), encode(&number)),
            Fact::Intent(intent) => index.put(Key::Intent(intent.admission).bytes(), encode(&intent)),
            Fact::Admission { admission, decided_on } => admitted(position, admission, decided_on, index)?,
            Fact::Withdrawn { admission, .. } => withdrawn(admission, self.0, index)?,
            Fact::Declined { admission } => index.remove(Key::Intent(admission).bytes()),
            Fact::Opened { admission, at } => opened(admission, at, index)?,
            Fact::Annulled { admission, at } => annulled(position, admission, at, index)?,
            Fact::Uploaded { admission, opened } => uploaded(admission, opened, index)?,
            Fact::Told { admission, errand } => index.remove(Key::Errand(admission, errand).bytes()),
            Fact::Claims { ticket, claims } => index.put(Key::Claims(ticket).bytes(), encode(&claims)),
            Fact::Time { at, certain: Some(true), set_back: Some(true) } => {
                index.put(Key::Newest.bytes(), encode(&at));
            }
            Fact::Time { at, certain: Some(true), .. } => remember_newest(at, index)?,
            Fact::Time { .. } => {}
            Fact::Requeued { since } => requeued(since, index)?,
            Fact::Refused(showing) => index.put(Key::Showing(position.get()).bytes(), encode(&showing)),
            Fact::ShowingsUploaded { positions } => {
                positions.into_iter().for_each(|place| index.remove(Key::Showing(place).bytes()));
            }
            Fact::Exited { admission, ticket, at } => {
                let ending = Ending { admission, ticket, gate: self.0, by: EndedBy::Exited, at };
                exited(position, ending, index)?;
            }
            Fact::EndingsUploaded { positions } => {
                positions
                    .into_iter()
                    .try_for_each(|place| move_ending(Key::Ending(place), Key::EndingTold(place), index))?;
            }
        }
        Ok(())
    }
}

/// Only what was certain counts: a wrong clock's other facts would vouch for it at the next start.
fn remember_newest(at: Timestamp, index: &mut IndexChanges<'_>) -> Result<(), ProjectError> {
    let known: Option<Timestamp> = index.get(&Key::Newest.bytes())?.and_then(|bytes| minicbor::decode(&bytes).ok());
    if known.is_none_or(|known| known < at) {
        index.put(Key::Newest.bytes(), encode(&at));
    }
    Ok(())
}

fn admitted(
    position: Position,
    admission: Admission,
    decided_on: DecidedOn,
    index: &mut IndexChanges<'_>,
) -> Result<(), ProjectError> {
    let (id, ticket, position) = (admission.id, admission.ticket, position.get());
    if index.get(&Key::Admission(id).bytes())?.is_some() {
        return Err(ProjectError::Impossible("an admission is stored once"));
    }
    index.remove(Key::Intent(id).bytes());
    let mut of_ticket = Key::OfTicket(ticket).bytes();
    of_ticket.extend_from_slice(&position.to_be_bytes());
    index.put(of_ticket, id.as_bytes().to_vec());
    index.put(Key::Outbox(position).bytes(), id.as_bytes().to_vec());
    if admission.basis != AdmissionBasis::Claimed {
        let Admission { gate, at, basis, .. } = admission;
        let request = ClaimRequest { admission: id, ticket, gate, decided_on, at, basis };
        index.put(Key::Errand(id, ErrandKind::Claim).bytes(), encode(&ClaimStep::Claim(request)));
    }
    let entry = AdmissionEntry { admission, position, opened_at: None, annulled: false };
    index.put(Key::Admission(id).bytes(), encode(&entry));
    Ok(())
}

/// The arbiter is told until it has answered, whether or not it ever heard of the claim.
fn withdrawn(admission: AdmissionId, gate: GateId, index: &mut IndexChanges<'_>) -> Result<(), ProjectError> {
    let intent = index.get(&Key::Intent(admission).bytes())?;
    let intent = intent.ok_or(ProjectError::Impossible("only an intent is withdrawn"))?;
    let intent: Intent = minicbor::decode(&intent).map_err(|_no_detail| ProjectError::Unreadable("not an intent"))?;
    index.remove(Key::Intent(admission).bytes());
    let step = ClaimStep::Withdraw(NamedAdmission { admission, ticket: intent.ticket, gate });
    index.put(Key::Errand(admission, ErrandKind::Withdraw).bytes(), encode(&step));
    Ok(())
}

fn opened(admission: AdmissionId, at: Timestamp, index: &mut IndexChanges<'_>) -> Result<(), ProjectError> {
    let mut entry = stored(admission, index)?;
    if entry.opened_at.is_some() || entry.annulled {
        return Ok(());
    }
    entry.opened_at = Some(at);
    index.put(Key::Outbox(entry.position).bytes(), admission.as_bytes().to_vec());
    // What was claimed after the holder had entered is *inside* by its claim already.
    if entry.admission.basis == AdmissionBasis::Claimed && !is_own_arbiter(&entry.admission, index)? {
        index.put(
            Key::Errand(admission, ErrandKind::Opened).bytes(),
            encode(&ClaimStep::Opened(named(&entry.admission))),
        );
    }
    index.put(Key::Admission(admission).bytes(), encode(&entry));
    Ok(())
}

/// Both hear of it, each for itself: the arbiter gives the entry back, the registrar tells everybody.
fn annulled(
    position: Position,
    admission: AdmissionId,
    at: Timestamp,
    index: &mut IndexChanges<'_>,
) -> Result<(), ProjectError> {
    let mut entry = stored(admission, index)?;
    if entry.annulled {
        return Ok(());
    }
    entry.annulled = true;
    let Admission { ticket, gate, .. } = entry.admission;
    let ending = Ending { admission, ticket, gate, by: EndedBy::Annulled, at };
    index.put(Key::Ending(position.get()).bytes(), encode(&ending));
    if !is_own_arbiter(&entry.admission, index)? {
        index
            .put(Key::Errand(admission, ErrandKind::Annul).bytes(), encode(&ClaimStep::Annul(named(&entry.admission))));
    }
    index.put(Key::Admission(admission).bytes(), encode(&entry));
    Ok(())
}

/// A holder goes out once, however often the lane notes it.
fn exited(position: Position, ending: Ending, index: &mut IndexChanges<'_>) -> Result<(), ProjectError> {
    let Ending { admission, ticket, gate, .. } = ending;
    let left = Key::Left(admission).bytes();
    if index.get(&left)?.is_some() {
        return Ok(());
    }
    index.put(left, Vec::new());
    index.put(Key::Ending(position.get()).bytes(), encode(&ending));
    let step = ClaimStep::Exit(NamedAdmission { admission, ticket, gate });
    index.put(Key::Errand(admission, ErrandKind::Exit).bytes(), encode(&step));
    Ok(())
}

/// Leaves the outbox only where the registrar knows all that there is to know.
fn uploaded(admission: AdmissionId, opened: bool, index: &mut IndexChanges<'_>) -> Result<(), ProjectError> {
    let entry = stored(admission, index)?;
    if entry.opened_at.is_some() == opened {
        index.remove(Key::Outbox(entry.position).bytes());
    }
    Ok(())
}

/// Every admission waits once more for the registrar, and every end: those stand first in what is sent, so that nothing
/// annulled is taken for an entry.
fn requeued(since: Timestamp, index: &mut IndexChanges<'_>) -> Result<(), ProjectError> {
    let mut waiting = Vec::new();
    for entry in index.scan_prefix(Key::ADMISSIONS) {
        let (_key, entry) = entry?;
        let entry: AdmissionEntry =
            minicbor::decode(&entry).map_err(|_no_detail| ProjectError::Unreadable("not an admission"))?;
        waiting.push((entry.position, entry.admission.id));
    }
    let mut told = Vec::new();
    for entry in index.scan_prefix(Key::ENDINGS_TOLD) {
        let (key, _ending) = entry?;
        let place = key.strip_prefix(Key::ENDINGS_TOLD).and_then(|place| <[u8; 8]>::try_from(place).ok());
        told.push(place.map(u64::from_be_bytes).ok_or(ProjectError::Unreadable("not the place of an end"))?);
    }
    for place in told {
        move_ending(Key::EndingTold(place), Key::Ending(place), index)?;
    }
    for (position, admission) in waiting {
        index.put(Key::Outbox(position).bytes(), admission.as_bytes().to_vec());
    }
    index.put(Key::Requeued.bytes(), encode(&since));
    Ok(())
}

/// The end of an admission waits, or was told; it is kept either way, for a registrar that may have to be told again.
fn move_ending(from: Key, to: Key, index: &mut IndexChanges<'_>) -> Result<(), ProjectError> {
    if let Some(ending) = index.get(&from.bytes())? {
        index.remove(from.bytes());
        index.put(to.bytes(), ending);
    }
    Ok(())
}

fn stored(admission: AdmissionId, index: &IndexChanges<'_>) -> Result<AdmissionEntry, ProjectError> {
    AdmissionEntry::read(index.get(&Key::Admission(admission).bytes())?)
        .map_err(|_no_detail| ProjectError::Impossible("a fact about an admission that is not stored"))
}

/// Whether this gate itself keeps the record that gave the entry: then there is nobody else to tell.
fn is_own_arbiter(admission: &Admission, index: &IndexChanges<'_>) -> Result<bool, ProjectError> {
    Ok(index.get(&Key::Claims(admission.ticket).bytes())?.is_some())
}

const fn named(admission: &Admission) -> NamedAdmission {
    NamedAdmission { admission: admission.id, ticket: admission.ticket, gate: admission.gate }
}

fn encode<T: minicbor::Encode<()>>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    match minicbor::encode(value, &mut bytes) {
        Ok(()) => bytes,
        Err(_infallible) => Vec::new(),
    }
}
