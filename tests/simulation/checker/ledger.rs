//! What really happened, as nobody in the world knows it: every admission that was stored, every lane that opened.

use std::collections::{BTreeMap, BTreeSet};

use kido_gate::journal::StoredAdmission;
use kido_registrar::domain::ticket::TicketState;
use kido_registrar::store::{Store, TicketName};
use kido_shared::admission::{Admission, AdmissionBasis};
use kido_shared::ids::{AdmissionId, TicketId};

use crate::cast::Card;
use crate::plan::Offline;
use crate::turns::Ms;
use crate::visitors::Seen;
use crate::world::{Outcome, World};

/// How much happened, so that a sweep can say what it has seen.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) admissions: u64,
    pub(crate) offline: u64,
    pub(crate) conflicts: u64,
    pub(crate) starts: u64,
}

/// The truth.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Every admission that some journal has acknowledged.
    pub(super) admissions: BTreeMap<AdmissionId, Admission>,
    opened: BTreeSet<AdmissionId>,
    pub(super) passed: BTreeSet<TicketId>,
    sent: BTreeSet<AdmissionId>,
    pub(super) states: BTreeMap<TicketId, TicketState>,
    pub(super) fates: BTreeMap<usize, Seen>,
    box_replaced: bool,
    broken: Vec<String>,
    story: Vec<String>,
    pub(super) counts: Counts,
}

impl Ledger {
    /// A journal has acknowledged these.
    pub(crate) fn stored(&mut self, world: &World, stored: &[StoredAdmission]) {
        stored.iter().for_each(|stored| self.kept(world, stored.admission()));
    }

    /// This is on some gate's disk, whether or not anybody was told before the power went: from here on it is never
    /// lost. Each is looked at beside those before it.
    pub(crate) fn kept(&mut self, world: &World, admission: &Admission) {
        if !self.admissions.contains_key(&admission.id) {
            self.counts.admissions += 1;
            self.counts.offline += u64::from(admission.basis == AdmissionBasis::Offline);
            let same = |other: &&Admission| (other.ticket, other.entry) == (admission.ticket, admission.entry);
            let twice = self.admissions.values().find(same).cloned();
            let excused = twice.as_ref().is_some_and(|other| self.is_excused(world, admission, other));
            if let Some(other) = twice.filter(|_| !excused) {
                self.breaks(format!("one entry, two admissions: {other:?}, then {admission:?}"));
            }
            if admission.basis == AdmissionBasis::Offline && world.plan.setting.offline == Offline::Refuse {
                self.breaks(format!("admitted without an arbiter where nobody may be: {admission:?}"));
            }
            self.admissions.insert(admission.id, admission.clone());
        }
    }

    /// Two admissions of one entry: only where one of them asked nobody and the event allows that, or where a box that
    /// knew of the first was given up.
    fn is_excused(&self, world: &World, one: &Admission, other: &Admission) -> bool {
        let offline = [one, other].iter().any(|admission| admission.basis == AdmissionBasis::Offline);
        (offline && world.plan.setting.offline == Offline::Admit) || self.box_replaced
    }

    /// A lane has opened.
    pub(crate) fn opened(&mut self, _world: &World, gate: usize, admissions: &[StoredAdmission]) {
        for admission in admissions.iter().map(StoredAdmission::admission) {
            if !self.admissions.contains_key(&admission.id) {
                self.breaks(format!("gate {gate} opens for what is not stored: {admission:?}"));
            }
            if !self.opened.insert(admission.id) {
                self.breaks(format!("gate {gate} opens twice for {}", admission.id));
            }
            self.passed.insert(admission.ticket);
        }
    }

    /// Whether a lane has opened for any ticket of a card.
    pub(crate) fn has_passed(&self, world: &World, card: Card) -> bool {
        world.genesis.tickets.iter().any(|bought| bought.card == card && self.passed.contains(&bought.ticket))
    }

    /// The registrar has acknowledged that a ticket is in this state.
    pub(crate) fn acknowledged(&mut self, ticket: TicketId, state: TicketState) {
        self.states.insert(ticket, state);
    }

    /// A card has given its proof: what its tickets are now is what was acknowledged.
    pub(crate) fn resumed(&mut self, world: &World, store: &Store, card: Card) {
        for bought in world.genesis.tickets.iter().filter(|bought| bought.card == card) {
            if let Ok(view) = store.ticket(world.genesis.event, &TicketName::Id(bought.ticket)) {
                self.states.insert(bought.ticket, view.state);
            }
        }
    }

    pub(crate) const fn box_was_replaced(&mut self) {
        self.box_replaced = true;
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
        Outcome { broken, story, counts }
    }
}
