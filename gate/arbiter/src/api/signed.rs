//! A step that a gate of this event has signed (RFC 9421), verified over the address that the gate knows.
//!
//! Nonces are not remembered here: repeating a step changes nothing and gets the same answer, however late, so a copy
//! of a request does what its original did. A signature lives a minute, by whichever clock its date fits
//! ([`crate::request_dates`]).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts as _, Path, Request};
use axum::http::header::HOST;
use axum::http::{HeaderMap, StatusCode};
use kido_serve::{SignedHeaders, only_header};
use kido_shared::copies::Sighting;
use kido_shared::ids::{EventId, GateId};
use kido_shared::wire::v1::admissions::ClaimBody;

use super::problem::Refused;
use crate::book::Standing;
use crate::decide::Arbiter;
use crate::records::ClaimRecords;

/// A step, and the gate that signed it.
#[derive(Debug)]
pub(crate) struct SignedStep {
    pub(crate) gate: GateId,
    pub(crate) body: ClaimBody,
}

/// The address of this box that the gate has asked, as both sides write it.
fn address<'a>(standing: &'a Standing, headers: &HeaderMap) -> Result<&'a str, Refused> {
    let host = only_header(headers, HOST.as_str())?.to_ascii_lowercase();
    let addresses = standing.own.iter().flat_map(|own| &own.addresses).map(|address| address.as_str());
    let named = |address: &&str| address.split_once("://").is_some_and(|(_scheme, authority)| authority == host);
    addresses.into_iter().find(named).ok_or(Refused::OTHER_ADDRESS)
}

impl<R: ClaimRecords> FromRequest<Arc<Arbiter<R>>> for SignedStep {
    type Rejection = Refused;

    async fn from_request(request: Request, arbiter: &Arc<Arbiter<R>>) -> Result<Self, Refused> {
        let (mut parts, body) = request.into_parts();
        let event = Path::<EventId>::from_request_parts(&mut parts, arbiter).await;
        if !event.is_ok_and(|Path(event)| event == arbiter.book().event()) {
            return Err(Refused::OTHER_EVENT);
        }
        let signed = SignedHeaders::read(&parts.headers)?;
        let standing = arbiter.book().standing();
        let known = standing.gates.get(&signed.claimed_gate()).ok_or(Refused::UNKNOWN_GATE)?;
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let (method, target_uri) =
            (parts.method.as_str().to_owned(), format!("{}{path}", address(&standing, &parts.headers)?));
        let body = Bytes::from_request(Request::from_parts(parts, body), arbiter).await;
        let body = body.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Refused::TOO_LARGE,
            _other => Refused::BODY,
        })?;
        let head = signed.journal()?;
        let now = arbiter.now();
        let judging = arbiter.dates().judging(signed.claimed_created(), now);
        let verified = signed.verify((&method, &target_uri, &body), &known.key, judging)?;
        if known.revoked {
            return Err(Refused::REVOKED);
        }
        // By this box's clock, which dates what was heard before: two gates' dates may be minutes apart.
        let created = now.after(verified.created().since(judging)).before(judging.since(verified.created()));
        match arbiter.runs().hear(verified.gate(), head, created, now) {
            Sighting::Fits(_run) => {}
            Sighting::LastWords => return Err(Refused::EARLIER_RUN),
            Sighting::Copied => {
                arbiter.metrics().copied();
                return Err(Refused::COPIED);
            }
        }
        let body = serde_json::from_slice(&body).map_err(|_not_a_step| Refused::BODY)?;
        Ok(Self { gate: verified.gate(), body })
    }
}
