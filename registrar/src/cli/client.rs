//! The client side: plain http to this machine alone, no redirect, no proxy of the environment, every answer bounded.

use core::time::Duration;

use kido_shared::challenge::Origin;
use kido_shared::wire::v1::problem::Problem;
use kido_store::private_file;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, RequestBuilder};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::{CliError, Connection};

/// Largest answer: a list of a thousand gates or events.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Largest token file.
const TOKEN_FILE_BYTES_MAX: usize = 1_024;

/// Time to reach the registrar.
const CONNECT_DEADLINE: Duration = Duration::from_secs(10);

/// Time for one answer: as long as the registrar itself gives a request, and a little for the way.
const ANSWER_DEADLINE: Duration = Duration::from_secs(75);

/// Why the registrar said nothing.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No token file was named.
    #[error(
        "who are you? Say --token-file FILE or set KIDO_TOKEN_FILE; `init` left the first one as DIR/operator.token"
    )]
    NoToken,
    /// The token file holds no token.
    #[error("the token file holds no token")]
    Token,
    /// The client could not be made.
    #[error("the HTTP client cannot be made")]
    Client(#[source] reqwest::Error),
    /// Nobody answers.
    #[error("no registrar answers at {origin}; is it running? (kido-registrar serve --data DIR)")]
    Unreachable {
        /// Where.
        origin: Origin,
        /// What the network said.
        #[source]
        source: reqwest::Error,
    },
    /// What answers is not a registrar of this version.
    #[error("what answers at {0} is no registrar of this version")]
    NotARegistrar(Origin),
    /// What is to be sent has no form.
    #[error("the request cannot be put together")]
    Request,
}

/// A registrar, spoken to by one bearer.
pub(super) struct Client {
    http: reqwest::Client,
    origin: Origin,
    /// Nothing for what anyone may ask.
    bearer: Option<HeaderValue>,
}

impl Client {
    /// A client with the token of the connection's file.
    pub(super) fn of(connection: &Connection) -> Result<Self, CliError> {
        let path = connection.token_file.as_ref().ok_or(ClientError::NoToken)?;
        let file = |source| CliError::File { path: path.clone(), doing: "read", source };
        let bytes = Zeroizing::new(private_file::read(path, TOKEN_FILE_BYTES_MAX).map_err(file)?);
        let text = core::str::from_utf8(&bytes).map_err(|_not_text| ClientError::Token)?;
        let bearer = Zeroizing::new(format!("Bearer {}", text.trim()));
        let mut bearer = HeaderValue::try_from(bearer.as_str()).map_err(|_not_a_header| ClientError::Token)?;
        bearer.set_sensitive(true);
        Self::with(connection, Some(bearer))
    }

    /// A client for what anyone may ask.
    pub(super) fn of_anyone(connection: &Connection) -> Result<Self, CliError> {
        Self::with(connection, None)
    }

    fn with(connection: &Connection, bearer: Option<HeaderValue>) -> Result<Self, CliError> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .https_only(!connection.server.is_loopback())
            .connect_timeout(CONNECT_DEADLINE)
            .timeout(ANSWER_DEADLINE)
            .user_agent(concat!("kido-registrar/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(ClientError::Client)?;
        Ok(Self { http, origin: connection.server.clone(), bearer })
    }

    pub(super) async fn get<A: DeserializeOwned>(&self, path: &str) -> Result<A, CliError> {
        self.send(self.request(Method::GET, path)).await
    }

    pub(super) async fn delete<A: DeserializeOwned>(&self, path: &str) -> Result<A, CliError> {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// Asks for something that needs no body.
    pub(super) async fn order<A: DeserializeOwned>(&self, path: &str) -> Result<A, CliError> {
        self.send(self.request(Method::POST, path)).await
    }

    pub(super) async fn post<B: Serialize, A: DeserializeOwned>(&self, path: &str, body: &B) -> Result<A, CliError> {
        self.send_body(Method::POST, path, body).await
    }

    pub(super) async fn patch<B: Serialize, A: DeserializeOwned>(&self, path: &str, body: &B) -> Result<A, CliError> {
        self.send_body(Method::PATCH, path, body).await
    }

    async fn send_body<B: Serialize, A: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &B,
    ) -> Result<A, CliError> {
        let body = serde_json::to_vec(body).map_err(|_no_detail| ClientError::Request)?;
        let request = self.request(method, path).header("content-type", "application/json").body(body);
        self.send(request).await
    }

    /// Fetches bytes, at most so many.
    pub(super) async fn bytes(&self, path: &str, bytes_max: usize) -> Result<Zeroizing<Vec<u8>>, CliError> {
        self.answer(self.request(Method::GET, path), bytes_max).await
    }

    /// Posts bytes of some kind.
    pub(super) async fn post_bytes<A: DeserializeOwned>(
        &self,
        path: &str,
        kind: &'static str,
        body: Vec<u8>,
    ) -> Result<A, CliError> {
        self.send(self.request(Method::POST, path).header("content-type", kind).body(body)).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.origin));
        self.bearer.iter().fold(request, |request, bearer| request.header(AUTHORIZATION, bearer.clone()))
    }

    async fn send<A: DeserializeOwned>(&self, request: RequestBuilder) -> Result<A, CliError> {
        let body = self.answer(request, ANSWER_BYTES_MAX).await?;
        serde_json::from_slice(&body).map_err(|_no_detail| ClientError::NotARegistrar(self.origin.clone()).into())
    }

    async fn answer(&self, request: RequestBuilder, bytes_max: usize) -> Result<Zeroizing<Vec<u8>>, CliError> {
        let unreachable = |source| ClientError::Unreachable { origin: self.origin.clone(), source };
        let other = || ClientError::NotARegistrar(self.origin.clone());
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let bytes_max = if status.is_success() { bytes_max } else { ANSWER_BYTES_MAX };
        let mut body = Zeroizing::new(Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len().saturating_add(chunk.len()) > bytes_max {
                return Err(other().into());
            }
            body.extend_from_slice(&chunk);
        }
        if status.is_success() {
            return Ok(body);
        }
        let problem: Problem = serde_json::from_slice(&body).map_err(|_no_detail| other())?;
        Err(CliError::Refused(Box::new(problem)))
    }
}
