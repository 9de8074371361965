//! What a dead, stolen or lying gate holds, and what becomes of it once a person has decided.

use kido_shared::admission::AdmissionBasis;
use kido_shared::claim::{ClaimAnswer, ClaimStep, FreedClaims};
use kido_shared::feed::{ClaimsFreed, FeedRecord};
use kido_shared::ids::{GateId, TicketId};
use kido_shared::policy::ArbiterHome;
use kido_shared::wire::v1::admissions::AckOutcome;

use super::super::*;
use super::cutting::cut;
use super::following::follow;
use super::gates::{admission, claim, named};
use crate::domain::gate::{Believed, GateRefusal};
use crate::testing::{NOW, Registrar};

/// Three tickets that one gate holds: claimed; seen to open; let in, as its upload tells.
struct Held {
    registrar: Registrar,
    event: EventId,
    dead: GateId,
    other: GateId,
    claimed: TicketId,
    opened: TicketId,
    known: TicketId,
}

impl Held {
    async fn by_a_gate_in_force() -> Self {
        let registrar = Registrar::new();
        let event = registrar.event().await;
        let (dead, other) = (registrar.gate(event, 1).await, registrar.gate(event, 2).await);
        let mut tickets = Vec::new();
        for number in 1..=3 {
            let ticket = registrar.ticket(event, u64::from(number)).await.0;
            let granted = registrar.store.claim(event, dead, claim(&registrar, event, number, ticket, dead)).await;
            assert_eq!(granted.unwrap(), ClaimAnswer::Granted { entry: 1 });
            tickets.push(ticket);
        }
        let [claimed, opened, known] = tickets[..] else { panic!("three tickets") };
        let step = ClaimStep::Opened(named(2, opened, dead));
        assert_eq!(registrar.store.claim(event, dead, step).await.unwrap(), ClaimAnswer::Opened);
        registrar.store.upload(event, dead, vec![admission(3, known, dead)]).await.unwrap();
        Self { registrar, event, dead, other, claimed, opened, known }
    }

    async fn by_a_revoked_gate() -> Self {
        let held = Self::by_a_gate_in_force().await;
        held.registrar.store.revoke_gate(held.event, held.dead).await.unwrap();
        held
    }

    fn view(&self) -> GateClaimsView {
        self.registrar.store.gate_claims(self.event, self.dead).unwrap()
    }

    async fn free(&self, freed: FreedClaims, told: u64) -> Result<GateClaimsView, Failed<GateRefusal>> {
        self.registrar.store.free_claims(self.event, (self.dead, freed), told).await
    }

    /// Whether somebody gets in with a ticket at the other gate.
    async fn enters(&self, number: u8, ticket: TicketId) -> bool {
        let step = claim(&self.registrar, self.event, number, ticket, self.other);
        let answer = self.registrar.store.claim(self.event, self.other, step).await.unwrap();
        let is_taken = matches!(answer, ClaimAnswer::Taken { gate, .. } if gate == self.dead);
        assert!(is_taken || answer == ClaimAnswer::Granted { entry: 1 }, "{answer:?}");
        !is_taken
    }

    async fn brought(&self, number: u8, ticket: TicketId) -> AckOutcome {
        let (event, from) = (self.event, (self.dead, Believed::RevokedToo));
        let mut late = admission(number, ticket, self.dead);
        late.opened_at = Some(NOW);
        self.registrar.store.ingest_carried(event, from, vec![late]).await.unwrap()[0].outcome
    }

    fn conflicts(&self) -> usize {
        self.registrar.store.conflicts(self.event).unwrap().len()
    }
}

#[tokio::test]
async fn what_a_gate_that_stopped_had_not_opened_for_enters_elsewhere_once_it_is_freed() {
    let held = Held::by_a_revoked_gate().await;
    assert!(!held.enters(11, held.claimed).await, "its holder is sent to staff");
    let before = held.view();
    assert_eq!(before.held, Some(HeldClaims { unopened: 1, opened: 1 }), "what is known is not counted");
    assert_eq!(before.freed, None);
    assert_eq!(held.free(FreedClaims::Unopened, 1).await.unwrap().freed, Some(FreedClaims::Unopened));
    assert!(held.enters(12, held.claimed).await);
    assert!(!held.enters(13, held.opened).await, "an honest gate's word that it has opened stands");
    assert!(!held.enters(14, held.known).await, "whoever is known to be in is in");
    assert_eq!(held.free(FreedClaims::All, 1).await.unwrap().freed, Some(FreedClaims::All));
    assert!(held.enters(15, held.opened).await);
    assert!(!held.enters(16, held.known).await);
}

#[tokio::test]
async fn an_operator_who_was_told_of_fewer_claims_than_there_are_frees_none() {
    let held = Held::by_a_revoked_gate().await;
    for (freed, told, there) in [(FreedClaims::Unopened, 0, 1), (FreedClaims::All, 1, 2)] {
        let refused = held.free(freed, told).await;
        assert!(
            matches!(refused, Err(Failed::Refused(GateRefusal::ClaimsChanged { held, told: said })) if (held, said) == (there, told)),
            "{refused:?}"
        );
    }
    assert!(!held.enters(11, held.claimed).await);
}

#[tokio::test]
async fn a_gate_in_force_keeps_what_it_claimed() {
    let held = Held::by_a_gate_in_force().await;
    let refused = held.free(FreedClaims::All, 9).await;
    assert!(matches!(refused, Err(Failed::Refused(GateRefusal::InForce))), "{refused:?}");
    assert!(!held.enters(11, held.claimed).await);
    let stranger = held.registrar.store.gate_claims(held.event, GateId::from_bytes([9; 16]));
    assert!(matches!(stranger, Err(Failed::Refused(GateRefusal::UnknownGate))));
}

#[tokio::test]
async fn the_decision_is_told_once_is_never_narrowed_and_outlives_a_restart_and_a_cut() {
    let held = Held::by_a_revoked_gate().await;
    for freed in [FreedClaims::All, FreedClaims::All, FreedClaims::Unopened] {
        assert_eq!(held.free(freed, 2).await.unwrap().freed, Some(FreedClaims::All));
    }
    let told = ClaimsFreed { gate: held.dead, freed: FreedClaims::All, at: NOW };
    let records = async |held: &Held| {
        let records = follow(&held.registrar.store, held.event).await.into_iter();
        records
            .filter(|(_, record)| matches!(record, FeedRecord::ClaimsFreed(_)))
            .map(|(_, told)| told)
            .collect::<Vec<_>>()
    };
    assert_eq!(records(&held).await, [FeedRecord::ClaimsFreed(told.clone())]);
    let held = Held { registrar: held.registrar.restart(), ..held };
    held.registrar.store.cut_epoch(held.event, cut(&held.registrar, held.event, 7)).await.unwrap();
    assert_eq!(records(&held).await, [FeedRecord::ClaimsFreed(told)], "a box that follows the new epoch hears of it");
    assert_eq!(held.view().freed, Some(FreedClaims::All));
}

#[tokio::test]
async fn a_journal_that_comes_to_light_later_is_a_conflict_once_where_somebody_came_meanwhile() {
    let held = Held::by_a_revoked_gate().await;
    held.free(FreedClaims::All, 2).await.unwrap();
    assert!(held.enters(12, held.claimed).await);
    let store = &held.registrar.store;
    store.upload(held.event, held.other, vec![admission(12, held.claimed, held.other)]).await.unwrap();
    assert_eq!(held.brought(1, held.claimed).await, AckOutcome::Conflict);
    assert_eq!(held.brought(1, held.claimed).await, AckOutcome::Repeated);
    assert_eq!(held.conflicts(), 1);
    assert_eq!(held.brought(2, held.opened).await, AckOutcome::Stored, "nobody came meanwhile");
    assert!(!held.enters(13, held.opened).await, "its holder is in, and known to be");
    assert_eq!(held.conflicts(), 1);
}

#[tokio::test]
async fn somebody_whom_a_gate_has_claimed_for_and_not_told_of_yet_conflicts_with_the_late_journal_too() {
    let held = Held::by_a_revoked_gate().await;
    held.free(FreedClaims::Unopened, 1).await.unwrap();
    assert!(held.enters(12, held.claimed).await);
    assert_eq!(held.brought(1, held.claimed).await, AckOutcome::Stored);
    let store = &held.registrar.store;
    let acks = store.upload(held.event, held.other, vec![admission(12, held.claimed, held.other)]).await.unwrap();
    assert_eq!((acks[0].outcome, held.conflicts()), (AckOutcome::Conflict, 1));
}

#[tokio::test]
async fn what_a_thief_claimed_as_if_offline_is_free_where_all_is() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let (stolen, other) = (registrar.gate(event, 1).await, registrar.gate(event, 2).await);
    let (ticket, _code) = registrar.ticket(event, 1).await;
    let ClaimStep::Claim(request) = claim(&registrar, event, 1, ticket, stolen) else { panic!("a claim") };
    let taken = ClaimStep::Claim(kido_shared::claim::ClaimRequest { basis: AdmissionBasis::Offline, ..request });
    registrar.store.claim(event, stolen, taken).await.unwrap();
    registrar.store.revoke_gate(event, stolen).await.unwrap();
    let ask = async |number| registrar.store.claim(event, other, claim(&registrar, event, number, ticket, other)).await;
    registrar.store.free_claims(event, (stolen, FreedClaims::Unopened), 0).await.unwrap();
    assert!(matches!(ask(2).await, Ok(ClaimAnswer::Taken { .. })));
    registrar.store.free_claims(event, (stolen, FreedClaims::All), 1).await.unwrap();
    assert_eq!(ask(3).await.unwrap(), ClaimAnswer::Granted { entry: 1 });
}

#[tokio::test]
async fn where_a_box_decides_it_alone_knows_how_many_there_are() {
    let registrar = Registrar::new();
    let event = registrar.event_with(|draft| draft.arbiter.home = ArbiterHome::Venue).await;
    let gate = registrar.gate(event, 1).await;
    registrar.store.revoke_gate(event, gate).await.unwrap();
    let view = registrar.store.free_claims(event, (gate, FreedClaims::Unopened), 4).await.unwrap();
    assert_eq!((view.decided_by, view.held), (ArbiterHome::Venue, None));
    assert_eq!(registrar.store.gate_claims(event, gate).unwrap().freed, Some(FreedClaims::Unopened));
}
