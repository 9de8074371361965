//! Open dialogues: in memory, bounded, gone at their first use.

use std::collections::{BTreeMap, BTreeSet};

use kido_shared::challenge::{Action, Challenge};
use kido_shared::clock::Timestamp;
use kido_shared::codes::CodeHash;
use kido_shared::ids::{EventId, SessionId};

use crate::domain::registration::RegistrationRefusal;
use crate::store::CodedTicket;
use crate::visitor::Neighbourhood;

/// Most dialogues that are open at a time: 200 a second that all take their five minutes; about 20 MB.
pub const SESSIONS_MAX: usize = 65_536;

/// Most dialogues of a card alone that are open at a time. Beginning one takes no code, so anybody can begin many: they
/// fill an eighth of the places, and whoever has a code still finds one.
const CARD_ALONE_SESSIONS_MAX: usize = SESSIONS_MAX / 8;

/// Most of those from one household; the one that began first makes room. A family does one at a time, a desk with four
/// readers four; a stranger who begins one after the other is in nobody's way but his own.
const CARD_ALONE_PER_NEIGHBOURHOOD: usize = 16;

/// What a dialogue is about; settled when it begins, never by what comes with the proof.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) action: Action,
    pub(super) event: EventId,
    pub(super) coded: Option<CodedTicket>,
    pub(super) challenge: Challenge,
    /// From where it was begun, as far as that is known.
    pub(super) from: Option<Neighbourhood>,
    pub(super) expires_at: Timestamp,
}

/// The open dialogues, by name and by end.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    open: BTreeMap<SessionId, Session>,
    ends: BTreeSet<(Timestamp, SessionId)>,
    /// The one open dialogue that began with a code.
    of_code: BTreeMap<CodeHash, SessionId>,
    /// How many of the open ones began without a code.
    card_alone: usize,
    /// Those of each household, in the order in which they began.
    card_alone_from: BTreeMap<Neighbourhood, Vec<SessionId>>,
}

impl Sessions {
    /// Opens a dialogue. Those that are over make room, and so does an earlier one with the same code: one code never
    /// holds more than one place, and whoever begins again is the one who goes on. Of a household's without a code the
    /// first makes room, where they are too many.
    pub(super) fn open(&mut self, id: SessionId, session: Session, now: Timestamp) -> Result<(), RegistrationRefusal> {
        while let Some((end, over)) = self.ends.first().copied().filter(|(end, _)| *end <= now) {
            self.ends.remove(&(end, over));
            self.remove(over);
        }
        let code = session.coded.map(|coded| coded.code);
        if let Some(before) = code.and_then(|code| self.of_code.get(&code).copied()) {
            self.take(before, now);
        }
        let from = session.from.filter(|_from| code.is_none());
        let siblings = from.and_then(|from| self.card_alone_from.get(&from));
        let first = siblings.filter(|siblings| siblings.len() >= CARD_ALONE_PER_NEIGHBOURHOOD);
        if let Some(first) = first.and_then(|siblings| siblings.first().copied()) {
            self.take(first, now);
        }
        let card_alone = usize::from(code.is_none());
        if self.open.len() >= SESSIONS_MAX || self.card_alone + card_alone > CARD_ALONE_SESSIONS_MAX {
            return Err(RegistrationRefusal::TooManySessions);
        }
        self.card_alone += card_alone;
        if let Some(code) = code {
            self.of_code.insert(code, id);
        }
        if let Some(from) = from {
            self.card_alone_from.entry(from).or_default().push(id);
        }
        self.ends.insert((session.expires_at, id));
        self.open.insert(id, session);
        Ok(())
    }

    /// Takes a dialogue out, where it is open; whoever asks again gets nothing.
    pub(super) fn take(&mut self, id: SessionId, now: Timestamp) -> Option<Session> {
        let session = self.remove(id)?;
        self.ends.remove(&(session.expires_at, id));
        (now < session.expires_at).then_some(session)
    }

    /// Whether a card helper is in the middle of a dialogue with this code.
    pub(super) fn is_talking(&self, code: CodeHash, now: Timestamp) -> bool {
        let session = self.of_code.get(&code).and_then(|id| self.open.get(id));
        session.is_some_and(|session| now < session.expires_at)
    }

    fn remove(&mut self, id: SessionId) -> Option<Session> {
        let session = self.open.remove(&id)?;
        match session.coded {
            Some(coded) => drop(self.of_code.remove(&coded.code)),
            None => {
                self.card_alone -= 1;
                self.forget_sibling(id, session.from);
            }
        }
        Some(session)
    }

    fn forget_sibling(&mut self, id: SessionId, from: Option<Neighbourhood>) {
        let Some((from, siblings)) = from.and_then(|from| Some((from, self.card_alone_from.get_mut(&from)?))) else {
            return;
        };
        siblings.retain(|sibling| *sibling != id);
        if siblings.is_empty() {
            self.card_alone_from.remove(&from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kido_shared::ids::TicketId;

    fn session(expires_at: i64) -> Session {
        Session {
            action: Action::Show,
            event: EventId::from_bytes([1; 16]),
            coded: None,
            challenge: Challenge::from_bytes([2; 32]),
            from: None,
            expires_at: Timestamp::from_unix_ms(expires_at),
        }
    }

    fn code(number: u64) -> CodeHash {
        let mut bytes = [4; 32];
        bytes[24..].copy_from_slice(&number.to_be_bytes());
        CodeHash::from_bytes(bytes)
    }

    /// A dialogue that began with the code of this number.
    fn coded(number: u64, expires_at: i64) -> Session {
        let coded = CodedTicket { ticket: TicketId::from_bytes([3; 16]), code: code(number) };
        Session { coded: Some(coded), ..session(expires_at) }
    }

    fn id(number: u64) -> SessionId {
        let mut bytes = [0; 16];
        bytes[8..].copy_from_slice(&number.to_be_bytes());
        SessionId::from_bytes(bytes)
    }

    #[test]
    fn a_session_is_gone_at_its_first_use() {
        let mut sessions = Sessions::default();
        sessions.open(id(1), session(100), Timestamp::from_unix_ms(0)).unwrap();
        assert!(sessions.take(id(1), Timestamp::from_unix_ms(99)).is_some());
        assert!(sessions.take(id(1), Timestamp::from_unix_ms(99)).is_none());
    }

    #[test]
    fn a_session_ends_by_itself() {
        let mut sessions = Sessions::default();
        sessions.open(id(1), session(100), Timestamp::from_unix_ms(0)).unwrap();
        assert!(sessions.take(id(1), Timestamp::from_unix_ms(100)).is_none());
    }

    #[test]
    fn a_flood_of_sessions_is_refused_until_some_are_over() {
        let mut sessions = Sessions::default();
        for number in 0..SESSIONS_MAX {
            let number = u64::try_from(number).unwrap();
            sessions.open(id(number), coded(number, 100), Timestamp::from_unix_ms(0)).unwrap();
        }
        let refused = sessions.open(id(u64::MAX), coded(u64::MAX, 100), Timestamp::from_unix_ms(99));
        assert_eq!(refused, Err(RegistrationRefusal::TooManySessions));
        sessions.open(id(u64::MAX), coded(u64::MAX, 200), Timestamp::from_unix_ms(100)).unwrap();
        assert!(sessions.take(id(0), Timestamp::from_unix_ms(0)).is_none(), "the others were over");
    }

    #[test]
    fn one_code_holds_one_place_and_whoever_begins_again_goes_on() {
        let (mut sessions, start) = (Sessions::default(), Timestamp::from_unix_ms(0));
        for number in 0..1_000 {
            sessions.open(id(number), coded(7, 100), start).unwrap();
        }
        assert_eq!((sessions.open.len(), sessions.ends.len(), sessions.of_code.len()), (1, 1, 1));
        assert!(sessions.take(id(998), start).is_none());
        assert!(sessions.take(id(999), start).is_some());
        assert!(sessions.open.is_empty() && sessions.ends.is_empty() && sessions.of_code.is_empty());
    }

    #[test]
    fn a_code_is_talked_with_until_its_newest_dialogue_ends() {
        let (mut sessions, at) = (Sessions::default(), Timestamp::from_unix_ms);
        sessions.open(id(1), coded(7, 100), at(0)).unwrap();
        sessions.open(id(2), coded(7, 200), at(50)).unwrap();
        assert!(sessions.is_talking(code(7), at(199)), "the newer one is open");
        assert!(!sessions.is_talking(code(7), at(200)), "it ends by itself");
        assert!(!sessions.is_talking(code(8), at(199)));
        sessions.take(id(2), at(60)).unwrap();
        assert!(!sessions.is_talking(code(7), at(60)));
    }

    #[test]
    fn a_household_that_begins_with_its_card_again_and_again_is_in_its_own_way_alone() {
        let (mut sessions, start) = (Sessions::default(), Timestamp::from_unix_ms(0));
        let from = |last: u8| Some(Neighbourhood::of([192, 0, 2, last].into()));
        sessions.open(id(1), Session { from: from(1), ..session(100) }, start).unwrap();
        for number in 2..20_000 {
            sessions.open(id(number), Session { from: from(2), ..session(100) }, start).unwrap();
        }
        assert_eq!(sessions.card_alone, 1 + CARD_ALONE_PER_NEIGHBOURHOOD);
        assert_eq!(sessions.ends.len(), sessions.open.len());
        assert!(sessions.take(id(1), start).is_some(), "somebody else's stays");
        assert!(sessions.take(id(2), start).is_none(), "the first made room");
        assert!(sessions.take(id(19_999), start).is_some());
        sessions.open(id(30_000), Session { from: from(3), ..session(300) }, Timestamp::from_unix_ms(200)).unwrap();
        assert_eq!((sessions.open.len(), sessions.card_alone_from.len()), (1, 1), "the others are over and forgotten");
    }

    #[test]
    fn a_flood_of_dialogues_without_a_code_shuts_out_nobody_with_one() {
        let (mut sessions, start) = (Sessions::default(), Timestamp::from_unix_ms(0));
        for number in 0..CARD_ALONE_SESSIONS_MAX {
            sessions.open(id(u64::try_from(number).unwrap()), session(100), start).unwrap();
        }
        let refused = sessions.open(id(u64::MAX), session(100), start);
        assert_eq!(refused, Err(RegistrationRefusal::TooManySessions));
        sessions.open(id(u64::MAX), coded(1, 100), start).unwrap();
        sessions.take(id(0), start).unwrap();
        sessions.open(id(u64::MAX - 1), session(200), start).unwrap();
        assert!(sessions.open(id(u64::MAX - 2), session(200), start).is_err(), "one place was left, and is taken");
        sessions.open(id(u64::MAX - 2), session(200), Timestamp::from_unix_ms(100)).unwrap();
    }
}
