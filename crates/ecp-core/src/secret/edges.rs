//! Characters at the edges of a key that show how it was copied.

use std::fmt;

/// White space, a byte order mark, quotation marks or invisible characters with which a secret
/// begins or ends. Such characters usually come from an editor, a shell, a file of variables or a
/// spreadsheet, not from the platform, and a key with them makes wrong signatures.
///
/// The text of the secret is not kept, and `Display` does not repeat it.
///
/// ```
/// use ecp_core::SecretEdges;
///
/// let edges = SecretEdges::of("\u{feff}secret\n").unwrap();
/// assert_eq!(edges.to_string(), "begins with a byte order mark and ends with a line break");
/// assert_eq!(SecretEdges::of("secret"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretEdges {
    first: Option<Edge>,
    last: Option<Edge>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edge {
    ByteOrderMark,
    ControlCharacter,
    InvisibleCharacter,
    LineBreak,
    QuotationMark,
    Space,
    Tab,
    WhiteSpace,
}

impl SecretEdges {
    /// Finds white space, quotation marks and the like at the beginning and the end of a secret;
    /// `None` if there are none.
    pub fn of(text: &str) -> Option<Self> {
        let first = text.chars().next().and_then(Edge::of);
        let last = text.chars().next_back().and_then(Edge::of);
        (first.is_some() || last.is_some()).then_some(Self { first, last })
    }
}

impl fmt::Display for SecretEdges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.first, self.last) {
            (Some(first), Some(last)) if first == last => {
                write!(f, "begins and ends with {}", first.name())
            }
            (Some(first), Some(last)) => {
                write!(f, "begins with {} and ends with {}", first.name(), last.name())
            }
            (Some(first), None) => write!(f, "begins with {}", first.name()),
            (None, Some(last)) => write!(f, "ends with {}", last.name()),
            (None, None) => f.write_str("has plain edges"),
        }
    }
}

impl Edge {
    fn of(character: char) -> Option<Self> {
        Some(match character {
            '\u{feff}' => Self::ByteOrderMark,
            '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => Self::LineBreak,
            ' ' => Self::Space,
            '\t' => Self::Tab,
            '"' | '\'' | '`' | '\u{ab}' | '\u{b4}' | '\u{bb}' | '\u{2018}'..='\u{201f}' => {
                Self::QuotationMark
            }
            // Joiners and direction marks, which are invisible.
            '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' => Self::InvisibleCharacter,
            other if other.is_whitespace() => Self::WhiteSpace,
            other if other.is_control() => Self::ControlCharacter,
            _ => return None,
        })
    }

    const fn name(self) -> &'static str {
        match self {
            Self::ByteOrderMark => "a byte order mark",
            Self::ControlCharacter => "a control character",
            Self::InvisibleCharacter => "an invisible character",
            Self::LineBreak => "a line break",
            Self::QuotationMark => "a quotation mark",
            Self::Space => "a space",
            Self::Tab => "a tab",
            Self::WhiteSpace => "white space",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_that_come_from_copying_are_named_without_the_text() {
        let table = [
            ("secret\n", "ends with a line break"),
            ("secret\r\n", "ends with a line break"),
            ("\u{feff}secret", "begins with a byte order mark"),
            ("\u{feff}secret\n", "begins with a byte order mark and ends with a line break"),
            (" secret ", "begins and ends with a space"),
            ("secret\t", "ends with a tab"),
            ("secret\u{a0}", "ends with white space"),
            ("\u{3000}secret", "begins with white space"),
            ("\"secret\"", "begins and ends with a quotation mark"),
            ("'secret'", "begins and ends with a quotation mark"),
            ("\u{201e}secret\u{201c}", "begins and ends with a quotation mark"),
            ("`secret", "begins with a quotation mark"),
            ("secret\0", "ends with a control character"),
            ("\u{200b}secret", "begins with an invisible character"),
            ("\u{2060}secret", "begins with an invisible character"),
            (" ", "begins and ends with a space"),
        ];
        for (text, words) in table {
            let edges = SecretEdges::of(text).unwrap();
            assert_eq!(edges.to_string(), words);
            assert!(!format!("{edges:?} {edges}").contains("secret"), "{edges:?}");
        }
        for text in ["secret", "se cret", "a\"b", "=", "ключ", "e\u{301}", ""] {
            assert_eq!(SecretEdges::of(text), None, "{text}");
        }
    }
}
