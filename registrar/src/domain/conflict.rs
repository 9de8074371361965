//! Which admissions of a ticket stand against each other.
//!
//! A conflict is two admissions of one entry without annulment or exit between (`protocol.md` §7). Whether two stand so
//! depends on what happened and never on the order in which it was heard of: gates upload when they have a line, journals
//! are carried here a day late, and an annulment may overtake its admission or come long after it. So the answer is made
//! from the whole set each time, and what was recorded before is compared with it: what is true and not recorded is
//! recorded, what was recorded and is not true any more is settled, and nothing is ever taken back.

use std::collections::{BTreeMap, BTreeSet};

use kido_shared::admission::EndedBy;
use kido_shared::clock::Timestamp;
use kido_shared::ids::AdmissionId;

/// Most admissions beside those that hold their entries that are weighed against each other.
///
/// One card is at one lane at a time, and nobody taps at so many that are off the line. More are a thief's; each is shown
/// against the entry's holder, and stays.
pub const RIVALS_MAX: usize = 32;

/// Two admissions of one entry; the first is the one that the other is told against, as a rule the earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair {
    /// Of which entry of the ticket.
    pub entry: u32,
    /// The one that stands in the way.
    pub first: AdmissionId,
    /// The other one.
    pub second: AdmissionId,
}

impl Pair {
    /// The other one first.
    const fn turned(self) -> Self {
        Self { entry: self.entry, first: self.second, second: self.first }
    }

    /// The same for both orders: clocks of gates differ, so which was the earlier one is an opinion.
    fn unordered(&self) -> (u32, AdmissionId, AdmissionId) {
        (self.entry, self.first.min(self.second), self.first.max(self.second))
    }
}

/// An admission, and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Which.
    pub id: AdmissionId,
    /// When, by its gate's clock.
    pub at: Timestamp,
    /// How it ended, and when, if it did.
    pub ended: Option<(EndedBy, Timestamp)>,
}

impl Known {
    /// Whether it was never an entry.
    const fn is_void(&self) -> bool {
        matches!(self.ended, Some((EndedBy::Annulled, _)))
    }

    /// Whether its holder had gone out by then.
    fn had_left_by(&self, at: Timestamp) -> bool {
        matches!(self.ended, Some((EndedBy::Exited, left)) if left <= at)
    }
}

/// Every two admissions that stand against each other, of the entries that several have, by their number.
///
/// `spare` is how many entries the ticket has that nobody has used. Who came in after the one before had left used
/// another entry, whatever number a gate without a line gave it; where none is left, it is this one a second time.
#[must_use]
pub fn pairs(contested: &BTreeMap<u32, Vec<Known>>, spare: u32) -> BTreeSet<Pair> {
    let (mut pairs, mut spare) = (BTreeSet::new(), spare);
    for (entry, admissions) in contested {
        let mut real: Vec<&Known> = admissions.iter().filter(|admission| !admission.is_void()).collect();
        real.sort_by_key(|admission| (admission.at, admission.id));
        let mut before: Vec<&Known> = Vec::new();
        for one in real {
            let pair = |first: &&Known| Pair { entry: *entry, first: first.id, second: one.id };
            let inside = before.iter().filter(|earlier| !earlier.had_left_by(one.at));
            let met: Vec<Pair> = inside.map(pair).collect();
            match (met.is_empty(), spare, before.last()) {
                (true, 0, Some(last)) => pairs.extend([pair(last)]),
                (true, _, Some(_)) => spare = spare.saturating_sub(1),
                _ => pairs.extend(met),
            }
            before.push(one);
        }
    }
    pairs
}

/// What is to be recorded, so that the conflicts that stand tell of everybody who stands in one, and of nobody else.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// These were recorded, and are none.
    pub settled: Vec<Pair>,
    /// These are, and nothing that stands tells of them.
    pub new: Vec<Pair>,
}

/// Compares what stands with what is true.
///
/// Of four who are in on one entry three conflicts are told, not six: one tells of each newcomer, against the one whom the
/// others were told against. So a true pair is left out where both of it are connected by others already.
#[must_use]
pub fn compare(standing: &BTreeSet<Pair>, truth: &BTreeSet<Pair>) -> Changes {
    let is_true: BTreeSet<_> = truth.iter().map(Pair::unordered).collect();
    let (mut changes, mut groups, mut hubs) = (Changes::default(), Groups::default(), BTreeSet::new());
    for pair in standing {
        if is_true.contains(&pair.unordered()) {
            groups.join(pair);
            hubs.insert((pair.entry, pair.first));
        } else {
            changes.settled.push(*pair);
        }
    }
    let touches = |hubs: &BTreeSet<_>, pair: &Pair| {
        hubs.contains(&(pair.entry, pair.first)) || hubs.contains(&(pair.entry, pair.second))
    };
    let (known, others): (Vec<&Pair>, Vec<&Pair>) = truth.iter().partition(|pair| touches(&hubs, pair));
    for pair in known.into_iter().chain(others) {
        if groups.join(pair) {
            let is_turned = hubs.contains(&(pair.entry, pair.second)) && !hubs.contains(&(pair.entry, pair.first));
            let told = if is_turned { pair.turned() } else { *pair };
            hubs.insert((told.entry, told.first));
            changes.new.push(told);
        }
    }
    changes
}

/// Admissions that conflicts connect.
#[derive(Debug, Default)]
struct Groups(Vec<BTreeSet<(u32, AdmissionId)>>);

impl Groups {
    /// Connects two; says whether they were not.
    fn join(&mut self, pair: &Pair) -> bool {
        let ends = [(pair.entry, pair.first), (pair.entry, pair.second)];
        if self.0.iter().any(|group| ends.iter().all(|end| group.contains(end))) {
            return false;
        }
        let mut joined = BTreeSet::from(ends);
        self.0.retain_mut(|group| {
            let apart = ends.iter().all(|end| !group.contains(end));
            if !apart {
                joined.append(group);
            }
            apart
        });
        self.0.push(joined);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> AdmissionId {
        AdmissionId::from_bytes([number; 16])
    }

    fn at(minute: u8) -> Timestamp {
        Timestamp::from_unix_seconds(1_800_000_000 + i64::from(minute) * 60)
    }

    fn known(number: u8, came: u8, ended: Option<(EndedBy, u8)>) -> Known {
        Known { id: id(number), at: at(came), ended: ended.map(|(by, when)| (by, at(when))) }
    }

    fn of(admissions: &[Known], spare: u32) -> Vec<(AdmissionId, AdmissionId)> {
        let contested = BTreeMap::from([(1, admissions.to_vec())]);
        pairs(&contested, spare).into_iter().map(|pair| (pair.first, pair.second)).collect()
    }

    #[test]
    fn two_of_one_entry_are_a_conflict_and_one_that_was_annulled_is_in_none() {
        let both = [known(2, 5, None), known(1, 1, None)];
        assert_eq!(of(&both, 0), [(id(1), id(2))]);
        assert_eq!(of(&[both[0], known(1, 1, Some((EndedBy::Annulled, 9)))], 0), []);
    }

    #[test]
    fn an_exit_between_makes_two_entries_of_it_where_the_ticket_has_two() {
        let left = known(1, 1, Some((EndedBy::Exited, 4)));
        let came_after = [left, known(2, 5, None)];
        assert_eq!(of(&came_after, 1), []);
        assert_eq!(of(&came_after, 0), [(id(1), id(2))], "a ticket for one entry was used twice");
        let met = [left, known(2, 3, None)];
        assert_eq!(of(&met, 1), [(id(1), id(2))], "they were inside together");
        let third = [left, known(2, 5, Some((EndedBy::Exited, 6))), known(3, 7, None)];
        assert_eq!(of(&third, 1), [(id(2), id(3))], "one entry was left, and two took it");
    }

    #[test]
    fn each_newcomer_is_told_of_once_and_who_is_left_behind_by_an_annulment_is_told_of_anew() {
        let four: Vec<Known> = (1..=4).map(|number| known(number, number, None)).collect();
        let truth = pairs(&BTreeMap::from([(1, four.clone())]), 0);
        let told = compare(&BTreeSet::new(), &truth);
        assert_eq!((told.new.len(), told.settled.len()), (3, 0));
        let standing: BTreeSet<Pair> = told.new.into_iter().collect();
        assert_eq!(compare(&standing, &truth), Changes::default());
        let mut without = four;
        without[0].ended = Some((EndedBy::Annulled, at(9)));
        let after = compare(&standing, &pairs(&BTreeMap::from([(1, without)]), 0));
        let still = standing.len() - after.settled.len() + after.new.len();
        assert_eq!(still, 2, "three are left in on one entry: {after:?}");
        assert!(after.new.iter().all(|pair| pair.first != id(1)));
    }
}
