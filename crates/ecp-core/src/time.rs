//! Times in the platform's form.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

/// A moment in whole seconds, sent by the platform as `2019-04-15T16:31:44+0000`.
///
/// A time with another offset is converted to `+0000` when it is read. The years are 0000 to 9999.
///
/// ```
/// use ecp_core::Timestamp;
///
/// let time: Timestamp = "2019-04-15T16:31:44+0000".parse()?;
/// assert_eq!(time.unix_seconds(), 1_555_345_904);
/// assert_eq!(time.to_string(), "2019-04-15T16:31:44+0000");
/// # Ok::<(), ecp_core::InvalidTimestamp>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Error for a text or a number that is not a timestamp.
///
/// The error does not print the value: an unexpected member may hold personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a time such as `2019-04-15T16:31:44+0000`, of the years 0000 to 9999")]
pub struct InvalidTimestamp;

const SECONDS_PER_DAY: i64 = 86_400;

/// The first and the last second that the format can express.
const FIRST: i64 = days_before(0, 1, 1) * SECONDS_PER_DAY;
const LAST: i64 = days_before(10_000, 1, 1) * SECONDS_PER_DAY - 1;

impl Timestamp {
    /// Makes a timestamp from seconds since 1970-01-01, without leap seconds. An error outside the
    /// years 0000 to 9999.
    pub fn from_unix_seconds(seconds: i64) -> Result<Self, InvalidTimestamp> {
        if (FIRST..=LAST).contains(&seconds) { Ok(Self(seconds)) } else { Err(InvalidTimestamp) }
    }

    /// Seconds since 1970-01-01, without leap seconds.
    pub const fn unix_seconds(self) -> i64 {
        self.0
    }

    /// The second of a moment, or the nearest that the form can express.
    pub(crate) fn nearest(time: SystemTime) -> Self {
        let bound = if time < SystemTime::UNIX_EPOCH { FIRST } else { LAST };
        Self::try_from(time).unwrap_or(Self(bound))
    }
}

impl TryFrom<SystemTime> for Timestamp {
    type Error = InvalidTimestamp;

    fn try_from(time: SystemTime) -> Result<Self, InvalidTimestamp> {
        let signed = |distance: Duration| i64::try_from(distance.as_secs());
        let seconds = match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => signed(after),
            Err(before) => signed(before.duration()).map(|seconds| -seconds),
        };
        Self::from_unix_seconds(seconds.map_err(|_| InvalidTimestamp)?)
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        let distance = Duration::from_secs(time.0.unsigned_abs());
        if time.0 < 0 { Self::UNIX_EPOCH - distance } else { Self::UNIX_EPOCH + distance }
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        parse(text.as_bytes()).ok_or(InvalidTimestamp).and_then(Self::from_unix_seconds)
    }
}

/// Reads `0000-00-00T00:00:00+0000`.
fn parse(text: &[u8]) -> Option<i64> {
    const DATE: Form = Form::new(*b"0000-00-");
    const MIDDLE: Form = Form::new(*b"00T00:00");
    const END: Form = Form::new(*b":00+0000");
    let (&[date, middle, mut end], []) = text.as_chunks() else { return None };
    let west = end[3] == b'-';
    if west {
        end[3] = b'+';
    }
    let (date, middle, end) = (DATE.pairs(date)?, MIDDLE.pairs(middle)?, END.pairs(end)?);
    let (year, month, day) = (date(0) * 100 + date(2), date(5), middle(0));
    let (hour, minute, second) = (middle(3), middle(6), end(1));
    let (offset_hours, offset_minutes) = (end(4), end(6));
    let valid = (1..=12).contains(&month)
        && day >= 1
        && (day <= 28 || day <= days_in(year, month))
        && hour < 24
        && minute < 60
        // A leap second counts as the one before it.
        && second <= 60
        && offset_hours <= 25
        && offset_minutes < 60;
    let local = days_before(year, month, day) * SECONDS_PER_DAY
        + hour * 3600
        + minute * 60
        + second.min(59);
    let offset = offset_hours * 3600 + offset_minutes * 60;
    valid.then_some(if west { local + offset } else { local - offset })
}

/// Eight bytes with digits in certain places.
struct Form {
    bytes: u64,
    /// For each byte, 0x7f less the largest difference from the form's byte that is allowed: 9 for
    /// a digit, otherwise 0. Adding a larger difference sets the byte's top bit.
    room: u64,
}

impl Form {
    /// `0` matches any digit; every other byte matches itself.
    const fn new(bytes: [u8; 8]) -> Self {
        let mut room = [0x7f; 8];
        let mut at = 0;
        while at < 8 {
            if bytes[at] == b'0' {
                room[at] -= 9;
            }
            at += 1;
        }
        Self { bytes: u64::from_le_bytes(bytes), room: u64::from_le_bytes(room) }
    }

    /// The numbers made of two adjacent digits, by the place of the first.
    fn pairs(&self, text: [u8; 8]) -> Option<impl Fn(usize) -> i64> {
        const TOPS: u64 = u64::MAX / 255 * 0x80;
        // Digits become their values: `0` is 0x30.
        let values = u64::from_le_bytes(text) ^ self.bytes;
        // No byte carries into the next unless its own top bit is set.
        let fits = (values | values.wrapping_add(self.room)) & TOPS == 0;
        let pairs = values.wrapping_mul(10).wrapping_add(values >> 8).to_le_bytes();
        fits.then_some(move |at: usize| i64::from(pairs[at]))
    }
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a day of the Gregorian calendar. Years begin in March here, so that a
/// leap day comes last and the lengths of the months before it follow one rule.
const fn days_before(year: i64, month: i64, day: i64) -> i64 {
    const TO_1970: i64 = 719_468;
    let year = if month <= 2 { year - 1 } else { year };
    let months_since_march = (month + 9) % 12;
    let century = year.div_euclid(100);
    let leap_days = (year >> 2) - century + (century >> 2);
    let in_year = (153 * months_since_march + 2) / 5 + day - 1;
    year * 365 + leap_days + in_year - TO_1970
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) =
            (self.0.div_euclid(SECONDS_PER_DAY), self.0.rem_euclid(SECONDS_PER_DAY));
        // The estimate by the mean length of a year is off by one at most.
        let guess = 1970 + (days * 400).div_euclid(146_097);
        let year = if days < days_before(guess, 1, 1) {
            guess - 1
        } else if days >= days_before(guess + 1, 1, 1) {
            guess + 1
        } else {
            guess
        };
        let month = (2..=12).rev().find(|&month| days_before(year, month, 1) <= days).unwrap_or(1);
        let day = days - days_before(year, month, 1) + 1;
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}+0000")
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timestamp({self})")
    }
}

#[cfg(test)]
mod tests {
    use jiff::fmt::strtime;
    use proptest::prelude::*;

    use super::*;

    const FORMAT: &str = "%Y-%m-%dT%H:%M:%S%z";

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn every_moment_prints_and_parses_back_as_elsewhere(seconds in FIRST..=LAST) {
            let time = Timestamp::from_unix_seconds(seconds).unwrap();
            let text = time.to_string();
            prop_assert_eq!(text.parse(), Ok(time));
            // The other library ends a day earlier.
            if let Ok(other) = jiff::Timestamp::from_second(seconds) {
                prop_assert_eq!(text, strtime::format(FORMAT, other).unwrap());
            }
        }

        #[test]
        fn text_of_the_form_means_the_same_elsewhere(
            text in "[0-9]{3}[0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9][+-][0-2][0-9][0-6][0-9]",
        ) {
            let other = strtime::parse(FORMAT, &text).and_then(|parsed| parsed.to_timestamp());
            let within = |seconds: &i64| (FIRST..=LAST).contains(seconds);
            let other = other.ok().map(jiff::Timestamp::as_second).filter(within);
            let ours = text.parse().ok().map(Timestamp::unix_seconds);
            if other.is_some() || !text.starts_with("9999-12-3") {
                prop_assert_eq!(ours, other, "{}", text);
            }
        }
    }

    #[test]
    fn offsets_become_one_moment() {
        let plain: Timestamp = "2023-03-10T12:26:17+0000".parse().unwrap();
        let east: Timestamp = "2023-03-10T15:26:17+0300".parse().unwrap();
        assert_eq!(plain, east);
        assert_eq!(east.to_string(), "2023-03-10T12:26:17+0000");
        assert_eq!(Timestamp::try_from(SystemTime::from(plain)), Ok(plain));
    }

    #[test]
    fn other_text_is_refused() {
        for text in [
            "",
            "now",
            "2023-03-10",
            "2023-03-10 12:26:17",
            "2023-13-10T12:26:17+0000",
            " 2023-3-10T12:26:17+0000",
            "2023-03-10T12:26:17+00:00",
            "-023-03-10T12:26:17+0000",
        ] {
            let error = text.parse::<Timestamp>().unwrap_err().to_string();
            assert_eq!(
                error,
                "expected a time such as `2019-04-15T16:31:44+0000`, of the years 0000 to 9999",
                "{text}"
            );
        }
    }
}
