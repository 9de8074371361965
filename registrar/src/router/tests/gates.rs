use core::time::Duration;

use kido_shared::clock::{Clock as _, Timestamp};
use kido_shared::enrolment::{Applicant, EnrolmentLink, EnrolmentNonce, OwnKeys, Transcript};
use kido_shared::ids::{AdmissionId, ArbiterId, GateId};
use kido_shared::journal_head::{JOURNAL_HEADER, JournalHead};
use kido_shared::keys::{ArbiterSubkeys, GateSubkeys, Subkeys as _};
use kido_shared::limits::REQUEST_SKEW;
use kido_shared::policy::{ArbiterHome, OfflineChoice};
use kido_shared::request_signature::{RequestParts, sign};
use kido_shared::wire::v1::{operator, routes};

use super::*;
use crate::audit::{Deed, Door, Object};

/// A gate as its registrar knows it.
pub(crate) struct Enrolled {
    pub(crate) gate: GateId,
    pub(crate) keys: OwnKeys,
}

/// Where a dialogue stands once both sides know the digits.
struct Revealed {
    offer: Value,
    transcript: Transcript,
    keys: OwnKeys,
    link: EnrolmentLink,
}

/// Where the journal of a gate stands that has just started.
const STARTED: JournalHead = JournalHead { boot: 1, begun: [1; 32], length: 1, chain: [1; 32] };

/// A request of an event is signed with a journal's head, one of an enrolment without.
pub(crate) fn signed_at(path: &str, body: &str, by: (GateId, &OwnKeys), at: Timestamp, nonce_seed: u64) -> Request {
    let journal = path.contains("/events/").then_some(STARTED);
    signed_with(journal, path, body, by, (at, nonce_seed))
}

fn signed_with(
    journal: Option<JournalHead>,
    path: &str,
    body: &str,
    by: (GateId, &OwnKeys),
    (at, nonce_seed): (Timestamp, u64),
) -> Request {
    let uri = format!("{}{path}", origin());
    let journal = journal.map(|head| head.to_string());
    let parts = RequestParts { method: "POST", target_uri: &uri, body: body.as_bytes(), journal: journal.as_deref() };
    let mut random = StdRng::seed_from_u64(nonce_seed);
    let headers = sign(&parts, by.0, by.1.signing(), at, &mut random);
    let request = Request::builder().method(Method::POST).uri(path).header("content-type", "application/json");
    let request = request.header("content-digest", headers.content_digest);
    let request = journal.iter().fold(request, |request, head| request.header(JOURNAL_HEADER, head));
    let request = request.header("signature-input", headers.signature_input).header("signature", headers.signature);
    request.body(Body::from(body.to_owned())).unwrap()
}

/// A gate that has taken an offer, up to its digits.
pub(crate) struct Taken {
    pub(crate) transcript: Transcript,
    keys: OwnKeys,
    /// How it introduced itself.
    start: Value,
}

pub(crate) async fn take_offer(served: &Served, link: &EnrolmentLink, seed: u64) -> Taken {
    take_offer_as(Applicant::Gate, served, link, seed).await
}

async fn take_offer_as(applicant: Applicant, served: &Served, link: &EnrolmentLink, seed: u64) -> Taken {
    let mut random = StdRng::seed_from_u64(seed);
    let (keys, nonce) = (OwnKeys::generate(&mut random), EnrolmentNonce::generate(&mut random));
    let public = keys.public().unwrap();
    let start = json!({"token": link.token.reveal().as_str(), "party": applicant, "verifying_key": base64url::encode(&public.verifying),
        "receiving_key": base64url::encode(&public.receiving),
        "commitment": base64url::encode(nonce.commitment().as_bytes())});
    let started = served.post(None, routes::ENROLMENTS, &start).await.ok();
    let bytes =
        |field: &str| -> [u8; 32] { base64url::decode(started[field].as_str().unwrap()).unwrap().try_into().unwrap() };
    let transcript = Transcript {
        enrolment: started["enrolment"].as_str().unwrap().parse().unwrap(),
        applicant,
        name: started["gate"].as_str().unwrap().parse::<GateId>().unwrap().into(),
        root: bytes("root_key"),
        keys: public,
        registrar_nonce: EnrolmentNonce::from_bytes(bytes("nonce")),
        applicant_nonce: nonce,
    };
    let path = routes::enrolment_reveal(transcript.enrolment);
    let revealed = served.post(None, &path, &json!({"nonce": base64url::encode(nonce.as_bytes())})).await;
    assert_eq!(revealed.status, StatusCode::NO_CONTENT);
    Taken { transcript, keys, start }
}

async fn reveal(served: &Served, event: EventId, seed: u64) -> Revealed {
    let wanted = json!({"zone": "A", "entrance": "North"});
    let offer = served.post(Some(Role::Operator), &operator::gate_offers(event), &wanted).await.ok();
    let link = EnrolmentLink::parse(offer["link"].as_str().unwrap()).unwrap();
    let Taken { transcript, keys, start } = take_offer(served, &link, seed).await;
    link.accept_root(&transcript.root).unwrap();
    let again = served.post(None, routes::ENROLMENTS, &start).await;
    assert_eq!(again.problem(), problem(410, "no_offer"), "an offer is for one gate");
    Revealed { offer, transcript, keys, link }
}

async fn confirm(served: &Served, event: EventId, revealed: &Revealed, digits: &str) -> Answer {
    let enrolment = revealed.offer["enrolment"].as_str().unwrap().parse().unwrap();
    let path = operator::gate_offer_confirm(event, enrolment);
    served.post(Some(Role::Operator), &path, &json!({"short_code": digits})).await
}

pub(crate) async fn enrol(served: &Served, event: EventId, seed: u64) -> Enrolled {
    let revealed = reveal(served, event, seed).await;
    let digits = revealed.transcript.short_code().to_string();
    confirm(served, event, &revealed, &digits).await.ok();
    Enrolled { gate: revealed.transcript.name.as_gate(), keys: revealed.keys }
}

/// A box in the venue, offered, compared and confirmed.
pub(crate) async fn enrol_box(served: &Served, event: EventId, seed: u64) -> ArbiterId {
    let wanted = json!({"addresses": ["https://arbiter.example"]});
    let offer = served.post(Some(Role::Operator), &operator::arbiter_offers(event), &wanted).await.ok();
    let link = EnrolmentLink::parse(offer["link"].as_str().unwrap()).unwrap();
    let Taken { transcript, .. } = take_offer_as(Applicant::Arbiter, served, &link, seed).await;
    let digits = json!({"short_code": transcript.short_code().to_string()});
    let confirm = operator::arbiter_offer_confirm(event, offer["enrolment"].as_str().unwrap().parse().unwrap());
    let arbiter = served.post(Some(Role::Operator), &confirm, &digits).await.ok();
    arbiter["arbiter"].as_str().unwrap().parse().unwrap()
}

fn withdraw(gate: GateId) -> String {
    let step = json!({"step": "withdraw", "admission": AdmissionId::from_bytes([5; 16]),
        "ticket": kido_shared::ids::TicketId::from_bytes([6; 16]), "gate": gate});
    json!({"step": step}).to_string()
}

#[tokio::test]
async fn the_right_digits_bring_the_subkeys_to_the_gate() {
    let served = Served::new();
    let event = served.event().await;
    let revealed = reveal(&served, event, 1).await;
    let Revealed { transcript, keys, link, .. } = &revealed;
    let path = routes::enrolment_result(transcript.enrolment);
    let ask = |seed| served.send(signed_at(&path, "", (transcript.name.as_gate(), keys), NOW, seed));
    assert_eq!(ask(1).await.ok(), json!({"state": "pending"}));
    let digits = transcript.short_code().to_string();
    let gate = confirm(&served, event, &revealed, &digits).await.ok();
    assert_eq!((&gate["zone"], &gate["entrance"], &gate["revoked"]), (&json!("A"), &json!("North"), &json!(false)));
    let result = ask(2).await.ok();
    let sealed = base64url::decode(result["sealed_subkeys"].as_str().unwrap()).unwrap();
    let subkeys: GateSubkeys = transcript.open(&link.token, keys, &sealed).unwrap();
    let kept = served.registrar.store.gate_subkeys(event).unwrap();
    assert_eq!(GateSubkeys::to_bytes(&subkeys), GateSubkeys::to_bytes(&kept));
    let other = OwnKeys::generate(&mut StdRng::seed_from_u64(99));
    let forged = served.send(signed_at(&path, "", (transcript.name.as_gate(), &other), NOW, 3)).await;
    assert_eq!(forged.problem(), problem(401, "signature"));
}

#[tokio::test]
async fn an_arbiter_gets_the_two_subkeys_of_its_role_and_only_by_its_own_kind_of_offer() {
    let served = Served::new();
    let event = served.registrar.event_with(|draft| draft.arbiter.home = ArbiterHome::Venue).await;
    let wanted = json!({"addresses": ["https://arbiter.example"]});
    let offer = served.post(Some(Role::Operator), &operator::arbiter_offers(event), &wanted).await.ok();
    let link = EnrolmentLink::parse(offer["link"].as_str().unwrap()).unwrap();
    let start = json!({"token": link.token.reveal().as_str(), "party": "gate",
        "verifying_key": base64url::encode(&[1; 32]), "receiving_key": base64url::encode(&[2; 32]),
        "commitment": base64url::encode(&[3; 32])});
    let as_gate = served.post(None, routes::ENROLMENTS, &start).await;
    assert_eq!(as_gate.problem(), problem(409, "other_party"), "the offer stands for an arbiter");
    let Taken { transcript, keys, .. } = take_offer_as(Applicant::Arbiter, &served, &link, 1).await;
    let digits = json!({"short_code": transcript.short_code().to_string()});
    let enrolment = offer["enrolment"].as_str().unwrap().parse().unwrap();
    let to_gates = operator::gate_offer_confirm(event, enrolment);
    let at_gates = served.post(Some(Role::Operator), &to_gates, &digits).await;
    assert_eq!(at_gates.problem(), problem(409, "other_party"));
    let confirm = operator::arbiter_offer_confirm(event, enrolment);
    let arbiter = served.post(Some(Role::Operator), &confirm, &digits).await.ok();
    assert_eq!((&arbiter["epoch"], &arbiter["revoked"]), (&json!(0), &json!(false)));
    let path = routes::enrolment_result(transcript.enrolment);
    let ask = |seed| served.send(signed_at(&path, "", (transcript.name.as_gate(), &keys), NOW, seed));
    let sealed = base64url::decode(ask(1).await.ok()["sealed_subkeys"].as_str().unwrap()).unwrap();
    let subkeys: ArbiterSubkeys = transcript.open(&link.token, &keys, &sealed).unwrap();
    let kept = served.registrar.store.arbiter_subkeys(event).unwrap();
    assert_eq!(subkeys.to_bytes(), kept.to_bytes());
    assert!(transcript.open::<GateSubkeys>(&link.token, &keys, &sealed).is_err(), "tag and seal are not among them");

    let revoke = operator::arbiter_revoke(event, arbiter["arbiter"].as_str().unwrap().parse().unwrap());
    let unsaid = served.post(Some(Role::Operator), &revoke, &json!({"box_is_off": false})).await;
    assert_eq!(unsaid.problem(), problem(409, "box_not_off"));
    served.post(Some(Role::Operator), &revoke, &json!({"box_is_off": true})).await.ok();
    assert_eq!(ask(2).await.problem(), problem(410, "no_offer"), "and no keys by it any more");
}

#[tokio::test]
async fn a_revoked_gate_gets_no_subkeys_from_its_offer() {
    let served = Served::new();
    let event = served.event().await;
    for (seed, through_the_store) in [(1, true), (2, false)] {
        let revealed = reveal(&served, event, seed).await;
        let Revealed { transcript, keys, .. } = &revealed;
        let digits = transcript.short_code().to_string();
        confirm(&served, event, &revealed, &digits).await.ok();
        let path = routes::enrolment_result(transcript.enrolment);
        let ask = |nonce| served.send(signed_at(&path, "", (transcript.name.as_gate(), keys), NOW, nonce));
        assert_eq!(ask(seed * 10).await.ok()["state"], "confirmed");
        let refused = if through_the_store {
            // The offer is still open, as it is while the answer to a revocation is on its way.
            served.registrar.store.revoke_gate(event, transcript.name.as_gate()).await.unwrap();
            problem(403, "gate_revoked")
        } else {
            let revoke = operator::gate_revoke(event, transcript.name.as_gate());
            served.post(Some(Role::Operator), &revoke, &json!({})).await.ok();
            problem(410, "no_offer")
        };
        assert_eq!(ask(seed * 10 + 1).await.problem(), refused);
    }
}

#[tokio::test]
async fn wrong_digits_end_the_offer_and_no_gate_is_added() {
    let served = Served::new();
    let event = served.event().await;
    let revealed = reveal(&served, event, 1).await;
    let right = revealed.transcript.short_code().to_string();
    let wrong = if right == "000 000" { "000 001" } else { "000 000" };
    assert_eq!(confirm(&served, event, &revealed, "12").await.problem(), problem(422, "not_digits"));
    assert_eq!(confirm(&served, event, &revealed, wrong).await.problem(), problem(403, "wrong_digits"));
    assert_eq!(confirm(&served, event, &revealed, &right).await.problem(), problem(410, "no_offer"));
    assert_eq!(served.get(Some(Role::Viewer), &operator::gates(event)).await.ok(), json!({"gates": []}));
}

#[tokio::test]
async fn a_signed_request_is_believed_once_and_only_as_it_was_signed() {
    let served = Served::new();
    let event = served.event().await;
    let Enrolled { gate, keys } = enrol(&served, event, 1).await;
    let (path, body) = (routes::claims(event), withdraw(gate));
    // It gets as far as the ticket, which is not there: the signature was believed.
    let first = served.send(signed_at(&path, &body, (gate, &keys), NOW, 1)).await;
    assert_eq!(first.problem(), problem(404, "unknown_ticket"));
    let replayed = served.send(signed_at(&path, &body, (gate, &keys), NOW, 1)).await;
    assert_eq!(replayed.problem(), problem(401, "replayed"));

    let mut altered = signed_at(&path, &body, (gate, &keys), NOW, 2);
    *altered.body_mut() = Body::from(body.replace("withdraw", "exit"));
    assert_eq!(served.send(altered).await.problem(), problem(401, "signature_digest"));
    let mut moved = signed_at(&path, &body, (gate, &keys), NOW, 3);
    *moved.uri_mut() = routes::admissions(event).parse().unwrap();
    assert_eq!(served.send(moved).await.problem(), problem(401, "signature"));
    let mut query = signed_at(&path, &body, (gate, &keys), NOW, 4);
    *query.uri_mut() = format!("{path}?again=1").parse().unwrap();
    assert_eq!(served.send(query).await.problem(), problem(401, "signature"));
    let unsigned = served.post(Some(Role::Operator), &path, &json!({})).await;
    assert_eq!(unsigned.problem(), problem(401, "signature_malformed"), "no role stands in for a gate");
}

#[tokio::test]
async fn a_request_says_where_the_gates_journal_stands() {
    let served = Served::new();
    let event = served.event().await;
    let Enrolled { gate, keys } = enrol(&served, event, 1).await;
    let (path, body) = (routes::claims(event), withdraw(gate));
    let silent = served.send(signed_with(None, &path, &body, (gate, &keys), (NOW, 1))).await;
    assert_eq!(silent.problem(), problem(401, "signature_profile"));
    let mut changed = signed_at(&path, &body, (gate, &keys), NOW, 2);
    let other = JournalHead { boot: 9, ..STARTED }.to_string();
    changed.headers_mut().insert(JOURNAL_HEADER, other.parse().unwrap());
    assert_eq!(served.send(changed).await.problem(), problem(401, "signature"));
}

#[tokio::test]
async fn two_machines_with_one_gates_keys_are_noticed_and_the_gate_is_revoked() {
    let served = Served::new();
    let event = served.event().await;
    let Enrolled { gate, keys } = enrol(&served, event, 1).await;
    let (path, body) = (routes::claims(event), withdraw(gate));
    let tell = |head, nonce| served.send(signed_with(Some(head), &path, &body, (gate, &keys), (NOW, nonce)));
    // Restarted, and once more: it gets as far as the ticket, which is not there.
    let second = JournalHead { boot: 2, begun: [2; 32], length: 5, chain: [2; 32] };
    assert_eq!(tell(STARTED, 1).await.problem(), problem(404, "unknown_ticket"));
    assert_eq!(tell(second, 2).await.problem(), problem(404, "unknown_ticket"));
    assert_eq!(tell(STARTED, 3).await.problem(), problem(409, "earlier_run"));
    let copy = JournalHead { begun: [3; 32], ..second };
    assert_eq!(tell(copy, 4).await.problem(), problem(403, "gate_revoked"));
    assert_eq!(tell(second, 5).await.problem(), problem(403, "gate_revoked"), "which of them is the gate nobody knows");
    let gates = served.get(Some(Role::Viewer), &operator::gates(event)).await.ok();
    assert_eq!((&gates["gates"][0]["revoked"], &gates["gates"][0]["copied"]), (&json!(true), &json!(true)));
    let line = served.app.audit.page(None).unwrap().lines.remove(0);
    assert_eq!((line.deed, line.door, line.object), (Deed::GateCopied, Door::Itself, Object::Gate(gate)));
}

#[tokio::test]
async fn a_gate_that_asks_too_fast_is_told_so_in_the_words_of_a_venues_box() {
    let served = Served::new();
    let event = served.event().await;
    let Enrolled { gate, keys } = enrol(&served, event, 1).await;
    let (path, body) = (routes::claims(event), withdraw(gate));
    let burst = u64::from(kido_shared::claim::rate::Paces::LANE.others.burst);
    for nonce in 0..burst {
        let asked = served.send(signed_at(&path, &body, (gate, &keys), NOW, nonce)).await;
        assert_eq!(asked.problem(), problem(404, "unknown_ticket"), "{nonce}");
    }
    let refused = served.send(signed_at(&path, &body, (gate, &keys), NOW, burst)).await;
    assert_eq!(refused.headers.get(header::RETRY_AFTER).unwrap(), "1");
    assert_eq!(refused.problem(), problem(429, "too_many_requests"));
}

#[tokio::test]
async fn a_request_from_another_time_is_refused() {
    let served = Served::new();
    let event = served.event().await;
    let Enrolled { gate, keys } = enrol(&served, event, 1).await;
    let (path, body) = (routes::claims(event), withdraw(gate));
    let second = Duration::from_secs(1);
    for at in [NOW.before(REQUEST_SKEW + second), NOW.after(REQUEST_SKEW + second)] {
        let refused = served.send(signed_at(&path, &body, (gate, &keys), at, 1)).await;
        assert_eq!(refused.problem(), problem(401, "signature_skew"));
    }
    // Within the skew of the registrar's clock it is the same request for twice that long: its nonce stays known.
    let ahead = NOW.after(REQUEST_SKEW);
    let believed = served.send(signed_at(&path, &body, (gate, &keys), ahead, 2)).await;
    assert_eq!(believed.problem(), problem(404, "unknown_ticket"));
    served.registrar.clock.advance(REQUEST_SKEW.saturating_mul(2));
    assert_eq!(served.registrar.clock.now(), NOW.after(REQUEST_SKEW.saturating_mul(2)));
    let replayed = served.send(signed_at(&path, &body, (gate, &keys), ahead, 2)).await;
    assert_eq!(replayed.problem(), problem(401, "replayed"));
}

#[tokio::test]
async fn an_unknown_gate_and_a_revoked_one_are_told_apart() {
    let served = Served::new();
    let event = served.event().await;
    let Enrolled { gate, keys } = enrol(&served, event, 1).await;
    let stranger = GateId::from_bytes([8; 16]);
    let path = routes::claims(event);
    let unknown = served.send(signed_at(&path, &withdraw(stranger), (stranger, &keys), NOW, 1)).await;
    assert_eq!(unknown.problem(), problem(401, "unknown_gate"));
    let other_event = served.registrar.event().await;
    let elsewhere = routes::claims(other_event);
    let foreign = served.send(signed_at(&elsewhere, &withdraw(gate), (gate, &keys), NOW, 2)).await;
    assert_eq!(foreign.problem(), problem(401, "unknown_gate"), "a gate of another event");
    let revoke = operator::gate_revoke(event, gate);
    assert_eq!(served.post(Some(Role::Operator), &revoke, &json!({})).await.ok()["revoked"], true);
    let revoked = served.send(signed_at(&path, &withdraw(gate), (gate, &keys), NOW, 3)).await;
    assert_eq!(revoked.problem(), problem(403, "gate_revoked"));
}

#[tokio::test]
async fn only_a_revoked_gate_itself_is_told_that_it_was_revoked() {
    let served = Served::new();
    let event = served.event().await;
    let (revoked, in_force) = (enrol(&served, event, 1).await, enrol(&served, event, 2).await);
    served.registrar.store.revoke_gate(event, revoked.gate).await.unwrap();
    let path = routes::claims(event);
    let strangers = OwnKeys::generate(&mut StdRng::seed_from_u64(77));
    for (nonce, gate) in [(1, revoked.gate), (2, in_force.gate)] {
        let asked = served.send(signed_at(&path, &withdraw(gate), (gate, &strangers), NOW, nonce)).await;
        assert_eq!(asked.problem(), problem(401, "signature"), "whoever asks about a gate hears the same of all");
    }
    let told = served.send(signed_at(&path, &withdraw(revoked.gate), (revoked.gate, &revoked.keys), NOW, 3)).await;
    assert_eq!(told.problem(), problem(403, "gate_revoked"));
}

#[tokio::test]
async fn a_gate_speaks_for_itself_alone() {
    let served = Served::new();
    let event = served.event().await;
    let one = enrol(&served, event, 1).await;
    let other = enrol(&served, event, 2).await;
    let body = withdraw(other.gate);
    let answer = served.send(signed_at(&routes::claims(event), &body, (one.gate, &one.keys), NOW, 1)).await;
    assert_eq!(answer.problem(), problem(403, "other_gate"));
}

#[tokio::test]
async fn an_upload_is_acknowledged_and_its_repetition_too() {
    let served = Served::new();
    let event = served.event().await;
    let (ticket, _code) = served.registrar.ticket(event, 1).await;
    let Enrolled { gate, keys } = enrol(&served, event, 1).await;
    let admission = json!({"id": AdmissionId::from_bytes([5; 16]), "ticket": ticket, "gate": gate, "entry": 1,
        "at": NOW.unix_ms(), "basis": "offline"});
    let batch = json!({
        "admissions": [{"admission": admission, "opened_at": null}]});
    let path = routes::admissions(event);
    for (seed, outcome) in [(1, "stored"), (2, "repeated")] {
        let acks = served.send(signed_at(&path, &batch.to_string(), (gate, &keys), NOW, seed)).await.ok();
        assert_eq!(acks["acks"][0]["outcome"], outcome);
    }
}

async fn offer(served: &Served, event: EventId) -> Answer {
    served.post(Some(Role::Operator), &operator::gate_offers(event), &json!({"zone": "A"})).await
}

#[tokio::test]
async fn a_zone_gets_another_gate_once_its_home_gate_has_told_that_it_knows_and_has_sent_everything() {
    let served = Served::new();
    let event = served.registrar.event_with(|draft| draft.offline = OfflineChoice::HomeGate).await;
    let Enrolled { gate, keys } = enrol(&served, event, 1).await;
    served.registrar.change_policy(event, crate::testing::policy(|_draft| {})).await.unwrap();
    let refused = offer(&served, event).await;
    assert_eq!(refused.problem(), problem(409, "gate_unheard"));
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains(&gate.to_string()) && detail.contains("revoke it"), "which gate, and what to do: {detail}");
    let length = served.app.store.event(event).unwrap().feed_length;
    let report = |length: u64, waits: bool, seed: u64| {
        let report = json!({"boot": 1, "feed_epoch": 0, "feed_length": length, "head_issued_at": NOW,
            "arbiter_answers": true, "out_of_order": null, "waits_to_upload": waits, "refusals": []});
        signed_at(&routes::reports(event), &report.to_string(), (gate, &keys), NOW, seed)
    };
    served.send(report(length - 1, false, 101)).await.ok();
    assert_eq!(
        offer(&served, event).await.problem(),
        problem(409, "gate_unheard"),
        "the newest policy is not among what it has"
    );
    served.send(report(length, true, 102)).await.ok();
    assert_eq!(
        offer(&served, event).await.problem(),
        problem(409, "gate_unheard"),
        "whom it let in by itself is not known here"
    );
    served.send(report(length, false, 103)).await.ok();
    offer(&served, event).await.ok();
}
