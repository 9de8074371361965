use kido_shared::challenge::Origin;
use kido_shared::claim::{ClaimStep, NamedAdmission};
use kido_shared::feed::FeedRecord;
use kido_shared::ids::{AdmissionId, ArbiterId, TicketId};
use kido_shared::policy::{ArbiterHome, ArbiterName};
use kido_shared::wire::v1::admissions::{AskedArbiter, ClaimBody};

use super::super::*;
use crate::domain::arbiter::ArbiterRefusal;
use crate::domain::claim::ClaimRefusal;
use crate::domain::event::EventRefusal;
use crate::testing::{Registrar, policy};

fn new(number: u8) -> NewArbiter {
    let addresses = vec![Origin::parse("https://arbiter.example").unwrap()];
    NewArbiter { arbiter: ArbiterId::from_bytes([number; 16]), verifying_key: [number; 32], addresses, shared: false }
}

/// One of several that share their records.
fn sharing(number: u8) -> NewArbiter {
    let addresses = vec![Origin::parse(&format!("https://arbiter-{number}.example")).unwrap()];
    NewArbiter { addresses, shared: true, ..new(number) }
}

async fn in_venue(registrar: &Registrar) -> EventId {
    registrar.event_with(|draft| draft.arbiter.home = ArbiterHome::Venue).await
}

fn name(registrar: &Registrar, event: EventId) -> ArbiterName {
    registrar.store.policy(event).unwrap().choices().arbiter.clone()
}

/// The newest records of the event's feed.
async fn told(registrar: &Registrar, event: EventId, count: usize) -> Vec<FeedRecord> {
    let all = super::following::follow(&registrar.store, event).await;
    let behind = all.len() - count;
    all.into_iter().skip(behind).map(|(_place, record)| record).collect()
}

#[tokio::test]
async fn an_event_has_one_box_at_a_time_and_none_where_claims_are_decided_elsewhere() {
    let registrar = Registrar::new();
    let here = registrar.event().await;
    let refused = registrar.store.add_arbiter(here, new(1)).await;
    assert!(matches!(refused, Err(Failed::Refused(ArbiterRefusal::NotVenue))), "{refused:?}");
    let event = in_venue(&registrar).await;
    let added = registrar.store.add_arbiter(event, new(1)).await.unwrap();
    assert_eq!(registrar.store.add_arbiter(event, new(1)).await.unwrap(), added, "repeating it changes nothing");
    let second = registrar.store.add_arbiter(event, new(2)).await;
    assert!(matches!(second, Err(Failed::Refused(ArbiterRefusal::OneOnly))), "{second:?}");
    assert_eq!(told(&registrar, event, 1).await, [FeedRecord::Arbiter(added.record)]);
}

#[tokio::test]
async fn revoking_a_box_begins_the_next_incarnation_in_the_same_step_and_another_box_serves_that() {
    let registrar = Registrar::new();
    let event = in_venue(&registrar).await;
    let first = registrar.store.add_arbiter(event, new(1)).await.unwrap();
    assert!(first.record.serves(&name(&registrar, event)));
    let revoked = registrar.store.revoke_arbiter(event, first.arbiter).await.unwrap();
    assert_eq!(registrar.store.revoke_arbiter(event, first.arbiter).await.unwrap(), revoked);
    assert_eq!(name(&registrar, event).epoch, 1, "once, however often it is asked for");
    let [FeedRecord::Arbiter(record), FeedRecord::Policy(told)] = &told(&registrar, event, 2).await[..] else {
        panic!("both, next to each other")
    };
    assert!(record.revoked && told.choices().arbiter == name(&registrar, event));
    let second = registrar.store.add_arbiter(event, new(2)).await.unwrap();
    assert!(second.record.serves(&name(&registrar, event)) && !first.record.serves(&name(&registrar, event)));
    let again = registrar.store.add_arbiter(event, new(1)).await;
    assert!(matches!(again, Err(Failed::Refused(ArbiterRefusal::Revoked))), "{again:?}");
    let registrar = registrar.restart();
    let kept: Vec<bool> = registrar.store.arbiters(event).unwrap().iter().map(|view| view.record.revoked).collect();
    assert_eq!(kept, [true, false]);
}

#[tokio::test]
async fn several_boxes_serve_one_incarnation_only_where_all_of_them_share_their_records() {
    let registrar = Registrar::new();
    let (alone, event) = (in_venue(&registrar).await, in_venue(&registrar).await);
    registrar.store.add_arbiter(alone, new(1)).await.unwrap();
    let beside = registrar.store.add_arbiter(alone, sharing(2)).await;
    assert!(matches!(beside, Err(Failed::Refused(ArbiterRefusal::OneOnly))), "beside a lone one: {beside:?}");
    for number in 1..=5 {
        let added = registrar.store.add_arbiter(event, sharing(number)).await.unwrap();
        assert!(added.record.shared && added.record.serves(&name(&registrar, event)));
        let alone = registrar.store.add_arbiter(event, new(9)).await;
        assert!(matches!(alone, Err(Failed::Refused(ArbiterRefusal::OneOnly))), "{alone:?}");
    }
    let same_place = NewArbiter { addresses: sharing(2).addresses, ..sharing(7) };
    for (one_more, refusal) in [(same_place, ArbiterRefusal::AddressTaken), (sharing(6), ArbiterRefusal::SharedMax)] {
        let refused = registrar.store.add_arbiter(event, one_more).await;
        assert!(matches!(refused, Err(Failed::Refused(why)) if why == refusal), "{refused:?}");
    }
}

#[tokio::test]
async fn of_boxes_that_share_their_records_only_the_last_one_takes_the_incarnation_with_it() {
    let registrar = Registrar::new();
    let event = in_venue(&registrar).await;
    let boxes = [1, 2].map(|number| ArbiterId::from_bytes([number; 16]));
    for number in [1, 2] {
        registrar.store.add_arbiter(event, sharing(number)).await.unwrap();
    }
    let incarnation = name(&registrar, event);
    registrar.store.revoke_arbiter(event, boxes[0]).await.unwrap();
    assert_eq!(name(&registrar, event), incarnation, "the other one goes on");
    assert!(matches!(&told(&registrar, event, 1).await[..], [FeedRecord::Arbiter(record)] if record.revoked));
    registrar.store.add_arbiter(event, sharing(3)).await.unwrap();
    for (number, epoch) in [(2, 0), (3, 1)] {
        registrar.store.revoke_arbiter(event, ArbiterId::from_bytes([number; 16])).await.unwrap();
        assert_eq!(name(&registrar, event).epoch, epoch);
    }
}

#[tokio::test]
async fn claims_stay_in_the_venue_once_a_box_was_enrolled_whatever_became_of_it() {
    let registrar = Registrar::new();
    let event = in_venue(&registrar).await;
    let home = |home: ArbiterHome| {
        let cluster = ArbiterId::from_bytes([9; 16]);
        policy(|draft| draft.arbiter = ArbiterName { home, cluster, epoch: 0 })
    };
    registrar.change_policy(event, home(ArbiterHome::Registrar)).await.unwrap();
    registrar.change_policy(event, home(ArbiterHome::Venue)).await.unwrap();
    let added = registrar.store.add_arbiter(event, new(1)).await.unwrap();
    registrar.store.revoke_arbiter(event, added.arbiter).await.unwrap();
    let refused = registrar.change_policy(event, home(ArbiterHome::Registrar)).await;
    assert!(matches!(refused, Err(Failed::Refused(EventRefusal::ArbiterFixed))), "{refused:?}");
}

#[tokio::test]
async fn a_registrar_answers_no_claim_that_was_meant_for_another_arbiter() {
    let registrar = Registrar::new();
    let (here, venue) = (registrar.event().await, in_venue(&registrar).await);
    for (event, asked_here) in [(here, true), (venue, false)] {
        let gate = registrar.gate(event, 1).await;
        let admission = AdmissionId::from_bytes([1; 16]);
        let step = ClaimStep::Withdraw(NamedAdmission { admission, ticket: TicketId::from_bytes([1; 16]), gate });
        let own = AskedArbiter::of(&name(&registrar, event));
        let next = AskedArbiter { epoch: own.epoch + 1, ..own };
        for (arbiter, answered) in [(None, asked_here), (Some(own), asked_here), (Some(next), false)] {
            let refused = registrar.store.claim(event, gate, ClaimBody { step: step.clone(), arbiter }).await;
            let elsewhere = matches!(refused, Err(Failed::Refused(ClaimRefusal::ArbiterElsewhere)));
            assert_eq!(!elsewhere, answered, "{arbiter:?}: {refused:?}");
        }
    }
}
