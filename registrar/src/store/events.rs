//! Events and their policies.

use std::sync::{Arc, PoisonError};

use kido_shared::feed::{FeedRecord, FollowedTo};
use kido_shared::ids::{Epoch, EventId};
use kido_shared::keys::EventKey;
use kido_shared::policy::EventPolicy;

use super::error::{Failed, StorageError};
use super::live::LiveEvent;
use super::reading::EventEntry;
use super::tickets::SeatCounts;
use super::{Place, Store, folders, reading};
use crate::domain::event::{EventRefusal, may_change, may_create};
use crate::fact::{EventCreated, Fact, PolicyChanged};
use crate::keyring::{KeyringError, RetentionWeek, WeekHold, WrappedEventKey};

/// An event as operators see it.
#[derive(Debug, Clone, PartialEq)]
pub struct EventView {
    /// Its id.
    pub event: EventId,
    /// Its choices.
    pub policy: EventPolicy,
    /// The generation of its feed.
    pub epoch: Epoch,
    /// Records in its feed.
    pub feed_length: u64,
    /// How many tickets are in which state.
    pub counts: SeatCounts,
    /// Whether its tickets are still to follow it to another date.
    pub moving: bool,
    /// Whether it is got back from its gates after a restore.
    pub recovering: bool,
}

/// Whether an event is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventHealth {
    /// Which event.
    pub event: EventId,
    /// Whether its store answers.
    pub served: bool,
    /// Why not, for an operator.
    pub detail: Option<String>,
}

impl LiveEvent {
    pub(super) fn view(&self) -> Result<EventView, StorageError> {
        let EventEntry { policy, moving, .. } = reading::event(&self.facts)?.ok_or(StorageError::Entry("an event"))?;
        let start = || FollowedTo::start(self.id(), Epoch::FIRST);
        let reached = reading::feed(&self.facts)?.unwrap_or_else(start);
        let counts = reading::counts(&self.facts)?;
        let (epoch, feed_length, moving) = (reached.epoch, reached.length, moving.is_some());
        let recovering = self.recovering.stage().is_some();
        Ok(EventView { event: self.id(), policy, epoch, feed_length, counts, moving, recovering })
    }
}

/// Identities run out in good order; everything else is the keyring's failure.
pub(super) fn of_keyring(error: KeyringError) -> Failed<EventRefusal> {
    if matches!(error, KeyringError::NoSpareIdentity) {
        Failed::Refused(EventRefusal::NoSpareIdentity)
    } else {
        Failed::Storage(StorageError::Keyring(error))
    }
}

impl Store {
    /// Makes an event with keys of its own.
    ///
    /// # Errors
    /// [`EventRefusal`] or [`StorageError`].
    pub async fn create_event(&self, policy: EventPolicy) -> Result<EventView, Failed<EventRefusal>> {
        may_create(&policy, self.now()).map_err(Failed::Refused)?;
        let store = self.clone();
        let made = tokio::task::spawn_blocking(move || store.make_event(policy)).await;
        made.map_err(StorageError::Computation)?
    }

    /// Blocks: files of the keyring and a new store.
    fn make_event(&self, policy: EventPolicy) -> Result<EventView, Failed<EventRefusal>> {
        let now = self.now();
        let mut random = self.random();
        let keyring = &self.shared.keyring;
        let identity = keyring.take_identity(now).map_err(of_keyring)?;
        let event = identity.event();
        let key = EventKey::generate(&mut random);
        // Until it is in the list of events, nobody sees that its week is needed.
        let _week = keyring.hold(policy.choices().retention_at).map_err(of_keyring)?;
        let wrapped = keyring.wrap(event, &key, policy.choices().retention_at, &mut random);
        let wrapped = wrapped.map_err(of_keyring)?;
        let live = folders::create(self, identity, &key)?;
        let record = FeedRecord::Policy(policy.clone());
        let created = Fact::EventCreated(EventCreated { policy, key: wrapped, at: now });
        let keys = Arc::clone(&live.keys);
        let pending = live.facts.transact(move |transaction| {
            let mut changing = super::changing::Changing::begin(transaction, &keys)?;
            changing.append(&created)?;
            changing.publish(&record)?;
            changing.finish().map_err(Failed::<EventRefusal>::from)
        });
        pending.wait()?;
        let view = live.view()?;
        let mut events = self.shared.events.write().unwrap_or_else(PoisonError::into_inner);
        events.insert(event, Place::Live(Arc::new(live)));
        tracing::info!(%event, rehearsal = view.policy.is_rehearsal(), "event created");
        Ok(view)
    }

    /// Puts another policy in force; gates learn it from the feed. It was made from the one `before`: where somebody
    /// changed that meanwhile, theirs stays.
    ///
    /// # Errors
    /// [`EventRefusal`] or [`StorageError`].
    pub async fn change_policy(
        &self,
        event: EventId,
        before: EventPolicy,
        policy: EventPolicy,
    ) -> Result<EventView, Failed<EventRefusal>> {
        let live = self.live(event)?;
        let now = self.now();
        let (rewrapped, _week) = self.rewrapped(&live, &policy).await?;
        live.transact(move |changing| {
            let old = reading::policy(changing)?;
            if old != before {
                return Err(Failed::Refused(EventRefusal::ChangedMeanwhile));
            }
            may_change(&old, &policy, reading::so_far(changing)?, now).map_err(Failed::Refused)?;
            if old == policy {
                return Ok(());
            }
            let record = Some(changing.publish(&FeedRecord::Policy(policy.clone()))?);
            let changed = PolicyChanged { policy, key: rewrapped, at: now, moving: None, record };
            changing.append(&Fact::PolicyChanged(changed))?;
            Ok(())
        })
        .await?;
        Ok(live.view()?)
    }

    /// [`Self::rewrap`] on a thread that may wait for files, with the hold on that week: kept until the answer is stored.
    pub(super) async fn rewrapped(
        &self,
        live: &Arc<LiveEvent>,
        policy: &EventPolicy,
    ) -> Result<(Option<WrappedEventKey>, WeekHold), Failed<EventRefusal>> {
        let (store, live, policy) = (self.clone(), Arc::clone(live), policy.clone());
        let wrapping = move || {
            let week = store.shared.keyring.hold(policy.choices().retention_at).map_err(of_keyring)?;
            Ok((store.rewrap(&live, &policy)?, week))
        };
        tokio::task::spawn_blocking(wrapping).await.map_err(StorageError::Computation)?
    }

    /// The event key under another week's key, where the retention date moves to another week. Blocks: files of the keyring.
    pub(super) fn rewrap(
        &self,
        live: &LiveEvent,
        policy: &EventPolicy,
    ) -> Result<Option<WrappedEventKey>, Failed<EventRefusal>> {
        let old = reading::event(&live.facts)?.ok_or(StorageError::Entry("an event"))?;
        let retention_at = policy.choices().retention_at;
        if RetentionWeek::of(retention_at) == Some(old.key.week) {
            return Ok(None);
        }
        let keyring = &self.shared.keyring;
        let wrapped = keyring
            .unwrap(live.id(), &old.key)
            .and_then(|key| keyring.wrap(live.id(), &key, retention_at, &mut self.random()));
        wrapped.map(Some).map_err(of_keyring)
    }

    /// Every event that is served, in the order of their ids.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn events(&self) -> Result<Vec<EventView>, StorageError> {
        self.all_live().iter().map(|live| live.view()).collect()
    }

    /// The ids of all events that are served, whether their stores can be read or not.
    #[must_use]
    pub fn event_ids(&self) -> Vec<EventId> {
        self.all_live().iter().map(|live| live.id()).collect()
    }

    /// One event.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn event(&self, event: EventId) -> Result<EventView, StorageError> {
        self.live(event)?.view()
    }

    /// An event's choices alone.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn policy(&self, event: EventId) -> Result<EventPolicy, StorageError> {
        Ok(reading::policy(&self.live(event)?.facts)?)
    }

    /// Whether each event's store answers.
    #[must_use]
    pub fn health(&self) -> Vec<EventHealth> {
        let events = self.shared.events.read().unwrap_or_else(PoisonError::into_inner);
        let health = events.iter().filter_map(|(event, place)| {
            let detail = match place {
                Place::Live(live) => live.view().err().map(|error| error.to_string()),
                Place::Broken(error) => Some(error.to_string()),
                Place::Forgotten(_) => return None,
            };
            Some(EventHealth { event: *event, served: detail.is_none(), detail })
        });
        health.collect()
    }
}
