//! A feed that begins anew in another epoch (`protocol.md` §6).
//!
//! What was said before is given up by the root key's word; what is true now is told once more, from the first record on.

use kido_shared::feed::FeedError;
use kido_shared::ids::{Epoch, TicketId};

/// How far the tickets of an event have been told of in the new epoch.
///
/// A sealed key stands in its feed record only. Tickets that ever had a card are told in the order in which the epoch before
/// told of their cards, so that its records are read through once; all others before them, in the order of their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(flat)]
pub enum Retelling {
    /// Those that never had a card, behind this one.
    #[n(0)]
    Unbound(#[n(0)] Option<TicketId>),
    /// Those whose card is told of by a record of the epoch before with this number or a later one.
    #[n(1)]
    Bound(#[n(0)] u64),
}

impl Retelling {
    /// Where it begins.
    pub const BEGIN: Self = Self::Unbound(None);
}

/// Why the feed does not begin anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CutRefusal {
    /// The root key has not said this, or said it of another event.
    #[error("this is not the word of this registrar's root key for a cut of this event")]
    NotTheRoots(#[source] FeedError),
    /// It leads to an epoch that is not later than all that are known here.
    #[error("it leads to epoch {to}, and epoch {known} is known: is the clock right where it was signed?")]
    NotForward {
        /// The epoch that it would begin.
        to: Epoch,
        /// The latest that is known.
        known: Epoch,
    },
}
