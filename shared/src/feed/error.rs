//! Why something of a feed is refused: always the fault of who sent it, never of the gate.

use crate::ids::{Epoch, FeedSequence};

/// Why a head, a range, a record or a statement is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// It is longer than its bound, or shorter than anything of its kind.
    #[error("{what} has a length that no such thing has")]
    Length {
        /// What was read.
        what: &'static str,
    },
    /// It is not the deterministic CBOR that this protocol writes.
    #[error("{what} is not encoded as this protocol encodes it")]
    Encoding {
        /// What was read.
        what: &'static str,
    },
    /// Its version is not one that this program speaks.
    #[error("{what} has version {version}")]
    Version {
        /// What was read.
        what: &'static str,
        /// The version that it names.
        version: u64,
    },
    /// The record is of an unknown kind and says that it must not be ignored.
    #[error("a record of the unknown kind {kind} must not be ignored: this program is too old")]
    UnknownCritical {
        /// The number of that kind.
        kind: u64,
    },
    /// The ciphertext was altered, or belongs to another place, epoch, event or key.
    #[error("record {at} does not open")]
    Sealed {
        /// Where it stood.
        at: FeedSequence,
    },
    /// No key that may sign this has signed it.
    #[error("{what} carries no signature of a key that may sign it")]
    Signature {
        /// What was read.
        what: &'static str,
    },
    /// A trusted key signed it, at a moment that the key was not certified for.
    #[error("{what} was signed by a key outside its validity")]
    KeyNotValid {
        /// What was read.
        what: &'static str,
    },
    /// It ends before it begins, or lasts longer than such a thing may.
    #[error("{what} claims an impossible validity")]
    Validity {
        /// What was read.
        what: &'static str,
    },
    /// The root has said since that this feed key is believed no more.
    #[error("the feed key was revoked by the root key")]
    KeyRevoked,
    /// It is about another event.
    #[error("it belongs to another event")]
    OtherEvent,
    /// The head is of another epoch, and no cut signed with the root key leads there.
    #[error("the head is of epoch {head}, this follower of epoch {followed}: only a signed cut leads on")]
    OtherEpoch {
        /// The epoch of the head.
        head: Epoch,
        /// The epoch followed so far.
        followed: Epoch,
    },
    /// The statement leads to an epoch that is not later than the one followed.
    #[error("a cut leads forward, not to epoch {to}")]
    CutNotForward {
        /// The epoch that the statement starts.
        to: Epoch,
    },
    /// The history is shorter than what has been followed already.
    #[error("a history of {head} records, where {followed} have been followed")]
    Shortened {
        /// Records that the head counts.
        head: u64,
        /// Records followed so far.
        followed: u64,
    },
    /// The history differs from what has been followed, or the records from the signed head.
    #[error("the chain differs from the signed one at {length} records")]
    Forked {
        /// The length up to which the two should be the same.
        length: u64,
    },
    /// Records were brought that are not exactly the next ones.
    #[error("{wanted} records come next, {got} were brought")]
    RangeLength {
        /// How many come next.
        wanted: u64,
        /// How many were brought.
        got: u64,
    },
    /// The head has not been reached yet.
    #[error("{missing} records are missing up to the head")]
    Missing {
        /// How many.
        missing: u64,
    },
}
