//! What this gate tells its registrar about itself: counts and states, never anything that depends on a card.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kido_shared::clock::Clock as _;
use kido_shared::policy::EventPolicy;
use kido_shared::refusal::StaffCode;
use kido_shared::verdict::Connectivity;
use kido_shared::wire::v1::report::{CodeCount, GateReport, REFUSAL_CODES_MAX, REPORT_EVERY_SECONDS};

use super::Parts;
use super::retention::delivered;
use crate::claim::decider::Decider;
use crate::claim::http::ArbiterClient;
use crate::metrics::{Line, Measured};
use crate::replica::Standing;
use crate::screen::Screen;

/// How often it is told: often enough that a lane out of order is seen before the queue is.
pub(super) const INTERVAL: Duration = Duration::from_secs(REPORT_EVERY_SECONDS);

/// What the lane has done since the start of this process, as far as it is reported.
#[derive(Debug, Default)]
pub(super) struct LaneNotes {
    /// Refusals by code. Bounded by the codes that there are.
    refusals: Mutex<BTreeMap<StaffCode, u64>>,
    /// The code that its screen shows while it is out of order; else zero, which is no code.
    out_of_order: AtomicU8,
}

impl LaneNotes {
    /// One more refusal.
    pub(super) fn count(&self, code: StaffCode) {
        let mut counts = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(code).or_default();
        *count = count.saturating_add(1);
    }

    /// What its screen shows now: whatever is wrong, reader, disk or line, shows there.
    pub(super) fn shows(&self, screen: &Screen) {
        let code = if let Screen::OutOfOrder(code) = screen { code.get() } else { 0 };
        self.out_of_order.store(code, Ordering::Relaxed);
    }

    fn out_of_order(&self) -> Option<u8> {
        Some(self.out_of_order.load(Ordering::Relaxed)).filter(|code| *code != 0)
    }

    fn refusals(&self) -> Vec<CodeCount> {
        let counts = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        let all = counts.iter().map(|(code, count)| CodeCount { code: code.get(), count: *count });
        all.take(REFUSAL_CODES_MAX).collect()
    }
}

/// Whether somebody decides claims for this gate: an arbiter that answers, or the gate itself.
fn is_connected(parts: &Parts, arbiter: &ArbiterClient, standing: &Standing) -> bool {
    standing.policy.as_deref().is_some_and(|policy| {
        let elsewhere = arbiter.connectivity(parts.clock.steady().now());
        Decider::of(policy, standing.gates).connectivity(elsewhere) == Connectivity::Online
    })
}

/// How it is now, in numbers.
pub(super) fn measure(parts: &Parts, arbiter: &ArbiterClient, lane: &LaneNotes) -> Measured {
    let (standing, reading) = (parts.replica.standing(), parts.clock.reading());
    let head_age = standing.age(reading.now);
    let allowed = standing.policy.as_deref().map(EventPolicy::replica_age_max);
    let is_stale = standing.is_revoked() || allowed.is_none_or(|allowed| head_age > allowed);
    let line = match (is_stale, is_connected(parts, arbiter, &standing)) {
        (true, _) => Line::Stale,
        (false, true) => Line::Online,
        (false, false) => Line::Offline,
    };
    Measured {
        records: standing.position.length,
        head_age,
        line,
        out_of_order: lane.out_of_order().and_then(StaffCode::parse),
        // A journal that cannot be read is told by the lane, which is out of order then.
        unacknowledged: parts.journal.unacknowledged().unwrap_or_default(),
        clock_certain: reading.certain,
    }
}

/// How it is now.
pub(super) fn of(parts: &Parts, arbiter: &ArbiterClient, lane: &LaneNotes) -> GateReport {
    let standing = parts.replica.standing();
    let connected = is_connected(parts, arbiter, &standing);
    GateReport {
        boot: parts.journal.boot(),
        feed_epoch: standing.position.epoch.get(),
        feed_length: standing.position.length,
        head_issued_at: standing.head.map(|head| head.issued_at),
        arbiter_answers: connected,
        out_of_order: lane.out_of_order(),
        waits_to_upload: !delivered(parts),
        refusals: lane.refusals(),
    }
}

#[cfg(test)]
mod tests {
    use kido_shared::refusal::Refusal;

    use super::*;

    #[test]
    fn refusals_are_counted_by_their_code() {
        let lane = LaneNotes::default();
        for refusal in [Refusal::TooLate, Refusal::NotPaid, Refusal::TooLate] {
            lane.count(refusal.code());
        }
        let counted = lane.refusals();
        assert_eq!(counted, [CodeCount { code: 14, count: 2 }, CodeCount { code: 17, count: 1 }]);
    }

    #[test]
    fn a_lane_that_is_out_of_order_says_which_part() {
        let lane = LaneNotes::default();
        lane.shows(&Screen::OutOfOrder(Refusal::ReaderFailed.code()));
        assert_eq!(lane.out_of_order(), Some(36));
        lane.shows(&Screen::Idle);
        assert_eq!(lane.out_of_order(), None);
    }
}
