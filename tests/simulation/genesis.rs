//! How a world begins: an event with its gates, its tickets bound to real cards, and every disk as it is on that morning.
//!
//! Made once for each setting by the registrar's own store and dialogues; a run begins with copies.

use core::num::NonZeroU16;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use kido_arbiter::book::{Book, Followed as BookFollowed};
use kido_follow::FeedCopy;
use kido_gate::replica::{Followed, Replica};
use kido_registrar::domain::party::PartyLabel;
use kido_registrar::domain::reference::{OrderRef, TicketRef};
use kido_registrar::entropy::Entropy;
use kido_registrar::keyring::{Keyring, Reached, read_root_key};
use kido_registrar::registration::{CertificateTrust, Registrations, StartRequest};
use kido_registrar::store::{ImportOutcome, NewArbiter, NewGate, Store, StoreParts, TicketRow};
use kido_shared::certificate::{CertificateDer, KeyAlgorithm};
use kido_shared::challenge::{Action, Origin, RegistrationMessage};
use kido_shared::clock::{ManualClock, Timestamp};
use kido_shared::codes::Code;
use kido_shared::feed::{EpochCut, FeedError, FollowedTo, Follower, SignedEpochCut};
use kido_shared::ids::{ArbiterId, Epoch, EventId, GateId, TicketId};
use kido_shared::policy::{ArbiterHome, ArbiterName, EventPolicy, OfflineChoice, PolicyDraft, TransferChoice};
use kido_shared::proof::CardSignature;
use kido_shared::ticket::{Entries, EntryWindow, SeatLabel, Zone};
use kido_store::HeldFolder;
use kido_virtual_card::issuer::{Authority, Hierarchy};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use crate::cast::{self, CROWD, Card};
use crate::plan::Setting;
use crate::turns::at_once;

/// 2027-01-15, when the crowd's certificates are valid. The simulation's clock counts from here.
pub(crate) const DOORS: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

const HOUR: Duration = Duration::from_secs(3_600);
const CLUSTER: ArbiterId = ArbiterId::from_bytes([0xC1; 16]);

/// A ticket and whose it is.
#[derive(Debug, Clone)]
pub(crate) struct Bought {
    pub(crate) ticket: TicketId,
    pub(crate) card: Card,
    pub(crate) zone: String,
    pub(crate) entries: Entries,
}

/// The event before anything about its venue is settled.
struct Base {
    folder: tempfile::TempDir,
    event: EventId,
    log: Vec<u8>,
    tickets: Vec<Bought>,
}

/// A world's first morning.
pub(crate) struct Genesis {
    pub(crate) event: EventId,
    pub(crate) setting: Setting,
    base: &'static Base,
    pub(crate) registrar: HeldFolder,
    pub(crate) replica: HeldFolder,
    pub(crate) book: HeldFolder,
    pub(crate) tickets: Vec<Bought>,
    pub(crate) zones: Vec<Zone>,
    followed: Followed,
    book_followed: BookFollowed,
    pub(crate) names: kido_shared::keys::ClaimKey,
}

/// The id of a gate by its number.
pub(crate) fn gate_id(gate: usize) -> GateId {
    GateId::from_bytes([u8::try_from(gate + 1).expect("few gates"); 16])
}

/// The id of a venue's box by its number.
pub(crate) fn box_id(number: usize) -> ArbiterId {
    ArbiterId::from_bytes([0xB0 + u8::try_from(number).expect("few boxes"); 16])
}

/// Where a box is asked.
pub(crate) fn address(number: usize) -> Origin {
    Origin::parse(&format!("https://box-{number}.example")).expect("an origin")
}

fn origin() -> Origin {
    Origin::parse("https://registrar.example").expect("an origin")
}

fn draft() -> PolicyDraft {
    PolicyDraft {
        name: "千穐楽".to_owned(),
        starts_at: DOORS,
        ends_at: DOORS.after(30 * HOUR),
        retention_at: DOORS.after(720 * HOUR),
        tickets_per_card: 4,
        offline: OfflineChoice::Refuse,
        replica_age_ms_max: 12 * 3_600_000,
        arbiter: ArbiterName { home: ArbiterHome::Registrar, cluster: CLUSTER, epoch: 0 },
        rehearsal_of: Some(EventId::from_bytes([9; 16])),
        resume_at_gate: false,
        external_proof: false,
        give_back_until: None,
        bind_within_ms: None,
        transfer: TransferChoice::Nobody,
    }
}

fn zone(name: &str) -> Zone {
    Zone::new(name).expect("a zone")
}

/// The tickets of the crowd: one each, but for a family of two and somebody with two tickets of his own.
fn rows(several: bool) -> Vec<(Card, TicketRow, Code)> {
    let row = |number: usize, card: usize, party: Option<&str>| {
        let code = Code::generate(&mut StdRng::seed_from_u64(1_000 + number as u64));
        let row = TicketRow {
            reference: TicketRef::parse(&format!("TICKET-{number}")).expect("a reference"),
            order: OrderRef::parse(&format!("ORDER-{number}")).expect("a reference"),
            zone: zone(zone_of(card)),
            seat_label: SeatLabel::new(&format!("Row 1, {number}")).expect("a seat"),
            window: EntryWindow::new(DOORS.before(HOUR), DOORS.after(30 * HOUR)).expect("a window"),
            entries: if several { entries_of(card) } else { Entries::ONCE },
            party: party.map(|label| PartyLabel::parse(label).expect("a label")),
            code: code.hash(),
        };
        (Card(card), row, code)
    };
    let mut rows: Vec<_> = (0..CROWD).map(|card| row(card, card, (card == 1).then_some("family"))).collect();
    rows.push(row(CROWD, 1, Some("family")));
    rows.push(row(CROWD + 1, 2, None));
    rows
}

const fn zone_of(card: usize) -> &'static str {
    if card % 4 == 3 { "B" } else { "A" }
}

/// Where people may go out and come in again: how often a card's tickets let them.
fn entries_of(card: usize) -> Entries {
    match card % 4 {
        0 => Entries::Times(NonZeroU16::new(2).expect("two")),
        1 => Entries::Unlimited,
        2 => Entries::ONCE,
        _ => Entries::Times(NonZeroU16::new(3).expect("three")),
    }
}

/// A registrar over a folder in memory.
fn registrar(base: &Base, held: &HeldFolder, clock: &Arc<ManualClock>, (seed, mark): (u64, Option<Reached>)) -> Store {
    Store::open_held(parts(base.folder.path(), clock, seed), base.event, held, mark)
        .expect("a registrar starts on its own disk")
}

fn parts(folder: &std::path::Path, clock: &Arc<ManualClock>, seed: u64) -> StoreParts<ManualClock> {
    StoreParts {
        folder: folder.join("events"),
        keyring: Keyring::open(&folder.join("keyring"), &Keyring::master_file(&folder.join("keyring")))
            .expect("a keyring"),
        clock: Arc::clone(clock),
        entropy: Entropy::from_seed(seed),
        cache_bytes: 1 << 20,
    }
}

fn base(several: bool) -> &'static Base {
    static BASES: [OnceLock<Base>; 2] = [OnceLock::new(), OnceLock::new()];
    BASES[usize::from(several)].get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(make_base(several))
    })
}

async fn make_base(several: bool) -> Base {
    let folder = tempfile::tempdir().expect("a folder");
    let (keyring, root) = (folder.path().join("keyring"), folder.path().join("root.key"));
    Keyring::create(&keyring, &root, DOORS, &mut StdRng::seed_from_u64(7)).expect("a keyring");
    let clock = Arc::new(ManualClock::at(DOORS));
    let store = Store::open(parts(folder.path(), &clock, 11)).expect("a store");
    let policy = EventPolicy::new(draft()).expect("a policy");
    let event = store.create_event(policy).await.expect("an event").event;
    let crowd = rows(several);
    let entries: Vec<Entries> = crowd.iter().map(|(_card, row, _code)| row.entries).collect();
    let (cards, rows): (Vec<_>, Vec<_>) = crowd.into_iter().map(|(card, row, code)| ((card, code), row)).unzip();
    let report = store.import_tickets(event, rows, true).await.expect("an import");
    let dialogues = dialogues(&store);
    let mut tickets = Vec::new();
    for (((card, code), outcome), entries) in cards.into_iter().zip(report.outcomes).zip(entries) {
        let ImportOutcome::Created(ticket) = outcome else { panic!("not created: {outcome:?}") };
        let request = StartRequest::WithCode { action: Action::Bind, code: code.hash() };
        assert!(prove(&dialogues, request, card, Some(&code)).await, "a card binds its ticket");
        tickets.push(Bought { ticket, card, zone: zone_of(card.0).to_owned(), entries });
    }
    drop(dialogues);
    store.close();
    let log = std::fs::read(folder.path().join("events").join(event.to_string()).join("facts.log")).expect("a log");
    Base { folder, event, log, tickets }
}

fn dialogues(store: &Store) -> Registrations {
    let anchor = Authority::of(Hierarchy::Test2023).and_then(|root| root.certificate()).expect("a root");
    Registrations::new(store.clone(), origin(), CertificateTrust::new(&[anchor]).expect("an anchor"))
}

async fn prove(dialogues: &Registrations, request: StartRequest, card: Card, code: Option<&Code>) -> bool {
    let Ok(started) = dialogues.start(request) else { return false };
    let message = RegistrationMessage {
        action: started.action,
        origin: origin(),
        event: started.event.event,
        ticket: started.ticket.as_ref().map(|ticket| ticket.ticket),
        code: code.map(Code::hash),
        challenge: started.challenge.clone(),
    };
    let digest = message.digest(KeyAlgorithm::Rsa2048).digest_info();
    let signature = CardSignature::new(cast::signature(card, &digest)).expect("a signature");
    let certificate = CertificateDer::new(cast::certificate(card)).expect("a certificate");
    dialogues.prove(started.session, certificate, signature).await.is_ok()
}

/// The holder of a card takes back, by its proof, that it was lost. Says whether that was taken.
pub(crate) fn resume(store: &Store, event: EventId, card: Card) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let request = StartRequest::CardAlone { action: Action::Resume, event, from: None };
    runtime.block_on(prove(&dialogues(store), request, card, None))
}

impl Genesis {
    /// The world of a setting; made when it is first asked for.
    pub(crate) fn of(setting: Setting) -> Arc<Self> {
        static KNOWN: OnceLock<Mutex<BTreeMap<Setting, Arc<Genesis>>>> = OnceLock::new();
        let mut known = KNOWN.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(setting).or_insert_with(|| Arc::new(Self::make(setting))))
    }

    fn make(setting: Setting) -> Self {
        let base = base(setting.several);
        let (event, clock) = (base.event, Arc::new(ManualClock::at(DOORS)));
        let folder = HeldFolder::of_log(&base.log).expect("memory");
        let store = registrar(base, &folder, &clock, (13, None));
        let before = store.policy(event).expect("a policy");
        let mut chosen = draft();
        (chosen.offline, chosen.arbiter.home) = (setting.offline(), setting.home());
        let chosen = EventPolicy::new(chosen).expect("a policy");
        on_a_thread(store.change_policy(event, before, chosen)).expect("a change");
        let zones: Vec<Zone> = (0..setting.lanes()).map(|gate| zone(&setting.zone(gate))).collect();
        for (gate, zone) in zones.iter().enumerate() {
            at_once(store.add_gate(event, new_gate(gate_id(gate), zone))).expect("a gate");
        }
        if setting.home() == ArbiterHome::Venue {
            enrol_box(&store, event, 0);
        }
        let (root, feed_key) = (*store.root_key(), store.feed_key_certificate(event).expect("a feed key"));
        let subkeys = store.gate_subkeys(event).expect("subkeys");
        let of_arbiter = store.arbiter_subkeys(event).expect("subkeys");
        let followed = Followed { event, gate: gate_id(0), root, feed_key: feed_key.clone(), subkeys };
        let book_followed =
            BookFollowed { event, arbiter: box_id(0), root, feed_key, records: of_arbiter.record.clone() };
        let (replica, book) = (HeldFolder::new(), HeldFolder::new());
        follow(&store, event, &replica, followed.clone());
        read_book(&store, event, &book, book_followed.clone());
        drop(store);
        let names = of_arbiter.claim;
        Self {
            event,
            setting,
            base,
            registrar: folder,
            replica,
            book,
            tickets: base.tickets.clone(),
            zones,
            followed,
            book_followed,
            names,
        }
    }

    /// This event's registrar, over a folder in memory.
    pub(crate) fn registrar(
        &self,
        held: &HeldFolder,
        clock: &Arc<ManualClock>,
        begun: (u64, Option<Reached>),
    ) -> Store {
        registrar(self.base, held, clock, begun)
    }

    /// The root key's word that the feed begins anew, behind all that is known.
    pub(crate) fn cut(&self, known: Epoch, at: Timestamp) -> SignedEpochCut {
        let root = read_root_key(&self.base.folder.path().join("root.key")).expect("the root key");
        EpochCut::after(self.event, known, at).sign(&root).expect("a later epoch")
    }

    /// What this gate follows, and under which keys.
    pub(crate) fn followed_by(&self, gate: usize) -> Followed {
        Followed { gate: gate_id(gate), ..self.followed.clone() }
    }

    /// The same of a box.
    pub(crate) fn followed_by_box(&self, number: usize) -> BookFollowed {
        BookFollowed { arbiter: box_id(number), ..self.book_followed.clone() }
    }
}

/// A gate's key: the feed carries it, and this simulation's packets are believed without a signature.
fn key_of(gate: GateId) -> ed25519_dalek::VerifyingKey {
    ed25519_dalek::SigningKey::from_bytes(&[gate.as_bytes()[0]; 32]).verifying_key()
}

/// A gate as the registrar is told of it.
pub(crate) fn new_gate(gate: GateId, zone: &Zone) -> NewGate {
    NewGate { gate, verifying_key: *key_of(gate).as_bytes(), entrance: zone.clone(), zone: zone.clone() }
}

/// Makes a box the event's.
pub(crate) fn enrol_box(store: &Store, event: EventId, number: usize) -> bool {
    let arbiter = box_id(number);
    let new = NewArbiter { arbiter, verifying_key: [0xB0; 32], addresses: vec![address(number)], shared: false };
    at_once(store.add_arbiter(event, new)).is_ok()
}

/// The feed's records from a place on.
pub(crate) fn records(store: &Store, event: EventId, from: u64) -> Option<Vec<kido_shared::feed::SealedRecord>> {
    on_a_thread(store.feed_records(event, from, u64::MAX)).ok()
}

/// Work of the product for a thread of its own, waited for: nobody's turn comes meanwhile.
pub(crate) fn on_a_thread<T>(work: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    }
    RUNTIME.with(|runtime| runtime.block_on(work))
}

/// From where a copy of the feed goes on that was shown the root key's word for a cut, as a pull does.
pub(crate) fn behind_cut<C: FeedCopy>(copy: &C, cut: Option<&[u8]>) -> Result<FollowedTo, FeedError> {
    let at = copy.position();
    let Some(cut) = cut else { return Ok(at) };
    let trust = copy.trust();
    let start = *Follower::resume(trust.event(), at).cut(&trust.verify_cut(cut)?)?.position();
    Ok(copy.staged(start.epoch).expect("its index").unwrap_or(start))
}

fn follow(store: &Store, event: EventId, folder: &HeldFolder, followed: Followed) {
    let replica = Replica::open_held(folder, followed).expect("a replica");
    let signed = store.signed_head(event).expect("a head").into_bytes();
    let head = replica.verify_head(&signed, DOORS).expect("a head to believe");
    replica.reaching(&head, &signed);
    let news = records(store, event, 0).expect("records");
    let mut check = replica.begin(&head).expect("a beginning");
    check.extend(&news).expect("a chain");
    replica.store_range(&mut check.finish().expect("the end"), news).expect("records");
    at_once(replica.note_head(&head, DOORS)).expect("a head");
}

fn read_book(store: &Store, event: EventId, folder: &HeldFolder, followed: BookFollowed) {
    let book = Book::open_held(folder, followed).expect("a book");
    let head = store.signed_head(event).expect("a head").into_bytes();
    let head = book.trust().verify_head(&head, book.position(), DOORS).expect("a head to believe");
    let news = records(store, event, 0).expect("records");
    let mut check = Follower::resume(event, book.position()).begin(&head).expect("a beginning");
    check.extend(&news).expect("a chain");
    let range = book.begin_range(&mut check.finish().expect("the end"), news).expect("records");
    at_once(book.finish_range(range)).expect("records");
    at_once(book.note_head(&head)).expect("a head");
}
