//! Bringing a log into the world so that a power cut leaves either none or a whole one.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use crate::error::StoreError;
use crate::frame;
use crate::held::HeldFolder;
use crate::position::{LogHead, StoreIdentity};

/// Name of the log in the store's folder.
pub(crate) const LOG_FILE: &str = "facts.log";
/// Name of a log that is not whole yet; what a power cut leaves of it is written over.
const UNFINISHED_FILE: &str = "facts.log.new";

/// Makes the folder and those above it that are missing, each durable in its parent.
pub(crate) fn create_folder(folder: &Path) -> Result<(), StoreError> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = parent_of(folder);
    create_folder(parent)?;
    match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(StoreError::io("creating the store's folder")(error)),
    }
    sync_folder(parent)
}

/// The folder above; for a bare name that is where the program stands.
fn parent_of(folder: &Path) -> &Path {
    match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    }
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(StoreError::fatal_io("syncing a folder"))
}

/// Creates a log without facts. The folder exists and is locked.
pub(crate) fn create(folder: &Path, identity: StoreIdentity) -> Result<(), StoreError> {
    install(folder, |file| {
        file.write_all(&frame::encode_header(identity)).map_err(StoreError::io("creating the facts log"))
    })
}

/// The same in memory.
pub(crate) fn create_held(held: &HeldFolder, identity: StoreIdentity) -> Result<(), StoreError> {
    held.install(&frame::encode_header(identity))
}

/// The head of this store's log before its first fact.
pub(crate) fn empty_head(identity: StoreIdentity) -> LogHead {
    frame::empty_head(&frame::encode_header(identity))
}

/// Lets `fill` write a whole log, makes it durable and only then gives it its name.
pub(crate) fn install<T>(
    folder: &Path,
    fill: impl FnOnce(&mut File) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let unfinished = folder.join(UNFINISHED_FILE);
    let create = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished);
    let mut file = create.map_err(StoreError::io("creating the facts log"))?;
    let filled = fill(&mut file)?;
    file.sync_all().map_err(StoreError::fatal_io("syncing the facts log"))?;
    fs::rename(&unfinished, folder.join(LOG_FILE)).map_err(StoreError::io("naming the facts log"))?;
    sync_folder(folder)?;
    // The folder itself may be younger than its parent's last sync, whoever made it.
    sync_folder(parent_of(folder))?;
    Ok(filled)
}
