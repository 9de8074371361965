//! Problem documents (RFC 9457): what every error answer looks like.

use crate::trace_context::TraceId;

/// Media type of a problem document.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// What the kinds of problems here begin with; the code follows.
const KIND_URN: &str = "urn:kido:problem:";

/// What the name of an occurrence begins with; the id of its trace follows.
const TRACE_URN: &str = "urn:kido:trace:";

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
    /// This very occurrence, where the server knows its trace: `urn:kido:trace:` and the id that stands in its log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// What a program looks at, such as `code_used`.
    pub code: String,
    /// Every reason, where there are several, by name: the reasons against a certificate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
}

impl Problem {
    /// Whether it is one that this protocol's servers answer with: a gateway in front of a dead one speaks JSON, too.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.kind.starts_with(KIND_URN)
    }

    /// The same, named so that whoever reads it on a screen finds its lines in the logs.
    #[must_use]
    pub fn of_trace(self, trace: TraceId) -> Self {
        Self { instance: Some(format!("{TRACE_URN}{trace}")), ..self }
    }

    /// The trace that it names; nothing where it names none, or something else.
    #[must_use]
    pub fn trace(&self) -> Option<&str> {
        self.instance.as_deref()?.strip_prefix(TRACE_URN)
    }
}
