//! What a spreadsheet leaves in a cell that it converted.

use std::fmt;

/// What a spreadsheet left in a cell. What stood there before cannot be told from it.
///
/// ```
/// use ecp_table::Trace;
///
/// assert_eq!(Trace::find("1.23457E+15"), Some(Trace::Rounded));
/// assert_eq!(Trace::find("01.Feb"), Some(Trace::Date));
/// assert_eq!(Trace::find("P-17"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trace {
    /// `#REF!`, `#N/A`, `Err:502`, or `#####` for a column that was too narrow.
    Error,
    /// `1.23457E+15`: a long number whose last digits are gone.
    Rounded,
    /// `01.Feb` or `1/2/2024`, such as from `1-2`.
    Date,
    /// `TRUE`, also in other languages.
    Truth,
    /// An apostrophe before it, which marks text in a spreadsheet.
    Apostrophe,
    /// `“` or another quote of typography.
    TypographicQuote,
}

impl Trace {
    /// The first one that fits a text which is an id, an account number, a code or an amount.
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

    /// The one of a text that may be about anything: a name, an address, a description.
    pub fn in_text(text: &str) -> Option<Self> {
        is_error(text.trim()).then_some(Self::Error)
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => {
                "is an error or the filling of a narrow column in a spreadsheet; write the value"
            }
            Self::Rounded => {
                "is a number that a spreadsheet shortened, its last digits are lost; make the \
                 column text, and write the value again"
            }
            Self::Date => {
                "looks like a date that a spreadsheet made of it; make the column text, and write \
                 the value again"
            }
            Self::Truth => {
                "is a truth value of a spreadsheet; make the column text, and write the value again"
            }
            Self::Apostrophe => {
                "begins with an apostrophe, which marks text in a spreadsheet; remove it"
            }
            Self::TypographicQuote => "holds a typographic quote; remove it",
        })
    }
}

const TYPOGRAPHIC: [char; 9] = ['“', '”', '„', '‟', '«', '»', '‹', '›', '＂'];

fn is_error(text: &str) -> bool {
    let is_filling = text.len() >= 2 && text.bytes().all(|byte| byte == b'#');
    // In any language: `#REF!`, `#BEZUG!`, `#N/A`, `#NOM?`, `#DIV/0!`.
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

/// Spreadsheets write a capital E and a sign; an id such as `12e3` stays an id.
fn is_rounded(text: &str) -> bool {
    let Some((number, exponent)) = text.split_once('E') else { return false };
    let number = number.strip_prefix(['-', '+']).unwrap_or(number);
    let (whole, fraction) = number.split_once(['.', ',']).unwrap_or((number, ""));
    let are_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let exponent = exponent.strip_prefix(['+', '-']);
    whole.len() == 1
        && are_digits(whole)
        && are_digits(fraction)
        && exponent.is_some_and(|digits| (2..=3).contains(&digits.len()) && are_digits(digits))
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
        // In either order; `20.30.4000` is an account number.
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
                &["1.23457E+15", "1,23457E+15", "3E+04", "-1.5E-05", "9.3017949E+007"],
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
