use core::time::Duration;

use ed25519_dalek::SigningKey;
use kido_shared::clock::Timestamp;
use kido_shared::feed::{FeedError, FeedHead, FeedKeyCertificate, FeedKeyStatement, FeedRecord, TrustedFeedKeys};

use super::super::*;
use super::following::follow;
use crate::domain::feed_key::FeedKeyRefusal;
use crate::keyring::read_root_key;
use crate::testing::{NOW, Registrar};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn root(registrar: &Registrar) -> SigningKey {
    read_root_key(&registrar.folder.path().join("root.key")).unwrap()
}

/// The root's word for the key that is to come.
async fn word(registrar: &Registrar, event: EventId, revoke: bool) -> FeedKeyCertificate {
    let next = registrar.store.next_feed_key(event, false).await.unwrap();
    let valid_from = next.in_force.valid_from.after(DAY);
    let statement = FeedKeyStatement {
        event,
        verifying_key: next.verifying_key,
        valid_from,
        valid_until: registrar.store.now().after(400 * DAY),
        revokes_before: if revoke { Some(valid_from) } else { next.in_force.revokes_before },
    };
    statement.sign(&root(registrar)).unwrap()
}

/// A follower who knows these keys alone.
fn believes(registrar: &Registrar, event: EventId, known: &[&FeedKeyCertificate]) -> Result<(), FeedError> {
    let mut trusted = TrustedFeedKeys::new(*registrar.store.root_key(), event).unwrap();
    for certificate in known {
        trusted.trust(certificate).unwrap();
    }
    let head = registrar.store.signed_head(event).unwrap().into_bytes();
    FeedHead::verify(&head, &trusted, event, registrar.store.now()).map(|_head| ())
}

#[tokio::test]
async fn heads_are_signed_with_the_new_key_at_once_and_the_feed_tells_of_it() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let store = &registrar.store;
    let first = store.feed_key_certificate(event).unwrap();
    assert_eq!(believes(&registrar, event, &[&first]), Ok(()));
    registrar.clock.set(NOW.after(2 * DAY));
    let second = word(&registrar, event, false).await;
    store.change_feed_key(event, second.clone()).await.unwrap();
    store.change_feed_key(event, second.clone()).await.unwrap();
    assert!(believes(&registrar, event, &[&first]).is_err());
    assert_eq!(believes(&registrar, event, &[&second]), Ok(()));
    let told = |records: Vec<(_, FeedRecord)>| {
        let key = |record| if let FeedRecord::Key(key) = record { Some(key.certificate) } else { None };
        records.into_iter().filter_map(|(_, record)| key(record)).collect::<Vec<_>>()
    };
    assert_eq!(told(follow(store, event).await), std::slice::from_ref(&second), "once");
    let registrar = registrar.restart();
    assert_eq!(believes(&registrar, event, &[&second]), Ok(()));
    let keys = registrar.store.feed_keys(event).unwrap();
    assert_eq!(keys.iter().map(|key| key.revoked).collect::<Vec<_>>(), [false, false]);
}

#[tokio::test]
async fn a_key_that_was_stolen_is_revoked_for_good() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    registrar.clock.set(NOW.after(2 * DAY));
    let second = word(&registrar, event, true).await;
    registrar.store.change_feed_key(event, second.clone()).await.unwrap();
    let keys = registrar.store.feed_keys(event).unwrap();
    assert_eq!(keys.iter().map(|key| key.revoked).collect::<Vec<_>>(), [true, false]);
    registrar.clock.set(NOW.after(5 * DAY));
    let next = registrar.store.next_feed_key(event, false).await.unwrap();
    let forgets = FeedKeyStatement {
        event,
        verifying_key: next.verifying_key,
        valid_from: next.in_force.valid_from.after(DAY),
        valid_until: NOW.after(400 * DAY),
        revokes_before: None,
    };
    let refused = registrar.store.change_feed_key(event, forgets.sign(&root(&registrar)).unwrap()).await;
    assert!(matches!(refused, Err(Failed::Refused(FeedKeyRefusal::Forgets))));
    let third = word(&registrar, event, false).await;
    registrar.store.change_feed_key(event, third.clone()).await.unwrap();
    assert_eq!(believes(&registrar, event, &[&third]), Ok(()));
    let keys = registrar.store.feed_keys(event).unwrap();
    assert_eq!(keys.iter().map(|key| key.revoked).collect::<Vec<_>>(), [true, false, false]);
}

#[tokio::test]
async fn only_the_roots_word_for_the_key_that_is_to_come_changes_anything() {
    let registrar = Registrar::new();
    let (event, other) = (registrar.event().await, registrar.event().await);
    registrar.clock.set(NOW.after(2 * DAY));
    let store = &registrar.store;
    let next = store.next_feed_key(event, false).await.unwrap();
    let statement = |from: Timestamp, verifying_key: [u8; 32]| FeedKeyStatement {
        event,
        verifying_key,
        valid_from: from,
        valid_until: NOW.after(400 * DAY),
        revokes_before: None,
    };
    let refusal = |certificate: FeedKeyCertificate| async move {
        match store.change_feed_key(event, certificate).await {
            Err(Failed::Refused(refusal)) => refusal,
            other => panic!("{other:?}"),
        }
    };
    let root = root(&registrar);
    let stranger = SigningKey::from_bytes(&[7; 32]);
    let forged = statement(NOW, next.verifying_key).sign(&stranger).unwrap();
    assert!(matches!(refusal(forged).await, FeedKeyRefusal::NotTheRoots(_)));
    let of_other = word(&registrar, other, false).await;
    assert_eq!(refusal(of_other).await, FeedKeyRefusal::NotTheRoots(FeedError::OtherEvent));
    let not_ours = statement(NOW, stranger.verifying_key().to_bytes()).sign(&root).unwrap();
    assert_eq!(refusal(not_ours).await, FeedKeyRefusal::OtherKey);
    let too_early = statement(next.in_force.valid_from, next.verifying_key).sign(&root).unwrap();
    assert_eq!(refusal(too_early).await, FeedKeyRefusal::NotLater);
    let ahead = statement(NOW.after(3 * DAY), next.verifying_key).sign(&root).unwrap();
    assert_eq!(refusal(ahead).await, FeedKeyRefusal::NotNow);
    assert_eq!(store.feed_keys(event).unwrap().len(), 1);
    assert_eq!(store.event(event).unwrap().feed_length, 1, "nothing was published");
}

#[tokio::test]
async fn a_change_that_was_cut_off_behind_the_log_is_finished_by_the_next_start() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    registrar.clock.set(NOW.after(2 * DAY));
    let keyring = registrar.folder.path().join("keyring");
    let (kept, key) = (keyring.join("events").join(event.to_string()), keyring.join("next").join(event.to_string()));
    let before = std::fs::read(&kept).unwrap();
    let second = word(&registrar, event, true).await;
    let waiting = std::fs::read(&key).unwrap();
    registrar.store.change_feed_key(event, second.clone()).await.unwrap();
    // As if the power had gone between the log and the keyring.
    std::fs::write(&kept, before).unwrap();
    std::fs::write(&key, waiting).unwrap();
    let registrar = registrar.restart();
    assert_eq!(believes(&registrar, event, &[&second]), Ok(()));
    assert!(!key.exists());
}

#[tokio::test]
async fn a_change_that_was_cut_off_behind_the_log_is_finished_by_the_next_word_about_it() {
    for again in [false, true] {
        let registrar = Registrar::new();
        let event = registrar.event().await;
        registrar.clock.set(NOW.after(2 * DAY));
        let second = word(&registrar, event, true).await;
        // The keyring's disk fails once the log has the change.
        let kept = registrar.folder.path().join("keyring").join("events");
        let aside = registrar.folder.path().join("aside");
        std::fs::rename(&kept, &aside).unwrap();
        let failed = registrar.store.change_feed_key(event, second.clone()).await;
        assert!(matches!(failed, Err(Failed::Storage(StorageError::Keyring(_)))), "{failed:?}");
        assert!(believes(&registrar, event, &[&second]).is_err());
        std::fs::rename(&aside, &kept).unwrap();
        if again {
            registrar.store.change_feed_key(event, second.clone()).await.unwrap();
        } else {
            let next = registrar.store.next_feed_key(event, true).await.unwrap();
            assert_eq!(
                next.in_force.sign(&root(&registrar)).unwrap(),
                second,
                "the next one follows on what is in force"
            );
        }
        assert_eq!(believes(&registrar, event, &[&second]), Ok(()), "asked again: {again}");
        let registrar = registrar.restart();
        assert_eq!(believes(&registrar, event, &[&second]), Ok(()), "asked again: {again}");
    }
}
