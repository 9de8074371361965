//! Deleting an event.

use core::time::Duration;

use kido_shared::feed::{FeedHead, FollowedTo, TrustedFeedKeys};

use super::*;
use crate::domain::event::EventRefusal;
use crate::keyring::RetentionWeek;
use crate::testing::{NOW, draft};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The default retention date of the tests' events.
fn over(registrar: &Registrar) {
    registrar.clock.set(draft().retention_at);
}

fn events_folder(registrar: &Registrar) -> PathBuf {
    registrar.folder.path().join("events")
}

fn week_file(registrar: &Registrar, week: RetentionWeek) -> PathBuf {
    registrar.folder.path().join("keyring").join("weeks").join(week.to_string())
}

async fn end(live: &Arc<LiveEvent>, registrar: &Registrar) -> FollowedTo {
    let (live, now) = (Arc::clone(live), registrar.store.now());
    tokio::task::spawn_blocking(move || live.end(now)).await.unwrap().unwrap()
}

fn week() -> RetentionWeek {
    RetentionWeek::of(draft().retention_at).unwrap()
}

#[tokio::test]
async fn an_event_is_kept_until_its_retention_date_and_gone_after_it_is_forgotten() {
    let registrar = Registrar::new();
    let event = tickets::busy_event(&registrar).await;
    registrar.clock.set(draft().retention_at.before(Duration::from_millis(1)));
    let early = registrar.store.forget_event(event).await;
    assert!(matches!(early, Err(Failed::Refused(EventRefusal::Kept))));
    registrar.ticket(event, 90).await;
    over(&registrar);
    let forgotten = registrar.store.forget_event(event).await.unwrap();
    assert_eq!(forgotten, Forgotten { event, weeks_gone: vec![week()], weeks_kept: vec![] });
    assert!(!events_folder(&registrar).join(event.to_string()).exists() && !week_file(&registrar, week()).exists());
    assert!(matches!(registrar.store.event(event), Err(StorageError::Forgotten(_))));
    assert!(registrar.store.events().unwrap().is_empty() && registrar.store.health().is_empty());
    assert_eq!(registrar.store.forget_event(event).await.unwrap(), forgotten, "asked again");
    let registrar = registrar.restart();
    assert!(matches!(registrar.store.event(event), Err(StorageError::Forgotten(_))));
}

#[tokio::test]
async fn a_week_key_goes_with_the_last_event_that_needs_it() {
    let registrar = Registrar::new();
    let (one, other) = (registrar.event().await, registrar.event().await);
    // Its key was wrapped under the first week too, before its retention date moved.
    let moved = registrar.event().await;
    let later = draft().retention_at.after(14 * DAY);
    let policy = crate::testing::policy(|draft| draft.retention_at = later);
    registrar.change_policy(moved, policy).await.unwrap();
    let of_later = RetentionWeek::of(later).unwrap();
    over(&registrar);
    let first = registrar.store.forget_event(one).await.unwrap();
    assert_eq!((first.weeks_gone, first.weeks_kept), (vec![], vec![week()]));
    registrar.store.event(other).unwrap();
    let registrar = registrar.restart();
    registrar.store.event(other).unwrap();
    let second = registrar.store.forget_event(other).await.unwrap();
    assert_eq!(second.weeks_gone, [week()]);
    registrar.store.event(moved).unwrap();
    registrar.clock.set(later);
    let third = registrar.store.forget_event(moved).await.unwrap();
    assert_eq!(third.weeks_gone, [week(), of_later], "all weeks of its life");
    assert!(!week_file(&registrar, of_later).exists());
}

#[tokio::test]
async fn no_week_key_goes_while_an_event_that_may_need_it_does_not_open() {
    let registrar = Registrar::new();
    let (broken, event) = (registrar.event().await, registrar.event().await);
    registrar.store.close();
    let log = events_folder(&registrar).join(broken.to_string()).join("facts.log");
    let kept = std::fs::read(&log).unwrap();
    std::fs::remove_file(&log).unwrap();
    let registrar = registrar.restart();
    over(&registrar);
    let forgotten = registrar.store.forget_event(event).await.unwrap();
    assert_eq!(forgotten.weeks_kept, [week()]);
    registrar.store.close();
    std::fs::write(&log, kept).unwrap();
    let registrar = registrar.restart();
    assert_eq!(registrar.store.forget_event(broken).await.unwrap().weeks_gone, [week()]);
}

#[tokio::test]
async fn what_a_crash_or_a_backup_left_of_a_forgotten_event_goes_at_the_next_start() {
    let registrar = Registrar::new();
    let event = tickets::busy_event(&registrar).await;
    over(&registrar);
    let folder = events_folder(&registrar).join(event.to_string());
    let log = std::fs::read(folder.join("facts.log")).unwrap();
    let week_key = std::fs::read(week_file(&registrar, week())).unwrap();
    // As a crash right behind the record leaves it: nothing is destroyed yet.
    let live = registrar.store.live(event).unwrap();
    let reached = end(&live, &registrar).await;
    let record = crate::keyring::ForgottenEvent {
        at: registrar.store.now(),
        reached,
        weeks: vec![week()],
        to_shred: vec![week()],
    };
    registrar.store.shared.keyring.note_forgotten(event, &record, &mut registrar.store.random()).unwrap();
    drop(live);
    let registrar = registrar.restart();
    assert!(!folder.exists() && !week_file(&registrar, week()).exists());
    assert!(matches!(registrar.store.event(event), Err(StorageError::Forgotten(_))));
    // A new event of the same week makes the week a new key, which an old record must not take.
    let next = registrar.event_with(|draft| draft.retention_at = draft.retention_at.after(Duration::from_secs(3_600)));
    let next = next.await;
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("facts.log"), log).unwrap();
    let registrar = registrar.restart();
    assert!(!folder.exists(), "it came back with a backup");
    registrar.store.event(next).unwrap();
    assert_ne!(std::fs::read(week_file(&registrar, week())).unwrap(), week_key);
}

#[tokio::test]
async fn an_event_that_could_not_be_written_off_goes_on() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    over(&registrar);
    let in_the_way = registrar.folder.path().join("keyring").join("forgotten");
    std::fs::write(&in_the_way, b"no folder").unwrap();
    assert!(matches!(registrar.store.forget_event(event).await, Err(Failed::Storage(StorageError::Keyring(_)))));
    registrar.gate(event, 1).await;
    std::fs::remove_file(in_the_way).unwrap();
    registrar.store.forget_event(event).await.unwrap();
}

#[tokio::test]
async fn nothing_is_stored_for_whoever_still_holds_a_forgotten_event() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    over(&registrar);
    let live = registrar.store.live(event).unwrap();
    end(&live, &registrar).await;
    let refused = live.transact(|_changing| Ok::<_, Failed<EventRefusal>>(())).await;
    assert!(matches!(refused, Err(Failed::Storage(StorageError::Forgotten(_)))));
}

#[tokio::test]
async fn gates_of_a_forgotten_event_go_on_hearing_the_time() {
    let registrar = Registrar::new();
    let event = tickets::busy_event(&registrar).await;
    over(&registrar);
    let mut trusted = TrustedFeedKeys::new(*registrar.store.root_key(), event).unwrap();
    trusted.trust(&registrar.store.feed_key_certificate(event).unwrap()).unwrap();
    let head = |store: &Store| {
        let head = store.signed_head(event).unwrap();
        *FeedHead::verify(head.as_bytes(), &trusted, event, store.now()).unwrap().head()
    };
    let before = head(&registrar.store);
    registrar.store.forget_event(event).await.unwrap();
    let registrar = registrar.restart();
    registrar.clock.set(draft().retention_at.after(DAY));
    let after = head(&registrar.store);
    assert_eq!((after.epoch, after.length, after.chain), (before.epoch, before.length, before.chain));
    assert!(after.issued_at >= NOW.after(DAY) && after.issued_at > before.issued_at);
    registrar.store.feed_key_certificate(event).unwrap();
    assert!(registrar.store.feed_tail(event, before.epoch, 0).await.is_err());
}
