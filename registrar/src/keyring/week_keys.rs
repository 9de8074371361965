//! The keys of weeks: what an event's key is wrapped under, and what is destroyed once the last such event may go.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use kido_shared::clock::Timestamp;
use kido_shared::ids::EventId;
use kido_shared::keys::{EventKey, KEY_BYTES};
use rand::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use super::sealed::Sealing;
use super::{Keyring, KeyringError, RetentionWeek, WEEKS, files};

/// An event key under its week's key, as it stands in the event's first fact.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
pub struct WrappedEventKey {
    /// Which week's key opens it.
    #[n(0)]
    pub week: RetentionWeek,
    /// `nonce (24) ‖ XChaCha20-Poly1305(event key)`, the event id as associated data.
    #[n(1)]
    sealed: minicbor::bytes::ByteVec,
}

/// While it lives, nobody shreds the key of its week: between wrapping an event key and storing it, no event shows yet that
/// the week is needed.
#[derive(Debug)]
pub struct WeekHold {
    held: Arc<Mutex<BTreeMap<RetentionWeek, usize>>>,
    week: RetentionWeek,
}

impl Drop for WeekHold {
    fn drop(&mut self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        match held.get_mut(&self.week) {
            Some(count) if *count > 1 => *count = count.saturating_sub(1),
            Some(_) | None => drop(held.remove(&self.week)),
        }
    }
}

impl Keyring {
    /// Wraps an event's key under the key of the week in which its retention ends, which is made where it is missing.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub fn wrap(
        &self,
        event: EventId,
        key: &EventKey,
        retention_at: Timestamp,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<WrappedEventKey, KeyringError> {
        let week = RetentionWeek::of(retention_at).ok_or(KeyringError::Week)?;
        let _changing = self.lock();
        if !self.week_file(week).exists() {
            let mut fresh = Zeroizing::new([0; KEY_BYTES]);
            random.fill_bytes(fresh.as_mut_slice());
            let sealed = self.master.seal(week.to_string().as_bytes(), fresh.as_slice(), random);
            files::write_new(&self.week_file(week), &sealed)?;
        }
        let sealed = self.week_key(week)?.seal(event.as_bytes(), key.expose(), random);
        Ok(WrappedEventKey { week, sealed: sealed.into() })
    }

    /// Opens a wrapped event key.
    ///
    /// # Errors
    /// [`KeyringError::Shredded`] once its week is over; [`KeyringError::Wrapped`] where it is another event's.
    pub fn unwrap(&self, event: EventId, wrapped: &WrappedEventKey) -> Result<EventKey, KeyringError> {
        let key = self.week_key(wrapped.week)?.open(event.as_bytes(), &wrapped.sealed);
        let key = key.ok_or(KeyringError::Wrapped)?;
        let key = <[u8; KEY_BYTES]>::try_from(key.as_slice()).map_err(|_length| KeyringError::Wrapped)?;
        Ok(EventKey::from_bytes(key))
    }

    /// Keeps the key of a retention date's week from being shredded for as long as the answer lives. Waits for whoever is
    /// shredding.
    ///
    /// # Errors
    /// [`KeyringError::Week`].
    pub fn hold(&self, retention_at: Timestamp) -> Result<WeekHold, KeyringError> {
        let week = RetentionWeek::of(retention_at).ok_or(KeyringError::Week)?;
        let _changing = self.lock();
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(week).or_default();
        *count = count.saturating_add(1);
        drop(held);
        Ok(WeekHold { held: Arc::clone(&self.held), week })
    }

    /// Destroys the keys of those weeks that nobody needs: the event keys wrapped under them, in stores and in every backup
    /// of them, are noise from now on. `needed` is asked once no other change of the keyring is under way; where it does not
    /// know, nothing is destroyed, and the answer is *no*.
    ///
    /// # Errors
    /// [`KeyringError::File`], or what `needed` fails with; a key that is gone already is no error.
    pub fn shred_weeks<E: From<KeyringError>>(
        &self,
        weeks: &[RetentionWeek],
        needed: impl FnOnce() -> Result<Option<BTreeSet<RetentionWeek>>, E>,
    ) -> Result<bool, E> {
        // Nobody begins to hold one meanwhile, either.
        let _changing = self.lock();
        let Some(needed) = needed()? else { return Ok(false) };
        let is_held =
            |week: &RetentionWeek| self.held.lock().unwrap_or_else(PoisonError::into_inner).contains_key(week);
        for week in weeks.iter().filter(|week| !needed.contains(week) && !is_held(week)) {
            files::shred(&self.week_file(*week))?;
        }
        Ok(true)
    }

    /// Whether a week's key is there.
    #[must_use]
    pub fn has_week(&self, week: RetentionWeek) -> bool {
        self.week_file(week).exists()
    }

    fn week_file(&self, week: RetentionWeek) -> PathBuf {
        self.folder.join(WEEKS).join(week.to_string())
    }

    fn week_key(&self, week: RetentionWeek) -> Result<Sealing, KeyringError> {
        let path = self.week_file(week);
        if !path.exists() {
            return Err(KeyringError::Shredded(week));
        }
        let sealed = files::read_up_to(&path, Sealing::sealed_bytes(KEY_BYTES))?;
        let key = self.master.open(week.to_string().as_bytes(), &sealed);
        let key = key.ok_or_else(|| KeyringError::Content(path.clone()))?;
        let key = <[u8; KEY_BYTES]>::try_from(key.as_slice()).map_err(|_length| KeyringError::Content(path))?;
        Ok(Sealing::new(&Zeroizing::new(key)))
    }
}
