//! The holder's page of a ticket.

use super::*;

#[tokio::test]
async fn a_page_of_a_replaced_link_shows_the_state_and_nothing_else() {
    let served = Served::new();
    let event = served.event().await;
    let code = bound(&served, event).await;
    let mut browser = Browser::default();
    let mark = browser.open(&served, "/t", &code).await.mark();
    served.registrar.register(Action::Show, &code, Character::Holder).await.unwrap();
    let page = browser.get(&served, "/t").await.text();
    assert!(page.contains("使えます") && page.contains("リンクが 新しく なりました"));
    assert!(!page.contains("これまでの こと") && !page.contains("data-do=\"lost\""));
    let refused = browser.post(&served, "/t/lost", &json!({"page": mark})).await;
    expect_refusal(&refused, (409, "excuse-replaced"), false);
}

#[tokio::test]
async fn a_tab_never_acts_on_a_ticket_that_another_tab_has_opened() {
    let served = Served::new();
    let event = served.event().await;
    let code = bound(&served, event).await;
    let (_other, other_code) = served.registrar.ticket(event, 2).await;
    let other = served.registrar.register(Action::Bind, &other_code, Character::Stranger).await.unwrap();
    let mut browser = Browser::default();
    let first = browser.open(&served, "/t", &code).await.mark();
    browser.open(&served, "/t", &other.holder_code.unwrap()).await;
    let refused = browser.post(&served, "/t/lost", &json!({"page": first})).await;
    expect_refusal(&refused, (409, "excuse-other-tab"), false);
    assert!(browser.get(&served, "/t").await.text().contains("使えます"), "neither ticket was stopped");
}

#[tokio::test]
async fn nobody_is_asked_to_try_a_card_where_nothing_lies_ahead_of_it() {
    let served = Served::new();
    let event = served.event().await;
    let code = bound(&served, event).await;
    let gate = served.registrar.gate(event, 1).await;
    let mut browser = Browser { english: true, ..Browser::default() };
    let ready = browser.open(&served, "/t", &code).await.text();
    let offers = |page: &str| ["Try your card", "kido-card show</code>"].map(|offer| page.contains(offer));
    assert_eq!(offers(&ready), [true, true]);
    assert!(ready.contains("It is kept until"), "and when its history may go");
    let ticket = served.registrar.store.find_link(code.hash()).unwrap().ticket.ticket;
    let admission = kido_shared::admission::Admission {
        id: kido_shared::ids::AdmissionId::from_bytes([5; 16]),
        ticket,
        gate,
        entry: 1,
        at: NOW,
        basis: kido_shared::admission::AdmissionBasis::Claimed,
    };
    let upload = kido_shared::wire::v1::admissions::UploadedAdmission { admission, opened_at: None };
    served.registrar.store.upload(event, gate, vec![upload]).await.unwrap();
    let inside = browser.get(&served, "/t").await.text();
    assert!(inside.contains("Entered") && inside.contains("I lost my card"));
    assert_eq!(offers(&inside), [false, false], "inside");
    let name = TicketName::Id(ticket);
    let cancel = crate::domain::ticket::TicketAction::Cancel;
    served.registrar.store.change_ticket(event, name, cancel, crate::domain::history::Actor::Sales).await.unwrap();
    let cancelled = browser.get(&served, "/t").await.text();
    assert!(cancelled.contains("Cancelled"));
    assert_eq!(offers(&cancelled), [false, false], "cancelled");
}
