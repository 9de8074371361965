//! Gates: offering a place to one, and ending its rights.

use zeroize::Zeroizing;

use crate::claim::FreedClaims;
use crate::clock::Timestamp;
use crate::enrolment::ApplicantId;
use crate::ids::{EnrolmentId, GateId};
use crate::policy::ArbiterHome;
use crate::ticket::Zone;

/// Offers a place to a new gate.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct OfferGate {
    /// The part of the venue that it will serve.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub zone: Zone,
    /// What is written over the entrance; the zone unless said.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub entrance: Option<Zone>,
}

/// The offer, to be shown once to whoever sets up the gate or the box.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GateOffered {
    /// Names the dialogue.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub enrolment: EnrolmentId,
    /// Origin, secret and root fingerprint in one link.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub link: Zeroizing<String>,
    /// When it ends by itself.
    #[cfg_attr(feature = "openapi", schema(value_type = i64))]
    pub expires_at: Timestamp,
}

/// How far the gate or box that took an offer is.
///
/// The digits are not told: the operator types what it shows, and the registrar compares.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "state", rename_all = "snake_case", deny_unknown_fields)]
pub enum OfferState {
    /// Nobody yet, or somebody who has not revealed a nonce.
    Waiting,
    /// Somebody is there and shows the digits.
    ShowsCode {
        /// Its name.
        #[serde(rename = "gate")]
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        name: ApplicantId,
    },
    /// Confirmed.
    Confirmed {
        /// Its name.
        #[serde(rename = "gate")]
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        name: ApplicantId,
    },
}

/// The digits as the operator read them from the gate's or the box's screen.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ConfirmGate {
    /// Six digits.
    pub short_code: String,
}

/// A gate as operators see it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GateBody {
    /// Its id.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub gate: GateId,
    /// The part of the venue that it serves.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub zone: Zone,
    /// What is written over the entrance.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub entrance: Zone,
    /// Whether its rights have ended.
    pub revoked: bool,
    /// Whether that was because two machines ran with its keys.
    #[serde(default)]
    pub copied: bool,
    /// Since when it belongs to the event.
    #[cfg_attr(feature = "openapi", schema(value_type = i64))]
    pub added_at: Timestamp,
}

/// The gates of an event.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GateList {
    /// Revoked ones included.
    pub gates: Vec<GateBody>,
}

/// What a gate holds: claims that no admission has followed.
///
/// Each is a ticket that nobody else can enter with. Its holder is in, and the gate has not told, or stands outside.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GateClaims {
    /// Which gate.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub gate: GateId,
    /// Whether its rights have ended.
    pub revoked: bool,
    /// Who decides the event's claims, and so knows how many it holds.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub decided_by: ArbiterHome,
    /// Claims whose lane it has not said to have opened; absent where another arbiter decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unopened: Option<u64>,
    /// Claims whose lane it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened: Option<u64>,
    /// Which of them were set free; absent before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freed: Option<FreedClaims>,
}

/// Sets claims of a revoked gate free, those that no admission has followed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct FreeClaims {
    /// Which of them.
    pub freed: FreedClaims,
    /// How many the operator was told of, by this registrar or by a box in the venue.
    pub told: u64,
}

crate::redact::redacted_debug!(GateOffered, ConfirmGate);
