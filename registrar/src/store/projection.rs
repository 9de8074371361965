//! From facts to index entries.

use kido_shared::claim::ClaimStep;
use kido_shared::clock::Timestamp;
use kido_shared::feed::{FollowedTo, SealedRecord};
use kido_shared::ids::{AdmissionId, EventId, GateId, TicketId};
use kido_shared::showing::RefusedShowing;
use kido_store::{IndexChanges, Position, Project, ProjectError};

use super::keys::{self, FEED_MARK_EVERY};
use super::place::Place;
use super::reading::{self, EventEntry, encode};
use super::ticket_entry::{Sources, TicketEntry};
use crate::domain::gate::Gate;
use crate::domain::history::{Happening, HistoryLine};
use crate::domain::postponement::Moving;
use crate::domain::ticket::Ticket;
use crate::fact::{
    AdmissionRecorded, ArbiterAdded, ArbiterRevoked, Bound, ClaimChanged, CodeReplaced, ConflictRecorded, EventCreated,
    Fact, FeedExtended, GateAdded, GateRevoked, PolicyChanged, Shown, StatusChanged, TicketsImported, WindowsMoved,
};

/// Enters the facts of one event.
#[derive(Debug, Clone, Copy)]
pub(super) struct EventProjection(pub(super) EventId);

const NO_TICKET: ProjectError = ProjectError::Impossible("a fact about a ticket that was never imported");
const NO_EVENT: ProjectError = ProjectError::Impossible("a fact before the event was created");

impl Project for EventProjection {
    const VERSION: u32 = 5;

    fn project(&self, position: Position, fact: &[u8], index: &mut IndexChanges<'_>) -> Result<(), ProjectError> {
        let bytes = fact;
        let fact =
            Fact::from_bytes(bytes).map_err(|_not_a_fact| ProjectError::Unreadable("not a fact of this version"))?;
        let mut entering = Entering { event: self.0, position, bytes, index };
        match fact {
            Fact::EventCreated(fact) => entering.event_created(fact),
            Fact::PolicyChanged(fact) => entering.policy_changed(fact),
            Fact::TicketsImported(fact) => entering.tickets_imported(fact),
            Fact::StatusChanged(fact) => entering.status_changed(&fact),
            Fact::CodeReplaced(fact) => entering.code_replaced(&fact),
            Fact::Bound(fact) => entering.bound(fact),
            Fact::Shown(fact) => entering.shown(&fact),
            Fact::GateAdded(fact) => entering.gate_added(fact),
            Fact::GateRevoked(fact) => entering.gate_revoked(&fact),
            Fact::ClaimChanged(fact) => entering.claim_changed(&fact),
            Fact::AdmissionRecorded(fact) => entering.admission_recorded(&fact),
            Fact::ConflictRecorded(fact) => entering.conflict_recorded(&fact),
            Fact::FeedExtended(fact) => entering.feed_extended(fact),
            Fact::ShowingRefused(fact) => {
                entering.showing_refused(&fact.showing);
                Ok(())
            }
            Fact::ArbiterAdded(fact) => entering.arbiter_added(&fact),
            Fact::ArbiterRevoked(fact) => entering.arbiter_revoked(&fact),
            Fact::WindowsMoved(fact) => entering.windows_moved(fact),
        }
    }
}

/// One fact being entered.
struct Entering<'a, 'i> {
    event: EventId,
    position: Position,
    bytes: &'a [u8],
    index: &'a mut IndexChanges<'i>,
}

impl Entering<'_, '_> {
    fn event_created(&mut self, fact: EventCreated) -> Result<(), ProjectError> {
        if self.position != Position::FIRST {
            return Err(ProjectError::Impossible("an event begins once, with its first fact"));
        }
        let EventCreated { policy, key, at } = fact;
        self.index.put(keys::EVENT, encode(&EventEntry { policy, key, created_at: at, moving: None }));
        Ok(())
    }

    fn policy_changed(&mut self, fact: PolicyChanged) -> Result<(), ProjectError> {
        let old = reading::event(self.index)?.ok_or(NO_EVENT)?;
        let (key, moving) = (fact.key.unwrap_or(old.key), fact.moving.or(old.moving));
        let entry = EventEntry { policy: fact.policy, key, created_at: old.created_at, moving };
        self.index.put(keys::EVENT, encode(&entry));
        Ok(())
    }

    fn windows_moved(&mut self, fact: WindowsMoved) -> Result<(), ProjectError> {
        const NOT_MOVING: ProjectError = ProjectError::Impossible("tickets moved with an event that stands still");
        let event = reading::event(self.index)?.ok_or(NO_EVENT)?;
        let moving = event.moving.ok_or(NOT_MOVING)?;
        let mut place = fact.first_record;
        for id in fact.tickets {
            self.change(id, |old| Ticket { ticket_at: place, ..old.moved(&moving) })?;
            place = place.next().ok_or(ProjectError::Impossible("the feed has no end of numbers"))?;
        }
        let moving = fact.reached.map(|reached| Moving { reached: Some(reached), ..moving });
        self.index.put(keys::EVENT, encode(&EventEntry { moving, ..event }));
        Ok(())
    }

    fn tickets_imported(&mut self, fact: TicketsImported) -> Result<(), ProjectError> {
        const NO_ROWS: ProjectError = ProjectError::Unreadable("an import whose rows are not where they should be");
        let mut counts = reading::counts(self.index)?;
        let mut record = fact.first_record;
        let rows = TicketsImported::rows_of_bytes(self.bytes).ok_or(NO_ROWS)?;
        for (row, stretch) in fact.tickets.into_iter().zip(rows) {
            let place = Place::new(self.index.fact_at().after(stretch.start), stretch.len())?;
            let sources = Sources::of_row(place, row.clone(), self.bytes.get(stretch).ok_or(NO_ROWS)?);
            let (id, reference, code) = (row.ticket, row.reference, row.code);
            let ticket = row.into_ticket(fact.paid, record);
            counts.enter(ticket.state());
            self.index.put(keys::referenced(reference, place), []);
            self.index.put(keys::coded(code, place), []);
            self.index.put(keys::ticket(id), encode(&TicketEntry::of(&ticket, &sources)));
            record = record.next().ok_or(ProjectError::Impossible("the feed has no end of numbers"))?;
        }
        self.index.put(keys::COUNTS, encode(&counts));
        Ok(())
    }

    /// Where this fact stands.
    fn place(&self) -> Result<Place, ProjectError> {
        Place::new(self.index.fact_at(), self.bytes.len())
    }

    /// Changes a ticket that exists, and the counts with it; gives the parts of the log that it is made of.
    fn change(&mut self, id: TicketId, change: impl FnOnce(Ticket) -> Ticket) -> Result<Sources, ProjectError> {
        let (old, sources) = reading::kept_ticket(self.index, id)?.ok_or(NO_TICKET)?;
        self.replace((id, old), change, sources)
    }

    fn replace(
        &mut self,
        (id, old): (TicketId, Ticket),
        change: impl FnOnce(Ticket) -> Ticket,
        sources: Sources,
    ) -> Result<Sources, ProjectError> {
        let (before, code) = (old.state(), old.code);
        let new = change(old);
        if before != new.state() {
            let mut counts = reading::counts(self.index)?;
            counts.leave(before);
            counts.enter(new.state());
            self.index.put(keys::COUNTS, encode(&counts));
        }
        if let Some(code) = new.code.filter(|new| Some(*new) != code) {
            let given = self.place()?;
            self.index.put(keys::coded(code, given), []);
        }
        self.index.put(keys::ticket(id), encode(&TicketEntry::of(&new, &sources)));
        Ok(sources)
    }

    fn note(&mut self, ticket: TicketId, line: HistoryLine) {
        self.index.put(keys::history_line(ticket, self.index.fact_at()), encode(&line));
    }

    fn status_changed(&mut self, fact: &StatusChanged) -> Result<(), ProjectError> {
        let mut loses_card = false;
        let sources = self.change(fact.ticket, |old| {
            let had_card = old.binding().is_some();
            let mut new = Ticket { ticket_at: fact.record, ..old.with_status(fact.change, fact.at) };
            new.code = fact.code.or(new.code);
            new.binding_at = fact.unbound_record.or(new.binding_at);
            loses_card = had_card && new.binding().is_none();
            new
        })?;
        if let Some((place, bound)) = sources.bound().filter(|_bound| loses_card) {
            self.index.remove(keys::tagged(bound.binding.tag, *place));
        }
        self.note(fact.ticket, HistoryLine::new(fact.at, fact.change.happening(fact.actor)));
        Ok(())
    }

    fn code_replaced(&mut self, fact: &CodeReplaced) -> Result<(), ProjectError> {
        self.change(fact.ticket, |old| old.with_code(fact.code, fact.at))?;
        self.note(fact.ticket, HistoryLine::new(fact.at, Happening::CodeReplaced(fact.actor)));
        Ok(())
    }

    fn bound(&mut self, fact: Bound) -> Result<(), ProjectError> {
        const TWICE: ProjectError = ProjectError::Impossible("a ticket was bound twice");
        let (id, place) = (fact.ticket, self.place()?);
        let (old, sources) = reading::kept_ticket(self.index, id)?.ok_or(NO_TICKET)?;
        if sources.bound().is_some() {
            return Err(TWICE);
        }
        let Bound { binding, code, at, record, .. } = fact;
        let sources = sources.with_bound(place, fact, self.bytes);
        self.replace((id, old), |old| old.bound(binding, code, at, record), sources)?;
        self.index.put(keys::tagged(binding.tag, place), []);
        Ok(())
    }

    fn shown(&mut self, fact: &Shown) -> Result<(), ProjectError> {
        for ticket in &fact.tickets {
            if let Some(code) = fact.code {
                self.change(*ticket, |old| old.with_code(code, fact.at))?;
            }
            self.note(*ticket, HistoryLine::new(fact.at, Happening::Shown));
        }
        Ok(())
    }

    fn gate_added(&mut self, fact: GateAdded) -> Result<(), ProjectError> {
        let GateAdded { gate, verifying_key, zone, entrance, at, record } = fact;
        let entry =
            Gate { verifying_key, zone, entrance, revoked: false, added_at: at, record_at: record, copied: false };
        self.index.put(keys::gate(gate), encode(&entry));
        Ok(())
    }

    fn gate_revoked(&mut self, fact: &GateRevoked) -> Result<(), ProjectError> {
        let old = reading::gate(self.index, fact.gate)?;
        let old = old.ok_or(ProjectError::Impossible("a gate was revoked that was never added"))?;
        let copied = fact.copied.unwrap_or(false);
        self.index.put(keys::gate(fact.gate), encode(&Gate { revoked: true, record_at: fact.record, copied, ..old }));
        Ok(())
    }

    fn arbiter_added(&mut self, fact: &ArbiterAdded) -> Result<(), ProjectError> {
        self.index.put(keys::arbiter(fact.arbiter.record.arbiter), encode(&fact.arbiter));
        Ok(())
    }

    fn arbiter_revoked(&mut self, fact: &ArbiterRevoked) -> Result<(), ProjectError> {
        let old = reading::arbiter(self.index, fact.arbiter)?;
        let mut old = old.ok_or(ProjectError::Impossible("an arbiter was revoked that was never added"))?;
        old.record.revoked = true;
        self.index.put(keys::arbiter(fact.arbiter), encode(&old));
        Ok(())
    }

    fn claim_changed(&mut self, fact: &ClaimChanged) -> Result<(), ProjectError> {
        let ticket = fact.step.ticket();
        self.index.put(keys::claims(ticket), encode(&fact.claims));
        let happening = match &fact.step {
            ClaimStep::Annul(named) => {
                // The entry is given back under its number: whoever gets it next conflicts with nobody.
                self.give_back(ticket, fact.claims.entry().saturating_add(1), named.admission)?;
                Happening::Annulled(named.gate)
            }
            ClaimStep::Exit(named) => Happening::Exited(named.gate),
            ClaimStep::Claim(_) | ClaimStep::Withdraw(_) | ClaimStep::Opened(_) => return Ok(()),
        };
        self.note(ticket, HistoryLine::new(fact.at, happening));
        Ok(())
    }

    fn give_back(&mut self, ticket: TicketId, entry: u32, admission: AdmissionId) -> Result<(), ProjectError> {
        if reading::holder_of_entry(self.index, ticket, entry)? == Some(admission) {
            self.index.remove(keys::entry(ticket, entry));
        }
        Ok(())
    }

    fn admission_recorded(&mut self, fact: &AdmissionRecorded) -> Result<(), ProjectError> {
        let admission = &fact.admission;
        self.index.put(keys::admission(admission.id), encode(admission));
        if fact.holds_entry {
            self.index.put(keys::entry(admission.ticket, admission.entry), admission.id.as_bytes().as_slice());
        }
        self.count_entry(admission.gate, admission.at)?;
        let mut counts = reading::counts(self.index)?;
        counts.admissions = counts.admissions.saturating_add(1);
        self.index.put(keys::COUNTS, encode(&counts));
        self.note(admission.ticket, HistoryLine::new(admission.at, Happening::Admitted(admission.gate)));
        Ok(())
    }

    /// One more through this gate, in this minute.
    fn count_entry(&mut self, gate: GateId, at: Timestamp) -> Result<(), ProjectError> {
        let of_minute = keys::minute(at.unix_seconds().div_euclid(60), gate);
        let count = reading::of_minute(self.index, &of_minute)?.saturating_add(1);
        self.index.put(of_minute, encode(&count));
        let of_gate = keys::entries_of_gate(gate);
        let count = reading::of_gate(self.index, &of_gate)?.saturating_add(1);
        self.index.put(of_gate, encode(&count));
        Ok(())
    }

    fn conflict_recorded(&mut self, fact: &ConflictRecorded) -> Result<(), ProjectError> {
        self.index.put(keys::conflict(self.position), encode(&fact.conflict));
        let mut counts = reading::counts(self.index)?;
        counts.conflicts = counts.conflicts.saturating_add(1);
        self.index.put(keys::COUNTS, encode(&counts));
        self.note(fact.conflict.ticket, HistoryLine::new(fact.conflict.found_at, Happening::Conflict(fact.gate)));
        Ok(())
    }

    fn showing_refused(&mut self, showing: &RefusedShowing) {
        self.index.put(keys::showing(showing.id), []);
        self.note(showing.ticket, HistoryLine::new(showing.at, Happening::Refused(showing.gate, showing.code)));
    }

    fn feed_extended(&mut self, fact: FeedExtended) -> Result<(), ProjectError> {
        let start = || FollowedTo::start(self.event, fact.epoch);
        let mut reached = reading::feed(self.index)?.unwrap_or_else(start);
        if reached.epoch != fact.epoch || reached.next() != fact.first {
            return Err(ProjectError::Impossible("feed records that do not follow the last one"));
        }
        for record in fact.records {
            if reached.length.is_multiple_of(FEED_MARK_EVERY) {
                self.index.put(keys::feed_mark(reached.length), self.position.get().to_be_bytes());
            }
            let sealed = SealedRecord::from_bytes(record.into());
            let sealed = sealed.map_err(|_length| ProjectError::Unreadable("a feed record of an impossible length"))?;
            reached = reached.extend(&sealed);
        }
        self.index.put(keys::FEED, encode(&reached));
        Ok(())
    }
}
