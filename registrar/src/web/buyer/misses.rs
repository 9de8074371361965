//! How many wrong codes are answered as such: a code has 128 random bits, so this is about being told, not about guessing.
//!
//! A right code, and a right token of the console, is taken whatever others did: a stranger who guesses keeps nobody out.

use std::collections::BTreeMap;

use kido_shared::clock::Timestamp;

use crate::web::visitor::Neighbourhood;

/// Wrong codes that one household may show within a minute: a person who mistypes a printed code needs three.
const MISSES_PER_NEIGHBOURHOOD: u16 = 10;

/// Wrong codes of everybody within a minute, which bounds what is remembered of where they came from. It lies so high that
/// sixty households have to work at it.
const MISSES_IN_ALL: u16 = 600;

/// Wrong codes of the current minute. Its size is bounded by what it counts: no more neighbourhoods than misses.
#[derive(Debug, Default)]
pub(in crate::web) struct Misses {
    minute: i64,
    in_all: u16,
    by_neighbourhood: BTreeMap<Neighbourhood, u16>,
}

impl Misses {
    /// Whether one more wrong code is answered as one, and not by *later*. Addresses of an earlier minute are forgotten here.
    pub(in crate::web) fn may_try(&mut self, from: Option<Neighbourhood>, now: Timestamp) -> bool {
        let minute = now.unix_seconds().div_euclid(60);
        if minute != self.minute {
            *self = Self { minute, ..Self::default() };
        }
        let theirs = from.and_then(|from| self.by_neighbourhood.get(&from)).copied().unwrap_or_default();
        self.in_all < MISSES_IN_ALL && theirs < MISSES_PER_NEIGHBOURHOOD
    }

    /// Counts a wrong code. Where nobody says from where, it counts for everybody alone.
    pub(in crate::web) fn count(&mut self, from: Option<Neighbourhood>) {
        self.in_all = self.in_all.saturating_add(1);
        if let Some(from) = from {
            let theirs = self.by_neighbourhood.entry(from).or_default();
            *theirs = theirs.saturating_add(1);
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
            misses.count(one);
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
            misses.count(None);
        }
        assert!(!misses.may_try(None, now));
        assert!(misses.may_try(None, Timestamp::from_unix_seconds(6_060)));
    }
}
