//! A feed that begins anew with the root key's word: the cut, and all that is true told once more behind it.
//!
//! ```text
//! the cut, key, policy, gates, arbiters ─▶ tickets without a card ─▶ tickets with one, as the epoch before told of them ─▶ heads
//!                one step                        batch by batch                     batch by batch                     journals
//! ```
//!
//! Until the last ticket was told of, nothing else of the event changes and no head is signed: a gate never meets half of an
//! epoch. That one is not told to its end stands in the log, so a start in the middle goes on.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use kido_shared::admission::{Admission, EndedBy, Ending};
use kido_shared::clock::Timestamp;
use kido_shared::feed::{
    BindingRecord, ClaimsFreed, Conflict, EpochCut, FeedRecord, GateRecord, KeyRecord, SignedEpochCut,
};
use kido_shared::ids::{AdmissionId, Epoch, EventId, FeedSequence, TicketId};
use kido_shared::limits::FEED_RANGE_RECORDS;
use kido_store::{Position, Stored};

use super::changing::Changing;
use super::error::{Failed, StorageError};
use super::keys;
use super::live::LiveEvent;
use super::reading::{self, CutEntry, Entries as _, ReadError};
use super::{ConflictView, Store, endings};
use crate::domain::conflict::RIVALS_MAX;
use crate::domain::cut::{CutRefusal, Retelling};
use crate::domain::recovery::Stage;
use crate::fact::{Fact, FeedCut, RetoldTicket, TicketsRetold};

/// Records in one step, about: half a megabyte, an eighth of what one step may have.
const RECORDS_PER_STEP: u64 = 2_048;

/// Tickets in one fact: who reads the log from the middle skips up to 256 facts.
const TICKETS_PER_FACT: usize = 64;

/// Tickets that are looked at for one step.
const TICKETS_PER_LOOK: usize = 1_024;

type Refused = Failed<CutRefusal>;

/// A cut, and how far its epoch reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CutView {
    /// Which event.
    pub event: EventId,
    /// The epoch that it began.
    pub epoch: Epoch,
    /// When the operator decided so.
    pub at: Timestamp,
    /// Records of it by now.
    pub records: u64,
}

/// One ticket that is to be told of, and how far the telling is with it.
#[derive(Debug, Clone)]
struct Telling {
    ticket: TicketId,
    binding: Option<BindingRecord>,
    behind: Retelling,
}

/// What of the tickets comes next, and what comes behind that; nothing behind the last one.
struct Look {
    tickets: Vec<Telling>,
    behind: Option<Retelling>,
}

impl Store {
    /// The latest epoch of an event that is known here: told, or signed before a backup took its place.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn known_epoch(&self, event: EventId) -> Result<Epoch, StorageError> {
        self.live(event)?.known_epoch()
    }

    /// The root key's word that began the feed's epoch; nothing in the first one.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn epoch_cut(&self, event: EventId) -> Result<Option<Vec<u8>>, StorageError> {
        let cut = reading::cut(&self.live(event)?.facts)?;
        Ok(cut.map(|cut| cut.signed.into()))
    }

    /// Begins the feed anew by the root key's word, tells all that is true in the new epoch, and asks every gate for its
    /// journal. Repeating it changes nothing; where an earlier one was cut off, that one is gone on with.
    ///
    /// # Errors
    /// [`CutRefusal`] or [`StorageError`].
    pub async fn cut_epoch(&self, event: EventId, cut: SignedEpochCut) -> Result<CutView, Refused> {
        let (store, live) = (self.clone(), self.live(event)?);
        self.settle_feed_key(&live).await?;
        let begun = tokio::task::spawn_blocking(move || {
            let said = EpochCut::verify(cut.as_bytes(), store.root_key(), event);
            let said = said.map_err(|error| Failed::Refused(CutRefusal::NotTheRoots(error)))?;
            live.cut(&cut, said.cut(), store.now())
        });
        begun.await.map_err(StorageError::Computation)?
    }
}

impl LiveEvent {
    fn known_epoch(&self) -> Result<Epoch, StorageError> {
        let signed = self.mark.kept().map(|kept| kept.to.epoch);
        Ok(signed.into_iter().fold(self.reached()?.epoch, Epoch::max))
    }

    fn cut(&self, signed: &SignedEpochCut, said: &EpochCut, now: Timestamp) -> Result<CutView, Refused> {
        // Nobody brings records meanwhile; what a gate had begun to bring is of the epoch that ends.
        let mut work = self.recovering.work_now(self.id())?;
        let before = reading::cut(&self.facts)?;
        let repeated = before.as_ref().is_some_and(|before| before.signed.as_slice() == signed.as_bytes());
        let noted = self.mark.kept().map(|kept| kept.to.epoch);
        let unfinished = before.filter(|before| before.retelling.is_some());
        if unfinished.as_ref().is_some_and(|before| noted >= Some(before.epoch)) {
            // It was told to its end before a backup took its place; the next start tries once more.
            return Err(StorageError::CutOff(self.id()).into());
        }
        if repeated && unfinished.is_none() && noted >= Some(said.epoch) {
            return Ok(self.cut_view()?);
        }
        let goes_on = repeated || unfinished.is_some();
        let known = self.known_epoch()?;
        if !goes_on && said.epoch <= known {
            return Err(Failed::Refused(CutRefusal::NotForward { to: said.epoch, known }));
        }
        let stage = self.recovering.stage();
        self.recovering.set(Some(Stage::Records));
        if !goes_on && let Err(error) = self.begin_epoch(signed, said, now) {
            self.recovering.set(stage);
            return Err(error.into());
        }
        self.retell()?;
        self.begin_after_cut(&mut work, now)?;
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
        let view = self.cut_view()?;
        let (event, epoch, records) = (self.id(), view.epoch, view.records);
        tracing::warn!(%event, %epoch, records, "the feed has begun anew; journals are awaited");
        Ok(view)
    }

    fn cut_view(&self) -> Result<CutView, StorageError> {
        let CutEntry { epoch, at, .. } = reading::cut(&self.facts)?.ok_or(StorageError::Entry("a cut"))?;
        Ok(CutView { event: self.id(), epoch, at, records: self.reached()?.length })
    }

    /// The cut itself, with all that gates need before any ticket.
    pub(super) fn begin_epoch(
        &self,
        signed: &SignedEpochCut,
        said: &EpochCut,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let (epoch, cut) = (said.epoch, signed.as_bytes().to_vec().into());
        let certificate = self.signer.certificate();
        self.write(move |changing| {
            changing.cut(epoch);
            // The log's word, where a failing disk keeps the signer behind it: a revocation is never left behind.
            let certificate = reading::feed_keys(changing)?.pop().unwrap_or(certificate);
            changing.publish(&FeedRecord::Key(KeyRecord { certificate }))?;
            changing.publish(&FeedRecord::Policy(reading::policy(changing)?))?;
            let (mut gates, mut freed_of) = (Vec::new(), Vec::new());
            for (gate, known) in reading::gates(changing)? {
                let (verifying_key, zone, entrance, revoked) =
                    (known.verifying_key, known.zone, known.entrance, known.revoked);
                let record = GateRecord { gate, verifying_key, zone, entrance, revoked };
                gates.push((gate, changing.publish(&FeedRecord::Gate(record))?));
                freed_of.extend(known.freed.map(|freed| ClaimsFreed { gate, freed, at: now }));
            }
            for freed in freed_of {
                changing.publish(&FeedRecord::ClaimsFreed(freed))?;
            }
            for arbiter in reading::arbiters(changing)? {
                changing.publish(&FeedRecord::Arbiter(arbiter.record))?;
            }
            changing.append(&Fact::FeedCut(FeedCut { cut, epoch, at: now, gates }))
        })
    }

    /// One step of a cut. Everybody else's are refused meanwhile.
    fn write<T: Send + 'static>(
        &self,
        decide: impl FnOnce(&mut Changing<'_, '_>) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, StorageError> {
        let (keys, ended) = (Arc::clone(&self.keys), Arc::clone(&self.ended));
        let pending = self.facts.transact(move |transaction| {
            if ended.load(Ordering::Acquire) {
                return Err(Failed::<CutRefusal>::Storage(StorageError::Forgotten(keys.event)));
            }
            let mut changing = Changing::begin(transaction, &keys)?;
            let decided = decide(&mut changing)?;
            changing.finish()?;
            Ok(decided)
        });
        pending.wait().map(Stored::into_inner).map_err(|error| match Failed::from(error) {
            Failed::Storage(error) => error,
            // No step of a cut is refused by a rule.
            Failed::Refused(_) => StorageError::Entry("a step of a cut"),
        })
    }

    /// Tells of every ticket in the epoch that a cut has begun, from where that was broken off.
    pub(super) fn retell(&self) -> Result<(), StorageError> {
        while let Some(cut) = reading::cut(&self.facts)?
            && let Some(from) = cut.retelling
        {
            let Look { mut tickets, behind } = match from {
                Retelling::Unbound(after) => self.unbound(after)?,
                Retelling::Bound(number) => self.bound(&cut, number)?,
            };
            loop {
                let rest = tickets;
                tickets = self.write(move |changing| tell(changing, rest, behind))?;
                if tickets.is_empty() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// The next tickets that never had a card.
    fn unbound(&self, after: Option<TicketId>) -> Result<Look, StorageError> {
        let (mut tickets, mut reached) = (Vec::new(), after);
        for next in reading::tickets_after(&self.facts, after)?.take(TICKETS_PER_LOOK) {
            let (ticket, known) = next?;
            reached = Some(ticket);
            if known.binding_at.is_none() {
                tickets.push(Telling { ticket, binding: None, behind: Retelling::Unbound(reached) });
            }
        }
        let is_over = reached == after;
        Ok(Look { tickets, behind: Some(if is_over { Retelling::Bound(0) } else { Retelling::Unbound(reached) }) })
    }

    /// The tickets whose card the next records of the epoch before tell of.
    fn bound(&self, cut: &CutEntry, from: u64) -> Result<Look, StorageError> {
        let (before, cipher) = (cut.before, self.keys.cipher(cut.before.epoch));
        let records = self.records(&before, from, FEED_RANGE_RECORDS)?;
        let mut tickets = Vec::new();
        let mut number = from;
        for sealed in &records {
            let at = FeedSequence::new(number);
            number = number.saturating_add(1);
            let FeedRecord::Binding(binding) = cipher.open(at, sealed)? else { continue };
            let known = reading::ticket(&self.facts, binding.ticket)?;
            // An earlier card of the ticket is told of no more, and a ticket that was told of has another place by now.
            if known.is_some_and(|known| known.binding_at == Some(at)) {
                let (ticket, behind) = (binding.ticket, Retelling::Bound(number));
                tickets.push(Telling { ticket, binding: Some(binding), behind });
            }
        }
        let behind = (number < before.length).then_some(Retelling::Bound(number));
        Ok(Look { tickets, behind })
    }
}

/// Tells of as many tickets as one step takes; gives those that are left. `behind` is what comes after all of them.
fn tell(
    changing: &mut Changing<'_, '_>,
    tickets: Vec<Telling>,
    behind: Option<Retelling>,
) -> Result<Vec<Telling>, StorageError> {
    let most = changing.reached().length.saturating_add(RECORDS_PER_STEP);
    let (mut told, mut rest) = (Vec::new(), tickets.into_iter());
    let mut next = behind;
    while changing.reached().length < most
        && let Some(Telling { ticket, binding, behind }) = rest.next()
    {
        let known = reading::ticket(changing, ticket)?.ok_or(StorageError::Entry("a ticket"))?;
        let ticket_at = changing.publish(&FeedRecord::Ticket(known.record(ticket)))?;
        let binding_at = binding.map(|binding| changing.publish(&FeedRecord::Binding(binding))).transpose()?;
        tell_uses(changing, ticket)?;
        told.push(RetoldTicket { ticket, ticket_at, binding_at });
        next = Some(behind);
    }
    let rest: Vec<_> = rest.collect();
    if rest.is_empty() {
        next = behind;
    }
    for tickets in told.chunks(TICKETS_PER_FACT) {
        // Whatever is told in one step is durable in one: how far it is stands in each fact as behind the last of them.
        changing.append(&Fact::TicketsRetold(TicketsRetold { tickets: tickets.to_vec(), next }))?;
    }
    if told.is_empty() {
        changing.append(&Fact::TicketsRetold(TicketsRetold { tickets: Vec::new(), next }))?;
    }
    Ok(rest)
}

/// Tells who entered with a ticket, and which conflicts of it stand.
///
/// What was annulled used no entry and is not told of: its own gate knows it, and tells the arbiter. Who has left comes before who is inside, in the order of the
/// entries: whoever follows counts them as they were counted when they came one by one.
fn tell_uses(changing: &mut Changing<'_, '_>, ticket: TicketId) -> Result<(), StorageError> {
    for (admission, ending) in uses(changing, ticket)? {
        changing.publish(&FeedRecord::Admission(admission))?;
        if let Some(ending) = ending {
            changing.publish(&endings::record_of(&ending))?;
        }
    }
    for conflict in conflicts(changing, ticket)? {
        changing.publish(&FeedRecord::Conflict(conflict))?;
    }
    Ok(())
}

fn uses(changing: &Changing<'_, '_>, ticket: TicketId) -> Result<Vec<(Admission, Option<Ending>)>, StorageError> {
    let mut ids = Vec::new();
    for entry in changing.entries(&keys::entries_of(ticket))? {
        let holder = entry?.1;
        let holder = AdmissionId::try_from(holder.as_slice());
        ids.push(holder.map_err(|_length| ReadError::Entry("an entry"))?);
    }
    ids.extend(reading::rivals(changing, ticket, RIVALS_MAX)?.into_iter().map(|(_entry, rival)| rival));
    let mut uses = Vec::new();
    for id in ids {
        let Some(admission) = reading::admission(changing, id)? else { continue };
        let ending = reading::ended(changing, id)?;
        let is_void = reading::is_void(changing, ticket, id)?;
        if !is_void {
            uses.push((admission, ending.filter(|ending| ending.by == EndedBy::Exited)));
        }
    }
    // Stable: of those who came for one entry, the one who holds it stands first.
    uses.sort_by_key(|(admission, ending)| (ending.is_none(), admission.entry));
    Ok(uses)
}

/// The conflicts of a ticket that stand.
fn conflicts(changing: &Changing<'_, '_>, ticket: TicketId) -> Result<Vec<Conflict>, StorageError> {
    let mut conflicts = Vec::new();
    for entry in changing.entries(&keys::standing_conflicts(ticket))? {
        let position: u64 = reading::decode(&entry?.1, "a conflict that stands")?;
        let view: Option<ConflictView> =
            reading::read(changing, &keys::conflict(Position::new(position)), "a conflict")?;
        conflicts.extend(view.map(|view| view.conflict));
    }
    Ok(conflicts)
}
