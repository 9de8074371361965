//! An event on another date: its policy first, then its tickets, batch by batch.
//!
//! A batch is one transaction: its tickets' records, what is kept of them and how far the whole is become durable
//! together. A million tickets in one transaction would let every claim and every suspension wait for seconds.

use kido_shared::clock::Timestamp;
use kido_shared::feed::FeedRecord;
use kido_shared::ids::{EventId, TicketId};
use kido_shared::limits::TICKETS_PER_BATCH;
use kido_shared::policy::EventPolicy;

use super::changing::Changing;
use super::error::{Failed, StorageError};
use super::importing::TICKETS_PER_FACT;
use super::reading::{self, EntriesAfter, ReadError};
use super::{Store, TicketView};
use crate::domain::event::{EventRefusal, may_change};
use crate::domain::postponement::{Moving, moved_policy};
use crate::domain::ticket::Ticket;
use crate::fact::{Fact, PolicyChanged, WindowsMoved};

/// What one step of a postponement did, or would do.
#[derive(Debug, Clone, PartialEq)]
pub struct PostponementStep {
    /// The policy that is in force after it, or would be.
    pub policy: EventPolicy,
    /// Tickets whose windows moved.
    pub moved: u64,
    /// Tickets that are void or with the shop again, and stay where they are.
    pub left_alone: u64,
    /// Tickets whose holders have to look again: the card's certificate is not known to be valid on the new date.
    pub to_recheck: Vec<TicketView>,
    /// The last ticket that was looked at; none where no further one is left.
    pub reached: Option<TicketId>,
}

/// A batch of tickets on their new date.
struct Batch {
    moved: Vec<(TicketId, Ticket)>,
    left_alone: u64,
    reached: Option<TicketId>,
}

impl Batch {
    fn read(from: &impl EntriesAfter, moving: &Moving) -> Result<Self, ReadError> {
        let mut batch = Self { moved: Vec::new(), left_alone: 0, reached: None };
        let mut tickets = reading::tickets_after(from, moving.reached)?;
        for _ticket in 0..TICKETS_PER_BATCH {
            let Some(ticket) = tickets.next() else { return Ok(Self { reached: None, ..batch }) };
            let (id, ticket) = ticket?;
            batch.reached = Some(id);
            if ticket.moves() {
                batch.moved.push((id, ticket.moved(moving)));
            } else {
                batch.left_alone = batch.left_alone.saturating_add(1);
            }
        }
        Ok(batch)
    }

    fn step(self, policy: EventPolicy) -> PostponementStep {
        let moved = u64::try_from(self.moved.len()).unwrap_or(u64::MAX);
        let recheck = self.moved.into_iter().filter(|(_, ticket)| ticket.to_recheck());
        let to_recheck = recheck.map(|(id, ticket)| TicketView::of(id, ticket)).collect();
        PostponementStep { policy, moved, left_alone: self.left_alone, to_recheck, reached: self.reached }
    }
}

/// Where nothing is left to be done.
const fn done(policy: EventPolicy) -> PostponementStep {
    PostponementStep { policy, moved: 0, left_alone: 0, to_recheck: Vec::new(), reached: None }
}

/// Publishes the batch and what the event keeps of it.
fn append(changing: &mut Changing<'_, '_>, batch: &Batch, at: Timestamp) -> Result<(), StorageError> {
    let chunks = batch.moved.chunks(TICKETS_PER_FACT);
    let last = chunks.len().saturating_sub(1);
    for (place, chunk) in chunks.enumerate() {
        let first_record = changing.next_record();
        for (id, ticket) in chunk {
            changing.publish(&FeedRecord::Ticket(ticket.record(*id)))?;
        }
        let tickets: Vec<_> = chunk.iter().map(|(id, _)| *id).collect();
        // Whatever is left alone behind the last one that moves was looked at with it.
        let reached = if place == last { batch.reached } else { tickets.last().copied() };
        changing.append(&Fact::WindowsMoved(WindowsMoved { tickets, first_record, reached, at }))?;
    }
    if batch.moved.is_empty() {
        let (first_record, reached) = (changing.next_record(), batch.reached);
        changing.append(&Fact::WindowsMoved(WindowsMoved { tickets: Vec::new(), first_record, reached, at }))?;
    }
    Ok(())
}

impl Store {
    /// Moves an event to another date, one batch of its tickets at a time; goes on where an earlier step ended. Where
    /// everything is there already, nothing happens.
    ///
    /// # Errors
    /// [`EventRefusal`], among them [`EventRefusal::OtherDateUnderWay`], or [`StorageError`].
    pub async fn postpone(
        &self,
        event: EventId,
        starts_at: Timestamp,
    ) -> Result<PostponementStep, Failed<EventRefusal>> {
        let live = self.live(event)?;
        let now = self.now();
        let before = reading::policy(&live.facts)?;
        let policy = moved_policy(&before, starts_at).map_err(|_dates| Failed::Refused(EventRefusal::NoSuchDate))?;
        let (rewrapped, _week) = self.rewrapped(&live, &policy).await?;
        live.transact(move |changing| {
            let entry = reading::event(changing)?.ok_or(StorageError::Entry("an event"))?;
            if entry.policy != before {
                return Err(Failed::Refused(EventRefusal::ChangedMeanwhile));
            }
            let moving = match entry.moving {
                Some(_) if policy != before => return Err(Failed::Refused(EventRefusal::OtherDateUnderWay)),
                Some(moving) => moving,
                None if policy == before => return Ok(done(before)),
                None => {
                    may_change(&before, &policy, reading::so_far(changing)?, now).map_err(Failed::Refused)?;
                    let moving = Moving::begin(&before, &policy);
                    let record = Some(changing.publish(&FeedRecord::Policy(policy.clone()))?);
                    let (to, moved) = (policy.clone(), Some(moving));
                    let changed = PolicyChanged { policy: to, key: rewrapped, at: now, moving: moved, record };
                    changing.append(&Fact::PolicyChanged(changed))?;
                    moving
                }
            };
            let batch = Batch::read(changing, &moving)?;
            append(changing, &batch, now)?;
            Ok(batch.step(policy))
        })
        .await
    }

    /// What [`Self::postpone`] would do, batch by batch, from behind a ticket on. Changes nothing.
    ///
    /// # Errors
    /// [`EventRefusal`] or [`StorageError`].
    pub fn foresee_postponement(
        &self,
        event: EventId,
        starts_at: Timestamp,
        after: Option<TicketId>,
    ) -> Result<PostponementStep, Failed<EventRefusal>> {
        let live = self.live(event)?;
        let entry = reading::event(&live.facts)?.ok_or(StorageError::Entry("an event"))?;
        let policy =
            moved_policy(&entry.policy, starts_at).map_err(|_dates| Failed::Refused(EventRefusal::NoSuchDate))?;
        let begun = match entry.moving {
            Some(_) if policy != entry.policy => return Err(Failed::Refused(EventRefusal::OtherDateUnderWay)),
            Some(moving) => moving,
            None if policy == entry.policy => return Ok(done(policy)),
            None => {
                may_change(&entry.policy, &policy, reading::so_far(&live.facts)?, self.now())
                    .map_err(Failed::Refused)?;
                Moving::begin(&entry.policy, &policy)
            }
        };
        let from = Moving { reached: after.max(begun.reached), ..begun };
        Ok(Batch::read(&live.facts, &from)?.step(policy))
    }
}
