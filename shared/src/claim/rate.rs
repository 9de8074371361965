//! How fast one gate may ask: what a stolen gate key is worth until it is revoked.
//!
//! Token buckets: one for what takes an entry, one for what the feed has said before, one for the steps behind. Pure: the
//! time is an argument. Every step of a gate is signed, so nobody empties another gate's bucket.
//!
//! After an hour without a line a gate has hundreds of admissions to claim. Its word that they are past is no evidence: a
//! stolen key says the same. The feed's word is: the gate uploads first, half a second for a thousand, the feed tells
//! every arbiter, and what is claimed then takes nothing that was not taken. So those are bounded only as any flood is,
//! and all others share the pace of claims, of which they leave half to whoever stands before the lane.
//!
//! Every home of claims counts by these buckets, the registrar and a venue's box alike: a gate meets one manner, whoever
//! decides.

use std::collections::BTreeMap;

use super::{ClaimStep, Holding};
use crate::admission::AdmissionBasis;
use crate::clock::Timestamp;
use crate::ids::GateId;

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
    /// Claims of admissions that the feed has told of: each takes nothing.
    pub told: Pace,
    /// The steps behind a claim, which take nothing: withdrawn, opened, annulled.
    pub others: Pace,
}

impl Paces {
    /// A lane at its fastest, and no more.
    ///
    /// A tap takes at least two and a half seconds, so one claim a second is twice what a lane of single holders needs;
    /// forty at once let a school class through on one proof. A key that was stolen takes at most 40 tickets and one more
    /// a second until it is revoked, and gives none of them away: what it took shows which gate took it. What the feed has
    /// told of is two hours of a lane at once, and fifty a second then. The steps behind are five a second and two hundred
    /// at once.
    pub const LANE: Self = Self {
        claims: Pace { burst: 40, interval_ms: 1_000 },
        told: Pace { burst: 3_000, interval_ms: 20 },
        others: Pace { burst: 200, interval_ms: 200 },
    };
}

/// What a step takes, by which it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// An entry, for a holder before the lane.
    Claim,
    /// An entry, for a holder who is said to be inside already.
    Afterwards,
    /// Nothing: the feed has told of this very admission.
    Told,
    /// Nothing: the step says what became of a claim.
    Other,
}

impl Weight {
    /// What a step takes, given who is inside on its ticket by the admissions that were uploaded.
    #[must_use]
    pub fn of(step: &ClaimStep, told: Option<&Holding>) -> Self {
        let ClaimStep::Claim(request) = step else { return Self::Other };
        let holds = |admission, gate| (admission, gate) == (request.admission, request.gate);
        // One that the feed has closed is no such: the record may not know of it, and would be written.
        if told.is_some_and(|holding| holds(holding.admission, holding.gate)) {
            return Self::Told;
        }
        match request.basis {
            AdmissionBasis::Claimed => Self::Claim,
            AdmissionBasis::Offline | AdmissionBasis::ByHand => Self::Afterwards,
        }
    }
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

    /// Takes one where that many are left behind it.
    fn take(&mut self, pace: Pace, leaving: u32, now: Timestamp) -> bool {
        let (now, step) = (now.unix_ms(), i64::from(pace.interval_ms));
        let holds = step.saturating_mul(i64::from(pace.burst));
        let most = holds.saturating_sub(step.saturating_mul(i64::from(leaving)));
        // A clock that was set back must not shut a gate out for longer than its bucket takes to fill.
        let full_at = self.full_at_ms.clamp(now, now.saturating_add(holds));
        let after = full_at.saturating_add(step);
        let fits = after.saturating_sub(now) <= most;
        self.full_at_ms = if fits { after } else { full_at };
        fits
    }

    fn give_back(&mut self, pace: Pace) {
        self.full_at_ms = self.full_at_ms.saturating_sub(i64::from(pace.interval_ms));
    }
}

/// The buckets of one gate.
#[derive(Debug)]
struct Buckets {
    claims: Bucket,
    told: Bucket,
    others: Bucket,
}

impl Buckets {
    const FULL: Self = Self { claims: Bucket::full(), told: Bucket::full(), others: Bucket::full() };

    /// The bucket of a step, how it fills, and how much of it the step has to leave.
    fn of(&mut self, weight: Weight, paces: Paces) -> (&mut Bucket, Pace, u32) {
        match weight {
            Weight::Claim => (&mut self.claims, paces.claims, 0),
            Weight::Afterwards => (&mut self.claims, paces.claims, paces.claims.burst.div_euclid(2)),
            Weight::Told => (&mut self.told, paces.told, 0),
            Weight::Other => (&mut self.others, paces.others, 0),
        }
    }
}

/// The buckets of all gates; only gates whose signature was verified have any.
#[derive(Debug)]
pub struct Rates {
    paces: Paces,
    gates: BTreeMap<GateId, Buckets>,
}

impl Rates {
    /// All buckets full.
    #[must_use]
    pub const fn new(paces: Paces) -> Self {
        Self { paces, gates: BTreeMap::new() }
    }

    /// A step was not decided, and is to be asked for again.
    pub fn give_back(&mut self, gate: GateId, weight: Weight) {
        if let Some(buckets) = self.gates.get_mut(&gate) {
            let (bucket, pace, _leaving) = buckets.of(weight, self.paces);
            bucket.give_back(pace);
        }
    }

    /// Whether this gate may take such a step now; it counts where it may.
    pub fn take(&mut self, gate: GateId, weight: Weight, now: Timestamp) -> bool {
        let (bucket, pace, leaving) = self.gates.entry(gate).or_insert(Buckets::FULL).of(weight, self.paces);
        bucket.take(pace, leaving, now)
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_790_000_000);
    const PACE: Pace = Pace { burst: 3, interval_ms: 1_000 };

    #[test]
    fn a_stolen_key_takes_its_burst_and_then_one_a_second() {
        let mut bucket = Bucket::full();
        let taken = |bucket: &mut Bucket, ms| bucket.take(PACE, 0, NOW.after(Duration::from_millis(ms)));
        assert_eq!([0, 0, 0, 0, 999].map(|ms| taken(&mut bucket, ms)), [true, true, true, false, false]);
        assert_eq!([1_000, 1_000, 2_500].map(|ms| taken(&mut bucket, ms)), [true, false, true]);
    }

    #[test]
    fn a_gate_that_has_claimed_too_much_still_tells_what_became_of_it_and_another_is_not_held_back() {
        let (one, other) = (GateId::from_bytes([1; 16]), GateId::from_bytes([2; 16]));
        let mut rates = Rates::new(Paces { others: Pace { burst: 1, interval_ms: 1_000 }, ..Paces::LANE });
        while rates.take(one, Weight::Claim, NOW) {}
        assert!(rates.take(one, Weight::Other, NOW));
        assert!(!rates.take(one, Weight::Other, NOW));
        assert!(rates.take(other, Weight::Other, NOW));
        assert!(rates.take(other, Weight::Claim, NOW));
    }

    #[test]
    fn what_is_claimed_afterwards_is_bounded_with_the_claims_and_leaves_half_of_them_to_the_lane() {
        let gate = GateId::from_bytes([1; 16]);
        let mut rates = Rates::new(Paces { claims: Pace { burst: 6, interval_ms: 1_000 }, ..Paces::LANE });
        let count = |rates: &mut Rates, weight, at| (0..20).filter(|_try| rates.take(gate, weight, at)).count();
        assert_eq!(count(&mut rates, Weight::Afterwards, NOW), 3);
        assert_eq!(count(&mut rates, Weight::Claim, NOW), 3, "six in all: a word more buys a thief nothing");
        let later = NOW.after(Duration::from_secs(2));
        assert_eq!(count(&mut rates, Weight::Afterwards, later), 0, "the lane comes first");
        assert_eq!(count(&mut rates, Weight::Claim, later), 2);
    }

    #[test]
    fn a_clock_that_was_set_back_shuts_nobody_out_for_longer_than_a_bucket_fills() {
        let mut bucket = Bucket::full();
        while bucket.take(PACE, 0, NOW) {}
        let back = NOW.before(Duration::from_secs(86_400));
        assert!(!bucket.take(PACE, 0, back));
        assert!(bucket.take(PACE, 0, back.after(Duration::from_secs(1))));
    }

    proptest! {
        #[test]
        fn nobody_takes_more_than_burst_and_rate(steps in prop::collection::vec(0_u64..3_000, 1..200)) {
            let mut bucket = Bucket::full();
            let (mut ms, mut taken) = (0, 0_u64);
            for step in steps {
                ms += step;
                taken += u64::from(bucket.take(PACE, 0, NOW.after(Duration::from_millis(ms))));
                prop_assert!(taken <= 3 + ms / 1_000);
            }
        }
    }
}
