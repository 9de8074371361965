//! Asking the arbiter, and knowing what *offline* means (`protocol.md` §7).
//!
//! The rules are here and pure: how a claim is repeated ([`Patience`]), when the gate calls itself offline
//! ([`Reachability`]), and who decides at all ([`decider`]). [`http`] is the shell that asks an arbiter elsewhere; where
//! this gate is the arbiter, its journal decides and stores in one step
//! ([`Journal::admit_as_arbiter`](crate::journal::Journal::admit_as_arbiter)).

pub mod decider;
pub mod endpoints;
pub mod http;

use core::time::Duration;

use kido_shared::claim::ClaimAnswer;
use kido_shared::clock::Timestamp;
use kido_shared::verdict::Connectivity;

/// How long one endpoint has for one attempt.
pub const ATTEMPT_DEADLINE: Duration = Duration::from_millis(300);

/// How long the same claim is repeated while somebody stands at the lane.
pub const CLAIM_DEADLINE: Duration = Duration::from_secs(3);

/// Pause before a claim is repeated where the last attempt failed at once: a refused connection costs no time, and a
/// lane must not hammer a registrar that is starting.
pub const ATTEMPT_PAUSE: Duration = Duration::from_millis(100);

/// How long no arbiter may have answered before the gate calls itself offline.
pub const OFFLINE_AFTER: Duration = Duration::from_secs(10);

/// How often an arbiter is asked for a sign of life while it is not asked for anything else.
pub const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// Whether a claim that got this answer is never granted any more, however late a copy of it arrives: nothing is left to
/// withdraw.
///
/// One that met another admission may be: that one can be given up, and a copy that the line has held back would then hold
/// the entry for nobody.
#[must_use]
pub const fn is_over(answer: &ClaimAnswer) -> bool {
    match answer {
        // Records only grow newer, and a ticket that is good again has a newer one.
        ClaimAnswer::Stale { .. } | ClaimAnswer::NotInForce { .. } | ClaimAnswer::Withdrawn | ClaimAnswer::Annulled => {
            true
        }
        ClaimAnswer::Granted { .. }
        | ClaimAnswer::Taken { .. }
        | ClaimAnswer::Spent
        | ClaimAnswer::Behind
        | ClaimAnswer::Opened
        | ClaimAnswer::Exited
        | ClaimAnswer::NotHeld
        | ClaimAnswer::NotAllowed
        | ClaimAnswer::TooManySteps => false,
    }
}

/// What to do next with a claim that has not been answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Ask this endpoint, for at most so long.
    Ask {
        /// Its place in the list.
        endpoint: usize,
        /// Never longer than what is left of the whole.
        deadline: Duration,
    },
    /// Wait a little, then ask.
    Pause(Duration),
    /// Nobody answered in time.
    GiveUp,
}

/// One claim's attempts: the same claim, endpoint after endpoint, until the time is up.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    started: Timestamp,
    last_asked: Option<Timestamp>,
    endpoints: usize,
    first: usize,
    asked: usize,
}

impl Patience {
    /// Begins now, with so many endpoints, at this one of them: the one that answered last, so that a box that is off
    /// costs one tap its deadline and not each.
    #[must_use]
    pub const fn begin(now: Timestamp, endpoints: usize, first: usize) -> Self {
        Self { started: now, last_asked: None, endpoints, first, asked: 0 }
    }

    /// What comes next.
    pub fn next(&mut self, now: Timestamp) -> Next {
        let left = CLAIM_DEADLINE.saturating_sub(now.since(self.started));
        let Some(turn) = self.asked.checked_rem(self.endpoints).filter(|_| !left.is_zero()) else {
            return Next::GiveUp;
        };
        let endpoint = self.first.wrapping_add(turn).checked_rem(self.endpoints).unwrap_or_default();
        let since = self.last_asked.map_or(ATTEMPT_PAUSE, |last| now.since(last));
        if turn == 0 && since < ATTEMPT_PAUSE {
            return Next::Pause(ATTEMPT_PAUSE.saturating_sub(since).min(left));
        }
        self.asked = self.asked.saturating_add(1);
        self.last_asked = Some(now);
        Next::Ask { endpoint, deadline: ATTEMPT_DEADLINE.min(left) }
    }
}

/// Whether an arbiter answers: a state of the gate, not of one claim.
///
/// A refusal is an answer, too: a gate that was revoked is not offline, and no offline choice is for it.
#[derive(Debug, Clone, Copy)]
pub struct Reachability {
    answered: Timestamp,
    asked: Option<Timestamp>,
    silent_since_asked: bool,
    /// Whether the last step that was asked for was not answered: then a mere sign of life is not enough.
    step_unanswered: bool,
}

impl Reachability {
    /// Begins with the benefit of the doubt: a gate that has just started is offline ten seconds later, not at once.
    #[must_use]
    pub const fn begin(now: Timestamp) -> Self {
        Self { answered: now, asked: None, silent_since_asked: false, step_unanswered: false }
    }

    /// An arbiter has answered, whatever it said.
    pub fn answered(&mut self, now: Timestamp) {
        self.answered = self.answered.max(now);
        self.asked = Some(now);
        self.silent_since_asked = false;
        self.step_unanswered = false;
    }

    /// A step was asked for and not answered.
    pub const fn step_unanswered(&mut self, now: Timestamp) {
        self.silent(now);
        self.step_unanswered = true;
    }

    /// A registrar is there, well or unwell, and was not asked for a step.
    ///
    /// That ends a silence in which nobody was reached. Where it has failed to answer a step, only an answer to one will
    /// do: a registrar whose disk is full calls itself well and takes no claims. The step is an errand then, and asked
    /// for again.
    pub fn alive(&mut self, now: Timestamp) {
        if self.step_unanswered {
            self.asked = Some(now);
        } else {
            self.answered(now);
        }
    }

    /// An arbiter was asked and has not answered.
    pub const fn silent(&mut self, now: Timestamp) {
        self.asked = Some(now);
        self.silent_since_asked = true;
    }

    /// When a sign of life is to be asked for.
    #[must_use]
    pub fn probe_at(&self) -> Timestamp {
        self.asked.map_or(self.answered, |asked| asked.after(PROBE_INTERVAL))
    }

    /// What holds now. It takes both: ten seconds without an answer, and a question that was not answered.
    #[must_use]
    pub fn connectivity(&self, now: Timestamp) -> Connectivity {
        if self.silent_since_asked && now.since(self.answered) >= OFFLINE_AFTER {
            Connectivity::Offline
        } else {
            Connectivity::Online
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kido_shared::ids::{AdmissionId, FeedSequence, GateId};
    use kido_shared::ticket::TicketStatus;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_790_000_000);

    fn at(ms: u64) -> Timestamp {
        NOW.after(Duration::from_millis(ms))
    }

    #[test]
    fn a_claim_that_met_another_one_is_withdrawn_since_a_late_copy_of_it_might_not_meet_it() {
        let (admission, gate) = (AdmissionId::from_bytes([1; 16]), GateId::from_bytes([2; 16]));
        let place = FeedSequence::FIRST;
        let rows = [
            (ClaimAnswer::Taken { admission, gate, at: NOW }, false),
            (ClaimAnswer::Spent, false),
            (ClaimAnswer::Granted { entry: 1 }, false),
            (ClaimAnswer::Stale { ticket: place, binding: place }, true),
            (ClaimAnswer::NotInForce { status: TicketStatus::Suspended }, true),
            (ClaimAnswer::Withdrawn, true),
        ];
        for (answer, over) in rows {
            assert_eq!(is_over(&answer), over, "{answer:?}");
        }
    }

    #[test]
    fn a_claim_goes_from_endpoint_to_endpoint_and_gives_up_after_three_seconds() {
        let mut patience = Patience::begin(NOW, 2, 0);
        assert_eq!(patience.next(at(0)), Next::Ask { endpoint: 0, deadline: ATTEMPT_DEADLINE });
        assert_eq!(patience.next(at(300)), Next::Ask { endpoint: 1, deadline: ATTEMPT_DEADLINE });
        assert_eq!(patience.next(at(600)), Next::Ask { endpoint: 0, deadline: ATTEMPT_DEADLINE });
        assert_eq!(patience.next(at(2_900)), Next::Ask { endpoint: 1, deadline: Duration::from_millis(100) });
        assert_eq!(patience.next(at(3_000)), Next::GiveUp);
    }

    #[test]
    fn a_claim_begins_where_the_last_one_was_answered() {
        let mut patience = Patience::begin(NOW, 3, 2);
        for endpoint in [2, 0, 1] {
            assert!(matches!(patience.next(at(0)), Next::Ask { endpoint: asked, .. } if asked == endpoint));
        }
        assert!(matches!(patience.next(at(1)), Next::Pause(_)), "all of them failed at once");
    }

    #[test]
    fn a_refused_connection_is_not_hammered() {
        let mut patience = Patience::begin(NOW, 1, 0);
        assert!(matches!(patience.next(at(0)), Next::Ask { .. }));
        assert_eq!(patience.next(at(1)), Next::Pause(Duration::from_millis(99)));
        assert!(matches!(patience.next(at(100)), Next::Ask { .. }));
    }

    #[test]
    fn without_an_endpoint_nobody_is_asked() {
        assert_eq!(Patience::begin(NOW, 0, 5).next(NOW), Next::GiveUp);
    }

    #[test]
    fn offline_is_ten_seconds_without_any_answer_and_ends_with_the_next() {
        let mut reachability = Reachability::begin(NOW);
        let table = [(1_000, Connectivity::Online), (9_999, Connectivity::Online), (10_000, Connectivity::Offline)];
        for (ms, expected) in table {
            reachability.silent(at(ms));
            assert_eq!(reachability.connectivity(at(ms)), expected, "{ms} ms");
        }
        reachability.answered(at(12_000));
        assert_eq!(reachability.connectivity(at(12_000)), Connectivity::Online);
    }

    #[test]
    fn a_sign_of_life_does_not_make_up_for_a_step_that_was_not_answered() {
        let mut reachability = Reachability::begin(NOW);
        reachability.silent(at(11_000));
        reachability.alive(at(12_000));
        assert_eq!(reachability.connectivity(at(12_000)), Connectivity::Online, "a cable was plugged in again");
        reachability.step_unanswered(at(13_000));
        reachability.alive(at(23_000));
        assert_eq!(reachability.connectivity(at(23_000)), Connectivity::Offline, "it takes no claims");
        reachability.answered(at(24_000));
        assert_eq!(reachability.connectivity(at(24_000)), Connectivity::Online);
    }

    #[test]
    fn a_gate_that_was_not_asking_is_not_offline() {
        let mut reachability = Reachability::begin(NOW);
        reachability.answered(NOW);
        assert_eq!(reachability.connectivity(at(60_000)), Connectivity::Online, "nobody has failed to answer");
        assert_eq!(reachability.probe_at(), at(1_000));
    }

    proptest! {
        #[test]
        fn patience_always_ends(
            steps in prop::collection::vec(0_u64..400, 1..200),
            endpoints in 0_usize..4,
            first in 0_usize..9,
        ) {
            let mut patience = Patience::begin(NOW, endpoints, first);
            let mut ms = 0;
            for step in steps {
                match patience.next(at(ms)) {
                    Next::GiveUp => prop_assert!(ms >= 3_000 || endpoints == 0),
                    Next::Ask { endpoint, deadline } => {
                        prop_assert!(endpoint < endpoints && ms < 3_000 && !deadline.is_zero());
                        prop_assert!(ms + u64::try_from(deadline.as_millis()).unwrap() <= 3_000);
                    }
                    Next::Pause(pause) => prop_assert!(ms < 3_000 && !pause.is_zero()),
                }
                ms += step;
            }
        }
    }
}
