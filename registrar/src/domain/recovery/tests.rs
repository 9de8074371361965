use kido_shared::feed::Chain;
use kido_shared::ids::Epoch;
use proptest::prelude::*;

use super::*;

const SINCE: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
const ONE: GateId = GateId::from_bytes([1; 16]);
const TWO: GateId = GateId::from_bytes([2; 16]);

fn to(length: u64) -> FollowedTo {
    FollowedTo { epoch: Epoch::FIRST, length, chain: Chain::from_bytes([u8::try_from(length % 251).unwrap(); 32]) }
}

fn gates() -> BTreeSet<GateId> {
    BTreeSet::from([ONE, TWO])
}

#[test]
fn a_log_lacks_something_where_what_was_signed_is_longer_later_or_another() {
    assert!(lacks(&to(5), &to(6)));
    assert!(!lacks(&to(6), &to(6)) && !lacks(&to(7), &to(6)));
    assert!(lacks(&to(6), &FollowedTo { chain: Chain::from_bytes([99; 32]), ..to(6) }));
    assert!(lacks(&to(6), &FollowedTo { epoch: Epoch::new(1), ..to(2) }));
}

#[test]
fn records_come_from_whoever_has_them_and_journals_from_all() {
    let mut recovery = Recovery::begin(SINCE, to(10));
    assert_eq!(recovery.stage(&to(5), &gates()), Some(Stage::Records));
    assert_eq!(recovery.wish(ONE, Some(Stage::Records), 5), RecoveryWish::Head);
    recovery.shown(ONE, Some(&to(10)), Epoch::FIRST);
    assert_eq!(recovery.wish(ONE, Some(Stage::Records), 5), RecoveryWish::Records { from: 5 });
    recovery.shown(TWO, Some(&to(8)), Epoch::FIRST);
    assert_eq!(recovery.stage(&to(9), &gates()), Some(Stage::Records), "one is missing");
    assert_eq!(recovery.wish(TWO, Some(Stage::Records), 9), RecoveryWish::Nothing, "it has none of those");
    assert_eq!(recovery.delivered(TWO, SINCE), Err(RecoveryRefusal::NoJournalAsked), "too early");
    assert_eq!(recovery.stage(&to(10), &gates()), Some(Stage::Admissions));
    assert_eq!(recovery.wish(ONE, Some(Stage::Admissions), 10), RecoveryWish::Journal { since: SINCE });
    recovery.delivered(ONE, SINCE).unwrap();
    let stale = SINCE.before(core::time::Duration::from_secs(9));
    assert_eq!(recovery.delivered(TWO, stale), Err(RecoveryRefusal::NoJournalAsked), "of another recovery");
    assert_eq!(recovery.stage(&to(12), &gates()), Some(Stage::Admissions), "the feed grows again, one journal is out");
    recovery.delivered(TWO, SINCE).unwrap();
    assert_eq!(recovery.stage(&to(13), &gates()), None);
}

#[test]
fn a_gate_that_knows_more_than_the_mark_raises_what_is_waited_for() {
    let mut recovery = Recovery::begin(SINCE, to(7));
    recovery.shown(ONE, Some(&to(7)), Epoch::FIRST);
    recovery.shown(TWO, Some(&to(9)), Epoch::FIRST);
    assert_eq!(recovery.stage(&to(7), &gates()), Some(Stage::Records));
    assert_eq!(recovery.signed(), &to(9));
}

#[test]
fn after_a_cut_journals_alone_are_waited_for_whatever_heads_of_before_are_shown() {
    let own = FollowedTo { epoch: Epoch::new(3), ..to(4) };
    let mut recovery = Recovery::after_cut(SINCE, own);
    assert_eq!(recovery.stage(&own, &gates()), Some(Stage::Admissions));
    recovery.shown(ONE, Some(&to(900)), own.epoch);
    assert_eq!(recovery.stage(&own, &gates()), Some(Stage::Admissions));
    assert_eq!(recovery.wish(ONE, Some(Stage::Admissions), 4), RecoveryWish::Journal { since: SINCE });
    recovery.delivered(ONE, SINCE).unwrap();
    recovery.delivered(TWO, SINCE).unwrap();
    assert_eq!(recovery.stage(&own, &gates()), None);
}

#[test]
fn a_gate_in_a_later_epoch_is_waited_for_and_cannot_help() {
    let mut recovery = Recovery::begin(SINCE, to(7));
    let later = FollowedTo { epoch: Epoch::new(3), ..to(2) };
    recovery.shown(ONE, Some(&later), Epoch::FIRST);
    recovery.shown(TWO, Some(&to(7)), Epoch::FIRST);
    assert_eq!(recovery.stage(&to(7), &gates()), Some(Stage::Records), "a cut was lost");
    assert_eq!(recovery.wish(ONE, Some(Stage::Records), 0), RecoveryWish::Nothing);
    assert_eq!(recovery.brought(ONE, &to(7)), Brought::OtherHistory);
    assert_eq!(recovery.signed(), &later);
}

#[test]
fn a_gate_that_never_followed_has_nothing_to_bring_but_its_journal() {
    let mut recovery = Recovery::begin(SINCE, to(7));
    recovery.shown(ONE, None, Epoch::FIRST);
    recovery.shown(TWO, Some(&to(7)), Epoch::FIRST);
    assert_eq!(recovery.wish(ONE, Some(Stage::Records), 5), RecoveryWish::Nothing);
    assert_eq!(recovery.stage(&to(7), &gates()), Some(Stage::Admissions));
}

#[test]
fn a_silent_gate_is_waited_for_until_a_person_leaves_it_out() {
    let mut recovery = Recovery::begin(SINCE, to(7));
    recovery.shown(ONE, Some(&to(7)), Epoch::FIRST);
    assert_eq!(recovery.stage(&to(7), &gates()), Some(Stage::Records));
    recovery.go_on_without(&[TWO], false);
    assert_eq!(recovery.stage(&to(7), &gates()), Some(Stage::Admissions));
    assert_eq!(recovery.brought(TWO, &to(7)), Brought::LeftOut);
    assert_eq!(recovery.wish(TWO, Some(Stage::Admissions), 7), RecoveryWish::Nothing);
    recovery.delivered(ONE, SINCE).unwrap();
    assert_eq!(recovery.stage(&to(7), &gates()), None);
}

#[test]
fn records_that_nobody_has_are_given_up_by_a_person_alone() {
    let mut recovery = Recovery::begin(SINCE, to(9));
    recovery.shown(ONE, Some(&to(7)), Epoch::FIRST);
    recovery.shown(TWO, Some(&to(7)), Epoch::FIRST);
    assert_eq!(recovery.stage(&to(7), &gates()), Some(Stage::Records));
    recovery.go_on_without(&[], true);
    assert_eq!(recovery.stage(&to(7), &gates()), Some(Stage::Admissions));
}

#[test]
fn another_history_under_our_signature_is_told_once_and_never_merged() {
    let mut recovery = Recovery::begin(SINCE, to(9));
    recovery.shown(ONE, Some(&to(9)), Epoch::FIRST);
    assert!(recovery.apart(ONE) && !recovery.apart(ONE));
    assert_eq!(recovery.wish(ONE, Some(Stage::Records), 7), RecoveryWish::Nothing);
    assert_eq!(recovery.brought(ONE, &to(7)), Brought::OtherHistory);
    assert_eq!(recovery.stage(&to(7), &gates()), Some(Stage::Records));
}

/// One thing that happens.
#[derive(Debug, Clone)]
enum Step {
    Shown(bool, u64),
    Extended(u64),
    Delivered(bool),
    Without(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (any::<bool>(), 0_u64..20).prop_map(|(one, length)| Step::Shown(one, length)),
        (0_u64..20).prop_map(Step::Extended),
        any::<bool>().prop_map(Step::Delivered),
        any::<bool>().prop_map(Step::Without),
    ]
}

proptest! {
    #[test]
    fn it_is_never_over_while_a_gate_that_is_waited_for_holds_something(steps in prop::collection::vec(step(), 0..40)) {
        let name = |one: bool| if one { ONE } else { TWO };
        let mut recovery = Recovery::begin(SINCE, to(10));
        let (mut own, mut left_out) = (5_u64, BTreeSet::new());
        let (mut shown, mut delivered) = (BTreeMap::new(), BTreeSet::new());
        let mut had_records = false;
        for step in steps {
            match step {
                Step::Shown(one, length) if !had_records => {
                    recovery.shown(name(one), Some(&to(length)), Epoch::FIRST);
                    shown.insert(name(one), length);
                }
                Step::Shown(..) => {}
                Step::Extended(by) => own = own.max(by),
                Step::Delivered(one) => {
                    if recovery.delivered(name(one), SINCE).is_ok() {
                        delivered.insert(name(one));
                    }
                }
                Step::Without(one) => {
                    recovery.go_on_without(&[name(one)], false);
                    left_out.insert(name(one));
                }
            }
            let stage = recovery.stage(&to(own), &gates());
            let waited_for = || gates().into_iter().filter(|gate| !left_out.contains(gate)).collect::<Vec<_>>();
            if !had_records && stage != Some(Stage::Records) {
                prop_assert!(own >= recovery.signed().length);
                prop_assert!(waited_for().iter().all(|gate| shown.get(gate).is_some_and(|length| *length <= own)));
                had_records = true;
            }
            if had_records {
                prop_assert!(stage != Some(Stage::Records), "the feed grows again");
            }
            if stage.is_none() {
                prop_assert!(waited_for().iter().all(|gate| delivered.contains(gate)));
            }
        }
    }
}
