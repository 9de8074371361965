//! One ticket, one entry: each rule by name; under random steps in `any_order`.

mod any_order;

use super::*;
use crate::admission::{AdmissionBasis, DecidedOn};
use crate::clock::Timestamp;
use crate::ids::{AdmissionId, FeedSequence, GateId, TicketId};
use crate::ticket::{Entries, TicketStatus};

const TICKET: TicketId = TicketId::from_bytes([7; 16]);
const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
const NEWEST: DecidedOn =
    DecidedOn { ticket: FeedSequence::new(10), binding: FeedSequence::new(11), epoch: crate::ids::Epoch::FIRST };

fn gate(number: u8) -> GateId {
    GateId::from_bytes([number; 16])
}

fn admission(number: u8) -> AdmissionId {
    AdmissionId::from_bytes([number; 16])
}

fn facts(entries: &str) -> ClaimFacts {
    let entries = Entries::try_from(entries.to_owned()).unwrap();
    ClaimFacts { entries, status: TicketStatus::InForce, newest: NEWEST }
}

fn request(number: u8, at_gate: u8) -> ClaimRequest {
    ClaimRequest {
        admission: admission(number),
        ticket: TICKET,
        gate: gate(at_gate),
        decided_on: NEWEST,
        at: NOW,
        basis: AdmissionBasis::Claimed,
    }
}

fn named(number: u8, at_gate: u8) -> NamedAdmission {
    NamedAdmission { admission: admission(number), ticket: TICKET, gate: gate(at_gate) }
}

/// Takes a step; gives the record after it and the answer, and asserts what holds of every step.
fn take(record: TicketClaims, next: &ClaimStep, facts: &ClaimFacts, now: Timestamp) -> (TicketClaims, ClaimAnswer) {
    let (changed, answer) = step(&record, next, facts, now);
    let after = changed.clone().unwrap_or_else(|| record.clone());
    assert_eq!(after.revision(), record.revision() + u64::from(changed.is_some()));
    let bytes = minicbor::to_vec(&after).unwrap();
    assert_eq!(minicbor::decode::<TicketClaims>(&bytes).unwrap(), after, "what is stored reads back");
    assert!(bytes.len() < 6_000);
    let (repeated, again) = step(&after, next, facts, now);
    assert_eq!(repeated, None, "a repetition changes nothing: {next:?}");
    assert_eq!(again, answer, "and gets the same answer: {next:?}");
    (after, answer)
}

/// Takes several steps on a fresh record; gives the answers.
fn run(entries: &str, steps: &[ClaimStep]) -> Vec<ClaimAnswer> {
    let mut record = TicketClaims::new();
    let mut answers = Vec::new();
    for next in steps {
        let (after, answer) = take(record, next, &facts(entries), NOW);
        record = after;
        answers.push(answer);
    }
    answers
}

use ClaimAnswer::{Annulled, Exited, Granted, NotAllowed, NotHeld, Opened, Spent, Withdrawn};
use ClaimStep::{Annul, Claim, Exit, Opened as Open, Withdraw};

fn taken(number: u8, at_gate: u8) -> ClaimAnswer {
    ClaimAnswer::Taken { admission: admission(number), gate: gate(at_gate), at: NOW }
}

#[test]
fn the_second_admission_of_an_entry_learns_whose_it_is() {
    let steps = [Claim(request(1, 1)), Claim(request(2, 2)), Open(named(1, 1)), Claim(request(2, 2))];
    assert_eq!(run("1", &steps), [Granted { entry: 1 }, taken(1, 1), Opened, taken(1, 1)]);
}

#[test]
fn a_late_repetition_of_a_claim_is_granted_again_and_takes_no_entry() {
    let steps =
        [Claim(request(1, 1)), Open(named(1, 1)), Claim(request(1, 1)), Exit(named(1, 2)), Claim(request(1, 1))];
    let answers = run("3", &steps);
    assert_eq!(answers[2], Granted { entry: 1 });
    assert_eq!(answers[4], Granted { entry: 1 }, "also after the holder went out");
    assert_eq!(run("3", &[&steps[..], &[Claim(request(2, 1))]].concat())[5], Granted { entry: 2 });
}

#[test]
fn a_granted_claim_stays_granted_when_the_ticket_changes() {
    let (record, _) = take(TicketClaims::new(), &Claim(request(1, 1)), &facts("1"), NOW);
    let newest = DecidedOn { ticket: FeedSequence::new(99), ..NEWEST };
    let changed = ClaimFacts { status: TicketStatus::Suspended, newest, ..facts("1") };
    assert_eq!(take(record, &Claim(request(1, 1)), &changed, NOW).1, Granted { entry: 1 });
}

#[test]
fn another_gate_does_not_get_a_claim_by_repeating_it() {
    assert_eq!(run("1", &[Claim(request(1, 1)), Claim(request(1, 2))])[1], taken(1, 1));
}

#[test]
fn a_withdrawn_admission_gives_its_entry_back_and_never_claims_again() {
    let steps =
        [Claim(request(1, 1)), Withdraw(named(1, 1)), Claim(request(1, 1)), Claim(request(2, 2)), Claim(request(1, 1))];
    assert_eq!(run("1", &steps), [Granted { entry: 1 }, Withdrawn, Withdrawn, Granted { entry: 1 }, Withdrawn]);
}

#[test]
fn a_withdrawal_that_overtakes_its_claim_closes_it() {
    assert_eq!(run("1", &[Withdraw(named(1, 1)), Claim(request(1, 1))]), [Withdrawn, Withdrawn]);
    let beside = [Claim(request(2, 2)), Withdraw(named(1, 1)), Open(named(2, 2)), Claim(request(1, 1))];
    assert_eq!(run("1", &beside), [Granted { entry: 1 }, Withdrawn, Opened, Withdrawn]);
}

#[test]
fn an_opened_admission_is_annulled_never_withdrawn() {
    let steps =
        [Claim(request(1, 1)), Open(named(1, 1)), Withdraw(named(1, 1)), Annul(named(1, 1)), Claim(request(1, 1))];
    assert_eq!(run("1", &steps), [Granted { entry: 1 }, Opened, NotAllowed, Annulled, Annulled]);
    let after =
        [&steps[..], &[Withdraw(named(1, 1)), Open(named(1, 1)), Exit(named(1, 1)), Claim(request(2, 1))]].concat();
    assert_eq!(run("1", &after)[5..], [NotAllowed, Annulled, Annulled, Granted { entry: 1 }]);
}

#[test]
fn only_the_gate_that_holds_an_admission_changes_it_but_any_gate_sees_an_exit() {
    let steps = [Claim(request(1, 1)), Withdraw(named(1, 2)), Open(named(1, 2)), Annul(named(1, 2)), Exit(named(1, 2))];
    assert_eq!(run("1", &steps), [Granted { entry: 1 }, NotHeld, NotHeld, NotHeld, Exited]);
}

#[test]
fn entries_are_counted_and_end() {
    let steps = [
        Claim(request(1, 1)),
        Exit(named(1, 1)),
        Claim(request(2, 1)),
        Open(named(2, 1)),
        Claim(request(3, 1)),
        Exit(named(2, 1)),
        Claim(request(3, 1)),
    ];
    let answers = [Granted { entry: 1 }, Exited, Granted { entry: 2 }, Opened, taken(2, 1), Exited, Spent];
    assert_eq!(run("2", &steps), answers);
    assert_eq!(run("unlimited", &steps)[6], Granted { entry: 3 });
}

#[test]
fn an_entry_that_the_shop_adds_lets_a_spent_ticket_in_again() {
    let (record, _) = take(TicketClaims::new(), &Claim(request(1, 1)), &facts("1"), NOW);
    let (record, _) = take(record, &Exit(named(1, 1)), &facts("1"), NOW);
    assert_eq!(*record.state(), ClaimState::Spent);
    assert_eq!(take(record.clone(), &Claim(request(2, 1)), &facts("1"), NOW).1, Spent);
    assert_eq!(take(record, &Claim(request(2, 1)), &facts("2"), NOW).1, Granted { entry: 2 });
}

#[test]
fn nobody_goes_out_who_is_not_in() {
    assert_eq!(run("1", &[Exit(named(1, 1)), Open(named(1, 1)), Annul(named(1, 1))]), [NotHeld, NotHeld, NotHeld]);
}

fn answer_to(decided_on: DecidedOn, status: TicketStatus, basis: AdmissionBasis) -> ClaimAnswer {
    let claim = Claim(ClaimRequest { decided_on, basis, ..request(1, 1) });
    take(TicketClaims::new(), &claim, &ClaimFacts { status, ..facts("1") }, NOW).1
}

#[test]
fn a_claim_on_superseded_records_is_stale() {
    let (older, newer) = (FeedSequence::new(5), FeedSequence::new(50));
    let answer = |ticket, binding| {
        answer_to(
            DecidedOn { ticket, binding, epoch: crate::ids::Epoch::FIRST },
            TicketStatus::InForce,
            AdmissionBasis::Claimed,
        )
    };
    let stale = ClaimAnswer::Stale { ticket: NEWEST.ticket, binding: NEWEST.binding };
    assert_eq!(answer(older, NEWEST.binding), stale);
    assert_eq!(answer(NEWEST.ticket, older), stale);
    assert_eq!(answer(older, newer), stale);
    assert_eq!(answer(newer, NEWEST.binding), ClaimAnswer::Behind);
}

#[test]
fn numbers_of_two_epochs_are_not_compared() {
    let answer = |ticket: u64, epoch: u64| {
        let (ticket, epoch) = (FeedSequence::new(ticket), crate::ids::Epoch::new(epoch));
        let decided_on = DecidedOn { ticket, binding: ticket, epoch };
        let claim = Claim(ClaimRequest { decided_on, ..request(1, 1) });
        let newest = DecidedOn { epoch: crate::ids::Epoch::new(3), ..NEWEST };
        take(TicketClaims::new(), &claim, &ClaimFacts { newest, ..facts("1") }, NOW).1
    };
    let stale = ClaimAnswer::Stale { ticket: NEWEST.ticket, binding: NEWEST.binding };
    for ticket in [0, NEWEST.ticket.get(), NEWEST.binding.get(), 9_000] {
        assert_eq!(answer(ticket, 0), stale, "record {ticket} of before the cut");
        assert_eq!(answer(ticket, 4), ClaimAnswer::Behind, "record {ticket} of behind a cut that the arbiter lacks");
    }
}

#[test]
fn only_a_ticket_in_force_is_granted() {
    for status in [TicketStatus::NotPaid, TicketStatus::Suspended, TicketStatus::Returned, TicketStatus::Cancelled] {
        assert_eq!(answer_to(NEWEST, status, AdmissionBasis::Claimed), ClaimAnswer::NotInForce { status });
    }
}

#[test]
fn who_is_inside_already_is_inside_whatever_has_changed() {
    let old = DecidedOn { ticket: FeedSequence::FIRST, binding: FeedSequence::FIRST, epoch: crate::ids::Epoch::FIRST };
    for basis in [AdmissionBasis::Offline, AdmissionBasis::ByHand] {
        assert_eq!(answer_to(old, TicketStatus::Suspended, basis), Granted { entry: 1 });
        let claim = Claim(ClaimRequest { basis, ..request(1, 1) });
        let (record, _) = take(TicketClaims::new(), &claim, &facts("1"), NOW);
        assert!(matches!(record.state(), ClaimState::Inside(_)));
        assert_eq!(
            take(record, &Claim(request(2, 2)), &facts("1"), NOW).1,
            taken(1, 1),
            "the card is refused after that"
        );
    }
    let offline = Claim(ClaimRequest { basis: AdmissionBasis::Offline, ..request(2, 2) });
    assert_eq!(run("1", &[Claim(request(1, 1)), offline])[1], taken(1, 1), "which makes a conflict");
}

fn numbered(number: u64) -> NamedAdmission {
    let mut id = [0xFF; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    NamedAdmission { admission: AdmissionId::from_bytes(id), ticket: TICKET, gate: gate(1) }
}

#[test]
fn closed_admissions_have_a_bound_and_are_forgotten_after_a_day() {
    let bound = u64::try_from(CLOSED_MAX).unwrap();
    let mut record = TicketClaims::new();
    for number in 0..bound {
        let (after, answer) = take(record, &Withdraw(numbered(number)), &facts("1"), NOW);
        assert_eq!(answer, Withdrawn);
        record = after;
    }
    let full = ClaimAnswer::TooManySteps;
    assert_eq!(take(record.clone(), &Withdraw(numbered(bound)), &facts("1"), NOW).1, full);
    assert_eq!(take(record.clone(), &Claim(request(1, 1)), &facts("1"), NOW).1, full, "it could not be closed");
    let tomorrow = NOW.after(CLOSED_FOR);
    let (record, answer) = take(record, &Claim(request(1, 1)), &facts("1"), tomorrow);
    assert_eq!(answer, Granted { entry: 1 });
    assert!(record.closed(numbered(0).admission).is_none());
}

#[test]
fn an_admission_that_was_granted_can_always_be_closed() {
    let bound = u64::try_from(CLOSED_MAX).unwrap();
    for closing in [Withdraw(named(1, 1)), Annul(named(1, 1)), Exit(named(1, 1))] {
        let (mut record, _) = take(TicketClaims::new(), &Claim(request(1, 1)), &facts("1"), NOW);
        for number in 0..bound {
            record = take(record, &Withdraw(numbered(number)), &facts("1"), NOW).0;
        }
        let (record, answer) = take(record, &closing, &facts("1"), NOW);
        assert!([Withdrawn, Annulled, Exited].contains(&answer), "{answer:?}");
        assert!(record.holding().is_none());
    }
}

#[test]
fn a_stored_record_that_contradicts_itself_is_refused() {
    let (record, _) = take(TicketClaims::new(), &Claim(request(1, 1)), &facts("1"), NOW);
    let without_entry = TicketClaims { entry: 0, ..record.clone() };
    assert!(minicbor::decode::<TicketClaims>(&minicbor::to_vec(&without_entry).unwrap()).is_err());
    let closed = Closed { admission: admission(1), closing: Closing::Withdrawn, entry: 1, at: NOW };
    let both = TicketClaims { closed: vec![closed], ..record };
    assert!(minicbor::decode::<TicketClaims>(&minicbor::to_vec(&both).unwrap()).is_err());
}

#[test]
fn what_a_gate_that_died_held_is_free_and_what_it_saw_open_only_where_its_word_is_worth_nothing() {
    let after = |steps: &[ClaimStep], freed| {
        let record = steps.iter().fold(TicketClaims::new(), |record, next| take(record, next, &facts("1"), NOW).0);
        let record = record.set_free(freed);
        assert_eq!(record.clone().set_free(freed), record, "freeing once more changes nothing");
        take(record, &Claim(request(2, 2)), &facts("1"), NOW).1
    };
    let (claimed, opened) = ([Claim(request(1, 1))], [Claim(request(1, 1)), Open(named(1, 1))]);
    for freed in [FreedClaims::Unopened, FreedClaims::All] {
        assert_eq!(after(&claimed, freed), Granted { entry: 1 });
        assert_eq!(after(&[], freed), Granted { entry: 1 });
    }
    assert_eq!(after(&opened, FreedClaims::Unopened), taken(1, 1));
    assert_eq!(after(&opened, FreedClaims::All), Granted { entry: 1 });
    assert!(FreedClaims::All > FreedClaims::Unopened, "a decision is widened");
}

#[test]
fn an_admission_that_comes_to_light_after_its_claim_was_freed_counts_as_every_other() {
    let (claimed, _) = take(TicketClaims::new(), &Claim(request(1, 1)), &facts("1"), NOW);
    let told = TicketClaims { state: ClaimState::Inside(*claimed.holding().unwrap()), ..claimed.clone() };
    let freed = claimed.set_free(FreedClaims::Unopened);
    let late = freed.clone().with_holding_of(&told);
    assert_eq!(take(late, &Claim(request(2, 2)), &facts("1"), NOW).1, taken(1, 1), "nobody came meanwhile");
    let (meanwhile, _) = take(freed, &Claim(request(2, 2)), &facts("1"), NOW);
    assert_eq!(meanwhile.clone().with_holding_of(&told), meanwhile, "who came meanwhile is inside");
}

#[test]
fn steps_and_answers_keep_their_form_on_the_wire() {
    let steps = [Claim(request(1, 1)), Withdraw(named(1, 1)), Open(named(1, 1)), Annul(named(1, 1)), Exit(named(1, 1))];
    for step in &steps {
        assert_eq!(&serde_json::from_str::<ClaimStep>(&serde_json::to_string(step).unwrap()).unwrap(), step);
        assert_eq!(&minicbor::decode::<ClaimStep>(&minicbor::to_vec(step).unwrap()).unwrap(), step);
        assert_eq!((step.ticket(), step.gate(), step.admission()), (TICKET, gate(1), admission(1)));
    }
    let json = serde_json::to_value(&steps[0]).unwrap();
    assert_eq!(json["step"], "claim");
    assert_eq!(json["at"], 1_800_000_000_000_i64);
    assert_eq!(json["basis"], "claimed");
    let surprise = serde_json::to_string(&steps[1]).unwrap().replacen('{', "{\"more\":1,", 1);
    assert!(serde_json::from_str::<ClaimStep>(&surprise).is_err(), "unknown fields are refused");

    let answers = [
        (Granted { entry: 1 }, r#"{"answer":"granted","entry":1}"#.to_owned()),
        (
            ClaimAnswer::Stale { ticket: NEWEST.ticket, binding: NEWEST.binding },
            r#"{"answer":"stale","ticket":10,"binding":11}"#.to_owned(),
        ),
        (
            ClaimAnswer::NotInForce { status: TicketStatus::NotPaid },
            r#"{"answer":"not_in_force","status":"not_paid"}"#.to_owned(),
        ),
        (
            taken(1, 2),
            format!(r#"{{"answer":"taken","admission":"{}","gate":"{}","at":1800000000000}}"#, admission(1), gate(2)),
        ),
        (ClaimAnswer::TooManySteps, r#"{"answer":"too_many_steps"}"#.to_owned()),
        (NotHeld, r#"{"answer":"not_held"}"#.to_owned()),
    ];
    for (answer, json) in answers {
        assert_eq!(serde_json::to_string(&answer).unwrap(), json);
        assert_eq!(serde_json::from_str::<ClaimAnswer>(&json).unwrap(), answer);
        assert_eq!(minicbor::decode::<ClaimAnswer>(&minicbor::to_vec(&answer).unwrap()).unwrap(), answer);
    }
}

#[test]
fn a_stored_record_keeps_its_bytes() {
    let (record, _) = take(TicketClaims::new(), &Withdraw(named(1, 1)), &facts("2"), NOW);
    let (record, _) = take(record, &Claim(request(2, 3)), &facts("2"), NOW);
    let hex: String = minicbor::to_vec(&record).unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, GOLDEN);
}

/// Revision 2, claimed by admission 2 at gate 3, entry 1, admission 1 withdrawn.
const GOLDEN: &str = "a4000201820183500202020202020202020202020202020250030303030303030303030303030303031b000001a3185c50000201038184500101010101010101010101010101010100001b000001a3185c5000";
