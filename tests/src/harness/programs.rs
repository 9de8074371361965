//! Where the programs are: beside the running one, as one `cargo build --workspace --bins` leaves them.

use std::path::{Path, PathBuf};

use super::HarnessError;

/// Paths of the programs under test.
#[derive(Debug, Clone)]
pub struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// The programs of the build that the running program belongs to.
    ///
    /// # Errors
    /// [`HarnessError::NotBuilt`] where one is missing.
    pub fn of_this_build() -> Result<Self, HarnessError> {
        let running = std::env::current_exe()
            .map_err(|source| HarnessError::File { path: PathBuf::from("the running program"), source })?;
        let built = |folder: &Path| folder.join("kido-gate").is_file();
        let folder = running.ancestors().skip(1).take(3).find(|folder| built(folder));
        let folder = folder.ok_or_else(|| HarnessError::NotBuilt(PathBuf::from("kido-gate")))?.to_owned();
        let programs = Self { folder };
        for path in
            [programs.registrar(), programs.gate(), programs.arbiter(), programs.card(), programs.virtual_card()]
        {
            if !path.is_file() {
                return Err(HarnessError::NotBuilt(path));
            }
        }
        Ok(programs)
    }

    /// `kido-registrar`.
    #[must_use]
    pub fn registrar(&self) -> PathBuf {
        self.folder.join("kido-registrar")
    }

    /// `kido-gate`.
    #[must_use]
    pub fn gate(&self) -> PathBuf {
        self.folder.join("kido-gate")
    }

    /// `kido-arbiter`.
    #[must_use]
    pub fn arbiter(&self) -> PathBuf {
        self.folder.join("kido-arbiter")
    }

    /// `kido-card`.
    #[must_use]
    pub fn card(&self) -> PathBuf {
        self.folder.join("kido-card")
    }

    /// `kido-virtual-card`.
    #[must_use]
    pub fn virtual_card(&self) -> PathBuf {
        self.folder.join("kido-virtual-card")
    }
}
