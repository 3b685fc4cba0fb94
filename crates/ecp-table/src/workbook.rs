//! Texts that fit a cell of a workbook.

use std::borrow::Cow;

/// Maximum UTF-16 code units in a cell, as in Excel.
const MOST: usize = 32_767;

/// Note at the end of a text that was cut.
const CUT: &str = " [cut here: a cell of a workbook holds no more; see the export to CSV]";

/// Makes a text fit a cell of a workbook (XLSX), and returns it with a warning that says what was
/// changed, `None` if nothing was. A text of more than 32,767 UTF-16 code units is cut, with a note
/// at its end; U+FFFE and U+FFFF, which XML cannot contain, become U+FFFD.
///
/// ```
/// let (text, warning) = ecp_table::for_workbook("Success");
/// assert_eq!((&*text, warning), ("Success", None));
/// let long = "x".repeat(40_000);
/// let (text, warning) = ecp_table::for_workbook(&long);
/// assert_eq!(text.len(), 32_767);
/// assert!(warning.unwrap().starts_with("40000 characters are cut to 32767"));
/// ```
pub fn for_workbook(text: &str) -> (Cow<'_, str>, Option<String>) {
    fitting(text, MOST)
}

fn fitting(value: &str, most: usize) -> (Cow<'_, str>, Option<String>) {
    let length = value.encode_utf16().count();
    let is_no_xml = |character| matches!(character, '\u{fffe}' | '\u{ffff}');
    let (text, odd): (Cow<'_, str>, _) = if value.contains(is_no_xml) {
        let text = value.replace(is_no_xml, "\u{fffd}");
        (text.into(), Some("holds U+FFFE or U+FFFF, which are U+FFFD in a workbook"))
    } else {
        (value.into(), None)
    };
    if length <= most {
        return (text, odd.map(str::to_owned));
    }
    let room = most.saturating_sub(CUT.len());
    let (mut units, mut end) = (0, 0);
    for character in text.chars() {
        units += character.len_utf16();
        if units > room {
            break;
        }
        end += character.len_utf8();
    }
    let warning = format!("{length} characters are cut to {most}; export to CSV for all of them");
    (format!("{}{CUT}", &text[..end]).into(), Some(warning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_cut_between_characters() {
        assert_eq!(fitting("abc", 3), ("abc".into(), None));
        let long = "😀".repeat(60);
        let (text, warning) = fitting(&long, 101);
        assert!(text.encode_utf16().count() <= 101 && text.ends_with(CUT), "{text}");
        let whole = text.chars().filter(|&character| character == '😀').count();
        assert_eq!(whole, (101 - CUT.len()) / 2);
        assert_eq!(
            warning.unwrap(),
            "120 characters are cut to 101; export to CSV for all of them"
        );
        let (text, warning) = fitting("a\u{fffe}", 3);
        assert_eq!(text, "a\u{fffd}");
        assert!(warning.unwrap().starts_with("holds U+FFFE"));
    }
}
