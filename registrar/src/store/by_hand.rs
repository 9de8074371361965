//! Entries that staff ticked on paper: claimed and stored like any other, afterwards.

use kido_shared::admission::{Admission, AdmissionBasis};
use kido_shared::claim::{ClaimAnswer, ClaimRequest, ClaimStep};
use kido_shared::clock::Timestamp;
use kido_shared::ids::{EventId, TicketId};
use kido_shared::wire::v1::admissions::AckOutcome;

use super::changing::Changing;
use super::error::{Failed, StorageError};
use super::reading::{self, ReadError};
use super::{Store, admissions, claims};
use crate::domain::by_hand::{ByHandRefusal, TICKS_PER_BATCH, Tick, TickOutcome, may_enter};
use crate::domain::claim::facts;
use crate::domain::ingest::decide;
use crate::domain::short_id::ShortId;
use crate::domain::ticket::Ticket;

/// Tickets that a short id names.
enum Named {
    Nobody,
    One(TicketId, Box<Ticket>),
    Several,
}

fn find(changing: &Changing<'_, '_>, short: &ShortId) -> Result<Named, ReadError> {
    let mut behind = reading::tickets_after(changing, short.before())?;
    let mut next = || behind.next().transpose().map(|found| found.filter(|(id, _ticket)| short.names(*id)));
    let Some((id, ticket)) = next()? else { return Ok(Named::Nobody) };
    Ok(if next()?.is_some() { Named::Several } else { Named::One(id, Box::new(ticket)) })
}

/// One tick: the claim first, as at a gate, and the admission whatever it answers: whoever is in is in.
fn enter(
    changing: &mut Changing<'_, '_>,
    event: EventId,
    tick: &Tick,
    (check, now): (bool, Timestamp),
) -> Result<TickOutcome, StorageError> {
    if tick.minute() > now {
        return Ok(TickOutcome::ToCome);
    }
    if reading::gate(changing, tick.gate)?.is_none() {
        return Ok(TickOutcome::UnknownGate);
    }
    let (ticket, known) = match find(changing, &tick.ticket)? {
        Named::Nobody => return Ok(TickOutcome::Unknown),
        Named::Several => return Ok(TickOutcome::Ambiguous),
        Named::One(id, ticket) => (id, ticket),
    };
    let (id, gate, at, basis) = (tick.admission(event, ticket), tick.gate, tick.minute(), AdmissionBasis::ByHand);
    if reading::admission(changing, id)?.is_some() {
        return Ok(TickOutcome::Repeated(ticket));
    }
    let before = claims::record(changing, ticket, &known)?;
    if check {
        let taken = reading::is_used(changing, ticket)?;
        return Ok(if taken { TickOutcome::Conflict(ticket) } else { TickOutcome::Stored(ticket) });
    }
    let decided_on = facts(&known, changing.reached().epoch).newest;
    let request = ClaimRequest { admission: id, ticket, gate, decided_on, at, basis };
    let answer = claims::step(changing, &known, ClaimStep::Claim(request), now)?;
    let (entry, granted) = match answer {
        ClaimAnswer::Granted { entry } => (entry, true),
        // Somebody else has it, or no entry is left: it is the entry that two are in on.
        ClaimAnswer::Taken { .. }
        | ClaimAnswer::Spent
        | ClaimAnswer::Stale { .. }
        | ClaimAnswer::Behind
        | ClaimAnswer::NotInForce { .. }
        | ClaimAnswer::Withdrawn
        | ClaimAnswer::Annulled
        | ClaimAnswer::Opened
        | ClaimAnswer::Exited
        | ClaimAnswer::NotHeld
        | ClaimAnswer::NotAllowed
        | ClaimAnswer::TooManySteps => (before.entry().max(1), false),
    };
    let admission = Admission { id, ticket, gate, entry, at, basis };
    let holder = reading::holder_of_entry(changing, ticket, entry)?;
    let is_void = reading::is_void(changing, ticket, id)?;
    let decided = decide(&admission, None, Some(known.particulars.entries), holder, is_void);
    // The entry's number is one that the arbiter has given: none is refused.
    let ingest = decided.map_err(|_refused| StorageError::Entry("an entry that its ticket does not have"))?;
    let outcome = admissions::record(changing, admission, (&known, ingest), now)?;
    Ok(match outcome {
        AckOutcome::Conflict => TickOutcome::Conflict(ticket),
        AckOutcome::Stored | AckOutcome::Repeated | AckOutcome::Refused | AckOutcome::Later if granted => {
            TickOutcome::Stored(ticket)
        }
        // The other admission is still with its gate; when it comes, the conflict is recorded.
        AckOutcome::Stored | AckOutcome::Repeated | AckOutcome::Refused | AckOutcome::Later => {
            TickOutcome::Conflict(ticket)
        }
    })
}

impl Store {
    /// Puts in entries that were ticked on paper, each once, or says what would become of each. One that names no ticket,
    /// or several, is told; the others are stored.
    ///
    /// # Errors
    /// [`ByHandRefusal`] or [`StorageError`].
    pub async fn enter_by_hand(
        &self,
        event: EventId,
        ticks: Vec<Tick>,
        check: bool,
    ) -> Result<Vec<TickOutcome>, Failed<ByHandRefusal>> {
        if ticks.len() > TICKS_PER_BATCH {
            return Err(Failed::Refused(ByHandRefusal::TooMany));
        }
        let live = self.live(event)?;
        let now = self.now();
        let outcomes = live.transact_entry(move |changing| {
            may_enter(&reading::policy(changing)?).map_err(Failed::Refused)?;
            ticks.iter().map(|tick| Ok(enter(changing, event, tick, (check, now))?)).collect()
        });
        let outcomes = outcomes.await?;
        if !check {
            // No gate knows of these: a backup from before them must be known for one.
            self.note_reached(event).await?;
        }
        Ok(outcomes)
    }
}
