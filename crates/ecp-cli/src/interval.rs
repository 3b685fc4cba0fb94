//! Time intervals on the command line.

use anyhow::{Context, anyhow, bail};
use clap::Args;
use ecp_core::Timestamp;
use ecp_reconcile::Interval;
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};

/// Options of a time interval.
#[derive(Args)]
pub(crate) struct IntervalOptions {
    /// The beginning of the interval: a time such as 2024-01-31 14:53:55, or a day such as
    /// 2024-01-31
    #[arg(long, value_name = "TIME")]
    pub(crate) from: String,

    /// The end of the interval: a time or a day, both included. When clocks are set back, a time
    /// that occurs twice means the later one here and the earlier one in --from
    #[arg(long, value_name = "TIME")]
    pub(crate) to: String,

    /// The time zone of --from and --to, by its IANA name such as Europe/Berlin
    #[arg(long, value_name = "NAME", default_value = "UTC")]
    pub(crate) tz: String,
}

/// Format of a time for people and for the Data API.
const FORM: &str = "%Y-%m-%d %H:%M:%S";

/// A time interval in the form of a query to the Data API.
pub(crate) struct Asked {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) tz: String,
    /// The reason why the query is in UTC and not in the given time zone; `None` if it is in that
    /// zone.
    pub(crate) note: Option<String>,
}

impl IntervalOptions {
    /// Returns the interval between the two times. Fails if it is empty or a time cannot be read.
    pub(crate) fn read(&self) -> anyhow::Result<Interval> {
        let zone = self.zone()?;
        let (from, to) = moments(&self.from, &self.to, &zone)?;
        if to < from {
            let Self { from, to, tz } = self;
            bail!(
                "the interval from {from} to {to} in the time zone {tz} is empty: --to is earlier \
                 than --from, or the clock skips all of the interval"
            );
        }
        let moment = |moment: jiff::Timestamp| Timestamp::from_unix_seconds(moment.as_second());
        Ok(Interval::new(moment(from)?, moment(to)?))
    }

    /// Returns the interval as text: in the given time zone if each time occurs once there,
    /// otherwise in UTC.
    pub(crate) fn asked(&self) -> anyhow::Result<Asked> {
        let zone = self.zone()?;
        // Checks that the interval is not empty.
        self.read()?;
        let (from, to) = moments(&self.from, &self.to, &zone)?;
        let is_plain = |moment: &jiff::Timestamp| {
            let clock = zone.to_datetime(*moment);
            matches!(zone.to_ambiguous_zoned(clock).offset(), AmbiguousOffset::Unambiguous { .. })
        };
        let odd = [from, to].into_iter().find(|moment| !is_plain(moment));
        let (zone, tz) = match odd {
            None => (zone.clone(), self.tz.clone()),
            Some(_) => (TimeZone::UTC, "UTC".to_owned()),
        };
        let words = |moment: jiff::Timestamp| zone.to_datetime(moment).strftime(FORM).to_string();
        let note = odd.map(|moment| {
            let clock = self.zone().map(|zone| zone.to_datetime(moment).strftime(FORM).to_string());
            format!(
                "the time {} occurs twice in the time zone {}: the operations are requested in \
                 UTC, and their times are in UTC",
                clock.unwrap_or_default(),
                self.tz
            )
        });
        Ok(Asked { from: words(from), to: words(to), tz, note })
    }

    fn zone(&self) -> anyhow::Result<TimeZone> {
        TimeZone::get(&self.tz).with_context(|| {
            format!(
                "--tz {} is not a known time zone: use an IANA name such as Europe/Berlin",
                self.tz
            )
        })
    }
}

/// The first and the last second of an interval. Adjacent intervals on the clock leave no second
/// out.
fn moments(
    from: &str,
    to: &str,
    zone: &TimeZone,
) -> anyhow::Result<(jiff::Timestamp, jiff::Timestamp)> {
    let second = jiff::SignedDuration::from_secs(1);
    let from = match read(from)? {
        Read::Day(day) => first(day.to_datetime(jiff::civil::Time::midnight()), zone)?,
        Read::Time(time) => first(time, zone)?,
    };
    let to = match read(to)? {
        Read::Day(day) => {
            let next = day.tomorrow()?.to_datetime(jiff::civil::Time::midnight());
            first(next, zone)?.checked_sub(second)?
        }
        Read::Time(time) => last(time, zone)?,
    };
    Ok((from, to))
}

enum Read {
    Day(Date),
    Time(DateTime),
}

fn read(text: &str) -> anyhow::Result<Read> {
    if let Ok(day) = Date::strptime("%Y-%m-%d", text) {
        return Ok(Read::Day(day));
    }
    let time =
        DateTime::strptime(FORM, text).or_else(|_| DateTime::strptime("%Y-%m-%dT%H:%M:%S", text));
    time.map(Read::Time).map_err(|_| {
        anyhow!(
            "`{text}` is neither a time such as 2024-01-31 14:53:55 nor a day such as 2024-01-31"
        )
    })
}

/// The first second at which the clock shows this time or a later one.
fn first(time: DateTime, zone: &TimeZone) -> anyhow::Result<jiff::Timestamp> {
    let moment = match zone.to_ambiguous_timestamp(time).offset() {
        // The clock skips it: the time of the jump.
        AmbiguousOffset::Gap { before, .. } => jump(time, before, zone)?,
        AmbiguousOffset::Fold { before, .. } => before.to_timestamp(time)?,
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(time)?,
    };
    Ok(moment)
}

/// The last second in which the clock shows this time or an earlier one.
fn last(time: DateTime, zone: &TimeZone) -> anyhow::Result<jiff::Timestamp> {
    let moment = match zone.to_ambiguous_timestamp(time).offset() {
        AmbiguousOffset::Gap { before, .. } => {
            jump(time, before, zone)?.checked_sub(jiff::SignedDuration::from_secs(1))?
        }
        AmbiguousOffset::Fold { after, .. } => after.to_timestamp(time)?,
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(time)?,
    };
    Ok(moment)
}

/// The time at which the clock skips another one: the transition at or before that time by the
/// earlier offset.
fn jump(
    time: DateTime,
    before: jiff::tz::Offset,
    zone: &TimeZone,
) -> anyhow::Result<jiff::Timestamp> {
    let would_be = before.to_timestamp(time)?;
    let after = would_be.checked_add(jiff::SignedDuration::from_nanos(1))?;
    let transition = zone.preceding(after).next();
    transition.map(|transition| transition.timestamp()).ok_or_else(|| {
        anyhow!("cannot find when the clock of --tz skips {time}: give another --from or --to")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Zones with jumps at midnight, of half an hour, of a whole day, and set back across midnight.
    const ZONES: &[&str] = &[
        "Africa/Cairo",
        "America/Havana",
        "America/Santiago",
        "America/St_Johns",
        "Asia/Beirut",
        "Asia/Kathmandu",
        "Atlantic/Azores",
        "Australia/Lord_Howe",
        "Europe/London",
        "Pacific/Apia",
        "Pacific/Kwajalein",
        "UTC",
    ];

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn range(from: &str, to: &str, tz: &str) -> (String, String) {
        let (from, to) = moments(from, to, &zone(tz)).unwrap();
        (from.to_string(), to.to_string())
    }

    /// The days around every change of the clock from 1980 to 2037.
    fn days(zone: &TimeZone) -> Vec<Date> {
        let start: jiff::Timestamp = "1980-01-01T00:00:00Z".parse().unwrap();
        let end: jiff::Timestamp = "2037-12-31T00:00:00Z".parse().unwrap();
        let mut days = vec![start.to_zoned(TimeZone::UTC).date()];
        for transition in zone.following(start).take_while(|found| found.timestamp() < end) {
            let day = transition.timestamp().to_zoned(TimeZone::UTC).date();
            for offset in -3..=3 {
                days.push(day.checked_add(jiff::Span::new().days(offset)).unwrap());
            }
        }
        days
    }

    #[test]
    fn days_tile_time_in_every_zone() {
        let second = jiff::SignedDuration::from_secs(1);
        for name in ZONES {
            let zone = zone(name);
            for day in days(&zone) {
                let next = day.tomorrow().unwrap();
                let by_days =
                    |day: Date| moments(&day.to_string(), &day.to_string(), &zone).unwrap();
                assert_eq!(by_days(day).1 + second, by_days(next).0, "{name} {day}");
                // By the clock no second is left out either; a midnight that occurs twice is in
                // both.
                let (_, end) =
                    moments(&day.to_string(), &format!("{day} 23:59:59"), &zone).unwrap();
                let (start, _) =
                    moments(&format!("{next} 00:00:00"), &next.to_string(), &zone).unwrap();
                assert!(end + second >= start, "{name} {day}");
                let midnight = next.to_datetime(jiff::civil::Time::midnight());
                let ambiguous = zone.to_ambiguous_timestamp(midnight);
                if !matches!(ambiguous.offset(), AmbiguousOffset::Fold { .. }) {
                    assert_eq!(end + second, start, "{name} {day}");
                }
            }
        }
    }

    #[test]
    fn hours_leave_no_second_out() {
        let second = jiff::SignedDuration::from_secs(1);
        for name in ZONES {
            let zone = zone(name);
            for day in days(&zone) {
                for hour in 0..23 {
                    let to = format!("{day} {hour:02}:59:59");
                    let from = format!("{day} {:02}:00:00", hour + 1);
                    let (start, end) = moments(&from, &to, &zone).unwrap();
                    assert!(end + second >= start, "{name} {to}");
                }
            }
        }
    }

    #[test]
    fn a_repeated_time_is_the_earlier_at_the_start_and_the_later_at_the_end() {
        let table = [
            (
                "Africa/Cairo",
                "2025-10-30 00:00:00",
                "2025-10-30 23:59:59",
                "2025-10-29T21:00:00Z",
                "2025-10-30T21:59:59Z",
            ),
            (
                "Africa/Cairo",
                "2025-10-31 00:00:00",
                "2025-10-31 23:59:59",
                "2025-10-30T22:00:00Z",
                "2025-10-31T21:59:59Z",
            ),
            (
                "America/Santiago",
                "2026-04-04 00:00:00",
                "2026-04-04 23:59:59",
                "2026-04-04T03:00:00Z",
                "2026-04-05T03:59:59Z",
            ),
            (
                "America/Santiago",
                "2026-04-05 00:00:00",
                "2026-04-05 23:59:59",
                "2026-04-05T04:00:00Z",
                "2026-04-06T03:59:59Z",
            ),
            (
                "Europe/London",
                "2025-10-26 01:00:00",
                "2025-10-26 01:59:59",
                "2025-10-26T00:00:00Z",
                "2025-10-26T01:59:59Z",
            ),
            (
                "Europe/London",
                "2025-10-26 02:00:00",
                "2025-10-26 02:59:59",
                "2025-10-26T02:00:00Z",
                "2025-10-26T02:59:59Z",
            ),
            // Skipped: from 01:00 to 02:00.
            (
                "Europe/London",
                "2026-03-29 00:00:00",
                "2026-03-29 01:30:00",
                "2026-03-29T00:00:00Z",
                "2026-03-29T00:59:59Z",
            ),
            (
                "Europe/London",
                "2026-03-29 01:30:00",
                "2026-03-29 02:59:59",
                "2026-03-29T01:00:00Z",
                "2026-03-29T01:59:59Z",
            ),
            (
                "Africa/Cairo",
                "2026-04-24",
                "2026-04-24",
                "2026-04-23T22:00:00Z",
                "2026-04-24T20:59:59Z",
            ),
            ("UTC", "2026-11-01", "2026-11-30", "2026-11-01T00:00:00Z", "2026-11-30T23:59:59Z"),
            (
                "UTC",
                "2026-11-01",
                "2026-11-30 12:00:00",
                "2026-11-01T00:00:00Z",
                "2026-11-30T12:00:00Z",
            ),
            (
                "UTC",
                "2026-11-01T10:00:00",
                "2026-11-01T12:00:00",
                "2026-11-01T10:00:00Z",
                "2026-11-01T12:00:00Z",
            ),
            (
                "Pacific/Apia",
                "2011-12-29",
                "2011-12-30",
                "2011-12-29T10:00:00Z",
                "2011-12-30T09:59:59Z",
            ),
            (
                "Pacific/Apia",
                "2011-12-30",
                "2011-12-31",
                "2011-12-30T10:00:00Z",
                "2011-12-31T09:59:59Z",
            ),
        ];
        for (tz, from, to, start, end) in table {
            assert_eq!(range(from, to, tz), (start.to_owned(), end.to_owned()), "{tz} {from} {to}");
        }
    }

    #[test]
    fn a_range_that_the_clock_skips_is_refused_and_one_with_two_meanings_is_asked_for_in_utc() {
        let options = |from: &str, to: &str, tz: &str| IntervalOptions {
            from: from.to_owned(),
            to: to.to_owned(),
            tz: tz.to_owned(),
        };
        for (from, to, tz) in [
            ("2011-12-30", "2011-12-30", "Pacific/Apia"),
            ("2026-03-29 01:00:00", "2026-03-29 01:59:59", "Europe/London"),
            ("2026-03-29", "2026-03-28", "Europe/London"),
        ] {
            let error = options(from, to, tz).read().unwrap_err().to_string();
            assert!(error.contains("is empty: --to is earlier"), "{error}");
        }
        for text in ["2026-3-1x", "2026-13-01", "yesterday", "2026-02-29", "2026-01-01 10:00"] {
            assert!(options(text, "2026-12-31", "UTC").read().is_err(), "{text}");
        }
        let asked = options("2025-10-30", "2025-10-30", "Africa/Cairo").asked().unwrap();
        assert_eq!(
            (&*asked.from, &*asked.to, &*asked.tz),
            ("2025-10-29 21:00:00", "2025-10-30 21:59:59", "UTC")
        );
        assert!(asked.note.unwrap().starts_with(
            "the time 2025-10-30 23:59:59 occurs twice in the time zone Africa/Cairo: "
        ));
        let asked = options("2025-10-31", "2025-10-31", "Africa/Cairo").asked().unwrap();
        assert_eq!((&*asked.from, &*asked.tz), ("2025-10-31 00:00:00", "Africa/Cairo"));
        assert_eq!((&*asked.to, asked.note), ("2025-10-31 23:59:59", None));
    }
}
