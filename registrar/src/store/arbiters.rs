//! Venue arbiters: added after their enrolment, revoked with the incarnation that they served.

use kido_shared::challenge::Origin;
use kido_shared::clock::Timestamp;
use kido_shared::feed::{ArbiterRecord, FeedRecord};
use kido_shared::ids::{ArbiterId, EventId};
use kido_shared::keys::ArbiterSubkeys;

use super::error::{Failed, StorageError};
use super::{Store, reading};
use crate::domain::arbiter::{Arbiter, ArbiterRefusal, after_revocation, goes_on_without, in_force, may_add};
use crate::fact::{ArbiterAdded, ArbiterRevoked, Fact, PolicyChanged};

/// A venue arbiter whose enrolment an operator has confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewArbiter {
    /// The id that it was given.
    pub arbiter: ArbiterId,
    /// Its Ed25519 key.
    pub verifying_key: [u8; 32],
    /// Where gates ask it.
    pub addresses: Vec<Origin>,
    /// Whether it shares its records with other boxes.
    pub shared: bool,
}

/// A venue arbiter as operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArbiterView {
    /// Its id.
    pub arbiter: ArbiterId,
    /// What gates know of it.
    pub record: ArbiterRecord,
    /// When it came.
    pub added_at: Timestamp,
}

impl ArbiterView {
    fn of(entry: Arbiter) -> Self {
        let Arbiter { verifying_key: _, record, added_at } = entry;
        Self { arbiter: record.arbiter, record, added_at }
    }
}

impl Store {
    /// Whether the event may have a venue arbiter there: asked before an enrolment is offered, decided by
    /// [`Self::add_arbiter`].
    ///
    /// # Errors
    /// [`ArbiterRefusal`] or [`StorageError`].
    pub fn may_add_arbiter(
        &self,
        event: EventId,
        (addresses, shared): (&[Origin], bool),
    ) -> Result<(), Failed<ArbiterRefusal>> {
        let live = self.live(event)?;
        let (policy, arbiters) = (reading::policy(&live.facts)?, reading::arbiters(&live.facts)?);
        may_add(&policy, (addresses, shared), &arbiters).map_err(Failed::Refused)
    }

    /// Makes an arbiter the event's, for the incarnation that its policy names now. Repeating it changes nothing.
    ///
    /// # Errors
    /// [`ArbiterRefusal`] or [`StorageError`].
    pub async fn add_arbiter(&self, event: EventId, new: NewArbiter) -> Result<ArbiterView, Failed<ArbiterRefusal>> {
        let live = self.live(event)?;
        let at = self.now();
        live.transact(move |changing| {
            let NewArbiter { arbiter, verifying_key, addresses, shared } = new;
            if let Some(known) = reading::arbiter(changing, arbiter)? {
                if known.verifying_key != verifying_key {
                    return Err(Failed::Refused(ArbiterRefusal::Exists));
                }
                return in_force(Some(known)).map(ArbiterView::of).map_err(Failed::Refused);
            }
            let policy = reading::policy(changing)?;
            may_add(&policy, (&addresses, shared), &reading::arbiters(changing)?).map_err(Failed::Refused)?;
            let name = &policy.choices().arbiter;
            let (cluster, epoch) = (name.cluster, name.epoch);
            let record = ArbiterRecord { arbiter, cluster, epoch, addresses, revoked: false, shared };
            changing.publish(&FeedRecord::Arbiter(record.clone()))?;
            let added = Arbiter { verifying_key, record, added_at: at };
            changing.append(&Fact::ArbiterAdded(ArbiterAdded { arbiter: added.clone() }))?;
            Ok(ArbiterView::of(added))
        })
        .await
    }

    /// Takes an arbiter out of the event and raises the incarnation, in one step. Repeating it changes nothing. Where
    /// other boxes decide on the same records, the incarnation stays and they go on.
    ///
    /// # Errors
    /// [`ArbiterRefusal::Unknown`] or [`StorageError`].
    pub async fn revoke_arbiter(
        &self,
        event: EventId,
        arbiter: ArbiterId,
    ) -> Result<ArbiterView, Failed<ArbiterRefusal>> {
        let live = self.live(event)?;
        let at = self.now();
        live.transact(move |changing| {
            let known = reading::arbiter(changing, arbiter)?.ok_or(Failed::Refused(ArbiterRefusal::Unknown))?;
            if known.record.revoked {
                return Ok(ArbiterView::of(known));
            }
            let record = ArbiterRecord { revoked: true, ..known.record.clone() };
            changing.publish(&FeedRecord::Arbiter(record.clone()))?;
            let goes_on = goes_on_without(arbiter, &reading::arbiters(changing)?);
            changing.append(&Fact::ArbiterRevoked(ArbiterRevoked { arbiter, at }))?;
            if goes_on {
                return Ok(ArbiterView::of(Arbiter { record, ..known }));
            }
            let policy =
                after_revocation(&reading::policy(changing)?).map_err(|_in_force| StorageError::Entry("a policy"))?;
            let record_at = Some(changing.publish(&FeedRecord::Policy(policy.clone()))?);
            let changed = PolicyChanged { policy, key: None, at, moving: None, record: record_at };
            changing.append(&Fact::PolicyChanged(changed))?;
            Ok(ArbiterView::of(Arbiter { record, ..known }))
        })
        .await
    }

    /// An arbiter that may speak for the event.
    ///
    /// # Errors
    /// [`ArbiterRefusal`] or [`StorageError`].
    pub fn arbiter(&self, event: EventId, arbiter: ArbiterId) -> Result<ArbiterView, Failed<ArbiterRefusal>> {
        let live = self.live(event)?;
        in_force(reading::arbiter(&live.facts, arbiter)?).map(ArbiterView::of).map_err(Failed::Refused)
    }

    /// All venue arbiters of an event, revoked ones included.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn arbiters(&self, event: EventId) -> Result<Vec<ArbiterView>, StorageError> {
        let arbiters = reading::arbiters(&self.live(event)?.facts)?;
        Ok(arbiters.into_iter().map(ArbiterView::of).collect())
    }

    /// What an enrolled venue arbiter is given, sealed to it.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn arbiter_subkeys(&self, event: EventId) -> Result<ArbiterSubkeys, StorageError> {
        Ok(self.live(event)?.keys.arbiter.clone())
    }
}
