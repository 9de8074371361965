//! What this gate counts; where it is scraped, `GET /metrics` tells.
//!
//! Counts and states of the lane, never anything that depends on whose card lay in the reader. The gate's own id is in no
//! label: whoever scrapes knows which machine was asked.

use core::time::Duration;
use std::sync::Arc;

use kido_observe::{Count, CountBy, LabelSet, LabelWriter, Level, LevelBy, Registry, Scrape, Times, Word};
use kido_shared::clock::Timestamp;
use kido_shared::refusal::StaffCode;

use crate::lane::ClaimOutcome;

/// Bounds for claims, in seconds: an attempt has 0.3, a holder waits for 3 at most.
const CLAIM_BOUNDS: &[f64] = &[0.002, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.3, 1.0, 3.0];

/// A code on the lane's screen.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Code(StaffCode);

impl LabelSet for Code {
    fn write(&self, labels: &mut LabelWriter<'_, '_>) {
        labels.code("code", self.0);
    }
}

/// What was said to a claim.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Answer(Word);

impl LabelSet for Answer {
    fn write(&self, labels: &mut LabelWriter<'_, '_>) {
        labels.word("answer", self.0);
    }
}

/// What the line to arbiter and registrar is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Line {
    /// An arbiter answers, and what is known is young enough.
    Online,
    /// No arbiter answers: the event's offline choice holds.
    Offline,
    /// What is known is older than the event allows, or the gate was revoked: nobody enters.
    Stale,
}

impl Line {
    const ALL: [Self; 3] = [Self::Online, Self::Offline, Self::Stale];
}

impl LabelSet for Line {
    fn write(&self, labels: &mut LabelWriter<'_, '_>) {
        let state = match self {
            Self::Online => "online",
            Self::Offline => "offline",
            Self::Stale => "stale",
        };
        labels.word("state", Word::new(state));
    }
}

/// What was asked for in vain, and why in one word.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Missed {
    call: Word,
    why: Word,
}

impl LabelSet for Missed {
    fn write(&self, labels: &mut LabelWriter<'_, '_>) {
        labels.word("call", self.call);
        labels.word("why", self.why);
    }
}

/// A call that may fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Following the feed.
    Feed,
    /// Bringing admissions home.
    Upload,
    /// Saying how the gate is.
    Report,
}

/// How the gate is at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// Records of the feed that it has.
    pub records: u64,
    /// How long ago the head was signed that it has reached.
    pub head_age: Duration,
    /// Its line.
    pub line: Line,
    /// The code that keeps its lane shut; nothing while it is in order.
    pub out_of_order: Option<StaffCode>,
    /// Admissions that the registrar has not acknowledged.
    pub unacknowledged: usize,
    /// Whether its clock is believed.
    pub clock_certain: bool,
}

/// All numbers of this process. Clones are handles to the same ones.
#[derive(Debug, Clone)]
pub struct Metrics(Arc<Told>);

#[derive(Debug)]
struct Told {
    registry: Registry,
    openings: Count,
    refusals: CountBy<Code>,
    barrier_failures: Count,
    claims: CountBy<Answer>,
    claim_times: Times,
    missed: CountBy<Missed>,
    records: Level,
    head_age: Level,
    line: LevelBy<Line>,
    in_order: Level,
    shut: LevelBy<Code>,
    unacknowledged: Level,
    clock_certain: Level,
}

impl Metrics {
    /// Nothing counted yet.
    #[must_use]
    pub fn begin(now: Timestamp) -> Self {
        let mut registry = Registry::begin(crate::PROGRAM, env!("CARGO_PKG_VERSION"), now);
        let told = &mut registry;
        let openings = told.count("kido_gate_openings", "How often the lane has opened");
        let refusals = told.count_by("kido_gate_refusals", "How often it has stayed shut, by the two-digit code");
        let barrier_failures = told.count("kido_gate_barrier_failures", "How often the barrier has not done as told");
        let claims = told.count_by("kido_gate_claims", "Claims at the lane, by answer; silent and offline are none");
        let help = "How long claims took, repetitions included";
        let claim_times = told.times("kido_gate_claim_duration_seconds", help, CLAIM_BOUNDS);
        let missed = told.count_by("kido_gate_uplink_failures", "Calls of the registrar that brought nothing");
        let records = told.level("kido_gate_feed_records", "Records of the feed that are here");
        let help = "How long ago the head was signed that was reached";
        let head_age = told.level("kido_gate_head_age_seconds", help);
        let line = told.level_by("kido_gate_line", "1 for the state of the line, 0 for the others");
        let in_order = told.level("kido_gate_in_order", "Whether the lane could let somebody in");
        let shut = told.level_by("kido_gate_out_of_order", "1 for the code of what keeps the lane shut");
        let help = "Admissions that the registrar has not acknowledged";
        let unacknowledged = told.level("kido_gate_unacknowledged_admissions", help);
        let clock_certain = told.level("kido_gate_clock_certain", "Whether the clock is believed");
        for code in StaffCode::ALL {
            // There before the first one: a rate of what begins with 1 misses that one.
            refusals.add(Code(code), 0);
        }
        Self(Arc::new(Told {
            registry,
            openings,
            refusals,
            barrier_failures,
            claims,
            claim_times,
            missed,
            records,
            head_age,
            line,
            in_order,
            shut,
            unacknowledged,
            clock_certain,
        }))
    }

    /// The lane has opened.
    pub fn opened(&self) {
        self.0.openings.add_one();
    }

    /// The barrier has not done as it was told.
    pub fn barrier_failed(&self) {
        self.0.barrier_failures.add_one();
    }

    /// Somebody was not let in.
    pub fn refused(&self, code: StaffCode) {
        self.0.refusals.add_one(Code(code));
    }

    /// A claim came to its end.
    pub fn claimed(&self, outcome: &ClaimOutcome, took: Duration) {
        let answer = match outcome {
            ClaimOutcome::Answered(answer) => answer.name(),
            ClaimOutcome::Silent => "silent",
            ClaimOutcome::Offline => "offline",
        };
        self.0.claim_times.took(took);
        self.0.claims.add_one(Answer(Word::new(answer)));
    }

    /// A call has brought nothing, for this reason in one word.
    pub fn missed(&self, call: Call, why: &'static str) {
        let call = match call {
            Call::Feed => "feed",
            Call::Upload => "upload",
            Call::Report => "report",
        };
        self.0.missed.add_one(Missed { call: Word::new(call), why: Word::new(why) });
    }

    /// How it is now.
    pub fn measured(&self, now: &Measured) {
        let told = &self.0;
        told.records.number(now.records);
        told.head_age.seconds(now.head_age);
        for line in Line::ALL {
            told.line.of(line).truth(line == now.line);
        }
        told.in_order.truth(now.out_of_order.is_none());
        told.shut.clear();
        if let Some(code) = now.out_of_order {
            told.shut.of(Code(code)).truth(true);
        }
        told.unacknowledged.count(now.unacknowledged);
        told.clock_certain.truth(now.clock_certain);
    }
}

impl Scrape for Metrics {
    fn scrape(&self) -> String {
        self.0.registry.write()
    }
}

#[cfg(test)]
mod tests {
    use kido_shared::refusal::Refusal;

    use super::*;

    fn told(metrics: &Metrics, line: &str) -> bool {
        metrics.scrape().lines().any(|told| told == line)
    }

    #[test]
    fn what_the_lane_does_is_counted() {
        let metrics = Metrics::begin(Timestamp::from_unix_seconds(1_790_000_000));
        assert!(told(&metrics, "kido_gate_refusals_total{code=\"14\"} 0"), "{}", metrics.scrape());
        metrics.opened();
        metrics.refused(Refusal::TooLate.code());
        metrics.refused(Refusal::TooLate.code());
        metrics.claimed(&ClaimOutcome::Silent, Duration::from_secs(3));
        metrics.missed(Call::Upload, "deadline");
        for line in [
            "kido_gate_openings_total 1",
            "kido_gate_refusals_total{code=\"14\"} 2",
            "kido_gate_claims_total{answer=\"silent\"} 1",
            "kido_gate_claim_duration_seconds_count 1",
            "kido_gate_uplink_failures_total{call=\"upload\",why=\"deadline\"} 1",
            "process_start_time_seconds 1790000000.0",
        ] {
            assert!(told(&metrics, line), "{line}\n{}", metrics.scrape());
        }
    }

    #[test]
    fn a_gate_is_in_one_state_at_a_time_and_forgets_a_code_that_is_over() {
        let metrics = Metrics::begin(Timestamp::default());
        let well = Measured {
            records: 7,
            head_age: Duration::from_millis(1_500),
            line: Line::Online,
            out_of_order: None,
            unacknowledged: 0,
            clock_certain: true,
        };
        let code = Some(Refusal::ReplicaTooOld.code());
        metrics.measured(&Measured { line: Line::Stale, out_of_order: code, unacknowledged: 3, ..well });
        for line in ["kido_gate_line{state=\"stale\"} 1.0", "kido_gate_out_of_order{code=\"33\"} 1.0"] {
            assert!(told(&metrics, line), "{line}\n{}", metrics.scrape());
        }
        metrics.measured(&well);
        assert!(!metrics.scrape().contains("kido_gate_out_of_order{"), "{}", metrics.scrape());
        for line in [
            "kido_gate_line{state=\"stale\"} 0.0",
            "kido_gate_line{state=\"online\"} 1.0",
            "kido_gate_in_order 1.0",
            "kido_gate_feed_records 7.0",
            "kido_gate_head_age_seconds 1.5",
        ] {
            assert!(told(&metrics, line), "{line}\n{}", metrics.scrape());
        }
    }

    #[test]
    fn the_rules_that_come_along_watch_what_is_told() {
        let rules = include_str!("../../deploy/prometheus/kido.rules.yml");
        let told = Metrics::begin(Timestamp::default());
        let lacking = told.0.registry.not_told(rules, "kido_gate_");
        assert!(lacking.is_empty(), "{lacking:?}");
    }
}
