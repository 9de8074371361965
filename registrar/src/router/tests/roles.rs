use kido_shared::wire::v1::operator;

use super::*;

fn new_event() -> Value {
    json!({"name": "初日", "starts_at": NOW.unix_ms(), "ends_at": NOW.unix_ms() + 3_600_000, "offline": "refuse",
        "arbiter": "registrar", "rehearsal_of": null})
}

#[tokio::test]
async fn a_choice_that_no_gate_follows_is_refused_by_name() {
    let served = Served::new();
    let made = served.post(Some(Role::Operator), operator::EVENTS, &new_event()).await.ok();
    let path = operator::event(made["event"].as_str().unwrap().parse().unwrap());
    let choices = [
        ("resume_at_gate", json!(true)),
        ("external_proof", json!(true)),
        ("give_back_until", json!(NOW.unix_ms())),
        ("bind_within_ms", json!(60_000)),
        ("transfer", json!("holder")),
    ];
    for (choice, value) in choices {
        let change = json!({"choices": {choice: value}});
        let mut new = new_event();
        new["choices"] = change["choices"].clone();
        let created = served.post(Some(Role::Operator), operator::EVENTS, &new).await;
        let changed = served.with_body(Method::PATCH, Some(Role::Operator), &path, &change).await;
        for answer in [created, changed] {
            assert_eq!(answer.problem(), problem(422, "not_offered"));
            assert_eq!(answer.json()["detail"], format!("{choice} is not offered yet"));
        }
    }
    // What is answered can be sent back as it is.
    let same = json!({"choices": made["choices"]});
    let kept = served.with_body(Method::PATCH, Some(Role::Operator), &path, &same).await.ok();
    assert_eq!(kept["choices"], made["choices"]);
}

#[tokio::test]
async fn only_the_operator_makes_and_changes_events() {
    let served = Served::new();
    for role in [Role::Sales, Role::Desk, Role::Viewer] {
        let refused = served.post(Some(role), operator::EVENTS, &new_event()).await;
        assert_eq!(refused.problem(), problem(403, "role"), "{role:?}");
    }
    let made = served.post(Some(Role::Operator), operator::EVENTS, &new_event()).await.ok();
    assert_eq!(made["rehearsal"], false);
    assert_eq!(made["choices"]["tickets_per_card"], 1);
    let path = operator::event(made["event"].as_str().unwrap().parse().unwrap());
    let change = json!({"offline": "admit", "choices": {"tickets_per_card": 4}});
    let changed = served.with_body(Method::PATCH, Some(Role::Operator), &path, &change).await.ok();
    assert_eq!((&changed["offline"], &changed["choices"]["tickets_per_card"]), (&json!("admit"), &json!(4)));
    assert_eq!(changed["name"], "初日", "what is not named stays");
    let kept = changed["choices"]["retention_at"].as_i64().unwrap();
    let later = json!({"ends_at": NOW.unix_ms() + 7_200_000});
    let postponed = served.with_body(Method::PATCH, Some(Role::Operator), &path, &later).await.ok();
    assert_eq!(postponed["choices"]["retention_at"], kept + 3_600_000, "a postponed event keeps its span");
}

#[tokio::test]
async fn whoever_has_no_known_token_is_asked_for_one() {
    let served = Served::new();
    let answer = served.get(None, operator::EVENTS).await;
    assert_eq!(answer.problem(), problem(401, "no_token"));
    assert_eq!(answer.headers["www-authenticate"], "Bearer");
    let strange = Request::builder().uri(operator::EVENTS).header("authorization", "Bearer nobodys");
    let answer = served.send(strange.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.problem(), problem(401, "unknown_token"));
}

#[tokio::test]
async fn the_shop_sees_states_and_never_an_admission_or_a_time() {
    let served = Served::new();
    let event = served.event().await;
    served.registrar.ticket(event, 1).await;
    let path = operator::ticket(event, "TICKET-1");
    let desk = served.get(Some(Role::Desk), &path).await.ok();
    assert!(desk["uses"]["history"].is_array());
    let shop = served.get(Some(Role::Sales), &path).await.ok();
    assert_eq!(shop["state"], "unbound");
    assert_eq!(shop.get("uses"), None);
    let event_of_shop = served.get(Some(Role::Sales), &operator::event(event)).await.ok();
    assert_eq!(event_of_shop.get("entries"), None);
    assert!(served.get(Some(Role::Viewer), &operator::event(event)).await.ok()["entries"].is_object());
    assert_eq!(served.get(Some(Role::Sales), &operator::gates(event)).await.problem(), problem(403, "role"));
}

#[tokio::test]
async fn the_desk_suspends_and_does_no_more() {
    let served = Served::new();
    let event = served.event().await;
    served.registrar.ticket(event, 1).await;
    let path = operator::ticket_status(event, "TICKET-1");
    for change in ["cancel", "confirm", "release"] {
        let refused = served.post(Some(Role::Desk), &path, &json!({"change": change})).await;
        assert_eq!(refused.problem(), problem(403, "role"), "{change}");
    }
    // Allowed, but there is no card to be lost yet.
    let suspended = served.post(Some(Role::Desk), &path, &json!({"change": "suspend"})).await;
    assert_eq!(suspended.problem(), problem(409, "not_possible"));
    let refused = served.post(Some(Role::Viewer), &path, &json!({"change": "suspend"})).await;
    assert_eq!(refused.problem(), problem(403, "role"));
}

#[tokio::test]
async fn a_token_is_added_by_its_hash_and_ended_at_once() {
    let served = Served::new();
    let new = BearerToken::generate(&mut StdRng::seed_from_u64(9));
    let body = json!({"role": "viewer", "label": "wall-screen", "token_hash": base64url::encode(&new.hash())});
    assert_eq!(served.post(Some(Role::Sales), operator::TOKENS, &body).await.problem(), problem(403, "role"));
    served.post(Some(Role::Operator), operator::TOKENS, &body).await.ok();
    let look = || {
        let request = Request::builder().uri(operator::EVENTS);
        request.header("authorization", format!("Bearer {}", new.reveal().as_str())).body(Body::empty()).unwrap()
    };
    served.send(look()).await.ok();
    let path = operator::token("wall-screen");
    let ended = request(Method::DELETE, Some(Role::Operator), &path).body(Body::empty()).unwrap();
    served.send(ended).await.ok();
    assert_eq!(served.send(look()).await.problem(), problem(401, "unknown_token"));
}
