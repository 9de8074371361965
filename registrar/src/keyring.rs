//! The keyring: a small folder outside the stores and outside their backups (`protocol.md` §1).
//!
//! ```text
//! master.key        32 random bytes; everything below is encrypted under it
//! root.pub          the verifying half of the root key, which is away
//! weeks/2026-W53    the key of the events that are kept until that ISO week; shredding it makes their wrapped keys noise
//! spare/event-…     identities for events to come: a feed key, and the root key's word for it
//! events/event-…    the same, of events that exist, and of forgotten ones: their gates still want a word
//! forgotten/event-… what is left of an event that was deleted, and what is still to be destroyed
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
mod sealed;
pub mod week;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use core::time::Duration;

use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _};
use ed25519_dalek::{SigningKey, VerifyingKey};
use kido_shared::clock::Timestamp;
use kido_shared::feed::FeedError;
use kido_shared::ids::EventId;
use kido_shared::keys::{EventKey, KEY_BYTES};
use kido_store::private_file::PrivateFileError;
use rand::{CryptoRng, RngCore};
use zeroize::Zeroizing;

pub use forgotten::ForgottenEvent;
pub use identity::FeedIdentity;
pub use week::RetentionWeek;

use sealed::Sealing;

/// Identities that `init` certifies: a season of a venue; more are added with the root key.
pub const SPARE_IDENTITIES: usize = 64;

/// How long a feed key is certified: a year, and time to notice.
pub const FEED_KEY_VALIDITY: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// How far back a certificate's validity begins, for gates whose clock is behind.
const FEED_KEY_BACKDATED: Duration = Duration::from_secs(24 * 60 * 60);

/// Longest root key file: PKCS#8 with the public half is 83 bytes; a file that is longer is another thing.
const ROOT_KEY_BYTES_MAX: u64 = 256;

const MASTER: &str = "master.key";
const ROOT: &str = "root.pub";
const WEEKS: &str = "weeks";
const SPARE: &str = "spare";
const EVENTS: &str = "events";
const FORGOTTEN: &str = "forgotten";

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

/// An event key under its week's key, as it stands in the event's first fact.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
pub struct WrappedEventKey {
    /// Which week's key opens it.
    #[n(0)]
    pub week: RetentionWeek,
    /// `nonce (24) ‖ XChaCha20-Poly1305(event key)`, the event id as associated data.
    #[n(1)]
    sealed: minicbor::bytes::ByteVec,
}

/// The opened keyring.
pub struct Keyring {
    folder: PathBuf,
    master: Sealing,
    root: VerifyingKey,
    /// One change of the folder at a time; and the weeks whose keys are about to be used, by how many.
    changing: Mutex<BTreeMap<RetentionWeek, usize>>,
}

/// While it lives, nobody shreds the key of its week: between wrapping an event key and storing it, no event shows yet that
/// the week is needed.
#[derive(Debug)]
pub struct WeekHold<'k> {
    keyring: &'k Keyring,
    week: RetentionWeek,
}

impl Drop for WeekHold<'_> {
    fn drop(&mut self) {
        let mut held = self.keyring.changing.lock().unwrap_or_else(PoisonError::into_inner);
        match held.get_mut(&self.week) {
            Some(count) if *count > 1 => *count = count.saturating_sub(1),
            Some(_) | None => drop(held.remove(&self.week)),
        }
    }
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
        let keyring = Self::open(folder)?;
        keyring.certify(&root, SPARE_IDENTITIES, now, random)?;
        Ok(keyring)
    }

    /// Opens a keyring.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub fn open(folder: &Path) -> Result<Self, KeyringError> {
        let master_file = folder.join(MASTER);
        let master = files::read_exactly::<KEY_BYTES>(&master_file)?;
        let root_file = folder.join(ROOT);
        let root = files::read_exactly::<KEY_BYTES>(&root_file)?;
        let root = VerifyingKey::from_bytes(&root).map_err(|_no_detail| KeyringError::Content(root_file))?;
        Ok(Self { folder: folder.to_owned(), master: Sealing::new(&master), root, changing: Mutex::default() })
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
        let encoded = Zeroizing::new(files::read_up_to(root_key_file, ROOT_KEY_BYTES_MAX)?);
        let root = SigningKey::from_pkcs8_der(&encoded)
            .map_err(|_no_detail| KeyringError::Content(root_key_file.to_owned()))?;
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
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..count {
            let event = EventId::generate(random);
            let from = now.before(FEED_KEY_BACKDATED);
            let identity = FeedIdentity::certify(root, event, from, now.after(FEED_KEY_VALIDITY), random)?;
            let path = self.identity_file(SPARE, event);
            files::write_unsynced(&path, &identity.seal(&self.master, random))?;
        }
        files::sync_folder(&self.folder.join(SPARE))
    }

    /// Takes an identity for a new event; it is never given again, whatever becomes of the event.
    ///
    /// # Errors
    /// [`KeyringError`], [`KeyringError::NoSpareIdentity`] among them.
    pub fn take_identity(&self, now: Timestamp) -> Result<FeedIdentity, KeyringError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        for name in files::names(&self.folder.join(SPARE))? {
            let Ok(event) = name.parse() else { continue };
            let path = self.identity_file(SPARE, event);
            let identity = FeedIdentity::open(&path, event, &self.master, &self.root)?;
            if identity.valid_until() <= now {
                continue;
            }
            files::rename(&path, &self.identity_file(EVENTS, event))?;
            return Ok(identity);
        }
        Err(KeyringError::NoSpareIdentity)
    }

    /// The identity of an event that exists.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub fn identity(&self, event: EventId) -> Result<FeedIdentity, KeyringError> {
        FeedIdentity::open(&self.identity_file(EVENTS, event), event, &self.master, &self.root)
    }

    fn identity_file(&self, part: &str, event: EventId) -> PathBuf {
        self.folder.join(part).join(event.to_string())
    }

    /// Wraps an event's key under the key of the week in which its retention ends, which is made where it is missing.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub fn wrap(
        &self,
        event: EventId,
        key: &EventKey,
        retention_at: Timestamp,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<WrappedEventKey, KeyringError> {
        let week = RetentionWeek::of(retention_at).ok_or(KeyringError::Week)?;
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.week_file(week).exists() {
            let mut fresh = Zeroizing::new([0; KEY_BYTES]);
            random.fill_bytes(fresh.as_mut_slice());
            let sealed = self.master.seal(week.to_string().as_bytes(), fresh.as_slice(), random);
            files::write_new(&self.week_file(week), &sealed)?;
        }
        let sealed = self.week_key(week)?.seal(event.as_bytes(), key.expose(), random);
        Ok(WrappedEventKey { week, sealed: sealed.into() })
    }

    /// Opens a wrapped event key.
    ///
    /// # Errors
    /// [`KeyringError::Shredded`] once its week is over; [`KeyringError::Wrapped`] where it is another event's.
    pub fn unwrap(&self, event: EventId, wrapped: &WrappedEventKey) -> Result<EventKey, KeyringError> {
        let key = self.week_key(wrapped.week)?.open(event.as_bytes(), &wrapped.sealed);
        let key = key.ok_or(KeyringError::Wrapped)?;
        let key = <[u8; KEY_BYTES]>::try_from(key.as_slice()).map_err(|_length| KeyringError::Wrapped)?;
        Ok(EventKey::from_bytes(key))
    }

    /// Keeps the key of a retention date's week from being shredded for as long as the answer lives.
    ///
    /// # Errors
    /// [`KeyringError::Week`].
    pub fn hold(&self, retention_at: Timestamp) -> Result<WeekHold<'_>, KeyringError> {
        let week = RetentionWeek::of(retention_at).ok_or(KeyringError::Week)?;
        let mut held = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(week).or_default();
        *count = count.saturating_add(1);
        Ok(WeekHold { keyring: self, week })
    }

    /// Destroys the keys of those weeks that nobody needs: the event keys wrapped under them, in stores and in every backup
    /// of them, are noise from now on. `needed` is asked once no other change of the keyring is under way; where it does not
    /// know, nothing is destroyed, and the answer is *no*.
    ///
    /// # Errors
    /// [`KeyringError::File`], or what `needed` fails with; a key that is gone already is no error.
    pub fn shred_weeks<E: From<KeyringError>>(
        &self,
        weeks: &[RetentionWeek],
        needed: impl FnOnce() -> Result<Option<BTreeSet<RetentionWeek>>, E>,
    ) -> Result<bool, E> {
        let held = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(needed) = needed()? else { return Ok(false) };
        for week in weeks.iter().filter(|week| !needed.contains(week) && !held.contains_key(week)) {
            files::shred(&self.week_file(*week))?;
        }
        Ok(true)
    }

    /// Whether a week's key is there.
    #[must_use]
    pub fn has_week(&self, week: RetentionWeek) -> bool {
        self.week_file(week).exists()
    }

    fn week_file(&self, week: RetentionWeek) -> PathBuf {
        self.folder.join(WEEKS).join(week.to_string())
    }

    fn week_key(&self, week: RetentionWeek) -> Result<Sealing, KeyringError> {
        let path = self.week_file(week);
        if !path.exists() {
            return Err(KeyringError::Shredded(week));
        }
        let sealed = files::read_up_to(&path, Sealing::sealed_bytes(KEY_BYTES))?;
        let key = self.master.open(week.to_string().as_bytes(), &sealed);
        let key = key.ok_or_else(|| KeyringError::Content(path.clone()))?;
        let key = <[u8; KEY_BYTES]>::try_from(key.as_slice()).map_err(|_length| KeyringError::Content(path))?;
        Ok(Sealing::new(&Zeroizing::new(key)))
    }
}

#[cfg(test)]
mod tests;
