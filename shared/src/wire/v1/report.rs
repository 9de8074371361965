//! What a gate tells its registrar about itself, so that whoever runs the evening sees who needs help.
//!
//! Counts and states only: nothing here depends on whose card lay in the reader.

use super::recovery::RecoveryWish;
use crate::clock::Timestamp;

/// Longest list of refusals: codes have two digits, and those that are given lie between 10 and 39.
pub const REFUSAL_CODES_MAX: usize = 30;

/// How often a gate reports while the registrar answers, in seconds.
pub const REPORT_EVERY_SECONDS: u64 = 10;

/// A gate's own view of itself.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GateReport {
    /// How often this gate has started: counts begin anew with each start.
    pub boot: u64,
    /// Generation of the feed that it follows.
    pub feed_epoch: u64,
    /// How many records it has.
    pub feed_length: u64,
    /// When the newest head that it has reached was signed; nothing before the first.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<i64>))]
    pub head_issued_at: Option<Timestamp>,
    /// Whether the arbiter answers it.
    pub arbiter_answers: bool,
    /// The two-digit code of what keeps its lane shut; nothing while it is in order.
    pub out_of_order: Option<u8>,
    /// Whether entries are stored here that the registrar has not acknowledged.
    pub waits_to_upload: bool,
    /// Refusals since its start, by two-digit code; at most [`REFUSAL_CODES_MAX`] of them.
    pub refusals: Vec<CodeCount>,
}

/// How often a lane stayed shut with one code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CodeCount {
    /// Two digits, as staff hear them.
    pub code: u8,
    /// How often.
    pub count: u64,
}

/// A report was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReportTaken {
    /// What the registrar wants of this gate because it was restored from a backup; absent on every other day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<RecoveryWish>,
}
