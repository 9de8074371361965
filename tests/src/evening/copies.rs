//! Copies of the feed, held against one that followed all of it at once and never died.

use core::fmt;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use kido_arbiter::book::{Book, BookError, Followed as FollowedByBox};
use kido_follow::FeedCopy;
use kido_gate::replica::{Followed, Replica, ReplicaError};
use kido_shared::binding::BindingTag;
use kido_shared::clock::Timestamp;
use kido_shared::feed::{BindingRecord, FeedError, FeedRecord, FollowedTo, Follower, RecordCipher, SealedRecord};
use kido_shared::ids::{FeedSequence, TicketId};
use kido_store::HeldFolder;

/// A replica and a book as they are where nothing ever went wrong.
#[derive(Debug)]
pub struct Truth {
    /// What gates should know.
    pub replica: Replica,
    /// What boxes should know.
    pub book: Option<Book>,
    tickets: Vec<TicketId>,
    tags: Vec<BindingTag>,
}

/// A feed, as its registrar tells it.
#[derive(Debug, Clone)]
pub struct ToldFeed<'a> {
    /// The root key's word that began its epoch; nothing in the first one.
    pub cut: Option<&'a [u8]>,
    /// Its signed head.
    pub head: &'a [u8],
    /// Every record of the epoch.
    pub records: Vec<SealedRecord>,
}

impl ToldFeed<'_> {
    /// From where a copy that knows nothing follows it.
    fn begins_at<C: FeedCopy>(&self, copy: &C) -> Result<FollowedTo, FeedError> {
        let Some(cut) = self.cut else { return Ok(copy.position()) };
        let cut = copy.trust().verify_cut(cut)?;
        Ok(*Follower::resume(copy.trust().event(), copy.position()).cut(&cut)?.position())
    }
}

/// The feed cannot be followed from its beginning.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableFeed {
    /// By a gate.
    #[error("a new gate cannot follow the feed")]
    Gate(#[from] ReplicaError),
    /// By a box.
    #[error("a new box cannot follow the feed")]
    Box(#[from] BookError),
    /// A folder in memory keeps somebody waiting.
    #[error("memory is not written at once")]
    Unwritten,
}

impl Truth {
    /// Follows a whole feed to its head. What is compared afterwards: these tickets, and what lies on every card.
    ///
    /// # Errors
    /// [`UnreadableFeed`].
    pub fn of(
        feed: ToldFeed<'_>,
        (gate, arbiter): (Followed, Option<FollowedByBox>),
        tickets: Vec<TicketId>,
        now: Timestamp,
    ) -> Result<Self, UnreadableFeed> {
        let (event, subkey) = (gate.event, gate.subkeys.record.clone());
        let replica = Replica::open_held(&HeldFolder::new(), gate)?;
        let from = feed.begins_at(&replica).map_err(ReplicaError::from)?;
        let (head, records) = (feed.head, feed.records.clone());
        let tags = tags(&RecordCipher::new(&subkey, event, from.epoch), &records);
        let verified = replica.trust().verify_head(head, from, now).map_err(ReplicaError::from)?;
        let mut check = Follower::resume(event, from).begin(&verified).map_err(ReplicaError::from)?;
        check.extend(&records).map_err(ReplicaError::from)?;
        let mut span = check.finish().map_err(ReplicaError::from)?;
        replica.store_range(&mut span, records.clone())?;
        let book = match arbiter {
            Some(followed) => Some(read(followed, &feed, records, now)?),
            None => None,
        };
        Ok(Self { replica, book, tickets, tags })
    }

    /// Where a gate's copy differs.
    #[must_use]
    pub fn of_replica(&self, whose: &dyn fmt::Display, replica: &Replica) -> Vec<String> {
        let mut broken = Vec::new();
        if replica.position() != self.replica.position() {
            broken.push(format!("{whose} stands at {:?}, not {:?}", replica.position(), self.replica.position()));
        }
        for ticket in &self.tickets {
            let knows = |copy: &Replica| (copy.claim_facts(*ticket).ok().flatten(), copy.used(*ticket).ok());
            if knows(replica) != knows(&self.replica) {
                broken.push(format!("{whose} knows {:?}, not {:?}", knows(replica), knows(&self.replica)));
            }
        }
        for tag in &self.tags {
            // A key of the index for each card: it may be wrong where the tickets themselves are right.
            let found = |copy: &Replica| copy.look_up_tag(*tag).map(|found| format!("{found:?}")).ok();
            if found(replica) != found(&self.replica) {
                broken.push(format!("{whose} finds {:?} on a card, not {:?}", found(replica), found(&self.replica)));
            }
        }
        broken
    }

    /// Where a box's book differs.
    #[must_use]
    pub fn of_book(&self, whose: &dyn fmt::Display, book: &Book) -> Vec<String> {
        let Some(truth) = &self.book else { return vec![format!("{whose} follows a feed that knows no box")] };
        let mut broken = Vec::new();
        if book.standing().position != truth.standing().position {
            broken.push(format!("{whose} stands at {:?}", book.standing().position));
        }
        for ticket in &self.tickets {
            let facts = |book: &Book| book.facts(*ticket).ok();
            let admitted = |book: &Book| book.admitted(*ticket).ok();
            if facts(book) != facts(truth) {
                broken.push(format!("{whose} knows {:?}, not {:?}", facts(book), facts(truth)));
            }
            if admitted(book) != admitted(truth) {
                broken.push(format!("{whose} begins at {:?}, not {:?}", admitted(book), admitted(truth)));
            }
        }
        broken
    }
}

/// What is ready without anybody being woken.
fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// The cards that a ticket was ever bound to.
fn tags(cipher: &RecordCipher, records: &[SealedRecord]) -> Vec<BindingTag> {
    let opened = (0..).zip(records).map(|(number, sealed)| cipher.open(FeedSequence::new(number), sealed));
    let tags = opened.filter_map(|record| match record {
        Ok(FeedRecord::Binding(BindingRecord { bound, .. })) => bound.map(|(tag, _key)| tag),
        Ok(_) | Err(_) => None,
    });
    tags.collect()
}

fn read(
    followed: FollowedByBox,
    feed: &ToldFeed<'_>,
    records: Vec<SealedRecord>,
    now: Timestamp,
) -> Result<Book, UnreadableFeed> {
    let event = followed.event;
    let book = Book::open_held(&HeldFolder::new(), followed)?;
    let from = feed.begins_at(&book).map_err(BookError::from)?;
    let head = book.trust().verify_head(feed.head, from, now).map_err(BookError::from)?;
    let mut check = Follower::resume(event, from).begin(&head).map_err(BookError::from)?;
    check.extend(&records).map_err(BookError::from)?;
    let range = book.begin_range(&mut check.finish().map_err(BookError::from)?, records)?;
    at_once(book.finish_range(range)).ok_or(UnreadableFeed::Unwritten)??;
    Ok(book)
}
