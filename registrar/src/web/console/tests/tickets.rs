//! One ticket: found, shown, changed.

use kido_shared::challenge::Action;
use kido_virtual_card::character::Character;

use super::*;
use crate::web::console::session::LINK_SHOWN;

#[tokio::test]
async fn a_reference_comes_back_in_no_address_and_no_page() {
    let served = Served::new();
    let event = served.event().await;
    let (ticket, _code) = served.registrar.ticket(event, 1).await;
    let operator = Browser::signed_in(&served, Role::Operator).await;
    let tickets = format!("/console/events/{event}/tickets");
    let found = operator.post(&served, &tickets, &[("ticket_ref", "TICKET-1")]).await;
    assert_eq!(location(&found), format!("{tickets}/{ticket}"));
    assert!(!operator.read(&served, location(&found)).await.contains("TICKET-1"));
    let unknown = operator.post(&served, &tickets, &[("ticket_ref", "TICKET-99")]).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    assert!(!text(&unknown).contains("TICKET-99"));
    let none = operator.post(&served, &tickets, &[("ticket_ref", "no/reference")]).await;
    assert_eq!(none.status, StatusCode::UNPROCESSABLE_ENTITY);
    for line in served.app.audit.page(None).unwrap().lines {
        assert!(!format!("{line:?}").contains("TICKET-1"), "{line:?}");
    }
}

#[tokio::test]
async fn a_new_link_is_shown_for_a_minute_and_the_old_one_is_dead() {
    let served = Served::new();
    let event = served.event().await;
    let (ticket, old) = served.registrar.ticket(event, 1).await;
    let operator = Browser::signed_in(&served, Role::Operator).await;
    let other = Browser::signed_in(&served, Role::Operator).await;
    let path = format!("/console/events/{event}/tickets/{ticket}");
    let ask = hidden(&operator.read(&served, &path).await, "once");
    let made = operator.post(&served, &format!("{path}/code"), &[("once", &ask)]).await;
    assert_eq!(location(&made), path, "what was made is looked at, so a reload makes nothing");
    let shown = operator.read(&served, &path).await;
    let (_before, after) = shown.split_once("https://registrar.example/r#").unwrap();
    let code = kido_shared::codes::Code::parse(after.split_once('<').unwrap().0).unwrap();
    assert_eq!(served.app.store.ticket_of_code(code.hash()).unwrap().1.ticket, ticket);
    assert!(served.app.store.ticket_of_code(old.hash()).is_err());
    operator.post(&served, &format!("{path}/code"), &[("once", &ask)]).await;
    let again = operator.read(&served, &format!("{path}?lang=ja")).await;
    assert!(again.contains(code.reveal().as_str()), "the same form, one link");
    let home = operator.get(&served, &format!("{path}/code?lang=en")).await;
    assert_eq!(location(&home), format!("{path}?lang=en"), "another language loses no link");
    assert!(!other.read(&served, &path).await.contains("/r#"), "who made it sees it");
    served.registrar.clock.advance(LINK_SHOWN);
    assert!(!operator.read(&served, &path).await.contains("/r#"));
    operator.post(&served, &format!("{path}/change"), &[("change", "cancel")]).await;
    assert!(operator.read(&served, &path).await.contains("The organiser cancelled the ticket"));
    assert!(deeds(&served).ends_with(&[(Deed::CodeReissued, None), (Deed::TicketCancelled, None)]));
}

#[tokio::test]
async fn a_shop_is_offered_no_code_of_a_ticket_with_a_card() {
    let served = Served::new();
    let event = served.event().await;
    let (ticket, code) = served.registrar.ticket(event, 1).await;
    let sales = Browser::signed_in(&served, Role::Sales).await;
    let operator = Browser::signed_in(&served, Role::Operator).await;
    let path = format!("/console/events/{event}/tickets/{ticket}");
    let unbound = sales.read(&served, &path).await;
    assert!(unbound.contains("id=\"ask-code\""), "a lost letter is the shop's to send again");
    served.registrar.register(Action::Bind, &code, Character::Holder).await.unwrap();
    for change in ["suspend", "cancel"] {
        let shown = sales.read(&served, &path).await;
        assert!(!shown.contains("ask-code") && shown.contains("ask-cancel"), "{shown}");
        assert!(operator.read(&served, &path).await.contains("ask-code"));
        // Who sends the form of a page that was open all the while is told why not.
        let once = hidden(&unbound, "once");
        let refused = sales.post(&served, &format!("{path}/code"), &[("once", &once)]).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "as a program is answered");
        assert!(text(&refused).contains("This ticket has a card"), "{}", text(&refused));
        operator.post(&served, &format!("{path}/change"), &[("change", change)]).await;
    }
    let cancelled = operator.read(&served, &path).await;
    assert!(!cancelled.contains("id=\"ask-"), "nothing is left to be done: {cancelled}");
}
