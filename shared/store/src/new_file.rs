//! Files that are written for somebody to carry away: whole under their name, or not there, and never over another one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::private_file::{PrivateFileError, sync_folder_of};

/// Who may read a file that was written, on a medium that knows owners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Its owner alone.
    Owner,
    /// Whoever gets at the medium.
    Anyone,
}

/// A file that is being written beside its name. Dropped before [`Self::finish`] it is gone.
#[derive(Debug)]
pub struct NewFile {
    path: PathBuf,
    part: PathBuf,
    file: BufWriter<File>,
    finished: bool,
}

impl NewFile {
    /// Begins a file of this name, which must not be there yet. What an interrupted run left beside it gives way.
    ///
    /// # Errors
    /// [`PrivateFileError::Exists`] or [`PrivateFileError::Storage`].
    pub fn begin(path: &Path, readers: Readers) -> Result<Self, PrivateFileError> {
        if path.symlink_metadata().is_ok() {
            return Err(PrivateFileError::Exists);
        }
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        match fs::remove_file(&part) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(PrivateFileError::Storage { doing: "removing", source }),
        }
        let mode = match readers {
            Readers::Owner => 0o600,
            Readers::Anyone => 0o644,
        };
        let made = OpenOptions::new().write(true).create_new(true).mode(mode).open(&part);
        let file = BufWriter::new(made.map_err(PrivateFileError::storage("making"))?);
        Ok(Self { path: path.to_owned(), part, file, finished: false })
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// [`PrivateFileError::Storage`].
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), PrivateFileError> {
        self.file.write_all(bytes).map_err(PrivateFileError::storage("writing"))
    }

    /// Gives it its name; on return it survives a power cut, and the medium may be taken out.
    ///
    /// # Errors
    /// [`PrivateFileError::Exists`], where somebody made one of this name meanwhile; [`PrivateFileError::Storage`].
    pub fn finish(mut self) -> Result<(), PrivateFileError> {
        let synced = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        synced.map_err(PrivateFileError::storage("writing"))?;
        match renameat_with(CWD, &self.part, CWD, &self.path, RenameFlags::NOREPLACE) {
            Ok(()) => {}
            Err(Errno::EXIST) => return Err(PrivateFileError::Exists),
            // A file system that cannot promise it: what was looked at when it began is looked at again.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) if self.path.symlink_metadata().is_err() => {
                fs::rename(&self.part, &self.path).map_err(PrivateFileError::storage("renaming"))?;
            }
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => return Err(PrivateFileError::Exists),
            Err(error) => return Err(PrivateFileError::Storage { doing: "renaming", source: error.into() }),
        }
        self.finished = true;
        sync_folder_of(&self.path)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.finished
            && let Err(left) = fs::remove_file(&self.part)
        {
            tracing::warn!(error = %left, "half a file stays behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_its_name_once_it_is_whole() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("feed.kido");
        let mut file = NewFile::begin(&path, Readers::Anyone).unwrap();
        file.write(b"whole").unwrap();
        assert!(!path.exists());
        file.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }

    #[test]
    fn nothing_is_written_over_also_where_it_came_meanwhile() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("journal.kido");
        let file = NewFile::begin(&path, Readers::Owner).unwrap();
        fs::write(&path, b"another's").unwrap();
        assert!(matches!(file.finish(), Err(PrivateFileError::Exists)));
        assert!(matches!(NewFile::begin(&path, Readers::Owner), Err(PrivateFileError::Exists)));
        assert_eq!(fs::read(&path).unwrap(), b"another's");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "no half of it stays");
    }

    #[test]
    fn what_an_interrupted_run_left_gives_way() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("feed.kido");
        fs::write(home.path().join("feed.kido.part"), b"half of a longer one").unwrap();
        let mut file = NewFile::begin(&path, Readers::Owner).unwrap();
        file.write(b"whole").unwrap();
        file.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
    }
}
