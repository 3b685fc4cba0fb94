//! Periods of a report, and time zones.

use std::fmt;
use std::str::FromStr;

use ecp_core::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan as _};

/// A time zone, parsed from its IANA name, such as `Europe/Berlin`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(TimeZone);

/// Error of a text that is not the IANA name of a time zone, such as `Europe/Berlin`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no time zone `{0}`: use an IANA name such as Europe/Berlin, or UTC")]
pub struct InvalidZone(String);

impl Zone {
    /// Coordinated Universal Time.
    pub const UTC: Self = Self(TimeZone::UTC);

    /// The IANA name of the time zone.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    pub(crate) const fn zone(&self) -> &TimeZone {
        &self.0
    }
}

impl FromStr for Zone {
    type Err = InvalidZone;

    fn from_str(name: &str) -> Result<Self, InvalidZone> {
        TimeZone::get(name).map(Self).map_err(|_| InvalidZone(name.to_owned()))
    }
}

/// The days that a report is about, counted back from the moment in which it is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Period {
    /// The day before the report is made.
    #[default]
    Yesterday,
    /// The week before the report is made, from Monday to Sunday.
    LastWeek,
    /// The calendar month before the report is made.
    LastMonth,
}

/// Error of a text that is not the name of a period: `yesterday`, `last week` or `last month`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no period `{0}`: use `yesterday`, `last week` or `last month`")]
pub struct InvalidPeriod(String);

impl Period {
    /// All periods that a report can be about.
    pub const ALL: [Self; 3] = [Self::Yesterday, Self::LastWeek, Self::LastMonth];

    /// The name of the period, as templates of reports spell it, such as `last week`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yesterday => "yesterday",
            Self::LastWeek => "last week",
            Self::LastMonth => "last month",
        }
    }

    /// The first and the last day of the period for a report that is made at `moment`, as dates in
    /// a time zone.
    pub fn days(self, moment: Timestamp, zone: &Zone) -> Days {
        let today = date(moment, zone);
        let (first, last) = match self {
            Self::Yesterday => (back(today, 1), back(today, 1)),
            Self::LastWeek => {
                let monday = back(today, i64::from(today.weekday().to_monday_zero_offset()));
                (back(monday, 7), back(monday, 1))
            }
            Self::LastMonth => {
                let last = back(today.first_of_month(), 1);
                (last.first_of_month(), last)
            }
        };
        Days { first, last }
    }
}

impl FromStr for Period {
    type Err = InvalidPeriod;

    fn from_str(text: &str) -> Result<Self, InvalidPeriod> {
        let found = Self::ALL.into_iter().find(|period| period.as_str() == text);
        found.ok_or_else(|| InvalidPeriod(text.to_owned()))
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The days that a report is about, from a first to a last day, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Days {
    first: Date,
    last: Date,
}

impl Days {
    /// Makes days from two dates such as `2026-11-27`. `None` if a text is not a date, or if the
    /// last day is before the first.
    pub fn new(first: &str, last: &str) -> Option<Self> {
        let read = |text: &str| Date::strptime("%Y-%m-%d", text).ok();
        let (first, last) = (read(first)?, read(last)?);
        (first <= last).then_some(Self { first, last })
    }

    /// The first of the days, as a date such as `2026-11-27`.
    pub fn first(self) -> String {
        self.first.to_string()
    }

    /// The last of the days, as a date such as `2026-11-27`.
    pub fn last(self) -> String {
        self.last.to_string()
    }

    /// The first second of the first day and the last second of the last day, in a time zone. A day
    /// begins when the clock first shows its date, so no second is missing between two days.
    pub fn range(self, zone: &Zone) -> (Timestamp, Timestamp) {
        let next = self.last.checked_add(1.day()).unwrap_or(Date::MAX);
        let end = start_of(next, zone).checked_sub(SignedDuration::from_secs(1));
        (timestamp(start_of(self.first, zone)), timestamp(end.unwrap_or_default()))
    }
}

/// `2026-11-27`, or `2026-11-23 to 2026-11-29`.
impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{} to {}", self.first, self.last)
        }
    }
}

fn back(day: Date, days: i64) -> Date {
    day.checked_sub(days.days()).unwrap_or(Date::MIN)
}

/// The day of a moment.
pub(crate) fn date(moment: Timestamp, zone: &Zone) -> Date {
    zone.zone().to_datetime(instant(moment)).date()
}

fn start_of(day: Date, zone: &Zone) -> jiff::Timestamp {
    let start = day.to_zoned(zone.zone().clone());
    start.map(|start| start.timestamp()).unwrap_or_default()
}

pub(crate) fn instant(moment: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_second(moment.unix_seconds()).unwrap_or_default()
}

pub(crate) fn timestamp(moment: jiff::Timestamp) -> Timestamp {
    let seconds = moment.as_second();
    let nearest = || Timestamp::from_unix_seconds(if seconds < 0 { FIRST } else { LAST });
    match Timestamp::from_unix_seconds(seconds).or_else(|_| nearest()) {
        Ok(moment) => moment,
        Err(_) => unreachable!("the bounds are timestamps"),
    }
}

/// The first second of year 0, and the last of 9999.
const FIRST: i64 = -62_167_219_200;
const LAST: i64 = 253_402_300_799;

#[cfg(test)]
mod tests {
    use super::*;

    fn days(period: Period, moment: &str, zone: &str) -> String {
        period.days(moment.parse().unwrap(), &zone.parse().unwrap()).to_string()
    }

    #[test]
    fn a_period_ends_before_the_day_in_which_the_report_is_made() {
        for (period, moment, expected) in [
            (Period::Yesterday, "2026-11-28T00:00:00+0000", "2026-11-27"),
            (Period::Yesterday, "2026-03-01T12:00:00+0000", "2026-02-28"),
            (Period::Yesterday, "2028-03-01T12:00:00+0000", "2028-02-29"),
            // A Monday, a Sunday, a Wednesday after New Year.
            (Period::LastWeek, "2026-11-30T07:00:00+0000", "2026-11-23 to 2026-11-29"),
            (Period::LastWeek, "2026-11-29T23:59:59+0000", "2026-11-16 to 2026-11-22"),
            (Period::LastWeek, "2027-01-06T00:00:00+0000", "2026-12-28 to 2027-01-03"),
            (Period::LastMonth, "2026-03-31T00:00:00+0000", "2026-02-01 to 2026-02-28"),
            (Period::LastMonth, "2026-01-01T00:00:00+0000", "2025-12-01 to 2025-12-31"),
        ] {
            assert_eq!(days(period, moment, "UTC"), expected, "{period} at {moment}");
        }
        // It is a day later in Tokyo, and a day earlier in New York.
        assert_eq!(days(Period::Yesterday, "2026-11-28T20:00:00+0000", "Asia/Tokyo"), "2026-11-28");
        let new_york = days(Period::Yesterday, "2026-11-28T03:00:00+0000", "America/New_York");
        assert_eq!(new_york, "2026-11-26");
        for period in Period::ALL {
            assert_eq!(period.as_str().parse(), Ok(period));
        }
        assert!("today".parse::<Period>().unwrap_err().to_string().contains("`last week`"));
    }

    #[test]
    fn adjacent_days_leave_no_second_out_whatever_the_clocks_do() {
        for (zone, first, hours) in [
            ("UTC", "2026-11-27", 24),
            ("Europe/Berlin", "2026-03-29", 23),
            ("Europe/Berlin", "2026-10-25", 25),
            // The clock skips midnight, and shows it twice.
            ("Africa/Cairo", "2026-04-24", 23),
            ("Africa/Cairo", "2025-10-30", 25),
            ("America/Havana", "2026-03-08", 23),
        ] {
            let zone: Zone = zone.parse().unwrap();
            let day = Days::new(first, first).unwrap();
            let (from, to) = day.range(&zone);
            assert_eq!(to.unix_seconds() - from.unix_seconds() + 1, hours * 3600, "{first}");
            let next = day.last.tomorrow().unwrap().to_string();
            let (from, _) = Days::new(&next, &next).unwrap().range(&zone);
            assert_eq!(from.unix_seconds(), to.unix_seconds() + 1, "{first}");
        }
    }

    #[test]
    fn days_are_two_dates_in_order() {
        assert_eq!(Days::new("2026-11-27", "2026-11-27").unwrap().to_string(), "2026-11-27");
        for (first, last) in
            [("2026-11-27", "2026-11-26"), ("2026-02-30", "2026-03-01"), ("", "2026-03-01")]
        {
            assert_eq!(Days::new(first, last), None, "{first} {last}");
        }
        assert!("Europe/Atlantis".parse::<Zone>().unwrap_err().to_string().contains("IANA"));
        assert_eq!("Europe/Berlin".parse::<Zone>().unwrap().name(), "Europe/Berlin");
        assert_eq!(Zone::UTC.name(), "UTC");
    }
}
