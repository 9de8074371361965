//! Bodies about an event that a registrar from a backup gets back from its gates.

use crate::clock::Timestamp;
use crate::ids::{EventId, GateId};

/// How far it is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RecoveryBody {
    /// Its id.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub event: EventId,
    /// What is waited for.
    pub stage: RecoveryStage,
    /// Since when; nothing where nothing is waited for.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<i64>))]
    pub since: Option<Timestamp>,
    /// Records that are here.
    pub records: u64,
    /// Records that this registrar is known to have signed.
    pub records_signed: u64,
    /// The gates in force, and what each has brought.
    pub gates: Vec<RecoveringGate>,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RecoveryStage {
    /// Nothing: the event is served.
    Over,
    /// Records of the feed; until then nothing of the event changes.
    Records,
    /// Admissions; until then nobody's claim is answered.
    Admissions,
}

/// One gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RecoveringGate {
    /// Which.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub gate: GateId,
    /// What it has brought.
    pub brought: Brought,
}

/// What a gate has brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Brought {
    /// Nothing yet: it is not on the line, or its turn has not come.
    Nothing,
    /// Its records do not follow on those that are here, although this registrar signed its head: two histories.
    OtherHistory,
    /// Its records.
    Records,
    /// Its records and its journal.
    Everything,
    /// Nothing more: an operator goes on without it.
    LeftOut,
}

/// Goes on without what cannot be had.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DecideRecovery {
    /// Gates that will not come.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub without: Vec<GateId>,
    /// Whether records that this registrar has signed and no gate brings are given up.
    #[serde(default)]
    pub lost_records: bool,
}
