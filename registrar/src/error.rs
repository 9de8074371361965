//! Where a refusal becomes an HTTP status and a problem document (RFC 9457).
//!
//! What the domain and the store refuse has its status here, for programs and for people; what only a page knows, such as
//! a form's field that does not parse, has its own with that page.
//!
//! `code` is a word for programs and never changes its meaning; `detail` is a sentence for a person. Neither carries
//! anything of a card, a code or a reference. What failed inside goes to the log, once, with its causes.

pub(crate) mod codes;
mod kinds;
mod request;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kido_observe::Told;
use kido_shared::carried::JournalFileError;
use kido_shared::certificate::CertificateRefusals;
use kido_shared::error_chain::Chain;
use kido_shared::ids::EventId;
use kido_shared::policy::PolicyError;
use kido_shared::request_signature::RequestSignatureError;
use kido_shared::wire::v1::problem::{MEDIA_TYPE, Problem};
use tokio::task::JoinError;

use crate::auth::bearer::Denied;
use crate::auth::nonces::ReplayError;
use crate::auth::tokens::TokenError;
use crate::domain::arbiter::ArbiterRefusal;
use crate::domain::by_hand::ByHandRefusal;
use crate::domain::claim::ClaimRefusal;
use crate::domain::cut::CutRefusal;
use crate::domain::event::EventRefusal;
use crate::domain::feed_key::FeedKeyRefusal;
use crate::domain::gate::GateRefusal;
use crate::domain::ingest::IngestRefusal;
use crate::domain::recovery::RecoveryRefusal;
use crate::domain::registration::RegistrationRefusal;
use crate::domain::ticket::TicketRefusal;
use crate::enrolment::EnrolmentRefusal;
use crate::store::{Failed, ImportRefusal, StorageError};

pub use request::RequestError;

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
    /// A cut's rules.
    #[error(transparent)]
    Cut(#[from] CutRefusal),
    /// The feed is in its first epoch: nothing was ever cut.
    #[error("the feed is in its first epoch: there is no cut")]
    NoCut,
    /// A feed key's rules.
    #[error(transparent)]
    FeedKey(#[from] FeedKeyRefusal),
    /// A venue arbiter's rules.
    #[error(transparent)]
    Arbiter(#[from] ArbiterRefusal),
    /// An enrolment's rules.
    #[error(transparent)]
    Enrolment(#[from] EnrolmentRefusal),
    /// A claim's rules.
    #[error(transparent)]
    Claim(#[from] ClaimRefusal),
    /// An upload's rules.
    #[error(transparent)]
    Ingest(#[from] IngestRefusal),
    /// A journal file.
    #[error(transparent)]
    JournalFile(#[from] JournalFileError),
    /// A journal file of another event than it was brought for.
    #[error("the file is of event {file}, and was brought for event {asked}")]
    JournalOfOtherEvent {
        /// What the file says.
        file: EventId,
        /// What was asked for.
        asked: EventId,
    },
    /// The rules of entries on paper.
    #[error(transparent)]
    ByHand(#[from] ByHandRefusal),
    /// The rules of getting an event back from its gates.
    #[error(transparent)]
    Recovery(#[from] RecoveryRefusal),
    /// A part of a feed that is not there.
    #[error("the feed has no such range, or it is not full yet")]
    NoSuchRange,
    /// As many streams of feeds as this registrar holds.
    #[error("too many follow live already: ask for the head now and then instead")]
    TooManyStreams,
    /// More wrong codes than a person mistypes.
    #[error("too many wrong codes came from there: wait a minute, then try yours again")]
    TooManyTries,
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

impl AppError {
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
            instance: None,
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

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        let (status, code, _title) = self.kind();
        self.log(status, code);
        let problem = self.problem();
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = (status, body).into_response();
        response.extensions_mut().insert(ProblemCode(code));
        response.extensions_mut().insert(Told(problem));
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
