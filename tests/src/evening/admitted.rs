//! Who was let in, by what gates have stored.

use core::fmt;
use std::collections::{BTreeMap, BTreeSet};

use kido_shared::admission::{Admission, AdmissionBasis, Ending};
use kido_shared::claim::ClaimAnswer;
use kido_shared::clock::Timestamp;
use kido_shared::ids::{AdmissionId, GateId, TicketId};
use kido_shared::policy::OfflineChoice;
use kido_shared::ticket::Entries;

use super::Published;
use super::ended::Ends;
use super::revoked::Revoked;

/// Who granted an admission's claim first, and how much of the feed was known there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Granted {
    /// The arbiter's incarnation: a box that stands in for a lost one is another.
    pub by: usize,
    /// Records of the feed in its book at that moment.
    pub knew: u64,
}

/// An admission on a gate's disk.
#[derive(Debug)]
struct Kept {
    admission: Admission,
    /// What the event had chosen for gates without an arbiter, as far as this gate knew.
    chosen: OfflineChoice,
}

impl Kept {
    const fn asked_nobody(&self) -> bool {
        matches!(self.admission.basis, AdmissionBasis::Offline)
    }
}

/// What really happened.
#[derive(Debug, Default)]
pub struct Evening {
    kept: BTreeMap<AdmissionId, Kept>,
    granted: BTreeMap<AdmissionId, Granted>,
    opened: BTreeMap<AdmissionId, usize>,
    passed: BTreeSet<TicketId>,
    pub(super) ends: Ends,
    sold: BTreeMap<TicketId, Entries>,
    pub(super) revoked: Revoked,
}

impl Evening {
    /// This is on some gate's disk, whether or not anybody was told before the power went: from here on it is never
    /// lost. Says whether it is news.
    pub fn stored(&mut self, admission: &Admission, chosen: OfflineChoice) -> bool {
        let kept = Kept { admission: admission.clone(), chosen };
        self.kept.insert(admission.id, kept).is_none()
    }

    /// A ticket was sold for other than one entry.
    pub fn sold(&mut self, ticket: TicketId, entries: Entries) {
        self.sold.insert(ticket, entries);
    }

    /// A gate was revoked: nothing is taken from it any more.
    pub fn gate_was_revoked(&mut self, gate: GateId) {
        self.revoked.gate(gate);
    }

    /// This lies on a gate's disk at the end, and is not brought home. Of a gate that was revoked nobody has to know it.
    pub fn admission_not_brought_home(&mut self, admission: &Admission) {
        self.revoked.admission(admission);
    }

    /// The same of an end.
    pub fn ending_not_brought_home(&mut self, ending: &Ending) {
        self.revoked.ending(ending);
    }

    /// How often a ticket may be entered with; nothing where that is not counted.
    pub(super) fn allowed(&self, ticket: TicketId) -> Option<u32> {
        match self.sold.get(&ticket).unwrap_or(&Entries::ONCE) {
            Entries::Times(times) => Some(u32::from(times.get())),
            Entries::Unlimited => None,
        }
    }

    /// This is on some gate's disk: an admission ended. Says whether it is news.
    pub fn ended(&mut self, ending: Ending) -> bool {
        self.ends.said(ending)
    }

    /// The registrar has heard of an end, at that moment by its own clock.
    pub fn end_heard(&mut self, admission: AdmissionId, at: Timestamp) {
        self.ends.heard(admission, at);
    }

    /// The admission of this id.
    #[must_use]
    pub fn admission(&self, id: AdmissionId) -> Option<&Admission> {
        self.kept.get(&id).map(|kept| &kept.admission)
    }

    /// An arbiter has granted a claim; only its first word counts.
    pub fn granted(&mut self, admission: AdmissionId, granted: Granted) {
        self.granted.entry(admission).or_insert(granted);
    }

    /// A lane has opened for an admission of this ticket.
    pub fn opened(&mut self, admission: AdmissionId, ticket: TicketId) {
        *self.opened.entry(admission).or_default() += 1;
        self.passed.insert(ticket);
    }

    /// Every admission.
    pub fn admissions(&self) -> impl Iterator<Item = &Admission> {
        self.kept.values().map(|kept| &kept.admission)
    }

    /// Whether an admission is on some gate's disk.
    #[must_use]
    pub fn has(&self, admission: AdmissionId) -> bool {
        self.kept.contains_key(&admission)
    }

    /// Whether a lane has opened for a ticket.
    #[must_use]
    pub fn has_passed(&self, ticket: TicketId) -> bool {
        self.passed.contains(&ticket)
    }

    /// The admissions of each entry that has any.
    pub(super) fn entries(&self) -> BTreeMap<(TicketId, u32), BTreeSet<AdmissionId>> {
        let mut entries: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for admission in self.admissions() {
            entries.entry((admission.ticket, admission.entry)).or_default().insert(admission.id);
        }
        entries
    }

    /// Entries with two admissions that were not annulled and that nothing excuses: each is held against each of the others.
    #[must_use]
    pub fn doubles(&self, published: &Published) -> Vec<String> {
        let mut broken = Vec::new();
        for ids in self.entries().values() {
            let real = ids.iter().filter(|id| !self.ends.is_annulled(**id));
            let all: Vec<&Kept> = real.filter_map(|id| self.kept.get(id)).collect();
            for (at, one) in all.iter().enumerate() {
                for other in all.iter().skip(at + 1).filter(|other| !self.is_excused(one, other, published)) {
                    broken.push(format!("one entry, two admissions: {:?} and {:?}", one.admission, other.admission));
                }
            }
        }
        broken
    }

    /// Where one of two asked nobody, and the event allows that, or its gate was revoked before it could tell; or where a
    /// box that was given up had granted the one, and the box in its place had not read of it when it granted the other.
    fn is_excused(&self, one: &Kept, other: &Kept, published: &Published) -> bool {
        let offline = |kept: &Kept| {
            let is_untold = self.revoked.keeps(kept.admission.id);
            kept.asked_nobody() && (kept.chosen == OfflineChoice::Admit || is_untold)
        };
        if offline(one) || offline(other) {
            return true;
        }
        let (one, other) = (one.admission.id, other.admission.id);
        let (Some(first), Some(second)) = (self.granted.get(&one), self.granted.get(&other)) else { return false };
        let unknown = |earlier, later: &Granted| published.place(earlier).is_none_or(|place| place >= later.knew);
        match first.by.cmp(&second.by) {
            core::cmp::Ordering::Less => unknown(one, second),
            core::cmp::Ordering::Greater => unknown(other, first),
            core::cmp::Ordering::Equal => false,
        }
    }

    /// Admissions without an arbiter where nobody may be let in without one.
    #[must_use]
    pub fn unallowed(&self) -> Vec<String> {
        let unallowed = self.kept.values().filter(|kept| kept.asked_nobody() && kept.chosen == OfflineChoice::Refuse);
        unallowed.map(|kept| format!("admitted without an arbiter where nobody may be: {:?}", kept.admission)).collect()
    }

    /// Lanes that opened for what is not stored, or twice.
    #[must_use]
    pub fn ajar(&self) -> Vec<String> {
        let unstored = self
            .opened
            .keys()
            .filter(|id| !self.has(**id))
            .map(|id| format!("a lane opened for {id}, which is not stored"));
        let twice = self.opened.iter().filter(|(_, times)| **times > 1);
        unstored.chain(twice.map(|(id, times)| format!("lanes opened {times} times for {id}"))).collect()
    }

    /// What the registrar does not have, or has besides.
    #[must_use]
    pub fn lost(&self, registrar: impl Fn(AdmissionId) -> Option<Admission>, counted: u64) -> Vec<String> {
        let mut broken = Vec::new();
        let mut untold = 0_usize;
        for admission in self.admissions() {
            let kept = registrar(admission.id);
            if kept.is_none() && self.revoked.keeps(admission.id) {
                untold += 1;
            } else if kept.as_ref() != Some(admission) {
                broken.push(format!("stored at a gate: {admission:?}; at the registrar: {kept:?}"));
            }
        }
        let told = self.kept.len() - untold;
        if counted != told as u64 {
            broken.push(format!("{counted} admissions at the registrar, {told} in truth"));
        }
        broken
    }

    /// What the feed does not tell of exactly once; but that somebody is inside it may tell again where somebody else
    /// with that ticket is not any more. One that has begun anew is silent about what was annulled before.
    #[must_use]
    pub fn unpublished(&self, published: &Published) -> Vec<String> {
        let told: BTreeSet<_> = published.admissions().collect();
        let mut broken = Vec::new();
        let may_be_untold =
            |id: &AdmissionId| self.revoked.keeps(*id) || (published.is_anew() && self.ends.is_annulled(*id));
        let untold = self.kept.keys().any(|id| !told.contains(id) && !may_be_untold(id));
        if untold || told.iter().any(|id| !self.has(*id)) {
            broken.push(format!("the feed tells of admissions {:?}", published.admissions().collect::<Vec<_>>()));
        }
        for id in told {
            let times = published.admissions().filter(|told| *told == id).count();
            let ticket = self.admission(id).map(|admission| admission.ticket);
            let others = published.endings().filter(|(ended, of)| *ended != id && Some(*of) == ticket).count();
            if times > 1 + others {
                broken.push(format!("the feed tells {times} times of admission {id}"));
            }
        }
        broken
    }

    /// Ends that the feed does not tell, and such that no gate has seen.
    #[must_use]
    pub fn unended(&self, published: &Published) -> Vec<String> {
        let told: BTreeSet<_> = published.endings().map(|(ended, _ticket)| ended).collect();
        let ended: BTreeSet<_> = self.ends.all().collect();
        let must_be_told =
            |id: &&AdmissionId| !(self.revoked.keeps_end(**id) || published.is_anew() && self.ends.is_annulled(**id));
        let untold = ended.difference(&told).filter(must_be_told);
        let untold = untold.map(|id| format!("{id} ended, and the feed does not tell"));
        untold.chain(told.difference(&ended).map(|id| format!("the feed tells that {id} ended, and no gate"))).collect()
    }

    /// What is wrong with what an arbiter says to somebody who asks for a ticket under a new name: nobody may be kept out
    /// by a ghost or by somebody who has left, and what was used stays used.
    #[must_use]
    pub fn holding(&self, ticket: TicketId, answer: Option<&ClaimAnswer>) -> Option<String> {
        // What lies on a revoked gate's disk alone keeps nobody out, and excuses only what it explains.
        let of_ticket = || self.admissions().filter(|known| known.ticket == ticket && !self.revoked.keeps(known.id));
        let used: Vec<_> = of_ticket().filter(|known| !self.ends.is_annulled(known.id)).collect();
        let inside: Vec<_> = used.iter().filter(|known| !self.ends.has(known.id)).collect();
        match answer {
            Some(ClaimAnswer::Granted { .. }) if !inside.is_empty() => {
                Some(format!("{ticket} was entered by {inside:?}, and is granted again"))
            }
            Some(ClaimAnswer::Granted { entry }) if used.iter().any(|known| known.entry == *entry) => {
                Some(format!("entry {entry} of {ticket} was used by {used:?}, and is granted again"))
            }
            // What a revoked gate had claimed and did not use it can give back no more.
            Some(ClaimAnswer::Taken { admission, gate, .. }) if !self.has(*admission) && !self.revoked.has(*gate) => {
                Some(format!("{ticket} is held by {admission}, which no gate has stored"))
            }
            Some(ClaimAnswer::Taken { admission, .. })
                if self.ends.has(*admission) && !self.revoked.keeps_end(*admission) =>
            {
                Some(format!("{ticket} is held by {admission}, which has ended"))
            }
            Some(ClaimAnswer::Spent)
                if !self.revoked.knows_alone(ticket)
                    && self
                        .allowed(ticket)
                        .is_none_or(|allowed| used.len() < usize::try_from(allowed).unwrap_or(usize::MAX)) =>
            {
                Some(format!("{ticket} is spent, and was entered by {used:?} alone"))
            }
            Some(
                ClaimAnswer::Granted { .. }
                | ClaimAnswer::Taken { .. }
                | ClaimAnswer::NotInForce { .. }
                | ClaimAnswer::Spent,
            ) => None,
            other => Some(format!("asked for {ticket}, an arbiter says {other:?}")),
        }
    }
}

/// Acknowledged changes of tickets that are not what the registrar has now.
#[must_use]
pub fn unchanged<S: PartialEq + fmt::Debug>(
    acknowledged: &BTreeMap<TicketId, S>,
    now: impl Fn(TicketId) -> Option<S>,
) -> Vec<String> {
    let kept = acknowledged.iter().map(|(ticket, state)| (ticket, state, now(*ticket)));
    let other = kept.filter(|(_, state, kept)| kept.as_ref() != Some(*state));
    other.map(|(ticket, state, kept)| format!("{ticket} was acknowledged to be {state:?}, and is {kept:?}")).collect()
}

#[cfg(test)]
mod tests {
    use kido_shared::clock::Timestamp;
    use kido_shared::ids::GateId;

    use super::*;

    const TICKET: TicketId = TicketId::from_bytes([7; 16]);

    fn admission(number: u8, basis: AdmissionBasis) -> Admission {
        let (id, gate) = (AdmissionId::from_bytes([number; 16]), GateId::from_bytes([number; 16]));
        Admission { id, ticket: TICKET, gate, entry: 1, at: Timestamp::from_unix_ms(1), basis }
    }

    /// Three admissions of one entry, and what the feed says of the first: its place, where it has one.
    fn evening(bases: [AdmissionBasis; 3], chosen: OfflineChoice) -> Evening {
        let mut evening = Evening::default();
        for (number, basis) in (1..).zip(bases) {
            evening.stored(&admission(number, basis), chosen);
        }
        evening
    }

    #[test]
    fn each_admission_of_an_entry_is_held_against_each_other() {
        use AdmissionBasis::{Claimed, Offline};
        let doubles = |bases, chosen| evening(bases, chosen).doubles(&Published::default()).len();
        assert_eq!(doubles([Claimed; 3], OfflineChoice::Admit), 3);
        // The first excuses itself, and nobody else.
        assert_eq!(doubles([Offline, Claimed, Claimed], OfflineChoice::Admit), 1);
        assert_eq!(doubles([Offline, Claimed, Claimed], OfflineChoice::HomeGate), 3);
    }

    #[test]
    fn a_lost_box_excuses_only_what_it_alone_knew() {
        let mut evening = evening([AdmissionBasis::Claimed; 3], OfflineChoice::Refuse);
        let [one, two, three] = [1, 2, 3].map(|number| AdmissionId::from_bytes([number; 16]));
        evening.granted(one, Granted { by: 0, knew: 10 });
        evening.granted(two, Granted { by: 1, knew: 20 });
        evening.granted(three, Granted { by: 1, knew: 30 });
        let doubles = |place| evening.doubles(&Published::at([(place, one)])).len();
        assert_eq!(doubles(30), 1, "both others were granted by one box");
        assert_eq!(doubles(25), 2, "and the third once the first could be read of");
        assert_eq!(doubles(15), 3, "and the second, too");
    }
}
