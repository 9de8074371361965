//! What this gate can prove of the feed: signed heads as they came, and the records that lead to them.
//!
//! A registrar that was restored from a backup asks for both. The copy is of no use to it without a head: gates of one
//! event share the key that records are sealed with, so only the registrar's own signature says that a record was one.

use std::sync::{Arc, Mutex, PoisonError};

use kido_shared::feed::{FeedHead, FollowedTo, SealedRecord, VerifiedHead};
use kido_store::Position;

use super::fact::Fact;
use super::project::{Key, Scope};
use super::{Replica, ReplicaError};

/// The newest head of this run, as it was signed. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Newest(Arc<Mutex<Option<Heard>>>);

/// A head as it was signed, and the place that it speaks of.
#[derive(Debug)]
struct Heard {
    reaches: FollowedTo,
    signed: Vec<u8>,
}

impl Newest {
    pub(super) fn note(&self, head: &VerifiedHead, signed: &[u8]) {
        let heard = Heard { reaches: head.reaches(), signed: signed.to_vec() };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(heard);
    }

    /// The head that reaches exactly there, where it is the newest.
    pub(super) fn of(&self, place: &FollowedTo) -> Option<Vec<u8>> {
        let newest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        newest.as_ref().filter(|heard| heard.reaches == *place).map(|heard| heard.signed.clone())
    }
}

/// A signed head, and the records up to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvedTail {
    /// The number of the first record.
    pub from: u64,
    /// The records.
    pub records: Vec<SealedRecord>,
}

impl Replica {
    /// The newest signed head that this copy has reached; nothing before the first.
    ///
    /// # Errors
    /// [`ReplicaError`].
    pub fn signed_head(&self) -> Result<Option<Vec<u8>>, ReplicaError> {
        match self.newest.of(&self.position()) {
            Some(signed) => Ok(Some(signed)),
            None => Ok(self.store.get(&Scope(self.position().epoch).key(Key::Signed))?),
        }
    }

    /// The records from a number on, up to the newest signed head that this copy has reached. Blocks: the log is read
    /// through once.
    ///
    /// # Errors
    /// [`ReplicaError`].
    pub fn proved_tail(&self, from: u64) -> Result<ProvedTail, ReplicaError> {
        let head = self.signed_head()?.map(|signed| FeedHead::read_unverified(&signed)).transpose()?;
        let until = head.map_or(0, |head| head.length);
        let (mut records, mut next) = (Vec::new(), 0_u64);
        for fact in self.store.facts(Position::FIRST)? {
            let (_position, fact) = fact?;
            let Some(Fact::Records { epoch, records: held, .. }) = Fact::decode(&fact) else { continue };
            if head.is_none_or(|head| head.epoch != epoch) {
                continue;
            }
            for record in held {
                if (from..until).contains(&next) {
                    records.push(record);
                }
                next = next.saturating_add(1);
            }
        }
        Ok(ProvedTail { from, records })
    }
}
