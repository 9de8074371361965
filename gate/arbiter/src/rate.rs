//! How fast one gate may ask: what a stolen gate key is worth until it is revoked.
//!
//! Token buckets, one for claims and one for the steps behind them. Pure: the time is an argument. Every step of a
//! gate is signed, so nobody empties another gate's bucket.

use std::collections::BTreeMap;

use kido_shared::claim::ClaimStep;
use kido_shared::clock::Timestamp;
use kido_shared::ids::GateId;

/// How fast one bucket fills, and how much it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Steps at once.
    pub burst: u32,
    /// Milliseconds until the next one.
    pub interval_ms: u32,
}

/// What one gate may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paces {
    /// Claims: each takes a ticket's entry.
    pub claims: Pace,
    /// The steps behind a claim, which take nothing: withdrawn, opened, annulled.
    pub others: Pace,
}

impl Paces {
    /// A lane at its fastest, and no more.
    ///
    /// A tap takes at least two and a half seconds, so one claim a second is twice what a lane of single holders needs;
    /// forty at once let a school class through on one proof. A key that was stolen takes at most 40 tickets and one more
    /// a second until it is revoked, and gives none of them away: what it took shows which gate took it. The steps
    /// behind are five a second and two hundred at once. What was admitted without a line is claimed afterwards at the
    /// pace of claims: a bucket of its own would be the thief's, too.
    pub const LANE: Self =
        Self { claims: Pace { burst: 40, interval_ms: 1_000 }, others: Pace { burst: 200, interval_ms: 200 } };
}

/// One bucket, as the moment at which it will be full again.
///
/// One number says it all: how much is missing is how far that moment lies ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bucket {
    full_at_ms: i64,
}

impl Bucket {
    const fn full() -> Self {
        Self { full_at_ms: i64::MIN }
    }

    fn take(&mut self, pace: Pace, now: Timestamp) -> bool {
        let (now, step) = (now.unix_ms(), i64::from(pace.interval_ms));
        let holds = step.saturating_mul(i64::from(pace.burst));
        // A clock that was set back must not shut a gate out for longer than its bucket takes to fill.
        let full_at = self.full_at_ms.clamp(now, now.saturating_add(holds));
        let after = full_at.saturating_add(step);
        let fits = after.saturating_sub(now) <= holds;
        self.full_at_ms = if fits { after } else { full_at };
        fits
    }

    fn give_back(&mut self, pace: Pace) {
        self.full_at_ms = self.full_at_ms.saturating_sub(i64::from(pace.interval_ms));
    }
}

/// The buckets of all gates; only gates whose signature was verified have any.
#[derive(Debug)]
pub struct Rates {
    paces: Paces,
    gates: BTreeMap<GateId, (Bucket, Bucket)>,
}

impl Rates {
    /// All buckets full.
    #[must_use]
    pub const fn new(paces: Paces) -> Self {
        Self { paces, gates: BTreeMap::new() }
    }

    /// A step was not decided, and is to be asked for again.
    pub fn give_back(&mut self, gate: GateId, step: &ClaimStep) {
        let paces = self.paces;
        if let Some((claims, others)) = self.gates.get_mut(&gate) {
            if matches!(step, ClaimStep::Claim(_)) {
                claims.give_back(paces.claims);
            } else {
                others.give_back(paces.others);
            }
        }
    }

    /// Whether this gate may take that step now; it counts where it may.
    pub fn take(&mut self, gate: GateId, step: &ClaimStep, now: Timestamp) -> bool {
        let (claims, others) = self.gates.entry(gate).or_insert((Bucket::full(), Bucket::full()));
        match step {
            ClaimStep::Claim(_) => claims.take(self.paces.claims, now),
            ClaimStep::Withdraw(_) | ClaimStep::Opened(_) | ClaimStep::Annul(_) | ClaimStep::Exit(_) => {
                others.take(self.paces.others, now)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use kido_shared::claim::NamedAdmission;
    use kido_shared::ids::{AdmissionId, TicketId};
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_790_000_000);
    const PACE: Pace = Pace { burst: 3, interval_ms: 1_000 };

    #[test]
    fn a_stolen_key_takes_its_burst_and_then_one_a_second() {
        let mut bucket = Bucket::full();
        let taken = |bucket: &mut Bucket, ms| bucket.take(PACE, NOW.after(Duration::from_millis(ms)));
        assert_eq!([0, 0, 0, 0, 999].map(|ms| taken(&mut bucket, ms)), [true, true, true, false, false]);
        assert_eq!([1_000, 1_000, 2_500].map(|ms| taken(&mut bucket, ms)), [true, false, true]);
    }

    #[test]
    fn a_gate_that_has_claimed_too_much_still_tells_what_became_of_it_and_another_is_not_held_back() {
        let (one, other) = (GateId::from_bytes([1; 16]), GateId::from_bytes([2; 16]));
        let named = NamedAdmission {
            admission: AdmissionId::from_bytes([1; 16]),
            ticket: TicketId::from_bytes([1; 16]),
            gate: one,
        };
        let mut rates = Rates::new(Paces { others: Pace { burst: 1, interval_ms: 1_000 }, ..Paces::LANE });
        assert!(rates.take(one, &ClaimStep::Opened(named), NOW));
        assert!(!rates.take(one, &ClaimStep::Opened(named), NOW));
        assert!(rates.take(other, &ClaimStep::Opened(named), NOW));
    }

    #[test]
    fn a_clock_that_was_set_back_shuts_nobody_out_for_longer_than_a_bucket_fills() {
        let mut bucket = Bucket::full();
        while bucket.take(PACE, NOW) {}
        let back = NOW.before(Duration::from_secs(86_400));
        assert!(!bucket.take(PACE, back));
        assert!(bucket.take(PACE, back.after(Duration::from_secs(1))));
    }

    proptest! {
        #[test]
        fn nobody_takes_more_than_burst_and_rate(steps in prop::collection::vec(0_u64..3_000, 1..200)) {
            let mut bucket = Bucket::full();
            let (mut ms, mut taken) = (0, 0_u64);
            for step in steps {
                ms += step;
                taken += u64::from(bucket.take(PACE, NOW.after(Duration::from_millis(ms))));
                prop_assert!(taken <= 3 + ms / 1_000);
            }
        }
    }
}
