//! Who this box is: its keys, and what its enrolment told it. Files that only the arbiter's user can read.
//!
//! | file | content |
//! |---|---|
//! | `arbiter.key` | both private keys; made here; may then move into a systemd credential, and never anywhere else |
//! | `subkeys` | the event's `record` and `claim` subkeys; wiped at the retention date |
//! | `enrolment.cbor` | event, registrar, root key: nothing secret |
//! | `book/` · `claims/` | what the feed told · the records |
//! | `etcd.cbor` | where several boxes share their records: how that etcd is spoken to, and its mark |

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use ed25519_dalek::VerifyingKey;
use kido_follow::enrol::Enrolled;
use kido_shared::challenge::Origin;
use kido_shared::enrolment::{EnrolmentError, OwnKeys};
use kido_shared::feed::FeedKeyCertificate;
use kido_shared::ids::{ArbiterId, EventId};
use kido_shared::keys::{ArbiterSubkeys, ClaimKey, Subkeys as _};
use kido_store::private_file::{self, PrivateFileError};
use minicbor::bytes::ByteArray;
use zeroize::Zeroizing;

use crate::book::Followed;

/// Largest of the files.
const FILE_BYTES_MAX: usize = 16 * 1024;

/// Why this box does not know who it is.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// There is no enrolment here.
    #[error("this arbiter is not enrolled: run `kido-arbiter enrol`")]
    NotEnrolled,
    /// There is one already; a second would orphan the first one's claims.
    #[error("this arbiter is enrolled already; choose another data folder")]
    Enrolled,
    /// The keys are to lie elsewhere, where no enrolment can put them.
    #[error("{} is named for the keys, but an enrolment makes them in the data folder: enrol without it, then encrypt arbiter.key there", path.display())]
    KeysElsewhere {
        /// Where they were to lie.
        path: PathBuf,
    },
    /// The keys are those of another enrolment.
    #[error("{} holds the keys of another enrolment: encrypt arbiter.key of this data folder once more, or leave --keys out", path.display())]
    OtherKeys {
        /// Where they lie.
        path: PathBuf,
    },
    /// The event's retention date has passed: its keys, book and claims are gone.
    #[error("the event is over and its keys were wiped; enrol anew in another data folder")]
    Wiped,
    /// The data folder is another user's.
    #[error("{} belongs to user {owner}: run this as that user, as in `runuser -u kido-arbiter -- kido-arbiter …`", path.display())]
    OtherOwner {
        /// Which folder.
        path: PathBuf,
        /// The number of the user whose it is.
        owner: u32,
    },
    /// A file does not read back.
    #[error("{} is damaged", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
    },
    /// The private keys are not in the data folder, and nobody said where else they are.
    #[error(
        "{} is not there. Where this box's keys are a credential, say where it lies: --keys FILE, or KIDO_ARBITER_KEYS_FILE; \
         if they are lost, enrol anew in another data folder",
        path.display()
    )]
    NoKeys {
        /// Where an enrolment has written them.
        path: PathBuf,
    },
    /// A file could not be read or written, or others can read it.
    #[error("cannot use {}", path.display())]
    Storage {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: PrivateFileError,
    },
    /// The keys are none.
    #[error("the arbiter's keys are unusable")]
    Keys(#[source] EnrolmentError),
}

/// Where the arbiter keeps everything.
#[derive(Debug, Clone)]
pub struct DataFolder {
    path: PathBuf,
    /// The private keys, where they lie elsewhere.
    keys: Option<PathBuf>,
}

impl DataFolder {
    /// The folder at a path; nothing is touched.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_path_buf(), keys: None }
    }

    /// The same, with the private keys in a file elsewhere: a systemd credential, which a stolen disk does not hold.
    #[must_use]
    pub fn with_keys_at(self, keys: Option<PathBuf>) -> Self {
        Self { keys, ..self }
    }

    /// Makes the folder, for this user alone, where it does not exist.
    ///
    /// # Errors
    /// [`IdentityError::Storage`] or [`IdentityError::OtherOwner`].
    pub fn create(&self) -> Result<(), IdentityError> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.path);
        let owner = made.and_then(|()| fs::metadata(&self.path)).map(|folder| folder.uid());
        let owner = owner.map_err(PrivateFileError::storage("making")).map_err(storage(&self.path))?;
        if owner == rustix::process::geteuid().as_raw() {
            Ok(())
        } else {
            Err(IdentityError::OtherOwner { path: self.path.clone(), owner })
        }
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the feed told.
    #[must_use]
    pub fn book(&self) -> PathBuf {
        self.path.join("book")
    }

    /// How the etcd is spoken to, where this box shares its records.
    #[must_use]
    pub fn etcd(&self) -> PathBuf {
        self.path.join("etcd.cbor")
    }

    /// Whether this box has a log of records of its own, empty or not.
    #[must_use]
    pub fn has_own_records(&self) -> bool {
        self.path.join("claims").exists()
    }

    /// Whether an enrolment may begin here.
    ///
    /// # Errors
    /// [`IdentityError::Enrolled`]; [`IdentityError::KeysElsewhere`], since an enrolment makes its keys here.
    pub fn may_be_enrolled(&self) -> Result<(), IdentityError> {
        match &self.keys {
            _ if self.is_enrolled() => Err(IdentityError::Enrolled),
            Some(path) => Err(IdentityError::KeysElsewhere { path: path.clone() }),
            None => Ok(()),
        }
    }

    /// Whether an enrolment was finished here.
    #[must_use]
    pub fn is_enrolled(&self) -> bool {
        self.enrolment().exists()
    }

    /// The private keys, wherever they lie.
    #[must_use]
    pub fn keys(&self) -> PathBuf {
        self.keys.clone().unwrap_or_else(|| self.own_keys())
    }

    /// The private keys as an enrolment writes them.
    fn own_keys(&self) -> PathBuf {
        self.path.join("arbiter.key")
    }

    /// Whether the private keys are where they are looked for, unless somebody has said where that is.
    fn has_keys(&self) -> Result<(), IdentityError> {
        let path = self.own_keys();
        if self.keys.is_some() || path.exists() { Ok(()) } else { Err(IdentityError::NoKeys { path }) }
    }

    fn subkeys(&self) -> PathBuf {
        self.path.join("subkeys")
    }

    fn enrolment(&self) -> PathBuf {
        self.path.join("enrolment.cbor")
    }

    /// Wipes what the event's retention date ends. The subkeys go first: without them the rest names nobody.
    ///
    /// # Errors
    /// [`IdentityError::Storage`].
    pub fn wipe(&self) -> Result<(), IdentityError> {
        let subkeys = self.subkeys();
        private_file::shred(&subkeys).map_err(storage(&subkeys))?;
        for folder in ["book", "claims", "claims.new", "claims.old"].map(|name| self.path.join(name)) {
            match fs::remove_dir_all(&folder) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(storage(&folder)(PrivateFileError::Storage { doing: "removing", source })),
            }
        }
        private_file::sync_folder(&self.path).map_err(storage(&self.path))
    }
}

/// What an enrolment tells an arbiter; nothing in it is secret.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Enrolment {
    /// This box.
    #[n(0)]
    pub arbiter: ArbiterId,
    /// Its event.
    #[n(1)]
    pub event: EventId,
    /// What people call the event.
    #[n(2)]
    pub event_name: String,
    /// Whether it is a rehearsal.
    #[n(3)]
    pub rehearsal: bool,
    /// Where the registrar is.
    #[n(4)]
    pub origin: Origin,
    /// The root key that the offer named.
    #[cbor(n(5), with = "minicbor::bytes")]
    root: [u8; 32],
    /// The feed key under the root's signature.
    #[n(6)]
    pub feed_key: FeedKeyCertificate,
    /// Whose keys were enrolled; nothing from versions that did not keep it.
    #[n(7)]
    verifying_key: Option<ByteArray<32>>,
}

/// Who this box is.
#[derive(Debug, Clone)]
pub struct Identity {
    keys: OwnKeys,
    subkeys: ArbiterSubkeys,
    enrolment: Enrolment,
    root: VerifyingKey,
}

impl Identity {
    /// What a finished dialogue has led to, not stored yet.
    #[must_use]
    pub fn new(enrolled: Enrolled<ArbiterSubkeys>) -> Self {
        let Enrolled { keys, subkeys, started, origin, root, feed_key } = enrolled;
        let enrolment = Enrolment {
            arbiter: started.name.as_arbiter(),
            event: started.event,
            event_name: started.event_name,
            rehearsal: started.rehearsal,
            origin,
            root: root.to_bytes(),
            feed_key,
            verifying_key: Some(keys.signing().verifying_key().to_bytes().into()),
        };
        Self { keys, subkeys, enrolment, root }
    }

    /// Reads the arbiter's files.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub fn load(folder: &DataFolder) -> Result<Self, IdentityError> {
        if !folder.is_enrolled() {
            return Err(IdentityError::NotEnrolled);
        }
        if !folder.subkeys().exists() {
            return Err(IdentityError::Wiped);
        }
        folder.has_keys()?;
        let keys = OwnKeys::from_bytes(&read(&folder.keys())?).map_err(IdentityError::Keys)?;
        let damaged = |path: PathBuf| move || IdentityError::Damaged { path };
        let subkeys = ArbiterSubkeys::from_bytes(&read(&folder.subkeys())?).ok_or_else(damaged(folder.subkeys()))?;
        let enrolment: Option<Enrolment> = minicbor::decode(&read(&folder.enrolment())?).ok();
        let enrolment = enrolment.ok_or_else(damaged(folder.enrolment()))?;
        if enrolment
            .verifying_key
            .as_ref()
            .is_some_and(|enrolled| **enrolled != keys.signing().verifying_key().to_bytes())
        {
            return Err(IdentityError::OtherKeys { path: folder.keys() });
        }
        let root = VerifyingKey::from_bytes(&enrolment.root).ok().ok_or_else(damaged(folder.enrolment()))?;
        Ok(Self { keys, subkeys, enrolment, root })
    }

    /// Writes the arbiter's files, the enrolment last: where it stands, all of it stands.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub fn store(&self, folder: &DataFolder) -> Result<(), IdentityError> {
        write(&folder.own_keys(), self.keys.to_bytes().as_slice())?;
        write(&folder.subkeys(), &self.subkeys.to_bytes())?;
        let mut bytes = Vec::new();
        if minicbor::encode(&self.enrolment, &mut bytes).is_err() {
            return Err(IdentityError::Damaged { path: folder.enrolment() });
        }
        write(&folder.enrolment(), &bytes)
    }

    /// What the enrolment told.
    #[must_use]
    pub const fn enrolment(&self) -> &Enrolment {
        &self.enrolment
    }

    /// Names the records of claims.
    #[must_use]
    pub const fn names(&self) -> &ClaimKey {
        &self.subkeys.claim
    }

    /// Whose feed is followed.
    #[must_use]
    pub fn followed(&self) -> Followed {
        Followed {
            event: self.enrolment.event,
            arbiter: self.enrolment.arbiter,
            root: self.root,
            feed_key: self.enrolment.feed_key.clone(),
            records: self.subkeys.record.clone(),
        }
    }
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
    private_file::read_secret(path, FILE_BYTES_MAX).map(Zeroizing::new).map_err(storage(path))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), IdentityError> {
    private_file::replace(path, bytes).map_err(storage(path))
}

fn storage(path: &Path) -> impl FnOnce(PrivateFileError) -> IdentityError {
    let path = path.to_path_buf();
    move |source| IdentityError::Storage { path, source }
}
