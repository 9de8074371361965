//! One event that is served: its facts, its keys, its signer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ed25519_dalek::VerifyingKey;
use kido_shared::claim::rate::Rates;
use kido_shared::clock::Timestamp;
use kido_shared::feed::{FollowedTo, RecordCipher};
use kido_shared::ids::{Epoch, EventId};
use kido_shared::keys::{ArbiterSubkeys, EventKey, GateSubkeys, OrderKey};
use kido_store::Stored;
use tokio::sync::watch;

use super::changing::Changing;
use super::error::{Failed, StorageError};
use super::reading;
use super::recovering::{Recovering, Writes};
use crate::domain::event::{EventRefusal, may_forget};
use crate::keyring::ReachedMark;
use crate::signer::HeadSigner;

/// What is derived from the event key, once.
#[derive(Debug)]
pub(crate) struct EventKeys {
    pub(crate) event: EventId,
    pub(crate) gate: GateSubkeys,
    pub(crate) arbiter: ArbiterSubkeys,
    pub(crate) order: OrderKey,
    /// Of the epoch that was asked for last: a derivation is four more hashes.
    cipher: Mutex<RecordCipher>,
}

impl EventKeys {
    pub(crate) fn derive(event: EventId, epoch: Epoch, key: &EventKey) -> Self {
        let gate = key.for_gate();
        let cipher = RecordCipher::new(&gate.record, event, epoch);
        Self { event, gate, arbiter: key.for_arbiter(), order: key.order(), cipher: Mutex::new(cipher) }
    }

    /// What seals and opens the records of an epoch.
    pub(crate) fn cipher(&self, epoch: Epoch) -> RecordCipher {
        let mut cipher = self.cipher.lock().unwrap_or_else(PoisonError::into_inner);
        if cipher.epoch() != epoch {
            *cipher = RecordCipher::new(&self.gate.record, self.event, epoch);
        }
        cipher.clone()
    }
}

/// An event that is served.
#[derive(Debug)]
pub(crate) struct LiveEvent {
    pub(crate) keys: Arc<EventKeys>,
    pub(crate) facts: kido_store::Store,
    pub(crate) signer: HeadSigner,
    /// The root key, under which feed keys are believed.
    pub(super) root: VerifyingKey,
    /// Set while the event is being deleted and once it is: its feed grows no more.
    pub(super) ended: Arc<AtomicBool>,
    /// What the keyring knows of how far its feed was ever signed.
    pub(super) mark: ReachedMark,
    /// What is waited for where this log came back from a backup.
    pub(super) recovering: Arc<Recovering>,
    /// How fast each gate claims. In memory: whoever can make the registrar start anew has more than a gate's key.
    pub(super) rates: Mutex<Rates>,
    /// Held by whoever makes, destroys or changes the feed key: log and keyring have to agree on it between two of them.
    pub(super) feed_key: tokio::sync::Mutex<()>,
    /// Counts what was stored, so that whoever shows something of the event knows when to look again.
    pub(crate) changed: watch::Sender<u64>,
}

impl LiveEvent {
    pub(crate) fn id(&self) -> EventId {
        self.keys.event
    }

    /// Keeps how far the feed reaches, where that may be told. For a thread that may wait for the disk.
    pub(super) fn note_reached(&self, now: Timestamp) -> Result<(), StorageError> {
        self.mark.note(self.may_be_told()?, now);
        Ok(())
    }

    /// How far the feed reaches that may be told: never a part of an epoch that a cut has begun and not told to its end.
    ///
    /// # Errors
    /// [`StorageError::Recovering`].
    pub(super) fn may_be_told(&self) -> Result<FollowedTo, StorageError> {
        loop {
            let before = self.reached()?;
            self.recovering.may_tell(self)?;
            // A cut that begins behind the question shows by its epoch; one that ended before it, by its whole length.
            let reached = self.reached()?;
            if reached.epoch == before.epoch {
                return Ok(reached);
            }
        }
    }

    /// How fast each gate claims.
    pub(super) fn rates(&self) -> MutexGuard<'_, Rates> {
        self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One transaction: what `decide` appends and publishes is durable together before the answer.
    pub(crate) async fn transact<T, R, F>(&self, decide: F) -> Result<T, Failed<R>>
    where
        T: Send + 'static,
        R: std::error::Error + Send + 'static,
        F: FnOnce(&mut Changing<'_, '_>) -> Result<T, Failed<R>> + Send + 'static,
    {
        self.transact_as(Writes::Anything, decide).await
    }

    /// The same for what decides whether somebody enters: it waits for the admissions that only gates know, too.
    pub(crate) async fn transact_entry<T, R, F>(&self, decide: F) -> Result<T, Failed<R>>
    where
        T: Send + 'static,
        R: std::error::Error + Send + 'static,
        F: FnOnce(&mut Changing<'_, '_>) -> Result<T, Failed<R>> + Send + 'static,
    {
        self.transact_as(Writes::Entry, decide).await
    }

    async fn transact_as<T, R, F>(&self, writes: Writes, decide: F) -> Result<T, Failed<R>>
    where
        T: Send + 'static,
        R: std::error::Error + Send + 'static,
        F: FnOnce(&mut Changing<'_, '_>) -> Result<T, Failed<R>> + Send + 'static,
    {
        let (keys, ended, recovering) = (Arc::clone(&self.keys), Arc::clone(&self.ended), Arc::clone(&self.recovering));
        let pending = self.facts.transact(move |transaction| {
            if ended.load(Ordering::Acquire) {
                return Err(Failed::Storage(StorageError::Forgotten(keys.event)));
            }
            let mut changing = Changing::begin(transaction, &keys)?;
            recovering.may_write(writes, keys.event, changing.reached())?;
            let decided = decide(&mut changing)?;
            changing.finish()?;
            Ok(decided)
        });
        let stored = pending.await.map(Stored::into_inner).map_err(Failed::from)?;
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
        Ok(stored)
    }

    /// Lets no further transaction in, where the event may be deleted; gives the end of its feed. Blocks.
    pub(super) fn end(&self, now: Timestamp) -> Result<FollowedTo, Failed<EventRefusal>> {
        let (keys, ended) = (Arc::clone(&self.keys), Arc::clone(&self.ended));
        let pending = self.facts.transact(move |transaction| {
            may_forget(&reading::policy(transaction)?, now).map_err(Failed::Refused)?;
            let start = || FollowedTo::start(keys.event, Epoch::FIRST);
            let reached = reading::feed(transaction)?.unwrap_or_else(start);
            ended.store(true, Ordering::Release);
            Ok(reached)
        });
        let ended = pending.wait().map(Stored::into_inner).map_err(Failed::from);
        if ended.is_err() {
            self.go_on();
        }
        ended
    }

    /// Takes [`Self::end`] back: nothing of the event was destroyed.
    pub(super) fn go_on(&self) {
        self.ended.store(false, Ordering::Release);
    }
}
