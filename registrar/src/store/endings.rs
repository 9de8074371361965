//! Ends of admissions: annulled by their gate, left by any; and what that makes of conflicts.
//!
//! Journals come in any order. An end that overtakes its admission is held until that comes; an admission that was taken
//! for an entry's second one is none once the first is known to be annulled. [`crate::domain::conflict`] says what is true
//! of all that is here, and [`reconcile`] records the difference.

use std::collections::{BTreeMap, BTreeSet};

use kido_shared::admission::{Admission, EndedBy, Ending};
use kido_shared::claim::{ClaimStep, NamedAdmission};
use kido_shared::clock::Timestamp;
use kido_shared::feed::{Annulled, Conflict, Exited, FeedRecord};
use kido_shared::ids::{AdmissionId, EventId, GateId, TicketId};
use kido_shared::limits::ADMISSIONS_PER_BATCH;
use kido_shared::ticket::Entries as TicketEntries;
use kido_shared::wire::v1::admissions::{AckOutcome, AdmissionAck};

use super::changing::Changing;
use super::error::{Failed, StorageError};
use super::reading::{self, Entries as _, ReadError};
use super::{Store, claims, keys};
use crate::domain::conflict::{Known, Pair, RIVALS_MAX, compare, pairs};
use crate::domain::gate::Believed;
use crate::domain::ingest::{ENDINGS_HELD_PER_GATE_MAX, EndingRefusal, Ends, IngestRefusal, decide_end, within_reason};
use crate::domain::ticket::Ticket;
use crate::fact::{AdmissionEnded, ConflictRecorded, ConflictSettled, EndingHeld, Fact};

/// Most words of gates about one end that wait for its admission: its own gate's, and one of each that a holder could
/// have gone out by. More are a thief's.
const HELD_MAX: usize = 16;

/// What everybody must hear of an end.
pub(super) const fn record_of(ending: &Ending) -> FeedRecord {
    let Ending { admission, ticket, gate, by, at } = *ending;
    match by {
        EndedBy::Annulled => FeedRecord::Annulled(Annulled { admission, ticket, gate, at }),
        EndedBy::Exited => FeedRecord::Exited(Exited { admission, ticket, gate, at }),
    }
}

/// The end that a step of the arbiter inside this registrar stands for.
pub(super) const fn of_step(step: &ClaimStep, at: Timestamp) -> Option<Ending> {
    let (named, by) = match step {
        ClaimStep::Annul(named) => (named, EndedBy::Annulled),
        ClaimStep::Exit(named) => (named, EndedBy::Exited),
        ClaimStep::Claim(_) | ClaimStep::Withdraw(_) | ClaimStep::Opened(_) => return None,
    };
    Some(Ending { admission: named.admission, ticket: named.ticket, gate: named.gate, by, at })
}

pub(super) const fn step_of(ending: &Ending) -> ClaimStep {
    let named = NamedAdmission { admission: ending.admission, ticket: ending.ticket, gate: ending.gate };
    match ending.by {
        EndedBy::Annulled => ClaimStep::Annul(named),
        EndedBy::Exited => ClaimStep::Exit(named),
    }
}

/// Ends an admission that is stored.
fn end(
    changing: &mut Changing<'_, '_>,
    known: &Ticket,
    ending: Ending,
    now: Timestamp,
) -> Result<Result<Ends, EndingRefusal>, StorageError> {
    let of = reading::admission(changing, ending.admission)?.ok_or(StorageError::Entry("an admission"))?;
    let before = reading::ended(changing, ending.admission)?;
    let ending = within_reason(ending, Some(&of), now);
    let ends = match decide_end(&ending, &of, before.as_ref()) {
        Ok(Ends::Repeated) => return Ok(Ok(Ends::Repeated)),
        // A gate notes one moment. Whoever tells ever earlier ones would let the log grow without end.
        Ok(Ends::Earlier) if changing.value(&keys::closer_word(&ending))?.is_some() => return Ok(Ok(Ends::Repeated)),
        Ok(ends) => ends,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let held = reading::claims(changing, ending.ticket)?.holding().map(|holding| holding.admission);
    if ends == Ends::Now && held == Some(ending.admission) {
        // The arbiter's own record gives the entry back, as it would for the step itself. Its fact tells the registrar's
        // moment, so the gate's follows.
        claims::step(changing, known, step_of(&ending), now)?;
    }
    let record = match reading::ended(changing, ending.admission)? {
        Some(told) if told.at <= ending.at => return Ok(Ok(ends)),
        Some(_) => None,
        None => Some(changing.publish(&record_of(&ending))?),
    };
    changing.append(&Fact::AdmissionEnded(AdmissionEnded { ending, at: now, record }))?;
    if record.is_some() {
        after(changing, known, &ending, now)?;
    } else {
        reconcile(changing, ending.ticket, known.particulars.entries, now)?;
    }
    Ok(Ok(ends))
}

/// What follows from an end that was recorded: whoever else is inside, and which conflicts were none.
pub(super) fn after(
    changing: &mut Changing<'_, '_>,
    known: &Ticket,
    ending: &Ending,
    now: Timestamp,
) -> Result<(), StorageError> {
    tell_who_is_inside(changing, ending)?;
    reconcile(changing, ending.ticket, known.particulars.entries, now)?;
    Ok(())
}

/// Gates and boxes that follow the feed remember one who is inside with a ticket. Once that one is out they hear once
/// more of the other, or would take the entry for free.
fn tell_who_is_inside(changing: &mut Changing<'_, '_>, ended: &Ending) -> Result<(), StorageError> {
    let ticket = ended.ticket;
    let Some(over) = reading::admission(changing, ended.admission)? else { return Ok(()) };
    let holders = [over.entry, over.entry.saturating_add(1)];
    let mut others: Vec<AdmissionId> = Vec::new();
    for entry in holders {
        others.extend(reading::holder_of_entry(changing, ticket, entry)?);
    }
    others.extend(reading::rivals(changing, ticket, RIVALS_MAX)?.into_iter().map(|(_entry, rival)| rival));
    for other in others {
        if other != ended.admission
            && reading::is_inside(changing, ticket, other)?
            && let Some(inside) = reading::admission(changing, other)?
        {
            changing.publish(&FeedRecord::Admission(inside))?;
            return Ok(());
        }
    }
    Ok(())
}

/// What gates have said of the end of an admission that has not come yet.
pub(super) fn held(changing: &Changing<'_, '_>, admission: AdmissionId) -> Result<Vec<Ending>, ReadError> {
    reading::endings_held(changing, admission, HELD_MAX)
}

/// Takes what was [`held`] of the end of an admission that has only come now.
pub(super) fn take_held(
    changing: &mut Changing<'_, '_>,
    known: &Ticket,
    held: Vec<Ending>,
    now: Timestamp,
) -> Result<(), StorageError> {
    for ending in held {
        if let Err(refusal) = end(changing, known, ending, now)? {
            tell(&ending, refusal);
        }
    }
    Ok(())
}

/// Whether a gate has said, before it came, that this admission was annulled.
pub(super) fn is_held_void(changing: &Changing<'_, '_>, admission: &Admission) -> Result<bool, ReadError> {
    let mut held = reading::endings_held(changing, admission.id, HELD_MAX)?.into_iter();
    Ok(held.any(|ending| ending.by == EndedBy::Annulled && decide_end(&ending, admission, None) == Ok(Ends::Now)))
}

fn known(changing: &Changing<'_, '_>, id: AdmissionId, admission: &Admission) -> Result<Known, ReadError> {
    let ended = reading::ended(changing, id)?.map(|ending| (ending.by, ending.at));
    let void = || reading::is_void(changing, admission.ticket, id);
    let ended = if ended.is_none() && void()? { Some((EndedBy::Annulled, admission.at)) } else { ended };
    Ok(Known { id, at: admission.at, ended })
}

/// The entries of a ticket that several admissions came for; nothing where nobody could weigh them all.
fn contested(changing: &Changing<'_, '_>, ticket: TicketId) -> Result<Option<BTreeMap<u32, Vec<Known>>>, StorageError> {
    let rivals = reading::rivals(changing, ticket, RIVALS_MAX.saturating_add(1))?;
    if rivals.len() > RIVALS_MAX {
        return Ok(None);
    }
    let mut ids: BTreeMap<u32, BTreeSet<AdmissionId>> = BTreeMap::new();
    for (entry, rival) in rivals {
        let of_entry = ids.entry(entry).or_default();
        of_entry.insert(rival);
        of_entry.extend(reading::holder_of_entry(changing, ticket, entry)?);
    }
    let mut contested: BTreeMap<u32, Vec<Known>> = BTreeMap::new();
    for (entry, ids) in ids {
        for id in ids {
            let admission = reading::admission(changing, id)?.ok_or(StorageError::Entry("an admission"))?;
            contested.entry(entry).or_default().push(known(changing, id, &admission)?);
        }
    }
    Ok(Some(contested))
}

/// How many entries of a ticket nobody has used, under whatever number.
fn spare(changing: &Changing<'_, '_>, ticket: TicketId, entries: TicketEntries) -> Result<u32, ReadError> {
    let TicketEntries::Times(times) = entries else { return Ok(u32::MAX) };
    let mut used = 0_u32;
    for entry in changing.entries(&keys::entries_of(ticket))? {
        let _used = entry?;
        used = used.saturating_add(1);
    }
    Ok(u32::from(times.get()).saturating_sub(used))
}

fn standing(changing: &Changing<'_, '_>, ticket: TicketId) -> Result<BTreeSet<Pair>, ReadError> {
    let standing = changing.entries(&keys::standing_conflicts(ticket))?;
    standing.map(|entry| keys::pair_of(&entry?.0).ok_or(ReadError::Entry("a conflict that stands"))).collect()
}

/// Records the conflicts of a ticket that are true and not told, and settles those that are told and not true; gives the
/// new ones. A ticket with more admissions for one entry than can be weighed is left as it stands.
pub(super) fn reconcile(
    changing: &mut Changing<'_, '_>,
    ticket: TicketId,
    entries: TicketEntries,
    now: Timestamp,
) -> Result<Vec<Pair>, StorageError> {
    let Some(contested) = contested(changing, ticket)? else { return Ok(Vec::new()) };
    let standing = standing(changing, ticket)?;
    if contested.is_empty() && standing.is_empty() {
        return Ok(Vec::new());
    }
    let truth = pairs(&contested, spare(changing, ticket, entries)?);
    let changes = compare(&standing, &truth);
    for pair in &changes.settled {
        let Pair { entry, first, second } = *pair;
        tracing::info!(%ticket, %first, %second, "two admissions of one entry were none");
        let gate = gate_of(changing, second)?;
        let settled = ConflictSettled { ticket, entry, first, second, gate, at: now };
        changing.append(&Fact::ConflictSettled(settled))?;
    }
    for pair in &changes.new {
        record(changing, ticket, pair, now)?;
    }
    Ok(changes.new)
}

fn gate_of(changing: &Changing<'_, '_>, admission: AdmissionId) -> Result<GateId, StorageError> {
    let admission = reading::admission(changing, admission)?;
    Ok(admission.ok_or(StorageError::Entry("an admission"))?.gate)
}

/// Records a conflict, and tells gates.
pub(super) fn record(
    changing: &mut Changing<'_, '_>,
    ticket: TicketId,
    pair: &Pair,
    now: Timestamp,
) -> Result<(), StorageError> {
    let Pair { entry, first, second } = *pair;
    tracing::warn!(%ticket, %first, %second, "two admissions of one entry");
    let gate = gate_of(changing, second)?;
    let conflict = Conflict { ticket, entry, first, second, found_at: now };
    let place = changing.publish(&FeedRecord::Conflict(conflict.clone()))?;
    changing.append(&Fact::ConflictRecorded(ConflictRecorded { conflict, gate, record: place }))
}

/// The end of an admission that is never stored. The rest of its batch is.
fn tell(ending: &Ending, refusal: EndingRefusal) {
    let Ending { admission, ticket, gate, by, .. } = *ending;
    tracing::warn!(%admission, %ticket, %gate, ?by, %refusal, "the end of an admission is refused");
}

fn take_one(changing: &mut Changing<'_, '_>, ending: Ending, now: Timestamp) -> Result<AdmissionAck, StorageError> {
    let done = |outcome| Ok(AdmissionAck { admission: ending.admission, outcome });
    let Some(known) = reading::ticket(changing, ending.ticket)? else {
        tell(&ending, EndingRefusal::UnknownTicket);
        return done(AckOutcome::Refused);
    };
    if reading::admission(changing, ending.admission)?.is_none() {
        if changing.value(&keys::ending_held(&ending))?.is_some() {
            return done(AckOutcome::Repeated);
        }
        if reading::held_of_gate(changing, ending.gate)? >= ENDINGS_HELD_PER_GATE_MAX {
            let (gate, held) = (ending.gate, ENDINGS_HELD_PER_GATE_MAX);
            tracing::warn!(%gate, held, "the ends that a gate tells wait for too many admissions that are not here yet");
            return done(AckOutcome::Later);
        }
        let ending = within_reason(ending, None, now);
        changing.append(&Fact::EndingHeld(EndingHeld { ending, at: now }))?;
        return done(AckOutcome::Stored);
    }
    match end(changing, &known, ending, now)? {
        Ok(Ends::Now | Ends::Earlier) => done(AckOutcome::Stored),
        Ok(Ends::Repeated) => done(AckOutcome::Repeated),
        Err(refusal) => {
            tell(&ending, refusal);
            done(AckOutcome::Refused)
        }
    }
}

impl Store {
    /// Stores what a gate has uploaded of the ends of admissions, each once and all in one step. One whose admission has
    /// not come yet is kept until it does.
    ///
    /// # Errors
    /// [`IngestRefusal`] or [`StorageError`].
    pub async fn ingest_endings(
        &self,
        event: EventId,
        signed_by: GateId,
        batch: Vec<Ending>,
    ) -> Result<Vec<AdmissionAck>, Failed<IngestRefusal>> {
        self.ingest_endings_of(event, (signed_by, Believed::InForce), batch).await
    }

    /// The same from whoever is believed.
    pub(crate) async fn ingest_endings_of(
        &self,
        event: EventId,
        (signed_by, believed): (GateId, Believed),
        batch: Vec<Ending>,
    ) -> Result<Vec<AdmissionAck>, Failed<IngestRefusal>> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        if batch.len() > ADMISSIONS_PER_BATCH {
            return Err(Failed::Refused(IngestRefusal::TooMany));
        }
        if let Some(foreign) = batch.iter().find(|ending| ending.gate != signed_by) {
            return Err(Failed::Refused(IngestRefusal::OtherGate(foreign.admission)));
        }
        let live = self.live(event)?;
        let now = self.now();
        live.transact(move |changing| {
            let gate = reading::gate(changing, signed_by)?;
            believed.gate(gate).map_err(|refusal| Failed::Refused(IngestRefusal::Gate(refusal)))?;
            batch.into_iter().map(|ending| Ok(take_one(changing, ending, now)?)).collect()
        })
        .await
    }
}
