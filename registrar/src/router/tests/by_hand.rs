use core::slice::from_ref;

use kido_shared::ids::{GateId, TicketId};
use kido_shared::policy::ArbiterHome;
use kido_shared::wire::v1::operator;

use super::*;
use crate::domain::short_id::ShortId;

struct Paper {
    served: Served,
    event: EventId,
    gates: [GateId; 2],
    ticket: TicketId,
}

async fn paper() -> Paper {
    let served = Served::new();
    let event = served.event().await;
    let gates = [served.registrar.gate(event, 1).await, served.registrar.gate(event, 2).await];
    let (ticket, _code) = served.registrar.ticket(event, 1).await;
    Paper { served, event, gates, ticket }
}

impl Paper {
    fn tick(&self, ticket: TicketId, minute: i64, gate: GateId) -> Value {
        json!({"ticket": ShortId::of(ticket, 0).to_string(), "at": NOW.unix_ms() - 3_600_000 + minute * 60_000, "gate": gate})
    }

    async fn enter(&self, ticks: &[Value], check: bool) -> Answer {
        let body = json!({"check": check, "ticks": ticks});
        self.served.post(Some(Role::Desk), &operator::by_hand(self.event), &body).await
    }

    async fn outcomes(&self, ticks: &[Value], check: bool) -> Vec<String> {
        let answer = self.enter(ticks, check).await.ok();
        let outcomes = answer["outcomes"].as_array().unwrap().iter();
        outcomes.map(|outcome| outcome["outcome"].as_str().unwrap().to_owned()).collect()
    }

    fn admissions(&self) -> (u64, u64) {
        let counts = self.served.registrar.store.event(self.event).unwrap().counts;
        (counts.admissions, counts.conflicts)
    }
}

#[tokio::test]
async fn a_tick_is_one_entry_however_often_it_is_put_in() {
    let paper = paper().await;
    let tick = paper.tick(paper.ticket, 5, paper.gates[0]);
    assert_eq!(paper.outcomes(from_ref(&tick), true).await, ["stored"]);
    assert_eq!(paper.admissions(), (0, 0), "a look stores nothing");
    assert_eq!(paper.outcomes(&[tick.clone(), tick.clone()], false).await, ["stored", "repeated"]);
    assert_eq!(paper.outcomes(&[tick], false).await, ["repeated"]);
    assert_eq!(paper.admissions(), (1, 0));
    let (reached, noted) = paper.served.registrar.store.reached_and_noted(paper.event);
    assert_eq!(noted, Some(reached), "a backup from before it is known for one");
    let page = paper.served.get(Some(Role::Desk), &operator::paper(paper.event, None)).await.ok();
    assert_eq!(page["tickets"][0]["standing"], "inside");
}

#[tokio::test]
async fn whoever_is_in_twice_is_a_conflict_and_never_dropped() {
    let paper = paper().await;
    let (one, other) = (paper.tick(paper.ticket, 5, paper.gates[0]), paper.tick(paper.ticket, 6, paper.gates[1]));
    assert_eq!(paper.outcomes(&[one], false).await, ["stored"]);
    assert_eq!(paper.outcomes(from_ref(&other), true).await, ["conflict"]);
    assert_eq!(paper.outcomes(from_ref(&other), false).await, ["conflict"]);
    assert_eq!(paper.outcomes(&[other], false).await, ["repeated"]);
    assert_eq!(paper.admissions(), (2, 1));
}

#[tokio::test]
async fn a_card_is_refused_after_its_ticket_was_ticked() {
    use kido_shared::admission::{AdmissionBasis, DecidedOn};
    use kido_shared::claim::{ClaimAnswer, ClaimRequest, ClaimStep};
    use kido_shared::ids::{AdmissionId, FeedSequence};
    let paper = paper().await;
    paper.outcomes(&[paper.tick(paper.ticket, 5, paper.gates[0])], false).await;
    let decided_on = DecidedOn {
        ticket: FeedSequence::new(3),
        binding: FeedSequence::new(3),
        epoch: kido_shared::ids::Epoch::FIRST,
    };
    let request = ClaimRequest {
        admission: AdmissionId::from_bytes([9; 16]),
        ticket: paper.ticket,
        gate: paper.gates[1],
        decided_on,
        at: NOW,
        basis: AdmissionBasis::Claimed,
    };
    let store = &paper.served.registrar.store;
    let answer = store.claim(paper.event, paper.gates[1], ClaimStep::Claim(request)).await.unwrap();
    assert!(matches!(answer, ClaimAnswer::Taken { gate, .. } if gate == paper.gates[0]), "{answer:?}");
}

#[tokio::test]
async fn what_names_no_ticket_or_several_or_no_gate_or_no_past_is_told_and_not_stored() {
    let paper = paper().await;
    let gate = paper.gates[0];
    let unknown = json!({"ticket": "000-000-000", "at": NOW.unix_ms(), "gate": gate});
    let nowhere = paper.tick(paper.ticket, 5, GateId::from_bytes([77; 16]));
    let to_come =
        json!({"ticket": ShortId::of(paper.ticket, 0).to_string(), "at": NOW.unix_ms() + 60_000, "gate": gate});
    for check in [true, false] {
        let ticks = [unknown.clone(), nowhere.clone(), to_come.clone()];
        assert_eq!(paper.outcomes(&ticks, check).await, ["unknown", "unknown_gate", "to_come"]);
    }
    assert_eq!(paper.admissions(), (0, 0));
    let unreadable = json!({"ticket": "Taro", "at": NOW.unix_ms(), "gate": gate});
    let answer = paper.enter(&[unreadable], false).await;
    assert_eq!(answer.problem(), problem(422, "field"));
    assert!(!answer.json()["detail"].as_str().unwrap().contains("Taro"));
    let many = vec![unknown; crate::domain::by_hand::TICKS_PER_BATCH + 1];
    assert_eq!(paper.enter(&many, true).await.problem(), problem(413, "too_large"));
}

#[tokio::test]
async fn what_a_gate_decides_by_itself_is_not_put_in_and_what_a_venues_box_decides_is() {
    for (home, taken) in [(ArbiterHome::Local, false), (ArbiterHome::Venue, true)] {
        let served = Served::new();
        let event = served.registrar.event_with(|draft| draft.arbiter.home = home.clone()).await;
        let gate = served.registrar.gate(event, 1).await;
        let (ticket, _code) = served.registrar.ticket(event, 1).await;
        let tick = json!({"ticket": ticket.to_string(), "at": NOW.unix_ms(), "gate": gate});
        for check in [true, false] {
            let body = json!({"check": check, "ticks": [tick.clone()]});
            let answer = served.post(Some(Role::Operator), &operator::by_hand(event), &body).await;
            if taken {
                assert_eq!(answer.status, 200, "{home:?}");
            } else {
                assert_eq!(answer.problem(), problem(409, "arbiter_elsewhere"), "{home:?}");
            }
        }
        let admissions = served.registrar.store.event(event).unwrap().counts.admissions;
        assert_eq!(admissions, u64::from(taken), "{home:?}");
    }
}

#[tokio::test]
async fn only_desk_and_operator_see_the_paper_and_put_it_in() {
    let paper = paper().await;
    let Paper { served, event, .. } = &paper;
    for role in [Role::Sales, Role::Viewer] {
        let refused = served.get(Some(role), &operator::paper(*event, None)).await;
        assert_eq!(refused.problem(), problem(403, "role"), "{role:?}");
        let body = json!({"ticks": []});
        let refused = served.post(Some(role), &operator::by_hand(*event), &body).await;
        assert_eq!(refused.problem(), problem(403, "role"), "{role:?}");
    }
    let page = served.get(Some(Role::Operator), &operator::paper(*event, None)).await.ok();
    assert_eq!(page["tickets"][0]["standing"], "no_card");
    assert_eq!(page.get("reached"), None);
    let text = page.to_string();
    assert!(!text.contains("TICKET-1") && !text.contains("ORDER-1"), "no reference is known in clear");
    let behind = served.get(Some(Role::Desk), &operator::paper(*event, Some(paper.ticket))).await.ok();
    assert_eq!(behind["tickets"], json!([]));
    // Whoever begins in the middle takes a list out, too.
    let lines = served.app.audit.page(None).unwrap().lines;
    assert_eq!(lines.iter().filter(|line| line.deed == crate::audit::Deed::PaperTaken).count(), 2);
}
