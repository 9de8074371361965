use kido_shared::wire::v1::{operator, routes};

use super::*;

#[tokio::test]
async fn every_answer_says_that_it_is_data_and_kept_by_nobody() {
    let served = Served::new();
    for path in [routes::HEALTH, OPENAPI, "/nowhere", operator::EVENTS] {
        let answer = served.get(None, path).await;
        for (name, value) in ALWAYS {
            assert_eq!(answer.headers[&name], value, "{path}");
        }
        assert_eq!(answer.headers["cache-control"], "no-store", "{path}");
    }
}

#[tokio::test]
async fn what_is_not_served_is_a_problem_document_too() {
    let served = Served::new();
    assert_eq!(served.get(None, "/nowhere").await.problem(), problem(404, "not_found"));
    let deleted = request(Method::DELETE, None, routes::HEALTH).body(Body::empty()).unwrap();
    assert_eq!(served.send(deleted).await.problem(), problem(405, "method"));
    let path = "/api/v1/events/event-nonsense";
    assert_eq!(served.get(Some(Role::Viewer), path).await.problem(), problem(404, "bad_path"));
}

#[tokio::test]
async fn a_body_is_json_of_the_right_form_and_not_too_long() {
    let served = Served::new();
    let post = |kind: &'static str, body: Vec<u8>| {
        let request = request(Method::POST, Some(Role::Operator), operator::EVENTS).header("content-type", kind);
        served.send(request.body(Body::from(body)).unwrap())
    };
    assert_eq!(post("text/plain", b"{}".to_vec()).await.problem(), problem(415, "media_type"));
    assert_eq!(post("application/json", b"{\"na".to_vec()).await.problem(), problem(400, "json"));
    let unknown = post("application/json; charset=utf-8", b"{\"secret-of-taro\": 1}".to_vec()).await;
    assert_eq!(unknown.problem(), problem(400, "json"));
    assert!(!String::from_utf8(unknown.bytes).unwrap().contains("taro"), "what was sent is not repeated");
    let long = post("application/json", vec![b' '; SMALL_BODY_BYTES_MAX + 1]).await;
    assert_eq!(long.problem(), problem(413, "too_large"));
}

#[tokio::test]
async fn an_import_may_be_longer_than_anything_else() {
    let served = Served::new();
    let event = served.event().await;
    let mut body = json!({"reserved": false, "tickets": [row(1)]}).to_string();
    body.push_str(&" ".repeat(SMALL_BODY_BYTES_MAX));
    let post = |body: String| {
        let request = request(Method::POST, Some(Role::Sales), &operator::tickets(event));
        served.send(request.header("content-type", "application/json").body(Body::from(body)).unwrap())
    };
    assert_eq!(post(body).await.ok()["created"], 1);
    assert_eq!(post(" ".repeat(HTTP_BODY_BYTES_MAX + 1)).await.problem(), problem(413, "too_large"));
}

#[tokio::test]
async fn health_is_200_while_stores_answer_and_the_disk_takes_writes() {
    let served = Served::new();
    served.event().await;
    let health = served.get(None, routes::HEALTH).await.ok();
    assert_eq!((&health["ok"], &health["events_served"]), (&json!(true), &json!(1)));
    std::fs::create_dir(served.registrar.folder.path().join("health.d")).unwrap();
    let probe = served.registrar.folder.path().join("health");
    std::fs::remove_file(&probe).unwrap();
    std::fs::create_dir(&probe).unwrap();
    let unwell = served.get(None, routes::HEALTH).await;
    assert_eq!((unwell.status, &unwell.json()["disk_writable"]), (StatusCode::SERVICE_UNAVAILABLE, &json!(false)));
}

#[tokio::test]
async fn the_document_names_every_route_of_the_protocol() {
    let served = Served::new();
    let document = served.get(None, OPENAPI).await.ok();
    let paths = document["paths"].as_object().unwrap();
    for route in [
        routes::REGISTRATIONS,
        routes::REGISTRATION_PROOF,
        routes::ENROLMENTS,
        routes::ENROLMENT_REVEAL,
        routes::ENROLMENT_RESULT,
        routes::FEED_HEAD,
        routes::FEED_STREAM,
        routes::FEED_KEY,
        routes::FEED_CUT,
        routes::FEED_RANGE,
        routes::FEED_TAIL,
        routes::CLAIMS,
        routes::ADMISSIONS,
        routes::REPORTS,
        routes::HEALTH,
        operator::EVENTS,
        operator::EVENT,
        operator::TICKETS,
        operator::TICKET,
        operator::TICKET_STATUS,
        operator::TICKET_CODE,
        operator::GATES,
        operator::GATE_OFFERS,
        operator::GATE_OFFER,
        operator::GATE_OFFER_CONFIRM,
        operator::GATE_REVOKE,
        operator::ARBITERS,
        operator::ARBITER_OFFERS,
        operator::ARBITER_OFFER,
        operator::ARBITER_OFFER_CONFIRM,
        operator::ARBITER_REVOKE,
        operator::FEED_CUTS,
        operator::TOKENS,
        operator::TOKEN,
    ] {
        assert!(paths.contains_key(route), "{route}");
    }
    let id = &document["components"]["schemas"]["EventBody"]["properties"]["event"]["type"];
    assert_eq!(id, "string", "ids are strings");
    assert!(document["components"]["securitySchemes"]["bearer"].is_object());
}
