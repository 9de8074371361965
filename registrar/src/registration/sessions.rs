//! Open dialogues: in memory, bounded, gone at their first use.

use std::collections::{BTreeMap, BTreeSet};

use kido_shared::challenge::{Action, Challenge};
use kido_shared::clock::Timestamp;
use kido_shared::ids::{EventId, SessionId, TicketId};

use crate::domain::registration::RegistrationRefusal;
use crate::store::CodedTicket;

/// Most dialogues that are open at a time: 200 a second that all take their five minutes; about 20 MB.
pub const SESSIONS_MAX: usize = 65_536;

/// Most dialogues of a card alone that are open at a time. Beginning one takes no code, so anybody can begin many: they
/// fill an eighth of the places, and whoever has a code still finds one.
const CARD_ALONE_SESSIONS_MAX: usize = SESSIONS_MAX / 8;

/// What a dialogue is about; settled when it begins, never by what comes with the proof.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) action: Action,
    pub(super) event: EventId,
    pub(super) coded: Option<CodedTicket>,
    pub(super) challenge: Challenge,
    pub(super) expires_at: Timestamp,
}

/// The open dialogues, by name and by end.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    open: BTreeMap<SessionId, Session>,
    ends: BTreeSet<(Timestamp, SessionId)>,
    /// The one open dialogue of a ticket that was named by its code.
    of_ticket: BTreeMap<TicketId, SessionId>,
    /// How many of the open ones began without a code.
    card_alone: usize,
}

impl Sessions {
    /// Opens a dialogue. Those that are over make room, and so does an earlier one about the same ticket by its code:
    /// one code never holds more than one place, and whoever begins again is the one who goes on.
    pub(super) fn open(&mut self, id: SessionId, session: Session, now: Timestamp) -> Result<(), RegistrationRefusal> {
        while let Some((end, over)) = self.ends.first().copied().filter(|(end, _)| *end <= now) {
            self.ends.remove(&(end, over));
            self.remove(over);
        }
        let ticket = session.coded.map(|coded| coded.ticket);
        if let Some(before) = ticket.and_then(|ticket| self.of_ticket.get(&ticket).copied()) {
            self.take(before, now);
        }
        let card_alone = usize::from(ticket.is_none());
        if self.open.len() >= SESSIONS_MAX || self.card_alone + card_alone > CARD_ALONE_SESSIONS_MAX {
            return Err(RegistrationRefusal::TooManySessions);
        }
        self.card_alone += card_alone;
        if let Some(ticket) = ticket {
            self.of_ticket.insert(ticket, id);
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

    fn remove(&mut self, id: SessionId) -> Option<Session> {
        let session = self.open.remove(&id)?;
        match session.coded {
            Some(coded) => drop(self.of_ticket.remove(&coded.ticket)),
            None => self.card_alone -= 1,
        }
        Some(session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kido_shared::codes::CodeHash;

    fn session(expires_at: i64) -> Session {
        Session {
            action: Action::Show,
            event: EventId::from_bytes([1; 16]),
            coded: None,
            challenge: Challenge::from_bytes([2; 32]),
            expires_at: Timestamp::from_unix_ms(expires_at),
        }
    }

    /// A dialogue about the ticket of this number, by its code.
    fn coded(number: u64, expires_at: i64) -> Session {
        let mut ticket = [3; 16];
        ticket[8..].copy_from_slice(&number.to_be_bytes());
        let coded = CodedTicket { ticket: TicketId::from_bytes(ticket), code: CodeHash::from_bytes([4; 32]) };
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
        assert_eq!((sessions.open.len(), sessions.ends.len(), sessions.of_ticket.len()), (1, 1, 1));
        assert!(sessions.take(id(998), start).is_none());
        assert!(sessions.take(id(999), start).is_some());
        assert!(sessions.open.is_empty() && sessions.ends.is_empty() && sessions.of_ticket.is_empty());
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
