//! The header fields of a request that a gate has signed (RFC 9421), as a registrar and a venue's arbiter read them.

use axum::http::HeaderMap;
use ed25519_dalek::VerifyingKey;
use kido_shared::clock::Timestamp;
use kido_shared::ids::GateId;
use kido_shared::journal_head::{JOURNAL_HEADER, JournalHead};
use kido_shared::request_signature::{RequestParts, RequestSignatureError, UnverifiedRequest, VerifiedRequest};

/// What a gate says and has signed beside the body; worth nothing before [`Self::verify`].
#[derive(Debug)]
pub struct SignedHeaders {
    signature: UnverifiedRequest,
    digest: String,
    journal: Option<String>,
}

impl SignedHeaders {
    /// Reads them; a field that stands twice is refused, since whoever is in between may believe the other one.
    ///
    /// # Errors
    /// [`RequestSignatureError`] of a field that is missing, stands twice or is not what it should be.
    pub fn read(headers: &HeaderMap) -> Result<Self, RequestSignatureError> {
        let signature =
            UnverifiedRequest::parse(only_header(headers, "signature-input")?, only_header(headers, "signature")?)?;
        let digest = only_header(headers, "content-digest")?.to_owned();
        let journal =
            if signature.covers_journal() { Some(only_header(headers, JOURNAL_HEADER)?.to_owned()) } else { None };
        Ok(Self { signature, digest, journal })
    }

    /// Whose key to look up.
    #[must_use]
    pub const fn claimed_gate(&self) -> GateId {
        self.signature.claimed_gate()
    }

    /// When the request says that it was made.
    #[must_use]
    pub const fn claimed_created(&self) -> Timestamp {
        self.signature.claimed_created()
    }

    /// Where the gate says that its journal stands.
    ///
    /// # Errors
    /// [`RequestSignatureError`] where it does not say so, as while it is being enrolled, or not legibly.
    pub fn journal(&self) -> Result<JournalHead, RequestSignatureError> {
        let field = self.journal.as_deref().ok_or(RequestSignatureError::Profile)?;
        field.parse().map_err(|_no_head| RequestSignatureError::Malformed)
    }

    /// Verifies the signature over these fields, the method, the address that the gate asked, and the body.
    ///
    /// # Errors
    /// [`RequestSignatureError`].
    pub fn verify(
        self,
        (method, target_uri, body): (&str, &str, &[u8]),
        key: &VerifyingKey,
        now: Timestamp,
    ) -> Result<VerifiedRequest, RequestSignatureError> {
        let Self { signature, digest, journal } = self;
        let parts = RequestParts { method, target_uri, body, journal: journal.as_deref() };
        signature.verify(&parts, &digest, key, now)
    }
}

/// A field that has to stand there once.
///
/// # Errors
/// [`RequestSignatureError::Malformed`].
pub fn only_header<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, RequestSignatureError> {
    let mut values = headers.get_all(name).iter();
    match (values.next().map(|value| value.to_str()), values.next()) {
        (Some(Ok(text)), None) => Ok(text),
        (Some(_) | None, _) => Err(RequestSignatureError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_field_that_stands_twice_is_no_field() {
        let mut headers = HeaderMap::new();
        assert!(only_header(&headers, "signature").is_err());
        headers.append("signature", HeaderValue::from_static("one"));
        assert_eq!(only_header(&headers, "signature").unwrap(), "one");
        headers.append("signature", HeaderValue::from_static("one"));
        assert!(only_header(&headers, "signature").is_err());
    }
}
