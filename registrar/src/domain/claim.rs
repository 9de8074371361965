//! The rules of claims at this registrar; the steps themselves are in [`kido_shared::claim`].

use kido_shared::admission::DecidedOn;
use kido_shared::claim::ClaimFacts;
use kido_shared::ids::Epoch;
use kido_shared::policy::{ArbiterHome, EventPolicy};
use kido_shared::wire::v1::admissions::AskedArbiter;

use super::gate::GateRefusal;
use super::ticket::Ticket;

/// Why a claim step is not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClaimRefusal {
    /// The gate may not speak for this event.
    #[error("the gate may not claim here")]
    Gate(#[source] GateRefusal),
    /// The step names another gate than the one that signed the request.
    #[error("the step names another gate than the one that signed it")]
    OtherGate,
    /// No such ticket in this event.
    #[error("no such ticket in this event")]
    UnknownTicket,
    /// The event's policy names another arbiter: two arbiters would admit twice.
    #[error("this event's claims are decided elsewhere")]
    ArbiterElsewhere,
    /// The gate asks faster than any lane lets people in.
    #[error("the gate asks too fast")]
    TooFast,
}

/// Whether this registrar is the event's arbiter, and the one that the gate believes it asks.
///
/// # Errors
/// [`ClaimRefusal::ArbiterElsewhere`].
pub fn decides_here(policy: &EventPolicy, asked: Option<AskedArbiter>) -> Result<(), ClaimRefusal> {
    let arbiter = &policy.choices().arbiter;
    if asked.is_some_and(|asked| asked != AskedArbiter::of(arbiter)) {
        return Err(ClaimRefusal::ArbiterElsewhere);
    }
    match arbiter.home {
        ArbiterHome::Registrar => Ok(()),
        ArbiterHome::Local | ArbiterHome::Venue => Err(ClaimRefusal::ArbiterElsewhere),
    }
}

/// What the arbiter knows of a ticket, whose records stand in that epoch. One that was never bound has no binding record to be superseded.
#[must_use]
pub fn facts(ticket: &Ticket, epoch: Epoch) -> ClaimFacts {
    let binding = ticket.binding_at.unwrap_or(ticket.ticket_at);
    let newest = DecidedOn { ticket: ticket.ticket_at, binding, epoch };
    ClaimFacts { entries: ticket.particulars.entries, status: ticket.status(), newest }
}
