//! Which run of each gate asks here, so that a copied disk is noticed while the venue's line is down, too.
//!
//! Only the registrar can revoke a gate. This box refuses both machines until it is told, or is started anew.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use kido_shared::clock::Timestamp;
use kido_shared::copies::{HeardRun, Sighting};
use kido_shared::ids::GateId;
use kido_shared::journal_head::JournalHead;

#[derive(Debug, Clone, Copy)]
enum Run {
    Heard(HeardRun),
    Copied,
}

/// The newest run of every gate. Only gates that have signed get a place, so the event's own limit bounds it.
#[derive(Debug, Default)]
pub struct Runs(Mutex<BTreeMap<GateId, Run>>);

impl Runs {
    /// Takes note of what a verified request says, and tells what it means.
    pub fn hear(&self, gate: GateId, head: JournalHead, created: Timestamp, now: Timestamp) -> Sighting {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sighting = match known.get(&gate) {
            None => Sighting::Fits(HeardRun::first(head, now)),
            Some(Run::Heard(run)) => run.hear(head, created, now),
            Some(Run::Copied) => return Sighting::Copied,
        };
        match sighting {
            Sighting::Fits(run) => {
                known.insert(gate, Run::Heard(run));
            }
            Sighting::Copied => {
                tracing::error!(%gate, "ALARM: two machines run with this gate's keys; neither is answered any more");
                known.insert(gate, Run::Copied);
            }
            Sighting::LastWords => {}
        }
        sighting
    }
}
