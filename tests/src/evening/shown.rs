//! What an evening's end shows: to the operator, in the feed, to holders.

use std::collections::{BTreeMap, BTreeSet};

use kido_shared::admission::Admission;
use kido_shared::feed::{Conflict, FeedRecord, RecordCipher, SealedRecord};
use kido_shared::ids::{AdmissionId, FeedSequence, TicketId};

use super::Evening;
use super::ended::{Belief, Circles, Couple, couple};

/// What a feed tells of admissions and conflicts, each time that it does.
#[derive(Debug, Default)]
pub struct Published {
    conflicts: Vec<Conflict>,
    admissions: Vec<(u64, AdmissionId)>,
    endings: Vec<(AdmissionId, TicketId)>,
    is_anew: bool,
}

impl Published {
    /// Reads a feed from its beginning.
    #[must_use]
    pub fn of(cipher: &RecordCipher, records: &[SealedRecord]) -> Self {
        let mut published = Self::default();
        for (number, sealed) in (0..).zip(records) {
            match cipher.open(FeedSequence::new(number), sealed) {
                Ok(FeedRecord::Conflict(conflict)) => published.conflicts.push(conflict),
                Ok(FeedRecord::Admission(admission)) => published.admissions.push((number, admission.id)),
                Ok(FeedRecord::Annulled(ended)) => published.endings.push((ended.admission, ended.ticket)),
                Ok(FeedRecord::Exited(ended)) => published.endings.push((ended.admission, ended.ticket)),
                Ok(_) | Err(_) => {}
            }
        }
        published
    }

    /// The same of a feed that has begun anew: it tells what is true, and not again what was none.
    #[must_use]
    pub fn anew(self, is_anew: bool) -> Self {
        Self { is_anew, ..self }
    }

    pub(super) const fn is_anew(&self) -> bool {
        self.is_anew
    }

    #[cfg(test)]
    pub(super) fn at<const N: usize>(admissions: [(u64, AdmissionId); N]) -> Self {
        Self { admissions: admissions.to_vec(), ..Self::default() }
    }

    /// The admissions, in their order.
    pub(super) fn admissions(&self) -> impl Iterator<Item = AdmissionId> {
        self.admissions.iter().map(|(_, admission)| *admission)
    }

    /// The ends of admissions, and their tickets.
    pub(super) fn endings(&self) -> impl Iterator<Item = (AdmissionId, TicketId)> {
        self.endings.iter().copied()
    }

    /// The number of the record that tells of an admission.
    pub(super) fn place(&self, admission: AdmissionId) -> Option<u64> {
        self.admissions.iter().find(|(_, told)| *told == admission).map(|(number, _)| *number)
    }
}

/// A conflict of the operator's list.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The two admissions.
    pub conflict: Conflict,
    /// Whether it turned out to be none.
    pub settled: bool,
}

/// What people are shown.
#[derive(Debug)]
pub struct Shown<'a> {
    /// The operator's list of conflicts.
    pub listed: &'a [Listed],
    /// The feed.
    pub published: &'a Published,
    /// How many conflicts a ticket's holder is told of.
    pub told: BTreeMap<TicketId, usize>,
}

impl Evening {
    /// Admissions that stand against each other and are not shown so once: in the operator's list, in the feed and in the
    /// holder's history; and conflicts that stand and are none.
    #[must_use]
    pub fn conflicts(&self, shown: &Shown<'_>) -> Vec<String> {
        let (entries, listed) = (self.entries(), shown.listed);
        let mut broken = Vec::new();
        for (entry, admissions) in &entries {
            let all = listed.iter().map(|listed| &listed.conflict);
            let (list, feed) = (of_entry(all, *entry), of_entry(&shown.published.conflicts, *entry));
            let standing = listed.iter().filter(|listed| !listed.settled).map(|listed| &listed.conflict);
            let is_told = if shown.published.is_anew() {
                // What was settled before it is told no more; each that is told is told once.
                let (list, feed) = (sorted(&list), sorted(&feed));
                let once = feed.iter().zip(feed.iter().skip(1)).all(|(one, other)| one != other);
                once && feed.iter().all(|told| list.contains(told))
                    && of_entry(standing, *entry).iter().all(|stands| feed.contains(stands))
            } else {
                sorted(&feed) == sorted(&list)
            };
            if !is_told {
                broken.push(format!("{entry:?} was entered by {admissions:?}; listed {list:?}, published {feed:?}"));
            }
        }
        let tickets: BTreeSet<_> =
            entries.keys().map(|(ticket, _)| *ticket).chain(shown.told.keys().copied()).collect();
        for ticket in tickets {
            let told = shown.told.get(&ticket).copied().unwrap_or_default();
            let of_ticket = || listed.iter().filter(|listed| listed.conflict.ticket == ticket);
            if told != of_ticket().count() {
                let count = of_ticket().count();
                broken.push(format!("{ticket} has {count} conflicts, its holder is told of {told}"));
            }
            if !self.revoked.knows_alone(ticket) {
                broken.extend(self.untold(ticket, of_ticket().filter(|listed| !listed.settled)));
            }
        }
        let foreign = |listed: &&Listed| !entries.contains_key(&(listed.conflict.ticket, listed.conflict.entry));
        broken
            .extend(listed.iter().find(foreign).map(|one| format!("a conflict of an entry that nobody made: {one:?}")));
        broken
    }

    /// Whether the conflicts of a ticket that stand tell of each newcomer once: they connect whoever stands against
    /// another, nobody twice and nobody else.
    fn untold<'a>(&self, ticket: TicketId, standing: impl Iterator<Item = &'a Listed>) -> Option<String> {
        let mut entries: BTreeMap<u32, Vec<&Admission>> = BTreeMap::new();
        for admission in self.admissions().filter(|admission| admission.ticket == ticket) {
            entries.entry(admission.entry).or_default().push(admission);
        }
        let couples = |belief| self.ends.couples(&entries, self.allowed(ticket), belief);
        let [earliest, latest] = [Belief::Earliest, Belief::Latest].map(couples);
        let standing: Vec<(u32, Couple)> =
            standing.map(|Listed { conflict, .. }| (conflict.entry, couple(conflict.first, conflict.second))).collect();
        let is_one = |told: &(u32, Couple)| earliest.contains(told) || latest.contains(told);
        let mut circles = Circles::default();
        let each_once = standing.iter().all(|(_entry, told)| circles.join(*told));
        let [certain, other] = [&earliest, &latest].map(|all| Circles::of(all.iter().map(|(_entry, couple)| couple)));
        let connected = |(_entry, (one, two)): &(u32, Couple)| {
            !(certain.connect(*one, *two) && other.connect(*one, *two)) || circles.connect(*one, *two)
        };
        let all_told = earliest.union(&latest).all(connected);
        (!each_once || !all_told || !standing.iter().all(is_one)).then(|| {
            format!("{ticket} was entered by {entries:?}, which ended {:?}; conflicts {standing:?}", self.ends)
        })
    }
}

fn of_entry<'a>(
    conflicts: impl IntoIterator<Item = &'a Conflict>,
    entry: (TicketId, u32),
) -> Vec<(AdmissionId, AdmissionId)> {
    let of_entry = conflicts.into_iter().filter(|conflict| (conflict.ticket, conflict.entry) == entry);
    of_entry.map(|conflict| (conflict.first, conflict.second)).collect()
}

fn sorted(pairs: &[(AdmissionId, AdmissionId)]) -> Vec<(AdmissionId, AdmissionId)> {
    let mut sorted = pairs.to_vec();
    sorted.sort_unstable();
    sorted
}

#[cfg(test)]
mod tests {
    use kido_shared::admission::AdmissionBasis;
    use kido_shared::clock::Timestamp;
    use kido_shared::ids::GateId;
    use kido_shared::policy::OfflineChoice;

    use super::*;

    const TICKET: TicketId = TicketId::from_bytes([7; 16]);
    const NOW: Timestamp = Timestamp::from_unix_ms(1);

    fn id(number: u8) -> AdmissionId {
        AdmissionId::from_bytes([number; 16])
    }

    fn conflict(first: u8, second: u8) -> Conflict {
        Conflict { ticket: TICKET, entry: 1, first: id(first), second: id(second), found_at: NOW }
    }

    /// An evening of two admissions of one entry: how many complaints there are of what is shown of them.
    fn complaints(listed: &[Conflict], published: &[Conflict], told: usize) -> usize {
        let mut evening = Evening::default();
        for number in [1, 2] {
            let (gate, basis) = (GateId::from_bytes([number; 16]), AdmissionBasis::Offline);
            let admission = Admission { id: id(number), ticket: TICKET, gate, entry: 1, at: NOW, basis };
            evening.stored(&admission, OfflineChoice::Admit);
        }
        let published = Published { conflicts: published.to_vec(), ..Published::default() };
        let listed: Vec<_> =
            listed.iter().map(|conflict| Listed { conflict: conflict.clone(), settled: false }).collect();
        evening
            .conflicts(&Shown { listed: &listed, published: &published, told: BTreeMap::from([(TICKET, told)]) })
            .len()
    }

    #[test]
    fn a_conflict_is_shown_once_on_every_side() {
        let one = [conflict(1, 2)];
        assert_eq!(complaints(&one, &one, 1), 0);
        assert_eq!(complaints(&[], &[], 0), 1, "to nobody");
        assert_eq!(complaints(&one, &[], 1), 1, "not in the feed");
        assert_eq!(complaints(&one, &[conflict(1, 2), conflict(1, 2)], 1), 1, "twice in the feed");
        assert_eq!(complaints(&one, &one, 0), 1, "not to the holder");
        assert_eq!(
            complaints(&[conflict(1, 2), conflict(2, 1)], &one, 2),
            2,
            "twice in the list: more than the feed tells, and than is true"
        );
        assert_eq!(complaints(&[conflict(1, 3)], &[conflict(1, 3)], 1), 1, "of another admission");
    }
}
