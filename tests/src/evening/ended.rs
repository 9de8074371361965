//! How admissions ended, by what gates have stored, and what that makes of those of one entry.
//!
//! When an end was is an opinion: each gate that saw the holder go has a clock, and so has the registrar, whose own
//! record of the ticket may name the moment in which it heard. All of them are kept here, and whatever follows from the
//! earliest or from the latest of them is believed.

use std::collections::{BTreeMap, BTreeSet};

use kido_shared::admission::{Admission, EndedBy, Ending};
use kido_shared::clock::Timestamp;
use kido_shared::ids::AdmissionId;

/// The words about each end.
#[derive(Debug, Default)]
pub(super) struct Ends {
    words: BTreeMap<AdmissionId, Vec<Ending>>,
    heard: BTreeMap<AdmissionId, Timestamp>,
}

/// Which of several words about one end is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Belief {
    /// That nobody passed, and else the earliest moment.
    Earliest,
    /// That the holder went out, where any gate saw that, and by that gate's clock.
    Latest,
}

/// Two admissions of an entry, in the order of their ids.
pub(super) type Couple = (AdmissionId, AdmissionId);

impl Ends {
    /// A gate has stored that an admission ended; says whether that is news.
    pub(super) fn said(&mut self, ending: Ending) -> bool {
        let words = self.words.entry(ending.admission).or_default();
        let is_news = !words.contains(&ending);
        if is_news {
            words.push(ending);
        }
        is_news
    }

    /// The registrar has heard of it, at that moment by its own clock.
    pub(super) fn heard(&mut self, admission: AdmissionId, at: Timestamp) {
        let first = self.heard.entry(admission).or_insert(at);
        *first = at.min(*first);
    }

    /// Whether an admission ended, in whichever way.
    pub(super) fn has(&self, admission: AdmissionId) -> bool {
        self.words.contains_key(&admission)
    }

    /// Whether a gate has said that nobody passed.
    pub(super) fn is_annulled(&self, admission: AdmissionId) -> bool {
        self.words.get(&admission).is_some_and(|words| words.iter().any(|word| word.by == EndedBy::Annulled))
    }

    /// Every admission that ended.
    pub(super) fn all(&self) -> impl Iterator<Item = AdmissionId> {
        self.words.keys().copied()
    }

    fn end(&self, admission: AdmissionId, belief: Belief) -> Option<(EndedBy, Timestamp)> {
        let words = self.words.get(&admission)?;
        let of = |by| words.iter().filter(move |word| word.by == by).map(|word| word.at).min();
        let annulled = of(EndedBy::Annulled).map(|at| (EndedBy::Annulled, at));
        let exited = of(EndedBy::Exited);
        match belief {
            Belief::Latest => exited.map(|at| (EndedBy::Exited, at)).or(annulled),
            Belief::Earliest => annulled.or_else(|| {
                let heard = self.heard.get(&admission).copied();
                exited.map(|at| (EndedBy::Exited, heard.map_or(at, |heard| heard.min(at))))
            }),
        }
    }

    /// The couples of one ticket's admissions that stand against each other, by their entry: two that were inside
    /// together on one entry, and one that followed another where the ticket had no entry left for it.
    pub(super) fn couples(
        &self,
        entries: &BTreeMap<u32, Vec<&Admission>>,
        allowed: Option<u32>,
        belief: Belief,
    ) -> BTreeSet<(u32, Couple)> {
        let is_real = |admission: &&Admission| !matches!(self.end(admission.id, belief), Some((EndedBy::Annulled, _)));
        let real: BTreeMap<u32, Vec<&Admission>> = entries
            .iter()
            .map(|(entry, all)| (*entry, all.iter().copied().filter(is_real).collect::<Vec<_>>()))
            .filter(|(_entry, real)| !real.is_empty())
            .collect();
        let used = u32::try_from(real.len()).unwrap_or(u32::MAX);
        let mut spare = allowed.map_or(u32::MAX, |allowed| allowed.saturating_sub(used));
        let mut couples = BTreeSet::new();
        for (entry, mut admissions) in real {
            admissions.sort_by_key(|admission| (admission.at, admission.id));
            for (place, one) in admissions.iter().enumerate() {
                let before = admissions.get(..place).unwrap_or_default();
                let is_inside = |earlier: &&&Admission| match self.end(earlier.id, belief) {
                    Some((_by, left)) => left > one.at,
                    None => true,
                };
                let met: Vec<_> = before.iter().filter(is_inside).map(|earlier| couple(earlier.id, one.id)).collect();
                match before.last() {
                    Some(last) if met.is_empty() && spare == 0 => {
                        couples.insert((entry, couple(last.id, one.id)));
                    }
                    Some(_) if met.is_empty() => spare = spare.saturating_sub(1),
                    Some(_) | None => couples.extend(met.into_iter().map(|couple| (entry, couple))),
                }
            }
        }
        couples
    }
}

pub(super) fn couple(one: AdmissionId, other: AdmissionId) -> Couple {
    (one.min(other), one.max(other))
}

/// Who is connected with whom.
#[derive(Debug, Default)]
pub(super) struct Circles(Vec<BTreeSet<AdmissionId>>);

impl Circles {
    pub(super) fn of<'a>(couples: impl IntoIterator<Item = &'a Couple>) -> Self {
        let mut circles = Self::default();
        for couple in couples {
            circles.join(*couple);
        }
        circles
    }

    /// Connects two; says whether they were not.
    pub(super) fn join(&mut self, (one, other): Couple) -> bool {
        if self.connect(one, other) {
            return false;
        }
        let (touched, mut apart): (Vec<_>, Vec<_>) = core::mem::take(&mut self.0)
            .into_iter()
            .partition(|circle| circle.contains(&one) || circle.contains(&other));
        apart.push(touched.into_iter().flatten().chain([one, other]).collect());
        self.0 = apart;
        true
    }

    pub(super) fn connect(&self, one: AdmissionId, other: AdmissionId) -> bool {
        self.0.iter().any(|circle| circle.contains(&one) && circle.contains(&other))
    }
}

#[cfg(test)]
mod tests {
    use kido_shared::admission::AdmissionBasis;
    use kido_shared::ids::{GateId, TicketId};

    use super::*;

    const TICKET: TicketId = TicketId::from_bytes([7; 16]);
    const GATE: GateId = GateId::from_bytes([8; 16]);

    fn id(number: u8) -> AdmissionId {
        AdmissionId::from_bytes([number; 16])
    }

    fn at(minute: u8) -> Timestamp {
        Timestamp::from_unix_seconds(1_800_000_000 + i64::from(minute) * 60)
    }

    fn admission(number: u8, came: u8) -> Admission {
        let basis = AdmissionBasis::Offline;
        Admission { id: id(number), ticket: TICKET, gate: GATE, entry: 1, at: at(came), basis }
    }

    fn said(ends: &mut Ends, number: u8, by: EndedBy, when: u8) {
        ends.said(Ending { admission: id(number), ticket: TICKET, gate: GATE, by, at: at(when) });
    }

    fn couples(ends: &Ends, belief: Belief, allowed: Option<u32>) -> Vec<Couple> {
        let (one, two) = (admission(1, 1), admission(2, 5));
        let entries = BTreeMap::from([(1, vec![&one, &two])]);
        ends.couples(&entries, allowed, belief).into_iter().map(|(_entry, couple)| couple).collect()
    }

    #[test]
    fn who_came_after_the_other_had_left_stands_against_nobody_where_the_ticket_has_another_entry() {
        let mut ends = Ends::default();
        let both = vec![(id(1), id(2))];
        assert_eq!(couples(&ends, Belief::Latest, Some(2)), both, "both are inside");
        said(&mut ends, 1, EndedBy::Exited, 3);
        assert_eq!(couples(&ends, Belief::Latest, Some(2)), []);
        assert_eq!(couples(&ends, Belief::Latest, None), []);
        assert_eq!(couples(&ends, Belief::Latest, Some(1)), both, "a ticket for one entry was used twice");
    }

    #[test]
    fn clocks_that_disagree_leave_both_answers() {
        let mut ends = Ends::default();
        said(&mut ends, 1, EndedBy::Exited, 9);
        ends.heard(id(1), at(4));
        assert_eq!(couples(&ends, Belief::Latest, Some(2)).len(), 1, "the gate says that they met");
        assert_eq!(couples(&ends, Belief::Earliest, Some(2)), [], "the registrar had heard before");
        said(&mut ends, 2, EndedBy::Annulled, 9);
        assert_eq!(couples(&ends, Belief::Latest, Some(1)), [], "one was never an entry");
    }

    #[test]
    fn circles_know_who_is_connected_by_others() {
        let mut circles = Circles::of(&[(id(1), id(2)), (id(3), id(4))]);
        assert!(!circles.connect(id(1), id(4)));
        assert!(circles.join((id(2), id(3))) && !circles.join((id(1), id(4))));
    }
}
