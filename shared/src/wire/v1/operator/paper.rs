//! When all machines are dead: a list of tickets on paper, and the ticks on it put in afterwards.

use crate::clock::Timestamp;
use crate::ids::{GateId, TicketId};

/// Some tickets of an event, in the order of their ids.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PaperPage {
    /// The tickets.
    pub tickets: Vec<PaperTicket>,
    /// The last one, to ask for those behind it; absent where no further one is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub reached: Option<TicketId>,
}

/// One ticket as a desk looks it up.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PaperTicket {
    /// Its id.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub ticket: TicketId,
    /// Where.
    pub zone: String,
    /// Which place.
    pub seat_label: String,
    /// What a desk does with whoever has it.
    pub standing: PaperStanding,
}

/// What a desk does with whoever has a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PaperStanding {
    /// Paid and with a card.
    Good,
    /// Paid, and no card yet: whoever has the code.
    NoCard,
    /// Not paid.
    NotPaid,
    /// The card was reported lost.
    Suspended,
    /// Void, or with the shop again.
    Void,
    /// Somebody is in with it.
    Inside,
}

/// Entries that were ticked on paper, at most a thousand. Repeating them changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EnterByHand {
    /// Whether only to say what would become of each.
    #[serde(default)]
    pub check: bool,
    /// The ticks.
    pub ticks: Vec<PaperTick>,
}

/// One tick.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PaperTick {
    /// The ticket's short id as the paper shows it, or its whole id.
    pub ticket: String,
    /// When; only the minute counts.
    #[cfg_attr(feature = "openapi", schema(value_type = i64))]
    pub at: Timestamp,
    /// At which gate, or at the desk beside it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub gate: GateId,
}

/// What became of each tick, in their order, or would.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EnteredByHand {
    /// One per tick.
    pub outcomes: Vec<TickOutcome>,
}

/// What became of one tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum TickOutcome {
    /// It is an admission now.
    Stored {
        /// Of this ticket.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        ticket: TicketId,
    },
    /// It was put in before.
    Repeated {
        /// For this ticket.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        ticket: TicketId,
    },
    /// It is an admission now, of an entry that another one has.
    Conflict {
        /// Of this ticket.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        ticket: TicketId,
    },
    /// No ticket begins like this; nothing was stored of it.
    Unknown,
    /// Several do; nothing was stored of it.
    Ambiguous,
    /// The event has no such gate; nothing was stored of it.
    UnknownGate,
    /// It is still to come; nothing was stored of it.
    ToCome,
}
