//! What a journal holds while no gate writes in it: for whoever looks at a gate that is stopped.

use std::path::Path;

use kido_shared::admission::Admission;
use kido_shared::clock::Timestamp;
use kido_shared::ids::GateId;
use kido_store::{Options, Store, StoreIdentity};

use super::project::{AdmissionEntry, JournalIndex, Key};
use super::{CACHE_BYTES, Journal, JournalError};

/// An admission in a journal, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldAdmission {
    /// What was stored before the lane opened.
    pub admission: Admission,
    /// When its lane was seen to open, if it was.
    pub opened_at: Option<Timestamp>,
    /// Whether the barrier said that nobody passed.
    pub annulled: bool,
}

/// Everything that a stopped gate's journal says of admissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// The admissions, in no order.
    pub admissions: Vec<HeldAdmission>,
    /// Whether registrar and arbiter have heard all of it.
    pub is_delivered: bool,
}

impl Contents {
    /// Reads a journal as it is: no start is noted, and nothing withdrawn. Blocks while the log is verified.
    ///
    /// # Errors
    /// [`JournalError`], also where a gate runs on it.
    pub fn read(folder: &Path, gate: GateId) -> Result<Self, JournalError> {
        let options = Options::existing().cache_bytes(CACHE_BYTES);
        let (store, _opened) = Store::open(folder, StoreIdentity::new(*gate.as_bytes()), JournalIndex(gate), options)?;
        let journal = Journal { store, gate, boot: 0, begun: [0; 32] };
        let contents = Self { admissions: journal.held()?, is_delivered: journal.is_delivered()? };
        journal.close()?;
        Ok(contents)
    }
}

impl Journal {
    fn held(&self) -> Result<Vec<HeldAdmission>, JournalError> {
        let mut held = Vec::new();
        for entry in self.store.scan_prefix(Key::ADMISSIONS)? {
            let (_key, entry) = entry?;
            let AdmissionEntry { admission, opened_at, annulled, .. } = AdmissionEntry::read(Some(entry))?;
            held.push(HeldAdmission { admission, opened_at, annulled });
        }
        Ok(held)
    }
}
