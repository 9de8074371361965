//! An event whose claims are decided in the venue: gates with keys, tickets, and the feed that tells an arbiter of them.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use ed25519_dalek::SigningKey;
use kido_arbiter::book::{Book, Followed};
use kido_follow::FeedCopy as _;
use kido_shared::admission::DecidedOn;
use kido_shared::challenge::Origin;
use kido_shared::clock::{Clock as _, SystemClock, Timestamp};
use kido_shared::feed::{
    ArbiterRecord, FeedHead, FeedKeyStatement, FeedRecord, FollowedTo, Follower, GateRecord, RecordCipher,
    SealedRecord, TicketRecord,
};
use kido_shared::ids::{ArbiterId, Epoch, EventId, GateId, TicketId};
use kido_shared::keys::{ClaimKey, EventKey};
use kido_shared::policy::{ArbiterHome, ArbiterName, EventPolicy, OfflineChoice, PolicyDraft};
use kido_shared::ticket::{Entries, EntryWindow, SeatLabel, TicketStatus, Zone};
use kido_shared::wire::v1::admissions::AskedArbiter;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The event, as its registrar and its gates know it.
pub(crate) struct MadeVenue {
    pub(crate) event: EventId,
    pub(crate) asked: AskedArbiter,
    pub(crate) gates: Vec<(GateId, SigningKey)>,
    pub(crate) tickets: Vec<(TicketId, DecidedOn)>,
    arbiters: Vec<ArbiterId>,
    key: EventKey,
    root: SigningKey,
    feed_key: SigningKey,
    records: Vec<SealedRecord>,
    reached: FollowedTo,
    now: Timestamp,
}

impl MadeVenue {
    /// One whose claims one box decides.
    pub(crate) fn make(gates: usize, tickets: usize, address: &Origin) -> anyhow::Result<Self> {
        Self::make_of(gates, tickets, (core::slice::from_ref(address), false))
    }

    /// One whose claims several boxes decide, on records that they share.
    pub(crate) fn make_shared(gates: usize, tickets: usize, addresses: &[Origin]) -> anyhow::Result<Self> {
        Self::make_of(gates, tickets, (addresses, true))
    }

    fn make_of(gates: usize, tickets: usize, (addresses, shared): (&[Origin], bool)) -> anyhow::Result<Self> {
        let mut random = StdRng::seed_from_u64(3);
        let event = EventId::generate(&mut random);
        let asked = AskedArbiter { cluster: ArbiterId::generate(&mut random), epoch: 0 };
        let mut made = Self {
            event,
            asked,
            gates: Vec::with_capacity(gates),
            tickets: Vec::with_capacity(tickets),
            arbiters: addresses.iter().map(|_address| ArbiterId::generate(&mut random)).collect(),
            key: EventKey::generate(&mut random),
            root: SigningKey::generate(&mut random),
            feed_key: SigningKey::generate(&mut random),
            records: Vec::new(),
            reached: FollowedTo::start(event, Epoch::FIRST),
            now: SystemClock.now(),
        };
        made.push(&FeedRecord::Policy(made.policy()?))?;
        let AskedArbiter { cluster, epoch } = asked;
        for (arbiter, address) in made.arbiters.clone().into_iter().zip(addresses) {
            let (addresses, revoked) = (vec![address.clone()], false);
            made.push(&FeedRecord::Arbiter(ArbiterRecord { arbiter, cluster, epoch, addresses, revoked, shared }))?;
        }
        let zone = Zone::new("A")?;
        for _gate in 0..gates {
            let (gate, key) = (GateId::generate(&mut random), SigningKey::generate(&mut random));
            let (verifying_key, entrance) = (key.verifying_key().to_bytes(), zone.clone());
            let (zone, revoked) = (zone.clone(), false);
            made.push(&FeedRecord::Gate(GateRecord { gate, verifying_key, zone, entrance, revoked }))?;
            made.gates.push((gate, key));
        }
        let window = EntryWindow::new(made.now.before(DAY), made.now.after(DAY))?;
        for _ticket in 0..tickets {
            let (ticket, at) = (TicketId::generate(&mut random), made.reached.next());
            let (status, entries, party) = (TicketStatus::InForce, Entries::ONCE, None);
            let (zone, seat_label) = (zone.clone(), SeatLabel::new("1階 3列 12番")?);
            made.push(&FeedRecord::Ticket(TicketRecord { ticket, status, zone, seat_label, window, entries, party }))?;
            made.tickets.push((ticket, DecidedOn { ticket: at, binding: at, epoch: Epoch::FIRST }));
        }
        Ok(made)
    }

    fn policy(&self) -> anyhow::Result<EventPolicy> {
        let AskedArbiter { cluster, epoch } = self.asked;
        let arbiter = ArbiterName { home: ArbiterHome::Venue, cluster, epoch };
        let draft = PolicyDraft::new("木戸の夕べ", (self.now, self.now.after(DAY)), OfflineChoice::Refuse, arbiter);
        Ok(EventPolicy::new(PolicyDraft { tickets_per_card: 4, ..draft })?)
    }

    fn push(&mut self, record: &FeedRecord) -> anyhow::Result<()> {
        let cipher = RecordCipher::new(&self.key.record(), self.event, Epoch::FIRST);
        let sealed = cipher.seal(self.reached.next(), record)?;
        self.reached = self.reached.extend(&sealed);
        self.records.push(sealed);
        Ok(())
    }

    /// What names the arbiter's records.
    pub(crate) fn names(&self) -> ClaimKey {
        self.key.claim()
    }

    /// The first box's book, which has followed the feed to its end.
    pub(crate) async fn book(&self, folder: &Path) -> anyhow::Result<Book> {
        self.book_of(0, folder).await
    }

    /// The book of the box with that number.
    pub(crate) async fn book_of(&self, number: usize, folder: &Path) -> anyhow::Result<Book> {
        let statement = FeedKeyStatement {
            event: self.event,
            verifying_key: self.feed_key.verifying_key().to_bytes(),
            valid_from: self.now.before(DAY),
            valid_until: self.now.after(DAY),
            revokes_before: None,
        };
        let followed = Followed {
            event: self.event,
            arbiter: *self.arbiters.get(number).context("no such box")?,
            root: self.root.verifying_key(),
            feed_key: statement.sign(&self.root)?,
            records: self.key.record(),
        };
        let book = Book::open(folder, followed)?;
        let head = FeedHead::issue(self.event, self.reached, self.now).sign(&self.feed_key)?.into_bytes();
        let head = book.trust().verify_head(&head, book.position(), self.now)?;
        let mut check = Follower::resume(self.event, book.position()).begin(&head)?;
        let mut ranges = Vec::new();
        while let Some(need) = check.need() {
            let from = usize::try_from(need.range * kido_shared::limits::FEED_RANGE_RECORDS + need.skip)?;
            let range = self.records.get(from..from + usize::try_from(need.take)?).context("no such records")?.to_vec();
            check.extend(&range)?;
            ranges.push(range);
        }
        let mut span = check.finish()?;
        for range in ranges {
            let under_way = book.begin_range(&mut span, range)?;
            book.finish_range(under_way).await?;
        }
        book.note_head(&head).await?;
        Ok(book)
    }
}
