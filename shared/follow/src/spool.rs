//! Where ranges wait until their chain has met the signed head.

use std::io;
use std::path::{Path, PathBuf};

use kido_shared::feed::{FeedError, SealedRecord, decode_range, encode_range};
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};

/// What waits in memory; more goes to a file, so that a fresh gate's first hour costs no memory.
const MEMORY_BYTES: usize = 4 * 1024 * 1024;

/// Why the spool failed.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The disk refused.
    #[error("spooling the feed failed")]
    Storage(#[source] io::Error),
    /// What comes back is not what was put in: the disk's fault.
    #[error("the spooled feed does not read back")]
    Damaged(#[source] FeedError),
}

impl From<io::Error> for SpoolError {
    fn from(error: io::Error) -> Self {
        Self::Storage(error)
    }
}

/// Ranges in their order: first in memory, then in a file without a name.
#[derive(Debug)]
pub struct Spool {
    folder: PathBuf,
    held: std::collections::VecDeque<Vec<u8>>,
    bytes: usize,
    file: Option<File>,
    reading: bool,
}

impl Spool {
    /// An empty spool; its file, should it need one, lies in that folder and vanishes with the process.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        let held = std::collections::VecDeque::new();
        Self { folder: folder.to_path_buf(), held, bytes: 0, file: None, reading: false }
    }

    /// Puts the next range in.
    ///
    /// # Errors
    /// [`SpoolError`].
    pub async fn put(&mut self, records: &[SealedRecord]) -> Result<(), SpoolError> {
        let range = encode_range(records).map_err(SpoolError::Damaged)?;
        if self.file.is_none() && self.bytes.saturating_add(range.len()) <= MEMORY_BYTES {
            self.bytes = self.bytes.saturating_add(range.len());
            self.held.push_back(range);
            return Ok(());
        }
        if self.file.is_none() {
            self.file = Some(nameless(&self.folder).await?);
        }
        let file = self.file.as_mut().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let length = u32::try_from(range.len()).map_err(|_too_long| io::Error::from(io::ErrorKind::InvalidData))?;
        file.write_u32(length).await?;
        file.write_all(&range).await?;
        Ok(())
    }

    /// Takes the next range out, in the order in which they were put in; nothing once all are out.
    ///
    /// # Errors
    /// [`SpoolError`].
    pub async fn take(&mut self) -> Result<Option<Vec<SealedRecord>>, SpoolError> {
        if let Some(range) = self.held.pop_front() {
            return decode_range(&range).map(Some).map_err(SpoolError::Damaged);
        }
        let Some(file) = self.file.as_mut() else { return Ok(None) };
        if !self.reading {
            file.flush().await?;
            file.rewind().await?;
            self.reading = true;
        }
        let length = match file.read_u32().await {
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let length = usize::try_from(length).map_err(|_too_long| io::Error::from(io::ErrorKind::InvalidData))?;
        let mut range = vec![0; length];
        file.read_exact(&mut range).await?;
        decode_range(&range).map(Some).map_err(SpoolError::Damaged)
    }
}

/// A file that only this process can reach, and that is gone when it ends, however it ends.
async fn nameless(folder: &Path) -> io::Result<File> {
    let path = folder.join("spool");
    match tokio::fs::remove_file(&path).await {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path).await?;
    tokio::fs::remove_file(&path).await?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_spool_gives_back_what_was_put_in_also_beyond_memory() {
        let home = tempfile::tempdir().unwrap();
        let mut spool = Spool::new(home.path());
        let range = |fill: u8| vec![SealedRecord::from_bytes(vec![fill; 4_000]).unwrap(); 500];
        for fill in 0..5 {
            spool.put(&range(fill)).await.unwrap();
        }
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "its file has no name");
        for fill in 0..5 {
            assert_eq!(spool.take().await.unwrap().unwrap(), range(fill));
        }
        assert_eq!(spool.take().await.unwrap(), None);
    }
}
