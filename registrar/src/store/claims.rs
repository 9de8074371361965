//! The arbiter inside the registrar: a shell around [`kido_shared::claim::step`].

use std::collections::BTreeSet;

use kido_shared::admission::{Admission, AdmissionBasis, Ending};
use kido_shared::claim::rate::Weight;
use kido_shared::claim::{
    ClaimAnswer, ClaimRequest, ClaimStep, Holding, NamedAdmission, TicketClaims, step as take_step,
};
use kido_shared::clock::Timestamp;
use kido_shared::ids::{AdmissionId, EventId, GateId, TicketId};
use kido_shared::wire::v1::admissions::{AskedArbiter, ClaimBody};

use super::changing::Changing;
use super::error::{Failed, StorageError};
use super::reading::{Entries, ReadError};
use super::{Store, endings, keys, reading};
use crate::domain::claim::{ClaimRefusal, decides_here, facts};
use crate::domain::conflict::RIVALS_MAX;
use crate::domain::gate::in_force;
use crate::domain::ticket::Ticket;
use crate::fact::{ClaimChanged, Fact};

/// A ticket's record, with whoever its entries were uploaded for where the record has nobody inside.
///
/// Somebody let in without a line is claimed afterwards, and that claim may meet another one that comes to nothing: once
/// that is withdrawn nobody is left in the record, and the admission alone says that the entry was used. Where another
/// arbiter decided until now, admissions and their ends are all that this one knows.
pub(super) fn record(changing: &Changing<'_, '_>, id: TicketId, ticket: &Ticket) -> Result<TicketClaims, StorageError> {
    let (mut record, facts) = (reading::claims(changing, id)?, facts(ticket, changing.reached().epoch));
    while record.holding().is_none() {
        let Some((admission, ended)) = next_inside(changing, id, &record)? else { return Ok(record) };
        let (at, entry) = (admission.at, record.entry());
        let request = ClaimRequest {
            admission: admission.id,
            ticket: id,
            gate: admission.gate,
            decided_on: facts.newest,
            at,
            basis: AdmissionBasis::Offline,
        };
        record = take_step(&record, &ClaimStep::Claim(request), &facts, at).0.unwrap_or(record);
        if let Some(ending) = ended {
            let left = NamedAdmission { admission: admission.id, ticket: id, gate: ending.gate };
            record = take_step(&record, &ClaimStep::Exit(left), &facts, ending.at).0.unwrap_or(record);
        }
        if record.entry() <= entry {
            return Ok(record);
        }
    }
    Ok(record)
}

/// Whose entry follows those that a record counts, as far as uploads tell, and how it ended.
///
/// Who has left comes first: that entry was used, whatever number a gate without a line gave it.
fn next_inside(
    changing: &Changing<'_, '_>,
    id: TicketId,
    record: &TicketClaims,
) -> Result<Option<(Admission, Option<Ending>)>, StorageError> {
    let holder = reading::holder_of_entry(changing, id, record.entry().saturating_add(1))?;
    let rivals = reading::rivals(changing, id, RIVALS_MAX)?;
    let mut candidates: BTreeSet<AdmissionId> = holder.into_iter().collect();
    // Each admission uses one entry: a record that counts as many has counted them all, those that it forgot since, too.
    if !rivals.is_empty() && used(changing, id, &rivals)? > record.entry() {
        for (entry, rival) in rivals {
            candidates.insert(rival);
            candidates.extend(reading::holder_of_entry(changing, id, entry)?);
        }
    }
    let mut inside = None;
    for candidate in candidates {
        if record.closed(candidate).is_some() || reading::is_void(changing, id, candidate)? {
            continue;
        }
        let Some(admission) = reading::admission(changing, candidate)? else { continue };
        match reading::ended(changing, candidate)? {
            Some(ending) => return Ok(Some((admission, Some(ending)))),
            None => inside = inside.or(Some((admission, None))),
        }
    }
    Ok(inside)
}

/// How many entries of a ticket the admissions use that are known here.
fn used(changing: &Changing<'_, '_>, id: TicketId, rivals: &[(u32, AdmissionId)]) -> Result<u32, StorageError> {
    let mut used = 0_u32;
    for entry in changing.entries(&keys::entries_of(id))? {
        let _holder = entry?;
        used = used.saturating_add(1);
    }
    for (_entry, rival) in rivals {
        used = used.saturating_add(u32::from(!reading::is_void(changing, id, *rival)?));
    }
    Ok(used)
}

/// Takes a step on a ticket's record, inside a transaction.
pub(super) fn step(
    changing: &mut Changing<'_, '_>,
    ticket: &Ticket,
    step: ClaimStep,
    now: Timestamp,
) -> Result<ClaimAnswer, StorageError> {
    if let ClaimStep::Claim(request) = &step
        && reading::is_void(changing, request.ticket, request.admission)?
    {
        // Its upload, and that nobody had passed, came before it did: it would hold the entry for nobody.
        return Ok(ClaimAnswer::Withdrawn);
    }
    let before = record(changing, step.ticket(), ticket)?;
    let (after, answer) = take_step(&before, &step, &facts(ticket, changing.reached().epoch), now);
    if let Some(claims) = after {
        let ending = endings::of_step(&step, now);
        let record = ending.map(|ending| changing.publish(&endings::record_of(&ending))).transpose()?;
        changing.append(&Fact::ClaimChanged(ClaimChanged { step, claims, at: now, record }))?;
        if let Some(ending) = ending {
            endings::after(changing, ticket, &ending, now)?;
        }
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
        let live = self.live(event)?;
        let now = self.now();
        // Before the one writer is asked for: a flood must not keep other gates' claims waiting.
        may_ask(&live.facts, signed_by, arbiter)?;
        let weight = Weight::of(&wanted, told(&live.facts, &wanted)?.as_ref());
        if !live.rates().take(signed_by, weight, now) {
            return Err(Failed::Refused(ClaimRefusal::TooFast));
        }
        let answered = live.transact_entry(move |changing| {
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
