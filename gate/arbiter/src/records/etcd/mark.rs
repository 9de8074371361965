//! Which history of an event's records an etcd holds.
//!
//! An etcd that was emptied looks like one that is new, and would grant every entry once more. So the first box writes a
//! mark, once and by a person's word; every box keeps it with its settings, and every transaction compares it.

use kido_shared::ids::EventId;
use rand::{CryptoRng, RngCore};

use super::cluster::{AT_A_TERMINAL, Cluster, ClusterError};
use super::wire::{Compare, Found, Key, Op, Txn, TxnAnswer, paths};

/// 16 random bytes that one history of records has and no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(transparent)]
pub struct Mark(#[cbor(n(0), with = "minicbor::bytes")] [u8; 16]);

/// Why no mark was found or made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MarkError {
    /// The etcd holds nothing of this event.
    #[error(
        "this etcd holds no records of this event. On the first box, and once: say it again with --begin. On another \
         box, or where boxes have decided already: this is not their etcd, or it was emptied"
    )]
    Missing,
    /// It holds another history than the one that this box has decided on.
    #[error("this etcd holds another history of this event's records than this box has decided on")]
    Other,
    /// It holds nothing any more of what this box has decided on.
    #[error(
        "this etcd has lost the records that this box has decided on: restore it from its newest snapshot, or revoke \
         every box and enrol them anew once all gates have uploaded"
    )]
    Lost,
    /// What is there is none of ours.
    #[error("what stands in this etcd under the mark's name is no mark")]
    Unreadable,
    /// The etcd does not answer.
    #[error("the etcd cannot be asked")]
    Cluster(#[from] ClusterError),
}

impl Mark {
    /// A new one.
    pub fn generate(random: &mut (impl RngCore + CryptoRng)) -> Self {
        let mut bytes = [0; 16];
        random.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    fn found(found: Option<Found>) -> Result<Option<Self>, MarkError> {
        let mark = found.map(|found| <[u8; 16]>::try_from(found.value.0.as_slice()).map(Self));
        mark.transpose().map_err(|_length| MarkError::Unreadable)
    }

    /// The mark that an etcd has for this event.
    ///
    /// # Errors
    /// [`MarkError`].
    pub async fn find(cluster: &Cluster, event: EventId) -> Result<Option<Self>, MarkError> {
        let answer: TxnAnswer =
            cluster.ask_within(paths::TXN, &Txn::read(vec![Op::range(Key::mark(event))]), AT_A_TERMINAL).await?;
        Self::found(answer.single())
    }

    /// Writes this mark where there is none; gives the one that stands there now. Repeating it changes nothing.
    ///
    /// # Errors
    /// [`MarkError`].
    pub async fn begin(self, cluster: &Cluster, event: EventId) -> Result<Self, MarkError> {
        let key = Key::mark(event);
        let txn = Txn {
            compare: vec![Compare::mod_revision(key.clone(), 0)],
            success: vec![Op::put(key.clone(), self.0.to_vec())],
            failure: vec![Op::range(key)],
        };
        let answer: TxnAnswer = cluster.ask_within(paths::TXN, &txn, AT_A_TERMINAL).await?;
        if answer.succeeded {
            return Ok(self);
        }
        Self::found(answer.single())?.ok_or(MarkError::Unreadable)
    }
}

/// The mark that a box goes by from now on: what it went by before, what it finds, or what it is told to begin with.
///
/// # Errors
/// [`MarkError`].
pub(super) async fn settle(
    cluster: &Cluster,
    event: EventId,
    before: Option<Mark>,
    begin: Option<Mark>,
) -> Result<Mark, MarkError> {
    match (Mark::find(cluster, event).await?, before, begin) {
        (Some(found), Some(before), _) if found != before => Err(MarkError::Other),
        (Some(found), _, _) => Ok(found),
        (None, Some(_before), _) => Err(MarkError::Lost),
        (None, None, Some(new)) => new.begin(cluster, event).await,
        (None, None, None) => Err(MarkError::Missing),
    }
}
