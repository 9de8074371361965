//! Who this gate is: its keys, and what its enrolment told it. Three files that only the gate's user can read.
//!
//! | file | content |
//! |---|---|
//! | `gate.key` | both private keys; made here, never leave |
//! | `subkeys` | the event's subkeys; wiped at the retention date |
//! | `enrolment.cbor` | event, registrar, root key, entrance: nothing secret |

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use ed25519_dalek::VerifyingKey;
use kido_shared::challenge::{Origin, OriginError};
use kido_shared::enrolment::{EnrolmentError, GateKeys};
use kido_shared::feed::{FeedError, FeedKeyCertificate};
use kido_shared::ids::{EventId, GateId};
use kido_shared::keys::GateSubkeys;
use kido_shared::ticket::Zone;
use kido_store::private_file::{self, PrivateFileError};
use zeroize::Zeroizing;

use crate::replica::Followed;

/// Largest of the three files.
const FILE_BYTES_MAX: usize = 16 * 1024;

/// Why the gate does not know who it is.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// There is no enrolment here.
    #[error("this gate is not enrolled: run `kido-gate enrol`")]
    NotEnrolled,
    /// There is one already; a second would orphan the first one's journal.
    #[error("this gate is enrolled already; choose another data folder, or have it revoked and remove this one")]
    Enrolled,
    /// The event's retention date has passed: its keys and copies are gone.
    #[error("the event is over and its keys were wiped; enrol anew in another data folder")]
    Wiped,
    /// Others can read a secret file.
    #[error("{} can be read by other users; it must have mode 600", path.display())]
    Exposed {
        /// Which file.
        path: PathBuf,
    },
    /// A file does not read back.
    #[error("{} is damaged", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
    },
    /// A file could not be read or written.
    #[error("cannot use {}", path.display())]
    Storage {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: PrivateFileError,
    },
    /// The keys are none.
    #[error("the gate's keys are unusable")]
    Keys(#[source] EnrolmentError),
    /// The registrar's address is none.
    #[error("the registrar's address is unusable")]
    Origin(#[source] OriginError),
    /// The root key or the feed key's certificate is none.
    #[error("the registrar's keys are unusable")]
    Feed(#[source] FeedError),
}

/// Where the gate keeps everything.
#[derive(Debug, Clone)]
pub struct DataFolder(PathBuf);

impl DataFolder {
    /// The folder at a path; nothing is touched.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self(path.to_path_buf())
    }

    /// Makes the folder, for this user alone, where it does not exist.
    ///
    /// # Errors
    /// [`IdentityError::Storage`].
    pub fn create(&self) -> Result<(), IdentityError> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.0);
        made.map_err(PrivateFileError::storage("making")).map_err(storage(&self.0))
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The replica's store.
    #[must_use]
    pub fn replica(&self) -> PathBuf {
        self.0.join("replica")
    }

    /// The journal's store.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.0.join("journal")
    }

    /// The private keys.
    #[must_use]
    pub fn keys(&self) -> PathBuf {
        self.0.join("gate.key")
    }

    /// The event's subkeys.
    #[must_use]
    pub fn subkeys(&self) -> PathBuf {
        self.0.join("subkeys")
    }

    /// What the enrolment told.
    #[must_use]
    pub fn enrolment(&self) -> PathBuf {
        self.0.join("enrolment.cbor")
    }

    /// Whether an enrolment was finished here.
    #[must_use]
    pub fn is_enrolled(&self) -> bool {
        self.enrolment().exists()
    }

    /// Wipes what the event's retention date ends: subkeys, replica, journal. The gate's own keys stay.
    ///
    /// The subkeys go first: without them the rest is noise, whatever an interrupted wipe leaves.
    ///
    /// # Errors
    /// [`IdentityError::Storage`].
    pub fn wipe(&self) -> Result<(), IdentityError> {
        let subkeys = self.subkeys();
        private_file::shred(&subkeys).map_err(storage(&subkeys))?;
        for folder in [self.replica(), self.journal()] {
            match fs::remove_dir_all(&folder) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(storage(&folder)(PrivateFileError::Storage { doing: "removing", source })),
            }
        }
        private_file::sync_folder(&self.0).map_err(storage(&self.0))
    }
}

/// What an enrolment tells a gate; nothing in it is secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// This gate.
    pub gate: GateId,
    /// Its event.
    pub event: EventId,
    /// What people call the event.
    pub event_name: String,
    /// Whether it is a rehearsal: only then are test cards bound to its tickets.
    pub rehearsal: bool,
    /// The part of the venue that this gate opens.
    pub zone: Zone,
    /// What is written over the entrance.
    pub entrance: String,
    /// Where the registrar is.
    pub origin: Origin,
    /// The root key that the offer named.
    pub root: VerifyingKey,
    /// The feed key under the root's signature.
    pub feed_key: FeedKeyCertificate,
}

/// The stored form.
#[derive(minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
struct Stored {
    #[n(0)]
    gate: GateId,
    #[n(1)]
    event: EventId,
    #[n(2)]
    event_name: String,
    #[n(3)]
    rehearsal: bool,
    #[n(4)]
    zone: Zone,
    #[n(5)]
    entrance: String,
    #[n(6)]
    origin: String,
    #[cbor(n(7), with = "minicbor::bytes")]
    root: [u8; 32],
    #[n(8)]
    feed_key: FeedKeyCertificate,
}

/// Who this gate is.
#[derive(Debug, Clone)]
pub struct Identity {
    keys: GateKeys,
    subkeys: GateSubkeys,
    enrolment: Enrolment,
}

impl Identity {
    /// What an enrolment has led to, not stored yet.
    #[must_use]
    pub const fn new(keys: GateKeys, subkeys: GateSubkeys, enrolment: Enrolment) -> Self {
        Self { keys, subkeys, enrolment }
    }

    /// Reads the gate's files.
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
        let keys = GateKeys::from_bytes(&read_private(&folder.keys())?).map_err(IdentityError::Keys)?;
        let path = folder.subkeys();
        let subkeys = GateSubkeys::from_bytes(&read_private(&path)?).ok_or(IdentityError::Damaged { path })?;
        let enrolment = Enrolment::decode(&read_private(&folder.enrolment())?, &folder.enrolment())?;
        Ok(Self { keys, subkeys, enrolment })
    }

    /// Writes the gate's files, the enrolment last: where it stands, all of it stands.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub fn store(&self, folder: &DataFolder) -> Result<(), IdentityError> {
        write_private(&folder.keys(), self.keys.to_bytes().as_slice())?;
        write_private(&folder.subkeys(), self.subkeys.to_bytes().as_slice())?;
        write_private(&folder.enrolment(), &self.enrolment.encode())
    }

    /// The gate's own keys.
    #[must_use]
    pub const fn keys(&self) -> &GateKeys {
        &self.keys
    }

    /// What the enrolment told.
    #[must_use]
    pub const fn enrolment(&self) -> &Enrolment {
        &self.enrolment
    }

    /// Whose feed this gate follows.
    #[must_use]
    pub fn followed(&self) -> Followed {
        Followed {
            event: self.enrolment.event,
            gate: self.enrolment.gate,
            root: self.enrolment.root,
            feed_key: self.enrolment.feed_key.clone(),
            subkeys: self.subkeys.clone(),
        }
    }
}

impl Enrolment {
    fn encode(&self) -> Vec<u8> {
        let stored = Stored {
            gate: self.gate,
            event: self.event,
            event_name: self.event_name.clone(),
            rehearsal: self.rehearsal,
            zone: self.zone.clone(),
            entrance: self.entrance.clone(),
            origin: self.origin.as_str().to_owned(),
            root: self.root.to_bytes(),
            feed_key: self.feed_key.clone(),
        };
        let mut bytes = Vec::new();
        match minicbor::encode(&stored, &mut bytes) {
            Ok(()) => bytes,
            // Writing to memory does not fail; an empty file would be called damaged.
            Err(_infallible) => Vec::new(),
        }
    }

    fn decode(bytes: &[u8], path: &Path) -> Result<Self, IdentityError> {
        let damaged = || IdentityError::Damaged { path: path.to_path_buf() };
        let stored: Stored = minicbor::decode(bytes).map_err(|_no_detail| damaged())?;
        Ok(Self {
            gate: stored.gate,
            event: stored.event,
            event_name: stored.event_name,
            rehearsal: stored.rehearsal,
            zone: stored.zone,
            entrance: stored.entrance,
            origin: Origin::parse(&stored.origin).map_err(IdentityError::Origin)?,
            root: VerifyingKey::from_bytes(&stored.root).map_err(|_no_detail| damaged())?,
            feed_key: stored.feed_key,
        })
    }
}

/// Reads a file that nobody else may read.
///
/// # Errors
/// [`IdentityError`].
pub fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
    private_file::read_secret(path, FILE_BYTES_MAX).map(Zeroizing::new).map_err(storage(path))
}

/// Writes a file that nobody else may read: all of it, or none, also over a power cut.
fn write_private(path: &Path, bytes: &[u8]) -> Result<(), IdentityError> {
    private_file::replace(path, bytes).map_err(storage(path))
}

fn storage(path: &Path) -> impl FnOnce(PrivateFileError) -> IdentityError {
    let path = path.to_path_buf();
    move |source| match source {
        PrivateFileError::Exposed => IdentityError::Exposed { path },
        PrivateFileError::TooLong => IdentityError::Damaged { path },
        PrivateFileError::Exists | PrivateFileError::Storage { .. } => IdentityError::Storage { path, source },
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use ed25519_dalek::SigningKey;
    use kido_shared::clock::Timestamp;
    use kido_shared::feed::FeedKeyStatement;
    use kido_shared::keys::EventKey;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    pub(crate) fn identity(origin: &str) -> Identity {
        let mut random = StdRng::seed_from_u64(1);
        let root = SigningKey::generate(&mut random);
        let feed = SigningKey::generate(&mut random);
        let event = EventId::from_bytes([1; 16]);
        let statement = FeedKeyStatement {
            event,
            verifying_key: feed.verifying_key().to_bytes(),
            valid_from: Timestamp::from_unix_seconds(0),
            valid_until: Timestamp::from_unix_seconds(4_000_000_000),
        };
        let enrolment = Enrolment {
            gate: GateId::from_bytes([2; 16]),
            event,
            event_name: "千穐楽".to_owned(),
            rehearsal: true,
            zone: Zone::new("A").unwrap(),
            entrance: "北口".to_owned(),
            origin: Origin::parse(origin).unwrap(),
            root: root.verifying_key(),
            feed_key: statement.sign(&root).unwrap(),
        };
        Identity::new(GateKeys::generate(&mut random), EventKey::generate(&mut random).for_gate(), enrolment)
    }

    #[test]
    fn a_gate_reads_back_who_it_is() {
        let home = tempfile::tempdir().unwrap();
        let folder = DataFolder::at(&home.path().join("data"));
        folder.create().unwrap();
        assert!(matches!(Identity::load(&folder), Err(IdentityError::NotEnrolled)));
        let identity = identity("https://tickets.example");
        identity.store(&folder).unwrap();
        let read = Identity::load(&folder).unwrap();
        assert_eq!(read.enrolment(), identity.enrolment());
        assert_eq!(read.keys().public().unwrap(), identity.keys().public().unwrap());
    }

    #[test]
    fn a_key_file_that_others_can_read_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let folder = DataFolder::at(home.path());
        identity("https://tickets.example").store(&folder).unwrap();
        fs::set_permissions(folder.keys(), fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(Identity::load(&folder), Err(IdentityError::Exposed { .. })));
    }

    #[test]
    fn a_wiped_gate_has_no_subkeys_and_no_copies() {
        let home = tempfile::tempdir().unwrap();
        let folder = DataFolder::at(home.path());
        identity("https://tickets.example").store(&folder).unwrap();
        fs::create_dir(folder.replica()).unwrap();
        fs::write(folder.replica().join("facts.log"), b"x").unwrap();
        folder.wipe().unwrap();
        folder.wipe().unwrap();
        assert!(!folder.subkeys().exists() && !folder.replica().exists() && folder.keys().exists());
        assert!(matches!(Identity::load(&folder), Err(IdentityError::Wiped)));
    }
}
