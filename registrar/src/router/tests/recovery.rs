use kido_shared::wire::v1::{operator, routes};

use super::gates::{Enrolled, enrol, signed_at};
use super::*;

fn report(length: u64) -> String {
    json!({"boot": 1, "feed_epoch": 0, "feed_length": length, "head_issued_at": null, "arbiter_answers": true,
        "out_of_order": null, "waits_to_upload": false, "refusals": []})
    .to_string()
}

#[tokio::test]
async fn a_gate_that_says_it_knows_more_is_asked_for_our_own_word_and_nothing_stops_before_it_has_come() {
    let served = Served::new();
    let event = served.event().await;
    let Enrolled { gate, keys } = enrol(&served, event, 1).await;
    let tell = |body: String, nonce| served.send(signed_at(&routes::reports(event), &body, (gate, &keys), NOW, nonce));
    assert_eq!(tell(report(1), 1).await.ok(), json!({}), "an ordinary day says nothing of it");
    assert_eq!(tell(report(900), 2).await.ok(), json!({"recovery": {"want": "head"}}));
    let path = routes::recovery(event);
    let offer = |body: Value, nonce| served.send(signed_at(&path, &body.to_string(), (gate, &keys), NOW, nonce));
    let own = base64url::encode(served.registrar.store.signed_head(event).unwrap().as_bytes());
    assert_eq!(offer(json!({"offer": "head", "head": own}), 3).await.ok(), json!({"want": "nothing"}));
    let forged = offer(json!({"offer": "head", "head": base64url::encode(&[7; 90])}), 4).await;
    assert_eq!(forged.problem(), problem(403, "head_refused"));
    let records = json!({"offer": "records", "from": 2, "range": base64url::encode(&[0x80])});
    assert_eq!(offer(records, 5).await.problem(), problem(409, "not_recovering"));
    let unsigned = served.post(Some(Role::Operator), &path, &json!({"offer": "head", "head": ""})).await;
    assert_eq!(unsigned.status, StatusCode::UNAUTHORIZED);
    served.registrar.ticket(event, 1).await;
}

#[tokio::test]
async fn whoever_runs_the_event_sees_how_far_it_is_and_an_operator_alone_decides_and_is_listed() {
    let served = Served::new();
    let event = served.event().await;
    let path = routes::recovery(event);
    for role in [Role::Viewer, Role::Desk, Role::Operator] {
        let shown = served.get(Some(role), &path).await.ok();
        assert_eq!((&shown["stage"], &shown["gates"]), (&json!("over"), &json!([])));
    }
    assert_eq!(served.get(Some(Role::Sales), &path).await.problem(), problem(403, "role"));
    let decision = json!({"without": [], "lost_records": true});
    for role in [Role::Viewer, Role::Desk, Role::Sales] {
        let refused = served.with_body(Method::PATCH, Some(role), &path, &decision).await;
        assert_eq!(refused.problem(), problem(403, "role"));
    }
    let needless = served.with_body(Method::PATCH, Some(Role::Operator), &path, &decision).await;
    assert_eq!(needless.problem(), problem(409, "not_recovering"));
    let lines = served.app.audit.page(None).unwrap().lines;
    let listed = lines.iter().find(|line| line.deed == crate::audit::Deed::RecoveredWithout).unwrap();
    assert_eq!(listed.refused.as_deref(), Some("not_recovering"));
    let event = served.get(Some(Role::Operator), &operator::event(event)).await.ok();
    assert_eq!(event["recovering"], false);
}

#[tokio::test]
async fn a_gate_that_a_recovery_went_on_without_is_asked_for_its_journal_by_the_answer_to_its_report() {
    let served = Served::new();
    let event = served.event().await;
    let Enrolled { gate, keys } = enrol(&served, event, 1).await;
    let Enrolled { gate: other, keys: others } = enrol(&served, event, 2).await;
    served.app.store.went_on_without(event, gate, NOW);
    let path = routes::reports(event);
    let tell = |nonce| served.send(signed_at(&path, &report(1), (gate, &keys), NOW, nonce));
    let journal = json!({"recovery": {"want": "journal", "since": NOW}});
    assert_eq!((tell(1).await.ok(), tell(2).await.ok()), (journal.clone(), journal));
    let by_other = served.send(signed_at(&path, &report(1), (other, &others), NOW, 3));
    assert_eq!(by_other.await.ok(), json!({}));
    let delivered = json!({"offer": "delivered", "since": NOW}).to_string();
    let told = served.send(signed_at(&routes::recovery(event), &delivered, (gate, &keys), NOW, 4));
    assert_eq!(told.await.ok(), json!({"want": "nothing"}));
    assert_eq!(tell(5).await.ok(), json!({}));
}
