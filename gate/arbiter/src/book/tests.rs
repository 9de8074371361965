use kido_shared::admission::{Admission, AdmissionBasis};
use kido_shared::claim::ClaimState;
use kido_shared::feed::{Annulled, FeedRecord};
use kido_shared::ids::AdmissionId;
use kido_shared::policy::ArbiterHome;
use kido_shared::ticket::{Entries, TicketStatus};

use super::*;
use crate::following::{Carried, carried};
use crate::records::Sharing;
use crate::testing::{EVENT, Feed, GATES, NOW, own, policy, ticket, ticket_id};

fn open(home: &tempfile::TempDir, feed: &Feed) -> Book {
    Book::open(&home.path().join("book"), feed.followed()).unwrap()
}

fn admission(id: u8, ticket: TicketId) -> FeedRecord {
    let (id, gate) = (AdmissionId::from_bytes([id; 16]), GATES[0]);
    FeedRecord::Admission(Admission { id, ticket, gate, entry: 1, at: NOW, basis: AdmissionBasis::Offline })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_book_knows_tickets_gates_and_its_own_box_also_after_a_restart() {
    let home = tempfile::tempdir().unwrap();
    let mut feed = Feed::with_tickets(2);
    let book = open(&home, &feed);
    feed.tell(&book, NOW).await.unwrap();
    feed.publish(&ticket(1, TicketStatus::Suspended, Entries::ONCE));
    feed.tell(&book, NOW).await.unwrap();
    book.close().unwrap();
    let book = open(&home, &feed);
    let standing = book.standing();
    assert_eq!((standing.position, standing.head), (feed.reached, Some(NOW)));
    assert!(GATES.iter().all(|gate| standing.gates.get(gate).is_some_and(|known| !known.revoked)));
    assert_eq!(standing.own.as_ref().map(|own| own.epoch), Some(0));
    let facts = book.facts(ticket_id(1)).unwrap().unwrap();
    assert_eq!((facts.status, facts.newest.ticket.get()), (TicketStatus::Suspended, feed.reached.length - 1));
    assert_eq!(book.facts(ticket_id(9)).unwrap(), None);
    assert_eq!(book.event(), EVENT);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_the_feed_says_is_inside_holds_the_entry_until_it_is_annulled() {
    let home = tempfile::tempdir().unwrap();
    let mut feed = Feed::with_tickets(1);
    let book = open(&home, &feed);
    feed.publish(&admission(1, ticket_id(0)));
    feed.tell(&book, NOW).await.unwrap();
    let held = book.admitted(ticket_id(0)).unwrap().unwrap();
    assert!(
        matches!(held.state(), ClaimState::Inside(holding) if holding.admission == AdmissionId::from_bytes([1; 16]))
    );
    let (admission, ticket, gate) = (AdmissionId::from_bytes([1; 16]), ticket_id(0), GATES[0]);
    feed.publish(&FeedRecord::Annulled(Annulled { admission, ticket, gate, at: NOW }));
    feed.tell(&book, NOW).await.unwrap();
    assert_eq!(book.admitted(ticket_id(0)).unwrap().unwrap().state(), &ClaimState::Free);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_decides_only_while_the_policy_names_its_very_incarnation() {
    let home = tempfile::tempdir().unwrap();
    let mut feed = Feed::with_tickets(0);
    let book = open(&home, &feed);
    let decides = |book: &Book| crate::decide::decides(&book.standing(), Sharing::Alone, NOW).is_ok();
    assert!(!decides(&book), "nothing is known yet");
    feed.tell(&book, NOW).await.unwrap();
    assert!(decides(&book));
    let changes =
        [policy(ArbiterHome::Venue, 1), policy(ArbiterHome::Registrar, 0), policy(ArbiterHome::Local, 0), own(0, true)];
    for change in changes {
        feed.publish(&policy(ArbiterHome::Venue, 0));
        feed.publish(&own(0, false));
        feed.publish(&change);
        feed.tell(&book, NOW).await.unwrap();
        assert!(!decides(&book), "{change:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_book_follows_a_file_that_was_carried_here_and_an_older_one_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let mut feed = Feed::with_tickets(3);
    let (book, older) = (open(&home, &feed), feed.file(NOW));
    feed.publish(&ticket(1, TicketStatus::Suspended, Entries::ONCE));
    let take = async |file: Vec<u8>| carried(&book, file.as_slice(), home.path(), NOW).await;
    let cut = feed.file(NOW).split_last().map(|(_last, rest)| rest.to_vec()).unwrap();
    assert!(take(cut).await.is_err());
    assert_eq!(book.standing().position.length, 0);
    let ahead = take(feed.file(NOW.after(core::time::Duration::from_secs(3_600)))).await.unwrap();
    assert_eq!((ahead, book.standing().head), (Carried::DatedAhead { records: feed.reached.length }, None));
    assert_eq!(take(feed.file(NOW)).await.unwrap(), Carried::Followed { records: 0 });
    assert_eq!(take(older).await.unwrap(), Carried::Older);
    assert_eq!((book.standing().position, book.standing().head), (feed.reached, Some(NOW)));
    assert_eq!(book.facts(ticket_id(1)).unwrap().unwrap().status, TicketStatus::Suspended);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_epoch_takes_the_place_of_the_old_one_and_counts_who_it_tells_of() {
    let home = tempfile::tempdir().unwrap();
    let mut old = Feed::with_tickets(3);
    old.publish(&admission(1, ticket_id(0)));
    let book = open(&home, &old);
    old.tell(&book, NOW).await.unwrap();
    let mut new = Feed::anew(Epoch::new(5), 2);
    new.publish(&admission(2, ticket_id(1)));
    let take = async |book: &Book, feed: &Feed| carried(book, feed.file(NOW).as_slice(), home.path(), NOW).await;
    take(&book, &new).await.unwrap();
    let is_new = |book: &Book| {
        assert_eq!(book.standing().position, new.reached);
        let facts = book.facts(ticket_id(1)).unwrap().unwrap();
        assert_eq!(facts.newest.epoch, Epoch::new(5));
        assert_eq!(book.facts(ticket_id(2)).unwrap(), None, "nobody knows this ticket any more");
        assert_eq!(book.admitted(ticket_id(0)).unwrap(), None);
        let held = book.admitted(ticket_id(1)).unwrap().unwrap();
        assert!(matches!(held.state(), ClaimState::Inside(_)));
    };
    is_new(&book);
    assert!(take(&book, &old).await.is_err(), "there is no way back");
    book.close().unwrap();
    is_new(&open(&home, &old));
}
