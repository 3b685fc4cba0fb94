//! Characters that nobody sees, and texts that look alike.

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// A character that is not seen, or not as what it is: a format or control character, a space
/// other than U+0020, or white space at the edge of a text.
///
/// Two ids that differ in one look the same everywhere, and are two payments.
///
/// ```
/// use ecp_table::Hidden;
///
/// assert_eq!(Hidden::find("Z-1"), None);
/// let hidden = Hidden::find("Z-1\u{200b}").unwrap();
/// assert_eq!(hidden.to_string(), "U+200B, a zero width space");
/// assert_eq!(Hidden::find(" Z-1").unwrap().to_string(), "a space at its edge");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hidden(char);

impl Hidden {
    /// The first one of a text that is an id, an account number or a code.
    pub fn find(text: &str) -> Option<Self> {
        let hidden = text.chars().find(|&character| is_hidden(character));
        let edge = || text.chars().next().filter(|first| *first == ' ');
        let other_edge = || text.chars().next_back().filter(|last| *last == ' ');
        hidden.or_else(edge).or_else(other_edge).map(Self)
    }

    /// The character.
    pub const fn character(self) -> char {
        self.0
    }
}

impl fmt::Display for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            ' ' => return f.write_str("a space at its edge"),
            '\t' => "a tab",
            '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => "a line break",
            '\u{a0}' | '\u{202f}' => "a no-break space",
            '\u{ad}' => "a soft hyphen",
            '\u{200b}' => "a zero width space",
            '\u{200c}' => "a zero width non-joiner",
            '\u{200d}' => "a zero width joiner",
            '\u{2060}' => "a word joiner",
            '\u{feff}' => "a byte order mark",
            '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => "a mark of text direction",
            '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => "a variation selector",
            '\u{fffd}' => "the sign of a character that was lost",
            other => match other.general_category() {
                GeneralCategory::Control => "a control character",
                GeneralCategory::Format => "a format character",
                GeneralCategory::SpaceSeparator => "a space of another kind",
                GeneralCategory::PrivateUse | GeneralCategory::Unassigned => {
                    "a character without a meaning"
                }
                _ => "a character that is not seen",
            },
        };
        write!(f, "U+{:04X}, {name}", u32::from(self.0))
    }
}

pub(crate) fn is_hidden(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_control();
    }
    matches!(
        character.general_category(),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
            | GeneralCategory::PrivateUse
            | GeneralCategory::SpaceSeparator
            | GeneralCategory::Surrogate
            | GeneralCategory::Unassigned
    ) || matches!(
        character,
        // Those of Default_Ignorable_Code_Point that are of another category; the blanks of
        // Hangul and Braille; what stands for an object or for a character that was lost.
        '\u{34f}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{17b4}'
            | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{ffa0}'
            | '\u{fffc}'
            | '\u{fffd}'
            | '\u{e0100}'..='\u{e01ef}'
    )
}

/// The text that all texts share which differ only in case, in width (`Ａ` for `A`), in how an
/// accent is written, in hidden characters or in white space.
///
/// ```
/// assert_eq!(ecp_table::look("Ｐ-１7"), ecp_table::look("p-17 "));
/// ```
pub fn look(text: &str) -> String {
    let visible =
        text.chars().filter(|&character| !is_hidden(character) && !character.is_whitespace());
    let folded: String = visible.nfkc().flat_map(char::to_lowercase).collect();
    folded.nfkc().collect()
}
