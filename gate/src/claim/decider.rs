//! Who decides claims for this gate, and when it may admit without a claim.

use kido_shared::policy::{ArbiterHome, EventPolicy};
use kido_shared::refusal::Refusal;
use kido_shared::verdict::Connectivity;

/// Who decides claims for this gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decider {
    /// An arbiter elsewhere.
    Elsewhere,
    /// This gate.
    Here,
    /// The policy names this gate although the event has others: nobody may decide.
    Nobody,
}

impl Decider {
    /// What the policy says, given how many gates the event has. Two local arbiters would admit one ticket twice.
    #[must_use]
    pub const fn of(policy: &EventPolicy, gates: usize) -> Self {
        match policy.choices().arbiter.home {
            // One in the venue that no address is known of yet is silent, and asked as soon as the feed has told.
            ArbiterHome::Registrar | ArbiterHome::Venue => Self::Elsewhere,
            ArbiterHome::Local if gates <= 1 => Self::Here,
            ArbiterHome::Local => Self::Nobody,
        }
    }

    /// Whether the decider answers, given whether an arbiter elsewhere does: one inside this gate always answers.
    #[must_use]
    pub const fn connectivity(self, elsewhere: Connectivity) -> Connectivity {
        match self {
            Self::Here => Connectivity::Online,
            Self::Elsewhere | Self::Nobody => elsewhere,
        }
    }
}

/// What stands against an entry without a claim, looked at once more where it is stored: the plan may have been made
/// while this gate was its own arbiter, or while nobody answered.
#[must_use]
pub const fn offline_objection(connectivity: Connectivity, allowed: bool) -> Option<Refusal> {
    match (connectivity, allowed) {
        (Connectivity::Online, _) => Some(Refusal::ArbiterSilent),
        (Connectivity::Offline, false) => Some(Refusal::OfflineNotAllowed),
        (Connectivity::Offline, true) => None,
    }
}

#[cfg(test)]
mod tests {
    use kido_shared::clock::Timestamp;
    use kido_shared::ids::ArbiterId;
    use kido_shared::policy::{ArbiterName, OfflineChoice, PolicyDraft};

    use super::*;

    fn policy(home: ArbiterHome) -> EventPolicy {
        let dates = (Timestamp::from_unix_seconds(1_000_000), Timestamp::from_unix_seconds(1_020_000));
        let arbiter = ArbiterName { home, cluster: ArbiterId::from_bytes([3; 16]), epoch: 0 };
        EventPolicy::new(PolicyDraft::new("千穐楽", dates, OfflineChoice::Refuse, arbiter)).unwrap()
    }

    #[test]
    fn a_gate_decides_itself_only_as_the_one_gate_of_an_event_that_says_so() {
        let table = [
            (ArbiterHome::Registrar, 1, Decider::Elsewhere),
            (ArbiterHome::Registrar, 2, Decider::Elsewhere),
            (ArbiterHome::Local, 1, Decider::Here),
            (ArbiterHome::Local, 2, Decider::Nobody),
            (ArbiterHome::Venue, 1, Decider::Elsewhere),
            (ArbiterHome::Venue, 2, Decider::Elsewhere),
        ];
        for (home, gates, decider) in table {
            assert_eq!(Decider::of(&policy(home.clone()), gates), decider, "{home:?}, {gates}");
        }
    }

    #[test]
    fn only_an_arbiter_inside_this_gate_answers_without_a_line() {
        assert_eq!(Decider::Here.connectivity(Connectivity::Offline), Connectivity::Online);
        for decider in [Decider::Elsewhere, Decider::Nobody] {
            for elsewhere in [Connectivity::Online, Connectivity::Offline] {
                assert_eq!(decider.connectivity(elsewhere), elsewhere);
            }
        }
    }

    #[test]
    fn nobody_enters_without_a_claim_but_offline_and_by_the_events_choice() {
        assert_eq!(offline_objection(Connectivity::Offline, true), None);
        assert_eq!(offline_objection(Connectivity::Offline, false), Some(Refusal::OfflineNotAllowed));
        for allowed in [true, false] {
            assert_eq!(offline_objection(Connectivity::Online, allowed), Some(Refusal::ArbiterSilent));
        }
    }
}
