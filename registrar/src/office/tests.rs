use core::future::Future as _;
use core::pin::pin;
use core::task::{Context, Waker};

use kido_shared::policy::{ArbiterHome, OfflineChoice};
use kido_shared::wire::v1::operator::PolicyChoices;

use super::*;
use crate::router::tests::Served;
use crate::testing::draft;

fn operator() -> By {
    By { bearer: Bearer { role: Role::Operator, label: "operator".to_owned(), expires_at: None }, door: Door::Api }
}

fn wanted() -> CreateEvent {
    CreateEvent {
        name: "千穐楽".to_owned(),
        starts_at: draft().starts_at,
        ends_at: draft().ends_at,
        offline: OfflineChoice::Refuse,
        arbiter: ArbiterHome::Registrar,
        rehearsal_of: None,
        choices: PolicyChoices::default(),
    }
}

/// Asks, and hangs up after being told so often that there is something to hear.
async fn hang_up_after(app: &AppState, polls: usize) {
    let by = operator();
    let mut asked = pin!(app.create_event(&by, wanted()));
    for _ in 0..polls {
        if asked.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            return;
        }
        tokio::time::sleep(core::time::Duration::from_millis(1)).await;
    }
}

/// The rule at each moment of hanging up; the pause between two looks decides only which moment it is.
#[tokio::test]
async fn whoever_hangs_up_ends_neither_the_deed_nor_its_line() {
    let served = Served::new();
    for polls in 1..8 {
        hang_up_after(&served.app, polls).await;
    }
    served.app.deeds.close();
    served.app.deeds.wait().await;
    let made = served.registrar.store.events().unwrap().len();
    let lines = served.app.audit.page(None).unwrap().lines;
    let listed = lines.iter().filter(|line| line.deed == Deed::EventCreated && line.refused.is_none()).count();
    assert_eq!(listed, made);
    assert!(made > 0, "nothing was tried");
}

#[tokio::test]
async fn a_change_made_from_older_choices_undoes_nobodys() {
    let served = Served::new();
    let event = served.registrar.event().await;
    let before = served.registrar.store.policy(event).unwrap();
    let admits = crate::testing::policy(|draft| draft.offline = OfflineChoice::Admit);
    served.registrar.change_policy(event, admits).await.unwrap();
    let renamed = crate::testing::policy(|draft| draft.name = "renamed".to_owned());
    let refused = served.registrar.store.change_policy(event, before, renamed).await;
    let meanwhile = EventRefusal::ChangedMeanwhile;
    assert!(matches!(refused, Err(crate::store::Failed::Refused(refusal)) if refusal == meanwhile), "{refused:?}");
    assert_eq!(served.registrar.store.policy(event).unwrap().choices().offline, OfflineChoice::Admit);
}

#[test]
fn a_desk_suspends_a_ticket_and_only_who_sells_may_end_it() {
    let may = |change| {
        let roles = [Role::Operator, Role::Sales, Role::Desk, Role::Viewer];
        roles.into_iter().filter(|role| action(change, *role).is_ok()).collect::<Vec<_>>()
    };
    assert_eq!(may(TicketChange::Suspend), [Role::Operator, Role::Sales, Role::Desk]);
    for change in [TicketChange::Cancel, TicketChange::Confirm, TicketChange::Release] {
        assert_eq!(may(change), [Role::Operator, Role::Sales], "{change:?}");
    }
}
