//! Counts, levels and times, alone or by a set of labels. Clones are handles to the same one.

use core::sync::atomic::AtomicU64;
use core::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use crate::label::{LabelSet, Labelled};

pub(crate) type Number = Gauge<f64, AtomicU64>;

/// How often something happened.
#[derive(Debug, Clone, Default)]
pub struct Count(pub(crate) Counter);

impl Count {
    /// Once more.
    pub fn add_one(&self) {
        self.0.inc();
    }
}

/// How often something happened, told apart.
#[derive(Debug, Clone)]
pub struct CountBy<S: LabelSet>(pub(crate) Family<Labelled<S>, Counter>);

impl<S: LabelSet> Default for CountBy<S> {
    fn default() -> Self {
        Self(Family::default())
    }
}

impl<S: LabelSet> CountBy<S> {
    /// Once more.
    pub fn add_one(&self, labels: S) {
        self.add(labels, 1);
    }

    /// So often more; with 0 the series is there before anything has happened, which a rate needs.
    pub fn add(&self, labels: S, more: u64) {
        self.0.get_or_create(&Labelled(labels)).inc_by(more);
    }
}

/// How much there is now.
#[derive(Debug, Clone, Default)]
pub struct Level(pub(crate) Number);

impl Level {
    /// As much as that.
    pub fn set(&self, value: f64) {
        self.0.set(value);
    }

    /// So many.
    pub fn count(&self, count: usize) {
        self.0.set(as_number(u64::try_from(count).unwrap_or(u64::MAX)));
    }

    /// So many.
    pub fn number(&self, number: u64) {
        self.0.set(as_number(number));
    }

    /// 1 where it is so, else 0.
    pub fn truth(&self, so: bool) {
        self.0.set(f64::from(u8::from(so)));
    }

    /// So many seconds.
    pub fn seconds(&self, span: Duration) {
        self.0.set(span.as_secs_f64());
    }
}

/// How much there is now, told apart.
#[derive(Debug, Clone)]
pub struct LevelBy<S: LabelSet>(pub(crate) Family<Labelled<S>, Number>);

impl<S: LabelSet> Default for LevelBy<S> {
    fn default() -> Self {
        Self(Family::default())
    }
}

impl<S: LabelSet> LevelBy<S> {
    /// One of them, to be set.
    #[must_use]
    pub fn of(&self, labels: S) -> Level {
        Level(self.0.get_or_create_owned(&Labelled(labels)))
    }

    /// Forgets all of them: what is gone is not told for ever.
    pub fn clear(&self) {
        self.0.clear();
    }
}

/// How long something took.
#[derive(Debug, Clone)]
pub struct Times(pub(crate) Histogram);

impl Times {
    pub(crate) fn with(bounds: &'static [f64]) -> Self {
        Self(Histogram::new(bounds.iter().copied()))
    }

    /// Once more, this long.
    pub fn took(&self, time: Duration) {
        self.0.observe(time.as_secs_f64());
    }
}

/// How long something took, told apart.
#[derive(Debug, Clone)]
pub struct TimesBy<S: LabelSet>(pub(crate) Family<Labelled<S>, Histogram, Bounds>);

/// The upper bounds of a histogram's buckets, in seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds(pub(crate) &'static [f64]);

impl MetricConstructor<Histogram> for Bounds {
    fn new_metric(&self) -> Histogram {
        Histogram::new(self.0.iter().copied())
    }
}

impl<S: LabelSet> TimesBy<S> {
    pub(crate) fn with(bounds: &'static [f64]) -> Self {
        Self(Family::new_with_constructor(Bounds(bounds)))
    }

    /// Once more, this long.
    pub fn took(&self, labels: S, time: Duration) {
        self.0.get_or_create(&Labelled(labels)).observe(time.as_secs_f64());
    }
}

/// Exact up to 2^53, which nothing here ever reaches; Prometheus knows no other numbers.
fn as_number(number: u64) -> f64 {
    let (high, low) = (number >> 32, number & u64::from(u32::MAX));
    let part = |part: u64| f64::from(u32::try_from(part).unwrap_or(u32::MAX));
    part(high).mul_add(4_294_967_296.0, part(low))
}

#[cfg(test)]
mod tests {
    use super::as_number;

    #[test]
    #[expect(clippy::float_cmp, reason = "these numbers are exact")]
    fn counts_become_numbers_unchanged() {
        assert_eq!([0, 1, 1 << 32, (1 << 53) - 1].map(as_number), [0.0, 1.0, 4_294_967_296.0, 9_007_199_254_740_991.0]);
    }
}
