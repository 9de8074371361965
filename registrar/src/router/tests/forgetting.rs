use kido_shared::wire::v1::{operator, routes};

use super::*;
use crate::audit::Deed;
use crate::reports::tests::report;
use crate::testing::draft;

async fn delete(served: &Served, role: Role, event: EventId) -> Answer {
    served.send(request(Method::DELETE, Some(role), &operator::event(event)).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn only_the_operator_deletes_an_event_and_only_after_its_retention_date() {
    let served = Served::new();
    let event = served.event().await;
    let early = delete(&served, Role::Operator, event).await;
    assert_eq!(early.problem(), problem(409, "event_kept"));
    served.registrar.clock.set(draft().retention_at);
    for role in [Role::Sales, Role::Desk, Role::Viewer] {
        assert_eq!(delete(&served, role, event).await.problem(), problem(403, "role"), "{role:?}");
    }
    let deleted = delete(&served, Role::Operator, event).await.ok();
    assert_eq!(deleted["event"], event.to_string());
    assert_eq!(deleted["week_keys_gone"].as_array().unwrap().len(), 1);
    assert_eq!(delete(&served, Role::Operator, event).await.ok(), deleted, "asked again");
    let gone = served.get(Some(Role::Operator), &operator::event(event)).await;
    assert_eq!(gone.problem(), problem(410, "event_forgotten"));
    assert!(served.get(None, &routes::feed_head(event)).await.status.is_success(), "gates hear the time");
    let lines = served.app.audit.page(None).unwrap().lines.into_iter();
    let of_deed = lines.filter(|line| line.deed == Deed::EventForgotten && line.event == Some(event));
    let outcomes: Vec<_> = of_deed.map(|line| line.refused).collect();
    assert_eq!(outcomes, [None, None, Some("event_kept".to_owned())], "the newest first");
}

#[tokio::test]
async fn an_event_waits_for_entries_that_only_a_gate_in_force_knows() {
    let served = Served::new();
    let event = served.event().await;
    let gate = served.registrar.gate(event, 1).await;
    let waits = |waits| {
        let report = kido_shared::wire::v1::report::GateReport { waits_to_upload: waits, ..report(1, &[]) };
        served.app.reports.take(event, gate, report, NOW).unwrap();
    };
    served.registrar.clock.set(draft().retention_at);
    waits(true);
    let refused = delete(&served, Role::Operator, event).await;
    assert_eq!(refused.problem(), problem(409, "entries_out"));
    assert!(refused.json()["detail"].as_str().unwrap().contains(&gate.to_string()), "which gate");
    waits(false);
    delete(&served, Role::Operator, event).await.ok();
    assert!(served.app.reports.of(event, 0).gates.is_empty());
}

#[tokio::test]
async fn a_gate_that_was_revoked_is_not_waited_for() {
    let served = Served::new();
    let event = served.event().await;
    let gate = served.registrar.gate(event, 1).await;
    let report = kido_shared::wire::v1::report::GateReport { waits_to_upload: true, ..report(1, &[]) };
    served.app.reports.take(event, gate, report, NOW).unwrap();
    served.registrar.clock.set(draft().retention_at);
    served.registrar.store.revoke_gate(event, gate).await.unwrap();
    delete(&served, Role::Operator, event).await.ok();
}
