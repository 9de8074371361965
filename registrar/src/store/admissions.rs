//! Admissions: what gates upload, each stored and published once.

use kido_shared::admission::Admission;
use kido_shared::claim::{ClaimStep, NamedAdmission};
use kido_shared::clock::Timestamp;
use kido_shared::feed::{Conflict, FeedRecord};
use kido_shared::ids::{AdmissionId, EventId, GateId};
use kido_shared::limits::ADMISSIONS_PER_BATCH;
use kido_shared::wire::v1::admissions::{AckOutcome, AdmissionAck, UploadedAdmission};

use super::changing::Changing;
use super::error::{Failed, StorageError};
use super::reading::Entries as _;
use super::{Store, claims, keys, reading};
use crate::domain::gate::in_force;
use crate::domain::ingest::{AdmissionRefusal, Ingest, IngestRefusal, decide};
use crate::fact::{AdmissionRecorded, ConflictRecorded, Fact};

/// Most conflicts that are listed.
pub const CONFLICTS_MAX: usize = 1_000;

/// Stores an admission that was decided about, and tells gates.
pub(super) fn record(
    changing: &mut Changing<'_, '_>,
    admission: Admission,
    ingest: Ingest,
    now: Timestamp,
) -> Result<AckOutcome, StorageError> {
    let (holds_entry, conflict_with) = match ingest {
        Ingest::Repeated => return Ok(AckOutcome::Repeated),
        Ingest::New => (true, None),
        Ingest::Closed => (false, None),
        Ingest::Conflict(other) => (false, Some(other)),
    };
    let (id, ticket, gate, entry) = (admission.id, admission.ticket, admission.gate, admission.entry);
    let place = changing.publish(&FeedRecord::Admission(admission.clone()))?;
    changing.append(&Fact::AdmissionRecorded(AdmissionRecorded { admission, at: now, record: place, holds_entry }))?;
    let Some(first) = conflict_with else { return Ok(AckOutcome::Stored) };
    tracing::warn!(%ticket, %first, second = %id, "two admissions of one entry");
    let conflict = Conflict { ticket, entry, first, second: id, found_at: now };
    let place = changing.publish(&FeedRecord::Conflict(conflict.clone()))?;
    changing.append(&Fact::ConflictRecorded(ConflictRecorded { conflict, gate, record: place }))?;
    Ok(AckOutcome::Conflict)
}

/// The answer to an admission that is never stored. The rest of its batch is: one of them must not hold back the others.
fn refused(admission: &Admission, refusal: AdmissionRefusal) -> AdmissionAck {
    let (id, ticket, gate, entry) = (admission.id, admission.ticket, admission.gate, admission.entry);
    tracing::warn!(admission = %id, %ticket, %gate, entry, %refusal, "an uploaded admission is refused");
    AdmissionAck { admission: id, outcome: AckOutcome::Refused }
}

fn ingest_one(
    changing: &mut Changing<'_, '_>,
    uploaded: UploadedAdmission,
    now: Timestamp,
) -> Result<AdmissionAck, StorageError> {
    let UploadedAdmission { admission, opened_at } = uploaded;
    let (id, ticket, gate) = (admission.id, admission.ticket, admission.gate);
    let stored = reading::admission(changing, id)?;
    let holder = reading::holder_of_entry(changing, ticket, admission.entry)?;
    let record_of_ticket = reading::claims(changing, ticket)?;
    let known = reading::ticket(changing, ticket)?;
    let entries = known.as_ref().map(|ticket| ticket.particulars.entries);
    let ingest = match decide(&admission, stored.as_ref(), entries, holder, &record_of_ticket) {
        Ok(ingest) => ingest,
        Err(refusal) => return Ok(refused(&admission, refusal)),
    };
    let outcome = record(changing, admission, ingest, now)?;
    if opened_at.is_some()
        && let Some(known) = known
    {
        let opened = ClaimStep::Opened(NamedAdmission { admission: id, ticket, gate });
        claims::step(changing, &known, opened, now)?;
    }
    Ok(AdmissionAck { admission: id, outcome })
}

impl Store {
    /// Stores what a gate has uploaded, each admission once and all in one step. One that can never be stored is
    /// refused in its acknowledgement.
    ///
    /// # Errors
    /// [`IngestRefusal`] or [`StorageError`].
    pub async fn ingest(
        &self,
        event: EventId,
        signed_by: GateId,
        batch: Vec<UploadedAdmission>,
    ) -> Result<Vec<AdmissionAck>, Failed<IngestRefusal>> {
        if batch.len() > ADMISSIONS_PER_BATCH {
            return Err(Failed::Refused(IngestRefusal::TooMany));
        }
        if let Some(foreign) = batch.iter().find(|uploaded| uploaded.admission.gate != signed_by) {
            return Err(Failed::Refused(IngestRefusal::OtherGate(foreign.admission.id)));
        }
        let live = self.live(event)?;
        let now = self.now();
        live.transact(move |changing| {
            let gate = reading::gate(changing, signed_by)?;
            in_force(gate).map_err(|refusal| Failed::Refused(IngestRefusal::Gate(refusal)))?;
            batch.into_iter().map(|uploaded| Ok(ingest_one(changing, uploaded, now)?)).collect()
        })
        .await
    }

    /// One stored admission.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn admission(&self, event: EventId, admission: AdmissionId) -> Result<Option<Admission>, StorageError> {
        Ok(reading::admission(&self.live(event)?.facts, admission)?)
    }

    /// The event's conflicts, newest first, at most [`CONFLICTS_MAX`].
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn conflicts(&self, event: EventId) -> Result<Vec<Conflict>, StorageError> {
        let live = self.live(event)?;
        let mut conflicts = Vec::new();
        for entry in live.facts.entries(keys::CONFLICTS)?.take(CONFLICTS_MAX) {
            conflicts.push(reading::decode(&entry?.1, "a conflict")?);
        }
        Ok(conflicts)
    }
}
