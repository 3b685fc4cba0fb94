//! Number literals as PHP converts them to text.
//!
//! PHP decodes an integer literal that fits 64 bits as an integer and everything else as a double,
//! and prints doubles with 14 significant digits (`precision=14`, measured on PHP 8.2). Platform
//! messages hold integers only; the rest is here so that any JSON object can be checked.

use std::borrow::Cow;
use std::fmt::Write;

/// The text that PHP signs for a JSON number literal.
pub(super) fn render(literal: &str) -> Cow<'_, str> {
    if literal == "-0" {
        return Cow::Borrowed("0");
    }
    if literal.parse::<i64>().is_ok() {
        return Cow::Borrowed(literal);
    }
    Cow::Owned(render_double(literal.parse().unwrap_or(f64::NAN)))
}

/// C's `%.14G`, with PHP's `1.0E+25` for a one-digit mantissa.
fn render_double(value: f64) -> String {
    const DIGITS: i32 = 14;
    if value.is_infinite() {
        return if value > 0.0 { "INF" } else { "-INF" }.to_owned();
    }
    if value == 0.0 {
        return if value.is_sign_negative() { "-0" } else { "0" }.to_owned();
    }
    let sign = if value < 0.0 { "-" } else { "" };
    // `d.ddddddddddddde±x`: correctly rounded to 14 significant digits.
    let scientific = format!("{:.13e}", value.abs());
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits: String = mantissa.chars().filter(|&c| c != '.').collect();
    let digits = digits.trim_end_matches('0');

    let mut text = sign.to_owned();
    if (-4..DIGITS).contains(&exponent) {
        if exponent < 0 {
            text.push_str("0.");
            text.extend(std::iter::repeat_n('0', exponent.unsigned_abs() as usize - 1));
            text.push_str(digits);
        } else {
            let whole = exponent.unsigned_abs() as usize + 1;
            text.extend(digits.chars().chain(std::iter::repeat('0')).take(whole));
            if let Some(fraction) = digits.get(whole..).filter(|fraction| !fraction.is_empty()) {
                text.push('.');
                text.push_str(fraction);
            }
        }
    } else {
        let (first, rest) = digits.split_at(1);
        let rest = if rest.is_empty() { "0" } else { rest };
        // Writing to a String cannot fail.
        let _ = write!(text, "{first}.{rest}E{exponent:+}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_render_as_measured_in_php() {
        let table = [
            ("0", "0"),
            ("-5", "-5"),
            ("-0", "0"),
            ("-0.0", "-0"),
            ("9223372036854775807", "9223372036854775807"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("9223372036854775808", "9.2233720368548E+18"),
            ("18446744073709551615", "1.844674407371E+19"),
            ("10000000000000000000000000", "1.0E+25"),
            ("1.5", "1.5"),
            ("1.0", "1"),
            ("10.50", "10.5"),
            ("0.30000000000000004", "0.3"),
            ("1e2", "100"),
            ("99999999999999.4", "99999999999999"),
            ("1e14", "1.0E+14"),
            ("1e15", "1.0E+15"),
            ("1e-7", "1.0E-7"),
            ("0.0001", "0.0001"),
            ("0.00001", "1.0E-5"),
            ("-123.456e-2", "-1.23456"),
            ("123456789.12345678", "123456789.12346"),
            ("1e309", "INF"),
            ("-1e309", "-INF"),
            ("5e-324", "4.9406564584125E-324"),
        ];
        for (literal, expected) in table {
            assert_eq!(render(literal), expected, "{literal}");
        }
    }
}
