//! What gates bring: a head, the records up to it, word that a whole journal was delivered. One gate's records at a time.

use std::sync::{Arc, TryLockError};

use kido_shared::clock::Timestamp;
use kido_shared::error_chain::Chain;
use kido_shared::feed::{FeedHead, FollowedTo, TrustedFeedKeys, VerifiedHead, decode_range};
use kido_shared::ids::{EventId, GateId};
use kido_shared::wire::v1::recovery::{RecoveryOffer, RecoveryWish};

use super::spool::{Spool, Spooled};
use super::{Refused, Work};
use crate::domain::recovery::{RecoveryRefusal, Stage, lacks};
use crate::keyring::Reached;
use crate::store::error::{Failed, StorageError};
use crate::store::live::LiveEvent;
use crate::store::{Store, reading};

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
