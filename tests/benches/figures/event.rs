//! An event that is made up here: keys, policy, one gate, and as many bound tickets as wanted, as a real signed feed.

use std::time::Duration;

use anyhow::Context as _;
use ed25519_dalek::SigningKey;
use kido_gate::identity::{Enrolment, Identity};
use kido_gate::replica::{Followed, Replica};
use kido_shared::binding::SealedKey;
use kido_shared::certificate::{PlacedKey, SubjectPublicKey};
use kido_shared::challenge::Origin;
use kido_shared::clock::{Clock as _, SystemClock, Timestamp};
use kido_shared::enrolment::OwnKeys;
use kido_shared::feed::{
    BindingRecord, FeedHead, FeedKeyCertificate, FeedKeyStatement, FeedRecord, FollowedTo, GateRecord, RangeNeed,
    RecordCipher, SealedRecord, SignedHead, TicketRecord,
};
use kido_shared::ids::{ArbiterId, Epoch, EventId, GateId, TicketId};
use kido_shared::keys::{EventKey, GateSubkeys};
use kido_shared::limits::FEED_RANGE_RECORDS;
use kido_shared::policy::{ArbiterHome, ArbiterName, EventPolicy, OfflineChoice, PolicyDraft};
use kido_shared::ticket::{Entries, EntryWindow, SeatLabel, TicketStatus, Zone};
use rand::rngs::StdRng;
use rand::{Rng as _, RngCore as _, SeedableRng as _};
use tokio::runtime::Runtime;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Offset of the key in the specimen's file, as on every card with a serial of that length.
const KEY_BEGINS: u8 = 252;

/// `SubjectPublicKeyInfo` of RSA-2048 up to the modulus, its sign byte included (RFC 8017 A.1.1), and behind it.
const SPKI_PREFIX: [u8; 33] = [
    0x30, 0x82, 0x01, 0x22, 0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00,
    0x03, 0x82, 0x01, 0x0F, 0x00, 0x30, 0x82, 0x01, 0x0A, 0x02, 0x82, 0x01, 0x01, 0x00,
];
const SPKI_SUFFIX: [u8; 5] = [0x02, 0x03, 0x01, 0x00, 0x01];

/// An event with its feed.
pub(crate) struct MadeEvent {
    pub(crate) event: EventId,
    pub(crate) gate: GateId,
    pub(crate) subkeys: GateSubkeys,
    gate_keys: OwnKeys,
    root: SigningKey,
    feed_key: SigningKey,
    pub(crate) certificate: FeedKeyCertificate,
    cipher: RecordCipher,
    records: Vec<SealedRecord>,
    reached: FollowedTo,
    random: StdRng,
    now: Timestamp,
}

impl MadeEvent {
    /// An event with a policy and one gate; the same keys and tickets for the same seed.
    pub(crate) fn begin(seed: u64) -> anyhow::Result<Self> {
        let mut random = StdRng::seed_from_u64(seed);
        let now = SystemClock.now();
        let (event, gate) = (EventId::generate(&mut random), GateId::generate(&mut random));
        let key = EventKey::generate(&mut random);
        let (root, feed_key) = (SigningKey::generate(&mut random), SigningKey::generate(&mut random));
        let statement = FeedKeyStatement {
            event,
            verifying_key: feed_key.verifying_key().to_bytes(),
            valid_from: now.before(DAY),
            valid_until: now.after(DAY),
            revokes_before: None,
        };
        let certificate = statement.sign(&root)?;
        let gate_keys = OwnKeys::generate(&mut random);
        let cipher = RecordCipher::new(&key.record(), event, Epoch::FIRST);
        let reached = FollowedTo::start(event, Epoch::FIRST);
        let (subkeys, records) = (key.for_gate(), Vec::new());
        let mut made = Self {
            event,
            gate,
            subkeys,
            gate_keys,
            root,
            feed_key,
            certificate,
            cipher,
            records,
            reached,
            random,
            now,
        };
        made.push(&FeedRecord::Policy(made.policy()?))?;
        let verifying_key = made.gate_keys.signing().verifying_key().to_bytes();
        let (zone, entrance) = (Zone::new("A")?, Zone::new("A")?);
        made.push(&FeedRecord::Gate(GateRecord { gate, verifying_key, zone, entrance, revoked: false }))?;
        Ok(made)
    }

    fn policy(&self) -> anyhow::Result<EventPolicy> {
        let dates = (self.now.before(Duration::from_secs(3_600)), self.now.after(DAY));
        let arbiter = ArbiterName { home: ArbiterHome::Registrar, cluster: ArbiterId::from_bytes([7; 16]), epoch: 0 };
        Ok(EventPolicy::new(PolicyDraft {
            tickets_per_card: 4,
            replica_age_ms_max: 2 * 24 * 3_600_000,
            rehearsal_of: Some(EventId::from_bytes([9; 16])),
            ..PolicyDraft::new("木戸の夕べ", dates, OfflineChoice::Refuse, arbiter)
        })?)
    }

    /// Adds tickets on cards with random moduli, and gives some of these cards, spread over all.
    pub(crate) fn bind_random(&mut self, count: usize, samples: usize) -> anyhow::Result<Vec<PlacedKey>> {
        let every = count.div_ceil(samples.max(1)).max(1);
        let mut sampled = Vec::with_capacity(samples);
        for number in 0..count {
            let key = self.random_key()?;
            self.bind(&key, Entries::ONCE)?;
            if number.is_multiple_of(every) && sampled.len() < samples {
                sampled.push(key);
            }
        }
        Ok(sampled)
    }

    fn random_key(&mut self) -> anyhow::Result<PlacedKey> {
        let mut modulus = [0; 256];
        self.random.fill_bytes(&mut modulus);
        let [first, .., last] = &mut modulus;
        *first |= 0x80;
        *last |= 1;
        let spki = [SPKI_PREFIX.as_slice(), &modulus, &SPKI_SUFFIX].concat();
        Ok(PlacedKey::filling_the_window(SubjectPublicKey::from_spki(&spki)?, KEY_BEGINS)?)
    }

    /// Adds one ticket, bound to this card.
    pub(crate) fn bind(&mut self, card: &PlacedKey, entries: Entries) -> anyhow::Result<()> {
        let ticket = TicketId::generate(&mut self.random);
        let seat_label = SeatLabel::new(&format!(
            "{}階 {}列 {}番",
            self.random.gen_range(1..4),
            self.random.gen_range(1..60),
            self.random.gen_range(1..90)
        ))?;
        let window = EntryWindow::new(self.now.before(DAY), self.now.after(2 * DAY))?;
        let (status, zone, party) = (TicketStatus::InForce, Zone::new("A")?, None);
        self.push(&FeedRecord::Ticket(TicketRecord { ticket, status, zone, seat_label, window, entries, party }))?;
        let tag = card.window().tag(&self.subkeys.tag);
        let sealed = SealedKey::seal(card, &self.event, &tag, &self.subkeys.seal, &mut self.random);
        self.push(&FeedRecord::Binding(BindingRecord { ticket, bound: Some((tag, sealed)) }))
    }

    fn push(&mut self, record: &FeedRecord) -> anyhow::Result<()> {
        let sealed = self.cipher.seal(self.reached.next(), record)?;
        self.reached = self.reached.extend(&sealed);
        self.records.push(sealed);
        Ok(())
    }

    /// How many records.
    pub(crate) const fn length(&self) -> u64 {
        self.reached.length
    }

    /// The records from one place up to another.
    pub(crate) fn records(&self, from: u64, take: u64) -> anyhow::Result<&[SealedRecord]> {
        let from = usize::try_from(from)?;
        let until = from.saturating_add(usize::try_from(take)?).min(self.records.len());
        self.records.get(from..until).context("no such records")
    }

    /// Bytes of all sealed records.
    pub(crate) fn bytes(&self) -> usize {
        self.records.iter().map(|record| record.as_bytes().len()).sum()
    }

    /// The signed head, issued now.
    pub(crate) fn head(&self) -> anyhow::Result<SignedHead> {
        Ok(FeedHead::issue(self.event, self.reached, SystemClock.now()).sign(&self.feed_key)?)
    }

    /// What a gate needs to follow.
    pub(crate) fn followed(&self) -> Followed {
        Followed {
            event: self.event,
            gate: self.gate,
            root: self.root.verifying_key(),
            feed_key: self.certificate.clone(),
            subkeys: self.subkeys.clone(),
        }
    }

    /// The gate as its enrolment would have left it.
    pub(crate) fn identity(&self, origin: Origin) -> anyhow::Result<Identity> {
        let enrolment = Enrolment {
            gate: self.gate,
            event: self.event,
            event_name: "木戸の夕べ".to_owned(),
            rehearsal: true,
            zone: Zone::new("A")?,
            entrance: "A".to_owned(),
            origin,
            root: self.root.verifying_key(),
            feed_key: self.certificate.clone(),
        };
        Ok(Identity::new(self.gate_keys.clone(), self.subkeys.clone(), enrolment))
    }

    /// Brings a replica up to the head the way a gate's sync does: the chain first, then range by range.
    ///
    /// Blocks, so it is not to be called by an asynchronous task.
    pub(crate) fn fill(&self, replica: &Replica, runtime: &Runtime) -> anyhow::Result<()> {
        let now = SystemClock.now();
        let head = replica.verify_head(self.head()?.as_bytes(), now)?;
        let mut check = replica.begin(&head)?;
        while let Some(need) = check.need() {
            check.extend(self.needed(need)?)?;
        }
        let mut span = check.finish()?;
        while let Some(need) = span.need() {
            replica.store_range(&mut span, self.needed(need)?.to_vec())?;
        }
        Ok(runtime.block_on(replica.note_head(&head, now))?)
    }

    fn needed(&self, need: RangeNeed) -> anyhow::Result<&[SealedRecord]> {
        self.records(need.range.saturating_mul(FEED_RANGE_RECORDS).saturating_add(need.skip), need.take)
    }

    /// Verifies the chain and opens every record in memory: the cryptography of following, and nothing else.
    pub(crate) fn open_all(&self) -> anyhow::Result<()> {
        let mut at = FollowedTo::start(self.event, Epoch::FIRST);
        for sealed in &self.records {
            std::hint::black_box(self.cipher.open(at.next(), sealed)?);
            at = at.extend(sealed);
        }
        anyhow::ensure!(at == self.reached, "the feed does not read back");
        Ok(())
    }
}
