//! Doubles as PHP prints them: `%.14G`, with `1.0E+25` where the mantissa is one digit.

/// Returns a floating-point number as text, as PHP writes it.
pub(super) fn text(value: f64) -> String {
    const DIGITS: i32 = 14;
    if value == 0.0 {
        return if value.is_sign_negative() { "-0" } else { "0" }.to_owned();
    }
    if !value.is_finite() {
        return if value > 0.0 { "INF" } else { "-INF" }.to_owned();
    }
    // Rounded to 14 digits first: that can move the exponent, as in 9.99999999999999e13.
    let rounded = format!("{value:.13e}");
    let (mantissa, exponent) = rounded.split_once('e').unwrap_or((&rounded, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..DIGITS).contains(&exponent) {
        let decimals = usize::try_from(DIGITS - 1 - exponent).unwrap_or_default();
        let fixed = format!("{value:.decimals$}");
        return without_zeros(&fixed).to_owned();
    }
    let mantissa = without_zeros(mantissa);
    let fraction = if mantissa.contains('.') { "" } else { ".0" };
    format!("{mantissa}{fraction}E{exponent:+}")
}

fn without_zeros(decimal: &str) -> &str {
    if decimal.contains('.') {
        decimal.trim_end_matches('0').trim_end_matches('.')
    } else {
        decimal
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn doubles_print_as_measured_in_php() {
        let table = [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (1.5, "1.5"),
            (-1.234_56, "-1.23456"),
            (10.5, "10.5"),
            (0.1, "0.1"),
            (0.300_000_000_000_000_04, "0.3"),
            (100.0, "100"),
            (99_999_999_999_999.4, "99999999999999"),
            (99_999_999_999_999.9, "1.0E+14"),
            (1e14, "1.0E+14"),
            (1e20, "1.0E+20"),
            (12_345_678_901_234_567_890.0, "1.2345678901235E+19"),
            (0.000_1, "0.0001"),
            (0.000_01, "1.0E-5"),
            (1e-7, "1.0E-7"),
            (123_456_789.123_456_78, "123456789.12346"),
            (5e-324, "4.9406564584125E-324"),
            (f64::INFINITY, "INF"),
            (f64::NEG_INFINITY, "-INF"),
        ];
        for (value, expected) in table {
            assert_eq!(super::text(value), expected, "{value:e}");
        }
    }
}
