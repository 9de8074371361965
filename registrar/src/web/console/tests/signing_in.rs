//! Who is signed in, for how long, and whose forms are taken.

use kido_shared::wire::v1::operator::{AddToken, TokenLife};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::*;
use crate::auth::tokens::BearerToken;
use crate::web::console::session::LIFETIME;

#[tokio::test]
async fn a_token_is_shown_once_and_a_cookie_that_no_script_sees_stands_for_it() {
    let served = Served::new();
    let answer = Browser::try_token(&served, &token(Role::Operator)).await;
    let cookie = console_cookie(&answer).unwrap();
    assert!(cookie.starts_with("__Host-kido-console="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict; Secure"), "{cookie}");
    assert!(!cookie.contains(&token(Role::Operator)));
    let browser = Browser::signed_in(&served, Role::Operator).await;
    let out = browser.post(&served, "/console/sign-out", &NONE).await;
    assert_eq!(location(&out), "/console");
    assert!(console_cookie(&out).unwrap().contains("Max-Age=0"));
    assert_eq!(location(&browser.get(&served, "/console/events").await), "/console", "the session is over");
    let (Deed::SignedIn, None) = &deeds(&served)[0] else { panic!("{:?}", deeds(&served)) };
    assert!(deeds(&served).contains(&(Deed::SignedOut, None)));
}

#[tokio::test]
async fn only_so_many_wrong_tokens_are_taken_and_a_right_one_always() {
    let served = Served::new();
    for _try in 0..600 {
        let refused = Browser::try_token(&served, "nobodys").await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        assert_eq!(console_cookie(&refused), None);
    }
    assert_eq!(Browser::try_token(&served, "nobodys").await.status, StatusCode::TOO_MANY_REQUESTS);
    Browser::signed_in(&served, Role::Operator).await;
    assert!(deeds(&served).len() < 50, "strangers do not fill the list");
}

#[tokio::test]
async fn a_session_ends_by_silence_by_age_and_with_its_token() {
    let served = Served::new();
    let viewer = Browser::signed_in(&served, Role::Viewer).await;
    served.registrar.clock.advance(IDLE);
    assert_eq!(location(&viewer.get(&served, "/console/events").await), "/console");
    let desk = Browser::signed_in(&served, Role::Desk).await;
    served.app.tokens.remove("desk").unwrap();
    assert_eq!(location(&desk.get(&served, "/console/events").await), "/console");
    assert!(LIFETIME > IDLE);
}

#[tokio::test]
async fn a_session_ends_when_its_tokens_time_is_over_and_says_before_when_that_is() {
    let served = Served::new();
    let new = BearerToken::generate(&mut StdRng::seed_from_u64(7));
    let wanted = AddToken {
        role: Role::Viewer,
        label: "for-a-day".to_owned(),
        token_hash: new.hash(),
        life: TokenLife::Days(1),
    };
    served.app.tokens.add(wanted, served.app.now()).unwrap();
    let day = Duration::from_secs(24 * 60 * 60);
    served.registrar.clock.advance(day - Duration::from_secs(60));
    let viewer = Browser::with_token(&served, &new.reveal()).await;
    let page = viewer.read(&served, "/console/events").await;
    assert!(page.contains("token until "), "{page}");
    let lasting = Browser::signed_in(&served, Role::Viewer).await;
    assert!(!lasting.read(&served, "/console/events").await.contains("token until "), "the other one has no end");
    served.registrar.clock.advance(Duration::from_secs(60));
    assert_eq!(location(&viewer.get(&served, "/console/events").await), "/console");
    let again = Browser::try_token(&served, &new.reveal()).await;
    assert_eq!(again.status, StatusCode::FORBIDDEN);
    assert!(text(&again).contains("This token has expired."), "{}", text(&again));
    let refused = deeds(&served).into_iter().filter(|(_deed, refused)| refused.as_deref() == Some("token_expired"));
    assert_eq!(refused.count(), 1, "it is listed");
}

#[tokio::test]
async fn a_form_of_another_site_or_session_changes_nothing() {
    let served = Served::new();
    let operator = Browser::signed_in(&served, Role::Operator).await;
    let other = Browser::signed_in(&served, Role::Operator).await;
    let fields: String = event_fields().iter().map(|(name, value)| format!("&{name}={value}")).collect();
    let own = format!("form={}{fields}", operator.form);
    let foreign = format!("form={}{fields}", other.form);
    for (body, site) in [(&own, "cross-site"), (&own, "none"), (&foreign, "same-origin"), (&fields, "same-origin")] {
        let answer = operator.post_raw(&served, "/console/events", body.clone(), site).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{site}");
    }
    assert!(served.app.store.events().unwrap().is_empty());
    let made = operator.post_raw(&served, "/console/events", own, "same-origin").await;
    assert!(location(&made).starts_with("/console/events/event-"));
}

#[tokio::test]
async fn a_session_that_is_over_is_told_and_at_the_address_of_a_form_is_a_page() {
    let served = Served::new();
    let event = served.event().await;
    let (ticket, _code) = served.registrar.ticket(event, 1).await;
    let operator = Browser::signed_in(&served, Role::Operator).await;
    let page = format!("/console/events/{event}/tickets/{ticket}");
    for form in ["change?lang=ja", "code?lang=ja"] {
        assert_eq!(location(&operator.get(&served, &format!("{page}/{form}")).await), format!("{page}?lang=ja"));
    }
    served.registrar.clock.advance(IDLE);
    assert_eq!(location(&operator.get(&served, &page).await), "/console");
    for _page_then_person in 0..2 {
        assert!(operator.read(&served, "/console").await.contains("You were signed out"));
    }
    assert!(!Browser::default().read(&served, "/console").await.contains("You were signed out"));
}

#[tokio::test]
async fn one_token_signs_in_only_so_often_and_others_as_before() {
    let served = Served::new();
    let operator = Browser::signed_in(&served, Role::Operator).await;
    let mut last = StatusCode::SEE_OTHER;
    for _ in 0..300 {
        last = Browser::try_token(&served, &token(Role::Viewer)).await.status;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(operator.get(&served, "/console/events").await.status, StatusCode::OK, "a loop puts nobody out");
    served.registrar.clock.advance(Duration::from_secs(60));
    Browser::signed_in(&served, Role::Viewer).await;
}
