//! Deciding inside this gate, in one durable step.
//!
//! Two cases: the event has this gate alone and names it as its own arbiter, or no arbiter answers and the event's
//! offline choice has allowed the entry. Either way claim and admission stand in one transaction, so no power cut ever
//! parts them and no intent is needed: there is nobody outside who could have heard of one.

use kido_shared::admission::{Admission, AdmissionBasis};
use kido_shared::claim::{ClaimAnswer, ClaimFacts, ClaimRequest, ClaimStep, NamedAdmission, TicketClaims, step};
use kido_shared::clock::Timestamp;
use kido_shared::ids::{AdmissionId, GateId, TicketId};
use kido_shared::ticket::{Entries, TicketStatus};
use kido_shared::verdict::Used;
use kido_store::Transaction;
use rand::{CryptoRng, RngCore};

use super::fact::Fact;
use super::project::Key;
use super::{Intent, Journal, JournalError, PlannedEntry, StoredAdmission, append, bounded};

/// One entry to be decided here.
#[derive(Debug, Clone)]
pub struct LocalEntry {
    /// The ticket, and the records that the verdict rests on.
    pub planned: PlannedEntry,
    /// What the replica says of the ticket.
    pub facts: ClaimFacts,
    /// What the feed says of its use, at whatever gate: this one may stand where another did.
    pub elsewhere: Used,
}

/// What became of the entries that were decided here.
#[derive(Debug, Clone)]
pub struct AdmittedHere {
    /// These survive a power cut.
    pub stored: Vec<StoredAdmission>,
    /// Why the first of the others was refused.
    pub refused: Option<ClaimAnswer>,
}

impl Journal {
    /// Decides as the event's own arbiter, and stores claims and admissions as one durable step.
    ///
    /// # Errors
    /// [`JournalError`]; then none of them is kept.
    pub async fn admit_as_arbiter(
        &self,
        entries: Vec<LocalEntry>,
        now: Timestamp,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<AdmittedHere, JournalError> {
        bounded(entries.len())?;
        let gate = self.gate;
        let intended: Vec<_> =
            entries.into_iter().map(|entry| (Intent::new(&entry.planned, now, random), entry)).collect();
        let pending = self.store.transact(move |transaction| {
            let mut refused = None;
            let mut admissions = Vec::new();
            for (intent, entry) in &intended {
                match claim(transaction, intent, entry, gate, now)? {
                    Ok(admission) => admissions.push(admission),
                    Err(answer) => refused = refused.or(Some(answer)),
                }
            }
            Ok::<_, JournalError>((admissions, refused))
        });
        let decided = pending.await?;
        let refused = decided.get().1.clone();
        Ok(AdmittedHere { stored: StoredAdmission::all(decided.map(|(admissions, _)| admissions)), refused })
    }

    /// Stores what the event's offline choice has allowed, as one durable step; claimed afterwards, one by one.
    ///
    /// # Errors
    /// [`JournalError`]; then none of them is kept.
    pub async fn admit_offline(
        &self,
        entries: Vec<PlannedEntry>,
        now: Timestamp,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<AdmittedHere, JournalError> {
        bounded(entries.len())?;
        let gate = self.gate;
        let intended: Vec<_> = entries.into_iter().map(|entry| (Intent::new(&entry, now, random), entry)).collect();
        let pending = self.store.transact(move |transaction| {
            let mut admissions = Vec::new();
            for (intent, entry) in &intended {
                let admission = admission(intent, gate, entry.entry, AdmissionBasis::Offline);
                admissions.push(store(transaction, intent, admission)?);
            }
            Ok::<_, JournalError>(admissions)
        });
        Ok(AdmittedHere { stored: StoredAdmission::all(pending.await?), refused: None })
    }

    /// What this gate as arbiter knows of a ticket.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn claims(&self, ticket: TicketId) -> Result<TicketClaims, JournalError> {
        claims(self.store.get(&Key::Claims(ticket).bytes())?)
    }
}

/// The claim as this gate's own arbiter takes it: granted and stored with its admission, or refused.
fn claim(
    transaction: &mut Transaction<'_>,
    intent: &Intent,
    entry: &LocalEntry,
    gate: GateId,
    now: Timestamp,
) -> Result<Result<Admission, ClaimAnswer>, JournalError> {
    let request = ClaimRequest {
        admission: intent.admission,
        ticket: intent.ticket,
        gate,
        decided_on: intent.decided_on,
        at: now,
        basis: AdmissionBasis::Claimed,
    };
    if let Some(used) = used_elsewhere(transaction, entry)? {
        return Ok(Err(used));
    }
    let record = claims(transaction.get(&Key::Claims(intent.ticket).bytes())?)?;
    let (next, answer) = step(&record, &ClaimStep::Claim(request), &entry.facts, now);
    let ClaimAnswer::Granted { entry } = answer else { return Ok(Err(answer)) };
    if let Some(claims) = next {
        append(transaction, &Fact::Claims { ticket: intent.ticket, claims })?;
    }
    store(transaction, intent, admission(intent, gate, entry, AdmissionBasis::Claimed)).map(Ok)
}

/// What the feed knows of an entry that this journal does not: the event's one gate was another one then.
fn used_elsewhere(transaction: &Transaction<'_>, entry: &LocalEntry) -> Result<Option<ClaimAnswer>, JournalError> {
    Ok(match entry.elsewhere {
        Used::Inside { admission, gate, at, .. } if transaction.get(&Key::Admission(admission).bytes())?.is_none() => {
            Some(ClaimAnswer::Taken { admission, gate, at })
        }
        Used::Left { entries } if !entry.facts.entries.allows(entries.saturating_add(1)) => Some(ClaimAnswer::Spent),
        Used::Never | Used::Inside { .. } | Used::Left { .. } | Used::StoredNotOpened { .. } => None,
    })
}

const fn admission(intent: &Intent, gate: GateId, entry: u32, basis: AdmissionBasis) -> Admission {
    Admission { id: intent.admission, ticket: intent.ticket, gate, entry, at: intent.at, basis }
}

fn store(transaction: &mut Transaction<'_>, intent: &Intent, admission: Admission) -> Result<Admission, JournalError> {
    append(transaction, &Fact::Admission { admission: admission.clone(), decided_on: intent.decided_on })?;
    Ok(admission)
}

/// Takes the step that a note stands for on this gate's own record, where it is the arbiter of that admission.
pub(super) fn take_step(
    transaction: &mut Transaction<'_>,
    admission: &Admission,
    note: &Fact,
    gate: GateId,
    now: Timestamp,
) -> Result<(), JournalError> {
    let named = NamedAdmission { admission: admission.id, ticket: admission.ticket, gate };
    let taken = match note {
        Fact::Opened { .. } => ClaimStep::Opened(named),
        Fact::Annulled { .. } => ClaimStep::Annul(named),
        Fact::Boot { .. }
        | Fact::Intent(_)
        | Fact::Admission { .. }
        | Fact::Withdrawn { .. }
        | Fact::Uploaded { .. }
        | Fact::Declined { .. }
        | Fact::Told { .. }
        | Fact::Claims { .. }
        | Fact::Time { .. }
        | Fact::Refused(_)
        | Fact::Requeued { .. }
        | Fact::ShowingsUploaded { .. }
        | Fact::Exited { .. }
        | Fact::EndingsUploaded { .. } => return Ok(()),
    };
    let record = claims(transaction.get(&Key::Claims(admission.ticket).bytes())?)?;
    if !holds(&record, admission.id) {
        return Ok(());
    }
    let (next, _answer) = step(&record, &taken, &ANY_FACTS, now);
    next.map_or(Ok(()), |claims| append(transaction, &Fact::Claims { ticket: admission.ticket, claims }))
}

/// Opening and annulling look at the record alone.
const ANY_FACTS: ClaimFacts = ClaimFacts {
    entries: Entries::ONCE,
    status: TicketStatus::InForce,
    newest: kido_shared::admission::DecidedOn {
        ticket: kido_shared::ids::FeedSequence::FIRST,
        binding: kido_shared::ids::FeedSequence::FIRST,
        epoch: kido_shared::ids::Epoch::FIRST,
    },
};

/// Whether this gate's own record gives the ticket's entry to that admission.
pub(super) fn holds(record: &TicketClaims, admission: AdmissionId) -> bool {
    record.holding().is_some_and(|holding| holding.admission == admission)
}

pub(super) fn claims(stored: Option<Vec<u8>>) -> Result<TicketClaims, JournalError> {
    let Some(bytes) = stored else { return Ok(TicketClaims::new()) };
    minicbor::decode(&bytes).map_err(|_no_detail| JournalError::Unreadable)
}
