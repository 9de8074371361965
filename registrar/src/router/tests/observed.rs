use kido_observe::Scrape as _;
use kido_shared::trace_context::TRACE_HEADER;
use kido_shared::wire::v1::{operator, routes};

use super::*;

const SENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

async fn nowhere(served: &Served, traces: &[&str]) -> Value {
    let sent =
        traces.iter().fold(request(Method::GET, None, "/nowhere"), |sent, trace| sent.header(TRACE_HEADER, *trace));
    served.send(sent.body(Body::empty()).unwrap()).await.json()
}

#[tokio::test]
async fn a_problem_names_the_trace_that_came() {
    let served = Served::new();
    assert_eq!(nowhere(&served, &[SENT]).await["instance"], format!("urn:kido:trace:{TRACE}"));
}

#[tokio::test]
async fn a_trace_that_is_none_is_replaced_and_never_told_back() {
    let served = Served::new();
    let long = SENT.repeat(20);
    for traces in [&[][..], &["taro-yamada"], &[SENT, SENT], &[long.as_str()], &["00-taro"]] {
        let instance = nowhere(&served, traces).await["instance"].as_str().unwrap().to_owned();
        let trace = instance.strip_prefix("urn:kido:trace:").unwrap();
        assert!(
            trace.len() == 32 && trace != TRACE && trace.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{instance}"
        );
    }
    let two = [nowhere(&served, &[]).await, nowhere(&served, &[]).await];
    assert_ne!(two[0]["instance"], two[1]["instance"], "each request is a trace of its own");
}

#[tokio::test]
async fn requests_are_counted_by_their_route_and_never_by_what_was_asked_for() {
    let served = Served::new();
    let event = served.event().await;
    served.get(Some(Role::Viewer), &operator::event(event)).await.ok();
    for path in ["/taro-yamada", "/api/v1/taro?name=yamada", "/api/v1/events/event-taro"] {
        served.get(Some(Role::Viewer), path).await;
    }
    served.get(None, routes::HEALTH).await.ok();
    let text = served.app.scrape();
    let told = |line: &str| assert!(text.lines().any(|told| told == line), "{line}\n{text}");
    told("kido_registrar_http_requests_total{route=\"none\",status=\"4xx\"} 2");
    told(&format!("kido_registrar_http_requests_total{{route=\"{}\",status=\"2xx\"}} 1", operator::EVENT));
    told(&format!("kido_registrar_http_requests_total{{route=\"{}\",status=\"4xx\"}} 1", operator::EVENT));
    told(&format!("kido_registrar_http_request_duration_seconds_count{{route=\"{}\"}} 2", operator::EVENT));
    told("kido_registrar_events_served 1.0");
    told(&format!("kido_registrar_conflicts{{event=\"{event}\"}} 0.0"));
    assert!(!text.contains("taro") && !text.contains("yamada"), "{text}");
}

#[tokio::test]
async fn a_gate_that_told_is_told_until_it_is_revoked() {
    let served = Served::new();
    let event = served.event().await;
    let enrolled = gates::enrol(&served, event, 1).await;
    let labels = format!("event=\"{event}\",gate=\"{}\"", enrolled.gate);
    assert!(!served.app.scrape().contains(&labels), "it has told nothing yet");
    let report = crate::reports::tests::report(1, &[]);
    let report = kido_shared::wire::v1::report::GateReport { out_of_order: Some(33), arbiter_answers: false, ..report };
    served.app.reports.take(event, enrolled.gate, report, served.app.now()).unwrap();
    let text = served.app.scrape();
    for line in [
        format!("kido_registrar_gate_silence_seconds{{{labels}}} 0.0"),
        format!("kido_registrar_gate_arbiter_answers{{{labels}}} 0.0"),
        format!("kido_registrar_gate_out_of_order{{{labels},code=\"33\"}} 1.0"),
    ] {
        assert!(text.lines().any(|told| told == line), "{line}\n{text}");
    }
    served.app.store.revoke_gate(event, enrolled.gate).await.unwrap();
    assert!(!served.app.scrape().contains(&labels));
}
