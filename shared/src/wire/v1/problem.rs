//! Problem documents (RFC 9457): what every error answer looks like.

/// Media type of a problem document.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// One problem. `detail` is a plain sentence for a person, `code` a word for a program.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// `urn:kido:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The same words for every problem of this code.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened here, and what to do.
    pub detail: String,
    /// What a program looks at, such as `code_used`.
    pub code: String,
    /// Every reason, where there are several, by name: the reasons against a certificate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
}
