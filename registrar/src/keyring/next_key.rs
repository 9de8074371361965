//! The feed key that an event is to have next: made here, certified with the root key elsewhere, then in force.

use ed25519_dalek::SigningKey;
use kido_shared::clock::Timestamp;
use kido_shared::feed::FeedKeyCertificate;
use kido_shared::ids::EventId;
use kido_shared::keys::KEY_BYTES;
use rand::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use super::sealed::Sealing;
use super::{EVENTS, FORGOTTEN, FeedIdentity, Keyring, KeyringError, NEXT, files};

impl Keyring {
    /// The public half of the key that this event is to have next.
    ///
    /// It is made where there is none yet, and stays the same until it is in force: what is certified elsewhere meanwhile is
    /// certified for this one. Afresh, one that lies ready is destroyed first: it lay where the key in force was stolen. So
    /// is one that is in force already, and was only left behind.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub fn next_feed_key(
        &self,
        event: EventId,
        afresh: bool,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<[u8; KEY_BYTES], KeyringError> {
        let _changing = self.lock();
        if let Some((_sealed, key)) = self.next_key(event)? {
            let is_in_force = self.identity(event)?.signing_key() == &key;
            if !afresh && !is_in_force {
                return Ok(key.verifying_key().to_bytes());
            }
            files::shred(&self.event_file(NEXT, event))?;
        }
        let key = SigningKey::generate(random);
        files::create_folder(&self.folder.join(NEXT))?;
        let sealed = self.master.seal(event.as_bytes(), key.as_bytes(), random);
        files::write_new(&self.event_file(NEXT, event), &sealed)?;
        Ok(key.verifying_key().to_bytes())
    }

    /// Whether a certificate is for the key that this event is to have next.
    ///
    /// # Errors
    /// [`KeyringError`], also where the certificate does not hold.
    pub fn is_for_next(&self, event: EventId, certificate: &FeedKeyCertificate) -> Result<bool, KeyringError> {
        let statement = certificate.verify(&self.root, event).map_err(KeyringError::Certificate)?;
        let next = self.next_key(event)?;
        Ok(next.is_some_and(|(_sealed, key)| key.verifying_key().to_bytes() == statement.verifying_key))
    }

    /// The identity of an event that exists, by the certificate that its log has told last; without one, as it was made.
    ///
    /// A key becomes the identity here, after its certificate is in the log: where that was cut off, this goes on with it.
    /// A keyring that does not have the key any more signs with the one that it has.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub fn identity_by(
        &self,
        event: EventId,
        newest: Option<&FeedKeyCertificate>,
    ) -> Result<FeedIdentity, KeyringError> {
        let kept = self.identity(event)?;
        let Some(newest) = newest.filter(|newest| *newest != kept.certificate()) else { return Ok(kept) };
        let _changing = self.lock();
        if !self.is_for_next(event, newest)? {
            tracing::error!(%event, "the feed key that the event's log names is not in this keyring: rotate it");
            return Ok(kept);
        }
        let Some((sealed, _key)) = self.next_key(event)? else { return Ok(kept) };
        let path = self.event_file(EVENTS, event);
        files::replace(&path, &FeedIdentity::stored(sealed, newest.clone()))?;
        files::shred(&self.event_file(NEXT, event))?;
        FeedIdentity::open(&path, event, &self.master, &self.root)
    }

    /// When the feed key of each event ends that was not deleted, the first one first.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub fn feed_key_ends(&self) -> Result<Vec<(Timestamp, EventId)>, KeyringError> {
        let mut ends = Vec::new();
        for name in files::names(&self.folder.join(EVENTS))? {
            let Ok(event) = name.parse() else { continue };
            if !self.event_file(FORGOTTEN, event).exists() {
                ends.push((self.identity(event)?.valid_until(), event));
            }
        }
        ends.sort_unstable();
        Ok(ends)
    }

    /// The key as it lies there, and opened.
    fn next_key(&self, event: EventId) -> Result<Option<(Vec<u8>, SigningKey)>, KeyringError> {
        let path = self.event_file(NEXT, event);
        if !path.exists() {
            return Ok(None);
        }
        let sealed = files::read_up_to(&path, Sealing::sealed_bytes(KEY_BYTES))?;
        let content = || KeyringError::Content(path.clone());
        let key = self.master.open(event.as_bytes(), &sealed).ok_or_else(content)?;
        let key = <[u8; KEY_BYTES]>::try_from(key.as_slice()).map_err(|_length| content())?;
        Ok(Some((sealed, SigningKey::from_bytes(&Zeroizing::new(key)))))
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use kido_shared::feed::FeedKeyStatement;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::super::read_root_key;
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    fn random(seed: u64) -> StdRng {
        StdRng::seed_from_u64(seed)
    }

    fn certified(root: &SigningKey, event: EventId, verifying_key: [u8; 32]) -> FeedKeyCertificate {
        let (valid_from, valid_until) = (NOW, NOW.after(Duration::from_secs(60)));
        let statement = FeedKeyStatement { event, verifying_key, valid_from, valid_until, revokes_before: None };
        statement.sign(root).unwrap()
    }

    #[test]
    fn a_next_key_is_in_force_once_the_log_tells_of_it_and_stays_so() {
        let folder = tempfile::tempdir().unwrap();
        let (path, root) = (folder.path().join("keyring"), folder.path().join("root.key"));
        let keyring = Keyring::create(&path, &root, NOW, &mut random(1)).unwrap();
        let root = read_root_key(&root).unwrap();
        let first = keyring.take_identity(NOW).unwrap();
        let event = first.event();
        let next = keyring.next_feed_key(event, false, &mut random(2)).unwrap();
        assert_eq!(keyring.next_feed_key(event, false, &mut random(3)).unwrap(), next, "asked again");
        let certificate = certified(&root, event, next);
        assert!(keyring.is_for_next(event, &certificate).unwrap());
        assert!(!keyring.is_for_next(event, first.certificate()).unwrap());
        assert_eq!(keyring.identity_by(event, None).unwrap().signing_key(), first.signing_key(), "not before");
        let again = Keyring::open(&path, &Keyring::master_file(&path)).unwrap();
        let second = again.identity_by(event, Some(&certificate)).unwrap();
        assert_eq!(second.signing_key().verifying_key().to_bytes(), next);
        assert_eq!(again.identity_by(event, Some(&certificate)).unwrap().signing_key(), second.signing_key());
        assert_ne!(again.next_feed_key(event, false, &mut random(4)).unwrap(), next, "the one after it is another");
        assert_eq!(again.feed_key_ends().unwrap(), [(second.valid_until(), event)]);
    }

    #[test]
    fn a_key_that_lay_ready_where_another_was_stolen_is_destroyed_and_never_put_in_force() {
        let folder = tempfile::tempdir().unwrap();
        let (path, root) = (folder.path().join("keyring"), folder.path().join("root.key"));
        let keyring = Keyring::create(&path, &root, NOW, &mut random(1)).unwrap();
        let event = keyring.take_identity(NOW).unwrap().event();
        let lay_ready = keyring.next_feed_key(event, false, &mut random(2)).unwrap();
        let stolen = std::fs::read(keyring.event_file(NEXT, event)).unwrap();
        let fresh = keyring.next_feed_key(event, true, &mut random(3)).unwrap();
        assert_ne!(fresh, lay_ready);
        assert_ne!(std::fs::read(keyring.event_file(NEXT, event)).unwrap(), stolen);
        let root = read_root_key(&root).unwrap();
        assert!(!keyring.is_for_next(event, &certified(&root, event, lay_ready)).unwrap());
        assert!(keyring.is_for_next(event, &certified(&root, event, fresh)).unwrap());
        assert_eq!(keyring.next_feed_key(event, false, &mut random(4)).unwrap(), fresh);
    }

    #[test]
    fn a_key_in_force_that_was_left_behind_is_not_made_the_next_one_again() {
        let folder = tempfile::tempdir().unwrap();
        let (path, root) = (folder.path().join("keyring"), folder.path().join("root.key"));
        let keyring = Keyring::create(&path, &root, NOW, &mut random(1)).unwrap();
        let event = keyring.take_identity(NOW).unwrap().event();
        let next = keyring.next_feed_key(event, false, &mut random(2)).unwrap();
        let file = keyring.event_file(NEXT, event);
        let left = std::fs::read(&file).unwrap();
        let certificate = certified(&read_root_key(&root).unwrap(), event, next);
        keyring.identity_by(event, Some(&certificate)).unwrap();
        std::fs::write(&file, left).unwrap();
        assert_ne!(keyring.next_feed_key(event, false, &mut random(3)).unwrap(), next);
    }

    #[test]
    fn a_keyring_from_before_the_key_was_made_signs_with_what_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let (path, root) = (folder.path().join("keyring"), folder.path().join("root.key"));
        let keyring = Keyring::create(&path, &root, NOW, &mut random(1)).unwrap();
        let first = keyring.take_identity(NOW).unwrap();
        let key = SigningKey::from_bytes(&[9; 32]).verifying_key().to_bytes();
        let lost = certified(&read_root_key(&root).unwrap(), first.event(), key);
        let kept = keyring.identity_by(first.event(), Some(&lost)).unwrap();
        assert_eq!(kept.signing_key(), first.signing_key());
    }
}
