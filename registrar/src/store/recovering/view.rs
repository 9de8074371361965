//! How far an event has been got back, for people.

use kido_shared::clock::Timestamp;
use kido_shared::feed::FollowedTo;
use kido_shared::ids::{EventId, GateId};

use super::Work;
use crate::domain::recovery::{Brought, Stage};
use crate::store::error::StorageError;
use crate::store::live::LiveEvent;

/// How far an event has been got back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryView {
    /// Which event.
    pub event: EventId,
    /// What is waited for; nothing on an ordinary day.
    pub stage: Option<Stage>,
    /// Since when.
    pub since: Option<Timestamp>,
    /// How far the feed reaches here.
    pub reached: FollowedTo,
    /// How far it was signed.
    pub signed: FollowedTo,
    /// The gates in force, and what each has brought.
    pub gates: Vec<(GateId, Brought)>,
}

impl RecoveryView {
    pub(super) fn of(live: &LiveEvent, work: Option<&Work>) -> Result<Self, StorageError> {
        let reached = live.reached()?;
        let recovery = work.map(|work| &work.recovery);
        let mut gates = Vec::new();
        if let Some(recovery) = recovery {
            gates.extend(live.gates_in_force()?.into_iter().map(|gate| (gate, recovery.brought(gate, &reached))));
        }
        Ok(Self {
            event: live.id(),
            stage: live.recovering.stage(),
            since: recovery.map(crate::domain::recovery::Recovery::since),
            reached,
            signed: recovery.map_or(reached, |recovery| *recovery.signed()),
            gates,
        })
    }
}
