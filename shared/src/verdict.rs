//! The verdict on a card: which of its tickets may enter here and now, or why none.
//!
//! [`decide`] is pure and runs twice in a tap: before the PIN, so that nobody types one for nothing, and again after
//! the proof, on the very state that the claim names (`protocol.md` §4, §7).
//!
//! # What is looked at, in this order
//!
//! Of the gate: knowledge older than the event allows ends everything (*replica too old*); it may miss the tag itself.
//!
//! Of each ticket, the first that holds:
//!
//! | | looked at | refusal |
//! |---|---|---|
//! | 1 | an admission that this gate stored and did not see open | *stored but not opened* |
//! | 2 | status | *cancelled*, *not paid*, *suspended* |
//! | 3 | window over | *too late*, or *clock uncertain* |
//! | 4 | known use, only while no arbiter answers | *already in*, *spent* |
//! | 5 | zone | *other entrance* |
//! | 6 | window not begun | *too early*, or *clock uncertain* |
//! | 7 | the event's offline choice, only while no arbiter answers | *offline and not allowed* |
//!
//! An over window comes before the zone, and the zone before a window to come: nobody is sent to another entrance for
//! nothing, and who must go there learns it at once. With an uncertain clock a window refusal becomes one for staff; a
//! window that seems open stays open.
//!
//! Of several tickets: *stored but not opened* wins over everything, since tapping again must not spend the second
//! ticket for the first one's entry. Then whatever is usable is admitted, what looks unused before what does not. Else the most helpful refusal is told
//! ([`Refusal`]s in the order of `helpfulness`, then by window, then by ticket id).

use core::cmp::Reverse;
use core::time::Duration;

use crate::admission::DecidedOn;
use crate::binding::SealedKey;
use crate::clock::Timestamp;
use crate::feed::TicketRecord;
use crate::ids::{AdmissionId, Epoch, FeedSequence, GateId, PartyId, TicketId};
use crate::policy::EventPolicy;
use crate::refusal::Refusal;
use crate::ticket::{TicketStatus, Zone};

/// What is known of a ticket's use, from the feed and the gate's own journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Used {
    /// Nothing.
    Never,
    /// The holder is inside.
    Inside {
        /// On which entry, from 1.
        entry: u32,
        /// By which admission.
        admission: AdmissionId,
        /// At which gate.
        gate: GateId,
        /// When.
        at: Timestamp,
    },
    /// The holder went out again.
    Left {
        /// After how many entries.
        entries: u32,
    },
    /// This gate stored an admission and did not see its lane open.
    StoredNotOpened {
        /// Which.
        admission: AdmissionId,
    },
}

/// A ticket that is bound to the card in the reader, as this gate knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownTicket {
    /// The ticket itself.
    pub record: TicketRecord,
    /// Where that record stands in the feed.
    pub ticket_seq: FeedSequence,
    /// Where the binding to this card stands in the feed.
    pub binding_seq: FeedSequence,
    /// The generation of the feed that both stand in.
    pub epoch: Epoch,
    /// The card's public key, as only its holder can open it.
    pub sealed_key: SealedKey,
    /// What is known of its use.
    pub used: Used,
}

/// Whether an arbiter answers; a state of the gate, not of one claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connectivity {
    /// It does, and decides what is used.
    Online,
    /// It has not for ten seconds: the event's offline choice holds.
    Offline,
}

/// Where and when the card lies in the reader.
#[derive(Debug, Clone, Copy)]
pub struct Here<'a> {
    /// This gate.
    pub gate: GateId,
    /// The part of the venue that it opens.
    pub zone: &'a Zone,
    /// The moment, by the gate's clock.
    pub now: Timestamp,
    /// Whether that clock can be believed.
    pub clock_certain: bool,
    /// Whether an arbiter answers.
    pub connectivity: Connectivity,
    /// How long ago the newest verified head was issued.
    pub replica_age: Duration,
    /// Whether no other gate opens this zone.
    pub zone_has_one_gate: bool,
    /// The event's choices.
    pub policy: &'a EventPolicy,
}

/// What is to become of the card in the reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// These tickets may enter, after a proof and a claim each.
    Admit(Admissible),
    /// None may.
    Refuse(Refusal),
}

/// A ticket that may enter here and now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usable {
    /// The ticket.
    pub ticket: KnownTicket,
}

impl Usable {
    /// Which ticket.
    #[must_use]
    pub const fn id(&self) -> TicketId {
        self.ticket.record.ticket
    }

    /// The records that this rests on: what the claim names.
    #[must_use]
    pub const fn decided_on(&self) -> DecidedOn {
        DecidedOn { ticket: self.ticket.ticket_seq, binding: self.ticket.binding_seq, epoch: self.ticket.epoch }
    }
}

/// One ticket, or several of one party: never none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admissible {
    first: Usable,
    others: Vec<Usable>,
}

impl Admissible {
    /// The ticket that enters first, or alone.
    #[must_use]
    pub const fn first(&self) -> &Usable {
        &self.first
    }

    /// All of them, in the order in which they enter; where there are several the lane asks how many do.
    pub fn tickets(&self) -> impl Iterator<Item = &Usable> {
        core::iter::once(&self.first).chain(&self.others)
    }

    /// How many may enter: at least one.
    #[must_use]
    pub const fn count(&self) -> usize {
        1 + self.others.len()
    }

    /// The party, where there is one.
    #[must_use]
    pub const fn party(&self) -> Option<PartyId> {
        self.first.ticket.record.party
    }

    /// Only so many of them, in order: what the holder answered. At least one enters.
    #[must_use]
    pub fn limit(mut self, count: usize) -> Self {
        self.others.truncate(count.saturating_sub(1));
        self
    }
}

/// Decides what may enter on this card, here and now.
///
/// Two unrelated tickets are never admitted together: of several that may enter, one that is not known to be used
/// does, of those the one whose window closes first (then the one whose window began first, then the smaller ticket id), with the others of its party.
#[must_use]
pub fn decide(tickets: &[KnownTicket], here: &Here<'_>) -> Verdict {
    if here.replica_age > here.policy.replica_age_max() {
        return Verdict::Refuse(Refusal::ReplicaTooOld);
    }
    let mut ordered: Vec<&KnownTicket> = tickets.iter().collect();
    ordered.sort_by_key(|ticket| order(ticket));
    let mut refused = Vec::new();
    let mut usable = Vec::new();
    for ticket in ordered {
        match objection(ticket, here) {
            Some(refusal) => refused.push(refusal),
            None => usable.push(ticket),
        }
    }
    if let Some(stored) = refused.iter().find(|refusal| matches!(refusal, Refusal::StoredNotOpened(_))) {
        return Verdict::Refuse(stored.clone());
    }
    if let Some((first, rest)) = usable.split_first() {
        return Verdict::Admit(together(first, rest));
    }
    // The first of equals, and so the one whose window closes first; for a time to come, the nearest.
    let told = refused.into_iter().min_by_key(|refusal| (helpfulness(refusal), nearest(refusal)));
    Verdict::Refuse(told.unwrap_or(Refusal::NoTicketHere))
}

/// Decides who may go out on this card: whoever is known to have come in by it, whatever has become of the ticket since.
///
/// Neither time nor zone keeps anybody in, and no arbiter is asked: it is told afterwards. Of two unrelated tickets the one
/// that came in last goes, with the others of its party who are inside.
#[must_use]
pub fn decide_exit(tickets: &[KnownTicket]) -> Verdict {
    let mut inside: Vec<&KnownTicket> =
        tickets.iter().filter(|ticket| matches!(ticket.used, Used::Inside { .. })).collect();
    inside.sort_by_key(|ticket| order(ticket));
    let Some((first, rest)) = inside.split_first() else { return Verdict::Refuse(Refusal::NoTicketHere) };
    let party = first.record.party;
    let companions = rest.iter().filter(|other| party.is_some() && other.record.party == party);
    let usable = |ticket: &KnownTicket| Usable { ticket: ticket.clone() };
    Verdict::Admit(Admissible { first: usable(first), others: companions.map(|ticket| usable(ticket)).collect() })
}

/// Known use goes last: with an arbiter it is no objection, but of two tickets the one that looks unused is tried. Of
/// those in use the latest goes first: it is the entry that its holder remembers when the screen names a time.
fn order(ticket: &KnownTicket) -> (bool, Reverse<Option<Timestamp>>, Timestamp, Timestamp, TicketId) {
    let used = known_use(ticket);
    let since = if let Some(Refusal::AlreadyIn { at, .. }) = used { Some(at) } else { None };
    let TicketRecord { window, ticket, .. } = &ticket.record;
    (used.is_some(), Reverse(since), window.until(), window.from(), *ticket)
}

fn together(first: &KnownTicket, rest: &[&KnownTicket]) -> Admissible {
    let party = first.record.party;
    // Companions who are known to be inside are not asked for again.
    let companions =
        rest.iter().filter(|other| party.is_some() && other.record.party == party && known_use(other).is_none());
    let usable = |ticket: &KnownTicket| Usable { ticket: ticket.clone() };
    Admissible { first: usable(first), others: companions.map(|ticket| usable(ticket)).collect() }
}

/// The first thing that stands against this ticket, in the order of the module's table.
fn objection(ticket: &KnownTicket, here: &Here<'_>) -> Option<Refusal> {
    if let Used::StoredNotOpened { admission } = ticket.used {
        return Some(Refusal::StoredNotOpened(admission));
    }
    let window = ticket.record.window;
    let by_clock = |refusal| {
        if here.clock_certain { refusal } else { Refusal::ClockUncertain }
    };
    match ticket.record.status {
        TicketStatus::Cancelled | TicketStatus::Returned => return Some(Refusal::Cancelled),
        TicketStatus::NotPaid => return Some(Refusal::NotPaid),
        TicketStatus::Suspended => return Some(Refusal::Suspended),
        TicketStatus::InForce => {}
    }
    if here.now >= window.until() {
        return Some(by_clock(Refusal::TooLate));
    }
    if here.connectivity == Connectivity::Offline
        && let Some(used) = known_use(ticket)
    {
        return Some(used);
    }
    if ticket.record.zone != *here.zone {
        return Some(Refusal::OtherEntrance(ticket.record.zone.clone()));
    }
    if here.now < window.from() {
        return Some(by_clock(Refusal::TooEarly(window.from())));
    }
    let allowed = here.policy.choices().offline.allows(here.zone_has_one_gate);
    (here.connectivity == Connectivity::Offline && !allowed).then_some(Refusal::OfflineNotAllowed)
}

fn known_use(ticket: &KnownTicket) -> Option<Refusal> {
    let another = |entries: u32| ticket.record.entries.allows(entries.saturating_add(1));
    match ticket.used {
        Used::Inside { admission, gate, at, .. } => Some(Refusal::AlreadyIn { admission, gate, at }),
        Used::Left { entries } if !another(entries) => Some(Refusal::Spent),
        Used::StoredNotOpened { admission } => Some(Refusal::StoredNotOpened(admission)),
        Used::Never | Used::Left { .. } => None,
    }
}

/// Which of several refusals is told: smaller is more helpful.
///
/// First what would be admitted but for the gate (staff can help at once), then where and when the holder should come,
/// then what staff can look into, last what is over for good.
const fn helpfulness(refusal: &Refusal) -> u8 {
    match refusal {
        Refusal::OfflineNotAllowed => 0,
        Refusal::ClockUncertain => 1,
        Refusal::OtherEntrance(_) => 2,
        Refusal::TooEarly(_) => 3,
        Refusal::AlreadyIn { .. } => 4,
        Refusal::NotPaid => 5,
        Refusal::Suspended => 6,
        Refusal::Spent => 7,
        Refusal::TooLate => 8,
        Refusal::Cancelled => 9,
        // Decided before, or by the card exchange and the lane: never compared here.
        Refusal::NoTicketHere
        | Refusal::StoredNotOpened(_)
        | Refusal::ReplicaTooOld
        | Refusal::NotMyNumberCard
        | Refusal::Unreadable
        | Refusal::CardLeft
        | Refusal::Phone
        | Refusal::WrongPin(_)
        | Refusal::TooFewTries
        | Refusal::PinLocked
        | Refusal::NoPin
        | Refusal::PinNotEntered
        | Refusal::ProofFailed
        | Refusal::ArbiterSilent
        | Refusal::StorageFailed
        | Refusal::ReaderFailed
        | Refusal::BarrierFailed => u8::MAX,
    }
}

fn nearest(refusal: &Refusal) -> Option<Timestamp> {
    if let Refusal::TooEarly(from) = refusal { Some(*from) } else { None }
}

#[cfg(test)]
mod tests;
