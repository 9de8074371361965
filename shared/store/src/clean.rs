//! The note that a close leaves: every byte of the index reached the disk, in this state.
//!
//! It spares the next open the walk over all entries. It is taken away, durably, before the index is touched again, so it can
//! never speak for an index that changed after it.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::error::StoreError;
use crate::index::state::IndexState;
use crate::log::sync_folder;

/// Name of the index's folder in the store's folder.
pub(crate) const INDEX_FOLDER: &str = "index";
/// Name of the note in the store's folder.
pub(crate) const CLEAN_FILE: &str = "index.clean";

/// Syncs every file of the index, then writes the note.
pub(crate) fn mark(folder: &Path, state: &IndexState) -> Result<(), StoreError> {
    sync_tree(&folder.join(INDEX_FOLDER))?;
    let path = folder.join(CLEAN_FILE);
    let writing = || StoreError::io("noting a clean close");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path).map_err(writing())?;
    file.write_all(&state.encode()).and_then(|()| file.sync_all()).map_err(writing())?;
    sync_folder(folder)
}

/// Reads the note and takes it away before anything else happens to the index.
pub(crate) fn take(folder: &Path) -> Result<Option<IndexState>, StoreError> {
    let path = folder.join(CLEAN_FILE);
    let note = match fs::read(&path) {
        Ok(bytes) => IndexState::decode(&bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(_) => None,
    };
    fs::remove_file(&path).map_err(StoreError::fatal_io("taking the note of a clean close away"))?;
    sync_folder(folder)?;
    Ok(note)
}

/// Makes all files below a folder durable, and their names.
fn sync_tree(folder: &Path) -> Result<(), StoreError> {
    let syncing = || StoreError::fatal_io("syncing the index");
    for entry in fs::read_dir(folder).map_err(syncing())? {
        let entry = entry.map_err(syncing())?;
        if entry.file_type().map_err(syncing())?.is_dir() {
            sync_tree(&entry.path())?;
        } else {
            File::open(entry.path()).and_then(|file| file.sync_all()).map_err(syncing())?;
        }
    }
    sync_folder(folder)
}
