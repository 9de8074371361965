//! Conflicts of an event: two admissions of one entry.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use kido_shared::clock::Timestamp;
use kido_shared::ids::{EventId, GateId, TicketId};
use kido_web::language::Language;

use super::entries::{Entries, clock};
use crate::error::AppError;
use crate::state::AppState;
use crate::store::EventView;
use crate::web::japan_time::JapanTime;

/// Conflicts that are shown, the newest first; the others are in the count.
const CONFLICTS_SHOWN: usize = 20;

/// Two admissions of one entry.
#[derive(Debug)]
pub(super) struct Met {
    pub(super) when: String,
    pub(super) ticket: String,
    pub(super) places: String,
    /// Whether one of the two had ended: nobody needs to look.
    pub(super) settled: bool,
}

/// A conflict with its two admissions, as far as they are known.
#[derive(Debug)]
pub(super) struct Collided {
    found_at: Timestamp,
    ticket: TicketId,
    admissions: [Option<(GateId, Timestamp)>; 2],
    settled: bool,
}

/// Conflicts as they are shown, read again when an event has more of them, or more that are settled: nothing
/// else of conflicts and admissions changes.
#[derive(Debug, Default)]
pub(in crate::web::console) struct Conflicts(Mutex<BTreeMap<EventId, KnownConflicts>>);

/// How many an event had when they were read, how many of them settled, and the newest.
type KnownConflicts = ((u64, u64), Arc<Vec<Collided>>);

impl Conflicts {
    pub(super) fn of(&self, app: &AppState, view: &EventView) -> Result<Arc<Vec<Collided>>, AppError> {
        let (event, count) = (view.event, (view.counts.conflicts, view.counts.settled));
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&event).cloned();
        if let Some((_count, collided)) = known.filter(|(known, _collided)| *known == count) {
            return Ok(collided);
        }
        let collided = Arc::new(collided(app, event)?);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Asked under the lock: an event that was deleted while it was read is forgotten after this, or not kept.
        app.store.policy(event)?;
        known.insert(event, (count, Arc::clone(&collided)));
        drop(known);
        Ok(collided)
    }

    /// Forgets a deleted event.
    pub(in crate::web::console) fn forget(&self, event: EventId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&event);
    }
}

fn collided(app: &AppState, event: EventId) -> Result<Vec<Collided>, AppError> {
    let conflicts = app.store.conflicts(event)?;
    let newest = conflicts.into_iter().take(CONFLICTS_SHOWN);
    let admission = |id| -> Result<_, AppError> {
        Ok(app.store.admission(event, id)?.map(|admission| (admission.gate, admission.at)))
    };
    let collided = newest.map(|view| {
        let (conflict, settled) = (view.conflict, view.settled_at.is_some());
        let admissions = [admission(conflict.first)?, admission(conflict.second)?];
        Ok(Collided { found_at: conflict.found_at, ticket: conflict.ticket, admissions, settled })
    });
    collided.collect()
}

pub(super) fn met(collided: &[Collided], entries: &Entries, language: Language) -> Vec<Met> {
    let place = |admission: &Option<(GateId, Timestamp)>| match admission {
        Some((gate, at)) => {
            let entrance = entries.entrance_of.get(gate).map_or("–", String::as_str);
            format!("{entrance} {}", clock(*at, language))
        }
        None => "–".to_owned(),
    };
    let met = collided.iter().map(|one| Met {
        when: JapanTime::at(one.found_at, language).in_short(),
        ticket: one.ticket.to_string(),
        places: one.admissions.each_ref().map(place).join(" / "),
        settled: one.settled,
    });
    met.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::tests::Served;

    #[tokio::test]
    async fn nothing_is_kept_of_the_conflicts_of_a_deleted_event() {
        let served = Served::new();
        let event = served.event().await;
        let conflicts = Conflicts::default();
        let view = served.app.store.event(event).unwrap();
        conflicts.of(&served.app, &view).unwrap();
        conflicts.forget(event);
        assert!(conflicts.0.lock().unwrap().is_empty());
        served.registrar.clock.set(crate::testing::draft().retention_at);
        served.registrar.store.forget_event(event).await.unwrap();
        assert!(conflicts.of(&served.app, &view).is_err(), "a page that was late");
        assert!(conflicts.0.lock().unwrap().is_empty());
    }
}
