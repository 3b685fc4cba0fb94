//! Schedules of periodic reports.

use std::fmt;
use std::str::FromStr;

use ecp_core::Timestamp;
use jiff::ToSpan as _;
use jiff::civil::{Date, Time, Weekday};

use crate::period::{Period, Zone, date, instant, timestamp};

/// Schedule of a periodic report, parsed from a text such as `daily 07:00`, `weekly monday 07:00`,
/// or `monthly 1 07:00`.
///
/// In a month without the given day, the report is due on the month's last day. If the clock skips
/// the given time, as when summer time begins, the report is due later, by as much as the clock
/// jumps. If the clock shows the time twice, the first time counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    every: Every,
    at: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Every {
    Day,
    Week(Weekday),
    /// Day of the month, 1 to 31.
    Month(i8),
}

/// Error of a text that is not a [`Schedule`], such as `weekly monday 07:00`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a schedule: write `daily 07:00`, `weekly monday 07:00`, or `monthly 1 07:00`, with a \
     day of the month from 1 to 31"
)]
pub struct InvalidSchedule(String);

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

/// Days, weeks or months around a date that are looked through: a zone may leave a whole day out.
const NEARBY: i64 = 2;

impl Schedule {
    /// The names of the weekdays as a weekly schedule spells them, from `monday` to `sunday`.
    pub fn weekdays() -> impl Iterator<Item = &'static str> {
        WEEKDAYS.iter().map(|(name, _)| *name)
    }

    /// The period that a report with this schedule is about: the day, week or month before it is
    /// made.
    pub const fn period(&self) -> Period {
        match self.every {
            Every::Day => Period::Yesterday,
            Every::Week(_) => Period::LastWeek,
            Every::Month(_) => Period::LastMonth,
        }
    }

    /// The first time after `moment` at which a report is due, by the clocks of a time zone.
    pub fn after(&self, moment: Timestamp, zone: &Zone) -> Timestamp {
        let day = date(moment, zone);
        let candidates = (-NEARBY..=NEARBY).map(|step| self.scheduled(day, step, zone));
        candidates.into_iter().flatten().find(|found| *found > moment).unwrap_or(moment)
    }

    /// The last time, at or before `moment`, at which a report was due. A program that did not run
    /// for a while makes only the report of this time afterwards, and none for earlier times.
    pub fn up_to(&self, moment: Timestamp, zone: &Zone) -> Timestamp {
        let day = date(moment, zone);
        let candidates = (-NEARBY..=NEARBY).rev().map(|step| self.scheduled(day, step, zone));
        candidates.into_iter().flatten().find(|found| *found <= moment).unwrap_or(moment)
    }

    /// The moment in the day, week or month of a date, or in one some steps later.
    fn scheduled(&self, day: Date, step: i64, zone: &Zone) -> Option<Timestamp> {
        let day = match self.every {
            Every::Day => day.checked_add(step.days()).ok()?,
            Every::Week(weekday) => {
                let monday = i64::from(day.weekday().to_monday_zero_offset());
                let wanted = i64::from(weekday.to_monday_zero_offset());
                day.checked_add((wanted - monday + 7 * step).days()).ok()?
            }
            Every::Month(wanted) => {
                let month = day.first_of_month().checked_add(step.months()).ok()?;
                let last = month.days_in_month();
                Date::new(month.year(), month.month(), wanted.min(last)).ok()?
            }
        };
        let moment = zone.zone().to_ambiguous_zoned(day.to_datetime(self.at)).compatible().ok()?;
        Some(timestamp(moment.timestamp()))
    }

    /// The duration from `moment` to the next time at which a report is due.
    pub fn wait(&self, moment: Timestamp, zone: &Zone) -> std::time::Duration {
        let wait = instant(self.after(moment, zone)).duration_since(instant(moment));
        wait.try_into().unwrap_or_default()
    }
}

impl FromStr for Schedule {
    type Err = InvalidSchedule;

    fn from_str(text: &str) -> Result<Self, InvalidSchedule> {
        let invalid = || InvalidSchedule(text.to_owned());
        let words: Vec<&str> = text.split_whitespace().collect();
        let (every, at) = match words.as_slice() {
            ["daily", at] => (Every::Day, at),
            ["weekly", day, at] => {
                let found = WEEKDAYS.iter().find(|(name, _)| name.eq_ignore_ascii_case(day));
                (Every::Week(found.ok_or_else(invalid)?.1), at)
            }
            ["monthly", day, at] => {
                let day: i8 = day.parse().map_err(|_| invalid())?;
                if !(1..=31).contains(&day) {
                    return Err(invalid());
                }
                (Every::Month(day), at)
            }
            _ => return Err(invalid()),
        };
        let at = Time::strptime("%H:%M", at).map_err(|_| invalid())?;
        Ok(Self { every, at })
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.every {
            Every::Day => f.write_str("daily")?,
            Every::Week(day) => {
                let name = WEEKDAYS.iter().find(|(_, weekday)| *weekday == day);
                write!(f, "weekly {}", name.map_or("", |(name, _)| name))?;
            }
            Every::Month(day) => write!(f, "monthly {day}")?,
        }
        write!(f, " {:02}:{:02}", self.at.hour(), self.at.minute())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(text: &str) -> Schedule {
        text.parse().unwrap()
    }

    fn moment(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// The next moments, by the clocks of a zone.
    fn next(text: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
        let (schedule, zone) = (schedule(text), zone.parse::<Zone>().unwrap());
        let mut at = moment(from);
        let mut found = Vec::new();
        for _ in 0..count {
            let next = schedule.after(at, &zone);
            assert!(next > at, "{text} after {at}");
            // Nothing is between the two.
            assert_eq!(schedule.up_to(next, &zone), next);
            if schedule.up_to(at, &zone) != at {
                let before = moment_before(next);
                assert_eq!(schedule.up_to(before, &zone), schedule.up_to(at, &zone), "{text} {at}");
            }
            at = next;
            found
                .push(instant(next).to_zoned(zone.zone().clone()).strftime("%F %H:%M").to_string());
        }
        found
    }

    fn moment_before(moment: Timestamp) -> Timestamp {
        Timestamp::from_unix_seconds(moment.unix_seconds() - 1).unwrap()
    }

    #[test]
    fn a_schedule_has_one_moment_a_day_a_week_or_a_month() {
        for (text, from, expected) in [
            (
                "daily 07:00",
                "2026-11-28T07:00:00+0000",
                ["2026-11-29 07:00", "2026-11-30 07:00", "2026-12-01 07:00"],
            ),
            (
                "weekly monday 00:00",
                "2026-11-28T12:00:00+0000",
                ["2026-11-30 00:00", "2026-12-07 00:00", "2026-12-14 00:00"],
            ),
            (
                "weekly sunday 23:59",
                "2026-11-29T23:58:59+0000",
                ["2026-11-29 23:59", "2026-12-06 23:59", "2026-12-13 23:59"],
            ),
            (
                "monthly 31 06:30",
                "2027-01-31T06:30:00+0000",
                ["2027-02-28 06:30", "2027-03-31 06:30", "2027-04-30 06:30"],
            ),
            (
                "monthly 1 00:00",
                "2026-11-30T23:59:59+0000",
                ["2026-12-01 00:00", "2027-01-01 00:00", "2027-02-01 00:00"],
            ),
        ] {
            assert_eq!(next(text, "UTC", from, 3), expected, "{text}");
        }
    }

    #[test]
    fn clocks_that_jump_leave_one_moment_a_day() {
        let spring = next("daily 02:30", "Europe/Berlin", "2026-03-28T00:00:00+0000", 3);
        assert_eq!(spring, ["2026-03-28 02:30", "2026-03-29 03:30", "2026-03-30 02:30"]);
        let autumn = next("daily 02:30", "Europe/Berlin", "2026-10-24T12:00:00+0000", 2);
        assert_eq!(autumn, ["2026-10-25 02:30", "2026-10-26 02:30"]);
        let berlin = "Europe/Berlin".parse().unwrap();
        // The first of the two.
        let first = schedule("daily 02:30").after(moment("2026-10-24T12:00:00+0000"), &berlin);
        assert_eq!(first.to_string(), "2026-10-25T00:30:00+0000");
        // A day that Samoa left out.
        let left_out = next("daily 07:00", "Pacific/Apia", "2011-12-29T18:00:00+0000", 2);
        assert_eq!(left_out, ["2011-12-31 07:00", "2012-01-01 07:00"]);
    }

    #[test]
    fn after_a_long_rest_there_is_one_moment_to_make_up_for() {
        let daily = schedule("daily 07:00");
        let now = moment("2026-11-28T12:00:00+0000");
        assert_eq!(daily.up_to(now, &Zone::UTC), moment("2026-11-28T07:00:00+0000"));
        let now = moment("2026-11-28T06:59:59+0000");
        assert_eq!(daily.up_to(now, &Zone::UTC), moment("2026-11-27T07:00:00+0000"));
        assert_eq!(daily.wait(now, &Zone::UTC), std::time::Duration::from_secs(1));
        let monthly = schedule("monthly 31 07:00").up_to(now, &Zone::UTC);
        assert_eq!(monthly, moment("2026-10-31T07:00:00+0000"));
    }

    #[test]
    fn a_schedule_is_written_as_it_is_read() {
        for text in ["daily 07:05", "weekly friday 00:00", "monthly 31 23:59"] {
            assert_eq!(schedule(text).to_string(), text);
        }
        assert_eq!(schedule(" weekly  Monday 7:00").to_string(), "weekly monday 07:00");
        for text in [
            "",
            "hourly",
            "daily",
            "daily 24:00",
            "daily 07:60",
            "daily 07:00 UTC",
            "weekly 07:00",
            "weekly mon 07:00",
            "monthly 0 07:00",
            "monthly 32 07:00",
        ] {
            let error = text.parse::<Schedule>().unwrap_err().to_string();
            assert!(error.contains("`weekly monday 07:00`"), "{text}: {error}");
        }
        assert_eq!(Schedule::weekdays().count(), 7);
        assert_eq!(schedule("monthly 2 07:00").period(), Period::LastMonth);
    }
}
