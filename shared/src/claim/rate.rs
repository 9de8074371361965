//! How fast one gate may ask: what a stolen gate key is worth until it is revoked.
//!
//! Token buckets: one for what takes an entry, one for what the feed has said before, one for the steps behind. Pure: the
//! time is an argument. Every step of a gate is signed, so nobody empties another gate's bucket.
//!
//! After an hour without a line a gate has hundreds of admissions to claim. Its word that they are past is no evidence: a
//! stolen key says the same. The feed's word is: the gate uploads first, half a second for a thousand, the feed tells
//! every arbiter, and what is claimed then takes nothing that was not taken. So those are bounded only as any flood is,
//! and all others share the pace of claims, of which they leave half to whoever stands before the lane. An upload itself
//! uses up entries as a claim does, and has a bucket of its own: an evening's lane fits, a venue's tickets do not.
//!
//! Every home of claims counts by these buckets, the registrar and a venue's box alike: a gate meets one manner, whoever
//! decides.

use std::collections::{BTreeMap, VecDeque};

use super::{ClaimStep, Holding};
use crate::admission::AdmissionBasis;
use crate::clock::Timestamp;
use crate::ids::{AdmissionId, GateId};

/// Claims of one gate that are known again when they are repeated: those of a large party, and of the tap before it.
const REPEATED_MAX: usize = 64;

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
    /// Admissions that are uploaded and were not known: each uses an entry up. Only a registrar takes any.
    pub uploads: Pace,
}

impl Paces {
    /// A lane at its fastest, and no more.
    ///
    /// A tap takes at least two and a half seconds, so one claim a second is twice what a lane of single holders needs;
    /// forty at once let a school class through on one proof. A key that was stolen takes at most 40 tickets and one more
    /// a second until it is revoked, and gives none of them away: what it took shows which gate took it. What the feed has
    /// told of is two hours of a lane at once, and fifty a second then. The steps behind are five a second and two hundred
    /// at once. Uploads are an hour and a half of a lane that let somebody in every three seconds, and two a second then:
    /// a gate that was off the line for a whole evening brings the rest home within the hour, and a stolen key does not
    /// close a hall within a minute.
    pub const LANE: Self = Self {
        claims: Pace { burst: 40, interval_ms: 1_000 },
        told: Pace { burst: 3_000, interval_ms: 20 },
        others: Pace { burst: 200, interval_ms: 200 },
        uploads: Pace { burst: 2_000, interval_ms: 500 },
    };
}

/// What a step takes, by which it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// An entry, for a holder before the lane.
    Claim(AdmissionId),
    /// An entry, for a holder who is said to be inside already.
    Afterwards(AdmissionId),
    /// Nothing: the feed has told of this very admission.
    Told,
    /// Nothing: the step says what became of a claim.
    Other,
    /// An entry, for a holder whose admission is uploaded and was not known.
    Upload,
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
            AdmissionBasis::Claimed => Self::Claim(request.admission),
            AdmissionBasis::Offline | AdmissionBasis::ByHand => Self::Afterwards(request.admission),
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
    uploads: Bucket,
    /// The newest claims that took a token. A lane asks the same again every 300 ms while it hears nothing: an arbiter
    /// that is slow, or whose answer was lost, must not use up the tokens of the holders behind.
    counted: VecDeque<AdmissionId>,
}

impl Buckets {
    const FULL: Self = Self {
        claims: Bucket::full(),
        told: Bucket::full(),
        others: Bucket::full(),
        uploads: Bucket::full(),
        counted: VecDeque::new(),
    };

    /// Takes for a claim, once however often it is asked for.
    fn claim(&mut self, admission: AdmissionId, (paces, leaving): (Paces, u32), now: Timestamp) -> bool {
        if self.counted.contains(&admission) {
            return self.told.take(paces.told, 0, now);
        }
        let fits = self.claims.take(paces.claims, leaving, now);
        if fits {
            self.counted.truncate(REPEATED_MAX.saturating_sub(1));
            self.counted.push_front(admission);
        }
        fits
    }

    fn take(&mut self, weight: Weight, paces: Paces, now: Timestamp) -> bool {
        match weight {
            Weight::Claim(admission) => self.claim(admission, (paces, 0), now),
            Weight::Afterwards(admission) => self.claim(admission, (paces, paces.claims.burst.div_euclid(2)), now),
            Weight::Told => self.told.take(paces.told, 0, now),
            Weight::Other => self.others.take(paces.others, 0, now),
            Weight::Upload => self.uploads.take(paces.uploads, 0, now),
        }
    }

    fn give_back(&mut self, weight: Weight, paces: Paces) {
        match weight {
            Weight::Claim(admission) | Weight::Afterwards(admission) => {
                // Once: whoever asks twice at a time has taken one token, and must not get two.
                if let Some(place) = self.counted.iter().position(|counted| *counted == admission) {
                    self.counted.remove(place);
                    self.claims.give_back(paces.claims);
                }
            }
            Weight::Told => self.told.give_back(paces.told),
            Weight::Other => self.others.give_back(paces.others),
            Weight::Upload => self.uploads.give_back(paces.uploads),
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
            buckets.give_back(weight, self.paces);
        }
    }

    /// Whether this gate may take such a step now; it counts where it may.
    pub fn take(&mut self, gate: GateId, weight: Weight, now: Timestamp) -> bool {
        self.gates.entry(gate).or_insert(Buckets::FULL).take(weight, self.paces, now)
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_790_000_000);
    const PACE: Pace = Pace { burst: 3, interval_ms: 1_000 };

    fn admission(number: u32) -> AdmissionId {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        AdmissionId::from_bytes(bytes)
    }

    fn claim(number: u32) -> Weight {
        Weight::Claim(admission(number))
    }

    #[test]
    fn a_claim_that_is_asked_again_while_nobody_answers_counts_once() {
        let gate = GateId::from_bytes([1; 16]);
        let mut rates = Rates::new(Paces { claims: Pace { burst: 2, interval_ms: 1_000 }, ..Paces::LANE });
        assert!((0..10).all(|_again| rates.take(gate, claim(1), NOW)), "the same holder, ten times");
        assert!(rates.take(gate, claim(2), NOW), "the next one");
        assert!(!rates.take(gate, claim(3), NOW));
    }

    #[test]
    fn what_was_given_back_twice_is_there_once() {
        let gate = GateId::from_bytes([1; 16]);
        let mut rates = Rates::new(Paces { claims: Pace { burst: 2, interval_ms: 1_000 }, ..Paces::LANE });
        assert!(rates.take(gate, claim(1), NOW) && rates.take(gate, claim(2), NOW));
        // Asked twice at a time, and undecided both times.
        assert!(rates.take(gate, claim(2), NOW));
        rates.give_back(gate, claim(2));
        rates.give_back(gate, claim(2));
        assert!(rates.take(gate, claim(3), NOW));
        assert!(!rates.take(gate, claim(4), NOW));
    }

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
        let mut claims = (0..).map(claim);
        while rates.take(one, claims.next().unwrap(), NOW) {}
        assert!(rates.take(one, Weight::Other, NOW));
        assert!(!rates.take(one, Weight::Other, NOW));
        assert!(rates.take(other, Weight::Other, NOW));
        assert!(rates.take(other, claim(0), NOW));
    }

    #[test]
    fn what_is_claimed_afterwards_is_bounded_with_the_claims_and_leaves_half_of_them_to_the_lane() {
        let gate = GateId::from_bytes([1; 16]);
        let mut rates = Rates::new(Paces { claims: Pace { burst: 6, interval_ms: 1_000 }, ..Paces::LANE });
        let mut ids = 0..;
        let mut count = |weigh: fn(AdmissionId) -> Weight, at| {
            ids.by_ref().take(20).filter(|id| rates.take(gate, weigh(admission(*id)), at)).count()
        };
        assert_eq!(count(Weight::Afterwards, NOW), 3);
        assert_eq!(count(Weight::Claim, NOW), 3, "six in all: a word more buys a thief nothing");
        let later = NOW.after(Duration::from_secs(2));
        assert_eq!(count(Weight::Afterwards, later), 0, "the lane comes first");
        assert_eq!(count(Weight::Claim, later), 2);
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
