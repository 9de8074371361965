//! Bearer tokens, and what their bearers may do.

use crate::clock::Timestamp;

/// What the bearer of a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything.
    Operator,
    /// Import, confirm, release, suspend and cancel tickets; sees their states, never an admission or a time.
    Sales,
    /// Looks at tickets and suspends them; brings journals of gates, and ticks of lists on paper.
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

/// How long a token opens anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TokenLife {
    /// For so many days of 24 hours, by the registrar's clock.
    Days(u16),
    /// Until it is ended.
    Never,
}

impl TokenLife {
    /// Longest life that ends: whoever wants more says that it never does.
    pub const DAYS_MAX: u16 = 1_095;
}

/// 90 days: a season. Whoever says nothing has not asked for a token that outlives its bearer's job.
impl Default for TokenLife {
    fn default() -> Self {
        Self::Days(90)
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
    /// How long it opens anything: 90 days, unless it is said.
    #[serde(default)]
    pub life: TokenLife,
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
    /// From when on it opens nothing; nothing where that never comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<i64>))]
    pub expires_at: Option<Timestamp>,
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
