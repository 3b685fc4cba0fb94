//! Invisible characters, and texts that look alike.

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// A character in an id that a person cannot see or distinguish from another. It is a format or
/// control character, a space other than U+0020, white space at the start or end of the text, or a
/// mark that is drawn over another character and is not part of a letter.
///
/// Two ids that differ only in such a character look the same, but are two payments.
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
    /// Finds the first hidden character in an id, an account number or a code, such as a zero width
    /// space; `None` if there is none.
    pub fn find(text: &str) -> Option<Self> {
        let hidden = text.chars().find(|&character| is_hidden(character));
        let edge = || text.chars().next().filter(|first| *first == ' ');
        let other_edge = || text.chars().next_back().filter(|last| *last == ' ');
        hidden.or_else(edge).or_else(other_edge).or_else(|| stray_mark(text)).map(Self)
    }

    /// The hidden character itself, such as U+200B.
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
                _ if is_blank(other) => "a character that is not seen",
                GeneralCategory::NonspacingMark | GeneralCategory::EnclosingMark => {
                    "a mark that is drawn over another character"
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
            | GeneralCategory::EnclosingMark
    ) || canonical_combining_class(character) == OVERLAY
        || is_blank(character)
}

/// Combining class of marks that strike a character through.
const OVERLAY: u8 = 1;

/// Characters of `Default_Ignorable_Code_Point` in other categories; blanks of Hangul, Braille,
/// Khitan and music; placeholders for an object or for a lost character.
const fn is_blank(character: char) -> bool {
    matches!(
        character,
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
            | '\u{16fe4}'
            | '\u{1d159}'
            | '\u{e0100}'..='\u{e01ef}'
    )
}

/// A mark that forms no letter with the character before it: an accent on a digit, or a second one.
/// Only Latin letters have all their accents precomposed; the vowels of other scripts are marks.
fn stray_mark(text: &str) -> Option<char> {
    if text.is_ascii() {
        return None;
    }
    let mut before = None;
    for character in text.nfc() {
        let is_latin = |before: char| {
            before < '\u{250}' || matches!(before, '\u{300}'..='\u{36f}' | '\u{1e00}'..='\u{1eff}')
        };
        let is_mark = character.general_category() == GeneralCategory::NonspacingMark;
        if is_mark && before.is_none_or(is_latin) {
            return Some(character);
        }
        before = Some(character);
    }
    None
}

/// Returns a key that is equal for texts that look alike, to find ids that a person may confuse.
/// Two texts have the same key if they differ only in case, in width (`Ａ` for `A`), in the encoding
/// of accents, in the form of dashes, apostrophes and slashes, in hidden characters or in white
/// space. [`fold`] ignores fewer differences.
///
/// ```
/// assert_eq!(ecp_table::look("Ｐ-１7"), ecp_table::look("p–17 "));
/// ```
pub fn look(text: &str) -> String {
    let visible =
        text.chars().filter(|&character| !is_hidden(character) && !character.is_whitespace());
    // A free-standing acute accent has another compatible form.
    let compatible: String = visible.map(plain).nfkc().collect();
    fold(&compatible).nfkc().collect()
}

/// Returns a key for comparing texts without regard to case. Two texts have the same key if they
/// differ only in case, or in the form of dashes, apostrophes, slashes and similar characters. Case
/// is full Unicode case folding, except that ligatures such as `ﬁ` stay as they are and a dotless
/// `ı` equals `i`.
///
/// ```
/// assert_eq!(ecp_table::fold("Straße–1"), "strasse-1");
/// ```
pub fn fold(text: &str) -> String {
    let lower = text.chars().map(plain).flat_map(char::to_lowercase);
    // `ß` and `ς` are lower case, and share their upper case with other letters. Ligatures are not
    // another case.
    let mut folded = String::with_capacity(text.len());
    for character in lower {
        if matches!(character, '\u{fb00}'..='\u{fb17}') {
            folded.push(character);
        } else {
            folded.extend(character.to_uppercase().flat_map(char::to_lowercase));
        }
    }
    folded
}

/// The ASCII character that spreadsheets and editors replace by this one.
fn plain(character: char) -> char {
    match character {
        '\u{2d7}' | '\u{2043}' | '\u{207b}' | '\u{208b}' | '\u{2212}' | '\u{2500}' => '-',
        '`'
        | '\u{b4}'
        | '\u{2b9}'
        | '\u{2bb}'..='\u{2bd}'
        | '\u{2c8}'
        | '\u{2ca}'
        | '\u{2cb}'
        | '\u{2018}'..='\u{201b}'
        | '\u{2032}'
        | '\u{2035}'
        | '\u{a78c}'
        | '\u{ff07}' => '\'',
        '\u{2044}' | '\u{2215}' | '\u{2571}' | '\u{29f8}' => '/',
        '\u{2d0}' | '\u{2236}' | '\u{a789}' => ':',
        '\u{1c0}' | '\u{2223}' => '|',
        other if other.is_ascii() => other,
        other if other.general_category() == GeneralCategory::DashPunctuation => '-',
        other => other,
    }
}
