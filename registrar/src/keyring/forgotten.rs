//! Events that were deleted: written down before anything is destroyed, so that a start goes on where a crash stopped.
//!
//! It lies here and not beside the events because the keyring is in no backup of them: an event's folder that comes back
//! with a backup meets its record and goes again.

use std::collections::BTreeMap;

use kido_shared::clock::Timestamp;
use kido_shared::feed::FollowedTo;
use kido_shared::ids::EventId;
use rand::{CryptoRng, RngCore};

use super::sealed::Sealing;
use super::{FORGOTTEN, Keyring, KeyringError, RetentionWeek, files};

/// Longest record: a retention date that was moved to another week a thousand times fits.
const RECORD_BYTES_MAX: usize = 16 * 1024;

/// What is left of an event. Nothing of a ticket, a card or a gate.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct ForgottenEvent {
    /// When an operator let it go.
    #[n(0)]
    pub at: Timestamp,
    /// The end of its feed: whoever signs it as the newest head tells gates the time, and that nothing more comes.
    #[n(1)]
    pub reached: FollowedTo,
    /// The weeks under whose keys its own was ever wrapped.
    #[n(2)]
    pub weeks: Vec<RetentionWeek>,
    /// Of these and of weeks that were waiting for it, the ones whose keys are still to be destroyed.
    #[n(3)]
    pub to_shred: Vec<RetentionWeek>,
}

/// Ties a record to its event and to its kind: an identity is sealed under the same key.
fn associated(event: EventId) -> Vec<u8> {
    [b"forgotten".as_slice(), event.as_bytes()].concat()
}

impl Keyring {
    /// Writes down what is left of an event; durable on return.
    ///
    /// # Errors
    /// [`KeyringError::File`].
    pub fn note_forgotten(
        &self,
        event: EventId,
        record: &ForgottenEvent,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<(), KeyringError> {
        files::create_folder(&self.folder.join(FORGOTTEN))?;
        let path = self.event_file(FORGOTTEN, event);
        let bytes = minicbor::to_vec(record).map_err(|_infallible| KeyringError::Content(path.clone()))?;
        files::replace(&path, &self.master.seal(&associated(event), &bytes, random))
    }

    /// Whether there is a record of this event, whatever is in it.
    #[must_use]
    pub fn is_forgotten(&self, event: EventId) -> bool {
        self.event_file(FORGOTTEN, event).exists()
    }

    /// What is left of every event that was deleted.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub fn forgotten(&self) -> Result<BTreeMap<EventId, ForgottenEvent>, KeyringError> {
        let folder = self.folder.join(FORGOTTEN);
        if !folder.exists() {
            return Ok(BTreeMap::new());
        }
        let events = files::names(&folder)?.into_iter().filter_map(|name| name.parse().ok());
        events.map(|event| Ok((event, self.forgotten_event(event)?))).collect()
    }

    /// What is left of one of them.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub fn forgotten_event(&self, event: EventId) -> Result<ForgottenEvent, KeyringError> {
        let path = self.event_file(FORGOTTEN, event);
        let sealed = files::read_up_to(&path, Sealing::sealed_bytes(RECORD_BYTES_MAX))?;
        let bytes = self.master.open(&associated(event), &sealed);
        let record = bytes.and_then(|bytes| minicbor::decode(&bytes).ok());
        record.ok_or(KeyringError::Content(path))
    }
}
