//! What a gate's key is worth at the registrar's own arbiter, as long as nobody revokes it.

use core::time::Duration;

use kido_shared::admission::{AdmissionBasis, DecidedOn, EndedBy, Ending};
use kido_shared::claim::rate::Paces;
use kido_shared::claim::{ClaimAnswer, ClaimRequest, ClaimStep};
use kido_shared::ids::{AdmissionId, FeedSequence, GateId, TicketId};
use kido_shared::limits::ADMISSIONS_PER_BATCH;
use kido_shared::wire::v1::admissions::{AckOutcome, AdmissionAck, AdmissionBatch, UploadedAdmission};

use super::super::*;
use super::gates::{admission, claim, named};
use crate::domain::claim::ClaimRefusal;
use crate::domain::gate::Believed;
use crate::testing::{Registrar, row};

/// Claims at once.
const BURST: u8 = 40;

type Answered = Result<ClaimAnswer, Failed<ClaimRefusal>>;

/// An event with two gates and more tickets than one of them may take at once; nobody need have bound them.
struct Venue {
    registrar: Registrar,
    event: EventId,
    gates: [GateId; 2],
    tickets: Vec<TicketId>,
}

impl Venue {
    async fn new() -> Self {
        let registrar = Registrar::new();
        let event = registrar.event().await;
        let gates = [registrar.gate(event, 1).await, registrar.gate(event, 2).await];
        let rows = (0..200).map(|number| row(number).0).collect();
        let report = registrar.store.import_tickets(event, rows, true).await.unwrap();
        let created =
            |outcome| if let ImportOutcome::Created(ticket) = outcome { ticket } else { panic!("{outcome:?}") };
        let tickets = report.outcomes.into_iter().map(created).collect();
        Self { registrar, event, gates, tickets }
    }

    /// The ticket and the admission of this number.
    fn claim(&self, number: u8, gate: GateId) -> ClaimStep {
        claim(&self.registrar, self.event, number, self.tickets[usize::from(number)], gate)
    }

    /// The same, as if it had been let in without a line.
    fn claim_afterwards(&self, number: u8, gate: GateId) -> ClaimStep {
        let ClaimStep::Claim(mut request) = self.claim(number, gate) else { panic!("no claim") };
        request.basis = AdmissionBasis::Offline;
        ClaimStep::Claim(request)
    }

    /// The admission of this number, of one ticket after the other.
    fn upload(&self, number: usize, gate: GateId) -> UploadedAdmission {
        let mut uploaded = admission(0, self.tickets[number % self.tickets.len()], gate);
        let mut id = [0; 16];
        id[..8].copy_from_slice(&u64::try_from(number).unwrap().to_be_bytes());
        uploaded.admission.id = AdmissionId::from_bytes(id);
        uploaded.admission.basis = AdmissionBasis::Offline;
        uploaded
    }

    async fn send(&self, gate: GateId, admissions: Vec<UploadedAdmission>) -> Vec<AdmissionAck> {
        self.registrar.store.upload(self.event, gate, admissions).await.unwrap()
    }

    async fn ask(&self, step: ClaimStep) -> Answered {
        self.registrar.store.claim(self.event, step.gate(), step).await
    }

    /// How many of these are granted before the first is not.
    async fn granted(&self, numbers: core::ops::Range<u8>, claim: impl Fn(u8) -> ClaimStep) -> usize {
        let mut granted = 0;
        for number in numbers {
            let answered = self.ask(claim(number)).await;
            if !matches!(answered, Ok(ClaimAnswer::Granted { .. })) {
                assert!(too_fast(&answered), "{answered:?}");
                break;
            }
            granted += 1;
        }
        granted
    }
}

fn too_fast(answered: &Answered) -> bool {
    matches!(answered, Err(Failed::Refused(ClaimRefusal::TooFast)))
}

#[tokio::test]
async fn a_stolen_key_takes_at_the_registrar_what_it_takes_at_a_box_and_holds_back_nobody_else() {
    assert_eq!(Paces::LANE.claims.burst, u32::from(BURST));
    let venue = Venue::new().await;
    let [stolen, other] = venue.gates;
    assert_eq!(venue.granted(0..60, |number| venue.claim(number, stolen)).await, usize::from(BURST));
    assert!(matches!(venue.ask(venue.claim(70, other)).await, Ok(ClaimAnswer::Granted { .. })));
    venue.registrar.clock.advance(Duration::from_secs(3));
    assert_eq!(venue.granted(80..90, |number| venue.claim(number, stolen)).await, 3, "one a second");
    let annulled = venue.ask(ClaimStep::Annul(named(0, venue.tickets[0], stolen))).await;
    assert!(matches!(annulled, Ok(ClaimAnswer::Annulled)), "what it took it can give back: {annulled:?}");
}

#[tokio::test]
async fn what_a_gate_says_that_it_let_in_is_bounded_with_its_claims_and_leaves_half_of_them_to_the_lane() {
    let venue = Venue::new().await;
    let [gate, _] = venue.gates;
    let half = usize::from(BURST / 2);
    assert_eq!(venue.granted(0..60, |number| venue.claim_afterwards(number, gate)).await, half);
    assert_eq!(venue.granted(60..120, |number| venue.claim(number, gate)).await, half);
}

#[tokio::test]
async fn an_offline_hour_that_was_uploaded_is_claimed_at_once() {
    let venue = Venue::new().await;
    let [gate, other] = venue.gates;
    let mut hour: Vec<_> = (0..120).map(|number| admission(number, venue.tickets[usize::from(number)], gate)).collect();
    hour.iter_mut().for_each(|uploaded| uploaded.admission.basis = AdmissionBasis::Offline);
    venue.registrar.store.upload(venue.event, gate, hour).await.unwrap();
    assert_eq!(venue.granted(0..120, |number| venue.claim_afterwards(number, gate)).await, 120);
    assert_eq!(venue.granted(120..180, |number| venue.claim(number, gate)).await, usize::from(BURST), "untouched");
    let theirs = venue.ask(venue.claim_afterwards(1, other)).await;
    assert!(matches!(theirs, Ok(ClaimAnswer::Taken { gate: by, .. }) if by == gate), "{theirs:?}");
    // One that was given back is told no longer: claiming it would write.
    assert!(matches!(venue.ask(ClaimStep::Annul(named(5, venue.tickets[5], gate))).await, Ok(ClaimAnswer::Annulled)));
    assert!(too_fast(&venue.ask(venue.claim_afterwards(5, gate)).await));
}

#[tokio::test]
async fn a_stolen_key_uploads_no_more_than_a_lane_lets_in_and_what_waits_comes_in_its_turn() {
    let venue = Venue::new().await;
    let [stolen, other] = venue.gates;
    let burst = usize::try_from(Paces::LANE.uploads.burst).unwrap();
    let all: Vec<_> = (0..burst + 100).map(|number| venue.upload(number, stolen)).collect();
    let mut stored = 0;
    for batch in all.chunks(ADMISSIONS_PER_BATCH) {
        let acks = venue.send(stolen, batch.to_vec()).await;
        stored += acks.iter().filter(|ack| ack.outcome != AckOutcome::Later).count();
    }
    assert_eq!(stored, burst);
    let repeated = venue.send(stolen, all[..3].to_vec()).await;
    assert!(repeated.iter().all(|ack| ack.outcome == AckOutcome::Repeated), "what is here already costs nothing");
    let others = venue.send(other, vec![venue.upload(burst + 200, other)]).await;
    assert_ne!(others[0].outcome, AckOutcome::Later, "nobody else is held back");
    venue.registrar.clock.advance(Duration::from_secs(2));
    let rest = venue.send(stolen, all[burst..burst + 10].to_vec()).await;
    assert_eq!(rest.iter().filter(|ack| ack.outcome != AckOutcome::Later).count(), 4, "two a second");
    // A person who has carried the gate's file here decides about it; the counts are on the screen.
    let by_hand = (stolen, Believed::InForce);
    let carried = venue.registrar.store.ingest_carried(venue.event, by_hand, all[burst + 10..].to_vec()).await.unwrap();
    assert!(carried.iter().all(|ack| ack.outcome != AckOutcome::Later));
}

#[tokio::test]
async fn a_claim_that_comes_after_nobody_had_passed_holds_the_entry_for_nobody() {
    let venue = Venue::new().await;
    let [gate, other] = venue.gates;
    let admitted = venue.upload(7, gate);
    let (admission, ticket) = (admitted.admission.id, admitted.admission.ticket);
    let ending = Ending { admission, ticket, gate, by: EndedBy::Annulled, at: admitted.admission.at };
    let batch = AdmissionBatch { admissions: vec![admitted.clone()], endings: vec![ending] };
    venue.registrar.store.take_upload(venue.event, gate, batch).await.unwrap();
    // Its gate had been too fast with the claim, which comes behind everything else.
    let ClaimStep::Claim(request) = venue.claim_afterwards(7, gate) else { panic!("no claim") };
    let late = venue.ask(ClaimStep::Claim(ClaimRequest { admission, ..request })).await;
    assert!(matches!(late, Ok(ClaimAnswer::Withdrawn)), "{late:?}");
    let next = venue.ask(claim(&venue.registrar, venue.event, 108, ticket, other)).await;
    assert!(matches!(next, Ok(ClaimAnswer::Granted { entry: 1 })), "{next:?}");
}

#[tokio::test]
async fn a_claim_that_is_too_fast_changes_nothing_and_a_gate_that_is_ahead_spends_nothing() {
    let venue = Venue::new().await;
    let [gate, other] = venue.gates;
    let ClaimStep::Claim(mut ahead) = venue.claim(0, gate) else { panic!("no claim") };
    ahead.decided_on = DecidedOn {
        ticket: FeedSequence::new(9_000),
        binding: FeedSequence::new(9_001),
        epoch: kido_shared::ids::Epoch::FIRST,
    };
    for _again in 0..100 {
        let behind = venue.ask(ClaimStep::Claim(ahead.clone())).await;
        assert!(matches!(behind, Ok(ClaimAnswer::Behind)), "{behind:?}");
    }
    assert_eq!(venue.granted(0..60, |number| venue.claim(number, gate)).await, usize::from(BURST));
    let before = super::index_of(&venue.registrar.store, venue.event);
    assert!(too_fast(&venue.ask(venue.claim(150, gate)).await));
    assert_eq!(super::index_of(&venue.registrar.store, venue.event), before);
    assert!(matches!(venue.ask(venue.claim(150, other)).await, Ok(ClaimAnswer::Granted { .. })));
}
