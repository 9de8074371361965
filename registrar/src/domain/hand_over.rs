//! A gate that decided by itself, and whether it knows that it does so no longer (`protocol.md` §7).
//!
//! A policy counts where it was heard. A gate without a line goes on by the one that it has, so whoever else may let the
//! same tickets in has to wait until it has said that it knows better, or is revoked.

use kido_shared::ids::{Epoch, FeedSequence};
use kido_shared::policy::{ArbiterHome, EventPolicy, OfflineChoice};

/// A record of a feed, in whichever epoch of it. Later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
pub struct FeedPlace {
    /// Which generation of the feed.
    #[n(0)]
    pub epoch: Epoch,
    /// Its number there.
    #[n(1)]
    pub number: FeedSequence,
}

impl FeedPlace {
    /// Whether whoever has so many records of that epoch has this one, or follows a history that has begun after it.
    #[must_use]
    pub fn is_within(self, epoch: Epoch, length: u64) -> bool {
        (epoch == self.epoch && length > self.number.get()) || (epoch > self.epoch && length > 0)
    }
}

/// The records that ended it last that gates of this event decide by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Endings {
    /// That the only gate of a zone admits while it is offline.
    #[n(0)]
    home: Option<FeedPlace>,
    /// That the only gate of the event is its arbiter.
    #[n(1)]
    local: Option<FeedPlace>,
}

impl Endings {
    /// What has ended, once one policy has taken another's place with that record.
    #[must_use]
    pub fn after(self, old: &EventPolicy, new: &EventPolicy, record: FeedPlace) -> Self {
        let home = |policy: &EventPolicy| policy.choices().offline == OfflineChoice::HomeGate;
        let local = |policy: &EventPolicy| policy.choices().arbiter.home == ArbiterHome::Local;
        let ended = |was: bool, is: bool, before| if was && !is { Some(record) } else { before };
        Self { home: ended(home(old), home(new), self.home), local: ended(local(old), local(new), self.local) }
    }

    /// The newest of them: whoever has heard of it has heard of all.
    #[must_use]
    pub fn newest(&self) -> Option<FeedPlace> {
        self.home.max(self.local)
    }

    /// Whether a gate that has heard so much may still decide for tickets that another gate is to open for: one of its own
    /// zone or not.
    #[must_use]
    pub fn binds(&self, heard: Option<FeedPlace>, same_zone: bool) -> bool {
        let home = self.home.filter(|_end| same_zone);
        heard < home.max(self.local)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::policy;

    fn place(number: u64) -> FeedPlace {
        FeedPlace { epoch: Epoch::FIRST, number: FeedSequence::new(number) }
    }

    fn offline(choice: OfflineChoice) -> EventPolicy {
        policy(|draft| draft.offline = choice)
    }

    fn local() -> EventPolicy {
        policy(|draft| draft.arbiter.home = ArbiterHome::Local)
    }

    #[test]
    fn only_the_end_of_a_gates_own_deciding_is_an_end() {
        let none = Endings::default();
        let [refuse, home, admit] = [OfflineChoice::Refuse, OfflineChoice::HomeGate, OfflineChoice::Admit].map(offline);
        for (old, new) in [(&refuse, &home), (&home, &home), (&admit, &refuse), (&refuse, &admit)] {
            assert_eq!(none.after(old, new, place(3)), none);
        }
        assert_eq!(none.after(&home, &refuse, place(3)).newest(), Some(place(3)));
        assert_eq!(none.after(&home, &admit, place(3)).newest(), Some(place(3)));
        assert_eq!(none.after(&local(), &refuse, place(3)).newest(), Some(place(3)));
    }

    #[test]
    fn chosen_again_and_ended_again_the_last_end_counts() {
        let (refuse, home) = (offline(OfflineChoice::Refuse), offline(OfflineChoice::HomeGate));
        let once = Endings::default().after(&home, &refuse, place(3));
        let again = once.after(&refuse, &home, place(5));
        assert_eq!(again, once, "what was ended stays ended for whoever has not heard of it");
        let twice = again.after(&home, &refuse, place(7));
        assert!(twice.binds(Some(place(3)), true), "it has heard of the first end, and of the new beginning perhaps");
        assert!(!twice.binds(Some(place(7)), true));
    }

    #[test]
    fn a_home_gate_binds_its_zone_and_a_local_arbiter_all_of_the_event() {
        let refuse = offline(OfflineChoice::Refuse);
        let home = Endings::default().after(&offline(OfflineChoice::HomeGate), &refuse, place(3));
        assert!(home.binds(None, true));
        assert!(!home.binds(None, false));
        let arbiter = Endings::default().after(&local(), &refuse, place(4));
        assert!(arbiter.binds(None, true) && arbiter.binds(None, false));
        assert!(!Endings::default().binds(None, true), "nothing ever ended");
    }

    #[test]
    fn a_record_is_known_to_who_has_more_records_than_its_number_or_a_later_history() {
        let at = place(3);
        assert!(!at.is_within(Epoch::FIRST, 3));
        assert!(at.is_within(Epoch::FIRST, 4));
        assert!(!at.is_within(Epoch::new(1), 0), "nothing of the later history is known yet");
        assert!(at.is_within(Epoch::new(1), 1));
        assert!(!FeedPlace { epoch: Epoch::new(1), ..at }.is_within(Epoch::FIRST, 100));
    }
}
