//! One strict pass over JSON bytes.
//!
//! Everything that is signed, verified or read goes through this reader rather than through
//! `serde_json`, for four reasons: numbers keep their literal text (a float never comes between
//! an amount and its signature), members that appear twice are found, unknown members can be kept
//! as they were sent, and no Cargo feature that another crate switches on can change the result.
//!
//! It accepts what RFC 8259 accepts, in UTF-8 without a byte order mark, and refuses lone
//! surrogates. It never recurses, so depth costs memory only within [`Limits`].
//!
//! ```
//! use ecp_core::json::{Document, Limits};
//!
//! let document = Document::parse(br#"{"payment":{"sum":{"amount":10000}}}"#, Limits::default())?;
//! let payment = document.root().get("payment").unwrap();
//! assert_eq!(payment.get("sum").unwrap().raw(), r#"{"amount":10000}"#);
//! # Ok::<(), ecp_core::json::JsonError>(())
//! ```

mod reader;
mod store;

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::ops::Range;

use self::store::Store;
pub(crate) use self::store::{Content, Node, Onward, Text};
use crate::reuse::Reused;

/// Limits on the size and the nesting depth of a JSON document. Parsing refuses a document beyond
/// them, as [`JsonError::TooLarge`] or [`JsonError::TooDeep`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Maximum size of the JSON text in bytes. 256 KiB by default; the largest documented message
    /// is under 4 KiB. A value above 2147483647 counts as 2147483647.
    pub bytes: usize,
    /// Maximum nesting depth of lists and objects, the root included. 511 by default, as in PHP's
    /// `json_decode`, which the platform's own SDK uses (measured).
    pub depth: usize,
}

impl Limits {
    /// Sets the maximum size of the JSON text, in bytes. The default is 256 KiB. A larger document
    /// is refused as [`JsonError::TooLarge`].
    #[must_use]
    pub const fn bytes(self, bytes: usize) -> Self {
        Self { bytes, ..self }
    }

    /// Sets the maximum nesting depth of lists and objects, the root included. The default is 511.
    /// A deeper document is refused as [`JsonError::TooDeep`].
    #[must_use]
    pub const fn depth(self, depth: usize) -> Self {
        Self { depth, ..self }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 256 * 1024, depth: 511 }
    }
}

/// Error of parsing a JSON document: it is malformed, too large or nested too deep, or an object in
/// it has a member twice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The document has more bytes than [`Limits::bytes`] allows.
    #[error("the document has {bytes} bytes, more than the {limit} that `Limits::bytes` allows")]
    TooLarge {
        /// Size of the document, in bytes.
        bytes: usize,
        /// The limit that was exceeded, in bytes.
        limit: usize,
    },
    /// Lists and objects are nested deeper than [`Limits::depth`] allows.
    #[error(
        "JSON document, line {line}, column {column}: nested deeper than the {limit} levels that `Limits::depth` allows"
    )]
    TooDeep {
        /// The limit that was exceeded, in levels.
        limit: usize,
        /// Line of the error, counted from 1.
        line: usize,
        /// Column of the error in bytes, counted from 1.
        column: usize,
    },
    /// The bytes are not UTF-8.
    #[error("the document is not UTF-8: its first invalid byte is at offset {offset}")]
    NotUtf8 {
        /// Offset of the first invalid byte, counted from 0.
        offset: usize,
    },
    /// The document breaks JSON's grammar.
    #[error("JSON document, line {line}, column {column}: {problem}")]
    Syntax {
        /// What is wrong at this line and column, such as `expected a value`.
        problem: &'static str,
        /// Line of the error, counted from 1.
        line: usize,
        /// Column of the error in bytes, counted from 1.
        column: usize,
    },
    /// A member occurs twice in an object. JSON parsers disagree on which of the two counts, so the
    /// document is refused.
    #[error("`{path}` appears twice; an object may have a member only once")]
    DuplicateKey {
        /// Dotted path of the member that occurs twice, such as `payment.id`.
        path: String,
    },
}

/// A parsed JSON document that borrows from its source text. Its values are read from
/// [`root`](Self::root).
///
/// The buffers of a dropped document are reused for the next document on the same thread, so most
/// documents need no new memory.
#[derive(Clone)]
pub struct Document<'a> {
    source: &'a str,
    store: Reused<Store>,
}

impl<'a> Document<'a> {
    /// Parses a JSON document. It is an error if the bytes are not JSON in UTF-8, if the document
    /// is beyond the limits, or if an object has a member twice.
    pub fn parse(bytes: &'a [u8], limits: Limits) -> Result<Self, JsonError> {
        let document = Self::parse_with_duplicates(bytes, limits)?;
        match document.store.duplicates.first() {
            None => Ok(document),
            Some(duplicate) => {
                Err(JsonError::DuplicateKey { path: document.value(duplicate.node).path() })
            }
        }
    }

    /// Reads a document and records duplicate members, for signing as PHP would.
    #[inline]
    pub(crate) fn parse_with_duplicates(
        bytes: &'a [u8],
        limits: Limits,
    ) -> Result<Self, JsonError> {
        let limit = limits.bytes.min(i32::MAX as usize);
        if bytes.len() > limit {
            return Err(JsonError::TooLarge { bytes: bytes.len(), limit });
        }
        let source = std::str::from_utf8(bytes)
            .map_err(|error| JsonError::NotUtf8 { offset: error.valid_up_to() })?;
        let mut store = Reused::<Store>::take();
        reader::read(source, &mut store, limits.depth)?;
        Ok(Self { source, store })
    }

    /// The JSON text that the document was parsed from.
    pub fn source(&self) -> &'a str {
        self.source
    }

    /// The outermost value of the document.
    pub fn root(&self) -> Value<'_> {
        self.value(0)
    }

    /// Whether the byte occurs anywhere in the document, decoded texts included.
    pub(crate) fn holds(&self, byte: u8) -> bool {
        [self.source, &self.store.decoded]
            .into_iter()
            .any(|text| memchr::memchr(byte, text.as_bytes()).is_some())
    }

    /// Whether all bytes, those of decoded texts included, satisfy the predicate.
    #[inline]
    pub(crate) fn holds_only(&self, kind: impl Fn(u8) -> bool) -> bool {
        // No early exit, so that the compiler can compare many bytes at once.
        let all = |text: &str| text.bytes().fold(true, |all, byte| all & kind(byte));
        all(self.source) && all(&self.store.decoded)
    }

    #[inline]
    pub(crate) fn value(&self, index: usize) -> Value<'_> {
        Value { document: self, index }
    }

    /// The node at an index.
    #[inline]
    pub(crate) fn node(&self, index: usize) -> &Node {
        &self.store.nodes[index]
    }

    /// Index of the member at a place in the order of names.
    #[inline]
    pub(crate) fn sorted_member(&self, place: usize) -> usize {
        self.store.sorted[place] as usize
    }

    /// A node's text.
    #[inline]
    pub(crate) fn text(&self, text: Text) -> &str {
        self.store.text(self.source, text)
    }

    /// [`Document::text`] in bytes.
    #[inline]
    pub(crate) fn bytes(&self, text: Text) -> &[u8] {
        self.store.bytes(self.source.as_bytes(), text)
    }

    /// [`Document::bytes`] together with all bytes that follow it in the document.
    #[inline]
    pub(crate) fn bytes_onward(&self, text: Text) -> Onward<'_> {
        self.store.bytes_onward(self.source.as_bytes(), text)
    }

    /// Whether the document may hold a `signature` or a `frame_mode`.
    pub(crate) fn may_leave_out(&self) -> bool {
        self.store.left_out > 0
    }

    /// Whether the document may hold a `frame_mode`, or more than one `signature`.
    pub(crate) fn may_leave_out_more(&self) -> bool {
        self.store.left_out > 1
    }

    /// Whether some object holds a name more than once.
    pub(crate) fn has_duplicates(&self) -> bool {
        !self.store.duplicates.is_empty()
    }

    /// Whether the member's name occurs more than once in its object.
    pub(crate) fn is_duplicate(&self, value: Value<'_>) -> bool {
        self.store.duplicate(value.index).is_some()
    }

    /// The value that PHP keeps for a member whose name occurs more than once in its object.
    pub(crate) fn last_wins<'d>(&'d self, value: Value<'d>) -> Option<Value<'d>> {
        match self.store.duplicate(value.index) {
            None => Some(value),
            Some(duplicate) => duplicate.becomes.map(|last| self.value(last)),
        }
    }
}

/// Prints the size only: a document may hold personal data.
impl fmt::Debug for Document<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document({} bytes)", self.source.len())
    }
}

/// A JSON value inside a [`Document`]. [`get`](Self::get) finds a member of an object,
/// [`as_str`](Self::as_str) returns a text, and [`kind`](Self::kind) any other content.
#[derive(Clone, Copy)]
pub struct Value<'d> {
    document: &'d Document<'d>,
    index: usize,
}

/// Kind of a JSON [`Value`]: `null`, a boolean, a number, a string, a list or an object. A boolean,
/// a number or a string comes with its content.
#[derive(Clone, Copy)]
pub enum Kind<'d> {
    /// The value `null`.
    Null,
    /// The value `true` or `false`.
    Bool(bool),
    /// A number, as its literal text in the document.
    Number(&'d str),
    /// A string, as its text with escapes decoded.
    String(&'d str),
    /// A list. [`Value::children`] returns its items.
    Array,
    /// An object. [`Value::get`] finds a member by its name, [`Value::children`] returns all of
    /// them.
    Object,
}

impl Kind<'_> {
    /// The name of this kind of JSON value for error texts, such as `a string` or `null`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array => "a list",
            Self::Object => "an object",
        }
    }
}

impl<'d> Value<'d> {
    /// The value's kind: `null`, a boolean, a number, a string, a list or an object.
    pub fn kind(self) -> Kind<'d> {
        let node = self.node();
        match node.content {
            Content::Null => Kind::Null,
            Content::False => Kind::Bool(false),
            Content::True => Kind::Bool(true),
            Content::Number => Kind::Number(self.raw()),
            Content::String => Kind::String(self.document.text(node.text)),
            Content::Array => Kind::Array,
            Content::Object => Kind::Object,
        }
    }

    /// The decoded text of a JSON string; `None` if the value is of any other kind.
    #[expect(clippy::inline_always, reason = "measured")]
    #[inline(always)]
    pub fn as_str(self) -> Option<&'d str> {
        let node = self.node();
        (node.content == Content::String).then(|| self.document.text(node.text))
    }

    /// The text of a string, the literal of a number.
    #[expect(clippy::inline_always, reason = "measured")]
    #[inline(always)]
    pub(crate) fn text_or_literal(self) -> Option<&'d str> {
        let node = self.node();
        match node.content {
            Content::String => Some(self.document.text(node.text)),
            Content::Number => Some(self.document.text(node.place())),
            _ => None,
        }
    }

    /// The literal of a number.
    #[expect(clippy::inline_always, reason = "measured")]
    #[inline(always)]
    pub(crate) fn literal(self) -> Option<&'d str> {
        let node = self.node();
        (node.content == Content::Number).then(|| self.document.text(node.place()))
    }

    /// [`Value::literal`] in bytes.
    #[inline]
    pub(crate) fn digits(self) -> Option<&'d [u8]> {
        let node = self.node();
        (node.content == Content::Number).then(|| self.document.bytes(node.place()))
    }

    #[inline]
    pub(crate) fn is_null(self) -> bool {
        self.node().content == Content::Null
    }

    /// Whether it is `null`, or a list or an object with nothing inside.
    #[inline]
    pub(crate) fn is_nothing(self) -> bool {
        let node = self.node();
        match node.content {
            Content::Null => true,
            Content::Array | Content::Object => node.end as usize == self.index + 1,
            _ => false,
        }
    }

    /// Whether the other value has the same kind, text, items and members, in whatever order.
    pub(crate) fn says_the_same(self, other: Value<'_>) -> bool {
        let mut open = vec![(self, other)];
        while let Some((one, other)) = open.pop() {
            let same = match (one.kind(), other.kind()) {
                (Kind::Null, Kind::Null) => true,
                (Kind::Bool(one), Kind::Bool(other)) => one == other,
                (Kind::Number(one), Kind::Number(other))
                | (Kind::String(one), Kind::String(other)) => one == other,
                (Kind::Array, Kind::Array) => {
                    open.extend(one.children().zip(other.children()));
                    one.children().count() == other.children().count()
                }
                (Kind::Object, Kind::Object) => {
                    let pairs = one.children().filter_map(|member| {
                        Some((member, other.get(member.key().unwrap_or_default())?))
                    });
                    let before = open.len();
                    open.extend(pairs);
                    let found = open.len() - before;
                    found == one.children().count() && found == other.children().count()
                }
                _ => false,
            };
            if !same {
                return false;
            }
        }
        true
    }

    #[inline]
    pub(crate) fn is_object(self) -> bool {
        self.node().content == Content::Object
    }

    /// The member of an object with this name, `None` if there is none or the value is not an
    /// object.
    pub fn get(self, name: &str) -> Option<Value<'d>> {
        if !self.is_object() {
            return None;
        }
        // Documents read for signing may have a name twice; the last one counts, as in PHP.
        let mut named = self.children().filter(|child| child.name() == name.as_bytes());
        if self.document.has_duplicates() { named.last() } else { named.next() }
    }

    /// The name of this member in its object; `None` for an item of a list and for the root.
    #[inline]
    pub fn key(self) -> Option<&'d str> {
        let key = self.node().key;
        (!key.is_none()).then(|| self.document.text(key))
    }

    /// [`Value::key`] in bytes, empty if there is none.
    #[inline]
    pub(crate) fn name(self) -> &'d [u8] {
        let key = self.node().key;
        if key.is_none() { b"" } else { self.document.bytes(key) }
    }

    /// The members of an object or the items of a list, in the order of the source; nothing for any
    /// other value.
    #[inline]
    pub fn children(self) -> Children<'d> {
        Children { document: self.document, next: self.index + 1, end: self.node().end as usize }
    }

    /// The JSON text of the value, exactly as it is in the document.
    #[inline]
    pub fn raw(self) -> &'d str {
        let node = self.node();
        &self.document.source[node.from as usize..node.to as usize]
    }

    /// The byte range of the value's JSON text ([`Value::raw`]) in the document's source.
    pub fn span(self) -> Range<usize> {
        let node = self.node();
        node.from as usize..node.to as usize
    }

    /// Index in document order.
    pub(crate) fn place(self) -> u32 {
        store::offset(self.index)
    }

    /// The value at another index of the same document.
    pub(crate) fn beside(self, place: u32) -> Value<'d> {
        self.document.value(place as usize)
    }

    /// Offset of the value's end in the source, in bytes.
    pub(crate) fn end_offset(self) -> usize {
        self.node().to as usize
    }

    /// Dotted path of the value from the document's root, as in `payment.sum.amount` or
    /// `errors.0.code`; empty for the root. It is meant for error texts: a name is cut after 64
    /// characters, and a dot inside a name is not marked.
    pub fn path(self) -> String {
        let mut path = String::new();
        let mut at = self.document.root();
        while at.index != self.index {
            let inside = at
                .children()
                .enumerate()
                .find(|(_, child)| (child.index..child.node().end as usize).contains(&self.index));
            let Some((position, child)) = inside else { break };
            if at.index != 0 {
                path.push('.');
            }
            match child.key() {
                Some(key) => path.push_str(&printable(key)),
                None => path.push_str(&position.to_string()),
            }
            at = child;
        }
        path
    }

    #[inline]
    fn node(self) -> &'d Node {
        &self.document.store.nodes[self.index]
    }
}

/// Prints the kind only: a value may be personal data.
impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({})", self.kind().name())
    }
}

/// Iterator over the members of an object or the items of a list.
#[derive(Clone)]
pub struct Children<'d> {
    document: &'d Document<'d>,
    next: usize,
    end: usize,
}

impl<'d> Iterator for Children<'d> {
    type Item = Value<'d>;

    #[inline]
    fn next(&mut self) -> Option<Value<'d>> {
        if self.next >= self.end {
            return None;
        }
        let value = self.document.value(self.next);
        self.next = value.node().end as usize;
        Some(value)
    }
}

/// Prints the position only, never the values.
impl fmt::Debug for Children<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Children({}..{})", self.next, self.end)
    }
}

/// JSON text of a member of a message, exactly as it was received. It is kept where the Rust type
/// of the message has no field for the member, or none that its value fits.
///
/// `Debug` prints only the size of the text, because it may hold personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct RawJson(Box<str>);

impl RawJson {
    /// The JSON text, as it was received.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `{}`.
    pub(crate) fn empty_object() -> Self {
        Self("{}".into())
    }

    /// Reads the text again. It may be from a document with a higher limit than the default.
    pub(crate) fn document(&self) -> Option<Document<'_>> {
        Document::parse(self.0.as_bytes(), Limits::default().bytes(self.0.len())).ok()
    }

    /// The decoded text of a string or the literal text of a number, `None` for any other kind of
    /// value.
    pub fn scalar(&self) -> Option<Cow<'_, str>> {
        let document = self.document()?;
        match document.root().kind() {
            Kind::String(text) => Some(Cow::Owned(text.to_owned())),
            Kind::Number(_) => Some(Cow::Borrowed(&self.0)),
            _ => None,
        }
    }
}

impl From<Value<'_>> for RawJson {
    fn from(value: Value<'_>) -> Self {
        Self(value.raw().into())
    }
}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawJson({} bytes)", self.0.len())
    }
}

/// A text as JSON, in double quotes.
pub(crate) fn json_string(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    json.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => json.extend(['\\', character]),
            '\0'..='\x1f' => {
                // Writing to a String cannot fail.
                let _ = write!(json, "\\u{:04x}", u32::from(character));
            }
            other => json.push(other),
        }
    }
    json.push('"');
    json
}

/// A key shortened and without control characters, for an error text.
pub(crate) fn printable(key: &str) -> String {
    const LONGEST: usize = 64;
    let mut text: String = key.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if key.chars().nth(LONGEST).is_some() {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        match Document::parse(text.as_bytes(), Limits::default()) {
            Ok(_) => "ok".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_refusal_says_where_and_why() {
        let table = [
            ("", "JSON document, line 1, column 1: the document ends too early"),
            ("{\"a\":0000}", "JSON document, line 1, column 7: a number must not begin with 0"),
            (
                "{\"a\":1,}",
                "JSON document, line 1, column 8: expected a member's name in double quotes",
            ),
            (
                "{'a':1}",
                "JSON document, line 1, column 2: expected a member's name in double quotes",
            ),
            ("\u{feff}{}", "JSON document, line 1, column 1: expected a value"),
            ("{\"a\":1} x", "JSON document, line 1, column 9: expected nothing after the document"),
            ("{\n \"a\": tru }", "JSON document, line 2, column 7: expected a value"),
            (
                "[1 2]",
                "JSON document, line 1, column 4: expected a comma or the end of the list or object",
            ),
            (
                "{\"a\" 1}",
                "JSON document, line 1, column 6: expected a colon after the member's name",
            ),
            (
                "\"a\tb\"",
                "JSON document, line 1, column 3: a control character in a string must be escaped",
            ),
            ("\"\\ud800\"", "JSON document, line 1, column 8: a lone surrogate in a string"),
            (
                "\"\\ud800\\u0041\"",
                "JSON document, line 1, column 14: a lone surrogate in a string",
            ),
            ("\"\\x\"", "JSON document, line 1, column 3: unknown escape after `\\` in a string"),
            (
                "\"\\u12g4\"",
                "JSON document, line 1, column 4: expected four hexadecimal digits after `\\u`",
            ),
            ("\"abc", "JSON document, line 1, column 5: the document ends inside a string"),
            ("-", "JSON document, line 1, column 2: the document ends inside a number"),
            ("+1", "JSON document, line 1, column 1: expected a value"),
            (".5", "JSON document, line 1, column 1: expected a value"),
            ("1.", "JSON document, line 1, column 3: the document ends inside a number"),
            (
                "{\"a\":{\"b\":1,\"b\":2}}",
                "`a.b` appears twice; an object may have a member only once",
            ),
            (
                "{\"\":[{\"b\":1,\"b\":2}]}",
                "`.0.b` appears twice; an object may have a member only once",
            ),
            ("NaN", "JSON document, line 1, column 1: expected a value"),
        ];
        for (text, expected) in table {
            assert_eq!(message(text), expected, "{text}");
        }
    }

    #[test]
    fn limits_hold_without_recursion() {
        let deep = "[".repeat(100_000);
        assert_eq!(
            message(&deep),
            "JSON document, line 1, column 512: nested deeper than the 511 levels that `Limits::depth` allows"
        );
        let large = format!("\"{}\"", "x".repeat(256 * 1024));
        assert_eq!(
            message(&large),
            "the document has 262146 bytes, more than the 262144 that `Limits::bytes` allows"
        );
        assert_eq!(
            Document::parse(b"\"a\xff\"", Limits::default()).unwrap_err().to_string(),
            "the document is not UTF-8: its first invalid byte is at offset 2"
        );
    }

    #[test]
    fn literals_and_text_are_kept() {
        let text = r#"{ "n" : 1.50E+3, "s":"\u0416\/\ud83d\ude00", "l":[null,{"x":[]}] }"#;
        let document = Document::parse(text.as_bytes(), Limits::default()).unwrap();
        let root = document.root();
        assert_eq!(root.get("n").unwrap().raw(), "1.50E+3");
        assert_eq!(root.get("s").unwrap().as_str(), Some("Ж/😀"));
        let list = root.get("l").unwrap();
        assert_eq!(list.raw(), r#"[null,{"x":[]}]"#);
        assert_eq!(list.children().count(), 2);
        let innermost = list.children().nth(1).unwrap().get("x").unwrap();
        assert_eq!(innermost.path(), "l.1.x");
    }

    #[test]
    fn raw_json_gives_scalars_by_their_literal() {
        let text = r#"{"a":15781000001162,"b":"x\/y","c":[]}"#;
        let document = Document::parse(text.as_bytes(), Limits::default()).unwrap();
        let scalar =
            |name| RawJson::from(document.root().get(name).unwrap()).scalar().map(Cow::into_owned);
        assert_eq!(scalar("a").as_deref(), Some("15781000001162"));
        assert_eq!(scalar("b").as_deref(), Some("x/y"));
        assert_eq!(scalar("c"), None);
    }
}
