use std::sync::atomic::{AtomicU32, Ordering};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use ed25519_dalek::SigningKey;
use kido_shared::admission::DecidedOn;
use kido_shared::challenge::Origin;
use kido_shared::clock::SystemClock;
use kido_shared::ids::{FeedSequence, TicketId};
use kido_shared::request_signature::{RequestParts, UnverifiedRequest};
use kido_shared::trace_context::TRACE_HEADER;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::*;
use crate::journal::Journal;
use crate::journal::PlannedEntry;
use crate::journal::tests::journal;

const GATE: GateId = GateId::from_bytes([7; 16]);
const EVENT: EventId = EventId::from_bytes([1; 16]);

/// How the arbiter on loopback behaves.
#[derive(Clone, Copy)]
enum Manner {
    /// Grants what is signed.
    Grants,
    /// Is not well for so many questions, then grants.
    UnwellFor(u32),
    /// It is there and wants to be asked more slowly.
    TooFast,
    /// Has not caught up for so many questions, then grants.
    BehindFor(u32),
    /// Says that this gate is none.
    Revoked,
    /// Is dead, and a proxy in front of it says that there is nothing here.
    GatewayAlone,
    /// Never answers in time.
    Hangs,
}

struct Arbiter {
    manner: Manner,
    asked: AtomicU32,
    origin: std::sync::OnceLock<String>,
    traces: Mutex<Vec<TraceContext>>,
}

async fn claims(
    State(arbiter): State<Arc<Arbiter>>,
    headers: HeaderMap,
    body: axum::body::Bytes,
) -> Result<Json<ClaimAnswerBody>, Response> {
    let problem = |status: StatusCode| {
        let (kind, status_code) = ("urn:kido:problem:refused", status.as_u16());
        let document =
            serde_json::json!({"type": kind, "title": "", "status": status_code, "detail": "", "code": "refused"});
        (status, Json(document)).into_response()
    };
    let asked = arbiter.asked.fetch_add(1, Ordering::SeqCst);
    let trace = TraceContext::parse(headers[TRACE_HEADER].to_str().unwrap()).unwrap();
    arbiter.traces.lock().unwrap().push(trace);
    let answer = match arbiter.manner {
        Manner::Revoked => return Err(problem(StatusCode::FORBIDDEN)),
        Manner::TooFast => return Err(problem(StatusCode::TOO_MANY_REQUESTS)),
        Manner::GatewayAlone if asked.is_multiple_of(2) => {
            return Err((StatusCode::NOT_FOUND, Html("<h1>404</h1>")).into_response());
        }
        Manner::GatewayAlone => {
            let said = serde_json::json!({"message": "Not Found", "code": "not_found", "status": 404});
            return Err((StatusCode::NOT_FOUND, Json(said)).into_response());
        }
        Manner::Hangs => {
            tokio::time::sleep(std::time::Duration::from_secs(30)).await;
            return Err(problem(StatusCode::GATEWAY_TIMEOUT));
        }
        Manner::UnwellFor(times) if asked < times => return Err(problem(StatusCode::SERVICE_UNAVAILABLE)),
        Manner::BehindFor(times) if asked < times => ClaimAnswer::Behind,
        Manner::Grants | Manner::UnwellFor(_) | Manner::BehindFor(_) => ClaimAnswer::Granted { entry: 1 },
    };
    let header = |name: &str| headers[name].to_str().unwrap();
    let target = format!("{}{}", arbiter.origin.get().unwrap(), routes::claims(EVENT));
    let parts = RequestParts { method: "POST", target_uri: &target, body: &body, journal: None };
    let verified = UnverifiedRequest::parse(header("signature-input"), header("signature"))
        .unwrap()
        .verify(&parts, header("content-digest"), &key().verifying_key(), SystemClock.now())
        .unwrap();
    assert_eq!(verified.gate(), GATE);
    Ok(Json(ClaimAnswerBody { answer }))
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[4; 32])
}

async fn serve(manner: Manner) -> (Arc<Arbiter>, Uplink) {
    let arbiter = Arc::new(Arbiter {
        manner,
        asked: AtomicU32::new(0),
        origin: std::sync::OnceLock::new(),
        traces: Mutex::default(),
    });
    let app = Router::new()
        .route(routes::CLAIMS, post(claims))
        .route(routes::HEALTH, get(async || "ok"))
        .with_state(Arc::clone(&arbiter));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    arbiter.origin.set(origin.clone()).unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    (arbiter, Uplink::new(Origin::parse(&origin).unwrap(), crate::PROGRAM).unwrap())
}

fn client(endpoints: Vec<Uplink>) -> ArbiterClient {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    ArbiterClient::new(Endpoints::fixed(endpoints), EVENT, GATE, Signer::new(GATE, key(), Arc::clone(&clock)), clock)
}

async fn intent(journal: &Journal) -> StoredIntent {
    let first = FeedSequence::FIRST;
    let decided_on = DecidedOn { ticket: first, binding: first, epoch: kido_shared::ids::Epoch::FIRST };
    let planned = PlannedEntry { ticket: TicketId::from_bytes([3; 16]), decided_on, entry: 1 };
    let now = SystemClock.now();
    journal.store_intents(&[planned], now, &mut StdRng::seed_from_u64(1)).await.unwrap().remove(0)
}

#[tokio::test]
async fn a_signed_claim_is_answered() {
    let (_home, journal) = journal();
    let (arbiter, uplink) = serve(Manner::Grants).await;
    let outcome = client(vec![uplink]).claim(&intent(&journal).await).await;
    assert_eq!(outcome, ClaimOutcome::Answered(ClaimAnswer::Granted { entry: 1 }));
    assert_eq!(arbiter.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_one_tap_asks_is_one_trace_and_every_question_another_part_of_it() {
    let (_home, journal) = journal();
    let (arbiter, uplink) = serve(Manner::BehindFor(2)).await;
    let tap = TraceContext::begin(&mut StdRng::seed_from_u64(1));
    let client = client(vec![uplink]);
    client.traced(tap).claim(&intent(&journal).await).await;
    client.claim(&intent(&journal).await).await;
    let traces = arbiter.traces.lock().unwrap().clone();
    let [first, second, third, of_nothing] = traces[..] else { panic!("{traces:?}") };
    for asked in [first, second, third] {
        assert_eq!(asked.trace(), tap.trace());
    }
    assert!(first != second && second != third && first != third && first != tap);
    assert_ne!(of_nothing.trace(), tap.trace(), "a claim of no tap is a trace of its own");
}

#[tokio::test]
async fn the_same_claim_is_repeated_while_the_arbiter_is_not_well_or_behind() {
    let (_home, journal) = journal();
    for manner in [Manner::UnwellFor(2), Manner::BehindFor(2)] {
        let (arbiter, uplink) = serve(manner).await;
        let outcome = client(vec![uplink]).claim(&intent(&journal).await).await;
        assert_eq!(outcome, ClaimOutcome::Answered(ClaimAnswer::Granted { entry: 1 }));
        assert_eq!(arbiter.asked.load(Ordering::SeqCst), 3);
    }
}

#[tokio::test]
async fn an_arbiter_that_wants_to_be_asked_more_slowly_is_there() {
    let (_home, journal) = journal();
    let (_arbiter, uplink) = serve(Manner::TooFast).await;
    let client = client(vec![uplink]);
    assert_eq!(client.claim(&intent(&journal).await).await, ClaimOutcome::Silent);
    // Asked a moment ago and answered: no ten seconds without an answer have passed.
    let later = SystemClock.now().after(crate::claim::OFFLINE_AFTER);
    assert_eq!(client.connectivity(later), Connectivity::Online);
}

#[tokio::test]
async fn the_next_endpoint_answers_for_one_that_hangs() {
    let (_home, journal) = journal();
    let ((_hangs, hung), (_grants, well)) = (serve(Manner::Hangs).await, serve(Manner::Grants).await);
    let outcome = client(vec![hung, well]).claim(&intent(&journal).await).await;
    assert_eq!(outcome, ClaimOutcome::Answered(ClaimAnswer::Granted { entry: 1 }));
}

#[tokio::test]
async fn a_box_that_died_costs_one_claim_its_deadline_and_not_the_next_one() {
    let (_home, journal) = journal();
    let ((hangs, hung), (grants, well)) = (serve(Manner::Hangs).await, serve(Manner::Grants).await);
    let client = client(vec![hung, well]);
    for _claim in 0..3 {
        let outcome = client.claim(&intent(&journal).await).await;
        assert_eq!(outcome, ClaimOutcome::Answered(ClaimAnswer::Granted { entry: 1 }));
    }
    assert_eq!((hangs.asked.load(Ordering::SeqCst), grants.asked.load(Ordering::SeqCst)), (1, 3));
}

#[tokio::test]
async fn one_box_that_refuses_a_gate_does_not_speak_for_the_others() {
    let (_home, journal) = journal();
    let ((_, refuses), (_, well)) = (serve(Manner::Revoked).await, serve(Manner::Grants).await);
    let intent = intent(&journal).await;
    let outcome = client(vec![refuses.clone(), well]).claim(&intent).await;
    assert_eq!(outcome, ClaimOutcome::Answered(ClaimAnswer::Granted { entry: 1 }));
    let (other, refuses_too) = serve(Manner::Revoked).await;
    assert_eq!(client(vec![refuses, refuses_too]).claim(&intent).await, ClaimOutcome::Silent);
    assert_eq!(other.asked.load(Ordering::SeqCst), 1, "all have refused: nobody is asked again");
}

#[tokio::test]
async fn a_hanging_arbiter_is_silent_after_three_seconds_and_not_offline_yet() {
    let (_home, journal) = journal();
    let (arbiter, uplink) = serve(Manner::Hangs).await;
    let client = client(vec![uplink]);
    assert_eq!(client.claim(&intent(&journal).await).await, ClaimOutcome::Silent);
    assert!(arbiter.asked.load(Ordering::SeqCst) >= 8, "the same claim, again and again");
    assert_eq!(client.connectivity(SystemClock.now()), Connectivity::Online);
    let later = SystemClock.now().after(crate::claim::OFFLINE_AFTER);
    assert_eq!(client.connectivity(later), Connectivity::Offline);
    // Nobody is asked twice within a second.
    tokio::time::sleep(client.probe_at().since(SystemClock.now())).await;
    assert_eq!(client.probe().await, Connectivity::Online, "not ten seconds yet");
    assert_eq!(client.connectivity(later), Connectivity::Offline, "a sign of life is no answer to a claim");
}

#[tokio::test]
async fn a_registrar_that_calls_itself_unwell_is_alive_and_a_dead_ones_gateway_is_not() {
    for (status, body, expected) in [
        (StatusCode::SERVICE_UNAVAILABLE, "{\"ok\":false}", Connectivity::Online),
        (StatusCode::SERVICE_UNAVAILABLE, "<h1>503</h1>", Connectivity::Offline),
        (StatusCode::NOT_FOUND, "<h1>404</h1>", Connectivity::Offline),
        (StatusCode::BAD_GATEWAY, "{\"message\":\"no upstream\"}", Connectivity::Offline),
        (StatusCode::FORBIDDEN, "", Connectivity::Offline),
    ] {
        let app = Router::new().route(routes::HEALTH, get(async move || (status, body)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = Origin::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        let client = client(vec![Uplink::new(origin, crate::PROGRAM).unwrap()]);
        client.probe().await;
        assert_eq!(client.connectivity(SystemClock.now().after(crate::claim::OFFLINE_AFTER)), expected, "{body}");
    }
}

#[tokio::test]
async fn a_gateway_that_knows_of_nobody_behind_it_is_silence_and_no_refusal() {
    let (_home, journal) = journal();
    let (arbiter, uplink) = serve(Manner::GatewayAlone).await;
    let client = client(vec![uplink]);
    assert_eq!(client.claim(&intent(&journal).await).await, ClaimOutcome::Silent);
    assert!(arbiter.asked.load(Ordering::SeqCst) > 1, "the same claim, again and again");
    assert_eq!(client.connectivity(SystemClock.now().after(crate::claim::OFFLINE_AFTER)), Connectivity::Offline);
}

#[tokio::test]
async fn an_arbiter_without_an_address_is_silent_and_offline_after_ten_seconds() {
    let client = client(Vec::new());
    client.probe().await;
    assert_eq!(client.connectivity(SystemClock.now()), Connectivity::Online);
    let later = SystemClock.now().after(crate::claim::OFFLINE_AFTER);
    assert_eq!(client.connectivity(later), Connectivity::Offline);
}

#[tokio::test]
async fn a_revoked_gate_is_refused_at_once_and_never_offline() {
    let (_home, journal) = journal();
    let (arbiter, uplink) = serve(Manner::Revoked).await;
    let client = client(vec![uplink]);
    assert_eq!(client.claim(&intent(&journal).await).await, ClaimOutcome::Silent);
    assert_eq!(arbiter.asked.load(Ordering::SeqCst), 1);
    let later = SystemClock.now().after(std::time::Duration::from_secs(3_600));
    assert_eq!(client.connectivity(later), Connectivity::Online, "no offline choice is for a gate that was refused");
}
