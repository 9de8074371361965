use core::time::Duration;
use std::sync::Arc;

use kido_shared::admission::DecidedOn;
use kido_shared::carried::{FeedFileBegin, UnverifiedJournalFile, items};
use kido_shared::clock::ManualClock;
use kido_shared::enrolment::OwnKeys;
use kido_shared::feed::{FeedError, FeedRecord, TicketRecord, encode_range};
use kido_shared::ids::{Epoch, FeedSequence};
use kido_shared::refusal::Refusal;
use kido_shared::ticket::TicketStatus;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::task::block_in_place;

use super::*;
use crate::barrier::Barrier;
use crate::gate_clock::GateClock;
use crate::identity::tests::identity;
use crate::identity::{DataFolder, Enrolment};
use crate::journal::PlannedEntry;
use crate::metrics::Metrics;
use crate::replica::tests::{EVENT, Feed, GATE, NOW, tag, ticket, ticket_id};
use crate::runtime::Parts;

const MINUTE: Duration = Duration::from_secs(60);

/// What a registrar exports, signed then.
pub(crate) fn file(feed: &Feed, signed_at: Timestamp) -> Vec<u8> {
    let begin = FeedFileBegin { event: feed.event, epoch: feed.reached.epoch, length: feed.reached.length };
    let ranges = feed.records.chunks(1_024).map(|range| encode_range(range).unwrap());
    let before = [begin.encode(), feed.certificate().as_bytes().to_vec()].into_iter();
    let parts = before.chain(begin.carries_cut().then(|| feed.cut())).chain([feed.head(signed_at)]).chain(ranges);
    parts.flat_map(|part| [items::head(part.len()).unwrap(), part].concat()).collect()
}

/// A gate of this feed in a folder, its lane apart.
pub(crate) fn parts(folder: &DataFolder, feed: &Feed) -> Parts {
    let (mut random, enrolled) = (StdRng::seed_from_u64(1), identity("https://tickets.example"));
    let enrolment = Enrolment { gate: GATE, event: EVENT, ..enrolled.enrolment().clone() };
    let identity = Identity::new(OwnKeys::generate(&mut random), feed.followed().subkeys, enrolment);
    let replica = Replica::open(&folder.replica(), feed.followed()).unwrap();
    // Opening blocks, which a thread of an asynchronous runtime must not.
    let opened = block_in_place(|| Journal::open(&folder.journal(), GATE, NOW, &mut random));
    let (journal, _recovered) = opened.unwrap();
    let clock = Arc::new(GateClock::start(Arc::new(ManualClock::at(NOW)), Some(NOW)));
    Parts {
        identity,
        journal,
        replica,
        clock,
        barrier: Barrier::Log,
        passage: kido_shared::challenge::Passage::In,
        metrics: Metrics::begin(NOW),
    }
}

/// One entry without a line, of this ticket.
pub(crate) async fn admit(journal: &Journal, number: u32) {
    let decided_on = DecidedOn { ticket: FeedSequence::FIRST, binding: FeedSequence::FIRST, epoch: Epoch::FIRST };
    let planned = PlannedEntry { ticket: ticket_id(number), decided_on, entry: 1 };
    let mut random = StdRng::seed_from_u64(u64::from(number));
    journal.admit_offline(vec![planned], NOW, &mut random).await.unwrap();
}

fn at(now: Timestamp) -> Moments {
    Moments { now, passed: now }
}

fn suspended(number: u32) -> FeedRecord {
    FeedRecord::Ticket(TicketRecord { status: TicketStatus::Suspended, ..ticket(number) })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspension_that_was_carried_here_is_known_and_as_old_as_its_signature() {
    let home = tempfile::tempdir().unwrap();
    let mut feed = Feed::with_tickets(700);
    let replica = Replica::open(&home.path().join("replica"), feed.followed()).unwrap();
    let first = take_feed(&replica, file(&feed, NOW).as_slice(), at(NOW.after(2 * MINUTE))).await.unwrap();
    assert_eq!((first.new, first.here, first.age_s, first.is_older()), (feed.reached.length, first.new, 120, false));
    feed.publish(&suspended(3));
    let signed_at = NOW.after(10 * MINUTE);
    let later = NOW.after(40 * MINUTE);
    let taken = take_feed(&replica, file(&feed, signed_at).as_slice(), at(later)).await.unwrap();
    assert_eq!((taken.new, taken.here), (1, feed.reached.length));
    assert_eq!(replica.look_up_tag(tag(3)).unwrap()[0].ticket.record.status, TicketStatus::Suspended);
    assert_eq!(replica.standing().age(later), 30 * MINUTE);
    let again = take_feed(&replica, file(&feed, later).as_slice(), at(later)).await.unwrap();
    assert_eq!((again.new, again.is_older()), (0, false));
    assert_eq!(replica.standing().age(later), Duration::ZERO, "nothing new was signed a moment ago");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_file_changes_nothing_and_makes_nothing_younger() {
    let home = tempfile::tempdir().unwrap();
    let (older, mut feed) = (Feed::with_tickets(5), Feed::with_tickets(5));
    feed.publish(&suspended(1));
    let replica = Replica::open(&home.path().join("replica"), feed.followed()).unwrap();
    let _first = take_feed(&replica, file(&feed, NOW).as_slice(), at(NOW)).await.unwrap();
    let later = NOW.after(20 * MINUTE);
    let taken = take_feed(&replica, file(&older, later).as_slice(), at(later)).await.unwrap();
    assert!(taken.is_older() && taken.new == 0);
    assert_eq!((replica.position(), replica.standing().age(later)), (feed.reached, 20 * MINUTE));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_dated_ahead_brings_its_records_and_makes_nothing_younger() {
    let home = tempfile::tempdir().unwrap();
    let feed = Feed::with_tickets(5);
    let replica = Replica::open(&home.path().join("replica"), feed.followed()).unwrap();
    let ahead = file(&feed, NOW.after(60 * MINUTE));
    let taken = take_feed(&replica, ahead.as_slice(), at(NOW)).await.unwrap();
    assert_eq!((taken.dated_well, taken.new), (false, feed.reached.length));
    assert_eq!(replica.standing().age(NOW), Duration::MAX);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_must_not_be_ignored_stops_a_file_where_it_stands() {
    let home = tempfile::tempdir().unwrap();
    let feed = Feed::with_tickets(5);
    let mut other_key = feed.followed();
    other_key.subkeys = kido_shared::keys::EventKey::from_bytes([9; 32]).for_gate();
    let replica = Replica::open(&home.path().join("replica"), other_key).unwrap();
    let refused = take_feed(&replica, file(&feed, NOW).as_slice(), at(NOW)).await.unwrap_err();
    let CarriedError::NotTaken(PullError::Copy(ReplicaError::Feed(FeedError::Sealed { .. }))) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(replica.position().length, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_is_written_out_signed_and_nothing_leaves_it_by_that() {
    let home = tempfile::tempdir().unwrap();
    let parts = parts(&DataFolder::at(home.path()), &Feed::with_tickets(5));
    let write = |wanted| {
        let known = parts.replica.standing();
        block_in_place(|| write_journal(&parts.journal, &known, &parts.identity, (wanted, NOW))).unwrap()
    };
    let (nothing, file) = write(JournalWanted::Facts);
    assert_eq!((nothing.bytes, file.len()), (0, 0), "nothing waits, so there is no file");
    for number in 0..300 {
        admit(&parts.journal, number).await;
    }
    let mut random = StdRng::seed_from_u64(9);
    parts.journal.note_refused(&[(ticket_id(4), Refusal::Suspended.code())], NOW, &mut random).await.unwrap();
    for _again in 0..2 {
        let (written, file) = write(JournalWanted::Facts);
        assert_eq!((written.admissions, written.showings, written.more), (300, 1, false), "more than one upload holds");
        let read = UnverifiedJournalFile::read(&file).unwrap();
        let read = read.verify(&parts.identity.keys().signing().verifying_key()).unwrap();
        assert_eq!((read.event, read.gate, read.journal.boot), (EVENT, GATE, 1));
        assert!(read.journal.length > 300, "its head stands behind its facts");
    }
    assert_eq!(parts.journal.outbox().unwrap().batch().admissions.len(), 256, "it waits for the line as before");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_one_file_is_told() {
    let home = tempfile::tempdir().unwrap();
    let parts = parts(&DataFolder::at(home.path()), &Feed::with_tickets(5));
    for number in 0..3 {
        admit(&parts.journal, number).await;
    }
    let mut random = StdRng::seed_from_u64(9);
    parts.journal.note_refused(&[(ticket_id(4), Refusal::Suspended.code())], NOW, &mut random).await.unwrap();
    for (most, admissions, showings, more) in [(2, 2, 0, true), (3, 3, 0, true), (4, 3, 1, false), (9, 3, 1, false)] {
        let waits = parts.journal.undelivered(most).unwrap();
        assert_eq!((waits.admissions.len(), waits.showings.len(), waits.more), (admissions, showings, more), "{most}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_says_how_far_it_has_heard_only_where_the_file_tells_all_that_it_decided() {
    let home = tempfile::tempdir().unwrap();
    let feed = Feed::with_tickets(5);
    let parts = parts(&DataFolder::at(home.path()), &feed);
    let written = |wanted| {
        let known = parts.replica.standing();
        let written = block_in_place(|| write_journal(&parts.journal, &known, &parts.identity, (wanted, NOW)));
        let (written, file) = written.unwrap();
        let read = UnverifiedJournalFile::read(&file).ok();
        let key = parts.identity.keys().signing().verifying_key();
        (written.heard, read.and_then(|read| read.verify(&key).unwrap().heard))
    };
    let wanted = JournalWanted::Acknowledgement;
    assert_eq!(written(wanted), (None, None), "no head was ever reached");
    let _taken = take_feed(&parts.replica, file(&feed, NOW).as_slice(), at(NOW)).await.unwrap();
    let length = feed.reached.length;
    assert_eq!(written(JournalWanted::Facts), (Some(length), None), "nothing waits");
    let heard = Heard { epoch: feed.reached.epoch, length, head_issued_at: NOW };
    assert_eq!(written(wanted), (Some(length), Some(heard)));
    admit(&parts.journal, 1).await;
    assert_eq!(written(JournalWanted::Facts), (Some(length), Some(heard)), "its entry is in the file");
    let decided_on = DecidedOn { ticket: FeedSequence::FIRST, binding: FeedSequence::FIRST, epoch: Epoch::FIRST };
    let planned = PlannedEntry { ticket: ticket_id(2), decided_on, entry: 1 };
    let mut random = StdRng::seed_from_u64(2);
    parts.journal.store_intents(&[planned], NOW, &mut random).await.unwrap();
    assert_eq!(written(JournalWanted::Facts), (None, None), "somebody is being let in by what was known before");
}
