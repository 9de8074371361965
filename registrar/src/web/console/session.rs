//! A session of the console: in memory, bounded, over after a while of silence and in any case after a day's work.
//!
//! A session holds no right of its own. It names a token, which is looked up again at every request: once the token is
//! ended, so is every session that it began.

use core::time::Duration;
use std::sync::Arc;

use axum::http::header::{HeaderMap, HeaderValue};
use kido_shared::clock::Timestamp;
use kido_shared::codes::CodeHash;
use kido_shared::ids::{EventId, TicketId};
use kido_shared::wire::base64url;
use rand::{CryptoRng, RngCore};
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::import::held::Import;
use crate::auth::tokens::TokenName;
use crate::web::cookie::Cookie;

/// New links that a session may show at a time: one after the other at a desk with a queue.
const LINKS_MAX: usize = 8;

/// How long a new link can be shown again: long enough for a reload or for the other language.
pub(super) const LINK_SHOWN: Duration = Duration::from_secs(60);

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
    pub(super) fn generate(random: &mut (impl RngCore + CryptoRng)) -> Self {
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

    pub(super) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }

    /// Whether a form that was sent holds it.
    pub(super) fn is(&self, sent: &str) -> bool {
        Self::parse(sent).is_some_and(|sent| sent.hash() == self.hash())
    }
}

/// A session's name in the table: what its cookie says, hashed.
pub(super) type SessionName = [u8; 32];

/// Kept until the browser is closed.
const COOKIE: Cookie = Cookie { name: "kido-console", max_age: None };

/// The name that a request's cookie says.
pub(super) fn named(headers: &HeaderMap, tls: bool) -> Option<SessionName> {
    Some(Secret::parse(COOKIE.read(headers, tls)?)?.hash())
}

/// The cookie that keeps a session, or ends it.
pub(super) fn cookie(value: Option<&Secret>, tls: bool) -> HeaderValue {
    value.map_or_else(|| COOKIE.clear(tls), |value| COOKIE.set(&value.reveal(), tls))
}

/// A link that was made a moment ago.
#[derive(Debug, Clone)]
pub(super) struct NewLink {
    pub(super) event: EventId,
    pub(super) ticket: TicketId,
    /// Which form asked for it: the same form sent again gets the same link.
    pub(super) once: u64,
    /// By which the ticket is asked whether the link still opens it.
    pub(super) code: CodeHash,
    pub(super) link: Zeroizing<String>,
    pub(super) made_at: Timestamp,
}

impl NewLink {
    pub(super) fn is_shown(&self, now: Timestamp) -> bool {
        now.since(self.made_at) < LINK_SHOWN
    }
}

/// One session.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) token: TokenName,
    pub(super) form: Secret,
    pub(super) begun: Timestamp,
    pub(super) used: Timestamp,
    /// The import under way, its codes included: gone with the session.
    pub(super) import: Option<Arc<Import>>,
    pub(super) links: Vec<NewLink>,
}

impl Session {
    pub(super) fn lives(&self, now: Timestamp) -> bool {
        now.since(self.begun) < LIFETIME && now.since(self.used) < IDLE
    }

    /// The import that it holds.
    pub(super) const fn import(&self) -> Option<&Arc<Import>> {
        self.import.as_ref()
    }

    /// Keeps a new link for a moment.
    pub(super) fn keep_link(&mut self, link: NewLink) {
        self.links.retain(|known| known.is_shown(link.made_at));
        if self.links.len() >= LINKS_MAX {
            self.links.remove(0);
        }
        self.links.push(link);
    }

    /// The new links of a ticket, the newest first.
    pub(super) fn links_of(&self, of: (EventId, TicketId), now: Timestamp) -> Vec<NewLink> {
        let links = self.links.iter().rev().filter(|link| (link.event, link.ticket) == of && link.is_shown(now));
        links.cloned().collect()
    }
}
