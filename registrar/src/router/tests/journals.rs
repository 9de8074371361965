use kido_shared::admission::{Admission, AdmissionBasis};
use kido_shared::carried::JournalFile;
use kido_shared::clock::Timestamp;
use kido_shared::ids::{AdmissionId, GateId, ShowingId, TicketId};
use kido_shared::journal_head::JournalHead;
use kido_shared::limits::ADMISSIONS_PER_BATCH;
use kido_shared::refusal::Refusal;
use kido_shared::showing::RefusedShowing;
use kido_shared::wire::v1::admissions::{AdmissionBatch, UploadedAdmission};
use kido_shared::wire::v1::{operator, routes};

use super::gates::{Enrolled, enrol, signed_at};
use super::*;
use crate::audit::{Deed, Object};

const HEAD: JournalHead = JournalHead { boot: 1, begun: [1; 32], length: 9, chain: [9; 32] };

fn admission(id: u8, ticket: TicketId, gate: GateId) -> UploadedAdmission {
    let id = AdmissionId::from_bytes([id; 16]);
    let admission = Admission { id, ticket, gate, entry: 1, at: NOW, basis: AdmissionBasis::Offline };
    UploadedAdmission { admission, opened_at: Some(NOW) }
}

fn showing(id: u8, ticket: TicketId, gate: GateId) -> RefusedShowing {
    RefusedShowing { id: ShowingId::from_bytes([id; 16]), ticket, gate, at: NOW, code: Refusal::Suspended.code() }
}

/// A venue without lines: two gates, two tickets.
struct Venue {
    served: Served,
    event: EventId,
    gates: [Enrolled; 2],
    tickets: [TicketId; 2],
}

async fn venue() -> Venue {
    let served = Served::new();
    let event = served.event().await;
    let gates = [enrol(&served, event, 1).await, enrol(&served, event, 2).await];
    let tickets = [served.registrar.ticket(event, 1).await.0, served.registrar.ticket(event, 2).await.0];
    Venue { served, event, gates, tickets }
}

impl Venue {
    fn file(&self, gate: usize, admissions: Vec<UploadedAdmission>) -> JournalFile {
        let (event, gate) = (self.event, self.gates[gate].gate);
        JournalFile {
            event,
            gate,
            journal: HEAD,
            exported_at: NOW,
            admissions,
            showings: Vec::new(),
            endings: Vec::new(),
            heard: None,
        }
    }

    /// So many admissions of a ticket each at one gate, signed by it.
    fn signed(&self, gate: usize, ids: &[(u8, usize)]) -> Vec<u8> {
        let of = self.gates[gate].gate;
        let admissions = ids.iter().map(|(id, ticket)| admission(*id, self.tickets[*ticket], of)).collect();
        self.file(gate, admissions).sign(self.gates[gate].keys.signing()).unwrap()
    }

    async fn bring(&self, file: &[u8]) -> Answer {
        self.bring_as(Role::Operator, self.event, file).await
    }

    async fn bring_as(&self, role: Role, event: EventId, file: &[u8]) -> Answer {
        let path = operator::journals(event);
        let request = request(Method::POST, Some(role), &path).header("content-type", "application/cose");
        self.served.send(request.body(Body::from(file.to_vec())).unwrap()).await
    }

    fn counts(&self) -> (u64, u64) {
        let counts = self.served.registrar.store.event(self.event).unwrap().counts;
        (counts.admissions, counts.conflicts)
    }

    async fn is_copied(&self, gate: usize) -> bool {
        let gates = self.served.get(Some(Role::Viewer), &operator::gates(self.event)).await.ok();
        let mut gates = gates["gates"].as_array().unwrap().iter();
        gates.find(|listed| listed["gate"] == json!(self.gates[gate].gate)).unwrap()["copied"] == true
    }
}

#[tokio::test]
async fn a_journal_is_taken_once_however_often_it_is_brought_and_listed_each_time() {
    let venue = venue().await;
    let gate = venue.gates[0].gate;
    let mut file = venue.file(0, vec![admission(1, venue.tickets[0], gate), admission(2, venue.tickets[1], gate)]);
    file.showings = vec![showing(3, venue.tickets[0], gate)];
    let file = file.sign(venue.gates[0].keys.signing()).unwrap();
    for (stored, repeated) in [(2, 0), (0, 2)] {
        let taken = venue.bring(&file).await.ok();
        assert_eq!((&taken["stored"], &taken["repeated"]), (&json!(stored), &json!(repeated)));
        let (reached, noted) = venue.served.registrar.store.reached_and_noted(venue.event);
        assert_eq!(noted, Some(reached), "a backup from before it is known for one");
        assert_eq!((&taken["conflicts"], &taken["refused"], &taken["showings"]), (&json!(0), &json!(0), &json!(1)));
        assert_eq!(taken["gate"], json!(gate));
    }
    assert_eq!(venue.counts(), (2, 0));
    let shown = venue.served.get(Some(Role::Desk), &operator::ticket(venue.event, "TICKET-1")).await.ok();
    let history = shown["uses"]["history"].as_array().unwrap();
    let refused = history.iter().filter(|line| line["what"] == "refused").count();
    assert_eq!(refused, 1, "{history:?}");
    let lines = venue.served.app.audit.page(None).unwrap().lines;
    let brought = lines.iter().filter(|line| line.deed == Deed::JournalBrought && line.object == Object::Gate(gate));
    assert_eq!(brought.count(), 2);
}

#[tokio::test]
async fn whoever_is_in_twice_is_one_conflict_in_whatever_order_the_files_come() {
    for order in [[0, 1], [1, 0]] {
        let venue = venue().await;
        for (turn, gate) in order.into_iter().chain(order).enumerate() {
            let file = venue.signed(gate, &[(u8::try_from(gate).unwrap() + 1, 0)]);
            let taken = venue.bring(&file).await.ok();
            assert_eq!(taken["conflicts"], json!(u64::from(turn == 1)), "turn {turn}");
            let named = if turn == 1 { json!([venue.tickets[0]]) } else { json!([]) };
            assert_eq!(taken["in_conflict"], named);
        }
        assert_eq!(venue.counts(), (2, 1));
    }
}

#[tokio::test]
async fn what_was_brought_is_known_when_the_line_is_back_and_the_other_way_round() {
    let venue = venue().await;
    let Enrolled { gate, keys } = &venue.gates[0];
    let upload = |id: u8, nonce: u64| {
        let batch = AdmissionBatch {
            admissions: vec![admission(id, venue.tickets[usize::from(id - 1)], *gate)],
            endings: Vec::new(),
        };
        let body = serde_json::to_string(&batch).unwrap();
        venue.served.send(signed_at(&routes::admissions(venue.event), &body, (*gate, keys), NOW, nonce))
    };
    venue.bring(&venue.signed(0, &[(1, 0)])).await.ok();
    assert_eq!(upload(1, 1).await.ok()["acks"][0]["outcome"], "repeated");
    assert_eq!(upload(2, 2).await.ok()["acks"][0]["outcome"], "stored");
    let taken = venue.bring(&venue.signed(0, &[(1, 0), (2, 1)])).await.ok();
    assert_eq!((&taken["stored"], &taken["repeated"]), (&json!(0), &json!(2)));
    assert!(!venue.is_copied(0).await, "a file from before is no copy");
}

#[tokio::test]
async fn a_file_that_is_cut_altered_another_events_or_anothers_word_is_refused_whole() {
    let venue = venue().await;
    let right = venue.signed(0, &[(1, 0)]);
    for at in (0..right.len()).step_by(7) {
        assert_eq!(venue.bring(&right[..at]).await.problem(), problem(422, "journal_file"), "cut at {at}");
        let mut altered = right.clone();
        altered[at] ^= 1;
        assert!(!venue.bring(&altered).await.status.is_success(), "byte {at}");
    }
    let other = venue.served.event().await;
    let refused = venue.bring_as(Role::Operator, other, &right).await;
    assert_eq!(refused.problem(), problem(409, "other_event"));
    assert!(refused.json()["detail"].as_str().unwrap().contains(&venue.event.to_string()), "by name");
    let forged = venue.file(0, Vec::new()).sign(venue.gates[1].keys.signing()).unwrap();
    assert_eq!(venue.bring(&forged).await.problem(), problem(403, "journal_signature"));
    let stranger = JournalFile { gate: GateId::from_bytes([77; 16]), ..venue.file(0, Vec::new()) };
    let stranger = stranger.sign(venue.gates[0].keys.signing()).unwrap();
    assert_eq!(venue.bring(&stranger).await.problem(), problem(401, "unknown_gate"));
    assert_eq!(venue.bring_as(Role::Sales, venue.event, &right).await.problem(), problem(403, "role"));
    assert_eq!(venue.counts(), (0, 0));
    venue.bring(&right).await.ok();
    assert_eq!(venue.counts(), (1, 0));
}

#[tokio::test]
async fn a_revoked_gates_file_is_refused_as_its_uploads_are() {
    let venue = venue().await;
    let file = venue.signed(0, &[(1, 0)]);
    venue.served.registrar.store.revoke_gate(venue.event, venue.gates[0].gate).await.unwrap();
    assert_eq!(venue.bring(&file).await.problem(), problem(403, "gate_revoked"));
    let forged = venue.file(0, Vec::new()).sign(venue.gates[1].keys.signing()).unwrap();
    assert_eq!(venue.bring(&forged).await.problem(), problem(403, "journal_signature"), "only its own word is told");
    assert_eq!(venue.counts(), (0, 0));
}

#[tokio::test]
async fn a_revoked_gates_file_is_taken_where_an_operator_believes_it_and_listed_as_such() {
    let venue = venue().await;
    let gate = venue.gates[0].gate;
    let (file, other) = (venue.signed(0, &[(1, 0)]), venue.signed(1, &[(2, 0)]));
    venue.served.registrar.store.revoke_gate(venue.event, gate).await.unwrap();
    venue.bring(&other).await.ok();
    let believed = async |role, file: &[u8]| {
        let request = request(Method::POST, Some(role), &operator::journals_of_revoked(venue.event));
        let request = request.header("content-type", "application/cose");
        venue.served.send(request.body(Body::from(file.to_vec())).unwrap()).await
    };
    assert_eq!(believed(Role::Desk, &file).await.problem(), problem(403, "role"));
    let forged = venue.file(0, Vec::new()).sign(venue.gates[1].keys.signing()).unwrap();
    assert_eq!(believed(Role::Operator, &forged).await.problem(), problem(403, "journal_signature"));
    for (conflicts, repeated) in [(1, 0), (0, 1)] {
        let taken = believed(Role::Operator, &file).await.ok();
        assert_eq!((&taken["conflicts"], &taken["repeated"]), (&json!(conflicts), &json!(repeated)));
    }
    assert_eq!(venue.counts(), (2, 1));
    let lines = venue.served.app.audit.page(None).unwrap().lines;
    let done = lines.iter().filter(|line| line.deed == Deed::RevokedJournalBrought && line.refused.is_none());
    assert_eq!(done.filter(|line| line.object == Object::Gate(gate)).count(), 2);
}

#[tokio::test]
async fn more_than_one_upload_holds_is_taken_whole() {
    let venue = venue().await;
    let gate = venue.gates[0].gate;
    let count = ADMISSIONS_PER_BATCH + 44;
    let numbered = |number: usize| {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&u64::try_from(number).unwrap().to_be_bytes());
        let mut one = admission(0, venue.tickets[0], gate);
        one.admission.id = AdmissionId::from_bytes(id);
        one
    };
    let file = venue.file(0, (0..count).map(numbered).collect()).sign(venue.gates[0].keys.signing()).unwrap();
    let taken = venue.bring(&file).await.ok();
    assert_eq!((&taken["stored"], &taken["conflicts"]), (&json!(1), &json!(count - 1)));
    assert_eq!(venue.bring(&file).await.ok()["repeated"], json!(count));
}

#[tokio::test]
async fn files_of_earlier_runs_that_come_late_are_no_alarm() {
    let venue = venue().await;
    let with = |journal: JournalHead, exported_at: Timestamp| {
        let file = JournalFile { journal, exported_at, ..venue.file(0, Vec::new()) };
        file.sign(venue.gates[0].keys.signing()).unwrap()
    };
    let later = JournalHead { boot: 3, begun: [3; 32], length: 40, chain: [4; 32] };
    // The second is dated by a clock that runs an hour ahead: nobody's fault.
    let ahead = NOW.after(Duration::from_secs(3_600));
    for (head, at) in [(later, NOW), (HEAD, ahead), (JournalHead { length: 30, ..later }, ahead), (later, NOW)] {
        venue.bring(&with(head, at)).await.ok();
    }
    assert!(!venue.is_copied(0).await);
}

#[tokio::test]
async fn a_file_from_a_copy_of_a_gates_disk_ends_the_rights_of_both() {
    let venue = venue().await;
    let Enrolled { gate, keys } = &venue.gates[0];
    let report = json!({"boot": 1, "feed_epoch": 0, "feed_length": 0, "head_issued_at": null, "arbiter_answers": true,
        "out_of_order": null, "waits_to_upload": false, "refusals": []});
    let path = routes::reports(venue.event);
    let reported = venue.served.send(signed_at(&path, &report.to_string(), (*gate, keys), NOW, 1)).await;
    reported.ok();
    let copy = JournalHead { begun: [7; 32], ..HEAD };
    let file = JournalFile { journal: copy, ..venue.file(0, vec![admission(1, venue.tickets[0], *gate)]) };
    let refused = venue.bring(&file.sign(keys.signing()).unwrap()).await;
    assert_eq!(refused.problem(), problem(403, "gate_revoked"));
    assert!(venue.is_copied(0).await && !venue.is_copied(1).await);
    assert_eq!(venue.counts(), (0, 0));
    let lines = venue.served.app.audit.page(None).unwrap().lines;
    assert!(lines.iter().any(|line| line.deed == Deed::GateCopied && line.object == Object::Gate(*gate)));
}
