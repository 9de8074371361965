use core::time::Duration;

use kido_shared::feed::{FeedHead, FeedKeyCertificate, FeedKeyStatement, TrustedFeedKeys};
use kido_shared::wire::v1::{operator, routes};

use super::*;
use crate::audit::Deed;
use crate::keyring::read_root_key;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn next(served: &Served, event: EventId) -> [u8; 32] {
    let path = operator::feed_key_next(event);
    let next = served.post(Some(Role::Operator), &path, &json!({})).await.ok();
    base64url::decode(next["verifying_key"].as_str().unwrap()).unwrap().try_into().unwrap()
}

fn certified(served: &Served, event: EventId, verifying_key: [u8; 32]) -> FeedKeyCertificate {
    let root = read_root_key(&served.registrar.folder.path().join("root.key")).unwrap();
    let statement = FeedKeyStatement {
        event,
        verifying_key,
        valid_from: NOW.before(Duration::from_secs(60)),
        valid_until: NOW.after(10 * DAY),
        revokes_before: Some(NOW.before(Duration::from_secs(60))),
    };
    statement.sign(&root).unwrap()
}

#[tokio::test]
async fn a_next_key_stays_the_same_until_one_is_wanted_afresh() {
    let served = Served::new();
    let event = served.event().await;
    let first = next(&served, event).await;
    assert_eq!(next(&served, event).await, first);
    let path = operator::feed_key_next(event);
    let afresh = served.post(Some(Role::Operator), &path, &json!({"afresh": true})).await.ok();
    assert_ne!(afresh["verifying_key"], base64url::encode(&first));
    let stolen = json!({"certificate": base64url::encode(certified(&served, event, first).as_bytes())});
    let refused = served.post(Some(Role::Operator), &operator::feed_keys(event), &stolen).await;
    assert_eq!(refused.problem(), problem(409, "other_key"));
}

#[tokio::test]
async fn an_operator_with_the_root_keys_word_puts_another_feed_key_in_force() {
    let served = Served::new();
    let event = served.event().await;
    let path = operator::feed_keys(event);
    for role in [Role::Sales, Role::Desk, Role::Viewer] {
        let refused = served.post(Some(role), &operator::feed_key_next(event), &json!({})).await;
        assert_eq!(refused.problem(), problem(403, "role"), "{role:?}");
    }
    let certificate = certified(&served, event, next(&served, event).await);
    let change = json!({"certificate": base64url::encode(certificate.as_bytes())});
    assert_eq!(served.post(Some(Role::Desk), &path, &change).await.problem(), problem(403, "role"));
    let garbled = json!({"certificate": base64url::encode(&[0; 40])});
    assert_eq!(served.post(Some(Role::Operator), &path, &garbled).await.problem(), problem(422, "field"));
    let forged = certified(&served, event, [9; 32]);
    let forged = json!({"certificate": base64url::encode(forged.as_bytes())});
    assert_eq!(served.post(Some(Role::Operator), &path, &forged).await.problem(), problem(409, "other_key"));
    for _again in 0..2 {
        let changed = served.post(Some(Role::Operator), &path, &change).await.ok();
        assert_eq!(changed["revoked"], false);
    }
    let listed = served.get(Some(Role::Viewer), &path).await.ok();
    let revoked: Vec<_> = listed["keys"].as_array().unwrap().iter().map(|key| key["revoked"].clone()).collect();
    assert_eq!(revoked, [json!(true), json!(false)]);
    let mut trusted = TrustedFeedKeys::new(*served.app.store.root_key(), event).unwrap();
    trusted.trust(&certificate).unwrap();
    let head = served.get(None, &routes::feed_head(event)).await.bytes;
    assert!(FeedHead::verify(&head, &trusted, event, NOW).is_ok());
    assert_eq!(served.get(None, &routes::feed_key(event)).await.bytes, certificate.as_bytes());
    let lines = served.app.audit.page(None).unwrap().lines;
    let done = lines.iter().filter(|line| line.deed == Deed::FeedKeyChanged && line.refused.is_none());
    assert_eq!(done.count(), 2);
}
