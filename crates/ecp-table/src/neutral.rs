//! Neutral cells, which no spreadsheet reads as a formula.

use std::borrow::Cow;

/// First characters of formulas, also in full width.
const STARTS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// Makes a text safe for a cell of a spreadsheet, in which it must not run as a formula: an
/// apostrophe is inserted where a formula could begin. These places are the start of the text, and
/// the position after a delimiter or a line break, where a program with another delimiter would
/// begin a cell. A [number](is_number) is unchanged.
///
/// ```
/// use ecp_table::neutral;
///
/// assert_eq!(neutral("=HYPERLINK(\"x\")"), "'=HYPERLINK(\"x\")");
/// assert_eq!(neutral("May;=1+1"), "May;'=1+1");
/// assert_eq!(neutral("-500"), "-500");
/// assert_eq!(neutral("P-17"), "P-17");
/// ```
pub fn neutral(text: &str) -> Cow<'_, str> {
    if is_number(text) || !text.contains(|character| is_start(character) || is_control(character)) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 1);
    for part in text.split_inclusive([',', ';', '\t', '|', '\r', '\n']) {
        let cell = part.trim_end_matches([',', ';', '\t', '|', '\r', '\n']);
        // Some programs drop everything before the first visible character.
        let mut visible = cell.trim_start_matches(|character: char| {
            character.is_whitespace() || character == '"' || crate::hidden::is_hidden(character)
        });
        if visible.is_empty() && part.starts_with(is_control) && safe.is_empty() {
            visible = part;
        }
        let starts = visible.starts_with(|character| is_start(character) || is_control(character));
        // Only a whole text is a number at its start: `-1,5` is not one.
        if starts && (safe.is_empty() || !is_number(cell)) {
            safe.push('\'');
        }
        safe.push_str(part);
    }
    Cow::Owned(safe)
}

/// Whether the whole text is a number: an optional sign, digits, and optionally a decimal point
/// (not a comma) with digits after it.
///
/// ```
/// use ecp_table::is_number;
///
/// assert!(is_number("-0.35") && is_number("+60123456789"));
/// assert!(!is_number("1,5") && !is_number("-") && !is_number("1e5"));
/// ```
pub fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let are_digits =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    are_digits(whole) && are_digits(fraction)
}

fn is_start(character: char) -> bool {
    STARTS.contains(&character)
}

fn is_control(character: char) -> bool {
    matches!(character, '\t' | '\r' | '\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_become_text_and_everything_else_stays() {
        let table = [
            ("=1+1", "'=1+1"),
            ("＝1+1", "'＝1+1"),
            ("+1", "+1"),
            ("-1", "-1"),
            ("-0.35", "-0.35"),
            ("+60123456789", "+60123456789"),
            ("-2+3+cmd|' /C calc'!A0", "'-2+3+cmd|' /C calc'!A0"),
            ("-1,5", "'-1,5"),
            ("--5", "'--5"),
            ("-", "'-"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t'=1"),
            ("\r=1", "'\r'=1"),
            ("\t", "'\t"),
            ("  =1", "'  =1"),
            ("\u{feff}=1", "'\u{feff}=1"),
            ("\"=1\"", "'\"=1\""),
            ("x;=1+1", "x;'=1+1"),
            ("x, =1+1", "x,' =1+1"),
            ("x\n=1", "x\n'=1"),
            ("x;-5", "x;-5"),
            ("X-1=2", "X-1=2"),
            ("a, b", "a, b"),
            ("-500;-20", "'-500;-20"),
            ("", ""),
        ];
        for (text, expected) in table {
            assert_eq!(neutral(text), expected, "{text:?}");
        }
    }
}
