//! A registrar that comes back from a backup, and the gates that know more.

mod behind_a_cut;
mod evening;

use core::time::Duration;

use kido_shared::challenge::Action;
use kido_shared::claim::{ClaimAnswer, FreedClaims};
use kido_shared::feed::{FeedHead, FollowedTo, SealedRecord, encode_range};
use kido_shared::ids::{Epoch, GateId};
use kido_shared::policy::OfflineChoice;
use kido_shared::wire::v1::admissions::{AckOutcome, AdmissionBatch};
use kido_shared::wire::v1::recovery::{RecoveryOffer, RecoveryWish};
use kido_virtual_card::character::Character;

use self::evening::{Evening, is_recovering, known, stopped, uploaded};
pub(super) use self::evening::{backed_up, restored};
use super::super::*;
use super::following::follow;
use super::gates::{admission, claim};
use crate::domain::gate::GateRefusal;
use crate::domain::recovery::{Brought, RecoveryRefusal, Stage};
use crate::domain::registration::RegistrationRefusal;
use crate::domain::ticket::TicketState;
use crate::registration::StartRequest;
use crate::testing::{NOW, Registrar, policy};

#[tokio::test]
async fn until_all_is_back_nothing_is_written_signed_or_granted_and_everything_can_be_read() {
    let evening = Evening::restored().await;
    let (store, event) = (evening.store(), evening.event);
    assert!(store.event(event).unwrap().recovering);
    assert_eq!(evening.stage().await, Some(Stage::Records));
    assert!(matches!(store.signed_head(event), Err(StorageError::Recovering { length, .. }) if length == evening.kept));
    is_recovering(evening.claimed(9, 1).await);
    is_recovering(store.upload(event, evening.gates[0], vec![uploaded(evening.inside, evening.gates[0])]).await);
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
    let again = store.upload(event, evening.gates[0], vec![uploaded(evening.inside, evening.gates[0])]).await.unwrap();
    assert_eq!(again[0].outcome, AckOutcome::Repeated);
    let unheard = admission(3, evening.late, evening.gates[1]);
    assert_eq!(store.upload(event, evening.gates[1], vec![unheard]).await.unwrap()[0].outcome, AckOutcome::Stored);
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
        let start = StartRequest::CardAlone { action: Action::Resume, event: evening.event, from: None };
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
    let unheard = store.upload(event, away, vec![admission(3, evening.late, away)]).await.unwrap();
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
