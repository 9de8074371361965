//! The arbiter inside the registrar: a shell around [`kido_shared::claim::step`].

use kido_shared::admission::AdmissionBasis;
use kido_shared::claim::{ClaimAnswer, ClaimRequest, ClaimStep, TicketClaims, step as take_step};
use kido_shared::clock::Timestamp;
use kido_shared::feed::{Annulled, Exited, FeedRecord};
use kido_shared::ids::{EventId, GateId, TicketId};
use kido_shared::wire::v1::admissions::ClaimBody;

use super::changing::Changing;
use super::error::{Failed, StorageError};
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
        live.transact(move |changing| {
            let gate = reading::gate(changing, signed_by)?;
            in_force(gate).map_err(|refusal| Failed::Refused(ClaimRefusal::Gate(refusal)))?;
            decides_here(&reading::policy(changing)?, arbiter).map_err(Failed::Refused)?;
            let ticket = reading::ticket(changing, wanted.ticket())?;
            let ticket = ticket.ok_or(Failed::Refused(ClaimRefusal::UnknownTicket))?;
            Ok(step(changing, &ticket, wanted, now)?)
        })
        .await
    }
}
