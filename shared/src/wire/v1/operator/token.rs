//! Bearer tokens, and what their bearers may do.

/// What the bearer of a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything.
    Operator,
    /// Import, confirm, release, suspend and cancel tickets; sees their states, never an admission or a time.
    Sales,
    /// Looks at tickets and suspends them.
    Desk,
    /// Looks, and changes nothing.
    Viewer,
}

impl Role {
    /// The word in a command line and an answer.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Sales => "sales",
            Self::Desk => "desk",
            Self::Viewer => "viewer",
        }
    }
}

/// A new bearer token, by its hash; whoever asks has made it and written it down.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AddToken {
    /// What its bearer may do.
    pub role: Role,
    /// What operators call it: small letters, digits and hyphens.
    pub label: String,
    /// SHA-256 of the token's text.
    #[serde(with = "crate::wire::base64url")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub token_hash: [u8; 32],
}

/// A bearer token as operators see it: nothing of the token itself.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TokenBody {
    /// What its bearer may do.
    pub role: Role,
    /// What operators call it.
    pub label: String,
}

/// The bearer tokens of a registrar.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TokenList {
    /// By label.
    pub tokens: Vec<TokenBody>,
}

crate::redact::redacted_debug!(AddToken);
