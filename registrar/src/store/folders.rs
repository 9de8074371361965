//! Opening and closing: a folder for each event, one that fails stops itself alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use ed25519_dalek::VerifyingKey;
use kido_shared::claim::rate::{Paces, Rates};
use kido_shared::clock::Clock;
use kido_shared::error_chain::Chain;
use kido_shared::ids::{Epoch, EventId};
use kido_shared::keys::EventKey;
use kido_store::{HeldFolder, Options, StoreIdentity};
use tokio::sync::watch;

use super::error::StorageError;
use super::live::{EventKeys, LiveEvent};
use super::projection::EventProjection;
use super::{Place, Shared, Store, forgetting, reading, recovering};
use crate::entropy::Entropy;
use crate::keyring::{FeedIdentity, ForgottenEvent, Keyring, KeyringError, Reached, ReachedMark};
use crate::signer::HeadSigner;

/// What a store is opened with.
#[derive(Debug)]
pub struct StoreParts<C> {
    /// The folder that holds a folder for each event; made where it is missing.
    pub folder: PathBuf,
    /// The keyring, from elsewhere.
    pub keyring: Keyring,
    /// The time.
    pub clock: Arc<C>,
    /// Random bytes.
    pub entropy: Entropy,
    /// Memory for each event's index, in bytes.
    pub cache_bytes: u64,
}

/// Why no event at all can be served.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder of all events.
    #[error("{} cannot be read", folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// It is not known which events were deleted, and none of them may come back.
    #[error("the records of deleted events cannot be read")]
    Forgotten(#[source] KeyringError),
}

/// Why one event is not served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotOpened {
    /// Its log or its index.
    #[error("its store does not open")]
    Store(#[source] StorageError),
    /// The keyring.
    #[error("its keys are not in the keyring")]
    Keyring(#[source] KeyringError),
}

impl Store {
    /// Opens every event. Blocks: logs are verified from their first byte.
    ///
    /// An event whose store or key fails is logged, listed by [`Self::health`] and not served; the others are.
    ///
    /// # Errors
    /// [`OpenError`] where the folder itself or the records of deleted events cannot be read.
    pub fn open<C: Clock + 'static>(parts: StoreParts<C>) -> Result<Self, OpenError> {
        let StoreParts { folder, keyring, clock, entropy, cache_bytes } = parts;
        let found = event_folders(&folder).map_err(|source| OpenError::Folder { folder: folder.clone(), source })?;
        let forgotten = keyring.forgotten().map_err(OpenError::Forgotten)?;
        let places = forgotten.iter().map(|(event, record)| (*event, forgetting::place(&keyring, *event, record)));
        let mut events: BTreeMap<_, _> = places.collect();
        for (event, path) in found.into_iter().filter(|(event, _)| !forgotten.contains_key(event)) {
            match open_event(event, &path, &keyring, cache_bytes) {
                Ok(Some(live)) => {
                    recovering::go_on(&live, clock.now());
                    drop(events.insert(event, Place::Live(Arc::new(live))));
                }
                Ok(None) => tracing::warn!(%event, "a folder without an event: its creation was never acknowledged"),
                Err(error) => {
                    tracing::error!(%event, error = %Chain(&error), "this event is not served");
                    drop(events.insert(event, Place::Broken(StorageError::NotServed(event))));
                }
            }
        }
        let (events, forgetting) = (RwLock::new(events), Mutex::default());
        let shared = Shared { folder, keyring, clock, entropy, cache_bytes, events, forgetting };
        let store = Self { shared: Arc::new(shared) };
        store.finish_forgetting(forgotten);
        Ok(store)
    }

    /// Opens one event out of a folder in memory, for simulations. Nothing in it may make or delete events. Its mark comes
    /// from [`Self::reached`] of the run before, since it lies in no file.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn open_held<C: Clock + 'static>(
        parts: StoreParts<C>,
        event: EventId,
        held: &HeldFolder,
        mark: Option<Reached>,
    ) -> Result<Self, StorageError> {
        let StoreParts { folder, keyring, clock, entropy, cache_bytes } = parts;
        let (facts, _opened) = kido_store::Store::open_held(held, identity_of(event), EventProjection(event))?;
        let live = of_facts(event, facts, &keyring, ReachedMark::held(event, mark));
        let live =
            live.map_err(|_not_opened| StorageError::NotServed(event))?.ok_or(StorageError::UnknownEvent(event))?;
        recovering::go_on(&live, clock.now());
        let events = RwLock::new(BTreeMap::from([(event, Place::Live(Arc::new(live)))]));
        let shared = Shared { folder, keyring, clock, entropy, cache_bytes, events, forgetting: Mutex::default() };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// How far an event's feed is known to have been signed.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn reached(&self, event: EventId) -> Result<Option<Reached>, StorageError> {
        Ok(self.live(event)?.mark.kept())
    }

    /// Goes on where deleting was stopped; also with a folder that came back with a backup.
    fn finish_forgetting(&self, forgotten: BTreeMap<EventId, ForgottenEvent>) {
        for (event, record) in forgotten {
            let all_done = record.to_shred.is_empty() && !self.shared.folder.join(event.to_string()).exists();
            if !all_done && let Err(error) = self.go_on_forgetting(event) {
                tracing::error!(%event, error = %Chain(&error), "a deleted event is still there in part");
            }
        }
    }

    /// Closes every event's store, so that the next start need not repair. Blocks; whoever still holds one is refused.
    pub fn close(&self) {
        let events = std::mem::take(&mut *self.shared.events.write().unwrap_or_else(PoisonError::into_inner));
        for (event, place) in events {
            if let Place::Live(live) = place
                && let Err(error) = live.facts.clone().close()
            {
                tracing::warn!(%event, error = %Chain(&error), "the store did not close cleanly");
            }
        }
    }
}

fn event_folders(folder: &Path) -> std::io::Result<Vec<(EventId, PathBuf)>> {
    std::fs::create_dir_all(folder)?;
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        match entry.file_name().to_str().and_then(|name| name.parse().ok()) {
            Some(event) => found.push((event, entry.path())),
            None => tracing::warn!("the events folder holds something that is no event"),
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Opens every event once and closes it again: what of it verifies. Whoever asks holds the data folder's lock.
///
/// # Errors
/// What the operating system said of the folder itself.
pub(crate) fn examine_events(
    folder: &Path,
    keyring: &Keyring,
    cache_bytes: u64,
) -> std::io::Result<Vec<(EventId, Result<(), NotOpened>)>> {
    let closed = |live: LiveEvent| live.facts.close().map_err(|error| NotOpened::Store(error.into()));
    let examine = |event, path: PathBuf| open_event(event, &path, keyring, cache_bytes)?.map_or(Ok(()), closed);
    let found = event_folders(folder)?;
    Ok(found.into_iter().map(|(event, path)| (event, examine(event, path))).collect())
}

fn open_event(
    event: EventId,
    path: &Path,
    keyring: &Keyring,
    cache_bytes: u64,
) -> Result<Option<LiveEvent>, NotOpened> {
    let options = Options::existing().cache_bytes(cache_bytes);
    let opened = kido_store::Store::open(path, identity_of(event), EventProjection(event), options);
    let (facts, _opened) = opened.map_err(|error| NotOpened::Store(error.into()))?;
    let mark = keyring.reached(event).map_err(NotOpened::Keyring)?;
    of_facts(event, facts, keyring, mark)
}

/// The event that these facts tell of; nothing where its creation was never acknowledged.
fn of_facts(
    event: EventId,
    facts: kido_store::Store,
    keyring: &Keyring,
    mark: ReachedMark,
) -> Result<Option<LiveEvent>, NotOpened> {
    let entry = reading::event(&facts).map_err(|error| NotOpened::Store(error.into()))?;
    let Some(entry) = entry else { return Ok(None) };
    let feed = reading::feed(&facts).map_err(|error| NotOpened::Store(error.into()))?;
    let keys = reading::feed_keys(&facts).map_err(|error| NotOpened::Store(error.into()))?;
    let identity = keyring.identity_by(event, keys.last()).map_err(NotOpened::Keyring)?;
    let key = keyring.unwrap(event, &entry.key).map_err(NotOpened::Keyring)?;
    let epoch = feed.map_or(Epoch::FIRST, |reached| reached.epoch);
    Ok(Some(live(facts, (identity, *keyring.root(), mark), &key, epoch)))
}

/// Makes the store of a new event.
pub(super) fn create(store: &Store, identity: FeedIdentity, key: &EventKey) -> Result<LiveEvent, StorageError> {
    let event = identity.event();
    let path = store.shared.folder.join(event.to_string());
    let options = Options::create_if_missing().cache_bytes(store.shared.cache_bytes);
    let (facts, _opened) = kido_store::Store::open(&path, identity_of(event), EventProjection(event), options)?;
    let keyring = &store.shared.keyring;
    let mark = keyring.reached(identity.event())?;
    Ok(live(facts, (identity, *keyring.root(), mark), key, Epoch::FIRST))
}

fn live(
    facts: kido_store::Store,
    (identity, root, mark): (FeedIdentity, VerifyingKey, ReachedMark),
    key: &EventKey,
    epoch: Epoch,
) -> LiveEvent {
    let keys = Arc::new(EventKeys::derive(identity.event(), epoch, key));
    let signer = HeadSigner::new(identity);
    let rates = Mutex::new(Rates::new(Paces::LANE));
    let (ended, recovering, changed) = (Arc::default(), Arc::default(), watch::Sender::default());
    let feed_key = tokio::sync::Mutex::default();
    LiveEvent { keys, facts, signer, root, ended, mark, recovering, rates, feed_key, changed }
}

const fn identity_of(event: EventId) -> StoreIdentity {
    StoreIdentity::new(*event.as_bytes())
}
