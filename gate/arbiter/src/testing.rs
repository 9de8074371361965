//! A registrar's half of a feed, in memory, and an arbiter that follows it.

use core::time::Duration;
use std::sync::Arc;

use ed25519_dalek::SigningKey;
use kido_follow::{FeedCopy as _, PullNow, Pulls};
use kido_shared::binding::{BindingTag, SealedKey};
use kido_shared::carried::{FeedFileBegin, items};
use kido_shared::challenge::Origin;
use kido_shared::claim::rate::Paces;
use kido_shared::clock::{Clock, ManualClock, Timestamp};
use kido_shared::feed::{
    ArbiterRecord, BindingRecord, EpochCut, FeedHead, FeedKeyStatement, FeedRecord, FollowedTo, Follower, GateRecord,
    RecordCipher, SealedRecord, TicketRecord, VerifiedHead, encode_range,
};
use kido_shared::ids::{ArbiterId, Epoch, EventId, GateId, TicketId};
use kido_shared::keys::EventKey;
use kido_shared::policy::{ArbiterHome, ArbiterName, EventPolicy, OfflineChoice, PolicyDraft};
use kido_shared::ticket::{Entries, EntryWindow, SeatLabel, TicketStatus, Zone};

use crate::book::{Book, BookError, Followed};
use crate::decide::{Arbiter, Parts};
use crate::records::{ClaimRecords, HeldRecords};

pub(crate) const EVENT: EventId = EventId::from_bytes([0xE1; 16]);
pub(crate) const BOX: ArbiterId = ArbiterId::from_bytes([0xAB; 16]);
pub(crate) const CLUSTER: ArbiterId = ArbiterId::from_bytes([0xC1; 16]);
pub(crate) const ADDRESS: &str = "https://arbiter.example";
pub(crate) const GATES: [GateId; 2] = [GateId::from_bytes([0x6A; 16]), GateId::from_bytes([0x6B; 16])];
pub(crate) const NOW: Timestamp = Timestamp::from_unix_seconds(1_790_000_000);

pub(crate) fn gate_key(gate: GateId) -> SigningKey {
    SigningKey::from_bytes(&[gate.as_bytes()[0]; 32])
}

pub(crate) fn gate(gate: GateId, revoked: bool) -> FeedRecord {
    let zone = Zone::new("A").unwrap();
    let verifying_key = gate_key(gate).verifying_key().to_bytes();
    FeedRecord::Gate(GateRecord { gate, verifying_key, zone: zone.clone(), entrance: zone, revoked })
}

pub(crate) fn ticket_id(number: u8) -> TicketId {
    TicketId::from_bytes([number; 16])
}

pub(crate) fn ticket(number: u8, status: TicketStatus, entries: Entries) -> FeedRecord {
    FeedRecord::Ticket(TicketRecord {
        ticket: ticket_id(number),
        status,
        zone: Zone::new("A").unwrap(),
        seat_label: SeatLabel::new("Block 12, row 3").unwrap(),
        window: EntryWindow::new(NOW, NOW.after(Duration::from_secs(3_600))).unwrap(),
        entries,
        party: None,
    })
}

fn binding(number: u8) -> FeedRecord {
    let bound = (BindingTag::from_bytes([number; 32]), SealedKey::try_from(vec![0x5E; 79]).unwrap());
    FeedRecord::Binding(BindingRecord { ticket: ticket_id(number), bound: Some(bound) })
}

pub(crate) fn policy(home: ArbiterHome, epoch: u32) -> FeedRecord {
    let dates = (NOW, NOW.after(Duration::from_secs(10_000)));
    let retention_at = NOW.after(Duration::from_secs(1_000_000));
    let arbiter = ArbiterName { home, cluster: CLUSTER, epoch };
    let draft = PolicyDraft::new("千穐楽", dates, OfflineChoice::Refuse, arbiter);
    FeedRecord::Policy(EventPolicy::new(PolicyDraft { retention_at, tickets_per_card: 4, ..draft }).unwrap())
}

pub(crate) fn own(epoch: u32, revoked: bool) -> FeedRecord {
    own_as(epoch, revoked, false)
}

/// The same box as one of several that share their records.
pub(crate) fn own_shared() -> FeedRecord {
    own_as(0, false, true)
}

fn own_as(epoch: u32, revoked: bool, shared: bool) -> FeedRecord {
    let addresses = vec![Origin::parse(ADDRESS).unwrap()];
    FeedRecord::Arbiter(ArbiterRecord { arbiter: BOX, cluster: CLUSTER, epoch, addresses, revoked, shared })
}

/// The feed as its registrar has it.
pub(crate) struct Feed {
    root: SigningKey,
    key: SigningKey,
    event_key: EventKey,
    pub(crate) records: Vec<SealedRecord>,
    pub(crate) reached: FollowedTo,
}

impl Feed {
    /// An event with its policy, its arbiter, two gates, and so many bound tickets.
    pub(crate) fn with_tickets(count: u8) -> Self {
        Self::anew(Epoch::FIRST, count)
    }

    /// The same in that epoch.
    pub(crate) fn anew(epoch: Epoch, count: u8) -> Self {
        let mut feed = Self {
            root: SigningKey::from_bytes(&[1; 32]),
            key: SigningKey::from_bytes(&[2; 32]),
            event_key: EventKey::from_bytes([3; 32]),
            records: Vec::new(),
            reached: FollowedTo::start(EVENT, epoch),
        };
        feed.publish(&policy(ArbiterHome::Venue, 0));
        feed.publish(&own(0, false));
        for of_event in GATES {
            feed.publish(&gate(of_event, false));
        }
        for number in 0..count {
            feed.publish(&ticket(number, TicketStatus::InForce, Entries::ONCE));
            feed.publish(&binding(number));
        }
        feed
    }

    pub(crate) fn publish(&mut self, record: &FeedRecord) {
        let cipher = RecordCipher::new(&self.event_key.record(), EVENT, self.reached.epoch);
        let sealed = cipher.seal(self.reached.next(), record).unwrap();
        self.reached = self.reached.extend(&sealed);
        self.records.push(sealed);
    }

    pub(crate) fn followed(&self) -> Followed {
        let statement = FeedKeyStatement {
            event: EVENT,
            verifying_key: self.key.verifying_key().to_bytes(),
            valid_from: NOW.before(Duration::from_secs(86_400)),
            valid_until: NOW.after(Duration::from_secs(86_400)),
            revokes_before: None,
        };
        Followed {
            event: EVENT,
            arbiter: BOX,
            root: self.root.verifying_key(),
            feed_key: statement.sign(&self.root).unwrap(),
            records: self.event_key.for_arbiter().record,
        }
    }

    /// The same as somebody carries it, signed then.
    pub(crate) fn file(&self, at: Timestamp) -> Vec<u8> {
        let FollowedTo { epoch, length, .. } = self.reached;
        let head = FeedHead::issue(EVENT, self.reached, at).sign(&self.key).unwrap().into_bytes();
        let begin = FeedFileBegin { event: EVENT, epoch, length };
        let certificate = self.followed().feed_key.as_bytes().to_vec();
        let cut = || EpochCut { event: EVENT, epoch, at: NOW }.sign(&self.root).unwrap().into_bytes();
        let before = [begin.encode(), certificate].into_iter().chain(begin.carries_cut().then(cut));
        let parts = before.chain([head, encode_range(&self.records).unwrap()]);
        parts.flat_map(|part| [items::head(part.len()).unwrap(), part].concat()).collect()
    }

    fn head(&self, book: &Book, at: Timestamp) -> VerifiedHead {
        let head = FeedHead::issue(EVENT, self.reached, at).sign(&self.key).unwrap().into_bytes();
        book.trust().verify_head(&head, book.position(), at).unwrap()
    }

    /// Brings a book to the feed's end, as following does.
    pub(crate) async fn tell(&self, book: &Book, at: Timestamp) -> Result<(), BookError> {
        let head = self.head(book, at);
        let mut check = Follower::resume(EVENT, book.position()).begin(&head)?;
        let from = usize::try_from(book.position().length).unwrap();
        let news = self.records[from..].to_vec();
        if !news.is_empty() {
            check.extend(&news)?;
            let range = book.begin_range(&mut check.finish()?, news)?;
            book.finish_range(range).await?;
        }
        book.note_head(&head).await
    }
}

/// An arbiter, and the feed that it follows.
pub(crate) struct Venue<R = HeldRecords> {
    pub(crate) home: tempfile::TempDir,
    pub(crate) feed: Feed,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) arbiter: Arc<Arbiter<R>>,
    pub(crate) pulls: Pulls,
}

impl Venue {
    pub(crate) async fn new(tickets: u8) -> Self {
        Self::with(Feed::with_tickets(tickets), HeldRecords::default(), Paces::LANE).await
    }
}

impl<R: ClaimRecords> Venue<R> {
    pub(crate) async fn with(feed: Feed, records: R, paces: Paces) -> Self {
        let home = tempfile::tempdir().unwrap();
        let book = Book::open(&home.path().join("book"), feed.followed()).unwrap();
        feed.tell(&book, NOW).await.unwrap();
        let clock = Arc::new(ManualClock::at(NOW));
        let (pull, pulls) = PullNow::new();
        let parts = Parts { book, records, names: feed.event_key.claim(), paces, pull };
        let arbiter = Arc::new(Arbiter::new(parts, Arc::clone(&clock) as Arc<dyn Clock>));
        Self { home, feed, clock, arbiter, pulls }
    }

    /// Publishes, and lets the arbiter hear of it.
    pub(crate) async fn publish(&mut self, record: &FeedRecord) {
        self.feed.publish(record);
        self.feed.tell(self.arbiter.book(), self.clock.now()).await.unwrap();
    }
}
