use axum::Router;
use axum::extract::State;
use axum::routing::get;
use ed25519_dalek::SigningKey;
use kido_shared::challenge::Origin;
use kido_shared::clock::{Clock as _, SystemClock};
use kido_shared::feed::{KeyRecord, SealedRecord, VerifiedSpan};
use kido_shared::ids::Epoch;

use super::*;
use crate::pull::{FeedClient, FeedCopy, PullError};

const EVENT: EventId = EventId::from_bytes([1; 16]);
const OTHER: EventId = EventId::from_bytes([9; 16]);
const HOUR: Duration = Duration::from_secs(3_600);

fn root() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

fn key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

/// The root's word for the key of a number: from so many hours ago until in so many, as seen now.
fn statement(number: u8, hours_ago: u32, hours_left: i32) -> FeedKeyStatement {
    let now = SystemClock.now();
    let left = HOUR * hours_left.unsigned_abs();
    FeedKeyStatement {
        event: EVENT,
        verifying_key: key(number).verifying_key().to_bytes(),
        valid_from: now.before(HOUR * hours_ago),
        valid_until: if hours_left < 0 { now.before(left) } else { now.after(left) },
        revokes_before: None,
    }
}

fn revoking(statement: FeedKeyStatement) -> FeedKeyStatement {
    FeedKeyStatement { revokes_before: Some(statement.valid_from), ..statement }
}

fn signed(statement: FeedKeyStatement) -> FeedKeyCertificate {
    statement.sign(&root()).unwrap()
}

/// Whoever answers as the registrar: with heads of that key, and that word for it.
#[derive(Clone)]
struct Answers {
    signer: SigningKey,
    word: FeedKeyCertificate,
}

async fn serve(signer: u8, word: FeedKeyCertificate) -> Uplink {
    let head = |State(answers): State<Answers>| async move {
        let start = FollowedTo::start(EVENT, Epoch::FIRST);
        FeedHead::issue(EVENT, start, SystemClock.now()).sign(&answers.signer).unwrap().into_bytes()
    };
    let word_for_it = |State(answers): State<Answers>| async move { answers.word.as_bytes().to_vec() };
    let app = Router::new().route(routes::FEED_HEAD, get(head)).route(routes::FEED_KEY, get(word_for_it));
    let app = app.with_state(Answers { signer: key(signer), word });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = Origin::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    Uplink::new(origin, "follower").unwrap()
}

/// A copy of a feed without records.
#[derive(Clone)]
struct Empty(FeedTrust);

impl FeedCopy for Empty {
    type Error = FeedError;
    type UnderWay = ();

    fn trust(&self) -> &FeedTrust {
        &self.0
    }

    fn position(&self) -> FollowedTo {
        FollowedTo::start(EVENT, Epoch::FIRST)
    }

    fn begin_range(&self, _span: &mut VerifiedSpan, _records: Vec<SealedRecord>) -> Result<(), FeedError> {
        Err(FeedError::Missing { missing: 0 })
    }

    async fn finish_range(&self, (): ()) -> Result<(), FeedError> {
        Ok(())
    }
}

fn trusting(kept: &[FeedKeyStatement]) -> Empty {
    let kept: Vec<_> = kept.iter().copied().map(signed).collect();
    Empty(FeedTrust::new(root().verifying_key(), EVENT, &kept).unwrap())
}

async fn pull(copy: &Empty, uplink: Uplink) -> Result<(), FeedError> {
    let client = FeedClient::new(uplink, Arc::new(SystemClock), std::env::temp_dir());
    match client.pull(copy).await {
        Ok(_pulled) => Ok(()),
        Err(PullError::Feed(error)) => Err(error),
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn whoever_was_away_through_two_changes_of_key_comes_back_by_the_roots_word() {
    // Its own key has ended, and it has never heard of the one between.
    let late = trusting(&[statement(2, 500, -1)]);
    let uplink = serve(4, signed(statement(4, 1, 400))).await;
    assert_eq!(pull(&late, uplink).await, Ok(()));
}

#[tokio::test]
async fn a_key_whose_time_is_over_here_is_asked_about_once_more() {
    let late = trusting(&[statement(2, 500, -1)]);
    let over = serve(2, signed(statement(2, 500, -1))).await;
    assert_eq!(pull(&late, over).await, Err(FeedError::KeyNotValid { what: "a head" }));
    let prolonged = serve(2, signed(statement(2, 400, 400))).await;
    assert_eq!(pull(&late, prolonged).await, Ok(()));
}

#[tokio::test]
async fn a_stolen_key_leads_nobody_who_has_heard_that_it_was_revoked() {
    let stolen = statement(2, 500, 400);
    let unheard = trusting(&[stolen]);
    assert_eq!(pull(&unheard, serve(2, signed(stolen)).await).await, Ok(()), "until it hears");
    let told = serve(3, signed(revoking(statement(3, 1, 400)))).await;
    assert_eq!(pull(&unheard, told).await, Ok(()));
    assert_eq!(
        pull(&unheard, serve(2, signed(stolen)).await).await,
        Err(FeedError::KeyRevoked),
        "its old word is no help"
    );
    let unsigned = Err(FeedError::Signature { what: "a head" });
    let with_a_true_word = serve(2, signed(revoking(statement(3, 1, 400)))).await;
    assert_eq!(pull(&unheard, with_a_true_word).await, unsigned, "nor is another key's");
    let elsewhere = FeedKeyStatement { event: OTHER, ..statement(2, 0, 400) };
    assert_eq!(pull(&unheard, serve(2, signed(elsewhere)).await).await, Err(FeedError::OtherEvent));
}

#[tokio::test]
async fn what_was_kept_of_keys_is_taken_in_any_order_and_revokes_as_before() {
    let (stolen, next) = (statement(2, 500, 400), revoking(statement(3, 1, 400)));
    for kept in [[stolen, next], [next, stolen]] {
        let copy = trusting(&kept);
        assert_eq!(pull(&copy, serve(3, signed(next)).await).await, Ok(()));
        assert_eq!(pull(&copy, serve(2, signed(stolen)).await).await, Err(FeedError::KeyRevoked));
    }
}

#[test]
fn a_history_that_tells_of_a_key_that_was_revoked_since_goes_on() {
    let (stolen, next) = (statement(2, 500, 400), revoking(statement(3, 1, 400)));
    let trust = trusting(&[next]).0;
    let record = |statement| (FeedSequence::FIRST, FeedRecord::Key(KeyRecord { certificate: signed(statement) }));
    assert_eq!(trust.trust_published(&[record(stolen), record(next)]), Ok(()));
    let forged = statement(5, 1, 400).sign(&key(5)).unwrap();
    let forged = (FeedSequence::FIRST, FeedRecord::Key(KeyRecord { certificate: forged }));
    assert!(trust.trust_published(&[forged]).is_err());
}

#[test]
fn more_changes_of_key_than_are_kept_stop_no_feed() {
    let all: Vec<_> = (2..40).map(|number| statement(number, 500 - u32::from(number), 400)).collect();
    let trust = trusting(&all).0;
    let start = FollowedTo::start(EVENT, Epoch::FIRST);
    let now = SystemClock.now();
    let head = FeedHead::issue(EVENT, start, now).sign(&key(39)).unwrap();
    assert!(trust.verify_head(head.as_bytes(), start, now).is_ok());
}

#[tokio::test]
async fn who_only_looks_believes_the_enrolments_key_and_what_the_root_says_of_another() {
    let enrolled = signed(statement(2, 500, 10));
    let look = |signer: u8, word: FeedKeyCertificate, head_of: u8| {
        let enrolled = enrolled.clone();
        async move {
            let uplink = serve(signer, word).await;
            let now = SystemClock.now();
            let head = FeedHead::issue(EVENT, FollowedTo::start(EVENT, Epoch::FIRST), now).sign(&key(head_of)).unwrap();
            look_at_head(&uplink, (root().verifying_key(), EVENT), &enrolled, (head.as_bytes(), now)).await
        }
    };
    assert!(look(2, enrolled.clone(), 2).await.is_ok());
    let next = statement(3, 1, 400);
    let seen = look(3, signed(next), 3).await.unwrap();
    assert_eq!(seen.key_ends, next.valid_until);
    assert!(matches!(look(3, signed(next), 5).await, Err(UnbelievedHead::Feed(FeedError::Signature { .. }))));
}
