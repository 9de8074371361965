//! Records that several boxes share: one key per ticket in an etcd of three, written by transactions alone.
//!
//! ```text
//! kido/EVENT/mark           which history of this event's records this is: 16 random bytes, written once
//! kido/EVENT/record/NAME    one ticket's record; NAME is its HMAC in hexadecimal
//! ```
//!
//! Every transaction compares the mark as well as the record's `mod_revision`. An etcd that was emptied, restored without
//! it, or is another one altogether, grants nothing: its mark is missing or different.
//!
//! etcd is spoken to through its own JSON gateway (`/v3/kv/txn`), with the HTTP client that is here anyway. The gateway
//! ends in the same server process, a few tenths of a millisecond before a write that costs an fsync on two boxes; gRPC
//! would bring forty crates and a protobuf compiler to every machine that builds Kido.

pub mod answers;
mod cluster;
mod mark;
mod settings;
mod standing;
mod wire;

use std::sync::Arc;

use kido_shared::claim::TicketClaims;
use kido_shared::ids::EventId;

pub use cluster::{ATTEMPT_DEADLINE, Cluster, ClusterError, STEP_DEADLINE};
pub use mark::{Mark, MarkError};
pub use settings::{EtcdSettings, JoinedEtcd, SettingsError, TlsFiles};
pub use standing::{Member, MemberStanding};

use super::stored::{decode, encode};
use super::{ClaimRecords, RecordName, RecordsError, Sharing, Swapped, Versioned};
use cluster::{AT_A_TERMINAL, RECORDS_PER_PAGE, WIPING};
use wire::{Compare, Key, Op, Page, RangeAnswer, Txn, TxnAnswer, paths};

/// Records in an etcd. Clones share its connections.
#[derive(Debug, Clone)]
pub struct EtcdRecords {
    cluster: Arc<Cluster>,
    event: EventId,
    mark: Mark,
}

impl From<ClusterError> for RecordsError {
    fn from(error: ClusterError) -> Self {
        match error {
            ClusterError::Silent => Self::Silent,
            ClusterError::QuotaAlarm => Self::QuotaAlarm,
            ClusterError::Refused { status } => Self::Refused { status },
            ClusterError::OtherHistory => Self::OtherHistory,
            ClusterError::Unreadable => Self::Unreadable,
        }
    }
}

impl EtcdRecords {
    /// The records of this event, in the history that has this mark.
    #[must_use]
    pub const fn new(cluster: Arc<Cluster>, event: EventId, mark: Mark) -> Self {
        Self { cluster, event, mark }
    }

    /// Deletes everything of this event, at its retention date. etcd forgets the older values with its next compaction.
    ///
    /// # Errors
    /// [`RecordsError`].
    pub async fn wipe(&self) -> Result<(), RecordsError> {
        let _answer: serde_json::Map<String, serde_json::Value> =
            self.cluster.ask_within(paths::DELETE_RANGE, &Key::all_of(self.event), WIPING).await?;
        Ok(())
    }

    /// Reads every record of the event, for a person at a terminal. Names are nobody's here, so none is given.
    ///
    /// # Errors
    /// [`RecordsError`].
    pub async fn each(&self, mut visit: impl FnMut(TicketClaims)) -> Result<(), RecordsError> {
        // A name that no ticket has: the mark comes along, and another history is told before any of it is counted.
        let _nobodys = self.get(RecordName::from_bytes([0; 32])).await?;
        let mut page = Page::first(self.event, RECORDS_PER_PAGE);
        loop {
            let answer: RangeAnswer = self.cluster.ask_within(paths::RANGE, &page, AT_A_TERMINAL).await?;
            let mut last = None;
            for found in answer.kvs {
                visit(decode(&found.value.0)?);
                last = Some(found.key);
            }
            let Some(last) = last else { return Ok(()) };
            page = page.behind(last);
        }
    }

    fn of_this_history(&self) -> Compare {
        Compare::value(Key::mark(self.event), self.mark.as_bytes())
    }

    /// Sends one transaction, and gives what stands under the name where it was not made: nothing where it was.
    async fn transact(&self, name: RecordName, txn: &Txn) -> Result<Transacted, RecordsError> {
        // One member may be another etcd by itself; the others decide on without it.
        for _member in self.cluster.endpoints() {
            let answer: TxnAnswer = self.cluster.ask(paths::TXN, txn).await?;
            let header = answer.header;
            if answer.succeeded && txn.writes() {
                self.cluster.confirm(header);
                return Ok(Transacted::Made);
            }
            let [mark, record] = answer.pair().ok_or(RecordsError::Unreadable)?;
            if mark.is_none_or(|found| found.value.0 != self.mark.as_bytes()) {
                self.cluster.leave_favourite();
                continue;
            }
            self.cluster.confirm(header);
            tracing::trace!(?name, found = record.is_some(), "a record of claims");
            return Ok(Transacted::Stands(record.map(|found| (found.value.0, found.mod_revision.0))));
        }
        Err(RecordsError::OtherHistory)
    }

    fn look(&self, name: RecordName) -> Vec<Op> {
        vec![Op::range(Key::mark(self.event)), Op::range(Key::record(self.event, name))]
    }
}

/// What a transaction has come to.
enum Transacted {
    Made,
    Stands(Option<(Vec<u8>, u64)>),
}

fn versioned(stands: Option<(Vec<u8>, u64)>) -> Result<Option<Versioned>, RecordsError> {
    stands.map(|(bytes, version)| Ok(Versioned { claims: decode(&bytes)?, version })).transpose()
}

impl ClaimRecords for EtcdRecords {
    const SHARING: Sharing = Sharing::Shared;

    async fn get(&self, name: RecordName) -> Result<Option<Versioned>, RecordsError> {
        // A transaction that only reads is linearizable, as a plain read is, and brings the mark along.
        match self.transact(name, &Txn::read(self.look(name))).await? {
            Transacted::Made => Err(RecordsError::Unreadable),
            Transacted::Stands(stands) => versioned(stands),
        }
    }

    async fn compare_and_set(
        &self,
        name: RecordName,
        version: Option<u64>,
        next: TicketClaims,
    ) -> Result<Swapped, RecordsError> {
        let (key, value) = (Key::record(self.event, name), encode(&next));
        // A key that is not there has revision 0, which none that is there ever has.
        let unchanged = Compare::mod_revision(key.clone(), version.unwrap_or(0));
        let txn = Txn {
            compare: vec![self.of_this_history(), unchanged],
            success: vec![Op::put(key, value.clone())],
            failure: self.look(name),
        };
        match self.transact(name, &txn).await? {
            Transacted::Made => Ok(Swapped::Stored),
            // An attempt whose answer was lost has made it, or another box has taken the very same step.
            Transacted::Stands(Some((stands, _revision))) if stands == value => Ok(Swapped::Stored),
            Transacted::Stands(stands) => Ok(Swapped::Other(versioned(stands)?)),
        }
    }
}
