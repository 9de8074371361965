//! How gates bring back what a registrar has lost: it was restored from a backup, and its feed is shorter than theirs.
//!
//! ```text
//! report ─▶ taken, and: show your head ─▶ offer {head} ─▶ records from n ─▶ offer {head, records} … ─▶ your journal
//!                                                        ─▶ (everything is uploaded once more) ─▶ offer {delivered} ─▶ nothing
//! ```
//!
//! Nothing of it is believed for a gate's word: a head carries the registrar's own signature, and records have to lead
//! from what the registrar has to a head. Every step may be repeated.

use crate::clock::Timestamp;

/// Most bytes of ciphertext that one offer carries: in base64url and with its signature it stays far below what a small
/// body may have.
pub const OFFERED_BYTES_MAX: usize = 128 * 1024;

/// What the registrar wants of a gate next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "want", rename_all = "snake_case", deny_unknown_fields)]
pub enum RecoveryWish {
    /// Nothing now; the answer to the next report says more.
    Nothing,
    /// The newest signed head that it has reached.
    Head,
    /// The records from this number on, up to that head.
    Records {
        /// The number of the first.
        from: u64,
    },
    /// All admissions and refused showings of its journal once more, acknowledged ones included; then a word that it is
    /// done.
    Journal {
        /// When the recovery began that this is for.
        #[cfg_attr(feature = "openapi", schema(value_type = i64))]
        since: Timestamp,
    },
}

/// What a gate brings.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "offer", rename_all = "snake_case", deny_unknown_fields)]
pub enum RecoveryOffer {
    /// The newest head that it has reached; nothing where it has reached none.
    Head {
        /// The signed head's bytes; empty where there is none.
        #[serde(with = "crate::wire::base64url")]
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        head: Vec<u8>,
    },
    /// Some of the records that lead to that head.
    Records {
        /// The number of the first.
        from: u64,
        /// At most a range of them, encoded as one.
        #[serde(with = "crate::wire::base64url")]
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        range: Vec<u8>,
    },
    /// Everything that its journal held is uploaded.
    Delivered {
        /// The recovery that asked for it.
        #[cfg_attr(feature = "openapi", schema(value_type = i64))]
        since: Timestamp,
    },
}
