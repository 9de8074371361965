use kido_shared::codes::Code;
use kido_shared::wire::v1::operator;

use super::*;

async fn import(served: &Served, event: EventId, rows: &[Value]) -> Answer {
    let body = json!({"reserved": false, "tickets": rows});
    served.post(Some(Role::Sales), &operator::tickets(event), &body).await
}

#[tokio::test]
async fn a_repeated_import_changes_nothing() {
    let served = Served::new();
    let event = served.event().await;
    let first = import(&served, event, &[row(1), row(2)]).await.ok();
    assert_eq!((&first["created"], &first["unchanged"]), (&json!(2), &json!(0)));
    let again = import(&served, event, &[row(1), row(2)]).await.ok();
    assert_eq!((&again["created"], &again["unchanged"]), (&json!(0), &json!(2)));
    let mut other = row(1);
    other["zone"] = json!("B");
    let refused = import(&served, event, &[other, row(3)]).await.ok();
    assert_eq!(refused["created"], 1);
    assert_eq!((&refused["refused"][0]["row"], &refused["refused"][0]["reason"]), (&json!(0), &json!("different")));
}

#[tokio::test]
async fn two_imports_at_once_are_one_after_the_other_and_never_half_of_each() {
    let served = Served::new();
    let event = served.event().await;
    let runs = [7, 8].map(|byte| kido_shared::ids::ImportRunId::from_bytes([byte; 16]));
    let batch = async |run: usize, last: bool, check: bool, rows: &[Value]| {
        let body = json!({"reserved": false, "check": check, "run": {"id": runs[run], "last": last}, "tickets": rows});
        served.post(Some(Role::Sales), &operator::tickets(event), &body).await
    };
    // Both programs see an empty event; the first to say so has it.
    batch(0, false, true, &[]).await.ok();
    assert_eq!(batch(1, false, true, &[]).await.problem(), problem(409, "import_under_way"));
    assert_eq!(batch(0, false, false, &[row(1)]).await.ok()["created"], 1);
    let other = batch(1, false, false, &[row(1), row(2)]).await;
    assert_eq!(other.problem(), problem(409, "import_under_way"));
    assert!(other.json()["detail"].as_str().unwrap().contains("two minutes"), "{:?}", other.json());
    assert_eq!(import(&served, event, &[row(9)]).await.ok()["created"], 1, "a shop sells on meanwhile");
    let elsewhere = served.event().await;
    let body = json!({"reserved": false, "run": {"id": runs[1]}, "tickets": [row(1)]});
    served.post(Some(Role::Sales), &operator::tickets(elsewhere), &body).await.ok();
    assert_eq!(batch(0, true, false, &[row(2)]).await.ok()["created"], 1);
    // The first is over: the second sees all of it.
    let seen = batch(1, false, true, &[row(1), row(2), row(3)]).await.ok();
    assert_eq!((&seen["created"], &seen["unchanged"]), (&json!(1), &json!(2)));
    // And dies. Whoever comes then waits two minutes, or goes on with the same files.
    assert_eq!(batch(0, false, true, &[]).await.problem(), problem(409, "import_under_way"));
    assert_eq!(batch(1, false, false, &[row(3)]).await.ok()["created"], 1);
    served.registrar.clock.advance(Duration::from_secs(120));
    batch(0, false, true, &[]).await.ok();
}

#[tokio::test]
async fn what_is_wrong_in_a_row_is_named_by_place_and_never_repeated() {
    let served = Served::new();
    let event = served.event().await;
    for (field, value) in
        [("seat_label", "山田太郎様"), ("ticket_ref", "taro@example"), ("zone", "a b"), ("entries", "0")]
    {
        let mut wrong = row(2);
        wrong[field] = json!(value);
        let answer = import(&served, event, &[row(1), wrong]).await;
        assert_eq!(answer.problem(), problem(422, "field"));
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.starts_with(&format!("row 1, {field}:")) && !detail.contains(value), "{detail}");
    }
    let mut personal = row(1);
    personal["holder_name"] = json!("山田太郎");
    let answer = import(&served, event, &[personal]).await;
    assert_eq!(answer.problem(), problem(400, "json"));
    assert!(!String::from_utf8(answer.bytes).unwrap().contains("山田"));
    assert_eq!(served.registrar.store.event(event).unwrap().counts.unbound, 0, "nothing of it was imported");
}

#[tokio::test]
async fn a_reserved_ticket_is_confirmed_or_released_by_the_shop() {
    let served = Served::new();
    let event = served.event().await;
    let body = json!({"reserved": true, "tickets": [row(1), row(2)]});
    served.post(Some(Role::Sales), &operator::tickets(event), &body).await.ok();
    let change = |reference, change| {
        let (path, body) = (operator::ticket_status(event, reference), json!({"change": change}));
        let served = &served;
        async move { served.post(Some(Role::Sales), &path, &body).await }
    };
    assert_eq!(change("TICKET-1", "confirm").await.ok()["state"], "unbound");
    assert_eq!(change("TICKET-1", "release").await.problem(), problem(409, "paid"));
    assert_eq!(change("TICKET-2", "release").await.ok()["state"], "returned");
    assert_eq!(change("TICKET-9", "confirm").await.problem(), problem(404, "unknown_ticket"));
}

#[tokio::test]
async fn a_new_code_comes_in_a_link_and_the_old_one_is_dead() {
    let served = Served::new();
    let event = served.event().await;
    let (ticket, old) = served.registrar.ticket(event, 1).await;
    let path = operator::ticket_code(event, &ticket.to_string());
    let answer = served.post(Some(Role::Sales), &path, &Value::Null).await.ok();
    let (page, code) = answer["link"].as_str().unwrap().split_once('#').unwrap();
    assert_eq!(page, "https://registrar.example/r");
    let store = &served.registrar.store;
    assert_eq!(store.ticket_of_code(Code::parse(code).unwrap().hash()).unwrap().1.ticket, ticket);
    store.ticket_of_code(old.hash()).unwrap_err();
}

#[tokio::test]
async fn a_look_at_an_import_says_what_would_become_of_it_and_imports_nothing() {
    let served = Served::new();
    let event = served.event().await;
    import(&served, event, &[row(1)]).await.ok();
    let mut other = row(1);
    other["zone"] = json!("B");
    let body = json!({"reserved": false, "check": true, "tickets": [row(1), other, row(2)]});
    let checked = served.post(Some(Role::Sales), &operator::tickets(event), &body).await.ok();
    assert_eq!((&checked["created"], &checked["unchanged"]), (&json!(1), &json!(1)));
    assert_eq!((&checked["refused"][0]["row"], &checked["refused"][0]["reason"]), (&json!(1), &json!("different")));
    assert_eq!(served.registrar.store.event(event).unwrap().counts.unbound, 1);
    let refused = served.post(Some(Role::Desk), &operator::tickets(event), &body).await;
    assert_eq!(refused.problem(), problem(403, "role"));
}

#[tokio::test]
async fn a_list_is_cancelled_once_and_what_is_not_known_is_named() {
    let served = Served::new();
    let event = served.event().await;
    import(&served, event, &[row(1), row(2), row(3)]).await.ok();
    let path = operator::tickets_cancel(event);
    let list = |check: bool| json!({"check": check, "ticket_refs": ["TICKET-1", "NOBODYS", "TICKET-3"]});
    let foreseen = served.post(Some(Role::Sales), &path, &list(true)).await.ok();
    assert_eq!((&foreseen["cancelled"], &foreseen["unknown"]), (&json!(2), &json!([1])));
    assert_eq!(foreseen.get("inside"), None, "the shop sees no uses");
    assert_eq!(served.registrar.store.event(event).unwrap().counts.cancelled, 0, "a look changes nothing");
    let done = served.post(Some(Role::Operator), &path, &list(false)).await.ok();
    assert_eq!((&done["cancelled"], &done["already"], &done["inside"]), (&json!(2), &json!(0), &json!(0)));
    let again = served.post(Some(Role::Sales), &path, &list(false)).await.ok();
    assert_eq!((&again["cancelled"], &again["already"]), (&json!(0), &json!(2)));
    let counts = served.registrar.store.event(event).unwrap().counts;
    assert_eq!((counts.cancelled, counts.unbound), (2, 1));
    for role in [Role::Desk, Role::Viewer] {
        let refused = served.post(Some(role), &path, &list(true)).await;
        assert_eq!(refused.problem(), problem(403, "role"), "{role:?}");
    }
    let lines = served.app.audit.page(None).unwrap().lines;
    assert_eq!(lines.iter().filter(|line| line.deed == crate::audit::Deed::TicketsCancelled).count(), 2);
}
