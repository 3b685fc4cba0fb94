//! Keys of ids that a person, a spreadsheet or another system confuses.

use ecp_table::{fold, in_thousands, look};

use crate::row::RowId;

/// Key that is equal for ids which look alike or are the same number: `P-1` and `P–1`, `1` and
/// `01.0`.
pub(crate) fn key(id: &str) -> String {
    number(look(id))
}

/// Key that is equal for ids which differ only in case, spaces, the form of dashes and the like, or
/// the form of a number: a system that generates ids may mean them to be different.
pub(crate) fn spelling(id: &str) -> String {
    number(fold(&id.replace(' ', "")))
}

/// Key that is equal for rows whose ids look alike.
pub(crate) fn row_key(id: &RowId) -> String {
    row_text(id, key)
}

/// The ids of a row as one text.
pub(crate) fn row_text(id: &RowId, of: impl Fn(&str) -> String) -> String {
    let payment = of(id.payment_id().as_str());
    match id.refund_id() {
        // Ids hold no control characters.
        Some(refund) => payment + "\0" + &of(refund),
        None => payment,
    }
}

/// Removes from a number a plus, leading zeros, separators of thousands and decimals that are
/// zeros. Other texts are unchanged.
fn number(text: String) -> String {
    let (sign, digits) = match text.strip_prefix(['+', '-']) {
        Some(digits) if text.starts_with('-') => ("-", digits),
        Some(digits) => ("", digits),
        None => ("", &*text),
    };
    let are_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let without_zeros = digits.rsplit_once(['.', ',']).filter(|(whole, zeros)| {
        !whole.is_empty() && !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0')
    });
    let is_grouped = |text: &str| in_thousands(text) == Some(',');
    let whole = match without_zeros {
        // `1,000` is more likely a thousand than one.
        Some((whole, _)) if !is_grouped(digits) => whole,
        _ => digits,
    };
    let whole = if is_grouped(whole) { whole.replace(',', "") } else { whole.to_owned() };
    if whole.is_empty() || !are_digits(&whole) {
        return text;
    }
    match whole.trim_start_matches('0') {
        "" => "0".to_owned(),
        significant => format!("{sign}{significant}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_one_in_every_form_of_it_and_text_stays() {
        for (text, expected) in [
            ("1", "1"),
            ("01", "1"),
            ("+1", "1"),
            ("1.0", "1"),
            ("1,00", "1"),
            ("001.000", "1"),
            ("-01", "-1"),
            ("-0", "0"),
            ("000", "0"),
            ("1,001", "1001"),
            ("1,000", "1000"),
            ("1,001.00", "1001"),
            ("10.001", "10.001"),
            ("1.5", "1.5"),
            ("P-1", "P-1"),
            ("1-0", "1-0"),
            ("", ""),
            ("+", "+"),
            (".0", ".0"),
            ("1e5", "1e5"),
        ] {
            assert_eq!(number(text.to_owned()), expected, "{text}");
        }
    }
}
