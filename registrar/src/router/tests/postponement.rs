use kido_shared::challenge::Action;
use kido_shared::ids::TicketId;
use kido_shared::wire::v1::operator;
use kido_virtual_card::character::Character;

use super::*;

const HOUR_MS: i64 = 3_600_000;

fn to(hours: i64) -> i64 {
    crate::testing::draft().starts_at.unix_ms() + hours * HOUR_MS
}

async fn postpone(served: &Served, event: EventId, body: Value) -> Answer {
    served.post(Some(Role::Operator), &operator::postponement(event), &body).await
}

async fn window(served: &Served, event: EventId, name: &str) -> (i64, i64) {
    let ticket = served.get(Some(Role::Viewer), &operator::ticket(event, name)).await.ok();
    (ticket["valid_from"].as_i64().unwrap(), ticket["valid_until"].as_i64().unwrap())
}

#[tokio::test]
async fn an_event_and_all_its_tickets_move_by_the_same_span_and_once() {
    let served = Served::new();
    let event = served.event().await;
    for number in 1..=3 {
        served.registrar.ticket(event, number).await;
    }
    let cancel = json!({"change": "cancel"});
    served.post(Some(Role::Sales), &operator::ticket_status(event, "TICKET-3"), &cancel).await.ok();
    let before = served.get(Some(Role::Operator), &operator::event(event)).await.ok();
    let (first, void) = (window(&served, event, "TICKET-1").await, window(&served, event, "TICKET-3").await);

    let foreseen = postpone(&served, event, json!({"starts_at": to(48), "check": true})).await.ok();
    assert_eq!((&foreseen["moved"], &foreseen["left_alone"]), (&json!(2), &json!(1)));
    assert_eq!(window(&served, event, "TICKET-1").await, first, "a look changes nothing");

    let done = postpone(&served, event, json!({"starts_at": to(48)})).await.ok();
    assert_eq!((&done["moved"], &done["left_alone"], done.get("reached")), (&json!(2), &json!(1), None));
    let after = served.get(Some(Role::Operator), &operator::event(event)).await.ok();
    for field in ["starts_at", "ends_at"] {
        assert_eq!(after[field].as_i64().unwrap(), before[field].as_i64().unwrap() + 48 * HOUR_MS, "{field}");
    }
    assert_eq!(after["moving"], false);
    let moved = (first.0 + 48 * HOUR_MS, first.1 + 48 * HOUR_MS);
    assert_eq!(window(&served, event, "TICKET-2").await, moved);
    assert_eq!(window(&served, event, "TICKET-3").await, void, "a void ticket stays");

    let again = postpone(&served, event, json!({"starts_at": to(48)})).await.ok();
    assert_eq!(again["moved"], 0, "the same date again is no second move");
    assert_eq!(window(&served, event, "TICKET-1").await, moved);
    let lines = served.app.audit.page(None).unwrap().lines;
    assert_eq!(lines.iter().filter(|line| line.deed == crate::audit::Deed::EventPostponed).count(), 2);
}

#[tokio::test]
async fn a_postponement_that_was_stopped_goes_on_also_after_a_restart() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let most = kido_shared::limits::TICKETS_PER_BATCH;
    let rows: Vec<_> = (0..most as u64).map(|number| crate::testing::row(number).0).collect();
    registrar.store.import_tickets(event, rows, true).await.unwrap();
    registrar.store.import_tickets(event, vec![crate::testing::row(9_999).0], true).await.unwrap();
    let starts_at = kido_shared::clock::Timestamp::from_unix_ms(to(24));
    let first = registrar.store.postpone(event, starts_at).await.unwrap();
    assert_eq!(usize::try_from(first.moved).unwrap(), most);
    assert!(first.reached.is_some());

    let registrar = registrar.restart();
    let store = &registrar.store;
    let refused = store.import_tickets(event, vec![crate::testing::row(10_000).0], true).await;
    assert!(matches!(refused, Err(crate::store::Failed::Refused(crate::store::ImportRefusal::Moving))), "{refused:?}");
    let elsewhere = store.postpone(event, starts_at.after(Duration::from_secs(1))).await;
    let under_way = crate::domain::event::EventRefusal::OtherDateUnderWay;
    assert!(matches!(elsewhere, Err(crate::store::Failed::Refused(refusal)) if refusal == under_way), "{elsewhere:?}");
    assert!(store.event(event).unwrap().moving);
    let second = store.postpone(event, starts_at).await.unwrap();
    assert_eq!((second.moved, second.reached), (1, None));
    assert!(!store.event(event).unwrap().moving);
    store.import_tickets(event, vec![crate::testing::row(10_000).0], true).await.unwrap();
}

#[tokio::test]
async fn whose_certificate_may_end_before_the_new_date_is_listed() {
    let served = Served::new();
    let event = served.event().await;
    let (ticket, code) = served.registrar.ticket(event, 1).await;
    served.registrar.ticket(event, 2).await;
    served.registrar.register(Action::Bind, &code, Character::Holder).await.unwrap();
    // This certificate outlives the event by a year: a day later nothing is to be done, two years later everything is.
    let near = postpone(&served, event, json!({"starts_at": to(24), "check": true})).await.ok();
    assert_eq!(near["to_recheck"], json!([]));
    let far = postpone(&served, event, json!({"starts_at": to(2 * 366 * 24)})).await.ok();
    assert_eq!(far["to_recheck"][0]["ticket"], json!(ticket.to_string()));
    assert_eq!((&far["to_recheck"][0]["zone"], far["to_recheck"].as_array().unwrap().len()), (&json!("A"), 1));
    let shown = served.get(Some(Role::Desk), &operator::ticket(event, "TICKET-1")).await.ok();
    assert_eq!(shown["uses"]["certificate_ends_before_event"], true);
}

#[tokio::test]
async fn only_the_operator_moves_an_event() {
    let served = Served::new();
    let event = served.event().await;
    for role in [Role::Sales, Role::Desk, Role::Viewer] {
        for check in [true, false] {
            let body = json!({"starts_at": to(24), "check": check});
            let refused = served.post(Some(role), &operator::postponement(event), &body).await;
            assert_eq!(refused.problem(), problem(403, "role"), "{role:?}");
        }
    }
    let over = postpone(&served, event, json!({"starts_at": 0})).await;
    assert_eq!(over.problem(), problem(422, "event_over"));
    let body = json!({"starts_at": to(24), "check": true, "after": TicketId::from_bytes([255; 16]).to_string()});
    assert_eq!(postpone(&served, event, body).await.ok()["moved"], 0);
}
