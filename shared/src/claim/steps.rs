//! The steps themselves.

use core::cmp::Ordering;

use super::closed::{CLOSED_MAX, Closed, Closing, remember};
use super::record::{ClaimState, Holding, TicketClaims};
use super::{ClaimAnswer, ClaimFacts, ClaimRequest, ClaimStep, NamedAdmission};
use crate::admission::AdmissionBasis;
use crate::clock::Timestamp;
use crate::ids::AdmissionId;
use crate::ticket::{Entries, TicketStatus};

/// A changed record, where there is one, and the answer that may be given once it is stored.
type Outcome = (Option<TicketClaims>, ClaimAnswer);

/// Takes one step on a ticket's record.
///
/// Gives the record to be written, or nothing where nothing changes, and the answer. `now` is the arbiter's clock.
/// The caller has checked that the gate in the step is the one that signed the request.
#[must_use]
pub fn step(record: &TicketClaims, step: &ClaimStep, facts: &ClaimFacts, now: Timestamp) -> Outcome {
    let (next, answer) = match step {
        ClaimStep::Claim(request) => claim(record, request, facts, now),
        ClaimStep::Withdraw(named) => withdraw(record, named, now),
        ClaimStep::Opened(named) => opened(record, named),
        ClaimStep::Annul(named) => annul(record, named, now),
        ClaimStep::Exit(named) => exit(record, named, facts.entries, now),
    };
    (next.map(|next| TicketClaims { revision: record.revision.saturating_add(1), ..next }), answer)
}

const fn unchanged(answer: ClaimAnswer) -> Outcome {
    (None, answer)
}

fn claim(record: &TicketClaims, request: &ClaimRequest, facts: &ClaimFacts, now: Timestamp) -> Outcome {
    // A repetition first: what was granted stays granted, whatever has become of the ticket since.
    if let Some(closed) = record.closed(request.admission) {
        return unchanged(match closed.closing {
            Closing::Withdrawn => ClaimAnswer::Withdrawn,
            Closing::Annulled => ClaimAnswer::Annulled,
            Closing::Exited => ClaimAnswer::Granted { entry: closed.entry },
        });
    }
    if let Some(holding) = record.holding()
        && holding.admission == request.admission
        && holding.gate == request.gate
    {
        return unchanged(ClaimAnswer::Granted { entry: record.entry });
    }
    if request.basis == AdmissionBasis::Claimed
        && let Some(objection) = objection(request, facts)
    {
        return unchanged(objection);
    }
    if let Some(Holding { admission, gate, at }) = record.holding().copied() {
        return unchanged(ClaimAnswer::Taken { admission, gate, at });
    }
    // Not the state `Spent` but the number decides: the shop may have added an entry since.
    let entry = record.entry.saturating_add(1);
    if !facts.entries.allows(entry) {
        return unchanged(ClaimAnswer::Spent);
    }
    let mut next = fresh(record, now);
    if next.closed.len() >= CLOSED_MAX {
        // What is granted now must be closable later.
        return unchanged(ClaimAnswer::TooManySteps);
    }
    let holding = Holding { admission: request.admission, gate: request.gate, at: request.at };
    next.entry = entry;
    next.state = match request.basis {
        AdmissionBasis::Claimed => ClaimState::Claimed(holding),
        AdmissionBasis::Offline | AdmissionBasis::ByHand => ClaimState::Inside(holding),
    };
    (Some(next), ClaimAnswer::Granted { entry })
}

/// What the arbiter's own knowledge of the ticket says against a claim.
fn objection(request: &ClaimRequest, facts: &ClaimFacts) -> Option<ClaimAnswer> {
    let (decided_on, newest) = (request.decided_on, facts.newest);
    let superseded = match decided_on.epoch.cmp(&newest.epoch) {
        Ordering::Less => true,
        Ordering::Equal => decided_on.ticket < newest.ticket || decided_on.binding < newest.binding,
        Ordering::Greater => false,
    };
    if superseded {
        return Some(ClaimAnswer::Stale { ticket: newest.ticket, binding: newest.binding });
    }
    if decided_on != newest {
        return Some(ClaimAnswer::Behind);
    }
    (facts.status != TicketStatus::InForce).then_some(ClaimAnswer::NotInForce { status: facts.status })
}

fn withdraw(record: &TicketClaims, named: &NamedAdmission, now: Timestamp) -> Outcome {
    if let Some(closed) = record.closed(named.admission) {
        return unchanged(match closed.closing {
            Closing::Withdrawn => ClaimAnswer::Withdrawn,
            Closing::Annulled | Closing::Exited => ClaimAnswer::NotAllowed,
        });
    }
    match record.state {
        ClaimState::Claimed(holding) | ClaimState::Inside(holding) if holding.admission == named.admission => {
            if holding.gate != named.gate {
                return unchanged(ClaimAnswer::NotHeld);
            }
            if record.state == ClaimState::Inside(holding) {
                return unchanged(ClaimAnswer::NotAllowed);
            }
            give_back(record, named.admission, Closing::Withdrawn, ClaimAnswer::Withdrawn, now)
        }
        ClaimState::Free | ClaimState::Claimed(_) | ClaimState::Inside(_) | ClaimState::Spent => {
            // The claim never came, or is still on its way.
            let mut next = fresh(record, now);
            // One place stays free for whoever holds the ticket now.
            let reserved = usize::from(next.holding().is_some());
            if next.closed.len().saturating_add(reserved) >= CLOSED_MAX {
                return unchanged(ClaimAnswer::TooManySteps);
            }
            next.closed.push(close(named.admission, Closing::Withdrawn, 0, now));
            (Some(next), ClaimAnswer::Withdrawn)
        }
    }
}

fn opened(record: &TicketClaims, named: &NamedAdmission) -> Outcome {
    if let Some(closed) = record.closed(named.admission) {
        return unchanged(match closed.closing {
            Closing::Withdrawn => ClaimAnswer::Withdrawn,
            Closing::Annulled => ClaimAnswer::Annulled,
            Closing::Exited => ClaimAnswer::Opened,
        });
    }
    match held(record, named) {
        None => unchanged(ClaimAnswer::NotHeld),
        Some(holding) if record.state == ClaimState::Inside(holding) => unchanged(ClaimAnswer::Opened),
        Some(holding) => {
            let next = TicketClaims { state: ClaimState::Inside(holding), ..record.clone() };
            (Some(next), ClaimAnswer::Opened)
        }
    }
}

fn annul(record: &TicketClaims, named: &NamedAdmission, now: Timestamp) -> Outcome {
    if let Some(closed) = record.closed(named.admission) {
        return unchanged(match closed.closing {
            Closing::Withdrawn => ClaimAnswer::Withdrawn,
            Closing::Annulled => ClaimAnswer::Annulled,
            Closing::Exited => ClaimAnswer::NotAllowed,
        });
    }
    match held(record, named) {
        None => unchanged(ClaimAnswer::NotHeld),
        Some(_) => give_back(record, named.admission, Closing::Annulled, ClaimAnswer::Annulled, now),
    }
}

fn exit(record: &TicketClaims, named: &NamedAdmission, entries: Entries, now: Timestamp) -> Outcome {
    if let Some(closed) = record.closed(named.admission) {
        return unchanged(match closed.closing {
            Closing::Withdrawn => ClaimAnswer::Withdrawn,
            Closing::Annulled => ClaimAnswer::Annulled,
            Closing::Exited => ClaimAnswer::Exited,
        });
    }
    // Any gate may see a holder go; who goes out was inside, whether or not *opened* was noted.
    if record.holding().is_none_or(|holding| holding.admission != named.admission) {
        return unchanged(ClaimAnswer::NotHeld);
    }
    let mut next = fresh(record, now);
    remember(&mut next.closed, close(named.admission, Closing::Exited, record.entry, now));
    let another = entries.allows(record.entry.saturating_add(1));
    next.state = if another { ClaimState::Free } else { ClaimState::Spent };
    (Some(next), ClaimAnswer::Exited)
}

/// The holding that this gate says to have.
fn held(record: &TicketClaims, named: &NamedAdmission) -> Option<Holding> {
    record.holding().copied().filter(|holding| holding.admission == named.admission && holding.gate == named.gate)
}

/// Closes the admission that holds the ticket; its entry is as if it had never been.
fn give_back(
    record: &TicketClaims,
    admission: AdmissionId,
    closing: Closing,
    answer: ClaimAnswer,
    now: Timestamp,
) -> Outcome {
    let mut next = fresh(record, now);
    remember(&mut next.closed, close(admission, closing, record.entry, now));
    next.entry = record.entry.saturating_sub(1);
    next.state = ClaimState::Free;
    (Some(next), answer)
}

/// The record without what may be forgotten.
fn fresh(record: &TicketClaims, now: Timestamp) -> TicketClaims {
    let mut next = record.clone();
    next.closed.retain(|closed| !closed.is_old(now));
    next
}

const fn close(admission: AdmissionId, closing: Closing, entry: u32, at: Timestamp) -> Closed {
    Closed { admission, closing, entry, at }
}
