//! How many wrong codes are answered as such: a code has 128 random bits, so this is about being told, not about guessing.
//!
//! A right code, and a right token of the console, is taken whatever others did: a stranger who guesses keeps nobody out.

use kido_shared::clock::Timestamp;

use crate::per_minute::PerMinute;
use crate::web::visitor::Neighbourhood;

/// Wrong codes that one household may show within a minute: a person who mistypes a printed code needs three.
const MISSES_PER_NEIGHBOURHOOD: u16 = 10;

/// Wrong codes of everybody within a minute, which bounds what is remembered of where they came from. It lies so high that
/// sixty households have to work at it.
const MISSES_IN_ALL: u16 = 600;

/// Wrong codes of the current minute, of each neighbourhood and of everybody. Its size is bounded by what it counts: no
/// more neighbourhoods than misses.
#[derive(Debug, Default)]
pub(in crate::web) struct Misses(PerMinute<Option<Neighbourhood>>);

impl Misses {
    /// Whether one more wrong code is answered as one, and not by *later*. Addresses of an earlier minute are forgotten here.
    pub(in crate::web) fn may_try(&mut self, from: Option<Neighbourhood>, now: Timestamp) -> bool {
        let theirs = from.is_none() || self.0.has_room(&from, now, MISSES_PER_NEIGHBOURHOOD);
        theirs && self.0.has_room(&None, now, MISSES_IN_ALL)
    }

    /// Counts a wrong code. Where nobody says from where, it counts for everybody alone.
    pub(in crate::web) fn count(&mut self, from: Option<Neighbourhood>, now: Timestamp) {
        if self.0.count(None, now, MISSES_IN_ALL).is_ok() && from.is_some() {
            // Beyond its own number a household waits already.
            self.0.count(from, now, MISSES_PER_NEIGHBOURHOOD).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::extract::FromRequestParts as _;
    use axum::http::Request;

    use super::*;
    use crate::web::visitor::{Peer, Visitor};

    async fn from(last: u8) -> Option<Neighbourhood> {
        let (mut parts, ()) = Request::new(()).into_parts();
        parts.extensions.insert(Peer([192, 0, 2, last].into()));
        Visitor::from_request_parts(&mut parts, &()).await.unwrap().from
    }

    #[tokio::test]
    async fn a_household_that_guesses_stops_itself_alone_and_for_a_minute() {
        let (mut misses, now) = (Misses::default(), Timestamp::from_unix_seconds(6_000));
        let (one, other) = (from(1).await, from(2).await);
        for _ in 0..MISSES_PER_NEIGHBOURHOOD {
            assert!(misses.may_try(one, now));
            misses.count(one, now);
        }
        assert!(!misses.may_try(one, now));
        assert!(misses.may_try(other, now));
        assert!(misses.may_try(one, Timestamp::from_unix_seconds(6_060)));
    }

    #[test]
    fn nobody_knows_how_many_they_are_yet_all_together_have_a_limit() {
        let (mut misses, now) = (Misses::default(), Timestamp::from_unix_seconds(6_000));
        for _ in 0..MISSES_IN_ALL {
            assert!(misses.may_try(None, now));
            misses.count(None, now);
        }
        assert!(!misses.may_try(None, now));
        assert!(misses.may_try(None, Timestamp::from_unix_seconds(6_060)));
    }
}
