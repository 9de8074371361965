//! The rules of uploaded admissions.

use kido_shared::admission::{Admission, EndedBy, Ending};
use kido_shared::clock::Timestamp;
use kido_shared::ids::{AdmissionId, ShowingId};
use kido_shared::limits::REQUEST_SKEW;
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
    /// It is new, and another admission of the same entry came before it.
    Beside,
    /// It is new, but its entry was given back before it arrived here: nobody holds that entry by it.
    Closed,
    /// It was stored before.
    Repeated,
}

/// Decides about one admission.
///
/// Given are what is stored under its id, the entries of its ticket (none where there is no such ticket), who holds its
/// entry, and whether it is known to have been annulled or withdrawn.
///
/// # Errors
/// [`AdmissionRefusal`].
pub fn decide(
    admission: &Admission,
    stored: Option<&Admission>,
    entries: Option<Entries>,
    holds_entry: Option<AdmissionId>,
    is_void: bool,
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
    if is_void {
        return Ok(Ingest::Closed);
    }
    Ok(match holds_entry {
        Some(other) if other != admission.id => Ingest::Beside,
        Some(_) | None => Ingest::New,
    })
}

/// Why the end of an admission is never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndingRefusal {
    /// No such ticket in this event.
    #[error("no such ticket in this event")]
    UnknownTicket,
    /// The admission is of another ticket.
    #[error("the admission is of another ticket")]
    OtherTicket,
    /// Only the gate whose barrier it was knows that nobody passed.
    #[error("another gate's admission is annulled")]
    OtherGate,
    /// An annulled admission was never inside to go out, and who went out had passed.
    #[error("the admission ended otherwise before")]
    Otherwise,
}

/// Most ends of admissions that one gate has told and that wait for their admissions.
///
/// A lane that lets one out a second, for four and a half hours. More stay in the gate's journal, which sends them again.
pub const ENDINGS_HELD_PER_GATE_MAX: u32 = 16_384;

/// The end with a moment that can be true: not after it was heard of here, and not before its admission came.
///
/// A clock that was wrong, or a gate that lies, moves it no further; and an honest word with a wrong moment is not lost by
/// it. As much ahead as any signed request's clock may be counts as now.
#[must_use]
pub fn within_reason(ending: Ending, of: Option<&Admission>, now: Timestamp) -> Ending {
    let at = ending.at.min(now.after(REQUEST_SKEW));
    Ending { at: of.map_or(at, |admission| at.max(admission.at)), ..ending }
}

/// What becomes of the end of an admission that is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// It ends now.
    Now,
    /// It had ended, but this gate's word is closer to the moment. Each gate is believed so once.
    Earlier,
    /// It had ended.
    Repeated,
}

/// Decides about the end of an admission, given the admission and how it has ended before.
///
/// # Errors
/// [`EndingRefusal`].
pub fn decide_end(ending: &Ending, of: &Admission, before: Option<&Ending>) -> Result<Ends, EndingRefusal> {
    if ending.ticket != of.ticket {
        return Err(EndingRefusal::OtherTicket);
    }
    if ending.by == EndedBy::Annulled && ending.gate != of.gate {
        return Err(EndingRefusal::OtherGate);
    }
    match before {
        None => Ok(Ends::Now),
        Some(before) if before.by != ending.by => Err(EndingRefusal::Otherwise),
        Some(before) if before.at > ending.at => Ok(Ends::Earlier),
        Some(_) => Ok(Ends::Repeated),
    }
}
