//! What stands between a gate and its registrar, and lies about the feed.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Largest body that is passed on: a full range and some.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What becomes of the feed on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Lie {
    /// Nothing.
    Honest,
    /// The records arrive with one bit turned.
    AlteredRecords,
    /// The head arrives with one bit turned.
    AlteredHead,
    /// This head arrives, whatever has happened since.
    OldHead(Vec<u8>),
    /// Another event's head arrives, and the root's word on that event's feed key.
    OtherEvent(String),
    /// Head and records come from this registrar, which has another history.
    Elsewhere(String),
    /// Nothing of the feed arrives; everything else does.
    Withheld,
}

/// A running proxy; ends when dropped.
pub(crate) struct Proxy {
    origin: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    http: reqwest::Client,
    upstream: Mutex<String>,
    lie: Mutex<Lie>,
    /// Everything of the feed that went through.
    seen: Mutex<Vec<u8>>,
}

impl Proxy {
    /// Listens on a port of its own; passes nothing on before it is told to whom.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let origin = format!("http://{}", listener.local_addr()?);
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
        let (upstream, lie) = (Mutex::new(String::new()), Mutex::new(Lie::Honest));
        let shared = Arc::new(Shared { http, upstream, lie, seen: Mutex::default() });
        let router = Router::new().fallback(pass_on).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                println!("the proxy ended: {error}");
            }
        });
        Ok(Self { origin, shared, server })
    }

    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    pub(crate) fn to(&self, upstream: &str) {
        upstream.clone_into(&mut self.shared.upstream.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn tell(&self, lie: Lie) {
        *self.shared.lie.lock().unwrap_or_else(PoisonError::into_inner) = lie;
    }

    /// Every byte of the feed that gates were given so far.
    pub(crate) fn feed_bytes(&self) -> Vec<u8> {
        self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn pass_on(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else { return StatusCode::BAD_REQUEST.into_response() };
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let upstream = shared.upstream.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let lie = shared.lie.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let of_the_feed = path.contains("/feed/");
    let (upstream, path) = match &lie {
        Lie::Withheld if of_the_feed => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Lie::OldHead(head) if path.ends_with("/feed/head") => return head.clone().into_response(),
        Lie::Elsewhere(other) if of_the_feed => (other.clone(), path),
        Lie::OtherEvent(other) if path.ends_with("/feed/head") => {
            (upstream, format!("/api/v1/events/{other}/feed/head"))
        }
        Lie::OtherEvent(other) if path.ends_with("/feed/key") => (upstream, format!("/api/v1/events/{other}/feed/key")),
        Lie::Honest
        | Lie::AlteredRecords
        | Lie::AlteredHead
        | Lie::OldHead(_)
        | Lie::OtherEvent(_)
        | Lie::Elsewhere(_)
        | Lie::Withheld => (upstream, path),
    };
    let answer = forward(&shared.http, parts.method, &format!("{upstream}{path}"), parts.headers, body).await;
    let Some((status, kind, mut bytes)) = answer else { return StatusCode::BAD_GATEWAY.into_response() };
    if of_the_feed {
        shared.seen.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&bytes);
    }
    let head = path.ends_with("/feed/head");
    let records = path.contains("/tail/") || path.contains("/ranges/");
    let altered = (lie == Lie::AlteredHead && head) || (lie == Lie::AlteredRecords && records);
    if altered && let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    (status, [(header::CONTENT_TYPE, kind)], Body::from(bytes)).into_response()
}

async fn forward(
    http: &reqwest::Client,
    method: Method,
    url: &str,
    mut headers: HeaderMap,
    body: Bytes,
) -> Option<(StatusCode, String, Vec<u8>)> {
    // Made anew by the client; the rest is as it came, signatures above all.
    headers.remove(header::HOST);
    headers.remove(header::CONTENT_LENGTH);
    let answer = http.request(method, url).headers(headers).body(body).send().await.ok()?;
    let status = answer.status();
    let kind = answer.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("").to_owned();
    Some((status, kind, answer.bytes().await.ok()?.to_vec()))
}
