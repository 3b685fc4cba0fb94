//! Sentinels, and the search for them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// A list of sentinels: texts that must not be printed, such as invented secrets, each with a name.
/// A test gives the texts to the program as its secrets, and then searches the output with
/// `Capture::leaks`.
#[derive(Clone, Debug, Default)]
pub struct Sentinels(Vec<(String, Vec<String>)>);

impl Sentinels {
    /// Creates an empty list of sentinels; [`Sentinels::add`] adds the texts that must not be
    /// printed.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a sentinel: a text that must not be printed, and a name by which a failed test reports
    /// it, such as `the signing key`. Invent the text for the test and use no real secret, because
    /// a failed test prints it. It must have at least eight bytes, because shorter texts occur by
    /// chance. A text that is already in the list is not added again.
    ///
    /// # Panics
    ///
    /// If the text is shorter than eight bytes.
    pub fn add(&mut self, name: &str, text: &str) {
        assert!(text.len() >= 8, "the sentinel {name} must have at least 8 bytes");
        if self.0.iter().all(|(_, forms)| forms[0] != text) {
            self.0.push((name.to_owned(), forms(text)));
        }
    }

    /// Prepares a search that finds all sentinels of the list in one pass over a text, also in
    /// encoded forms such as Base64. [`Search::found_in`] searches a text.
    ///
    /// # Panics
    ///
    /// If the list has more texts than one search automaton can hold (thousands of millions).
    pub fn search(&self) -> Search<'_> {
        let forms = || self.0.iter().flat_map(|(name, forms)| forms.iter().map(move |f| (name, f)));
        let automaton = AhoCorasick::new(forms().map(|(_, form)| form));
        Search {
            automaton: automaton.expect("the automaton has room for all sentinels"),
            names: forms().map(|(name, _)| name.as_str()).collect(),
        }
    }

    /// The number of sentinels (texts that must not be printed) in the list.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the list has no sentinels.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A prepared search for all sentinels of a list, to use on any number of texts.
/// [`Sentinels::search`] prepares it.
#[derive(Debug)]
pub struct Search<'s> {
    automaton: AhoCorasick,
    /// Name of the sentinel to which each searched form belongs, by the index of the form. A form
    /// is the sentinel's text or an encoding of it, such as Base64.
    names: Vec<&'s str>,
}

impl<'s> Search<'s> {
    /// Returns the names of the sentinels that a text contains, as they are or encoded, such as in
    /// Base64. A sentinel is an invented secret that is given to a program to see whether it leaks.
    pub fn found_in(&self, text: &str) -> BTreeSet<&'s str> {
        let shown = self.automaton.find_overlapping_iter(text);
        shown.map(|form| self.names[form.pattern().as_usize()]).collect()
    }
}

/// The text itself first; then as a part of a URL, of a form, of a list of bytes, in hexadecimal
/// digits, and in Base64 at any offset in a longer text.
fn forms(text: &str) -> Vec<String> {
    let mut forms = vec![text.to_owned()];
    forms.push(form_urlencoded::byte_serialize(text.as_bytes()).collect());
    let numbers: Vec<String> = text.bytes().map(|byte| byte.to_string()).collect();
    forms.push(numbers.join(", "));
    for upper in [false, true] {
        let mut digits = String::new();
        for byte in text.bytes() {
            // Writing to a String cannot fail.
            let _ = if upper { write!(digits, "{byte:02X}") } else { write!(digits, "{byte:02x}") };
        }
        forms.push(digits);
    }
    for before in 0..3 {
        let padded = ["x".repeat(before).as_bytes(), text.as_bytes()].concat();
        let encoded = STANDARD_NO_PAD.encode(&padded);
        // The characters at both ends hold bits of the neighbouring text.
        let from = [0, 2, 3][before];
        let to = encoded.len() - usize::from(padded.len() % 3 != 0);
        forms.push(encoded[from..to].to_owned());
    }
    // JSON and `Debug` escape a quotation mark or a backslash.
    forms.push(text.escape_debug().to_string());
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_found_wherever_it_stands() {
        let mut sentinels = Sentinels::new();
        sentinels.add("mail", "mary/ann@example.com");
        let text = "mary/ann@example.com";
        let bytes = format!("{:?}", format!("ab{text}c").as_bytes());
        let hex = "6d6172792f616e6e406578616d706c652e636f6d".to_owned();
        let mut shown =
            vec![text.to_owned(), format!("?a=b&mail={}", "mary%2Fann%40example.com"), bytes, hex];
        for before in ["", "a", "ab", "abc", "abcd"] {
            for after in ["", "a", "ab"] {
                shown.push(STANDARD_NO_PAD.encode(format!("{before}{text}{after}")));
            }
        }
        for shown in shown {
            let found = sentinels.search().found_in(&shown);
            assert_eq!(found, BTreeSet::from(["mail"]), "{shown}");
        }
        for hidden in ["mary ann@example.com", "", "***", "bWFyeQ"] {
            assert!(sentinels.search().found_in(hidden).is_empty(), "{hidden}");
        }
    }
}
