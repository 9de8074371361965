//! What a book has heard of gates and admissions, read from its log beside the box that writes it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use kido_shared::claim::FreedClaims;
use kido_shared::feed::{FeedRecord, FollowedTo, RecordCipher};
use kido_shared::ids::{AdmissionId, Epoch, GateId};
use kido_store::{StoreIdentity, follow_log};

use super::project::Fact;
use super::{BookError, Followed};

/// What the epoch that is followed tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogSummary {
    /// Every admission, those that ended since among them.
    pub admissions: BTreeSet<AdmissionId>,
    /// Every gate, and whether it was revoked.
    pub gates: BTreeMap<GateId, bool>,
    /// Of which gates claims are free.
    pub freed: BTreeMap<GateId, FreedClaims>,
}

impl LogSummary {
    fn enter(&mut self, record: FeedRecord) {
        if let FeedRecord::Admission(admission) = record {
            self.admissions.insert(admission.id);
        } else if let FeedRecord::Gate(gate) = record {
            self.gates.insert(gate.gate, gate.revoked);
        } else if let FeedRecord::ClaimsFreed(freed) = record {
            self.freed.insert(freed.gate, freed.freed);
        }
    }
}

/// Reads a book's log in its folder, also while its box decides. Blocks: every record is opened.
///
/// # Errors
/// [`BookError`].
pub fn read_log(folder: &Path, followed: &Followed) -> Result<LogSummary, BookError> {
    let mut epochs: BTreeMap<Epoch, (FollowedTo, LogSummary)> = BTreeMap::new();
    let (mut current, mut outcome) = (Epoch::FIRST, Ok(()));
    let identity = StoreIdentity::new(*followed.event.as_bytes());
    follow_log(folder, identity, |_head, fact| {
        if outcome.is_err() {
            return;
        }
        outcome = match Fact::decode(fact) {
            Some(Fact::Records(epoch, records)) => {
                let cipher = RecordCipher::new(&followed.records, followed.event, epoch);
                let begun = || (FollowedTo::start(followed.event, epoch), LogSummary::default());
                let (position, told) = epochs.entry(epoch).or_insert_with(begun);
                records.iter().try_for_each(|sealed| {
                    told.enter(cipher.open(position.next(), sealed)?);
                    *position = position.extend(sealed);
                    Ok(())
                })
            }
            Some(Fact::Exchanged(epoch)) => {
                current = epoch;
                Ok(())
            }
            Some(Fact::Head(_)) => Ok(()),
            None => Err(BookError::Unreadable),
        };
    })?;
    outcome?;
    Ok(epochs.remove(&current).map(|(_position, told)| told).unwrap_or_default())
}
