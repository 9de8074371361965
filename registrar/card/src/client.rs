//! Talks to one registrar, whose host the person has confirmed.
//!
//! **Rules.** https only, but for this machine itself; no redirect is followed (the origin is part of what is signed, and
//! the body holds a code or a certificate); every answer is bounded and every wait has an end; nothing is sent twice.

use core::fmt;
use core::time::Duration;

use bytes::Bytes;
use kido_shared::challenge::Origin;
use kido_shared::clock::Timestamp;
use kido_shared::ids::SessionId;
use kido_shared::wire::v1::problem::Problem as ProblemDocument;
use kido_shared::wire::v1::registration::{
    RegistrationOutcome, RegistrationProof, RegistrationStarted, StartRegistration,
};
use kido_shared::wire::v1::routes;
use reqwest::{Method, Response, StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use zeroize::Zeroizing;

use crate::host::ConfirmedOrigin;
use crate::words::Harmless;

/// Largest answer that is read: some hundred tickets of 500 bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Room for a request: a certificate of 4 kB and a signature in base64url take under 7 kB.
const REQUEST_BYTES: usize = 8 * 1024;

/// How long reaching the registrar may take; people wait no longer without a word.
const CONNECT_DEADLINE: Duration = Duration::from_secs(10);

/// How long one answer may take, all of it.
const ANSWER_DEADLINE: Duration = Duration::from_secs(30);

/// Longest word for a problem, and most reasons, that are taken over from a registrar.
const CODE_CHARACTERS_MAX: usize = 64;
const REASONS_MAX: usize = 32;

/// What a registrar refused, in its own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) code: String,
    pub(crate) detail: Harmless,
    pub(crate) reasons: Vec<String>,
}

/// Why a registrar gave no answer to go on with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ClientError {
    /// This computer has no certificates to verify a server with, or the like.
    #[error("https cannot be used on this computer")]
    Tls,
    /// No connection, or no trusted one.
    #[error("the registrar cannot be reached")]
    Unreachable,
    /// No answer in time.
    #[error("the registrar did not answer in time")]
    Timeout,
    /// It pointed somewhere else; nothing was sent there.
    #[error("the registrar sent a redirect, which is not followed")]
    Redirected,
    /// What came is no answer of a registrar.
    #[error("not the answer of a registrar")]
    Answer,
    /// It answered, and refused.
    #[error("the registrar refused: {}", .0.code)]
    Refused(Refused),
}

/// A client of one registrar.
pub(crate) struct Client {
    http: reqwest::Client,
    origin: Origin,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.origin)
    }
}

/// What a registrar says about itself, to who brings neither code nor card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Health {
    /// Its clock, to the second, where it told.
    pub(crate) date: Option<Timestamp>,
}

impl Client {
    /// A client of the registrar whose host was confirmed.
    ///
    /// # Errors
    /// [`ClientError::Tls`].
    pub(crate) fn new(confirmed: &ConfirmedOrigin) -> Result<Self, ClientError> {
        Self::of(confirmed.origin().clone())
    }

    fn of(origin: Origin) -> Result<Self, ClientError> {
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(CONNECT_DEADLINE)
            .timeout(ANSWER_DEADLINE)
            .user_agent(concat!("kido-card/", env!("CARGO_PKG_VERSION")));
        // What is for this machine goes through no proxy; plain http goes nowhere else.
        builder = if origin.is_loopback() { builder.no_proxy() } else { builder.https_only(true) };
        let http = builder.build().map_err(|_third_party_text| ClientError::Tls)?;
        Ok(Self { http, origin })
    }

    /// Begins a dialogue.
    ///
    /// # Errors
    /// [`ClientError`].
    pub(crate) async fn start(&self, start: &StartRegistration) -> Result<RegistrationStarted, ClientError> {
        self.post(routes::REGISTRATIONS, start).await
    }

    /// Ends it with the card's proof.
    ///
    /// # Errors
    /// [`ClientError`].
    pub(crate) async fn prove(
        &self,
        session: SessionId,
        proof: &RegistrationProof,
    ) -> Result<RegistrationOutcome, ClientError> {
        self.post(&routes::registration_proof(session), proof).await
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ClientError> {
        let mut json = Zeroizing::new(Vec::with_capacity(REQUEST_BYTES));
        serde_json::to_writer(&mut *json, body).map_err(|_not_a_fault_of_theirs| ClientError::Answer)?;
        let request = self
            .http
            .request(Method::POST, format!("{}{path}", self.origin))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json, application/problem+json")
            // Wiped when the connection is done with it; copies inside TLS are beyond us.
            .body(Bytes::from_owner(json));
        let answer = request.send().await.map_err(|error| unanswered(&error))?;
        tracing::debug!(origin = %self.origin, status = answer.status().as_u16(), "registrar answered");
        let status = answer.status();
        if status.is_redirection() {
            return Err(ClientError::Redirected);
        }
        let body = bounded(answer).await?;
        if status == StatusCode::OK || status == StatusCode::CREATED {
            return serde_json::from_slice(&body).map_err(|_may_hold_the_code| ClientError::Answer);
        }
        Err(refusal(&body))
    }
}

/// Asks a registrar whether it is alive. Sends nothing of a ticket or a card, so that any named host may be asked.
///
/// # Errors
/// [`ClientError`].
pub(crate) async fn health(origin: &Origin) -> Result<Health, ClientError> {
    let client = Client::of(origin.clone())?;
    let request = client.http.request(Method::GET, format!("{origin}{}", routes::HEALTH));
    let answer = request.send().await.map_err(|error| unanswered(&error))?;
    if answer.status().is_redirection() {
        return Err(ClientError::Redirected);
    }
    if !answer.status().is_success() {
        return Err(ClientError::Answer);
    }
    let date = answer.headers().get(header::DATE).and_then(|date| date.to_str().ok());
    let date = date.and_then(|date| OffsetDateTime::parse(date, &Rfc2822).ok());
    Ok(Health { date: date.map(|date| Timestamp::from_unix_seconds(date.unix_timestamp())) })
}

fn unanswered(error: &reqwest::Error) -> ClientError {
    if error.is_timeout() { ClientError::Timeout } else { ClientError::Unreachable }
}

async fn bounded(mut answer: Response) -> Result<Zeroizing<Vec<u8>>, ClientError> {
    // Room for all of it, so that no growing buffer leaves an unwiped copy of a code behind.
    let mut body = Zeroizing::new(Vec::with_capacity(ANSWER_BYTES_MAX));
    while let Some(part) = answer.chunk().await.map_err(|error| unanswered(&error))? {
        if body.len().saturating_add(part.len()) > ANSWER_BYTES_MAX {
            return Err(ClientError::Answer);
        }
        body.extend_from_slice(&part);
    }
    Ok(body)
}

/// Reads a problem document and takes over nothing of it that is not of the expected form.
fn refusal(body: &[u8]) -> ClientError {
    let Ok(document) = serde_json::from_slice::<ProblemDocument>(body) else {
        return ClientError::Answer;
    };
    if !is_word(&document.code) {
        return ClientError::Answer;
    }
    let reasons = document.reasons.into_iter().filter(|reason| is_word(reason)).take(REASONS_MAX);
    ClientError::Refused(Refused {
        code: document.code,
        detail: Harmless::of(&document.detail),
        reasons: reasons.collect(),
    })
}

fn is_word(text: &str) -> bool {
    let fits = (1..=CODE_CHARACTERS_MAX).contains(&text.len());
    fits && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}
