//! The gate's own facts: intents, admissions and what became of them. The truth of this gate.
//!
//! **Invariant.** A [`StoredIntent`] and a [`StoredAdmission`] come out of this module alone, and only once the fact
//! survives a power cut: whoever holds one may ask the arbiter, or open the lane.
//!
//! ```text
//! Intent ──▶ Admission ──▶ Opened            the ordinary entry
//!    │           ├───────▶ Annulled          the barrier said that nobody passed
//!    │           └───────▶ (nothing)         stored but not opened: staff look
//!    ├──▶ Declined                           the arbiter said no
//!    └──▶ Withdrawn ──▶ told                 given up, or found after a crash; never an admission any more
//! ```
//!
//! Apart from these stands *exited*, of an admission of any gate: its holder went out by this lane.
//!
//! What others still have to hear of is part of the same facts: the [`Outbox`] for the registrar, [`Errand`]s for the
//! arbiter. Both are kept until they are answered, across restarts.

mod contents;
mod errand;
mod error;
mod fact;
mod local;
mod outbox;
mod planned;
mod project;
mod requeue;
mod showings;
mod stored;
#[cfg(test)]
pub(crate) mod tests;

use std::path::Path;

use kido_shared::admission::{Admission, AdmissionBasis};
use kido_shared::clock::Timestamp;
use kido_shared::ids::{AdmissionId, GateId, TicketId};
use kido_shared::journal_head::JournalHead;
use kido_shared::verdict::Used;
use kido_store::{HeldFolder, Options, Store, StoreError, StoreIdentity, Transaction};
use rand::{CryptoRng, RngCore};

pub use contents::{Contents, HeldAdmission};
pub use errand::{Errand, ErrandKind};
pub use error::JournalError;
pub use local::{AdmittedHere, LocalEntry};
pub use outbox::{Outbox, Undelivered};
pub use planned::{Departure, GrantedEntry, PlannedEntry};
pub use showings::Showings;
#[cfg(test)]
pub(crate) use stored::scratch;
pub use stored::{Intent, StoredAdmission, StoredIntent};

use crate::clockwork::Reading;
use fact::Fact;
use project::{AdmissionEntry, JournalIndex, Key};

/// Memory for the journal's index, in bytes: one gate writes a few thousand entries in a day.
const CACHE_BYTES: u64 = 4 * 1024 * 1024;

/// Most tickets that one tap stores at a time: as many as lie on one card.
pub const ENTRIES_PER_TAP_MAX: usize = kido_shared::limits::TICKETS_PER_TAG_MAX;

/// The open journal. Clones are handles to the same one.
#[derive(Debug, Clone)]
pub struct Journal {
    store: Store,
    gate: GateId,
    boot: u64,
    /// The chain right behind this start: it names the run.
    begun: [u8; 32],
}

/// What the last run left unfinished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovered {
    /// How often this gate has started, this time included.
    pub boot: u64,
    /// Intents that were found without an admission, and are withdrawn now.
    pub withdrawn: usize,
    /// The newest certain moment that was kept; nothing in a new journal.
    pub newest: Option<Timestamp>,
}

impl Journal {
    /// Opens the journal in a folder, counts the start, and withdraws what the last run left without an admission. The
    /// random bytes tell this start from one of the same number on a copy of this disk.
    ///
    /// Blocks while the log is verified.
    ///
    /// # Errors
    /// [`JournalError`]; a damaged log fails closed.
    pub fn open(
        folder: &Path,
        gate: GateId,
        now: Timestamp,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<(Self, Recovered), JournalError> {
        let options = Options::create_if_missing().cache_bytes(CACHE_BYTES);
        let (store, _opened) = Store::open(folder, StoreIdentity::new(*gate.as_bytes()), JournalIndex(gate), options)?;
        Self::begin(store, gate, now, random)
    }

    /// The same in a folder in memory, for simulations.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn open_held(
        folder: &HeldFolder,
        gate: GateId,
        now: Timestamp,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<(Self, Recovered), JournalError> {
        let identity = StoreIdentity::new(*gate.as_bytes());
        let (store, _opened) = Store::open_held(folder, identity, JournalIndex(gate))?;
        Self::begin(store, gate, now, random)
    }

    fn begin(
        store: Store,
        gate: GateId,
        now: Timestamp,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<(Self, Recovered), JournalError> {
        let mut nonce = [0; 16];
        random.fill_bytes(&mut nonce);
        let recovered = store.transact(move |transaction| recover(transaction, now, nonce)).wait()?.into_inner();
        let begun = *store.head().hash().as_bytes();
        Ok((Self { store, gate, boot: recovered.boot, begun }, recovered))
    }

    /// Reads a journal through without adding to it: how many facts it holds; nothing where none was begun.
    ///
    /// # Errors
    /// [`JournalError`]; a damaged log fails closed.
    pub fn examine(folder: &Path, gate: GateId) -> Result<Option<u64>, JournalError> {
        let options = Options::existing().cache_bytes(CACHE_BYTES);
        match Store::open(folder, StoreIdentity::new(*gate.as_bytes()), JournalIndex(gate), options) {
            Ok((store, opened)) => {
                store.close()?;
                Ok(Some(opened.head.count()))
            }
            Err(StoreError::Missing { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes a tap's intents survive a power cut, each under a fresh admission id, before anybody is asked.
    ///
    /// # Errors
    /// [`JournalError`]; then none of them is kept.
    pub async fn store_intents(
        &self,
        planned: &[PlannedEntry],
        now: Timestamp,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<Vec<StoredIntent>, JournalError> {
        let intents: Vec<Intent> = planned.iter().map(|entry| Intent::new(entry, now, random)).collect();
        bounded(intents.len())?;
        let pending = self.store.transact(move |transaction| {
            for intent in &intents {
                append(transaction, &Fact::Intent(intent.clone()))?;
            }
            Ok::<_, JournalError>(intents)
        });
        Ok(StoredIntent::all(pending.await?))
    }

    /// Makes a tap's admissions survive a power cut, all or none, before the lane opens.
    ///
    /// # Errors
    /// [`JournalError`]; then none of them is kept. [`JournalError::IntentGone`] where an intent was given up before.
    pub async fn store_admissions(
        &self,
        granted: &[GrantedEntry],
        now: Timestamp,
    ) -> Result<Vec<StoredAdmission>, JournalError> {
        bounded(granted.len())?;
        let gate = self.gate;
        let granted: Vec<_> =
            granted.iter().map(|entry| (entry.intent.intent().clone(), entry.entry, entry.basis)).collect();
        let pending = self.store.transact(move |transaction| {
            let mut admissions = Vec::with_capacity(granted.len());
            for (intent, entry, basis) in &granted {
                admissions.push(admit(transaction, intent, (gate, *entry, *basis), now)?);
            }
            Ok::<_, JournalError>(admissions)
        });
        Ok(StoredAdmission::all(pending.await?))
    }

    /// Notes that the arbiter said no to these: nothing is left to withdraw.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn decline(&self, admissions: Vec<AdmissionId>) -> Result<(), JournalError> {
        self.end_intents(admissions, |admission| Fact::Declined { admission }).await
    }

    /// Gives up intents whose claims nobody has answered; they become no admission, and the arbiter is told.
    ///
    /// # Errors
    /// [`JournalError`]; then they are withdrawn at the next start.
    pub async fn withdraw(&self, admissions: Vec<AdmissionId>, now: Timestamp) -> Result<(), JournalError> {
        self.end_intents(admissions, move |admission| Fact::Withdrawn { admission, at: now }).await
    }

    async fn end_intents(
        &self,
        admissions: Vec<AdmissionId>,
        fact: impl Fn(AdmissionId) -> Fact + Send + 'static,
    ) -> Result<(), JournalError> {
        let pending = self.store.transact(move |transaction| {
            for admission in admissions {
                if transaction.get(&Key::Intent(admission).bytes())?.is_some() {
                    append(transaction, &fact(admission))?;
                }
            }
            Ok::<_, JournalError>(())
        });
        pending.await?;
        Ok(())
    }

    /// Notes that the lane opened for these.
    ///
    /// # Errors
    /// [`JournalError`]; then staff are sent for at the next tap of that ticket.
    pub async fn note_opened(&self, admissions: Vec<AdmissionId>, now: Timestamp) -> Result<(), JournalError> {
        self.note(admissions, now, |admission, at| Fact::Opened { admission, at }).await
    }

    /// Notes that the barrier said *closed, and nobody passed* for these.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn note_annulled(&self, admissions: Vec<AdmissionId>, now: Timestamp) -> Result<(), JournalError> {
        self.note(admissions, now, |admission, at| Fact::Annulled { admission, at }).await
    }

    /// Notes that the holders of these went out by this lane.
    ///
    /// # Errors
    /// [`JournalError`]; then they are inside for everybody until it is noted.
    pub async fn note_exited(&self, departures: Vec<Departure>, now: Timestamp) -> Result<(), JournalError> {
        bounded(departures.len())?;
        let pending = self.store.transact(move |transaction| {
            departures.iter().try_for_each(|Departure { admission, ticket }| {
                append(transaction, &Fact::Exited { admission: *admission, ticket: *ticket, at: now })
            })
        });
        pending.await?;
        Ok(())
    }

    /// Whether the holder of this admission went out by this lane.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn left(&self, admission: AdmissionId) -> Result<bool, JournalError> {
        Ok(self.store.get(&Key::Left(admission).bytes())?.is_some())
    }

    async fn note(
        &self,
        admissions: Vec<AdmissionId>,
        now: Timestamp,
        fact: fn(AdmissionId, Timestamp) -> Fact,
    ) -> Result<(), JournalError> {
        let gate = self.gate;
        let pending = self.store.transact(move |transaction| {
            for admission in admissions {
                let entry = AdmissionEntry::read(transaction.get(&Key::Admission(admission).bytes())?)?;
                let fact = fact(admission, now);
                local::take_step(transaction, &entry.admission, &fact, gate, now)?;
                append(transaction, &fact)?;
            }
            Ok::<_, JournalError>(())
        });
        pending.await?;
        Ok(())
    }

    /// Keeps the moment, so that a start with a dead battery knows that it is not 1970.
    ///
    /// One that is not certain is written, for whoever reads the log, but never believed at a start.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn note_time(&self, reading: Reading) -> Result<(), JournalError> {
        let fact = Fact::Time { at: reading.now, certain: Some(reading.certain), set_back: None };
        self.store.transact(move |transaction| append(transaction, &fact)).await?;
        Ok(())
    }

    /// Keeps a moment in the place of a later one that was wrong: a start must not believe that one again.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn note_time_set_back(&self, at: Timestamp) -> Result<(), JournalError> {
        let fact = Fact::Time { at, certain: Some(true), set_back: Some(true) };
        self.store.transact(move |transaction| append(transaction, &fact)).await?;
        Ok(())
    }

    /// Whether nothing here waits for anybody: no intent is open, and registrar and arbiter have answered everything.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn is_delivered(&self) -> Result<bool, JournalError> {
        for waiting in [Key::INTENTS, Key::OUTBOX, Key::ENDINGS, Key::ERRANDS] {
            if let Some(entry) = self.store.scan_prefix(waiting)?.next() {
                let _waits = entry?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether all that this gate has decided up to now is told by what it uploads: no intent is open. What waits for an
    /// arbiter besides is told by the feed, or only gives entries back. Blocks: what is on its way to the disk arrives first.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn is_told_by_uploads(&self) -> Result<bool, JournalError> {
        // Behind everything that was decided by older knowledge.
        self.store.transact(|_transaction| Ok::<_, JournalError>(())).wait()?;
        let open = self.store.scan_prefix(Key::INTENTS)?.next().transpose()?;
        Ok(open.is_none())
    }

    /// What this gate itself knows of a ticket's use: its own latest admission that was not annulled.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn used(&self, ticket: TicketId) -> Result<Used, JournalError> {
        let mut latest = None;
        for entry in self.store.scan_prefix(&Key::OfTicket(ticket).bytes())? {
            let (_key, admission) = entry?;
            let admission = AdmissionId::try_from(admission.as_slice()).map_err(|_length| JournalError::Unreadable)?;
            let entry = AdmissionEntry::read(self.store.get(&Key::Admission(admission).bytes())?)?;
            if !entry.annulled {
                latest = Some(entry);
            }
        }
        Ok(latest.map_or(Used::Never, |entry| entry.used()))
    }

    /// How often this gate has started.
    #[must_use]
    pub const fn boot(&self) -> u64 {
        self.boot
    }

    /// Which gate's journal this is.
    #[must_use]
    pub const fn gate(&self) -> GateId {
        self.gate
    }

    /// Ends the journal in good order; all handles are closed with it. Blocks.
    ///
    /// # Errors
    /// What kept it from a clean end; no durable fact is touched by that.
    pub fn close(self) -> Result<(), JournalError> {
        Ok(self.store.close()?)
    }
}

/// Counts the start and withdraws what was left without an admission.
fn recover(transaction: &mut Transaction<'_>, now: Timestamp, nonce: [u8; 16]) -> Result<Recovered, JournalError> {
    let boot = project::number(transaction.get(&Key::Boot.bytes())?)?.saturating_add(1);
    let newest = transaction.get(&Key::Newest.bytes())?;
    let newest =
        newest.map(|bytes| minicbor::decode(&bytes)).transpose().map_err(|_no_detail| JournalError::Unreadable)?;
    let mut left = Vec::new();
    for entry in transaction.scan_prefix(Key::INTENTS) {
        let (key, _intent) = entry?;
        let id = key.get(Key::INTENTS.len()..).unwrap_or_default();
        left.push(AdmissionId::try_from(id).map_err(|_length| JournalError::Unreadable)?);
    }
    append(transaction, &Fact::Boot { number: boot, at: now, nonce: Some(nonce.to_vec().into()) })?;
    for admission in &left {
        append(transaction, &Fact::Withdrawn { admission: *admission, at: now })?;
    }
    Ok(Recovered { boot, withdrawn: left.len(), newest })
}

fn admit(
    transaction: &mut Transaction<'_>,
    intent: &Intent,
    (gate, entry, basis): (GateId, u32, AdmissionBasis),
    now: Timestamp,
) -> Result<Admission, JournalError> {
    if transaction.get(&Key::Intent(intent.admission).bytes())?.is_none() {
        return Err(JournalError::IntentGone);
    }
    let admission = Admission { id: intent.admission, ticket: intent.ticket, gate, entry, at: now, basis };
    append(transaction, &Fact::Admission { admission: admission.clone(), decided_on: intent.decided_on })?;
    Ok(admission)
}

fn append(transaction: &mut Transaction<'_>, fact: &Fact) -> Result<(), JournalError> {
    transaction.append(fact.encode())?;
    Ok(())
}

const fn bounded(entries: usize) -> Result<(), JournalError> {
    if entries > ENTRIES_PER_TAP_MAX { Err(JournalError::TooManyEntries) } else { Ok(()) }
}

impl kido_follow::JournalWitness for Journal {
    fn journal_head(&self) -> JournalHead {
        let head = self.store.head();
        JournalHead { boot: self.boot, begun: self.begun, length: head.count(), chain: *head.hash().as_bytes() }
    }
}
