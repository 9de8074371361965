//! Whom an offer makes part of an event: a gate or a venue arbiter.

use rand::{CryptoRng, RngCore};

use crate::ids::{ArbiterId, GateId, ID_BYTES};

/// As what somebody is enrolled; both sides must mean the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Applicant {
    /// Drives a lane.
    Gate,
    /// Decides claims in the venue.
    Arbiter,
}

impl Applicant {
    /// What the digits and the sealing are bound to: a gate's offer never makes an arbiter.
    pub(super) const fn label(self) -> &'static [u8] {
        match self {
            Self::Gate => b"gate",
            Self::Arbiter => b"arbiter",
        }
    }
}

/// The new name of an applicant, which it keeps as a gate or as an arbiter.
///
/// Its text is a gate's for either: the dialogue is older than arbiters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct ApplicantId(GateId);

impl ApplicantId {
    /// A new name from the given source of randomness.
    pub fn generate(random: &mut (impl RngCore + CryptoRng)) -> Self {
        Self(GateId::generate(random))
    }

    /// Its name as a gate; also the one under which an applicant of either kind signs its question for the subkeys.
    #[must_use]
    pub const fn as_gate(self) -> GateId {
        self.0
    }

    /// Its name as an arbiter.
    #[must_use]
    pub const fn as_arbiter(self) -> ArbiterId {
        ArbiterId::from_bytes(*self.0.as_bytes())
    }

    /// The raw bytes, which every form of the name has.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; ID_BYTES] {
        self.0.as_bytes()
    }
}

impl From<GateId> for ApplicantId {
    fn from(gate: GateId) -> Self {
        Self(gate)
    }
}

impl From<ArbiterId> for ApplicantId {
    fn from(arbiter: ArbiterId) -> Self {
        Self(GateId::from_bytes(*arbiter.as_bytes()))
    }
}
