//! A registrar that comes back from a backup, and the gates that know more.

use std::path::{Path, PathBuf};

use core::time::Duration;

use kido_shared::admission::{EndedBy, Ending};
use kido_shared::challenge::Action;
use kido_shared::claim::{ClaimAnswer, FreedClaims};
use kido_shared::clock::ManualClock;
use kido_shared::codes::Code;
use kido_shared::feed::{FeedHead, FeedRecord, FollowedTo, SealedRecord, decode_range, encode_range};
use kido_shared::ids::{Epoch, FeedSequence, GateId, TicketId};
use kido_shared::policy::OfflineChoice;
use kido_shared::wire::v1::admissions::{AckOutcome, AdmissionBatch, UploadedAdmission};
use kido_shared::wire::v1::recovery::{RecoveryOffer, RecoveryWish};
use kido_virtual_card::character::Character;

use super::super::*;
use super::following::follow;
use super::gates::{admission, claim};
use crate::domain::cut::CutRefusal;
use crate::domain::gate::GateRefusal;
use crate::domain::history::Actor;
use crate::domain::recovery::{Brought, RecoveryRefusal, Stage};
use crate::domain::registration::RegistrationRefusal;
use crate::domain::ticket::{TicketAction, TicketState};
use crate::registration::StartRequest;
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

fn stopped(registrar: Registrar) -> (tempfile::TempDir, Arc<ManualClock>) {
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
pub(super) fn backed_up(registrar: Registrar) -> (Registrar, PathBuf) {
    let (folder, clock) = stopped(registrar);
    let backup = folder.path().join("backup");
    copy(&folder.path().join("events"), &backup);
    (started(folder, clock, 100), backup)
}

/// The stores as they were; the keyring is what it is.
pub(super) fn restored(registrar: Registrar, backup: &Path) -> Registrar {
    let (folder, clock) = stopped(registrar);
    let events = folder.path().join("events");
    std::fs::remove_dir_all(&events).unwrap();
    copy(backup, &events);
    started(folder, clock, 200)
}

/// What a gate knows of the feed.
#[derive(Clone)]
struct Known {
    head: Vec<u8>,
    records: Vec<SealedRecord>,
}

async fn known(registrar: &Registrar, event: EventId) -> Known {
    let head = registrar.store.signed_head(event).unwrap().into_bytes();
    let tail = registrar.store.feed_tail(event, Epoch::FIRST, 0).await.unwrap().unwrap();
    Known { head, records: decode_range(&tail).unwrap() }
}

/// An evening that went on after its backup.
struct Evening {
    registrar: Registrar,
    event: EventId,
    gates: [GateId; 2],
    /// Bound before the backup, and inside since.
    inside: TicketId,
    /// Sold before the backup, bound since; and the link that died with that.
    bound: TicketId,
    dead: Code,
    /// Sold since, and bound to the same card.
    late: TicketId,
    known: Known,
    /// All that gates were told.
    told: Vec<(FeedSequence, FeedRecord)>,
    counts: SeatCounts,
    /// How much of the feed the backup has.
    kept: u64,
}

impl Evening {
    /// Up to the moment in which the disk is lost and the backup is put in its place.
    async fn restored() -> Self {
        Self::restored_where(false).await
    }

    /// The same, where the second one who came in with a ticket had not passed, and the gates were told so.
    async fn restored_where(annulled: bool) -> Self {
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
        store.ingest(event, gates[0], vec![uploaded(inside, gates[0])]).await.unwrap();
        store.ingest(event, gates[1], vec![admission(2, inside, gates[1])]).await.unwrap();
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

    fn store(&self) -> &Store {
        &self.registrar.store
    }

    async fn offer(&self, gate: usize, offer: RecoveryOffer) -> Result<RecoveryWish, Failed<RecoveryRefusal>> {
        self.store().take_back(self.event, self.gates[gate], offer).await
    }

    async fn show(&self, gate: usize) -> RecoveryWish {
        self.offer(gate, RecoveryOffer::Head { head: self.known.head.clone() }).await.unwrap()
    }

    /// Records from a number on, a few at a time, up to some place.
    async fn bring(&self, gate: usize, from: u64, until: usize) -> RecoveryWish {
        let mut wish = RecoveryWish::Nothing;
        let mut at = from;
        for part in self.known.records[usize::try_from(from).unwrap()..until].chunks(5) {
            let range = encode_range(part).unwrap();
            wish = self.offer(gate, RecoveryOffer::Records { from: at, range }).await.unwrap();
            at += u64::try_from(part.len()).unwrap();
        }
        wish
    }

    async fn records_back(&self) {
        assert_eq!(self.show(0).await, RecoveryWish::Records { from: self.kept });
        assert_eq!(self.bring(0, self.kept, self.known.records.len()).await, RecoveryWish::Nothing, "the other gate");
        assert!(matches!(self.show(1).await, RecoveryWish::Journal { .. }));
    }

    fn since(&self) -> Timestamp {
        NOW
    }

    async fn stage(&self) -> Option<Stage> {
        self.store().recovery(self.event).await.unwrap().stage
    }

    async fn claimed(
        &self,
        number: u8,
        gate: usize,
    ) -> Result<ClaimAnswer, Failed<crate::domain::claim::ClaimRefusal>> {
        let step = claim(&self.registrar, self.event, number, self.inside, self.gates[gate]);
        self.store().claim(self.event, self.gates[gate], step).await
    }

    fn state(&self, ticket: TicketId) -> TicketState {
        self.store().ticket(self.event, &TicketName::Id(ticket)).unwrap().state
    }
}

fn uploaded(ticket: TicketId, gate: GateId) -> UploadedAdmission {
    UploadedAdmission { opened_at: Some(NOW), ..admission(1, ticket, gate) }
}

fn is_recovering<T: core::fmt::Debug, R: std::error::Error>(answer: Result<T, Failed<R>>) {
    assert!(matches!(answer, Err(Failed::Storage(StorageError::Recovering { .. }))), "{answer:?}");
}

#[tokio::test]
async fn until_all_is_back_nothing_is_written_signed_or_granted_and_everything_can_be_read() {
    let evening = Evening::restored().await;
    let (store, event) = (evening.store(), evening.event);
    assert!(store.event(event).unwrap().recovering);
    assert_eq!(evening.stage().await, Some(Stage::Records));
    assert!(matches!(store.signed_head(event), Err(StorageError::Recovering { length, .. }) if length == evening.kept));
    is_recovering(evening.claimed(9, 1).await);
    is_recovering(store.ingest(event, evening.gates[0], vec![uploaded(evening.inside, evening.gates[0])]).await);
    is_recovering(store.import_tickets(event, vec![crate::testing::row(77).0], true).await);
    is_recovering(evening.registrar.register(Action::Bind, &evening.dead, Character::Holder).await);
    assert_eq!(evening.state(evening.inside), TicketState::Bound);
    let other = evening.registrar.event().await;
    evening.registrar.ticket(other, 1).await;
    assert_eq!(store.recovery(other).await.unwrap().stage, None, "another event is not touched");
}

#[tokio::test]
async fn what_was_acknowledged_is_missed_even_where_nobody_had_heard_of_it() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let gate = registrar.gate(event, 1).await;
    let (ticket, _code) = registrar.ticket(event, 1).await;
    registrar.store.signed_head(event).unwrap();
    let (registrar, backup) = backed_up(registrar);
    let batch = AdmissionBatch { admissions: vec![uploaded(ticket, gate)], endings: Vec::new() };
    let taken = registrar.store.take_upload(event, gate, batch).await.unwrap();
    assert_eq!(taken.acks[0].outcome, AckOutcome::Stored);
    // Nobody follows the feed meanwhile, and no head is signed.
    let registrar = restored(registrar, &backup);
    let stage = registrar.store.recovery(event).await.unwrap().stage;
    assert_eq!(stage, Some(Stage::Records), "the gate has to be asked for its journal");
}

#[tokio::test]
async fn gates_bring_back_what_they_know_and_the_evening_goes_on() {
    let evening = Evening::restored().await;
    let (store, event) = (evening.store(), evening.event);
    let wish = store.recovery_wish(event, evening.gates[0], (0, 99));
    assert_eq!(wish, Some(RecoveryWish::Head));
    evening.records_back().await;
    assert_eq!(evening.stage().await, Some(Stage::Admissions));
    assert_eq!(follow(store, event).await, evening.told, "gates are told what they were told");
    assert_eq!(store.event(event).unwrap().counts, evening.counts);
    let third = store.gate_claims(event, GateId::from_bytes([3; 16])).unwrap();
    assert_eq!(third.freed, Some(FreedClaims::All), "what was decided about a revoked gate's claims");
    is_recovering(evening.claimed(9, 1).await);
    // What the registrar had acknowledged comes once more, and what it never heard of for the first time.
    let again = store.ingest(event, evening.gates[0], vec![uploaded(evening.inside, evening.gates[0])]).await.unwrap();
    assert_eq!(again[0].outcome, AckOutcome::Repeated);
    let unheard = admission(3, evening.late, evening.gates[1]);
    assert_eq!(store.ingest(event, evening.gates[1], vec![unheard]).await.unwrap()[0].outcome, AckOutcome::Stored);
    for (gate, next) in [(0, Some(Stage::Admissions)), (1, None)] {
        let since = evening.since();
        evening.offer(gate, RecoveryOffer::Delivered { since }).await.unwrap();
        assert_eq!(evening.stage().await, next);
    }
    assert!(!store.event(event).unwrap().recovering);
    assert!(matches!(evening.claimed(9, 1).await.unwrap(), ClaimAnswer::Taken { .. }), "nobody enters twice");
    let step = claim(&evening.registrar, event, 10, evening.late, evening.gates[0]);
    let late = store.claim(event, evening.gates[0], step).await.unwrap();
    assert!(matches!(late, ClaimAnswer::Taken { .. }), "what only a gate knew: {late:?}");
}

#[tokio::test]
async fn a_card_opens_what_it_opened_and_the_codes_that_died_stay_dead() {
    let evening = Evening::restored().await;
    evening.records_back().await;
    let registrar = &evening.registrar;
    assert_eq!(evening.state(evening.bound), TicketState::Suspended);
    assert_eq!(evening.state(evening.late), TicketState::Bound);
    let bound_again = registrar.register(Action::Bind, &evening.dead, Character::EndsSoon).await;
    assert!(matches!(bound_again, Err(Failed::Refused(RegistrationRefusal::CodeUsed))), "{bound_again:?}");
    for card in [Character::Holder, Character::EndsSoon] {
        let start = StartRequest::CardAlone { action: Action::Resume, event: evening.event };
        let started = registrar.registrations.start(start).unwrap();
        let signed = crate::testing::message(&started, None);
        let proved = registrar.prove(&started, card, &signed).await;
        assert_eq!(proved.is_ok(), card == Character::Holder, "{proved:?}");
    }
    assert_eq!(evening.state(evening.bound), TicketState::Bound, "its card alone takes a loss back");
}

#[tokio::test]
async fn a_start_in_the_middle_goes_on_with_the_same_recovery() {
    let mut evening = Evening::restored().await;
    evening.show(0).await;
    evening.bring(0, evening.kept, evening.known.records.len() - 1).await;
    evening.registrar.clock.advance(Duration::from_secs(60));
    evening.registrar = evening.registrar.restart();
    assert_eq!(evening.stage().await, Some(Stage::Records), "half of a way is none");
    evening.records_back().await;
    evening.registrar = evening.registrar.restart();
    assert_eq!(evening.stage().await, Some(Stage::Records), "who has what is asked for once more");
    let reached = evening.store().event(evening.event).unwrap().feed_length;
    assert_eq!(reached, u64::try_from(evening.known.records.len()).unwrap(), "and what came back is kept");
    for gate in [0, 1] {
        evening.show(gate).await;
    }
    for gate in [0, 1] {
        // A log that is found older is a restore, whether or not it is the same one: all is asked for from then on.
        let since = evening.store().now();
        evening.offer(gate, RecoveryOffer::Delivered { since }).await.unwrap();
    }
    assert_eq!(evening.stage().await, None);
    evening.registrar = evening.registrar.restart();
    assert_eq!(evening.stage().await, None, "it is over for good");
}

#[tokio::test]
async fn a_gates_word_alone_stops_nothing_and_a_head_that_we_signed_does() {
    let mut evening = Evening::restored().await;
    let (folder, clock) = stopped(std::mem::replace(&mut evening.registrar, Registrar::new()));
    std::fs::remove_dir_all(folder.path().join("keyring").join("reached")).unwrap();
    evening.registrar = Registrar::on(folder, clock);
    let (store, event) = (evening.store(), evening.event);
    assert_eq!(evening.stage().await, None, "the keyring was lost, too");
    assert_eq!(store.recovery_wish(event, evening.gates[0], (0, evening.kept)), None, "an ordinary gate");
    assert_eq!(store.recovery_wish(event, evening.gates[0], (0, 1 << 20)), Some(RecoveryWish::Head));
    assert_eq!(evening.stage().await, None, "it only says so");
    let key = ed25519_dalek::SigningKey::from_bytes(&[5; 32]);
    let chain = kido_shared::feed::Chain::from_bytes([1; 32]);
    let to = FollowedTo { epoch: Epoch::FIRST, length: 1 << 20, chain };
    let head = FeedHead::issue(event, to, NOW).sign(&key).unwrap().into_bytes();
    let forged = evening.offer(0, RecoveryOffer::Head { head }).await;
    assert!(matches!(forged, Err(Failed::Refused(RecoveryRefusal::Head))), "{forged:?}");
    assert_eq!(evening.stage().await, None);
    assert_eq!(evening.show(0).await, RecoveryWish::Records { from: evening.kept });
    assert_eq!(evening.stage().await, Some(Stage::Records));
}

#[tokio::test]
async fn records_that_do_not_lead_to_a_head_of_ours_are_not_kept_and_another_gate_brings_the_true_ones() {
    let evening = Evening::restored().await;
    let all = evening.known.records.len();
    assert_eq!(evening.show(0).await, RecoveryWish::Records { from: evening.kept });
    assert_eq!(evening.show(1).await, RecoveryWish::Nothing, "one at a time");
    let range = encode_range(&evening.known.records[..1]).unwrap();
    let unasked = evening.offer(1, RecoveryOffer::Records { from: evening.kept, range }).await;
    assert!(matches!(unasked, Err(Failed::Refused(RecoveryRefusal::OtherRecords))), "{unasked:?}");
    evening.bring(0, evening.kept, all - 1).await;
    let made_up = SealedRecord::from_bytes(vec![9; 40]).unwrap();
    let from = u64::try_from(all - 1).unwrap();
    let offer = RecoveryOffer::Records { from, range: encode_range(&[made_up]).unwrap() };
    let refused = evening.offer(0, offer).await;
    assert!(matches!(refused, Err(Failed::Refused(RecoveryRefusal::DoNotFollow))), "{refused:?}");
    let view = evening.store().recovery(evening.event).await.unwrap();
    assert_eq!(view.reached.length, evening.kept, "nothing of it is kept");
    assert!(view.gates.contains(&(evening.gates[0], Brought::OtherHistory)));
    assert_eq!(evening.show(1).await, RecoveryWish::Records { from: evening.kept });
    evening.bring(1, evening.kept, all).await;
    let without = evening.store().recover_without(evening.event, vec![evening.gates[0]], false).await.unwrap();
    assert_eq!(without.stage, Some(Stage::Admissions));
    let since = evening.since();
    evening.offer(1, RecoveryOffer::Delivered { since }).await.unwrap();
    assert_eq!(evening.stage().await, None);
}

#[tokio::test]
async fn a_gate_that_was_left_out_with_records_of_its_own_stops_nobody_when_it_comes_back() {
    let evening = Evening::restored().await;
    let (event, gates) = (evening.event, evening.gates.to_vec());
    let unknown = evening.store().recover_without(event, vec![GateId::from_bytes([77; 16])], true).await;
    assert!(matches!(unknown, Err(Failed::Refused(RecoveryRefusal::UnknownGate))), "{unknown:?}");
    let left = evening.store().recover_without(event, gates, true).await.unwrap();
    assert_eq!(left.stage, None, "nobody is waited for");
    evening.registrar.ticket(event, 30).await;
    assert_eq!(evening.show(0).await, RecoveryWish::Nothing);
    assert_eq!(evening.stage().await, None, "its head is of the history that was given up");
    let again = evening.store().recover_without(event, Vec::new(), true).await;
    assert!(matches!(again, Err(Failed::Refused(RecoveryRefusal::NotRecovering))), "{again:?}");
}

#[tokio::test]
async fn a_conflict_that_was_settled_before_the_disk_was_lost_does_not_stand_again() {
    for without in [false, true] {
        let evening = Evening::restored_where(true).await;
        assert_eq!(evening.counts.standing_conflicts(), 0, "before the loss");
        evening.records_back().await;
        let standing = || evening.store().event(evening.event).unwrap().counts.standing_conflicts();
        let since = evening.since();
        evening.offer(0, RecoveryOffer::Delivered { since }).await.unwrap();
        if without {
            evening.store().recover_without(evening.event, vec![evening.gates[1]], false).await.unwrap();
        } else {
            evening.offer(1, RecoveryOffer::Delivered { since }).await.unwrap();
        }
        assert_eq!((evening.stage().await, standing()), (None, 0));
        let listed = evening.store().conflicts(evening.event).unwrap();
        assert!(listed.len() == 1 && listed[0].settled_at.is_some(), "{listed:?}");
        let registrar = evening.registrar.restart();
        assert_eq!(registrar.store.recovery(evening.event).await.unwrap().stage, None);
    }
}

#[tokio::test]
async fn a_gate_that_was_left_out_is_asked_for_its_journal_when_it_comes_back() {
    let mut evening = Evening::restored().await;
    evening.show(0).await;
    evening.bring(0, evening.kept, evening.known.records.len()).await;
    evening.registrar.clock.advance(Duration::from_secs(60));
    let (event, away) = (evening.event, evening.gates[1]);
    let left = evening.store().recover_without(event, vec![away], false).await.unwrap();
    assert_eq!(left.stage, Some(Stage::Admissions));
    let since = evening.since();
    assert_eq!(evening.offer(0, RecoveryOffer::Delivered { since }).await.unwrap(), RecoveryWish::Nothing);
    assert_eq!(evening.stage().await, None);
    evening.registrar = evening.registrar.restart();
    let store = evening.store();
    let reached = store.event(event).unwrap().feed_length;
    let wish = |gate| store.recovery_wish(event, gate, (0, reached));
    assert_eq!(wish(evening.gates[0]), None, "it has brought everything");
    let journal = Some(RecoveryWish::Journal { since });
    assert_eq!((wish(away), wish(away)), (journal, journal), "until it has brought it");
    let unheard = store.ingest(event, away, vec![admission(3, evening.late, away)]).await.unwrap();
    assert_eq!(unheard[0].outcome, AckOutcome::Stored);
    let other = RecoveryOffer::Delivered { since: since.after(Duration::from_secs(1)) };
    evening.offer(1, other).await.unwrap();
    assert_eq!(wish(away), journal, "that was another recovery's");
    assert_eq!(evening.offer(1, RecoveryOffer::Delivered { since }).await.unwrap(), RecoveryWish::Nothing);
    assert_eq!(wish(away), None);
    let step = claim(&evening.registrar, event, 10, evening.late, evening.gates[0]);
    let late = store.claim(event, evening.gates[0], step).await.unwrap();
    assert!(matches!(late, ClaimAnswer::Taken { .. }), "what it alone knew: {late:?}");
    evening.registrar = evening.registrar.restart();
    assert_eq!(evening.store().recovery_wish(event, away, (0, reached)), None, "for good");
}

#[tokio::test]
async fn a_recovery_that_a_fault_cut_off_says_so_and_the_next_start_goes_on() {
    let mut evening = Evening::restored().await;
    evening.show(0).await;
    let live = evening.store().live(evening.event).unwrap();
    live.recovering.cut_off();
    drop(live);
    let offered = evening.offer(0, RecoveryOffer::Head { head: evening.known.head.clone() }).await;
    assert!(matches!(offered, Err(Failed::Storage(StorageError::CutOff(_)))), "{offered:?}");
    let shown = evening.store().recovery(evening.event).await;
    assert!(matches!(shown, Err(StorageError::CutOff(_))), "{shown:?}");
    let decided = evening.store().recover_without(evening.event, Vec::new(), true).await;
    assert!(matches!(decided, Err(Failed::Storage(StorageError::CutOff(_)))), "{decided:?}");
    evening.registrar = evening.registrar.restart();
    evening.records_back().await;
    assert_eq!(evening.stage().await, Some(Stage::Admissions));
}

#[tokio::test]
async fn a_report_about_a_history_that_was_given_up_is_no_word_about_this_one() {
    let registrar = Registrar::new();
    let home = |draft: &mut kido_shared::policy::PolicyDraft| draft.offline = OfflineChoice::HomeGate;
    let event = registrar.event_with(home).await;
    let one = registrar.gate(event, 1).await;
    let (registrar, backup) = backed_up(registrar);
    // So many more records that the number of what comes later is among them.
    for number in 1..=20 {
        registrar.ticket(event, number).await;
    }
    let (old, old_head) = (known(&registrar, event).await, registrar.store.now());
    let knew = u64::try_from(old.records.len()).unwrap();
    registrar.clock.advance(Duration::from_secs(60));
    let registrar = restored(registrar, &backup);
    let store = &registrar.store;
    assert_eq!(store.recover_without(event, vec![one], true).await.unwrap().stage, None);
    let admit = |draft: &mut kido_shared::policy::PolicyDraft| draft.offline = OfflineChoice::Admit;
    registrar.change_policy(event, policy(admit)).await.unwrap();
    let zone = store.gate(event, one).unwrap().zone;
    let unheard = |store: &Store| {
        let may = store.may_add_gate(event, &zone);
        matches!(may, Err(Failed::Refused(GateRefusal::Unheard { gate })) if gate == one)
    };
    assert!(unheard(store));
    let reached = store.event(event).unwrap().feed_length;
    assert!(knew > reached, "the numbers are taken again");
    store.gate_has_heard(event, one, (Epoch::FIRST, knew), store.now()).await.unwrap();
    assert!(unheard(store), "so many records are not here");
    store.gate_has_heard(event, one, (Epoch::FIRST, reached), old_head).await.unwrap();
    assert!(unheard(store), "its head is from before");
    registrar.clock.advance(Duration::from_secs(1));
    store.gate_has_heard(event, one, (Epoch::FIRST, reached), store.now()).await.unwrap();
    assert!(!unheard(store));
}

#[tokio::test]
async fn a_cut_gives_up_what_no_gate_brings_and_waits_for_journals_alone() {
    let evening = Evening::restored().await;
    let (event, gates) = (evening.event, evening.gates);
    assert_eq!(evening.stage().await, Some(Stage::Records));
    let view = evening.store().cut_epoch(event, super::cutting::cut(&evening.registrar, event, 5)).await.unwrap();
    assert_eq!(evening.stage().await, Some(Stage::Admissions));
    is_recovering(evening.claimed(9, 0).await);
    evening.store().signed_head(event).unwrap();
    let wish = |evening: &Evening, gate| evening.store().recovery_wish(event, gate, (0, 1 << 20));
    let since = evening.since();
    for gate in gates {
        assert_eq!(wish(&evening, gate), Some(RecoveryWish::Journal { since }), "however far it has followed before");
    }
    assert_eq!(evening.show(0).await, RecoveryWish::Journal { since }, "its records are of the epoch that ended");
    let evening = Evening { registrar: evening.registrar.restart(), ..evening };
    assert_eq!(evening.stage().await, Some(Stage::Admissions), "a start in between asks for no record, either");
    let back = vec![uploaded(evening.inside, gates[0])];
    evening.store().ingest(event, gates[0], back).await.unwrap();
    for gate in [0, 1] {
        evening.offer(gate, RecoveryOffer::Delivered { since }).await.unwrap();
    }
    assert_eq!(evening.stage().await, None);
    let taken = evening.claimed(9, 1).await.unwrap();
    assert!(matches!(taken, ClaimAnswer::Taken { .. }), "who got in is in, as a journal told: {taken:?}");
    assert_eq!(evening.state(evening.bound), TicketState::Unbound, "what gates knew of a card is lost");
    let of_before = evening.show(0).await;
    assert_eq!(
        (of_before, evening.stage().await),
        (RecoveryWish::Nothing, None),
        "an old head begins nothing any more"
    );
    assert_eq!(evening.store().event(event).unwrap().epoch, view.epoch);
}

#[tokio::test]
async fn a_registrar_restored_to_before_a_cut_knows_it_and_needs_another_one() {
    let evening = Evening::restored().await;
    let event = evening.event;
    let (registrar, backup) = backed_up(evening.registrar);
    registrar.store.cut_epoch(event, super::cutting::cut(&registrar, event, 5)).await.unwrap();
    let head = registrar.store.signed_head(event).unwrap().into_bytes();
    let registrar = restored(registrar, &backup);
    let store = &registrar.store;
    assert_eq!(store.recovery(event).await.unwrap().stage, Some(Stage::Records));
    assert_eq!(store.known_epoch(event).unwrap(), Epoch::new(5));
    let wish = store.take_back(event, evening.gates[0], RecoveryOffer::Head { head }).await.unwrap();
    assert_eq!(wish, RecoveryWish::Nothing, "its records do not follow on these");
    let same = store.cut_epoch(event, super::cutting::cut(&registrar, event, 5)).await;
    let forward = matches!(same, Err(Failed::Refused(CutRefusal::NotForward { .. })));
    assert!(forward, "two histories never share an epoch: {same:?}");
    store.cut_epoch(event, super::cutting::cut(&registrar, event, 6)).await.unwrap();
    assert_eq!(store.recovery(event).await.unwrap().stage, Some(Stage::Admissions));
}

#[tokio::test]
async fn a_log_from_behind_a_cut_under_a_keyring_from_before_it_is_got_back() {
    let evening = Evening::restored().await;
    let (event, gates) = (evening.event, evening.gates);
    evening.store().cut_epoch(event, super::cutting::cut(&evening.registrar, event, 5)).await.unwrap();
    let (registrar, backup) = backed_up(evening.registrar);
    let (since_cut, _code) = registrar.ticket(event, 90).await;
    let reached = registrar.store.event(event).unwrap().feed_length;
    let head = registrar.store.signed_head(event).unwrap().into_bytes();
    let tail = registrar.store.feed_tail(event, Epoch::new(5), 0).await.unwrap().unwrap();
    registrar.store.forget_mark(event);
    let registrar = restored(registrar, &backup);
    let store = &registrar.store;
    let from = store.event(event).unwrap().feed_length;
    assert!(from < reached);
    assert_eq!(store.recovery_wish(event, gates[0], (5, reached)), Some(RecoveryWish::Head), "it is ahead of us");
    let wish = store.take_back(event, gates[0], RecoveryOffer::Head { head: head.clone() }).await.unwrap();
    assert_eq!(wish, RecoveryWish::Records { from });
    let missing = decode_range(&tail).unwrap().split_off(usize::try_from(from).unwrap());
    let range = encode_range(&missing).unwrap();
    store.take_back(event, gates[0], RecoveryOffer::Records { from, range }).await.unwrap();
    store.take_back(event, gates[1], RecoveryOffer::Head { head }).await.unwrap();
    assert_eq!(store.recovery(event).await.unwrap().stage, Some(Stage::Admissions));
    assert_eq!(store.event(event).unwrap().feed_length, reached);
    assert!(store.ticket(event, &TicketName::Id(since_cut)).is_ok(), "what gates had heard of behind the cut");
}
