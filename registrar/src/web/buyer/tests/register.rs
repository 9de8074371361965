//! The page on which a card is registered.

use super::*;

#[tokio::test]
async fn the_first_page_says_what_is_not_read_and_what_is() {
    let served = Served::new();
    let english = Browser { english: true, ..Browser::default() }.get(&served, "/r").await.text();
    for sentence in ["Your name, address and My Number are not read", "256 bytes of it", "What is read"] {
        assert!(english.contains(sentence), "{sentence}");
    }
    let japanese = Browser::default().get(&served, "/r").await.text();
    assert!(japanese.contains("お名前・住所・マイナンバーは 読み取りません"));
    assert!(japanese.contains("256バイト"));
}

#[tokio::test]
async fn a_dialogue_that_ends_by_the_clock_leaves_a_page_that_waits() {
    let served = Served::new();
    let event = served.event().await;
    let (_ticket, code) = served.registrar.ticket(event, 1).await;
    let mut browser = Browser::default();
    browser.open(&served, "/r", &code).await;
    let begin = json!({"action": "bind", "code": code.reveal().as_str(), "event": null});
    served.post(None, REGISTRATIONS, &begin).await.ok();
    assert!(browser.get(&served, "/r").await.text().contains("data-stamp=\"register-talking\""));
    served.registrar.clock.advance(kido_shared::limits::SESSION_LIFETIME);
    assert!(browser.get(&served, "/r").await.text().contains("data-stamp=\"register-waiting\""));
}

#[tokio::test]
async fn a_certificate_that_ends_too_soon_is_said_where_it_was_bound() {
    let served = Served::new();
    let far = |draft: &mut kido_shared::policy::PolicyDraft| {
        let years = Duration::from_secs(20 * 365 * 24 * 3_600);
        draft.ends_at = NOW.after(years);
        draft.retention_at = NOW.after(years + Duration::from_secs(3_600));
    };
    let event = served.registrar.event_with(far).await;
    let (_ticket, code) = served.registrar.ticket(event, 1).await;
    let mut browser = Browser { english: true, ..Browser::default() };
    browser.open(&served, "/r", &code).await;
    served.registrar.register(Action::Bind, &code, Character::Holder).await.unwrap();
    assert!(browser.get(&served, "/r").await.text().contains("certificate ends before the event"));
}

#[tokio::test]
async fn a_phone_is_told_at_once_and_what_to_do_instead() {
    let served = Served::new();
    let phone = Browser { agent: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0)", english: true, ..Browser::default() };
    let page = phone.get(&served, "/r").await.text();
    assert!(page.contains("class=\"page on-phone\"") && page.contains("Phones: not yet"));
    assert!(page.contains("a computer with a card reader"));
    assert!(!Browser::default().get(&served, "/r").await.text().contains("on-phone"));
}

#[tokio::test]
async fn the_page_says_where_the_card_helper_comes_from() {
    let address = "https://shop.example/card-helper?os=any";
    let told = Served::with_card_helper(Some(address.parse().unwrap()));
    let untold = Served::new();
    for (served, link, words) in [(&told, true, "Get it here"), (&untold, false, "The shop tells you where to get it")]
    {
        let event = served.event().await;
        let (_ticket, code) = served.registrar.ticket(event, 1).await;
        let mut browser = Browser { english: true, ..Browser::default() };
        let page = browser.open(served, "/r", &code).await.text();
        assert!(page.contains(words), "{words}");
        assert_eq!(page.contains(&format!("href=\"{address}\"")), link);
    }
}

#[tokio::test]
async fn a_registered_card_is_told_with_what_was_looked_at_and_what_was_not() {
    let served = Served::new();
    let event = served.event().await;
    let (_ticket, code) = served.registrar.ticket(event, 1).await;
    let mut browser = Browser { english: true, ..Browser::default() };
    let waiting = browser.open(&served, "/r", &code).await.text();
    assert!(!waiting.contains("Checked:"));
    served.registrar.register(Action::Bind, &code, Character::Holder).await.unwrap();
    let page = browser.get(&served, "/r").await.text();
    for sentence in ["Checked: the certificate comes from", "Not checked: whether the certificate has been revoked"] {
        assert!(page.contains(sentence), "{sentence}");
    }
}
