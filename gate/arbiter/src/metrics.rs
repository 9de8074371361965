//! What this box counts; where it is scraped, `GET /metrics` tells.

use core::time::Duration;

use axum::extract::MatchedPath;
use axum::http::StatusCode;
use kido_observe::{Answered, Count, CountBy, Level, Registry, Stepped, TimesBy};
use kido_shared::claim::{ClaimAnswer, ClaimStep};
use kido_shared::clock::Timestamp;

use crate::book::Standing;
use crate::decide::decides;
use crate::records::Sharing;

/// Bounds for steps, in seconds: gates give an attempt up after 0.3.
const STEP_BOUNDS: &[f64] = &[0.001, 0.002, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.3, 1.0, 3.0];

/// All numbers of this process.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: CountBy<Answered>,
    steps: CountBy<Stepped>,
    step_times: TimesBy<Stepped>,
    copied: Count,
    decides: Level,
    records: Level,
    head_age: Level,
    gates: Level,
}

impl Metrics {
    /// Nothing counted yet.
    pub(crate) fn begin(now: Timestamp) -> Self {
        let mut registry = Registry::begin(crate::PROGRAM, env!("CARGO_PKG_VERSION"), now);
        let told = &mut registry;
        let requests = told.count_by("kido_arbiter_http_requests", "Requests by route and kind of answer");
        let steps = told.count_by("kido_arbiter_claims", "Steps on tickets' records, by what was said to them");
        let help = "How long steps on tickets' records took, until they were durable";
        let step_times = told.times_by("kido_arbiter_claim_duration_seconds", help, STEP_BOUNDS);
        let help = "Requests that were refused because two machines run with a gate's keys";
        let copied = told.count("kido_arbiter_copied_gate_requests", help);
        let decides = told.level("kido_arbiter_decides", "Whether this box decides now");
        let records = told.level("kido_arbiter_feed_records", "Records of the feed that are here");
        let help = "How long ago the head was signed that was reached";
        let head_age = told.level("kido_arbiter_head_age_seconds", help);
        let gates = told.level("kido_arbiter_gates", "Gates that may ask here");
        Self { registry, requests, steps, step_times, copied, decides, records, head_age, gates }
    }

    /// A request was answered.
    pub(crate) fn answered(&self, route: Option<&MatchedPath>, status: StatusCode) {
        self.requests.add_one(Answered::of(route, status));
    }

    /// A step was answered, or refused.
    pub(crate) fn stepped(&self, step: &ClaimStep, answer: Option<&ClaimAnswer>, took: Duration) {
        let labels = Stepped::of(step, answer);
        self.step_times.took(labels.clone(), took);
        self.steps.add_one(labels);
    }

    /// A gate's keys were seen on two machines, and a request of one of them came.
    pub(crate) fn copied(&self) {
        self.copied.add_one();
    }

    /// Everything, with how it is now.
    pub(crate) fn write(&self, standing: &Standing, sharing: Sharing, now: Timestamp) -> String {
        self.decides.truth(decides(standing, sharing, now).is_ok());
        self.records.number(standing.position.length);
        self.head_age.seconds(standing.age(now));
        self.gates.count(standing.gates.values().filter(|gate| !gate.revoked).count());
        self.registry.write()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_that_come_along_watch_what_is_told() {
        let rules = include_str!("../../../deploy/prometheus/kido.rules.yml");
        let told = Metrics::begin(Timestamp::default());
        let lacking = told.registry.not_told(rules, "kido_arbiter_");
        assert!(lacking.is_empty(), "{lacking:?}");
    }
}
