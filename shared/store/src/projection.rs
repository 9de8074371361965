//! The caller's half of the index: how one fact changes it.

use std::fmt;

use crate::error::StoreError;
use crate::index::changes::IndexChanges;
use crate::position::Position;

/// Turns facts into index entries.
///
/// Pure and deterministic: a rebuild replays it over the whole log and must reach the same entries. No clock, no
/// randomness, nothing but the fact, its position and what earlier facts left in the index.
pub trait Project: Send + Sync + 'static {
    /// A change of this number forces a rebuild of the index. Raise it with every change of what `project` writes.
    const VERSION: u32;

    /// Enters one fact.
    ///
    /// # Errors
    /// [`ProjectError::Unreadable`] or [`ProjectError::Impossible`] when the fact cannot stand at this place. A new fact is then not
    /// appended; a fact of the log makes the open fail, for the program is then older than its log.
    fn project(&self, position: Position, fact: &[u8], index: &mut IndexChanges<'_>) -> Result<(), ProjectError>;
}

/// Why a fact was not entered.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ProjectError {
    /// The bytes are no fact that this program knows.
    #[error("unreadable fact: {0}")]
    Unreadable(&'static str),
    /// The fact is well formed but contradicts those before it.
    #[error("impossible fact: {0}")]
    Impossible(&'static str),
    /// The index could not be read.
    #[error("index not readable")]
    Store(#[from] StoreError),
}

/// [`Project`] without its constant, so that the writer need not be generic.
pub(crate) trait Projector: Send + Sync {
    fn version(&self) -> u32;
    fn project(&self, position: Position, fact: &[u8], index: &mut IndexChanges<'_>) -> Result<(), StoreError>;
}

impl fmt::Debug for dyn Projector + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Projector(version {})", self.version())
    }
}

impl<P: Project> Projector for P {
    fn version(&self) -> u32 {
        P::VERSION
    }

    fn project(&self, position: Position, fact: &[u8], index: &mut IndexChanges<'_>) -> Result<(), StoreError> {
        Project::project(self, position, fact, index).map_err(|error| match error {
            ProjectError::Store(error) => error,
            error @ (ProjectError::Unreadable(_) | ProjectError::Impossible(_)) => {
                StoreError::Projection { position, source: std::sync::Arc::new(error) }
            }
        })
    }
}
