use std::sync::atomic::{AtomicUsize, Ordering};

use kido_shared::admission::AdmissionBasis;
use kido_shared::claim::{ClaimRequest, FreedClaims, NamedAdmission};
use kido_shared::feed::{ClaimsFreed, FeedRecord};
use kido_shared::ids::AdmissionId;

use super::*;
use crate::records::HeldRecords;
use crate::testing::{CLUSTER, Feed, GATES, NOW, Venue, gate, own_shared, ticket_id};

/// Records as far away as those that several boxes share.
#[derive(Debug, Default, Clone)]
struct FarRecords(Arc<(HeldRecords, AtomicUsize)>);

impl FarRecords {
    /// Rounds between boxes since this was last asked.
    fn rounds(&self) -> usize {
        self.0.1.swap(0, Ordering::SeqCst)
    }
}

impl ClaimRecords for FarRecords {
    const SHARING: Sharing = Sharing::Shared;

    async fn get(&self, name: RecordName) -> Result<Option<Versioned>, RecordsError> {
        self.0.1.fetch_add(1, Ordering::SeqCst);
        self.0.0.get(name).await
    }

    async fn compare_and_set(
        &self,
        name: RecordName,
        version: Option<u64>,
        next: TicketClaims,
    ) -> Result<Swapped, RecordsError> {
        self.0.1.fetch_add(1, Ordering::SeqCst);
        self.0.0.compare_and_set(name, version, next).await
    }
}

async fn shared_venue(records: FarRecords) -> Venue<FarRecords> {
    let mut feed = Feed::with_tickets(2);
    feed.publish(&own_shared());
    Venue::with(feed, records, Paces::LANE).await
}

fn body(step: ClaimStep) -> ClaimBody {
    ClaimBody { step, arbiter: Some(AskedArbiter { cluster: CLUSTER, epoch: 0 }) }
}

async fn claim<R: ClaimRecords>(venue: &Venue<R>, gate: GateId, id: u8) -> Result<ClaimAnswer, StepRefusal> {
    let ticket = ticket_id(0);
    let decided_on = venue.arbiter.book().facts(ticket).unwrap().unwrap().newest;
    let (admission, basis) = (AdmissionId::from_bytes([id; 16]), AdmissionBasis::Claimed);
    let request = ClaimRequest { admission, ticket, gate, decided_on, at: NOW, basis };
    venue.arbiter.step(gate, body(ClaimStep::Claim(request))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_claim_on_shared_records_is_one_round_and_a_refusal_is_never_presumed() {
    let records = FarRecords::default();
    let venue = shared_venue(records.clone()).await;
    assert_eq!(claim(&venue, GATES[0], 1).await.unwrap(), ClaimAnswer::Granted { entry: 1 });
    assert_eq!(records.rounds(), 1, "it presumes that nothing stands there");
    let again = claim(&venue, GATES[0], 1).await.unwrap();
    assert_eq!((again, records.rounds()), (ClaimAnswer::Granted { entry: 1 }, 1), "the write tells what stands there");
    let taken = claim(&venue, GATES[1], 2).await.unwrap();
    assert!(matches!(taken, ClaimAnswer::Taken { admission, .. } if admission == AdmissionId::from_bytes([1; 16])));
    assert_eq!(records.rounds(), 1);
    let named = NamedAdmission { admission: AdmissionId::from_bytes([1; 16]), ticket: ticket_id(0), gate: GATES[0] };
    venue.arbiter.step(GATES[0], body(ClaimStep::Opened(named))).await.unwrap();
    assert_eq!(records.rounds(), 2, "what is behind a claim is read first: its record stands");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_the_feed_speaks_against_is_refused_on_what_stands_there() {
    let records = FarRecords::default();
    let venue = shared_venue(records.clone()).await;
    let request = ClaimRequest {
        admission: AdmissionId::from_bytes([1; 16]),
        ticket: ticket_id(0),
        gate: GATES[0],
        decided_on: kido_shared::admission::DecidedOn {
            ticket: kido_shared::ids::FeedSequence::FIRST,
            binding: kido_shared::ids::FeedSequence::FIRST,
            epoch: kido_shared::ids::Epoch::FIRST,
        },
        at: NOW,
        basis: AdmissionBasis::Claimed,
    };
    let stale = venue.arbiter.step(GATES[0], body(ClaimStep::Claim(request))).await.unwrap();
    assert!(matches!(stale, ClaimAnswer::Stale { .. }), "{stale:?}");
    assert_eq!(records.rounds(), 1, "read, then refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_whose_records_are_not_where_its_enrolment_says_decides_nothing() {
    let far = Venue::with(Feed::with_tickets(1), FarRecords::default(), Paces::LANE).await;
    let refused = claim(&far, GATES[0], 1).await;
    assert!(matches!(refused, Err(StepRefusal::OtherHome)), "{refused:?}");
    let shared = shared_venue(FarRecords::default()).await;
    let standing = shared.arbiter.book().standing();
    assert!(matches!(decides(&standing, Sharing::Alone, NOW), Err(StepRefusal::OtherHome)));
    assert!(decides(&standing, Sharing::Shared, NOW).is_ok());
}

/// Two boxes of one etcd: the first has heard of an admission, the second has not.
#[tokio::test(flavor = "multi_thread")]
async fn what_only_one_box_has_heard_of_stands_in_the_shared_record_before_that_box_answers() {
    let records = FarRecords::default();
    let (mut ahead, behind) = (shared_venue(records.clone()).await, shared_venue(records.clone()).await);
    let (id, ticket) = (AdmissionId::from_bytes([1; 16]), ticket_id(0));
    let decided_on = ahead.arbiter.book().facts(ticket).unwrap().unwrap().newest;
    let basis = AdmissionBasis::Offline;
    let inside = kido_shared::admission::Admission { id, ticket, gate: GATES[0], entry: 1, at: NOW, basis };
    ahead.publish(&FeedRecord::Admission(inside)).await;
    let afterwards = ClaimRequest { admission: id, ticket, gate: GATES[0], decided_on, at: NOW, basis };
    let told = ahead.arbiter.step(GATES[0], body(ClaimStep::Claim(afterwards))).await.unwrap();
    assert_eq!(told, ClaimAnswer::Granted { entry: 1 });
    let second = claim(&behind, GATES[1], 2).await.unwrap();
    assert!(matches!(second, ClaimAnswer::Taken { admission, .. } if admission == id), "{second:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_rests_on_the_feed_alone_holds_at_every_box() {
    let records = FarRecords::default();
    let (mut ahead, behind) = (shared_venue(records.clone()).await, shared_venue(records.clone()).await);
    let (id, ticket, basis) = (AdmissionId::from_bytes([1; 16]), ticket_id(0), AdmissionBasis::Offline);
    let inside = kido_shared::admission::Admission { id, ticket, gate: GATES[0], entry: 1, at: NOW, basis };
    ahead.publish(&FeedRecord::Admission(inside)).await;
    for venue in [&ahead, &behind] {
        let refused = claim(venue, GATES[1], 2).await.unwrap();
        assert!(matches!(refused, ClaimAnswer::Taken { admission, .. } if admission == id), "{refused:?}");
    }
}

/// Everybody went out days ago, and this record has not heard of any of it.
#[tokio::test(flavor = "multi_thread")]
async fn exits_that_only_the_feed_tells_are_written_into_a_shared_record_once() {
    let records = FarRecords::default();
    let mut venue = shared_venue(records.clone()).await;
    let (id, ticket, basis) = (AdmissionId::from_bytes([1; 16]), ticket_id(0), AdmissionBasis::Offline);
    let at = NOW.before(kido_shared::claim::CLOSED_FOR.saturating_mul(2));
    let inside = kido_shared::admission::Admission { id, ticket, gate: GATES[0], entry: 1, at, basis };
    venue.publish(&FeedRecord::Admission(inside)).await;
    let exited = kido_shared::feed::Exited { admission: id, ticket, gate: GATES[0], at };
    venue.publish(&FeedRecord::Exited(exited)).await;
    assert_eq!(claim(&venue, GATES[1], 2).await.unwrap(), ClaimAnswer::Spent);
    assert_eq!(records.rounds(), 2, "read, and written before it is said");
    for again in 3..6 {
        assert_eq!(claim(&venue, GATES[1], again).await.unwrap(), ClaimAnswer::Spent);
        assert_eq!(records.rounds(), 1, "read alone: nothing changes");
    }
}

fn freed(freed: FreedClaims) -> FeedRecord {
    FeedRecord::ClaimsFreed(ClaimsFreed { gate: GATES[0], freed, at: NOW })
}

fn is_taken(answer: &Result<ClaimAnswer, StepRefusal>, id: u8) -> bool {
    let id = AdmissionId::from_bytes([id; 16]);
    matches!(answer, Ok(ClaimAnswer::Taken { admission, .. }) if *admission == id)
}

/// A gate claimed, was revoked, and its claim was freed: at one box alone, and at the first of two that share records.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_revoked_gate_holds_is_free_at_every_box_once_the_feed_says_so() {
    let mut alone = Venue::new(2).await;
    let records = FarRecords::default();
    let (mut ahead, behind) = (shared_venue(records.clone()).await, shared_venue(records).await);
    for granted in [claim(&alone, GATES[0], 1).await, claim(&ahead, GATES[0], 1).await] {
        assert_eq!(granted.unwrap(), ClaimAnswer::Granted { entry: 1 });
    }
    alone.publish(&freed(FreedClaims::All)).await;
    assert!(is_taken(&claim(&alone, GATES[1], 2).await, 1), "a gate in force keeps what it has");
    alone.publish(&gate(GATES[0], true)).await;
    ahead.publish(&gate(GATES[0], true)).await;
    assert!(is_taken(&claim(&ahead, GATES[1], 2).await, 1), "a revocation alone frees nothing");
    ahead.publish(&freed(FreedClaims::Unopened)).await;
    assert!(is_taken(&claim(&behind, GATES[1], 2).await, 1), "this box has not heard of it");
    for granted in [claim(&alone, GATES[1], 3).await, claim(&ahead, GATES[1], 3).await] {
        assert_eq!(granted.unwrap(), ClaimAnswer::Granted { entry: 1 });
    }
    assert!(is_taken(&claim(&behind, GATES[1], 4).await, 3), "who came by it is inside at the other box, too");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_feed_knows_of_a_revoked_gate_is_never_free_at_a_box() {
    let mut venue = Venue::new(2).await;
    claim(&venue, GATES[0], 1).await.unwrap();
    let named = NamedAdmission { admission: AdmissionId::from_bytes([1; 16]), ticket: ticket_id(0), gate: GATES[0] };
    venue.arbiter.step(GATES[0], body(ClaimStep::Opened(named))).await.unwrap();
    venue.publish(&gate(GATES[0], true)).await;
    venue.publish(&freed(FreedClaims::Unopened)).await;
    assert!(is_taken(&claim(&venue, GATES[1], 2).await, 1), "its lane has opened");
    let (id, ticket, basis) = (named.admission, named.ticket, AdmissionBasis::Claimed);
    let inside = kido_shared::admission::Admission { id, ticket, gate: GATES[0], entry: 1, at: NOW, basis };
    venue.publish(&FeedRecord::Admission(inside)).await;
    venue.publish(&freed(FreedClaims::All)).await;
    assert!(is_taken(&claim(&venue, GATES[1], 3).await, 1), "its holder is known to be in");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_known_to_be_in_beside_another_is_not_set_free_with_a_revoked_gates_claims() {
    let mut venue = Venue::new(2).await;
    claim(&venue, GATES[0], 1).await.unwrap();
    let admission = |id: u8, gate, basis| {
        let (id, ticket) = (AdmissionId::from_bytes([id; 16]), ticket_id(0));
        FeedRecord::Admission(kido_shared::admission::Admission { id, ticket, gate, entry: 1, at: NOW, basis })
    };
    // The other gate was without a line, and its admission is heard of first.
    venue.publish(&admission(9, GATES[1], AdmissionBasis::Offline)).await;
    venue.publish(&admission(1, GATES[0], AdmissionBasis::Claimed)).await;
    venue.publish(&gate(GATES[0], true)).await;
    venue.publish(&freed(FreedClaims::All)).await;
    let nobody_passed =
        NamedAdmission { admission: AdmissionId::from_bytes([9; 16]), ticket: ticket_id(0), gate: GATES[1] };
    venue.arbiter.step(GATES[1], body(ClaimStep::Annul(nobody_passed))).await.unwrap();
    assert!(is_taken(&claim(&venue, GATES[1], 3).await, 1), "the first is inside, as the feed has told");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admission_that_comes_to_light_after_its_claim_was_freed_counts_at_a_box() {
    let mut venue = Venue::new(2).await;
    claim(&venue, GATES[0], 1).await.unwrap();
    venue.publish(&gate(GATES[0], true)).await;
    venue.publish(&freed(FreedClaims::All)).await;
    let (id, ticket, basis) = (AdmissionId::from_bytes([1; 16]), ticket_id(0), AdmissionBasis::Claimed);
    let inside = kido_shared::admission::Admission { id, ticket, gate: GATES[0], entry: 1, at: NOW, basis };
    venue.publish(&FeedRecord::Admission(inside)).await;
    assert!(is_taken(&claim(&venue, GATES[1], 2).await, 1), "nobody came meanwhile");
}
