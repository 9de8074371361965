//! What an open page hears without a reload.

use super::*;

#[tokio::test]
async fn a_registration_is_followed_from_waiting_to_bound_without_a_reload() {
    let served = Served::new();
    let event = served.event().await;
    let (_ticket, code) = served.registrar.ticket(event, 1).await;
    let mut browser = Browser::default();
    let mark = browser.open(&served, "/r", &code).await.mark();
    let mut stamps = browser.stamps(&served, "/r", mark).await;
    assert_eq!(stamps.next().await.unwrap(), "register-waiting");
    let begin = json!({"action": "bind", "code": code.reveal().as_str(), "event": null});
    served.post(None, REGISTRATIONS, &begin).await.ok();
    assert_eq!(stamps.next().await.unwrap(), "register-talking");
    assert!(browser.get(&served, "/r").await.text().contains("登録プログラムと 通信して います"));
    served.registrar.register(Action::Bind, &code, Character::Holder).await.unwrap();
    assert_eq!(stamps.next().await.unwrap(), "register-bound");
    let bound = browser.get(&served, "/r").await.text();
    for shown in ["カードを 登録しました", "Row 1, 1", "<dd>A</dd>", "新しい リンクを 保管して ください"]
    {
        assert!(bound.contains(shown), "{shown}");
    }
    assert!(!bound.contains("これまでの こと"), "a registration link shows no history");
}

#[tokio::test]
async fn a_lost_card_is_reported_from_the_ticket_and_shown_by_itself() {
    let served = Served::new();
    let event = served.event().await;
    let code = bound(&served, event).await;
    let mut browser = Browser::default();
    let opened = browser.open(&served, "/t", &code).await;
    assert!(opened.text().contains("使えます"));
    let mut stamps = browser.stamps(&served, "/t", opened.mark()).await;
    assert!(stamps.next().await.unwrap().starts_with("ticket-ready."));
    let suspended = browser.post(&served, "/t/lost", &json!({"page": opened.mark()})).await;
    assert_eq!(suspended.status, 200);
    assert!(suspended.text().contains("停止中（カードの 紛失）"));
    assert!(stamps.next().await.unwrap().starts_with("ticket-suspended."));
    let proved = served.registrar.register(Action::Resume, &code, Character::Holder).await.unwrap();
    assert!(stamps.next().await.unwrap().starts_with("ticket-ready."));
    let english = Browser { english: true, ..Browser::default() };
    let mut newer = Browser { cookie: None, ..english };
    let page = newer.open(&served, "/t", &proved.holder_code.unwrap()).await.text();
    for line in ["A card was registered", "stopped because the card was lost", "put the ticket back in force"] {
        assert!(page.contains(line), "{line}");
    }
    assert!(page.contains("Fri 15 January, 17:00"), "to the minute, on a wall in Japan");
}

#[tokio::test]
async fn streams_are_few_and_end_when_the_registrar_stops() {
    let served = Served::new();
    let event = served.event().await;
    let (_ticket, code) = served.registrar.ticket(event, 1).await;
    let mut browser = Browser::default();
    let mark = browser.open(&served, "/r", &code).await.mark();
    let mut open = Vec::new();
    for _ in 0..4 {
        let mut stamps = browser.stamps(&served, "/r", mark).await;
        assert!(stamps.next().await.is_some());
        open.push(stamps);
    }
    let one_more = browser.get(&served, &format!("/r/events?page={mark}")).await;
    assert_eq!(one_more.status, 503);
    drop(open.pop());
    open.push(browser.stamps(&served, "/r", mark).await);
    assert!(open.last_mut().unwrap().next().await.is_some(), "a stream that ended made room");
    served.app.stop();
    for mut stamps in open {
        assert_eq!(stamps.next().await, None);
    }
}
