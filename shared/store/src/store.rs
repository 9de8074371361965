//! The handle: open, ask, transact, close.

use std::fmt;
use std::io::Write;
use std::path::Path;
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use kido_shared::error_chain::Chain;
use tokio::sync::{oneshot, watch};

use crate::error::{StoreError, TransactError};
use crate::export;
use crate::folder::{Contents, FolderLock};
use crate::held::HeldFolder;
use crate::index::changes::{self, Scan};
use crate::index::state::IndexState;
use crate::limits::MAX_QUEUED_TRANSACTIONS;
use crate::log::{self, Facts, Verified};
use crate::options::{Opened, Options};
use crate::pending::Pending;
use crate::position::{LogHead, LogOffset, Position, StoreIdentity};
use crate::projection::{Project, Projector};
use crate::rebuild::{Found, IndexHome, Place};
use crate::transaction::{Transaction, Work};
use crate::writer::{Command, Shared, Writer};

/// An open store. Clones are handles to the same one; the last one to go closes it.
#[derive(Clone)]
pub struct Store {
    handle: Arc<Handle>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("head", &self.head()).finish_non_exhaustive()
    }
}

struct Handle {
    identity: StoreIdentity,
    shared: Arc<Shared>,
    runs: Runs,
}

/// Where transactions are decided and written.
enum Runs {
    /// On a thread of their own.
    Beside {
        /// `None` only while the handle is being dropped.
        commands: Option<SyncSender<Command>>,
        writer: Mutex<Option<JoinHandle<Result<(), StoreError>>>>,
    },
    /// On the thread of whoever asks: a store in memory waits for no disk.
    Here(Mutex<Writer>),
}

impl Store {
    /// Opens the store in `folder`; blocks while it verifies, repairs and rebuilds.
    ///
    /// The log is read and verified from its first byte. A torn tail, which nobody was told of, is cut off; anything else that
    /// is wrong with the log fails, and nothing is served. Then the index is brought to where the log is.
    ///
    /// # Errors
    /// [`StoreError`]; after any of them the folder is as it was, but for a torn tail and the index.
    pub fn open<P: Project>(
        folder: &Path,
        identity: StoreIdentity,
        projection: P,
        options: Options,
    ) -> Result<(Self, Opened), StoreError> {
        if !folder.is_dir() && !options.create {
            return Err(StoreError::Missing { folder: folder.to_path_buf() });
        }
        log::create_folder(folder)?;
        let lock = Arc::new(FolderLock::take(folder)?);
        let created = prepare_log(folder, identity, options)?;
        let verified = log::verify(folder, identity)?;
        let home = IndexHome::Folder { folder, lock: &lock, cache_bytes: options.cache_bytes };
        let (writer, opened) = settle(&home, (verified, created), identity, (projection, options))?;
        let writer = Writer { folder: Some((folder.to_path_buf(), lock)), ..writer };
        let store = Self::start(identity, writer)?;
        Ok((store, opened))
    }

    /// Opens the store in a folder in memory, or begins it: the same log and index, and no thread.
    ///
    /// For simulations: nothing of it outlives the process.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open_held<P: Project>(
        folder: &HeldFolder,
        identity: StoreIdentity,
        projection: P,
    ) -> Result<(Self, Opened), StoreError> {
        folder.keep_power();
        let created = folder.log().is_none();
        if created {
            log::create_held(folder, identity)?;
        }
        let verified = log::verify_held(folder, identity)?.ok_or(StoreError::NotALog)?;
        let options = Options::create_if_missing();
        let home = IndexHome::Held(folder);
        let (writer, opened) = settle(&home, (verified, created), identity, (projection, options))?;
        let writer = Writer { log: writer.log.in_memory(folder), ..writer };
        let shared = Arc::clone(&writer.shared);
        let handle = Handle { identity, shared, runs: Runs::Here(Mutex::new(writer)) };
        Ok((Self { handle: Arc::new(handle) }, opened))
    }

    fn start(identity: StoreIdentity, writer: Writer) -> Result<Self, StoreError> {
        let shared = Arc::clone(&writer.shared);
        let (commands, queue) = mpsc::sync_channel(MAX_QUEUED_TRANSACTIONS);
        let thread = thread::Builder::new().name("kido-store".to_owned()).spawn(move || writer.run(&queue));
        let thread = thread.map_err(StoreError::fatal_io("starting the writer"))?;
        let runs = Runs::Beside { commands: Some(commands), writer: Mutex::new(Some(thread)) };
        Ok(Self { handle: Arc::new(Handle { identity, shared, runs }) })
    }

    /// Runs `decide` on the writer thread over the newest state; the facts it appends are durable before the answer.
    ///
    /// An `Err` from `decide` appends nothing. Transactions run one after the other, so what it read stays true until its
    /// facts stand. Keep it short, do no I/O in it, and never wait for another transaction of the same store in it. `E: From<StoreError>`
    /// makes `?` work on what the transaction offers; whatever `decide` makes of such an error, the answer is [`TransactError::Store`].
    pub fn transact<T, E, F>(&self, decide: F) -> Pending<T, E>
    where
        T: Send + 'static,
        E: Send + 'static,
        F: FnOnce(&mut Transaction<'_>) -> Result<T, E> + Send + 'static,
    {
        let shared = Arc::clone(&self.handle.shared);
        if let Err(failed) = shared.require_sound() {
            return Pending::refused(TransactError::Store(failed), shared);
        }
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Work::new(decide, reply));
        let sent = match &self.handle.runs {
            Runs::Beside { commands, .. } => {
                commands.as_ref().map(|commands| commands.try_send(Command::Transact(job)))
            }
            Runs::Here(writer) => {
                let answered = writer.lock().unwrap_or_else(PoisonError::into_inner).answer(job);
                if let Err(error) = answered {
                    tracing::debug!(error = %Chain(&error), "a store in memory has failed");
                }
                Some(Ok(()))
            }
        };
        match sent {
            Some(Ok(())) => Pending::queued(answer, shared),
            Some(Err(TrySendError::Full(_))) => Pending::refused(TransactError::Busy, shared),
            Some(Err(TrySendError::Disconnected(_))) | None => Pending::refused(shared.why_gone(), shared),
        }
    }

    /// The durable value under this key. Waits for no writer.
    ///
    /// # Errors
    /// [`StoreError::Closed`], [`StoreError::Index`], or the failure that ended the store.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.handle.shared.index()?.get(key)
    }

    /// All durable entries whose keys begin with `prefix`, in the order of their keys.
    ///
    /// It is no snapshot; for that, read in a transaction that appends nothing.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn scan_prefix(&self, prefix: &[u8]) -> Result<Scan, StoreError> {
        Ok(changes::scan(&self.handle.shared.index()?, &[], prefix, None))
    }

    /// The same, those after the key `after` only: for reading on, page by page.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn scan_prefix_after(&self, prefix: &[u8], after: &[u8]) -> Result<Scan, StoreError> {
        Ok(changes::scan(&self.handle.shared.index()?, &[], prefix, Some(after)))
    }

    /// The durable facts from a position on, read from the log with bounded memory.
    ///
    /// # Errors
    /// [`StoreError::Closed`] or the failure that ended the store; the iterator itself gives [`StoreError::Damaged`].
    pub fn facts(&self, from: Position) -> Result<Facts, StoreError> {
        self.handle.shared.facts(from)
    }

    /// Bytes of the durable log from a place that an index entry keeps ([`IndexChanges::fact_at`](crate::IndexChanges::fact_at)):
    /// for facts too large to be held twice. Waits for no writer.
    ///
    /// The bytes come as they are. The open has verified the log, but neither checksum nor chain is looked at here, since
    /// both are over whole facts; who reads a part of one reads something that proves itself, as a sealed record does.
    ///
    /// # Errors
    /// As [`get`](Self::get); [`StoreError::Storage`] where the durable log ends before that, [`StoreError::FactTooLong`]
    /// for more than a fact can have.
    pub fn read_at(&self, at: LogOffset, length: usize) -> Result<Vec<u8>, StoreError> {
        self.handle.shared.read_at(at, length)
    }

    /// How many facts are durable, and their hash.
    #[must_use]
    pub fn head(&self) -> LogHead {
        self.handle.shared.head()
    }

    /// Tells of each new durable head, so that an uploader or a publisher need not ask again and again.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<LogHead> {
        self.handle.shared.watch()
    }

    /// Whose log this is.
    #[must_use]
    pub fn identity(&self) -> StoreIdentity {
        self.handle.identity
    }

    /// Writes the durable log to `output` in the form that [`import`](crate::import) reads. Writers go on meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Storage`] or [`StoreError::DiskFull`] when reading or writing fails, [`StoreError::Damaged`] when the log is bad.
    pub fn export(&self, output: &mut impl Write) -> Result<LogHead, StoreError> {
        let (file, places) = self.handle.shared.log()?;
        export::export(file, &places, self.handle.identity, output)
    }

    /// Answers what is queued, leaves a clean index and ends the writer. All clones of this handle are closed with it.
    ///
    /// Blocks; not to be called inside a decision.
    ///
    /// # Errors
    /// What kept the close from being a clean one. No durable fact is touched by it: the next open takes longer, that is all.
    pub fn close(self) -> Result<(), StoreError> {
        match &self.handle.runs {
            Runs::Beside { commands: Some(commands), .. } => {
                if commands.send(Command::Close).is_err() {
                    tracing::debug!("the writer has ended before");
                }
            }
            Runs::Beside { commands: None, .. } => return Ok(()),
            Runs::Here(_) => drop(self.handle.shared.take_index()),
        }
        self.handle.join()
    }
}

impl Handle {
    fn join(&self) -> Result<(), StoreError> {
        let Runs::Beside { writer, .. } = &self.runs else { return Ok(()) };
        let writer = writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        match writer {
            // A decision that drops the last handle is on the thread it would wait for.
            Some(writer) if writer.thread().id() == thread::current().id() => Ok(()),
            Some(writer) => writer.join().unwrap_or(Err(StoreError::WriterGone)),
            None => Ok(()),
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Runs::Beside { commands, .. } = &mut self.runs {
            drop(commands.take());
        }
        if let Err(error) = self.join() {
            tracing::warn!(error = %Chain(&error), "the store did not close cleanly");
        }
    }
}

/// Brings log and index together: the writer that goes on from there, in no folder yet.
fn settle<P: Project>(
    home: &IndexHome<'_>,
    (verified, created): (Verified, bool),
    identity: StoreIdentity,
    (projection, options): (P, Options),
) -> Result<(Writer, Opened), StoreError> {
    let found = Found::look(home)?;
    let torn_bytes = verified.torn_bytes();
    let (log, file, places) = verified.into_log(found.entered(), options.reserve_bytes)?;
    let place = Place {
        home: *home,
        projector: &projection,
        file: &file,
        places: &places,
        empty: IndexState::empty(P::VERSION, log::empty_head(identity)),
    };
    let (index, state, index_opened) = found.settle(&place)?;
    let opened = Opened { head: places.head, torn_bytes, index: index_opened, created };
    tracing::info!(facts = opened.head.count(), torn_bytes, created, index = ?opened.index, "store open");
    let shared = Arc::new(Shared::new(file, places, Arc::clone(&index)));
    let projector: Box<dyn Projector> = Box::new(projection);
    Ok((Writer { folder: None, log, index, state, projector, shared }, opened))
}

/// Makes sure that there is a log to verify; true if it was created.
fn prepare_log(folder: &Path, identity: StoreIdentity, options: Options) -> Result<bool, StoreError> {
    match Contents::of(folder) {
        Contents::Log => Ok(false),
        Contents::IndexOnly => Err(StoreError::LogMissing { folder: folder.to_path_buf() }),
        Contents::Nothing if options.create => log::create(folder, identity).map(|()| true),
        Contents::Nothing => Err(StoreError::Missing { folder: folder.to_path_buf() }),
    }
}
