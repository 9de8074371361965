//! The rules of uploaded admissions.

use kido_shared::admission::Admission;
use kido_shared::claim::{Closing, TicketClaims};
use kido_shared::ids::{AdmissionId, ShowingId};
use kido_shared::ticket::Entries;

use super::gate::GateRefusal;

/// Why a batch is refused as a whole; nothing of it was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IngestRefusal {
    /// The gate may not speak for this event.
    #[error("the gate may not upload here")]
    Gate(#[source] GateRefusal),
    /// An admission names another gate than the one that signed the request.
    #[error("{0} names another gate than the one that signed it")]
    OtherGate(AdmissionId),
    /// A refused showing names another gate than the one that signed the request.
    #[error("{0} names another gate than the one that signed it")]
    ShowingOfOtherGate(ShowingId),
    /// More than one upload may carry.
    #[error("too many facts in one upload")]
    TooMany,
}

/// Why one admission of a batch is never stored, while the others are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AdmissionRefusal {
    /// An admission of this id is stored with another content: the gate's journal was copied or altered.
    #[error("an admission of this id was uploaded before with another content")]
    Altered,
    /// No such ticket in this event.
    #[error("no such ticket in this event")]
    UnknownTicket,
    /// No arbiter grants the ticket an entry of this number, and no other admission could ever conflict with it.
    #[error("the ticket has no entry of this number")]
    NoSuchEntry,
}

/// What becomes of an uploaded admission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ingest {
    /// It is new, and its entry nobody else's.
    New,
    /// It is new, and the same entry is this other admission's, too.
    Conflict(AdmissionId),
    /// It is new, but its entry was given back or ended before it arrived here: nobody holds that entry by it.
    Closed,
    /// It was stored before.
    Repeated,
}

/// Decides about one admission, given what is stored under its id, the entries of its ticket (none where there is no
/// such ticket), who holds its entry, and the ticket's claims.
///
/// # Errors
/// [`AdmissionRefusal`].
pub fn decide(
    admission: &Admission,
    stored: Option<&Admission>,
    entries: Option<Entries>,
    holds_entry: Option<AdmissionId>,
    claims: &TicketClaims,
) -> Result<Ingest, AdmissionRefusal> {
    match stored {
        Some(stored) if stored == admission => return Ok(Ingest::Repeated),
        Some(_) => return Err(AdmissionRefusal::Altered),
        None => {}
    }
    if !entries.ok_or(AdmissionRefusal::UnknownTicket)?.allows(admission.entry) {
        return Err(AdmissionRefusal::NoSuchEntry);
    }
    // An entry that was annulled is given back under the same number; one that was left is not.
    if claims.closed(admission.id).is_some_and(|closed| closed.closing != Closing::Exited) {
        return Ok(Ingest::Closed);
    }
    Ok(match holds_entry {
        Some(other) if other != admission.id => Ingest::Conflict(other),
        Some(_) | None => Ingest::New,
    })
}
