//! Signed requests of gates: RFC 9421 HTTP Message Signatures in one fixed profile.
//!
//! Covered are `@method`, `@target-uri`, `content-digest` (RFC 9530, SHA-256) and, once the gate has a journal, its
//! [`crate::journal_head`] under `kido-journal`, with the parameters `created`,
//! `nonce`, `keyid` (the gate's id), `alg="ed25519"` and `tag="kido/v1"`, in that order, under the label `kido`. The
//! profile is fixed so that there is one signature base to agree on and nothing to negotiate. Replays inside the
//! skew are caught by the receiver, which remembers nonces ([`VerifiedRequest::nonce`]).

use core::fmt::Write as _;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use rand::{CryptoRng, RngCore};
use sfv::{BareItem, Dictionary, ListEntry, Parser};
use sha2::{Digest as _, Sha256};

use crate::clock::Timestamp;
use crate::ids::GateId;
use crate::journal_head::JOURNAL_HEADER;
use crate::limits::REQUEST_SKEW;
use crate::wire::base64url;

/// Label of the one signature that a request carries.
const LABEL: &str = "kido";

/// Application tag: a signature made for another purpose is none here.
const TAG: &str = "kido/v1";

/// Longest header value that is parsed: ours take under 300 characters.
const HEADER_CHARS_MAX: usize = 1_024;

/// Bytes of a nonce: never the same twice within the skew, even for 200 gates at full speed.
const NONCE_BYTES: usize = 16;

/// What of a request is signed.
#[derive(Debug, Clone, Copy)]
pub struct RequestParts<'a> {
    /// `GET`, `POST`, ….
    pub method: &'a str,
    /// The absolute target URI as the client wrote it, query included (RFC 9421 §2.2.2).
    pub target_uri: &'a str,
    /// The body as sent; empty where there is none.
    pub body: &'a [u8],
    /// The value of `kido-journal`; nothing from a gate that is only being enrolled.
    pub journal: Option<&'a str>,
}

/// The three header fields that carry a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureHeaders {
    /// `content-digest`.
    pub content_digest: String,
    /// `signature-input`.
    pub signature_input: String,
    /// `signature`.
    pub signature: String,
}

/// Why a signed request is refused. The peer is at fault, or its clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestSignatureError {
    /// A header field is missing, too long or not a structured field.
    #[error("the signature headers are missing or not readable")]
    Malformed,
    /// The signature is well made, but by another profile.
    #[error("the signature does not follow the profile kido/v1")]
    Profile,
    /// The body is not the one that was signed.
    #[error("the content digest does not match the body")]
    Digest,
    /// Made too long ago, or in the future.
    #[error("the request was not created within 60 seconds of now")]
    Skew,
    /// The signature does not verify under that gate's key.
    #[error("the signature does not verify")]
    Signature,
}

/// A signature that was read but not verified yet: names the gate whose key to look up.
#[derive(Debug)]
pub struct UnverifiedRequest {
    gate: GateId,
    created: Timestamp,
    nonce: [u8; NONCE_BYTES],
    covers_journal: bool,
    parameters: String,
    signature: Signature,
}

/// A request that a gate has signed, recently, over this method, target and body.
#[derive(Debug)]
pub struct VerifiedRequest {
    gate: GateId,
    created: Timestamp,
    nonce: [u8; NONCE_BYTES],
}

impl VerifiedRequest {
    /// Who signed.
    #[must_use]
    pub const fn gate(&self) -> GateId {
        self.gate
    }

    /// When, by the gate's clock.
    #[must_use]
    pub const fn created(&self) -> Timestamp {
        self.created
    }

    /// What the receiver remembers until [`REQUEST_SKEW`] has passed twice.
    #[must_use]
    pub const fn nonce(&self) -> &[u8; NONCE_BYTES] {
        &self.nonce
    }
}

/// Signs a request.
pub fn sign(
    parts: &RequestParts<'_>,
    gate: GateId,
    key: &SigningKey,
    now: Timestamp,
    random: &mut (impl RngCore + CryptoRng),
) -> SignatureHeaders {
    let mut nonce = [0; NONCE_BYTES];
    random.fill_bytes(&mut nonce);
    let content_digest = content_digest(parts.body);
    let parameters = parameters(gate, now.unix_seconds(), &nonce, parts.journal.is_some());
    let signature = key.sign(signature_base(parts, &content_digest, &parameters).as_bytes());
    SignatureHeaders {
        content_digest,
        signature_input: format!("{LABEL}={parameters}"),
        signature: format!("{LABEL}=:{}:", base64_standard(&signature.to_bytes())),
    }
}

impl UnverifiedRequest {
    /// Reads the signature of a request.
    ///
    /// # Errors
    /// [`RequestSignatureError::Malformed`] or [`RequestSignatureError::Profile`].
    pub fn parse(signature_input: &str, signature: &str) -> Result<Self, RequestSignatureError> {
        let input = dictionary(signature_input)?;
        let Some(ListEntry::InnerList(covered)) = input.get(LABEL) else {
            return Err(RequestSignatureError::Malformed);
        };
        let text = |name: &str| match covered.params.get(name) {
            Some(BareItem::String(text)) => Ok(text.as_str()),
            Some(_) | None => Err(RequestSignatureError::Profile),
        };
        let gate: GateId = text("keyid")?.parse().map_err(|_no_gate| RequestSignatureError::Profile)?;
        let nonce = base64url::decode(text("nonce")?)
            .and_then(|bytes| <[u8; NONCE_BYTES]>::try_from(bytes).ok())
            .ok_or(RequestSignatureError::Profile)?;
        let Some(BareItem::Integer(created)) = covered.params.get("created") else {
            return Err(RequestSignatureError::Profile);
        };
        let created = i64::from(*created);
        let of_profile = |covers_journal| {
            let parameters = parameters(gate, created, &nonce, covers_journal);
            (signature_input.trim() == format!("{LABEL}={parameters}")).then_some((covers_journal, parameters))
        };
        let (covers_journal, parameters) =
            of_profile(true).or_else(|| of_profile(false)).ok_or(RequestSignatureError::Profile)?;
        let signature = signature_bytes(signature)?;
        let created = Timestamp::from_unix_seconds(created);
        Ok(Self { gate, created, nonce, covers_journal, parameters, signature })
    }

    /// Whether the journal's head is among what was signed.
    #[must_use]
    pub const fn covers_journal(&self) -> bool {
        self.covers_journal
    }

    /// Whose key to look up.
    #[must_use]
    pub const fn claimed_gate(&self) -> GateId {
        self.gate
    }

    /// When it says that it was made: for whoever has several clocks to hold that against.
    #[must_use]
    pub const fn claimed_created(&self) -> Timestamp {
        self.created
    }

    /// Verifies it against the request as it arrived.
    ///
    /// # Errors
    /// [`RequestSignatureError`]: profile, digest, skew or signature, in that order.
    pub fn verify(
        self,
        parts: &RequestParts<'_>,
        claimed_digest: &str,
        key: &VerifyingKey,
        now: Timestamp,
    ) -> Result<VerifiedRequest, RequestSignatureError> {
        if self.covers_journal != parts.journal.is_some() {
            return Err(RequestSignatureError::Profile);
        }
        if claimed_digest.trim() != content_digest(parts.body) {
            return Err(RequestSignatureError::Digest);
        }
        if now.since(self.created) > REQUEST_SKEW || self.created.since(now) > REQUEST_SKEW {
            return Err(RequestSignatureError::Skew);
        }
        let base = signature_base(parts, claimed_digest.trim(), &self.parameters);
        key.verify_strict(base.as_bytes(), &self.signature).map_err(|_no_detail| RequestSignatureError::Signature)?;
        Ok(VerifiedRequest { gate: self.gate, created: self.created, nonce: self.nonce })
    }
}

fn content_digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", base64_standard(&Sha256::digest(body)))
}

fn parameters(gate: GateId, created_s: i64, nonce: &[u8], covers_journal: bool) -> String {
    let nonce = base64url::encode(nonce);
    let journal = if covers_journal { " \"kido-journal\"" } else { "" };
    format!(
        "(\"@method\" \"@target-uri\" \"content-digest\"{journal});created={created_s};nonce=\"{nonce}\";keyid=\"{gate}\";\
         alg=\"ed25519\";tag=\"{TAG}\""
    )
}

/// RFC 9421 §2.5: one line per component, the parameters last and without a line end.
fn signature_base(parts: &RequestParts<'_>, content_digest: &str, parameters: &str) -> String {
    let mut base = String::with_capacity(512);
    let lines = [("@method", parts.method), ("@target-uri", parts.target_uri), ("content-digest", content_digest)];
    let journal = parts.journal.map(|value| (JOURNAL_HEADER, value));
    for (component, value) in lines.into_iter().chain(journal) {
        // Writing to a String cannot fail.
        if writeln!(base, "\"{component}\": {value}").is_err() {
            break;
        }
    }
    base.push_str("\"@signature-params\": ");
    base.push_str(parameters);
    base
}

fn dictionary(field: &str) -> Result<Dictionary, RequestSignatureError> {
    if field.len() > HEADER_CHARS_MAX {
        return Err(RequestSignatureError::Malformed);
    }
    Parser::new(field).parse().map_err(|_no_detail| RequestSignatureError::Malformed)
}

fn signature_bytes(field: &str) -> Result<Signature, RequestSignatureError> {
    let signatures = dictionary(field)?;
    let Some(ListEntry::Item(item)) = signatures.get(LABEL) else {
        return Err(RequestSignatureError::Malformed);
    };
    let BareItem::ByteSequence(bytes) = &item.bare_item else {
        return Err(RequestSignatureError::Malformed);
    };
    Signature::from_slice(bytes).map_err(|_wrong_length| RequestSignatureError::Malformed)
}

fn base64_standard(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_790_000_000);
    const PARTS: RequestParts<'static> = RequestParts {
        method: "POST",
        target_uri: "http://127.0.0.1:8420/api/v1/x?y=1",
        body: b"{\"a\":1}",
        journal: None,
    };

    fn signed() -> (SignatureHeaders, SigningKey) {
        let mut random = StdRng::seed_from_u64(1);
        let key = SigningKey::generate(&mut random);
        let headers = sign(&PARTS, GateId::from_bytes([7; 16]), &key, NOW, &mut random);
        (headers, key)
    }

    fn verify(parts: &RequestParts<'_>, now: Timestamp) -> Result<VerifiedRequest, RequestSignatureError> {
        let (headers, key) = signed();
        UnverifiedRequest::parse(&headers.signature_input, &headers.signature)?.verify(
            parts,
            &headers.content_digest,
            &key.verifying_key(),
            now,
        )
    }

    #[test]
    fn a_signed_request_names_its_gate() {
        assert_eq!(verify(&PARTS, NOW).unwrap().gate(), GateId::from_bytes([7; 16]));
    }

    #[test]
    fn another_method_target_or_body_does_not_verify() {
        let refused = |parts: RequestParts<'_>| verify(&parts, NOW).unwrap_err();
        assert_eq!(refused(RequestParts { method: "GET", ..PARTS }), RequestSignatureError::Signature);
        assert_eq!(refused(RequestParts { target_uri: "http://evil/", ..PARTS }), RequestSignatureError::Signature);
        assert_eq!(refused(RequestParts { body: b"{}", ..PARTS }), RequestSignatureError::Digest);
    }

    #[test]
    fn a_journals_head_that_was_changed_left_out_or_added_does_not_verify() {
        let mut random = StdRng::seed_from_u64(1);
        let key = SigningKey::generate(&mut random);
        let with = RequestParts { journal: Some("boot=1"), ..PARTS };
        for (signed, sent, verdict) in [
            (with, with, Ok(())),
            (with, RequestParts { journal: Some("boot=2"), ..PARTS }, Err(RequestSignatureError::Signature)),
            (with, PARTS, Err(RequestSignatureError::Profile)),
            (PARTS, with, Err(RequestSignatureError::Profile)),
        ] {
            let headers = sign(&signed, GateId::from_bytes([7; 16]), &key, NOW, &mut random);
            let read = UnverifiedRequest::parse(&headers.signature_input, &headers.signature).unwrap();
            let verified = read.verify(&sent, &headers.content_digest, &key.verifying_key(), NOW).map(|_request| ());
            assert_eq!(verified, verdict);
        }
    }

    #[test]
    fn an_old_or_future_request_is_refused() {
        let minute_and_more = REQUEST_SKEW + core::time::Duration::from_secs(2);
        assert_eq!(verify(&PARTS, NOW.after(minute_and_more)).unwrap_err(), RequestSignatureError::Skew);
        assert_eq!(verify(&PARTS, NOW.before(minute_and_more)).unwrap_err(), RequestSignatureError::Skew);
        assert!(verify(&PARTS, NOW.after(REQUEST_SKEW)).is_ok());
    }

    #[test]
    fn a_signature_of_another_profile_is_refused() {
        let (headers, _) = signed();
        for changed in [
            headers.signature_input.replace("kido/v1", "other"),
            headers.signature_input.replace("\"content-digest\"", ""),
            headers.signature_input.replace(";alg=\"ed25519\"", ""),
            headers.signature_input.replace(';', "; "),
        ] {
            assert_eq!(
                UnverifiedRequest::parse(&changed, &headers.signature).unwrap_err(),
                RequestSignatureError::Profile,
                "{changed}"
            );
        }
        assert!(UnverifiedRequest::parse("", "").is_err());
    }

    #[test]
    fn the_signature_base_has_the_form_of_rfc_9421() {
        let base = signature_base(&PARTS, "sha-256=:x:", "(\"@method\");created=1");
        assert_eq!(
            base,
            "\"@method\": POST\n\"@target-uri\": http://127.0.0.1:8420/api/v1/x?y=1\n\"content-digest\": \
             sha-256=:x:\n\"@signature-params\": (\"@method\");created=1"
        );
    }
}
