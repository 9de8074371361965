//! What an evening's end shows: to the operator, in the feed, to holders.

use std::collections::{BTreeMap, BTreeSet};

use kido_shared::feed::{Conflict, FeedRecord, RecordCipher, SealedRecord};
use kido_shared::ids::{AdmissionId, FeedSequence, TicketId};

use super::Evening;

/// What a feed tells of admissions and conflicts, each time that it does.
#[derive(Debug, Default)]
pub struct Published {
    conflicts: Vec<Conflict>,
    admissions: Vec<(u64, AdmissionId)>,
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
                Ok(_) | Err(_) => {}
            }
        }
        published
    }

    #[cfg(test)]
    pub(super) fn at<const N: usize>(admissions: [(u64, AdmissionId); N]) -> Self {
        Self { conflicts: Vec::new(), admissions: admissions.to_vec() }
    }

    /// The admissions, in their order.
    pub(super) fn admissions(&self) -> impl Iterator<Item = AdmissionId> {
        self.admissions.iter().map(|(_, admission)| *admission)
    }

    /// The number of the record that tells of an admission.
    pub(super) fn place(&self, admission: AdmissionId) -> Option<u64> {
        self.admissions.iter().find(|(_, told)| *told == admission).map(|(number, _)| *number)
    }
}

/// What people are shown.
#[derive(Debug)]
pub struct Shown<'a> {
    /// The operator's list of conflicts.
    pub listed: &'a [Conflict],
    /// The feed.
    pub published: &'a Published,
    /// How many conflicts a ticket's holder is told of.
    pub told: BTreeMap<TicketId, usize>,
}

impl Evening {
    /// Pairs of admissions of one entry that are not shown once: in the operator's list, in the feed and in the holder's
    /// history.
    #[must_use]
    pub fn conflicts(&self, shown: &Shown<'_>) -> Vec<String> {
        let (entries, listed) = (self.entries(), shown.listed);
        let mut broken = Vec::new();
        for (entry, admissions) in &entries {
            let (list, feed) = (of_entry(listed, *entry), of_entry(&shown.published.conflicts, *entry));
            let firsts: BTreeSet<_> = list.iter().map(|(first, _)| *first).collect();
            let seconds: BTreeSet<_> = list.iter().map(|(_, second)| *second).collect();
            let once =
                list.len() + 1 == admissions.len() && seconds.len() == list.len() && sorted(&feed) == sorted(&list);
            let theirs = seconds.union(&firsts).all(|id| admissions.contains(id)) && seconds.is_disjoint(&firsts);
            if !once || !theirs {
                broken.push(format!("{entry:?} was entered by {admissions:?}; listed {list:?}, published {feed:?}"));
            }
        }
        let tickets: BTreeSet<_> =
            entries.keys().map(|(ticket, _)| *ticket).chain(shown.told.keys().copied()).collect();
        for ticket in tickets {
            let told = shown.told.get(&ticket).copied().unwrap_or_default();
            let of_ticket = listed.iter().filter(|conflict| conflict.ticket == ticket).count();
            if told != of_ticket {
                broken.push(format!("{ticket} has {of_ticket} conflicts, its holder is told of {told}"));
            }
        }
        let foreign = |conflict: &&Conflict| !entries.contains_key(&(conflict.ticket, conflict.entry));
        broken
            .extend(listed.iter().find(foreign).map(|one| format!("a conflict of an entry that nobody made: {one:?}")));
        broken
    }
}

fn of_entry(conflicts: &[Conflict], entry: (TicketId, u32)) -> Vec<(AdmissionId, AdmissionId)> {
    let of_entry = conflicts.iter().filter(|conflict| (conflict.ticket, conflict.entry) == entry);
    of_entry.map(|conflict| (conflict.first, conflict.second)).collect()
}

fn sorted(pairs: &[(AdmissionId, AdmissionId)]) -> Vec<(AdmissionId, AdmissionId)> {
    let mut sorted = pairs.to_vec();
    sorted.sort_unstable();
    sorted
}

#[cfg(test)]
mod tests {
    use kido_shared::admission::{Admission, AdmissionBasis};
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
        let published = Published { conflicts: published.to_vec(), admissions: Vec::new() };
        evening.conflicts(&Shown { listed, published: &published, told: BTreeMap::from([(TICKET, told)]) }).len()
    }

    #[test]
    fn a_conflict_is_shown_once_on_every_side() {
        let one = [conflict(1, 2)];
        assert_eq!(complaints(&one, &one, 1), 0);
        assert_eq!(complaints(&[], &[], 0), 1, "to nobody");
        assert_eq!(complaints(&one, &[], 1), 1, "not in the feed");
        assert_eq!(complaints(&one, &[conflict(1, 2), conflict(1, 2)], 1), 1, "twice in the feed");
        assert_eq!(complaints(&one, &one, 0), 1, "not to the holder");
        assert_eq!(complaints(&[conflict(1, 2), conflict(2, 1)], &one, 2), 1, "twice in the list");
        assert_eq!(complaints(&[conflict(1, 3)], &[conflict(1, 3)], 1), 1, "of another admission");
    }
}
