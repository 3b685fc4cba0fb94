//! Suggestions for misspelt words.

use ecp_core::{Currency, Money};
use strsim::osa_distance;

/// Returns the known word that was probably meant, `None` if no known word is similar.
pub(crate) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let word = word.to_lowercase();
    let distance = |known: &&str| osa_distance(&word, &known.to_lowercase());
    let found = known.into_iter().min_by_key(distance)?;
    // One letter of three, and at least one.
    (distance(&found) <= (word.chars().count() / 3).max(1)).then_some(found)
}

/// Returns the question `did you mean ..?` with the word that was probably meant, for the end of an
/// error; an empty text if no known word is similar.
pub(crate) fn did_you_mean<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    nearest(word, known).map(|found| format!("; did you mean `{found}`?")).unwrap_or_default()
}

/// Parses an amount such as `100.00 EUR`. If the currency is unknown, the error suggests similar
/// ones.
pub(crate) fn money(text: &str) -> Result<Money, String> {
    text.parse::<Money>().map_err(|error| {
        let code = text.split_once(' ').map_or("", |(_, code)| code);
        let is_code = code.len() == 3 && code.parse::<Currency>().is_err();
        let known = Currency::all().iter().map(|currency| currency.code());
        // Several codes may be as near.
        let letters = |known: &str| osa_distance(&code.to_uppercase(), known);
        let near: Vec<&str> = known.filter(|known| is_code && letters(known) <= 1).collect();
        let exact = near.iter().find(|known| letters(known) == 0);
        match (exact, near.as_slice()) {
            (Some(code), _) | (None, [code]) => format!("{error}; did you mean `{code}`?"),
            (None, [_, .., _]) if near.len() <= MOST => {
                format!("{error}; did you mean one of {}?", near.join(", "))
            }
            _ => error.to_string(),
        }
    })
}

/// Maximum number of currency codes that are suggested.
const MOST: usize = 6;

/// Joins the two arguments of an amount, a number and three capital letters, into one, so that
/// `100.00 EUR` needs no quotation marks.
pub(crate) fn joined(words: impl Iterator<Item = std::ffi::OsString>) -> Vec<std::ffi::OsString> {
    let is_number = |word: &str| {
        let digits = word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        digits && word.starts_with(|first: char| first.is_ascii_digit())
    };
    let is_code =
        |word: &str| word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_uppercase());
    let mut joined: Vec<std::ffi::OsString> = Vec::new();
    for word in words {
        match (joined.last_mut(), word.to_str()) {
            (Some(last), Some(code)) if is_code(code) && last.to_str().is_some_and(is_number) => {
                last.push(" ");
                last.push(code);
            }
            _ => joined.push(word),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_word_is_suggested_and_a_far_one_is_not() {
        let known = ["jeton", "eco-voucher", "touchngo"];
        for (word, expected) in [
            ("jetton", Some("jeton")),
            ("ecovoucher", Some("eco-voucher")),
            ("JETON", Some("jeton")),
            ("touchgno", Some("touchngo")),
            ("paypal", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), expected, "{word}");
        }
    }

    #[test]
    fn a_currency_is_suggested() {
        for (text, end) in [
            ("1.00 eur", "; did you mean `EUR`?"),
            ("1.00 ERU", "; did you mean one of ERN, EUR, MRU?"),
            ("1.00 QQQ", "with known decimals, such as `EUR`"),
            ("1.00 EUROS", "with known decimals, such as `EUR`"),
        ] {
            let error = money(text).unwrap_err();
            assert!(error.ends_with(end), "{error}");
        }
        assert_eq!(money("1.00 EUR"), Ok(Money::from_minor(100, Currency::EUR)));
    }

    #[test]
    fn the_two_words_of_an_amount_are_joined() {
        for (words, expected) in [
            (
                &["sale", "jeton", "P-1", "100.00", "EUR"][..],
                &["sale", "jeton", "P-1", "100.00 EUR"][..],
            ),
            (&["--part", "10", "INR", "S-1"], &["--part", "10 INR", "S-1"]),
            (&["17", "100.00 EUR"], &["17", "100.00 EUR"]),
            (&["17", "10.00", "EUR", "USD"], &["17", "10.00 EUR", "USD"]),
            (&["P-1", "EUR"], &["P-1", "EUR"]),
            (&["17", "--json"], &["17", "--json"]),
        ] {
            assert_eq!(joined(words.iter().map(Into::into)), expected);
        }
    }
}
