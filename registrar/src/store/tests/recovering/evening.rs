//! An evening that is restored from a backup, and what its gates know of it.

use std::path::{Path, PathBuf};

use kido_shared::admission::{EndedBy, Ending};
use kido_shared::challenge::Action;
use kido_shared::claim::{ClaimAnswer, FreedClaims};
use kido_shared::clock::ManualClock;
use kido_shared::codes::Code;
use kido_shared::feed::{FeedRecord, SealedRecord, decode_range, encode_range};
use kido_shared::ids::{Epoch, FeedSequence, GateId, TicketId};
use kido_shared::wire::v1::admissions::{AckOutcome, UploadedAdmission};
use kido_shared::wire::v1::recovery::{RecoveryOffer, RecoveryWish};
use kido_virtual_card::character::Character;

use crate::domain::history::Actor;
use crate::domain::recovery::{RecoveryRefusal, Stage};
use crate::domain::ticket::{TicketAction, TicketState};
use crate::store::tests::following::follow;
use crate::store::tests::gates::{admission, claim};
use crate::store::*;
use crate::testing::{NOW, Registrar, policy};

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

pub(super) fn stopped(registrar: Registrar) -> (tempfile::TempDir, Arc<ManualClock>) {
    let Registrar { folder, clock, store, registrations } = registrar;
    drop(registrations);
    store.close();
    (folder, clock)
}

/// Starts with other random bytes than before: here every start begins with the same ones, and ids would come twice.
fn started(folder: tempfile::TempDir, clock: Arc<ManualClock>, skip: usize) -> Registrar {
    let registrar = Registrar::on(folder, clock);
    for _id in 0..skip {
        registrar.store.random();
    }
    registrar
}

/// A copy of the stores, as a backup takes it.
pub(in crate::store::tests) fn backed_up(registrar: Registrar) -> (Registrar, PathBuf) {
    let (folder, clock) = stopped(registrar);
    let backup = folder.path().join("backup");
    copy(&folder.path().join("events"), &backup);
    (started(folder, clock, 100), backup)
}

/// The stores as they were; the keyring is what it is.
pub(in crate::store::tests) fn restored(registrar: Registrar, backup: &Path) -> Registrar {
    let (folder, clock) = stopped(registrar);
    let events = folder.path().join("events");
    std::fs::remove_dir_all(&events).unwrap();
    copy(backup, &events);
    started(folder, clock, 200)
}

/// What a gate knows of the feed.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) head: Vec<u8>,
    pub(super) records: Vec<SealedRecord>,
}

pub(super) async fn known(registrar: &Registrar, event: EventId) -> Known {
    let head = registrar.store.signed_head(event).unwrap().into_bytes();
    let tail = registrar.store.feed_tail(event, Epoch::FIRST, 0).await.unwrap().unwrap();
    Known { head, records: decode_range(&tail).unwrap() }
}

/// An evening that went on after its backup.
pub(super) struct Evening {
    pub(super) registrar: Registrar,
    pub(super) event: EventId,
    pub(super) gates: [GateId; 2],
    /// Bound before the backup, and inside since.
    pub(super) inside: TicketId,
    /// Sold before the backup, bound since; and the link that died with that.
    pub(super) bound: TicketId,
    pub(super) dead: Code,
    /// Sold since, and bound to the same card.
    pub(super) late: TicketId,
    pub(super) known: Known,
    /// All that gates were told.
    pub(super) told: Vec<(FeedSequence, FeedRecord)>,
    pub(super) counts: SeatCounts,
    /// How much of the feed the backup has.
    pub(super) kept: u64,
}

impl Evening {
    /// Up to the moment in which the disk is lost and the backup is put in its place.
    pub(super) async fn restored() -> Self {
        Self::restored_where(false).await
    }

    /// The same, where the second one who came in with a ticket had not passed, and the gates were told so.
    pub(super) async fn restored_where(annulled: bool) -> Self {
        let registrar = Registrar::new();
        let event = registrar.event_with(|draft| draft.tickets_per_card = 5).await;
        let gates = [registrar.gate(event, 1).await, registrar.gate(event, 2).await];
        let (inside, code) = registrar.ticket(event, 1).await;
        registrar.register(Action::Bind, &code, Character::Holder).await.unwrap();
        let (bound, dead) = registrar.ticket(event, 2).await;
        let (released, unpaid) = registrar.tickets(event, 3, false).await;
        let (unpaid_since, _code) = registrar.tickets(event, 4, false).await;
        let (registrar, backup) = backed_up(registrar);
        let kept = registrar.store.event(event).unwrap().feed_length;
        let store = &registrar.store;
        let change = |ticket, action| store.change_ticket(event, TicketName::Id(ticket), action, Actor::Operator);
        registrar.register(Action::Bind, &dead, Character::Holder).await.unwrap();
        change(bound, TicketAction::Suspend).await.unwrap();
        registrar.register(Action::Bind, &unpaid, Character::SecondHolder).await.unwrap();
        change(released, TicketAction::Release).await.unwrap();
        change(unpaid_since, TicketAction::Confirm).await.unwrap();
        let (late, code) = registrar.ticket(event, 5).await;
        registrar.register(Action::Bind, &code, Character::Holder).await.unwrap();
        let (void, _code) = registrar.ticket(event, 6).await;
        change(void, TicketAction::Cancel).await.unwrap();
        let third = registrar.gate(event, 3).await;
        store.revoke_gate(event, third).await.unwrap();
        store.free_claims(event, (third, FreedClaims::All), 0).await.unwrap();
        let draft = |draft: &mut kido_shared::policy::PolicyDraft| draft.tickets_per_card = 4;
        registrar.change_policy(event, policy(draft)).await.unwrap();
        let granted = store.claim(event, gates[0], claim(&registrar, event, 1, inside, gates[0])).await.unwrap();
        assert_eq!(granted, ClaimAnswer::Granted { entry: 1 });
        store.upload(event, gates[0], vec![uploaded(inside, gates[0])]).await.unwrap();
        store.upload(event, gates[1], vec![admission(2, inside, gates[1])]).await.unwrap();
        if annulled {
            let (admission, gate, by) = (admission(2, inside, gates[1]).admission.id, gates[1], EndedBy::Annulled);
            let ending = Ending { admission, ticket: inside, gate, by, at: NOW };
            let acks = store.ingest_endings(event, gate, vec![ending]).await.unwrap();
            assert_eq!(acks[0].outcome, AckOutcome::Stored);
        }
        let (known, told) = (known(&registrar, event).await, follow(store, event).await);
        let counts = store.event(event).unwrap().counts;
        let registrar = restored(registrar, &backup);
        Self { registrar, event, gates, inside, bound, dead, late, known, told, counts, kept }
    }

    pub(super) fn store(&self) -> &Store {
        &self.registrar.store
    }

    pub(super) async fn offer(
        &self,
        gate: usize,
        offer: RecoveryOffer,
    ) -> Result<RecoveryWish, Failed<RecoveryRefusal>> {
        self.store().take_back(self.event, self.gates[gate], offer).await
    }

    pub(super) async fn show(&self, gate: usize) -> RecoveryWish {
        self.offer(gate, RecoveryOffer::Head { head: self.known.head.clone() }).await.unwrap()
    }

    /// Records from a number on, a few at a time, up to some place.
    pub(super) async fn bring(&self, gate: usize, from: u64, until: usize) -> RecoveryWish {
        let mut wish = RecoveryWish::Nothing;
        let mut at = from;
        for part in self.known.records[usize::try_from(from).unwrap()..until].chunks(5) {
            let range = encode_range(part).unwrap();
            wish = self.offer(gate, RecoveryOffer::Records { from: at, range }).await.unwrap();
            at += u64::try_from(part.len()).unwrap();
        }
        wish
    }

    pub(super) async fn records_back(&self) {
        assert_eq!(self.show(0).await, RecoveryWish::Records { from: self.kept });
        assert_eq!(self.bring(0, self.kept, self.known.records.len()).await, RecoveryWish::Nothing, "the other gate");
        assert!(matches!(self.show(1).await, RecoveryWish::Journal { .. }));
    }

    pub(super) fn since(&self) -> Timestamp {
        NOW
    }

    pub(super) async fn stage(&self) -> Option<Stage> {
        self.store().recovery(self.event).await.unwrap().stage
    }

    pub(super) async fn claimed(
        &self,
        number: u8,
        gate: usize,
    ) -> Result<ClaimAnswer, Failed<crate::domain::claim::ClaimRefusal>> {
        let step = claim(&self.registrar, self.event, number, self.inside, self.gates[gate]);
        self.store().claim(self.event, self.gates[gate], step).await
    }

    pub(super) fn state(&self, ticket: TicketId) -> TicketState {
        self.store().ticket(self.event, &TicketName::Id(ticket)).unwrap().state
    }
}

pub(super) fn uploaded(ticket: TicketId, gate: GateId) -> UploadedAdmission {
    UploadedAdmission { opened_at: Some(NOW), ..admission(1, ticket, gate) }
}

pub(super) fn is_recovering<T: core::fmt::Debug, R: std::error::Error>(answer: Result<T, Failed<R>>) {
    assert!(matches!(answer, Err(Failed::Storage(StorageError::Recovering { .. }))), "{answer:?}");
}
