//! All sessions of the console, and what else it remembers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kido_shared::clock::Timestamp;
use kido_shared::ids::EventId;
use rand::{CryptoRng, RngCore};

use super::day::Conflicts;
use super::import::held::{Import, ImportId, Judged, ROWS_MAX};
use super::import::reading::Readings;
use super::session::{Secret, Session, SessionName};
use crate::auth::tokens::{TokenName, Tokens};
use crate::misses::Misses;
use crate::per_minute::{PerMinute, TooOften};

/// Sessions of one token at a time: a few machines of everybody who shares it. One more ends the token's own that was
/// silent longest; nobody's sign-in ends a session of another token. In all there are at most eight for each token.
const SESSIONS_PER_TOKEN: usize = 8;

/// Sign-ins with one token within a minute: each is a durable line of the audit list, and nobody needs more.
const SIGN_INS_PER_MINUTE: u16 = 10;

/// Rows of all imports that are held together: four at their largest, some 200 MB.
const ROWS_HELD_MAX: usize = 4 * ROWS_MAX;

/// Why an import is not held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotHeld {
    /// The session is over.
    SessionOver,
    /// Another import of the same token is held.
    Another,
    /// All imports together have as many rows as are kept.
    Full,
}

/// Whether so many more rows are kept beside those that are.
const fn fits(held: usize, more: usize) -> bool {
    held.saturating_add(more) <= ROWS_HELD_MAX
}

/// The sessions, by the hash of their cookies.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    sessions: BTreeMap<SessionName, Session>,
    imports_begun: u64,
    /// Right tokens alone are counted, so it is no longer than they are many.
    sign_ins: PerMinute<TokenName>,
}

impl Sessions {
    /// Begins a session. One too many of a token ends the one of the same token that was silent longest; the one that
    /// holds the token's import stays.
    pub(super) fn begin(
        &mut self,
        token: TokenName,
        now: Timestamp,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Secret {
        let own = || self.sessions.iter().filter(|(_name, session)| session.token == token);
        let silent = own().filter(|(_name, session)| session.import.is_none());
        let silent = silent.min_by_key(|(_name, session)| session.used).map(|(name, _session)| *name);
        if let Some(silent) = silent.filter(|_silent| own().count() >= SESSIONS_PER_TOKEN) {
            self.sessions.remove(&silent);
        }
        let (secret, form) = (Secret::generate(random), Secret::generate(random));
        let session = Session { token, form, begun: now, used: now, import: None, links: Vec::new() };
        self.sessions.insert(secret.hash(), session);
        secret
    }

    /// Counts a sign-in with a right token.
    ///
    /// # Errors
    /// [`TooOften`].
    pub(super) fn count_sign_in(&mut self, token: TokenName, now: Timestamp) -> Result<(), TooOften> {
        self.sign_ins.count(token, now, SIGN_INS_PER_MINUTE)
    }

    /// The session of this name, where it lives.
    pub(super) fn get(&mut self, name: &SessionName, now: Timestamp) -> Option<&mut Session> {
        if self.sessions.get(name).is_some_and(|session| !session.lives(now)) {
            self.sessions.remove(name);
        }
        self.sessions.get_mut(name)
    }

    /// Its owner did something.
    pub(super) fn touch(&mut self, name: &SessionName, now: Timestamp) {
        if let Some(session) = self.sessions.get_mut(name) {
            session.used = session.used.max(now);
        }
    }

    /// Ends a session.
    pub(super) fn end(&mut self, name: &SessionName) {
        self.sessions.remove(name);
    }

    /// The import that some session of a token holds, and which session.
    pub(super) fn import_of(&self, token: TokenName) -> Option<(SessionName, Arc<Import>)> {
        let mut own = self.sessions.iter().filter(|(_name, session)| session.token == token);
        own.find_map(|(name, session)| Some((*name, Arc::clone(session.import.as_ref()?))))
    }

    /// Keeps an import with a session. What the token holds already is never replaced.
    ///
    /// # Errors
    /// [`NotHeld`].
    pub(super) fn hold(
        &mut self,
        name: &SessionName,
        (event, paid, judged): (EventId, bool, Judged),
        now: Timestamp,
    ) -> Result<Arc<Import>, NotHeld> {
        let token = self.get(name, now).ok_or(NotHeld::SessionOver)?.token;
        if self.import_of(token).is_some() {
            return Err(NotHeld::Another);
        }
        let imports = self.sessions.values().filter_map(Session::import);
        let held = imports.fold(0_usize, |rows, import| rows.saturating_add(import.rows()));
        if !fits(held, judged.rows()) {
            return Err(NotHeld::Full);
        }
        self.imports_begun = self.imports_begun.saturating_add(1);
        let import = Arc::new(Import::new(ImportId::of(self.imports_begun), (event, paid), judged));
        self.get(name, now).ok_or(NotHeld::SessionOver)?.import = Some(Arc::clone(&import));
        Ok(import)
    }

    /// Lets go of an import, whichever of the token's sessions holds it.
    pub(super) fn forget(&mut self, token: TokenName, id: ImportId) -> Option<Arc<Import>> {
        let mut own = self.sessions.values_mut().filter(|session| session.token == token);
        own.find_map(|session| session.import.take_if(|import| import.id() == id))
    }

    /// Takes out what is known of a deleted event: its imports and the new links of its tickets. What is returned is to be
    /// dropped outside of the lock.
    fn forget_event(&mut self, event: EventId) -> Vec<Arc<Import>> {
        let mut imports = Vec::new();
        for session in self.sessions.values_mut() {
            imports.extend(session.import.take_if(|import| import.event() == event));
            session.links.retain(|link| link.event != event);
        }
        imports
    }

    /// Takes out what nobody may see any more: sessions that are over or whose token is ended, imports that were over
    /// an hour ago, links that were shown long enough. What is returned is to be dropped outside of the lock.
    fn sweep(&mut self, now: Timestamp, still: impl Fn(TokenName) -> bool) -> (Vec<Session>, Vec<Arc<Import>>) {
        let over = self.sessions.extract_if(.., |_name, session| !session.lives(now) || !still(session.token));
        let over = over.map(|(_name, session)| session).collect();
        let mut imports = Vec::new();
        for session in self.sessions.values_mut() {
            imports.extend(session.import.take_if(|import| import.is_stale(now)));
            session.links.retain(|link| link.is_shown(now));
        }
        (over, imports)
    }
}

/// What the console remembers.
#[derive(Debug, Default)]
pub(crate) struct Clerks {
    sessions: Mutex<Sessions>,
    misses: Mutex<Misses>,
    pub(super) readings: Readings,
    pub(super) conflicts: Conflicts,
}

impl Clerks {
    pub(super) fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn misses(&self) -> MutexGuard<'_, Misses> {
        self.misses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what nobody may see any more: links of tickets do not wait in memory for somebody to come by.
    pub(crate) fn sweep(&self, now: Timestamp, tokens: &Tokens) {
        let over = self.sessions().sweep(now, |token| tokens.still(token, now).is_some());
        // Wiped here, where nobody waits for the lock.
        drop(over);
    }

    /// Forgets a deleted event: nothing of it waits in memory for a session, or this process, to end.
    pub(crate) fn forget_event(&self, event: EventId) {
        let imports = self.sessions().forget_event(event);
        // Wiped here, where nobody waits for the lock.
        drop(imports);
        self.conflicts.forget(event);
    }
}

#[cfg(test)]
mod tests;
