//! Files that only their owner reads, whole or not at all, and there to stay once written: keys, tokens, codes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// Read and write for the owner, nothing for anybody else.
const OWNER_ONLY: u32 = 0o600;

/// Everything that a file's mode may give to others.
const OTHERS: u32 = 0o077;

/// Where systemd lays the credentials of services (`systemd.exec(5)`, *Credentials*): in memory, for one service each.
const CREDENTIALS: &str = "/run/credentials";

/// Everything that the mode of a credential may not give. Who reads it is in its access control list, whose mask the
/// kernel shows in place of the group.
const OTHERS_OF_CREDENTIAL: u32 = 0o007;

/// Why a private file was not read or not written. It does not name the file: whoever asked knows which.
#[derive(Debug, thiserror::Error)]
pub enum PrivateFileError {
    /// Something stands where a new file should be made. It was not touched.
    #[error("something is there already")]
    Exists,
    /// The file is longer than whoever reads it allows; nothing of it is given.
    #[error("it is longer than such a file may be")]
    TooLong,
    /// Others can read a file that should be its owner's alone.
    #[error("other users can read it; it must have mode 600")]
    Exposed,
    /// The operating system refused.
    #[error("{doing} failed")]
    Storage {
        /// What was tried: reading, writing, renaming, syncing.
        doing: &'static str,
        /// What it said.
        #[source]
        source: io::Error,
    },
}

impl PrivateFileError {
    /// Names what was tried when the operating system refused.
    pub fn storage(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Storage { doing, source }
    }
}

/// Writes a file that must not exist yet; on return it survives a power cut.
///
/// # Errors
/// [`PrivateFileError::Exists`], also where two make the same file at once; [`PrivateFileError::Storage`], then no half of
/// it stays unless the power goes.
pub fn create(path: &Path, bytes: &[u8]) -> Result<(), PrivateFileError> {
    let made = OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(path);
    let file = made.map_err(|source| {
        if source.kind() == io::ErrorKind::AlreadyExists {
            PrivateFileError::Exists
        } else {
            PrivateFileError::Storage { doing: "making", source }
        }
    })?;
    if let Err(error) = fill(file, bytes) {
        if let Err(left) = fs::remove_file(path) {
            tracing::warn!(error = %left, "half a file stays behind");
        }
        return Err(error);
    }
    sync_folder_of(path)
}

/// Puts a file in the place of another, if there is one: the old content stands until the new one is durable.
///
/// # Errors
/// [`PrivateFileError::Storage`].
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), PrivateFileError> {
    replace_unsynced(path, bytes)?;
    sync_folder_of(path)
}

/// The same without its name being durable: for many files of one folder, which is then synced once.
///
/// # Errors
/// [`PrivateFileError::Storage`].
pub fn replace_unsynced(path: &Path, bytes: &[u8]) -> Result<(), PrivateFileError> {
    let beside = path.with_extension("new");
    // What an interrupted run left may have another owner or mode.
    match fs::remove_file(&beside) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(source) => return Err(PrivateFileError::Storage { doing: "removing", source }),
    }
    let made = OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(&beside);
    fill(made.map_err(PrivateFileError::storage("making"))?, bytes)?;
    fs::rename(&beside, path).map_err(PrivateFileError::storage("renaming"))
}

/// Reads a file that is no longer than this.
///
/// # Errors
/// [`PrivateFileError::TooLong`] or [`PrivateFileError::Storage`].
pub fn read(path: &Path, bytes_max: usize) -> Result<Vec<u8>, PrivateFileError> {
    bounded(File::open(path).map_err(PrivateFileError::storage("reading"))?, bytes_max)
}

/// Reads a secret: a file that is no longer than this and that nobody else may read.
///
/// # Errors
/// [`PrivateFileError::Exposed`], [`PrivateFileError::TooLong`] or [`PrivateFileError::Storage`].
pub fn read_secret(path: &Path, bytes_max: usize) -> Result<Vec<u8>, PrivateFileError> {
    let file = File::open(path).map_err(PrivateFileError::storage("reading"))?;
    let metadata = file.metadata().map_err(PrivateFileError::storage("reading"))?;
    let others = if is_credential(path) { OTHERS_OF_CREDENTIAL } else { OTHERS };
    if metadata.permissions().mode() & others != 0 {
        return Err(PrivateFileError::Exposed);
    }
    bounded(file, bytes_max)
}

/// Whether a file is one that systemd lays before a service, decrypted, in memory.
#[must_use]
pub fn is_credential(path: &Path) -> bool {
    path.starts_with(CREDENTIALS)
}

/// Moves a file to another folder; durable on return.
///
/// # Errors
/// [`PrivateFileError::Storage`].
pub fn rename(from: &Path, to: &Path) -> Result<(), PrivateFileError> {
    fs::rename(from, to).map_err(PrivateFileError::storage("renaming"))?;
    sync_folder_of(to)?;
    sync_folder_of(from)
}

/// Overwrites, syncs and removes a file, if it is there. On a medium that writes elsewhere the overwriting is a best effort; the
/// removal is not.
///
/// # Errors
/// [`PrivateFileError::Storage`].
pub fn shred(path: &Path) -> Result<(), PrivateFileError> {
    if !path.exists() {
        return Ok(());
    }
    overwrite(path)?;
    fs::remove_file(path).map_err(PrivateFileError::storage("removing"))?;
    sync_folder_of(path)
}

/// The same with a whole folder. Cut off halfway it may be asked for again; files of the folder itself go before those of
/// folders in it.
///
/// # Errors
/// [`PrivateFileError::Storage`].
pub fn shred_folder(folder: &Path) -> Result<(), PrivateFileError> {
    if !folder.exists() {
        return Ok(());
    }
    overwrite_all(folder)?;
    fs::remove_dir_all(folder).map_err(PrivateFileError::storage("removing"))?;
    sync_folder_of(folder)
}

fn overwrite_all(folder: &Path) -> Result<(), PrivateFileError> {
    let mut within = Vec::new();
    for entry in fs::read_dir(folder).map_err(PrivateFileError::storage("listing"))? {
        let entry = entry.map_err(PrivateFileError::storage("listing"))?;
        // The kind of the name itself: where a link leads is none of this folder's.
        let kind = entry.file_type().map_err(PrivateFileError::storage("listing"))?;
        if kind.is_dir() {
            within.push(entry.path());
        } else if kind.is_file() {
            overwrite(&entry.path())?;
        }
    }
    within.iter().try_for_each(|folder| overwrite_all(folder))
}

fn overwrite(path: &Path) -> Result<(), PrivateFileError> {
    let overwritten = OpenOptions::new().write(true).open(path).and_then(|mut file| {
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(0))?;
        io::copy(&mut io::repeat(0).take(length), &mut file)?;
        file.sync_all()
    });
    overwritten.map_err(PrivateFileError::storage("overwriting"))
}

/// Makes the names in a folder durable.
///
/// # Errors
/// [`PrivateFileError::Storage`].
pub fn sync_folder(folder: &Path) -> Result<(), PrivateFileError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(PrivateFileError::storage("syncing"))
}

pub(crate) fn sync_folder_of(path: &Path) -> Result<(), PrivateFileError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    sync_folder(folder.unwrap_or_else(|| Path::new(".")))
}

fn fill(mut file: File, bytes: &[u8]) -> Result<(), PrivateFileError> {
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(PrivateFileError::storage("writing"))
}

fn bounded(file: File, bytes_max: usize) -> Result<Vec<u8>, PrivateFileError> {
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    let length = file.metadata().map_err(PrivateFileError::storage("reading"))?.len().min(limit);
    // As long as the file is: a vector that grows leaves copies of a secret behind.
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(bytes_max));
    file.take(limit).read_to_end(&mut bytes).map_err(PrivateFileError::storage("reading"))?;
    if bytes.len() > bytes_max { Err(PrivateFileError::TooLong) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_private_file_is_its_owners_alone_and_never_overwritten() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("codes.csv");
        create(&path, b"first").unwrap();
        assert_eq!(mode(&path), OWNER_ONLY);
        assert!(matches!(create(&path, b"second"), Err(PrivateFileError::Exists)));
        assert_eq!(read(&path, 5).unwrap(), b"first");
    }

    #[test]
    fn a_file_that_is_longer_than_allowed_is_refused_and_not_cut() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("key");
        create(&path, b"12345").unwrap();
        assert!(matches!(read(&path, 4), Err(PrivateFileError::TooLong)));
        assert!(matches!(read_secret(&path, 4), Err(PrivateFileError::TooLong)));
        assert_eq!(read_secret(&path, 5).unwrap(), b"12345");
    }

    #[test]
    fn a_secret_that_others_can_read_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("key");
        create(&path, b"secret").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(read_secret(&path, 6), Err(PrivateFileError::Exposed)));
        assert!(read(&path, 6).is_ok());
    }

    #[test]
    fn what_replaces_a_file_is_private_whatever_an_interrupted_run_left_beside_it() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("tokens.json");
        let beside = home.path().join("tokens.new");
        fs::write(&beside, b"left behind").unwrap();
        fs::set_permissions(&beside, fs::Permissions::from_mode(0o644)).unwrap();
        for content in [b"one", b"two"] {
            replace(&path, content).unwrap();
            assert_eq!((read(&path, 3).unwrap().as_slice(), mode(&path)), (content.as_slice(), OWNER_ONLY));
        }
        assert!(!beside.exists());
    }

    #[test]
    fn a_shredded_file_is_gone_and_may_be_shredded_again() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("week");
        create(&path, b"secret").unwrap();
        // Another name of the same bytes shows what became of them.
        let witness = home.path().join("witness");
        fs::hard_link(&path, &witness).unwrap();
        shred(&path).unwrap();
        shred(&path).unwrap();
        assert!(!path.exists());
        assert_eq!(fs::read(&witness).unwrap(), [0; 6]);
    }

    #[test]
    fn a_shredded_folder_is_gone_with_all_that_was_in_it_and_nothing_that_it_only_points_to() {
        let home = tempfile::tempdir().unwrap();
        let (folder, elsewhere) = (home.path().join("event"), home.path().join("elsewhere"));
        fs::create_dir_all(folder.join("index")).unwrap();
        fs::write(&elsewhere, b"not of it").unwrap();
        std::os::unix::fs::symlink(&elsewhere, folder.join("link")).unwrap();
        let witnesses = ["facts.log", "index/db"].map(|name| {
            fs::write(folder.join(name), b"secret").unwrap();
            let witness = home.path().join(name.replace('/', "-"));
            fs::hard_link(folder.join(name), &witness).unwrap();
            witness
        });
        shred_folder(&folder).unwrap();
        shred_folder(&folder).unwrap();
        assert!(!folder.exists());
        for witness in witnesses {
            assert_eq!(fs::read(witness).unwrap(), [0; 6]);
        }
        assert_eq!(fs::read(&elsewhere).unwrap(), b"not of it");
    }

    #[test]
    fn what_is_missing_is_told_with_what_the_system_said() {
        let home = tempfile::tempdir().unwrap();
        let missing = read(&home.path().join("none"), 1).unwrap_err();
        let told = kido_shared::error_chain::Chain(&missing).to_string();
        assert!(told.starts_with("reading failed: No such file"), "{told}");
    }
}
