//! An event on another date.

use crate::clock::Timestamp;
use crate::ids::TicketId;

/// Moves an event, its policy's dates and every ticket's window, so that it begins then.
///
/// One request moves a batch of tickets; it is repeated until `reached` is absent. Repeating it after that changes
/// nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Postpone {
    /// Doors on the new date.
    #[cfg_attr(feature = "openapi", schema(value_type = i64))]
    pub starts_at: Timestamp,
    /// Whether only to say what would be done.
    #[serde(default)]
    pub check: bool,
    /// With `check`: goes on behind this ticket. Without, how far it is stands with the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub after: Option<TicketId>,
}

/// What was done with a batch, or would be.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PostponementStep {
    /// Doors.
    #[cfg_attr(feature = "openapi", schema(value_type = i64))]
    pub starts_at: Timestamp,
    /// When everybody has gone home.
    #[cfg_attr(feature = "openapi", schema(value_type = i64))]
    pub ends_at: Timestamp,
    /// From when on gates wipe themselves.
    #[cfg_attr(feature = "openapi", schema(value_type = i64))]
    pub retention_at: Timestamp,
    /// Tickets of this batch whose windows moved.
    pub moved: u64,
    /// Tickets of this batch that are void or with the shop again, and stay as they are.
    pub left_alone: u64,
    /// Tickets of this batch whose holders have to look again: their card's certificate is not known to be valid on the
    /// new date.
    pub to_recheck: Vec<TicketToRecheck>,
    /// The last ticket that was looked at; absent where none is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub reached: Option<TicketId>,
}

/// A ticket whose holder has to look again. The shop knows it by its place, or asks for its own references one by one.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TicketToRecheck {
    /// Its id.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub ticket: TicketId,
    /// Where.
    pub zone: String,
    /// Which place.
    pub seat_label: String,
}
