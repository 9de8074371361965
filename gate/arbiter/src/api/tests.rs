use core::time::Duration;

use axum::body::Body;
use axum::http::{Request, header};
use kido_shared::admission::{Admission, AdmissionBasis, DecidedOn};
use kido_shared::claim::rate::{Pace, Paces};
use kido_shared::claim::{ClaimAnswer, ClaimRequest, ClaimStep, NamedAdmission};
use kido_shared::clock::{Clock as _, Timestamp};
use kido_shared::feed::{Exited, FeedRecord};
use kido_shared::ids::{AdmissionId, FeedSequence, GateId, TicketId};
use kido_shared::journal_head::{JOURNAL_HEADER, JournalHead};
use kido_shared::policy::ArbiterHome;
use kido_shared::request_signature::{RequestParts, sign};
use kido_shared::ticket::{Entries, TicketStatus};
use kido_shared::wire::v1::admissions::{AskedArbiter, ClaimBody};
use kido_shared::wire::v1::problem::Problem;
use rand::rngs::OsRng;
use tower::ServiceExt as _;

use super::*;
use crate::records::{HeldRecords, StoredRecords};
use crate::testing::{ADDRESS, CLUSTER, EVENT, Feed, GATES, Venue, gate, gate_key, policy, ticket, ticket_id};

const ONE: GateId = GATES[0];
const OTHER: GateId = GATES[1];

/// What a request is made of; each test bends one part.
struct Sent {
    signed_by: GateId,
    key_of: GateId,
    at: Timestamp,
    host: &'static str,
    body: ClaimBody,
}

fn admission(id: u8) -> AdmissionId {
    AdmissionId::from_bytes([id; 16])
}

const fn asked(epoch: u32) -> Option<AskedArbiter> {
    Some(AskedArbiter { cluster: CLUSTER, epoch })
}

fn claim_on(decided_on: DecidedOn, gate: GateId, id: u8, ticket: TicketId, at: Timestamp) -> ClaimStep {
    let (admission, basis) = (admission(id), AdmissionBasis::Claimed);
    ClaimStep::Claim(ClaimRequest { admission, ticket, gate, decided_on, at, basis })
}

/// A claim on the newest records that the arbiter knows.
fn claim<R: ClaimRecords>(venue: &Venue<R>, gate: GateId, id: u8, ticket: TicketId) -> ClaimStep {
    let decided_on = venue.arbiter.book().facts(ticket).unwrap().unwrap().newest;
    claim_on(decided_on, gate, id, ticket, venue.clock.now())
}

fn named(gate: GateId, id: u8, ticket: TicketId) -> NamedAdmission {
    NamedAdmission { admission: admission(id), ticket, gate }
}

async fn send<R: ClaimRecords>(venue: &Venue<R>, sent: Sent) -> Result<ClaimAnswer, (u16, String)> {
    send_from(venue, sent, STARTED).await
}

/// Where the journal of a gate stands that has just started.
const STARTED: JournalHead = JournalHead { boot: 1, begun: [1; 32], length: 1, chain: [1; 32] };

async fn send_from<R: ClaimRecords>(
    venue: &Venue<R>,
    sent: Sent,
    journal: JournalHead,
) -> Result<ClaimAnswer, (u16, String)> {
    let Sent { signed_by, key_of, at, host, body } = sent;
    let journal = journal.to_string();
    let (path, body) = (routes::claims(EVENT), serde_json::to_vec(&body).unwrap());
    let target = format!("{ADDRESS}{path}");
    let parts = RequestParts { method: "POST", target_uri: &target, body: &body, journal: Some(&journal) };
    let headers = sign(&parts, signed_by, &gate_key(key_of), at, &mut OsRng);
    let request = Request::post(path).header(header::HOST, host).header("content-digest", headers.content_digest);
    let request = request.header(JOURNAL_HEADER, &journal);
    let request = request.header("signature-input", headers.signature_input).header("signature", headers.signature);
    let response = router(Arc::clone(&venue.arbiter)).oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    let status = response.status();
    let passes = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE].contains(&status);
    assert_eq!(response.headers().contains_key(header::RETRY_AFTER), passes, "{status}");
    let body = axum::body::to_bytes(response.into_body(), 4_096).await.unwrap();
    if status.is_success() {
        return Ok(serde_json::from_slice::<ClaimAnswerBody>(&body).unwrap().answer);
    }
    let problem: Problem = serde_json::from_slice(&body).unwrap();
    assert_eq!(problem.trace().unwrap().len(), 32, "every problem can be found in the log");
    Err((status.as_u16(), problem.code))
}

fn sent<R>(venue: &Venue<R>, step: ClaimStep) -> Sent {
    let (by, body) = (step.gate(), ClaimBody { step, arbiter: asked(0) });
    Sent { signed_by: by, key_of: by, at: venue.clock.now(), host: "arbiter.example", body }
}

async fn ask<R: ClaimRecords>(venue: &Venue<R>, step: ClaimStep) -> Result<ClaimAnswer, (u16, String)> {
    send(venue, sent(venue, step)).await
}

fn refused(status: u16, code: &str) -> Result<ClaimAnswer, (u16, String)> {
    Err((status, code.to_owned()))
}

const GRANTED: Result<ClaimAnswer, (u16, String)> = Ok(ClaimAnswer::Granted { entry: 1 });

#[tokio::test(flavor = "multi_thread")]
async fn one_entry_is_one_gates_and_repeating_the_claim_tells_so() {
    let venue = Venue::new(1).await;
    let first = claim(&venue, ONE, 1, ticket_id(0));
    assert_eq!(ask(&venue, first.clone()).await, GRANTED);
    assert_eq!(ask(&venue, first).await, GRANTED, "repeating a claim is harmless");
    let second = ask(&venue, claim(&venue, OTHER, 2, ticket_id(0))).await;
    assert!(
        matches!(second, Ok(ClaimAnswer::Taken { admission: held, gate, .. }) if (held, gate) == (admission(1), ONE))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_machines_with_one_gates_keys_are_not_answered_any_more() {
    let venue = Venue::new(3).await;
    let tell = |journal, id| send_from(&venue, sent(&venue, claim(&venue, ONE, id, ticket_id(id - 1))), journal);
    let second = JournalHead { boot: 2, begun: [2; 32], length: 5, chain: [2; 32] };
    assert_eq!(tell(STARTED, 1).await, GRANTED);
    assert_eq!(tell(second, 2).await, GRANTED, "a restart");
    assert_eq!(tell(STARTED, 3).await, refused(409, "earlier_run"));
    assert_eq!(tell(JournalHead { begun: [3; 32], ..second }, 3).await, refused(403, "gate_copied"));
    assert_eq!(tell(second, 3).await, refused(403, "gate_copied"), "which of them is the gate nobody knows");
    assert!(ask(&venue, claim(&venue, OTHER, 9, ticket_id(2))).await.is_ok(), "the others go on");
}

#[tokio::test(flavor = "multi_thread")]
async fn gates_that_follow_the_registrars_time_are_heard_by_a_box_whose_own_clock_is_wrong() {
    let (venue, now) = (Venue::new(4).await, crate::testing::NOW);
    let claim = |number: u8| claim(&venue, ONE, number, ticket_id(number));
    let dated = |number, at| send(&venue, Sent { at, ..sent(&venue, claim(number)) });
    venue.clock.advance(Duration::from_secs(600));
    assert_eq!(dated(0, now).await, refused(401, "signature_skew"), "nothing better is known than this box's clock");
    venue.arbiter.dates().head(now.after(Duration::from_secs(300)));
    assert_eq!(dated(0, now).await, refused(401, "signature_skew"));
    venue.arbiter.dates().head(now);
    assert_eq!(dated(0, now).await, GRANTED, "the registrar was set right, and this gate knows");
    assert_eq!(dated(1, now.after(Duration::from_secs(300))).await, GRANTED, "this one does not know yet");
    assert_eq!(dated(2, venue.clock.now()).await, GRANTED, "and this one has heard no head");
    assert_eq!(dated(3, now.after(Duration::from_secs(450))).await, refused(401, "signature_skew"), "nobody's time");
}

#[tokio::test(flavor = "multi_thread")]
async fn dates_by_several_clocks_make_no_gate_a_copy() {
    let (venue, now) = (Venue::new(3).await, crate::testing::NOW);
    venue.arbiter.dates().head(now.after(Duration::from_secs(600)));
    venue.arbiter.dates().head(now);
    let longer = JournalHead { length: 2, chain: [2; 32], ..STARTED };
    let tell = |number: u8, at, journal| {
        let step = claim(&venue, ONE, number, ticket_id(number));
        send_from(&venue, Sent { at, ..sent(&venue, step) }, journal)
    };
    assert_eq!(tell(0, now, longer).await, GRANTED, "dated once the gate knew better");
    let before = now.after(Duration::from_secs(600));
    assert_eq!(tell(1, before, STARTED).await, GRANTED, "on its way since a moment before that");
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_are_counted_by_what_was_said_to_them() {
    let venue = Venue::new(2).await;
    let first = claim(&venue, ONE, 1, ticket_id(0));
    for _again in 0..2 {
        assert_eq!(ask(&venue, first.clone()).await, GRANTED);
    }
    assert!(ask(&venue, claim(&venue, OTHER, 2, ticket_id(0))).await.is_ok());
    let foreign = Sent { body: ClaimBody { step: first.clone(), arbiter: asked(7) }, ..sent(&venue, first) };
    assert_eq!(send(&venue, foreign).await, refused(409, "arbiter_elsewhere"));
    let text = kido_observe::Scrape::scrape(&*venue.arbiter);
    for line in [
        "kido_arbiter_claims_total{step=\"claim\",answer=\"granted\"} 2",
        "kido_arbiter_claims_total{step=\"claim\",answer=\"taken\"} 1",
        "kido_arbiter_claims_total{step=\"claim\",answer=\"refused\"} 1",
        "kido_arbiter_claim_duration_seconds_count{step=\"claim\",answer=\"granted\"} 2",
        "kido_arbiter_decides 1.0",
        "kido_arbiter_copied_gate_requests_total 0",
    ] {
        assert!(text.lines().any(|told| told == line), "{line}\n{text}");
    }
    let claims = format!("kido_arbiter_http_requests_total{{route=\"{}\",status=\"2xx\"}} 3", routes::CLAIMS);
    assert!(text.contains(&claims), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_gates_that_ask_at_once_one_is_granted() {
    let venue = Arc::new(Venue::new(1).await);
    let asking = (1..=20_u8).map(|id| {
        let venue = Arc::clone(&venue);
        tokio::spawn(async move { ask(&venue, claim(&venue, GATES[usize::from(id % 2)], id, ticket_id(0))).await })
    });
    let mut granted = 0;
    for asked in asking.collect::<Vec<_>>() {
        let answer = asked.await.unwrap().unwrap();
        granted += usize::from(matches!(answer, ClaimAnswer::Granted { .. }));
        assert!(matches!(answer, ClaimAnswer::Granted { .. } | ClaimAnswer::Taken { .. }), "{answer:?}");
    }
    assert_eq!(granted, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_gate_of_the_event_that_signs_for_itself_and_now_is_heard() {
    let mut venue = Venue::new(1).await;
    let step = claim(&venue, ONE, 1, ticket_id(0));
    let bent = |bend: fn(&mut Sent)| {
        let mut sent = sent(&venue, step.clone());
        bend(&mut sent);
        sent
    };
    let table = [
        (bent(|sent| sent.key_of = OTHER), refused(401, "signature")),
        (bent(|sent| sent.at = sent.at.before(Duration::from_secs(62))), refused(401, "signature_skew")),
        (bent(|sent| sent.host = "other.example"), refused(401, "other_address")),
        (bent(|sent| (sent.signed_by, sent.key_of) = (OTHER, OTHER)), refused(403, "other_gate")),
        (bent(|sent| sent.signed_by = GateId::from_bytes([9; 16])), refused(401, "unknown_gate")),
    ];
    for (sent, expected) in table {
        assert_eq!(send(&venue, sent).await, expected);
    }
    venue.publish(&gate(ONE, true)).await;
    assert_eq!(ask(&venue, step).await, refused(403, "gate_revoked"));
    assert_eq!(ask(&venue, claim(&venue, OTHER, 2, ticket_id(0))).await, GRANTED, "nothing was taken meanwhile");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_believes_in_another_incarnation_is_not_answered_nor_does_an_old_box_answer() {
    let mut venue = Venue::new(1).await;
    let step = claim(&venue, ONE, 1, ticket_id(0));
    for arbiter in [None, asked(1), Some(AskedArbiter { cluster: crate::testing::BOX, epoch: 0 })] {
        let mut sent = sent(&venue, step.clone());
        sent.body.arbiter = arbiter;
        assert_eq!(send(&venue, sent).await, refused(409, "arbiter_elsewhere"), "{arbiter:?}");
    }
    venue.publish(&policy(ArbiterHome::Venue, 1)).await;
    for epoch in [0, 1] {
        let mut sent = sent(&venue, step.clone());
        sent.body.arbiter = asked(epoch);
        assert_eq!(send(&venue, sent).await, refused(409, "arbiter_elsewhere"), "its own time is over");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_on_superseded_records_is_stale_and_one_from_ahead_asks_for_news() {
    let mut venue = Venue::new(1).await;
    let old = claim(&venue, ONE, 1, ticket_id(0));
    venue.publish(&ticket(0, TicketStatus::InForce, Entries::ONCE)).await;
    assert!(matches!(ask(&venue, old).await, Ok(ClaimAnswer::Stale { .. })));
    let ahead = DecidedOn {
        ticket: FeedSequence::new(900),
        binding: FeedSequence::new(901),
        epoch: kido_shared::ids::Epoch::FIRST,
    };
    for ticket in [ticket_id(0), ticket_id(7)] {
        let claim = claim_on(ahead, ONE, 2, ticket, venue.clock.now());
        assert_eq!(ask(&venue, claim).await, Ok(ClaimAnswer::Behind));
        venue.pulls.next(Duration::ZERO).await.unwrap().done();
    }
    let never =
        DecidedOn { ticket: FeedSequence::FIRST, binding: FeedSequence::FIRST, epoch: kido_shared::ids::Epoch::FIRST };
    let never = claim_on(never, ONE, 3, ticket_id(7), venue.clock.now());
    assert_eq!(ask(&venue, never).await, refused(404, "unknown_ticket"));
    venue.publish(&ticket(0, TicketStatus::Suspended, Entries::ONCE)).await;
    let suspended = ask(&venue, claim(&venue, ONE, 4, ticket_id(0))).await;
    assert_eq!(suspended, Ok(ClaimAnswer::NotInForce { status: TicketStatus::Suspended }));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_withdrawn_never_claims_and_what_was_annulled_is_given_back() {
    let venue = Venue::new(2).await;
    let late = claim(&venue, ONE, 1, ticket_id(0));
    let withdraw = ClaimStep::Withdraw(named(ONE, 1, ticket_id(0)));
    assert_eq!(ask(&venue, withdraw).await, Ok(ClaimAnswer::Withdrawn), "it overtakes its claim");
    assert_eq!(ask(&venue, late).await, Ok(ClaimAnswer::Withdrawn));
    assert_eq!(ask(&venue, claim(&venue, OTHER, 2, ticket_id(0))).await, GRANTED);

    assert_eq!(ask(&venue, claim(&venue, ONE, 3, ticket_id(1))).await, GRANTED);
    let foreign = ClaimStep::Annul(named(OTHER, 3, ticket_id(1)));
    assert_eq!(ask(&venue, foreign).await, Ok(ClaimAnswer::NotHeld), "another gate gives nothing back");
    assert_eq!(ask(&venue, ClaimStep::Opened(named(ONE, 3, ticket_id(1)))).await, Ok(ClaimAnswer::Opened));
    assert_eq!(ask(&venue, ClaimStep::Annul(named(ONE, 3, ticket_id(1)))).await, Ok(ClaimAnswer::Annulled));
    assert_eq!(ask(&venue, claim(&venue, OTHER, 4, ticket_id(1))).await, GRANTED);
    let exit = ClaimStep::Exit(named(OTHER, 4, ticket_id(1)));
    assert_eq!(ask(&venue, exit).await, Ok(ClaimAnswer::Exited));
    assert_eq!(ask(&venue, claim(&venue, ONE, 5, ticket_id(1))).await, Ok(ClaimAnswer::Spent), "that was its entry");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_party_is_one_claim_each_and_each_ticket_has_as_many_entries_as_it_says() {
    let mut venue = Venue::new(3).await;
    for number in 0..3 {
        assert_eq!(ask(&venue, claim(&venue, ONE, number, ticket_id(number))).await, GRANTED);
    }
    let twice = Entries::Times(std::num::NonZeroU16::new(2).unwrap());
    venue.publish(&ticket(9, TicketStatus::InForce, twice)).await;
    assert_eq!(ask(&venue, claim(&venue, ONE, 11, ticket_id(9))).await, GRANTED);
    let inside = ask(&venue, claim(&venue, OTHER, 12, ticket_id(9))).await;
    assert!(matches!(inside, Ok(ClaimAnswer::Taken { .. })), "a second entry needs an exit between: {inside:?}");
    let left = |number| ClaimStep::Exit(named(OTHER, number, ticket_id(9)));
    assert_eq!(ask(&venue, left(11)).await, Ok(ClaimAnswer::Exited), "by whichever gate");
    assert_eq!(ask(&venue, left(11)).await, Ok(ClaimAnswer::Exited), "a repetition changes nothing");
    assert_eq!(ask(&venue, claim(&venue, OTHER, 12, ticket_id(9))).await, Ok(ClaimAnswer::Granted { entry: 2 }));
    assert_eq!(ask(&venue, left(12)).await, Ok(ClaimAnswer::Exited));
    assert_eq!(ask(&venue, claim(&venue, ONE, 13, ticket_id(9))).await, Ok(ClaimAnswer::Spent));
    assert_eq!(ask(&venue, left(13)).await, Ok(ClaimAnswer::NotHeld), "who is not in goes nowhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_went_out_by_the_feeds_word_is_out_although_this_box_was_told_too_early() {
    let mut venue = Venue::new(2).await;
    let (id, at, eleventh) = (ticket_id(9), venue.clock.now(), admission(11));
    venue.publish(&ticket(9, TicketStatus::InForce, Entries::Unlimited)).await;
    let exit = ClaimStep::Exit(named(OTHER, 11, id));
    assert_eq!(ask(&venue, exit).await, Ok(ClaimAnswer::NotHeld), "the claim is still on its way");
    assert_eq!(ask(&venue, claim(&venue, ONE, 11, id)).await, GRANTED);
    let basis = AdmissionBasis::Offline;
    let told = Admission { id: eleventh, ticket: id, gate: ONE, entry: 1, at, basis };
    venue.publish(&FeedRecord::Admission(told)).await;
    venue.publish(&FeedRecord::Exited(Exited { admission: eleventh, ticket: id, gate: OTHER, at })).await;
    assert_eq!(ask(&venue, claim(&venue, OTHER, 12, id)).await, Ok(ClaimAnswer::Granted { entry: 2 }));
    assert_eq!(ask(&venue, claim(&venue, ONE, 11, id)).await, GRANTED, "a repetition of what was granted");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_was_left_is_used_for_a_box_that_never_granted_it() {
    let mut venue = Venue::new(2).await;
    let (id, at, basis) = (ticket_id(9), venue.clock.now(), AdmissionBasis::ByHand);
    venue.publish(&ticket(9, TicketStatus::InForce, Entries::ONCE)).await;
    let told = Admission { id: admission(11), ticket: id, gate: ONE, entry: 1, at, basis };
    venue.publish(&FeedRecord::Admission(told)).await;
    venue.publish(&FeedRecord::Exited(Exited { admission: admission(11), ticket: id, gate: OTHER, at })).await;
    assert_eq!(ask(&venue, claim(&venue, OTHER, 12, id)).await, Ok(ClaimAnswer::Spent), "it was used");
    assert_eq!(ask(&venue, claim(&venue, ONE, 11, id)).await, GRANTED, "its own claim, afterwards, is a repetition");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_key_takes_no_more_than_its_burst_and_its_pace() {
    let paces = Paces { claims: Pace { burst: 3, interval_ms: 1_000 }, ..Paces::LANE };
    let venue = Venue::with(Feed::with_tickets(9), HeldRecords::default(), paces).await;
    let mut answers = Vec::new();
    for number in 0..5 {
        answers.push(ask(&venue, claim(&venue, ONE, number, ticket_id(number))).await);
    }
    let too_fast = || refused(429, "too_many_requests");
    assert_eq!(answers, [GRANTED, GRANTED, GRANTED, too_fast(), too_fast()]);
    assert_eq!(ask(&venue, claim(&venue, OTHER, 8, ticket_id(8))).await, GRANTED, "others are not held back");
    venue.clock.advance(Duration::from_secs(1));
    assert_eq!(ask(&venue, claim(&venue, ONE, 3, ticket_id(3))).await, GRANTED);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_offline_is_claimed_at_once_where_the_feed_has_told_of_it_and_at_the_pace_of_claims_where_not() {
    let paces = Paces { claims: Pace { burst: 4, interval_ms: 1_000 }, ..Paces::LANE };
    let mut venue = Venue::with(Feed::with_tickets(60), HeldRecords::default(), paces).await;
    let decided_on = venue.arbiter.book().facts(ticket_id(0)).unwrap().unwrap().newest;
    let at = venue.clock.now();
    let afterwards = |number: u8| {
        let (admission, ticket, basis) = (admission(number), ticket_id(number), AdmissionBasis::Offline);
        ClaimStep::Claim(ClaimRequest { admission, ticket, gate: ONE, decided_on, at, basis })
    };
    for number in 0..40 {
        let (id, ticket, basis) = (admission(number), ticket_id(number), AdmissionBasis::Offline);
        let inside = Admission { id, ticket, gate: ONE, entry: 1, at, basis };
        venue.publish(&FeedRecord::Admission(inside)).await;
    }
    for number in 0..40 {
        assert_eq!(ask(&venue, afterwards(number)).await, GRANTED, "uploaded before: nothing is taken by it");
    }
    let too_fast = || refused(429, "too_many_requests");
    let untold = [ask(&venue, afterwards(40)).await, ask(&venue, afterwards(41)).await];
    assert_eq!(untold, [GRANTED, GRANTED]);
    assert_eq!(ask(&venue, afterwards(42)).await, too_fast(), "only the gate's word: as fast as any claim");
    let lane = [claim(&venue, ONE, 50, ticket_id(50)), claim(&venue, ONE, 51, ticket_id(51))];
    for step in lane {
        assert_eq!(ask(&venue, step).await, GRANTED, "who stands before the lane does not wait for the past");
    }
    assert_eq!(ask(&venue, claim(&venue, ONE, 52, ticket_id(52))).await, too_fast());
    // Another gate's word for it takes nothing off the claims that are counted.
    let theirs = ClaimStep::Claim(ClaimRequest {
        admission: admission(1),
        ticket: ticket_id(1),
        gate: OTHER,
        decided_on,
        at,
        basis: AdmissionBasis::Offline,
    });
    assert!(matches!(ask(&venue, theirs).await, Ok(ClaimAnswer::Taken { gate: ONE, .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_arbiter_that_was_not_asked_grants_no_entry_that_the_feed_knows_as_used() {
    let mut venue = Venue::new(1).await;
    let (id, gate, at) = (admission(5), OTHER, venue.clock.now());
    let inside = Admission { id, ticket: ticket_id(0), gate, entry: 1, at, basis: AdmissionBasis::Offline };
    venue.publish(&FeedRecord::Admission(inside)).await;
    let taken = ask(&venue, claim(&venue, ONE, 1, ticket_id(0))).await;
    assert!(matches!(taken, Ok(ClaimAnswer::Taken { admission, .. }) if admission == id), "{taken:?}");
    assert_eq!(ask(&venue, claim(&venue, OTHER, 5, ticket_id(0))).await, GRANTED, "claimed afterwards, as its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_knows_of_nobody_takes_nothing_from_what_the_feed_knows() {
    let mut venue = Venue::new(1).await;
    let (ticket, at) = (ticket_id(0), venue.clock.now());
    // A claim that nobody answered and its gate gave up; then the holder entered there without a line.
    let given_up = ask(&venue, ClaimStep::Withdraw(named(OTHER, 4, ticket))).await;
    assert_eq!(given_up, Ok(ClaimAnswer::Withdrawn));
    let inside =
        |id| Admission { id: admission(id), ticket, gate: OTHER, entry: 1, at, basis: AdmissionBasis::Offline };
    venue.publish(&FeedRecord::Admission(inside(5))).await;
    let taken = ask(&venue, claim(&venue, ONE, 1, ticket)).await;
    assert!(matches!(taken, Ok(ClaimAnswer::Taken { admission: held, .. }) if held == admission(5)), "{taken:?}");
    // What was given back here stays given back, whatever the feed still says of it.
    assert_eq!(ask(&venue, ClaimStep::Annul(named(OTHER, 5, ticket))).await, Ok(ClaimAnswer::Annulled));
    assert_eq!(ask(&venue, claim(&venue, ONE, 1, ticket)).await, GRANTED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_is_ahead_of_the_box_spends_nothing_by_asking_again() {
    let venue = Venue::new(1).await;
    let newest = venue.arbiter.book().facts(ticket_id(0)).unwrap().unwrap().newest;
    let ahead = DecidedOn { binding: FeedSequence::new(newest.binding.get() + 100), ..newest };
    for _again in 0..100 {
        let behind = ask(&venue, claim_on(ahead, ONE, 1, ticket_id(0), venue.clock.now())).await;
        assert_eq!(behind, Ok(ClaimAnswer::Behind));
    }
    assert_eq!(ask(&venue, claim(&venue, ONE, 1, ticket_id(0))).await, GRANTED);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_arbiter_whose_feed_is_too_old_is_silent_and_says_so() {
    let venue = Venue::new(1).await;
    let health = async || {
        let request = Request::get(routes::HEALTH).body(Body::empty()).unwrap();
        let response = router(Arc::clone(&venue.arbiter)).oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 4_096).await.unwrap();
        (status, serde_json::from_slice::<Health>(&body).unwrap())
    };
    let step = claim(&venue, ONE, 1, ticket_id(0));
    venue.clock.advance(Duration::from_secs(11 * 3_600));
    let (status, said) = health().await;
    assert_eq!((status, said), (200, Health { ok: true, named: true, feed_age_s: Some(11 * 3_600) }));
    assert_eq!(ask(&venue, step.clone()).await, GRANTED, "the line may be down for hours");
    venue.clock.advance(Duration::from_secs(2 * 3_600));
    assert_eq!(ask(&venue, step).await, refused(503, "feed_too_old"));
    assert_eq!(health().await.0, 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_granted_is_granted_after_a_restart_and_nothing_twice() {
    let disk = tempfile::tempdir().unwrap();
    let open = || StoredRecords::open(disk.path(), EVENT).unwrap();
    let records = open();
    let before = Venue::with(Feed::with_tickets(2), records.clone(), Paces::LANE).await;
    assert_eq!(ask(&before, claim(&before, ONE, 1, ticket_id(0))).await, GRANTED);
    drop(before);
    records.close().unwrap();
    let after = Venue::with(Feed::with_tickets(2), open(), Paces::LANE).await;
    let other = ask(&after, claim(&after, OTHER, 2, ticket_id(0))).await;
    assert!(matches!(other, Ok(ClaimAnswer::Taken { .. })), "{other:?}");
    assert_eq!(ask(&after, claim(&after, ONE, 1, ticket_id(0))).await, GRANTED);
    assert!(after.home.path().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_step_is_refused_without_being_repeated() {
    let venue = Venue::new(1).await;
    let to = |path: &str, body: Vec<u8>| {
        let request = Request::post(path.to_owned()).header(header::HOST, "arbiter.example").body(Body::from(body));
        router(Arc::clone(&venue.arbiter)).oneshot(request.unwrap())
    };
    assert_eq!(to(&routes::claims(EVENT), b"{}".to_vec()).await.unwrap().status(), 401);
    assert_eq!(to("/api/v1/events/event-x/claims", Vec::new()).await.unwrap().status(), 404);
    assert_eq!(to("/elsewhere", Vec::new()).await.unwrap().status(), 404);
    assert_eq!(to(routes::HEALTH, Vec::new()).await.unwrap().status(), 405);
}
