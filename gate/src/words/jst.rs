//! Wall time in Japan, which has one zone and has not moved its clocks since 1951: nine hours ahead of UTC.

use kido_shared::clock::Timestamp;

const SECONDS_AHEAD_OF_UTC: i64 = 9 * 3_600;
const SECONDS_PER_DAY: i64 = 86_400;

/// A moment as a clock and a calendar on a wall in Japan show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WallTime {
    days: i64,
    second_of_day: i64,
}

impl WallTime {
    pub(super) const fn of(moment: Timestamp) -> Self {
        let seconds = moment.unix_seconds().saturating_add(SECONDS_AHEAD_OF_UTC);
        Self { days: seconds.div_euclid(SECONDS_PER_DAY), second_of_day: seconds.rem_euclid(SECONDS_PER_DAY) }
    }

    /// `HH:MM`, to the minute that has begun.
    pub(super) fn clock(self) -> String {
        format!("{:02}:{:02}", self.second_of_day / 3_600, self.second_of_day / 60 % 60)
    }

    pub(super) const fn is_same_day(self, other: Self) -> bool {
        self.days == other.days
    }

    /// Month (1 to 12) and day of the month, in the Gregorian calendar.
    ///
    /// Counts in years that begin in March, so that a leap day is the last day of its year, and in eras of 400 of them,
    /// which all have 146,097 days.
    pub(super) const fn month_and_day(self) -> (i64, i64) {
        // 1970-01-01 is day 719,468 after 0000-03-01.
        let day_of_era = self.days.saturating_add(719_468).rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        // From March the months' lengths repeat every five: 153 days.
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        (month, day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wall(utc_seconds: i64) -> WallTime {
        WallTime::of(Timestamp::from_unix_seconds(utc_seconds))
    }

    #[test]
    fn times_are_shown_as_in_japan() {
        // 2026-11-22T08:00:00Z
        assert_eq!(wall(1_795_334_400).clock(), "17:00");
        assert_eq!(wall(1_795_334_400).month_and_day(), (11, 22));
        // 2026-11-22T15:00:00Z is midnight of the 23rd.
        assert_eq!(wall(1_795_359_600).clock(), "00:00");
        assert_eq!(wall(1_795_359_600).month_and_day(), (11, 23));
    }

    #[test]
    fn leap_days_and_year_ends_have_their_date() {
        // 2024-02-29T00:00:00Z, 2028-12-31T14:59:59Z, 1969-12-31T14:59:59Z
        assert_eq!(wall(1_709_164_800).month_and_day(), (2, 29));
        assert_eq!(wall(1_861_887_599).month_and_day(), (12, 31));
        assert_eq!(wall(-32_401).month_and_day(), (12, 31));
    }

    #[test]
    fn a_day_ends_at_midnight_in_japan() {
        assert!(wall(1_795_359_600).is_same_day(wall(1_795_359_600 + 86_399)));
        assert!(!wall(1_795_359_599).is_same_day(wall(1_795_359_600)));
    }
}
