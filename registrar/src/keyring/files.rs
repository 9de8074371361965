//! The keyring's files and folders: private files, and errors that name them.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use kido_store::private_file::{self, PrivateFileError};
use zeroize::Zeroizing;

use super::KeyringError;

const OWNER_ONLY_FOLDER: u32 = 0o700;

fn failed(path: &Path) -> impl FnOnce(PrivateFileError) -> KeyringError {
    let path = path.to_owned();
    move |source| match source {
        PrivateFileError::Exists => KeyringError::Exists(path),
        PrivateFileError::TooLong => KeyringError::Content(path),
        PrivateFileError::Exposed | PrivateFileError::Storage { .. } => KeyringError::File { path, source },
    }
}

pub(super) fn create_folder(path: &Path) -> Result<(), KeyringError> {
    let made = DirBuilder::new().recursive(true).mode(OWNER_ONLY_FOLDER).create(path);
    made.map_err(PrivateFileError::storage("making")).map_err(failed(path))?;
    path.parent().filter(|parent| parent.is_dir()).map_or(Ok(()), sync_folder)
}

pub(super) fn sync_folder(path: &Path) -> Result<(), KeyringError> {
    private_file::sync_folder(path).map_err(failed(path))
}

/// Writes a file that must not exist yet, whole or not at all; it is durable on return.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), KeyringError> {
    refuse_existing(path)?;
    private_file::replace(path, bytes).map_err(failed(path))
}

/// The same without its name being durable: for many files of one folder, which is then synced once.
pub(super) fn write_unsynced(path: &Path, bytes: &[u8]) -> Result<(), KeyringError> {
    refuse_existing(path)?;
    private_file::replace_unsynced(path, bytes).map_err(failed(path))
}

/// Writes a file in the place of another, if there is one; it is durable on return.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), KeyringError> {
    private_file::replace(path, bytes).map_err(failed(path))
}

/// The keyring's own lock keeps others of this process out; two processes never share a keyring.
fn refuse_existing(path: &Path) -> Result<(), KeyringError> {
    if path.exists() { Err(KeyringError::Exists(path.to_owned())) } else { Ok(()) }
}

/// Moves a file to another folder; durable on return.
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), KeyringError> {
    private_file::rename(from, to).map_err(failed(from))
}

/// The whole file, where it is no longer than this.
pub(super) fn read_up_to(path: &Path, bytes_max: u64) -> Result<Vec<u8>, KeyringError> {
    private_file::read(path, usize::try_from(bytes_max).unwrap_or(usize::MAX)).map_err(failed(path))
}

pub(super) fn read_exactly<const LENGTH: usize>(path: &Path) -> Result<Zeroizing<[u8; LENGTH]>, KeyringError> {
    exactly(path, private_file::read(path, LENGTH))
}

/// The same of a secret: refused where others can read it.
pub(super) fn read_secret<const LENGTH: usize>(path: &Path) -> Result<Zeroizing<[u8; LENGTH]>, KeyringError> {
    exactly(path, private_file::read_secret(path, LENGTH))
}

fn exactly<const LENGTH: usize>(
    path: &Path,
    read: Result<Vec<u8>, PrivateFileError>,
) -> Result<Zeroizing<[u8; LENGTH]>, KeyringError> {
    let bytes = Zeroizing::new(read.map_err(failed(path))?);
    let exact = <[u8; LENGTH]>::try_from(bytes.as_slice()).map_err(|_length| KeyringError::Content(path.to_owned()))?;
    Ok(Zeroizing::new(exact))
}

/// The names in a folder, in their order; what was being written when the power went is left out.
pub(super) fn names(folder: &Path) -> Result<Vec<String>, KeyringError> {
    let entries = fs::read_dir(folder).map_err(PrivateFileError::storage("listing")).map_err(failed(folder))?;
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(PrivateFileError::storage("listing")).map_err(failed(folder))?.file_name();
        names.extend(name.into_string().ok().filter(|name| !name.contains('.')));
    }
    names.sort_unstable();
    Ok(names)
}

/// Overwrites and removes a file, if it is there.
pub(super) fn shred(path: &Path) -> Result<(), KeyringError> {
    private_file::shred(path).map_err(failed(path))
}
