//! Who decides alone, on line or off it, and which gates may join beside that.

use kido_shared::ids::Epoch;
use kido_shared::policy::{ArbiterHome, OfflineChoice};
use kido_shared::ticket::Zone;

use super::super::*;
use super::gates::{admission, bound, claim};
use crate::domain::claim::ClaimRefusal;
use crate::domain::event::EventRefusal;
use crate::domain::gate::GateRefusal;
use crate::testing::{Registrar, policy};

#[tokio::test]
async fn while_a_zones_gate_admits_by_itself_no_second_one_joins_it() {
    let registrar = Registrar::new();
    let event = registrar.event_with(|draft| draft.offline = OfflineChoice::HomeGate).await;
    let one = registrar.gate(event, 1).await;
    let (same, other) = (Zone::new("A").unwrap(), Zone::new("B").unwrap());
    let may_add = |zone: &Zone| registrar.store.may_add_gate(event, zone);
    assert!(matches!(may_add(&same), Err(Failed::Refused(GateRefusal::HomeGate))));
    assert!(may_add(&other).is_ok());
    registrar.store.revoke_gate(event, one).await.unwrap();
    assert!(may_add(&same).is_ok());
}

fn length(registrar: &Registrar, event: EventId) -> u64 {
    registrar.store.event(event).unwrap().feed_length
}

#[tokio::test]
async fn a_second_gate_waits_until_the_home_gate_knows_that_it_is_one_no_longer() {
    let registrar = Registrar::new();
    let home = || policy(|draft| draft.offline = OfflineChoice::HomeGate);
    let event = registrar.event_with(|draft| draft.offline = OfflineChoice::HomeGate).await;
    let one = registrar.gate(event, 1).await;
    let knew = length(&registrar, event);
    registrar.change_policy(event, policy(|_draft| {})).await.unwrap();
    let (same, other) = (Zone::new("A").unwrap(), Zone::new("B").unwrap());
    let may_add = |registrar: &Registrar, zone: &Zone| registrar.store.may_add_gate(event, zone);
    let refusal = |asked: Result<(), Failed<GateRefusal>>| match asked {
        Err(Failed::Refused(refusal)) => Some(refusal),
        Ok(()) | Err(Failed::Storage(_)) => None,
    };
    let unheard = Some(GateRefusal::Unheard { gate: one });
    assert_eq!(
        refusal(may_add(&registrar, &same)),
        unheard,
        "it may admit off line, and another one beside it on line"
    );
    assert!(may_add(&registrar, &other).is_ok(), "no ticket of another zone is meant");
    registrar.store.gate_has_heard(event, one, (Epoch::FIRST, knew), registrar.store.now()).await.unwrap();
    assert_eq!(refusal(may_add(&registrar, &same)), unheard, "it has told what it knew before");
    registrar.change_policy(event, home()).await.unwrap();
    registrar.change_policy(event, policy(|draft| draft.offline = OfflineChoice::Admit)).await.unwrap();
    registrar.store.gate_has_heard(event, one, (Epoch::FIRST, knew + 1), registrar.store.now()).await.unwrap();
    assert_eq!(refusal(may_add(&registrar, &same)), unheard, "it has heard of an earlier end than the last");
    let knows = length(&registrar, event);
    registrar.store.gate_has_heard(event, one, (Epoch::FIRST, knows), registrar.store.now()).await.unwrap();
    assert!(may_add(&registrar, &same).is_ok());
    let registrar = registrar.restart();
    assert!(may_add(&registrar, &same).is_ok(), "it does not have to say so again");
    let two = registrar.gate(event, 2).await;
    registrar.change_policy(event, home()).await.unwrap();
    registrar.store.revoke_gate(event, one).await.unwrap();
    registrar.change_policy(event, policy(|_draft| {})).await.unwrap();
    assert_eq!(refusal(may_add(&registrar, &same)), Some(GateRefusal::Unheard { gate: two }), "it was one last");
    registrar.store.revoke_gate(event, two).await.unwrap();
    assert!(may_add(&registrar, &same).is_ok(), "nobody waits for a gate without rights");
}

#[tokio::test]
async fn a_gate_that_came_after_the_end_of_home_gate_is_not_waited_for() {
    let registrar = Registrar::new();
    let event = registrar.event_with(|draft| draft.offline = OfflineChoice::HomeGate).await;
    registrar.change_policy(event, policy(|_draft| {})).await.unwrap();
    registrar.gate(event, 1).await;
    assert!(registrar.store.may_add_gate(event, &Zone::new("A").unwrap()).is_ok());
}

#[tokio::test]
async fn a_local_arbiter_serves_one_gate_whichever_way_round_it_is_asked() {
    let registrar = Registrar::new();
    let event = registrar.event_with(|draft| draft.arbiter.home = ArbiterHome::Local).await;
    let one = registrar.gate(event, 1).await;
    assert!(matches!(
        registrar.store.may_add_gate(event, &Zone::new("A").unwrap()),
        Err(Failed::Refused(GateRefusal::LocalArbiter))
    ));
    let (ticket, _code) = registrar.ticket(event, 1).await;
    let step = claim(&registrar, event, 1, ticket, one);
    let elsewhere = registrar.store.claim(event, one, step).await;
    assert!(matches!(elsewhere, Err(Failed::Refused(ClaimRefusal::ArbiterElsewhere))));
    registrar.change_policy(event, policy(|_draft| {})).await.unwrap();
    let other = Zone::new("B").unwrap();
    let early = registrar.store.may_add_gate(event, &other);
    assert!(matches!(early, Err(Failed::Refused(GateRefusal::Unheard { .. }))), "it decides by itself in any zone");
    registrar
        .store
        .gate_has_heard(event, one, (Epoch::FIRST, length(&registrar, event)), registrar.store.now())
        .await
        .unwrap();
    registrar.gate(event, 2).await;
    let local = policy(|draft| draft.arbiter.home = ArbiterHome::Local);
    let back = registrar.change_policy(event, local).await;
    assert!(matches!(back, Err(Failed::Refused(EventRefusal::LocalArbiter { gates: 2 }))));
}

#[tokio::test]
async fn the_arbiter_stays_once_anything_was_claimed_or_admitted() {
    let local = || {
        policy(|draft| {
            draft.arbiter.home = ArbiterHome::Local;
            draft.name = "moved".to_owned();
        })
    };
    let cluster = || policy(|draft| draft.arbiter.cluster = kido_shared::ids::ArbiterId::from_bytes([4; 16]));
    for claimed in [true, false] {
        let registrar = Registrar::new();
        let event = registrar.event().await;
        let ticket = bound(&registrar, event).await;
        let gate = registrar.gate(event, 1).await;
        registrar.change_policy(event, local()).await.unwrap();
        registrar.change_policy(event, policy(|_draft| {})).await.unwrap();
        if claimed {
            registrar.store.claim(event, gate, claim(&registrar, event, 1, ticket, gate)).await.unwrap();
        } else {
            registrar.store.upload(event, gate, vec![admission(1, ticket, gate)]).await.unwrap();
        }
        for moved in [local(), cluster()] {
            let refused = registrar.change_policy(event, moved).await;
            assert!(matches!(refused, Err(Failed::Refused(EventRefusal::ArbiterFixed))), "{refused:?}");
        }
        registrar.change_policy(event, policy(|draft| draft.name = "renamed".to_owned())).await.unwrap();
    }
}
