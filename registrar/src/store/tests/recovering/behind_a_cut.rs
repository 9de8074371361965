//! A recovery that a cut has ended, and one that a cut has begun.

use kido_shared::claim::ClaimAnswer;
use kido_shared::feed::{decode_range, encode_range};
use kido_shared::ids::Epoch;
use kido_shared::wire::v1::recovery::{RecoveryOffer, RecoveryWish};

use super::evening::{Evening, backed_up, is_recovering, restored, uploaded};
use crate::domain::cut::CutRefusal;
use crate::domain::recovery::Stage;
use crate::domain::ticket::TicketState;
use crate::store::tests::cutting::cut;
use crate::store::*;

#[tokio::test]
async fn a_cut_gives_up_what_no_gate_brings_and_waits_for_journals_alone() {
    let evening = Evening::restored().await;
    let (event, gates) = (evening.event, evening.gates);
    assert_eq!(evening.stage().await, Some(Stage::Records));
    let view = evening.store().cut_epoch(event, cut(&evening.registrar, event, 5)).await.unwrap();
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
    evening.store().upload(event, gates[0], back).await.unwrap();
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
    registrar.store.cut_epoch(event, cut(&registrar, event, 5)).await.unwrap();
    let head = registrar.store.signed_head(event).unwrap().into_bytes();
    let registrar = restored(registrar, &backup);
    let store = &registrar.store;
    assert_eq!(store.recovery(event).await.unwrap().stage, Some(Stage::Records));
    assert_eq!(store.known_epoch(event).unwrap(), Epoch::new(5));
    let wish = store.take_back(event, evening.gates[0], RecoveryOffer::Head { head }).await.unwrap();
    assert_eq!(wish, RecoveryWish::Nothing, "its records do not follow on these");
    let same = store.cut_epoch(event, cut(&registrar, event, 5)).await;
    let forward = matches!(same, Err(Failed::Refused(CutRefusal::NotForward { .. })));
    assert!(forward, "two histories never share an epoch: {same:?}");
    store.cut_epoch(event, cut(&registrar, event, 6)).await.unwrap();
    assert_eq!(store.recovery(event).await.unwrap().stage, Some(Stage::Admissions));
}

#[tokio::test]
async fn a_log_from_behind_a_cut_under_a_keyring_from_before_it_is_got_back() {
    let evening = Evening::restored().await;
    let (event, gates) = (evening.event, evening.gates);
    evening.store().cut_epoch(event, cut(&evening.registrar, event, 5)).await.unwrap();
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
