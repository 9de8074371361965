//! Where a refusal becomes an HTTP status and a problem document (RFC 9457).
//!
//! What the domain and the store refuse has its status here, for programs and for people; what only a page knows, such as
//! a form's field that does not parse, has its own with that page.
//!
//! `code` is a word for programs and never changes its meaning; `detail` is a sentence for a person. Neither carries
//! anything of a card, a code or a reference. What failed inside goes to the log, once, with its causes.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kido_shared::certificate::CertificateRefusals;
use kido_shared::error_chain::Chain;
use kido_shared::policy::PolicyError;
use kido_shared::request_signature::RequestSignatureError;
use kido_shared::wire::v1::problem::{MEDIA_TYPE, Problem};
use tokio::task::JoinError;

use crate::auth::bearer::Denied;
use crate::auth::nonces::ReplayError;
use crate::auth::tokens::TokenError;
use crate::domain::claim::ClaimRefusal;
use crate::domain::event::EventRefusal;
use crate::domain::gate::GateRefusal;
use crate::domain::ingest::IngestRefusal;
use crate::domain::registration::RegistrationRefusal;
use crate::domain::ticket::TicketRefusal;
use crate::enrolment::EnrolmentRefusal;
use crate::store::{Failed, ImportRefusal, StorageError};

/// What is wrong with a request before anything is done with it.
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

/// Everything that a handler may answer instead of what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The request itself.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// Who asks.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The signature of a gate.
    #[error(transparent)]
    Signature(#[from] RequestSignatureError),
    /// A signature that was seen before.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// A signature of somebody who is no gate of the event.
    #[error("the signature is not one of this event's gates")]
    Signer(#[source] GateRefusal),
    /// A token's rules.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// An event's rules.
    #[error(transparent)]
    Event(#[from] EventRefusal),
    /// A policy that contradicts itself.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A ticket's rules.
    #[error(transparent)]
    Ticket(#[from] TicketRefusal),
    /// An import's rules.
    #[error(transparent)]
    Import(#[from] ImportRefusal),
    /// A card dialogue's rules.
    #[error(transparent)]
    Registration(#[from] RegistrationRefusal),
    /// A gate's rules.
    #[error(transparent)]
    Gate(#[from] GateRefusal),
    /// An enrolment's rules.
    #[error(transparent)]
    Enrolment(#[from] EnrolmentRefusal),
    /// A claim's rules.
    #[error(transparent)]
    Claim(#[from] ClaimRefusal),
    /// An upload's rules.
    #[error(transparent)]
    Ingest(#[from] IngestRefusal),
    /// A part of a feed that is not there.
    #[error("the feed has no such range, or it is not full yet")]
    NoSuchRange,
    /// It took longer than anybody waits.
    #[error("it took too long")]
    Deadline,
    /// The store.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A page that could not be put together.
    #[error("a page could not be put together")]
    Page(#[source] askama::Error),
    /// A thread that should answer ended without an answer: a bug.
    #[error("a step was lost")]
    Lost(#[source] JoinError),
    /// A bug.
    #[error("an unexpected condition")]
    Bug,
}

impl<R: std::error::Error + 'static> From<Failed<R>> for AppError
where
    Self: From<R>,
{
    fn from(failed: Failed<R>) -> Self {
        match failed {
            Failed::Refused(refusal) => refusal.into(),
            Failed::Storage(error) => error.into(),
        }
    }
}

/// Status, code, title: the same for every problem of a code.
type Kind = (StatusCode, &'static str, &'static str);

const fn kind(status: StatusCode, code: &'static str, title: &'static str) -> Kind {
    (status, code, title)
}

impl AppError {
    fn kind(&self) -> Kind {
        match self {
            Self::Request(error) => request(error),
            Self::Denied(denied) => bearer(*denied),
            Self::Signature(error) => signature(*error),
            Self::Replay(error) => replay(*error),
            Self::Signer(refusal) => signer(*refusal),
            Self::Token(error) => token(error),
            Self::Event(refusal) => event(*refusal),
            Self::Policy(_) => kind(StatusCode::UNPROCESSABLE_ENTITY, "policy", "The policy contradicts itself"),
            Self::Ticket(refusal) => ticket(*refusal),
            Self::Import(ImportRefusal::TooManyRows) => kind(StatusCode::PAYLOAD_TOO_LARGE, "too_large", TOO_LARGE),
            Self::Registration(refusal) => registration(refusal),
            Self::Gate(refusal) => gate(*refusal),
            Self::Enrolment(refusal) => enrolment(*refusal),
            Self::Claim(refusal) => claim(*refusal),
            Self::Ingest(refusal) => ingest(*refusal),
            Self::NoSuchRange => kind(StatusCode::NOT_FOUND, "no_such_range", "No such range"),
            Self::Deadline => kind(StatusCode::SERVICE_UNAVAILABLE, "deadline", "It took too long"),
            Self::Storage(error) => storage(error),
            Self::Page(_) | Self::Lost(_) | Self::Bug => {
                kind(StatusCode::INTERNAL_SERVER_ERROR, "bug", "An unexpected condition")
            }
        }
    }

    /// The status of its answer, whether a program or a person reads it.
    #[must_use]
    pub(crate) fn status(&self) -> StatusCode {
        self.kind().0
    }

    /// The word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.kind().1
    }

    /// The answer for whoever asked.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let (status, code, title) = self.kind();
        Problem {
            kind: format!("urn:kido:problem:{code}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: self.detail(status),
            code: code.to_owned(),
            reasons: self.reasons(),
        }
    }

    /// A sentence. What failed inside is nobody's business outside.
    fn detail(&self, status: StatusCode) -> String {
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            return "something failed inside the registrar; its log says what".to_owned();
        }
        match self.refused_certificate() {
            Some(refusals) => format!("{self}: {refusals}"),
            None => self.to_string(),
        }
    }

    fn reasons(&self) -> Vec<String> {
        let reasons = self.refused_certificate().into_iter().flat_map(CertificateRefusals::iter);
        reasons.map(|reason| reason.name().to_owned()).collect()
    }

    const fn refused_certificate(&self) -> Option<&CertificateRefusals> {
        if let Self::Registration(RegistrationRefusal::Certificate(refusals)) = self { Some(refusals) } else { None }
    }

    fn log(&self, status: StatusCode, code: &str) {
        if !status.is_server_error() {
            tracing::debug!(code, "refused");
            return;
        }
        tracing::error!(code, error = %Chain(self), "a request failed");
    }
}

/// The word for programs beside an answer, for whoever makes a page of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProblemCode(pub(crate) &'static str);

const TOO_LARGE: &str = "More than is read at a time";
const NOT_OFFERED: &str = "Not offered here";

fn request(error: &RequestError) -> Kind {
    match error {
        RequestError::NoRoute => kind(StatusCode::NOT_FOUND, "not_found", "Nothing is here"),
        RequestError::Method => kind(StatusCode::METHOD_NOT_ALLOWED, "method", "Not by this method"),
        RequestError::Path => kind(StatusCode::NOT_FOUND, "bad_path", "No such thing"),
        RequestError::OtherSite => kind(StatusCode::FORBIDDEN, "other_site", "Not from our own page"),
        RequestError::TooLarge => kind(StatusCode::PAYLOAD_TOO_LARGE, "too_large", TOO_LARGE),
        RequestError::Body => kind(StatusCode::BAD_REQUEST, "body", "The body did not arrive"),
        RequestError::MediaType => kind(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type", "Not JSON"),
        RequestError::Json { .. } => kind(StatusCode::BAD_REQUEST, "json", "The JSON is not what is expected"),
        RequestError::Field { .. } | RequestError::Row { .. } => {
            kind(StatusCode::UNPROCESSABLE_ENTITY, "field", "A value cannot be")
        }
    }
}

const fn bearer(denied: Denied) -> Kind {
    match denied {
        Denied::NoToken => kind(StatusCode::UNAUTHORIZED, "no_token", "A bearer token is needed"),
        Denied::UnknownToken => kind(StatusCode::UNAUTHORIZED, "unknown_token", "The bearer token is not known"),
        Denied::Role(_) => kind(StatusCode::FORBIDDEN, "role", "Not in this role"),
    }
}

const fn signature(error: RequestSignatureError) -> Kind {
    let code = match error {
        RequestSignatureError::Malformed => "signature_malformed",
        RequestSignatureError::Profile => "signature_profile",
        RequestSignatureError::Digest => "signature_digest",
        RequestSignatureError::Skew => "signature_skew",
        RequestSignatureError::Signature => "signature",
    };
    kind(StatusCode::UNAUTHORIZED, code, "The request is not signed as it must be")
}

const fn replay(error: ReplayError) -> Kind {
    match error {
        ReplayError::Replayed => kind(StatusCode::UNAUTHORIZED, "replayed", "The request was sent before"),
        ReplayError::TooMany => kind(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Too many requests"),
    }
}

const fn signer(refusal: GateRefusal) -> Kind {
    match refusal {
        GateRefusal::Revoked => kind(StatusCode::FORBIDDEN, "gate_revoked", "The gate was revoked"),
        GateRefusal::UnknownGate
        | GateRefusal::Exists
        | GateRefusal::LocalArbiter
        | GateRefusal::HomeGate
        | GateRefusal::TooManyGates => kind(StatusCode::UNAUTHORIZED, "unknown_gate", "Not one of this event's gates"),
    }
}

const fn token(error: &TokenError) -> Kind {
    match error {
        TokenError::File { .. } | TokenError::Damaged(_) => {
            kind(StatusCode::INTERNAL_SERVER_ERROR, "storage", "Not stored")
        }
        TokenError::Label => kind(StatusCode::UNPROCESSABLE_ENTITY, "field", "A value cannot be"),
        TokenError::Exists => kind(StatusCode::CONFLICT, "label_taken", "The label is taken"),
        TokenError::Unknown => kind(StatusCode::NOT_FOUND, "unknown_label", "No such token"),
        TokenError::LastOperator => kind(StatusCode::CONFLICT, "last_operator", "The last operator stays"),
        TokenError::TooMany => kind(StatusCode::CONFLICT, "too_many_tokens", "Too many tokens"),
    }
}

const fn event(refusal: EventRefusal) -> Kind {
    match refusal {
        EventRefusal::Over => kind(StatusCode::UNPROCESSABLE_ENTITY, "event_over", "The event is over"),
        EventRefusal::RehearsalFixed => {
            kind(StatusCode::CONFLICT, "rehearsal_fixed", "A rehearsal stays one, and a real event too")
        }
        EventRefusal::LocalArbiter { .. } => kind(StatusCode::CONFLICT, "local_arbiter", "One gate only"),
        EventRefusal::ArbiterFixed => kind(StatusCode::CONFLICT, "arbiter_fixed", "The arbiter stays"),
        EventRefusal::ChangedMeanwhile => kind(StatusCode::CONFLICT, "changed_meanwhile", "Somebody else was first"),
        EventRefusal::TooFarAhead => kind(StatusCode::UNPROCESSABLE_ENTITY, "too_far_ahead", "Too far ahead"),
        EventRefusal::NotOffered(_) => kind(StatusCode::UNPROCESSABLE_ENTITY, "not_offered", NOT_OFFERED),
        EventRefusal::Kept => kind(StatusCode::CONFLICT, "event_kept", "The retention date has not come"),
        EventRefusal::EntriesOut { .. } => kind(StatusCode::CONFLICT, "entries_out", "A gate has entries to upload"),
        EventRefusal::NoSpareIdentity => {
            kind(StatusCode::SERVICE_UNAVAILABLE, "no_spare_identity", "The root key is needed")
        }
    }
}

const NOT_POSSIBLE: &str = "Not with this ticket as it is";
const TOO_MANY_CHANGES: &str = "Too many changes today";

const fn ticket(refusal: TicketRefusal) -> Kind {
    match refusal {
        TicketRefusal::UnknownTicket => kind(StatusCode::NOT_FOUND, "unknown_ticket", "No such ticket"),
        TicketRefusal::NotPossible { .. } => kind(StatusCode::CONFLICT, "not_possible", NOT_POSSIBLE),
        TicketRefusal::HolderCode => kind(StatusCode::FORBIDDEN, "holder_code", "The holder's code is not the shop's"),
        TicketRefusal::Paid => kind(StatusCode::CONFLICT, "paid", "The ticket is paid"),
        TicketRefusal::TooManyChanges => kind(StatusCode::TOO_MANY_REQUESTS, "too_many_changes", TOO_MANY_CHANGES),
    }
}

const fn registration(refusal: &RegistrationRefusal) -> Kind {
    match refusal {
        RegistrationRefusal::UnknownCode => kind(StatusCode::NOT_FOUND, "unknown_code", "No ticket has this code"),
        RegistrationRefusal::CodeUsed => kind(StatusCode::CONFLICT, "code_used", "The code was used"),
        RegistrationRefusal::CodeDead(_) => kind(StatusCode::GONE, "code_dead", "The code's ticket is void"),
        RegistrationRefusal::NotPossible { .. } => kind(StatusCode::CONFLICT, "not_possible", NOT_POSSIBLE),
        RegistrationRefusal::NotOffered(_) => kind(StatusCode::UNPROCESSABLE_ENTITY, "not_offered", NOT_OFFERED),
        RegistrationRefusal::NothingNamed => {
            kind(StatusCode::UNPROCESSABLE_ENTITY, "nothing_named", "A code or an event is needed")
        }
        RegistrationRefusal::NoSession => kind(StatusCode::GONE, "no_session", "The dialogue is over"),
        RegistrationRefusal::TooManySessions => {
            kind(StatusCode::SERVICE_UNAVAILABLE, "too_many_sessions", "Too many dialogues are open")
        }
        RegistrationRefusal::Certificate(_) => {
            kind(StatusCode::FORBIDDEN, "certificate_refused", "The certificate is refused")
        }
        RegistrationRefusal::Proof(_) => kind(StatusCode::FORBIDDEN, "proof_refused", "The proof is refused"),
        RegistrationRefusal::OtherCard => kind(StatusCode::FORBIDDEN, "other_card", "Another card"),
        RegistrationRefusal::NoTicketOnCard => {
            kind(StatusCode::NOT_FOUND, "no_ticket_on_card", "No ticket on this card")
        }
        RegistrationRefusal::CardFull { .. } => {
            kind(StatusCode::CONFLICT, "card_full", "The card holds enough tickets")
        }
        RegistrationRefusal::TooManyChanges => {
            kind(StatusCode::TOO_MANY_REQUESTS, "too_many_changes", TOO_MANY_CHANGES)
        }
    }
}

const fn gate(refusal: GateRefusal) -> Kind {
    match refusal {
        GateRefusal::UnknownGate => kind(StatusCode::NOT_FOUND, "unknown_gate", "No such gate"),
        GateRefusal::Revoked => kind(StatusCode::FORBIDDEN, "gate_revoked", "The gate was revoked"),
        GateRefusal::Exists => kind(StatusCode::CONFLICT, "gate_exists", "Another gate has this id"),
        GateRefusal::HomeGate => kind(StatusCode::CONFLICT, "home_gate", "This zone has its one gate"),
        GateRefusal::LocalArbiter => kind(StatusCode::CONFLICT, "local_arbiter", "One gate only"),
        GateRefusal::TooManyGates => kind(StatusCode::CONFLICT, "too_many_gates", "Too many gates"),
    }
}

const fn enrolment(refusal: EnrolmentRefusal) -> Kind {
    match refusal {
        EnrolmentRefusal::NoOffer => kind(StatusCode::GONE, "no_offer", "No such offer"),
        EnrolmentRefusal::TooMany => {
            kind(StatusCode::SERVICE_UNAVAILABLE, "too_many_offers", "Too many offers are open")
        }
        EnrolmentRefusal::Order => kind(StatusCode::CONFLICT, "order", "Not the next step"),
        EnrolmentRefusal::WrongDigits => kind(StatusCode::FORBIDDEN, "wrong_digits", "The digits are others"),
        EnrolmentRefusal::NotDigits => kind(StatusCode::UNPROCESSABLE_ENTITY, "not_digits", "Not six digits"),
        EnrolmentRefusal::Dialogue(_) => kind(StatusCode::FORBIDDEN, "enrolment_failed", "The enrolment failed"),
    }
}

const OTHER_GATE: &str = "Another gate is named";

const fn claim(refusal: ClaimRefusal) -> Kind {
    match refusal {
        ClaimRefusal::Gate(refusal) => signer(refusal),
        ClaimRefusal::OtherGate => kind(StatusCode::FORBIDDEN, "other_gate", OTHER_GATE),
        ClaimRefusal::UnknownTicket => kind(StatusCode::NOT_FOUND, "unknown_ticket", "No such ticket"),
        ClaimRefusal::ArbiterElsewhere => {
            kind(StatusCode::CONFLICT, "arbiter_elsewhere", "Claims are decided elsewhere")
        }
        ClaimRefusal::ExitNotOffered => kind(StatusCode::UNPROCESSABLE_ENTITY, "not_offered", NOT_OFFERED),
    }
}

const fn ingest(refusal: IngestRefusal) -> Kind {
    match refusal {
        IngestRefusal::Gate(refusal) => signer(refusal),
        IngestRefusal::OtherGate(_) => kind(StatusCode::FORBIDDEN, "other_gate", OTHER_GATE),
        IngestRefusal::TooMany => kind(StatusCode::PAYLOAD_TOO_LARGE, "too_large", TOO_LARGE),
    }
}

const fn storage(error: &StorageError) -> Kind {
    match error {
        StorageError::UnknownEvent(_) => kind(StatusCode::NOT_FOUND, "unknown_event", "No such event"),
        StorageError::Forgotten(_) => kind(StatusCode::GONE, "event_forgotten", "The event was deleted"),
        StorageError::NotServed(_) => kind(StatusCode::SERVICE_UNAVAILABLE, "not_served", "The event is not served"),
        StorageError::DiskFull => kind(StatusCode::INSUFFICIENT_STORAGE, "disk_full", "The disk is full"),
        StorageError::Busy => kind(StatusCode::SERVICE_UNAVAILABLE, "busy", "Too much waits to be stored"),
        StorageError::Stopping => kind(StatusCode::SERVICE_UNAVAILABLE, "stopping", "The registrar is stopping"),
        StorageError::Keyring(_) => kind(StatusCode::INTERNAL_SERVER_ERROR, "keyring", "The keyring failed"),
        StorageError::Failed(_)
        | StorageError::Entry(_)
        | StorageError::Feed(_)
        | StorageError::Removing(_)
        | StorageError::Computation(_) => kind(StatusCode::INTERNAL_SERVER_ERROR, "storage", "Not stored"),
    }
}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        let (status, code, _title) = self.kind();
        self.log(status, code);
        let body = serde_json::to_vec(&self.problem()).unwrap_or_default();
        let mut response = (status, body).into_response();
        response.extensions_mut().insert(ProblemCode(code));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if status == StatusCode::UNAUTHORIZED && matches!(self, Self::Denied(_)) {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        say_when_to_try_again(&mut response);
        response
    }
}

/// Says when to come again, where the status is one that passes by itself.
pub(crate) fn say_when_to_try_again(response: &mut Response) {
    if matches!(response.status(), StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kido_shared::certificate::CertificateReason;

    #[test]
    fn a_refused_certificate_is_told_with_every_reason_by_name() {
        let refusals = CertificateRefusals::from(CertificateReason::Expired);
        let problem = AppError::from(RegistrationRefusal::Certificate(refusals)).problem();
        assert_eq!((problem.status, problem.code.as_str()), (403, "certificate_refused"));
        assert_eq!(problem.reasons, ["expired"]);
        assert_eq!(problem.kind, "urn:kido:problem:certificate_refused");
    }

    #[tokio::test]
    async fn a_failure_inside_keeps_its_cause_for_the_log() {
        let lost = tokio::spawn(core::future::pending::<()>());
        lost.abort();
        let lost = AppError::from(StorageError::Computation(lost.await.unwrap_err()));
        assert!(Chain(&lost).to_string().ends_with(" was cancelled"));
        let keyring = AppError::from(StorageError::Keyring(crate::keyring::KeyringError::Wrapped));
        assert_eq!(keyring.problem().code, "keyring");
        assert_eq!(Chain(&keyring).to_string(), "the keyring failed: the event key does not open");
    }

    #[test]
    fn what_failed_inside_is_not_told_outside() {
        let problem = AppError::from(StorageError::Entry("a ticket")).problem();
        assert_eq!(problem.status, 500);
        assert!(!problem.detail.contains("ticket"));
    }
}
