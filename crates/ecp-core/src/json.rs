//! One strict pass over JSON bytes.
//!
//! Everything that is signed, verified or read goes through this reader rather than through
//! `serde_json`, for four reasons: numbers keep their literal text (a float never stands between
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

use std::borrow::Cow;
use std::fmt::{self, Write as _};

/// How large a document may be before it is refused unread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of JSON text. 256 KiB by default; the largest documented message is under 4 KiB.
    pub bytes: usize,
    /// Containers inside one another, the root included. 511 by default, as in PHP's
    /// `json_decode`, which the platform's own SDK uses (measured).
    pub depth: usize,
}

impl Limits {
    /// The defaults with another size in bytes.
    #[must_use]
    pub const fn bytes(self, bytes: usize) -> Self {
        Self { bytes, ..self }
    }

    /// The defaults with another depth.
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

/// Why bytes are not a JSON document that this crate reads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// More bytes than [`Limits::bytes`].
    #[error("the document has {bytes} bytes, more than the {limit} allowed")]
    TooLarge {
        /// What was given.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
    /// More containers inside one another than [`Limits::depth`].
    #[error("line {line}, column {column}: nested deeper than {limit} levels")]
    TooDeep {
        /// What is allowed.
        limit: usize,
        /// From 1.
        line: usize,
        /// In bytes, from 1.
        column: usize,
    },
    /// The bytes are not UTF-8.
    #[error("not UTF-8 from byte {offset}")]
    NotUtf8 {
        /// The first bad byte, from 0.
        offset: usize,
    },
    /// The bytes break JSON's grammar.
    #[error("line {line}, column {column}: {problem}")]
    Syntax {
        /// What was found or missing.
        problem: &'static str,
        /// From 1.
        line: usize,
        /// In bytes, from 1.
        column: usize,
    },
    /// An object has a member twice. Parsers differ on which one counts, so neither does.
    #[error("`{path}` appears twice")]
    DuplicateKey {
        /// Dotted path of the member.
        path: String,
    },
}

/// A parsed document that borrows from its source.
#[derive(Clone)]
pub struct Document<'a> {
    source: &'a str,
    /// Text of the strings that hold escapes, decoded.
    decoded: String,
    nodes: Vec<Node>,
    duplicates: Vec<Duplicate>,
}

/// A member whose name its object holds more than once.
#[derive(Clone, Copy, Debug)]
struct Duplicate {
    node: usize,
    /// PHP keeps the place of the first and the value of the last: the first becomes the last,
    /// the others are not there.
    becomes: Option<usize>,
}

#[derive(Clone, Copy)]
struct Node {
    key: Option<Text>,
    content: Content,
    /// Index of the first node that is not inside this one.
    end: u32,
    /// Place of the value in the source.
    from: u32,
    to: u32,
}

#[derive(Clone, Copy)]
enum Content {
    Null,
    Bool(bool),
    Number,
    String(Text),
    Array,
    Object,
}

#[derive(Clone, Copy)]
struct Text {
    from: u32,
    to: u32,
    decoded: bool,
}

impl<'a> Document<'a> {
    /// Reads a document whose members are all different.
    pub fn parse(bytes: &'a [u8], limits: Limits) -> Result<Self, JsonError> {
        let document = Self::parse_with_duplicates(bytes, limits)?;
        match document.duplicates.first() {
            None => Ok(document),
            Some(duplicate) => {
                Err(JsonError::DuplicateKey { path: document.value(duplicate.node).path() })
            }
        }
    }

    /// Reads a document and remembers its duplicates, for signing "as PHP would".
    pub(crate) fn parse_with_duplicates(
        bytes: &'a [u8],
        limits: Limits,
    ) -> Result<Self, JsonError> {
        let limit = limits.bytes.min(u32::MAX as usize - 1);
        if bytes.len() > limit {
            return Err(JsonError::TooLarge { bytes: bytes.len(), limit });
        }
        let source = std::str::from_utf8(bytes)
            .map_err(|error| JsonError::NotUtf8 { offset: error.valid_up_to() })?;
        let mut reader = Reader {
            document: Document {
                source,
                decoded: String::new(),
                nodes: Vec::with_capacity(bytes.len() / 16 + 1),
                duplicates: Vec::new(),
            },
            at: 0,
            depth_limit: limits.depth,
        };
        reader.document()?;
        let mut document = reader.document;
        document.find_duplicates();
        Ok(document)
    }

    /// The outermost value.
    pub fn root(&self) -> Value<'_> {
        self.value(0)
    }

    /// Whether a character stands anywhere in the document, escaped or not.
    pub(crate) fn holds(&self, character: char) -> bool {
        self.source.contains(character) || self.decoded.contains(character)
    }

    pub(crate) fn value(&self, index: usize) -> Value<'_> {
        Value { document: self, index }
    }

    /// Whether the member's name stands more than once in its object.
    pub(crate) fn is_duplicate(&self, value: Value<'_>) -> bool {
        self.duplicate(value).is_some()
    }

    /// What PHP makes of a member when its name stands more than once in its object.
    pub(crate) fn last_wins<'d>(&'d self, value: Value<'d>) -> Option<Value<'d>> {
        match self.duplicate(value) {
            None => Some(value),
            Some(duplicate) => duplicate.becomes.map(|last| self.value(last)),
        }
    }

    fn duplicate(&self, value: Value<'_>) -> Option<&Duplicate> {
        let place =
            self.duplicates.binary_search_by_key(&value.index, |duplicate| duplicate.node).ok()?;
        self.duplicates.get(place)
    }

    fn text(&self, text: Text) -> &str {
        let whole = if text.decoded { self.decoded.as_str() } else { self.source };
        &whole[text.from as usize..text.to as usize]
    }

    fn find_duplicates(&mut self) {
        let mut duplicates = Vec::new();
        let mut members = Vec::new();
        for (index, node) in self.nodes.iter().enumerate() {
            if !matches!(node.content, Content::Object) {
                continue;
            }
            members.clear();
            members.extend(self.value(index).children().map(|child| child.index));
            let key = |&member: &usize| self.value(member).key().unwrap_or_default();
            members.sort_unstable_by(|a, b| key(a).cmp(key(b)).then(a.cmp(b)));
            for same in members.chunk_by(|a, b| key(a) == key(b)) {
                if let [first, ref rest @ .., last] = *same {
                    duplicates.push(Duplicate { node: first, becomes: Some(last) });
                    let rest = rest.iter().copied().chain([last]);
                    duplicates.extend(rest.map(|node| Duplicate { node, becomes: None }));
                }
            }
        }
        duplicates.sort_unstable_by_key(|duplicate| duplicate.node);
        self.duplicates = duplicates;
    }
}

/// Prints the size only: a document may hold personal data.
impl fmt::Debug for Document<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document({} bytes)", self.source.len())
    }
}

/// A value inside a [`Document`].
#[derive(Clone, Copy)]
pub struct Value<'d> {
    document: &'d Document<'d>,
    index: usize,
}

/// What a [`Value`] is.
#[derive(Clone, Copy)]
pub enum Kind<'d> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// The literal, as it was written.
    Number(&'d str),
    /// The text, escapes decoded.
    String(&'d str),
    /// A list; see [`Value::children`].
    Array,
    /// An object; see [`Value::children`] and [`Value::get`].
    Object,
}

impl Kind<'_> {
    /// The kind's name for error texts.
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
    /// What the value is.
    pub fn kind(self) -> Kind<'d> {
        match self.node().content {
            Content::Null => Kind::Null,
            Content::Bool(value) => Kind::Bool(value),
            Content::Number => Kind::Number(self.raw()),
            Content::String(text) => Kind::String(self.document.text(text)),
            Content::Array => Kind::Array,
            Content::Object => Kind::Object,
        }
    }

    /// The text of a string, `None` for anything else.
    pub fn as_str(self) -> Option<&'d str> {
        match self.kind() {
            Kind::String(text) => Some(text),
            _ => None,
        }
    }

    /// The member of that name, `None` if there is none or this is no object. Should it stand
    /// there twice, the last one counts, as in PHP.
    pub fn get(self, name: &str) -> Option<Value<'d>> {
        self.children().filter(|child| child.key() == Some(name)).last()
    }

    /// The name under which the value stands in its object, `None` in a list and at the root.
    pub fn key(self) -> Option<&'d str> {
        self.node().key.map(|text| self.document.text(text))
    }

    /// The members of an object or the items of a list, in the order of the source.
    pub fn children(self) -> Children<'d> {
        Children { document: self.document, next: self.index + 1, end: self.node().end as usize }
    }

    /// The value as it was written.
    pub fn raw(self) -> &'d str {
        let node = self.node();
        &self.document.source[node.from as usize..node.to as usize]
    }

    /// Place in the order of the document.
    pub(crate) fn index(self) -> usize {
        self.index
    }

    /// Where the value ends in the source, in bytes.
    pub(crate) fn end_offset(self) -> usize {
        self.node().to as usize
    }

    /// Dotted path from the root, as in `payment.sum.amount` or `errors.0.code`.
    pub fn path(self) -> String {
        let mut path = String::new();
        let mut at = self.document.root();
        while at.index != self.index {
            let inside = at
                .children()
                .enumerate()
                .find(|(_, child)| (child.index..child.node().end as usize).contains(&self.index));
            let Some((position, child)) = inside else { break };
            if !path.is_empty() {
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

    fn node(self) -> &'d Node {
        &self.document.nodes[self.index]
    }
}

/// Prints the kind only: a value may be personal data.
impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({})", self.kind().name())
    }
}

/// Walks the members of an object or the items of a list.
#[derive(Clone)]
pub struct Children<'d> {
    document: &'d Document<'d>,
    next: usize,
    end: usize,
}

impl<'d> Iterator for Children<'d> {
    type Item = Value<'d>;

    fn next(&mut self) -> Option<Value<'d>> {
        if self.next >= self.end {
            return None;
        }
        let value = self.document.value(self.next);
        self.next = value.node().end as usize;
        Some(value)
    }
}

/// Prints how far the walk is, never the values.
impl fmt::Debug for Children<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Children({}..{})", self.next, self.end)
    }
}

/// JSON text that was read and is kept as it came, for members that no model knows.
///
/// `Debug` prints its size only: nobody knows what it holds.
#[derive(Clone, PartialEq, Eq)]
pub struct RawJson(Box<str>);

impl RawJson {
    /// The JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text of a string or of a number's literal, `None` for anything else.
    pub fn scalar(&self) -> Option<Cow<'_, str>> {
        let document = Document::parse(self.0.as_bytes(), Limits::default()).ok()?;
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

/// A key made safe for an error text: short, and without control characters.
pub(crate) fn printable(key: &str) -> String {
    const LONGEST: usize = 64;
    let mut text: String = key.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if key.chars().nth(LONGEST).is_some() {
        text.push('…');
    }
    text
}

struct Reader<'a> {
    document: Document<'a>,
    at: usize,
    depth_limit: usize,
}

impl Reader<'_> {
    fn document(&mut self) -> Result<(), JsonError> {
        // Open containers, innermost last.
        let mut open: Vec<usize> = Vec::new();
        let mut key = None;
        loop {
            self.skip_space();
            let index = self.value(key.take())?;
            let opened =
                matches!(self.document.nodes[index].content, Content::Array | Content::Object);
            if opened {
                if open.len() == self.depth_limit {
                    self.at = self.document.nodes[index].from as usize;
                    let (line, column) = self.position();
                    return Err(JsonError::TooDeep { limit: self.depth_limit, line, column });
                }
                open.push(index);
            }
            // Close what ends here, then step to the next value or leave.
            let mut first = opened;
            loop {
                self.skip_space();
                let Some(&container) = open.last() else {
                    return match self.peek() {
                        None => Ok(()),
                        Some(_) => Err(self.problem("more text after the document")),
                    };
                };
                let object = matches!(self.document.nodes[container].content, Content::Object);
                let close = if object { b'}' } else { b']' };
                if self.peek() == Some(close) {
                    self.at += 1;
                    self.close(container);
                    open.pop();
                    first = false;
                    continue;
                }
                if !first {
                    self.expect(b',', "expected a comma or the end of the list or object")?;
                    self.skip_space();
                }
                if object {
                    key = Some(self.string("expected a member's name in double quotes")?);
                    self.skip_space();
                    self.expect(b':', "expected a colon after the member's name")?;
                }
                break;
            }
        }
    }

    /// Reads a scalar, or the opening of a container, as a new node.
    fn value(&mut self, key: Option<Text>) -> Result<usize, JsonError> {
        let from = self.at;
        let content = match self.peek() {
            Some(b'{') => {
                self.at += 1;
                Content::Object
            }
            Some(b'[') => {
                self.at += 1;
                Content::Array
            }
            Some(b'"') => Content::String(self.string("expected a value")?),
            Some(b'-' | b'0'..=b'9') => {
                self.number()?;
                Content::Number
            }
            Some(b't') => self.word("true", Content::Bool(true))?,
            Some(b'f') => self.word("false", Content::Bool(false))?,
            Some(b'n') => self.word("null", Content::Null)?,
            None => return Err(self.problem("the document ends too early")),
            Some(_) => return Err(self.problem("expected a value")),
        };
        let index = self.document.nodes.len();
        self.document.nodes.push(Node {
            key,
            content,
            end: offset(index + 1),
            from: offset(from),
            to: offset(self.at),
        });
        Ok(index)
    }

    fn close(&mut self, container: usize) {
        let end = offset(self.document.nodes.len());
        let node = &mut self.document.nodes[container];
        node.end = end;
        node.to = offset(self.at);
    }

    fn word(&mut self, word: &'static str, content: Content) -> Result<Content, JsonError> {
        if self.document.source[self.at..].starts_with(word) {
            self.at += word.len();
            Ok(content)
        } else {
            Err(self.problem("expected a value"))
        }
    }

    fn number(&mut self) -> Result<(), JsonError> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
            if matches!(self.peek(), Some(b'0'..=b'9')) {
                return Err(self.problem("a number must not begin with 0"));
            }
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let from = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        match self.peek() {
            _ if self.at > from => Ok(()),
            None => Err(self.problem("the document ends inside a number")),
            Some(_) => Err(self.problem("expected a digit")),
        }
    }

    fn string(&mut self, missing: &'static str) -> Result<Text, JsonError> {
        self.expect(b'"', missing)?;
        let from = self.at;
        loop {
            match self.peek() {
                Some(b'"') => {
                    let text = Text { from: offset(from), to: offset(self.at), decoded: false };
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => return self.escaped_string(from),
                Some(0..=0x1f) => {
                    return Err(self.problem("a control character in a string must be escaped"));
                }
                Some(_) => self.at += 1,
                None => return Err(self.problem("the document ends inside a string")),
            }
        }
    }

    /// Goes on with a string that has an escape at the current place.
    fn escaped_string(&mut self, from: usize) -> Result<Text, JsonError> {
        let start = self.document.decoded.len();
        let mut plain = from;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.document.decoded.push_str(&self.document.source[plain..self.at]);
                    self.at += 1;
                    let end = self.document.decoded.len();
                    return Ok(Text { from: offset(start), to: offset(end), decoded: true });
                }
                Some(b'\\') => {
                    self.document.decoded.push_str(&self.document.source[plain..self.at]);
                    self.at += 1;
                    let decoded = self.escape()?;
                    self.document.decoded.push(decoded);
                    plain = self.at;
                }
                Some(0..=0x1f) => {
                    return Err(self.problem("a control character in a string must be escaped"));
                }
                Some(_) => self.at += 1,
                None => return Err(self.problem("the document ends inside a string")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let byte = self.peek();
        self.at += 1;
        Ok(match byte {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => self.unicode_escape()?,
            _ => {
                self.at -= 1;
                return Err(self.problem("unknown escape in a string"));
            }
        })
    }

    fn unicode_escape(&mut self) -> Result<char, JsonError> {
        let first = self.hex()?;
        let code = if (0xd800..0xdc00).contains(&first)
            && self.document.source.as_bytes()[self.at..].starts_with(b"\\u")
        {
            self.at += 2;
            let second = self.hex()?;
            if !(0xdc00..0xe000).contains(&second) {
                return Err(self.problem("a lone surrogate in a string"));
            }
            0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
        } else {
            first
        };
        char::from_u32(code).ok_or_else(|| self.problem("a lone surrogate in a string"))
    }

    fn hex(&mut self) -> Result<u32, JsonError> {
        let digits = self.document.source.as_bytes().get(self.at..self.at + 4);
        let value = digits.and_then(|digits| {
            digits
                .iter()
                .try_fold(0, |value, &digit| Some(value * 16 + char::from(digit).to_digit(16)?))
        });
        let value = value.ok_or_else(|| self.problem("expected four hexadecimal digits"))?;
        self.at += 4;
        Ok(value)
    }

    fn expect(&mut self, byte: u8, problem: &'static str) -> Result<(), JsonError> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(self.problem(problem))
        }
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.document.source.as_bytes().get(self.at).copied()
    }

    fn problem(&self, problem: &'static str) -> JsonError {
        let (line, column) = self.position();
        JsonError::Syntax { problem, line, column }
    }

    fn position(&self) -> (usize, usize) {
        let before = &self.document.source.as_bytes()[..self.at.min(self.document.source.len())];
        let mut lines = before.rsplit(|&byte| byte == b'\n');
        let column = lines.next().map_or(0, <[u8]>::len) + 1;
        (lines.count() + 1, column)
    }
}

/// Documents are refused from 4 GiB on, so places in them fit.
#[expect(clippy::cast_possible_truncation, reason = "the size is checked before reading")]
const fn offset(place: usize) -> u32 {
    place as u32
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
            ("", "line 1, column 1: the document ends too early"),
            ("{\"a\":0000}", "line 1, column 7: a number must not begin with 0"),
            ("{\"a\":1,}", "line 1, column 8: expected a member's name in double quotes"),
            ("{'a':1}", "line 1, column 2: expected a member's name in double quotes"),
            ("\u{feff}{}", "line 1, column 1: expected a value"),
            ("{\"a\":1} x", "line 1, column 9: more text after the document"),
            ("{\n \"a\": tru }", "line 2, column 7: expected a value"),
            ("[1 2]", "line 1, column 4: expected a comma or the end of the list or object"),
            ("{\"a\" 1}", "line 1, column 6: expected a colon after the member's name"),
            ("\"a\tb\"", "line 1, column 3: a control character in a string must be escaped"),
            ("\"\\ud800\"", "line 1, column 8: a lone surrogate in a string"),
            ("\"\\ud800\\u0041\"", "line 1, column 14: a lone surrogate in a string"),
            ("\"\\x\"", "line 1, column 3: unknown escape in a string"),
            ("\"\\u12g4\"", "line 1, column 4: expected four hexadecimal digits"),
            ("\"abc", "line 1, column 5: the document ends inside a string"),
            ("-", "line 1, column 2: the document ends inside a number"),
            ("+1", "line 1, column 1: expected a value"),
            (".5", "line 1, column 1: expected a value"),
            ("1.", "line 1, column 3: the document ends inside a number"),
            ("{\"a\":{\"b\":1,\"b\":2}}", "`a.b` appears twice"),
            ("NaN", "line 1, column 1: expected a value"),
        ];
        for (text, expected) in table {
            assert_eq!(message(text), expected, "{text}");
        }
    }

    #[test]
    fn limits_hold_without_recursion() {
        let deep = "[".repeat(100_000);
        assert_eq!(message(&deep), "line 1, column 512: nested deeper than 511 levels");
        let large = format!("\"{}\"", "x".repeat(256 * 1024));
        assert_eq!(message(&large), "the document has 262146 bytes, more than the 262144 allowed");
        assert_eq!(
            Document::parse(b"\"a\xff\"", Limits::default()).unwrap_err().to_string(),
            "not UTF-8 from byte 2"
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
