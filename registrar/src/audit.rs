//! The audit list: who did what, through which door, when; and what was refused.
//!
//! A log of its own beside the events, because half of what it tells belongs to no event: signing in, tokens, what a role
//! may not do. A line is durable before the deed is answered. It is written behind the deed, so after a crash between
//! the two a deed may stand in its event's own facts without a line here; then nobody was told that it was done either.
//!
//! **Invariant** (privacy): roles, labels of tokens, ids. No name, reference, code, token or address, ever.

mod line;
pub mod noted;

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use kido_store::{IndexChanges, Options, Position, Project, ProjectError, StoreError, StoreIdentity};

pub use line::{AuditLine, ChangedChoice, Deed, Door, Object};

use crate::per_minute::PerMinute;
use crate::store::{Failed, StorageError};

/// Whose log it is: there is one for each registrar.
const IDENTITY: StoreIdentity = StoreIdentity::new(*b"kido-audit-list1");

/// Memory of its index: it is read a page at a time, by a person.
const CACHE_BYTES: u64 = 4 * 1024 * 1024;

/// Refused attempts with one token that are written down within a minute. More of them is a program in a loop, and a
/// disk is no place for its log. Each token has its own count, so that nobody hides another's by noise.
const REFUSED_PER_MINUTE: u16 = 60;

/// The same without a known token, where anybody at all can cause a line.
const STRANGERS_PER_MINUTE: u16 = 20;

/// Lines on one page.
pub const LINES_PER_PAGE: usize = 50;

/// Lines by their number, the newest first.
const LINES: &[u8] = b"l";

/// Why the list is not there.
#[derive(Debug, thiserror::Error)]
#[error("the audit list does not open")]
pub struct AuditError(#[source] StoreError);

struct Projection;

impl Project for Projection {
    const VERSION: u32 = 1;

    fn project(&self, position: Position, fact: &[u8], index: &mut IndexChanges<'_>) -> Result<(), ProjectError> {
        AuditLine::from_bytes(fact).map_err(|_not_a_line| ProjectError::Unreadable("not an audit line"))?;
        index.put(key(position.get()), fact);
        Ok(())
    }
}

/// Keys sort the newest first, so that a page of the list is one short scan.
fn key(number: u64) -> Vec<u8> {
    let mut key = LINES.to_vec();
    key.extend_from_slice(&u64::MAX.saturating_sub(number).to_be_bytes());
    key
}

fn number(key: &[u8]) -> Option<u64> {
    let bytes = key.strip_prefix(LINES)?;
    Some(u64::MAX.saturating_sub(u64::from_be_bytes(bytes.try_into().ok()?)))
}

/// Refused attempts of the current minute, by the label of their token. There are no more labels than tokens.
#[derive(Debug, Default)]
struct Refused {
    /// Strangers have no label, and one count.
    attempts: PerMinute<Option<String>>,
    unlisted: u64,
}

/// What becomes of one line.
#[derive(Debug, PartialEq, Eq)]
enum Room {
    /// It is written; so many of an earlier minute were not, and that is said first.
    Listed { unlisted_before: u64 },
    /// It is counted only.
    Unlisted,
}

/// One page of the list.
#[derive(Debug)]
pub struct AuditPage {
    /// The newest first.
    pub lines: Vec<AuditLine>,
    /// What to ask for next; nothing at the end.
    pub before: Option<u64>,
}

/// The list.
#[derive(Debug)]
pub struct Audit {
    store: kido_store::Store,
    refused: Mutex<Refused>,
}

impl Audit {
    /// Opens the list in its folder, or begins it. Blocks.
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn open(folder: &Path) -> Result<Self, AuditError> {
        let options = Options::create_if_missing().cache_bytes(CACHE_BYTES);
        let (store, _opened) = kido_store::Store::open(folder, IDENTITY, Projection, options).map_err(AuditError)?;
        Ok(Self { store, refused: Mutex::default() })
    }

    /// Whether a deed may be begun: its line will have somewhere to go, as far as can be known before.
    ///
    /// # Errors
    /// [`StorageError`], where the list has failed or is busy beyond its bound.
    pub async fn takes_lines(&self) -> Result<(), StorageError> {
        self.append(Vec::new()).await
    }

    /// Adds a line; it is durable on return. Of refused attempts only so many a minute are kept, the rest is counted.
    ///
    /// # Errors
    /// [`StorageError`]; then nothing may be answered as done.
    pub async fn write(&self, line: AuditLine) -> Result<(), StorageError> {
        let Room::Listed { unlisted_before } = self.room(&line) else { return Ok(()) };
        let counted = (unlisted_before > 0).then(|| AuditLine {
            role: None,
            label: String::new(),
            deed: Deed::Unlisted,
            event: None,
            object: Object::Count(unlisted_before),
            refused: None,
            ..line.clone()
        });
        self.append(counted.into_iter().chain([line]).map(|line| line.to_bytes()).collect()).await
    }

    async fn append(&self, lines: Vec<Vec<u8>>) -> Result<(), StorageError> {
        let pending = self.store.transact(move |transaction| {
            for line in lines {
                transaction.append(line)?;
            }
            Ok::<(), Failed<core::convert::Infallible>>(())
        });
        match pending.await.map_err(Failed::from) {
            Ok(_stored) => Ok(()),
            Err(Failed::Storage(error)) => Err(error),
            Err(Failed::Refused(never)) => match never {},
        }
    }

    fn room(&self, line: &AuditLine) -> Room {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let unlisted_before = if refused.attempts.turn(line.at) { core::mem::take(&mut refused.unlisted) } else { 0 };
        if line.refused.is_some() {
            let (label, most) = match line.role {
                Some(_) => (Some(line.label.clone()), REFUSED_PER_MINUTE),
                None => (None, STRANGERS_PER_MINUTE),
            };
            if refused.attempts.count(label, line.at, most).is_err() {
                if refused.unlisted == 0 {
                    tracing::warn!(deed = line.deed.key(), "refused attempts come too fast to be listed one by one");
                }
                refused.unlisted = refused.unlisted.saturating_add(1);
                return Room::Unlisted;
            }
        }
        Room::Listed { unlisted_before }
    }

    /// The newest lines, or those before a number.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn page(&self, before: Option<u64>) -> Result<AuditPage, StorageError> {
        let scan = match before {
            Some(before) => self.store.scan_prefix_after(LINES, &key(before))?,
            None => self.store.scan_prefix(LINES)?,
        };
        let (mut lines, mut last) = (Vec::new(), None);
        for entry in scan.take(LINES_PER_PAGE) {
            let (key, bytes) = entry?;
            lines.push(AuditLine::from_bytes(&bytes).map_err(|_not_a_line| StorageError::Entry("an audit line"))?);
            last = number(&key);
        }
        let before = last.filter(|number| lines.len() == LINES_PER_PAGE && *number > 0);
        Ok(AuditPage { lines, before })
    }

    /// Closes the list, so that the next start need not repair. Blocks.
    pub fn close(&self) {
        if let Err(error) = self.store.clone().close() {
            tracing::warn!(error = %kido_shared::error_chain::Chain(&error), "the audit list did not close cleanly");
        }
    }
}

#[cfg(test)]
mod tests;
