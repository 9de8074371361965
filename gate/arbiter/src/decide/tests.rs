use std::sync::atomic::{AtomicUsize, Ordering};

use kido_shared::admission::AdmissionBasis;
use kido_shared::claim::{ClaimRequest, NamedAdmission};
use kido_shared::ids::AdmissionId;

use super::*;
use crate::records::HeldRecords;
use crate::testing::{CLUSTER, Feed, GATES, NOW, Venue, own_shared, ticket_id};

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

async fn claim(venue: &Venue<FarRecords>, gate: GateId, id: u8) -> Result<ClaimAnswer, StepRefusal> {
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
