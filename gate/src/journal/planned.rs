//! What a lane asks the journal to keep.

use kido_shared::admission::{AdmissionBasis, DecidedOn};
use kido_shared::ids::{AdmissionId, TicketId};

use super::StoredIntent;

/// One entry that is about to be claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedEntry {
    /// Which ticket.
    pub ticket: TicketId,
    /// The records that the verdict rests on.
    pub decided_on: DecidedOn,
    /// Which entry it would be by what this gate knows; an arbiter may know better.
    pub entry: u32,
}

/// An entry that was granted, or that the event's offline choice allows, about to be stored.
#[derive(Debug, Clone)]
pub struct GrantedEntry {
    /// The intent that came first.
    pub intent: StoredIntent,
    /// Which entry of the ticket, from 1.
    pub entry: u32,
    /// How it was decided.
    pub basis: AdmissionBasis,
}

/// A holder who goes out: which admission ends with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Departure {
    /// The admission that let the holder in, at whatever gate.
    pub admission: AdmissionId,
    /// Of which ticket.
    pub ticket: TicketId,
}
