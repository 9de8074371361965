//! Gates by their signature (RFC 9421): read with a bound, verified over the public origin, each nonce once.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts as _, Request};
use ed25519_dalek::VerifyingKey;
use kido_serve::SignedHeaders;
use kido_shared::clock::Timestamp;
use kido_shared::copies::Sighting;
use kido_shared::ids::{EventId, GateId};
use kido_shared::journal_head::JournalHead;
use kido_shared::request_signature::{RequestSignatureError, VerifiedRequest};

use crate::api::extract::{EventPath, parse_json};
use crate::domain::gate::GateRefusal;
use crate::error::{AppError, RequestError};
use crate::state::AppState;
use crate::store::Failed;

/// A signed request as it arrived. Nothing of its body is believed before [`Self::verify`].
#[derive(Debug)]
pub struct SignedRequest {
    headers: SignedHeaders,
    method: String,
    target_uri: String,
    body: Bytes,
}

impl SignedRequest {
    /// Whose key to look up.
    #[must_use]
    pub const fn claimed_gate(&self) -> GateId {
        self.headers.claimed_gate()
    }

    /// Verifies the signature, takes the nonce, and hands the body out.
    ///
    /// # Errors
    /// [`RequestSignatureError`] or [`super::nonces::ReplayError`].
    pub fn verify(self, app: &AppState, key: &[u8; 32]) -> Result<(VerifiedRequest, Bytes), AppError> {
        let (verified, body) = self.verify_signature(app, key)?;
        app.nonces.take(&verified, app.now())?;
        Ok((verified, body))
    }

    /// Verifies the signature alone.
    fn verify_signature(self, app: &AppState, key: &[u8; 32]) -> Result<(VerifiedRequest, Bytes), AppError> {
        let Self { headers, method, target_uri, body } = self;
        let key = VerifyingKey::from_bytes(key).map_err(|_no_key| RequestSignatureError::Signature)?;
        let verified = headers.verify((&method, &target_uri, &body), &key, app.now())?;
        Ok((verified, body))
    }
}

impl FromRequest<AppState> for SignedRequest {
    type Rejection = AppError;

    async fn from_request(request: Request, app: &AppState) -> Result<Self, AppError> {
        let headers = SignedHeaders::read(request.headers())?;
        let method = request.method().as_str().to_owned();
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let target_uri = format!("{}{path}", app.origin);
        let body =
            Bytes::from_request(request, app).await.map_err(|rejection| RequestError::of_body(rejection.status()))?;
        Ok(Self { headers, method, target_uri, body })
    }
}

/// A JSON body that a gate of the event in the path has signed.
#[derive(Debug)]
pub struct GateBody<T> {
    /// Which event.
    pub event: EventId,
    /// Who signed.
    pub gate: GateId,
    /// What was sent.
    pub body: T,
}

impl<T: serde::de::DeserializeOwned> FromRequest<AppState> for GateBody<T> {
    type Rejection = AppError;

    async fn from_request(request: Request, app: &AppState) -> Result<Self, AppError> {
        let (mut parts, body) = request.into_parts();
        let EventPath { event } = EventPath::from_request_parts(&mut parts, app).await?;
        let signed = SignedRequest::from_request(Request::from_parts(parts, body), app).await?;
        let known = match app.store.known_gate(event, signed.claimed_gate()) {
            Err(Failed::Refused(refusal)) => return Err(AppError::Signer(refusal)),
            known => known?,
        };
        let journal = signed.headers.journal()?;
        let (verified, bytes) = signed.verify_signature(app, &known.verifying_key)?;
        // Only to itself: whoever else names a gate here learns nothing of it. Its nonces are not worth a place.
        if known.revoked {
            return Err(AppError::Signer(GateRefusal::Revoked));
        }
        app.nonces.take(&verified, app.now())?;
        one_machine(app, (event, verified.gate()), journal, verified.created()).await?;
        Ok(Self { event, gate: verified.gate(), body: parse_json(&bytes)? })
    }
}

/// Whether the gate's keys are used by one machine, as far as its journal tells. A second one ends the rights of both.
async fn one_machine(
    app: &AppState,
    (event, gate): (EventId, GateId),
    journal: JournalHead,
    created: Timestamp,
) -> Result<(), AppError> {
    match app.runs.hear((event, gate), journal, created, app.now()) {
        Sighting::Fits(_run) => Ok(()),
        Sighting::LastWords => Err(AppError::Signer(GateRefusal::EarlierRun)),
        Sighting::Copied => {
            app.revoke_copied(event, gate).await?;
            Err(AppError::Signer(GateRefusal::Revoked))
        }
    }
}
