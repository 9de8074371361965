use std::os::unix::fs::PermissionsExt as _;

use kido_shared::feed::{FollowedTo, TrustedFeedKeys};
use kido_shared::ids::Epoch;
use kido_shared::keys::EventKey;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::*;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
const RETENTION: Timestamp = Timestamp::from_unix_seconds(1_810_000_000);

fn random() -> StdRng {
    StdRng::seed_from_u64(1)
}

fn keyring(folder: &Path) -> Keyring {
    Keyring::create(&folder.join("keyring"), &folder.join("root.key"), NOW, &mut random()).unwrap()
}

fn opened(folder: &Path) -> Result<Keyring, KeyringError> {
    let folder = folder.join("keyring");
    Keyring::open(&folder, &Keyring::master_file(&folder))
}

#[test]
fn a_master_key_that_others_can_read_is_refused_and_one_that_lies_elsewhere_opens() {
    let folder = tempfile::tempdir().unwrap();
    let root = *keyring(folder.path()).root();
    let keyring = folder.path().join("keyring");
    let elsewhere = folder.path().join("elsewhere.key");
    std::fs::rename(Keyring::master_file(&keyring), &elsewhere).unwrap();
    assert!(matches!(opened(folder.path()), Err(KeyringError::File { .. })));
    let opened = Keyring::open(&keyring, &elsewhere).unwrap();
    assert_eq!(*opened.root(), root);
    assert_eq!(opened.spare_identities(NOW).unwrap(), SPARE_IDENTITIES);
    assert_eq!(opened.spare_identities(NOW.after(FEED_KEY_VALIDITY)).unwrap(), 0);
    std::fs::set_permissions(&elsewhere, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(Keyring::open(&keyring, &elsewhere), Err(KeyringError::File { .. })));
}

#[test]
fn every_file_of_a_keyring_is_its_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let keyring = keyring(folder.path());
    keyring.wrap(EventId::from_bytes([1; 16]), &EventKey::from_bytes([2; 32]), RETENTION, &mut random()).unwrap();
    let mut open = vec![folder.path().join("keyring"), folder.path().join("root.key")];
    let mut seen = 0;
    while let Some(path) = open.pop() {
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", path.display());
        seen += 1;
        if path.is_dir() {
            open.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    assert!(seen > SPARE_IDENTITIES);
}

#[test]
fn an_identity_is_given_once_and_its_certificate_holds_under_the_root() {
    let folder = tempfile::tempdir().unwrap();
    let keyring = keyring(folder.path());
    let (one, other) = (keyring.take_identity(NOW).unwrap(), keyring.take_identity(NOW).unwrap());
    assert_ne!(one.event(), other.event());
    assert_eq!(files::names(&folder.path().join("keyring").join(SPARE)).unwrap().len(), SPARE_IDENTITIES - 2);
    let mut trusted = TrustedFeedKeys::new(*keyring.root(), one.event()).unwrap();
    trusted.trust(one.certificate()).unwrap();
    let again = opened(folder.path()).unwrap().identity(one.event()).unwrap();
    assert_eq!(again.signing_key(), one.signing_key());
}

#[test]
fn the_root_key_may_leave_and_come_back_with_more_identities() {
    let folder = tempfile::tempdir().unwrap();
    let keyring = keyring(folder.path());
    let away = folder.path().join("away");
    std::fs::rename(folder.path().join("root.key"), &away).unwrap();
    for _ in 0..SPARE_IDENTITIES {
        keyring.take_identity(NOW).unwrap();
    }
    assert!(matches!(keyring.take_identity(NOW), Err(KeyringError::NoSpareIdentity)));
    keyring.add_identities(&away, 1, NOW, &mut StdRng::seed_from_u64(2)).unwrap();
    keyring.take_identity(NOW).unwrap();
    let stranger = folder.path().join("stranger.key");
    Keyring::create(&folder.path().join("other"), &stranger, NOW, &mut StdRng::seed_from_u64(3)).unwrap();
    let refused = keyring.add_identities(&stranger, 1, NOW, &mut random());
    assert!(matches!(refused, Err(KeyringError::OtherRoot)));
}

#[test]
fn an_existing_keyring_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let first = *keyring(folder.path()).root();
    let refused = Keyring::create(&folder.path().join("keyring"), &folder.path().join("two"), NOW, &mut random());
    assert!(matches!(refused, Err(KeyringError::Exists(_))));
    assert_eq!(*opened(folder.path()).unwrap().root(), first);
}

#[test]
fn a_shredded_week_leaves_its_event_keys_as_noise() {
    let folder = tempfile::tempdir().unwrap();
    let keyring = keyring(folder.path());
    let (event, key) = (EventId::from_bytes([1; 16]), EventKey::from_bytes([2; 32]));
    let wrapped = keyring.wrap(event, &key, RETENTION, &mut random()).unwrap();
    assert_eq!(keyring.unwrap(event, &wrapped).unwrap().expose(), key.expose());
    let other = EventId::from_bytes([9; 16]);
    assert!(matches!(keyring.unwrap(other, &wrapped), Err(KeyringError::Wrapped)), "moved to another event");
    let shred = |needed: &[RetentionWeek]| {
        let needed = needed.iter().copied().collect();
        assert!(keyring.shred_weeks(&[wrapped.week], || Ok::<_, KeyringError>(Some(needed))).unwrap());
    };
    assert!(!keyring.shred_weeks(&[wrapped.week], || Ok::<_, KeyringError>(None)).unwrap());
    shred(&[wrapped.week]);
    let held = keyring.hold(RETENTION).unwrap();
    drop(keyring.hold(RETENTION).unwrap());
    shred(&[]);
    assert!(keyring.unwrap(event, &wrapped).is_ok(), "needed, or about to be");
    drop(held);
    shred(&[]);
    shred(&[]);
    assert!(matches!(keyring.unwrap(event, &wrapped), Err(KeyringError::Shredded(_))));
}

#[test]
fn what_is_left_of_an_event_is_read_back_and_is_of_that_event_alone() {
    let folder = tempfile::tempdir().unwrap();
    let keyring = keyring(folder.path());
    assert!(keyring.forgotten().unwrap().is_empty());
    let (event, other) = (EventId::from_bytes([1; 16]), EventId::from_bytes([2; 16]));
    let week = RetentionWeek::of(RETENTION).unwrap();
    let reached = FollowedTo::start(event, Epoch::FIRST);
    let record = ForgottenEvent { at: NOW, reached, weeks: vec![week], to_shred: vec![week] };
    keyring.note_forgotten(event, &record, &mut random()).unwrap();
    assert_eq!(keyring.forgotten().unwrap(), BTreeMap::from([(event, record)]));
    let files = folder.path().join("keyring").join(FORGOTTEN);
    std::fs::rename(files.join(event.to_string()), files.join(other.to_string())).unwrap();
    assert!(matches!(keyring.forgotten(), Err(KeyringError::Content(_))));
}
