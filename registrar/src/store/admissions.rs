//! Admissions: what gates upload, each stored and published once.

use std::sync::Arc;

use kido_shared::admission::Admission;
use kido_shared::claim::rate::Weight;
use kido_shared::claim::{ClaimStep, NamedAdmission};
use kido_shared::clock::Timestamp;
use kido_shared::feed::{Conflict, FeedRecord};
use kido_shared::ids::{AdmissionId, EventId, GateId, TicketId};
use kido_shared::limits::ADMISSIONS_PER_BATCH;
use kido_shared::wire::v1::admissions::{AckOutcome, AdmissionAck, AdmissionAcks, AdmissionBatch, UploadedAdmission};

use super::changing::Changing;
use super::error::{Failed, StorageError};
use super::live::LiveEvent;
use super::reading::Entries as _;
use super::{Store, claims, endings, keys, reading};
use crate::domain::conflict::{Pair, RIVALS_MAX};
use crate::domain::gate::Believed;
use crate::domain::ingest::{AdmissionRefusal, Ingest, IngestRefusal, decide};
use crate::domain::ticket::Ticket;
use crate::fact::{AdmissionEnded, AdmissionRecorded, Fact};

/// Most conflicts that are listed.
pub const CONFLICTS_MAX: usize = 1_000;

/// A conflict, and whether it still stands.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
pub struct ConflictView {
    /// The two admissions.
    #[n(0)]
    pub conflict: Conflict,
    /// When it turned out to be none: one of the two had ended before.
    #[n(1)]
    pub settled_at: Option<Timestamp>,
}

/// Stores an admission that was decided about, with what gates have said of its end, and tells gates.
pub(super) fn record(
    changing: &mut Changing<'_, '_>,
    admission: Admission,
    (known, ingest): (&Ticket, Ingest),
    now: Timestamp,
) -> Result<AckOutcome, StorageError> {
    let holds_entry = match ingest {
        Ingest::Repeated => return Ok(AckOutcome::Repeated),
        Ingest::New => true,
        Ingest::Beside | Ingest::Closed => false,
    };
    let (id, ticket, entry) = (admission.id, admission.ticket, admission.entry);
    let held = endings::held(changing, id)?;
    let place = changing.publish(&FeedRecord::Admission(admission.clone()))?;
    let recorded = AdmissionRecorded { admission, at: now, record: place, holds_entry };
    changing.append(&Fact::AdmissionRecorded(recorded))?;
    if let Some(ending) = reading::ended(changing, id)? {
        // The step came before its admission did: everybody hears of both, in their order, and so does the holder.
        let record = Some(changing.publish(&endings::record_of(&ending))?);
        changing.append(&Fact::AdmissionEnded(AdmissionEnded { ending, at: now, record }))?;
    }
    endings::take_held(changing, known, held, now)?;
    if ingest == Ingest::New && known.particulars.entries == kido_shared::ticket::Entries::ONCE {
        return Ok(AckOutcome::Stored);
    }
    let conflicts = match (ingest, reading::rivals(changing, ticket, RIVALS_MAX.saturating_add(1))?.len()) {
        (Ingest::Beside, RIVALS_MAX..) => beside_too_many(changing, (id, ticket, entry), now)?,
        _ => endings::reconcile(changing, ticket, known.particulars.entries, now)?,
    };
    let stands = conflicts.iter().any(|pair| pair.first == id || pair.second == id);
    Ok(if stands { AckOutcome::Conflict } else { AckOutcome::Stored })
}

/// More admissions came for an entry than are weighed against each other: this one is shown against its holder.
fn beside_too_many(
    changing: &mut Changing<'_, '_>,
    (id, ticket, entry): (AdmissionId, TicketId, u32),
    now: Timestamp,
) -> Result<Vec<Pair>, StorageError> {
    let holder = reading::holder_of_entry(changing, ticket, entry)?.filter(|holder| *holder != id);
    let Some(first) = holder else { return Ok(Vec::new()) };
    let pair = Pair { entry, first, second: id };
    endings::record(changing, ticket, &pair, now)?;
    Ok(vec![pair])
}

/// The answer to an admission that is never stored. The rest of its batch is: one of them must not hold back the others.
fn refused(admission: &Admission, refusal: AdmissionRefusal) -> AdmissionAck {
    let (id, ticket, gate, entry) = (admission.id, admission.ticket, admission.gate, admission.entry);
    tracing::warn!(admission = %id, %ticket, %gate, entry, %refusal, "an uploaded admission is refused");
    AdmissionAck { admission: id, outcome: AckOutcome::Refused }
}

/// How admissions come here, by which it is decided how many at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// A gate sends them: each uses an entry up on its word alone, so it says no more than a lane lets in.
    Line,
    /// A person has carried the gate's file here, and sees the counts.
    Carried(Believed),
}

impl Way {
    /// Which gates are believed.
    const fn believed(self) -> Believed {
        match self {
            Self::Line => Believed::InForce,
            Self::Carried(believed) => believed,
        }
    }
}

/// Whether one that was not known may be stored now. A registrar that came back from a backup asked for all there are.
fn fits(live: &LiveEvent, way: Way, gate: GateId, now: Timestamp) -> bool {
    matches!(way, Way::Carried(_)) || live.recovering.stage().is_some() || live.rates().take(gate, Weight::Upload, now)
}

fn ingest_one(
    changing: &mut Changing<'_, '_>,
    uploaded: UploadedAdmission,
    (live, way): (&LiveEvent, Way),
    now: Timestamp,
) -> Result<AdmissionAck, StorageError> {
    let UploadedAdmission { admission, opened_at } = uploaded;
    let (id, ticket, gate) = (admission.id, admission.ticket, admission.gate);
    let stored = reading::admission(changing, id)?;
    let holder = reading::holder_of_entry(changing, ticket, admission.entry)?;
    let is_void = reading::is_void(changing, ticket, id)? || endings::is_held_void(changing, &admission)?;
    let known = reading::ticket(changing, ticket)?;
    let entries = known.as_ref().map(|ticket| ticket.particulars.entries);
    let (ingest, known) = match (decide(&admission, stored.as_ref(), entries, holder, is_void), known) {
        (Ok(ingest), Some(known)) => (ingest, known),
        (Err(refusal), _) => return Ok(refused(&admission, refusal)),
        (Ok(_), None) => return Ok(refused(&admission, AdmissionRefusal::UnknownTicket)),
    };
    if ingest != Ingest::Repeated && !fits(live, way, gate, now) {
        return Ok(AdmissionAck { admission: id, outcome: AckOutcome::Later });
    }
    let outcome = record(changing, admission, (&known, ingest), now)?;
    if opened_at.is_some() {
        let opened = ClaimStep::Opened(NamedAdmission { admission: id, ticket, gate });
        claims::step(changing, &known, opened, now)?;
    }
    Ok(AdmissionAck { admission: id, outcome })
}

impl Store {
    /// Takes one upload of a gate: what it brings is stored, and that the feed has grown by it is kept beside the log, so
    /// that a registrar from a backup knows what it has acknowledged even where nobody had heard of it.
    ///
    /// # Errors
    /// [`IngestRefusal`] or [`StorageError`].
    pub async fn take_upload(
        &self,
        event: EventId,
        signed_by: GateId,
        batch: AdmissionBatch,
    ) -> Result<AdmissionAcks, Failed<IngestRefusal>> {
        // Ends first: one whose admission stands in the same batch is known when that is looked at, and no conflict is told
        // of that is none.
        let endings = self.ingest_endings(event, signed_by, batch.endings).await?;
        let acks = self.ingest_by(Way::Line, event, signed_by, batch.admissions).await?;
        self.note_reached(event).await?;
        let later = acks.iter().filter(|ack| ack.outcome == AckOutcome::Later).count();
        if later > 0 {
            tracing::warn!(gate = %signed_by, later, "a gate says that it let in more than a lane can; the rest waits its turn");
        }
        Ok(AdmissionAcks { acks, endings })
    }

    /// Stores what a person has carried here from a gate, each admission once and all in one step. One that can never be
    /// stored is refused in its acknowledgement.
    ///
    /// # Errors
    /// [`IngestRefusal`] or [`StorageError`].
    pub(crate) async fn ingest_carried(
        &self,
        event: EventId,
        (signed_by, believed): (GateId, Believed),
        batch: Vec<UploadedAdmission>,
    ) -> Result<Vec<AdmissionAck>, Failed<IngestRefusal>> {
        self.ingest_by(Way::Carried(believed), event, signed_by, batch).await
    }

    async fn ingest_by(
        &self,
        way: Way,
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
        let (now, of_event) = (self.now(), Arc::clone(&live));
        live.transact(move |changing| {
            let gate = reading::gate(changing, signed_by)?;
            way.believed().gate(gate).map_err(|refusal| Failed::Refused(IngestRefusal::Gate(refusal)))?;
            batch.into_iter().map(|uploaded| Ok(ingest_one(changing, uploaded, (&of_event, way), now)?)).collect()
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

    /// The event's conflicts, those that were settled among them, newest first, at most [`CONFLICTS_MAX`].
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn conflicts(&self, event: EventId) -> Result<Vec<ConflictView>, StorageError> {
        let live = self.live(event)?;
        let mut conflicts = Vec::new();
        for entry in live.facts.entries(keys::CONFLICTS)?.take(CONFLICTS_MAX) {
            conflicts.push(reading::decode(&entry?.1, "a conflict")?);
        }
        Ok(conflicts)
    }
}
