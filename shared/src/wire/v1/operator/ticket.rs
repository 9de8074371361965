//! Tickets: importing them, changing them, looking at them.

use zeroize::Zeroizing;

use crate::clock::Timestamp;
use crate::ids::{GateId, ImportRunId, TicketId};
use crate::refusal::StaffCode;

/// A batch of tickets, at most [`crate::limits::TICKETS_PER_BATCH`]. Repeating a batch changes nothing.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ImportTickets {
    /// Whether they are not paid for yet.
    pub reserved: bool,
    /// Whether only to say what would become of each row: nothing is imported.
    #[serde(default)]
    pub check: bool,
    /// Of which run it is one; nothing for tickets that are sent as they are sold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<ImportRun>,
    /// The tickets.
    pub tickets: Vec<ImportTicket>,
}

/// A run of an import: many batches that were judged as a whole. An event takes one at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ImportRun {
    /// Which; the same for the same files, so that a run goes on after any failure.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: ImportRunId,
    /// Whether nothing comes behind this batch.
    #[serde(default)]
    pub last: bool,
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
    /// Why the card did not enter, where it gave its proof at a gate and did not.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u8>))]
    #[serde(default)]
    pub code: Option<StaffCode>,
}

/// A change of a ticket's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangeTicket {
    /// What is wanted.
    pub change: TicketChange,
}

/// Cancels tickets by the shop's references, at most [`crate::limits::TICKETS_PER_BATCH`]. Repeating it changes nothing.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CancelTickets {
    /// Whether only to say what would be done.
    #[serde(default)]
    pub check: bool,
    /// The shop's names for the tickets: `[A-Z0-9-]{6,32}` each.
    pub ticket_refs: Vec<String>,
}

/// What became of them, or would.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TicketsCancelled {
    /// Tickets that are void now and were not.
    pub cancelled: u64,
    /// Those of them that lie on a card.
    pub with_card: u64,
    /// Those of them on which somebody is inside; absent for the shop, which sees no uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inside: Option<u64>,
    /// Tickets that were void before.
    pub already: u64,
    /// Places in the list, from 0, of references that no ticket of the event has.
    pub unknown: Vec<u64>,
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

crate::redact::redacted_debug!(ImportTickets, ImportTicket, CancelTickets, CodeReissued);
