//! The asker's side of the hatch.

use std::io;
use std::path::PathBuf;

use kido_shared::carried::JOURNAL_FILE_BYTES_MAX;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use super::{ACKNOWLEDGE, Answer, GateStanding, HatchError, IMPORT, JOURNAL, NAME, STANDING, through};
use crate::carried::{FeedTaken, JournalWanted, JournalWritten};
use crate::identity::DataFolder;

/// Longest answer, without the file behind it: a reason with all its causes.
const ANSWER_BYTES_MAX: u64 = 16 * 1024;

/// Somebody who stands at the hatch of a running gate.
#[derive(Debug)]
pub struct Asking {
    path: PathBuf,
    read: BufReader<OwnedReadHalf>,
    write: OwnedWriteHalf,
}

impl Asking {
    /// Goes to the hatch of the gate of a data folder; nothing where no gate runs.
    ///
    /// # Errors
    /// [`HatchError::Socket`]; where the folder is another user's.
    pub fn at(folder: &DataFolder) -> Result<Option<Self>, HatchError> {
        let path = folder.path().join(NAME);
        let reached = through(folder.path(), |short| std::os::unix::net::UnixStream::connect(short));
        let stream = match reached {
            Ok(stream) => stream,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
                return Ok(None);
            }
            Err(source) => return Err(HatchError::Socket { path, source }),
        };
        let stream = stream.set_nonblocking(true).and_then(|()| UnixStream::from_std(stream));
        match stream {
            Ok(stream) => {
                let (read, write) = stream.into_split();
                Ok(Some(Self { path, read: BufReader::new(read), write }))
            }
            Err(source) => Err(HatchError::Socket { path, source }),
        }
    }

    /// Hands a feed file in.
    ///
    /// # Errors
    /// [`HatchError`].
    pub async fn import(mut self, mut file: impl AsyncRead + Unpin) -> Result<FeedTaken, HatchError> {
        let sent = self.request(IMPORT, &mut file).await;
        match (self.answer().await, sent) {
            (Ok(Answer::Feed(taken)), _) => Ok(taken),
            (Ok(Answer::Refused(reason)), _) => Err(HatchError::Refused(reason)),
            // A gate that has gone says nothing; a medium that was pulled out is told as what it is.
            (_, Err(source)) => Err(HatchError::Socket { path: self.path, source }),
            (Ok(Answer::Journal(_) | Answer::Standing(_)) | Err(_), Ok(())) => Err(HatchError::NoAnswer),
        }
    }

    /// Takes the journal file out; it is empty where nothing waits and nothing is to be acknowledged.
    ///
    /// # Errors
    /// [`HatchError`].
    pub async fn journal(mut self, wanted: JournalWanted) -> Result<(JournalWritten, Vec<u8>), HatchError> {
        let request = match wanted {
            JournalWanted::Facts => JOURNAL,
            JournalWanted::Acknowledgement => ACKNOWLEDGE,
        };
        let asked = self.request(request, &mut tokio::io::empty()).await;
        asked.map_err(|source| HatchError::Socket { path: self.path.clone(), source })?;
        let written = match self.answer().await {
            Ok(Answer::Journal(written)) if written.bytes <= JOURNAL_FILE_BYTES_MAX => written,
            Ok(Answer::Refused(reason)) => return Err(HatchError::Refused(reason)),
            Ok(Answer::Journal(_) | Answer::Feed(_) | Answer::Standing(_)) | Err(_) => {
                return Err(HatchError::NoAnswer);
            }
        };
        let mut file = vec![0; written.bytes];
        self.read.read_exact(&mut file).await.map_err(|_gone| HatchError::NoAnswer)?;
        Ok((written, file))
    }

    /// Asks how the gate stands.
    ///
    /// # Errors
    /// [`HatchError`].
    pub async fn standing(mut self) -> Result<GateStanding, HatchError> {
        let asked = self.request(STANDING, &mut tokio::io::empty()).await;
        asked.map_err(|source| HatchError::Socket { path: self.path.clone(), source })?;
        match self.answer().await {
            Ok(Answer::Standing(standing)) => Ok(standing),
            Ok(Answer::Refused(reason)) => Err(HatchError::Refused(reason)),
            Ok(Answer::Journal(_) | Answer::Feed(_)) | Err(_) => Err(HatchError::NoAnswer),
        }
    }

    async fn request(&mut self, asked: &str, file: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
        self.write.write_all(format!("{asked}\n").as_bytes()).await?;
        tokio::io::copy(file, &mut self.write).await?;
        self.write.shutdown().await
    }

    async fn answer(&mut self) -> io::Result<Answer> {
        let mut line = String::new();
        (&mut self.read).take(ANSWER_BYTES_MAX).read_line(&mut line).await?;
        Ok(serde_json::from_str(&line)?)
    }
}
