//! Venue arbiters: offering a place to one, and ending its rights.

use crate::challenge::Origin;
use crate::clock::Timestamp;
use crate::ids::ArbiterId;

/// Offers a place to a new venue arbiter.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct OfferArbiter {
    /// Where gates will ask it, the first one first; one to four.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub addresses: Vec<Origin>,
    /// Whether the box decides on records that it shares with other boxes; then there may be several.
    #[serde(default)]
    pub shared: bool,
}

/// Ends a venue arbiter's rights, and begins the next incarnation of the event's arbiter.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RevokeArbiter {
    /// The operator's word that the box is off and stays off. Without it nothing is done: a box that has not heard of its
    /// end would go on deciding for gates that have not either.
    pub box_is_off: bool,
}

/// A venue arbiter as operators see it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ArbiterBody {
    /// Its id.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub arbiter: ArbiterId,
    /// Where gates ask it.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub addresses: Vec<Origin>,
    /// The incarnation of the event's arbiter that it was enrolled for.
    pub epoch: u32,
    /// Whether its rights have ended.
    pub revoked: bool,
    /// Whether it decides on records that it shares with other boxes.
    #[serde(default)]
    pub shared: bool,
    /// Since when it belongs to the event.
    #[cfg_attr(feature = "openapi", schema(value_type = i64))]
    pub added_at: Timestamp,
}

/// The venue arbiters of an event.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ArbiterList {
    /// Revoked ones included.
    pub arbiters: Vec<ArbiterBody>,
}
