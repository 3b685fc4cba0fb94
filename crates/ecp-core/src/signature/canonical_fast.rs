//! The canonical string in one walk, for documents without special cases.
//!
//! The items of a document are sorted by their key paths. If comparing whole paths cannot give
//! another result than comparing the keys at which they part, sorting siblings gives the same
//! order, and the string can be written while walking. All other documents are left to
//! [`Items`](super::canonical::Items), which is slow, plain and always right; tests and fuzz
//! targets compare the two.

use std::cell::Cell;
use std::io::Write;
use std::thread::LocalKey;

use super::canonical::{LONGEST_AGREED_LIST, length_limit};
use super::{natural_order, php_number};
use crate::json::{Content, Document, Node, Onward};
use crate::reuse::{Reuse, Reused};

/// Conditions under which a document may be walked.
#[derive(Clone, Copy)]
pub(super) enum Ground {
    /// Sorting the members of each object by themselves gives PHP's natural order of all key paths.
    Natural,
    /// As for `Natural`; in addition, every official SDK gives the same string, and the document
    /// holds no `;`.
    Agreed,
    /// As for `Agreed`, and every byte of the document is printable ASCII, so its texts need no
    /// check one by one.
    AgreedTexts,
}

/// Output and state of a walk.
pub(super) struct Buffers {
    string: Pieces,
    /// Key path of the current container, with a `:` at its end.
    path: Pieces,
    /// The containers around the current one, outermost first.
    levels: Vec<Level>,
    /// Digits of an item's index in its list.
    place: Vec<u8>,
}

/// A container of the current path.
#[derive(Clone, Copy)]
struct Level {
    object: bool,
    /// Next value to write: for an object, its place in the order of names; for a list, the index
    /// of its node.
    next: usize,
    /// The value of `next` at which the container ends.
    end: usize,
    /// For a list, the number of items written so far.
    position: usize,
    /// Length of the container's key path in bytes, with the `:` at its end.
    path: usize,
}

/// The canonical string of a document, `signature` omitted everywhere. `None` if the document does
/// not meet the conditions, or has no canonical string.
pub(super) fn canonical_string(document: &Document<'_>, ground: Ground) -> Option<Reused<Buffers>> {
    if document.node(0).content != Content::Object || document.has_duplicates() {
        return None;
    }
    let limit = length_limit(document);
    let ground = ground.of(document);
    let mut buffers = Reused::<Buffers>::take();
    let Buffers { string, path, levels, place } = &mut *buffers;
    let mut level = Level::of(document, ground, 0, 0)?;
    loop {
        if level.next == level.end {
            let Some(outer) = levels.pop() else { break };
            level = outer;
            path.length = level.path;
            continue;
        }
        let (index, node, key) = if level.object {
            let index = document.sorted_member(level.next);
            let node = document.node(index);
            let key = document.bytes_onward(node.key);
            level.next += 1;
            match key.piece() {
                // The root is level 0, and `general` is directly below it.
                b"signature" if ground.is_agreed() => match levels.len() {
                    0 => continue,
                    1 if path.onward().piece() == b"general:" => continue,
                    _ => return None,
                },
                b"frame_mode" | b"signature" => continue,
                b"__proto__" if ground.is_agreed() => return None,
                _ => {}
            }
            (index, node, key)
        } else {
            let (index, node) = (level.next, document.node(level.next));
            level.next = node.end as usize;
            level.position += 1;
            place.clear();
            // Writing to a Vec cannot fail.
            let _ = write!(place, "{}", level.position - 1);
            (index, node, Onward::all(place))
        };
        let text = match node.content {
            Content::Object | Content::Array => {
                path.push(key.piece());
                path.push(b":");
                levels.push(level);
                level = Level::of(document, ground, index, path.length)?;
                continue;
            }
            Content::Null => Onward::all(b""),
            Content::False => Onward::all(b"0"),
            Content::True => Onward::all(b"1"),
            Content::Number => document.bytes_onward(node.place()),
            Content::String => document.bytes_onward(node.text),
        };
        if !ground.admits_value(node, text.piece(), document) {
            return None;
        }
        if node.content == Content::Number && !is_plain(text.piece()) {
            let literal = php_number::render(document.value(index).raw());
            string.push_item(path.onward(), key, Onward::all(literal.as_bytes()));
        } else {
            string.push_item(path.onward(), key, text);
        }
        if string.length > limit {
            return None;
        }
    }
    // Without the last `;`.
    string.length = string.length.saturating_sub(1);
    Some(buffers)
}

/// Bytes that are copied at once.
const BLOCK: usize = 32;

/// A text under construction. Its buffer is reused, and longer than the text.
struct Pieces {
    bytes: Vec<u8>,
    length: usize,
}

impl Pieces {
    const EMPTY: Self = Self { bytes: Vec::new(), length: 0 };

    fn onward(&self) -> Onward<'_> {
        Onward { bytes: &self.bytes, length: self.length }
    }

    fn push(&mut self, piece: &[u8]) {
        let end = self.length + piece.len();
        if end > self.bytes.len() {
            self.bytes.resize(2 * end + 4 * BLOCK, 0);
        }
        self.bytes[self.length..end].copy_from_slice(piece);
        self.length = end;
    }

    /// Pushes an item. Most of its parts are short and copied in blocks, together with the bytes
    /// that follow them: the next part overwrites those.
    #[inline]
    fn push_item(&mut self, path: Onward<'_>, key: Onward<'_>, text: Onward<'_>) {
        if path.length < BLOCK
            && key.length < BLOCK
            && text.length < BLOCK
            && let Some(path_block) = path.bytes.first_chunk::<BLOCK>()
            && let Some(key_block) = key.bytes.first_chunk::<BLOCK>()
            && let Some(text_block) = text.bytes.first_chunk::<BLOCK>()
            && let Some(room) = self.bytes[self.length..].first_chunk_mut::<{ 3 * BLOCK + 2 }>()
        {
            room[..BLOCK].copy_from_slice(path_block);
            let key_at = path.length;
            room[key_at..key_at + BLOCK].copy_from_slice(key_block);
            let text_at = key_at + key.length + 1;
            room[text_at - 1] = b':';
            room[text_at..text_at + BLOCK].copy_from_slice(text_block);
            let end = text_at + text.length + 1;
            room[end - 1] = b';';
            self.length += end;
        } else {
            for part in [path.piece(), key.piece(), b":", text.piece(), b";"] {
                self.push(part);
            }
        }
    }
}

impl Level {
    /// A container that may be walked.
    fn of(document: &Document<'_>, ground: Ground, index: usize, path: usize) -> Option<Self> {
        let node = document.node(index);
        let object = node.content == Content::Object;
        let (next, end) = if object {
            let members = node.text.range();
            if !node.plain && !ground.admits_members(document, node, path == 0) {
                return None;
            }
            (members.start, members.end)
        } else {
            let items = document.value(index).children();
            if ground.is_agreed() && items.count() > LONGEST_AGREED_LIST {
                return None;
            }
            (index + 1, node.end as usize)
        };
        Some(Self { object, next, end, position: 0, path })
    }
}

impl Ground {
    /// Checks all texts at once, which makes the check of each unnecessary.
    fn of(self, document: &Document<'_>) -> Self {
        if !self.is_agreed() {
            return self;
        }
        let harmless = document.holds_only(|byte| (b' '..=b'~').contains(&byte) && byte != b';');
        if harmless { Self::AgreedTexts } else { self }
    }

    const fn is_agreed(self) -> bool {
        matches!(self, Self::Agreed | Self::AgreedTexts)
    }

    /// Whether the keys of an object, each compared with the next, meet the conditions.
    fn admits_members(self, document: &Document<'_>, object: &Node, top: bool) -> bool {
        let agreed = self.is_agreed();
        let unwelcome = if agreed {
            SPACE | CONTROL | COLON | DIGIT | NOT_ASCII | SEMICOLON
        } else {
            SPACE | CONTROL | COLON
        };
        let mut before: &[u8] = b"";
        let mut before_is_container = false;
        for member in object.text.range() {
            let node = document.node(document.sorted_member(member));
            let key = document.bytes(node.key);
            let class = class(key);
            let Some(&first) = key.first() else { return false };
            if class != 0 {
                // Leading zeros are ignored, and PHP renumbers integers at the top level.
                let is_number = first <= b'9' && (top || first == b'0');
                if class & unwelcome != 0 || is_number {
                    return false;
                }
                if class & DIGIT != 0 && natural_order::compare(before, key).is_ge() {
                    return false;
                }
            }
            if before.first() == Some(&first) && key.starts_with(before) {
                // In paths inside the other container, a `:` follows.
                let next = key.get(before.len());
                if agreed || (before_is_container && next <= Some(&b':')) {
                    return false;
                }
            }
            before = key;
            before_is_container = matches!(node.content, Content::Object | Content::Array);
        }
        true
    }

    /// Whether every SDK that must agree renders a scalar the same.
    fn admits_value(self, node: &Node, text: &[u8], document: &Document<'_>) -> bool {
        match (self, node.content) {
            (Self::Natural, _) => true,
            (_, Content::Number) => is_plain(text) && text.len() <= SURELY_AGREED_DIGITS,
            (Self::Agreed, Content::String) => {
                let class = class(text);
                class & (CONTROL | SEMICOLON) == 0
                    && (class & NOT_ASCII == 0
                        || !document.text(node.text).contains(char::is_control))
            }
            _ => true,
        }
    }
}

/// Whether a literal is certainly an integer of 64 bits that PHP prints unchanged.
fn is_plain(literal: &[u8]) -> bool {
    literal.len() <= 18 && literal.iter().all(u8::is_ascii_digit)
}

/// Below 2^53 for any digits.
const SURELY_AGREED_DIGITS: usize = 15;

const SPACE: u8 = 1;
const CONTROL: u8 = 2;
const COLON: u8 = 4;
const SEMICOLON: u8 = 8;
const DIGIT: u8 = 16;
const NOT_ASCII: u8 = 32;
const DASH: u8 = 64;

/// Kinds of bytes in a text.
fn class(text: &[u8]) -> u8 {
    const CLASSES: [u8; 256] = {
        let mut classes = [0; 256];
        let mut byte = 0_u8;
        loop {
            classes[byte as usize] = match byte {
                b' ' => SPACE,
                0..=0x1f | 0x7f => CONTROL,
                b':' => COLON,
                b';' => SEMICOLON,
                b'-' => DASH,
                b'0'..=b'9' => DIGIT,
                0x80.. => NOT_ASCII,
                _ => 0,
            };
            if byte == u8::MAX {
                break classes;
            }
            byte += 1;
        }
    };
    text.iter().fold(0, |class, &byte| class | CLASSES[usize::from(byte)])
}

impl Buffers {
    pub(super) fn string(&self) -> &[u8] {
        &self.string.bytes[..self.string.length]
    }
}

impl Reuse for Buffers {
    const EMPTY: Self =
        Self { string: Pieces::EMPTY, path: Pieces::EMPTY, levels: Vec::new(), place: Vec::new() };

    fn spare() -> &'static LocalKey<Cell<Self>> {
        thread_local! {
            static SPARE: Cell<Buffers> = const { Cell::new(Buffers::EMPTY) };
        }
        &SPARE
    }

    fn clear(&mut self) -> bool {
        const MOST: usize = 64 * 1024;
        self.string.length = 0;
        self.path.length = 0;
        self.levels.clear();
        self.string.bytes.len() <= MOST && self.path.bytes.len() <= MOST
    }
}
