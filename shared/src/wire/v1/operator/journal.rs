//! A gate's journal that somebody has carried here in a file.

use crate::clock::Timestamp;
use crate::ids::{GateId, TicketId};

/// Most tickets in conflict that an answer names; all of them are in the console.
pub const CONFLICTS_TOLD_MAX: usize = 1_000;

/// What became of the facts in a journal file. Bringing it again changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct JournalTaken {
    /// Whose journal.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub gate: GateId,
    /// When the file was written, by the gate's clock.
    #[cfg_attr(feature = "openapi", schema(value_type = i64))]
    pub exported_at: Timestamp,
    /// Admissions that are new here.
    pub stored: u64,
    /// Admissions that were here already.
    pub repeated: u64,
    /// Admissions that are new here, and of an entry that another one has.
    pub conflicts: u64,
    /// The tickets of these, at most [`CONFLICTS_TOLD_MAX`].
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub in_conflict: Vec<TicketId>,
    /// Admissions that are never stored; the log says why.
    pub refused: u64,
    /// Refused proofs, for the histories of their tickets.
    pub showings: u64,
    /// Ends of admissions that are new here: nobody had passed, or the holder went out.
    #[serde(default)]
    pub endings: u64,
    /// Ends that are not taken now, since too many of this gate's wait for their admissions: the file is to be brought
    /// again behind the journals of the gates that those came by.
    #[serde(default)]
    pub later: u64,
    /// How many records of the feed the gate had followed with nothing left to tell, where its file says so and that was
    /// taken: a second gate in its zone need not wait for its line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard: Option<u64>,
}
