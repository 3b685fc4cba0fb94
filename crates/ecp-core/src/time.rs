//! Times in the platform's form.

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use jiff::fmt::strtime;

/// A moment, to the second: `2019-04-15T16:31:44+0000` on the wire.
///
/// Other offsets are read and become the same moment at `+0000`.
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
pub struct Timestamp(jiff::Timestamp);

/// Text or a number that is no moment.
///
/// What it was is not printed: where a message has no time, it may have anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a time such as `2019-04-15T16:31:44+0000`")]
pub struct InvalidTimestamp;

const FORMAT: &str = "%Y-%m-%dT%H:%M:%S%z";

impl Timestamp {
    /// A moment from seconds since 1970-01-01, without leap seconds.
    pub fn from_unix_seconds(seconds: i64) -> Result<Self, InvalidTimestamp> {
        jiff::Timestamp::from_second(seconds).map(Self).map_err(|_| InvalidTimestamp)
    }

    /// Seconds since 1970-01-01, without leap seconds.
    pub fn unix_seconds(self) -> i64 {
        self.0.as_second()
    }
}

impl TryFrom<SystemTime> for Timestamp {
    type Error = InvalidTimestamp;

    fn try_from(time: SystemTime) -> Result<Self, InvalidTimestamp> {
        let exact = jiff::Timestamp::try_from(time).map_err(|_| InvalidTimestamp)?;
        Self::from_unix_seconds(exact.as_second())
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        time.0.into()
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        if !has_shape(text) {
            return Err(InvalidTimestamp);
        }
        strtime::parse(FORMAT, text)
            .and_then(|parsed| parsed.to_timestamp())
            .map(Self)
            .map_err(|_| InvalidTimestamp)
    }
}

/// The parser is more lenient than the platform's form: one-digit fields, spaces.
fn has_shape(text: &str) -> bool {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00+0000";
    text.len() == SHAPE.len()
        && text.bytes().zip(SHAPE).all(|(byte, &shape)| match shape {
            b'0' => byte.is_ascii_digit(),
            b'+' => matches!(byte, b'+' | b'-'),
            _ => byte == shape,
        })
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Formatting can fail only for fields that this format does not have.
        let text = strtime::format(FORMAT, self.0).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timestamp({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(error, "expected a time such as `2019-04-15T16:31:44+0000`", "{text}");
        }
    }
}
