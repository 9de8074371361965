use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use ed25519_dalek::SigningKey;
use kido_shared::challenge::Origin;
use kido_shared::clock::{Clock as _, SystemClock, Timestamp};
use kido_shared::feed::{
    FeedError, FeedHead, FeedKeyCertificate, FeedKeyStatement, FeedRecord, FollowedTo, GateRecord, RecordCipher,
    SealedRecord, VerifiedSpan, encode_range,
};
use kido_shared::ids::{Epoch, EventId, GateId};
use kido_shared::keys::EventKey;
use kido_shared::ticket::Zone;
use kido_shared::wire::v1::feed_stream::{FeedPlace, LAST_EVENT_ID, STREAMED_RECORDS_MAX};
use kido_shared::wire::v1::routes;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::WatchStream;

use super::*;
use crate::trust::FeedTrust;
use crate::uplink::Uplink;
use crate::wish::PullNow;

const EVENT: EventId = EventId::from_bytes([0xE1; 16]);
const DAY: Duration = Duration::from_secs(86_400);
/// Longer than anything here takes on a busy machine.
const SOON: Duration = Duration::from_secs(20);
/// So seldom that it does not come while a test runs.
const SELDOM: Duration = Duration::from_secs(3_600);
/// More seldom still: what is told at all is checked in a slower rhythm.
const HARDLY: Duration = Duration::from_secs(36_000);

fn event_key() -> EventKey {
    EventKey::from_bytes([3; 32])
}

fn cipher(epoch: Epoch) -> RecordCipher {
    RecordCipher::new(&event_key().record(), EVENT, epoch)
}

/// How the registrar treats its streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Tells,
    /// The head without the records.
    TellsHeads,
    /// Ends its streams, and opens no other.
    Cuts,
    /// Goes on and says nothing.
    Mute,
    /// Repeats what it told before.
    HoldsBack,
    /// What it tells is one record behind: it was on its way while something else brought more.
    TellsLate,
    /// One bit of the head is turned.
    Lies,
}

/// A registrar on loopback, as small as it can be.
struct Registrar {
    key: SigningKey,
    root: SigningKey,
    feed: Mutex<(FollowedTo, Vec<SealedRecord>)>,
    /// The length that is told, and how.
    told: watch::Sender<(usize, Manner)>,
    /// The root's word for the epoch, where there is one.
    word: Mutex<Option<Vec<u8>>>,
    /// Paths that were asked for; of streams, where the asker was.
    asked: Mutex<Vec<String>>,
}

type Shared = State<Arc<Registrar>>;

impl Registrar {
    async fn serve() -> (Arc<Self>, Uplink) {
        let (key, root) = (SigningKey::from_bytes(&[2; 32]), SigningKey::from_bytes(&[1; 32]));
        let feed = Mutex::new((FollowedTo::start(EVENT, Epoch::FIRST), Vec::new()));
        let told = watch::Sender::new((0, Manner::Tells));
        let registrar = Arc::new(Self { key, root, feed, told, word: Mutex::default(), asked: Mutex::default() });
        let app = Router::new()
            .route(routes::FEED_HEAD, get(head))
            .route(routes::FEED_CUT, get(cut))
            .route(routes::FEED_TAIL, get(tail))
            .route(routes::FEED_STREAM, get(stream))
            .with_state(Arc::clone(&registrar));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = Origin::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        (registrar, Uplink::new(origin, "follower").unwrap())
    }

    /// Publishes so many more records, and tells of them as the manner is.
    fn publish(&self, count: u8) {
        let mut feed = self.feed.lock().unwrap();
        for number in 0..count {
            let (reached, records) = &mut *feed;
            let zone = Zone::new("A").unwrap();
            let gate = GateId::from_bytes([number; 16]);
            let record =
                GateRecord { gate, verifying_key: [7; 32], zone: zone.clone(), entrance: zone, revoked: false };
            let sealed = cipher(reached.epoch).seal(reached.next(), &FeedRecord::Gate(record)).unwrap();
            *reached = reached.extend(&sealed);
            records.push(sealed);
        }
        let length = feed.1.len();
        drop(feed);
        self.told.send_modify(|told| told.0 = length);
    }

    /// Begins anew with so many records.
    fn cut(&self, epoch: Epoch, count: u8) {
        *self.feed.lock().unwrap() = (FollowedTo::start(EVENT, epoch), Vec::new());
        self.publish(count);
    }

    fn manner(&self, manner: Manner) {
        self.told.send_modify(|told| told.1 = manner);
    }

    fn head(&self) -> Vec<u8> {
        let reached = self.feed.lock().unwrap().0;
        FeedHead::issue(EVENT, reached, SystemClock.now()).sign(&self.key).unwrap().into_bytes()
    }

    fn head_of(&self, length: usize) -> Vec<u8> {
        let records = self.feed.lock().unwrap().1[..length].to_vec();
        let start = FollowedTo::start(EVENT, self.feed.lock().unwrap().0.epoch);
        let reached = records.iter().fold(start, |reached, sealed| reached.extend(sealed));
        FeedHead::issue(EVENT, reached, SystemClock.now()).sign(&self.key).unwrap().into_bytes()
    }

    fn certificate(&self) -> FeedKeyCertificate {
        let (verifying_key, now) = (self.key.verifying_key().to_bytes(), SystemClock.now());
        let (valid_from, valid_until) = (now.before(DAY), now.after(DAY));
        FeedKeyStatement { event: EVENT, verifying_key, valid_from, valid_until, revokes_before: None }
            .sign(&self.root)
            .unwrap()
    }

    fn records(&self, from: usize) -> Vec<SealedRecord> {
        self.feed.lock().unwrap().1[from..].to_vec()
    }

    fn asked(&self, what: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|asked| asked.starts_with(what)).count()
    }

    fn note(&self, asked: String) {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
    }
}

async fn head(State(registrar): Shared) -> Vec<u8> {
    registrar.note("head".to_owned());
    registrar.head()
}

async fn cut(State(registrar): Shared) -> Result<Vec<u8>, StatusCode> {
    registrar.note("cut".to_owned());
    registrar.word.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(StatusCode::NOT_FOUND)
}

async fn tail(State(registrar): Shared, Path((_event, _epoch, from)): Path<(String, u64, usize)>) -> Vec<u8> {
    registrar.note(format!("tail {from}"));
    encode_range(&registrar.records(from)).unwrap()
}

async fn stream(State(registrar): Shared, headers: HeaderMap) -> Response {
    let at: FeedPlace = headers[LAST_EVENT_ID].to_str().unwrap().parse().unwrap();
    registrar.note(format!("stream {at}"));
    if registrar.told.borrow().1 == Manner::Cuts {
        return StatusCode::NOT_FOUND.into_response();
    }
    let (mut at, told) = (usize::try_from(at.length).unwrap(), WatchStream::new(registrar.told.subscribe()));
    let texts = told.map_while(move |(length, manner)| {
        let mut head = registrar.head();
        let records = registrar.records(at);
        let records = if manner == Manner::TellsHeads { Vec::new() } else { records };
        let place = FeedPlace { epoch: Epoch::FIRST, length: u64::try_from(length).unwrap() };
        match manner {
            Manner::Cuts => return None,
            Manner::Mute => return Some(": still here\n".to_owned()),
            Manner::HoldsBack => return Some(String::new()),
            Manner::TellsLate => {
                registrar.note("late".to_owned());
                let place = FeedPlace { length: place.length - 1, ..place };
                return Some(FeedNews::encode(place, &registrar.head_of(length - 1), &[]).unwrap());
            }
            Manner::Lies => *head.last_mut().unwrap() ^= 1,
            Manner::Tells | Manner::TellsHeads => {}
        }
        at = length;
        let few = if records.len() > STREAMED_RECORDS_MAX { &[] } else { records.as_slice() };
        Some(FeedNews::encode(place, &head, few).unwrap())
    });
    let body = Body::from_stream(texts.map(|text| Ok::<_, Infallible>(Bytes::from(text))));
    ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}

/// A copy in memory; its tests panic where a record came twice or out of turn.
#[derive(Clone)]
struct Book {
    trust: FeedTrust,
    kept: Arc<Mutex<(FollowedTo, Vec<SealedRecord>)>>,
}

impl FeedCopy for Book {
    type Error = FeedError;
    type UnderWay = ();

    fn trust(&self) -> &FeedTrust {
        &self.trust
    }

    fn position(&self) -> FollowedTo {
        self.kept.lock().unwrap().0
    }

    fn begin_range(&self, span: &mut VerifiedSpan, records: Vec<SealedRecord>) -> Result<(), FeedError> {
        let before = *span.position();
        span.open(&records, &cipher(before.epoch))?;
        let mut kept = self.kept.lock().unwrap();
        if before.epoch > kept.0.epoch {
            assert!(span.need().is_none(), "these epochs are short");
            *kept = (*span.position(), records);
            return Ok(());
        }
        assert_eq!(kept.0, before, "records that do not follow on what is kept");
        kept.0 = *span.position();
        kept.1.extend(records);
        Ok(())
    }

    async fn finish_range(&self, (): ()) -> Result<(), FeedError> {
        Ok(())
    }
}

/// Heads that were noted.
#[derive(Clone, Default)]
struct Noted(Arc<Mutex<Vec<Timestamp>>>);

impl NoteHead for Noted {
    async fn note(&self, pulled: &Pulled) {
        self.0.lock().unwrap().push(pulled.head.head().issued_at);
    }
}

/// A follower at work; ends when dropped.
struct Follower {
    book: Book,
    noted: Noted,
    now: PullNow,
    task: JoinHandle<()>,
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Follower {
    fn begin(registrar: &Registrar, uplink: Uplink, pace: Pace) -> Self {
        let trust = FeedTrust::new(registrar.root.verifying_key(), EVENT, &[registrar.certificate()]).unwrap();
        let kept = Arc::new(Mutex::new((FollowedTo::start(EVENT, Epoch::FIRST), Vec::new())));
        let (book, noted, (now, pulls)) = (Book { trust, kept }, Noted::default(), PullNow::new());
        let client = FeedClient::new(uplink, Arc::new(SystemClock), std::env::temp_dir());
        let following = follow(client, (book.clone(), noted.clone()), pulls, Arc::new(SystemClock), pace);
        Self { book, noted, now, task: tokio::spawn(following) }
    }

    async fn equals(&self, registrar: &Registrar) {
        eventually("the copy equals the feed", || *self.book.kept.lock().unwrap() == *registrar.feed.lock().unwrap())
            .await;
    }
}

async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(SOON, wait).await.unwrap_or_else(|_elapsed| panic!("not within {SOON:?}: {what}"));
}

/// Told or not at all, but for the first look.
const TOLD: Pace = Pace { poll: SELDOM, cross_check: HARDLY, silence: SELDOM };

async fn told(pace: Pace) -> (Arc<Registrar>, Follower) {
    let (registrar, uplink) = Registrar::serve().await;
    registrar.publish(3);
    let follower = Follower::begin(&registrar, uplink, pace);
    follower.equals(&registrar).await;
    // The first look may have been a poll: the second thing is told.
    eventually("a stream", || registrar.asked("stream") == 1).await;
    registrar.publish(1);
    follower.equals(&registrar).await;
    (registrar, follower)
}

#[tokio::test]
async fn what_is_told_is_stored_without_asking() {
    let (registrar, follower) = told(TOLD).await;
    let before = registrar.asked("tail");
    for _turn in 0..5 {
        registrar.publish(7);
        follower.equals(&registrar).await;
    }
    assert_eq!((registrar.asked("head"), registrar.asked("tail")), (1, before));
    assert!(follower.noted.0.lock().unwrap().len() >= 6, "each head that is told makes the copy younger");
}

#[tokio::test]
async fn a_stream_that_was_cut_is_resumed_where_it_was_and_every_record_comes_once() {
    let (registrar, follower) = told(TOLD).await;
    registrar.manner(Manner::Cuts);
    registrar.publish(50);
    // The cut is followed by a poll at once, though polls are seldom.
    follower.equals(&registrar).await;
    registrar.publish(20);
    registrar.manner(Manner::Tells);
    follower.equals(&registrar).await;
    assert_eq!(registrar.asked("head"), 2, "the rest was told");
    assert!(registrar.asked("stream 0-54") >= 1, "{:?}", registrar.asked.lock().unwrap());
}

#[tokio::test]
async fn a_later_epoch_takes_the_place_of_what_was_followed_by_the_roots_word_alone() {
    let (registrar, uplink) = Registrar::serve().await;
    registrar.manner(Manner::Cuts);
    registrar.publish(6);
    let pace = Pace { poll: Duration::from_millis(50), cross_check: SELDOM, silence: HARDLY };
    let follower = Follower::begin(&registrar, uplink, pace);
    follower.equals(&registrar).await;
    let before = follower.book.kept.lock().unwrap().clone();
    registrar.cut(Epoch::new(7), 4);
    eventually("its word is asked for", || registrar.asked("cut") >= 2).await;
    assert_eq!(*follower.book.kept.lock().unwrap(), before, "a head of another epoch, and no word");
    let cut = kido_shared::feed::EpochCut { event: EVENT, epoch: Epoch::new(7), at: SystemClock.now() };
    *registrar.word.lock().unwrap() = Some(cut.sign(&registrar.key).unwrap().into_bytes());
    let asked = registrar.asked("cut");
    eventually("the feed key's word is looked at", || registrar.asked("cut") >= asked + 2).await;
    assert_eq!(*follower.book.kept.lock().unwrap(), before, "a feed key begins no epoch");
    *registrar.word.lock().unwrap() = Some(cut.sign(&registrar.root).unwrap().into_bytes());
    follower.equals(&registrar).await;
    registrar.publish(3);
    follower.equals(&registrar).await;
    assert_eq!(follower.book.position().length, 7);
}

#[tokio::test]
async fn records_that_did_not_come_along_are_fetched() {
    let (registrar, follower) = told(TOLD).await;
    registrar.manner(Manner::TellsHeads);
    follower.equals(&registrar).await;
    registrar.publish(5);
    follower.equals(&registrar).await;
    assert_eq!(registrar.asked("tail 4"), 1);
}

#[tokio::test]
async fn a_silent_stream_is_given_up_though_its_line_shows_signs_of_life() {
    let pace = Pace { poll: Duration::from_millis(50), silence: Duration::from_millis(400), ..TOLD };
    let (registrar, follower) = told(pace).await;
    registrar.manner(Manner::Mute);
    registrar.publish(2);
    follower.equals(&registrar).await;
    let asked = registrar.asked("head");
    eventually("polls go on", || registrar.asked("head") > asked + 3).await;
    registrar.manner(Manner::Tells);
    registrar.publish(2);
    follower.equals(&registrar).await;
}

#[tokio::test]
async fn a_stream_that_holds_something_back_is_found_out() {
    let pace = Pace { poll: Duration::from_millis(50), cross_check: Duration::from_millis(200), silence: SELDOM };
    let (registrar, follower) = told(pace).await;
    registrar.manner(Manner::HoldsBack);
    for _check in 0..HELD_BACK_MAX {
        registrar.publish(1);
        follower.equals(&registrar).await;
    }
    eventually("another stream", || registrar.asked("stream") == 2).await;
}

#[tokio::test]
async fn a_stream_that_lies_changes_nothing_and_is_given_up() {
    let pace = Pace { poll: Duration::from_millis(50), ..TOLD };
    let (registrar, follower) = told(pace).await;
    registrar.manner(Manner::Lies);
    registrar.publish(9);
    // What may be believed is asked for.
    follower.equals(&registrar).await;
    eventually("another stream", || registrar.asked("stream") >= 2).await;
    registrar.manner(Manner::Tells);
    registrar.publish(1);
    follower.equals(&registrar).await;
}

#[tokio::test]
async fn a_head_that_a_pull_has_overtaken_is_no_lie() {
    let (registrar, follower) = told(TOLD).await;
    registrar.manner(Manner::Mute);
    registrar.publish(3);
    assert!(follower.now.pull().await);
    let polls = registrar.asked("head");
    registrar.manner(Manner::TellsLate);
    eventually("the late head", || registrar.asked("late") >= 1).await;
    registrar.manner(Manner::Tells);
    registrar.publish(1);
    follower.equals(&registrar).await;
    assert_eq!((registrar.asked("stream"), registrar.asked("head")), (1, polls), "the stream was not given up");
}

#[tokio::test]
async fn a_registrar_without_streams_is_asked_in_the_quick_rhythm_and_seldom_for_a_stream() {
    let (registrar, uplink) = Registrar::serve().await;
    registrar.manner(Manner::Cuts);
    let pace = Pace { poll: Duration::from_millis(20), ..TOLD };
    let follower = Follower::begin(&registrar, uplink, pace);
    for _turn in 0..5 {
        registrar.publish(3);
        follower.equals(&registrar).await;
    }
    eventually("polls", || registrar.asked("head") > 50).await;
    assert!(registrar.asked("stream") <= 4, "{}", registrar.asked("stream"));
}

#[tokio::test]
async fn whoever_asks_is_answered_while_the_feed_is_told() {
    let (registrar, follower) = told(TOLD).await;
    registrar.manner(Manner::Mute);
    registrar.publish(1);
    assert!(follower.now.pull().await);
    assert_eq!(follower.book.position(), registrar.feed.lock().unwrap().0);
}
