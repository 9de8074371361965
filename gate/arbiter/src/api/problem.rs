//! The one place that turns refusals into answers.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use kido_observe::Told;
use kido_shared::error_chain::Chain;
use kido_shared::request_signature::RequestSignatureError;
use kido_shared::wire::v1::problem::{MEDIA_TYPE, Problem};

use crate::decide::StepRefusal;
use crate::records::RecordsError;

/// An answer that is not what was asked for. Its codes are the registrar's, so that a gate knows them.
#[derive(Debug)]
pub(crate) struct Refused {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
}

const fn refused(status: StatusCode, code: &'static str, title: &'static str) -> Refused {
    Refused { status, code, title }
}

impl Refused {
    pub(crate) const NO_ROUTE: Self = refused(StatusCode::NOT_FOUND, "not_found", "Nothing is here");
    pub(crate) const METHOD: Self = refused(StatusCode::METHOD_NOT_ALLOWED, "method", "Not by this method");
    pub(crate) const OTHER_EVENT: Self = refused(StatusCode::NOT_FOUND, "unknown_event", "No such event");
    pub(crate) const UNKNOWN_GATE: Self =
        refused(StatusCode::UNAUTHORIZED, "unknown_gate", "Not one of this event's gates");
    pub(crate) const REVOKED: Self = refused(StatusCode::FORBIDDEN, "gate_revoked", "The gate was revoked");
    pub(crate) const COPIED: Self =
        refused(StatusCode::FORBIDDEN, "gate_copied", "Two machines run with this gate's keys");
    pub(crate) const EARLIER_RUN: Self = refused(StatusCode::CONFLICT, "earlier_run", "The gate has started anew");
    pub(crate) const BODY: Self = refused(StatusCode::BAD_REQUEST, "json", "The JSON is not what is expected");
    pub(crate) const TOO_LARGE: Self =
        refused(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "More than is read at a time");
    pub(crate) const DEADLINE: Self = refused(StatusCode::SERVICE_UNAVAILABLE, "deadline", "It took too long");
    pub(crate) const OTHER_ADDRESS: Self =
        refused(StatusCode::UNAUTHORIZED, "other_address", "Not one of this arbiter's addresses");
}

impl From<RequestSignatureError> for Refused {
    fn from(error: RequestSignatureError) -> Self {
        let code = match error {
            RequestSignatureError::Malformed => "signature_malformed",
            RequestSignatureError::Profile => "signature_profile",
            RequestSignatureError::Digest => "signature_digest",
            RequestSignatureError::Skew => "signature_skew",
            RequestSignatureError::Signature => "signature",
        };
        refused(StatusCode::UNAUTHORIZED, code, "The request is not signed as it must be")
    }
}

impl From<StepRefusal> for Refused {
    fn from(refusal: StepRefusal) -> Self {
        match refusal {
            StepRefusal::OtherGate => refused(StatusCode::FORBIDDEN, "other_gate", "Another gate is named"),
            StepRefusal::Elsewhere | StepRefusal::OtherHome => {
                refused(StatusCode::CONFLICT, "arbiter_elsewhere", "Claims are decided elsewhere")
            }
            StepRefusal::TooFast => refused(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Too many requests"),
            StepRefusal::UnknownTicket => refused(StatusCode::NOT_FOUND, "unknown_ticket", "No such ticket"),
            StepRefusal::TooOld => refused(StatusCode::SERVICE_UNAVAILABLE, "feed_too_old", "The feed is too old"),
            StepRefusal::Contended => refused(StatusCode::SERVICE_UNAVAILABLE, "busy", "Ask again"),
            StepRefusal::Records(RecordsError::Busy) => {
                refused(StatusCode::SERVICE_UNAVAILABLE, "busy", "Too much waits to be stored")
            }
            StepRefusal::Records(RecordsError::DiskFull) => {
                refused(StatusCode::INSUFFICIENT_STORAGE, "disk_full", "The disk is full")
            }
            // Said once where a member is left; a venue whose network is down would fill its disk with the rest.
            StepRefusal::Records(RecordsError::Silent) => {
                refused(StatusCode::SERVICE_UNAVAILABLE, "records_silent", "This box cannot decide now")
            }
            StepRefusal::Records(RecordsError::QuotaAlarm) => {
                tracing::error!(error = %Chain(&refusal), "a step could not be answered");
                refused(StatusCode::INSUFFICIENT_STORAGE, "quota_alarm", "The records' quota is used up")
            }
            StepRefusal::Book(_) | StepRefusal::Records(_) => {
                tracing::error!(error = %Chain(&refusal), "a step could not be answered");
                refused(StatusCode::INTERNAL_SERVER_ERROR, "storage", "Not stored")
            }
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Self { status, code, title } = self;
        let problem = Problem {
            kind: format!("urn:kido:problem:{code}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: title.to_owned(),
            instance: None,
            code: code.to_owned(),
            reasons: Vec::new(),
        };
        let mut response = (status, [(CONTENT_TYPE, MEDIA_TYPE)], Json(&problem)).into_response();
        response.extensions_mut().insert(Told(problem));
        // As the registrar says it: these two pass by themselves.
        if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
