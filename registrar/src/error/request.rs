//! What is wrong with a request before anything is done with it.

use axum::http::StatusCode;

/// A request that is refused for what it is, whoever sends it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Nothing is at this path.
    #[error("nothing is here")]
    NoRoute,
    /// The path is served, but not by this method.
    #[error("this method is not served here")]
    Method,
    /// An id or number in the path is none.
    #[error("an id or number in the path is none")]
    Path,
    /// A page of another site sent it, or it does not say whose page did.
    #[error("this request comes from no page of this registrar")]
    OtherSite,
    /// The body is larger than any that is read here.
    #[error("the body is too large")]
    TooLarge,
    /// The body did not arrive.
    #[error("the body did not arrive")]
    Body,
    /// The body is not announced as JSON.
    #[error("expected content-type application/json")]
    MediaType,
    /// The body is no JSON, or not the JSON that is expected. Its text is never repeated: it may name somebody.
    #[error("the JSON is {what} at line {line}, column {column}")]
    Json {
        /// Broken off, not JSON, or of another form.
        what: &'static str,
        /// Where.
        line: usize,
        /// Where.
        column: usize,
    },
    /// A field has a value that cannot be.
    #[error("{field}: {reason}")]
    Field {
        /// Which field.
        field: &'static str,
        /// Why not.
        reason: String,
    },
    /// A field of one row has a value that cannot be.
    #[error("row {row}, {field}: {reason}")]
    Row {
        /// From 0.
        row: usize,
        /// Which field.
        field: &'static str,
        /// Why not.
        reason: String,
    },
}

impl RequestError {
    /// A field that does not parse, with the parser's own words.
    pub(crate) fn field(field: &'static str, reason: &impl core::fmt::Display) -> Self {
        Self::Field { field, reason: reason.to_string() }
    }

    /// What became of a body that was not read, by the status of its rejection.
    pub(crate) fn of_body(rejected: StatusCode) -> Self {
        if rejected == StatusCode::PAYLOAD_TOO_LARGE { Self::TooLarge } else { Self::Body }
    }
}
