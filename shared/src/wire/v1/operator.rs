//! Bodies between those who run an event (operator, shop, desk) and the registrar.
//!
//! An importing program makes the codes and whoever adds a token makes the token, so that a lost answer loses nothing;
//! only their SHA-256 travel. References stand in bodies and paths of these requests, never in an answer to anybody else.

mod arbiter;
mod epoch_cut;
mod event;
mod feed_key;
mod gate;
mod journal;
mod paper;
mod postponement;
mod recovery;
mod ticket;
mod token;

pub use arbiter::{ArbiterBody, ArbiterList, OfferArbiter, RevokeArbiter};
pub use epoch_cut::{CutFeed, FeedCutBody, KnownEpoch};
pub use event::{
    CreateEvent, EntryCounts, EventBody, EventForgotten, EventList, PolicyChoices, TicketCounts, UpdateEvent,
};
pub use feed_key::{AskNextFeedKey, ChangeFeedKey, FeedKeyBody, FeedKeyList, NextFeedKey};
pub use gate::{ConfirmGate, FreeClaims, GateBody, GateClaims, GateList, GateOffered, OfferGate, OfferState};
pub use journal::{CONFLICTS_TOLD_MAX, JournalTaken};
pub use paper::{EnterByHand, EnteredByHand, PaperPage, PaperStanding, PaperTick, PaperTicket, TickOutcome};
pub use postponement::{Postpone, PostponementStep, TicketToRecheck};
pub use recovery::{Brought, DecideRecovery, RecoveringGate, RecoveryBody, RecoveryStage};
pub use ticket::{
    CancelTickets, ChangeTicket, CodeReissued, ImportRun, ImportTicket, ImportTickets, RefusedRow, TicketBody,
    TicketChange, TicketUse, TicketUses, TicketsCancelled, TicketsImported,
};
pub use token::{AddToken, Role, TokenBody, TokenLife, TokenList};

use crate::ids::{ArbiterId, EnrolmentId, EventId, GateId, TicketId};

/// `POST` creates an event, `GET` lists them.
pub const EVENTS: &str = "/api/v1/events";
/// `GET` shows an event, `PATCH` changes its policy, `DELETE` deletes it after its retention date.
pub const EVENT: &str = "/api/v1/events/{event}";
/// `POST`: a batch of tickets.
pub const TICKETS: &str = "/api/v1/events/{event}/tickets";
/// `POST`: a batch of tickets to be cancelled.
pub const TICKETS_CANCEL: &str = "/api/v1/events/{event}/tickets/cancel";
/// `POST`: one step of moving an event to another date.
pub const POSTPONEMENT: &str = "/api/v1/events/{event}/postponement";
/// `GET`: tickets as a desk looks them up on paper; `?after=` reads on.
pub const PAPER: &str = "/api/v1/events/{event}/paper";
/// `POST`: entries that were ticked on paper.
pub const BY_HAND: &str = "/api/v1/events/{event}/admissions/by-hand";
/// `POST`: what a gate's journal file holds, as somebody has carried it here, `application/cose`.
pub const JOURNALS: &str = "/api/v1/events/{event}/journals";
/// `POST`: the same of a gate that was revoked, by an operator who believes it.
pub const JOURNALS_OF_REVOKED: &str = "/api/v1/events/{event}/journals/revoked";
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
/// `GET`: what a gate holds that no admission has followed. `POST`: sets that free, once the gate was revoked.
pub const GATE_CLAIMS: &str = "/api/v1/events/{event}/gates/{gate}/claims";
/// `GET`: the event's venue arbiters.
pub const ARBITERS: &str = "/api/v1/events/{event}/arbiters";
/// `POST`: offers a place to a new venue arbiter.
pub const ARBITER_OFFERS: &str = "/api/v1/events/{event}/arbiters/offers";
/// `GET`: how far the arbiter that took the offer is.
pub const ARBITER_OFFER: &str = "/api/v1/events/{event}/arbiters/offers/{enrolment}";
/// `POST`: the digits that the operator read from the arbiter's screen.
pub const ARBITER_OFFER_CONFIRM: &str = "/api/v1/events/{event}/arbiters/offers/{enrolment}/confirm";
/// `POST`: ends a venue arbiter's rights.
pub const ARBITER_REVOKE: &str = "/api/v1/events/{event}/arbiters/{arbiter}/revoke";
/// `GET`: the event's feed keys. `POST`: puts the next one in force with the root key's word.
pub const FEED_KEYS: &str = "/api/v1/events/{event}/feed/keys";
/// `POST`: the feed key that the event is to have next.
pub const FEED_KEY_NEXT: &str = "/api/v1/events/{event}/feed/keys/next";
/// `GET`: the latest epoch of the event's feed that is known. `POST`: begins it anew with the root key's word.
pub const FEED_CUTS: &str = "/api/v1/events/{event}/feed/cuts";
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

/// Path of [`TICKETS_CANCEL`].
#[must_use]
pub fn tickets_cancel(event: EventId) -> String {
    format!("/api/v1/events/{event}/tickets/cancel")
}

/// Path of [`POSTPONEMENT`].
#[must_use]
pub fn postponement(event: EventId) -> String {
    format!("/api/v1/events/{event}/postponement")
}

/// Path of [`PAPER`], behind a ticket where one is named.
#[must_use]
pub fn paper(event: EventId, after: Option<TicketId>) -> String {
    let after = after.map(|after| format!("?after={after}")).unwrap_or_default();
    format!("/api/v1/events/{event}/paper{after}")
}

/// Path of [`BY_HAND`].
#[must_use]
pub fn by_hand(event: EventId) -> String {
    format!("/api/v1/events/{event}/admissions/by-hand")
}

/// Path of [`JOURNALS`].
#[must_use]
pub fn journals(event: EventId) -> String {
    format!("/api/v1/events/{event}/journals")
}

/// Path of [`JOURNALS_OF_REVOKED`].
#[must_use]
pub fn journals_of_revoked(event: EventId) -> String {
    format!("/api/v1/events/{event}/journals/revoked")
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

/// Path of [`GATE_CLAIMS`].
#[must_use]
pub fn gate_claims(event: EventId, gate: GateId) -> String {
    format!("/api/v1/events/{event}/gates/{gate}/claims")
}

/// Path of [`ARBITERS`].
#[must_use]
pub fn arbiters(event: EventId) -> String {
    format!("/api/v1/events/{event}/arbiters")
}

/// Path of [`ARBITER_OFFERS`].
#[must_use]
pub fn arbiter_offers(event: EventId) -> String {
    format!("/api/v1/events/{event}/arbiters/offers")
}

/// Path of [`ARBITER_OFFER`].
#[must_use]
pub fn arbiter_offer(event: EventId, enrolment: EnrolmentId) -> String {
    format!("/api/v1/events/{event}/arbiters/offers/{enrolment}")
}

/// Path of [`ARBITER_OFFER_CONFIRM`].
#[must_use]
pub fn arbiter_offer_confirm(event: EventId, enrolment: EnrolmentId) -> String {
    format!("/api/v1/events/{event}/arbiters/offers/{enrolment}/confirm")
}

/// Path of [`ARBITER_REVOKE`].
#[must_use]
pub fn arbiter_revoke(event: EventId, arbiter: ArbiterId) -> String {
    format!("/api/v1/events/{event}/arbiters/{arbiter}/revoke")
}

/// Path of [`FEED_KEYS`].
#[must_use]
pub fn feed_keys(event: EventId) -> String {
    format!("/api/v1/events/{event}/feed/keys")
}

/// Path of [`FEED_KEY_NEXT`].
#[must_use]
pub fn feed_key_next(event: EventId) -> String {
    format!("/api/v1/events/{event}/feed/keys/next")
}

/// Path of [`FEED_CUTS`].
#[must_use]
pub fn feed_cuts(event: EventId) -> String {
    format!("/api/v1/events/{event}/feed/cuts")
}

/// Path of [`TOKEN`].
#[must_use]
pub fn token(label: &str) -> String {
    format!("/api/v1/tokens/{label}")
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
