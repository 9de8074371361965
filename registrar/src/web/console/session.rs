//! Sessions of the console: in memory, bounded, over after a while of silence and in any case after a day's work.
//!
//! A session holds no right of its own. It names a token, which is looked up again at every request: once the token is
//! ended, so is every session that it began.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::header::{COOKIE, HeaderMap, HeaderValue};
use kido_shared::clock::Timestamp;
use kido_shared::wire::base64url;
use rand::{CryptoRng, RngCore};
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::import::Import;
use crate::auth::tokens::TokenName;
use crate::web::buyer::misses::Misses;

/// Sessions at a time: everybody with a token, twice over. One more ends the one that was silent longest.
const SESSIONS_MAX: usize = 256;

/// How long a session may be silent: somebody left the screen, and others pass by. A page that only refreshes itself is
/// silent, but for a viewer's, who can change nothing.
pub(super) const IDLE: Duration = Duration::from_secs(30 * 60);

/// How long it lives in all: setting up, the evening, and taking down.
pub(super) const LIFETIME: Duration = Duration::from_secs(14 * 60 * 60);

/// Length of a name and of a form token: nobody guesses either.
const SECRET_BYTES: usize = 32;

/// A secret of a session. Compared by its hash, so no time tells how much of a guess was right.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Zeroize, ZeroizeOnDrop)]
pub(super) struct Secret([u8; SECRET_BYTES]);

impl core::fmt::Debug for Secret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Secret {
    fn generate(random: &mut (impl RngCore + CryptoRng)) -> Self {
        let mut bytes = [0; SECRET_BYTES];
        random.fill_bytes(&mut bytes);
        Self(bytes)
    }

    fn parse(text: &str) -> Option<Self> {
        base64url::decode(text)?.try_into().ok().map(Self)
    }

    /// Its text, for a form of the session's own page, or its cookie.
    pub(super) fn reveal(&self) -> String {
        base64url::encode(&self.0)
    }

    fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }

    /// Whether a form that was sent holds it.
    pub(super) fn is(&self, sent: &str) -> bool {
        Self::parse(sent).is_some_and(|sent| sent.hash() == self.hash())
    }
}

/// A session's name in the table: what its cookie says, hashed.
pub(super) type SessionName = [u8; 32];

/// The cookie's name; under https with the prefix that ties it to this host alone (RFC 6265bis §4.1.3.2).
const fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-kido-console" } else { "kido-console" }
}

/// The name that a request's cookie says.
pub(super) fn named(headers: &HeaderMap, secure: bool) -> Option<SessionName> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_name, value) = pairs.find(|(name, _value)| *name == cookie_name(secure))?;
    Some(Secret::parse(value)?.hash())
}

/// The cookie that keeps a session until the browser is closed. No script sees it, no other site's page sends it.
pub(super) fn cookie(value: Option<&Secret>, secure: bool) -> HeaderValue {
    let (name, only_tls) = (cookie_name(secure), if secure { "; Secure" } else { "" });
    let text = match value {
        Some(value) => format!("{name}={}; Path=/; HttpOnly; SameSite=Strict{only_tls}", value.reveal()),
        None => format!("{name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict{only_tls}"),
    };
    // ASCII by its making; were it not, nobody is signed in.
    HeaderValue::try_from(text).unwrap_or_else(|_never| HeaderValue::from_static(""))
}

/// One session.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) token: TokenName,
    pub(super) form: Secret,
    begun: Timestamp,
    used: Timestamp,
    /// The import under way, its codes included: gone with the session.
    pub(super) import: Option<Import>,
}

impl Session {
    fn lives(&self, now: Timestamp) -> bool {
        now.since(self.begun) < LIFETIME && now.since(self.used) < IDLE
    }
}

/// The sessions, by the hash of their cookies.
#[derive(Debug, Default)]
pub(super) struct Sessions(BTreeMap<SessionName, Session>);

impl Sessions {
    /// Begins a session.
    pub(super) fn begin(
        &mut self,
        token: TokenName,
        now: Timestamp,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Secret {
        self.0.retain(|_name, session| session.lives(now));
        while self.0.len() >= SESSIONS_MAX {
            let silent = self.0.iter().min_by_key(|(_name, session)| session.used).map(|(name, _session)| *name);
            if silent.and_then(|name| self.0.remove(&name)).is_none() {
                break;
            }
        }
        let (secret, form) = (Secret::generate(random), Secret::generate(random));
        self.0.insert(secret.hash(), Session { token, form, begun: now, used: now, import: None });
        secret
    }

    /// The session of this name, where it lives.
    pub(super) fn get(&mut self, name: &SessionName, now: Timestamp) -> Option<&mut Session> {
        if self.0.get(name).is_some_and(|session| !session.lives(now)) {
            self.0.remove(name);
        }
        self.0.get_mut(name)
    }

    /// Its owner did something.
    pub(super) fn touch(&mut self, name: &SessionName, now: Timestamp) {
        if let Some(session) = self.0.get_mut(name) {
            session.used = session.used.max(now);
        }
    }

    /// Ends a session.
    pub(super) fn end(&mut self, name: &SessionName) {
        self.0.remove(name);
    }

    /// Imports that are held, whoever's.
    pub(super) fn imports(&mut self, now: Timestamp) -> usize {
        self.0.retain(|_name, session| session.lives(now));
        self.0.values().filter(|session| session.import.is_some()).count()
    }
}

/// What the console remembers.
#[derive(Debug, Default)]
pub(crate) struct Clerks {
    sessions: Mutex<Sessions>,
    misses: Mutex<Misses>,
}

impl Clerks {
    pub(super) fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn misses(&self) -> MutexGuard<'_, Misses> {
        self.misses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;
    use crate::auth::tokens::{BearerToken, Tokens};

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    fn token() -> TokenName {
        let home = tempfile::tempdir().unwrap();
        let token = BearerToken::generate(&mut StdRng::seed_from_u64(1));
        let tokens = Tokens::create(home.path().join("tokens.json"), &token).unwrap();
        tokens.sign_in(&token.reveal()).unwrap().0
    }

    #[test]
    fn a_session_ends_by_silence_and_in_any_case() {
        let (mut sessions, mut random) = (Sessions::default(), StdRng::seed_from_u64(2));
        let name = sessions.begin(token(), NOW, &mut random).hash();
        let mut now = NOW;
        while now.since(NOW) < LIFETIME {
            assert!(sessions.get(&name, now).is_some());
            sessions.touch(&name, now);
            now = now.after(IDLE / 2);
        }
        assert!(sessions.get(&name, now).is_none(), "a day's work is over");
        let silent = sessions.begin(token(), NOW, &mut random).hash();
        assert!(sessions.get(&silent, NOW.after(IDLE)).is_none());
    }

    #[test]
    fn one_too_many_ends_the_one_that_was_silent_longest() {
        let (mut sessions, mut random) = (Sessions::default(), StdRng::seed_from_u64(2));
        let first = sessions.begin(token(), NOW, &mut random).hash();
        let second = sessions.begin(token(), NOW.after(Duration::from_secs(1)), &mut random).hash();
        let later = NOW.after(Duration::from_secs(2));
        for _ in 2..=SESSIONS_MAX {
            sessions.begin(token(), later, &mut random);
        }
        assert!(sessions.get(&first, later).is_none());
        assert!(sessions.get(&second, later).is_some());
    }
}
