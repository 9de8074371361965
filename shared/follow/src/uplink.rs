//! The one way out: an HTTP client of one origin, for gates and arbiters.
//!
//! Plain http is refused except to this machine itself ([`Origin`] sees to it), redirects are not followed, proxies of
//! the environment are ignored, every answer has a bound and every call a deadline.

use std::sync::Arc;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use kido_shared::challenge::Origin;
use kido_shared::clock::{Clock, Timestamp};
use kido_shared::ids::GateId;
use kido_shared::journal_head::{JOURNAL_HEADER, JournalHead};
use kido_shared::request_signature::{RequestParts, sign};
use kido_shared::trace_context::{TRACE_HEADER, TraceContext};
use kido_shared::wire::v1::feed_stream::{FeedPlace, LAST_EVENT_ID};
use kido_shared::wire::v1::problem::Problem;
use rand::rngs::OsRng;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, InvalidHeaderValue};
use reqwest::{Method, StatusCode};

/// Time to reach the registrar at all; a line that needs longer is no line for a lane.
const CONNECT_DEADLINE: Duration = Duration::from_secs(3);

/// The kind of answer that goes on.
pub(crate) const EVENT_STREAM: &str = "text/event-stream";

/// Largest problem document that is read.
const PROBLEM_BYTES_MAX: usize = 16 * 1024;

/// Largest JSON answer: acknowledgements of one full batch are under 40 kB.
pub const JSON_BYTES_MAX: usize = 256 * 1024;

/// Why a call brought no answer.
#[derive(Debug, thiserror::Error)]
pub enum UplinkError {
    /// The client could not be made: the machine's trust store, in practice.
    #[error("the HTTP client cannot be made")]
    Client(#[source] reqwest::Error),
    /// The registrar was not reached, or the line broke.
    #[error("the registrar is not reachable")]
    Unreachable(#[source] reqwest::Error),
    /// It did not answer in time.
    #[error("no answer in time")]
    Deadline,
    /// It answered, and refused: this sender or this request is not entitled, or something is missing there.
    #[error("the registrar refused with {status} {code}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The problem's code, letters and underscores only; `unknown` where it is something else.
        code: String,
    },
    /// It is there, but cannot answer now; or something else answers in its place.
    #[error("the registrar answered {status}")]
    Unwell {
        /// The HTTP status.
        status: u16,
        /// Whether the body is one that registrars and boxes send: a gateway in front of a dead one speaks, too.
        spoke: bool,
    },
    /// The answer is longer than any answer may be.
    #[error("the answer is too long")]
    TooLong,
    /// The answer is not what this protocol answers.
    #[error("the answer is not readable")]
    Decode(#[source] serde_json::Error),
    /// The request's body could not be written down: this program's fault.
    #[error("the request's body cannot be written")]
    Encode(#[source] serde_json::Error),
    /// The request could not be put together.
    #[error("the request cannot be put together")]
    Request(#[source] InvalidHeaderValue),
}

impl UplinkError {
    /// One word for it, for counts.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Client(_) | Self::Encode(_) | Self::Request(_) => "not_asked",
            Self::Unreachable(_) => "unreachable",
            Self::Deadline => "deadline",
            Self::Refused { .. } => "refused",
            Self::Unwell { .. } => "unwell",
            Self::TooLong | Self::Decode(_) => "unreadable",
        }
    }

    /// Whether somebody entitled to speak for the registrar has answered, whatever the answer was.
    #[must_use]
    pub const fn is_an_answer(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }

    /// Whether somebody is there who would answer, were it not asked so fast: no silence, and no answer either.
    #[must_use]
    pub const fn is_too_fast(&self) -> bool {
        matches!(self, Self::Unwell { status: 429, spoke: true })
    }

    /// Whether the request was refused for its date: the two clocks are further apart than a signature may be old.
    #[must_use]
    pub fn is_skew(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code == "signature_skew")
    }

    /// Whether a registrar is there, however unwell.
    #[must_use]
    pub const fn is_a_sign_of_life(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Unwell { spoke: true, .. })
    }
}

/// Who signs this gate's requests.
#[derive(Clone)]
pub struct Signer {
    gate: GateId,
    key: SigningKey,
    clock: Arc<dyn Clock>,
    journal: Option<Arc<dyn JournalWitness>>,
    refused: Option<Arc<dyn RefusedDate>>,
}

/// Who knows where the sender's journal stands: said in every request, so that a copied disk is noticed.
pub trait JournalWitness: Send + Sync {
    /// Where it stands now.
    fn journal_head(&self) -> JournalHead;
}

/// Who learns from it that the date of a request was refused: whoever dates the next one.
pub trait RefusedDate: Send + Sync {
    /// The receiver's clock is further from this date than a signature may be old.
    fn refused(&self, date: Timestamp);
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({})", self.gate)
    }
}

impl Signer {
    /// Signs with a gate's key, dated by its clock.
    #[must_use]
    pub fn new(gate: GateId, key: SigningKey, clock: Arc<dyn Clock>) -> Self {
        Self { gate, key, clock, journal: None, refused: None }
    }

    /// The same, telling somebody of each date that is refused.
    #[must_use]
    pub fn with_refusals(self, refused: Arc<dyn RefusedDate>) -> Self {
        Self { refused: Some(refused), ..self }
    }

    /// The same, saying where a journal stands: what a registrar asks of a gate that is enrolled.
    #[must_use]
    pub fn with_journal(self, journal: Arc<dyn JournalWitness>) -> Self {
        Self { journal: Some(journal), ..self }
    }
}

/// A registrar, and how it is spoken to.
#[derive(Debug, Clone)]
pub struct Uplink {
    http: reqwest::Client,
    origin: Origin,
    trace: Option<TraceContext>,
}

impl Uplink {
    /// A client of one origin, under the name of the program that calls.
    ///
    /// # Errors
    /// [`UplinkError::Client`].
    pub fn new(origin: Origin, program: &str) -> Result<Self, UplinkError> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .https_only(!origin.is_loopback())
            .connect_timeout(CONNECT_DEADLINE)
            .tcp_nodelay(true)
            .user_agent(format!("{program}/{}", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(UplinkError::Client)?;
        Ok(Self { http, origin, trace: None })
    }

    /// The same, for requests that belong together; without it each one is a trace of its own.
    #[must_use]
    pub fn traced(&self, trace: TraceContext) -> Self {
        Self { trace: Some(trace), ..self.clone() }
    }

    /// Which registrar.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Fetches what anyone may fetch.
    ///
    /// # Errors
    /// [`UplinkError`].
    pub async fn get(&self, path: &str, bytes_max: usize, deadline: Duration) -> Result<Vec<u8>, UplinkError> {
        let request = self.request(Method::GET, self.uri(path));
        within(deadline, answer(request, bytes_max)).await
    }

    /// Asks for what anyone may listen to; `place` is what the asker heard last.
    ///
    /// Gives the answer as soon as it begins: how long it may go on, and how much of it is read, is for whoever reads it.
    ///
    /// # Errors
    /// [`UplinkError`].
    pub(crate) async fn listen(
        &self,
        path: &str,
        place: FeedPlace,
        deadline: Duration,
    ) -> Result<reqwest::Response, UplinkError> {
        let request = self.request(Method::GET, self.uri(path)).header(LAST_EVENT_ID, place.to_string());
        within(deadline, begun(request.header(ACCEPT, EVENT_STREAM))).await
    }

    /// Posts a JSON body that needs no signature.
    ///
    /// # Errors
    /// [`UplinkError`].
    pub async fn post<B: serde::Serialize, A: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
        deadline: Duration,
    ) -> Result<A, UplinkError> {
        let body = serde_json::to_vec(body).map_err(UplinkError::Encode)?;
        let request = self.request(Method::POST, self.uri(path)).header(CONTENT_TYPE, "application/json").body(body);
        json(&within(deadline, answer(request, JSON_BYTES_MAX)).await?)
    }

    /// Posts a JSON body to which no answer is needed but that it was taken.
    ///
    /// # Errors
    /// [`UplinkError`].
    pub async fn tell<B: serde::Serialize>(&self, path: &str, body: &B, deadline: Duration) -> Result<(), UplinkError> {
        let body = serde_json::to_vec(body).map_err(UplinkError::Encode)?;
        let request = self.request(Method::POST, self.uri(path)).header(CONTENT_TYPE, "application/json").body(body);
        within(deadline, answer(request, JSON_BYTES_MAX)).await.map(|_body| ())
    }

    /// Posts a JSON body, or none, signed by this gate (RFC 9421).
    ///
    /// # Errors
    /// [`UplinkError`].
    pub async fn post_signed<B: serde::Serialize, A: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        body: Option<&B>,
        signer: &Signer,
        deadline: Duration,
    ) -> Result<A, UplinkError> {
        let uri = self.uri(path);
        let body = body.map(serde_json::to_vec).transpose().map_err(UplinkError::Encode)?;
        let body = body.unwrap_or_default();
        let date = signer.clock.now();
        let headers = signed(&uri, &body, (signer, date)).map_err(UplinkError::Request)?;
        let request = self.request(Method::POST, uri).headers(headers).body(body);
        let answered = within(deadline, answer(request, JSON_BYTES_MAX)).await;
        if let (Err(error), Some(refused)) = (&answered, &signer.refused)
            && error.is_skew()
        {
            refused.refused(date);
        }
        json(&answered?)
    }

    /// A request with its place in a trace.
    fn request(&self, method: Method, uri: String) -> reqwest::RequestBuilder {
        let trace = self.trace.map_or_else(|| TraceContext::begin(&mut OsRng), |trace| trace.next(&mut OsRng));
        self.http.request(method, uri).header(TRACE_HEADER, trace.to_string())
    }

    fn uri(&self, path: &str) -> String {
        format!("{}{path}", self.origin.as_str())
    }
}

fn signed(uri: &str, body: &[u8], (signer, date): (&Signer, Timestamp)) -> Result<HeaderMap, InvalidHeaderValue> {
    let journal = signer.journal.as_ref().map(|journal| journal.journal_head().to_string());
    let parts = RequestParts { method: "POST", target_uri: uri, body, journal: journal.as_deref() };
    let signature = sign(&parts, signer.gate, &signer.key, date, &mut OsRng);
    let mut headers = HeaderMap::new();
    headers.insert("content-digest", HeaderValue::try_from(signature.content_digest)?);
    headers.insert("signature-input", HeaderValue::try_from(signature.signature_input)?);
    headers.insert("signature", HeaderValue::try_from(signature.signature)?);
    if let Some(journal) = journal {
        headers.insert(JOURNAL_HEADER, HeaderValue::try_from(journal)?);
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(headers)
}

async fn within<T>(deadline: Duration, call: impl Future<Output = Result<T, UplinkError>>) -> Result<T, UplinkError> {
    tokio::time::timeout(deadline, call).await.map_err(|_elapsed| UplinkError::Deadline)?
}

async fn answer(request: reqwest::RequestBuilder, bytes_max: usize) -> Result<Vec<u8>, UplinkError> {
    bounded(begun(request).await?, bytes_max).await
}

/// The answer where it is what was asked for, before its body.
async fn begun(request: reqwest::RequestBuilder) -> Result<reqwest::Response, UplinkError> {
    let response = request.send().await.map_err(UplinkError::Unreachable)?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = bounded(response, PROBLEM_BYTES_MAX).await.unwrap_or_default();
    let problem = serde_json::from_slice::<Problem>(&body).ok().filter(Problem::is_ours);
    // Gateways say 404 and 403 in front of a dead registrar, too, and some of them in JSON: that is silence, and no answer.
    let spoke = problem.is_some() || serde_json::from_slice::<Health>(&body).is_ok();
    if status.is_client_error()
        && status != StatusCode::TOO_MANY_REQUESTS
        && let Some(problem) = problem
    {
        return Err(UplinkError::Refused { status: status.as_u16(), code: code(problem.code) });
    }
    Err(UplinkError::Unwell { status: status.as_u16(), spoke })
}

/// What registrars and boxes say of themselves that are not well; they say more, and nobody here needs it.
#[derive(serde::Deserialize)]
struct Health {
    #[serde(rename = "ok")]
    _ok: bool,
}

/// A word that may be logged, whatever was sent.
fn code(sent: String) -> String {
    let is_word = sent.len() <= 64 && sent.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_word { sent } else { "unknown".to_owned() }
}

async fn bounded(mut response: reqwest::Response, bytes_max: usize) -> Result<Vec<u8>, UplinkError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(UplinkError::Unreachable)? {
        if body.len().saturating_add(chunk.len()) > bytes_max {
            return Err(UplinkError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn json<A: serde::de::DeserializeOwned>(body: &[u8]) -> Result<A, UplinkError> {
    serde_json::from_slice(body).map_err(UplinkError::Decode)
}
