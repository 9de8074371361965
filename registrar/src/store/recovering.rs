//! Getting an event back from its gates: what each brings is verified, kept until it meets a head, and entered.
//!
//! The rules are in [`crate::domain::recovery`]. That an event is being got back stands in the keyring, outside the log
//! that came from a backup, so a start in the middle goes on; what gates had shown is asked for again.

mod entering;
mod spool;
mod view;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use kido_shared::clock::Timestamp;
use kido_shared::error_chain::Chain;
use kido_shared::feed::{FeedHead, FollowedTo, TrustedFeedKeys, VerifiedHead, decode_range};
use kido_shared::ids::{EventId, GateId, TicketId};
use kido_shared::wire::v1::recovery::{RecoveryOffer, RecoveryWish};
use kido_store::{Stored, TransactError};

use super::changing::Changing;
use super::error::{Failed, StorageError};
use super::live::LiveEvent;
use super::{Store, endings, reading};
use crate::domain::recovery::{Recovery, RecoveryRefusal, Stage, begins, lacks};
use crate::keyring::{Reached, Unheard};
use spool::{Spool, Spooled};

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

/// Looks at an event that was just opened: whether its log is what was signed, whether a cut is to be told to its end, and
/// whether a recovery was under way.
pub(super) fn go_on(live: &LiveEvent, now: Timestamp) {
    if let Err(error) = go_on_from(live, now) {
        // Whoever asks this event for anything is told the same.
        tracing::error!(event = %live.id(), error = %Chain(&error), "an event is not got back");
    }
}

fn go_on_from(live: &LiveEvent, now: Timestamp) -> Result<(), StorageError> {
    // Nobody has met it yet.
    let mut guard = live.recovering.work.lock().unwrap_or_else(PoisonError::into_inner);
    let work = &mut *guard;
    let (kept, cut) = (live.mark.kept(), reading::cut(&live.facts)?);
    if let Some(cut) = cut {
        let is_news = kept.as_ref().is_none_or(|kept| kept.to.epoch < cut.epoch);
        if cut.retelling.is_some() {
            // Also where the log came from a backup that was taken in the middle: the same records are made once more, byte
            // for byte, and what followed on them is missed below.
            live.recovering.set(Some(Stage::Records));
            on_its_own_thread(|| live.retell())?;
            tracing::warn!(event = %live.id(), epoch = %cut.epoch, "a cut was told to its end");
        }
        if is_news {
            return on_its_own_thread(|| live.begin_after_cut(work, now));
        }
        live.recovering.set(None);
    }
    let (Some(kept), own) = (kept, live.reached()?) else { return Ok(()) };
    let behind = lacks(&own, &kept.to);
    if !behind && kept.recovering.is_none() {
        return Ok(());
    }
    // Older once more is a restore once more: what gates have brought since the first one is to be brought again.
    let since = if behind { now } else { kept.recovering.unwrap_or(now) };
    let (signed, given_up) = (kept.to, kept.records_given_up == Some(true));
    if kept.recovering != Some(since)
        && let Err(error) = live.mark.keep(Reached { recovering: Some(since), records_given_up: None, ..kept })
    {
        tracing::error!(event = %live.id(), error = %Chain(&error), "that the event is got back could not be kept");
    }
    if !behind && given_up {
        *work = Some(Work { recovery: Recovery::after_cut(since, own), spool: None });
        return on_its_own_thread(|| live.settle(work, now).map(|_stage| ()));
    }
    *work = Some(Work { recovery: Recovery::begin(since, signed), spool: None });
    live.recovering.set(Some(Stage::Records));
    let (event, has, signed) = (live.id(), own.length, signed.length);
    tracing::error!(%event, has, signed, "ALARM: this log is older than what was signed; it is got back from the gates");
    Ok(())
}

/// Takes a step that waits for the disk: whoever opens stores may be a thread that must not wait for them.
fn on_its_own_thread(step: impl FnOnce() -> Result<(), StorageError> + Send) -> Result<(), StorageError> {
    let ended = std::thread::scope(|scope| scope.spawn(step).join());
    ended.map_err(|_panicked| StorageError::Entry("a cut"))?
}

impl LiveEvent {
    fn verify(&self, head: &[u8], now: Timestamp) -> Result<VerifiedHead, Refused> {
        let (event, root) = (self.id(), self.root);
        let before = reading::feed_keys(&self.facts).map_err(StorageError::from)?;
        let verified = TrustedFeedKeys::new(root, event).and_then(|mut keys| {
            // A gate that was away since holds a head of the key before; one that was revoked is refused below.
            for certificate in &before {
                if let Err(error) = keys.trust(certificate) {
                    tracing::debug!(%event, error = %Chain(&error), "an earlier feed key is believed no more");
                }
            }
            keys.trust(&self.signer.certificate())?;
            FeedHead::verify(head, &keys, event, now)
        });
        verified.map_err(|error| {
            tracing::warn!(%event, error = %Chain(&error), "a gate showed a head that is not believed");
            Failed::Refused(RecoveryRefusal::Head)
        })
    }

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

    /// Begins where a head that we signed is ahead of the log.
    fn begin_recovery(&self, work: &mut Option<Work>, head: &VerifiedHead, now: Timestamp) -> Result<(), StorageError> {
        let (own, kept) = (self.reached()?, self.mark.kept());
        let recovered_at = kept.as_ref().and_then(|kept| kept.recovered_at);
        let waits_for_records = work.as_ref().is_some_and(|work| !work.recovery.is_after_cut());
        if waits_for_records || !begins(&own, head, recovered_at) {
            return Ok(());
        }
        let unheard = kept.and_then(|kept| kept.unheard);
        let next = Reached { to: head.reaches(), recovering: Some(now), recovered_at, unheard, records_given_up: None };
        self.mark.keep(next)?;
        *work = Some(Work { recovery: Recovery::begin(now, head.reaches()), spool: None });
        self.recovering.set(Some(Stage::Records));
        let (event, has, signed) = (self.id(), own.length, head.reaches().length);
        tracing::error!(%event, has, signed, "ALARM: a gate has a head that is ahead of this log; it is got back");
        Ok(())
    }

    /// Begins anew behind a cut that was told to its end: what was said before is given up, what was let in is asked for.
    pub(super) fn begin_after_cut(&self, work: &mut Option<Work>, now: Timestamp) -> Result<(), StorageError> {
        let (own, kept) = (self.reached()?, self.mark.kept());
        let next = Reached {
            to: own,
            recovering: Some(now),
            recovered_at: kept.as_ref().and_then(|kept| kept.recovered_at),
            unheard: kept.and_then(|kept| kept.unheard),
            records_given_up: Some(true),
        };
        // Before the first head of it: a backup from before the cut is known by this.
        self.mark.keep(next)?;
        *work = Some(Work { recovery: Recovery::after_cut(now, own), spool: None });
        self.settle(work, now).map(|_stage| ())
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
    /// What a gate is asked for that says how far it has followed; nothing on an ordinary day.
    #[must_use]
    pub fn recovery_wish(&self, event: EventId, gate: GateId, followed: (u64, u64)) -> Option<RecoveryWish> {
        let live = self.live(event).ok()?;
        let own = live.reached().ok()?;
        match live.recovering.work.try_lock() {
            Ok(work) => match work.as_ref() {
                // Behind a cut nobody is ahead of us, unless log and keyring both came back from before.
                Some(work) if work.recovery.is_after_cut() && followed > (own.epoch.get(), own.length) => {
                    Some(RecoveryWish::Head)
                }
                Some(work) => Some(work.wish(gate, live.recovering.stage(), &own, self.now())),
                // It was left out, and has come back: what it let in may be known to nobody else.
                None if let Some(since) = live.mark.owed_since(gate) => Some(RecoveryWish::Journal { since }),
                // It says so; it is believed when it shows the head.
                None if followed > (own.epoch.get(), own.length) => Some(RecoveryWish::Head),
                None => None,
            },
            // Somebody's records are being entered.
            Err(TryLockError::WouldBlock) => None,
            Err(TryLockError::Poisoned(_)) => {
                tracing::error!(%event, "the recovery was cut off by a fault: restart the registrar");
                None
            }
        }
    }

    /// Takes what a gate brings, and says what it is asked for next.
    ///
    /// # Errors
    /// [`RecoveryRefusal`] or [`StorageError`]; then nothing of it is kept.
    pub async fn take_back(&self, event: EventId, gate: GateId, offer: RecoveryOffer) -> Result<RecoveryWish, Refused> {
        let (store, live) = (self.clone(), self.live(event)?);
        let taken = tokio::task::spawn_blocking(move || store.take_offer(&live, gate, offer)).await;
        taken.map_err(StorageError::Computation)?
    }

    fn take_offer(&self, live: &Arc<LiveEvent>, gate: GateId, offer: RecoveryOffer) -> Result<RecoveryWish, Refused> {
        let now = self.now();
        let recovering = Arc::clone(&live.recovering);
        // Threads that wait behind somebody's long way would be taken from everybody else.
        let mut work = match recovering.work.try_lock() {
            Ok(work) => work,
            Err(TryLockError::WouldBlock) => return Ok(RecoveryWish::Nothing),
            Err(TryLockError::Poisoned(_)) => return Err(StorageError::CutOff(live.id()).into()),
        };
        let taken = match offer {
            RecoveryOffer::Head { head } => self.take_head(live, &mut work, gate, &head),
            RecoveryOffer::Records { from, range } => self.take_records(live, &mut work, (gate, from), &range),
            RecoveryOffer::Delivered { since } => match work.as_mut() {
                Some(work) => work.recovery.delivered(gate, since).map_err(Failed::Refused),
                None => live.mark.heard(gate, since).map_err(|error| StorageError::from(error).into()),
            },
        };
        let stage = live.settle(&mut work, now)?;
        live.changed.send_modify(|count| *count = count.wrapping_add(1));
        taken?;
        let own = live.reached()?;
        Ok(work.as_ref().map_or(RecoveryWish::Nothing, |work| work.wish(gate, stage, &own, now)))
    }

    fn take_head(&self, live: &LiveEvent, work: &mut Option<Work>, gate: GateId, head: &[u8]) -> Result<(), Refused> {
        let now = self.now();
        let head = if head.is_empty() { None } else { Some(live.verify(head, now)?) };
        if let Some(head) = &head {
            live.begin_recovery(work, head, now)?;
        }
        let Some(work) = work else { return Ok(()) };
        let reaches = head.as_ref().map(VerifiedHead::reaches);
        let own = live.reached()?;
        work.recovery.shown(gate, reaches.as_ref(), own.epoch);
        let leads_on = |reaches: FollowedTo| reaches.epoch == own.epoch && reaches.length > own.length;
        if let Some(head) = head.filter(|head| leads_on(head.reaches()))
            && work.is_free_for(gate, now)
        {
            work.spool = Some(Spool::begin(gate, head, own, now));
        }
        // Known from now on, whatever becomes of this gate.
        if let Some(kept) = live.mark.kept().filter(|kept| lacks(&kept.to, work.recovery.signed())) {
            live.mark.keep(Reached { to: *work.recovery.signed(), ..kept }).map_err(StorageError::from)?;
        }
        Ok(())
    }

    fn take_records(
        &self,
        live: &Arc<LiveEvent>,
        work: &mut Option<Work>,
        (gate, from): (GateId, u64),
        range: &[u8],
    ) -> Result<(), Refused> {
        let Some(work) = work else { return Err(Failed::Refused(RecoveryRefusal::NotRecovering)) };
        let records = decode_range(range).map_err(|_no_detail| Failed::Refused(RecoveryRefusal::Range))?;
        let spool = work.spool.take_if(|spool| spool.is_of(gate));
        let spool = spool.ok_or(Failed::Refused(RecoveryRefusal::OtherRecords))?;
        match spool.take(from, records, self.now()).map_err(Failed::Refused)? {
            Spooled::More(spool) => work.spool = Some(*spool),
            Spooled::Whole(span) => self.enter_span(live, *span)?,
            Spooled::OtherHistory => {
                if work.recovery.apart(gate) {
                    let event = live.id();
                    tracing::error!(%event, %gate, "ALARM: records under our own head do not follow on this log");
                }
                return Err(Failed::Refused(RecoveryRefusal::DoNotFollow));
            }
        }
        Ok(())
    }

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

impl Work {
    /// Whether nobody else is bringing records just now.
    fn is_free_for(&self, gate: GateId, now: Timestamp) -> bool {
        self.spool.as_ref().is_none_or(|spool| spool.is_of(gate) || spool.is_stale(now))
    }

    fn wish(&self, gate: GateId, stage: Option<Stage>, own: &FollowedTo, now: Timestamp) -> RecoveryWish {
        let next = match &self.spool {
            Some(spool) if spool.is_of(gate) => spool.next(),
            Some(_) | None => own.length,
        };
        let wish = self.recovery.wish(gate, stage, next);
        let has_turn = self.spool.as_ref().is_some_and(|spool| spool.is_of(gate));
        if has_turn || !matches!(wish, RecoveryWish::Records { .. }) {
            return wish;
        }
        // Its head is not kept any more, or another gate has its turn.
        if self.is_free_for(gate, now) { RecoveryWish::Head } else { RecoveryWish::Nothing }
    }
}
