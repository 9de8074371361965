//! Pages whose link was opened: what a reload, a switch of language and a stream find again by a cookie.
//!
//! In memory only. A session names a ticket and the hash of the code that opened it; the code itself is in no table and
//! no cookie, and a session can do no more than that code still can.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use core::time::Duration;

use axum::http::header::{HeaderMap, HeaderValue};
use kido_shared::clock::Timestamp;
use kido_shared::codes::CodeHash;
use kido_shared::ids::{EventId, TicketId};
use kido_shared::wire::base64url;
use rand::{CryptoRng, RngCore};
use tokio::sync::Semaphore;

use crate::web::cookie::Cookie;

/// How long a page finds its ticket again: long enough to fetch a card from another room and a reader from a friend,
/// short enough for a computer that others use.
pub(super) const PAGE_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// Most pages that are open at a time: 20 MB. Beyond it the one that was opened first is closed, not the new one refused:
/// after a mailing to a hundred thousand most of them are tabs that nobody looks at any more.
const PAGES_MAX: usize = 65_536;

/// Most pages of one ticket; the oldest makes room. Whoever has one code can fill no more than these places.
const PAGES_PER_TICKET: usize = 4;

/// Most streams of one page: a few tabs, and one or two that have not noticed their end.
const STREAMS_PER_PAGE: usize = 4;

/// Length of a session's name in bytes: nobody guesses one.
const NAME_BYTES: usize = 16;

/// Which page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// `/r`: a card is registered.
    Register,
    /// `/t`: the holder's ticket.
    Holder,
}

impl Side {
    /// The cookie of this page.
    const fn cookie(self) -> Cookie {
        let name = match self {
            Self::Register => "kido-r",
            Self::Holder => "kido-t",
        };
        Cookie { name, max_age: Some(PAGE_LIFETIME) }
    }
}

/// The name of a session: a secret between one browser and this process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PageName([u8; NAME_BYTES]);

impl core::fmt::Debug for PageName {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("PageName(..)")
    }
}

impl PageName {
    fn generate(random: &mut (impl RngCore + CryptoRng)) -> Self {
        let mut bytes = [0; NAME_BYTES];
        random.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// The name in a request's cookie; nothing where there is none or it is none of ours.
    pub(super) fn of_request(headers: &HeaderMap, side: Side, tls: bool) -> Option<Self> {
        base64url::decode(side.cookie().read(headers, tls)?)?.try_into().ok().map(Self)
    }

    /// The cookie that keeps it.
    pub(super) fn set_cookie(self, side: Side, tls: bool) -> HeaderValue {
        side.cookie().set(&base64url::encode(&self.0), tls)
    }
}

/// The cookie that ends another.
pub(super) fn clear_cookie(side: Side, tls: bool) -> HeaderValue {
    side.cookie().clear(tls)
}

/// Tells a browser's tabs apart, so that no tab acts on a ticket that another tab has opened since. No secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(transparent)]
pub(super) struct Mark(u32);

impl core::fmt::Display for Mark {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A page whose link was opened.
#[derive(Debug, Clone)]
pub(super) struct PageSession {
    pub(super) name: PageName,
    pub(super) side: Side,
    pub(super) mark: Mark,
    pub(super) event: EventId,
    pub(super) ticket: TicketId,
    pub(super) code: CodeHash,
    pub(super) streams: Arc<Semaphore>,
    ends_at: Timestamp,
}

/// The open pages: by name, by end, by ticket.
#[derive(Debug, Default)]
pub(super) struct PageSessions {
    open: BTreeMap<PageName, PageSession>,
    ends: BTreeSet<(Timestamp, PageName)>,
    /// Oldest first.
    of_ticket: BTreeMap<TicketId, Vec<PageName>>,
}

/// What a page is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opened {
    pub(super) side: Side,
    pub(super) event: EventId,
    pub(super) ticket: TicketId,
    pub(super) code: CodeHash,
}

impl PageSessions {
    /// Opens a page. Those that are over make room, the oldest of the same ticket where it has too many, and the oldest of
    /// all where there are too many of them.
    pub(super) fn open(
        &mut self,
        opened: Opened,
        now: Timestamp,
        random: &mut (impl RngCore + CryptoRng),
    ) -> PageSession {
        while let Some((_end, over)) = self.ends.first().copied().filter(|(end, _)| *end <= now) {
            self.close(over);
        }
        let Opened { side, event, ticket, code } = opened;
        let siblings = self.of_ticket.get(&ticket).map(Vec::as_slice).unwrap_or_default();
        if let Some(oldest) = siblings.first().copied().filter(|_oldest| siblings.len() >= PAGES_PER_TICKET) {
            self.close(oldest);
        }
        if let Some((_end, oldest)) = self.ends.first().copied().filter(|_oldest| self.open.len() >= PAGES_MAX) {
            self.close(oldest);
        }
        let (name, mark, ends_at) = (PageName::generate(random), Mark(random.next_u32()), now.after(PAGE_LIFETIME));
        let streams = Arc::new(Semaphore::new(STREAMS_PER_PAGE));
        let session = PageSession { name, side, mark, event, ticket, code, streams, ends_at };
        self.ends.insert((ends_at, name));
        self.of_ticket.entry(ticket).or_default().push(name);
        self.open.insert(name, session.clone());
        session
    }

    /// An open page.
    pub(super) fn get(&self, name: PageName, side: Side, now: Timestamp) -> Option<&PageSession> {
        self.open.get(&name).filter(|session| session.side == side && now < session.ends_at)
    }

    /// Closes a page, where it is open.
    pub(super) fn close(&mut self, name: PageName) {
        let Some(session) = self.open.remove(&name) else { return };
        self.ends.remove(&(session.ends_at, name));
        if let Some(siblings) = self.of_ticket.get_mut(&session.ticket) {
            siblings.retain(|sibling| *sibling != name);
            if siblings.is_empty() {
                self.of_ticket.remove(&session.ticket);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;
    use axum::http::header::COOKIE;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_000);

    fn about(number: u32) -> Opened {
        let mut ticket = [0; 16];
        ticket[..4].copy_from_slice(&number.to_be_bytes());
        Opened {
            side: Side::Holder,
            event: EventId::from_bytes([1; 16]),
            ticket: TicketId::from_bytes(ticket),
            code: CodeHash::from_bytes([3; 32]),
        }
    }

    #[test]
    fn a_page_is_found_on_its_own_side_until_its_time_is_over() {
        let (mut sessions, mut random) = (PageSessions::default(), StdRng::seed_from_u64(1));
        let page = sessions.open(about(1), NOW, &mut random);
        assert!(sessions.get(page.name, Side::Holder, NOW).is_some());
        assert!(sessions.get(page.name, Side::Register, NOW).is_none());
        assert!(sessions.get(page.name, Side::Holder, NOW.after(PAGE_LIFETIME)).is_none());
        sessions.close(page.name);
        assert!(sessions.get(page.name, Side::Holder, NOW).is_none());
    }

    #[test]
    fn one_code_fills_no_more_places_than_its_own() {
        let (mut sessions, mut random) = (PageSessions::default(), StdRng::seed_from_u64(1));
        let pages: Vec<_> = (0..=PAGES_PER_TICKET).map(|_| sessions.open(about(1), NOW, &mut random)).collect();
        assert!(sessions.get(pages[0].name, Side::Holder, NOW).is_none(), "the oldest made room");
        assert!(pages[1..].iter().all(|page| sessions.get(page.name, Side::Holder, NOW).is_some()));
        assert_eq!((sessions.open.len(), sessions.ends.len()), (PAGES_PER_TICKET, PAGES_PER_TICKET));
    }

    #[test]
    fn a_crowd_closes_the_oldest_page_and_never_shuts_out_the_next_visitor() {
        let (mut sessions, mut random) = (PageSessions::default(), StdRng::seed_from_u64(1));
        let opened: Vec<_> = (0..=PAGES_MAX)
            .map(|number| {
                let at = NOW.after(Duration::from_millis(u64::try_from(number).unwrap()));
                sessions.open(about(u32::try_from(number).unwrap()), at, &mut random).name
            })
            .collect();
        let now = NOW.after(Duration::from_secs(600));
        assert!(sessions.get(opened[0], Side::Holder, now).is_none(), "the oldest made room");
        assert!(opened[1..].iter().all(|page| sessions.get(*page, Side::Holder, now).is_some()));
        sessions.open(about(u32::MAX), now.after(PAGE_LIFETIME), &mut random);
        assert_eq!((sessions.open.len(), sessions.of_ticket.len()), (1, 1), "nothing of the others is left");
    }

    #[test]
    fn a_page_is_found_again_by_the_cookie_of_its_side_alone() {
        let name = PageName([7; NAME_BYTES]);
        let set = name.set_cookie(Side::Register, true);
        let sent = HeaderMap::from_iter([(COOKIE, set)]);
        assert_eq!(PageName::of_request(&sent, Side::Register, true), Some(name));
        assert_eq!(PageName::of_request(&sent, Side::Holder, true), None);
        let cleared = HeaderMap::from_iter([(COOKIE, clear_cookie(Side::Register, true))]);
        assert_eq!(PageName::of_request(&cleared, Side::Register, true), None);
    }
}
