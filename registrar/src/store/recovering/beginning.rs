//! Where a recovery begins: at a start that finds the log older than what was signed, behind a head that a gate shows, behind
//! a cut; and where a start goes on with one.

use std::sync::PoisonError;

use kido_shared::clock::Timestamp;
use kido_shared::error_chain::Chain;
use kido_shared::feed::VerifiedHead;

use super::Work;
use crate::domain::recovery::{Recovery, Stage, begins, lacks};
use crate::keyring::Reached;
use crate::store::error::StorageError;
use crate::store::live::LiveEvent;
use crate::store::reading;

/// Looks at an event that was just opened: whether its log is what was signed, whether a cut is to be told to its end, and
/// whether a recovery was under way.
pub(in crate::store) fn go_on(live: &LiveEvent, now: Timestamp) {
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
    /// Begins where a head that we signed is ahead of the log.
    pub(super) fn begin_recovery(
        &self,
        work: &mut Option<Work>,
        head: &VerifiedHead,
        now: Timestamp,
    ) -> Result<(), StorageError> {
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
    pub(in crate::store) fn begin_after_cut(
        &self,
        work: &mut Option<Work>,
        now: Timestamp,
    ) -> Result<(), StorageError> {
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
}
