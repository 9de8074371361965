//! The arbiter inside the registrar: a shell around [`kido_shared::claim::step`].

use kido_shared::admission::{Admission, AdmissionBasis};
use kido_shared::claim::rate::Weight;
use kido_shared::claim::{ClaimAnswer, ClaimRequest, ClaimStep, Holding, TicketClaims, step as take_step};
use kido_shared::clock::Timestamp;
use kido_shared::feed::{Annulled, Exited, FeedRecord};
use kido_shared::ids::{EventId, GateId, TicketId};
use kido_shared::wire::v1::admissions::{AskedArbiter, ClaimBody};

use super::changing::Changing;
use super::error::{Failed, StorageError};
use super::reading::{Entries, ReadError};
use super::{Store, reading};
use crate::domain::claim::{ClaimRefusal, decides_here, facts, offered};
use crate::domain::gate::in_force;
use crate::domain::ticket::Ticket;
use crate::fact::{ClaimChanged, Fact};

/// What gates must hear of a step that changed a record.
fn record_of(step: &ClaimStep, now: Timestamp) -> Option<FeedRecord> {
    match step {
        ClaimStep::Annul(named) => {
            let (admission, ticket, gate) = (named.admission, named.ticket, named.gate);
            Some(FeedRecord::Annulled(Annulled { admission, ticket, gate, at: now }))
        }
        ClaimStep::Exit(named) => {
            let (admission, ticket, gate) = (named.admission, named.ticket, named.gate);
            Some(FeedRecord::Exited(Exited { admission, ticket, gate, at: now }))
        }
        ClaimStep::Claim(_) | ClaimStep::Withdraw(_) | ClaimStep::Opened(_) => None,
    }
}

/// A ticket's record, with whoever its next entry was uploaded for where the record has nobody inside.
///
/// Somebody let in without a line is claimed afterwards, and that claim may meet another one that comes to nothing: once
/// that is withdrawn nobody is left in the record, and the admission alone says that the entry was used.
fn record(changing: &Changing<'_, '_>, id: TicketId, ticket: &Ticket) -> Result<TicketClaims, StorageError> {
    let record = reading::claims(changing, id)?;
    if record.holding().is_some() {
        return Ok(record);
    }
    let holder = reading::holder_of_entry(changing, id, record.entry().saturating_add(1))?;
    let Some(admission) = holder.map(|holder| reading::admission(changing, holder)).transpose()?.flatten() else {
        return Ok(record);
    };
    let (facts, at) = (facts(ticket), admission.at);
    let request = ClaimRequest {
        admission: admission.id,
        ticket: id,
        gate: admission.gate,
        decided_on: facts.newest,
        at,
        basis: AdmissionBasis::Offline,
    };
    let (told, _granted) = take_step(&TicketClaims::new(), &ClaimStep::Claim(request), &facts, at);
    Ok(record.with_holding_of(&told.unwrap_or_default()))
}

/// Takes a step on a ticket's record, inside a transaction.
pub(super) fn step(
    changing: &mut Changing<'_, '_>,
    ticket: &Ticket,
    step: ClaimStep,
    now: Timestamp,
) -> Result<ClaimAnswer, StorageError> {
    let before = record(changing, step.ticket(), ticket)?;
    let (after, answer) = take_step(&before, &step, &facts(ticket), now);
    if let Some(claims) = after {
        let record = record_of(&step, now).map(|record| changing.publish(&record)).transpose()?;
        changing.append(&Fact::ClaimChanged(ClaimChanged { step, claims, at: now, record }))?;
    }
    Ok(answer)
}

/// Whether this gate is in force, and this registrar the arbiter that it believes in.
fn may_ask(from: &impl Entries, gate: GateId, arbiter: Option<AskedArbiter>) -> Result<(), Failed<ClaimRefusal>> {
    let gate = reading::gate(from, gate)?;
    in_force(gate).map_err(|refusal| Failed::Refused(ClaimRefusal::Gate(refusal)))?;
    decides_here(&reading::policy(from)?, arbiter).map_err(Failed::Refused)
}

/// The admission that a step names, where it was uploaded, holds its entry and has not been closed: claiming it takes
/// nothing.
fn told(from: &impl Entries, step: &ClaimStep) -> Result<Option<Holding>, ReadError> {
    let (id, ticket) = (step.admission(), step.ticket());
    let uploaded = reading::admission(from, id)?.filter(|admission| admission.ticket == ticket);
    let Some(Admission { gate, entry, at, .. }) = uploaded else { return Ok(None) };
    let holds = reading::holder_of_entry(from, ticket, entry)? == Some(id);
    let closed = reading::claims(from, ticket)?.closed(id).is_some();
    Ok((holds && !closed).then_some(Holding { admission: id, gate, at }))
}

impl Store {
    /// Takes a step that a gate has signed; the answer is durable.
    ///
    /// # Errors
    /// [`ClaimRefusal`] or [`StorageError`].
    pub async fn claim(
        &self,
        event: EventId,
        signed_by: GateId,
        asked: impl Into<ClaimBody>,
    ) -> Result<ClaimAnswer, Failed<ClaimRefusal>> {
        let ClaimBody { step: wanted, arbiter } = asked.into();
        if wanted.gate() != signed_by {
            return Err(Failed::Refused(ClaimRefusal::OtherGate));
        }
        offered(&wanted).map_err(Failed::Refused)?;
        let live = self.live(event)?;
        let now = self.now();
        // Before the one writer is asked for: a flood must not keep other gates' claims waiting.
        may_ask(&live.facts, signed_by, arbiter)?;
        let weight = Weight::of(&wanted, told(&live.facts, &wanted)?.as_ref());
        if !live.rates().take(signed_by, weight, now) {
            return Err(Failed::Refused(ClaimRefusal::TooFast));
        }
        let answered = live.transact(move |changing| {
            may_ask(changing, signed_by, arbiter)?;
            let ticket = reading::ticket(changing, wanted.ticket())?;
            let ticket = ticket.ok_or(Failed::Refused(ClaimRefusal::UnknownTicket))?;
            Ok(step(changing, &ticket, wanted, now)?)
        });
        let answered = answered.await;
        if matches!(answered, Ok(ClaimAnswer::Behind) | Err(Failed::Storage(_))) {
            // The gate repeats this very step: what could not be decided must not count as one too many.
            live.rates().give_back(signed_by, weight);
        }
        answered
    }
}
