use core::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::domain::history::Actor;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

const BINDING: KeptBinding = KeptBinding {
    tag: BindingTag::from_bytes([1; 32]),
    certificate_tag: Some(CertificateTag::from_bytes([2; 32])),
    outlives_event: true,
    outlives_year_after: true,
};

const STAGES: [Stage; 5] =
    [Stage::Unbound, Stage::Bound(BINDING), Stage::Suspended(BINDING), Stage::Returned, Stage::Cancelled(None)];

fn ticket(stage: Stage, paid: bool) -> Ticket {
    Ticket {
        particulars: Particulars {
            zone: Zone::new("A").unwrap(),
            seat_label: SeatLabel::new("").unwrap(),
            window: EntryWindow::new(NOW, NOW.after(Duration::from_secs(60))).unwrap(),
            entries: Entries::ONCE,
            party: None,
        },
        reference: ReferenceHash([3; 16]),
        order: ReferenceHash([4; 16]),
        paid,
        stage,
        code: Some(CodeHash::from_bytes([5; 32])),
        ticket_at: FeedSequence::FIRST,
        binding_at: None,
        changes: ChangesOfDay::default(),
    }
}

/// The table of `protocol.md` §5: what each action makes of each state; `-` is refused, `=` is so already.
#[test]
fn the_table_of_states_holds() {
    let table = [
        (TicketAction::Suspend, true, ["-", "suspended", "=", "-", "-"]),
        (TicketAction::Resume, true, ["-", "=", "bound", "-", "-"]),
        (TicketAction::Cancel, true, ["cancelled", "cancelled", "cancelled", "cancelled", "="]),
        (TicketAction::Confirm, false, ["unbound", "bound", "suspended", "-", "-"]),
        (TicketAction::Confirm, true, ["=", "=", "=", "-", "-"]),
        (TicketAction::Release, false, ["returned", "returned", "returned", "=", "-"]),
        (TicketAction::Release, true, ["-", "-", "-", "=", "-"]),
        (TicketAction::Bind, true, ["-", "-", "-", "-", "-"]),
    ];
    for (action, paid, row) in table {
        for (stage, expected) in STAGES.into_iter().zip(row) {
            let before = ticket(stage, paid);
            let found = match before.decide(action, NOW) {
                Err(_refused) => "-",
                Ok(None) => "=",
                Ok(Some(change)) => before.clone().with_status(change, NOW).state().name(),
            };
            assert_eq!(found, expected, "{action:?} of {:?}, paid: {paid}", before.state());
        }
    }
}

#[test]
fn what_is_possible_is_what_the_rules_would_do() {
    use TicketAction::{Cancel, Confirm, ReissueCode, Release, Suspend};
    let rows: [(bool, Actor, [&[TicketAction]; 5]); 3] = [
        (
            false,
            Actor::Sales,
            [
                &[Confirm, Release, Cancel, ReissueCode],
                &[Confirm, Suspend, Release, Cancel],
                &[Confirm, Release, Cancel],
                &[Cancel],
                &[],
            ],
        ),
        (true, Actor::Sales, [&[Cancel, ReissueCode], &[Suspend, Cancel], &[Cancel], &[Cancel], &[]]),
        (
            true,
            Actor::Operator,
            [&[Cancel, ReissueCode], &[Suspend, Cancel, ReissueCode], &[Cancel, ReissueCode], &[Cancel], &[]],
        ),
    ];
    for (paid, actor, row) in rows {
        for (stage, expected) in STAGES.into_iter().zip(row) {
            let ticket = ticket(stage, paid);
            assert_eq!(ticket.possible(actor, NOW), expected, "{actor:?}, {:?}, paid: {paid}", ticket.state());
        }
    }
    let mut busy = ticket(Stage::Bound(BINDING), false);
    busy.changes = ChangesOfDay { day: day(NOW), count: CHANGES_PER_DAY };
    assert_eq!(busy.possible(Actor::Operator, NOW), [Suspend, Cancel], "what only takes away is never stopped");
}

#[test]
fn gates_are_told_what_a_ticket_is_good_for() {
    let told = |stage, paid| ticket(stage, paid).status();
    assert_eq!(told(Stage::Bound(BINDING), true), TicketStatus::InForce);
    assert_eq!(told(Stage::Bound(BINDING), false), TicketStatus::NotPaid);
    assert_eq!(told(Stage::Suspended(BINDING), false), TicketStatus::Suspended);
    assert_eq!(told(Stage::Cancelled(Some(BINDING)), true), TicketStatus::Cancelled);
    assert_eq!(told(Stage::Returned, true), TicketStatus::Returned);
}

#[test]
fn the_eleventh_change_of_a_day_is_refused_unless_it_takes_away() {
    let mut changed = ticket(Stage::Bound(BINDING), true);
    for _ in 0..CHANGES_PER_DAY {
        changed.decide_reissue(Actor::Operator, NOW).unwrap();
        changed = changed.with_code(CodeHash::from_bytes([9; 32]), NOW);
    }
    assert_eq!(changed.decide_reissue(Actor::Operator, NOW), Err(TicketRefusal::TooManyChanges));
    assert!(changed.decide(TicketAction::Suspend, NOW).is_ok());
    assert!(changed.decide(TicketAction::Cancel, NOW).is_ok());
    let tomorrow = NOW.after(Duration::from_secs(24 * 60 * 60));
    changed.decide_reissue(Actor::Operator, tomorrow).unwrap();
}

#[test]
fn a_shop_gets_no_code_that_opens_a_history() {
    for stage in [Stage::Bound(BINDING), Stage::Suspended(BINDING)] {
        let held = ticket(stage, true);
        assert_eq!(held.decide_reissue(Actor::Sales, NOW), Err(TicketRefusal::HolderCode));
        assert_eq!(held.decide_reissue(Actor::Operator, NOW), Ok(()));
    }
    assert_eq!(ticket(Stage::Unbound, true).decide_reissue(Actor::Sales, NOW), Ok(()));
}

#[test]
fn a_dead_ticket_has_no_code() {
    for change in [StatusChange::Cancelled, StatusChange::Released] {
        assert_eq!(ticket(Stage::Unbound, false).with_status(change, NOW).code, None);
    }
}

proptest! {
    /// Whatever is done in whatever order: a cancelled ticket stays so, and an unpaid one never becomes in force.
    #[test]
    fn no_sequence_of_actions_brings_a_ticket_back(
        stage in 0..STAGES.len(),
        paid: bool,
        actions in proptest::collection::vec(0..5_usize, 0..20),
    ) {
        let all = [TicketAction::Suspend, TicketAction::Resume, TicketAction::Cancel, TicketAction::Release, TicketAction::Confirm];
        let mut current = ticket(STAGES[stage], paid);
        let mut cancelled = current.state() == TicketState::Cancelled;
        let mut confirmed = paid;
        for action in actions {
            if let Ok(Some(change)) = current.decide(all[action], NOW) {
                confirmed |= change == StatusChange::Confirmed;
                cancelled |= change == StatusChange::Cancelled;
                current = current.with_status(change, NOW);
            }
            prop_assert!(!cancelled || current.state() == TicketState::Cancelled);
            prop_assert!(confirmed || current.status() != TicketStatus::InForce);
            prop_assert_eq!(minicbor::decode::<Ticket>(&minicbor::to_vec(&current).unwrap()).unwrap(), current.clone());
        }
    }
}
