//! Changes of a running event.

use kido_shared::clock::Timestamp;
use kido_shared::policy::OfflineChoice;

use super::*;
use crate::router::tests::gates::enrol;

/// A form of an event as a browser sends it, with some fields changed.
pub(super) fn edited(form: &str, changed: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    const WAS: [&str; 7] = [
        "was_name",
        "was_starts_at",
        "was_ends_at",
        "was_offline",
        "was_arbiter",
        "was_tickets_per_card",
        "was_replica_minutes",
    ];
    let mut fields: Vec<(&'static str, String)> = Vec::new();
    for was in WAS {
        let (value, name) = (hidden(form, was), was.strip_prefix("was_").unwrap());
        let new = changed.iter().find(|(field, _value)| *field == name);
        fields.push((name, new.map_or_else(|| value.clone(), |(_field, new)| (*new).to_owned())));
        fields.push((was, value));
    }
    fields
}

fn choices(served: &Served, event: EventId) -> kido_shared::policy::PolicyDraft {
    served.app.store.event(event).unwrap().policy.choices().clone()
}

#[tokio::test]
async fn a_form_undoes_nothing_that_was_changed_meanwhile() {
    let served = Served::new();
    let event = served.event().await;
    let path = format!("/console/events/{event}/change");
    let (one, other) =
        (Browser::signed_in(&served, Role::Operator).await, Browser::signed_in(&served, Role::Operator).await);
    let (first, second) = (one.read(&served, &path).await, other.read(&served, &path).await);
    one.post(&served, &path, &edited(&first, &[("ends_at", "2027-01-16T23:30"), ("tickets_per_card", "4")])).await;
    let again = other.post(&served, &path, &edited(&second, &[("name", "Closing")])).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    let page = text(&again);
    assert!(page.contains("Somebody changed this event meanwhile"), "{page}");
    assert!(page.contains("1 → 4") && page.contains("→ 2027-01-16 23:30"), "{page}");
    assert!(page.contains("value=\"Closing\""), "what was typed stays");
    let saved = other.post(&served, &path, &edited(&page, &[("name", "Closing")])).await;
    assert_eq!(location(&saved), format!("/console/events/{event}"));
    let now = choices(&served, event);
    assert_eq!((now.name.as_str(), now.tickets_per_card), ("Closing", 4));
}

#[tokio::test]
async fn an_event_in_use_is_loosened_only_when_that_was_asked() {
    let served = Served::new();
    let event = served.event().await;
    let path = format!("/console/events/{event}/change");
    let operator = Browser::signed_in(&served, Role::Operator).await;
    enrol(&served, event, 1).await;
    let form = operator.read(&served, &path).await;
    let looser = edited(&form, &[("offline", "admit"), ("replica_minutes", "1000")]);
    let asked = operator.post(&served, &path, &looser).await;
    assert_eq!(asked.status, StatusCode::OK);
    let page = text(&asked);
    assert!(page.contains("720 → 1000") && page.contains("one ticket may admit twice"), "{page}");
    assert_eq!(choices(&served, event).offline, OfflineChoice::Refuse, "nothing was saved yet");
    let mut wrong = looser.clone();
    wrong.push(("confirmed", "offline".to_owned()));
    assert_eq!(operator.post(&served, &path, &wrong).await.status, StatusCode::OK, "another question was answered");
    let mut yes = looser;
    yes.push(("confirmed", hidden(&page, "confirmed")));
    assert_eq!(location(&operator.post(&served, &path, &yes).await), format!("/console/events/{event}"));
    assert_eq!(choices(&served, event).offline, OfflineChoice::Admit);
    let form = operator.read(&served, &path).await;
    let stricter = operator.post(&served, &path, &edited(&form, &[("offline", "refuse")])).await;
    assert_eq!(location(&stricter), format!("/console/events/{event}"), "nobody is asked about that");
}

#[tokio::test]
async fn a_replica_age_beyond_a_week_is_refused() {
    let served = Served::new();
    let event = served.event().await;
    let path = format!("/console/events/{event}/change");
    let operator = Browser::signed_in(&served, Role::Operator).await;
    let form = operator.read(&served, &path).await;
    for (minutes, status) in [("10081", StatusCode::UNPROCESSABLE_ENTITY), ("10080", StatusCode::SEE_OTHER)] {
        let answer = operator.post(&served, &path, &edited(&form, &[("replica_minutes", minutes)])).await;
        assert_eq!(answer.status, status, "{minutes}");
    }
}

#[tokio::test]
async fn no_offline_choice_is_made_for_anybody_and_nothing_typed_is_lost() {
    let served = Served::new();
    let operator = Browser::signed_in(&served, Role::Operator).await;
    let form = operator.read(&served, "/console/events/new").await;
    assert!(!form.split("name=\"arbiter\"").next().unwrap().contains("checked"));
    assert!(form.contains("may admit twice"), "what it costs stands where it is chosen");
    let fields: Vec<_> = event_fields().into_iter().filter(|(name, _)| *name != "offline").collect();
    let refused = operator.post(&served, "/console/events", &fields).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(text(&refused).contains("value=\"Opening\"") && text(&refused).contains("2027-01-16T18:00"));
    let made = operator.post(&served, "/console/events", &event_fields()).await;
    let change = format!("{}/change", location(&made));
    let form = operator.read(&served, &change).await;
    let saved = operator.post(&served, &change, &edited(&form, &[("offline", "admit")])).await;
    assert_eq!(location(&saved), location(&made));
    let view = &served.app.store.events().unwrap()[0];
    assert_eq!(view.policy.choices().offline, OfflineChoice::Admit);
    assert_eq!(view.policy.choices().starts_at, Timestamp::from_unix_seconds(1_800_090_000), "18:00 in Japan");
}
