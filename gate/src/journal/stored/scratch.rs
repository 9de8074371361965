//! Stored values for tests of what comes after the journal: from a store, as ever, but of a transaction that kept
//! nothing.

use std::sync::OnceLock;

use kido_shared::admission::{Admission, AdmissionBasis};
use kido_shared::clock::Timestamp;
use kido_shared::ids::{AdmissionId, GateId};
use kido_store::{IndexChanges, Options, Position, Project, ProjectError, Store, StoreError, StoreIdentity, Stored};
use rand::rngs::OsRng;

use super::{Intent, StoredAdmission, StoredIntent};
use crate::journal::{GrantedEntry, PlannedEntry};

struct Nothing;

impl Project for Nothing {
    const VERSION: u32 = 1;

    fn project(&self, _position: Position, _fact: &[u8], _index: &mut IndexChanges<'_>) -> Result<(), ProjectError> {
        Ok(())
    }
}

fn stored<T: Send + 'static>(value: T) -> Stored<T> {
    static STORE: OnceLock<(tempfile::TempDir, Store)> = OnceLock::new();
    let (_folder, store) = STORE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let identity = StoreIdentity::new([0x5C; 16]);
        let (store, _opened) = Store::open(folder.path(), identity, Nothing, Options::create_if_missing()).unwrap();
        (folder, store)
    });
    store.transact(move |_transaction| Ok::<T, StoreError>(value)).wait().unwrap()
}

/// Intents as the journal makes them of a plan.
pub(crate) fn intents(planned: &[PlannedEntry], at: Timestamp) -> Vec<StoredIntent> {
    let intents = planned.iter().map(|planned| Intent::new(planned, at, &mut OsRng)).collect();
    StoredIntent::all(stored(intents))
}

/// Admissions as the journal makes them of granted entries.
pub(crate) fn admissions(granted: &[GrantedEntry], gate: GateId, at: Timestamp) -> Vec<StoredAdmission> {
    let admission = |granted: &GrantedEntry| Admission {
        id: granted.intent.admission(),
        ticket: granted.intent.ticket(),
        gate,
        entry: granted.entry,
        at,
        basis: granted.basis,
    };
    StoredAdmission::all(stored(granted.iter().map(admission).collect()))
}

/// Admissions as the journal makes them where the gate decides by itself.
pub(crate) fn admitted_here(planned: &[PlannedEntry], gate: GateId, at: Timestamp) -> Vec<StoredAdmission> {
    let admission = |planned: &PlannedEntry| Admission {
        id: AdmissionId::generate(&mut OsRng),
        ticket: planned.ticket,
        gate,
        entry: planned.entry,
        at,
        basis: AdmissionBasis::Offline,
    };
    StoredAdmission::all(stored(planned.iter().map(admission).collect()))
}
