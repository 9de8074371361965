//! One transaction being put together: facts, and the feed records that go with them.

use kido_shared::feed::{FeedRecord, FollowedTo, RecordCipher, SealedRecord};
use kido_shared::ids::{Epoch, FeedSequence};
use kido_store::{LogOffset, Scan, StoreError, Transaction};

use super::error::StorageError;
use super::live::EventKeys;
use super::reading::{self, Entries, EntriesAfter, ReadError};
use crate::fact::{Fact, FeedExtended};

/// Most bytes of ciphertext in one fact that has several: who reads a range skips up to 256 facts before it, so large
/// ones would cost every reader.
const FEED_FACT_BYTES: usize = 8 * 1024;

/// A transaction with its event's keys. Numbers and chain go on from the newest state, undurable transactions before
/// this one included; a transaction that is refused gives its numbers back, and its ciphertexts are never seen.
pub(crate) struct Changing<'a, 't> {
    transaction: &'a mut Transaction<'t>,
    keys: &'a EventKeys,
    cipher: RecordCipher,
    begun: FollowedTo,
    reached: FollowedTo,
    records: Vec<SealedRecord>,
}

impl<'a, 't> Changing<'a, 't> {
    pub(crate) fn begin(transaction: &'a mut Transaction<'t>, keys: &'a EventKeys) -> Result<Self, ReadError> {
        let start = || FollowedTo::start(keys.event, Epoch::FIRST);
        let reached = reading::feed(transaction)?.unwrap_or_else(start);
        let cipher = keys.cipher(reached.epoch);
        Ok(Self { transaction, keys, cipher, begun: reached, reached, records: Vec::new() })
    }

    /// Begins another epoch: what is published from here on stands in it. The fact that says so is appended by the caller,
    /// who has published nothing yet.
    pub(super) fn cut(&mut self, epoch: Epoch) {
        self.begun = FollowedTo::start(self.keys.event, epoch);
        self.reached = self.begun;
        self.cipher = self.keys.cipher(epoch);
        self.records.clear();
    }

    pub(crate) const fn keys(&self) -> &EventKeys {
        self.keys
    }

    /// How far the feed reaches with what is published here.
    pub(super) const fn reached(&self) -> &FollowedTo {
        &self.reached
    }

    /// Where the next record will stand.
    pub(crate) const fn next_record(&self) -> FeedSequence {
        self.reached.next()
    }

    /// Seals a record into the feed; it is published with the transaction's facts.
    pub(crate) fn publish(&mut self, record: &FeedRecord) -> Result<FeedSequence, StorageError> {
        let place = self.reached.next();
        let sealed = self.cipher.seal(place, record)?;
        self.reached = self.reached.extend(&sealed);
        self.records.push(sealed);
        Ok(place)
    }

    /// Takes a record into the feed as it is: it stands on the chain behind what is here, under a head that was verified.
    pub(super) fn adopt(&mut self, sealed: SealedRecord) {
        self.reached = self.reached.extend(&sealed);
        self.records.push(sealed);
    }

    pub(crate) fn append(&mut self, fact: &Fact) -> Result<(), StorageError> {
        self.transaction.append(fact.to_bytes())?;
        Ok(())
    }

    /// Appends what was published, in facts of a bearable size.
    pub(crate) fn finish(self) -> Result<(), StorageError> {
        let Self { transaction, begun, records, .. } = self;
        let (mut first, mut part, mut bytes) = (begun.length, Vec::new(), 0);
        let mut append = |first: u64, records: Vec<minicbor::bytes::ByteVec>| -> Result<(), StorageError> {
            let fact = FeedExtended { epoch: begun.epoch, first: FeedSequence::new(first), records };
            transaction.append(Fact::FeedExtended(fact).to_bytes())?;
            Ok(())
        };
        let mut next = first;
        for record in records {
            let record = record.into_bytes();
            if bytes + record.len() > FEED_FACT_BYTES {
                append(first, std::mem::take(&mut part))?;
                (first, bytes) = (next, 0);
            }
            bytes += record.len();
            next = next.saturating_add(1);
            part.push(record.into());
        }
        if part.is_empty() { Ok(()) } else { append(first, part) }
    }
}

impl Entries for Changing<'_, '_> {
    fn value(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.transaction.get(key)
    }
    fn entries(&self, prefix: &[u8]) -> Result<Scan, StoreError> {
        Ok(self.transaction.scan_prefix(prefix))
    }
    fn log(&self, at: LogOffset, length: usize) -> Result<Vec<u8>, StoreError> {
        self.transaction.read_at(at, length)
    }
}

impl EntriesAfter for Changing<'_, '_> {
    fn entries_after(&self, prefix: &[u8], after: &[u8]) -> Result<Scan, StoreError> {
        Ok(self.transaction.scan_prefix_after(prefix, after))
    }
}
