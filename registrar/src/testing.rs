//! A registrar in a temporary folder, on a clock that stands still and with the same randomness in every run.

use std::sync::Arc;

use core::num::NonZeroU16;
use core::time::Duration;

use kido_shared::certificate::CertificateDer;
use kido_shared::challenge::{Action, Challenge, Origin, RegistrationMessage};
use kido_shared::clock::{ManualClock, Timestamp};
use kido_shared::codes::Code;
use kido_shared::ids::{ArbiterId, EventId, GateId, TicketId};
use kido_shared::policy::{ArbiterHome, ArbiterName, EventPolicy, OfflineChoice, PolicyDraft};
use kido_shared::proof::CardSignature;
use kido_shared::ticket::{Entries, EntryWindow, SeatLabel, Zone};
use kido_shared::wire::v1::admissions::{AdmissionAck, AdmissionBatch, UploadedAdmission};
use kido_virtual_card::character::Character;
use kido_virtual_card::issuer::{Authority, Hierarchy};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use crate::domain::event::EventRefusal;
use crate::domain::ingest::IngestRefusal;
use crate::domain::reference::{OrderRef, TicketRef};
use crate::domain::registration::RegistrationRefusal;
use crate::entropy::Entropy;
use crate::keyring::Keyring;
use crate::registration::{CertificateTrust, Proved, Registrations, StartRequest, Started};
use crate::store::{EventView, Failed, ImportOutcome, NewGate, Store, StoreParts, TicketRow};

/// 2027-01-15, when all characters' certificates but the wrong ones are valid.
pub(crate) const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
const HOUR: Duration = Duration::from_secs(3_600);

impl Store {
    /// What a gate sends over the line, admissions alone.
    pub(crate) async fn upload(
        &self,
        event: EventId,
        gate: GateId,
        admissions: Vec<UploadedAdmission>,
    ) -> Result<Vec<AdmissionAck>, Failed<IngestRefusal>> {
        let batch = AdmissionBatch { admissions, endings: Vec::new() };
        self.take_upload(event, gate, batch).await.map(|taken| taken.acks)
    }
}

/// A registrar for one test.
pub(crate) struct Registrar {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Store,
    pub(crate) registrations: Registrations,
}

pub(crate) fn origin() -> Origin {
    Origin::parse("https://registrar.example").unwrap()
}

pub(crate) fn draft() -> PolicyDraft {
    let arbiter = ArbiterName { home: ArbiterHome::Registrar, cluster: ArbiterId::from_bytes([3; 16]), epoch: 0 };
    let dates = (NOW.after(24 * HOUR), NOW.after(30 * HOUR));
    PolicyDraft {
        retention_at: NOW.after(720 * HOUR),
        rehearsal_of: Some(EventId::from_bytes([9; 16])),
        ..PolicyDraft::new("千穐楽", dates, OfflineChoice::Refuse, arbiter)
    }
}

pub(crate) fn policy(change: impl FnOnce(&mut PolicyDraft)) -> EventPolicy {
    let mut draft = draft();
    change(&mut draft);
    EventPolicy::new(draft).unwrap()
}

fn open(folder: &std::path::Path, clock: &Arc<ManualClock>) -> Store {
    let parts = StoreParts {
        folder: folder.join("events"),
        keyring: Keyring::open(&folder.join("keyring"), &Keyring::master_file(&folder.join("keyring"))).unwrap(),
        clock: Arc::clone(clock),
        entropy: Entropy::from_seed(11),
        cache_bytes: 16 * 1024 * 1024,
    };
    Store::open(parts).unwrap()
}

impl Registrar {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root.key");
        Keyring::create(&folder.path().join("keyring"), &root, NOW, &mut StdRng::seed_from_u64(7)).unwrap();
        Self::on(folder, Arc::new(ManualClock::at(NOW)))
    }

    /// Another policy in the place of the one in force.
    pub(crate) async fn change_policy(
        &self,
        event: EventId,
        policy: EventPolicy,
    ) -> Result<EventView, Failed<EventRefusal>> {
        let before = self.store.policy(event).unwrap();
        self.store.change_policy(event, before, policy).await
    }

    /// Starts on a folder that is there.
    pub(crate) fn on(folder: tempfile::TempDir, clock: Arc<ManualClock>) -> Self {
        let store = open(folder.path(), &clock);
        let anchor = Authority::of(Hierarchy::Test2023).unwrap().certificate().unwrap();
        let trust = CertificateTrust::new(&[anchor]).unwrap();
        let registrations = Registrations::new(store.clone(), origin(), trust);
        Self { folder, clock, store, registrations }
    }

    /// Stops and starts again on the same folder.
    pub(crate) fn restart(self) -> Self {
        let Self { folder, clock, store, registrations } = self;
        drop(registrations);
        store.close();
        drop(store);
        Self::on(folder, clock)
    }

    pub(crate) async fn event(&self) -> EventId {
        self.event_with(|_draft| {}).await
    }

    pub(crate) async fn event_with(&self, change: impl FnOnce(&mut PolicyDraft)) -> EventId {
        self.store.create_event(policy(change)).await.unwrap().event
    }

    /// Imports one paid ticket whose code comes from its number.
    pub(crate) async fn ticket(&self, event: EventId, number: u64) -> (TicketId, Code) {
        self.tickets(event, number, true).await
    }

    pub(crate) async fn tickets(&self, event: EventId, number: u64, paid: bool) -> (TicketId, Code) {
        let (row, code) = row(number);
        let report = self.store.import_tickets(event, vec![row], paid).await.unwrap();
        let [ImportOutcome::Created(ticket)] = report.outcomes[..] else { panic!("not created: {report:?}") };
        (ticket, code)
    }

    pub(crate) async fn gate(&self, event: EventId, number: u8) -> GateId {
        let gate = GateId::from_bytes([number; 16]);
        let new = NewGate {
            gate,
            verifying_key: [number; 32],
            zone: Zone::new("A").unwrap(),
            entrance: Zone::new("North").unwrap(),
        };
        self.store.add_gate(event, new).await.unwrap();
        gate
    }

    pub(crate) fn start(&self, action: Action, code: &Code) -> Result<Started, Failed<RegistrationRefusal>> {
        self.registrations.start(StartRequest::WithCode { action, code: code.hash() })
    }

    /// A whole dialogue with a card of the cast.
    pub(crate) async fn register(
        &self,
        action: Action,
        code: &Code,
        card: Character,
    ) -> Result<Proved, Failed<RegistrationRefusal>> {
        let started = self.start(action, code)?;
        let signed = message(&started, Some(code));
        self.prove(&started, card, &signed).await
    }

    pub(crate) async fn prove(
        &self,
        started: &Started,
        card: Character,
        signed: &RegistrationMessage,
    ) -> Result<Proved, Failed<RegistrationRefusal>> {
        self.registrations.prove(started.session, certificate(card), sign(card, signed)).await
    }
}

pub(crate) fn certificate(card: Character) -> CertificateDer {
    CertificateDer::new(card.certificate().unwrap()).unwrap()
}

/// What the helper lets the card sign in this dialogue.
pub(crate) fn message(started: &Started, code: Option<&Code>) -> RegistrationMessage {
    RegistrationMessage {
        action: started.action,
        origin: origin(),
        event: started.event.event,
        ticket: started.ticket.as_ref().map(|ticket| ticket.ticket),
        code: code.map(Code::hash),
        challenge: Challenge::try_from(started.challenge.as_ref().to_vec()).unwrap(),
    }
}

pub(crate) fn sign(card: Character, message: &RegistrationMessage) -> CardSignature {
    let digest = message.digest(kido_shared::certificate::KeyAlgorithm::Rsa2048);
    CardSignature::new(card.key().unwrap().sign_as_a_card(&digest.digest_info()).unwrap()).unwrap()
}

pub(crate) fn row(number: u64) -> (TicketRow, Code) {
    let code = Code::generate(&mut StdRng::seed_from_u64(1_000_000 + number));
    let row = TicketRow {
        reference: TicketRef::parse(&format!("TICKET-{number}")).unwrap(),
        order: OrderRef::parse(&format!("ORDER-{number}")).unwrap(),
        zone: Zone::new("A").unwrap(),
        seat_label: SeatLabel::new(&format!("Row 1, {number}")).unwrap(),
        window: EntryWindow::new(NOW, NOW.after(30 * HOUR)).unwrap(),
        entries: Entries::Times(NonZeroU16::MIN),
        party: None,
        code: code.hash(),
    };
    (row, code)
}
