//! Gates, and the day that they report.

use kido_shared::enrolment::{EnrolmentLink, Transcript};
use kido_shared::ids::{AdmissionId, GateId, TicketId};
use kido_shared::policy::ArbiterHome;
use serde_json::Value;

use super::*;
use crate::router::tests::gates::{Enrolled, enrol, enrol_box, signed_at, take_offer};
use crate::router::tests::problem;

/// A gate that has taken the offer of a console's page, up to its digits.
async fn take_shown_offer(served: &Served, page: &str) -> Transcript {
    let (_before, after) = page.split_once("id=\"offer-link\">").unwrap();
    let link = EnrolmentLink::parse(after.split_once('<').unwrap().0).unwrap();
    take_offer(served, &link, 5).await.transcript
}

#[tokio::test]
async fn a_gate_is_offered_compared_confirmed_and_revoked_on_the_page() {
    let served = Served::new();
    let event = served.event().await;
    let operator = Browser::signed_in(&served, Role::Operator).await;
    let gates = format!("/console/events/{event}/gates");
    let fields = [("zone", "A"), ("entrance", "North")];
    let offer = location(&operator.post(&served, &gates, &fields).await).to_owned();
    let waiting = operator.read(&served, &offer).await;
    assert!(waiting.contains("<svg") && waiting.contains("data-stamp=\"waiting\""));
    let transcript = take_shown_offer(&served, &waiting).await;
    let digits = transcript.short_code().to_string();
    let shows = operator.read(&served, &offer).await;
    assert!(shows.contains("data-stamp=\"shows-code\"") && !shows.contains(&digits), "the gate shows them, not we");
    assert!(!shows.contains("offer-link"), "the secret is spent");
    operator.post(&served, &format!("{offer}/confirm"), &[("short_code", &digits)]).await;
    assert!(operator.read(&served, &offer).await.contains("data-stamp=\"confirmed\""));
    let listed = operator.read(&served, &gates).await;
    assert!(listed.contains("North") && listed.contains("Not heard yet"));
    operator.post(&served, &format!("{gates}/{}/revoke", transcript.name.as_gate()), &NONE).await;
    assert!(operator.read(&served, &gates).await.contains("Revoked"));

    let second = location(&operator.post(&served, &gates, &fields).await).to_owned();
    operator.post(&served, &format!("{second}/refuse"), &NONE).await;
    assert!(operator.read(&served, &second).await.contains("data-stamp=\"over\""));
    let third = location(&operator.post(&served, &gates, &fields).await).to_owned();
    let transcript = take_shown_offer(&served, &operator.read(&served, &third).await).await;
    let wrong = if transcript.short_code().to_string() == "000 000" { "000 001" } else { "000 000" };
    let refused = operator.post(&served, &format!("{third}/confirm"), &[("short_code", wrong)]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "as a program is answered");
    let done: Vec<Deed> = deeds(&served).into_iter().filter(|(_, no)| no.is_none()).map(|(deed, _)| deed).collect();
    assert_eq!(
        done[1..],
        [
            Deed::GateOffered,
            Deed::GateConfirmed,
            Deed::GateRevoked,
            Deed::GateOffered,
            Deed::GateRefused,
            Deed::GateOffered
        ]
    );
    assert_eq!(deeds(&served).last(), Some(&(Deed::GateConfirmed, Some("wrong_digits".to_owned()))));
}

#[tokio::test]
async fn who_offers_more_than_there_is_room_for_is_told_to_come_again() {
    let served = Served::new();
    let event = served.event().await;
    let operator = Browser::signed_in(&served, Role::Operator).await;
    let gates = format!("/console/events/{event}/gates");
    let mut answer = operator.post(&served, &gates, &[("zone", "A")]).await;
    while answer.status == StatusCode::SEE_OTHER {
        answer = operator.post(&served, &gates, &[("zone", "A")]).await;
    }
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "as a program is answered");
    assert!(answer.headers.contains_key(header::RETRY_AFTER));
    assert!(text(&answer).contains("Too many offers are open"));
}

fn report(boot: u64, out_of_order: Option<u8>, counts: &[(u8, u64)]) -> Value {
    let refusals: Vec<Value> = counts.iter().map(|(code, count)| json!({"code": code, "count": count})).collect();
    json!({"boot": boot, "feed_epoch": 0, "feed_length": 2, "head_issued_at": NOW.unix_ms(), "arbiter_answers": true,
        "out_of_order": out_of_order, "waits_to_upload": false, "refusals": refusals})
}

#[tokio::test]
async fn a_report_is_taken_from_a_gate_in_force_and_from_nobody_else() {
    let served = Served::new();
    let event = served.event().await;
    let Enrolled { gate, keys } = enrol(&served, event, 1).await;
    let (path, body) = (routes::reports(event), report(1, None, &[]).to_string());
    served.send(signed_at(&path, &body, (gate, &keys), NOW, 1)).await.ok();
    let odd = report(1, None, &[(9, 1)]).to_string();
    assert_eq!(served.send(signed_at(&path, &odd, (gate, &keys), NOW, 2)).await.problem(), problem(422, "field"));
    let stranger = GateId::from_bytes([8; 16]);
    let foreign = served.send(signed_at(&path, &body, (stranger, &keys), NOW, 3)).await;
    assert_eq!(foreign.problem(), problem(401, "unknown_gate"));
    served.post(Some(Role::Operator), &operator::gate_revoke(event, gate), &json!({})).await.ok();
    let revoked = served.send(signed_at(&path, &body, (gate, &keys), NOW, 4)).await;
    assert_eq!(revoked.problem(), problem(403, "gate_revoked"));
}

async fn admit(served: &Served, event: EventId, by: &Enrolled, (ticket, number): (TicketId, u8)) {
    let Enrolled { gate, keys } = by;
    let admission = json!({"id": AdmissionId::from_bytes([number; 16]), "ticket": ticket, "gate": gate, "entry": 1,
        "at": NOW.unix_ms(), "basis": "offline"});
    let batch = json!({
        "admissions": [{"admission": admission, "opened_at": null}]});
    let path = routes::admissions(event);
    served.send(signed_at(&path, &batch.to_string(), (*gate, keys), NOW, u64::from(number))).await.ok();
}

#[tokio::test]
async fn the_day_shows_who_came_in_where_who_was_refused_and_which_gate_needs_somebody() {
    let served = Served::new();
    let event = served.event().await;
    let (one, _code) = served.registrar.ticket(event, 1).await;
    let (two, _code) = served.registrar.ticket(event, 2).await;
    let (well, ill) = (enrol(&served, event, 1).await, enrol(&served, event, 2).await);
    admit(&served, event, &well, (one, 21)).await;
    admit(&served, event, &well, (two, 22)).await;
    admit(&served, event, &ill, (two, 23)).await;
    let path = routes::reports(event);
    let tell = |by: &Enrolled, body: Value, nonce| signed_at(&path, &body.to_string(), (by.gate, &by.keys), NOW, nonce);
    let viewer = Browser::signed_in(&served, Role::Viewer).await;
    let before = viewer.read(&served, &format!("/console/events/{event}/day")).await;
    assert!(before.contains("Not every gate has been heard yet") && !before.contains("All is well"));
    served.send(tell(&well, report(1, None, &[(14, 4)]), 31)).await.ok();
    served.send(tell(&well, report(1, None, &[(14, 6)]), 32)).await.ok();
    served.send(tell(&ill, report(1, Some(36), &[]), 33)).await.ok();
    let day = viewer.read(&served, &format!("/console/events/{event}/day")).await;
    assert!(day.contains("<dt>Admitted</dt><dd>3</dd>"), "{day}");
    assert!(day.contains("<dt>Conflicts</dt><dd>1</dd>") && day.contains(&two.to_string()));
    let (_others, late) = day.split_once(">14</th>").unwrap();
    let (late, _others) = late.split_once("</tr>").unwrap();
    let cells = late.split("</td>").filter_map(|cell| cell.rsplit_once('>')).map(|(_tag, text)| text);
    assert!(cells.eq(["too late", "6", "2"]), "{late}");
    assert!(day.contains("One gate needs somebody"));
    let (first, second) = (day.find("Out of order 36").unwrap(), day.find("In order").unwrap());
    assert!(first < second, "who needs somebody comes first");
    assert_eq!(day.matches("<rect class=\"bar\"").count(), 1, "one minute at the only entrance: {day}");
    served.registrar.clock.advance(Duration::from_secs(40));
    let later = viewer.read(&served, &format!("/console/events/{event}/day")).await;
    assert!(later.contains("2 gates need somebody") && later.contains("Silent"));
}

#[tokio::test]
async fn the_boxes_of_a_venue_stand_beside_its_gates_and_a_missing_one_is_said() {
    let served = Served::new();
    let viewer = Browser::signed_in(&served, Role::Viewer).await;
    let elsewhere = served.event().await;
    let page = viewer.read(&served, &format!("/console/events/{elsewhere}/gates")).await;
    assert!(!page.contains("Boxes in the venue"), "the registrar decides for that event");

    let event = served.registrar.event_with(|draft| draft.arbiter.home = ArbiterHome::Venue).await;
    let gates = format!("/console/events/{event}/gates");
    let page = viewer.read(&served, &gates).await;
    assert!(page.contains("There is no box yet") && !page.contains("kido-registrar arbiter add"), "a viewer adds none");
    let arbiter = enrol_box(&served, event, 1).await;
    let page = viewer.read(&served, &gates).await;
    assert!(page.contains("data-box=\"alone\"") && page.contains("https://arbiter.example"), "{page}");
    let revoke = operator::arbiter_revoke(event, arbiter);
    served.post(Some(Role::Operator), &revoke, &json!({"box_is_off": true})).await.ok();
    assert!(viewer.read(&served, &gates).await.contains("data-box=\"revoked\""));
    let operator = Browser::signed_in(&served, Role::Operator).await;
    assert!(operator.read(&served, &gates).await.contains(&format!("kido-registrar arbiter add {event}")));
}
