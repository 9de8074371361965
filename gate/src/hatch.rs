//! The hatch: where a person on this machine hands a running gate a file, or takes one out of it.
//!
//! A gate that runs holds its stores, and stopping it would close the lane. So it listens on a socket in its data folder,
//! which nobody but its own user (and root) can reach; `kido-gate import` and `kido-gate journal export` speak to it, and
//! do the same by themselves where nobody listens. The file itself goes through the socket: the gate's process need not
//! see the medium, which a service with a private view of the machine could not.
//!
//! | the asker sends | and gets one line of JSON ([`Answer`]) |
//! |---|---|
//! | `import 1`, a newline, the feed file, its end | what it came to, or why not |
//! | `journal 1`, a newline | how much waits; behind it so many bytes of a journal file |
//! | `acknowledge 1`, a newline | the same, with a file also where nothing waits, for how far the feed was followed |
//! | `standing 1`, a newline | how it stands, for a doctor |
//!
//! One asker at a time, each for a bounded time. Every step is a durable transaction or a look, so each may be cut off.

mod ask;
mod standing;

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kido_shared::carried::FEED_FILE_BYTES_MAX;
use kido_shared::clock::Clock as _;
use kido_shared::error_chain::Chain;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixListener;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use crate::carried::{FeedTaken, JournalWanted, JournalWritten, Moments, take_feed, write_journal};
use crate::gate_clock::PassedClock;
use crate::identity::DataFolder;
use crate::runtime::Parts;

pub use ask::Asking;
pub use standing::{AskedAt, GateStanding};

/// What the socket is called.
const NAME: &str = "hatch";

const IMPORT: &str = "import 1";
const JOURNAL: &str = "journal 1";
const ACKNOWLEDGE: &str = "acknowledge 1";
const STANDING: &str = "standing 1";

/// Longest line that asks for something.
const REQUEST_BYTES_MAX: u64 = 32;

/// How long nobody is let in after the system would not: it has no room for another connection, and a loop without a
/// pause would take what is left.
const ACCEPT_AGAIN: Duration = Duration::from_secs(1);

/// How long one asker may take: a feed of a full event from a slow stick.
const REQUEST_DEADLINE: Duration = Duration::from_secs(10 * 60);

/// Why the hatch is not there, or brought nothing.
#[derive(Debug, thiserror::Error)]
pub enum HatchError {
    /// The socket cannot be made or reached.
    #[error("{} cannot be used", path.display())]
    Socket {
        /// Where it is.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The gate has refused.
    #[error("the gate refuses: {0}")]
    Refused(Reason),
    /// What came is no answer: the gate has ended, or is of another version.
    #[error("the gate gave no answer that is understood; look at its log")]
    NoAnswer,
}

/// Why a gate refuses, in its own words.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Reason(String);

impl Reason {
    fn of(error: &(dyn std::error::Error + 'static)) -> Self {
        Self(Chain(error).to_string())
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the gate says.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    /// A feed file was taken.
    Feed(FeedTaken),
    /// A journal file follows.
    Journal(JournalWritten),
    /// How the gate stands.
    Standing(GateStanding),
    /// Nothing was done.
    Refused(Reason),
}

/// The gate's side of it; gone when it is dropped.
#[derive(Debug)]
pub struct Hatch {
    listener: UnixListener,
    path: PathBuf,
}

impl Hatch {
    /// Listens. To be called by the gate that holds the folder's stores: a socket that is there was left by an earlier run.
    ///
    /// # Errors
    /// [`HatchError::Socket`].
    pub fn open(folder: &DataFolder) -> Result<Self, HatchError> {
        let path = folder.path().join(NAME);
        let bound = fs::remove_file(&path)
            .or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
            .and_then(|()| through(folder.path(), |short| UnixListener::bind(short)))
            .and_then(|listener| fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).map(|()| listener));
        match bound {
            Ok(listener) => Ok(Self { listener, path }),
            Err(source) => Err(HatchError::Socket { path, source }),
        }
    }

    /// Serves one asker after the other, for as long as it is let.
    pub async fn serve(self, parts: Parts) {
        loop {
            let served = match self.listener.accept().await {
                Ok((stream, _nameless)) => tokio::time::timeout(REQUEST_DEADLINE, serve_one(&parts, stream)).await,
                Err(error) => {
                    tracing::error!(error = %Chain(&error), "nobody can come to the hatch now");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                    continue;
                }
            };
            match served {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(error = %Chain(&error), "whoever was at the hatch has gone"),
                Err(_elapsed) => tracing::warn!("whoever was at the hatch took too long"),
            }
        }
    }
}

impl Drop for Hatch {
    fn drop(&mut self) {
        if let Err(left) = fs::remove_file(&self.path) {
            tracing::debug!(error = %left, "the hatch's socket stays behind");
        }
    }
}

/// Uses a socket of a folder whose name is longer than the name of a socket may be (108 bytes, `unix(7)`).
fn through<T>(folder: &Path, used: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let folder = File::open(folder)?;
    let short = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(NAME);
    used(&short)
}

async fn serve_one(parts: &Parts, stream: UnixStream) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    let mut asked = String::new();
    (&mut read).take(REQUEST_BYTES_MAX).read_line(&mut asked).await?;
    match asked.trim_end_matches('\n') {
        IMPORT => import(parts, &mut read, &mut write).await?,
        JOURNAL => journal(parts, JournalWanted::Facts, &mut write).await?,
        ACKNOWLEDGE => journal(parts, JournalWanted::Acknowledgement, &mut write).await?,
        STANDING => standing(parts, &mut write).await?,
        _ => say(&mut write, &Answer::Refused(Reason("this gate is of another version".to_owned()))).await?,
    }
    write.shutdown().await?;
    // Whoever still sends hears the answer only once all is sent.
    tokio::io::copy(&mut read.take(FEED_FILE_BYTES_MAX), &mut tokio::io::sink()).await.map(|_bytes| ())
}

async fn import(parts: &Parts, file: &mut BufReader<OwnedReadHalf>, write: &mut OwnedWriteHalf) -> io::Result<()> {
    let passed = PassedClock(std::sync::Arc::clone(&parts.clock)).now();
    let moments = Moments { now: parts.clock.now(), passed };
    let answer = match take_feed(&parts.replica, file, moments).await {
        Ok(taken) => Answer::Feed(taken),
        Err(error) => {
            tracing::error!(error = %Chain(&error), "a feed file was refused");
            Answer::Refused(Reason::of(&error))
        }
    };
    say(write, &answer).await
}

async fn journal(parts: &Parts, wanted: JournalWanted, write: &mut OwnedWriteHalf) -> io::Result<()> {
    let Parts { journal, identity, clock, replica, .. } = parts.clone();
    let (now, known) = (clock.now(), replica.standing());
    let writing = tokio::task::spawn_blocking(move || write_journal(&journal, &known, &identity, (wanted, now)));
    match writing.await.map_err(io::Error::other)? {
        Ok((written, file)) => {
            say(write, &Answer::Journal(written)).await?;
            write.write_all(&file).await
        }
        Err(error) => {
            tracing::error!(error = %Chain(&error), "the journal could not be written out");
            say(write, &Answer::Refused(Reason::of(&error))).await
        }
    }
}

async fn standing(parts: &Parts, write: &mut OwnedWriteHalf) -> io::Result<()> {
    let standing = GateStanding::of(&parts.replica.standing(), parts.clock.now());
    let journal = parts.journal.clone();
    let looking = tokio::task::spawn_blocking(move || journal.is_delivered());
    let answer = match looking.await.map_err(io::Error::other)? {
        Ok(delivered) => Answer::Standing(GateStanding { delivered: Some(delivered), ..standing }),
        Err(error) => Answer::Refused(Reason::of(&error)),
    };
    say(write, &answer).await
}

async fn say(write: &mut OwnedWriteHalf, answer: &Answer) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    write.write_all(&line).await
}

#[cfg(test)]
mod tests;
