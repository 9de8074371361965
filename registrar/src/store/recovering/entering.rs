//! From records that came back to the facts that they were made of, as far as a feed tells.
//!
//! A feed tells gates what they need and no more. What it does not tell is lost with the backup, and stands here as what
//! nobody knows: a code that was made and thrown away, references that no shop has, a binding without its certificate tag.
//! The card itself goes on opening what it opened, and its holder gets a new code with the card alone.

use kido_shared::admission::{Admission, EndedBy, Ending};
use kido_shared::claim::step as take_step;
use kido_shared::clock::Timestamp;
use kido_shared::codes::{Code, CodeHash};
use kido_shared::error_chain::Chain;
use kido_shared::feed::{
    Annulled, ArbiterRecord, BindingRecord, ClaimsFreed, Conflict, Exited, FeedKeyCertificate, FeedRecord, GateRecord,
    KeyRecord, SealedRecord, TicketRecord,
};
use kido_shared::ids::{FeedSequence, TicketId};
use kido_shared::policy::EventPolicy;
use kido_shared::ticket::TicketStatus;
use kido_store::Stored;
use rand::RngCore as _;
use rand::rngs::StdRng;

use super::spool::Span;
use crate::domain::arbiter::Arbiter;
use crate::domain::claim::facts;
use crate::domain::history::Actor;
use crate::domain::ingest::{Ingest, decide};
use crate::domain::postponement::{Moving, moved_policy};
use crate::domain::recovery::RecoveryRefusal;
use crate::domain::reference::ReferenceHash;
use crate::domain::ticket::{KeptBinding, Particulars, Stage, StatusChange, Ticket};
use crate::fact::{
    AdmissionEnded, AdmissionRecorded, ArbiterAdded, ArbiterRevoked, Bound, ClaimChanged, ConflictRecorded, EndingHeld,
    Fact, FeedKeyChanged, GateAdded, GateClaimsFreed, GateRevoked, ImportedTicket, PolicyChanged, StatusChanged,
    TicketsImported, WindowsMoved,
};
use crate::keyring::{WeekHold, WrappedEventKey};
use crate::store::changing::Changing;
use crate::store::error::{Failed, StorageError};
use crate::store::live::LiveEvent;
use crate::store::{Store, claims, endings, reading};

/// The event key as policies have it wrapped, by the records that tell them.
type WrappedAt = Vec<(FeedSequence, WrappedEventKey)>;

/// What entering needs beside the records.
struct Entering<'c, 'a, 't> {
    changing: &'c mut Changing<'a, 't>,
    random: StdRng,
    at: Timestamp,
    /// The event key under other weeks' keys, by the place of the policy that asks for it.
    wrapped: WrappedAt,
}

impl Store {
    /// Enters records whose chain leads to a head that we signed: range by range, each durable with what it tells.
    ///
    /// A crash between two ranges loses nothing: the log ends on that chain, and the next start asks for the rest.
    pub(super) fn enter_span(&self, live: &LiveEvent, span: Span) -> Result<(), Failed<RecoveryRefusal>> {
        let Span { mut verified, records } = span;
        let mut rest = records.as_slice();
        while let Some(need) = verified.need() {
            let before = *verified.position();
            let take = usize::try_from(need.take).unwrap_or(usize::MAX).min(rest.len());
            let (range, behind) = rest.split_at(take);
            let opened = verified.open(range, &live.keys.cipher(before.epoch)).map_err(StorageError::from)?;
            // Held until what was wrapped is stored.
            let (wrapped, _weeks) = self.wrapped(live, &opened)?;
            let sealed: Vec<SealedRecord> = range.to_vec();
            let (keys, random, at) = (std::sync::Arc::clone(&live.keys), self.random(), self.now());
            let pending = live.facts.transact(move |transaction| {
                let mut changing = Changing::begin(transaction, &keys)?;
                if *changing.reached() != before {
                    return Err(Failed::Refused(RecoveryRefusal::OtherRecords));
                }
                let mut entering = Entering { changing: &mut changing, random, at, wrapped };
                for ((place, record), sealed) in opened.into_iter().zip(sealed) {
                    entering.record(place, record)?;
                    entering.changing.adopt(sealed);
                }
                changing.finish().map_err(Failed::<RecoveryRefusal>::from)
            });
            pending.wait().map(Stored::into_inner).map_err(Failed::from)?;
            tracing::info!(event = %live.id(), records = need.take, "records came back");
            rest = behind;
        }
        Ok(())
    }

    /// The event key under the weeks' keys that policies among these records ask for.
    fn wrapped(
        &self,
        live: &LiveEvent,
        opened: &[(FeedSequence, FeedRecord)],
    ) -> Result<(WrappedAt, Vec<WeekHold>), StorageError> {
        let (mut wrapped, mut weeks) = (Vec::new(), Vec::new());
        for (place, record) in opened {
            let FeedRecord::Policy(policy) = record else { continue };
            weeks.push(self.shared.keyring.hold(policy.choices().retention_at)?);
            match self.rewrap(live, policy) {
                Ok(key) => wrapped.extend(key.map(|key| (*place, key))),
                Err(Failed::Storage(error)) => return Err(error),
                Err(Failed::Refused(refused)) => {
                    tracing::error!(event = %live.id(), error = %Chain(&refused), "the event key stays where it is");
                }
            }
        }
        Ok((wrapped, weeks))
    }
}

impl Entering<'_, '_, '_> {
    fn record(&mut self, place: FeedSequence, record: FeedRecord) -> Result<(), StorageError> {
        match record {
            FeedRecord::Policy(policy) => self.policy(place, policy),
            FeedRecord::Ticket(record) => self.ticket(place, record),
            FeedRecord::Binding(record) => self.binding(place, record),
            FeedRecord::Admission(admission) => self.admission(place, admission),
            FeedRecord::Annulled(Annulled { admission, ticket, gate, at }) => {
                self.ended(place, Ending { admission, ticket, gate, by: EndedBy::Annulled, at })
            }
            FeedRecord::Exited(Exited { admission, ticket, gate, at }) => {
                self.ended(place, Ending { admission, ticket, gate, by: EndedBy::Exited, at })
            }
            FeedRecord::Conflict(conflict) => self.conflict(place, conflict),
            FeedRecord::Gate(record) => self.gate(place, record),
            FeedRecord::Arbiter(record) => self.arbiter(record),
            FeedRecord::ClaimsFreed(ClaimsFreed { gate, freed, at }) => {
                self.append(Fact::GateClaimsFreed(GateClaimsFreed { gate, freed, at, record: place }))
            }
            FeedRecord::Key(KeyRecord { certificate }) => self.feed_key(place, certificate),
            // The registrar keeps no facts about these: the ciphertext is all that it had.
            FeedRecord::Staff(_) | FeedRecord::End(_) | FeedRecord::Unknown(_) => Ok(()),
        }
    }

    fn append(&mut self, fact: Fact) -> Result<(), StorageError> {
        self.changing.append(&fact)
    }

    /// A code that nobody was told: made, hashed, and gone.
    fn code(&mut self) -> CodeHash {
        Code::generate(&mut self.random).hash()
    }

    fn policy(&mut self, place: FeedSequence, policy: EventPolicy) -> Result<(), StorageError> {
        let before = reading::policy(self.changing)?;
        if before == policy {
            return Ok(());
        }
        let key = self.wrapped.iter().find(|(at, _)| *at == place).map(|(_, key)| key.clone());
        let starts_at = policy.choices().starts_at;
        let moves = starts_at != before.choices().starts_at
            && moved_policy(&before, starts_at).is_ok_and(|moved| moved == policy);
        // Its tickets follow in the records behind it; whatever was not moved yet, the operator goes on with.
        let moving = moves.then(|| Moving::begin(&before, &policy));
        self.append(Fact::PolicyChanged(PolicyChanged { policy, key, at: self.at, moving, record: Some(place) }))
    }

    fn ticket(&mut self, place: FeedSequence, record: TicketRecord) -> Result<(), StorageError> {
        let id = record.ticket;
        let Some(old) = reading::ticket(self.changing, id)? else { return self.new_ticket(place, record) };
        if old.particulars.window != record.window {
            self.moved(place, id, &old, &record)?;
            if old.status() == record.status {
                return Ok(());
            }
        }
        for change in changes(&old, record.status) {
            self.status(id, change, place, None)?;
        }
        Ok(())
    }

    fn status(
        &mut self,
        ticket: TicketId,
        change: StatusChange,
        record: FeedSequence,
        unbound_record: Option<FeedSequence>,
    ) -> Result<(), StorageError> {
        let (actor, at) = (Actor::Operator, self.at);
        self.append(Fact::StatusChanged(StatusChanged {
            ticket,
            change,
            actor,
            at,
            record,
            unbound_record,
            code: None,
        }))
    }

    /// Its event was moved to another date.
    fn moved(
        &mut self,
        place: FeedSequence,
        id: TicketId,
        old: &Ticket,
        record: &TicketRecord,
    ) -> Result<(), StorageError> {
        let moving = reading::event(self.changing)?.and_then(|event| event.moving);
        let follows = moving.is_some_and(|moving| old.clone().moved(&moving).particulars.window == record.window);
        if !follows {
            tracing::error!(ticket = %id, "a ticket's times in the feed are not those of its event; they stay");
            return self.status(id, unchanged(old), place, None);
        }
        let (first_record, at) = (place, self.at);
        self.append(Fact::WindowsMoved(WindowsMoved { tickets: vec![id], first_record, reached: Some(id), at }))
    }

    /// A ticket that came after the backup.
    fn new_ticket(&mut self, place: FeedSequence, record: TicketRecord) -> Result<(), StorageError> {
        let TicketRecord { ticket, status, zone, seat_label, window, entries, party } = record;
        let mut nobodys = || {
            let mut hash = [0; 16];
            self.random.fill_bytes(&mut hash);
            ReferenceHash(hash)
        };
        let (reference, order) = (nobodys(), nobodys());
        let particulars = Particulars { zone, seat_label, window, entries, party };
        let row = ImportedTicket { ticket, reference, order, particulars, code: self.code() };
        let (paid, at) = (status != TicketStatus::NotPaid, self.at);
        self.append(Fact::TicketsImported(TicketsImported { paid, first_record: place, tickets: vec![row], at }))?;
        match status {
            TicketStatus::InForce | TicketStatus::NotPaid => Ok(()),
            TicketStatus::Suspended | TicketStatus::Returned | TicketStatus::Cancelled => {
                let Some(old) = reading::ticket(self.changing, ticket)? else { return Ok(()) };
                changes(&old, status).into_iter().try_for_each(|change| self.status(ticket, change, place, None))
            }
        }
    }

    fn binding(&mut self, place: FeedSequence, record: BindingRecord) -> Result<(), StorageError> {
        let BindingRecord { ticket, bound } = record;
        let Some(old) = reading::ticket(self.changing, ticket)? else {
            tracing::error!(%ticket, "a card came back for a ticket that did not");
            return Ok(());
        };
        match (bound, &old.stage) {
            (Some((tag, _sealed_key)), Stage::Unbound) => {
                // Its holder was told at the registration; a postponement lists it to be looked at again.
                let binding =
                    KeptBinding { tag, certificate_tag: None, outlives_event: true, outlives_year_after: false };
                let (code, at) = (self.code(), self.at);
                self.append(Fact::Bound(Bound { ticket, binding, code, at, record: place }))
            }
            (None, Stage::Returned) => self.status(ticket, StatusChange::Released, old.ticket_at, Some(place)),
            (Some(_), Stage::Bound(_) | Stage::Suspended(_) | Stage::Returned | Stage::Cancelled(_))
            | (None, Stage::Unbound | Stage::Bound(_) | Stage::Suspended(_) | Stage::Cancelled(_)) => {
                tracing::error!(%ticket, "a card came back that does not fit its ticket");
                Ok(())
            }
        }
    }

    fn admission(&mut self, place: FeedSequence, admission: Admission) -> Result<(), StorageError> {
        let (ticket, entry) = (admission.ticket, admission.entry);
        let stored = reading::admission(self.changing, admission.id)?;
        let holder = reading::holder_of_entry(self.changing, ticket, entry)?;
        let void = reading::is_void(self.changing, ticket, admission.id)?;
        let void = void || endings::is_held_void(self.changing, &admission)?;
        let entries = reading::ticket(self.changing, ticket)?.map(|ticket| ticket.particulars.entries);
        let holds_entry = match decide(&admission, stored.as_ref(), entries, holder, void) {
            Ok(Ingest::Repeated) => return Ok(()),
            Ok(Ingest::New) => true,
            // The conflict itself is the next record.
            Ok(Ingest::Beside | Ingest::Closed) => false,
            Err(refusal) => {
                tracing::error!(admission = %admission.id, %refusal, "an admission came back that cannot be");
                return Ok(());
            }
        };
        self.append(Fact::AdmissionRecorded(AdmissionRecorded { admission, at: self.at, record: place, holds_entry }))
    }

    /// The end of an admission: a step on the ticket's record where that has it, and else a word about it. The feed may
    /// tell it before its admission, and once more behind that.
    fn ended(&mut self, place: FeedSequence, ending: Ending) -> Result<(), StorageError> {
        if reading::ended(self.changing, ending.admission)?.is_some() {
            return Ok(());
        }
        let Some(ticket) = reading::ticket(self.changing, ending.ticket)? else { return Ok(()) };
        let before = claims::record(self.changing, ending.ticket, &ticket)?;
        let step = endings::step_of(&ending);
        if let (Some(claims), _answer) =
            take_step(&before, &step, &facts(&ticket, self.changing.reached().epoch), ending.at)
        {
            return self.append(Fact::ClaimChanged(ClaimChanged { step, claims, at: ending.at, record: Some(place) }));
        }
        let known = reading::admission(self.changing, ending.admission)?.is_some();
        self.append(if known {
            Fact::AdmissionEnded(AdmissionEnded { ending, at: self.at, record: Some(place) })
        } else {
            Fact::EndingHeld(EndingHeld { ending, at: self.at })
        })
    }

    /// The key itself is in the keyring, which is in no backup; the log tells which keys there were.
    fn feed_key(&mut self, place: FeedSequence, certificate: FeedKeyCertificate) -> Result<(), StorageError> {
        let before = reading::feed_keys(self.changing)?.pop().unwrap_or_else(|| certificate.clone());
        self.append(Fact::FeedKeyChanged(FeedKeyChanged { certificate, before, at: self.at, record: place }))
    }

    fn conflict(&mut self, place: FeedSequence, conflict: Conflict) -> Result<(), StorageError> {
        let Some(second) = reading::admission(self.changing, conflict.second)? else {
            tracing::error!(admission = %conflict.second, "a conflict came back without its second admission");
            return Ok(());
        };
        self.append(Fact::ConflictRecorded(ConflictRecorded { conflict, gate: second.gate, record: place }))
    }

    fn gate(&mut self, place: FeedSequence, gate: GateRecord) -> Result<(), StorageError> {
        let GateRecord { gate, verifying_key, zone, entrance, revoked } = gate;
        let (known, at) = (reading::gate(self.changing, gate)?, self.at);
        let same = known.as_ref().is_some_and(|known| (&known.zone, &known.entrance) == (&zone, &entrance));
        let was_revoked = known.is_some_and(|known| known.revoked);
        if !same && !was_revoked {
            self.append(Fact::GateAdded(GateAdded { gate, verifying_key, zone, entrance, at, record: place }))?;
        }
        if revoked && !was_revoked {
            self.append(Fact::GateRevoked(GateRevoked { gate, at, record: place, copied: None }))?;
        }
        Ok(())
    }

    fn arbiter(&mut self, record: ArbiterRecord) -> Result<(), StorageError> {
        let (arbiter, at) = (record.arbiter, self.at);
        let known = reading::arbiter(self.changing, arbiter)?;
        if known.is_none() {
            // Its key is in no record. Nothing here verifies with it: it only tells a repeated enrolment from another.
            let added = Arbiter { verifying_key: [0; 32], record: record.clone(), added_at: at };
            self.append(Fact::ArbiterAdded(ArbiterAdded { arbiter: added }))?;
        }
        if record.revoked && known.is_some_and(|known| !known.record.revoked) {
            self.append(Fact::ArbiterRevoked(ArbiterRevoked { arbiter, at }))?;
        }
        Ok(())
    }
}

/// A change that changes nothing of this ticket: its record has another place now.
const fn unchanged(ticket: &Ticket) -> StatusChange {
    if matches!(ticket.stage, Stage::Suspended(_)) { StatusChange::Suspended } else { StatusChange::Resumed }
}

/// The changes that lead a ticket to what its newest record says.
fn changes(old: &Ticket, status: TicketStatus) -> Vec<StatusChange> {
    let is_suspended = matches!(old.stage, Stage::Suspended(_));
    match status {
        TicketStatus::Cancelled => vec![StatusChange::Cancelled],
        TicketStatus::Returned => vec![StatusChange::Released],
        // Of a suspended ticket nothing but a payment is told by a record that says the same once more.
        TicketStatus::Suspended if is_suspended && !old.paid => vec![StatusChange::Confirmed],
        TicketStatus::Suspended => vec![StatusChange::Suspended],
        TicketStatus::InForce if is_suspended && !old.paid => vec![StatusChange::Resumed, StatusChange::Confirmed],
        TicketStatus::InForce if !old.paid => vec![StatusChange::Confirmed],
        TicketStatus::InForce | TicketStatus::NotPaid => vec![StatusChange::Resumed],
    }
}
