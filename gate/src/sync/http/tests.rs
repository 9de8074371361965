use std::sync::Mutex;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use kido_shared::clock::ManualClock;
use kido_shared::feed::{FeedError, FeedRecord, encode_range};
use kido_shared::wire::v1::admissions::{AckOutcome, AdmissionAck, AdmissionBatch};
use kido_shared::wire::v1::problem::Problem;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::*;
use crate::gate_clock::RequestClock;
use crate::journal::PlannedEntry;
use crate::journal::tests::journal;
use crate::replica::tests::{EVENT, Feed, GATE, NOW, tag, ticket, ticket_id};

/// A registrar on loopback, as small as it can be.
struct Registrar {
    feed: Mutex<Feed>,
    uploads: Mutex<Vec<AdmissionBatch>>,
    up: Mutex<bool>,
    /// What it says to ends of admissions.
    ends: Mutex<AckOutcome>,
}

type Shared = State<Arc<Registrar>>;

async fn head(State(registrar): Shared) -> Result<Vec<u8>, StatusCode> {
    if !*registrar.up.lock().unwrap() {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    Ok(registrar.feed.lock().unwrap().head(NOW))
}

async fn range(State(registrar): Shared, Path((_event, _epoch, range)): Path<(String, u64, usize)>) -> Vec<u8> {
    let feed = registrar.feed.lock().unwrap();
    encode_range(&feed.records[range * 1_024..(range + 1) * 1_024]).unwrap()
}

async fn tail(State(registrar): Shared, Path((_event, _epoch, from)): Path<(String, u64, usize)>) -> Vec<u8> {
    encode_range(&registrar.feed.lock().unwrap().records[from..]).unwrap()
}

async fn feed_key(State(registrar): Shared) -> Vec<u8> {
    registrar.feed.lock().unwrap().certificate().as_bytes().to_vec()
}

async fn admissions(
    State(registrar): Shared,
    axum::Json(batch): axum::Json<AdmissionBatch>,
) -> Result<axum::Json<AdmissionAcks>, StatusCode> {
    let acks =
        batch.admissions.iter().map(|sent| AdmissionAck { admission: sent.admission.id, outcome: AckOutcome::Stored });
    let outcome = *registrar.ends.lock().unwrap();
    let endings = batch.endings.iter().map(|sent| AdmissionAck { admission: sent.admission, outcome });
    let acks = AdmissionAcks { acks: acks.collect(), endings: endings.collect() };
    registrar.uploads.lock().unwrap().push(batch);
    if *registrar.up.lock().unwrap() { Ok(axum::Json(acks)) } else { Err(StatusCode::BAD_GATEWAY) }
}

/// A registrar whose clock is another one: refuses every report.
async fn other_time() -> (StatusCode, axum::Json<Problem>) {
    let code = "signature_skew".to_owned();
    let (kind, title, detail) = (format!("urn:kido:problem:{code}"), code.clone(), code.clone());
    let problem = Problem { kind, title, status: 401, detail, instance: None, code, reasons: Vec::new() };
    (StatusCode::UNAUTHORIZED, axum::Json(problem))
}

async fn serve(feed: Feed) -> (Arc<Registrar>, Uplink) {
    let (feed, ends) = (Mutex::new(feed), Mutex::new(AckOutcome::Stored));
    let registrar = Arc::new(Registrar { feed, uploads: Mutex::default(), up: Mutex::new(true), ends });
    let app = Router::new()
        .route(routes::FEED_HEAD, get(head))
        .route(routes::FEED_RANGE, get(range))
        .route(routes::FEED_TAIL, get(tail))
        .route(routes::FEED_KEY, get(feed_key))
        .route(routes::ADMISSIONS, post(admissions))
        .route(routes::REPORTS, post(other_time))
        .with_state(Arc::clone(&registrar));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (registrar, Uplink::new(kido_shared::challenge::Origin::parse(&origin).unwrap(), crate::PROGRAM).unwrap())
}

fn client(uplink: Uplink, home: &tempfile::TempDir) -> RegistrarClient {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(NOW));
    let signer = Signer::new(GATE, ed25519_dalek::SigningKey::from_bytes(&[4; 32]), Arc::clone(&clock));
    RegistrarClient::new(uplink, signer, clock, home.path().to_path_buf())
}

fn replica(home: &tempfile::TempDir, feed: &Feed) -> Replica {
    Replica::open(&home.path().join("replica"), feed.followed()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_gate_follows_full_ranges_and_the_rest_and_then_only_what_is_new() {
    let home = tempfile::tempdir().unwrap();
    let feed = Feed::with_tickets(2_000);
    let replica = replica(&home, &feed);
    let (registrar, uplink) = serve(feed.clone()).await;
    let client = client(uplink, &home);
    let pulled = client.pull(&replica).await.unwrap();
    assert_eq!((pulled.records, replica.position()), (feed.reached.length, feed.reached));
    note(&pulled, &GateClock::start(Arc::new(ManualClock::at(NOW)), Some(NOW)), &replica).await.unwrap();
    assert_eq!(replica.standing().age(NOW), Duration::ZERO);
    assert_eq!(client.pull(&replica).await.unwrap().records, 0);
    registrar.feed.lock().unwrap().publish(&FeedRecord::Ticket(ticket(5_000)));
    assert_eq!(client.pull(&replica).await.unwrap().records, 1);
    assert_eq!(replica.look_up_tag(tag(1_999)).unwrap()[0].ticket.record.ticket, ticket_id(1_999));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_refused_for_its_date_makes_the_last_head_date_the_next_one() {
    let home = tempfile::tempdir().unwrap();
    let (_registrar, uplink) = serve(Feed::with_tickets(1)).await;
    let clock = Arc::new(GateClock::start(Arc::new(ManualClock::at(NOW)), Some(NOW)));
    let dates = Arc::new(RequestClock(Arc::clone(&clock)));
    let key = ed25519_dalek::SigningKey::from_bytes(&[4; 32]);
    let signer = Signer::new(GATE, key, Arc::clone(&dates) as Arc<dyn Clock>).with_refusals(Arc::clone(&dates) as _);
    let client = RegistrarClient::new(uplink, signer, Arc::clone(&dates) as _, home.path().to_path_buf());
    let ahead = NOW.after(Duration::from_secs(600));
    clock.head(ahead);
    clock.head(NOW);
    assert!(dates.now() >= ahead);
    let report = GateReport {
        boot: 1,
        feed_epoch: 0,
        feed_length: 0,
        head_issued_at: None,
        arbiter_answers: true,
        out_of_order: None,
        waits_to_upload: false,
        refusals: Vec::new(),
    };
    let refused = client.report(EVENT, &report).await;
    assert!(matches!(refused, Err(UplinkError::Refused { status: 401, .. })), "{refused:?}");
    assert!(dates.now().since(NOW) < Duration::from_secs(60), "{:?}", dates.now());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_believed_a_dreaming_registrar_is_set_right_by_the_first_record_behind_the_dream() {
    let home = tempfile::tempdir().unwrap();
    let (feed, ahead) = (Feed::with_tickets(1), NOW.after(Duration::from_secs(7_200)));
    let replica = replica(&home, &feed);
    let (registrar, uplink) = serve(feed.clone()).await;
    let client = client(uplink, &home);
    let _followed = client.pull(&replica).await.unwrap();
    let clock = GateClock::start(Arc::new(ManualClock::at(NOW)), None);
    assert!(clock.head(ahead), "nothing better is known");
    let dreamt = replica.verify_head(&feed.head(ahead), NOW).unwrap();
    replica.note_head(&dreamt, clock.now()).await.unwrap();
    let old = client.pull(&replica).await.unwrap();
    assert!(!set_back(&old, &clock, &replica).await.unwrap(), "whoever has kept it could show it");
    assert!(clock.now() >= ahead);
    registrar.feed.lock().unwrap().publish(&FeedRecord::Ticket(ticket(7)));
    let news = client.pull(&replica).await.unwrap();
    assert!(set_back(&news, &clock, &replica).await.unwrap());
    assert!(clock.now().since(NOW) < Duration::from_secs(60) && clock.reading().certain);
    assert_eq!(replica.standing().age(NOW.after(Duration::from_secs(60))), Duration::from_secs(60));
    replica.close().unwrap();
    let again = Replica::open(&home.path().join("replica"), feed.followed()).unwrap();
    assert_eq!(again.standing().head.map(|head| head.issued_at), Some(NOW), "also after a restart");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_was_altered_on_the_way_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let feed = Feed::with_tickets(600);
    let replica = replica(&home, &feed);
    let (registrar, uplink) = serve(feed).await;
    registrar.feed.lock().unwrap().records.swap(1_030, 1_031);
    let refused = client(uplink, &home).pull(&replica).await;
    assert!(matches!(refused, Err(SyncError::Replica(ReplicaError::Feed(FeedError::Forked { .. })))), "{refused:?}");
    assert_eq!(replica.position().length, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_registrar_leaves_the_replica_as_it_is() {
    let home = tempfile::tempdir().unwrap();
    let feed = Feed::with_tickets(1);
    let replica = replica(&home, &feed);
    let (registrar, uplink) = serve(feed.clone()).await;
    *registrar.up.lock().unwrap() = false;
    let client = client(uplink, &home);
    assert!(matches!(client.pull(&replica).await, Err(SyncError::Uplink(UplinkError::Unwell { status: 503, .. }))));
    *registrar.up.lock().unwrap() = true;
    let _followed = client.pull(&replica).await.unwrap();
    assert_eq!(replica.position(), feed.reached);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admission_is_sent_until_it_is_acknowledged_and_then_no_more() {
    let home = tempfile::tempdir().unwrap();
    let feed = Feed::with_tickets(1);
    let replica = replica(&home, &feed);
    let (registrar, uplink) = serve(feed).await;
    let client = client(uplink, &home);
    let (_journal_home, journal) = journal();
    let decided_on = replica.claim_facts(ticket_id(0)).unwrap().map_or(
        kido_shared::admission::DecidedOn {
            ticket: kido_shared::ids::FeedSequence::FIRST,
            binding: kido_shared::ids::FeedSequence::FIRST,
            epoch: kido_shared::ids::Epoch::FIRST,
        },
        |facts| facts.newest,
    );
    let planned = PlannedEntry { ticket: ticket_id(0), decided_on, entry: 1 };
    let admitted = journal.admit_offline(vec![planned], NOW, &mut StdRng::seed_from_u64(1)).await.unwrap();
    journal.note_opened(vec![admitted.stored[0].admission().id], NOW).await.unwrap();
    *registrar.up.lock().unwrap() = false;
    assert!(client.push(&journal, &replica).await.is_err(), "the answer was lost, and the registrar has it");
    *registrar.up.lock().unwrap() = true;
    assert_eq!(client.push(&journal, &replica).await.unwrap(), 1);
    assert_eq!(client.push(&journal, &replica).await.unwrap(), 0);
    let uploads = registrar.uploads.lock().unwrap();
    assert_eq!(uploads.len(), 2);
    assert!(uploads.iter().all(|batch| batch.admissions[0].admission.id == admitted.stored[0].admission().id));
    assert_eq!(replica.event(), EVENT);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_the_registrar_takes_later_is_kept_and_sent_again() {
    let home = tempfile::tempdir().unwrap();
    let feed = Feed::with_tickets(1);
    let replica = replica(&home, &feed);
    let (registrar, uplink) = serve(feed).await;
    let client = client(uplink, &home);
    let (_journal_home, journal) = journal();
    let admission = AdmissionId::from_bytes([7; 16]);
    journal.note_exited(vec![crate::journal::Departure { admission, ticket: ticket_id(0) }], NOW).await.unwrap();
    *registrar.ends.lock().unwrap() = AckOutcome::Later;
    for _again in 0..2 {
        assert_eq!(client.push(&journal, &replica).await.unwrap(), 0);
        assert_eq!(journal.unacknowledged().unwrap(), 1);
    }
    *registrar.ends.lock().unwrap() = AckOutcome::Stored;
    assert_eq!(client.push(&journal, &replica).await.unwrap(), 1);
    assert_eq!(journal.unacknowledged().unwrap(), 0);
    let uploads = registrar.uploads.lock().unwrap();
    assert!(uploads.len() == 3 && uploads.iter().all(|batch| batch.endings[0].admission == admission));
}
