//! Where a gate keeps everything, and wiping it.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use kido_store::private_file::{self, PrivateFileError};

use super::{IdentityError, storage};

/// Where the gate keeps everything.
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
    /// [`IdentityError::Storage`]; [`IdentityError::OtherOwner`] where it is there and somebody else's, as when root enrols
    /// a gate that runs as a user of its own.
    pub fn create(&self) -> Result<(), IdentityError> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.path);
        made.map_err(PrivateFileError::storage("making")).map_err(storage(&self.path))?;
        self.is_ours()
    }

    /// Whether what is written here now, the gate's own user can read.
    ///
    /// # Errors
    /// [`IdentityError::OtherOwner`]; [`IdentityError::Storage`] where there is no folder.
    pub fn is_ours(&self) -> Result<(), IdentityError> {
        let owner = fs::metadata(&self.path).map(|folder| folder.uid());
        let owner = owner.map_err(PrivateFileError::storage("looking at")).map_err(storage(&self.path))?;
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

    /// The replica's store.
    #[must_use]
    pub fn replica(&self) -> PathBuf {
        self.path.join("replica")
    }

    /// The journal's store.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.path.join("journal")
    }

    /// The private keys, wherever they lie.
    #[must_use]
    pub fn keys(&self) -> PathBuf {
        self.keys.clone().unwrap_or_else(|| self.own_keys())
    }

    /// The private keys as an enrolment writes them.
    pub(super) fn own_keys(&self) -> PathBuf {
        self.path.join("gate.key")
    }

    /// Whether the private keys are where they are looked for, unless somebody has said where that is.
    ///
    /// # Errors
    /// [`IdentityError::NoKeys`].
    pub(super) fn has_keys(&self) -> Result<(), IdentityError> {
        let path = self.own_keys();
        if self.keys.is_some() || path.exists() { Ok(()) } else { Err(IdentityError::NoKeys { path }) }
    }

    /// The event's subkeys.
    #[must_use]
    pub fn subkeys(&self) -> PathBuf {
        self.path.join("subkeys")
    }

    /// What the enrolment told.
    #[must_use]
    pub fn enrolment(&self) -> PathBuf {
        self.path.join("enrolment.cbor")
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
        private_file::sync_folder(&self.path).map_err(storage(&self.path))
    }
}
