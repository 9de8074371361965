//! The rules of uploaded admissions.

use kido_shared::admission::Admission;
use kido_shared::claim::{Closing, TicketClaims};
use kido_shared::ids::AdmissionId;

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
    /// An admission of this id is stored with another content: the gate's journal was copied or altered.
    #[error("{0} was uploaded before with another content")]
    Altered(AdmissionId),
    /// More than one upload may carry.
    #[error("too many admissions in one upload")]
    TooMany,
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

/// Decides about one admission, given what is stored under its id, who holds its entry, and the ticket's claims.
///
/// # Errors
/// [`IngestRefusal::Altered`].
pub fn decide(
    admission: &Admission,
    stored: Option<&Admission>,
    holds_entry: Option<AdmissionId>,
    claims: &TicketClaims,
) -> Result<Ingest, IngestRefusal> {
    match stored {
        Some(stored) if stored == admission => return Ok(Ingest::Repeated),
        Some(_) => return Err(IngestRefusal::Altered(admission.id)),
        None => {}
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
