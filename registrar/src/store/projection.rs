//! From facts to index entries.

mod cutting;

use kido_shared::admission::{EndedBy, Ending};
use kido_shared::clock::Timestamp;
use kido_shared::feed::{Conflict, FollowedTo, SealedRecord};
use kido_shared::ids::{AdmissionId, Epoch, EventId, GateId, TicketId};
use kido_shared::showing::RefusedShowing;
use kido_store::{IndexChanges, Position, Project, ProjectError};

use super::admissions::ConflictView;
use super::endings;
use super::keys::{self, FEED_MARK_EVERY};
use super::place::Place;
use super::reading::{self, EventEntry, encode};
use super::ticket_entry::{Sources, TicketEntry};
use crate::domain::conflict::{Pair, RIVALS_MAX};
use crate::domain::gate::Gate;
use crate::domain::hand_over::{Endings, FeedPlace};
use crate::domain::history::{Happening, HistoryLine};
use crate::domain::postponement::Moving;
use crate::domain::ticket::Ticket;
use crate::fact::{
    AdmissionEnded, AdmissionRecorded, ArbiterAdded, ArbiterRevoked, Bound, ClaimChanged, CodeReplaced,
    ConflictRecorded, ConflictSettled, EventCreated, Fact, FeedExtended, FeedKeyChanged, GateAdded, GateClaimsFreed,
    GateHeard, GateRevoked, PolicyChanged, Shown, StatusChanged, TicketsImported, WindowsMoved,
};

/// Enters the facts of one event.
#[derive(Debug, Clone, Copy)]
pub(super) struct EventProjection(pub(super) EventId);

/// Feed keys of an event that operators are told of: a century of them at one a year is nobody's list.
const FEED_KEYS_TOLD_MAX: usize = 16;

const NO_TICKET: ProjectError = ProjectError::Impossible("a fact about a ticket that was never imported");
const NO_EVENT: ProjectError = ProjectError::Impossible("a fact before the event was created");

impl Project for EventProjection {
    const VERSION: u32 = 7;

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
            Fact::GateHeard(fact) => entering.gate_heard(&fact),
            Fact::FeedKeyChanged(fact) => entering.feed_key_changed(fact),
            Fact::EndingHeld(fact) => entering.ending_held(&fact.ending),
            Fact::AdmissionEnded(fact) => entering.admission_ended(&fact),
            Fact::ConflictSettled(fact) => entering.conflict_settled(&fact),
            Fact::FeedCut(fact) => entering.feed_cut(fact),
            Fact::TicketsRetold(fact) => entering.tickets_retold(fact),
            Fact::GateClaimsFreed(fact) => entering.gate_claims_freed(&fact),
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
        self.index.put(
            keys::EVENT,
            encode(&EventEntry { policy, key, created_at: at, moving: None, endings: Endings::default() }),
        );
        Ok(())
    }

    fn policy_changed(&mut self, fact: PolicyChanged) -> Result<(), ProjectError> {
        let old = reading::event(self.index)?.ok_or(NO_EVENT)?;
        // Its record is published with it and stands behind the feed as it is here.
        let reached = reading::feed(self.index)?.unwrap_or_else(|| FollowedTo::start(self.event, Epoch::FIRST));
        let record = FeedPlace { epoch: reached.epoch, number: fact.record.unwrap_or_else(|| reached.next()) };
        let endings = old.endings.after(&old.policy, &fact.policy, record);
        let (key, moving) = (fact.key.unwrap_or(old.key), fact.moving.or(old.moving));
        let entry = EventEntry { policy: fact.policy, key, created_at: old.created_at, moving, endings };
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
        // Before its own record no gate opens, and whatever has ended until now stands before that.
        let heard = reading::event(self.index)?.ok_or(NO_EVENT)?.endings.newest();
        let (revoked, copied, added_at, record_at, freed) = (false, false, at, record, None);
        let entry = Gate { verifying_key, zone, entrance, revoked, added_at, record_at, copied, heard, freed };
        self.index.put(keys::gate(gate), encode(&entry));
        Ok(())
    }

    fn gate_heard(&mut self, fact: &GateHeard) -> Result<(), ProjectError> {
        let old = reading::gate(self.index, fact.gate)?;
        let old = old.ok_or(ProjectError::Impossible("a gate has heard that was never added"))?;
        self.index.put(keys::gate(fact.gate), encode(&Gate { heard: Some(fact.ending).max(old.heard), ..old }));
        Ok(())
    }

    fn feed_key_changed(&mut self, fact: FeedKeyChanged) -> Result<(), ProjectError> {
        let mut known = reading::feed_keys(self.index)?;
        if known.last() != Some(&fact.before) {
            known.push(fact.before);
        }
        if known.last() != Some(&fact.certificate) {
            known.push(fact.certificate);
        }
        let newest = known.split_off(known.len().saturating_sub(FEED_KEYS_TOLD_MAX));
        self.index.put(keys::FEED_KEYS, encode(&newest));
        Ok(())
    }

    fn gate_revoked(&mut self, fact: &GateRevoked) -> Result<(), ProjectError> {
        let old = reading::gate(self.index, fact.gate)?;
        let old = old.ok_or(ProjectError::Impossible("a gate was revoked that was never added"))?;
        let copied = fact.copied.unwrap_or(false);
        self.index.put(keys::gate(fact.gate), encode(&Gate { revoked: true, record_at: fact.record, copied, ..old }));
        Ok(())
    }

    fn gate_claims_freed(&mut self, fact: &GateClaimsFreed) -> Result<(), ProjectError> {
        let old = reading::gate(self.index, fact.gate)?;
        let old = old.ok_or(ProjectError::Impossible("claims were freed of a gate that was never added"))?;
        let freed = Some(fact.freed).max(old.freed);
        self.index.put(keys::gate(fact.gate), encode(&Gate { freed, ..old }));
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
        let Some(ending) = endings::of_step(&fact.step, fact.at) else { return Ok(()) };
        let before = fact.claims.entry().saturating_add(1);
        self.end(&ending, before)?;
        // Where the step came before its admission, the line follows that one's.
        if reading::admission(self.index, ending.admission)?.is_some() {
            self.note_end(&ending);
        }
        Ok(())
    }

    fn admission_ended(&mut self, fact: &AdmissionEnded) -> Result<(), ProjectError> {
        let ending = &fact.ending;
        let admission = reading::admission(self.index, ending.admission)?;
        let admission = admission.ok_or(ProjectError::Impossible("the end of an admission that never was"))?;
        self.end(ending, admission.entry)?;
        if fact.record.is_some() {
            self.note_end(ending);
        } else {
            self.index.put(keys::closer_word(ending), []);
        }
        Ok(())
    }

    fn ending_held(&mut self, ending: &Ending) -> Result<(), ProjectError> {
        let key = keys::ending_held(ending);
        if self.index.get(&key)?.is_none() {
            let held = reading::held_of_gate(self.index, ending.gate)?.saturating_add(1);
            self.index.put(keys::held_of_gate(ending.gate), encode(&held));
        }
        self.index.put(key, encode(ending));
        Ok(())
    }

    /// Their admission is here: nothing waits any more.
    fn release_held(&mut self, admission: AdmissionId) -> Result<(), ProjectError> {
        for ending in reading::endings_held(self.index, admission, usize::MAX)? {
            let of_gate = keys::held_of_gate(ending.gate);
            match reading::held_of_gate(self.index, ending.gate)?.saturating_sub(1) {
                0 => self.index.remove(of_gate),
                held => self.index.put(of_gate, encode(&held)),
            }
            self.index.remove(keys::ending_held(&ending));
        }
        Ok(())
    }

    fn note_end(&mut self, ending: &Ending) {
        let happening = match ending.by {
            EndedBy::Annulled => Happening::Annulled(ending.gate),
            EndedBy::Exited => Happening::Exited(ending.gate),
        };
        self.note(ending.ticket, HistoryLine::new(ending.at, happening));
    }

    /// An annulled entry is given back under its number: whoever gets it next conflicts with nobody. One that was left
    /// is used.
    fn end(&mut self, ending: &Ending, entry: u32) -> Result<(), ProjectError> {
        self.index.put(keys::ended(ending.admission), encode(ending));
        if ending.by == EndedBy::Exited {
            return Ok(());
        }
        let (ticket, admission) = (ending.ticket, ending.admission);
        let entry = reading::admission(self.index, admission)?.map_or(entry, |admission| admission.entry);
        self.index.remove(keys::rival(ticket, entry, admission));
        if reading::holder_of_entry(self.index, ticket, entry)? != Some(admission) {
            return Ok(());
        }
        self.index.remove(keys::entry(ticket, entry));
        if let Some(next) = self.next_holder(ticket, entry)? {
            self.index.remove(keys::rival(ticket, entry, next));
            self.index.put(keys::entry(ticket, entry), next.as_bytes().as_slice());
        }
        Ok(())
    }

    /// Who else came for an entry: whoever is inside, the earliest first.
    fn next_holder(&self, ticket: TicketId, entry: u32) -> Result<Option<AdmissionId>, ProjectError> {
        let mut first: Option<(bool, Timestamp, AdmissionId)> = None;
        for (_entry, rival) in reading::rivals(self.index, ticket, RIVALS_MAX)?.into_iter().filter(|it| it.0 == entry) {
            let Some(admission) = reading::admission(self.index, rival)? else { continue };
            let found = (!reading::is_inside(self.index, ticket, rival)?, admission.at, rival);
            first = Some(first.map_or(found, |first| first.min(found)));
        }
        Ok(first.map(|(_ended, _at, admission)| admission))
    }

    fn admission_recorded(&mut self, fact: &AdmissionRecorded) -> Result<(), ProjectError> {
        let admission = &fact.admission;
        self.index.put(keys::admission(admission.id), encode(admission));
        self.release_held(admission.id)?;
        if fact.holds_entry {
            self.index.put(keys::entry(admission.ticket, admission.entry), admission.id.as_bytes().as_slice());
        } else if !reading::is_void(self.index, admission.ticket, admission.id)? {
            self.index.put(keys::rival(admission.ticket, admission.entry, admission.id), []);
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
        let Conflict { ticket, entry, first, second, .. } = fact.conflict;
        let view = ConflictView { conflict: fact.conflict.clone(), settled_at: None };
        self.index.put(keys::conflict(self.position), encode(&view));
        let standing = keys::standing_conflict(ticket, &Pair { entry, first, second });
        self.index.put(standing, encode(&self.position.get()));
        let mut counts = reading::counts(self.index)?;
        counts.conflicts = counts.conflicts.saturating_add(1);
        self.index.put(keys::COUNTS, encode(&counts));
        self.note(fact.conflict.ticket, HistoryLine::new(fact.conflict.found_at, Happening::Conflict(fact.gate)));
        Ok(())
    }

    fn conflict_settled(&mut self, fact: &ConflictSettled) -> Result<(), ProjectError> {
        const NO_CONFLICT: ProjectError = ProjectError::Impossible("a conflict was settled that does not stand");
        let ConflictSettled { ticket, entry, first, second, gate, at } = *fact;
        let standing = keys::standing_conflict(ticket, &Pair { entry, first, second });
        let position: u64 = reading::read(self.index, &standing, "a conflict that stands")?.ok_or(NO_CONFLICT)?;
        let place = keys::conflict(Position::new(position));
        let view: ConflictView = reading::read(self.index, &place, "a conflict")?.ok_or(NO_CONFLICT)?;
        self.index.remove(standing);
        self.index.put(place, encode(&ConflictView { settled_at: Some(at), ..view }));
        let mut counts = reading::counts(self.index)?;
        counts.settled = counts.settled.saturating_add(1);
        self.index.put(keys::COUNTS, encode(&counts));
        self.note(ticket, HistoryLine::new(at, Happening::ConflictSettled(gate)));
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
                self.index.put(keys::feed_mark(reached.epoch, reached.length), self.position.get().to_be_bytes());
            }
            let sealed = SealedRecord::from_bytes(record.into());
            let sealed = sealed.map_err(|_length| ProjectError::Unreadable("a feed record of an impossible length"))?;
            reached = reached.extend(&sealed);
        }
        self.index.put(keys::FEED, encode(&reached));
        Ok(())
    }
}
