//! Bodies between those who run an event (operator, shop, desk) and the registrar.
//!
//! An importing program makes the codes and whoever adds a token makes the token, so that a lost answer loses nothing;
//! only their SHA-256 travel. References stand in bodies and paths of these requests, never in an answer to anybody else.

use zeroize::Zeroizing;

use crate::clock::Timestamp;
use crate::ids::{EnrolmentId, EventId, GateId, TicketId};
use crate::policy::{ArbiterHome, OfflineChoice, TransferChoice};
use crate::ticket::Zone;

/// `POST` creates an event, `GET` lists them.
pub const EVENTS: &str = "/api/v1/events";
/// `GET` shows an event, `PATCH` changes its policy.
pub const EVENT: &str = "/api/v1/events/{event}";
/// `POST`: a batch of tickets.
pub const TICKETS: &str = "/api/v1/events/{event}/tickets";
/// `GET`: one ticket, by id or by the shop's reference.
pub const TICKET: &str = "/api/v1/events/{event}/tickets/{ticket}";
/// `POST`: changes a ticket's status.
pub const TICKET_STATUS: &str = "/api/v1/events/{event}/tickets/{ticket}/status";
/// `POST`: a new code for a ticket.
pub const TICKET_CODE: &str = "/api/v1/events/{event}/tickets/{ticket}/code";
/// `GET`: the event's gates.
pub const GATES: &str = "/api/v1/events/{event}/gates";
/// `POST`: offers a place to a new gate.
pub const GATE_OFFERS: &str = "/api/v1/events/{event}/gates/offers";
/// `GET`: how far the gate that took the offer is.
pub const GATE_OFFER: &str = "/api/v1/events/{event}/gates/offers/{enrolment}";
/// `POST`: the digits that the operator read from the gate's screen.
pub const GATE_OFFER_CONFIRM: &str = "/api/v1/events/{event}/gates/offers/{enrolment}/confirm";
/// `POST`: ends a gate's rights.
pub const GATE_REVOKE: &str = "/api/v1/events/{event}/gates/{gate}/revoke";
/// `POST` adds a bearer token, `GET` lists them.
pub const TOKENS: &str = "/api/v1/tokens";
/// `DELETE`: ends a bearer token.
pub const TOKEN: &str = "/api/v1/tokens/{label}";

/// Path of [`EVENT`].
#[must_use]
pub fn event(event: EventId) -> String {
    format!("/api/v1/events/{event}")
}

/// Path of [`TICKETS`].
#[must_use]
pub fn tickets(event: EventId) -> String {
    format!("/api/v1/events/{event}/tickets")
}

/// Path of [`TICKET`]. A reference has capital letters, digits and hyphens only, so it stands in a path as it is.
#[must_use]
pub fn ticket(event: EventId, ticket: &str) -> String {
    format!("/api/v1/events/{event}/tickets/{ticket}")
}

/// Path of [`TICKET_STATUS`].
#[must_use]
pub fn ticket_status(event: EventId, ticket: &str) -> String {
    format!("/api/v1/events/{event}/tickets/{ticket}/status")
}

/// Path of [`TICKET_CODE`].
#[must_use]
pub fn ticket_code(event: EventId, ticket: &str) -> String {
    format!("/api/v1/events/{event}/tickets/{ticket}/code")
}

/// Path of [`GATES`].
#[must_use]
pub fn gates(event: EventId) -> String {
    format!("/api/v1/events/{event}/gates")
}

/// Path of [`GATE_OFFERS`].
#[must_use]
pub fn gate_offers(event: EventId) -> String {
    format!("/api/v1/events/{event}/gates/offers")
}

/// Path of [`GATE_OFFER`].
#[must_use]
pub fn gate_offer(event: EventId, enrolment: EnrolmentId) -> String {
    format!("/api/v1/events/{event}/gates/offers/{enrolment}")
}

/// Path of [`GATE_OFFER_CONFIRM`].
#[must_use]
pub fn gate_offer_confirm(event: EventId, enrolment: EnrolmentId) -> String {
    format!("/api/v1/events/{event}/gates/offers/{enrolment}/confirm")
}

/// Path of [`GATE_REVOKE`].
#[must_use]
pub fn gate_revoke(event: EventId, gate: GateId) -> String {
    format!("/api/v1/events/{event}/gates/{gate}/revoke")
}

/// Path of [`TOKEN`].
#[must_use]
pub fn token(label: &str) -> String {
    format!("/api/v1/tokens/{label}")
}

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
    /// When keys are shredded and folders deleted; 30 days after the end unless said.
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
    /// What the gates did; absent for the shop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entries: Option<EntryCounts>,
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

/// A batch of tickets, at most [`crate::limits::TICKETS_PER_BATCH`]. Repeating a batch changes nothing.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ImportTickets {
    /// Whether they are not paid for yet.
    pub reserved: bool,
    /// The tickets.
    pub tickets: Vec<ImportTicket>,
}

/// One row of an import. The columns of the file are exactly these, the code's hash aside.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ImportTicket {
    /// The shop's name for the ticket: `[A-Z0-9-]{6,32}`.
    pub ticket_ref: String,
    /// The shop's name for the purchase: `[A-Z0-9-]{6,32}`.
    pub order_ref: String,
    /// Which part of the venue.
    pub zone: String,
    /// Which place there; names no person.
    pub seat_label: String,
    /// From when.
    #[cfg_attr(feature = "openapi", schema(value_type = i64))]
    pub valid_from: Timestamp,
    /// Until when.
    #[cfg_attr(feature = "openapi", schema(value_type = i64))]
    pub valid_until: Timestamp,
    /// A number, or `unlimited`.
    pub entries: String,
    /// Which tickets enter together; empty for none.
    #[serde(default)]
    pub party: String,
    /// SHA-256 of the registration code, which the importing program has made and written down.
    #[serde(with = "crate::wire::base64url")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub code_hash: [u8; 32],
}

/// What became of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TicketsImported {
    /// New tickets.
    pub created: u64,
    /// Tickets that had been imported before with the same content.
    pub unchanged: u64,
    /// Rows that were refused; the others stand.
    pub refused: Vec<RefusedRow>,
}

/// A row that was not imported.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RefusedRow {
    /// Its place in the batch, from 0.
    pub row: u64,
    /// Why, in one word: `different` or `code_taken`.
    pub reason: String,
    /// Why, in a sentence.
    pub detail: String,
}

/// A ticket as those who run the event see it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TicketBody {
    /// Its id.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub ticket: TicketId,
    /// `reserved`, `unbound`, `bound`, `suspended`, `returned` or `cancelled`.
    pub state: String,
    /// Whether payment is confirmed.
    pub paid: bool,
    /// Where.
    pub zone: String,
    /// Which place.
    pub seat_label: String,
    /// From when.
    #[cfg_attr(feature = "openapi", schema(value_type = i64))]
    pub valid_from: Timestamp,
    /// Until when.
    #[cfg_attr(feature = "openapi", schema(value_type = i64))]
    pub valid_until: Timestamp,
    /// A number, or `unlimited`.
    pub entries: String,
    /// Whether it enters together with others.
    pub party: bool,
    /// Uses and admissions; absent for the shop, which sees states only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<TicketUses>,
}

/// What has been done with a ticket; never shown to the shop.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TicketUses {
    /// Whether the holder's certificate ends before the event: the holder should renew it and bind again.
    pub certificate_ends_before_event: Option<bool>,
    /// The uses, oldest first.
    pub history: Vec<TicketUse>,
}

/// One use of a ticket.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TicketUse {
    /// When, to the minute.
    #[cfg_attr(feature = "openapi", schema(value_type = i64))]
    pub at: Timestamp,
    /// What, in one word: `bound`, `suspended`, `admitted`, ….
    pub what: String,
    /// In which role somebody acted, where one did.
    pub by: Option<String>,
    /// At which gate, where it was at one.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub gate: Option<GateId>,
}

/// A change of a ticket's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangeTicket {
    /// What is wanted.
    pub change: TicketChange,
}

/// What is wanted of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TicketChange {
    /// The card was lost. Only that card's proof takes it back.
    Suspend,
    /// The ticket is void.
    Cancel,
    /// It is paid.
    Confirm,
    /// It is not, and goes back to the shop.
    Release,
}

/// The old code is dead; the new one is told here and never again.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CodeReissued {
    /// `ORIGIN/r#CODE` to bind with, or `ORIGIN/t#CODE` for the holder of a bound ticket.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub link: Zeroizing<String>,
    /// The ticket as it is now.
    pub ticket: TicketBody,
}

/// Offers a place to a new gate.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct OfferGate {
    /// The part of the venue that it will serve.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub zone: Zone,
    /// What is written over the entrance; the zone unless said.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub entrance: Option<Zone>,
}

/// The offer, to be shown once to whoever sets up the gate.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GateOffered {
    /// Names the dialogue.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub enrolment: EnrolmentId,
    /// Origin, secret and root fingerprint in one link.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub link: Zeroizing<String>,
    /// When it ends by itself.
    #[cfg_attr(feature = "openapi", schema(value_type = i64))]
    pub expires_at: Timestamp,
}

/// How far the gate that took an offer is.
///
/// The digits are not told: the operator types what the gate shows, and the registrar compares.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "state", rename_all = "snake_case", deny_unknown_fields)]
pub enum OfferState {
    /// No gate yet, or one that has not revealed its nonce.
    Waiting,
    /// A gate is there and shows its digits.
    ShowsCode {
        /// Its name.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        gate: GateId,
    },
    /// Confirmed.
    Confirmed {
        /// Its name.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        gate: GateId,
    },
}

/// The digits as the operator read them from the gate's screen.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ConfirmGate {
    /// Six digits.
    pub short_code: String,
}

/// A gate as operators see it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GateBody {
    /// Its id.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub gate: GateId,
    /// The part of the venue that it serves.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub zone: Zone,
    /// What is written over the entrance.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub entrance: Zone,
    /// Whether its rights have ended.
    pub revoked: bool,
    /// Since when it belongs to the event.
    #[cfg_attr(feature = "openapi", schema(value_type = i64))]
    pub added_at: Timestamp,
}

/// The gates of an event.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GateList {
    /// Revoked ones included.
    pub gates: Vec<GateBody>,
}

/// What the bearer of a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything.
    Operator,
    /// Import, confirm, release, suspend and cancel tickets; sees their states, never an admission or a time.
    Sales,
    /// Looks at tickets and suspends them.
    Desk,
    /// Looks, and changes nothing.
    Viewer,
}

impl Role {
    /// The word in a command line and an answer.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Sales => "sales",
            Self::Desk => "desk",
            Self::Viewer => "viewer",
        }
    }
}

/// A new bearer token, by its hash; whoever asks has made it and written it down.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AddToken {
    /// What its bearer may do.
    pub role: Role,
    /// What operators call it: small letters, digits and hyphens.
    pub label: String,
    /// SHA-256 of the token's text.
    #[serde(with = "crate::wire::base64url")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub token_hash: [u8; 32],
}

/// A bearer token as operators see it: nothing of the token itself.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TokenBody {
    /// What its bearer may do.
    pub role: Role,
    /// What operators call it.
    pub label: String,
}

/// The bearer tokens of a registrar.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TokenList {
    /// By label.
    pub tokens: Vec<TokenBody>,
}

/// Whether the registrar can do its work.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct HealthBody {
    /// Whether everything below is well.
    pub ok: bool,
    /// As the outside sees this registrar: what links begin with.
    pub origin: String,
    /// Whether the data folder takes writes.
    pub disk_writable: bool,
    /// Events that are served.
    pub events_served: u64,
    /// Events whose store does not answer.
    pub events_failed: u64,
}

crate::redact::redacted_debug!(ImportTickets, ImportTicket, CodeReissued, GateOffered, ConfirmGate, AddToken);

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
