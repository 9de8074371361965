//! A link becomes a page, or says why it does not.

use super::*;

#[tokio::test]
async fn a_link_is_opened_by_one_body_and_its_code_is_in_no_answer() {
    let served = Served::new();
    let event = served.event().await;
    let (_ticket, code) = served.registrar.ticket(event, 1).await;
    let mut browser = Browser::default();
    let opened = browser.open(&served, "/r", &code).await;
    assert_eq!(opened.status, 200);
    let cookies: Vec<_> = opened.headers.get_all(SET_COOKIE).iter().map(|cookie| cookie.to_str().unwrap()).collect();
    let of_page = cookies.iter().find(|cookie| cookie.starts_with("__Host-kido-r=")).unwrap();
    for attribute in ["; Path=/", "; HttpOnly", "; SameSite=Strict", "; Secure", "; Max-Age=3600"] {
        assert!(of_page.contains(attribute), "{of_page}");
    }
    let reloaded = browser.get(&served, "/r").await;
    for answer in [&opened, &reloaded] {
        let text = answer.text();
        assert!(text.contains("Row 1, 1") && text.contains("千穐楽"), "event and seat as on a ticket");
        assert!(text.contains("data-stamp=\"register-waiting\""));
        let grouped = code.reveal().to_string();
        for form in [grouped.clone(), grouped.replace('-', "")] {
            assert!(!text.contains(&form) && !format!("{:?}", answer.headers).contains(&form));
        }
        assert!(!text.contains("TICKET-1") && !text.contains("ORDER-1"));
    }
}

#[tokio::test]
async fn a_switch_of_language_keeps_the_page() {
    let served = Served::new();
    let event = served.event().await;
    let (_ticket, code) = served.registrar.ticket(event, 1).await;
    let mut browser = Browser::default();
    let opened = browser.open(&served, "/r", &code).await;
    let english = browser.get(&served, "/r?lang=en").await;
    assert!(english.text().contains("Waiting for your card") && english.text().contains("Row 1, 1"));
    assert_eq!(english.mark(), opened.mark());
}

#[tokio::test]
async fn a_tab_never_turns_into_the_ticket_of_another_tab() {
    let served = Served::new();
    let event = served.event().await;
    let (_one, first) = served.registrar.ticket(event, 1).await;
    let (_other, second) = served.registrar.ticket(event, 2).await;
    let mut browser = Browser::default();
    let before = browser.open(&served, "/r", &first).await.mark();
    let after = browser.open(&served, "/r", &second).await.mark();
    let left = browser.get(&served, &format!("/r?page={before}")).await;
    assert!(left.cookie("__Host-kido-r").is_none(), "the other tab's page stays open");
    expect_refusal(&left, (409, "excuse-other-tab"), false);
    for path in ["/r".to_owned(), format!("/r?page={after}"), "/r?page=x".to_owned()] {
        let page = browser.get(&served, &path).await;
        assert!(page.status == 200 && page.text().contains("Row 1, 2"), "{path}");
    }
}

#[tokio::test]
async fn a_page_is_closed_after_its_hour_and_says_so_once() {
    let served = Served::new();
    let event = served.event().await;
    let (_ticket, code) = served.registrar.ticket(event, 1).await;
    let mut browser = Browser::default();
    let mark = browser.open(&served, "/r", &code).await.mark();
    served.registrar.clock.advance(sessions::PAGE_LIFETIME);
    let over = browser.get(&served, "/r").await;
    assert_eq!(over.status, 410);
    assert!(over.text().contains("この ページは もう 閉じて います"));
    assert_eq!(over.cookie("__Host-kido-r").unwrap(), "__Host-kido-r=");
    let events = browser.get(&served, &format!("/r/events?page={mark}")).await;
    assert_eq!(events.status, 204, "the status that tells a browser not to come back");
    assert_eq!(browser.get(&served, "/r/events?page=x").await.status, 204);
}

#[tokio::test]
async fn every_refusal_says_what_happened_and_what_to_do_in_both_languages() {
    let served = Served::new();
    let event = served.event().await;
    let holder = bound(&served, event).await;
    let (cancelled, cancelled_code) = served.registrar.ticket(event, 2).await;
    let name = TicketName::Id(cancelled);
    let cancel = crate::domain::ticket::TicketAction::Cancel;
    served.registrar.store.change_ticket(event, name, cancel, crate::domain::history::Actor::Sales).await.unwrap();
    let (returned, returned_code) = served.registrar.tickets(event, 3, false).await;
    let release = crate::domain::ticket::TicketAction::Release;
    let name = TicketName::Id(returned);
    served.registrar.store.change_ticket(event, name, release, crate::domain::history::Actor::Sales).await.unwrap();
    let (_unbound, unbound_code) = served.registrar.ticket(event, 4).await;
    let (_row, used_code) = crate::testing::row(1);
    let cases = [
        ("/r", wrong(0), 404, "excuse-unknown"),
        ("/t", wrong(0), 404, "excuse-unknown"),
        ("/r", used_code.clone(), 409, "excuse-used"),
        ("/t", used_code, 409, "excuse-replaced"),
        ("/r", cancelled_code.clone(), 410, "excuse-cancelled"),
        ("/t", cancelled_code, 410, "excuse-cancelled"),
        ("/r", returned_code, 410, "excuse-returned"),
        ("/r", holder, 409, "excuse-is-holders"),
        ("/t", unbound_code, 409, "excuse-is-registration"),
    ];
    for (home, code, status, key) in cases {
        for english in [false, true] {
            let mut browser = Browser { english, ..Browser::default() };
            expect_refusal(&browser.open(&served, home, &code).await, (status, key), english);
        }
    }
    for english in [false, true] {
        let browser = Browser { english, ..Browser::default() };
        let answer = browser.post(&served, "/r/open", &json!({"code": "half-a-code"})).await;
        assert!(answer.text().contains("data-do=\"open-by-hand\""), "another link may help");
        expect_refusal(&answer, (422, "excuse-incomplete"), english);
    }
}

#[tokio::test]
async fn a_link_on_the_wrong_page_is_offered_the_right_one() {
    let served = Served::new();
    let event = served.event().await;
    let holder = bound(&served, event).await;
    let (_unbound, registration) = served.registrar.ticket(event, 4).await;
    for (home, code) in [("/r", holder), ("/t", registration)] {
        let page = Browser::default().open(&served, home, &code).await.text();
        assert!(page.contains("data-elsewhere") && page.contains("data-do=\"other-page\""), "{home}");
        assert!(!page.contains("data-do=\"open-by-hand\""), "{home}: the link itself is right");
    }
}

#[tokio::test]
async fn a_ticket_whose_time_is_over_registers_no_card() {
    let served = Served::new();
    let event = served.event().await;
    let (_ticket, code) = served.registrar.ticket(event, 1).await;
    let mut browser = Browser::default();
    browser.open(&served, "/r", &code).await;
    served.registrar.clock.set(NOW.after(Duration::from_secs(31 * 3_600)));
    expect_refusal(&browser.open(&served, "/r", &code).await, (410, "excuse-over"), false);
}

#[tokio::test]
async fn whoever_guesses_is_told_to_wait_and_a_right_code_opens_all_the_same() {
    let served = Served::new();
    let event = served.event().await;
    let (_ticket, code) = served.registrar.ticket(event, 1).await;
    let mut guesser = Browser { address: Some([192, 0, 2, 1]), ..Browser::default() };
    for number in 0..10 {
        assert_eq!(guesser.open(&served, "/r", &wrong(number)).await.status, 404);
    }
    expect_refusal(&guesser.open(&served, "/r", &wrong(10)).await, (429, "excuse-too-many-tries"), false);
    expect_refusal(&guesser.open(&served, "/t", &wrong(0)).await, (429, "excuse-too-many-tries"), false);
    assert_eq!(guesser.open(&served, "/r", &code).await.status, 200, "a household is more than its child");
    let mut other = Browser { address: Some([192, 0, 2, 2]), ..Browser::default() };
    assert_eq!(other.open(&served, "/r", &wrong(11)).await.status, 404);
    served.registrar.clock.advance(Duration::from_secs(60));
    assert_eq!(guesser.open(&served, "/r", &wrong(12)).await.status, 404);
}

#[tokio::test]
async fn a_page_of_a_deleted_event_says_that_there_is_nothing_here() {
    let served = Served::new();
    let event = served.event().await;
    let code = bound(&served, event).await;
    let mut browser = Browser { english: true, ..Browser::default() };
    browser.open(&served, "/t", &code).await;
    let before = served.app.now();
    served.registrar.clock.set(crate::testing::draft().retention_at);
    served.registrar.store.forget_event(event).await.unwrap();
    served.registrar.clock.set(before);
    let page = browser.get(&served, "/t").await;
    assert_eq!(page.status, 410);
    assert!(page.text().contains("There is nothing here"));
    let again = browser.open(&served, "/t", &code).await;
    expect_refusal(&again, (404, "excuse-unknown"), true);
}
