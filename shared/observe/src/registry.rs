//! Everything that one process tells, under one roof.

use core::fmt;
use std::collections::BTreeSet;

use kido_shared::clock::Timestamp;
use prometheus_client::registry;

use crate::disk::{SYNC_SAMPLES, Syncs};
use crate::label::{LabelSet, LabelWriter, Word};
use crate::metric::{Count, CountBy, Level, LevelBy, Times, TimesBy};

/// What is added to the name of a count.
const COUNT: &[&str] = &["_total"];

/// What is added to the name of a level.
const LEVEL: &[&str] = &[""];

/// What is added to the name of times.
const TIMES: &[&str] = &["_bucket", "_sum", "_count"];

/// Declares metrics, and writes them down.
///
/// Names follow the conventions of Prometheus: the program first, base units, the unit last; `_total` is added to counts.
pub struct Registry {
    metrics: registry::Registry,
    /// As they stand in a rule.
    samples: BTreeSet<String>,
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Registry")
    }
}

/// Which program, and which version of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Build {
    program: Word,
    version: Word,
}

impl LabelSet for Build {
    fn write(&self, labels: &mut LabelWriter<'_, '_>) {
        labels.word("program", self.program);
        labels.word("version", self.version);
    }
}

impl Registry {
    /// One that tells which program this is, when it began, and how long its disk takes to keep facts.
    #[must_use]
    pub fn begin(program: &'static str, version: &'static str, started: Timestamp) -> Self {
        let samples = SYNC_SAMPLES.map(str::to_owned).into();
        let mut registry = Self { metrics: registry::Registry::default(), samples };
        let build = registry.level_by("kido_build_info", "Which program this is; always 1");
        build.of(Build { program: Word::new(program), version: Word::new(version) }).truth(true);
        let began = registry.level("process_start_time_seconds", "When this process began, in seconds since 1970");
        began.seconds(started.since(Timestamp::default()));
        registry.metrics.register_collector(Box::new(Syncs));
        registry
    }

    /// A count.
    pub fn count(&mut self, name: &'static str, help: &'static str) -> Count {
        let count = Count::default();
        self.register((name, COUNT), help, count.0.clone());
        count
    }

    /// A count by labels.
    pub fn count_by<S: LabelSet>(&mut self, name: &'static str, help: &'static str) -> CountBy<S> {
        let counts = CountBy::default();
        self.register((name, COUNT), help, counts.0.clone());
        counts
    }

    /// A level.
    pub fn level(&mut self, name: &'static str, help: &'static str) -> Level {
        let level = Level::default();
        self.register((name, LEVEL), help, level.0.clone());
        level
    }

    /// A level by labels.
    pub fn level_by<S: LabelSet>(&mut self, name: &'static str, help: &'static str) -> LevelBy<S> {
        let levels = LevelBy::default();
        self.register((name, LEVEL), help, levels.0.clone());
        levels
    }

    /// Times, in buckets up to these bounds, in seconds.
    pub fn times(&mut self, name: &'static str, help: &'static str, bounds: &'static [f64]) -> Times {
        let times = Times::with(bounds);
        self.register((name, TIMES), help, times.0.clone());
        times
    }

    /// Times by labels.
    pub fn times_by<S: LabelSet>(
        &mut self,
        name: &'static str,
        help: &'static str,
        bounds: &'static [f64],
    ) -> TimesBy<S> {
        let times = TimesBy::with(bounds);
        self.register((name, TIMES), help, times.0.clone());
        times
    }

    fn register(
        &mut self,
        (name, suffixes): (&'static str, &[&str]),
        help: &'static str,
        metric: impl registry::Metric,
    ) {
        self.samples.extend(suffixes.iter().map(|suffix| format!("{name}{suffix}")));
        self.metrics.register(name, help, metric);
    }

    /// Names with that beginning in a file of rules that nothing here is told under: a rule that never fires. For its
    /// test.
    #[must_use]
    pub fn not_told(&self, rules: &str, beginning: &str) -> Vec<String> {
        let names = rules.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        let named = names.filter(|name| name.starts_with(beginning));
        named.filter(|name| !self.samples.contains(*name)).map(str::to_owned).collect()
    }

    /// Everything as it is now, as OpenMetrics text.
    #[must_use]
    pub fn write(&self) -> String {
        let mut text = String::new();
        if prometheus_client::encoding::text::encode(&mut text, &self.metrics).is_err() {
            // Writing to a String does not fail, so this is a bug; and half of a text would be believed.
            tracing::error!("the metrics could not be written down");
            return "# EOF\n".to_owned();
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, PartialEq, Eq, Hash)]
    struct Answer(Word);

    impl LabelSet for Answer {
        fn write(&self, labels: &mut LabelWriter<'_, '_>) {
            labels.word("answer", self.0);
        }
    }

    fn registry() -> Registry {
        Registry::begin("kido-observe", "1.2.3", Timestamp::from_unix_seconds(1_790_000_000))
    }

    #[test]
    fn a_process_says_which_program_it_is_and_since_when() {
        let text = registry().write();
        assert!(text.contains("kido_build_info{program=\"kido-observe\",version=\"1.2.3\"} 1.0\n"), "{text}");
        assert!(text.contains("process_start_time_seconds 1790000000.0\n"), "{text}");
        assert!(text.contains("kido_log_sync_duration_seconds_bucket{le=\"+Inf\"} "), "{text}");
        assert!(text.ends_with("# EOF\n"), "{text}");
    }

    #[test]
    fn counts_and_times_are_told_by_their_labels() {
        let mut registry = registry();
        let counts = registry.count_by("kido_answers", "Answers");
        let times = registry.times_by("kido_answer_duration_seconds", "How long", &[0.1, 1.0]);
        counts.add_one(Answer(Word::new("granted")));
        counts.add(Answer(Word::new("taken")), 0);
        times.took(Answer(Word::new("granted")), core::time::Duration::from_millis(500));
        let text = registry.write();
        for line in [
            "# TYPE kido_answers counter",
            "kido_answers_total{answer=\"granted\"} 1",
            "kido_answers_total{answer=\"taken\"} 0",
            "kido_answer_duration_seconds_bucket{le=\"0.1\",answer=\"granted\"} 0",
            "kido_answer_duration_seconds_bucket{le=\"1.0\",answer=\"granted\"} 1",
            "kido_answer_duration_seconds_count{answer=\"granted\"} 1",
        ] {
            assert!(text.lines().any(|told| told == line), "{line}\n{text}");
        }
    }

    #[test]
    fn a_rule_about_what_is_never_told_is_found() {
        let rules = "expr: rate(kido_log_sync_duration_seconds_bucket[5m]) > kido_log_syncs";
        assert_eq!(registry().not_told(rules, "kido_"), ["kido_log_syncs"]);
    }

    #[test]
    fn the_rules_that_come_along_name_only_programs_that_tell_and_what_all_of_them_tell() {
        let rules = include_str!("../../../deploy/prometheus/kido.rules.yml");
        let elsewhere = ["kido_registrar_", "kido_gate_", "kido_arbiter_"];
        let mut lacking = registry().not_told(rules, "kido_");
        lacking.retain(|name| !elsewhere.iter().any(|program| name.starts_with(program)));
        assert!(lacking.is_empty(), "{lacking:?}");
    }
}
