use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::claim::endpoints::Endpoints;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use ed25519_dalek::SigningKey;
use kido_follow::{Signer, Uplink};
use kido_shared::admission::DecidedOn;
use kido_shared::challenge::Origin;
use kido_shared::claim::{ClaimAnswer, ClaimStep};
use kido_shared::clock::{Clock, SystemClock};
use kido_shared::ids::{AdmissionId, EventId, FeedSequence, GateId, TicketId};
use kido_shared::wire::v1::admissions::{ClaimAnswerBody, ClaimBody};
use kido_shared::wire::v1::routes;

use super::*;
use crate::journal::PlannedEntry;
use crate::journal::tests::journal;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_790_000_000);

/// An arbiter on loopback that hears of steps, and refuses one admission's.
pub(in crate::runtime) struct Listener {
    pub(in crate::runtime) client: ArbiterClient,
    hears: Arc<Hears>,
}

struct Hears {
    refuses: Option<AdmissionId>,
    heard: Mutex<Vec<AdmissionId>>,
    /// Whether it has not caught up with the feed, and takes no claim yet.
    is_behind: AtomicBool,
}

async fn claims(
    State(hears): State<Arc<Hears>>,
    Json(body): Json<ClaimBody>,
) -> Result<Json<ClaimAnswerBody>, (StatusCode, Json<serde_json::Value>)> {
    let admission = body.step.admission();
    if hears.is_behind.load(Ordering::SeqCst) && matches!(body.step, ClaimStep::Claim(_)) {
        return Ok(Json(ClaimAnswerBody { answer: ClaimAnswer::Behind }));
    }
    if hears.refuses == Some(admission) {
        let (kind, code) = ("urn:kido:problem:malformed", "malformed");
        let problem = serde_json::json!({"type": kind, "title": "", "status": 422, "detail": "", "code": code});
        return Err((StatusCode::UNPROCESSABLE_ENTITY, Json(problem)));
    }
    hears.heard.lock().unwrap_or_else(PoisonError::into_inner).push(admission);
    Ok(Json(ClaimAnswerBody { answer: ClaimAnswer::Withdrawn }))
}

impl Listener {
    pub(in crate::runtime) async fn begin(refuses: Option<AdmissionId>) -> Self {
        let hears = Arc::new(Hears { refuses, heard: Mutex::default(), is_behind: AtomicBool::default() });
        let app = Router::new().route(routes::CLAIMS, post(claims)).with_state(Arc::clone(&hears));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = Origin::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let gate = GateId::from_bytes([7; 16]);
        let signer = Signer::new(gate, SigningKey::from_bytes(&[4; 32]), Arc::clone(&clock));
        let uplink = Uplink::new(origin, crate::PROGRAM).unwrap();
        let client =
            ArbiterClient::new(Endpoints::fixed(vec![uplink]), EventId::from_bytes([1; 16]), gate, signer, clock);
        Self { client, hears }
    }

    pub(in crate::runtime) fn heard(&self) -> Vec<AdmissionId> {
        self.hears.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

pub(in crate::runtime) fn planned(number: u8) -> PlannedEntry {
    let first = FeedSequence::FIRST;
    let decided_on = DecidedOn { ticket: first, binding: first, epoch: kido_shared::ids::Epoch::FIRST };
    PlannedEntry { ticket: TicketId::from_bytes([number; 16]), decided_on, entry: 1 }
}

#[tokio::test]
async fn an_errand_that_is_refused_keeps_none_behind_it_waiting() {
    let (_home, journal) = journal();
    let stored = journal.store_intents(&[planned(1), planned(2), planned(3)], NOW, &mut OsRng).await.unwrap();
    let mut ids: Vec<AdmissionId> = stored.iter().map(crate::journal::StoredIntent::admission).collect();
    journal.withdraw(ids.clone(), NOW).await.unwrap();
    ids.sort_unstable();
    let arbiter = Listener::begin(Some(ids[0])).await;
    assert!(matches!(one_round(&journal, &arbiter.client).await.unwrap(), Round::Progress));
    assert_eq!(arbiter.heard(), ids[1..]);
    assert!(matches!(one_round(&journal, &arbiter.client).await.unwrap(), Round::Silent), "asked again, after a while");
    let left: Vec<AdmissionId> = journal.errands().unwrap().iter().map(Errand::admission).collect();
    assert_eq!(left, ids[..1]);
}

#[tokio::test]
async fn that_nobody_passed_is_told_only_behind_the_claim_that_it_ends() {
    let (_home, journal) = journal();
    let admitted = journal.admit_offline(vec![planned(1)], NOW, &mut OsRng).await.unwrap();
    let admission = admitted.stored[0].admission().id;
    journal.note_annulled(vec![admission], NOW).await.unwrap();
    let arbiter = Listener::begin(None).await;
    arbiter.hears.is_behind.store(true, Ordering::SeqCst);
    assert!(matches!(one_round(&journal, &arbiter.client).await.unwrap(), Round::Silent));
    assert_eq!(arbiter.heard(), [], "an end of what was never claimed would end nothing");
    arbiter.hears.is_behind.store(false, Ordering::SeqCst);
    assert!(matches!(one_round(&journal, &arbiter.client).await.unwrap(), Round::Progress));
    assert_eq!(arbiter.heard(), [admission, admission]);
}
