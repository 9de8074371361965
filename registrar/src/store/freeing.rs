//! Claims of a revoked gate that no admission has followed: counted for an operator, and set free by one.
//!
//! Nothing is written for each of them. That they are free stands with the gate, and in the feed for the arbiters of a
//! venue; each ticket's record is changed when somebody next claims it ([`reading::claims`]).

use kido_shared::claim::FreedClaims;
use kido_shared::feed::{ClaimsFreed, FeedRecord};
use kido_shared::ids::{EventId, GateId};
use kido_shared::policy::ArbiterHome;

use super::Store;
use super::error::Failed;
use super::reading::{self, Entries};
use crate::domain::gate::GateRefusal;
use crate::fact::{Fact, GateClaimsFreed};

/// How many claims of a gate no admission has followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldClaims {
    /// Those whose lane it has not said to have opened.
    pub unopened: u64,
    /// Those whose lane it has.
    pub opened: u64,
}

impl HeldClaims {
    const fn among(self, freed: FreedClaims) -> u64 {
        match freed {
            FreedClaims::Unopened => self.unopened,
            FreedClaims::All => self.unopened.saturating_add(self.opened),
        }
    }
}

/// What a gate holds, as operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateClaimsView {
    /// Which gate.
    pub gate: GateId,
    /// Whether its rights have ended.
    pub revoked: bool,
    /// Who decides claims, and so knows how many it holds.
    pub decided_by: ArbiterHome,
    /// What it holds, where this registrar decides.
    pub held: Option<HeldClaims>,
    /// What was set free.
    pub freed: Option<FreedClaims>,
}

fn view(from: &impl Entries, gate: GateId) -> Result<GateClaimsView, Failed<GateRefusal>> {
    let known = reading::gate(from, gate)?.ok_or(Failed::Refused(GateRefusal::UnknownGate))?;
    let decided_by = reading::policy(from)?.choices().arbiter.home.clone();
    let held = match decided_by {
        ArbiterHome::Registrar => Some(reading::held_claims(from, gate)?),
        ArbiterHome::Local | ArbiterHome::Venue => None,
    };
    Ok(GateClaimsView { gate, revoked: known.revoked, decided_by, held, freed: known.freed })
}

impl Store {
    /// What a gate holds that no admission has followed. Blocks: it looks at every ticket that was claimed.
    ///
    /// # Errors
    /// [`GateRefusal::UnknownGate`] or [`StorageError`](super::StorageError).
    pub fn gate_claims(&self, event: EventId, gate: GateId) -> Result<GateClaimsView, Failed<GateRefusal>> {
        view(&self.live(event)?.facts, gate)
    }

    /// Sets claims of a revoked gate free, those that no admission has followed. `told` is how many the operator was told
    /// of: whoever decides on fewer than there are decides on others. Repeating it changes nothing; what was freed is
    /// not taken back, since others may have entered since.
    ///
    /// # Errors
    /// [`GateRefusal::UnknownGate`], [`GateRefusal::InForce`], [`GateRefusal::ClaimsChanged`] or [`StorageError`](super::StorageError).
    pub async fn free_claims(
        &self,
        event: EventId,
        (gate, freed): (GateId, FreedClaims),
        told: u64,
    ) -> Result<GateClaimsView, Failed<GateRefusal>> {
        let live = self.live(event)?;
        let at = self.now();
        live.transact(move |changing| {
            let known = view(changing, gate)?;
            if !known.revoked {
                return Err(Failed::Refused(GateRefusal::InForce));
            }
            if known.freed >= Some(freed) {
                return Ok(known);
            }
            let held = known.held.map_or(0, |held| held.among(freed));
            if held > told {
                return Err(Failed::Refused(GateRefusal::ClaimsChanged { held, told }));
            }
            let record = changing.publish(&FeedRecord::ClaimsFreed(ClaimsFreed { gate, freed, at }))?;
            changing.append(&Fact::GateClaimsFreed(GateClaimsFreed { gate, freed, at, record }))?;
            tracing::warn!(%event, %gate, ?freed, told, "claims of a revoked gate were set free");
            Ok(GateClaimsView { freed: Some(freed), ..known })
        })
        .await
    }
}
