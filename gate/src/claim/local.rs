//! The gate as its event's own arbiter: only where it is the event's one gate.

use kido_shared::policy::{ArbiterHome, EventPolicy};

/// Who decides claims for this gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decider {
    /// An arbiter elsewhere.
    Elsewhere,
    /// This gate.
    Here,
    /// The policy names this gate although the event has others, or an arbiter that this gate was told no address of:
    /// nobody may decide.
    Nobody,
}

impl Decider {
    /// What the policy says, given how many gates the event has. Two local arbiters would admit one ticket twice.
    #[must_use]
    pub const fn of(policy: &EventPolicy, gates: usize) -> Self {
        match policy.choices().arbiter.home {
            ArbiterHome::Registrar => Self::Elsewhere,
            ArbiterHome::Local if gates <= 1 => Self::Here,
            ArbiterHome::Local | ArbiterHome::Venue => Self::Nobody,
        }
    }
}
