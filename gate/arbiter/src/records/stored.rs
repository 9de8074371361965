//! Records on this box's disk: a facts log with group commit, and an index from which they are read.
//!
//! A fact is one record as it was written. The log is bounded by beginning anew: where it holds many times more facts
//! than records, the next start writes the newest record of each ticket to a fresh log and puts that in the old one's
//! place. A crash in between leaves the old one, which is whole.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use kido_shared::claim::TicketClaims;
use kido_shared::error_chain::Chain;
use kido_shared::ids::EventId;
use kido_store::{
    HeldFolder, IndexChanges, Options, Position, Project, ProjectError, Store, StoreError, StoreIdentity,
    TransactError, follow_log,
};

use super::{ClaimRecords, RecordName, RecordsError, Swapped, Versioned};

/// Facts below which a log is never begun anew: 10,000 of them are read in a tenth of a second.
const COMPACT_ABOVE: u64 = 10_000;

/// How many facts a record may have on average before the log is begun anew: an entry with its *opened* makes two.
const FACTS_PER_RECORD: u64 = 4;

/// Records that one transaction carries over: at most 6 kB each, far below what a transaction takes.
const RECORDS_AT_A_TIME: usize = 500;

/// Names of the log's folder, of the one that is being written, and of the one that was replaced.
const FOLDERS: [&str; 3] = ["claims", "claims.new", "claims.old"];

/// A fact: name and record.
#[derive(minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
struct Written {
    #[cbor(n(0), with = "minicbor::bytes")]
    name: [u8; 32],
    #[n(1)]
    claims: TicketClaims,
}

impl Written {
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match minicbor::encode(self, &mut bytes) {
            Ok(()) => bytes,
            // Writing to memory does not fail; an empty fact would be refused by the projection, never stored.
            Err(_infallible) => Vec::new(),
        }
    }
}

#[derive(Debug)]
struct ByName;

impl Project for ByName {
    const VERSION: u32 = 1;

    fn project(&self, _position: Position, fact: &[u8], index: &mut IndexChanges<'_>) -> Result<(), ProjectError> {
        let written: Written =
            minicbor::decode(fact).map_err(|_no_detail| ProjectError::Unreadable("not a record of claims"))?;
        index.put(written.name, encode(&written.claims));
        Ok(())
    }
}

pub(super) fn encode(claims: &TicketClaims) -> Vec<u8> {
    let mut bytes = Vec::new();
    match minicbor::encode(claims, &mut bytes) {
        Ok(()) => bytes,
        Err(_infallible) => Vec::new(),
    }
}

pub(super) fn decode(bytes: &[u8]) -> Result<TicketClaims, RecordsError> {
    minicbor::decode(bytes).map_err(|_no_detail| RecordsError::Unreadable)
}

fn versioned(stored: Option<Vec<u8>>) -> Result<Option<Versioned>, RecordsError> {
    let claims = stored.map(|bytes| decode(&bytes)).transpose()?;
    Ok(claims.map(|claims| Versioned { version: claims.revision(), claims }))
}

impl From<StoreError> for RecordsError {
    fn from(error: StoreError) -> Self {
        if error.is_passing() { Self::DiskFull } else { Self::Store(error) }
    }
}

impl From<TransactError<Self>> for RecordsError {
    fn from(error: TransactError<Self>) -> Self {
        match error {
            TransactError::Rejected(refused) => refused,
            TransactError::Store(store) => store.into(),
            TransactError::Closed => Self::Store(StoreError::Closed),
            TransactError::Busy => Self::Busy,
        }
    }
}

/// Records on this box.
#[derive(Debug, Clone)]
pub struct StoredRecords {
    store: Store,
}

impl StoredRecords {
    /// Opens the records in a folder, or begins them; begins the log anew where it has grown too long. Blocks.
    ///
    /// # Errors
    /// [`RecordsError`].
    pub fn open(folder: &Path, event: EventId) -> Result<Self, RecordsError> {
        settle(folder).map_err(storage)?;
        let store = open(&folder.join(FOLDERS[0]), event)?;
        let facts = store.head().count();
        if facts <= COMPACT_ABOVE {
            return Ok(Self { store });
        }
        let records = count(&store)?;
        if facts <= records.saturating_mul(FACTS_PER_RECORD) {
            return Ok(Self { store });
        }
        let [current, fresh, old] = FOLDERS.map(|name| folder.join(name));
        if let Err(error) = carry_over(&store, &fresh, event) {
            // The log is long, and whole: a box that decides is worth more than a short one.
            tracing::warn!(error = %Chain(&error), "the log of claims could not be begun anew, and goes on as it is");
            fs::remove_dir_all(&fresh).map_err(storage)?;
            return Ok(Self { store });
        }
        store.close()?;
        let exchange = || -> io::Result<()> {
            fs::rename(&current, &old)?;
            fs::rename(&fresh, &current)?;
            fs::File::open(folder)?.sync_all()?;
            fs::remove_dir_all(&old)
        };
        exchange().map_err(storage)?;
        tracing::info!(facts, records, "the log of claims was begun anew");
        Ok(Self { store: open(&current, event)? })
    }

    /// The records in a folder in memory, for simulations; their log is never begun anew.
    ///
    /// # Errors
    /// [`RecordsError`].
    pub fn open_held(folder: &HeldFolder, event: EventId) -> Result<Self, RecordsError> {
        let (store, _opened) = Store::open_held(folder, StoreIdentity::new(*event.as_bytes()), ByName)?;
        Ok(Self { store })
    }

    /// The newest record of each ticket in a folder, also while its box decides. Blocks: the whole log is read.
    ///
    /// # Errors
    /// [`RecordsError`].
    pub fn newest(folder: &Path, event: EventId) -> Result<Vec<TicketClaims>, RecordsError> {
        let (mut newest, mut unreadable) = (BTreeMap::new(), false);
        let identity = StoreIdentity::new(*event.as_bytes());
        follow_log(&folder.join(FOLDERS[0]), identity, |_head, fact| match minicbor::decode::<Written>(fact) {
            Ok(Written { name, claims }) => drop(newest.insert(name, claims)),
            Err(_no_record) => unreadable = true,
        })?;
        if unreadable { Err(RecordsError::Unreadable) } else { Ok(newest.into_values().collect()) }
    }

    /// How many changes were written since the log began.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.store.head().count()
    }

    /// Ends the records in good order. Blocks.
    ///
    /// # Errors
    /// What kept them from a clean end; no durable record is touched by that.
    pub fn close(self) -> Result<(), RecordsError> {
        Ok(self.store.close()?)
    }
}

fn storage(source: io::Error) -> RecordsError {
    RecordsError::Folder(std::sync::Arc::new(source))
}

fn open(folder: &Path, event: EventId) -> Result<Store, RecordsError> {
    let identity = StoreIdentity::new(*event.as_bytes());
    let (store, _opened) = Store::open(folder, identity, ByName, Options::create_if_missing())?;
    Ok(store)
}

/// Ends what a crash has left of an exchange: the old log is whole wherever the new one is not in its place.
fn settle(folder: &Path) -> io::Result<()> {
    let [current, fresh, old] = FOLDERS.map(|name| folder.join(name));
    if !current.exists() && old.exists() {
        fs::rename(&old, &current)?;
        fs::File::open(folder)?.sync_all()?;
    }
    for left in [fresh, old] {
        match fs::remove_dir_all(&left) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn count(store: &Store) -> Result<u64, RecordsError> {
    let mut records = 0_u64;
    for entry in store.scan_prefix(&[])? {
        entry?;
        records = records.saturating_add(1);
    }
    Ok(records)
}

/// Writes the newest record of each ticket to a fresh log.
fn carry_over(from: &Store, folder: &Path, event: EventId) -> Result<(), RecordsError> {
    let fresh = open(folder, event)?;
    let mut batch = Vec::with_capacity(RECORDS_AT_A_TIME);
    let mut entries = from.scan_prefix(&[])?;
    loop {
        let entry = entries.next().transpose()?;
        let last = entry.is_none();
        if let Some((name, claims)) = entry {
            let name = <[u8; 32]>::try_from(name.as_slice()).map_err(|_length| RecordsError::Unreadable)?;
            batch.push(Written { name, claims: decode(&claims)? }.to_bytes());
        }
        if last || batch.len() >= RECORDS_AT_A_TIME {
            let facts = std::mem::take(&mut batch);
            let pending = fresh.transact(move |transaction| {
                facts.into_iter().try_for_each(|fact| transaction.append(fact).map(|_position| ()))?;
                Ok::<_, RecordsError>(())
            });
            pending.wait()?;
        }
        if last {
            return Ok(fresh.close()?);
        }
    }
}

impl ClaimRecords for StoredRecords {
    async fn get(&self, name: RecordName) -> Result<Option<Versioned>, RecordsError> {
        versioned(self.store.get(name.as_bytes())?)
    }

    async fn compare_and_set(
        &self,
        name: RecordName,
        version: Option<u64>,
        next: TicketClaims,
    ) -> Result<Swapped, RecordsError> {
        let pending = self.store.transact(move |transaction| {
            let stands = versioned(transaction.get(name.as_bytes())?)?;
            if stands.as_ref().map(|stands| stands.version) != version {
                return Ok(Swapped::Other(stands));
            }
            transaction.append(Written { name: *name.as_bytes(), claims: next }.to_bytes())?;
            Ok::<_, RecordsError>(Swapped::Stored)
        });
        Ok(pending.await?.into_inner())
    }
}

#[cfg(test)]
mod tests;
