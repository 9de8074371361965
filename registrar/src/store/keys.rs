//! Keys of an event's index. Everything under them can be made again from the facts.
//!
//! | key | value |
//! |---|---|
//! | `P` | the event: policy, wrapped key, when it was made |
//! | `F` | how far the feed reaches, and its chain |
//! | `K` | its feed keys, the newest last; none before the first change |
//! | `N` | how many tickets are in which state |
//! | `U` | the cut that began the feed's epoch, and how far what is true has been told in it; none in the first epoch |
//! | `f` [epoch (8)] place (8) | position of the fact that holds this feed record; every 64th place only; the first epoch is not named |
//! | `t` ticket (16) | what has changed of the ticket, and where its row and its binding stand |
//! | `r` beginning of a reference (8) place | nothing: that row has this reference |
//! | `c` beginning of a code's hash (8) place | nothing: that row or fact gave a ticket this code; live where the ticket still names it, used otherwise |
//! | `b` beginning of a tag (8) place | nothing: that fact bound a ticket to this card, and it is on it |
//! | `g` gate (16) | the gate |
//! | `v` arbiter (16) | the venue arbiter |
//! | `k` ticket (16) | the ticket's claims |
//! | `a` admission (16) | the admission |
//! | `e` ticket (16) entry (4) | id of the admission that holds this entry |
//! | `q` ticket (16) entry (4) admission (16) | nothing: it came for that entry while another admission held it |
//! | `n` ticket (16) entry (4) first (16) second (16) | position of the fact of their conflict, which stands |
//! | `z` admission (16) | how it ended |
//! | `y` admission (16) gate (16) kind (1) | how that gate says that it ended, before it was heard of |
//! | `o` gate (16) | how many of the above are that gate's |
//! | `u` admission (16) gate (16) | nothing: that gate has brought the moment of its end closer to the truth |
//! | `h` ticket (16) byte of the log (8) | one line of the ticket's history; its binding is read where it stands |
//! | `s` showing (16) | nothing: a refused showing that is in its ticket's history |
//! | `x` fact (8) | a conflict |
//! | `m` minute (8) gate (16) | how many came in there within that minute |
//! | `w` gate (16) | how many came in there |
//!
//! Numbers are big-endian, so that keys sort as numbers do. A place is where in the log something stands: it says itself
//! which reference, code or tag it has, so eight bytes are enough to find it, and two that begin alike are told apart there.

use kido_shared::admission::{EndedBy, Ending};
use kido_shared::binding::BindingTag;
use kido_shared::codes::CodeHash;
use kido_shared::ids::{AdmissionId, ArbiterId, Epoch, GateId, ShowingId, TicketId};
use kido_store::{LogOffset, Position};

use super::place::Place;
use super::reading::encode;
use crate::domain::conflict::Pair;
use crate::domain::reference::ReferenceHash;

/// Feed places between two that are remembered: a reader skips at most so many records, and a million records need
/// 16,000 small entries.
pub(super) const FEED_MARK_EVERY: u64 = 64;

pub(super) const EVENT: &[u8] = b"P";
pub(super) const FEED: &[u8] = b"F";
pub(super) const FEED_KEYS: &[u8] = b"K";
pub(super) const CUT: &[u8] = b"U";
pub(super) const COUNTS: &[u8] = b"N";
pub(super) const TICKETS: &[u8] = b"t";
pub(super) const GATES: &[u8] = b"g";
pub(super) const ARBITERS: &[u8] = b"v";
pub(super) const CLAIMS: &[u8] = b"k";
pub(super) const STANDING: &[u8] = b"n";
pub(super) const CONFLICTS: &[u8] = b"x";
pub(super) const MINUTES: &[u8] = b"m";
pub(super) const ENTRIES_OF_GATES: &[u8] = b"w";

fn key(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + parts.iter().map(|part| part.len()).sum::<usize>());
    bytes.push(kind);
    for part in parts {
        bytes.extend_from_slice(part);
    }
    bytes
}

pub(super) fn feed_mark(epoch: Epoch, place: u64) -> Vec<u8> {
    if epoch == Epoch::FIRST {
        return key(b'f', &[&place.to_be_bytes()]);
    }
    key(b'f', &[&epoch.get().to_be_bytes(), &place.to_be_bytes()])
}

pub(super) fn ticket(ticket: TicketId) -> Vec<u8> {
    key(b't', &[ticket.as_bytes()])
}

/// The ticket at the end of a [`ticket`] key.
pub(super) fn ticket_of(key: &[u8]) -> Option<TicketId> {
    TicketId::try_from(key.strip_prefix(TICKETS)?).ok()
}

/// How a hash begins: all of it that a key holds. Two of a million begin alike once in thirty million events.
const BEGINNING_BYTES: usize = 8;

fn beginning(kind: u8, hash: &[u8]) -> Vec<u8> {
    key(kind, &[hash.get(..BEGINNING_BYTES).unwrap_or(hash)])
}

/// The same, with the place that it leads to.
fn leading_to(mut beginning: Vec<u8>, place: Place) -> Vec<u8> {
    beginning.extend(encode(&place));
    beginning
}

/// The place at the end of a [`referenced`], [`coded`] or [`tagged`] key.
pub(super) fn place_of(key: &[u8]) -> Option<Place> {
    minicbor::decode(key.get(1 + BEGINNING_BYTES..)?).ok()
}

pub(super) fn reference(reference: ReferenceHash) -> Vec<u8> {
    beginning(b'r', &reference.0)
}

pub(super) fn referenced(hash: ReferenceHash, row: Place) -> Vec<u8> {
    leading_to(reference(hash), row)
}

pub(super) fn code(code: CodeHash) -> Vec<u8> {
    beginning(b'c', code.as_bytes())
}

pub(super) fn coded(hash: CodeHash, row_or_fact: Place) -> Vec<u8> {
    leading_to(code(hash), row_or_fact)
}

pub(super) fn tag(tag: BindingTag) -> Vec<u8> {
    beginning(b'b', tag.as_bytes())
}

pub(super) fn tagged(card: BindingTag, binding: Place) -> Vec<u8> {
    leading_to(tag(card), binding)
}

pub(super) fn gate(gate: GateId) -> Vec<u8> {
    key(GATES_KIND, &[gate.as_bytes()])
}

const GATES_KIND: u8 = b'g';

/// The gate at the end of a [`gate`] key.
pub(super) fn gate_of(key: &[u8]) -> Option<GateId> {
    key.last_chunk::<16>().copied().map(GateId::from_bytes)
}

pub(super) fn arbiter(arbiter: ArbiterId) -> Vec<u8> {
    key(b'v', &[arbiter.as_bytes()])
}

pub(super) fn claims(ticket: TicketId) -> Vec<u8> {
    key(b'k', &[ticket.as_bytes()])
}

pub(super) fn admission(admission: AdmissionId) -> Vec<u8> {
    key(b'a', &[admission.as_bytes()])
}

pub(super) fn entry(ticket: TicketId, entry: u32) -> Vec<u8> {
    key(b'e', &[ticket.as_bytes(), &entry.to_be_bytes()])
}

/// What comes before every [`entry`] of a ticket.
pub(super) fn entries_of(ticket: TicketId) -> Vec<u8> {
    key(b'e', &[ticket.as_bytes()])
}

pub(super) fn rivals(ticket: TicketId) -> Vec<u8> {
    key(b'q', &[ticket.as_bytes()])
}

pub(super) fn rival(ticket: TicketId, entry: u32, admission: AdmissionId) -> Vec<u8> {
    key(b'q', &[ticket.as_bytes(), &entry.to_be_bytes(), admission.as_bytes()])
}

/// The entry and the admission of a [`rival`] key.
pub(super) fn rival_of(key: &[u8]) -> Option<(u32, AdmissionId)> {
    let (entry, admission) = key.get(1 + 16..)?.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*entry), AdmissionId::try_from(admission).ok()?))
}

pub(super) fn standing_conflicts(ticket: TicketId) -> Vec<u8> {
    key(b'n', &[ticket.as_bytes()])
}

/// The ticket of a [`standing_conflict`] key.
pub(super) fn contested_of(key: &[u8]) -> Option<TicketId> {
    key.get(1..)?.first_chunk::<16>().map(|id| TicketId::from_bytes(*id))
}

pub(super) fn standing_conflict(ticket: TicketId, pair: &Pair) -> Vec<u8> {
    let Pair { entry, first, second } = pair;
    key(b'n', &[ticket.as_bytes(), &entry.to_be_bytes(), first.as_bytes(), second.as_bytes()])
}

/// The pair of a [`standing_conflict`] key.
pub(super) fn pair_of(key: &[u8]) -> Option<Pair> {
    let (entry, pair) = key.get(1 + 16..)?.split_first_chunk::<4>()?;
    let (first, second) = pair.split_first_chunk::<16>()?;
    let (first, second) = (AdmissionId::from_bytes(*first), AdmissionId::try_from(second).ok()?);
    Some(Pair { entry: u32::from_be_bytes(*entry), first, second })
}

pub(super) fn ended(admission: AdmissionId) -> Vec<u8> {
    key(b'z', &[admission.as_bytes()])
}

pub(super) fn endings_held(admission: AdmissionId) -> Vec<u8> {
    key(b'y', &[admission.as_bytes()])
}

pub(super) fn ending_held(ending: &Ending) -> Vec<u8> {
    let kind = match ending.by {
        EndedBy::Annulled => 0,
        EndedBy::Exited => 1,
    };
    key(b'y', &[ending.admission.as_bytes(), ending.gate.as_bytes(), &[kind]])
}

/// How many ends of this gate's wait for their admissions.
pub(super) fn held_of_gate(gate: GateId) -> Vec<u8> {
    key(b'o', &[gate.as_bytes()])
}

pub(super) fn closer_word(ending: &Ending) -> Vec<u8> {
    key(b'u', &[ending.admission.as_bytes(), ending.gate.as_bytes()])
}

pub(super) fn history(ticket: TicketId) -> Vec<u8> {
    key(b'h', &[ticket.as_bytes()])
}

pub(super) fn history_line(ticket: TicketId, fact: LogOffset) -> Vec<u8> {
    key(b'h', &[ticket.as_bytes(), &fact.get().to_be_bytes()])
}

/// Where the fact of a [`history_line`] stands.
pub(super) fn fact_of_line(key: &[u8]) -> Option<LogOffset> {
    key.last_chunk::<8>().copied().map(u64::from_be_bytes).map(LogOffset::new)
}

pub(super) fn showing(showing: ShowingId) -> Vec<u8> {
    key(b's', &[showing.as_bytes()])
}

/// Minutes before 1970 are none: a gate whose clock says so has lost it, and the first minute takes its entries.
pub(super) fn minute(minute: i64, gate: GateId) -> Vec<u8> {
    key(b'm', &[&u64::try_from(minute).unwrap_or(0).to_be_bytes(), gate.as_bytes()])
}

/// What sorts before every entry of a minute and after all of the minute before.
pub(super) fn before_minute(minute: i64) -> Vec<u8> {
    key(b'm', &[&u64::try_from(minute).unwrap_or(0).to_be_bytes()])
}

/// The minute and the gate of a [`minute`] key.
pub(super) fn minute_of(key: &[u8]) -> Option<(i64, GateId)> {
    let (minute, gate) = key.strip_prefix(MINUTES)?.split_first_chunk::<8>()?;
    Some((i64::try_from(u64::from_be_bytes(*minute)).ok()?, GateId::try_from(gate).ok()?))
}

pub(super) fn entries_of_gate(gate: GateId) -> Vec<u8> {
    key(b'w', &[gate.as_bytes()])
}

/// The newest sorts first: whoever adds conflicts does not push the ones of this minute out of sight.
pub(super) fn conflict(position: Position) -> Vec<u8> {
    key(b'x', &[&u64::MAX.saturating_sub(position.get()).to_be_bytes()])
}
