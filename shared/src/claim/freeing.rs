//! Claims of a revoked gate that no admission followed, set free by an operator.
//!
//! A gate that died, was stolen or lied may hold tickets that nobody entered with, and their holders are sent to staff.
//! Nobody but its journal knows which of them did enter: so a person decides, the feed tells every arbiter, and each
//! record is changed when somebody next asks for it. Nothing is closed by it: where the admission comes to light after
//! all, it counts as every other does, and whoever entered meanwhile makes a conflict with it.

use super::record::{ClaimState, TicketClaims};

/// Which claims of a gate are free, where no admission is known to have followed.
///
/// The order is that of how much is freed: a decision is widened, never narrowed, since others may have entered by it.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
    minicbor::Encode,
    minicbor::Decode,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum FreedClaims {
    /// Those whose lane the gate has not said to have opened: an honest gate that stopped in the middle of a tap.
    #[n(0)]
    Unopened,
    /// Those as well that it has: a gate whose word is worth nothing.
    #[n(1)]
    All,
}

impl FreedClaims {
    /// Whether a claim in this state is among them.
    #[must_use]
    pub const fn covers(self, state: &ClaimState) -> bool {
        match (self, state) {
            (_, ClaimState::Claimed(_)) | (Self::All, ClaimState::Inside(_)) => true,
            (Self::Unopened, ClaimState::Inside(_)) | (_, ClaimState::Free | ClaimState::Spent) => false,
        }
    }
}

impl TicketClaims {
    /// This record without the claim that holds it, where that is among the freed; its entry is as if it had never been.
    ///
    /// The caller knows that the claim is the freed gate's, and that no admission is known to have followed.
    #[must_use]
    pub fn set_free(self, freed: FreedClaims) -> Self {
        if !freed.covers(&self.state) {
            return self;
        }
        Self { state: ClaimState::Free, entry: self.entry.saturating_sub(1), ..self }
    }
}
