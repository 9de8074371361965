//! Who this gate is: its keys, and what its enrolment told it. Three files that only the gate's user can read.
//!
//! | file | content |
//! |---|---|
//! | `gate.key` | both private keys; made here; may then move into a systemd credential, and never anywhere else |
//! | `subkeys` | the event's subkeys; wiped at the retention date |
//! | `enrolment.cbor` | event, registrar, root key, entrance: nothing secret |

mod enrolment;
mod folder;

use std::path::{Path, PathBuf};

use kido_shared::challenge::OriginError;
use kido_shared::enrolment::{EnrolmentError, OwnKeys};
use kido_shared::feed::FeedError;
use kido_shared::keys::GateSubkeys;
use kido_store::private_file::{self, PrivateFileError};
use zeroize::Zeroizing;

pub use enrolment::Enrolment;
pub use folder::DataFolder;

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
    #[error(
        "a gate was enrolled in this data folder already, even if it was wiped since: choose another one (--data, or data in gate.toml)"
    )]
    Enrolled,
    /// The keys are to lie elsewhere, where no enrolment can put them.
    #[error("{} is named for the keys, but an enrolment makes them in the data folder: enrol without it, then encrypt gate.key there", path.display())]
    KeysElsewhere {
        /// Where they were to lie.
        path: PathBuf,
    },
    /// The keys are those of another enrolment.
    #[error("{} holds the keys of another enrolment: encrypt gate.key of this data folder once more, or leave --keys out", path.display())]
    OtherKeys {
        /// Where they lie.
        path: PathBuf,
    },
    /// The event's retention date has passed: its keys and copies are gone.
    #[error("the event is over and its keys were wiped; enrol anew in another data folder")]
    Wiped,
    /// The data folder is another user's: what is written now, the gate's own user could not read.
    #[error("{} belongs to user {owner}: run this as that user, as in `runuser -u kido-gate -- kido-gate …`", path.display())]
    OtherOwner {
        /// Which folder.
        path: PathBuf,
        /// The number of the user whose it is.
        owner: u32,
    },
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
    /// The private keys are not in the data folder, and nobody said where else they are.
    #[error(
        "{} is not there. Where this gate's keys are a credential, say where it lies: --keys FILE, or KIDO_GATE_KEYS_FILE; \
         if they are lost, enrol anew in another data folder",
        path.display()
    )]
    NoKeys {
        /// Where an enrolment has written them.
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

/// Who this gate is.
#[derive(Debug, Clone)]
pub struct Identity {
    keys: OwnKeys,
    subkeys: GateSubkeys,
    enrolment: Enrolment,
}

impl Identity {
    /// What an enrolment has led to, not stored yet.
    #[must_use]
    pub const fn new(keys: OwnKeys, subkeys: GateSubkeys, enrolment: Enrolment) -> Self {
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
        folder.has_keys()?;
        let keys = OwnKeys::from_bytes(&read_private(&folder.keys())?).map_err(IdentityError::Keys)?;
        let path = folder.subkeys();
        let subkeys = GateSubkeys::from_bytes(&read_private(&path)?).ok_or(IdentityError::Damaged { path })?;
        let (enrolment, enrolled) = Enrolment::decode(&read_private(&folder.enrolment())?, &folder.enrolment())?;
        if enrolled.is_some_and(|enrolled| enrolled != keys.signing().verifying_key().to_bytes()) {
            return Err(IdentityError::OtherKeys { path: folder.keys() });
        }
        Ok(Self { keys, subkeys, enrolment })
    }

    /// Writes the gate's files, the enrolment last: where it stands, all of it stands.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub fn store(&self, folder: &DataFolder) -> Result<(), IdentityError> {
        write_private(&folder.own_keys(), self.keys.to_bytes().as_slice())?;
        write_private(&folder.subkeys(), self.subkeys.to_bytes().as_slice())?;
        write_private(&folder.enrolment(), &self.enrolment.encode(&self.keys.signing().verifying_key()))
    }

    /// The gate's own keys.
    #[must_use]
    pub const fn keys(&self) -> &OwnKeys {
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
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use ed25519_dalek::SigningKey;
    use kido_shared::challenge::Origin;
    use kido_shared::clock::Timestamp;
    use kido_shared::feed::FeedKeyStatement;
    use kido_shared::ids::{EventId, GateId};
    use kido_shared::keys::EventKey;
    use kido_shared::ticket::Zone;
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
            revokes_before: None,
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
        Identity::new(OwnKeys::generate(&mut random), EventKey::generate(&mut random).for_gate(), enrolment)
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
    fn keys_that_lie_elsewhere_are_the_ones_that_count() {
        let home = tempfile::tempdir().unwrap();
        let (folder, elsewhere) = (DataFolder::at(&home.path().join("data")), home.path().join("credential"));
        folder.create().unwrap();
        let identity = identity("https://tickets.example");
        identity.store(&folder).unwrap();
        fs::rename(folder.keys(), &elsewhere).unwrap();
        let lost = Identity::load(&folder).unwrap_err();
        assert!(matches!(lost, IdentityError::NoKeys { .. }) && lost.to_string().contains("--keys FILE"), "{lost}");
        let nowhere = folder.clone().with_keys_at(Some(home.path().join("nowhere")));
        assert!(matches!(Identity::load(&nowhere), Err(IdentityError::Storage { .. })), "it was said where they lie");
        let folder = folder.with_keys_at(Some(elsewhere.clone()));
        let read = Identity::load(&folder).unwrap();
        assert_eq!(read.keys().public().unwrap(), identity.keys().public().unwrap());
        fs::write(folder.path().join("gate.key"), OwnKeys::generate(&mut StdRng::seed_from_u64(9)).to_bytes()).unwrap();
        let next = DataFolder::at(folder.path()).with_keys_at(Some(folder.path().join("gate.key")));
        fs::set_permissions(next.keys(), fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(Identity::load(&next), Err(IdentityError::OtherKeys { .. })), "of another evening");
        let other = DataFolder::at(&home.path().join("other")).with_keys_at(Some(elsewhere));
        assert!(matches!(other.may_be_enrolled(), Err(IdentityError::KeysElsewhere { .. })));
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
