//! Getting an event back from its gates: what each brings is verified, kept until it meets a head, and entered.
//!
//! The rules are in [`crate::domain::recovery`]. That an event is being got back stands in the keyring, outside the log
//! that came from a backup, so a start in the middle goes on; what gates had shown is asked for again.

mod beginning;
mod entering;
mod offers;
mod spool;
mod view;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use kido_shared::clock::Timestamp;
use kido_shared::feed::FollowedTo;
use kido_shared::ids::{EventId, GateId, TicketId};
use kido_store::{Stored, TransactError};

use super::changing::Changing;
use super::error::{Failed, StorageError};
use super::live::LiveEvent;
use super::{Store, endings, reading};
use crate::domain::recovery::{Recovery, RecoveryRefusal, Stage};
use crate::keyring::{Reached, Unheard};
use spool::Spool;

pub(super) use beginning::go_on;
pub use view::RecoveryView;

type Refused = Failed<RecoveryRefusal>;

/// Tickets whose conflicts are weighed in one transaction: a few records each, as in a batch of admissions.
const TICKETS_WEIGHED: usize = 256;

/// What a transaction is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writes {
    /// Whether somebody enters.
    Entry,
    /// Anything else.
    Anything,
}

/// What is waited for in one event.
#[derive(Debug, Default)]
pub(super) struct Recovering {
    /// What every transaction and every head looks at.
    stage: Mutex<Option<Stage>>,
    /// One gate's offer at a time.
    work: Mutex<Option<Work>>,
}

/// A recovery under way.
#[derive(Debug)]
pub(super) struct Work {
    recovery: Recovery,
    /// Records on their way to the head that their gate has shown.
    spool: Option<Spool>,
}

impl Recovering {
    /// What is waited for.
    pub(super) fn stage(&self) -> Option<Stage> {
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, stage: Option<Stage>) {
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner) = stage;
    }

    /// A step that a bug has cut off may have left anything behind: the next start begins anew, from what is durable.
    pub(super) fn work(&self, event: EventId) -> Result<MutexGuard<'_, Option<Work>>, StorageError> {
        self.work.lock().map_err(|_poisoned| StorageError::CutOff(event))
    }

    /// The same for whoever does not wait behind somebody's long way.
    pub(super) fn work_now(&self, event: EventId) -> Result<MutexGuard<'_, Option<Work>>, StorageError> {
        self.work.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => StorageError::Busy,
            TryLockError::Poisoned(_) => StorageError::CutOff(event),
        })
    }

    /// As a bug in a step would leave it.
    #[cfg(test)]
    pub(super) fn cut_off(&self) {
        let died = std::thread::scope(|scope| {
            let step = scope.spawn(|| {
                let _work = self.work.lock();
                panic!("a step is cut off");
            });
            step.join()
        });
        assert!(died.is_err());
    }

    /// Whether something may be stored now. Asked inside the transaction: none slips in while a recovery begins.
    pub(super) fn may_write(&self, writes: Writes, event: EventId, reached: &FollowedTo) -> Result<(), StorageError> {
        match (self.stage(), writes) {
            (None, _) | (Some(Stage::Admissions), Writes::Anything) => Ok(()),
            (Some(Stage::Records), _) | (Some(Stage::Admissions), Writes::Entry) => {
                Err(StorageError::Recovering { event, epoch: reached.epoch, length: reached.length })
            }
        }
    }

    /// Whether heads may be signed: not for a feed that is shorter than what was signed before.
    pub(super) fn may_tell(&self, live: &LiveEvent) -> Result<(), StorageError> {
        if self.stage() != Some(Stage::Records) {
            return Ok(());
        }
        let FollowedTo { epoch, length, .. } = live.reached()?;
        Err(StorageError::Recovering { event: live.id(), epoch, length })
    }
}

impl LiveEvent {
    /// Settles the conflicts that came back with the feed and were none: it tells of conflicts, and not that one is settled.
    fn weigh_conflicts(&self, now: Timestamp) -> Result<(), StorageError> {
        let tickets: Vec<TicketId> = reading::contested_tickets(&self.facts)?.into_iter().collect();
        for some in tickets.chunks(TICKETS_WEIGHED) {
            let (keys, some) = (Arc::clone(&self.keys), some.to_vec());
            let pending = self.facts.transact(move |transaction| {
                let mut changing = Changing::begin(transaction, &keys)?;
                for ticket in some {
                    let Some(known) = reading::ticket(&changing, ticket)? else { continue };
                    endings::reconcile(&mut changing, ticket, known.particulars.entries, now)?;
                }
                changing.finish()
            });
            pending.wait().map(Stored::into_inner).map_err(|error| match error {
                TransactError::Rejected(error) => error,
                TransactError::Store(error) => error.into(),
                TransactError::Closed => StorageError::Stopping,
                TransactError::Busy => StorageError::Busy,
            })?;
        }
        Ok(())
    }

    fn gates_in_force(&self) -> Result<BTreeSet<GateId>, StorageError> {
        let gates = reading::gates(&self.facts)?.into_iter();
        Ok(gates.filter(|(_, gate)| !gate.revoked).map(|(gate, _)| gate).collect())
    }

    /// What is waited for after a step, kept for every transaction to see; the recovery ends where it is nothing.
    fn settle(&self, work: &mut Option<Work>, now: Timestamp) -> Result<Option<Stage>, StorageError> {
        let Some(Work { recovery, .. }) = work else { return Ok(None) };
        let own = self.reached()?;
        let stage = recovery.stage(&own, &self.gates_in_force()?);
        match stage {
            Some(Stage::Records) => {}
            Some(Stage::Admissions) => {
                if self.recovering.stage() != stage {
                    tracing::warn!(event = %self.id(), records = own.length, "all records are back; journals are awaited");
                }
            }
            None => {
                self.weigh_conflicts(now)?;
                let own = self.reached()?;
                let (since, gates) = (recovery.since(), recovery.left_out(&self.gates_in_force()?));
                let unheard = if gates.is_empty() { None } else { Some(Unheard { since, gates }) };
                // Before anything is let in: a start right behind this must not wait for gates that have delivered.
                let (recovered_at, records_given_up) = (Some(now), None);
                self.mark.keep(Reached { to: own, recovering: None, recovered_at, unheard, records_given_up })?;
                tracing::warn!(event = %self.id(), records = own.length, "the event is back: its gates have brought all");
                *work = None;
            }
        }
        self.recovering.set(stage);
        Ok(stage)
    }
}

impl Store {
    /// Goes on without gates that will not come, and without records that none of the others has.
    ///
    /// # Errors
    /// [`RecoveryRefusal`] or [`StorageError`].
    pub async fn recover_without(
        &self,
        event: EventId,
        gates: Vec<GateId>,
        lost_records: bool,
    ) -> Result<RecoveryView, Refused> {
        let (store, live) = (self.clone(), self.live(event)?);
        let decided = tokio::task::spawn_blocking(move || {
            let mut work = live.recovering.work(live.id())?;
            let Some(under_way) = work.as_mut() else { return Err(Failed::Refused(RecoveryRefusal::NotRecovering)) };
            let known = reading::gates(&live.facts)?;
            if gates.iter().any(|gate| !known.iter().any(|(id, _)| id == gate)) {
                return Err(Failed::Refused(RecoveryRefusal::UnknownGate));
            }
            under_way.recovery.go_on_without(&gates, lost_records);
            if under_way.spool.as_ref().is_some_and(|spool| gates.iter().any(|gate| spool.is_of(*gate))) {
                under_way.spool = None;
            }
            live.settle(&mut work, store.now())?;
            let view = RecoveryView::of(&live, work.as_ref())?;
            live.changed.send_modify(|count| *count = count.wrapping_add(1));
            Ok(view)
        });
        decided.await.map_err(StorageError::Computation)?
    }

    /// As a recovery leaves it that went on without this gate.
    #[cfg(test)]
    pub(crate) fn went_on_without(&self, event: EventId, gate: GateId, since: Timestamp) {
        let live = self.live(event).unwrap();
        let (to, unheard) = (live.reached().unwrap(), Some(Unheard { since, gates: vec![gate] }));
        let records_given_up = None;
        live.mark.keep(Reached { to, recovering: None, recovered_at: Some(since), unheard, records_given_up }).unwrap();
    }

    /// How far the feed reaches, and how far the keyring knows that it does.
    #[cfg(test)]
    pub(crate) fn reached_and_noted(&self, event: EventId) -> (FollowedTo, Option<FollowedTo>) {
        let live = self.live(event).unwrap();
        (live.reached().unwrap(), live.mark.kept().map(|kept| kept.to))
    }

    /// As a keyring has it that came back from before everything.
    #[cfg(test)]
    pub(crate) fn forget_mark(&self, event: EventId) {
        self.shared.keyring.forget_reached(event).unwrap();
    }

    /// Whether an event is being got back.
    #[must_use]
    pub fn is_recovering(&self, event: EventId) -> bool {
        self.live(event).is_ok_and(|live| live.recovering.stage().is_some())
    }

    /// How far an event has been got back.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn recovery(&self, event: EventId) -> Result<RecoveryView, StorageError> {
        let live = self.live(event)?;
        let seen =
            tokio::task::spawn_blocking(move || RecoveryView::of(&live, live.recovering.work(live.id())?.as_ref()));
        seen.await.map_err(StorageError::Computation)?
    }
}
