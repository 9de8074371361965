//! The feed: an event's numbered facts, encrypted one by one, chained, and signed by a head (`protocol.md` §6).
//!
//! A registrar builds it: [`RecordCipher::seal`] a [`FeedRecord`], extend the [`Chain`], and now and then sign a
//! [`FeedHead`]. Anybody may carry it. A gate takes nothing on trust:
//!
//! ```text
//! bytes ─▶ FeedHead::verify ─▶ VerifiedHead ─▶ Follower::begin ─▶ ChainCheck ── ranges, as they arrive ──▶ VerifiedSpan
//!                                                 (refuses: other event,      (spooled by the gate)              │
//!                                                  shortened, forked, epoch)                                     ▼
//!                                  FollowedTo + records, one durable step per range ◀── VerifiedSpan::open per range
//! ```
//!
//! The first pass hashes only, so nothing of a history reaches the replica before its whole chain has met a verified
//! head. The second pass opens range by range in bounded memory: every position it stops at lies on the verified
//! chain, so each range and the position behind it are stored as one step, and a crash between two ranges loses nothing.
//!
//! **Invariant**: this module knows no cache, no file and no socket; ranges are values that somebody brings.

mod chain;
mod cipher;
mod cut;
mod error;
mod follow;
mod head;
mod key;
mod range;
mod record;
mod span;
pub(crate) mod statement;

pub use chain::{Chain, FollowedTo};
pub use cipher::{RecordCipher, SealedRecord};
pub use cut::{EpochCut, SignedEpochCut, VerifiedEpochCut};
pub use error::FeedError;
pub use follow::{Follower, Need};
pub use head::{FeedHead, SignedHead, VerifiedHead};
pub use key::{FeedKeyCertificate, FeedKeyStatement, TrustedFeedKeys};
pub use range::{RangeNeed, decode_range, encode_range};
pub use record::{
    ARBITER_ADDRESSES_MAX, Annulled, ArbiterRecord, BindingRecord, ClaimsFreed, Conflict, EndRecord, Exited,
    FeedRecord, GateRecord, KeyRecord, StaffCredential, StaffRecord, StaffRole, TicketRecord, UnknownRecord,
};
pub use span::{ChainCheck, VerifiedSpan};

#[cfg(test)]
mod tests;
