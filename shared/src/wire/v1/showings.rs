//! Bodies of refused showings: what a holder sees of the proofs that opened nothing.

use crate::showing::RefusedShowing;

/// Refused showings from one gate's journal, oldest first. Repeats are taken, not stored twice.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ShowingBatch {
    /// At most [`crate::limits::SHOWINGS_PER_BATCH`].
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Object>))]
    pub showings: Vec<RefusedShowing>,
}

/// The whole batch is durable, or of no use to anybody; it need not come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ShowingsTaken {}
