//! A thief's gate: another process on a copy of a gate's disk.

use std::path::Path;

use super::Gate;
use crate::harness::HarnessError;
use crate::harness::venue::free_port;

impl Gate {
    /// Copies the disk of a gate that is stopped; the copy has another reader and another screen, and the same keys.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub fn copy_disk(&self, slot: u8) -> Result<Self, HarnessError> {
        let name = format!("{}-copy", self.name);
        let folder = self.folder.with_file_name(&name);
        copy(&self.folder, &folder)?;
        Ok(Self {
            programs: self.programs.clone(),
            name,
            folder,
            logs: self.logs.clone(),
            pcscd_socket: self.pcscd_socket.clone(),
            slot,
            host: self.host.clone(),
            kiosk_port: free_port()?,
            process: None,
            metrics: None,
            kiosk: None,
            event: self.event.clone(),
            id: self.id.clone(),
            log_level: self.log_level,
            barrier: self.barrier.clone(),
            direction: self.direction,
        })
    }
}

/// With the permissions of each file: a gate refuses keys that others may read.
fn copy(from: &Path, to: &Path) -> Result<(), HarnessError> {
    let failed = |source| HarnessError::File { path: from.to_owned(), source };
    std::fs::create_dir(to).map_err(failed)?;
    std::fs::set_permissions(to, std::fs::metadata(from).map_err(failed)?.permissions()).map_err(failed)?;
    for entry in std::fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let target = to.join(entry.file_name());
        if entry.file_type().map_err(failed)?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target).map_err(failed)?;
        }
    }
    Ok(())
}
