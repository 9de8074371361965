//! The whole HTTP surface in process: what a client would see, byte for byte.

mod around;
mod by_hand;
mod epoch_cuts;
mod feed;
mod feed_keys;
mod forgetting;
mod freeing;
pub(crate) mod gates;
mod journals;
mod observed;
mod postponement;
mod recovery;
mod registrations;
mod roles;
mod tickets;

use axum::body::to_bytes;
use axum::http::{HeaderMap, Method, StatusCode};
use kido_shared::ids::EventId;
use kido_shared::wire::base64url;
use kido_shared::wire::v1::operator::{AddToken, Role, TokenLife};
use kido_virtual_card::issuer::{Authority, Hierarchy};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::*;
use crate::auth::tokens::{BearerToken, Tokens};
use crate::config::CardHelperUrl;
use crate::entropy::Entropy;
use crate::registration::CertificateTrust;
use crate::state::AppParts;
use crate::testing::{NOW, Registrar, origin};
use crate::visitor::Proxies;
use crate::web::Pages;

/// A registrar behind its router, with a token for each role.
pub(crate) struct Served {
    pub(crate) registrar: Registrar,
    pub(crate) app: AppState,
    router: Router,
}

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }

    /// Status and code of a problem document.
    pub(crate) fn problem(&self) -> (u16, String) {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16());
        assert_eq!(problem["type"], format!("urn:kido:problem:{}", problem["code"].as_str().unwrap()));
        (self.status.as_u16(), problem["code"].as_str().unwrap().to_owned())
    }

    pub(crate) fn ok(self) -> Value {
        assert!(self.status.is_success(), "{} {}", self.status, String::from_utf8_lossy(&self.bytes));
        self.json()
    }
}

pub(crate) fn problem(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

pub(crate) fn token(role: Role) -> String {
    let seed = 100 + role as u64;
    BearerToken::generate(&mut StdRng::seed_from_u64(seed)).reveal().to_string()
}

fn add(tokens: &Tokens, role: Role) {
    use sha2::Digest as _;
    let token_hash = sha2::Sha256::digest(token(role).as_bytes()).into();
    tokens.add(AddToken { role, label: role.name().to_owned(), token_hash, life: TokenLife::Never }, NOW).unwrap();
}

impl Served {
    pub(crate) fn new() -> Self {
        Self::with_card_helper(None)
    }

    /// One whose operator has said where buyers get the card helper.
    pub(crate) fn with_card_helper(card_helper: Option<CardHelperUrl>) -> Self {
        let registrar = Registrar::new();
        let first = BearerToken::generate(&mut StdRng::seed_from_u64(1));
        let tokens = Tokens::create(registrar.folder.path().join("tokens.json"), &first).unwrap();
        tokens.remove("operator").unwrap_err();
        for role in [Role::Sales, Role::Desk, Role::Viewer] {
            add(&tokens, role);
        }
        let operator = AddToken {
            role: Role::Operator,
            label: "second-operator".to_owned(),
            token_hash: <sha2::Sha256 as sha2::Digest>::digest(token(Role::Operator).as_bytes()).into(),
            life: TokenLife::Never,
        };
        tokens.add(operator, NOW).unwrap();
        let anchor = Authority::of(Hierarchy::Test2023).unwrap().certificate().unwrap();
        let app = AppState::new(AppParts {
            store: registrar.store.clone(),
            origin: origin(),
            trust: CertificateTrust::new(&[anchor]).unwrap(),
            tokens,
            entropy: Entropy::from_seed(23),
            data: registrar.folder.path().to_owned(),
            pages: Pages::compiled_in().unwrap(),
            audit: crate::audit::Audit::open(&registrar.folder.path().join("audit")).unwrap(),
            card_helper,
            proxies: Proxies::default(),
        });
        Self { router: build_router(app.clone()), app, registrar }
    }

    /// The answer before its body has come: a stream's never ends by itself.
    pub(crate) async fn answer(&self, request: Request) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn send(&self, request: Request) -> Answer {
        let response = self.answer(request).await;
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Answer { status: parts.status, headers: parts.headers, bytes }
    }

    pub(crate) async fn get(&self, role: Option<Role>, path: &str) -> Answer {
        self.send(request(Method::GET, role, path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, role: Option<Role>, path: &str, body: &Value) -> Answer {
        self.with_body(Method::POST, role, path, body).await
    }

    pub(crate) async fn with_body(&self, method: Method, role: Option<Role>, path: &str, body: &Value) -> Answer {
        let request = request(method, role, path).header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// A rehearsal, so that the cast's cards are accepted.
    pub(crate) async fn event(&self) -> EventId {
        self.registrar.event().await
    }
}

fn request(method: Method, role: Option<Role>, path: &str) -> axum::http::request::Builder {
    let request = Request::builder().method(method).uri(path);
    match role {
        Some(role) => request.header("authorization", format!("Bearer {}", token(role))),
        None => request,
    }
}

pub(crate) fn row(number: u64) -> Value {
    json!({
        "ticket_ref": format!("TICKET-{number}"), "order_ref": format!("ORDER-{number}"), "zone": "A",
        "seat_label": "Row 1", "valid_from": NOW.unix_ms(), "valid_until": NOW.unix_ms() + 3_600_000, "entries": "1",
        "party": "", "code_hash": base64url::encode(&[u8::try_from(number).unwrap(); 32]),
    })
}
