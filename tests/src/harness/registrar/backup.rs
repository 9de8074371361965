//! A registrar whose disk is lost: its stores come back from a backup, its keyring is what it was.

use std::path::{Path, PathBuf};

use super::Registrar;
use crate::harness::HarnessError;
use crate::harness::disk::copy_folder;

/// The stores of a registrar as they were.
#[derive(Debug)]
pub struct Backup(PathBuf);

impl Registrar {
    fn stores(&self) -> PathBuf {
        self.folder.join("events")
    }

    /// Copies the stores of a running registrar as its operator would: stopped meanwhile.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn back_up(&mut self) -> Result<Backup, HarnessError> {
        let backup = self.folder.with_file_name("backup");
        self.stop().await?;
        copy_folder(&self.stores(), &backup)?;
        self.start().await?;
        Ok(Backup(backup))
    }

    /// Loses the stores while it runs, and starts it on the backup.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn lose_stores(&mut self, Backup(backup): &Backup) -> Result<(), HarnessError> {
        let stores = self.stores();
        self.kill().await?;
        std::fs::remove_dir_all(&stores).map_err(|source| HarnessError::File { path: stores.clone(), source })?;
        copy_folder(backup, &stores)?;
        self.start().await
    }

    /// Another registrar that begins with a copy of this one's folder, as from a backup; to be made while this one is
    /// stopped.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub fn restored(&self, folder: &Path, port: u16) -> Result<Self, HarnessError> {
        copy_folder(&self.folder, folder)?;
        Ok(Self {
            programs: self.programs.clone(),
            folder: folder.to_owned(),
            logs: self.logs.clone(),
            host: self.host.clone(),
            port,
            public: Some(self.public_origin()),
            anchors: self.anchors.clone(),
            process: None,
            metrics: None,
            logs_requests: self.logs_requests,
        })
    }
}
