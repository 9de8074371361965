//! Which run of each gate spoke last, and where its journal stood. In memory: two machines with one disk go on speaking, so a
//! restart only has to hear both once more.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use kido_shared::clock::Timestamp;
use kido_shared::copies::{HeardRun, Sighting};
use kido_shared::ids::{EventId, GateId};
use kido_shared::journal_head::JournalHead;

/// The newest run of every gate. Only verified requests of gates in force get a place, so the events' own limits bound it.
#[derive(Debug, Default)]
pub struct Runs(Mutex<BTreeMap<(EventId, GateId), HeardRun>>);

impl Runs {
    /// Takes note of what a verified request says, and tells what it means.
    pub fn hear(
        &self,
        (event, gate): (EventId, GateId),
        head: JournalHead,
        created: Timestamp,
        now: Timestamp,
    ) -> Sighting {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sighting = match known.get(&(event, gate)) {
            None => Sighting::Fits(HeardRun::first(head, now)),
            Some(run) => run.hear(head, created, now),
        };
        if let Sighting::Fits(run) = sighting {
            known.insert((event, gate), run);
        }
        sighting
    }

    /// Takes note of what a verified journal file says that somebody has carried here, and tells what it means.
    pub fn hear_carried(&self, (event, gate): (EventId, GateId), head: JournalHead, now: Timestamp) -> Sighting {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sighting = match known.get(&(event, gate)) {
            None => Sighting::Fits(HeardRun::first(head, now)),
            Some(run) => run.carried(head, now),
        };
        if let Sighting::Fits(run) = sighting {
            known.insert((event, gate), run);
        }
        sighting
    }

    /// Forgets a gate that has no rights any more.
    pub fn forget(&self, event: EventId, gate: GateId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&(event, gate));
    }

    /// Forgets an event that is gone.
    pub fn forget_event(&self, event: EventId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|(of, _gate), _run| *of != event);
    }
}
