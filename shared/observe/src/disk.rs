//! How long the disk takes to keep facts.

use core::fmt;

use kido_store::sync_times;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

/// As they stand in a rule.
pub(crate) const SYNC_SAMPLES: [&str; 3] = [
    "kido_log_sync_duration_seconds_bucket",
    "kido_log_sync_duration_seconds_sum",
    "kido_log_sync_duration_seconds_count",
];

/// Every fdatasync of every facts log of this process, as the store has counted them.
#[derive(Debug)]
pub(crate) struct Syncs;

impl Collector for Syncs {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let times = sync_times();
        let (name, help) = ("kido_log_sync_duration_seconds", "How long one fdatasync of a facts log took.");
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
        metric.encode_histogram::<NoLabelSet>(times.seconds(), times.count(), &times.buckets(), None)
    }
}
