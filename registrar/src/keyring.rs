//! The keyring: a small folder outside the stores and outside their backups (`protocol.md` §1).
//!
//! ```text
//! master.key        32 random bytes; everything below is encrypted under it (may be kept elsewhere: `--master-key`)
//! root.pub          the verifying half of the root key, which is away
//! weeks/2026-W53    the key of the events that are kept until that ISO week; shredding it makes their wrapped keys noise
//! spare/event-…     identities for events to come: a feed key, and the root key's word for it
//! next/event-…      the feed key that an event is to have next, waiting for the root key's word
//! events/event-…    the same as in spare, of events that exist, and of forgotten ones: their gates still want a word
//! forgotten/event-… what is left of an event that was deleted, and what is still to be destroyed
//! reached/event-…   how far its feed was ever signed: a restored backup of its folder is shorter
//! ```
//!
//! The root key certifies a feed key for one event, whose id the certificate names. So ids are drawn and certified in
//! stock while the root key is there, and an event takes one when it is made: the root key can stay away for as long as
//! the stock lasts.
//!
//! Every file is readable by its owner alone and written as a whole: beside, synced, renamed, folder synced.

mod files;
mod forgotten;
mod identity;
mod next_key;
mod reached;
mod sealed;
pub mod week;
mod week_keys;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use core::time::Duration;

use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _};
use ed25519_dalek::{SigningKey, VerifyingKey};
use kido_shared::clock::Timestamp;
use kido_shared::feed::FeedError;
use kido_shared::ids::EventId;
use kido_shared::keys::KEY_BYTES;
use kido_store::private_file::PrivateFileError;
use rand::{CryptoRng, RngCore};
use zeroize::Zeroizing;

pub use forgotten::ForgottenEvent;
pub use identity::FeedIdentity;
pub use reached::{Reached, ReachedMark, Unheard};
pub use week::RetentionWeek;
pub use week_keys::{WeekHold, WrappedEventKey};

use sealed::Sealing;

/// Identities that `init` certifies: a season of a venue; more are added with the root key.
pub const SPARE_IDENTITIES: usize = 64;

/// How long a feed key is certified: a year, and time to notice.
pub const FEED_KEY_VALIDITY: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// How long before the end of a feed key its operator is told: the root key lies in a safe, and its holder has holidays.
pub const FEED_KEY_NOTICE: Duration = Duration::from_secs(60 * 24 * 60 * 60);

/// How far back a certificate's validity begins, for gates whose clock is behind.
pub const FEED_KEY_BACKDATED: Duration = Duration::from_secs(24 * 60 * 60);

/// Longest root key file: PKCS#8 with the public half is 83 bytes; a file that is longer is another thing.
const ROOT_KEY_BYTES_MAX: u64 = 256;

const MASTER: &str = "master.key";
const ROOT: &str = "root.pub";
const WEEKS: &str = "weeks";
const SPARE: &str = "spare";
const EVENTS: &str = "events";
const NEXT: &str = "next";
const FORGOTTEN: &str = "forgotten";
const REACHED: &str = "reached";

/// Why the keyring did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// A file could not be read or written.
    #[error("{} cannot be used", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: PrivateFileError,
    },
    /// A file is there where a new one should be made.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    /// A file is not what its name says, was altered, or belongs to another keyring.
    #[error("{} is not what it should be", .0.display())]
    Content(PathBuf),
    /// The root key is another one than the keyring's.
    #[error("this is another root key than the keyring's")]
    OtherRoot,
    /// The week key is gone: the event was kept as long as was promised.
    #[error("the key of week {0} is gone")]
    Shredded(RetentionWeek),
    /// A wrapped event key does not open.
    #[error("the event key does not open")]
    Wrapped,
    /// No identity is left.
    #[error("no certified event identity is left")]
    NoSpareIdentity,
    /// A certificate could not be made or does not hold.
    #[error("the feed key's certificate does not hold")]
    Certificate(#[source] FeedError),
    /// The date of a retention is beyond all calendars.
    #[error("no such week")]
    Week,
}

/// Reads the root key from the file that `init` has written, wherever it is kept.
///
/// # Errors
/// [`KeyringError::File`] or [`KeyringError::Content`].
pub fn read_root_key(file: &Path) -> Result<SigningKey, KeyringError> {
    let encoded = Zeroizing::new(files::read_up_to(file, ROOT_KEY_BYTES_MAX)?);
    SigningKey::from_pkcs8_der(&encoded).map_err(|_no_detail| KeyringError::Content(file.to_owned()))
}

/// The opened keyring.
pub struct Keyring {
    folder: PathBuf,
    master: Sealing,
    root: VerifyingKey,
    /// One change of the folder at a time.
    changing: Mutex<()>,
    /// The weeks whose keys are about to be used, by how many. Never held over a wait for the disk.
    held: Arc<Mutex<BTreeMap<RetentionWeek, usize>>>,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyring").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Keyring {
    /// Makes a keyring, a root key in a file of its own (PKCS#8 DER, to be taken away), and a stock of identities.
    ///
    /// # Errors
    /// [`KeyringError`]; an existing keyring or root key file is never overwritten.
    pub fn create(
        folder: &Path,
        root_key_file: &Path,
        now: Timestamp,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<Self, KeyringError> {
        let master_file = folder.join(MASTER);
        if master_file.exists() {
            return Err(KeyringError::Exists(master_file));
        }
        for part in ["", WEEKS, SPARE, EVENTS] {
            files::create_folder(&folder.join(part))?;
        }
        let root = SigningKey::generate(random);
        let encoded = root.to_pkcs8_der().map_err(|_no_detail| KeyringError::Content(root_key_file.to_owned()))?;
        files::write_new(root_key_file, encoded.as_bytes())?;
        files::write_new(&folder.join(ROOT), root.verifying_key().as_bytes())?;
        let mut master = Zeroizing::new([0; KEY_BYTES]);
        random.fill_bytes(master.as_mut_slice());
        // Last: a keyring is one once its master key is there.
        files::write_new(&master_file, master.as_slice())?;
        let keyring = Self::open(folder, &master_file)?;
        keyring.certify(&root, SPARE_IDENTITIES, now, random)?;
        Ok(keyring)
    }

    /// Where a keyring keeps its master key, unless the operator keeps it better.
    #[must_use]
    pub fn master_file(folder: &Path) -> PathBuf {
        folder.join(MASTER)
    }

    /// Opens a keyring with the master key in that file: its own, or one that systemd decrypts for the service.
    ///
    /// # Errors
    /// [`KeyringError`], also where others can read the master key.
    pub fn open(folder: &Path, master_file: &Path) -> Result<Self, KeyringError> {
        let master = files::read_secret::<KEY_BYTES>(master_file)?;
        let root_file = folder.join(ROOT);
        let root = files::read_exactly::<KEY_BYTES>(&root_file)?;
        let root = VerifyingKey::from_bytes(&root).map_err(|_no_detail| KeyringError::Content(root_file))?;
        Ok(Self {
            folder: folder.to_owned(),
            master: Sealing::new(&master),
            root,
            changing: Mutex::default(),
            held: Arc::default(),
        })
    }

    /// The verifying half of the root key.
    #[must_use]
    pub const fn root(&self) -> &VerifyingKey {
        &self.root
    }

    /// Certifies further identities with the root key, which may then leave again.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub fn add_identities(
        &self,
        root_key_file: &Path,
        count: usize,
        now: Timestamp,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<(), KeyringError> {
        let root = read_root_key(root_key_file)?;
        if root.verifying_key() != self.root {
            return Err(KeyringError::OtherRoot);
        }
        self.certify(&root, count, now, random)
    }

    fn certify(
        &self,
        root: &SigningKey,
        count: usize,
        now: Timestamp,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<(), KeyringError> {
        let _changing = self.lock();
        for _ in 0..count {
            let event = EventId::generate(random);
            let from = now.before(FEED_KEY_BACKDATED);
            let identity = FeedIdentity::certify(root, event, from, now.after(FEED_KEY_VALIDITY), random)?;
            let path = self.event_file(SPARE, event);
            files::write_unsynced(&path, &identity.seal(&self.master, random))?;
        }
        files::sync_folder(&self.folder.join(SPARE))
    }

    /// Takes an identity for a new event; it is never given again, whatever becomes of the event.
    ///
    /// # Errors
    /// [`KeyringError`], [`KeyringError::NoSpareIdentity`] among them.
    pub fn take_identity(&self, now: Timestamp) -> Result<FeedIdentity, KeyringError> {
        let _changing = self.lock();
        for name in files::names(&self.folder.join(SPARE))? {
            let Ok(event) = name.parse() else { continue };
            let path = self.event_file(SPARE, event);
            let identity = FeedIdentity::open(&path, event, &self.master, &self.root)?;
            if identity.valid_until() <= now {
                continue;
            }
            files::rename(&path, &self.event_file(EVENTS, event))?;
            return Ok(identity);
        }
        Err(KeyringError::NoSpareIdentity)
    }

    /// The identity of an event that exists.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub fn identity(&self, event: EventId) -> Result<FeedIdentity, KeyringError> {
        FeedIdentity::open(&self.event_file(EVENTS, event), event, &self.master, &self.root)
    }

    /// How many events can still be made before the root key is needed again, at that moment.
    ///
    /// # Errors
    /// [`KeyringError`], also for a stock that the master key does not open.
    pub fn spare_identities(&self, now: Timestamp) -> Result<usize, KeyringError> {
        let mut spare = 0;
        for name in files::names(&self.folder.join(SPARE))? {
            let Ok(event) = name.parse() else { continue };
            let identity = FeedIdentity::open(&self.event_file(SPARE, event), event, &self.master, &self.root)?;
            spare += usize::from(identity.valid_until() > now);
        }
        Ok(spare)
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn event_file(&self, part: &str, event: EventId) -> PathBuf {
        self.folder.join(part).join(event.to_string())
    }
}

#[cfg(test)]
mod tests;
