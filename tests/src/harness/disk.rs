//! A program's folder as it lies on its disk: copied whole, for a backup, a thief or another machine.

use std::path::Path;

use super::HarnessError;

/// Copies a folder, every file and folder in it with its permissions: keys stay their owner's, as their programs insist.
pub(super) fn copy_folder(from: &Path, to: &Path) -> Result<(), HarnessError> {
    let failed = |source| HarnessError::File { path: from.to_owned(), source };
    std::fs::create_dir_all(to).map_err(failed)?;
    std::fs::set_permissions(to, std::fs::metadata(from).map_err(failed)?.permissions()).map_err(failed)?;
    for entry in std::fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().map_err(failed)?.is_dir() {
            copy_folder(&source, &target)?;
        } else {
            std::fs::copy(&source, &target).map_err(failed)?;
        }
    }
    Ok(())
}
