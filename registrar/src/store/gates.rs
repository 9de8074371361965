//! Gates: added after their enrolment, revoked when they are lost.

use ed25519_dalek::VerifyingKey;
use kido_shared::clock::Timestamp;
use kido_shared::feed::{FeedKeyCertificate, FeedRecord};
use kido_shared::ids::{Epoch, EventId, GateId};
use kido_shared::keys::GateSubkeys;
use kido_shared::ticket::Zone;

use super::error::{Failed, StorageError};
use super::live::LiveEvent;
use super::{Store, reading};
use crate::domain::gate::{Gate, GateRefusal, in_force, may_add};
use crate::domain::hand_over::Endings;
use crate::fact::{Fact, GateAdded, GateHeard, GateRevoked};

/// A gate whose enrolment an operator has confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGate {
    /// The id that it was given.
    pub gate: GateId,
    /// Its Ed25519 key.
    pub verifying_key: [u8; 32],
    /// The part of the venue that it opens.
    pub zone: Zone,
    /// What is written over the entrance.
    pub entrance: Zone,
}

/// A gate as operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateView {
    /// Its id.
    pub gate: GateId,
    /// Its Ed25519 key.
    pub verifying_key: [u8; 32],
    /// The part of the venue that it opens.
    pub zone: Zone,
    /// What is written over the entrance.
    pub entrance: Zone,
    /// Whether it was revoked.
    pub revoked: bool,
    /// Whether it was revoked because two machines ran with its keys.
    pub copied: bool,
    /// When it came.
    pub added_at: Timestamp,
}

impl GateView {
    fn of(gate: GateId, entry: Gate) -> Self {
        let Gate { verifying_key, zone, entrance, revoked, added_at, record_at: _, copied, heard: _, freed: _ } = entry;
        Self { gate, verifying_key, zone, entrance, revoked, copied, added_at }
    }
}

/// Whether a gate that has so many records, up to a head of that moment, may have others than ours.
fn is_of_another_history(
    live: &LiveEvent,
    (epoch, length): (Epoch, u64),
    head_issued_at: Timestamp,
) -> Result<bool, StorageError> {
    let recovered_at = live.mark.kept().and_then(|kept| kept.recovered_at);
    let own = live.reached()?;
    Ok(recovered_at.is_some_and(|ended| head_issued_at <= ended) || (epoch, length) > (own.epoch, own.length))
}

impl Store {
    /// Whether the event may have one more gate: asked before an enrolment is offered, decided by [`Self::add_gate`].
    ///
    /// # Errors
    /// [`GateRefusal`] or [`StorageError`].
    pub fn may_add_gate(&self, event: EventId, zone: &Zone) -> Result<(), Failed<GateRefusal>> {
        let live = self.live(event)?;
        let entry = reading::event(&live.facts)?.ok_or(StorageError::Entry("an event"))?;
        may_add(&entry.policy, &entry.endings, zone, &reading::gates(&live.facts)?).map_err(Failed::Refused)
    }

    /// Makes a gate part of the event. Repeating it with the same key changes nothing.
    ///
    /// # Errors
    /// [`GateRefusal`] or [`StorageError`].
    pub async fn add_gate(&self, event: EventId, new: NewGate) -> Result<GateView, Failed<GateRefusal>> {
        let live = self.live(event)?;
        let at = self.now();
        live.transact(move |changing| {
            if let Some(known) = reading::gate(changing, new.gate)? {
                let same = known.verifying_key == new.verifying_key && known.zone == new.zone;
                return match known {
                    Gate { revoked: true, .. } => Err(Failed::Refused(GateRefusal::Revoked)),
                    known if same => Ok(GateView::of(new.gate, known)),
                    _other => Err(Failed::Refused(GateRefusal::Exists)),
                };
            }
            let event = reading::event(changing)?.ok_or(StorageError::Entry("an event"))?;
            let gates = reading::gates(changing)?;
            may_add(&event.policy, &event.endings, &new.zone, &gates).map_err(Failed::Refused)?;
            let NewGate { gate, verifying_key, zone, entrance } = new;
            let (record_at, heard) = (changing.next_record(), event.endings.newest());
            let (revoked, copied, added_at, freed) = (false, false, at, None);
            let entry = Gate { verifying_key, zone, entrance, revoked, added_at, record_at, copied, heard, freed };
            let record = changing.publish(&FeedRecord::Gate(entry.record(gate)))?;
            let (zone, entrance) = (entry.zone.clone(), entry.entrance.clone());
            changing.append(&Fact::GateAdded(GateAdded { gate, verifying_key, zone, entrance, at, record }))?;
            Ok(GateView::of(gate, entry))
        })
        .await
    }

    /// Keeps that a gate knows of the end of its own deciding, where it had to be waited for.
    ///
    /// It has so much of the feed, up to a head that was signed then, and nothing left that others have to hear of: what it
    /// decided by itself before is known here, too. Where the event was got back with records lost, other records have the
    /// numbers of those: a head from before that speaks of them, and so does a feed that is longer than ours.
    ///
    /// # Errors
    /// [`GateRefusal`] or [`StorageError`].
    pub async fn gate_has_heard(
        &self,
        event: EventId,
        gate: GateId,
        (epoch, length): (Epoch, u64),
        head_issued_at: Timestamp,
    ) -> Result<(), Failed<GateRefusal>> {
        let live = self.live(event)?;
        let unheard = move |from: &Gate, endings: &Endings| {
            endings.newest().filter(|ending| from.heard < Some(*ending) && ending.is_within(epoch, length))
        };
        // Every report passes here; hardly any has something to be kept.
        let entry = reading::event(&live.facts)?.ok_or(StorageError::Entry("an event"))?;
        if entry.endings.newest().is_none() {
            return Ok(());
        }
        let known = in_force(reading::gate(&live.facts, gate)?).map_err(Failed::Refused)?;
        if unheard(&known, &entry.endings).is_none() {
            return Ok(());
        }
        if is_of_another_history(&live, (epoch, length), head_issued_at)? {
            tracing::debug!(%event, %gate, "a gate reports about a history that was given up");
            return Ok(());
        }
        let at = self.now();
        live.transact(move |changing| {
            let entry = reading::event(changing)?.ok_or(StorageError::Entry("an event"))?;
            let known = in_force(reading::gate(changing, gate)?).map_err(Failed::Refused)?;
            if let Some(ending) = unheard(&known, &entry.endings) {
                changing.append(&Fact::GateHeard(GateHeard { gate, ending, at }))?;
            }
            Ok(())
        })
        .await
    }

    /// Takes a gate out of the event. Repeating it changes nothing.
    ///
    /// # Errors
    /// [`GateRefusal::UnknownGate`] or [`StorageError`].
    pub async fn revoke_gate(&self, event: EventId, gate: GateId) -> Result<GateView, Failed<GateRefusal>> {
        self.revoke(event, gate, false).await
    }

    /// The same, because two machines ran with its keys.
    ///
    /// # Errors
    /// [`GateRefusal::UnknownGate`] or [`StorageError`].
    pub async fn revoke_copied_gate(&self, event: EventId, gate: GateId) -> Result<GateView, Failed<GateRefusal>> {
        self.revoke(event, gate, true).await
    }

    async fn revoke(&self, event: EventId, gate: GateId, copied: bool) -> Result<GateView, Failed<GateRefusal>> {
        let live = self.live(event)?;
        let at = self.now();
        live.transact(move |changing| {
            let known = reading::gate(changing, gate)?.ok_or(Failed::Refused(GateRefusal::UnknownGate))?;
            let revoked = Gate { revoked: true, copied: copied || known.copied, ..known.clone() };
            if !known.revoked {
                let record = changing.publish(&FeedRecord::Gate(revoked.record(gate)))?;
                changing.append(&Fact::GateRevoked(GateRevoked {
                    gate,
                    at,
                    record,
                    copied: copied.then_some(true),
                }))?;
            }
            Ok(GateView::of(gate, revoked))
        })
        .await
    }

    /// A gate that may speak for the event: what a signed request is verified with.
    ///
    /// # Errors
    /// [`GateRefusal::UnknownGate`], [`GateRefusal::Revoked`] or [`StorageError`].
    pub fn gate(&self, event: EventId, gate: GateId) -> Result<GateView, Failed<GateRefusal>> {
        let live = self.live(event)?;
        let entry = in_force(reading::gate(&live.facts, gate)?).map_err(Failed::Refused)?;
        Ok(GateView::of(gate, entry))
    }

    /// A gate of the event, revoked or not: what a signature is verified with before anything is said about it.
    ///
    /// # Errors
    /// [`GateRefusal::UnknownGate`] or [`StorageError`].
    pub fn known_gate(&self, event: EventId, gate: GateId) -> Result<GateView, Failed<GateRefusal>> {
        let known = reading::gate(&self.live(event)?.facts, gate)?.ok_or(Failed::Refused(GateRefusal::UnknownGate))?;
        Ok(GateView::of(gate, known))
    }

    /// All gates of an event, revoked ones included.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn gates(&self, event: EventId) -> Result<Vec<GateView>, StorageError> {
        let gates = reading::gates(&self.live(event)?.facts)?;
        Ok(gates.into_iter().map(|(gate, entry)| GateView::of(gate, entry)).collect())
    }

    /// What an enrolled gate is given, sealed to it.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn gate_subkeys(&self, event: EventId) -> Result<GateSubkeys, StorageError> {
        Ok(self.live(event)?.keys.gate.clone())
    }

    /// The root key's word for the event's feed key.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn feed_key_certificate(&self, event: EventId) -> Result<FeedKeyCertificate, StorageError> {
        match self.live(event) {
            Ok(live) => Ok(live.signer.certificate()),
            Err(StorageError::Forgotten(_)) => Ok(self.last_word(event)?.certificate()),
            Err(error) => Err(error),
        }
    }

    /// The root key under which all of this holds.
    #[must_use]
    pub fn root_key(&self) -> &VerifyingKey {
        self.shared.keyring.root()
    }
}
