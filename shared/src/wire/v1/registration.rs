//! Bodies between a card helper and the registrar.
//!
//! The certificate travels inside TLS to the registrar and nowhere else; both sides wipe it.

use zeroize::Zeroizing;

use crate::challenge::{Action, Challenge};
use crate::clock::Timestamp;
use crate::ids::{EventId, SessionId, TicketId};
use crate::ticket::{SeatLabel, Zone};

/// Asks for a dialogue about one ticket, by its code, or about a card's tickets of one event.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct StartRegistration {
    /// What the proof will be for.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "bind"))]
    pub action: Action,
    /// The registration or holder code, as it stands in the link.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub code: Option<Zeroizing<String>>,
    /// The event, where a card alone is to show its tickets (`show` without a code).
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub event: Option<EventId>,
}

/// What a holder is shown before anything is signed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EventSummary {
    /// Its id; part of what the card signs.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub event: EventId,
    /// What people call it.
    pub name: String,
    /// Doors.
    #[cfg_attr(feature = "openapi", schema(value_type = i64))]
    pub starts_at: Timestamp,
    /// Whether this is a rehearsal, with test cards.
    pub rehearsal: bool,
}

/// One ticket as its holder sees it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TicketSummary {
    /// Its id; part of what the card signs.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub ticket: TicketId,
    /// Where.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub zone: Zone,
    /// Which place.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub seat_label: SeatLabel,
    /// From when.
    #[cfg_attr(feature = "openapi", schema(value_type = i64))]
    pub valid_from: Timestamp,
    /// Until when.
    #[cfg_attr(feature = "openapi", schema(value_type = i64))]
    pub valid_until: Timestamp,
    /// `reserved`, `unbound`, `bound`, `suspended`, `returned` or `cancelled`.
    pub state: String,
    /// Whether payment is confirmed.
    pub paid: bool,
}

/// The dialogue is open: show this, then let the card sign.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RegistrationStarted {
    /// Names the dialogue.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub session: SessionId,
    /// What the proof will be for.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub action: Action,
    /// Which event.
    pub event: EventSummary,
    /// Which ticket, where one was named.
    pub ticket: Option<TicketSummary>,
    /// 32 random bytes, for this dialogue only.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub challenge: Challenge,
    /// When the dialogue ends by itself.
    #[cfg_attr(feature = "openapi", schema(value_type = i64))]
    pub expires_at: Timestamp,
}

/// The card's proof.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RegistrationProof {
    /// The user authentication certificate, DER.
    #[serde(with = "crate::wire::base64url")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub certificate: Zeroizing<Vec<u8>>,
    /// The signature over the labelled message.
    #[serde(with = "crate::wire::base64url")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub signature: Zeroizing<Vec<u8>>,
}

/// What the proof brought about.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RegistrationOutcome {
    /// The tickets concerned, as they are now.
    pub tickets: Vec<TicketSummary>,
    /// The new holder code, shown once; the code that opened the dialogue is dead.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub holder_code: Option<Zeroizing<String>>,
    /// Whether the certificate ends before the event does: the ticket must then be bound again to the next one.
    pub certificate_ends_before_event: bool,
    /// `not_checked`, `good`, `revoked` or `stale`: what is known of the certificate's revocation.
    pub revocation: String,
}

crate::redact::redacted_debug!(StartRegistration, RegistrationProof, RegistrationOutcome);
