//! ISO weeks (ISO 8601): what retention is counted in.

use core::fmt;

use kido_shared::clock::Timestamp;

const SECONDS_OF_DAY: i64 = 24 * 60 * 60;

/// Days from 0000-03-01 to 1970-01-01 in the proleptic Gregorian calendar.
const DAYS_TO_1970: i64 = 719_468;
const DAYS_OF_400_YEARS: i64 = 146_097;

/// The week, UTC, in which a retention date lies. All events of a week share a key, so that its end tells of none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
pub struct RetentionWeek {
    #[n(0)]
    year: u16,
    #[n(1)]
    week: u8,
}

impl RetentionWeek {
    /// The week of a moment; nothing outside the years 1 to 9999.
    #[must_use]
    pub fn of(moment: Timestamp) -> Option<Self> {
        let day = moment.unix_seconds().div_euclid(SECONDS_OF_DAY);
        // 1970-01-01 was a Thursday, and a week belongs to the year in which its Thursday lies.
        let thursday = day - (day + 3).rem_euclid(7) + 3;
        let year = year_of(thursday);
        let week = (thursday - first_day(year)) / 7 + 1;
        let year = u16::try_from(year).ok().filter(|year| (1..=9_999).contains(year))?;
        Some(Self { year, week: u8::try_from(week).ok()? })
    }
}

impl fmt::Display for RetentionWeek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-W{:02}", self.year, self.week)
    }
}

/// The Gregorian year of a day since 1970, by counting from the first of March of year 0.
fn year_of(day: i64) -> i64 {
    let shifted = day + DAYS_TO_1970;
    let era = shifted.div_euclid(DAYS_OF_400_YEARS);
    let of_era = shifted.rem_euclid(DAYS_OF_400_YEARS);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // The 306th day from the first of March is the first of January.
    year_of_era + era * 400 + i64::from(of_year >= 306)
}

/// Days since 1970 of the first of January.
const fn first_day(year: i64) -> i64 {
    let before = year - 1;
    365 * year + before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400) - 719_527
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_belongs_to_the_year_of_its_thursday() {
        // Days since 1970, by the calendar.
        for (day, name) in [
            (0, "1970-W01"),      // Thursday
            (-4, "1969-W52"),     // Sunday 1969-12-28
            (-3, "1970-W01"),     // Monday 1969-12-29
            (18_627, "2020-W53"), // Thursday 2020-12-31
            (18_630, "2020-W53"), // Sunday 2021-01-03
            (18_631, "2021-W01"), // Monday 2021-01-04
            (20_818, "2026-W53"), // Thursday 2026-12-31
            (11_016, "2000-W09"), // Tuesday 2000-02-29
        ] {
            let week = RetentionWeek::of(Timestamp::from_unix_seconds(day * SECONDS_OF_DAY)).unwrap();
            assert_eq!(week.to_string(), name, "day {day}");
        }
    }

    #[test]
    fn no_moment_is_too_odd_to_be_refused() {
        assert_eq!(RetentionWeek::of(Timestamp::from_unix_ms(i64::MAX)), None);
        assert_eq!(RetentionWeek::of(Timestamp::from_unix_ms(i64::MIN)), None);
    }
}
