mod exchange;

use ed25519_dalek::SigningKey;
use kido_shared::admission::{Admission, AdmissionBasis};
use kido_shared::binding::{BindingTag, SealedKey};
use kido_shared::feed::{
    Annulled, BindingRecord, EpochCut, FeedHead, FeedKeyStatement, FeedRecord, GateRecord, TicketRecord,
};
use kido_shared::ids::{AdmissionId, ArbiterId, TicketId};
use kido_shared::keys::EventKey;
use kido_shared::policy::{ArbiterHome, ArbiterName, EventPolicy, OfflineChoice, PolicyDraft};
use kido_shared::ticket::{Entries, EntryWindow, SeatLabel, TicketStatus, Zone};
use kido_shared::verdict::Used;

use super::*;

pub(crate) const EVENT: EventId = EventId::from_bytes([0xE1; 16]);
pub(crate) const GATE: GateId = GateId::from_bytes([0x6A; 16]);
pub(crate) const NOW: Timestamp = Timestamp::from_unix_seconds(1_790_000_000);

/// A registrar's half of a feed, in memory.
#[derive(Clone)]
pub(crate) struct Feed {
    pub(crate) event: EventId,
    root: SigningKey,
    key: SigningKey,
    event_key: EventKey,
    pub(crate) records: Vec<SealedRecord>,
    pub(crate) reached: FollowedTo,
}

impl Feed {
    pub(crate) fn new(event: EventId) -> Self {
        Self {
            event,
            root: SigningKey::from_bytes(&[1; 32]),
            key: SigningKey::from_bytes(&[2; 32]),
            event_key: EventKey::from_bytes([3; 32]),
            records: Vec::new(),
            reached: FollowedTo::start(event, Epoch::FIRST),
        }
    }

    /// An event with its policy, two gates, and so many bound tickets.
    pub(crate) fn with_tickets(count: u32) -> Self {
        let mut feed = Self::new(EVENT);
        feed.publish(&FeedRecord::Policy(policy(OfflineChoice::Refuse)));
        feed.publish(&FeedRecord::Gate(gate(GATE, "A", false)));
        feed.publish(&FeedRecord::Gate(gate(GateId::from_bytes([0x6B; 16]), "B", false)));
        for number in 0..count {
            feed.publish(&FeedRecord::Ticket(ticket(number)));
            feed.publish(&FeedRecord::Binding(binding(number, Some(number))));
        }
        feed
    }

    /// The same event, begun anew in another epoch with so many bound tickets.
    pub(crate) fn anew(epoch: Epoch, count: u32) -> Self {
        let mut feed = Self { reached: FollowedTo::start(EVENT, epoch), ..Self::new(EVENT) };
        feed.publish(&FeedRecord::Policy(policy(OfflineChoice::Admit)));
        feed.publish(&FeedRecord::Gate(gate(GATE, "A", false)));
        for number in 0..count {
            feed.publish(&FeedRecord::Ticket(ticket(number)));
            feed.publish(&FeedRecord::Binding(binding(number, Some(number))));
        }
        feed
    }

    /// The root's word for its epoch.
    pub(crate) fn cut(&self) -> Vec<u8> {
        let cut = EpochCut { event: self.event, epoch: self.reached.epoch, at: NOW };
        cut.sign(&self.root).unwrap().into_bytes()
    }

    pub(crate) fn publish(&mut self, record: &FeedRecord) {
        let cipher = RecordCipher::new(&self.event_key.record(), self.event, self.reached.epoch);
        let sealed = cipher.seal(self.reached.next(), record).unwrap();
        self.reached = self.reached.extend(&sealed);
        self.records.push(sealed);
    }

    pub(crate) fn head(&self, now: Timestamp) -> Vec<u8> {
        FeedHead::issue(self.event, self.reached, now).sign(&self.key).unwrap().into_bytes()
    }

    pub(crate) fn certificate(&self) -> FeedKeyCertificate {
        let statement = FeedKeyStatement {
            event: self.event,
            verifying_key: self.key.verifying_key().to_bytes(),
            valid_from: NOW.before(core::time::Duration::from_secs(86_400)),
            valid_until: NOW.after(core::time::Duration::from_secs(86_400)),
            revokes_before: None,
        };
        statement.sign(&self.root).unwrap()
    }

    pub(crate) fn followed(&self) -> Followed {
        Followed {
            event: self.event,
            gate: GATE,
            root: self.root.verifying_key(),
            feed_key: self.certificate(),
            subkeys: self.event_key.for_gate(),
        }
    }
}

pub(crate) fn policy(offline: OfflineChoice) -> EventPolicy {
    let arbiter = ArbiterName { home: ArbiterHome::Registrar, cluster: ArbiterId::from_bytes([3; 16]), epoch: 0 };
    let dates = (NOW, NOW.after(core::time::Duration::from_secs(10_000)));
    let retention_at = NOW.after(core::time::Duration::from_secs(1_000_000));
    let draft = PolicyDraft::new("千穐楽", dates, offline, arbiter);
    EventPolicy::new(PolicyDraft { retention_at, tickets_per_card: 4, ..draft }).unwrap()
}

pub(crate) fn gate(gate: GateId, zone: &str, revoked: bool) -> GateRecord {
    let zone = Zone::new(zone).unwrap();
    GateRecord { gate, verifying_key: [7; 32], zone: zone.clone(), entrance: zone, revoked }
}

pub(crate) fn ticket_id(number: u32) -> TicketId {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    TicketId::from_bytes(bytes)
}

pub(crate) fn tag(number: u32) -> BindingTag {
    let mut bytes = [0xAA; 32];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    BindingTag::from_bytes(bytes)
}

pub(crate) fn ticket(number: u32) -> TicketRecord {
    TicketRecord {
        ticket: ticket_id(number),
        status: TicketStatus::InForce,
        zone: Zone::new("A").unwrap(),
        seat_label: SeatLabel::new("Block 12, row 3").unwrap(),
        window: EntryWindow::new(NOW, NOW.after(core::time::Duration::from_secs(3_600))).unwrap(),
        entries: Entries::ONCE,
        party: None,
    }
}

pub(crate) fn binding(number: u32, card: Option<u32>) -> BindingRecord {
    let sealed = |_card| SealedKey::try_from(vec![0x5E; 79]).unwrap();
    BindingRecord { ticket: ticket_id(number), bound: card.map(|card| (tag(card), sealed(card))) }
}

fn admission(number: u32, id: u8, entry: u32) -> Admission {
    Admission {
        id: AdmissionId::from_bytes([id; 16]),
        ticket: ticket_id(number),
        gate: GATE,
        entry,
        at: NOW,
        basis: AdmissionBasis::Claimed,
    }
}

fn open(home: &tempfile::TempDir, feed: &Feed) -> Replica {
    Replica::open(&home.path().join("replica"), feed.followed()).unwrap()
}

/// Follows a feed to its end, as the sync does.
pub(crate) fn follow(replica: &Replica, feed: &Feed, records: &[SealedRecord]) -> Result<(), ReplicaError> {
    let head = replica.verify_head(&feed.head(NOW), NOW)?;
    let mut check = replica.begin(&head)?;
    let mut ranges = Vec::new();
    while let Some(need) = check.need() {
        let from = usize::try_from(need.range * 1_024 + need.skip).unwrap();
        let to = (from + usize::try_from(need.take).unwrap()).min(records.len());
        let range = records.get(from..to).unwrap_or_default().to_vec();
        check.extend(&range)?;
        ranges.push(range);
    }
    if ranges.is_empty() {
        return Ok(());
    }
    let mut span = check.finish()?;
    ranges.into_iter().try_for_each(|range| replica.store_range(&mut span, range))
}

#[test]
fn a_replica_finds_a_cards_tickets_and_reads_back_after_a_restart() {
    let home = tempfile::tempdir().unwrap();
    let mut feed = Feed::with_tickets(700);
    let replica = open(&home, &feed);
    follow(&replica, &feed, &feed.records).unwrap();
    feed.publish(&FeedRecord::Binding(binding(3, Some(2))));
    follow(&replica, &feed, &feed.records).unwrap();
    for restart in [false, true] {
        let replica = if restart {
            replica.clone().close().unwrap();
            open(&home, &feed)
        } else {
            replica.clone()
        };
        let found = replica.look_up_tag(tag(2)).unwrap();
        let ids: Vec<_> = found.iter().map(|found| found.ticket.record.ticket).collect();
        assert_eq!(ids, [ticket_id(2), ticket_id(3)], "two tickets on one card");
        assert!(replica.look_up_tag(tag(3)).unwrap().is_empty(), "the card that the ticket was bound to before");
        assert!(replica.look_up_tag(tag(9_999)).unwrap().is_empty());
        assert_eq!(replica.position(), feed.reached);
        let facts = replica.claim_facts(ticket_id(3)).unwrap().unwrap();
        assert_eq!(facts.newest.binding.get() + 1, feed.reached.length);
    }
}

#[test]
fn two_cards_whose_tags_begin_alike_keep_their_tickets_apart() {
    let home = tempfile::tempdir().unwrap();
    let mut feed = Feed::with_tickets(3);
    let alike = |last: u8| {
        let mut bytes = [0xBB; 32];
        bytes[31] = last;
        BindingTag::from_bytes(bytes)
    };
    let sealed = || SealedKey::try_from(vec![0x5E; 79]).unwrap();
    let bound =
        |number: u32, last: u8| BindingRecord { ticket: ticket_id(number), bound: Some((alike(last), sealed())) };
    let found = |replica: &Replica, last: u8| -> Vec<TicketId> {
        let found = replica.look_up_tag(alike(last)).unwrap();
        found.iter().map(|found| found.ticket.record.ticket).collect()
    };
    let replica = open(&home, &feed);
    for (number, last) in [(0, 1), (1, 2), (2, 1)] {
        feed.publish(&FeedRecord::Binding(bound(number, last)));
    }
    follow(&replica, &feed, &feed.records).unwrap();
    assert_eq!(found(&replica, 1), [ticket_id(0), ticket_id(2)]);
    assert_eq!(found(&replica, 2), [ticket_id(1)]);
    assert_eq!(found(&replica, 3), []);
    feed.publish(&FeedRecord::Binding(bound(2, 2)));
    follow(&replica, &feed, &feed.records).unwrap();
    assert_eq!((found(&replica, 1), found(&replica, 2)), (vec![ticket_id(0)], vec![ticket_id(1), ticket_id(2)]));
}

#[test]
fn an_altered_shortened_forked_or_foreign_feed_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let feed = Feed::with_tickets(600);
    let replica = open(&home, &feed);
    follow(&replica, &feed, &feed.records).unwrap();
    let (before, mut longer) = (replica.position(), feed);
    longer.publish(&FeedRecord::Ticket(TicketRecord { status: TicketStatus::Suspended, ..ticket(1) }));
    longer.publish(&FeedRecord::Ticket(ticket(2)));

    let mut altered = longer.records.clone();
    let mut bytes = altered.last().unwrap().as_bytes().to_vec();
    bytes[0] ^= 1;
    *altered.last_mut().unwrap() = SealedRecord::from_bytes(bytes).unwrap();
    assert!(matches!(follow(&replica, &longer, &altered), Err(ReplicaError::Feed(FeedError::Forked { .. }))));

    let cut = &longer.records[..longer.records.len() - 1];
    assert!(matches!(follow(&replica, &longer, cut), Err(ReplicaError::Feed(FeedError::RangeLength { .. }))));

    let shorter = Feed::with_tickets(500);
    assert!(matches!(
        follow(&replica, &shorter, &shorter.records),
        Err(ReplicaError::Feed(FeedError::Shortened { .. }))
    ));

    let mut forked = Feed::with_tickets(599);
    forked.publish(&FeedRecord::Ticket(ticket(1)));
    forked.publish(&FeedRecord::Ticket(ticket(1)));
    assert!(matches!(follow(&replica, &forked, &forked.records), Err(ReplicaError::Feed(FeedError::Forked { .. }))));

    let other = Feed::new(EventId::from_bytes([0xE2; 16]));
    assert!(matches!(replica.verify_head(&other.head(NOW), NOW), Err(ReplicaError::Feed(_))));
    let stranger = Feed { key: SigningKey::from_bytes(&[9; 32]), ..longer.clone() };
    assert!(matches!(
        replica.verify_head(&stranger.head(NOW), NOW),
        Err(ReplicaError::Feed(FeedError::Signature { .. }))
    ));

    assert_eq!(replica.position(), before);
    assert_eq!(replica.look_up_tag(tag(1)).unwrap()[0].ticket.record.status, TicketStatus::InForce);
    follow(&replica, &longer, &longer.records).unwrap();
    assert_eq!(replica.look_up_tag(tag(1)).unwrap()[0].ticket.record.status, TicketStatus::Suspended);
}

#[test]
fn records_that_somebody_else_stored_first_are_not_stored_twice() {
    let home = tempfile::tempdir().unwrap();
    let feed = Feed::with_tickets(10);
    let replica = open(&home, &feed);
    let head = replica.verify_head(&feed.head(NOW), NOW).unwrap();
    let span = || {
        let mut check = replica.begin(&head).unwrap();
        check.extend(&feed.records).unwrap();
        check.finish().unwrap()
    };
    let (mut first, mut second) = (span(), span());
    replica.store_range(&mut first, feed.records.clone()).unwrap();
    assert!(matches!(replica.store_range(&mut second, feed.records.clone()), Err(ReplicaError::Overtaken)));
    assert_eq!(replica.position(), feed.reached);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_age_of_a_replica_is_the_age_of_its_head_also_after_a_restart() {
    let home = tempfile::tempdir().unwrap();
    let feed = Feed::with_tickets(1);
    let replica = open(&home, &feed);
    assert_eq!(replica.standing().age(NOW), core::time::Duration::MAX);
    let early = replica.verify_head(&feed.head(NOW), NOW).unwrap();
    replica.note_head(&early, NOW).await.unwrap();
    assert_eq!(replica.standing().head, None, "a head that was not reached says nothing of what is known");
    tokio::task::block_in_place(|| follow(&replica, &feed, &feed.records)).unwrap();
    let minute = core::time::Duration::from_secs(60);
    let expired = replica.verify_head(&feed.head(NOW.before(20 * minute)), NOW).unwrap();
    assert!(expired.is_expired(NOW));
    replica.note_head(&expired, NOW).await.unwrap();
    assert_eq!(replica.standing().age(NOW), 20 * minute, "an expired head is believed and shows its age");
    replica.note_head(&early, NOW).await.unwrap();
    replica.note_head(&expired, NOW).await.unwrap();
    assert_eq!(replica.standing().age(NOW.after(minute)), minute, "an older head makes nothing older");
    tokio::task::block_in_place(|| replica.close()).unwrap();
    let reopened = tokio::task::block_in_place(|| open(&home, &feed));
    assert_eq!(reopened.standing().age(NOW.after(minute)), minute);
}

#[test]
fn a_revoked_gate_learns_it_and_its_zone_loses_it() {
    let home = tempfile::tempdir().unwrap();
    let mut feed = Feed::with_tickets(1);
    let replica = open(&home, &feed);
    follow(&replica, &feed, &feed.records).unwrap();
    assert!(replica.standing().zone_has_one_gate());
    assert_eq!(replica.standing().gates, 2);
    feed.publish(&FeedRecord::Gate(gate(GateId::from_bytes([0x6C; 16]), "A", false)));
    follow(&replica, &feed, &feed.records).unwrap();
    assert!(!replica.standing().zone_has_one_gate());
    feed.publish(&FeedRecord::Gate(gate(GATE, "A", true)));
    follow(&replica, &feed, &feed.records).unwrap();
    assert!(replica.standing().is_revoked());
}

#[test]
fn what_happened_elsewhere_is_told_by_the_feed_and_what_happened_here_by_the_journal() {
    let home = tempfile::tempdir().unwrap();
    let mut feed = Feed::with_tickets(1);
    let replica = open(&home, &feed);
    let own = AdmissionId::from_bytes([1; 16]);
    let used = |replica: &Replica, own: Used| replica.look_up_tag(tag(0)).unwrap().remove(0).with_own(own).used;
    follow(&replica, &feed, &feed.records).unwrap();
    let stored = Used::StoredNotOpened { admission: own };
    assert_eq!(used(&replica, Used::Never), Used::Never);
    assert_eq!(used(&replica, stored), stored, "not uploaded yet");

    feed.publish(&FeedRecord::Admission(admission(0, 1, 1)));
    follow(&replica, &feed, &feed.records).unwrap();
    let inside = Used::Inside { entry: 1, admission: own, gate: GATE, at: NOW };
    assert_eq!(used(&replica, Used::Never), inside);
    assert_eq!(used(&replica, stored), stored, "the feed does not know whether the lane opened");

    let annulled = Annulled { admission: own, ticket: ticket_id(0), gate: GATE, at: NOW };
    feed.publish(&FeedRecord::Annulled(annulled));
    follow(&replica, &feed, &feed.records).unwrap();
    assert_eq!(used(&replica, stored), Used::Never, "settled elsewhere");

    feed.publish(&FeedRecord::Admission(admission(0, 2, 1)));
    follow(&replica, &feed, &feed.records).unwrap();
    let elsewhere = Used::Inside { entry: 1, admission: AdmissionId::from_bytes([2; 16]), gate: GATE, at: NOW };
    assert_eq!(used(&replica, stored), elsewhere);
}

#[test]
fn what_was_followed_can_be_proved_later_by_the_head_that_it_led_to() {
    let home = tempfile::tempdir().unwrap();
    let mut feed = Feed::with_tickets(600);
    let replica = open(&home, &feed);
    assert_eq!(replica.signed_head().unwrap(), None);
    let told = |replica: &Replica, feed: &Feed| {
        let signed = feed.head(NOW);
        replica.reaching(&replica.verify_head(&signed, NOW).unwrap(), &signed);
        signed
    };
    let first = told(&replica, &feed);
    assert_eq!(replica.signed_head().unwrap(), None, "nothing was reached yet");
    follow(&replica, &feed, &feed.records).unwrap();
    assert_eq!(replica.signed_head().unwrap(), Some(first.clone()));
    let until = feed.records.len();
    feed.publish(&FeedRecord::Binding(binding(3, Some(2))));
    let unreached = told(&replica, &feed);
    assert_eq!(replica.signed_head().unwrap(), Some(first), "one that was only heard of proves nothing");
    let tail = replica.proved_tail(1_100).unwrap();
    assert_eq!((tail.from, tail.records.as_slice()), (1_100, &feed.records[1_100..until]));
    follow(&replica, &feed, &feed.records).unwrap();
    replica.close().unwrap();
    let replica = open(&home, &feed);
    assert_eq!(replica.signed_head().unwrap(), Some(unreached), "after a power cut, too");
    assert_eq!(replica.proved_tail(0).unwrap().records, feed.records);
}
