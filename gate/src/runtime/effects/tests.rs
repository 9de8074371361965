use super::*;
use crate::journal::tests::journal;
use crate::runtime::household::tests::{Listener, planned};

#[tokio::test]
async fn a_gates_own_withdrawal_is_heard_before_it_claims_the_ticket_again() {
    let (_home, journal) = journal();
    let arbiter = Listener::begin(None).await;
    let mut intents = Vec::new();
    for _tap in 0..2 {
        intents.extend(journal.store_intents(&[planned(1)], NOW, &mut OsRng).await.unwrap());
    }
    journal.withdraw(vec![intents[0].admission()], NOW).await.unwrap();
    assert!(tell_earlier(&journal, &arbiter.client, &intents[1]).await.unwrap());
    assert_eq!(arbiter.heard(), [intents[0].admission()]);
    assert_eq!(journal.errands().unwrap(), Vec::new(), "and not a second time");
}

const NOW: kido_shared::clock::Timestamp = kido_shared::clock::Timestamp::from_unix_seconds(1_790_000_000);
