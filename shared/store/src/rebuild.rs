//! Bringing the index to where the log is: by what it lacks, or from nothing.

use std::fmt;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use crate::clean::{self, INDEX_FOLDER};
use crate::error::StoreError;
use crate::folder::FolderLock;
use crate::held::HeldFolder;
use crate::index::Index;
use crate::index::changes::{Changed, IndexChanges};
use crate::index::state::IndexState;
use crate::limits::REBUILD_CHANGES;
use crate::log::{Facts, LogView, Places, sync_folder};
use crate::position::Position;
use crate::projection::Projector;
use kido_shared::error_chain::Chain;

/// What the open found of the index and did about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexOpened {
    /// The last close vouched for it.
    Clean,
    /// Every entry was read and the digest fits.
    Verified,
    /// Every entry was read and the digest fits, but it had not seen the last facts: those were entered.
    CaughtUp {
        /// How many were entered.
        facts: u64,
    },
    /// It was thrown away and built from the log.
    Rebuilt(RebuildReason),
}

/// Why the index was built again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RebuildReason {
    /// There was none, or it came back empty.
    Empty,
    /// It could not be opened or read.
    Unreadable,
    /// It was made by another version of the projection.
    OtherProjection {
        /// That version.
        found: u32,
    },
    /// It has seen more facts than the log holds. It only ever sees durable ones: **the log lost facts**, by a disk that lied
    /// about a sync or by someone's hand. The caller decides whether it can go on.
    AheadOfLog {
        /// Facts that the index has seen.
        entered: u64,
    },
    /// It belongs to another log, or to another past of this one.
    OtherLog,
    /// Its entries are not those that its state names: the engine lost or kept what it should not.
    DigestMismatch,
}

impl fmt::Display for RebuildReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("there was none"),
            Self::Unreadable => f.write_str("it could not be read"),
            Self::OtherProjection { found } => write!(f, "it was made by projection {found}"),
            Self::AheadOfLog { entered } => write!(f, "it has seen {entered} facts, more than the log holds"),
            Self::OtherLog => f.write_str("it belongs to another log"),
            Self::DigestMismatch => f.write_str("entries are missing or stale"),
        }
    }
}

/// The index as it was found, before anything was decided about it.
#[derive(Debug)]
pub(crate) struct Found {
    index: Option<Index>,
    state: Option<IndexState>,
    clean: bool,
    existed: bool,
}

impl Found {
    /// Opens what is there. A failure or a panic of the engine only means that there is nothing to go on from.
    pub(crate) fn look(home: &IndexHome<'_>) -> Result<Self, StoreError> {
        let note = home.note()?;
        let existed = home.exists();
        let opened = home.open().and_then(|index| Ok((index.state()?, index)));
        Ok(match opened {
            Ok((state, index)) => Self { index: Some(index), clean: state.is_some() && state == note, state, existed },
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "the index cannot be opened");
                Self { index: None, state: None, clean: false, existed }
            }
        })
    }

    /// How many facts it has seen.
    pub(crate) fn entered(&self) -> u64 {
        self.state.map_or(0, |state| state.head.count)
    }

    /// The state to go on from, or why there is none.
    fn judge(&self, version: u32, file: &Arc<File>, places: &Places) -> Result<IndexState, Doubt> {
        let (index, state) = match (&self.index, self.state) {
            (Some(index), Some(state)) => (index, state),
            (Some(_), None) => return Err(RebuildReason::Empty.into()),
            (None, _) => {
                return Err(if self.existed { RebuildReason::Unreadable } else { RebuildReason::Empty }.into());
            }
        };
        if state.projection != version {
            return Err(RebuildReason::OtherProjection { found: state.projection }.into());
        }
        if state.head.count > places.head.count {
            return Err(RebuildReason::AheadOfLog { entered: state.head.count }.into());
        }
        if Facts::hash_before(Arc::clone(file), places, state.head.count)? != Some(state.head.hash) {
            return Err(RebuildReason::OtherLog.into());
        }
        if self.clean {
            return Ok(state);
        }
        match index.digest() {
            Ok(digest) if digest == state.digest => Ok(state),
            Ok(_) => Err(RebuildReason::DigestMismatch.into()),
            Err(_engine) => Err(RebuildReason::Unreadable.into()),
        }
    }

    /// Brings it to where the log is.
    pub(crate) fn settle(self, place: &Place<'_>) -> Result<(Arc<Index>, IndexState, IndexOpened), StoreError> {
        match self.judge(place.projector.version(), place.file, place.places) {
            Err(Doubt::Log(error)) => Err(error),
            Err(Doubt::Index(reason)) => {
                drop(self);
                place.rebuild(reason)
            }
            Ok(state) => {
                let lacking = place.places.head.count.saturating_sub(state.head.count);
                let found = match (lacking, self.clean) {
                    (0, true) => IndexOpened::Clean,
                    (0, false) => IndexOpened::Verified,
                    (facts, _) => IndexOpened::CaughtUp { facts },
                };
                match self.index.map(Arc::new) {
                    Some(index) => Ok((Arc::clone(&index), place.enter(&index, state)?, found)),
                    None => place.rebuild(RebuildReason::Unreadable),
                }
            }
        }
    }
}

/// Why the found index is not gone on with.
enum Doubt {
    Index(RebuildReason),
    Log(StoreError),
}

impl From<RebuildReason> for Doubt {
    fn from(reason: RebuildReason) -> Self {
        Self::Index(reason)
    }
}

impl From<StoreError> for Doubt {
    fn from(error: StoreError) -> Self {
        Self::Log(error)
    }
}

/// Where an index lies.
#[derive(Debug, Clone, Copy)]
pub(crate) enum IndexHome<'a> {
    Folder { folder: &'a Path, lock: &'a Arc<FolderLock>, cache_bytes: u64 },
    Held(&'a HeldFolder),
}

impl IndexHome<'_> {
    /// What the last close said of it, which counts once.
    fn note(&self) -> Result<Option<IndexState>, StoreError> {
        match self {
            Self::Folder { folder, .. } => clean::take(folder),
            Self::Held(_) => Ok(None),
        }
    }

    fn exists(&self) -> bool {
        match self {
            Self::Folder { folder, .. } => folder.join(INDEX_FOLDER).exists(),
            Self::Held(_) => true,
        }
    }

    fn open(&self) -> Result<Index, StoreError> {
        match self {
            Self::Folder { folder, lock, cache_bytes } => Index::open(&folder.join(INDEX_FOLDER), *cache_bytes, lock),
            Self::Held(held) => Ok(Index::held(held.entries())),
        }
    }

    fn remove(&self) -> Result<(), StoreError> {
        match self {
            Self::Folder { folder, .. } => {
                match fs::remove_dir_all(folder.join(INDEX_FOLDER)) {
                    Ok(()) => {}
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                    Err(error) => return Err(StoreError::fatal_io("removing the index")(error)),
                }
                sync_folder(folder)
            }
            Self::Held(held) => {
                held.clear_entries();
                Ok(())
            }
        }
    }
}

/// Where an index is built, and from what.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    pub(crate) home: IndexHome<'a>,
    pub(crate) projector: &'a dyn Projector,
    pub(crate) file: &'a Arc<File>,
    pub(crate) places: &'a Places,
    /// The head of the log before its first fact.
    pub(crate) empty: IndexState,
}

impl Place<'_> {
    fn rebuild(&self, reason: RebuildReason) -> Result<(Arc<Index>, IndexState, IndexOpened), StoreError> {
        if self.places.head.count > 0 {
            tracing::warn!(%reason, facts = self.places.head.count, "building the index again");
        }
        self.home.remove()?;
        let index = Arc::new(self.home.open()?);
        let empty = index.apply(&self.empty, Changed::new(), self.empty.head)?;
        let state = self.enter(&index, empty)?;
        Ok((index, state, IndexOpened::Rebuilt(reason)))
    }

    /// Enters the facts that the index lacks, in bounded batches; a power cut in between leaves a shorter but true index.
    fn enter(&self, index: &Arc<Index>, mut state: IndexState) -> Result<IndexState, StoreError> {
        let (none, mut changed) = (Changed::new(), Changed::new());
        let log = LogView::durable(self.file, self.places.end);
        let mut facts = Facts::new(Arc::clone(self.file), self.places, Position::new(state.head.count));
        while let Some(fact) = facts.next() {
            let (position, fact) = fact?;
            let fact_at = facts.begins(&fact);
            let mut changes = IndexChanges::new((index, &none), &mut changed, fact_at, log);
            self.projector.project(position, &fact, &mut changes)?;
            if changed.len() >= REBUILD_CHANGES {
                state = index.apply(&state, std::mem::take(&mut changed), facts.head())?;
            }
        }
        if state.head != self.places.head {
            state = index.apply(&state, changed, self.places.head)?;
        }
        Ok(state)
    }
}
