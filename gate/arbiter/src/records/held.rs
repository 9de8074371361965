//! Records in memory: for tests and simulations, which end with the process as these do.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use kido_shared::claim::TicketClaims;

use super::{ClaimRecords, RecordName, RecordsError, Swapped, Versioned};

/// Records that live as long as the process.
#[derive(Debug, Default)]
pub struct HeldRecords(Mutex<BTreeMap<RecordName, Versioned>>);

impl ClaimRecords for HeldRecords {
    async fn get(&self, name: RecordName) -> Result<Option<Versioned>, RecordsError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&name).cloned())
    }

    async fn compare_and_set(
        &self,
        name: RecordName,
        version: Option<u64>,
        next: TicketClaims,
    ) -> Result<Swapped, RecordsError> {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held = records.get(&name);
        if held.map(|held| held.version) != version {
            return Ok(Swapped::Other(held.cloned()));
        }
        let version = version.map_or(1, |version| version.saturating_add(1));
        records.insert(name, Versioned { claims: next, version });
        Ok(Swapped::Stored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::contract;

    #[tokio::test]
    async fn records_in_memory_keep_the_contract() {
        contract::keeps(&HeldRecords::default()).await.unwrap();
        contract::one_of_many_wins(std::sync::Arc::new(HeldRecords::default())).await.unwrap();
    }
}
