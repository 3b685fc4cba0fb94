//! Traces of a spreadsheet in a cell that it converted.

use std::fmt;

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// A sign that a spreadsheet has changed the value of a cell. The original value is often lost, so
/// this library does not correct the changed one; the `Display` text says what to do in the file.
///
/// ```
/// use ecp_table::Trace;
///
/// assert_eq!(Trace::find("1.23457E+15"), Some(Trace::Rounded));
/// assert_eq!(Trace::find("01.Feb"), Some(Trace::Date));
/// assert_eq!(Trace::find("P-17"), None);
/// assert_eq!(Trace::in_id("93017949.0"), Some(Trace::Decimals));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trace {
    /// An error value such as `#REF!`, `#N/A` or `Err:502`, or `#####` for a column that was too
    /// narrow.
    Error,
    /// `1.23457E+15`: a long number whose last digits are lost.
    Rounded,
    /// A date such as `01.Feb` or `1/2/2024`, which a spreadsheet may have made from `1-2`.
    Date,
    /// A truth value, `TRUE` or `FALSE`, also in other languages.
    Truth,
    /// An apostrophe before the value: spreadsheets mark text with it, and it is no part of the
    /// value.
    Apostrophe,
    /// A typographic quote, such as `“`.
    TypographicQuote,
    /// `="93017949"`: a formula whose result is the text between the quotes.
    Formula,
    /// `９３` or `٩٣`: digits outside ASCII.
    OtherDigits,
    /// `93017949.0`: a program turned the whole number into a decimal number. Only [`Trace::in_id`]
    /// looks for it: an amount may have decimals.
    Decimals,
    /// `93,017,949` or `(93017949)`: a number with separators or brackets of a number format.
    Grouped,
}

impl Trace {
    /// Finds the first sign that a spreadsheet has changed a code or an amount, such as
    /// `1.23457E+15` or `01.Feb`; `None` if there is none. Decimals, as in `300.00`, are no sign
    /// here. For ids and account numbers, use [`Trace::in_id`].
    pub fn find(text: &str) -> Option<Self> {
        let text = text.trim();
        [
            (Self::Error, is_error as fn(&str) -> bool),
            (Self::Rounded, is_rounded),
            (Self::Date, is_date),
            (Self::Truth, is_truth),
            (Self::Apostrophe, |text| text.starts_with(['\'', '’', '‘', '`'])),
            (Self::TypographicQuote, |text| text.contains(TYPOGRAPHIC)),
        ]
        .into_iter()
        .find_map(|(trace, fits)| fits(text).then_some(trace))
    }

    /// Finds the first sign that a spreadsheet has changed an id or an account number; `None` if
    /// there is none. Here added decimals are a sign too, such as in `93017949.0`.
    pub fn in_id(text: &str) -> Option<Self> {
        let text = text.trim();
        Self::find(text).or_else(|| {
            [
                (Self::Formula, is_formula as fn(&str) -> bool),
                (Self::OtherDigits, |text| text.contains(is_other_digit)),
                (Self::Decimals, has_decimals),
                (Self::Grouped, is_grouped),
            ]
            .into_iter()
            .find_map(|(trace, fits)| fits(text).then_some(trace))
        })
    }

    /// Finds a sign that a spreadsheet has changed a free text, such as a name, an address or a
    /// description: an error value ([`Trace::Error`]) or a formula that begins with `="`
    /// ([`Trace::Formula`]); `None` if there is none. The other signs do not count here, because a
    /// free text may really have a date, a truth value or an apostrophe.
    pub fn in_text(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_formula = || text.starts_with("=\"").then_some(Self::Formula);
        is_error(text).then_some(Self::Error).or_else(is_formula)
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => {
                "is a spreadsheet's error value, or the `###` of a narrow column; write the value"
            }
            Self::Rounded => {
                "is a number that a spreadsheet shortened, its last digits are lost; make the \
                 column text, and write the value again"
            }
            Self::Date => {
                "looks like a date that a spreadsheet made from another value; make the column \
                 text, and write the value again"
            }
            Self::Truth => {
                "is a truth value of a spreadsheet; make the column text, and write the value again"
            }
            Self::Apostrophe => {
                "begins with an apostrophe, which marks text in a spreadsheet; remove it"
            }
            Self::TypographicQuote => "holds a typographic quote; remove it",
            Self::Formula => "is a formula that keeps text in a spreadsheet; write the value alone",
            Self::OtherDigits => {
                "holds digits of another script, which are other characters than those of ASCII; \
                 write it in ASCII"
            }
            Self::Decimals => {
                "is a whole number to which a program added decimals; make the column text, and \
                 write the value again"
            }
            Self::Grouped => {
                "is a number with the brackets or the separators of thousands of a spreadsheet; \
                 make the column text, and write the value again"
            }
        })
    }
}

const TYPOGRAPHIC: [char; 9] = ['“', '”', '„', '‟', '«', '»', '‹', '›', '＂'];

fn is_error(text: &str) -> bool {
    let is_filling = text.len() >= 2 && text.bytes().all(|byte| byte == b'#');
    // The word in any language: `#REF!`, `#BEZUG!`, `#N/A`, `#NOM?`, `#DIV/0!`.
    let is_word = text.strip_prefix('#').is_some_and(|word| {
        (word.ends_with(['!', '?']) || word == "N/A" || word == "NV" || word == "N/V")
            && word.len() > 1
            && !word.contains(char::is_whitespace)
            && word.chars().all(|character| !character.is_lowercase())
    });
    let is_number = text.strip_prefix("Err:").is_some_and(|number| {
        number.len() == 3 && number.bytes().all(|byte| byte.is_ascii_digit())
    });
    is_filling || is_word || is_number
}

/// Spreadsheets write a capital E and a sign, other programs a plain `e`; an id such as `12e3` is
/// not rounded, because all of them write one digit and a fraction, or a sign.
fn is_rounded(text: &str) -> bool {
    let Some((number, exponent)) = text.split_once(['E', 'e']) else { return false };
    let number = number.strip_prefix(['-', '+']).unwrap_or(number);
    let (whole, fraction) = number.split_once(['.', ',']).unwrap_or((number, ""));
    let signed = exponent.strip_prefix(['+', '-']);
    let digits = signed.unwrap_or(exponent);
    let fits = match (signed, fraction) {
        (Some(_), "") => whole.len() == 1 && (2..=3).contains(&digits.len()),
        // Engineering notation has up to three digits: `93.0E+06`.
        (Some(_), _) => (1..=3).contains(&whole.len()) && (1..=3).contains(&digits.len()),
        (None, "") => false,
        (None, _) => whole.len() == 1 && (1..=3).contains(&digits.len()),
    };
    fits && [whole, fraction, digits].iter().all(|part| are_digits(part))
}

fn are_digits(part: &str) -> bool {
    part.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_formula(text: &str) -> bool {
    text.strip_prefix('=')
        .is_some_and(|rest| rest.starts_with('"') || !rest.is_empty() && are_digits(rest))
}

fn is_other_digit(character: char) -> bool {
    !character.is_ascii() && character.general_category() == GeneralCategory::DecimalNumber
}

fn has_decimals(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    digits.rsplit_once(['.', ',']).is_some_and(|(whole, zeros)| {
        let are_zeros = !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0');
        are_zeros && (!whole.is_empty() && are_digits(whole) || in_thousands(whole).is_some())
    })
}

fn is_grouped(text: &str) -> bool {
    let in_brackets = text.strip_prefix('(').and_then(|text| text.strip_suffix(')'));
    let in_brackets = in_brackets.is_some_and(|digits| !digits.is_empty() && are_digits(digits));
    in_brackets || in_thousands(text).is_some_and(|separator| !matches!(separator, '.' | ' '))
}

/// The separator between groups of three digits in a number, such as `.` in `93.017.949`; `None` if
/// the text is not a number in such groups.
///
/// ```
/// use ecp_table::in_thousands;
///
/// assert_eq!(in_thousands("93.017.949"), Some('.'));
/// assert_eq!(in_thousands("20.30.4000"), None);
/// ```
pub fn in_thousands(text: &str) -> Option<char> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let separator = digits.chars().find(|character| !character.is_ascii_digit())?;
    let mut groups = digits.split(separator);
    let is_first = groups.next().is_some_and(|first| (1..=3).contains(&first.len()));
    let are_groups = groups.all(|group| group.len() == 3 && are_digits(group));
    (matches!(separator, '.' | ',' | ' ' | '\'' | '’') && is_first && are_groups)
        .then_some(separator)
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> =
        text.split(['.', '/', '-', ' ']).filter(|part| !part.is_empty()).collect();
    let is_number = |part: &str, most: usize| {
        (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let is_year = |part: &str| part.len() != 1 && part.len() != 3 && is_number(part, 4);
    let has_separator = text.contains(['.', '/']);
    match parts[..] {
        [day, month] if is_number(day, 2) && is_month(month) => true,
        // `out-12` and `mar-7` are ids that people make; `Feb-24` and `out/24` are dates.
        [month, year] if is_month(month) && is_year(year) => {
            has_separator || text.contains(' ') || month.starts_with(char::is_uppercase)
        }
        [day, month, year] if is_number(day, 2) && is_month(month) && is_year(year) => true,
        [month, day, year] if is_month(month) && is_number(day, 2) && is_year(year) => true,
        // Day and month in either order; `20.30.4000` is an account number.
        [first, second, year] if has_separator && is_number(first, 2) && is_number(second, 2) => {
            let numbers = [first, second].map(|part| part.parse().unwrap_or(0_u8));
            let [less, more] = [numbers[0].min(numbers[1]), numbers[0].max(numbers[1])];
            (1..=12).contains(&less) && more <= 31 && is_year(year)
        }
        _ => false,
    }
}

/// Short names of months in the languages that the platform's merchants write in; long ones begin
/// with them.
fn is_month(part: &str) -> bool {
    const MONTHS: &[&str] = &[
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov",
        "dec", // en
        "mär", "mrz", "mai", "okt", "dez", // de
        "janv", "févr", "fév", "mars", "avr", "juin", "juil", "août", "aoû", "sept",
        "déc", // fr
        "ene", "abr", "ago", "dic", // es
        "gen", "mag", "giu", "lug", "set", "ott", // it
        "fev", "out", // pt
        "sty", "lut", "kwi", "maj", "cze", "lip", "sie", "wrz", "paź", "lis", "gru", // pl
        "янв", "фев", "мар", "апр", "май", "июн", "июл", "авг", "сен", "окт", "ноя",
        "дек", // ru
    ];
    MONTHS.contains(&part.to_lowercase().as_str())
}

fn is_truth(text: &str) -> bool {
    const WORDS: &[&str] = &[
        "TRUE",
        "FALSE",
        "WAHR",
        "FALSCH",
        "VRAI",
        "FAUX",
        "VERDADERO",
        "FALSO",
        "ИСТИНА",
        "ЛОЖЬ",
    ];
    WORDS.contains(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_spreadsheets_leave_is_named_and_ids_stay_ids() {
        let table: [(&[&str], Option<Trace>); 7] = [
            (
                &["#REF!", "#####", "#N/A", "#DIV/0!", "#BEZUG!", "#NAME?", "Err:502"],
                Some(Trace::Error),
            ),
            (
                &[
                    "1.23457E+15",
                    "1,23457E+15",
                    "3E+04",
                    "-1.5E-05",
                    "9.3017949E+007",
                    "9.3017949e+07",
                    "9.3017949E7",
                    "93.0E+06",
                ],
                Some(Trace::Rounded),
            ),
            (
                &[
                    "01.Feb",
                    "1-Feb",
                    "2/1/2024",
                    "01.02.2024",
                    "Feb 24",
                    "Feb-24",
                    "out/24",
                    "1 févr. 2024",
                    "01. Mrz",
                ],
                Some(Trace::Date),
            ),
            (&["TRUE", "WAHR"], Some(Trace::Truth)),
            (&["'0093017949", "’17"], Some(Trace::Apostrophe)),
            (&["“P-1”", "„P-1“"], Some(Trace::TypographicQuote)),
            (
                &[
                    "P-17",
                    "12e3",
                    "12E3",
                    "1E+5",
                    "ABE+12",
                    "93017949",
                    "#17",
                    "1-2",
                    "may-order-17",
                    "out-1",
                    "set-12",
                    "2024-01-02",
                    "O'Brien",
                    "#",
                    "true",
                    "192.0.2.1",
                    "10.20.300",
                    "20.30.40",
                    "12.34.5678",
                    "a/b/c",
                    "",
                ],
                None,
            ),
        ];
        for (texts, expected) in table {
            for text in texts {
                assert_eq!(Trace::find(text), expected, "{text}");
            }
        }
    }
}
