use std::sync::{Arc, Mutex};
use std::time::Duration;

use ed25519_dalek::SigningKey;
use kido_shared::carried::FeedFileBegin;
use kido_shared::feed::{
    EpochCut, FeedHead, FeedKeyStatement, FeedRecord, GateRecord, RecordCipher, VerifiedSpan, encode_range,
};
use kido_shared::ids::GateId;
use kido_shared::keys::EventKey;
use kido_shared::ticket::Zone;
use proptest::prelude::*;

use super::*;
use crate::trust::FeedTrust;

const EVENT: EventId = EventId::from_bytes([0xE1; 16]);
const NOW: Timestamp = Timestamp::from_unix_seconds(1_790_000_000);
const DAY: Duration = Duration::from_secs(86_400);

fn cipher(epoch: Epoch) -> RecordCipher {
    RecordCipher::new(&EventKey::from_bytes([3; 32]).record(), EVENT, epoch)
}

fn root() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

fn certificate(key: &SigningKey) -> FeedKeyCertificate {
    let (verifying_key, valid_from, valid_until) = (key.verifying_key().to_bytes(), NOW.before(DAY), NOW.after(DAY));
    FeedKeyStatement { event: EVENT, verifying_key, valid_from, valid_until, revokes_before: None }
        .sign(&root())
        .unwrap()
}

/// A registrar's half of a feed, in memory.
#[derive(Clone)]
struct Feed {
    key: SigningKey,
    reached: FollowedTo,
    records: Vec<SealedRecord>,
}

impl Feed {
    fn of(count: u64) -> Self {
        let mut feed = Self {
            key: SigningKey::from_bytes(&[2; 32]),
            reached: FollowedTo::start(EVENT, Epoch::FIRST),
            records: Vec::new(),
        };
        (0..count).for_each(|number| feed.publish(number));
        feed
    }

    /// A feed that has begun anew.
    fn cut(epoch: Epoch, count: u64) -> Self {
        let mut feed = Self { reached: FollowedTo::start(EVENT, epoch), ..Self::of(0) };
        (0..count).for_each(|number| feed.publish(number));
        feed
    }

    fn publish(&mut self, number: u64) {
        let (gate, zone) = (GateId::from_bytes([u8::try_from(number % 251).unwrap(); 16]), Zone::new("A").unwrap());
        let record = GateRecord { gate, verifying_key: [7; 32], zone: zone.clone(), entrance: zone, revoked: false };
        let sealed = cipher(self.reached.epoch).seal(self.reached.next(), &FeedRecord::Gate(record)).unwrap();
        self.reached = self.reached.extend(&sealed);
        self.records.push(sealed);
    }

    fn parts(&self) -> Vec<Vec<u8>> {
        let FollowedTo { epoch, length, .. } = self.reached;
        let head = FeedHead::issue(EVENT, self.reached, NOW).sign(&self.key).unwrap().into_bytes();
        let begin = FeedFileBegin { event: EVENT, epoch, length }.encode();
        let ranges = self.records.chunks(1_024).map(|range| encode_range(range).unwrap());
        let cut = EpochCut { event: EVENT, epoch, at: NOW };
        let cut = (epoch != Epoch::FIRST).then(|| cut.sign(&root()).unwrap().into_bytes());
        let before = [begin, certificate(&self.key).as_bytes().to_vec()].into_iter().chain(cut);
        before.chain([head]).chain(ranges).collect()
    }

    fn file(&self) -> Vec<u8> {
        joined(&self.parts())
    }
}

fn joined(parts: &[Vec<u8>]) -> Vec<u8> {
    parts.iter().flat_map(|part| [items::head(part.len()).unwrap(), part.clone()].concat()).collect()
}

/// How far, and what led there.
type Led = (FollowedTo, Vec<SealedRecord>);

/// A copy in memory.
#[derive(Clone)]
struct Book {
    trust: FeedTrust,
    kept: Arc<Mutex<Led>>,
    /// Of a later epoch, until all of it is here.
    staged: Arc<Mutex<Option<Led>>>,
    /// How many records it has room for.
    room: Arc<Mutex<u64>>,
}

impl Book {
    fn empty() -> Self {
        let first = certificate(&SigningKey::from_bytes(&[2; 32]));
        let trust = FeedTrust::new(root().verifying_key(), EVENT, &[first]).unwrap();
        let kept = Arc::new(Mutex::new((FollowedTo::start(EVENT, Epoch::FIRST), Vec::new())));
        Self { trust, kept, staged: Arc::default(), room: Arc::new(Mutex::new(u64::MAX)) }
    }

    fn at(feed: &Feed) -> Self {
        let book = Self::empty();
        *book.kept.lock().unwrap() = (feed.reached, feed.records.clone());
        book
    }

    fn equals(&self, feed: &Feed) -> bool {
        *self.kept.lock().unwrap() == (feed.reached, feed.records.clone())
    }

    async fn take(&self, file: &[u8]) -> Result<Brought, CarriedError<FeedError>> {
        bring(self, file, &std::env::temp_dir(), NOW).await
    }
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

    fn staged(&self, epoch: Epoch) -> Result<Option<FollowedTo>, FeedError> {
        Ok(self.staged.lock().unwrap().as_ref().map(|staged| staged.0).filter(|at| at.epoch == epoch))
    }

    fn begin_range(&self, span: &mut VerifiedSpan, records: Vec<SealedRecord>) -> Result<(), FeedError> {
        let before = *span.position();
        if before.length >= *self.room.lock().unwrap() {
            return Err(FeedError::Length { what: "the copy" });
        }
        span.open(&records, &cipher(before.epoch))?;
        let mut kept = self.kept.lock().unwrap();
        if before.epoch > kept.0.epoch {
            let mut staged = self.staged.lock().unwrap();
            let (at, held) = staged.get_or_insert((before, Vec::new()));
            assert_eq!(*at, before, "records that do not follow on what is staged");
            *at = *span.position();
            held.extend(records);
            if span.need().is_none() {
                *kept = staged.take().unwrap();
            }
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

#[tokio::test]
async fn a_copy_follows_a_file_to_its_end_wherever_it_stood() {
    let feed = Feed::of(2_500);
    for stood in [0, 1, 1_023, 1_024, 1_500, 2_048, 2_499] {
        let book = Book::at(&Feed::of(stood));
        let brought = book.take(&feed.file()).await.unwrap();
        assert_eq!((brought.records, brought.is_older), (2_500 - stood, false));
        assert!(book.equals(&feed), "from {stood}");
    }
}

#[tokio::test]
async fn a_file_from_behind_a_cut_takes_the_place_of_all_that_was_followed() {
    let (old, new) = (Feed::of(2_500), Feed::cut(Epoch::new(5), 1_300));
    for stood in [0, 1, 1_400, 2_500] {
        let book = Book::at(&Feed::of(stood));
        let brought = book.take(&new.file()).await.unwrap();
        assert_eq!((brought.records, brought.is_older), (1_300, false), "from {stood}");
        assert!(book.equals(&new), "from {stood}");
        assert_eq!(book.take(&new.file()).await.unwrap().records, 0, "the same file twice");
        assert!(matches!(book.take(&old.file()).await, Err(CarriedError::OtherEpoch { .. })), "there is no way back");
        assert!(book.equals(&new));
    }
}

#[tokio::test]
async fn a_copy_keeps_what_it_has_until_all_of_the_new_epoch_is_here() {
    let (old, new) = (Feed::of(1_100), Feed::cut(Epoch::new(5), 2_500));
    let book = Book::at(&old);
    *book.room.lock().unwrap() = 1_024;
    assert!(matches!(book.take(&new.file()).await, Err(CarriedError::NotTaken(_))), "the disk is full in the middle");
    assert!(book.equals(&old));
    *book.room.lock().unwrap() = u64::MAX;
    let brought = book.take(&new.file()).await.unwrap();
    assert_eq!(brought.records, 2_500 - 1_024, "it goes on with what was stored");
    assert!(book.equals(&new));
}

#[tokio::test]
async fn a_file_whose_cut_is_another_roots_or_of_another_epoch_changes_nothing() {
    let (old, new) = (Feed::of(5), Feed::cut(Epoch::new(5), 9));
    let book = Book::at(&old);
    let with = |cut: EpochCut, key: &SigningKey| {
        let mut parts = new.parts();
        parts[2] = cut.sign(key).unwrap().into_bytes();
        joined(&parts)
    };
    let right = EpochCut { event: EVENT, epoch: Epoch::new(5), at: NOW };
    let others = book.take(&with(right, &SigningKey::from_bytes(&[2; 32]))).await;
    assert!(matches!(others, Err(CarriedError::Feed(FeedError::Signature { .. }))), "the feed key's: {others:?}");
    let elsewhere = book.take(&with(EpochCut { event: EventId::from_bytes([9; 16]), ..right }, &root())).await;
    assert!(matches!(elsewhere, Err(CarriedError::Feed(FeedError::OtherEvent))), "{elsewhere:?}");
    let of_other = book.take(&with(EpochCut { epoch: Epoch::new(6), ..right }, &root())).await;
    assert!(matches!(of_other, Err(CarriedError::Contradicts)), "{of_other:?}");
    assert!(book.equals(&old));
}

#[tokio::test]
async fn the_same_file_twice_and_an_older_one_change_nothing_and_say_so() {
    let (older, feed) = (Feed::of(1_100), Feed::of(1_300));
    let book = Book::empty();
    let _first = book.take(&feed.file()).await.unwrap();
    let again = book.take(&feed.file()).await.unwrap();
    assert_eq!((again.records, again.is_older), (0, false));
    assert_eq!(again.head.reaches(), feed.reached, "its head may be newer, and is to be noted");
    let before = book.take(&older.file()).await.unwrap();
    assert_eq!((before.records, before.is_older), (0, true));
    assert!(book.equals(&feed));
}

#[tokio::test]
async fn a_file_that_is_cut_or_altered_anywhere_is_refused_and_changes_nothing() {
    let (stood, feed) = (Feed::of(2), Feed::of(5));
    let (book, file) = (Book::at(&stood), feed.file());
    for at in 0..file.len() {
        let cut = book.take(&file[..at]).await.unwrap_err();
        assert!(matches!(cut, CarriedError::CutShort), "cut at {at}: {cut:?}");
        for bit in 0..8 {
            let mut altered = file.clone();
            altered[at] ^= 1 << bit;
            assert!(book.take(&altered).await.is_err(), "bit {bit} of byte {at}");
        }
        assert!(book.equals(&stood), "byte {at}");
    }
    let longer = [file.as_slice(), &[0]].concat();
    assert!(matches!(book.take(&longer).await, Err(CarriedError::GoesOn)));
    assert!(book.equals(&stood));
    let _whole = book.take(&file).await.unwrap();
    assert!(book.equals(&feed));
}

#[tokio::test]
async fn what_was_stored_before_a_failure_is_true_and_the_same_file_goes_on_with_it() {
    let (feed, book) = (Feed::of(3_000), Book::empty());
    *book.room.lock().unwrap() = 1_024;
    let stopped = book.take(&feed.file()).await;
    assert!(matches!(stopped, Err(CarriedError::NotTaken(PullError::Copy(_)))), "{stopped:?}");
    assert!(book.equals(&Feed::of(1_024)));
    *book.room.lock().unwrap() = u64::MAX;
    assert_eq!(book.take(&feed.file()).await.unwrap().records, 3_000 - 1_024);
    assert!(book.equals(&feed));
}

#[tokio::test]
async fn a_part_that_the_copy_has_already_is_proved_too() {
    let (stood, feed) = (Feed::of(1_500), Feed::of(1_600));
    let mut parts = feed.parts();
    *parts[3].last_mut().unwrap() ^= 1;
    let book = Book::at(&stood);
    assert!(matches!(book.take(&joined(&parts)).await, Err(CarriedError::Feed(FeedError::Forked { .. }))));
    assert!(book.equals(&stood));
}

#[tokio::test]
async fn another_history_is_refused_where_it_leads_on_and_where_it_is_as_long() {
    let common = Feed::of(10);
    let (mut here, mut there) = (common.clone(), common);
    here.publish(100);
    there.publish(200);
    let book = Book::at(&here);
    assert!(matches!(book.take(&there.file()).await, Err(CarriedError::Feed(FeedError::Forked { length: 11 }))));
    there.publish(201);
    assert!(matches!(book.take(&there.file()).await, Err(CarriedError::Feed(FeedError::Forked { length: 12 }))));
    assert!(book.equals(&here));
}

#[tokio::test]
async fn another_event_and_another_epoch_are_refused_by_name_before_anything_else_is_read() {
    let (book, feed) = (Book::empty(), Feed::of(3));
    let other = EventId::from_bytes([0xE2; 16]);
    let begins = |event, epoch| {
        let mut parts = feed.parts();
        parts[0] = FeedFileBegin { event, epoch, length: 3 }.encode();
        joined(&parts)
    };
    let refused = book.take(&begins(other, Epoch::FIRST)).await.unwrap_err();
    assert!(matches!(refused, CarriedError::OtherEvent { file, here } if file == other && here == EVENT));
    assert!(refused.to_string().contains(&other.to_string()), "{refused}");
    let refused = book.take(&begins(EVENT, Epoch::new(1))).await.unwrap_err();
    assert!(matches!(refused, CarriedError::Feed(_)), "without the root's cut: {refused:?}");
    let later = Book::at(&Feed::cut(Epoch::new(2), 3));
    let refused = later.take(&feed.file()).await.unwrap_err();
    assert!(matches!(refused, CarriedError::OtherEpoch { here, .. } if here == Epoch::new(2)), "{refused:?}");
    assert!(matches!(book.take(b"ticket_ref,link\n").await, Err(CarriedError::NotAFeedFile)));
}

#[tokio::test]
async fn a_feed_key_that_the_copy_has_not_seen_comes_with_the_file_under_the_roots_word_alone() {
    let book = Book::empty();
    let rotated = Feed { key: SigningKey::from_bytes(&[8; 32]), ..Feed::of(4) };
    let mut unvouched = rotated.parts();
    unvouched[1] = certificate(&SigningKey::from_bytes(&[2; 32])).as_bytes().to_vec();
    let refused = book.take(&joined(&unvouched)).await;
    assert!(matches!(refused, Err(CarriedError::Feed(FeedError::Signature { .. }))), "{refused:?}");
    let _taken = book.take(&rotated.file()).await.unwrap();
    assert!(book.equals(&rotated));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn in_whatever_order_files_come_the_copy_ends_where_the_longest_leads(
        lengths in prop::collection::vec(0_u64..2_200, 1..6),
        cuts in prop::collection::vec(any::<bool>(), 6),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (feed, book) = (Feed::of(2_200), Book::empty());
        let prefix = |length: u64| {
            let records = feed.records[..usize::try_from(length).unwrap()].to_vec();
            let reached = FollowedTo::start(EVENT, Epoch::FIRST).extend_all(&records);
            Feed { key: feed.key.clone(), reached, records }
        };
        let mut longest = 0;
        for (length, cut) in lengths.into_iter().zip(cuts) {
            let file = prefix(length).file();
            if cut {
                prop_assert!(runtime.block_on(book.take(&file[..file.len() - 1])).is_err());
            } else {
                let _taken = runtime.block_on(book.take(&file)).unwrap();
                longest = longest.max(length);
            }
            prop_assert!(book.equals(&prefix(longest)));
        }
    }
}
