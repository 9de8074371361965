//! Events and their policies.

use crate::clock::Timestamp;
use crate::ids::EventId;
use crate::policy::{ArbiterHome, OfflineChoice, TransferChoice};

/// A new event. What has no default must be said: above all what gates do while no arbiter answers.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateEvent {
    /// What people call it.
    pub name: String,
    /// Doors.
    #[cfg_attr(feature = "openapi", schema(value_type = i64))]
    pub starts_at: Timestamp,
    /// When everybody has gone home.
    #[cfg_attr(feature = "openapi", schema(value_type = i64))]
    pub ends_at: Timestamp,
    /// `refuse`, `home_gate` or `admit`.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "refuse"))]
    pub offline: OfflineChoice,
    /// `registrar`, `local` or `venue`.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "registrar"))]
    pub arbiter: ArbiterHome,
    /// The event that this one rehearses: then test cards are accepted, and everything says so.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub rehearsal_of: Option<EventId>,
    /// Everything that has a default.
    #[serde(default)]
    pub choices: PolicyChoices,
}

/// Changes of a policy: what is not named stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct UpdateEvent {
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Doors.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<i64>))]
    pub starts_at: Option<Timestamp>,
    /// When everybody has gone home.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<i64>))]
    pub ends_at: Option<Timestamp>,
    /// What gates do while no arbiter answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub offline: Option<OfflineChoice>,
    /// Where claims are decided; another home is another arbiter.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub arbiter: Option<ArbiterHome>,
    /// The rest.
    pub choices: PolicyChoices,
}

/// Choices that have a default in a new event, and stay as they are in a change.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct PolicyChoices {
    /// From when on gates wipe themselves and the operator may delete the event; 30 days after the end unless said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<i64>))]
    pub retention_at: Option<Timestamp>,
    /// Usable tickets on one card; 1 unless said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tickets_per_card: Option<u16>,
    /// Oldest knowledge that a gate admits with, in milliseconds; 12 hours unless said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replica_age_ms_max: Option<u64>,
    /// Whether a valid admission proof at the gate lifts a suspension. Not offered yet: only *no* is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resume_at_gate: Option<bool>,
    /// Whether licensed no-PIN software may give the proof. Not offered yet: only *no* is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_proof: Option<bool>,
    /// Until when a bound ticket may be given back. Not offered yet: to be left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<i64>))]
    pub give_back_until: Option<Timestamp>,
    /// How long a paid ticket may stay unbound, in milliseconds. Not offered yet: to be left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bind_within_ms: Option<u64>,
    /// Who may pass a bound ticket on. Not offered yet: only *nobody* is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub transfer: Option<TransferChoice>,
}

/// An event as those who run it see it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EventBody {
    /// Its id.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub event: EventId,
    /// What people call it.
    pub name: String,
    /// Whether it is a rehearsal, where test cards are accepted.
    pub rehearsal: bool,
    /// The event that it rehearses.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub rehearsal_of: Option<EventId>,
    /// Doors.
    #[cfg_attr(feature = "openapi", schema(value_type = i64))]
    pub starts_at: Timestamp,
    /// When everybody has gone home.
    #[cfg_attr(feature = "openapi", schema(value_type = i64))]
    pub ends_at: Timestamp,
    /// What gates do while no arbiter answers.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub offline: OfflineChoice,
    /// Where claims are decided.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub arbiter: ArbiterHome,
    /// The other choices, every one with its value.
    pub choices: PolicyChoices,
    /// Generation of its feed.
    pub feed_epoch: u64,
    /// Records in its feed.
    pub feed_length: u64,
    /// How many tickets are in which state.
    pub tickets: TicketCounts,
    /// Whether its tickets are still to follow it to another date.
    #[serde(default)]
    pub moving: bool,
    /// Whether this registrar was restored from a backup and gets the event back from its gates.
    #[serde(default)]
    pub recovering: bool,
    /// What the gates did; absent for the shop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entries: Option<EntryCounts>,
}

/// An event that was deleted. Its week keys are told by their week, `2026-W53`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EventForgotten {
    /// Its id.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub event: EventId,
    /// Weeks whose keys are destroyed: what backups hold of the event's key is noise.
    pub week_keys_gone: Vec<String>,
    /// Weeks whose keys other events still need; each goes with the last of them.
    pub week_keys_kept: Vec<String>,
}

/// What the gates of an event did; never shown to the shop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EntryCounts {
    /// Admissions that gates have uploaded.
    pub admissions: u64,
    /// Pairs of admissions of one entry.
    pub conflicts: u64,
    /// Those of them that turned out to be none: one of the two had ended.
    #[serde(default)]
    pub settled: u64,
}

/// How many tickets are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TicketCounts {
    /// No card, not paid.
    pub reserved: u64,
    /// No card, paid.
    pub unbound: u64,
    /// With a card.
    pub bound: u64,
    /// With a card, reported lost.
    pub suspended: u64,
    /// With the shop again.
    pub returned: u64,
    /// Void.
    pub cancelled: u64,
}

/// All events of a registrar.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EventList {
    /// In the order of their ids.
    pub events: Vec<EventBody>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_in_a_change_stays_unsaid() {
        assert_eq!(serde_json::to_string(&UpdateEvent::default()).unwrap(), r#"{"choices":{}}"#);
        assert_eq!(serde_json::from_str::<UpdateEvent>("{}").unwrap(), UpdateEvent::default());
    }

    #[test]
    fn a_new_event_must_say_what_gates_do_offline() {
        let silent = r#"{"name":"x","starts_at":0,"ends_at":1,"arbiter":"registrar","rehearsal_of":null}"#;
        assert!(serde_json::from_str::<CreateEvent>(silent).is_err());
        let said = silent.replace("\"arbiter\"", "\"offline\":\"refuse\",\"arbiter\"");
        assert!(serde_json::from_str::<CreateEvent>(&said).is_ok());
    }
}
