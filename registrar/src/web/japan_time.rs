//! Dates and times as they stand on a ticket: on a wall in Japan, whatever the reader's own zone is.

use kido_shared::clock::Timestamp;
use kido_web::language::Language;
use time::{Month, OffsetDateTime, UtcOffset, Weekday};

/// A moment in words of one language.
#[derive(Debug, Clone, Copy)]
pub(super) struct JapanTime {
    at: Option<OffsetDateTime>,
    language: Language,
}

impl JapanTime {
    pub(super) fn at(moment: Timestamp, language: Language) -> Self {
        // Japan has had no summer time since 1951.
        let japan = UtcOffset::from_hms(9, 0, 0).unwrap_or(UtcOffset::UTC);
        let at = OffsetDateTime::from_unix_timestamp(moment.unix_seconds()).ok();
        Self { at: at.map(|utc| utc.to_offset(japan)), language }
    }

    /// `2027年1月16日（土） 18:00`, `Sat 16 January 2027, 18:00`; a dash for what no calendar has.
    pub(super) fn in_full(self) -> String {
        self.at.map_or_else(unknown, |at| match self.language {
            Language::Ja => format!("{}年{} {}", at.year(), day_ja(at), clock(at)),
            Language::En => format!("{} {}, {}", day_en(at), at.year(), clock(at)),
        })
    }

    /// `1月16日（土） 18:02`, `Sat 16 January, 18:02`.
    pub(super) fn in_short(self) -> String {
        self.at.map_or_else(unknown, |at| match self.language {
            Language::Ja => format!("{} {}", day_ja(at), clock(at)),
            Language::En => format!("{}, {}", day_en(at), clock(at)),
        })
    }

    /// From one moment to another, the date said once where it is the same.
    pub(super) fn to(self, end: Self) -> String {
        let same_day = self.at.map(OffsetDateTime::date) == end.at.map(OffsetDateTime::date);
        let end = if same_day { end.at.map_or_else(unknown, clock) } else { end.in_short() };
        // The two times stay on one line: a dash alone allows a break after it (UAX #14, LB12a).
        let dash = if same_day { "\u{a0}–\u{2060}\u{a0}" } else { " – " };
        format!("{}{dash}{end}", self.in_short())
    }

    /// What a `time` element carries (RFC 3339).
    pub(super) fn machine(self) -> String {
        self.at.map_or_else(unknown, |at| {
            format!("{:04}-{:02}-{:02}T{}+09:00", at.year(), u8::from(at.month()), at.day(), clock(at))
        })
    }
}

fn unknown() -> String {
    "–".to_owned()
}

fn clock(at: OffsetDateTime) -> String {
    format!("{:02}:{:02}", at.hour(), at.minute())
}

fn day_ja(at: OffsetDateTime) -> String {
    let weekday = match at.weekday() {
        Weekday::Monday => '月',
        Weekday::Tuesday => '火',
        Weekday::Wednesday => '水',
        Weekday::Thursday => '木',
        Weekday::Friday => '金',
        Weekday::Saturday => '土',
        Weekday::Sunday => '日',
    };
    format!("{}月{}日（{weekday}）", u8::from(at.month()), at.day())
}

fn day_en(at: OffsetDateTime) -> String {
    let weekday = match at.weekday() {
        Weekday::Monday => "Mon",
        Weekday::Tuesday => "Tue",
        Weekday::Wednesday => "Wed",
        Weekday::Thursday => "Thu",
        Weekday::Friday => "Fri",
        Weekday::Saturday => "Sat",
        Weekday::Sunday => "Sun",
    };
    let month = match at.month() {
        Month::January => "January",
        Month::February => "February",
        Month::March => "March",
        Month::April => "April",
        Month::May => "May",
        Month::June => "June",
        Month::July => "July",
        Month::August => "August",
        Month::September => "September",
        Month::October => "October",
        Month::November => "November",
        Month::December => "December",
    };
    format!("{weekday} {} {month}", at.day())
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    /// 2027-01-15T08:00:00Z
    const AT: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    #[test]
    fn a_ticket_tells_the_time_on_a_wall_in_japan() {
        assert_eq!(JapanTime::at(AT, Language::Ja).in_full(), "2027年1月15日（金） 17:00");
        assert_eq!(JapanTime::at(AT, Language::En).in_full(), "Fri 15 January 2027, 17:00");
        assert_eq!(JapanTime::at(AT, Language::En).machine(), "2027-01-15T17:00+09:00");
        assert_eq!(JapanTime::at(Timestamp::from_unix_ms(i64::MAX), Language::En).in_full(), "–");
    }

    #[test]
    fn a_window_says_the_date_once_where_it_is_one() {
        let wall = |hours: u64| JapanTime::at(AT.after(Duration::from_secs(hours * 3_600)), Language::Ja);
        assert_eq!(wall(0).to(wall(3)), "1月15日（金） 17:00\u{a0}–\u{2060}\u{a0}20:00");
        assert_eq!(wall(0).to(wall(8)), "1月15日（金） 17:00 – 1月16日（土） 01:00");
    }
}
