//! What really happened, as nobody in the world knows it: every admission that was stored, every lane that opened.

use std::collections::{BTreeMap, BTreeSet};

use kido_gate::claim::OFFLINE_AFTER;
use kido_gate::journal::StoredAdmission;
use kido_registrar::domain::ticket::TicketState;
use kido_registrar::store::{Store, TicketName};
use kido_shared::admission::{Admission, AdmissionBasis, EndedBy, Ending};
use kido_shared::clock::Timestamp;
use kido_shared::ids::{AdmissionId, GateId, TicketId};
use kido_shared::policy::OfflineChoice;
use kido_tests::evening::{Evening, Granted};

use crate::cast::Card;
use crate::genesis::Genesis;
use crate::turns::Ms;
use crate::visitors::Seen;
use crate::world::{Outcome, World};

/// How much happened, so that a sweep can say what it has seen.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) admissions: u64,
    pub(crate) offline: u64,
    /// Admissions of a second entry, or a later one.
    pub(crate) further_entries: u64,
    pub(crate) exits: u64,
    pub(crate) annulled: u64,
    pub(crate) conflicts: u64,
    pub(crate) starts: u64,
    pub(crate) boxes_replaced: u64,
    /// Registrars that came back from a backup, and states of tickets that were lost by it.
    pub(crate) restored: u64,
    pub(crate) states_lost: u64,
    /// Claims that a box granted in the place of another.
    pub(crate) granted_by_a_second_box: u64,
    pub(crate) revoked: u64,
    /// Zones whose one gate got another one beside it, or in its place.
    pub(crate) handed_over: u64,
    /// Feeds that began anew.
    pub(crate) cuts: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.admissions += other.admissions;
        self.offline += other.offline;
        self.further_entries += other.further_entries;
        self.exits += other.exits;
        self.annulled += other.annulled;
        self.conflicts += other.conflicts;
        self.starts += other.starts;
        self.boxes_replaced += other.boxes_replaced;
        self.restored += other.restored;
        self.states_lost += other.states_lost;
        self.granted_by_a_second_box += other.granted_by_a_second_box;
        self.revoked += other.revoked;
        self.handed_over += other.handed_over;
        self.cuts += other.cuts;
    }
}

/// The truth.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(super) evening: Evening,
    sent: BTreeSet<AdmissionId>,
    /// When an arbiter has answered each gate last, or it has started.
    answered: BTreeMap<usize, Ms>,
    /// What was acknowledged of each ticket's state, and how long the feed was then.
    states: BTreeMap<TicketId, (TicketState, u64)>,
    /// Tickets whose newest state was lost with the registrar's disk, and no gate has heard of it.
    pub(super) unsure: BTreeSet<TicketId>,
    pub(super) fates: BTreeMap<usize, Seen>,
    broken: Vec<String>,
    story: Vec<String>,
    pub(super) counts: Counts,
}

impl Ledger {
    /// Before anything has happened.
    pub(crate) fn of(genesis: &Genesis) -> Self {
        let mut ledger = Self::default();
        for bought in &genesis.tickets {
            ledger.evening.sold(bought.ticket, bought.entries);
        }
        ledger
    }

    /// A journal has acknowledged these.
    pub(crate) fn stored(&mut self, chosen: OfflineChoice, stored: &[StoredAdmission]) {
        stored.iter().for_each(|stored| self.kept(chosen, stored.admission()));
    }

    /// This is on some gate's disk, whether or not anybody was told before the power went.
    pub(crate) fn kept(&mut self, chosen: OfflineChoice, admission: &Admission) {
        if self.evening.stored(admission, chosen) {
            self.counts.admissions += 1;
            self.counts.offline += u64::from(admission.basis == AdmissionBasis::Offline);
            self.counts.further_entries += u64::from(admission.entry > 1);
        }
    }

    /// This is on some gate's disk: an admission ended.
    pub(crate) fn ended(&mut self, ending: Ending) {
        if self.evening.ended(ending) {
            self.counts.exits += u64::from(ending.by == EndedBy::Exited);
            self.counts.annulled += u64::from(ending.by == EndedBy::Annulled);
        }
    }

    /// A barrier said that nobody passed, and its gate has that on its disk.
    pub(crate) fn annulled(&mut self, admission: AdmissionId, gate: GateId, at: Timestamp) {
        match self.evening.admission(admission).map(|admission| admission.ticket) {
            Some(ticket) => self.ended(Ending { admission, ticket, gate, by: EndedBy::Annulled, at }),
            None => self.breaks(format!("{admission} was annulled, and never stored")),
        }
    }

    /// The registrar has heard of an end.
    pub(crate) fn end_heard(&mut self, admission: AdmissionId, at: Timestamp) {
        self.evening.end_heard(admission, at);
    }

    /// An arbiter has answered a gate, or that gate has started.
    pub(crate) fn answered(&mut self, gate: usize, now: Ms) {
        self.answered.insert(gate, now);
    }

    /// A gate has stored these, and asked nobody: it has to have been without an answer for as long as that takes.
    pub(crate) fn asked_nobody(&mut self, gate: usize, now: Ms, stored: &[StoredAdmission]) {
        let silence = now.saturating_sub(self.answered.get(&gate).copied().unwrap_or_default());
        if !stored.is_empty() && u128::from(silence) < OFFLINE_AFTER.as_millis() {
            self.breaks(format!("gate {gate} asks nobody {silence} ms after an arbiter has answered it"));
        }
    }

    /// A box has granted a claim.
    pub(crate) fn granted(&mut self, admission: AdmissionId, granted: Granted) {
        self.counts.granted_by_a_second_box += u64::from(granted.by > 0);
        self.evening.granted(admission, granted);
    }

    /// A lane has opened.
    pub(crate) fn opened(&mut self, gate: usize, admissions: &[StoredAdmission]) {
        for admission in admissions.iter().map(StoredAdmission::admission) {
            if !self.evening.has(admission.id) {
                self.breaks(format!("gate {gate} opens for what is not stored: {admission:?}"));
            }
            self.evening.opened(admission.id, admission.ticket);
        }
    }

    /// Whether a lane has opened for any ticket of a card.
    pub(crate) fn has_passed(&self, world: &World, card: Card) -> bool {
        world.genesis.tickets.iter().any(|bought| bought.card == card && self.evening.has_passed(bought.ticket))
    }

    /// The registrar has acknowledged that a ticket is in this state.
    pub(crate) fn acknowledged(&mut self, ticket: TicketId, state: TicketState, feed_length: u64) {
        self.states.insert(ticket, (state, feed_length));
        self.unsure.remove(&ticket);
    }

    /// The registrar died of a change of this card's tickets: it may have been made.
    pub(crate) fn unanswered(&mut self, card: Card, genesis: &Genesis) {
        for bought in genesis.tickets.iter().filter(|bought| bought.card == card) {
            self.states.remove(&bought.ticket);
            self.unsure.insert(bought.ticket);
        }
    }

    /// What each ticket must be at the registrar.
    pub(super) fn states(&self) -> BTreeMap<TicketId, TicketState> {
        self.states.iter().map(|(ticket, (state, _length))| (*ticket, *state)).collect()
    }

    /// The registrar comes back from a backup. What is in the feed up to there some gate has; what it acknowledged beyond
    /// is lost, and nothing that a gate has stored.
    pub(crate) fn registrar_was_restored(&mut self, known: u64) {
        self.counts.restored += 1;
        self.gives_up_beyond(known);
    }

    /// What the registrar has acknowledged beyond so many records of its feed is lost.
    pub(crate) fn gives_up_beyond(&mut self, known: u64) {
        let before = std::mem::take(&mut self.states).into_iter();
        let (kept, lost): (BTreeMap<_, _>, BTreeMap<_, _>) = before.partition(|(_, (_, length))| *length <= known);
        self.states = kept;
        self.counts.states_lost += lost.len() as u64;
        self.unsure.extend(lost.into_keys());
    }

    /// A card has given its proof: what its tickets are now is what was acknowledged.
    pub(crate) fn resumed(&mut self, world: &World, store: &Store, card: Card) {
        for bought in world.genesis.tickets.iter().filter(|bought| bought.card == card) {
            if let Ok(view) = store.ticket(world.genesis.event, &TicketName::Id(bought.ticket)) {
                let length = store.event(world.genesis.event).map_or(u64::MAX, |event| event.feed_length);
                self.acknowledged(bought.ticket, view.state, length);
            }
        }
    }

    /// A gate is out of the event: what it could not tell before is told by nobody.
    pub(crate) fn gate_was_revoked(&mut self, gate: GateId) {
        self.counts.revoked += 1;
        self.evening.gate_was_revoked(gate);
    }

    pub(crate) const fn zone_was_handed_over(&mut self) {
        self.counts.handed_over += 1;
    }

    pub(crate) const fn feed_was_cut(&mut self) {
        self.counts.cuts += 1;
    }

    pub(crate) const fn box_was_replaced(&mut self) {
        self.counts.boxes_replaced += 1;
    }

    /// Somebody goes home, with this as the last thing seen.
    pub(crate) fn leaves(&mut self, card: Card, seen: Seen) {
        self.fates.insert(card.0, seen);
    }

    /// A gate has started.
    pub(crate) const fn starts(&mut self) {
        self.counts.starts += 1;
    }

    /// Whether this admission is sent for the first time.
    pub(crate) fn first_sent(&mut self, admission: AdmissionId) -> bool {
        self.sent.insert(admission)
    }

    pub(crate) fn breaks(&mut self, rule: String) {
        self.broken.push(rule);
    }

    pub(crate) fn tell(&mut self, now: Ms, line: impl FnOnce() -> String) {
        self.story.push(format!("{now:>7} {}", line()));
    }

    pub(crate) fn outcome(self) -> Outcome {
        let Self { broken, story, counts, .. } = self;
        Outcome { broken, stopped: None, story, counts }
    }
}
