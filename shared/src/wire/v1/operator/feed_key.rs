//! Feed keys: which there are, the next one, and the root key's word for it.

use crate::clock::Timestamp;
use crate::ids::EventId;

/// A feed key, as the root key has certified it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct FeedKeyBody {
    /// Ed25519 public key.
    #[serde(with = "crate::wire::base64url")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub verifying_key: [u8; 32],
    /// The first moment of the heads that it may sign.
    #[cfg_attr(feature = "openapi", schema(value_type = i64))]
    pub valid_from: Timestamp,
    /// The moment after the last.
    #[cfg_attr(feature = "openapi", schema(value_type = i64))]
    pub valid_until: Timestamp,
    /// Keys that begin before this moment are believed no more, by whoever has heard of this one.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<i64>))]
    pub revokes_before: Option<Timestamp>,
    /// Whether a later one has revoked it.
    pub revoked: bool,
}

/// The feed keys of an event, the one in force last.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct FeedKeyList {
    /// Which event.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub event: EventId,
    /// Its keys.
    pub keys: Vec<FeedKeyBody>,
}

/// Asks for the feed key that an event is to have next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AskNextFeedKey {
    /// Whether one that lies ready already is destroyed and another made: whoever stole the key in force has that one, too.
    #[serde(default)]
    pub afresh: bool,
}

/// The feed key that an event is to have next, to be certified with the root key.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NextFeedKey {
    /// Which event.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub event: EventId,
    /// The root key that its word is expected of.
    #[serde(with = "crate::wire::base64url")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub root_key: [u8; 32],
    /// Ed25519 public key.
    #[serde(with = "crate::wire::base64url")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub verifying_key: [u8; 32],
    /// The key in force, which it has to follow on.
    pub in_force: FeedKeyBody,
}

/// The root key's word for the next feed key.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangeFeedKey {
    /// A feed key certificate.
    #[serde(with = "crate::wire::base64url")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub certificate: Vec<u8>,
}
