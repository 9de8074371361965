//! What heads have told of the registrar's time. Pure: a counter that nobody moves is an argument.
//!
//! | what came | what requests are dated by |
//! |---|---|
//! | a head from a cache, older than one before | the furthest head, carried on by the counter: time does not run back |
//! | a head further back than heads live | that head: the registrar had dreamt |
//! | a head a few minutes back, and a refusal of a request's date | that head: the refusal tells which of the two cases it is |
//! | a refusal where heads say one thing | this machine's clock; and the heads again once that is refused, or another came |
//!
//! A head alone cannot tell a cache from a registrar whose clock was some minutes ahead and was set right. Whoever refuses
//! the date of a signed request can; and one that lies gains nothing, since it could have refused anyway. A registrar that
//! is got back from its gates signs no head before they have brought what it lost: they must find its time without one.

use core::time::Duration;

use kido_shared::clock::Timestamp;
use kido_shared::limits::{HEAD_INTERVAL, HEAD_VALIDITY, REQUEST_SKEW};

/// A moment of the registrar's, and where the counter stood when it was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Heard {
    issued_at: Timestamp,
    counter: Duration,
}

impl Heard {
    fn carried_on(self, counter: Duration) -> Timestamp {
        self.issued_at.after(counter.saturating_sub(self.counter))
    }
}

/// The registrar's time, as the heads of this run have told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegistrarTime {
    /// The head that came last.
    last: Heard,
    /// The one that has brought the registrar's time furthest.
    furthest: Heard,
}

impl RegistrarTime {
    /// What is known once a head has come.
    #[must_use]
    pub fn with_head(known: Option<Self>, issued_at: Timestamp, counter: Duration) -> Self {
        let last = Heard { issued_at, counter };
        let stays = |furthest: &Heard| {
            let carried_on = furthest.carried_on(counter);
            carried_on >= issued_at && carried_on.since(issued_at) <= HEAD_VALIDITY
        };
        Self { last, furthest: known.map(|known| known.furthest).filter(stays).unwrap_or(last) }
    }

    /// What is known once the date of a request was refused: the registrar's last word is its time, and what it said before
    /// was wrong.
    #[must_use]
    fn after_refusal(self) -> Self {
        Self { furthest: self.last, ..self }
    }

    /// Whether the last head says another time than the one that has brought it furthest.
    fn is_divided(&self) -> bool {
        self.furthest != self.last
    }

    /// The time that its owner goes by, held between what the registrar's must be by now and what a head may be old: the
    /// registrar compares dates with its own clock to the minute.
    fn date(&self, own: Timestamp, counter: Duration) -> Timestamp {
        clamped(own, self.furthest.carried_on(counter))
    }

    /// The moment that the date of a request is held against by whoever is no authority on the time itself: of this
    /// machine's clock, the furthest head and the last one, the nearest.
    ///
    /// Which of them is wrong the receiver cannot know. Believing each of them makes a request live three minutes at
    /// worst, one beside each clock: only for requests that change nothing when they come again.
    #[must_use]
    pub fn judging(known: Option<Self>, created: Timestamp, (machine, counter): (Timestamp, Duration)) -> Timestamp {
        let by_heads =
            known.map(|known| [known.date(machine, counter), clamped(machine, known.last.carried_on(counter))]);
        let nearest = |moment: &Timestamp| apart(*moment, created);
        by_heads.into_iter().flatten().chain([machine]).min_by_key(nearest).unwrap_or(machine)
    }
}

/// What the clocks of a sender say.
#[derive(Debug, Clone, Copy)]
pub struct SendersClocks {
    /// The time that it goes by.
    pub believed: Timestamp,
    /// What its machine says, which it may not believe.
    pub machine: Timestamp,
    /// The counter that nobody moves.
    pub counter: Duration,
}

/// What a sender dates its requests by, and what refusals have taught it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dating {
    heard: Option<RegistrarTime>,
    /// Whether heads were refused, and this machine's clock is tried.
    by_machine: bool,
}

impl Dating {
    /// Takes the registrar's word for the time, out of a head that was verified.
    pub fn head(&mut self, issued_at: Timestamp, counter: Duration) {
        self.heard = Some(RegistrarTime::with_head(self.heard, issued_at, counter));
        self.by_machine = false;
    }

    /// When the last head was issued.
    #[must_use]
    pub fn heard(&self) -> Option<Timestamp> {
        self.heard.map(|heard| heard.last.issued_at)
    }

    /// The date of a request.
    #[must_use]
    pub fn date(&self, clocks: SendersClocks) -> Timestamp {
        match self.heard {
            _ if self.by_machine => clocks.machine,
            Some(heard) => heard.date(clocks.believed, clocks.counter),
            None => clocks.believed,
        }
    }

    /// This date was refused: the next request has another. Several requests may be under way, so a date that would not be
    /// given any more teaches nothing.
    pub fn refused(&mut self, date: Timestamp, clocks: SendersClocks) {
        if apart(self.date(clocks), date) > REQUEST_SKEW {
            return;
        }
        match self.heard {
            Some(heard) if !self.by_machine && heard.is_divided() => self.heard = Some(heard.after_refusal()),
            Some(_) | None => self.by_machine = !self.by_machine,
        }
    }
}

fn apart(one: Timestamp, other: Timestamp) -> Duration {
    one.since(other).max(other.since(one))
}

fn clamped(own: Timestamp, least: Timestamp) -> Timestamp {
    own.clamp(least, least.after(HEAD_INTERVAL))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_unix_seconds(1_790_000_000);
    const MINUTE: Duration = Duration::from_secs(60);

    fn after(minutes: u32) -> Timestamp {
        NOON.after(MINUTE * minutes)
    }

    #[test]
    fn an_old_head_out_of_a_cache_dates_nothing_back() {
        let known = RegistrarTime::with_head(None, NOON, Duration::ZERO);
        let known = RegistrarTime::with_head(Some(known), NOON.before(MINUTE * 10), MINUTE);
        assert_eq!(known.date(after(1), MINUTE), after(1));
    }

    #[test]
    fn where_no_head_comes_the_machines_clock_is_tried_and_the_heads_again() {
        let clocks = |machine| SendersClocks { believed: after(40), machine, counter: Duration::ZERO };
        let mut dating = Dating::default();
        assert_eq!(dating.date(clocks(NOON)), after(40), "nothing better is known");
        dating.refused(after(40), clocks(NOON));
        assert_eq!(dating.date(clocks(NOON)), NOON, "somebody may have set it right");
        dating.refused(NOON, clocks(NOON));
        assert_eq!(dating.date(clocks(NOON)), after(40));
        let mut dating = Dating::default();
        dating.head(after(2), Duration::ZERO);
        dating.refused(after(2), clocks(NOON));
        assert_eq!(dating.date(clocks(NOON)), NOON, "the registrar was set right, and signs no head yet");
        dating.head(NOON, Duration::ZERO);
        assert_eq!(dating.date(clocks(after(9))), after(2).after(HEAD_INTERVAL), "a head is worth more");
    }

    #[test]
    fn of_several_requests_under_way_one_refusal_teaches() {
        let clocks = SendersClocks { believed: NOON, machine: after(30), counter: Duration::ZERO };
        let mut dating = Dating::default();
        dating.head(after(10), Duration::ZERO);
        dating.head(NOON, Duration::ZERO);
        for _request in 0..3 {
            dating.refused(after(10), clocks);
        }
        assert_eq!(dating.date(clocks), NOON);
    }

    #[test]
    fn a_refused_date_says_that_the_last_head_is_right_and_the_furthest_was_not() {
        for ahead in [1, 5, 15] {
            let known = RegistrarTime::with_head(None, after(ahead), Duration::ZERO);
            let known = RegistrarTime::with_head(Some(known), after(1), MINUTE);
            assert_eq!(known.date(after(1), MINUTE), after(ahead + 1), "a head alone does not tell");
            let known = known.after_refusal();
            assert_eq!(known.date(after(1), MINUTE), after(1));
            let known = RegistrarTime::with_head(Some(known), after(2), MINUTE * 2);
            assert_eq!(known.date(after(2), MINUTE * 2), after(2), "and so it stays");
        }
    }

    #[test]
    fn a_receiver_believes_a_date_by_its_own_clock_by_the_furthest_head_and_by_the_last() {
        let judging = |known, created| RegistrarTime::judging(known, created, (after(30), MINUTE));
        assert_eq!(judging(None, NOON), after(30), "nothing better is known");
        let known = RegistrarTime::with_head(None, after(10), Duration::ZERO);
        let known = Some(RegistrarTime::with_head(Some(known), after(1), MINUTE));
        let late = HEAD_INTERVAL;
        assert_eq!(judging(known, after(30)), after(30));
        assert_eq!(judging(known, after(11)), after(11).after(late));
        assert_eq!(judging(known, after(1)), after(1).after(late));
    }

    #[test]
    fn a_refusal_over_an_old_head_is_made_good_by_the_next_new_one() {
        let known = RegistrarTime::with_head(None, NOON, Duration::ZERO);
        let known = RegistrarTime::with_head(Some(known), NOON.before(MINUTE * 10), MINUTE).after_refusal();
        assert!(known.date(after(1), MINUTE) < NOON);
        let known = RegistrarTime::with_head(Some(known), after(2), MINUTE * 2);
        assert_eq!(known.date(after(2), MINUTE * 2), after(2));
    }
}
