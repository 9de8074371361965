//! Whatever happens, in whatever order. [`Table::give`] asserts after each input that a lane never opens but on
//! admissions that are stored for this very tap, and once; that a tap verifies one PIN once; that no state is without an
//! end; and that no card stays under power after its tap.

use std::sync::Arc;

use kido_shared::claim::ClaimAnswer;
use kido_shared::ids::{AdmissionId, FeedSequence};
use kido_shared::policy::{ArbiterHome, OfflineChoice};
use kido_shared::verdict::Connectivity;
use kido_virtual_card::planted;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

use super::super::*;
use super::table::{AtThePad, GATE, Table, at, parent_and_child, policy, ticket};

#[derive(Debug, Clone)]
enum Happening {
    /// The next answer that is under way arrives.
    Answer,
    /// It is overtaken by those behind it.
    Overtaken,
    /// It gets lost.
    Lost,
    CardPresent,
    CardGone,
    ReaderReady(PinEntry),
    ReaderGone,
    Out,
    Back,
    Torn,
    Silent,
    LookUpFailed,
    StoreFailed,
    BarrierFailed,
    CaughtUp,
    Pin(&'static str),
    Cancel,
    AtTheKeys(AtThePad),
    Party(usize),
    Pass(u64),
    ArbiterSays(u8),
    Connectivity(bool),
    Tickets(u8),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        60 => Just(Happening::Answer),
        1 => Just(Happening::Overtaken),
        1 => Just(Happening::Lost),
        8 => Just(Happening::CardPresent),
        2 => Just(Happening::CardGone),
        1 => prop_oneof![
            2 => Just(Happening::ReaderReady(PinEntry::Here)),
            2 => Just(Happening::ReaderReady(PinEntry::AtReader)),
            1 => Just(Happening::ReaderGone),
        ],
        1 => prop_oneof![3 => Just(Happening::Back), 1 => Just(Happening::Out)],
        1 => prop_oneof![
            Just(Happening::Torn),
            Just(Happening::Silent),
            Just(Happening::LookUpFailed),
            Just(Happening::StoreFailed),
            Just(Happening::BarrierFailed),
            Just(Happening::CaughtUp),
        ],
        10 => prop_oneof![19 => Just(planted::PIN), 1 => Just(planted::WRONG_PIN)].prop_map(Happening::Pin),
        1 => Just(Happening::Cancel),
        1 => prop_oneof![
            3 => Just(AtThePad::Types(planted::PIN)),
            1 => Just(AtThePad::Types(planted::WRONG_PIN)),
            1 => Just(AtThePad::Waits),
            1 => Just(AtThePad::Cancels),
        ].prop_map(Happening::AtTheKeys),
        2 => (0..4_usize).prop_map(Happening::Party),
        3 => prop_oneof![0..2_000_u64, Just(6_000), Just(20_000), Just(45_000)].prop_map(Happening::Pass),
        2 => (0..6_u8).prop_map(Happening::ArbiterSays),
        1 => any::<bool>().prop_map(Happening::Connectivity),
        1 => (0..3_u8).prop_map(Happening::Tickets),
    ]
}

fn outcome(number: u8) -> ClaimOutcome {
    let (ticket, binding) = (FeedSequence::new(5), FeedSequence::new(9));
    let admission = AdmissionId::from_bytes([7; 16]);
    match number {
        0 => ClaimOutcome::Silent,
        1 => ClaimOutcome::Offline,
        2 => ClaimOutcome::Answered(ClaimAnswer::Stale { ticket, binding }),
        3 => ClaimOutcome::Answered(ClaimAnswer::Taken { admission, gate: GATE, at: at(1) }),
        4 => ClaimOutcome::Answered(ClaimAnswer::Spent),
        _ => ClaimOutcome::Answered(ClaimAnswer::Granted { entry: 1 }),
    }
}

fn happen(table: &mut Table, happening: Happening) {
    let tap = table.tap_number();
    let input = match happening {
        Happening::Answer => match table.inbox.pop_front() {
            Some(answer) => answer,
            None => return,
        },
        Happening::Overtaken => {
            let turns = 1.min(table.inbox.len());
            return table.inbox.rotate_left(turns);
        }
        Happening::Lost => {
            table.inbox.pop_front();
            return;
        }
        Happening::Pass(milliseconds) => {
            table.pass(Duration::from_millis(milliseconds));
            Input::Tick
        }
        Happening::ArbiterSays(number) => return table.arbiter.push_back(outcome(number)),
        Happening::Connectivity(online) => {
            table.place.connectivity = if online { Connectivity::Online } else { Connectivity::Offline };
            return;
        }
        Happening::Tickets(number) => {
            table.tickets = if number == 2 { parent_and_child() } else { (1..=number).map(ticket).collect() };
            return;
        }
        Happening::CardPresent => Input::CardPresent,
        Happening::CardGone => Input::CardGone,
        Happening::ReaderReady(entry) => Input::ReaderReady(entry),
        Happening::ReaderGone => Input::ReaderGone,
        Happening::Out => Input::OutOfService(Refusal::StorageFailed),
        Happening::Back => Input::BackInService,
        Happening::Torn => Input::Torn(tap),
        Happening::Silent => Input::CardSilent(tap),
        Happening::LookUpFailed => Input::LookUpFailed(tap, Refusal::StorageFailed),
        Happening::StoreFailed => Input::StoreFailed(tap),
        Happening::BarrierFailed => Input::BarrierFailed(tap),
        Happening::CaughtUp => Input::CaughtUp(tap),
        Happening::Pin(digits) => return table.type_pin(digits),
        Happening::Cancel => Input::Cancelled,
        Happening::AtTheKeys(typed) => {
            table.at_the_keys = typed;
            return;
        }
        Happening::Party(count) => Input::PartyChosen(count),
    };
    table.give(input);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_order_of_happenings_breaks_a_rule_and_every_tap_comes_to_rest(
        happenings in prop::collection::vec(happening(), 0..120),
        local in prop::bool::weighted(0.2),
        keys: bool,
    ) {
        let mut table = Table::new();
        if keys {
            table.give(Input::ReaderReady(PinEntry::AtReader));
        }
        let home = if local { ArbiterHome::Local } else { ArbiterHome::Registrar };
        table.place.policy = Arc::new(policy(OfflineChoice::Admit, home));
        table.at_the_pad = AtThePad::Waits;
        for happening in happenings {
            happen(&mut table, happening);
        }
        // Whatever is still under way arrives, then nothing more happens but time.
        table.give(Input::CardGone);
        table.settle();
        table.wait_for_rest();
        prop_assert_eq!(table.forgotten_intents(), 0);
        prop_assert!(!table.lane.is_busy());
    }
}

/// The arbitrary sequences must reach what they are to judge.
#[test]
fn the_happenings_reach_an_open_lane() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let sequences = prop::collection::vec(happening(), 120);
    let mut opened = 0;
    for _case in 0..64 {
        let happenings = sequences.new_tree(&mut runner).unwrap().current();
        let mut table = Table::new();
        table.at_the_pad = AtThePad::Waits;
        for happening in happenings {
            happen(&mut table, happening);
        }
        opened += table.opened.len();
    }
    assert!(opened >= 8, "only {opened} lanes opened");
}
