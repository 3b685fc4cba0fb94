//! `Retry-After`, in both of its forms (RFC 9110, section 10.2.3).

use std::time::Duration;

use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};
use jiff::fmt::rfc2822::DateTimeParser;

/// Minimum time to wait. A date is relative to the answer's own `Date`, so that clocks need not
/// agree; without it, the date is ignored.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let value = text(RETRY_AFTER)?;
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text: &str| DateTimeParser::new().parse_timestamp(text).ok();
    date(value)?.duration_since(date(text(DATE)?)?).try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_and_nothing_else() {
        let date = "Wed, 21 Oct 2015 07:28:00 GMT";
        let table = [
            ("120", None, Some(120)),
            (" 7 ", None, Some(7)),
            (date, Some("Wed, 21 Oct 2015 07:26:30 GMT"), Some(90)),
            (date, Some("Wed, 21 Oct 2015 07:29:00 GMT"), None),
            (date, None, None),
            ("-1", None, None),
            ("soon", Some(date), None),
        ];
        for (value, now, expected) in table {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, value.parse().unwrap());
            if let Some(now) = now {
                headers.insert(DATE, now.parse().unwrap());
            }
            assert_eq!(retry_after(&headers), expected.map(Duration::from_secs), "{value}");
        }
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
