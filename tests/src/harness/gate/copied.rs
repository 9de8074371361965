//! A thief's gate: another process on a copy of a gate's disk.

use super::Gate;
use crate::harness::HarnessError;
use crate::harness::disk::copy_folder;
use crate::harness::venue::free_port;

impl Gate {
    /// Copies the disk of a gate that is stopped; the copy has another reader and another screen, and the same keys.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub fn copy_disk(&self, slot: u8) -> Result<Self, HarnessError> {
        let name = format!("{}-copy", self.name);
        let folder = self.folder.with_file_name(&name);
        copy_folder(&self.folder, &folder)?;
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
