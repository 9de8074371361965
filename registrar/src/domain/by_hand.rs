//! Entries that staff ticked on paper while the machines were dead.

use kido_shared::clock::Timestamp;
use kido_shared::ids::{AdmissionId, EventId, GateId, TicketId};
use kido_shared::policy::{ArbiterHome, EventPolicy};
use sha2::{Digest as _, Sha256};

use super::short_id::ShortId;

/// What the ids of such admissions are derived under: no id of a gate's, which are random, ever equals one.
const LABEL: &[u8] = b"kido/v1/by-hand";

/// Most ticks in one request; each takes a claim, an admission and a record.
pub const TICKS_PER_BATCH: usize = 1_000;

/// One tick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tick {
    /// The ticket, as the paper names it.
    pub ticket: ShortId,
    /// When; only the minute counts.
    pub at: Timestamp,
    /// Where.
    pub gate: GateId,
}

impl Tick {
    /// The minute in which it was made.
    #[must_use]
    pub const fn minute(&self) -> Timestamp {
        Timestamp::from_unix_seconds(self.at.unix_seconds().div_euclid(60).saturating_mul(60))
    }

    /// The admission's id, the same whenever the same tick is put in: so that a file may be put in twice, and two lines
    /// that differ are two entries.
    #[must_use]
    pub fn admission(&self, event: EventId, ticket: TicketId) -> AdmissionId {
        let mut hash = Sha256::new_with_prefix(Sha256::digest(LABEL));
        hash.update(event.as_bytes());
        hash.update(ticket.as_bytes());
        hash.update(self.gate.as_bytes());
        hash.update(self.minute().unix_ms().to_be_bytes());
        let digest: [u8; 32] = hash.finalize().into();
        AdmissionId::from_bytes(digest.first_chunk().copied().unwrap_or_default())
    }
}

/// Why no tick at all is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ByHandRefusal {
    /// The event's only gate decides by itself, asks nobody, and would grant the same entry once more.
    #[error(
        "this event's entries are decided inside its only gate, which would grant once more what is put in here: let it \
         upload, and write these down for whoever looks at conflicts"
    )]
    DecidedInGate,
    /// More ticks than one request may carry.
    #[error("at most {TICKS_PER_BATCH} entries in one batch")]
    TooMany,
}

/// Whether ticks may be put in here.
///
/// A venue's arbiter need not be asked: it follows the feed, and whoever that says is inside is inside for it. What it
/// granted in the minutes before it hears is a conflict, as two entries are.
///
/// # Errors
/// [`ByHandRefusal::DecidedInGate`].
pub const fn may_enter(policy: &EventPolicy) -> Result<(), ByHandRefusal> {
    match policy.choices().arbiter.home {
        ArbiterHome::Registrar | ArbiterHome::Venue => Ok(()),
        ArbiterHome::Local => Err(ByHandRefusal::DecidedInGate),
    }
}

/// What becomes of one tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TickOutcome {
    /// It is an admission now.
    Stored(TicketId),
    /// It was put in before.
    Repeated(TicketId),
    /// It is an admission now, of an entry that another one has: shown as a conflict, never dropped.
    Conflict(TicketId),
    /// No ticket begins like this.
    Unknown,
    /// Several do.
    Ambiguous,
    /// The event has no such gate.
    UnknownGate,
    /// It is still to come.
    ToCome,
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    #[test]
    fn the_same_tick_is_the_same_admission_and_any_other_is_another() {
        let at = Timestamp::from_unix_seconds(1_800_000_000);
        let ticket = TicketId::from_bytes([1; 16]);
        let tick = Tick { ticket: ShortId::of(ticket, 0), at, gate: GateId::from_bytes([2; 16]) };
        let event = EventId::from_bytes([3; 16]);
        let id = tick.admission(event, ticket);
        let same = Tick { ticket: ShortId::of(ticket, 26), at: at.after(Duration::from_secs(59)), gate: tick.gate };
        assert_eq!(same.admission(event, ticket), id, "the minute counts, and the ticket however it is written");
        let later = Tick { at: at.after(Duration::from_secs(60)), ..tick.clone() };
        let elsewhere = Tick { gate: GateId::from_bytes([4; 16]), ..tick.clone() };
        for other in [
            later.admission(event, ticket),
            elsewhere.admission(event, ticket),
            tick.admission(EventId::from_bytes([5; 16]), ticket),
            tick.admission(event, TicketId::from_bytes([6; 16])),
        ] {
            assert_ne!(other, id);
        }
    }
}
