//! How many wrong codes are answered as such: a code has 128 random bits, so this is about being told, not about guessing.
//!
//! A right code, and a right token of the console, is taken whatever others did: a stranger who guesses keeps nobody out.

use kido_shared::clock::Timestamp;

use crate::per_minute::{PerMinute, TooOften};
use crate::visitor::Neighbourhood;

/// Wrong codes that one household may show within a minute: a person who mistypes a printed code needs three.
const MISSES_PER_NEIGHBOURHOOD: u16 = 10;

/// Wrong codes of everybody within a minute, which bounds what is remembered of where they came from. It lies so high that
/// sixty households have to work at it.
const MISSES_IN_ALL: u16 = 600;

/// Wrong codes of the current minute, of each neighbourhood and of everybody. Its size is bounded by what it counts: no
/// more neighbourhoods than misses.
#[derive(Debug, Default)]
pub(crate) struct Misses(PerMinute<Option<Neighbourhood>>);

impl Misses {
    /// Counts a wrong code. Where nobody says from where, it counts for everybody alone. Addresses of an earlier minute are
    /// forgotten here.
    ///
    /// # Errors
    /// [`TooOften`], where one more is not even answered as wrong, but by *later*.
    pub(crate) fn note(&mut self, from: Option<Neighbourhood>, now: Timestamp) -> Result<(), TooOften> {
        if from.is_some() && !self.0.has_room(&from, now, MISSES_PER_NEIGHBOURHOOD) {
            return Err(TooOften);
        }
        self.0.count(None, now, MISSES_IN_ALL)?;
        if from.is_some() { self.0.count(from, now, MISSES_PER_NEIGHBOURHOOD) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(last: u8) -> Option<Neighbourhood> {
        Some(Neighbourhood::of([192, 0, 2, last].into()))
    }

    #[test]
    fn a_household_that_guesses_stops_itself_alone_and_for_a_minute() {
        let (mut misses, now) = (Misses::default(), Timestamp::from_unix_seconds(6_000));
        let (one, other) = (from(1), from(2));
        for _ in 0..MISSES_PER_NEIGHBOURHOOD {
            assert_eq!(misses.note(one, now), Ok(()));
        }
        assert_eq!(misses.note(one, now), Err(TooOften));
        assert_eq!(misses.note(other, now), Ok(()));
        assert_eq!(misses.note(one, Timestamp::from_unix_seconds(6_060)), Ok(()));
    }

    #[test]
    fn nobody_knows_how_many_they_are_yet_all_together_have_a_limit() {
        let (mut misses, now) = (Misses::default(), Timestamp::from_unix_seconds(6_000));
        for _ in 0..MISSES_IN_ALL {
            assert_eq!(misses.note(None, now), Ok(()));
        }
        assert_eq!(misses.note(None, now), Err(TooOften));
        assert_eq!(misses.note(from(1), now), Err(TooOften), "however new the address");
        assert_eq!(misses.note(None, Timestamp::from_unix_seconds(6_060)), Ok(()));
    }
}
