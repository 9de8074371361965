use kido_shared::wire::v1::operator;

use super::gates::{Enrolled, enrol};
use super::*;
use crate::audit::{Deed, Object};

#[tokio::test]
async fn an_operator_sees_what_a_gate_holds_and_frees_it_once_the_gate_is_revoked() {
    let served = Served::new();
    let event = served.event().await;
    let Enrolled { gate, .. } = enrol(&served, event, 1).await;
    let path = operator::gate_claims(event, gate);
    assert_eq!(served.get(Some(Role::Sales), &path).await.problem(), problem(403, "role"));
    let shown = served.get(Some(Role::Viewer), &path).await.ok();
    let held = json!({"gate": gate, "revoked": false, "decided_by": "registrar", "unopened": 0, "opened": 0});
    assert_eq!(shown, held);
    let wanted = json!({"freed": "all", "told": 0});
    for role in [Role::Sales, Role::Desk, Role::Viewer] {
        assert_eq!(served.post(Some(role), &path, &wanted).await.problem(), problem(403, "role"), "{role:?}");
    }
    let operator = Some(Role::Operator);
    assert_eq!(served.post(operator, &path, &wanted).await.problem(), problem(409, "gate_in_force"));
    served.post(operator, &operator::gate_revoke(event, gate), &json!({})).await.ok();
    assert_eq!(served.post(operator, &path, &wanted).await.ok()["freed"], "all");
    assert_eq!(served.get(Some(Role::Viewer), &path).await.ok()["freed"], "all");
    let lines = served.app.audit.page(None).unwrap().lines;
    let freed: Vec<_> = lines.iter().filter(|line| line.deed == Deed::ClaimsFreed).collect();
    assert!(freed.iter().all(|line| line.object == Object::Gate(gate)));
    let outcomes: Vec<_> = freed.iter().map(|line| line.refused.as_deref()).collect();
    assert_eq!(outcomes, [None, Some("gate_in_force")], "the newest first, the refused one too");
}
