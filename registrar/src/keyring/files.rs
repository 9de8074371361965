//! Files that only their owner reads, written whole or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use zeroize::Zeroizing;

use super::KeyringError;

/// Read and write for the owner, nothing for anybody else.
const OWNER_ONLY: u32 = 0o600;

const OWNER_ONLY_FOLDER: u32 = 0o700;

fn failed(path: &Path, doing: &'static str) -> impl FnOnce(std::io::Error) -> KeyringError {
    let path = path.to_owned();
    move |source| KeyringError::File { path, doing, source }
}

pub(super) fn create_folder(path: &Path) -> Result<(), KeyringError> {
    let made = DirBuilder::new().recursive(true).mode(OWNER_ONLY_FOLDER).create(path);
    made.map_err(failed(path, "made"))?;
    path.parent().filter(|parent| parent.is_dir()).map_or(Ok(()), sync_folder)
}

pub(super) fn sync_folder(path: &Path) -> Result<(), KeyringError> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(failed(path, "synced"))
}

/// Writes a file that must not exist yet; it is durable on return.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), KeyringError> {
    write_unsynced(path, bytes)?;
    sync_folder(folder_of(path))
}

/// The same without its name being durable: for many files of one folder, which is then synced once.
pub(super) fn write_unsynced(path: &Path, bytes: &[u8]) -> Result<(), KeyringError> {
    if path.exists() {
        return Err(KeyringError::Exists(path.to_owned()));
    }
    let beside = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(OWNER_ONLY);
    let written = options.open(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(failed(&beside, "written"))?;
    fs::rename(&beside, path).map_err(failed(path, "renamed"))
}

/// Moves a file to another folder; durable on return.
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), KeyringError> {
    fs::rename(from, to).map_err(failed(from, "renamed"))?;
    sync_folder(folder_of(to))?;
    sync_folder(folder_of(from))
}

/// The whole file, where it is no longer than this.
pub(super) fn read_up_to(path: &Path, bytes_max: u64) -> Result<Vec<u8>, KeyringError> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed(path, "read"))?;
    file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes).map_err(failed(path, "read"))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= bytes_max) {
        Ok(bytes)
    } else {
        Err(KeyringError::Content(path.to_owned()))
    }
}

pub(super) fn read_exactly<const LENGTH: usize>(path: &Path) -> Result<Zeroizing<[u8; LENGTH]>, KeyringError> {
    let bytes = Zeroizing::new(read_up_to(path, u64::try_from(LENGTH).unwrap_or(u64::MAX))?);
    let exact = <[u8; LENGTH]>::try_from(bytes.as_slice()).map_err(|_length| KeyringError::Content(path.to_owned()))?;
    Ok(Zeroizing::new(exact))
}

/// The names in a folder, in their order; what was being written when the power went is left out.
pub(super) fn names(folder: &Path) -> Result<Vec<String>, KeyringError> {
    let entries = fs::read_dir(folder).map_err(failed(folder, "read"))?;
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(failed(folder, "read"))?.file_name();
        names.extend(name.into_string().ok().filter(|name| !name.contains('.')));
    }
    names.sort_unstable();
    Ok(names)
}

/// Overwrites, syncs and removes a file. On a medium that writes elsewhere the overwriting is a best effort; the removal is not.
pub(super) fn shred(path: &Path) -> Result<(), KeyringError> {
    if !path.exists() {
        return Ok(());
    }
    let overwritten = OpenOptions::new().write(true).open(path).and_then(|mut file| {
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(0))?;
        std::io::copy(&mut std::io::repeat(0).take(length), &mut file)?;
        file.sync_all()
    });
    overwritten.map_err(failed(path, "overwritten"))?;
    fs::remove_file(path).map_err(failed(path, "removed"))?;
    sync_folder(folder_of(path))
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    }
}
