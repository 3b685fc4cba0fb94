//! The canonical string in one walk, for documents that leave no question.
//!
//! The items of a document are sorted by their key paths. Where no key could make a comparison
//! of whole paths come out differently from one of the keys at which they part, sorting siblings
//! gives the same order, and the string can be written while walking. Whatever else a document
//! may hold is left to [`Items`](super::canonical::Items), which is slow, plain and always right;
//! tests and fuzz targets hold the two together.

use std::cell::Cell;
use std::fmt::Write;
use std::ops::Range;
use std::thread::LocalKey;

use super::canonical::{LONGEST_AGREED_LIST, length_limit};
use super::{Visibility, natural_order, php_number};
use crate::json::{Document, Kind, Value};
use crate::reuse::{Reuse, Reused};

/// Which documents may be walked.
#[derive(Clone, Copy)]
pub(super) enum Ground {
    /// Those whose natural order is the order of their siblings.
    Natural,
    /// Those among them that every official SDK signs alike.
    Agreed(Visibility),
}

/// What a walk writes.
pub(super) struct Buffers {
    string: String,
    /// Key path of the container at hand, with a `:` at its end.
    path: String,
    levels: Vec<Level>,
}

/// A container on the way.
#[derive(Clone, Copy)]
struct Level {
    object: bool,
    /// The next member by its place in the order of names, or the next item by its index.
    next: usize,
    /// Where they end.
    end: usize,
    /// How many came before.
    position: usize,
    /// Length of its path.
    path: usize,
}

/// The canonical string of a document, `signature` left out everywhere. `None` if the document is
/// not on that ground, or has no canonical string.
pub(super) fn canonical_string(document: &Document<'_>, ground: Ground) -> Option<Reused<Buffers>> {
    let root = document.root();
    if !matches!(root.kind(), Kind::Object) || document.has_duplicates() {
        return None;
    }
    let limit = length_limit(document);
    let mut buffers = Reused::<Buffers>::take();
    let Buffers { string, path, levels } = &mut *buffers;
    let mut level = Level::of(root, 0);
    loop {
        if level.next == level.end {
            match levels.pop() {
                Some(outer) => level = outer,
                None => break,
            }
            path.truncate(level.path);
            continue;
        }
        let value = if level.object {
            let member = document.sorted_member(level.next);
            let previous = (level.position > 0).then(|| document.sorted_member(level.next - 1));
            let key = member.key()?;
            if !ground.admits_key(key, previous, levels.is_empty()) {
                return None;
            }
            level.next += 1;
            level.position += 1;
            if matches!(key, "signature" | "frame_mode") {
                continue;
            }
            member
        } else {
            let item = document.value(level.next);
            if matches!(ground, Ground::Agreed(_)) && level.position == LONGEST_AGREED_LIST {
                return None;
            }
            level.next = item.end();
            level.position += 1;
            item
        };
        let kind = value.kind();
        let text = match kind {
            Kind::Object | Kind::Array => {
                push_name(path, value, level.position);
                path.push(':');
                levels.push(level);
                level = Level::of(value, path.len());
                continue;
            }
            Kind::Null => "",
            Kind::Bool(true) => "1",
            Kind::Bool(false) => "0",
            Kind::String(text) | Kind::Number(text) => text,
        };
        if !ground.admits(kind) {
            return None;
        }
        string.push_str(path);
        push_name(string, value, level.position);
        string.push(':');
        match kind {
            Kind::Number(literal) if !is_plain(literal) => {
                string.push_str(&php_number::render(literal));
            }
            _ => string.push_str(text),
        }
        string.push(';');
        if string.len() > limit {
            return None;
        }
    }
    string.pop();
    Some(buffers)
}

/// A member's name, or the place of the item that was reached.
fn push_name(text: &mut String, value: Value<'_>, position: usize) {
    match value.key() {
        Some(key) => text.push_str(key),
        None => {
            // Writing to a String cannot fail.
            let _ = write!(text, "{}", position - 1);
        }
    }
}

impl Level {
    fn of(container: Value<'_>, path: usize) -> Self {
        let object = matches!(container.kind(), Kind::Object);
        let Range { start, end } =
            if object { container.sorted_members() } else { container.inside() };
        Self { object, next: start, end, position: 0, path }
    }
}

impl Ground {
    /// Whether nothing about a key, and the one before it byte by byte, can surprise.
    fn admits_key(self, key: &str, previous: Option<Value<'_>>, top: bool) -> bool {
        let class = class(key);
        let unwelcome = match self {
            Self::Natural => SPACE | CONTROL | COLON,
            Self::Agreed(_) => SPACE | CONTROL | COLON | DIGIT | NOT_ASCII | SEMICOLON,
        };
        if class & unwelcome != 0 {
            return false;
        }
        // Leading zeros count for nothing, and PHP renumbers integers at the top level.
        match key.as_bytes().first() {
            None | Some(b'0') => return false,
            Some(b'-' | b'1'..=b'9') if top => return false,
            Some(_) => {}
        }
        let agreed = matches!(self, Self::Agreed(_));
        if agreed && key == "__proto__" {
            return false;
        }
        let Some((previous, before)) = previous.and_then(|value| Some((value, value.key()?)))
        else {
            return true;
        };
        if let Some(&next) = begins_with(key, before)
            && (agreed || (next <= b':' && matches!(previous.kind(), Kind::Object | Kind::Array)))
        {
            // In the path of what lies inside the other one, a `:` follows.
            return false;
        }
        class & DIGIT == 0 || natural_order::compare(before.as_bytes(), key.as_bytes()).is_lt()
    }

    /// Whether a value that is no container is the same for whoever has to agree.
    fn admits(self, kind: Kind<'_>) -> bool {
        let Self::Agreed(visibility) = self else { return true };
        match kind {
            Kind::Number(literal) => is_plain(literal) && literal.len() <= SURELY_AGREED_DIGITS,
            Kind::String(text) => {
                let class = class(text);
                class & CONTROL == 0
                    && (class & SEMICOLON == 0 || visibility == Visibility::Private)
                    && (class & NOT_ASCII == 0 || !text.contains(char::is_control))
            }
            _ => true,
        }
    }
}

/// The byte that follows when one key begins with another, which is never its equal.
fn begins_with<'k>(key: &'k str, beginning: &str) -> Option<&'k u8> {
    let (key, beginning) = (key.as_bytes(), beginning.as_bytes());
    if key.first() != beginning.first() || !key.starts_with(beginning) {
        return None;
    }
    key.get(beginning.len())
}

/// Whether a literal is surely an integer of 64 bits that PHP prints as it stands.
fn is_plain(literal: &str) -> bool {
    literal.len() <= 18 && literal.bytes().all(|byte| byte.is_ascii_digit())
}

/// Below 2^53 whatever the digits.
const SURELY_AGREED_DIGITS: usize = 15;

const SPACE: u8 = 1;
const CONTROL: u8 = 2;
const COLON: u8 = 4;
const SEMICOLON: u8 = 8;
const DIGIT: u8 = 16;
const NOT_ASCII: u8 = 32;

/// What kinds of bytes stand in a text.
fn class(text: &str) -> u8 {
    const CLASSES: [u8; 256] = {
        let mut classes = [0; 256];
        let mut byte = 0_u8;
        loop {
            classes[byte as usize] = match byte {
                b' ' => SPACE,
                0..=0x1f | 0x7f => CONTROL,
                b':' => COLON,
                b';' => SEMICOLON,
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
    text.bytes().fold(0, |class, byte| class | CLASSES[usize::from(byte)])
}

impl Buffers {
    pub(super) fn string(&self) -> &str {
        &self.string
    }

}

impl Reuse for Buffers {
    const EMPTY: Self = Self { string: String::new(), path: String::new(), levels: Vec::new() };

    fn spare() -> &'static LocalKey<Cell<Self>> {
        thread_local! {
            static SPARE: Cell<Buffers> = const { Cell::new(Buffers::EMPTY) };
        }
        &SPARE
    }

    fn clear(&mut self) -> bool {
        const MOST: usize = 64 * 1024;
        self.string.clear();
        self.path.clear();
        self.levels.clear();
        self.string.capacity() <= MOST && self.path.capacity() <= MOST
    }
}
